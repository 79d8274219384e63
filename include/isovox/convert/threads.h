/* threads.h - threads that are lent to the engine. The core starts none of its own. Between two
 * of its calls, and while it waits, they do what else there is: so nobody's work waits for a
 * thread that sleeps, and no more threads run than were asked for. */
#ifndef IVX_CONVERT_THREADS_H
#define IVX_CONVERT_THREADS_H

#include "isovox/core/resample.h"

struct ivx_threads; /* opaque */

/* count: 1 to 256, the caller's own thread counted; what is outside is brought inside. */
bool ivx_threads_new(int count, struct ivx_threads **out, struct ivx_err *err);
void ivx_threads_free(struct ivx_threads **threads);
/* Valid until the threads are freed. */
struct ivx_crew ivx_threads_crew(struct ivx_threads *threads);

/* What else there is: one step of it, by whichever thread; false when there is nothing to do now.
 * Called by several threads at the same time; must not use the crew. */
typedef bool ivx_threads_step(void *context);
/* At most IVX_THREADS_JOBS at a time, known by their context; those that came first go first. By
 * the owner of the threads, outside of steps and calls of the engine. After remove() no thread
 * is in one of its steps. */
enum { IVX_THREADS_JOBS = 4 };
void ivx_threads_add(struct ivx_threads *threads, ivx_threads_step *step, void *context);
void ivx_threads_remove(struct ivx_threads *threads, const void *context);
/* A step that had nothing to do may have something now, or is_over() below may be true. */
void ivx_threads_tell(struct ivx_threads *threads);
/* Steps, or sleep, until is_over(context). By the owner. */
void ivx_threads_help_until(struct ivx_threads *threads, bool (*is_over)(void *context),
                            void *context);

#endif
