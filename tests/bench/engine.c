/* engine.c - how fast the engine is, beside memcpy in the same run.
 *
 *   tests/bench/engine [RUNS] [SET] [KERNEL] [MM] [THREADS]
 *                  RUNS: 5; SET: auto, base, avx2, avx512; KERNEL, ...: only this one
 *
 * The tasks of the peers' programs: 512 x 512 x 300 int16 at 0.7 x 0.7 x 2.5 mm to 1.0 mm
 * and to 0.5 mm, int16 slices out, one and two threads. The floor is the time that memcpy
 * takes for as many bytes as the task reads and writes, measured between the runs.
 * Medians. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "isovox/core/resample.h"

enum { COLUMNS = 512, ROWS = 512, SLICES = 300, MOST_RUNS = 99, COPY = 64 << 20 };

static double now(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *value, int count)
{
    qsort(value, (size_t)count, sizeof *value, ascending);
    return value[count / 2];
}

/* A body: air, tissue, lungs, noise. */
static int16_t *make_volume(void)
{
    int16_t *voxel = malloc((size_t)COLUMNS * ROWS * SLICES * sizeof *voxel);
    uint32_t seed = 1;
    size_t p = 0;
    if (voxel == NULL)
        exit(1);
    for (int k = 0; k < SLICES; k++)
        for (int j = 0; j < ROWS; j++)
            for (int i = 0; i < COLUMNS; i++) {
                const double x = (i - 256) / 210.0, y = (j - 256) / 150.0;
                const double a = (abs(i - 256) - 86) / 60.0, b = (j - 240) / 85.0;
                seed = seed * 1664525u + 1013904223u;
                const int noise = (int)(seed >> 27) - 16 + k % 7;
                const int tissue = x * x + y * y >= 1  ? -1000
                                   : a * a + b * b < 1 ? -850
                                                       : 40;
                voxel[p++] = (int16_t)(tissue + noise);
            }
    return voxel;
}

static bool give(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    (void)err;
    *out = (struct ivx_slice){ IVX_INT16, (int16_t *)context + (size_t)k * COLUMNS * ROWS,
                               NULL };
    return true;
}

static bool take(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    (void)m, (void)err;
    *(int64_t *)context += *(const int16_t *)voxel;
    return true;
}

/* Spin for a while, then let others run. */
static void await(const unsigned *place, unsigned value)
{
    for (int n = 0; __atomic_load_n(place, __ATOMIC_ACQUIRE) != value; n++)
        if (n > 5000)
            sched_yield();
}

/* A second thread that waits, spinning for a while, for what there is to do. */
struct second {
    void (*task)(void *, int);
    void *argument;
    unsigned asked, done;
};

static void *wait_for_tasks(void *argument)
{
    struct second *second = argument;
    for (unsigned turn = 1;; turn++) {
        await(&second->asked, turn);
        if (second->task == NULL)
            return NULL;
        second->task(second->argument, 1);
        __atomic_store_n(&second->done, turn, __ATOMIC_RELEASE);
    }
}

static void run_two(void *crew, void (*task)(void *, int), void *argument, int count)
{
    struct second *second = crew;
    (void)count;
    second->task = task;
    second->argument = argument;
    const unsigned turn = __atomic_add_fetch(&second->asked, 1, __ATOMIC_RELEASE);
    task(argument, 0);
    await(&second->done, turn);
}

/* Seconds that memcpy takes for so many bytes read and written: on the clock, and of this
 * process's own time, which says more on a machine that others use too. */
static double floor_of(double bytes, double *cpu_out)
{
    static char *from, *to;
    if (from == NULL) {
        from = malloc(COPY);
        to = malloc(COPY);
        memset(from, 1, COPY);
        memset(to, 2, COPY);
    }
    const double start = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
    for (int n = 0; n < 4; n++)
        memcpy(to, from, COPY);
    *cpu_out = (now(CLOCK_PROCESS_CPUTIME_ID) - used) / (8.0 * COPY) * bytes;
    return (now(CLOCK_MONOTONIC) - start) / (8.0 * COPY) * bytes;
}

struct job {
    struct ivx_stack stack;
    int16_t *voxel;
    const char *set;
    int runs;
};

static void time_one(const struct job *job, double spacing, enum ivx_kernel kernel,
                     int threads)
{
    struct ivx_resample_options options = {
        .kernel = kernel, .result = IVX_INT16, .background = -1024, .simd = job->set
    };
    struct ivx_resample_report report = { 0 };
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    struct second second = { 0 };
    pthread_t thread;
    double wall[MOST_RUNS], cpu[MOST_RUNS], floors[MOST_RUNS], cpu_floors[MOST_RUNS];
    int64_t sum = 0;

    if (threads == 2) {
        pthread_create(&thread, NULL, wait_for_tasks, &second);
        options.crew = (struct ivx_crew){ run_two, &second, 2 };
    }
    ivx_target_grid(&job->stack, spacing, IVX_ALIGN_CENTER, &grid, &err);
    const double voxels = (double)grid.count[0] * grid.count[1] * grid.count[2];
    for (int n = 0; n < job->runs; n++) {
        floors[n] =
            floor_of(2.0 * (voxels + (double)COLUMNS * ROWS * SLICES), &cpu_floors[n]);
        const double start = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
        if (!ivx_resample(&job->stack, &grid, &options, give, job->voxel, take, &sum,
                          &report, &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        wall[n] = now(CLOCK_MONOTONIC) - start;
        cpu[n] = now(CLOCK_PROCESS_CPUTIME_ID) - used;
    }
    if (threads == 2) {
        second.task = NULL;
        __atomic_add_fetch(&second.asked, 1, __ATOMIC_RELEASE);
        pthread_join(thread, NULL);
    }
    const double seconds = median(wall, job->runs), used = median(cpu, job->runs);
    const double floor = median(floors, job->runs),
                 cpu_floor = median(cpu_floors, job->runs);
    printf(
        "%-11s %3.1f mm  %-6s %d thr  %7.4f s = %4.1f floors  cpu %7.4f s = %4.1f floors "
        " best cpu %7.4f s  %4zu MiB\n",
        ivx_kernel_name(kernel), spacing, report.simd, threads, seconds, seconds / floor,
        used, used / cpu_floor, cpu[0], report.memory >> 20);
    fflush(stdout);
}

static bool is_asked(int count, char **word, enum ivx_kernel kernel, double spacing,
                     int threads)
{
    if (count > 5 && strtol(word[5], NULL, 10) != threads)
        return false;
    if (count > 3 && strcmp(word[3], ivx_kernel_name(kernel)) != 0)
        return false;
    return count <= 4 || strtod(word[4], NULL) == spacing;
}

int main(int count, char **word)
{
    static double t[SLICES], none[SLICES];
    static const double spacings[] = { 1.0, 0.5 };
    static const enum ivx_kernel kernels[] = { IVX_LINEAR, IVX_CATMULL_ROM, IVX_LANCZOS3,
                                               IVX_BSPLINE3, IVX_NEAREST };
    struct job job = { .runs = count > 1 ? (int)strtol(word[1], NULL, 10) : 5,
                       .set = count > 2 ? word[2] : NULL,
                       .voxel = make_volume() };
    job.runs = job.runs < 1 ? 1 : job.runs > MOST_RUNS ? MOST_RUNS : job.runs;
    for (int k = 0; k < SLICES; k++)
        t[k] = 2.5 * k;
    job.stack =
        (struct ivx_stack){ COLUMNS,     ROWS,        SLICES,      0.7, 0.7,  { 0, 0, 0 },
                            { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, t,   none, none };
    for (int s = 0; s < 2; s++)
        for (int k = 0; k < 5; k++)
            for (int threads = 1; threads <= 2; threads++)
                if (is_asked(count, word, kernels[k], spacings[s], threads))
                    time_one(&job, spacings[s], kernels[k], threads);
    free(job.voxel);
    return 0;
}
