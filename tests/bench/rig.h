/* rig.h - what benchmarks of the engine share: the volume of the peers' programs, clocks,
 * and the physical limit. */
#ifndef IVX_BENCH_RIG_H
#define IVX_BENCH_RIG_H

#include "isovox/core/gather.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RIG_COLUMNS = 512, RIG_ROWS = 512, RIG_SLICES = 300, RIG_MOST_RUNS = 99 };

/* 512 x 512 x 300 int16 at 0.7 x 0.7 x 2.5 mm: air, tissue, lungs, noise. */
struct rig_volume {
    int16_t *voxel;
    double t[RIG_SLICES], none[RIG_SLICES];
    struct ivx_stack stack,
        oblique; /* the same slices turned by 15 degrees about the rows */
};

/* Seconds: on the clock, and of this process's own time, which says more on a machine
 * that others use too. */
struct rig_time {
    double wall, cpu;
};

/* Ends the program when memory is out. */
void rig_volume_make(struct rig_volume *out);
void rig_volume_free(struct rig_volume *volume);
/* Slices of a volume, and a sink that looks at what it gets. */
bool rig_give(void *volume, int32_t k, struct ivx_slice *out, struct ivx_err *err);
bool rig_take(void *sum, int32_t m, const void *voxel, struct ivx_err *err);

struct rig_time rig_now(void);
struct rig_time rig_since(struct rig_time start);
/* What memcpy takes for so many bytes read and written together. */
struct rig_time rig_floor(double bytes);
/* Bytes that a conversion to this grid reads and writes. */
double rig_bytes(const struct ivx_grid *grid);
struct rig_time rig_median(const struct rig_time *run, int count);

#ifdef __cplusplus
}
#endif
#endif
