/* association.h - one association, in a process of its own: from the SCP into the journal. */
#ifndef IVX_RECEIVE_ASSOCIATION_H
#define IVX_RECEIVE_ASSOCIATION_H

#include "isovox/config/config.h"
#include "isovox/spool/spool.h"

#include "slots.h"

/* Serves the connected socket until the association is over; owns and closes it. Logs what came
 * of it, in one line. */
void ivx_association_serve(const struct ivx_config *config, struct ivx_spool *spool,
                           struct ivx_slots *slots, size_t slot, int fd);

#endif
