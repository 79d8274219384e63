/* threads.h - threads that are lent to the engine; they sleep between two calls. The core
 * starts none of its own. */
#ifndef IVX_CONVERT_THREADS_H
#define IVX_CONVERT_THREADS_H

#include "isovox/core/resample.h"

struct ivx_threads; /* opaque */

/* count: 1 to 256, the caller's own thread counted; what is outside is brought inside. */
bool ivx_threads_new(int count, struct ivx_threads **out, struct ivx_err *err);
void ivx_threads_free(struct ivx_threads **threads);
/* Valid until the threads are freed. */
struct ivx_crew ivx_threads_crew(struct ivx_threads *threads);

#endif
