/* journal DIR [MEGABYTES] - durable records per second, beside the floor of the same disk
 * in the same minute: one pwrite and one fdatasync per record into a preallocated file.
 * Sizes are those of a 200x200 and a 512x512 CT slice; one writer, and four in processes
 * of their own. Three interleaved rounds; the median counts. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/spool/spool.h"
#include "isovox/sys/clock.h"

enum { ROUNDS = 3, PIECE = 16372 /* what a PDV of 16 kB brings */ };
static const size_t sizes[] = { 78000, 526198 };
static const int writers[] = { 1, 4 };

/* Writes `count` records into `dir`; the exit status of a process. */
typedef int job(const char *dir, int n, size_t size, int count, const uint8_t *bytes);

static int write_journal(const char *dir, int n, size_t size, int count,
                         const uint8_t *bytes)
{
    IVX_AUTO(ivx_spool_free) struct ivx_spool *spool = NULL;
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = NULL;
    struct ivx_record record = { .kind = IVX_RECORD_INSTANCE, .sop_uid = "1.2.3" };
    (void)n;
    if (!ivx_spool_open(dir, &spool, NULL) || !ivx_spool_writer_new(spool, &writer, NULL))
        return 1;
    for (int k = 0; k < count; k++) {
        if (!ivx_spool_begin(writer, &record, NULL))
            return 1;
        for (size_t at = 0; at < size; at += PIECE)
            if (!ivx_spool_append(writer, bytes + at,
                                  size - at < PIECE ? size - at : PIECE, NULL))
                return 1;
        if (!ivx_spool_commit(writer, NULL, NULL))
            return 1;
    }
    return 0;
}

static int write_floor(const char *dir, int n, size_t size, int count,
                       const uint8_t *bytes)
{
    char path[4096];
    const size_t step = (size + 4095) / 4096 * 4096;
    snprintf(path, sizeof path, "%s/floor%d", dir, n);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd == -1 || fallocate(fd, 0, 0, (off_t)(step * (size_t)count)) == -1
        || fsync(fd) == -1)
        return 1;
    for (int k = 0; k < count; k++)
        if (pwrite(fd, bytes, size, (off_t)(step * (size_t)k)) != (ssize_t)size
            || fdatasync(fd) == -1)
            return 1;
    return 0;
}

/* What the block device of `dir` has done; zeros when the kernel does not say. */
struct device {
    double writes, flushes;
};
static struct device look(const char *dir)
{
    enum { WRITES = 4, FLUSHES = 15 };
    struct device seen = { 0, 0 };
    struct stat status;
    char path[64], line[512] = "";
    if (stat(dir, &status) == -1)
        return seen;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/stat", major(status.st_dev),
             minor(status.st_dev));
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 || read(fd, line, sizeof line - 1) <= 0)
        return seen;
    char *next = line;
    for (int field = 0; *next != '\0' && field <= FLUSHES; field++) {
        const double value = (double)strtoull(next, &next, 10);
        seen.writes = field == WRITES ? value : seen.writes;
        seen.flushes = field == FLUSHES ? value : seen.flushes;
    }
    return seen;
}

/* What one run gave, per record where it is a count. A rate of 0: it failed. */
struct result {
    double rate, writes, flushes;
};
static struct result run(job *work, const char *root, size_t size, int processes,
                         int count, const uint8_t *bytes)
{
    char dir[4096];
    pid_t child[8];
    bool ok = true;
    const int all = count / processes * processes;
    snprintf(dir, sizeof dir, "%s/bench-%ld", root, (long)getpid());
    if (!ivx_directory_make(dir, NULL))
        return (struct result){ 0, 0, 0 };
    sync();
    const struct device before = look(dir);
    const int64_t start = ivx_clock_steady_us();
    for (int n = 0; n < processes; n++) {
        child[n] = fork();
        if (child[n] == 0)
            _exit(work(dir, n, size, count / processes, bytes));
    }
    for (int n = 0; n < processes; n++) {
        int status = 0;
        waitpid(child[n], &status, 0);
        ok = ok && status == 0;
    }
    const int64_t spent = ivx_clock_steady_us() - start;
    const struct device after = look(dir);
    ivx_tree_remove(dir, NULL);
    return (struct result){ ok ? all * 1e6 / (double)spent : 0,
                            (after.writes - before.writes) / all,
                            (after.flushes - before.flushes) / all };
}

static int compare(const void *left, const void *right)
{
    const struct result *a = left, *b = right;
    return a->rate < b->rate ? -1 : a->rate > b->rate;
}

static void compare_one(const char *root, size_t size, int processes, long long megabytes,
                        const uint8_t *bytes)
{
    struct result journal[ROUNDS], floor[ROUNDS];
    const int count = (int)(megabytes * 1000000 / (long long)size);
    for (int round = 0; round < ROUNDS; round++) {
        floor[round] = run(write_floor, root, size, processes, count, bytes);
        journal[round] = run(write_journal, root, size, processes, count, bytes);
    }
    qsort(journal, ROUNDS, sizeof *journal, compare);
    qsort(floor, ROUNDS, sizeof *floor, compare);
    const struct result *mine = &journal[ROUNDS / 2], *best = &floor[ROUNDS / 2];
    printf(
        "%7zu bytes, %d writer%s  journal %5.0f/s %4.0f MB/s %5.2f writes %5.2f flushes"
        "   floor %5.0f/s %5.2f writes %5.2f flushes   ratio %.2f\n",
        size, processes, processes == 1 ? " " : "s", mine->rate,
        mine->rate * (double)size / 1e6, mine->writes, mine->flushes, best->rate,
        best->writes, best->flushes, best->rate > 0 ? mine->rate / best->rate : 0);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    long long megabytes = 300;
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = malloc(1 << 20);
    if (argc < 2 || argc > 3 || bytes == NULL
        || (argc == 3 && (!ivx_text_to_int64(argv[2], &megabytes) || megabytes < 1))) {
        fputs("usage: journal DIR [MEGABYTES]\n", stderr);
        return 2;
    }
    for (size_t n = 0; n < 1 << 20; n++)
        bytes[n] = (uint8_t)(n * 2654435761u >> 13);
    for (size_t s = 0; s < IVX_COUNT(sizes); s++)
        for (size_t w = 0; w < IVX_COUNT(writers); w++)
            compare_one(argv[1], sizes[s], writers[w], megabytes, bytes);
    return 0;
}
