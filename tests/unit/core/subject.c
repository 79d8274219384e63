#include "subject.h"

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct subject *subject_new(int32_t columns, int32_t rows, int32_t slices,
                            const double spacing[3])
{
    struct subject *made = calloc(1, sizeof *made);
    ck_assert_ptr_nonnull(made);
    made->t = calloc((size_t)slices, sizeof *made->t);
    made->shift_row = calloc((size_t)slices, sizeof *made->t);
    made->shift_column = calloc((size_t)slices, sizeof *made->t);
    made->voxel = calloc((size_t)columns * rows * slices, sizeof *made->voxel);
    made->sample = IVX_FLOAT32;
    for (int32_t k = 0; k < slices; k++)
        made->t[k] = k * spacing[2];
    made->stack = (struct ivx_stack){ .columns = columns,
                                      .rows = rows,
                                      .slices = slices,
                                      .column_spacing = spacing[0],
                                      .row_spacing = spacing[1],
                                      .origin = { -31, 17.5, 100 },
                                      .row = { 1, 0, 0 },
                                      .column = { 0, 1, 0 },
                                      .normal = { 0, 0, 1 },
                                      .t = made->t,
                                      .shift_row = made->shift_row,
                                      .shift_column = made->shift_column };
    return made;
}

void subject_free(struct subject **subject)
{
    if (*subject == NULL)
        return;
    free((*subject)->t);
    free((*subject)->shift_row);
    free((*subject)->shift_column);
    free((*subject)->voxel);
    free((*subject)->missing);
    free((*subject)->whole);
    free(*subject);
    *subject = NULL;
}

void subject_fill(struct subject *subject, double (*value)(double u, double v, double w))
{
    const struct ivx_stack *s = &subject->stack;
    size_t p = 0;
    for (int32_t k = 0; k < s->slices; k++)
        for (int32_t j = 0; j < s->rows; j++)
            for (int32_t i = 0; i < s->columns; i++)
                subject->voxel[p++] = (float)value(
                    s->shift_row[k] + i * s->column_spacing,
                    s->shift_column[k] + j * s->row_spacing, s->t[k] - s->t[0]);
}

void subject_noise(struct subject *subject, int least, int most, uint32_t seed)
{
    const struct ivx_stack *s = &subject->stack;
    const size_t count = (size_t)s->columns * s->rows * s->slices;
    for (size_t p = 0; p < count; p++) {
        seed = seed * 1664525u + 1013904223u;
        subject->voxel[p] =
            (float)(least + (int)((seed >> 8) % (uint32_t)(most - least + 1)));
    }
}

void subject_whole(struct subject *subject)
{
    const struct ivx_stack *s = &subject->stack;
    const size_t count = (size_t)s->columns * s->rows * s->slices;
    free(subject->whole);
    subject->whole = calloc(count, sizeof *subject->whole);
    for (size_t p = 0; p < count; p++)
        subject->whole[p] = (int16_t)subject->voxel[p];
    subject->sample = IVX_INT16;
}

void subject_tilt(struct subject *subject, double degrees)
{
    for (int32_t k = 0; k < subject->stack.slices; k++)
        subject->shift_column[k] =
            (subject->t[k] - subject->t[0]) * tan(degrees * M_PI / 180);
}

void subject_flip(struct subject *subject, int axis)
{
    const int32_t n[3] = { subject->stack.columns, subject->stack.rows,
                           subject->stack.slices };
    const size_t count = (size_t)n[0] * n[1] * n[2];
    float *flipped = calloc(count, sizeof *flipped);
    for (size_t p = 0; p < count; p++) {
        int32_t at[3] = { (int32_t)(p % n[0]), (int32_t)(p / n[0] % n[1]),
                          (int32_t)(p / n[0] / n[1]) };
        at[axis] = n[axis] - 1 - at[axis];
        flipped[((size_t)at[2] * n[1] + at[1]) * n[0] + at[0]] = subject->voxel[p];
    }
    free(subject->voxel);
    subject->voxel = flipped;
}

/* Turns about z, then about x; determinant 1. */
static void turn(double about_z, double about_x, double out[3][3])
{
    const double a = about_z * acos(-1) / 180, b = about_x * acos(-1) / 180;
    const double m[3][3] = { { cos(a), -sin(a), 0 },
                             { sin(a) * cos(b), cos(a) * cos(b), -sin(b) },
                             { sin(a) * sin(b), cos(a) * sin(b), cos(b) } };
    memcpy(out, m, sizeof m);
}

void subject_aim(struct subject *subject, double about_z, double about_x)
{
    double m[3][3];
    turn(about_z, about_x, m);
    for (int c = 0; c < 3; c++) {
        subject->stack.row[c] = m[c][0];
        subject->stack.column[c] = m[c][1];
        subject->stack.normal[c] = m[c][2];
    }
}

void subject_patient_grid(const struct subject *subject, double spacing,
                          struct ivx_grid *out)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_target_grid_patient(&subject->stack, spacing, IVX_ALIGN_CENTER, out, &err),
                  "%s", err.text);
}

void outcome_free(struct outcome *outcome)
{
    free(outcome->voxel);
    outcome->voxel = NULL;
}

double outcome_at(const struct outcome *outcome, int32_t i, int32_t j, int32_t m)
{
    const size_t p =
        ((size_t)m * outcome->grid.count[1] + j) * outcome->grid.count[0] + i;
    return outcome->sample == IVX_INT16 ? ((const int16_t *)outcome->voxel)[p]
                                        : ((const float *)outcome->voxel)[p];
}

struct ivx_resample_options subject_options(enum ivx_kernel kernel)
{
    return (struct ivx_resample_options){ .kernel = kernel,
                                          .result = IVX_INT16,
                                          .background = -1024 };
}

static bool source(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    struct subject *subject = context;
    const size_t plane = (size_t)subject->stack.columns * subject->stack.rows;
    (void)err;
    ck_assert_int_eq(k, subject->asked);
    subject->asked++;
    out->sample = subject->sample;
    out->voxel = subject->sample == IVX_INT16 ? (void *)(subject->whole + plane * k)
                                              : (void *)(subject->voxel + plane * k);
    out->missing = subject->missing == NULL ? NULL : subject->missing + plane * k;
    return true;
}

static bool sink(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct outcome *outcome = context;
    const size_t plane = (size_t)outcome->grid.count[0] * outcome->grid.count[1];
    const size_t bytes = plane * (outcome->sample == IVX_INT16 ? 2 : 4);
    (void)err;
    ck_assert_int_eq(m, outcome->given);
    outcome->given++;
    memcpy((char *)outcome->voxel + bytes * m, voxel, bytes);
    return true;
}

void subject_run_on(struct subject *subject, const struct ivx_grid *grid,
                    const struct ivx_resample_options *options, struct outcome *out)
{
    struct ivx_err err = { 0 };
    *out = (struct outcome){ .grid = *grid, .sample = options->result };
    out->voxels = (size_t)grid->count[0] * grid->count[1] * grid->count[2];
    out->voxel = calloc(out->voxels, 4);
    subject->asked = 0;
    const bool done = ivx_resample(&subject->stack, grid, options, source, subject, sink,
                                   out, &out->report, &err);
    ck_assert_msg(done, "%s", err.text);
    ck_assert_int_eq(subject->asked, subject->stack.slices);
    ck_assert_int_eq(out->given, grid->count[2]);
}

void subject_run_any(struct subject *subject, const struct ivx_grid *grid,
                     const struct ivx_affine *pull,
                     const struct ivx_resample_options *options, struct outcome *out)
{
    struct ivx_err err = { 0 };
    *out = (struct outcome){ .grid = *grid, .sample = options->result };
    out->voxels = (size_t)grid->count[0] * grid->count[1] * grid->count[2];
    out->voxel = calloc(out->voxels, 4);
    subject->asked = 0;
    const bool done =
        pull == NULL ? ivx_resample_any(&subject->stack, grid, options, source, subject, sink,
                                        out, &out->report, &err)
                     : ivx_gather(&subject->stack, grid, pull, options, source, subject, sink,
                                  out, &out->report, &err);
    ck_assert_msg(done, "%s", err.text);
    ck_assert_int_eq(subject->asked, subject->stack.slices);
    ck_assert_int_eq(out->given, grid->count[2]);
}

void subject_run(struct subject *subject, double spacing,
                 const struct ivx_resample_options *options, struct outcome *out)
{
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    ck_assert_msg(
        ivx_target_grid(&subject->stack, spacing, IVX_ALIGN_CENTER, &grid, &err), "%s",
        err.text);
    subject_run_on(subject, &grid, options, out);
}

void crew_backwards(void *crew, void (*task)(void *, int), void *argument, int count)
{
    (void)crew;
    for (int n = count - 1; n >= 0; n--)
        task(argument, n);
}

struct errand {
    void (*task)(void *, int);
    void *argument;
    int n;
};

static void *on_thread(void *argument)
{
    const struct errand *errand = argument;
    errand->task(errand->argument, errand->n);
    return NULL;
}

void crew_threads(void *crew, void (*task)(void *, int), void *argument, int count)
{
    pthread_t thread[16];
    struct errand errand[16];
    (void)crew;
    ck_assert_int_le(count, 16);
    for (int n = 0; n < count; n++) {
        errand[n] = (struct errand){ task, argument, n };
        ck_assert_int_eq(pthread_create(&thread[n], NULL, on_thread, &errand[n]), 0);
    }
    for (int n = 0; n < count; n++)
        pthread_join(thread[n], NULL);
}
