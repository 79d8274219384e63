#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/stop.h"

/* The supervisor parses nothing and opens no network: it forks, waits and reports. It never
 * holds the catalogue open while it forks, because SQLite's locks do not survive that. */

#define SECOND INT64_C(1000000)
enum {
    TURN_MS = 1000,          /* at least so often: reports, notifications */
    FIRST_RETRY_MS = 200,    /* the second start in a row waits that long, then twice */
    LONGEST_RETRY_MS = 30000,
    HEALTHY_SECONDS = 60,    /* a role that has run so long starts its count anew */
    START_SECONDS = 10,      /* a role that gives up so soon has found a reason */
    GRACE_MARGIN_SECONDS = 1
};

struct state {
    struct ivx_supervisor *s;
    sigset_t waiting;   /* the mask while we wait: everything comes through */
    bool is_ready, has_failed;
    int64_t started_us, notified_us;
};

static void on_child(int number)
{
    (void)number; /* it only ends the wait */
}

/* Signals that concern us are blocked except while we wait, so that none is missed. */
static void block_signals(struct state *state)
{
    sigset_t blocked;
    const struct sigaction action = { .sa_handler = on_child };
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &blocked, &state->waiting);
    sigdelset(&state->waiting, SIGCHLD);
    sigdelset(&state->waiting, SIGTERM);
    sigdelset(&state->waiting, SIGINT);
    sigdelset(&state->waiting, SIGHUP);
}

static void wait_ms(const struct state *state, int milliseconds)
{
    const struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    ppoll(NULL, 0, &time, &state->waiting);
}

/* ---- one role ------------------------------------------------------------------------- */

static void set_state(struct ivx_role *role, const char *name)
{
    ivx_text_copy(role->row.state, sizeof role->row.state, name);
    role->row.since_us = ivx_clock_wall_us();
    role->row.pid = role->pid;
    role->is_reported = false;
}

static _Noreturn void be_role(const struct state *state, const struct ivx_role *role,
                              pid_t parent)
{
    char name[16];
    snprintf(name, sizeof name, "ivx:%.11s", role->row.name);
    prctl(PR_SET_NAME, name);
    signal(SIGCHLD, SIG_DFL);
    ivx_stop_start();
    sigprocmask(SIG_SETMASK, &state->waiting, NULL);
    ivx_stop_with_parent((int)parent);
    ivx_log_start(role->row.name, state->s->log_level);
    exit(role->kind->run(state->s->config, role->row.name));
}

static void start(struct state *state, struct ivx_role *role)
{
    const pid_t parent = getpid();
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        be_role(state, role, parent);

    role->started_us = ivx_clock_steady_us();
    if (pid == -1) { /* no memory or no process left: try again like after a death */
        ivx_log(IVX_ERROR, "role.fork", "name=%s reason=\"%s\"", role->row.name,
                strerror(errno));
        role->next_us = role->started_us + SECOND;
        ivx_text_copy(role->row.note, sizeof role->row.note, "cannot fork");
        set_state(role, "restarting");
        return;
    }
    role->pid = pid;
    set_state(role, "running");
    ivx_log(IVX_INFO, "role.started", "name=%s pid=%ld", role->row.name, (long)pid);
}

static void describe_end(int status, char *out, size_t room)
{
    if (WIFSIGNALED(status))
        snprintf(out, room, "killed by signal %d", WTERMSIG(status));
    else
        snprintf(out, room, "exit %d", WEXITSTATUS(status));
}

/* The first restart is immediate; then 0.2 s, doubling to 30 s. */
static void plan_restart(struct ivx_role *role, int64_t now)
{
    if (now - role->started_us > HEALTHY_SECONDS * SECOND)
        role->failures = 0;
    int64_t wait_ms_now = role->failures == 0 ? 0 : FIRST_RETRY_MS;
    for (int n = 1; n < role->failures && wait_ms_now < LONGEST_RETRY_MS; n++)
        wait_ms_now *= 2;
    if (wait_ms_now > LONGEST_RETRY_MS)
        wait_ms_now = LONGEST_RETRY_MS;
    role->failures++;
    role->next_us = now + wait_ms_now * 1000;
}

static void ended(struct state *state, struct ivx_role *role, int status, bool is_stopping)
{
    const int64_t now = ivx_clock_steady_us();
    const bool gave_up = WIFEXITED(status) && WEXITSTATUS(status) != 0
                         && role->row.restarts == 0
                         && now - role->started_us < START_SECONDS * SECOND;
    role->pid = 0;
    describe_end(status, role->row.note, sizeof role->row.note);
    if (is_stopping) {
        set_state(role, "stopped");
        ivx_log(IVX_INFO, "role.stopped", "name=%s why=\"%s\"", role->row.name, role->row.note);
        return;
    }
    ivx_log(IVX_ERROR, "role.died", "name=%s why=\"%s\" restarts=%lld", role->row.name,
            role->row.note, (long long)role->row.restarts);
    if (gave_up && !state->is_ready) { /* it has logged the reason; a repeat finds the same */
        state->has_failed = true;
        set_state(role, "stopped");
        return;
    }
    role->row.restarts++;
    set_state(role, "restarting");
    plan_restart(role, now);
}

/* ---- all roles ------------------------------------------------------------------------ */

static void reap(struct state *state, bool is_stopping)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t n = 0; n < state->s->role_count; n++)
            if (state->s->roles[n].pid == pid)
                ended(state, &state->s->roles[n], status, is_stopping);
}

/* Rows for the status page. A catalogue that is locked or full costs only the report. */
static void report(struct state *state)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    for (size_t n = 0; n < state->s->role_count; n++) {
        struct ivx_role *role = &state->s->roles[n];
        if (role->is_reported)
            continue;
        if ((catalogue == NULL
             && !ivx_catalogue_open(state->s->config->state_dir, &catalogue, &err))
            || !ivx_catalogue_role_report(catalogue, &role->row, &err)) {
            ivx_log(IVX_WARNING, "role.report", "reason=\"%s\"", err.text);
            return;
        }
        role->is_reported = true;
    }
}

static void start_due(struct state *state)
{
    const int64_t now = ivx_clock_steady_us();
    for (size_t n = 0; n < state->s->role_count; n++)
        if (state->s->roles[n].pid == 0 && state->s->roles[n].next_us <= now)
            start(state, &state->s->roles[n]);
}

static int next_wait_ms(const struct state *state)
{
    const int64_t now = ivx_clock_steady_us();
    const int watchdog = ivx_notify_interval_ms();
    int64_t wait = watchdog > 0 && watchdog < TURN_MS ? watchdog : TURN_MS;
    if (!state->is_ready && now - state->started_us < START_SECONDS * SECOND)
        wait = 50;
    for (size_t n = 0; n < state->s->role_count; n++) {
        const struct ivx_role *role = &state->s->roles[n];
        const int64_t due = (role->next_us - now) / 1000 + 1;
        if (role->pid == 0 && due < wait)
            wait = due < 0 ? 0 : due;
    }
    return (int)wait;
}

static bool everything_listens(const struct state *state)
{
    for (size_t n = 0; n < state->s->role_count; n++) {
        const struct ivx_role *role = &state->s->roles[n];
        if (role->pid == 0)
            return false;
        if ((strcmp(role->kind->name, "receive") == 0
             && !ivx_instance_listens(state->s->config->receive.port))
            || (strcmp(role->kind->name, "http") == 0
                && !ivx_instance_listens(state->s->config->http.port)))
            return false;
    }
    return true;
}

static void notify(struct state *state)
{
    const int64_t now = ivx_clock_steady_us();
    if (!state->is_ready && everything_listens(state)) {
        state->is_ready = true;
        ivx_notify("READY=1");
        ivx_log(IVX_INFO, "daemon.ready", "ms=%lld", (long long)(now - state->started_us) / 1000);
    }
    const int watchdog = ivx_notify_interval_ms();
    if (now - state->notified_us < (watchdog > 0 ? watchdog : 10000) * INT64_C(1000))
        return;
    state->notified_us = now;
    size_t running = 0;
    for (size_t n = 0; n < state->s->role_count; n++)
        running += state->s->roles[n].pid != 0;
    ivx_notify("WATCHDOG=1\nSTATUS=%zu of %zu role processes run", running,
               state->s->role_count);
}

static void signal_roles(const struct state *state, const char *kind, int number)
{
    for (size_t n = 0; n < state->s->role_count; n++) {
        const struct ivx_role *role = &state->s->roles[n];
        if (role->pid != 0 && (kind == NULL || strcmp(role->kind->name, kind) == 0))
            kill(role->pid, number);
    }
}

/* A wrong file is reported, and the old settings stay, here and in every role. */
static void reload(struct state *state)
{
    struct ivx_err err = { 0 };
    struct ivx_config *fresh = NULL;
    if (state->s->config->file == NULL) {
        ivx_log(IVX_WARNING, "config.reload", "reason=\"there is no configuration file\"");
        return;
    }
    if (!ivx_config_load(state->s->config->file, &fresh, &err)) {
        ivx_log(IVX_ERROR, "config.refused", "reason=\"%s\"", err.text);
        return;
    }
    ivx_config_free(&state->s->config);
    state->s->config = fresh;
    ivx_log(IVX_INFO, "config.reload", "file=\"%s\"", fresh->file);
    signal_roles(state, NULL, SIGHUP);
}

/* ---- the end -------------------------------------------------------------------------- */

static bool runs(const struct state *state, const char *kind)
{
    for (size_t n = 0; n < state->s->role_count; n++)
        if (state->s->roles[n].pid != 0
            && (kind == NULL || strcmp(state->s->roles[n].kind->name, kind) == 0))
            return true;
    return false;
}

static void wait_until_gone(struct state *state, const char *kind, int64_t end_us)
{
    while (runs(state, kind) && ivx_clock_steady_us() < end_us) {
        wait_ms(state, 50);
        reap(state, true);
    }
}

/* Receive first, so that nothing new comes; the others then have the rest of the time. What
 * is not finished is in journal and catalogue, and goes on at the next start. */
static void stop_all(struct state *state)
{
    const int64_t grace = state->s->config->general.shutdown_grace * SECOND;
    const int64_t now = ivx_clock_steady_us();
    ivx_notify("STOPPING=1");
    ivx_log(IVX_INFO, "daemon.stopping", "grace=%ld", state->s->config->general.shutdown_grace);

    signal_roles(state, "receive", SIGTERM);
    wait_until_gone(state, "receive", now + grace / 4);
    signal_roles(state, NULL, SIGTERM);
    wait_until_gone(state, NULL, now + grace + GRACE_MARGIN_SECONDS * SECOND);
    if (runs(state, NULL)) {
        ivx_log(IVX_WARNING, "daemon.killing", "reason=\"roles outlast shutdown_grace\"");
        signal_roles(state, NULL, SIGKILL);
        wait_until_gone(state, NULL, ivx_clock_steady_us() + 10 * SECOND);
    }
    for (size_t n = 0; n < state->s->role_count; n++)
        if (strcmp(state->s->roles[n].row.state, "restarting") == 0)
            set_state(&state->s->roles[n], "stopped");
    report(state);
}

int ivx_supervisor_run(struct ivx_supervisor *supervisor)
{
    struct state state = { .s = supervisor, .started_us = ivx_clock_steady_us() };
    block_signals(&state);
    while (!ivx_stop_wanted() && !state.has_failed) {
        start_due(&state);
        report(&state);
        notify(&state);
        wait_ms(&state, next_wait_ms(&state));
        reap(&state, ivx_stop_wanted());
        if (ivx_reload_wanted())
            reload(&state);
    }
    stop_all(&state);
    ivx_log(IVX_INFO, "daemon.stopped", "failed=%d", state.has_failed);
    return state.has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
