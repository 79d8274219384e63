/* metrics.h - the parts of /metrics. Prometheus text format 0.0.4. */
#ifndef IVX_HTTP_METRICS_H
#define IVX_HTTP_METRICS_H

#include "server.h"

/* HELP and TYPE of isovox_<name>. */
void ivx_metrics_head(struct ivx_text *to, const char *name, const char *type,
                      const char *help);

/* metrics_peers.c: senders and destinations. Labels are names of the configuration. */
void ivx_metrics_peers(struct ivx_text *to, const struct ivx_site *site,
                       struct ivx_catalogue *catalogue);

#endif
