/* Through any affine, and limited to a range. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "oracle.h"

/* Stretched: another frame of reference, turned, sheared and scaled. */
static const struct ivx_affine sheared = {
    { { 0.96, -0.25, 0.0625 }, { 0.28125, 0.9375, 0.125 }, { 0, -0.125, 1.03125 } },
    { 1.75, -0.5, 3.25 }
};

/* Millimetres that each axis of the stack sees go by per result step, all three squared. */
static void steps_seen(const struct subject *subject, const struct ivx_grid *grid,
                       const struct ivx_affine *pull, double out[3])
{
    const double *const axis[3] = { subject->stack.row, subject->stack.column,
                                    subject->stack.normal };
    for (int a = 0; a < 3; a++) {
        out[a] = 0;
        for (int d = 0; d < 3; d++) {
            double along = 0;
            for (int c = 0; c < 3; c++)
                for (int e = 0; e < 3; e++)
                    along += axis[a][c] * pull->matrix[c][e] * grid->axis[d][e];
            out[a] += pow(along * grid->spacing[d], 2);
        }
        out[a] = sqrt(out[a]);
    }
}

/* Tilted, irregular or padded slices through an affine: every voxel is the definition. */
static void check_affine(enum ivx_kernel kernel, const struct ivx_resample_options *options,
                         double spacing, int way)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(11, 9, 7, (double[]){ 0.9, 1.1, 2.3 });
    IVX_AUTO(outcome_free) struct outcome outcome = { .given = 0 };
    IVX_AUTO(lattice_free) struct lattice lattice = { .value = NULL };
    struct ivx_grid grid;
    double target[3];
    subject_noise(subject, -1000, 2000, 70 + (uint32_t)kernel);
    for (int32_t k = 0; way % 3 == 1 && k < 7; k++)
        subject->t[k] += 0.37 * ((k * 5) % 3);
    subject_tilt(subject, way % 2 ? -13 : 0);
    subject_aim(subject, 15, 25);
    subject->missing = way % 3 == 2 ? calloc(11 * 9 * 7, 1) : NULL;
    for (int p = 0; subject->missing != NULL && p < 11 * 9 * 7; p++)
        subject->missing[p] = p % 11 < 2 || p % 97 == 5;
    subject_patient_grid(subject, spacing, &grid);
    steps_seen(subject, &grid, &sheared, target);
    lattice_make(subject, options, target, &lattice);

    subject_run_any(subject, &grid, &sheared, options, &outcome);

    const int32_t *n = grid.count;
    int seen = 0;
    for (int32_t p = 0; p < n[0] * n[1] * n[2]; p++) {
        double at[3], mm[3];
        const double index[3] = { p % n[0], p / n[0] % n[1], p / n[0] / n[1] };
        ivx_grid_position(&grid, index, at);
        for (int c = 0; c < 3; c++)
            mm[c] = sheared.offset[c] + sheared.matrix[c][0] * at[0]
                    + sheared.matrix[c][1] * at[1] + sheared.matrix[c][2] * at[2];
        const struct verdict truth = lattice_at(&lattice, mm);
        const double got = (double)((const float *)outcome.voxel)[p];
        if (truth.doubtful)
            continue;
        seen += !truth.background;
        ck_assert_msg(fabs(got - truth.value) < 2e-3, "kernel %d, way %d: %.6f, not %.6f",
                      kernel, way, got, truth.value);
    }
    ck_assert_int_gt(seen, 80);
}

START_TEST(any_affine_is_what_the_definition_says)
{
    static const enum ivx_antialias methods[] = { IVX_ANTIALIAS_OFF, IVX_ANTIALIAS_AUTO,
                                                  IVX_ANTIALIAS_GAUSS_CARDOSO,
                                                  IVX_ANTIALIAS_GAUSS_MIRP };
    const enum ivx_kernel kernel = (enum ivx_kernel)(_i / 6);
    struct ivx_resample_options options = subject_options(kernel);
    options.result = IVX_FLOAT32;
    options.background = -30000;
    for (size_t n = 0; n < IVX_COUNT(methods); n++) {
        options.antialias = methods[n];
        options.boundary =
            (_i + n) % 2 ? IVX_BOUNDARY_MIRROR
                         : _i % 3 ? IVX_BOUNDARY_NEAREST : IVX_BOUNDARY_BACKGROUND;
        check_affine(kernel, &options, n == 0 ? 1.0 : 1.9, _i % 6);
    }
}
END_TEST

/* What is beyond the range goes to its end and is counted; background stays. */
START_TEST(results_are_limited_to_the_range_of_the_input)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(11, 9, 7, (double[]){ 0.9, 1.1, 2.3 });
    IVX_AUTO(outcome_free) struct outcome free_run = { .given = 0 };
    IVX_AUTO(outcome_free) struct outcome limited = { .given = 0 };
    struct ivx_resample_options options = subject_options((enum ivx_kernel)(_i / 2));
    struct ivx_grid grid;
    options.result = IVX_FLOAT32;
    options.background = -30000;
    subject_noise(subject, -700, 900, 8);
    if (_i % 2)
        subject_aim(subject, 15, 25);
    subject_patient_grid(subject, 0.8, &grid);

    subject_run_any(subject, &grid, NULL, &options, &free_run);
    options.clamp = true;
    options.least = -700;
    options.most = 900;
    subject_run_any(subject, &grid, NULL, &options, &limited);

    uint64_t beyond = 0;
    for (size_t p = 0; p < free_run.voxels; p++) {
        const float was = ((const float *)free_run.voxel)[p];
        const float is = ((const float *)limited.voxel)[p];
        const float wanted = was == -30000 ? was : fminf(fmaxf(was, -700), 900);
        ck_assert_float_eq(is, wanted);
        beyond += wanted != was;
    }
    ck_assert_uint_eq(limited.report.clamped, beyond);
    ck_assert_uint_eq(free_run.report.clamped, 0);
    ck_assert_uint_eq(limited.report.background, free_run.report.background);
    const bool overshoots =
        options.kernel != IVX_LINEAR && options.kernel != IVX_NEAREST;
    ck_assert_msg(overshoots == (beyond > 0), "%d beyond", (int)beyond);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/affine");
    TCase *tests = tcase_create("affine");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, any_affine_is_what_the_definition_says, 0,
                        6 * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, results_are_limited_to_the_range_of_the_input, 0,
                        2 * IVX_KERNEL_COUNT);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
