/* stop.h - SIGTERM and SIGINT ask for an orderly end, SIGHUP for a new reading of the
 * configuration. Handlers only set flags (and interrupt waits): no SA_RESTART. */
#ifndef IVX_SYS_STOP_H
#define IVX_SYS_STOP_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void ivx_stop_start(void);     /* installs the handlers; SIGPIPE is ignored */
bool ivx_stop_wanted(void);
int64_t ivx_stop_wanted_us(void); /* steady clock: when that was asked for, the first time */
bool ivx_reload_wanted(void);  /* true once per SIGHUP */
/* For a forked child: it gets SIGTERM when its parent dies, however that dies. parent is the
 * getpid() of the parent, taken before the fork. */
void ivx_stop_with_parent(int parent);

#ifdef __cplusplus
}
#endif
#endif
