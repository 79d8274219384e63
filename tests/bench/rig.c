#include "rig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COPY = 64 << 20 };

static void fill(int16_t *voxel)
{
    uint32_t seed = 1;
    size_t p = 0;
    for (int k = 0; k < RIG_SLICES; k++)
        for (int j = 0; j < RIG_ROWS; j++)
            for (int i = 0; i < RIG_COLUMNS; i++) {
                const double x = (i - 256) / 210.0, y = (j - 256) / 150.0;
                const double a = (abs(i - 256) - 86) / 60.0, b = (j - 240) / 85.0;
                seed = seed * 1664525u + 1013904223u;
                const int noise = (int)(seed >> 27) - 16 + k % 7;
                const int tissue = x * x + y * y >= 1  ? -1000
                                   : a * a + b * b < 1 ? -850
                                                       : 40;
                voxel[p++] = (int16_t)(tissue + noise);
            }
}

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

void rig_volume_make(struct rig_volume *out)
{
    const double cosine = 0.96592582628906829, sine = 0.25881904510252076;
    out->voxel =
        must(malloc((size_t)RIG_COLUMNS * RIG_ROWS * RIG_SLICES * sizeof(int16_t)));
    fill(out->voxel);
    for (int k = 0; k < RIG_SLICES; k++) {
        out->t[k] = 2.5 * k;
        out->none[k] = 0;
    }
    out->stack = (struct ivx_stack){
        .columns = RIG_COLUMNS,
        .rows = RIG_ROWS,
        .slices = RIG_SLICES,
        .column_spacing = 0.7,
        .row_spacing = 0.7,
        .row = { 1, 0, 0 },
        .column = { 0, 1, 0 },
        .normal = { 0, 0, 1 },
        .t = out->t,
        .shift_row = out->none,
        .shift_column = out->none,
    };
    out->oblique = out->stack;
    memcpy(out->oblique.column, (double[]){ 0, cosine, sine },
           sizeof out->oblique.column);
    memcpy(out->oblique.normal, (double[]){ 0, -sine, cosine },
           sizeof out->oblique.normal);
}

void rig_volume_free(struct rig_volume *volume)
{
    free(volume->voxel);
    volume->voxel = NULL;
}

bool rig_give(void *volume, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    const struct rig_volume *from = volume;
    (void)err;
    *out = (struct ivx_slice){ IVX_INT16,
                               from->voxel + (size_t)k * RIG_COLUMNS * RIG_ROWS, NULL };
    return true;
}

bool rig_take(void *sum, int32_t m, const void *voxel, struct ivx_err *err)
{
    (void)m, (void)err;
    *(int64_t *)sum += *(const int16_t *)voxel;
    return true;
}

static double now(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

struct rig_time rig_now(void)
{
    return (struct rig_time){ now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID) };
}

struct rig_time rig_since(struct rig_time start)
{
    const struct rig_time end = rig_now();
    return (struct rig_time){ end.wall - start.wall, end.cpu - start.cpu };
}

struct rig_time rig_floor(double bytes)
{
    static char *from, *to;
    if (from == NULL) {
        from = must(malloc(COPY));
        to = must(malloc(COPY));
        memset(from, 1, COPY);
        memset(to, 2, COPY);
    }
    const struct rig_time start = rig_now();
    for (int n = 0; n < 4; n++)
        memcpy(to, from, COPY);
    const struct rig_time took = rig_since(start);
    const double share = bytes / (8.0 * COPY);
    return (struct rig_time){ took.wall * share, took.cpu * share };
}

double rig_bytes(const struct ivx_grid *grid)
{
    const double result = (double)grid->count[0] * grid->count[1] * grid->count[2];
    return sizeof(int16_t) * (result + (double)RIG_COLUMNS * RIG_ROWS * RIG_SLICES);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct rig_time rig_median(const struct rig_time *run, int count)
{
    double wall[RIG_MOST_RUNS], cpu[RIG_MOST_RUNS];
    for (int n = 0; n < count; n++) {
        wall[n] = run[n].wall;
        cpu[n] = run[n].cpu;
    }
    qsort(wall, (size_t)count, sizeof *wall, ascending);
    qsort(cpu, (size_t)count, sizeof *cpu, ascending);
    return (struct rig_time){ wall[count / 2], cpu[count / 2] };
}
