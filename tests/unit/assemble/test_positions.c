/* R6 and R7: tilt, slices beside the line, distances, holes. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "series.h"

static void tilt(struct series *series, double degrees)
{
    for (int n = 0; n < series->count; n++)
        series->all[n]->position[1] += (series->all[n]->position[2] - 30)
                                       * tan(degrees * M_PI / 180);
}

START_TEST(tilt_is_measured_from_the_positions)
{
    static const double angles[] = { -18.5, 18.5, 30, -0.5, 2.9 };
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 20, 3);
    tilt(&series, angles[_i]);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_double_eq_tol(volume->tilt_deg, angles[_i], 1e-9);
    ck_assert(series_warned(volume, IVX_REASON_TILTED));
    ck_assert(volume->uniform);
    for (int k = 0; k < 20; k++) {
        ck_assert_double_eq_tol(volume->stack.shift_column[k],
                                3 * k * tan(angles[_i] * M_PI / 180), 1e-9);
        ck_assert_double_eq_tol(volume->stack.shift_row[k], 0, 1e-12);
    }
}
END_TEST

START_TEST(tilt_goes_with_variable_distances)
{
    static const double steps[] = { 4, 4, 4, 1.08, 7, 7, 7 };
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 8, 4);
    for (int n = 1; n < 8; n++)
        series.all[n]->position[2] = series.all[n - 1]->position[2] + steps[n - 1];
    for (int n = 4; n < 8; n++)
        series.all[n]->thickness = 7;
    tilt(&series, 16);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_double_eq_tol(volume->tilt_deg, 16, 1e-9);
    ck_assert(series_warned(volume, IVX_REASON_IRREGULAR_SPACING));
}
END_TEST

START_TEST(a_disagreeing_attribute_is_reported_and_ignored)
{
    static const struct {
        double attribute;
        bool disagrees;
    } rows[] = { { 18.5, false }, { -18.5, false }, { 17.6, false }, { 17.4, true },
                 { 0, true } };
    for (size_t n = 0; n < IVX_COUNT(rows); n++) {
        IVX_AUTO(series_free) struct series series;
        series_start(&series, 20, 3);
        tilt(&series, -18.5);
        for (int k = 0; k < 20; k++) {
            series.all[k]->has_tilt = true;
            series.all[k]->tilt_deg = rows[n].attribute;
        }

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

        const struct ivx_source_volume *volume = series_only(assembly);
        ck_assert_double_eq_tol(volume->tilt_deg, -18.5, 1e-9);
        ck_assert_msg(series_warned(volume, IVX_REASON_TILT_DISAGREES) == rows[n].disagrees,
                      "row %zu", n);
    }
}
END_TEST

/* Half a pixel is 0.25 mm here (the smaller of 0.5 and 0.7 mm). */
START_TEST(a_slice_beside_the_line)
{
    static const struct {
        double off;
        bool volume, jitter;
    } rows[] = { { 0.04, true, false }, { 0.2, true, true }, { 0.4, false, false },
                 { 25, false, false } };
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 40, 2);
    tilt(&series, 10);
    series.all[20]->position[0] += rows[_i].off;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    if (!rows[_i].volume) {
        series_refused(assembly, IVX_REASON_OFF_LINE);
        return;
    }
    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_int_eq(series_warned(volume, IVX_REASON_JITTER), rows[_i].jitter);
    ck_assert_double_eq_tol(volume->stack.shift_row[20], rows[_i].off, 1e-9);
    ck_assert_double_eq_tol(volume->tilt_deg, 10, 0.01);
}
END_TEST

START_TEST(rounded_positions_are_no_tilt)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 40, 1.25);
    for (int n = 0; n < 40; n++)
        series.all[n]->position[0] += n % 2 == 0 ? 0.0004 : -0.0004;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_double_eq(volume->tilt_deg, 0);
    ck_assert_int_eq(volume->warning_count, 0);
    for (int k = 0; k < 40; k++)
        ck_assert_double_eq(volume->stack.shift_row[k], 0);
}
END_TEST

START_TEST(small_steps_out_of_rhythm_are_still_uniform)
{
    static const struct {
        double error;
        bool uniform;
    } rows[] = { { 0.02, true }, { 0.039, true }, { 0.1, false } }; /* 2 % of 2 mm is 0.04 */
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 60, 2);
    series.all[30]->position[2] += rows[_i].error;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_int_eq(volume->uniform, rows[_i].uniform);
    ck_assert_double_eq_tol(volume->stack.t[30], 90 + rows[_i].error, 1e-9);
    ck_assert_double_eq_tol(volume->spacing_mm, 2, 1e-3);
}
END_TEST

static const struct ivx_assemble_options refuse = { IVX_GAP_REFUSE, true, false };
static const struct ivx_assemble_options interpolate = { IVX_GAP_INTERPOLATE, true, false };
static const struct ivx_assemble_options split = { IVX_GAP_SPLIT, true, false };
static const struct ivx_assemble_options waiting = { IVX_GAP_INTERPOLATE, false, false };

START_TEST(a_missing_slice_is_seen_wherever_it_is_missing)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    series_remove(&series, _i);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_assemble(&series, &refuse);

    series_refused(assembly, IVX_REASON_GAP);
    ck_assert(ivx_assembly_has_hole(assembly));
    ck_assert_str_eq(ivx_assembly_refusal(assembly, 0)->text,
                     "1 slice missing in 1 hole; first: 4.00 mm where 2.00 mm are usual, "
                     "instance numbers jump");
}
END_TEST

/* A gap is judged by the others, never by itself. */
START_TEST(three_slices_are_enough_to_see_a_hole)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    series_remove(&series, 1 + _i);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_assemble(&series, &refuse);

    series_refused(assembly, IVX_REASON_GAP);
}
END_TEST

START_TEST(one_missing_slice_may_be_bridged)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    series_remove(&series, 4);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly =
        series_assemble(&series, &interpolate);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_int_eq(volume->stack.slices, 9);
    ck_assert(series_warned(volume, IVX_REASON_GAP_INTERPOLATED));
    ck_assert(ivx_assembly_has_hole(assembly));
    ck_assert_double_eq(volume->stack.t[4] - volume->stack.t[3], 4); /* nothing has moved */
    ck_assert_double_eq(volume->stack.t[8], 48);
}
END_TEST

START_TEST(an_incomplete_series_waits_whatever_the_policy)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    series_remove(&series, 4);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly =
        series_assemble(&series, &waiting);

    series_refused(assembly, IVX_REASON_GAP);
}
END_TEST

START_TEST(larger_holes_are_not_bridged)
{
    static const struct {
        int count;
        double step;
        int missing[3];
        bool bridged;
    } rows[] = {
        { 100, 2, { 50, -1, -1 }, true },  { 100, 2, { 50, 51, -1 }, false },
        { 100, 2, { 30, 60, -1 }, true },  { 100, 2, { 20, 40, 60 }, false },
        { 40, 2, { 10, 20, -1 }, false },  { 40, 8, { 10, -1, -1 }, false },
    };
    IVX_AUTO(series_free) struct series series;
    series_start(&series, rows[_i].count, rows[_i].step);
    for (int n = 2; n >= 0; n--)
        if (rows[_i].missing[n] >= 0)
            series_remove(&series, rows[_i].missing[n]);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly =
        series_assemble(&series, &interpolate);

    if (rows[_i].bridged)
        ck_assert(series_warned(series_only(assembly), IVX_REASON_GAP_INTERPOLATED));
    else
        series_refused(assembly, IVX_REASON_GAP);
}
END_TEST

START_TEST(blocks_between_holes_can_be_volumes)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 20, 2);
    series_remove(&series, 17); /* 18 and 19 are too few for a volume */
    series_remove(&series, 8);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_assemble(&series, &split);

    ck_assert_int_eq(ivx_assembly_volumes(assembly), 2);
    ck_assert_int_eq(ivx_assembly_volume(assembly, 0)->stack.slices, 8);
    ck_assert_int_eq(ivx_assembly_volume(assembly, 1)->stack.slices, 8);
    ck_assert_double_eq(ivx_assembly_volume(assembly, 1)->stack.t[0], 48);
    ck_assert_double_eq(ivx_assembly_volume(assembly, 1)->stack.origin[2], 48);
    ck_assert(series_warned(ivx_assembly_volume(assembly, 0), IVX_REASON_SPLIT));
    ck_assert_int_eq(ivx_assembly_refusals(assembly), 1);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->reason, IVX_REASON_NOT_A_VOLUME);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->instances, 2);
}
END_TEST

START_TEST(a_gap_that_thickness_explains_is_no_hole)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 4);
    for (int n = 5; n < 10; n++)
        series.all[n]->position[2] += 3;
    series.all[4]->thickness = series.all[5]->thickness = _i == 0 ? 7 : 4;
    if (_i == 2)
        series.all[4]->has_thickness = series.all[5]->has_thickness = false;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(ivx_assembly_has_hole(assembly), _i != 0);
    if (_i == 0)
        ck_assert_int_eq(series_only(assembly)->stack.slices, 10);
    else
        series_refused(assembly, IVX_REASON_GAP);
}
END_TEST

/* 5 mm slices every 2.5 mm: the hole is no wider than one slice is thick. */
START_TEST(a_missing_slice_is_seen_where_slices_overlap)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 12, 2.5);
    for (int n = 0; n < 12; n++)
        series.all[n]->thickness = 5;
    series_remove(&series, _i);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_assemble(&series, &refuse);

    series_refused(assembly, IVX_REASON_GAP);
}
END_TEST

START_TEST(overlapping_slices_are_no_hole)
{
    static const double thick[] = { 1.25, 2.5, 5, 10, 25 };
    for (size_t n = 0; n < IVX_COUNT(thick); n++) {
        IVX_AUTO(series_free) struct series series;
        series_start(&series, 12, 2.5);
        for (int k = 0; k < 12; k++)
            series.all[k]->thickness = thick[n];

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

        ck_assert_int_eq(series_only(assembly)->stack.slices, 12);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("positions");
    TCase *line = tcase_create("R6");
    tcase_add_loop_test(line, tilt_is_measured_from_the_positions, 0, 5);
    tcase_add_test(line, tilt_goes_with_variable_distances);
    tcase_add_test(line, a_disagreeing_attribute_is_reported_and_ignored);
    tcase_add_loop_test(line, a_slice_beside_the_line, 0, 4);
    tcase_add_test(line, rounded_positions_are_no_tilt);
    suite_add_tcase(made, line);

    TCase *spacing = tcase_create("R7");
    tcase_add_loop_test(spacing, small_steps_out_of_rhythm_are_still_uniform, 0, 3);
    tcase_add_loop_test(spacing, a_missing_slice_is_seen_wherever_it_is_missing, 1, 9);
    tcase_add_loop_test(spacing, three_slices_are_enough_to_see_a_hole, 0, 2);
    tcase_add_test(spacing, one_missing_slice_may_be_bridged);
    tcase_add_test(spacing, an_incomplete_series_waits_whatever_the_policy);
    tcase_add_loop_test(spacing, larger_holes_are_not_bridged, 0, 6);
    tcase_add_test(spacing, blocks_between_holes_can_be_volumes);
    tcase_add_loop_test(spacing, a_gap_that_thickness_explains_is_no_hole, 0, 3);
    tcase_add_loop_test(spacing, a_missing_slice_is_seen_where_slices_overlap, 1, 11);
    tcase_add_test(spacing, overlapping_slices_are_no_hole);
    suite_add_tcase(made, spacing);
    return made;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
