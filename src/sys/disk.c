#include "isovox/sys/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"

enum { PATH_ROOM = 4096, SHARE = 64 };
static const uint64_t most_ballast = UINT64_C(64) << 20;
static const uint64_t nothing_left = UINT64_C(1) << 20;

const char *ivx_disk_level_name(enum ivx_disk_level level)
{
    static const char *const names[] = { "ok", "low", "full" };
    return names[level];
}

static uint64_t ballast_bytes(uint64_t total_bytes)
{
    return total_bytes / SHARE < most_ballast ? total_bytes / SHARE : most_ballast;
}

static bool ballast_path(const char *state_dir, char out[PATH_ROOM])
{
    const int length = snprintf(out, PATH_ROOM, "%s/ballast", state_dir);
    return length > 0 && length < PATH_ROOM;
}

static bool is_under(uint64_t bytes, long mark_mib, uint64_t more)
{
    return mark_mib > 0 && bytes < ((uint64_t)mark_mib << 20) + more;
}

struct ivx_disk ivx_disk_look(const char *state_dir, long low_water, long high_water)
{
    struct ivx_disk disk = { .level = IVX_DISK_OK };
    struct statvfs asked;
    struct stat ballast;
    char path[PATH_ROOM];
    if (statvfs(state_dir, &asked) == -1)
        return disk;
    disk.free_bytes = (uint64_t)asked.f_bavail * asked.f_frsize;
    disk.total_bytes = (uint64_t)asked.f_blocks * asked.f_frsize;
    const uint64_t bytes = ballast_bytes(disk.total_bytes);
    disk.has_ballast = ballast_path(state_dir, path) && stat(path, &ballast) == 0
                       && (uint64_t)ballast.st_size >= bytes;

    const uint64_t more = disk.has_ballast ? 0 : bytes;
    if (is_under(disk.free_bytes, high_water, more))
        disk.level = IVX_DISK_FULL;
    else if (is_under(disk.free_bytes, low_water, more))
        disk.level = IVX_DISK_LOW;
    const long mark = disk.level == IVX_DISK_FULL ? high_water : low_water;
    disk.enough_bytes = disk.level == IVX_DISK_OK ? 0 : ((uint64_t)mark << 20) + more;
    if (disk.level != IVX_DISK_FULL && disk.free_bytes < nothing_left) {
        disk.level = IVX_DISK_FULL;
        disk.enough_bytes = 0;
    }
    return disk;
}

/* Rounded up: less than a MiB is not enough. */
static unsigned long long mib(uint64_t bytes)
{
    return (unsigned long long)((bytes + (1 << 20) - 1) >> 20);
}

void ivx_disk_text(const struct ivx_disk *disk, char *out, size_t room)
{
    const char *const refused = disk->enough_bytes == 0        ? "nothing more can be written"
                                : disk->level == IVX_DISK_FULL ? "no instance is accepted (A700)"
                                                               : "no new association is accepted";
    const char *const goes_on = disk->enough_bytes == 0
                                    ? "all goes on when there is room"
                                    : "what is here is converted and delivered";
    char until[48] = "";
    int used = snprintf(out, room, "%llu MiB free", (unsigned long long)(disk->free_bytes >> 20));
    if (disk->level == IVX_DISK_OK || used < 0 || (size_t)used >= room)
        return;
    if (disk->enough_bytes > 0)
        snprintf(until, sizeof until, " until there are %llu", mib(disk->enough_bytes));
    snprintf(out + used, room - (size_t)used,
             ": %s%s. What was acknowledged is kept, and %s."
             " Make room on the disk of state_dir, enlarge it, or lower plan.keep",
             refused, until, goes_on);
}

/* One that a crash has left unfinished is finished. */
static bool make_ballast(const char *path, uint64_t bytes)
{
    IVX_AUTO(ivx_fd_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1)
        return false;
    const int failed = posix_fallocate(fd, 0, (off_t)bytes);
    if (failed != 0)
        unlink(path);
    return failed == 0;
}

void ivx_disk_tend_ballast(const char *state_dir, const struct ivx_disk *disk)
{
    char path[PATH_ROOM];
    const uint64_t bytes = ballast_bytes(disk->total_bytes);
    if (bytes == 0 || !ballast_path(state_dir, path))
        return;
    if (disk->level == IVX_DISK_FULL && unlink(path) == 0)
        ivx_log(IVX_WARNING, "disk.ballast", "text=\"given up, %llu MiB\"",
                (unsigned long long)(bytes >> 20));
    if (!disk->has_ballast && disk->level == IVX_DISK_OK && disk->free_bytes > 2 * bytes
        && make_ballast(path, bytes))
        ivx_log(IVX_INFO, "disk.ballast", "text=\"made, %llu MiB\"",
                (unsigned long long)(bytes >> 20));
}
