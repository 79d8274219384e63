/* association.h - one association, in a process of its own: from the SCP into the journal. */
#ifndef IVX_RECEIVE_ASSOCIATION_H
#define IVX_RECEIVE_ASSOCIATION_H

#include "isovox/config/config.h"
#include "isovox/spool/spool.h"

/* Serves the connected socket until the association is over; owns and closes it. `busy`: only
 * to be told that a limit is exceeded. Logs what came of it, in one line. */
void ivx_association_serve(const struct ivx_config *config, struct ivx_spool *spool, int fd,
                           bool busy);

#endif
