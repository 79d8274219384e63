/* transcode.c - what the syntaxes of a destination cost and save.
 *
 *   tests/bench/transcode [ROUNDS] FILE...      results as `isovox convert` writes them
 *
 * Each round encodes every file in every syntax; processor time, medians over the rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dicom.h"
#include "isovox/dicom/transcode.h"
#include "isovox/sys/file.h"

enum { SYNTAXES = 5, MOST_ROUNDS = 99 };
static const char *const names[SYNTAXES] = { "jpeg-ls", "jpeg-lossless", "jpeg-2000", "rle",
                                             "deflated" };

struct run {
    double seconds[MOST_ROUNDS];
    uint64_t bytes;
};

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool count(void *context, const uint8_t *bytes, size_t length, struct ivx_err *err)
{
    (void)bytes;
    (void)err;
    *(uint64_t *)context += length;
    return true;
}

static bool encode(const char *path, const char *name, uint64_t *bytes, struct ivx_err *err)
{
    IVX_AUTO(ivx_transcode_free) struct ivx_transcode *transcode = NULL;
    return ivx_transcode_open(path, ivx_transcode_syntax(name), &transcode, err)
           && ivx_transcode_run(transcode, count, bytes, err);
}

static bool round_of(char *const *files, int n, struct run *runs, struct ivx_err *err)
{
    for (int s = 0; s < SYNTAXES; s++) {
        const double before = now();
        runs[s].bytes = 0;
        for (char *const *file = files; *file != NULL; file++)
            if (!encode(*file, names[s], &runs[s].bytes, err))
                return false;
        runs[s].seconds[n] = now() - before;
    }
    return true;
}

int main(int argc, char **argv)
{
    const bool counted = argc > 1 && argv[1][0] >= '1' && argv[1][0] <= '9';
    const int rounds = counted ? argv[1][0] - '0' : 5;
    char **files = argv + 1 + counted;
    static struct run runs[SYNTAXES];
    struct ivx_err err = { 0 };
    uint64_t plain = 0;
    ivx_dicom_start();
    for (char **file = files; *file != NULL; file++) {
        FILE *from = fopen(*file, "rb");
        if (from != NULL && fseek(from, 0, SEEK_END) == 0)
            plain += (uint64_t)ftell(from);
        if (from != NULL)
            fclose(from);
    }
    for (int n = 0; n < rounds; n++)
        if (!round_of(files, n, runs, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
    for (int s = 0; s < SYNTAXES; s++) {
        qsort(runs[s].seconds, (size_t)rounds, sizeof *runs[s].seconds, ascending);
        const double median = runs[s].seconds[rounds / 2];
        printf("%-14s %7.1f MB/s  %5.2f : 1\n", names[s], (double)plain / 1e6 / median,
               (double)plain / (double)runs[s].bytes);
    }
    return 0;
}
