#include "isovox/sys/wake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"

/* state_dir/run as a directory descriptor: socket paths are limited to 107 bytes, so they
 * are named through /proc/self/fd. */
static int open_run(const char *state_dir)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/run", state_dir);
    if (length < 0 || length >= (int)sizeof path)
        return -1;
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool address_of(int run, const char *name, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    const int length = snprintf(out->sun_path, sizeof out->sun_path,
                                "/proc/self/fd/%d/%s", run, name);
    return length > 0 && length < (int)sizeof out->sun_path;
}

bool ivx_wake_open(const char *state_dir, const char *name, int *fd_out, struct ivx_err *err)
{
    char path[4096], file[64];
    const int length = snprintf(path, sizeof path, "%s/run", state_dir);
    if (length < 0 || length >= (int)sizeof path)
        return ivx_fail(err, IVX_REFUSED, "state_dir is too long");
    if (!ivx_directory_make(path, err))
        return false;
    IVX_AUTO(ivx_fd_close) int run = open_run(state_dir);
    if (run == -1)
        return ivx_fail_errno(err, "open", path);

    struct sockaddr_un address;
    snprintf(file, sizeof file, "%s.sock", name);
    if (!address_of(run, file, &address))
        return ivx_fail(err, IVX_BUG, "wake: name too long");
    IVX_AUTO(ivx_fd_close)
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return ivx_fail_errno(err, "socket", file);
    if (unlinkat(run, file, 0) == -1 && errno != ENOENT)
        return ivx_fail_errno(err, "unlink", file);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == -1)
        return ivx_fail_errno(err, "bind", file);
    *fd_out = fd;
    fd = -1;
    return true;
}

void ivx_wake_wait(int fd, int milliseconds)
{
    struct pollfd waiting = { .fd = fd, .events = POLLIN };
    char ignored[8];

    if (poll(&waiting, 1, milliseconds) <= 0)
        return;
    while (recv(fd, ignored, sizeof ignored, MSG_DONTWAIT) >= 0)
        continue;
}

static bool is_of_role(const char *file, const char *role)
{
    const size_t length = strlen(role);
    return strncmp(file, role, length) == 0 && file[length] == '.'
           && strlen(file) > 5 && strcmp(file + strlen(file) - 5, ".sock") == 0;
}

void ivx_wake_send(const char *state_dir, const char *role)
{
    const int run = open_run(state_dir);
    if (run == -1)
        return;
    DIR *entries = fdopendir(run); /* owns run from here on */
    if (entries == NULL) {
        close(run);
        return;
    }
    IVX_AUTO(ivx_fd_close)
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    for (const struct dirent *entry; fd != -1 && (entry = readdir(entries)) != NULL;) {
        struct sockaddr_un address;
        /* Nobody there, or its queue is full: it will look by itself soon. */
        if (is_of_role(entry->d_name, role) && address_of(run, entry->d_name, &address)
            && sendto(fd, "w", 1, MSG_DONTWAIT, (const struct sockaddr *)&address,
                      sizeof address) == -1)
            continue;
    }
    closedir(entries);
}
