/* isovox bench - how fast this machine converts, against its own memcpy in the same run. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cJSON.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/convert/threads.h"
#include "isovox/core/resample.h"
#include "isovox/sys/clock.h"
#include "tool.h"

enum { SIDE = 512, MOST_REPEATS = 99, MOST_SLICES = 4000, MOST_ROWS = 64 };

struct settings {
    int repeats, slices;
    bool json;
    const char *simd;
};

/* A synthetic CT: 512 x 512 voxels a slice, and where they lie. */
struct bench {
    const struct settings *settings;
    int16_t *voxel;
    double *t, *no_shift;
    int16_t *sunk;      /* where results go, again and again: no fresh memory is touched */
    size_t result_size; /* voxels of one result slice */
    double rate[MOST_ROWS]; /* of memcpy, bytes read and written per second: of each row */
    int rows;
    int16_t *copy;
};

struct task {
    const char *name;
    int slices;
    double column_mm, slice_mm, target_mm;
};

/* Those of the performance figures, and protocols that an administrator plans for. */
static const struct task tasks[] = {
    { "0.7x0.7x2.5 -> 1.0 mm", 0, 0.7, 2.5, 1.0 },
    { "0.7x0.7x2.5 -> 0.5 mm", 0, 0.7, 2.5, 0.5 },
};
static const struct task protocols[] = {
    { "chest, 400 slices of 0.7x0.7x0.8 mm -> 1.0 mm", 400, 0.7, 0.8, 1.0 },
    { "abdomen, 100 slices of 0.8x0.8x5 mm -> 1.0 mm", 100, 0.8, 5.0, 1.0 },
    { "head, 64 slices of 0.45x0.45x2.5 mm -> 0.5 mm", 64, 0.45, 2.5, 0.5 },
    { "temporal bone, 120 slices of 0.3x0.3x0.6 mm -> 0.3 mm", 120, 0.3, 0.6, 0.3 },
};

static void bench_clear(struct bench *bench)
{
    free(bench->voxel);
    free(bench->t);
    free(bench->no_shift);
    free(bench->sunk);
    free(bench->copy);
}

/* An ellipse of tissue in air with texture and noise: values that round and vary. */
static void fill(int16_t *voxel, int slices)
{
    uint32_t noise = 1;
    for (int k = 0; k < slices; k++)
        for (int j = 0; j < SIDE; j++)
            for (int i = 0; i < SIDE; i++) {
                const int x = i - SIDE / 2, y = j - SIDE / 2;
                const bool inside = x * x / 44100.0 + y * y / 22500.0 < 1;
                noise = noise * 1664525u + 1013904223u;
                const int grain = (int)(noise >> 27) - 16;
                const int texture = ((i * 7 + j * 3 + k * 11) & 63) - 32;
                *voxel++ = (int16_t)(inside ? 40 + texture + grain : -1000 + grain / 4);
            }
}

static bool prepare(struct bench *bench, struct ivx_err *err)
{
    const size_t slices = (size_t)bench->settings->slices;
    const size_t size = slices * SIDE * SIDE;
    bench->voxel = malloc(size * sizeof *bench->voxel);
    bench->copy = malloc(size * sizeof *bench->copy);
    bench->t = calloc(slices, sizeof *bench->t);
    bench->no_shift = calloc(slices, sizeof *bench->no_shift);
    if (bench->voxel == NULL || bench->copy == NULL || bench->t == NULL
        || bench->no_shift == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %zu slices", slices);
    fill(bench->voxel, bench->settings->slices);
    memset(bench->copy, 1, size * sizeof *bench->copy);
    return true;
}

/* The physical limit: what memcpy moves, measured between the runs it is compared with. */
static double time_memcpy(struct bench *bench)
{
    const size_t bytes = (size_t)bench->settings->slices * SIDE * SIDE * sizeof(int16_t);
    const int64_t start = ivx_clock_steady_us();
    memcpy(bench->copy, bench->voxel, bytes);
    const double seconds = (double)(ivx_clock_steady_us() - start) / 1e6;
    return seconds > 0 ? 2.0 * (double)bytes / seconds : 0;
}

static bool give(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    const struct bench *bench = context;
    (void)err;
    const size_t slice = (size_t)(k % bench->settings->slices) * SIDE * SIDE;
    *out = (struct ivx_slice){ .sample = IVX_INT16, .voxel = bench->voxel + slice };
    return true;
}

/* A consumer that copies, as a file or a socket would. */
static bool take(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct bench *bench = context;
    (void)m;
    (void)err;
    memcpy(bench->sunk, voxel, bench->result_size * sizeof *bench->sunk);
    return true;
}

struct timing {
    double seconds, megavoxels_per_second, floors, memory_mib;
    char simd[16];
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

static bool make_stack(struct bench *bench, const struct task *task, struct ivx_stack *out,
                       struct ivx_err *err)
{
    const int slices = task->slices > 0 ? task->slices : bench->settings->slices;
    double *t = realloc(bench->t, (size_t)slices * sizeof *t);
    double *shift = t == NULL ? NULL : realloc(bench->no_shift, (size_t)slices * sizeof *t);
    bench->t = t == NULL ? bench->t : t;
    bench->no_shift = shift == NULL ? bench->no_shift : shift;
    if (t == NULL || shift == NULL)
        return ivx_fail(err, IVX_FULL, "no memory");

    for (int k = 0; k < slices; k++) {
        t[k] = k * task->slice_mm;
        shift[k] = 0;
    }
    *out = (struct ivx_stack){
        .columns = SIDE, .rows = SIDE, .slices = slices, .column_spacing = task->column_mm,
        .row_spacing = task->column_mm, .row = { 1, 0, 0 }, .column = { 0, 1, 0 },
        .normal = { 0, 0, 1 }, .t = t, .shift_row = shift, .shift_column = shift,
    };
    return true;
}

/* Medians of the repeats and of the memcpy before each of them. */
static bool time_task(struct bench *bench, const struct task *task, enum ivx_kernel kernel,
                      struct ivx_threads *threads, struct timing *out, struct ivx_err *err)
{
    struct ivx_stack stack;
    struct ivx_grid grid;
    if (!make_stack(bench, task, &stack, err)
        || !ivx_target_grid(&stack, task->target_mm, IVX_ALIGN_CENTER, &grid, err))
        return false;
    bench->result_size = (size_t)grid.count[0] * (size_t)grid.count[1];
    int16_t *sunk = realloc(bench->sunk, bench->result_size * sizeof *sunk);
    if (sunk == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for a result slice");
    bench->sunk = sunk;

    const struct ivx_resample_options options = {
        .kernel = kernel, .result = IVX_INT16, .background = -1024,
        .simd = bench->settings->simd, .crew = ivx_threads_crew(threads),
    };
    struct ivx_resample_report report = { 0 };
    double seconds[MOST_REPEATS], rate[MOST_REPEATS];
    for (int n = 0; n < bench->settings->repeats; n++) {
        rate[n] = time_memcpy(bench);
        const int64_t start = ivx_clock_steady_us();
        if (!ivx_resample(&stack, &grid, &options, give, bench, take, bench, &report, err))
            return false;
        seconds[n] = (double)(ivx_clock_steady_us() - start) / 1e6;
    }
    const double floor = median(rate, bench->settings->repeats);
    if (bench->rows < MOST_ROWS)
        bench->rate[bench->rows++] = floor;
    const double in = (double)stack.slices * SIDE * SIDE;
    const double result = (double)bench->result_size * grid.count[2];
    out->seconds = median(seconds, bench->settings->repeats);
    out->megavoxels_per_second = result / out->seconds / 1e6;
    out->floors = out->seconds * floor / (2.0 * (in + result));
    out->memory_mib = (double)report.memory / 1048576.0;
    ivx_text_copy(out->simd, sizeof out->simd, report.simd);
    return true;
}

static void print_result(const struct settings *settings, cJSON *results,
                         const struct task *task, enum ivx_kernel kernel, int threads,
                         const struct timing *timing)
{
    if (!settings->json) {
        printf("%-24s%-13s%7d%10.3f%12.0f%9.1f%11.1f\n", task->name, ivx_kernel_name(kernel),
               threads, timing->seconds, timing->megavoxels_per_second, timing->floors,
               timing->memory_mib);
        fflush(stdout);
        return;
    }
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "task", task->name);
    cJSON_AddStringToObject(row, "kernel", ivx_kernel_name(kernel));
    cJSON_AddNumberToObject(row, "threads", threads);
    cJSON_AddNumberToObject(row, "seconds", timing->seconds);
    cJSON_AddNumberToObject(row, "megavoxels_per_second", timing->megavoxels_per_second);
    cJSON_AddNumberToObject(row, "floors", timing->floors);
    cJSON_AddNumberToObject(row, "memory_mib", timing->memory_mib);
    cJSON_AddStringToObject(row, "simd", timing->simd);
    cJSON_AddItemToArray(results, row);
}

static bool time_kernels(struct bench *bench, struct ivx_threads *const threads[2], int cores,
                         cJSON *results, struct ivx_err *err)
{
    if (!bench->settings->json)
        printf("%d slices of %dx%d, int16 to int16\n\n%-24s%-13s%7s%10s%12s%9s%11s\n",
               bench->settings->slices, SIDE, SIDE, "task", "kernel", "threads", "seconds",
               "Mvoxel/s", "x floor", "MiB work");
    for (size_t n = 0; n < IVX_COUNT(tasks); n++)
        for (int kernel = 0; kernel < IVX_KERNEL_COUNT; kernel++)
            for (int both = 0; both < (cores > 1 ? 2 : 1); both++) {
                struct timing timing;
                if (!time_task(bench, &tasks[n], (enum ivx_kernel)kernel, threads[both],
                               &timing, err))
                    return false;
                print_result(bench->settings, results, &tasks[n], (enum ivx_kernel)kernel,
                             both == 0 ? 1 : cores, &timing);
            }
    return true;
}

/* One worker per core, one thread each, as the daemon does by default. */
static bool time_protocols(struct bench *bench, struct ivx_threads *one, int cores,
                           cJSON *rows, struct ivx_err *err)
{
    if (!bench->settings->json)
        printf("\nseries per hour with %d workers, bspline3, arithmetic alone:\n", cores);
    for (size_t n = 0; n < IVX_COUNT(protocols); n++) {
        struct timing timing;
        if (!time_task(bench, &protocols[n], IVX_BSPLINE3, one, &timing, err))
            return false;
        const double per_hour = 3600.0 / timing.seconds * cores;
        if (!bench->settings->json) {
            printf("  %-58s%9.0f\n", protocols[n].name, per_hour);
            continue;
        }
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "protocol", protocols[n].name);
        cJSON_AddNumberToObject(row, "seconds", timing.seconds);
        cJSON_AddNumberToObject(row, "series_per_hour", per_hour);
        cJSON_AddItemToArray(rows, row);
    }
    return true;
}

static bool run(const struct settings *settings, cJSON *root, struct ivx_err *err)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int cores = online < 1 ? 1 : online > 256 ? 256 : (int)online;
    IVX_AUTO(bench_clear) struct bench bench = { .settings = settings };
    IVX_AUTO(ivx_threads_free) struct ivx_threads *one = NULL;
    IVX_AUTO(ivx_threads_free) struct ivx_threads *all = NULL;
    if (!ivx_threads_new(1, &one, err) || !ivx_threads_new(cores, &all, err)
        || !prepare(&bench, err))
        return false;

    struct ivx_threads *const threads[2] = { one, all };
    if (!time_kernels(&bench, threads, cores, cJSON_AddArrayToObject(root, "results"), err)
        || !time_protocols(&bench, one, cores, cJSON_AddArrayToObject(root, "protocols"), err))
        return false;
    cJSON_AddNumberToObject(root, "cores", cores);
    cJSON_AddNumberToObject(root, "slices", settings->slices);
    const double rate = median(bench.rate, bench.rows);
    cJSON_AddNumberToObject(root, "memcpy_gb_per_second", rate / 1e9);
    if (!settings->json)
        printf("\nfloor: memcpy of the same bytes at %.1f GB/s (read and written), one thread, "
               "same run.\nReading and writing files comes on top.\n",
               rate / 1e9);
    return true;
}

/* 0: the command is to run; otherwise what to exit with, plus one. */
static int parse(int argc, char **argv, struct settings *out)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },          { "repeat", required_argument, NULL, 'r' },
        { "slices", required_argument, NULL, 's' },  { "simd", required_argument, NULL, 'i' },
        { "help", no_argument, NULL, 'h' },          { 0 },
    };
    long long number;
    optind = 0;
    for (int letter; (letter = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        const int least = letter == 's' ? 3 : 1;
        const int most = letter == 's' ? MOST_SLICES : MOST_REPEATS;
        if (letter == 'h') {
            puts("usage: isovox bench [--json] [--slices N] [--repeat N] [--simd SET]\n\n"
                 "Times the engine on a synthetic CT against memcpy in the same run, per\n"
                 "kernel and thread count, and says what that means in series per hour.");
            return 1 + IVX_EXIT_DONE;
        }
        if (letter == '?')
            return 1 + ivx_tool_usage("bench", "unknown option");
        if (letter == 'j')
            out->json = true;
        if (letter == 'i')
            out->simd = optarg;
        if (letter != 's' && letter != 'r')
            continue;
        if (!ivx_text_to_int64(optarg, &number) || number < least || number > most)
            return 1 + ivx_tool_usage("bench", "%d to %d, not %s", least, most, optarg);
        *(letter == 's' ? &out->slices : &out->repeats) = (int)number;
    }
    return optind < argc ? 1 + ivx_tool_usage("bench", "takes no argument") : 0;
}

int ivx_tool_bench(int argc, char **argv)
{
    struct settings settings = { .repeats = 5, .slices = 300 };
    const int over = parse(argc, argv, &settings);
    if (over != 0)
        return over - 1;

    struct ivx_err err = { 0 };
    cJSON *root = cJSON_CreateObject();
    const bool done = run(&settings, root, &err);
    if (!done)
        fprintf(stderr, "isovox bench: %s\n", err.text);
    char *text = done && settings.json ? cJSON_Print(root) : NULL;
    if (text != NULL)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
    return done ? IVX_EXIT_DONE : IVX_EXIT_FAILED;
}
