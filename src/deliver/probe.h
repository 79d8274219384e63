/* probe.h - a process that asks a destination in trouble, by C-ECHO, whether it is back. */
#ifndef IVX_DELIVER_PROBE_H
#define IVX_DELIVER_PROBE_H

#include "isovox/catalogue/breaker.h"
#include "isovox/config/config.h"

/* Asks once, and records the answer. */
void ivx_probe_run(const struct ivx_config *config, const struct ivx_destination *destination);

/* Trips the destination's breaker: AWAY or OPEN. It is asked again after 1 s, then 2, 4, ...,
 * at most some 14: a peer that returns is found within 15 s, and drains at once. */
void ivx_probe_trip(struct ivx_catalogue *catalogue, const char *destination,
                    enum ivx_breaker_state state, const char *why);

#endif
