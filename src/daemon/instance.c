#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/stop.h"

enum { WAIT_MS = 50, EXTRA_SECONDS = 5 };

static bool path_in(const char *state_dir, const char *name, char out[4096],
                    struct ivx_err *err)
{
    const int length = snprintf(out, 4096, "%s/%s", state_dir, name);
    if (length < 0 || length >= 4096)
        return ivx_fail(err, IVX_REFUSED, "state_dir is too long");
    return true;
}

/* The process that the lock file names, when it lives; else 0. */
static pid_t living_owner(int fd)
{
    char text[24] = "";
    long long pid;
    if (pread(fd, text, sizeof text - 1, 0) < 1)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    if (!ivx_text_to_int64(text, &pid) || pid < 1)
        return 0;
    return kill((pid_t)pid, 0) == 0 || errno == EPERM ? (pid_t)pid : 0;
}

static bool wait_for_lock(int fd, const struct ivx_config *config, const char *role,
                          struct ivx_err *err)
{
    const int64_t end = ivx_clock_steady_us()
                        + (config->general.shutdown_grace + EXTRA_SECONDS) * INT64_C(1000000);
    while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ivx_fail_errno(err, "lock", config->state_dir);
        const pid_t owner = living_owner(fd);
        if (owner != 0)
            return ivx_fail(err, IVX_STALE, "state_dir %s: %s is run by isovoxd, process %ld",
                            config->state_dir, role, (long)owner);
        if (ivx_clock_steady_us() > end || ivx_stop_wanted())
            return ivx_fail(err, IVX_STALE,
                            "state_dir %s: %s is still run by what a killed isovoxd left",
                            config->state_dir, role);
        ivx_clock_sleep_ms(WAIT_MS);
    }
    return true;
}

bool ivx_instance_lock(const struct ivx_config *config, const char *role, int *fd_out,
                       struct ivx_err *err)
{
    char name[32], path[4096], pid[24];
    snprintf(name, sizeof name, "lock.%s", role);
    if (!ivx_directory_make(config->state_dir, err)
        || !path_in(config->state_dir, name, path, err))
        return false;
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd == -1)
        return ivx_fail_errno(err, "open", path);
    if (!wait_for_lock(fd, config, role, err))
        return false;

    const int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == -1)
        return ivx_fail_errno(err, "truncate", path);
    if (!ivx_fd_pwrite(fd, pid, (size_t)length, 0, path, err))
        return false;
    *fd_out = fd;
    fd = -1;
    return true;
}

bool ivx_instance_key(const char *state_dir, char *key_out, struct ivx_err *err)
{
    char path[4096];
    if (!path_in(state_dir, "log.key", path, err))
        return false;
    IVX_AUTO(ivx_memory_free) char *kept = NULL;
    size_t length;
    struct ivx_err absent = { 0 };
    if (ivx_file_read(path, 64, &kept, &length, &absent) && length == 64) {
        memcpy(key_out, kept, 65);
        return true;
    }
    if (absent.code != IVX_ABSENT && absent.code != IVX_OK)
        return ivx_fail(err, absent.code, "%s", absent.text);

    unsigned char random[32];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return ivx_fail_errno(err, "getrandom for", path);
    ivx_text_hex(random, sizeof random, key_out);
    return ivx_file_publish(path, key_out, 64, err);
}

bool ivx_instance_port_free(const char *what, const char *address, long port,
                            struct ivx_err *err)
{
    char service[16], name[128];
    snprintf(service, sizeof service, "%ld", port);
    snprintf(name, sizeof name, "%s: %s port %ld", what, address, port);
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                    .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    const int status = getaddrinfo(address, service, &hints, &found);
    if (status != 0)
        return ivx_fail(err, IVX_REFUSED, "%s: %s", name, gai_strerror(status));

    IVX_AUTO(ivx_fd_close)
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool good = fd != -1
                      && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0
                      && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0;
    if (!good)
        ivx_fail_errno(err, "listen for", name);
    freeaddrinfo(found);
    return good;
}

/* A line is "  0: 0100007F:2B68 00000000:0000 0A ...": local address, remote address, state
 * (0A: listening), see proc(5). */
static bool listens_in(const char *file, long port)
{
    FILE *table = fopen(file, "re");
    char line[512];
    bool found = false;
    while (table != NULL && !found && fgets(line, sizeof line, table) != NULL) {
        const char *entry = strchr(line, ':');
        const char *local = entry == NULL ? NULL : strchr(entry + 1, ':');
        if (local == NULL || strtol(local + 1, NULL, 16) != port)
            continue;
        const char *remote = strchr(local + 1, ':');
        const char *state = remote == NULL ? NULL : strchr(remote, ' ');
        found = state != NULL && strncmp(state, " 0A ", 4) == 0;
    }
    if (table != NULL)
        fclose(table);
    return found;
}

bool ivx_instance_listens(long port)
{
    return listens_in("/proc/net/tcp", port) || listens_in("/proc/net/tcp6", port);
}
