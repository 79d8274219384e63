#include "isovox/deliver/deliver.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/breaker.h"
#include "isovox/catalogue/clock.h"
#include "isovox/catalogue/commitment.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/counters.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "isovox/sys/wake.h"

#include "probe.h"
#include "reporter.h"
#include "sender.h"

/* Wake-ups come as datagrams; this is for those that were lost, for retries whose time has
 * come, and for children that ended. */
enum { POLL_MS = 1000, BUSY_POLL_MS = 100, UNKNOWN_PAUSE_S = 3600, TROUBLE_PAUSE_S = 1 };
enum { EXPIRE_US = 60 * 1000000 };
/* A sender of series that is away holds one for as long as connecting may take. */
enum { REPORTERS = 2 };

enum work { SEND, PROBE, REPORT };
struct child {
    pid_t pid;
    enum work work;
    char destination[65]; /* of a reporter: "" */
};

/* A sender that ended badly is not started again at once; what is wrong with its destination
 * is a row of the catalogue: see breaker.h. */
struct pause {
    char destination[65];
    int64_t until_us; /* steady clock */
};

/* Starts senders for what is due. The catalogue is open only while it is asked: SQLite's
 * handles do not outlive a fork. */
struct role {
    const struct ivx_config *config;
    struct ivx_config *reread;
    const char *name;
    int wake;
    struct child *children;
    size_t child_count;
    struct pause *pauses;
    size_t pause_count;
    int64_t expired_us; /* steady clock: when that was last looked after */
    struct ivx_counters *counters;
};

static void role_end(struct role *role)
{
    ivx_fd_close(&role->wake);
    ivx_memory_free(&role->children);
    ivx_memory_free(&role->pauses);
    ivx_counters_free(&role->counters);
    ivx_config_free(&role->reread);
}

/* ---- senders ----------------------------------------------------------------------- */

static void owner_of(const struct role *role, pid_t pid, char out[48])
{
    snprintf(out, 48, "%s:%ld:", role->name, (long)pid);
}

/* owner NULL: whatever an earlier process of this name held. */
static void give_back(const struct role *role, const char *owner)
{
    struct ivx_err err = { 0 };
    char prefix[48];
    snprintf(prefix, sizeof prefix, "%s:", role->name);
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    if (!ivx_catalogue_open(role->config->state_dir, &catalogue, &err)
        || !ivx_catalogue_release_owner(catalogue, owner != NULL ? owner : prefix, &err))
        ivx_log(IVX_WARNING, "deliver.leases_kept", "text=\"%s\"", err.text);
}

static void pause_destination(struct role *role, const char *destination, long seconds)
{
    const int64_t until = ivx_clock_steady_us() + seconds * INT64_C(1000000);
    for (size_t i = 0; i < role->pause_count; i++) {
        if (strcmp(role->pauses[i].destination, destination) == 0) {
            role->pauses[i].until_us = until;
            return;
        }
    }
    struct pause *grown = realloc(role->pauses, (role->pause_count + 1) * sizeof *grown);
    if (grown == NULL)
        return;
    role->pauses = grown;
    struct pause *added = &grown[role->pause_count++];
    ivx_text_copy(added->destination, sizeof added->destination, destination);
    added->until_us = until;
}

static bool is_paused(const struct role *role, const char *destination)
{
    for (size_t i = 0; i < role->pause_count; i++)
        if (strcmp(role->pauses[i].destination, destination) == 0)
            return ivx_clock_steady_us() < role->pauses[i].until_us;
    return false;
}

static void ended(struct role *role, const struct child *child, int status)
{
    char owner[48];
    owner_of(role, child->pid, owner);
    give_back(role, owner);
    if (WIFEXITED(status) && WEXITSTATUS(status) == IVX_SENDER_IDLE)
        return;
    if (child->work == SEND)
        pause_destination(role, child->destination, TROUBLE_PAUSE_S);
    if (WIFSIGNALED(status))
        ivx_log(IVX_ERROR, "sender.crashed", "destination=\"%s\" pid=%ld signal=%d",
                child->destination, (long)child->pid, WTERMSIG(status));
}

static void reap(struct role *role)
{
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t i = 0; i < role->child_count; i++) {
            if (role->children[i].pid != pid)
                continue;
            const struct child gone = role->children[i];
            role->children[i] = role->children[--role->child_count];
            ended(role, &gone, status);
            break;
        }
    }
}

static size_t count_children(const struct role *role, enum work work, const char *destination)
{
    size_t count = 0;
    for (size_t i = 0; i < role->child_count; i++)
        if (role->children[i].work == work
            && strcmp(role->children[i].destination, destination) == 0)
            count++;
    return count;
}

static _Noreturn void do_work(struct role *role, enum work work,
                              const struct ivx_destination *destination, int parent)
{
    char owner[48];
    ivx_stop_with_parent(parent);
    ivx_fd_close(&role->wake);
    owner_of(role, getpid(), owner);
    if (work == SEND)
        _exit((int)ivx_sender_run(role->config, destination, owner, role->counters));
    if (work == PROBE)
        ivx_probe_run(role->config, destination);
    else
        ivx_reporter_run(role->config);
    _exit(0);
}

/* destination: of a reporter NULL. */
static void start_child(struct role *role, enum work work,
                        const struct ivx_destination *destination)
{
    struct child *grown = realloc(role->children, (role->child_count + 1) * sizeof *grown);
    if (grown == NULL)
        return;
    role->children = grown;

    const int parent = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        do_work(role, work, destination, parent);
    if (pid == -1) {
        ivx_log(IVX_ERROR, "deliver.fork", "text=\"%s\"", strerror(errno));
        return;
    }
    struct child *child = &grown[role->child_count++];
    child->pid = pid;
    child->work = work;
    ivx_text_copy(child->destination, sizeof child->destination,
                  destination == NULL ? "" : destination->name);
}

/* ---- the loop ---------------------------------------------------------------------- */

/* What there is to do. */
struct due {
    char (*names)[65]; /* destinations with a delivery that is due */
    size_t name_count;
    struct ivx_breaker_row *breakers;
    size_t breaker_count;
    int64_t now_us; /* as the breakers have it */
    bool report;
};

static void due_end(struct due *due)
{
    ivx_memory_free(&due->names);
    ivx_memory_free(&due->breakers);
}

/* The catalogue is closed again before anything is forked. */
static bool ask_what_is_due(struct role *role, struct due *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    if (!ivx_catalogue_open(role->config->state_dir, &catalogue, err))
        return false;
    out->now_us = ivx_catalogue_now_us(catalogue);
    return ivx_catalogue_delivery_due(catalogue, &out->names, &out->name_count, err)
           && ivx_catalogue_list_breakers(catalogue, &out->breakers, &out->breaker_count, err)
           && ivx_catalogue_commitment_due(catalogue, &out->report, err);
}

/* Who waits for a destination in trouble is not tried, and still has an end. */
static void expire(struct role *role)
{
    struct ivx_err err = { 0 };
    int64_t count = 0;
    const int64_t now = ivx_clock_steady_us();
    if (role->expired_us != 0 && now - role->expired_us < EXPIRE_US)
        return;
    role->expired_us = now;
    const int64_t budget_us = role->config->deliver.budget * INT64_C(3600000000);
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    if (!ivx_catalogue_open(role->config->state_dir, &catalogue, &err)
        || !ivx_catalogue_delivery_expire(catalogue, budget_us, &count, &err))
        ivx_log(IVX_WARNING, "deliver.catalogue", "text=\"%s\"", err.text);
    else if (count > 0)
        ivx_log(IVX_ERROR, "delivery.given_up",
                "deliveries=%" PRId64 " text=\"deliver.budget is over\"", count);
}

/* Deliveries to it wait until an operator cancels them or puts it back. */
static void report_unknown(struct role *role, const char *destination)
{
    ivx_log(IVX_WARNING, "delivery.no_destination",
            "destination=\"%s\" text=\"not in the configuration any more\"", destination);
    pause_destination(role, destination, UNKNOWN_PAUSE_S);
}

/* How many senders a destination may have now. */
static size_t most_senders(const struct due *due, const struct ivx_destination *destination)
{
    for (size_t n = 0; n < due->breaker_count; n++) {
        const struct ivx_breaker_row *breaker = &due->breakers[n];
        if (strcmp(breaker->destination, destination->name) != 0)
            continue;
        if (breaker->state != IVX_BREAKER_CLOSED)
            return breaker->state == IVX_BREAKER_HALF_OPEN ? 1 : 0;
    }
    return (size_t)destination->associations;
}

/* One more sender for each destination that has something to do and may have one. How much
 * is due shows when it has claimed its share: then the next look starts the next. */
static bool start_senders(struct role *role, const struct due *due)
{
    bool started = false;
    for (size_t i = 0; i < due->name_count; i++) {
        const char *name = due->names[i];
        const struct ivx_destination *found = ivx_config_destination_find(role->config, name);
        if (is_paused(role, name))
            continue;
        if (found == NULL) {
            report_unknown(role, name);
        } else if (count_children(role, SEND, name) < most_senders(due, found)) {
            start_child(role, SEND, found);
            started = true;
        }
    }
    return started;
}

static void start_probes(struct role *role, const struct due *due)
{
    for (size_t n = 0; n < due->breaker_count; n++) {
        const struct ivx_breaker_row *breaker = &due->breakers[n];
        const struct ivx_destination *found =
            ivx_config_destination_find(role->config, breaker->destination);
        const bool troubled =
            breaker->state == IVX_BREAKER_AWAY || breaker->state == IVX_BREAKER_OPEN;
        if (troubled && breaker->wanted && breaker->next_us <= due->now_us && found != NULL
            && count_children(role, PROBE, found->name) == 0)
            start_child(role, PROBE, found);
    }
}

/* True: something was started, and there may be more to start. */
static bool start_what_is_due(struct role *role)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(due_end) struct due due = { 0 };
    if (!ask_what_is_due(role, &due, &err)) {
        ivx_log(IVX_WARNING, "deliver.catalogue", "text=\"%s\"", err.text);
        return false;
    }
    start_probes(role, &due);
    if (due.report && count_children(role, REPORT, "") < REPORTERS)
        start_child(role, REPORT, NULL);
    return start_senders(role, &due);
}

static void signal_all(const struct role *role, int number)
{
    for (size_t i = 0; i < role->child_count; i++)
        kill(role->children[i].pid, number);
}

/* New settings may have cured whatever was wrong. */
static void hurry(const struct role *role)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    if (!ivx_catalogue_open(role->config->state_dir, &catalogue, &err)
        || !ivx_catalogue_breaker_hurry(catalogue, NULL, &err))
        ivx_log(IVX_WARNING, "deliver.catalogue", "text=\"%s\"", err.text);
}

static void declare_counters(const struct role *role)
{
    for (size_t n = 0; n < role->config->destination_count; n++)
        ivx_counters_declare(role->counters, role->config->destinations[n].name);
}

static void reread(struct role *role)
{
    struct ivx_err err = { 0 };
    struct ivx_config *fresh = NULL;
    if (!ivx_config_load(role->config->file, &fresh, &err)) {
        ivx_log(IVX_ERROR, "config.kept", "text=\"%s\"", err.text);
        return;
    }
    ivx_config_free(&role->reread);
    role->config = role->reread = fresh;
    role->pause_count = 0;
    declare_counters(role);
    hurry(role);
    signal_all(role, SIGTERM); /* new ones come with the new settings */
    ivx_log(IVX_INFO, "deliver.reloaded", "destinations=%zu", fresh->destination_count);
}

static void deliver_until_stopped(struct role *role)
{
    while (!ivx_stop_wanted()) {
        if (ivx_reload_wanted())
            reread(role);
        reap(role);
        expire(role);
        ivx_counters_show(role->counters, role->config->state_dir, "deliver");
        const bool more = start_what_is_due(role);
        ivx_wake_wait(role->wake, more ? BUSY_POLL_MS : POLL_MS);
    }
}

/* Each sender finishes the instance that it is at. */
static void drain(struct role *role)
{
    const int64_t until = ivx_clock_steady_us() + ivx_config_drain_us(role->config);
    signal_all(role, SIGTERM);
    while (role->child_count > 0 && ivx_clock_steady_us() < until) {
        ivx_clock_sleep_ms(20);
        reap(role);
    }
    signal_all(role, SIGKILL);
    while (role->child_count > 0) {
        ivx_clock_sleep_ms(5);
        reap(role);
    }
}

int ivx_deliver_run(const struct ivx_config *config, const char *name)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(role_end) struct role role = { .config = config, .name = name, .wake = -1 };
    const struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none); /* results belong to patients */
    umask(077);
    if (!ivx_wake_open(config->state_dir, name, &role.wake, &err)
        || !ivx_counters_new(IVX_DELIVER_COUNTER_COUNT, &role.counters, &err)) {
        ivx_log(IVX_ERROR, "deliver.start", "code=\"%s\" text=\"%s\"",
                ivx_code_text(err.code), err.text);
        return 1;
    }
    declare_counters(&role);
    give_back(&role, NULL);
    ivx_log(IVX_INFO, "deliver.started", "destinations=%zu", config->destination_count);

    deliver_until_stopped(&role);

    drain(&role);
    struct ivx_err kept = { 0 }; /* on a full disk they stay as they were */
    ivx_counters_write(role.counters, role.config->state_dir, "deliver", &kept);
    return 0;
}
