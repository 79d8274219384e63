/* wake.h - wake another role now instead of at its next poll: one datagram on a local
 * socket, state_dir/run/<role>.sock. Lost datagrams cost latency, nothing else. */
#ifndef IVX_SYS_WAKE_H
#define IVX_SYS_WAKE_H

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The receiving end; a role with several processes names them "convert.0", "convert.1". */
bool ivx_wake_open(const char *state_dir, const char *name, int *fd_out, struct ivx_err *err);
/* Wait until woken, until a signal, or until the time is over; drains what came. */
void ivx_wake_wait(int fd, int milliseconds);
/* Wakes every socket whose name is `role` or begins with "<role>.". Never blocks. */
void ivx_wake_send(const char *state_dir, const char *role);

#ifdef __cplusplus
}
#endif
#endif
