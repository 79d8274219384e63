/* Grids and stacks: geometry by hand. */
#include <check.h>
#include <math.h>

#include "isovox/base/auto.h"
#include "subject.h"

START_TEST(a_position_is_origin_plus_steps_along_the_axes)
{
    double axis[3][3] = { { 0, 1, 0 }, { 0, 0, 1 }, { 1, 0, 0 } };
    const int32_t count[3] = { 4, 5, 6 };
    const double spacing[3] = { 0.5, 2, 3 }, origin[3] = { 10, 20, 30 };
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    double mm[3], index[3];
    ck_assert_msg(ivx_grid_make(count, spacing, origin, axis, &grid, &err), "%s",
                  err.text);

    ivx_grid_position(&grid, (double[]){ 2, 1, -1 }, mm);
    ivx_grid_index(&grid, mm, index);

    ck_assert_double_eq(mm[0], 10 - 3);
    ck_assert_double_eq(mm[1], 20 + 1);
    ck_assert_double_eq(mm[2], 30 + 2);
    ck_assert_double_eq_tol(index[0], 2, 1e-12);
    ck_assert_double_eq_tol(index[1], 1, 1e-12);
    ck_assert_double_eq_tol(index[2], -1, 1e-12);
}
END_TEST

static void refuses(const int32_t count[3], double spacing, double axis[3][3],
                    const char *text)
{
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    const double origin[3] = { 0 }, spacings[3] = { 1, 1, spacing };
    ck_assert(!ivx_grid_make(count, spacings, origin, axis, &grid, &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);
    ck_assert_str_eq(err.text, text);
}

START_TEST(a_grid_that_is_none_is_refused)
{
    double right[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    double left[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, -1 } };
    double skew[3][3] = { { 1, 0, 0 }, { 0.01, 1, 0 }, { 0, 0, 1 } };
    const int32_t good[3] = { 1, 1, 1 }, empty[3] = { 1, 0, 1 };

    refuses(empty, 1, right, "grid: 0 voxels along axis 1");
    refuses(good, 0, right, "grid: spacing 0 along axis 2");
    refuses(good, NAN, right, "grid: spacing nan along axis 2");
    refuses(good, 1, left, "grid: the axes are left-handed");
    refuses(good, 1, skew, "grid: the axes are not orthonormal");
}
END_TEST

static struct ivx_grid target(struct subject *subject, double spacing,
                              enum ivx_align align)
{
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    ck_assert_msg(ivx_target_grid(&subject->stack, spacing, align, &grid, &err), "%s",
                  err.text);
    return grid;
}

/* Extents of a 0.7 x 0.7 x 2.5 mm volume, and a slice distance with the
 * noise of decimal strings: no 751st plane. */
START_TEST(the_target_is_ceil_of_the_extent_about_its_centre)
{
    const double spacing[3] = { 0.7, 0.7, _i ? 2.5000002 : 2.5 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(512, 512, 300, spacing);

    const struct ivx_grid grid = target(subject, 1.0, IVX_ALIGN_CENTER);

    ck_assert_int_eq(grid.count[0], 359);
    ck_assert_int_eq(grid.count[1], 359);
    ck_assert_int_eq(grid.count[2], 750);
    for (int a = 0; a < 3; a++) { /* both centres are one point */
        const double source = 0.5 * ((a < 2 ? 512 : 300) - 1) * spacing[a];
        const double result = grid.origin[a] + 0.5 * (grid.count[a] - 1);
        ck_assert_double_eq_tol(result, subject->stack.origin[a] + source, 1e-9);
        ck_assert_double_eq(grid.spacing[a], 1.0);
    }
}
END_TEST

START_TEST(alignments_keep_the_first_centre_or_the_first_corner)
{
    const double spacing[3] = { 0.8, 0.6, 3 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(10, 11, 12, spacing);

    const struct ivx_grid origin = target(subject, 1.0, IVX_ALIGN_ORIGIN);
    const struct ivx_grid corner = target(subject, 1.0, IVX_ALIGN_CORNER);

    for (int a = 0; a < 3; a++) {
        ck_assert_double_eq_tol(origin.origin[a], subject->stack.origin[a], 1e-12);
        ck_assert_double_eq_tol(corner.origin[a] - 0.5,
                                subject->stack.origin[a] - spacing[a] / 2, 1e-12);
    }
}
END_TEST

/* Tilt widens the box by the largest shift; irregular slices reach half-way. */
START_TEST(the_box_holds_every_voxel_with_its_border)
{
    const double spacing[3] = { 1, 1, 2 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(20, 20, 11, spacing);
    for (int k = 0; k < 11; k++)
        subject->shift_column[k] = -0.5 * k;
    subject->t[10] += 3; /* last gap 5 mm */

    const struct ivx_grid grid = target(subject, 1.0, IVX_ALIGN_CENTER);

    ck_assert_int_eq(grid.count[0], 20);
    ck_assert_int_eq(grid.count[1], 25);
    ck_assert_int_eq(grid.count[2], 27); /* 1 + 18 + 5 + 2.5 = 26.5 */
    ck_assert_double_eq_tol(grid.origin[1], 17.5 - 0.5 + (-5 + 0.5), 1e-12);
    ck_assert_double_eq_tol(grid.origin[2], 100 - 1 + 26.5 / 2 - 13, 1e-12);
}
END_TEST

START_TEST(a_target_too_large_or_meaningless_is_refused)
{
    const double spacing[3] = { 1, 1, 1 };
    const double wrong[] = { 0, -1, NAN, INFINITY, 1e-3 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(100, 100, 10, spacing);
    struct ivx_err err = { 0 };
    struct ivx_grid grid;

    ck_assert(
        !ivx_target_grid(&subject->stack, wrong[_i], IVX_ALIGN_CENTER, &grid, &err));

    ck_assert_int_eq(err.code, IVX_REFUSED);
}
END_TEST

START_TEST(a_stack_that_does_not_ascend_is_damaged)
{
    const double spacing[3] = { 1, 1, 1 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(4, 4, 4, spacing);
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    subject->t[2] = subject->t[1];

    ck_assert(!ivx_target_grid(&subject->stack, 1, IVX_ALIGN_CENTER, &grid, &err));

    ck_assert_int_eq(err.code, IVX_DAMAGED);
    ck_assert_str_eq(err.text, "stack: slice 2 does not ascend");
}
END_TEST

START_TEST(uniform_is_within_a_hundredth_or_two_per_cent)
{
    const double spacing[3] = { 1, 1, 5 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(4, 4, 21, spacing);
    double found = 0;

    ck_assert(ivx_stack_uniform(&subject->stack, &found));
    ck_assert_double_eq_tol(found, 5, 1e-12);
    subject->t[10] += 0.09; /* 2 % of 5 mm is 0.1 mm */
    ck_assert(ivx_stack_uniform(&subject->stack, &found));
    subject->t[10] += 0.03;
    ck_assert(!ivx_stack_uniform(&subject->stack, &found));

    subject->stack.slices = 1;
    ck_assert(!ivx_stack_uniform(&subject->stack, &found));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/grid");
    TCase *tests = tcase_create("grid");
    tcase_add_test(tests, a_position_is_origin_plus_steps_along_the_axes);
    tcase_add_test(tests, a_grid_that_is_none_is_refused);
    tcase_add_loop_test(tests, the_target_is_ceil_of_the_extent_about_its_centre, 0, 2);
    tcase_add_test(tests, alignments_keep_the_first_centre_or_the_first_corner);
    tcase_add_test(tests, the_box_holds_every_voxel_with_its_border);
    tcase_add_loop_test(tests, a_target_too_large_or_meaningless_is_refused, 0, 5);
    tcase_add_test(tests, a_stack_that_does_not_ascend_is_damaged);
    tcase_add_test(tests, uniform_is_within_a_hundredth_or_two_per_cent);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
