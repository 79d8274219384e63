/* sender.h - a process that delivers to one destination, over one association at a time. */
#ifndef IVX_DELIVER_SENDER_H
#define IVX_DELIVER_SENDER_H

#include "isovox/config/config.h"
#include "isovox/sys/counters.h"

enum ivx_sender_end {
    IVX_SENDER_IDLE = 0,    /* nothing was due for a while */
    IVX_SENDER_STOPPED = 0, /* SIGTERM */
    IVX_SENDER_TROUBLE = 3, /* the peer cannot be reached, or the catalogue */
};

/* owner: by this the catalogue knows whose leases are given back when the process is gone. */
enum ivx_sender_end ivx_sender_run(const struct ivx_config *config,
                                   const struct ivx_destination *destination,
                                   const char *owner, struct ivx_counters *counters);

#endif
