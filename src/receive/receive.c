#include "isovox/receive/receive.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
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
#include "isovox/sys/counters.h"
#include "isovox/sys/disk.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"

#include "association.h"
#include "slots.h"

/* For the largest limit that the configuration may set, and as many again: a page is used
 * when somebody connects. */
enum { SLOTS = 2 * 4096 };

/* The accept loop. It never reads from a peer, so no peer can hold it. */
struct role {
    const struct ivx_config *config; /* the given one, or reread */
    struct ivx_config *reread;
    struct ivx_spool *spool;
    struct ivx_slots *slots; /* one process per connection */
    struct ivx_counters *counters;
    int listener;
    enum ivx_disk_level disk;
};

static void role_end(struct role *role)
{
    ivx_fd_close(&role->listener);
    ivx_slots_free(&role->slots);
    ivx_counters_free(&role->counters);
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

static void bury(struct role *role, pid_t pid, int status)
{
    size_t slot = 0;
    if (!ivx_slots_find(role->slots, pid, &slot))
        return;
    if (status != 0)
        ivx_log(IVX_ERROR, "association.crashed", "pid=%ld address=%s signal=%d exit=%d",
                (long)pid, ivx_slots_address(role->slots, slot),
                WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    ivx_slots_give_back(role->slots, slot);
}

static void reap(struct role *role)
{
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        bury(role, pid, status);
}

static _Noreturn void serve(struct role *role, size_t slot, int fd, int parent)
{
    ivx_stop_with_parent(parent);
    ivx_fd_close(&role->listener);
    const struct ivx_association_place place = { .config = role->config,
                                                 .spool = role->spool,
                                                 .slots = role->slots,
                                                 .slot = slot,
                                                 .counters = role->counters };
    ivx_association_serve(&place, fd);
    _exit(0);
}

/* Associations over the limit are told so by their process. Connections, which need not
 * have said anything yet, may be twice as many; beyond that they are hung up on. */
static void admit(struct role *role, int fd, const char *address)
{
    const size_t most = 2 * (size_t)role->config->receive.max_associations;
    const size_t most_per_peer = 2 * (size_t)role->config->receive.max_per_peer;
    size_t slot = 0;
    if (ivx_slots_connected(role->slots, NULL) >= most
        || ivx_slots_connected(role->slots, address) >= most_per_peer
        || !ivx_slots_take(role->slots, address, &slot)) {
        ivx_log(IVX_WARNING, "association.hung_up", "address=%s", address);
        return;
    }

    const int parent = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        serve(role, slot, fd, parent);
    if (pid > 0) {
        ivx_slots_set_pid(role->slots, slot, pid);
        return;
    }
    ivx_log(IVX_ERROR, "association.fork", "text=\"%s\"", strerror(errno));
    ivx_slots_give_back(role->slots, slot);
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

/* Names of the configuration only: whoever connects could make any others. */
static void declare_counters(const struct role *role)
{
    const struct ivx_config *config = role->config;
    for (size_t n = 0; n < config->sender_count; n++)
        ivx_counters_declare(role->counters, config->senders[n].ae_title);
    for (size_t n = 0; n < config->receive.allow_count; n++)
        ivx_counters_declare(role->counters, config->receive.allow[n].ae_title);
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
    declare_counters(role);
    ivx_log(IVX_INFO, "receive.reloaded", "%s",
            moved ? "note=\"another address or port needs a restart\"" : "");
}

/* Why senders are refused, once per change. */
static void watch_disk(struct role *role)
{
    const struct ivx_config *config = role->config;
    const struct ivx_disk disk = ivx_disk_look(config->state_dir, config->receive.low_water,
                                               config->receive.high_water);
    if (disk.level == role->disk)
        return;
    role->disk = disk.level;
    char text[320];
    ivx_disk_text(&disk, text, sizeof text);
    ivx_log(disk.level == IVX_DISK_OK ? IVX_INFO : IVX_ERROR, "disk.level",
            "level=%s free_mib=%llu low_water=%ld high_water=%ld text=\"%s\"",
            ivx_disk_level_name(disk.level), (unsigned long long)(disk.free_bytes >> 20),
            config->receive.low_water, config->receive.high_water, text);
}

static void accept_until_stopped(struct role *role)
{
    while (!ivx_stop_wanted()) {
        struct pollfd waiting = { .fd = role->listener, .events = POLLIN };
        const int ready = poll(&waiting, 1, 1000);
        reap(role);
        if (ivx_reload_wanted())
            reread(role);
        watch_disk(role);
        ivx_counters_show(role->counters, role->config->state_dir, "receive");
        while (ready > 0 && accept_one(role))
            reap(role);
    }
}

/* Each association ends when its peer pauses, or with shutdown_grace. */
static void drain(struct role *role)
{
    const int64_t second = 1000000;
    const int64_t until =
        ivx_clock_steady_us() + (role->config->general.shutdown_grace + 1) * second;
    ivx_fd_close(&role->listener);
    ivx_slots_signal(role->slots, SIGTERM);
    while (ivx_slots_connected(role->slots, NULL) > 0 && ivx_clock_steady_us() < until) {
        ivx_clock_sleep_ms(20);
        reap(role);
    }
    if (ivx_slots_connected(role->slots, NULL) == 0)
        return;

    ivx_log(IVX_WARNING, "receive.killed", "associations=%zu",
            ivx_slots_connected(role->slots, NULL));
    ivx_slots_signal(role->slots, SIGKILL);
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, 0)) > 0;)
        bury(role, pid, status);
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
    if (!ivx_spool_open(config->state_dir, &role.spool, &err)
        || !ivx_slots_new(SLOTS, &role.slots, &err)
        || !ivx_counters_new(IVX_RECEIVE_COUNTER_COUNT, &role.counters, &err)
        || !open_listener(config, &role.listener, &err)) {
        ivx_log(IVX_ERROR, "receive.start", "name=%s code=\"%s\" text=\"%s\"", name,
                ivx_code_text(err.code), err.text);
        return 1;
    }
    declare_counters(&role);
    ivx_log(IVX_INFO, "receive.listening", "ae=\"%s\" address=%s port=%ld",
            config->receive.ae_title, config->receive.address, config->receive.port);

    accept_until_stopped(&role);

    drain(&role);
    struct ivx_err kept = { 0 }; /* on a full disk they stay as they were */
    ivx_counters_write(role.counters, role.config->state_dir, "receive", &kept);
    return 0;
}
