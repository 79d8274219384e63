#include "isovox/receive/receive.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/spool/spool.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"

#include "association.h"

/* One process per association. */
struct child {
    pid_t pid;
    char address[64];
};

/* The accept loop. It never reads from a peer, so no peer can hold it. */
struct role {
    const struct ivx_config *config; /* the given one, or reread */
    struct ivx_config *reread;
    struct ivx_spool *spool;
    int listener;
    struct child *children; /* room for twice what is served: the rest is told so */
    size_t count, room;
};

static void role_end(struct role *role)
{
    ivx_fd_close(&role->listener);
    ivx_memory_free(&role->children);
    ivx_spool_free(&role->spool);
    ivx_config_free(&role->reread);
}

static bool open_listener(const struct ivx_config *config, int *fd_out, struct ivx_err *err)
{
    char port[16];
    snprintf(port, sizeof port, "%ld", config->receive.port);
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                    .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    const int failed = getaddrinfo(config->receive.address, port, &hints, &found);
    if (failed != 0)
        return ivx_fail(err, IVX_REFUSED, "receive.address %s: %s", config->receive.address,
                        gai_strerror(failed));

    const int on = 1;
    IVX_AUTO(ivx_fd_close)
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool listens = fd != -1
                         && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
                         && bind(fd, found->ai_addr, found->ai_addrlen) == 0
                         && listen(fd, SOMAXCONN) == 0;
    const int error = errno;
    freeaddrinfo(found);
    if (!listens)
        return ivx_fail(err, IVX_RETRY, "listen on %s port %s: %s", config->receive.address,
                        port, strerror(error));
    *fd_out = fd;
    fd = -1;
    return true;
}

static bool make_room(struct role *role, struct ivx_err *err)
{
    const size_t room = 2 * (size_t)role->config->receive.max_associations;
    if (room <= role->room)
        return true;

    struct child *grown = realloc(role->children, room * sizeof *grown);
    if (grown == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %zu associations", room);
    role->children = grown;
    role->room = room;
    return true;
}

static void log_crash(const struct child *child, int status)
{
    if (WIFSIGNALED(status))
        ivx_log(IVX_ERROR, "association.crashed", "pid=%ld address=%s signal=%d",
                (long)child->pid, child->address, WTERMSIG(status));
}

static void reap(struct role *role)
{
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t i = 0; i < role->count; i++) {
            if (role->children[i].pid != pid)
                continue;
            log_crash(&role->children[i], status);
            role->children[i] = role->children[--role->count];
            break;
        }
    }
}

static size_t count_of(const struct role *role, const char *address)
{
    size_t count = 0;
    for (size_t i = 0; i < role->count; i++)
        if (strcmp(role->children[i].address, address) == 0)
            count++;
    return count;
}

static _Noreturn void serve(struct role *role, int fd, int parent, bool busy)
{
    ivx_stop_with_parent(parent);
    ivx_fd_close(&role->listener);
    ivx_association_serve(role->config, role->spool, fd, busy);
    _exit(0);
}

/* Up to the limit: served. Up to twice the limit: told so. Beyond: hung up on. */
static void admit(struct role *role, int fd, const char *address)
{
    const size_t most = (size_t)role->config->receive.max_associations;
    const size_t most_per_peer = (size_t)role->config->receive.max_per_peer;
    const size_t same = count_of(role, address);
    if (role->count >= role->room || role->count >= 2 * most || same >= 2 * most_per_peer) {
        ivx_log(IVX_WARNING, "association.hung_up", "address=%s associations=%zu", address,
                role->count);
        return;
    }

    const int parent = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        serve(role, fd, parent, role->count >= most || same >= most_per_peer);
    if (pid == -1) {
        ivx_log(IVX_ERROR, "association.fork", "text=\"%s\"", strerror(errno));
        return;
    }
    struct child *child = &role->children[role->count++];
    child->pid = pid;
    ivx_text_copy(child->address, sizeof child->address, address);
}

/* False when nobody waits. */
static bool accept_one(struct role *role)
{
    struct sockaddr_storage from = { 0 };
    socklen_t length = sizeof from;
    IVX_AUTO(ivx_fd_close)
    int fd = accept4(role->listener, (struct sockaddr *)&from, &length, SOCK_CLOEXEC);
    if (fd == -1) {
        const bool nobody = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        if (!nobody && errno != ECONNABORTED) {
            ivx_log(IVX_ERROR, "receive.accept", "text=\"%s\"", strerror(errno));
            ivx_clock_sleep_ms(100); /* out of descriptors: one will come back */
        }
        return false;
    }
    char address[64] = "?";
    getnameinfo((struct sockaddr *)&from, length, address, sizeof address, NULL, 0,
                NI_NUMERICHOST);
    admit(role, fd, address);
    return true;
}

static void reread(struct role *role)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_config_free) struct ivx_config *read = NULL;
    if (!ivx_config_load(role->config->file, &read, &err)) {
        ivx_log(IVX_ERROR, "receive.reload_refused", "text=\"%s\"", err.text);
        return;
    }
    const bool moved = read->receive.port != role->config->receive.port
                       || strcmp(read->receive.address, role->config->receive.address) != 0;
    struct ivx_config *old = role->reread;
    role->config = role->reread = IVX_STEAL(read);
    ivx_config_free(&old);
    if (!make_room(role, &err))
        ivx_log(IVX_ERROR, "receive.reload_refused", "text=\"%s\"", err.text);
    ivx_log(IVX_INFO, "receive.reloaded", "%s",
            moved ? "note=\"another address or port needs a restart\"" : "");
}

static void accept_until_stopped(struct role *role)
{
    while (!ivx_stop_wanted()) {
        struct pollfd waiting = { .fd = role->listener, .events = POLLIN };
        const int ready = poll(&waiting, 1, 1000);
        reap(role);
        if (ivx_reload_wanted())
            reread(role);
        while (ready > 0 && accept_one(role))
            reap(role);
    }
}

static void signal_all(const struct role *role, int number)
{
    for (size_t i = 0; i < role->count; i++)
        kill(role->children[i].pid, number);
}

/* Each association ends when its peer pauses, or with shutdown_grace. */
static void drain(struct role *role)
{
    const int64_t second = 1000000;
    const int64_t until =
        ivx_clock_steady_us() + (role->config->general.shutdown_grace + 1) * second;
    ivx_fd_close(&role->listener);
    signal_all(role, SIGTERM);
    while (role->count > 0 && ivx_clock_steady_us() < until) {
        ivx_clock_sleep_ms(20);
        reap(role);
    }
    if (role->count > 0) {
        ivx_log(IVX_WARNING, "receive.killed", "associations=%zu", role->count);
        signal_all(role, SIGKILL);
    }
    while (role->count > 0 && waitpid(role->children[0].pid, NULL, 0) != -1)
        role->children[0] = role->children[--role->count];
}

/* What is received belongs to patients: no core files, nothing for others to read. */
static void keep_private(void)
{
    const struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    umask(077);
}

int ivx_receive_run(const struct ivx_config *config, const char *name)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(role_end) struct role role = { .config = config, .listener = -1 };
    keep_private();
    if (!ivx_spool_open(config->state_dir, &role.spool, &err) || !make_room(&role, &err)
        || !open_listener(config, &role.listener, &err)) {
        ivx_log(IVX_ERROR, "receive.start", "name=%s code=\"%s\" text=\"%s\"", name,
                ivx_code_text(err.code), err.text);
        return 1;
    }
    ivx_log(IVX_INFO, "receive.listening", "ae=\"%s\" address=%s port=%ld",
            config->receive.ae_title, config->receive.address, config->receive.port);

    accept_until_stopped(&role);

    drain(&role);
    return 0;
}
