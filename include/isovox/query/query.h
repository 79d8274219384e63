/* query.h - the query role, as a process. */
#ifndef IVX_QUERY_QUERY_H
#define IVX_QUERY_QUERY_H

#include "isovox/config/config.h"

/* Runs until SIGTERM (ivx_stop_wanted()); returns the process's exit status: 0, or 1 after
 * logging what went wrong. On SIGHUP it reads config->file again and keeps the old settings
 * when that fails. The supervisor has called ivx_stop_start(), ivx_log_start() and
 * ivx_dicom_start(). */
int ivx_query_run(const struct ivx_config *config, const char *name);

#endif
