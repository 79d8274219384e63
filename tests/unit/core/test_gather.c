/* The general path: oblique grids, patient axes, transforms. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "oracle.h"

static const struct ivx_affine identity = {
    { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }, { 0, 0, 0 }
};

/* The oracle, for the axis-aligned engine, asked for one voxel at this patient position. */
static struct verdict oracle_mm(const struct subject *subject, const double mm[3],
                                const struct ivx_resample_options *options)
{
    const struct ivx_stack *s = &subject->stack;
    struct ivx_grid one = { .count = { 1, 1, 1 }, .spacing = { 1, 1, 1 },
                            .origin = { mm[0], mm[1], mm[2] } };
    memcpy(one.axis[0], s->row, sizeof one.axis[0]);
    memcpy(one.axis[1], s->column, sizeof one.axis[1]);
    memcpy(one.axis[2], s->normal, sizeof one.axis[2]);
    return oracle_at(subject, &one, options, 0, 0, 0);
}

static void compare_with_oracle(const struct subject *subject, const struct outcome *outcome,
                                const struct ivx_resample_options *options, double tolerance)
{
    const int32_t *n = outcome->grid.count;
    uint64_t background = 0, padded = 0, doubtful = 0;
    for (int32_t m = 0; m < n[2]; m++)
        for (int32_t j = 0; j < n[1]; j++)
            for (int32_t i = 0; i < n[0]; i++) {
                double mm[3];
                ivx_grid_position(&outcome->grid, (double[]){ i, j, m }, mm);
                const struct verdict truth = oracle_mm(subject, mm, options);
                const double got = outcome_at(outcome, i, j, m);
                background += got == (double)options->background;
                doubtful += truth.doubtful;
                if (truth.doubtful)
                    continue;
                padded += truth.padded;
                ck_assert_msg(fabs(got - truth.value) < tolerance,
                              "kernel %d, voxel %d %d %d: %.6f, not %.6f", options->kernel, i,
                              j, m, got, truth.value);
            }
    ck_assert_uint_eq(outcome->report.background, background);
    ck_assert_uint_ge(outcome->report.padded, padded);
    ck_assert_uint_le(outcome->report.padded, padded + doubtful);
}

/* Every kernel (the loop index), 15 and 25 degrees oblique, also irregular and padded. */
static void check_oblique(enum ivx_kernel kernel, bool irregular, bool padded)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(11, 9, 7, (double[]){ 0.9, 1.1, 2.3 });
    IVX_AUTO(outcome_free) struct outcome outcome = { .given = 0 };
    struct ivx_resample_options options = subject_options(kernel);
    struct ivx_grid grid;
    options.result = IVX_FLOAT32;
    options.antialias = IVX_ANTIALIAS_OFF;
    options.background = -30000;
    subject_noise(subject, -1000, 2000, 7);
    subject_aim(subject, 15, 25);
    for (int32_t k = 0; irregular && k < 7; k++)
        subject->t[k] += 0.37 * ((k * 5) % 3);
    if (padded) {
        subject->missing = calloc(11 * 9 * 7, 1);
        for (int p = 0; p < 11 * 9 * 7; p++)
            subject->missing[p] = p % 11 < 2 || p % 97 == 5;
    }
    subject_patient_grid(subject, 1.3, &grid);

    subject_run_any(subject, &grid, NULL, &options, &outcome);

    compare_with_oracle(subject, &outcome, &options, 1.5e-3);
}

START_TEST(oblique_is_what_the_definition_says)
{
    check_oblique((enum ivx_kernel)_i, false, false);
}
END_TEST

START_TEST(oblique_and_irregular)
{
    check_oblique((enum ivx_kernel)_i, true, false);
}
END_TEST

START_TEST(oblique_and_padded)
{
    check_oblique((enum ivx_kernel)_i, false, true);
}
END_TEST

/* The two ways through the house agree where both can go. */
START_TEST(the_identity_is_the_axis_aligned_engine)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(23, 17, 9, (double[]){ 0.7, 0.8, 2.5 });
    IVX_AUTO(outcome_free) struct outcome straight = { .given = 0 };
    IVX_AUTO(outcome_free) struct outcome gathered = { .given = 0 };
    struct ivx_resample_options options = subject_options((enum ivx_kernel)(_i / 2));
    options.result = IVX_FLOAT32;
    options.antialias = IVX_ANTIALIAS_OFF;
    options.boundary = _i % 2 ? IVX_BOUNDARY_MIRROR : IVX_BOUNDARY_NEAREST;
    subject_noise(subject, -1000, 2000, 3);

    subject_run(subject, 1.0, &options, &straight);
    subject_run_any(subject, &straight.grid, &identity, &options, &gathered);

    ck_assert_uint_eq(straight.report.background, gathered.report.background);
    ck_assert_uint_eq(straight.report.edge, gathered.report.edge);
    for (size_t p = 0; p < straight.voxels; p++)
        ck_assert_float_eq_tol(((float *)straight.voxel)[p], ((float *)gathered.voxel)[p],
                               1.5e-3F);
}
END_TEST

static double plane_field(double u, double v, double w)
{
    return 3 * u - 5 * v + 2 * w + 40;
}

/* A linear field stays what it is, through tilt, obliqueness and anti-aliasing, wherever no
 * kernel reaches over an edge. */
START_TEST(a_ramp_stays_a_ramp)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(40, 40, 24, (double[]){ 1, 1, 2 });
    IVX_AUTO(outcome_free) struct outcome outcome = { .given = 0 };
    struct ivx_resample_options options = subject_options((enum ivx_kernel)_i);
    struct ivx_grid grid;
    options.result = IVX_FLOAT32;
    subject_aim(subject, -12, 9);
    subject_tilt(subject, 11);
    subject_fill(subject, plane_field);
    subject_patient_grid(subject, 1.7, &grid);

    subject_run_any(subject, &grid, NULL, &options, &outcome);

    const struct ivx_stack *s = &subject->stack;
    int seen = 0;
    for (size_t p = 0; p < outcome.voxels; p++) {
        const double index[3] = { (double)(p % (size_t)grid.count[0]),
                                  (double)(p / (size_t)grid.count[0] % (size_t)grid.count[1]),
                                  (double)(p / (size_t)grid.count[0] / (size_t)grid.count[1]) };
        double mm[3], at[3] = { 0, 0, 0 };
        ivx_grid_position(&grid, index, mm);
        for (int c = 0; c < 3; c++) {
            at[0] += (mm[c] - s->origin[c]) * s->row[c];
            at[1] += (mm[c] - s->origin[c]) * s->column[c];
            at[2] += (mm[c] - s->origin[c]) * s->normal[c];
        }
        const double upright = at[1] - at[2] * tan(11 * acos(-1) / 180);
        if (at[0] < 14 || at[0] > 25 || upright < 14 || upright > 25 || at[2] < 16 || at[2] > 30)
            continue;
        seen++;
        ck_assert_double_eq_tol(((float *)outcome.voxel)[p], plane_field(at[0], at[1], at[2]),
                                0.05);
    }
    ck_assert_int_gt(seen, 200);
    ck_assert_double_gt(outcome.report.stretch[0], 1.69);
}
END_TEST

/* Sagittal slices to the patient's axes: every voxel is a voxel of the acquired result. */
START_TEST(a_permutation_is_an_exact_copy)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(13, 10, 6, (double[]){ 0.8, 0.8, 1.9 });
    IVX_AUTO(outcome_free) struct outcome own = { .given = 0 };
    IVX_AUTO(outcome_free) struct outcome turned = { .given = 0 };
    const struct ivx_resample_options options = subject_options(IVX_BSPLINE3);
    struct ivx_grid grid;
    subject_noise(subject, -1000, 2000, 9);
    memcpy(subject->stack.row, (double[]){ 0, 1, 0 }, sizeof subject->stack.row);
    memcpy(subject->stack.column, (double[]){ 0, 0, -1 }, sizeof subject->stack.column);
    memcpy(subject->stack.normal, (double[]){ -1, 0, 0 }, sizeof subject->stack.normal);

    subject_run(subject, 1.0, &options, &own);
    subject_patient_grid(subject, 1.0, &grid);
    subject_run_any(subject, &grid, NULL, &options, &turned);

    ck_assert_int_eq(grid.count[0], own.grid.count[2]);
    ck_assert_int_eq(grid.count[1], own.grid.count[0]);
    ck_assert_int_eq(grid.count[2], own.grid.count[1]);
    for (int32_t m = 0; m < grid.count[2]; m++)
        for (int32_t j = 0; j < grid.count[1]; j++)
            for (int32_t i = 0; i < grid.count[0]; i++) {
                double mm[3], index[3];
                ivx_grid_position(&grid, (double[]){ i, j, m }, mm);
                ivx_grid_index(&own.grid, mm, index);
                for (int a = 0; a < 3; a++)
                    ck_assert_double_eq_tol(index[a], rint(index[a]), 1e-9);
                ck_assert_double_eq(outcome_at(&turned, i, j, m),
                                    outcome_at(&own, (int32_t)rint(index[0]),
                                               (int32_t)rint(index[1]),
                                               (int32_t)rint(index[2])));
            }
}
END_TEST

/* The box of 10 x 10 x 10 mm turned by 45 degrees about z is 10 sqrt(2) wide. */
START_TEST(the_patient_box_holds_every_voxel)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(10, 10, 10, (double[]){ 1, 1, 1 });
    struct ivx_grid grid;
    subject_aim(subject, 45, 0);

    subject_patient_grid(subject, 1, &grid);

    ck_assert_int_eq(grid.count[0], 15);
    ck_assert_int_eq(grid.count[1], 15);
    ck_assert_int_eq(grid.count[2], 10);
    /* The centre of the box is the centre of the volume. */
    double centre[3], truth[3];
    ivx_grid_position(&grid, (double[]){ 7, 7, 4.5 }, centre);
    for (int c = 0; c < 3; c++) {
        truth[c] = subject->stack.origin[c] + 4.5 * (subject->stack.row[c]
                   + subject->stack.column[c] + subject->stack.normal[c]);
        ck_assert_double_eq_tol(centre[c], truth[c], 1e-9);
    }
}
END_TEST

/* A registration by whole voxels moves voxels and does nothing else. */
START_TEST(a_translation_by_whole_voxels_is_exact)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(12, 12, 8, (double[]){ 1, 1, 1 });
    IVX_AUTO(outcome_free) struct outcome outcome = { .given = 0 };
    const struct ivx_resample_options options = subject_options((enum ivx_kernel)_i);
    struct ivx_affine pull = identity;
    struct ivx_grid grid;
    struct ivx_err err = { 0 };
    subject_noise(subject, -1000, 2000, 5);
    pull.offset[0] = 2;
    pull.offset[1] = -3;
    pull.offset[2] = 1;
    ck_assert(ivx_target_grid(&subject->stack, 1, IVX_ALIGN_CENTER, &grid, &err));

    subject_run_any(subject, &grid, &pull, &options, &outcome);

    for (int32_t m = 0; m < 8; m++)
        for (int32_t j = 0; j < 12; j++)
            for (int32_t i = 0; i < 12; i++) {
                const bool inside = i + 2 < 12 && j - 3 >= 0 && m + 1 < 8;
                const size_t from = ((size_t)(m + 1) * 12 + (size_t)(j - 3)) * 12 + (size_t)i + 2;
                const double expected = inside ? (double)subject->voxel[from] : -1024;
                ck_assert_double_eq(outcome_at(&outcome, i, j, m), expected);
            }
}
END_TEST

START_TEST(the_crew_changes_nothing)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(19, 13, 7, (double[]){ 0.9, 1.1, 2.3 });
    IVX_AUTO(outcome_free) struct outcome alone = { .given = 0 };
    struct ivx_resample_options options = subject_options((enum ivx_kernel)_i);
    struct ivx_grid grid;
    subject_noise(subject, -1000, 2000, 7);
    subject_tilt(subject, 10);
    subject_aim(subject, 15, 25);
    subject_patient_grid(subject, 1.3, &grid);
    subject_run_any(subject, &grid, NULL, &options, &alone);

    const int sizes[] = { 2, 7 };
    const char *sets[] = { "base", "auto" };
    for (size_t n = 0; n < 2; n++) {
        IVX_AUTO(outcome_free) struct outcome many = { .given = 0 };
        options.crew = (struct ivx_crew){ n == 0 ? crew_threads : crew_backwards, NULL, sizes[n] };
        options.simd = sets[n];
        subject_run_any(subject, &grid, NULL, &options, &many);
        ck_assert_mem_eq(alone.voxel, many.voxel, alone.voxels * sizeof(int16_t));
        ck_assert_uint_eq(alone.report.background, many.report.background);
    }
}
END_TEST

static bool no_source(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    (void)context;
    (void)out;
    return ivx_fail(err, IVX_DAMAGED, "slice %d cannot be read", k);
}

static bool no_sink(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    (void)context;
    (void)voxel;
    return ivx_fail(err, IVX_FULL, "slice %d cannot be written", m);
}

START_TEST(limits_and_errors_are_told)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(64, 64, 64, (double[]){ 1, 1, 1 });
    struct ivx_resample_options options = subject_options(IVX_BSPLINE3);
    struct ivx_grid grid;
    subject_aim(subject, 15, 25);
    subject_patient_grid(subject, 1, &grid);

    struct ivx_err err = { 0 };
    ck_assert(!ivx_gather(&subject->stack, &grid, NULL, &options, no_source, NULL, no_sink,
                          NULL, NULL, &err));
    ck_assert_str_eq(err.text, "slice 0 cannot be read");

    options.memory_limit = 1 << 20;
    struct ivx_err full = { 0 };
    ck_assert(!ivx_gather(&subject->stack, &grid, NULL, &options, no_source, NULL, no_sink,
                          NULL, NULL, &full));
    ck_assert_int_eq(full.code, IVX_FULL);
    ck_assert_str_eq(full.text, "gather: needs more than 1 MiB of working memory");

    struct ivx_affine endless = identity;
    endless.matrix[1][1] = HUGE_VAL;
    struct ivx_err bad = { 0 };
    options.memory_limit = 0;
    ck_assert(!ivx_gather(&subject->stack, &grid, &endless, &options, no_source, NULL, no_sink,
                          NULL, NULL, &bad));
    ck_assert_int_eq(bad.code, IVX_DAMAGED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/gather");
    TCase *tests = tcase_create("gather");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, oblique_is_what_the_definition_says, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, oblique_and_irregular, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, oblique_and_padded, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, the_identity_is_the_axis_aligned_engine, 0,
                        2 * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, a_ramp_stays_a_ramp, IVX_BSPLINE3, IVX_NEAREST);
    tcase_add_test(tests, a_permutation_is_an_exact_copy);
    tcase_add_test(tests, the_patient_box_holds_every_voxel);
    tcase_add_loop_test(tests, a_translation_by_whole_voxels_is_exact, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, the_crew_changes_nothing, 0, IVX_KERNEL_COUNT);
    tcase_add_test(tests, limits_and_errors_are_told);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
