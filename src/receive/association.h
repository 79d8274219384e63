/* association.h - one association, in a process of its own: from the SCP into the journal. */
#ifndef IVX_RECEIVE_ASSOCIATION_H
#define IVX_RECEIVE_ASSOCIATION_H

#include "isovox/config/config.h"
#include "isovox/spool/spool.h"
#include "isovox/sys/counters.h"

#include "slots.h"

/* The role's own, and which of its slots this connection has. */
struct ivx_association_place {
    const struct ivx_config *config;
    struct ivx_spool *spool;
    struct ivx_slots *slots;
    size_t slot;
    struct ivx_counters *counters;
};

/* Serves the connected socket until the association is over; owns and closes it. Logs what came
 * of it, in one line. */
void ivx_association_serve(const struct ivx_association_place *place, int fd);

#endif
