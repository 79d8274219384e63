/* faults.c - preloaded into isovoxd: the n-th call of a kind that concerns a file below a
 * folder fails, and the wall clock is set. The test sets and reads a page that all processes
 * share, so that one counter runs over all of them.
 *
 * ISOVOX_FAULT_PAGE   the file that holds `struct page`, made by the test
 * ISOVOX_FAULT_BELOW  only files below this folder
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum kind { WRITE = 1, SYNC, RENAME, CLOSE, TRUNCATE, MAKE, REMOVE, READ };
enum { SHORT = -1, HANG = -2 }; /* as errors: half of it is written; never returns */

/* Little-endian words; the same in test_faults.py. */
struct page {
    _Atomic uint32_t kind;  /* which calls count; 0: none */
    _Atomic uint32_t first; /* the first that fails, counted from 1; 0: none */
    _Atomic uint32_t last;  /* the last that fails */
    _Atomic int32_t error;  /* errno, SHORT or HANG */
    _Atomic uint32_t count; /* calls so far */
    _Atomic uint32_t fired; /* failures so far */
    _Atomic uint32_t delay_us; /* added to every SYNC, armed or not */
    uint32_t unused;
    _Atomic int64_t set_s; /* by so many seconds the wall clock has been set */
};

static struct page *page;
static char below[4096];
static size_t below_length;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("ISOVOX_FAULT_PAGE"), *folder = getenv("ISOVOX_FAULT_BELOW");
    if (path == NULL || folder == NULL)
        return;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    void *mapped = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    snprintf(below, sizeof below, "%s", folder);
    below_length = strlen(below);
    if (fd == -1 || mapped == MAP_FAILED)
        abort();
    page = mapped;
    syscall(SYS_close, fd);
}

static bool is_below(const char *path)
{
    return strncmp(path, below, below_length) == 0;
}

static bool concerns(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const int saved = errno;
    const ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (length <= 0)
        return false;
    path[length] = '\0';
    return is_below(path);
}

/* This call counts: 0, or how it fails. */
static int fails(void)
{
    const uint32_t number = 1 + atomic_fetch_add(&page->count, 1);
    const uint32_t first = atomic_load(&page->first);
    if (first == 0 || number < first || number > atomic_load(&page->last))
        return 0;
    atomic_fetch_add(&page->fired, 1);
    while (atomic_load(&page->error) == HANG)
        pause();
    return atomic_load(&page->error);
}

static int on_fd(enum kind kind, int fd)
{
    return page != NULL && atomic_load(&page->kind) == (uint32_t)kind && concerns(fd)
               ? fails() : 0;
}

static int on_path(enum kind kind, const char *path)
{
    return page != NULL && atomic_load(&page->kind) == (uint32_t)kind && is_below(path)
               ? fails() : 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static size_t cut(int how, size_t length)
{
    return how == SHORT && length > 1 ? length / 2 : length;
}

#define FAIL_IF(how)                \
    do {                            \
        if ((how) > 0) {            \
            errno = (how);          \
            return -1;              \
        }                           \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t length)
{
    const int how = on_fd(WRITE, fd);
    FAIL_IF(how);
    return NEXT(write)(fd, bytes, cut(how, length));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    const int how = on_fd(WRITE, fd);
    FAIL_IF(how);
    return NEXT(pwrite)(fd, bytes, cut(how, length), offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    const int how = on_fd(WRITE, fd);
    FAIL_IF(how);
    return NEXT(pwrite64)(fd, bytes, cut(how, length), offset);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset)
{
    FAIL_IF(on_fd(READ, fd));
    return NEXT(pread)(fd, bytes, length, offset);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset)
{
    FAIL_IF(on_fd(READ, fd));
    return NEXT(pread64)(fd, bytes, length, offset);
}

static void be_slow(int fd)
{
    const uint32_t delay = page == NULL ? 0 : atomic_load(&page->delay_us);
    const struct timespec wait = { .tv_nsec = (long)delay * 1000 };
    if (delay != 0 && concerns(fd))
        nanosleep(&wait, NULL);
}

int fsync(int fd)
{
    be_slow(fd);
    FAIL_IF(on_fd(SYNC, fd));
    return NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
    be_slow(fd);
    FAIL_IF(on_fd(SYNC, fd));
    return NEXT(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
    FAIL_IF(on_path(RENAME, to));
    return NEXT(rename)(from, to);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    FAIL_IF(on_path(RENAME, to));
    return NEXT(renameat2)(from_fd, from, to_fd, to, flags);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    FAIL_IF(on_path(RENAME, to));
    return NEXT(linkat)(from_fd, from, to_fd, to, flags);
}

/* The descriptor is gone, as Linux does it. */
int close(int fd)
{
    const int how = on_fd(CLOSE, fd), result = NEXT(close)(fd);
    FAIL_IF(how);
    return result;
}

int ftruncate(int fd, off_t length)
{
    FAIL_IF(on_fd(TRUNCATE, fd));
    return NEXT(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    FAIL_IF(on_fd(TRUNCATE, fd));
    return NEXT(ftruncate64)(fd, length);
}

/* Returns the error; errno is not touched. */
int posix_fallocate(int fd, off_t offset, off_t length)
{
    const int how = on_fd(TRUNCATE, fd);
    return how > 0 ? how : NEXT(posix_fallocate)(fd, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    FAIL_IF(on_fd(TRUNCATE, fd));
    return NEXT(fallocate)(fd, mode, offset, length);
}

int unlink(const char *path)
{
    FAIL_IF(on_path(REMOVE, path));
    return NEXT(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
    FAIL_IF(on_path(MAKE, path));
    return NEXT(mkdir)(path, mode);
}

/* ---- the wall clock ---------------------------------------------------------------------- */

static int64_t set_seconds(void)
{
    return page == NULL ? 0 : atomic_load(&page->set_s);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += set_seconds();
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
