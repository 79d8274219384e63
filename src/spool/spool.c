#include "isovox/spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "segment.h"

static const uint64_t default_segment_bytes = UINT64_C(64) << 20;

static void close_directory(DIR **directory)
{
    if (*directory != NULL)
        closedir(*directory);
    *directory = NULL;
}

/* Segments that a crash left without a name: drafts that nobody has locked. */
static void sweep_drafts(struct ivx_spool *spool)
{
    IVX_AUTO(close_directory) DIR *directory = opendir(spool->path);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".new") != 0)
            continue;
        IVX_AUTO(ivx_fd_close)
        int fd =
            openat(spool->directory, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(spool->directory, entry->d_name, 0);
    }
}

/* Which run of the kernel is this? Without /proc: this run of the program. */
static bool find_boot(struct ivx_spool *spool, struct ivx_err *err)
{
    char text[64];
    uint8_t digest[IVX_SHA256_SIZE];
    IVX_AUTO(ivx_fd_close)
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd == -1 ? -1 : read(fd, text, sizeof text);
    if (length > 0) {
        ivx_hash_once(text, (size_t)length, digest);
        memcpy(spool->boot, digest, IVX_BOOT_SIZE);
        return true;
    }
    return getrandom(spool->boot, IVX_BOOT_SIZE, 0) == IVX_BOOT_SIZE
           || ivx_fail_errno(err, "getrandom for", spool->path);
}

bool ivx_spool_open(const char *state_dir, struct ivx_spool **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_spool_free) struct ivx_spool *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "spool: no memory");
    made->directory = -1;
    made->segment_bytes = default_segment_bytes;
    const int length = snprintf(made->path, sizeof made->path, "%s/spool", state_dir);
    if (length < 0 || (size_t)length + 32 > sizeof made->path)
        return ivx_fail(err, IVX_REFUSED, "spool: the path of state_dir is too long");
    if (!ivx_directory_make(made->path, err))
        return false;
    made->directory = open(made->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made->directory == -1)
        return ivx_fail_errno(err, "open", made->path);
    if (!find_boot(made, err))
        return false;
    sweep_drafts(made);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_spool_free(struct ivx_spool **spool)
{
    if (*spool == NULL)
        return;
    ivx_fd_close(&(*spool)->directory);
    free(*spool);
    *spool = NULL;
}

void ivx_spool_tune(struct ivx_spool *spool, uint64_t segment_bytes)
{
    spool->segment_bytes = segment_bytes;
}

bool ivx_spool_path(const struct ivx_spool *spool, uint64_t segment, char *out,
                    size_t room, struct ivx_err *err)
{
    const int length = snprintf(out, room, "%s/%016" PRIx64 ".seg", spool->path, segment);
    if (length < 0 || (size_t)length >= room)
        return ivx_fail(err, IVX_BUG, "spool: no room for a path");
    return true;
}

/* "0123456789abcdef.seg" */
static bool is_segment(const char *name, uint64_t *number_out)
{
    if (strlen(name) != 20 || strcmp(name + 16, ".seg") != 0
        || strspn(name, "0123456789abcdef") != 16)
        return false;
    *number_out = strtoull(name, NULL, 16);
    return true;
}

static int compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

bool ivx_spool_segments(struct ivx_spool *spool, uint64_t **out, size_t *count_out,
                        struct ivx_err *err)
{
    IVX_AUTO(close_directory) DIR *directory = opendir(spool->path);
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    if (directory == NULL)
        return ivx_fail_errno(err, "open", spool->path);

    size_t count = 0, room = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL && errno != 0)
            return ivx_fail_errno(err, "read", spool->path);
        if (entry == NULL)
            break;
        if (count == room) {
            room = room == 0 ? 64 : 2 * room;
            uint64_t *grown = reallocarray(numbers, room, sizeof *grown);
            if (grown == NULL)
                return ivx_fail(err, IVX_FULL, "spool: no memory");
            numbers = grown;
        }
        if (is_segment(entry->d_name, &numbers[count]))
            count++;
    }
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, compare);
    *out = IVX_STEAL(numbers);
    *count_out = count;
    return true;
}
