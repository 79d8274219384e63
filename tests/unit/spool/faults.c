#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

char trace[8192];
uint64_t written_at[8192];
struct call kept[256];
int kept_count;
static uint64_t disk_left;
static int calls, fail_at, fail_errno;
static bool hit, reads_fail, writes_are_short, syncs_are_skipped, keeping, sweeps;

ssize_t __real_pwrite(int fd, const void *bytes, size_t length, off_t offset);
ssize_t __real_pread(int fd, void *bytes, size_t length, off_t offset);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __real_linkat(int from, const char *old, int to, const char *new, int flags);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t offset);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t length);
int __wrap_linkat(int from, const char *old, int to, const char *new, int flags);
int __real_fstatvfs(int fd, struct statvfs *out);
int __wrap_fstatvfs(int fd, struct statvfs *out);

void faults_start(void)
{
    memset(trace, 0, sizeof trace);
    calls = fail_at = 0;
    disk_left = 0;
    hit = reads_fail = writes_are_short = syncs_are_skipped = sweeps = false;
}

void faults_fail(int n, int with_errno)
{
    fail_at = calls + n;
    fail_errno = with_errno;
    hit = false;
}

bool faults_hit(void)
{
    return hit;
}

void faults_fail_reads(bool on)
{
    reads_fail = on;
}

void faults_sweep(void)
{
    sweeps = true;
}

void faults_short_writes(bool on)
{
    writes_are_short = on;
}

void faults_skip_syncs(bool on)
{
    syncs_are_skipped = on;
}

void faults_keep(bool on)
{
    keeping = on;
    for (; on && kept_count > 0; kept_count--)
        free(kept[kept_count - 1].bytes);
}

void faults_note(char letter, int n)
{
    if (kept_count == (int)(sizeof kept / sizeof *kept))
        abort();
    kept[kept_count++] = (struct call){ .letter = letter, .n = n };
}

static void keep_write(const void *bytes, size_t length, off_t offset)
{
    if (!keeping)
        return;
    faults_note('w', 0);
    struct call *call = &kept[kept_count - 1];
    call->offset = (uint64_t)offset;
    call->length = length;
    call->bytes = malloc(length);
    if (call->bytes == NULL)
        abort();
    memcpy(call->bytes, bytes, length);
}

/* Records the call; true when it is to fail. */
static bool faulty(char letter, uint64_t offset)
{
    const int n = calls++;
    if (n < (int)sizeof trace - 1) {
        trace[n] = letter;
        written_at[n] = offset;
    }
    if (calls != fail_at)
        return false;
    hit = true;
    errno = fail_errno;
    return true;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    if (faulty('w', (uint64_t)offset))
        return -1;
    if (writes_are_short && length > 1000)
        length = 1000;
    keep_write(bytes, length, offset);
    return __real_pwrite(fd, bytes, length, offset);
}

ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t offset)
{
    if (reads_fail) {
        errno = EIO;
        return -1;
    }
    return __real_pread(fd, bytes, length, offset);
}

int __wrap_fdatasync(int fd)
{
    if (faulty('d', 0))
        return -1;
    if (keeping)
        faults_note('d', 0);
    return syncs_are_skipped ? 0 : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
    struct stat status;
    fstat(fd, &status);
    if (faulty(S_ISDIR(status.st_mode) ? 'S' : 's', 0))
        return -1;
    return syncs_are_skipped ? 0 : __real_fsync(fd);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t length)
{
    return faulty('a', (uint64_t)offset) ? -1
                                         : __real_fallocate(fd, mode, offset, length);
}

int __wrap_linkat(int from, const char *old, int to, const char *new, int flags)
{
    if (sweeps)
        unlinkat(from, old, 0);
    sweeps = false;
    return faulty('l', 0) ? -1 : __real_linkat(from, old, to, new, flags);
}

void faults_disk(uint64_t bytes)
{
    disk_left = bytes;
}

int __wrap_fstatvfs(int fd, struct statvfs *out)
{
    if (disk_left == 0)
        return __real_fstatvfs(fd, out);
    *out = (struct statvfs){ .f_bsize = 4096,
                             .f_frsize = 4096,
                             .f_blocks = 100000000000 / 4096,
                             .f_bavail = disk_left / 4096 };
    return 0;
}
