/* subject.h - volumes to resample in tests, and the engine run on them. */
#ifndef TESTS_CORE_SUBJECT_H
#define TESTS_CORE_SUBJECT_H

#include "isovox/core/gather.h"
#include "isovox/core/resample.h"

/* A small volume with its own copy of everything. Slices lie at t[]. */
struct subject {
    struct ivx_stack stack;
    double *t, *shift_row, *shift_column;
    float *voxel;     /* slices * rows * columns */
    uint8_t *missing; /* as many, or NULL */
    enum ivx_sample sample;
    int16_t *whole; /* the same voxels, when sample is IVX_INT16 */
    int asked;      /* slices asked for so far; checked to come in order */
};

struct subject *subject_new(int32_t columns, int32_t rows, int32_t slices,
                            const double spacing[3]);
void subject_free(struct subject **subject);
/* Fill with value(u, v, w), mm in the frame of row, column and normal from the first
 * voxel. */
void subject_fill(struct subject *subject, double (*value)(double u, double v, double w));
/* Repeatable noise: whole numbers in [least, most]. */
void subject_noise(struct subject *subject, int least, int most, uint32_t seed);
void subject_whole(struct subject *subject); /* hand the voxels over as int16 */
void subject_tilt(struct subject *subject, double degrees);
/* Turn the axes by degrees about the patient's z, then about x. */
void subject_aim(struct subject *subject, double about_z, double about_x);
void subject_patient_grid(const struct subject *subject, double spacing,
                          struct ivx_grid *out);
/* Mirror the voxels along one axis (0 columns, 1 rows, 2 slices). */
void subject_flip(struct subject *subject, int axis);

/* The result of a run, in one block. */
struct outcome {
    struct ivx_grid grid;
    enum ivx_sample sample;
    void *voxel;
    size_t voxels;
    struct ivx_resample_report report;
    int given;
};
void outcome_free(struct outcome *outcome);
double outcome_at(const struct outcome *outcome, int32_t i, int32_t j, int32_t m);

/* Defaults of the tests: int16 result, background -1024, calling thread only. */
struct ivx_resample_options subject_options(enum ivx_kernel kernel);

/* ck_assert()s that the run succeeds. */
void subject_run(struct subject *subject, double spacing,
                 const struct ivx_resample_options *options, struct outcome *out);
void subject_run_on(struct subject *subject, const struct ivx_grid *grid,
                    const struct ivx_resample_options *options, struct outcome *out);

/* ivx_resample_any(), or ivx_gather() when there is a transform. */
void subject_run_any(struct subject *subject, const struct ivx_grid *grid,
                     const struct ivx_affine *pull,
                     const struct ivx_resample_options *options, struct outcome *out);

/* Crews: tasks backwards on one thread; and one thread per task. */
void crew_backwards(void *crew, void (*task)(void *, int), void *argument, int count);
void crew_threads(void *crew, void (*task)(void *, int), void *argument, int count);

#endif
