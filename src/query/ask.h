/* ask.h - everything that is due to one source, in a process of its own. */
#ifndef IVX_QUERY_ASK_H
#define IVX_QUERY_ASK_H

#include "isovox/config/config.h"

/* One association; ends with it, or when nothing is due any more. */
void ivx_query_ask(const struct ivx_config *config, const struct ivx_source *source);

#endif
