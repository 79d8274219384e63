#include "isovox/sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"

void ivx_fd_close(int *fd)
{
    if (*fd == -1)
        return;
    close(*fd);
    *fd = -1;
}

bool ivx_fail_errno(struct ivx_err *err, const char *what, const char *name)
{
    const int number = errno;
    const bool full = number == ENOSPC || number == EDQUOT || number == ENOMEM
                      || number == EFBIG;
    const enum ivx_code code = full ? IVX_FULL
                               : number == ENOENT ? IVX_ABSENT
                                                  : IVX_RETRY;
    return ivx_fail(err, code, "%s %s: %s", what, name, strerror(number));
}

bool ivx_fd_sync(int fd, const char *what, struct ivx_err *err)
{
    return fsync(fd) == 0 || ivx_fail_errno(err, "fsync", what);
}

bool ivx_fd_datasync(int fd, const char *what, struct ivx_err *err)
{
    return fdatasync(fd) == 0 || ivx_fail_errno(err, "fdatasync", what);
}

bool ivx_fd_write(int fd, const void *bytes, size_t length, const char *what,
                  struct ivx_err *err)
{
    const uint8_t *next = bytes;
    while (length > 0) {
        const ssize_t done = write(fd, next, length);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1)
            return ivx_fail_errno(err, "write", what);
        next += done;
        length -= (size_t)done;
    }
    return true;
}

bool ivx_fd_pwrite(int fd, const void *bytes, size_t length, uint64_t offset,
                   const char *what, struct ivx_err *err)
{
    const uint8_t *next = bytes;
    while (length > 0) {
        const ssize_t done = pwrite(fd, next, length, (off_t)offset);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1)
            return ivx_fail_errno(err, "write", what);
        next += done;
        offset += (uint64_t)done;
        length -= (size_t)done;
    }
    return true;
}

bool ivx_fd_pread(int fd, void *bytes, size_t length, uint64_t offset, const char *what,
                  struct ivx_err *err)
{
    uint8_t *next = bytes;
    while (length > 0) {
        const ssize_t done = pread(fd, next, length, (off_t)offset);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1)
            return ivx_fail_errno(err, "read", what);
        if (done == 0)
            return ivx_fail(err, IVX_DAMAGED, "%s ends too early", what);
        next += done;
        offset += (uint64_t)done;
        length -= (size_t)done;
    }
    return true;
}

bool ivx_directory_sync(const char *path, struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return ivx_fail_errno(err, "open", path);
    return ivx_fd_sync(fd, path, err);
}

/* path up to its last component into out; "." when there is none. */
static void parent_of(const char *path, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s", path);
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        snprintf(out, PATH_MAX, ".");
    else if (slash == out)
        out[1] = '\0';
    else
        *slash = '\0';
}

static bool make_one(const char *path, struct ivx_err *err)
{
    if (mkdir(path, 0700) == -1) {
        struct stat status;
        if (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            return true;
        return ivx_fail_errno(err, "mkdir", path);
    }
    char parent[PATH_MAX];
    parent_of(path, parent);
    return ivx_directory_sync(parent, err);
}

bool ivx_directory_make(const char *path, struct ivx_err *err)
{
    char partial[PATH_MAX];
    if (strlen(path) >= sizeof partial)
        return ivx_fail(err, IVX_REFUSED, "path of %zu bytes is too long", strlen(path));

    for (const char *end = path; *end != '\0';) {
        end = strchr(end + 1, '/');
        if (end == NULL)
            break;
        memcpy(partial, path, (size_t)(end - path));
        partial[end - path] = '\0';
        if (access(partial, F_OK) != 0 && !make_one(partial, err))
            return false;
    }
    return make_one(path, err);
}

/* The file's length, and that it is a regular file. */
static bool regular_size(int fd, const char *path, uint64_t *size_out, struct ivx_err *err)
{
    struct stat status;
    if (fstat(fd, &status) == -1)
        return ivx_fail_errno(err, "stat", path);
    if (!S_ISREG(status.st_mode))
        return ivx_fail(err, IVX_REFUSED, "%s is not a regular file", path);
    *size_out = (uint64_t)status.st_size;
    return true;
}

bool ivx_file_read(const char *path, size_t most, char **bytes_out, size_t *length_out,
                   struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return ivx_fail_errno(err, "open", path);
    uint64_t size = 0;
    if (!regular_size(fd, path, &size, err))
        return false;
    if (size > most)
        return ivx_fail(err, IVX_FULL, "%s is longer than %zu bytes", path, most);

    IVX_AUTO(ivx_memory_free) char *bytes = malloc((size_t)size + 1);
    if (bytes == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %s", path);
    if (!ivx_fd_pread(fd, bytes, (size_t)size, 0, path, err))
        return false;
    bytes[size] = '\0';
    *bytes_out = IVX_STEAL(bytes);
    *length_out = (size_t)size;
    return true;
}

bool ivx_blob_read(const struct ivx_blob *blob, uint8_t **bytes_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close) int fd = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return ivx_fail_errno(err, "open", blob->path);

    IVX_AUTO(ivx_memory_free) uint8_t *bytes = malloc((size_t)blob->length + 1);
    if (bytes == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %llu bytes",
                        (unsigned long long)blob->length);
    if (!ivx_fd_pread(fd, bytes, (size_t)blob->length, blob->offset, blob->path, err))
        return false;
    *bytes_out = IVX_STEAL(bytes);
    return true;
}

static bool write_and_sync(const char *path, const void *bytes, size_t length,
                           struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1)
        return ivx_fail_errno(err, "create", path);
    if (!ivx_fd_write(fd, bytes, length, path, err) || !ivx_fd_sync(fd, path, err))
        return false;
    const int closing = fd;
    fd = -1;
    return close(closing) == 0 || ivx_fail_errno(err, "close", path);
}

bool ivx_file_publish(const char *path, const void *bytes, size_t length,
                      struct ivx_err *err)
{
    char staged[PATH_MAX], parent[PATH_MAX];
    if (strlen(path) + 5 > sizeof staged)
        return ivx_fail(err, IVX_REFUSED, "path of %zu bytes is too long", strlen(path));
    snprintf(staged, sizeof staged, "%s.tmp", path);

    /* The order is the guarantee: contents, then name, then directory. */
    if (!write_and_sync(staged, bytes, length, err))
        return false;
    if (rename(staged, path) == -1)
        return ivx_fail_errno(err, "rename", path);
    parent_of(path, parent);
    return ivx_directory_sync(parent, err);
}
