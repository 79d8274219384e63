/* daemon.h - what main.c, the supervisor and their helpers share. */
#ifndef IVX_DAEMON_DAEMON_H
#define IVX_DAEMON_DAEMON_H

#include <stdint.h>
#include <sys/types.h>

#include "isovox/catalogue/catalogue.h"
#include "isovox/config/config.h"
#include "isovox/sys/log.h"

/* ---- kinds.c, roles.c: which roles there are -------------------------------------------- */

struct ivx_role_kind {
    const char *name;
    int (*run)(const struct ivx_config *config, const char *name);
    bool is_worker; /* convert: as many processes as config.convert.workers says */
};
enum { IVX_ROLE_KINDS = 6 };
/* In the order in which they stop: receive first. The last entry has no name. */
extern const struct ivx_role_kind ivx_role_kinds[IVX_ROLE_KINDS + 1];

/* One process of a role. */
struct ivx_role {
    const struct ivx_role_kind *kind;
    struct ivx_role_row row; /* name, state, pid, restarts, since, why it last ended */
    pid_t pid;               /* 0: does not run */
    int64_t started_us, next_us; /* steady clock */
    int failures;            /* in a row: the next wait doubles */
    bool is_reported;        /* the catalogue has `row` as it is */
};

/* `chosen`: comma-separated names, or NULL for all. IVX_REFUSED names a wrong one. The
 * caller frees *roles_out. */
bool ivx_roles_make(const struct ivx_config *config, const char *chosen,
                    struct ivx_role **roles_out, size_t *count_out, struct ivx_err *err);

/* ---- instance.c: one daemon per role and state_dir -------------------------------------- */

/* Makes state_dir and takes the role's lock; the descriptor is inherited by the role
 * processes, so that a daemon that was killed is not replaced before its last process has
 * gone. Waits for such leftovers, but not for a daemon that lives. */
bool ivx_instance_lock(const struct ivx_config *config, const char *role, int *fd_out,
                       struct ivx_err *err);
/* The secret that keys digests in the log; made at the first start. key_out: 65 bytes. */
bool ivx_instance_key(const char *state_dir, char *key_out, struct ivx_err *err);
/* Can we listen there? For a clear message before anything has been started. */
bool ivx_instance_port_free(const char *what, const char *address, long port,
                            struct ivx_err *err);
/* Does anybody listen on this TCP port? Asks the kernel, connects to nobody. */
bool ivx_instance_listens(long port);

/* ---- notify.c: the service manager ----------------------------------------------------- */

/* One datagram to $NOTIFY_SOCKET, see sd_notify(3); nothing when that is not set. */
void ivx_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* How often WATCHDOG=1 is due, in milliseconds; 0: never. */
int ivx_notify_interval_ms(void);

/* ---- supervisor.c ---------------------------------------------------------------------- */

struct ivx_supervisor {
    struct ivx_config *config; /* owned; replaced by SIGHUP */
    struct ivx_role *roles;
    size_t role_count;
    enum ivx_level log_level;
};
/* Runs the roles until SIGTERM. Returns the exit status. */
int ivx_supervisor_run(struct ivx_supervisor *supervisor);

#endif
