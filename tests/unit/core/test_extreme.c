/* Numbers that no scanner writes: whoever sends them gets an answer, soon. */
#include <check.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "subject.h"

static double plane(double u, double v, double w)
{
    (void)u;
    (void)v;
    return 100 * w + 7;
}

/* Samples of a thousandth of a millimetre: the Gaussian is 128 000 of them wide, and there
 * are six. Summed over its own square it would take longer than a test may. */
START_TEST(a_gaussian_far_wider_than_the_samples_is_soon_summed)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(6, 6, 6, (double[]){ 1e-3, 1e-3, 1e-3 });
    IVX_AUTO(outcome_free) struct outcome outcome = { .given = 0 };
    struct ivx_resample_options options = subject_options(IVX_LINEAR);
    options.antialias = IVX_ANTIALIAS_GAUSS_MIRP;
    options.result = IVX_FLOAT32;
    subject_fill(subject, plane);

    subject_run(subject, 40, &options, &outcome);

    ck_assert_uint_eq(outcome.voxels, 1);
    ck_assert_double_eq_tol(outcome_at(&outcome, 0, 0, 0), plane(0, 0, 2.5e-3), 1e-3);
}
END_TEST

static double first_voxel(double gap)
{
    enum { SLICES = 42 };
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(1, 1, SLICES, (double[]){ 1, 1, 1 });
    IVX_AUTO(outcome_free) struct outcome outcome = { .given = 0 };
    struct ivx_resample_options options = subject_options(IVX_LINEAR);
    options.result = IVX_FLOAT32;
    for (int k = 1; k < SLICES; k++)
        subject->t[k] = subject->t[0] + gap + k - 1;
    subject->voxel[0] = 1000;

    subject_run(subject, 4, &options, &outcome);

    return outcome_at(&outcome, 0, 0, 0);
}

/* Positions beyond the ends count in units of the outermost gap: here in thousands of
 * millions of them. What lies there is the first slice all the same. */
START_TEST(a_tiny_gap_at_an_end_is_no_other_end)
{
    const double usual = first_voxel(1e-5);

    ck_assert_double_gt(usual, 300); /* nearly half of the kernel lies beyond the end */
    ck_assert_double_eq_tol(first_voxel(1e-9), usual, 0.02);
}
END_TEST

static bool no_source(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    (void)context;
    (void)out;
    return ivx_fail(err, IVX_BUG, "slice %d is asked for", k);
}

static bool no_sink(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    (void)context;
    (void)voxel;
    return ivx_fail(err, IVX_BUG, "slice %d is handed on", m);
}

START_TEST(a_transform_too_coarse_for_the_slices_is_refused)
{
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(4, 4, 4, (double[]){ 1, 1, 1 });
    const struct ivx_resample_options options = subject_options(IVX_BSPLINE3);
    struct ivx_affine wide = { .matrix = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } } };
    struct ivx_grid grid;
    struct ivx_err err = { 0 };
    subject_patient_grid(subject, 1, &grid);
    wide.matrix[_i][_i] = 4097;

    ck_assert(!ivx_gather(&subject->stack, &grid, &wide, &options, no_source, NULL, no_sink,
                          NULL, NULL, &err));

    ck_assert_int_eq(err.code, IVX_REFUSED);
    ck_assert_str_eq(err.text, "gather: the grid is too coarse for the slices");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/extreme");
    TCase *tests = tcase_create("extreme");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_gaussian_far_wider_than_the_samples_is_soon_summed);
    tcase_add_test(tests, a_tiny_gap_at_an_end_is_no_other_end);
    tcase_add_loop_test(tests, a_transform_too_coarse_for_the_slices_is_refused, 0, 3);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
