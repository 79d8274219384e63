/* reporter.h - a process that tells senders what is committed, where their own association has
 * not been told: one association per sender, for all of its reports that are due. */
#ifndef IVX_DELIVER_REPORTER_H
#define IVX_DELIVER_REPORTER_H

#include "isovox/config/config.h"

/* Until no report is due, or SIGTERM. */
void ivx_reporter_run(const struct ivx_config *config);

#endif
