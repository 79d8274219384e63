/* ask.h - everything that is due to one source, in a process of its own. */
#ifndef IVX_QUERY_ASK_H
#define IVX_QUERY_ASK_H

#include "isovox/config/config.h"

/* Ends when nothing is due any more, or the source is lost. False: the catalogue is of no use
 * now. */
bool ivx_query_ask(const struct ivx_config *config, const struct ivx_source *source);

#endif
