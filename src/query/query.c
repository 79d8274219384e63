#include "isovox/query/query.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "isovox/sys/wake.h"

#include "ask.h"

enum { POLL_MS = 1000, BUSY_POLL_MS = 100, CHILDREN = 32 };
/* A process that ended badly would do so again. */
enum { REST_US = 5 * 1000000 };

/* One process per source: a source that is silent holds up its own series only. The
 * catalogue is open only while it is asked: SQLite's handles do not outlive a fork. */
struct child {
    pid_t pid;       /* 0: none */
    int64_t rest_us; /* steady clock: until then nobody takes its place */
    char source[65];
};
struct role {
    const struct ivx_config *config;
    struct ivx_config *reread;
    int wake;
    struct child child[CHILDREN];
};

static void role_end(struct role *role)
{
    ivx_fd_close(&role->wake);
    ivx_config_free(&role->reread);
}

static size_t running(const struct role *role)
{
    size_t count = 0;
    for (size_t n = 0; n < CHILDREN; n++)
        count += role->child[n].pid != 0;
    return count;
}

static void ended_badly(struct child *child, int status)
{
    child->rest_us = ivx_clock_steady_us() + REST_US;
    ivx_log(IVX_ERROR, "query.crashed", "source=\"%s\" signal=%d exit=%d", child->source,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            WIFEXITED(status) ? WEXITSTATUS(status) : 0);
}

static void reap(struct role *role)
{
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t n = 0; n < CHILDREN; n++) {
            if (role->child[n].pid != pid)
                continue;
            role->child[n].pid = 0;
            if (status != 0)
                ended_badly(&role->child[n], status);
        }
}

static void signal_all(const struct role *role, int number)
{
    for (size_t n = 0; n < CHILDREN; n++)
        if (role->child[n].pid != 0)
            kill(role->child[n].pid, number);
}

/* A place for the source's process; NULL when it has one, or all are taken. */
static struct child *place_for(struct role *role, const char *source)
{
    struct child *place = NULL;
    const int64_t now = ivx_clock_steady_us();
    for (size_t n = 0; n < CHILDREN; n++) {
        if (role->child[n].pid == 0 && role->child[n].rest_us <= now)
            place = &role->child[n];
        else if (strcmp(role->child[n].source, source) == 0)
            return NULL;
    }
    return place;
}

static void start(struct role *role, const struct ivx_source *source)
{
    struct child *place = place_for(role, source->name);
    if (place == NULL)
        return;
    const int parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        ivx_stop_with_parent(parent);
        ivx_fd_close(&role->wake);
        _exit(ivx_query_ask(role->config, source) ? 0 : 1);
    }
    if (pid < 0) {
        ivx_log(IVX_ERROR, "query.fork", "text=\"%s\"", strerror(errno));
        return;
    }
    place->pid = pid;
    ivx_text_copy(place->source, sizeof place->source, source->name);
}

static void start_due(struct role *role)
{
    struct ivx_err err = { 0 };
    size_t count = 0;
    IVX_AUTO(ivx_memory_free) char (*names)[65] = NULL;
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    if (!ivx_catalogue_open(role->config->state_dir, &catalogue, &err)
        || !ivx_catalogue_inquiry_due(catalogue, &names, &count, &err)) {
        ivx_log(IVX_WARNING, "query.catalogue", "text=\"%s\"", err.text);
        return;
    }
    ivx_catalogue_free(&catalogue);
    for (size_t n = 0; n < count; n++) {
        const struct ivx_source *source = ivx_config_source_find(role->config, names[n]);
        if (source != NULL)
            start(role, source);
    }
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
    ivx_log(IVX_INFO, "query.reloaded", "sources=%zu", fresh->source_count);
}

/* The question in hand is finished; its answer is in its row. */
static void drain(struct role *role)
{
    const int64_t until = ivx_clock_steady_us()
                          + role->config->general.shutdown_grace * INT64_C(1000000);
    signal_all(role, SIGTERM);
    while (running(role) > 0 && ivx_clock_steady_us() < until) {
        ivx_clock_sleep_ms(20);
        reap(role);
    }
    signal_all(role, SIGKILL);
    while (running(role) > 0) {
        ivx_clock_sleep_ms(5);
        reap(role);
    }
}

int ivx_query_run(const struct ivx_config *config, const char *name)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(role_end) struct role role = { .config = config, .wake = -1 };
    const struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    umask(077);
    if (!ivx_wake_open(config->state_dir, name, &role.wake, &err)) {
        ivx_log(IVX_ERROR, "query.start", "code=\"%s\" text=\"%s\"", ivx_code_text(err.code),
                err.text);
        return 1;
    }
    ivx_log(IVX_INFO, "query.started", "sources=%zu", config->source_count);

    while (!ivx_stop_wanted()) {
        if (ivx_reload_wanted())
            reread(&role);
        reap(&role);
        if (role.config->source_count > 0)
            start_due(&role);
        ivx_wake_wait(role.wake, running(&role) > 0 ? BUSY_POLL_MS : POLL_MS);
    }
    drain(&role);
    return 0;
}
