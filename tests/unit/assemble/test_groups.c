/* R0 to R5: what belongs together, in which order, and what is there twice. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "series.h"

#define SET(field, ...) snprintf(field, sizeof field, __VA_ARGS__)

START_TEST(a_plain_series_is_one_volume_where_it_lies)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 5, 2.5);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_int_eq(volume->stack.columns, SERIES_COLUMNS);
    ck_assert_int_eq(volume->stack.rows, SERIES_ROWS);
    ck_assert_int_eq(volume->stack.slices, 5);
    ck_assert_double_eq(volume->stack.column_spacing, 0.5);
    ck_assert_double_eq(volume->stack.row_spacing, 0.7);
    ck_assert_double_eq(volume->stack.origin[0], -10);
    ck_assert_double_eq(volume->stack.origin[1], -20);
    ck_assert_double_eq(volume->stack.origin[2], 30);
    ck_assert_double_eq(volume->stack.normal[2], 1);
    for (int k = 0; k < 5; k++) {
        ck_assert_double_eq(volume->stack.t[k], 30 + 2.5 * k);
        ck_assert_ptr_eq(volume->slices[k], series.all[k]);
    }
    ck_assert(volume->uniform);
    ck_assert_double_eq_tol(volume->spacing_mm, 2.5, 1e-12);
    ck_assert_double_eq(volume->tilt_deg, 0);
    ck_assert_int_eq(volume->warning_count, 0);
    ck_assert(!ivx_assembly_has_hole(assembly));
}
END_TEST

static const struct class_row {
    const char *uid;
    bool passed_over;
} other_classes[] = {
    { "1.2.840.10008.5.1.4.1.1.4.1", false },    /* Enhanced MR: without functional groups */
    { "1.2.840.10008.5.1.4.1.1.130", false },    /* Enhanced PET */
    { "1.2.840.10008.5.1.4.1.1.2.1", false },    /* Enhanced CT */
    { "1.2.840.10008.5.1.4.1.1.2.2", false },    /* Legacy Converted Enhanced CT */
    { "1.2.840.10008.5.1.4.1.1.7", true },       /* Secondary Capture */
    { "1.2.840.10008.5.1.4.1.1.88.22", true },   /* Enhanced SR */
    { "1.2.840.10008.5.1.4.1.1.66.4", true },    /* Segmentation */
    { "1.2.840.10008.5.1.4.1.1.481.3", true },   /* RT Structure Set */
    { "1.2.840.10008.5.1.4.1.1.66", true },      /* Raw Data */
    { "1.2.840.10008.5.1.4.1.1.2.9", true },     /* no class at all */
};

START_TEST(other_classes_are_refused_or_passed_over)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    for (int n = 0; n < 4; n++)
        SET(series.all[n]->sop_class, "%s", other_classes[_i].uid);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, other_classes[_i].passed_over ? IVX_REASON_UNSUPPORTED_MODALITY
                                                           : IVX_REASON_NO_GEOMETRY);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->passed_over,
                     other_classes[_i].passed_over);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->instances, 4);
}
END_TEST

/* MR: the parts of the complex signal; PET: units. CT has neither, whatever is written. */
static const struct meaning_row {
    const char *uid;
    int volumes_by_component, volumes_by_units;
} meanings[] = {
    { "1.2.840.10008.5.1.4.1.1.2", 1, 1 },
    { "1.2.840.10008.5.1.4.1.1.4", 2, 1 },
    { "1.2.840.10008.5.1.4.1.1.128", 1, 2 },
};

START_TEST(signals_of_another_kind_are_another_volume)
{
    for (int by = 0; by < 2; by++) {
        IVX_AUTO(series_free) struct series series;
        series_start(&series, 8, 2);
        for (int n = 0; n < 8; n++) {
            SET(series.all[n]->sop_class, "%s", meanings[_i].uid);
            if (by == 0)
                series.all[n]->component = n % 2 ? 'M' : 'P';
            else
                SET(series.all[n]->units, "%s", n % 2 ? "BQML" : "CNTS");
        }
        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);
        ck_assert_int_eq(ivx_assembly_refusals(assembly), 0);
        ck_assert_int_eq(ivx_assembly_volumes(assembly),
                         by == 0 ? meanings[_i].volumes_by_component
                                 : meanings[_i].volumes_by_units);
    }
}
END_TEST

START_TEST(a_pet_reprojection_is_no_volume)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    for (int n = 0; n < 4; n++) {
        SET(series.all[n]->sop_class, "%s", IVX_PET_IMAGE_STORAGE);
        SET(series.all[n]->series_type, "STATIC\\REPROJECTION");
    }
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);
    series_refused(assembly, IVX_REASON_NOT_A_VOLUME);
}
END_TEST

/* Motion correction moves the position of each mosaic: they would make a stack. */
START_TEST(a_mosaic_is_no_slice)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    for (int n = 0; n < 4; n++) {
        SET(series.all[n]->sop_class, "%s", IVX_MR_IMAGE_STORAGE);
        SET(series.all[n]->image_type, "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC");
    }
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);
    series_refused(assembly, IVX_REASON_UNSUPPORTED_PIXELS);
}
END_TEST

static const struct decay_row {
    const char *correction, *second_time;
    bool warned;
} decays[] = {
    { "NONE", "100100", true }, { "NONE", "100000", false }, { "START", "100100", false },
};

START_TEST(bed_positions_without_decay_correction_are_named)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 6, 2);
    for (int n = 0; n < 6; n++) {
        SET(series.all[n]->sop_class, "%s", IVX_PET_IMAGE_STORAGE);
        SET(series.all[n]->decay_correction, "%s", decays[_i].correction);
        SET(series.all[n]->acquisition_time, "%s",
            n < 3 ? "100000" : decays[_i].second_time);
    }
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);
    ck_assert_int_eq(series_warned(series_only(assembly), IVX_REASON_DECAY_DIFFERS),
                     decays[_i].warned);
}
END_TEST

START_TEST(a_stray_scout_does_not_lose_the_volume)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    SET(series_add(&series, 4)->image_type, "ORIGINAL\\PRIMARY\\LOCALIZER");

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_int_eq(volume->stack.slices, 10);
    ck_assert(series_warned(volume, IVX_REASON_SLICES_PASSED_OVER));
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->reason, IVX_REASON_LOCALIZER);
    ck_assert(ivx_assembly_refusal(assembly, 0)->passed_over);
}
END_TEST

static void other_study(struct ivx_instance *i) { SET(i->study_uid, "2.25.99"); }
static void other_series(struct ivx_instance *i) { SET(i->series_uid, "2.25.99"); }
static void other_frame(struct ivx_instance *i) { SET(i->frame_uid, "2.25.99"); }
static void other_rows(struct ivx_instance *i)
{
    i->rows = SERIES_COLUMNS;
    i->columns = SERIES_ROWS;
}
static void other_columns(struct ivx_instance *i)
{
    i->columns /= 2;
    i->pixel_length /= 2;
}
static void other_class(struct ivx_instance *i)
{
    SET(i->sop_class, "1.2.840.10008.5.1.4.1.1.4");
}
static void other_row_spacing(struct ivx_instance *i) { i->spacing[0] *= 1.0002; }
static void other_column_spacing(struct ivx_instance *i) { i->spacing[1] *= 1.0002; }
static void other_photometric(struct ivx_instance *i) { SET(i->photometric, "MONOCHROME1"); }
static void other_orientation(struct ivx_instance *i)
{
    i->orientation[1] = 0.0011;
    i->orientation[3] = -0.0011;
}

static void (*const others[])(struct ivx_instance *) = {
    other_study, other_series, other_frame, other_rows, other_columns, other_class,
    other_row_spacing, other_column_spacing, other_photometric, other_orientation,
};

/* Never one stack with the first value: every other converter does that with Pixel Spacing. */
START_TEST(what_differs_is_not_stacked)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    for (int n = 5; n < 10; n++)
        others[_i](series.all[n]);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(ivx_assembly_refusals(assembly), 0);
    ck_assert_int_eq(ivx_assembly_volumes(assembly), 2);
    ck_assert_int_eq(ivx_assembly_volume(assembly, 0)->stack.slices, 5);
    ck_assert_int_eq(ivx_assembly_volume(assembly, 1)->stack.slices, 5);
    const bool one_series = others[_i] != other_series;
    ck_assert_int_eq(series_warned(ivx_assembly_volume(assembly, 0), IVX_REASON_SPLIT),
                     one_series);
}
END_TEST

START_TEST(rounding_in_spacing_and_orientation_does_not_split)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    series.all[3]->spacing[0] *= 1.00005;
    series.all[4]->orientation[1] = 5e-4;
    series.all[4]->orientation[3] = -5e-4;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(series_only(assembly)->stack.slices, 10);
}
END_TEST

START_TEST(a_slice_that_differs_in_the_middle_leaves_a_hole)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 11, 2);
    series.all[5]->spacing[0] = series.all[5]->spacing[1] = 0.9;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(ivx_assembly_volumes(assembly), 0);
    ck_assert_int_eq(ivx_assembly_refusals(assembly), 2);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->reason, IVX_REASON_GAP);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 1)->reason, IVX_REASON_NOT_A_VOLUME);
}
END_TEST

START_TEST(fewer_than_three_positions_or_a_millimetre_are_no_volume)
{
    static const struct {
        int count;
        double step;
        bool volume;
    } rows[] = { { 1, 5, false }, { 2, 5, false }, { 3, 5, true }, { 3, 0.51, true },
                 { 3, 0.49, false }, { 20, 0.02, false } };
    for (size_t n = 0; n < IVX_COUNT(rows); n++) {
        IVX_AUTO(series_free) struct series series;
        series_start(&series, rows[n].count, rows[n].step);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

        ck_assert_msg(ivx_assembly_volumes(assembly) == rows[n].volume, "row %zu", n);
        if (!rows[n].volume)
            series_refused(assembly, IVX_REASON_NOT_A_VOLUME);
    }
}
END_TEST

static void no_position(struct ivx_instance *i) { i->has_position = false; }
static void no_orientation(struct ivx_instance *i) { i->has_orientation = false; }
static void no_spacing(struct ivx_instance *i) { i->has_spacing = false; }
static void zero_spacing(struct ivx_instance *i) { i->spacing[1] = 0; }
static void negative_spacing(struct ivx_instance *i) { i->spacing[0] = -0.7; }
static void malformed(struct ivx_instance *i) { i->geometry_malformed = true; }
static void far_away(struct ivx_instance *i) { i->position[1] = 1e300; }
static void long_row(struct ivx_instance *i) { i->orientation[0] = 1.002; }
static void skewed(struct ivx_instance *i) { i->orientation[3] = 0.002; }
static void all_zero(struct ivx_instance *i) { memset(i->orientation, 0, sizeof i->orientation); }

static const struct spoiler {
    void (*spoil)(struct ivx_instance *);
    enum ivx_reason reason;
} spoilers[] = {
    { no_position, IVX_REASON_NO_GEOMETRY },      { no_orientation, IVX_REASON_NO_GEOMETRY },
    { no_spacing, IVX_REASON_NO_GEOMETRY },       { zero_spacing, IVX_REASON_NO_GEOMETRY },
    { negative_spacing, IVX_REASON_NO_GEOMETRY }, { malformed, IVX_REASON_DAMAGED },
    { far_away, IVX_REASON_DAMAGED },
};

START_TEST(one_slice_without_geometry_refuses_its_group)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    spoilers[_i].spoil(series.all[9]);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(ivx_assembly_volumes(assembly), 0);
    ck_assert_int_eq(ivx_assembly_refusals(assembly), 2);
    int instances = 0;
    for (int n = 0; n < 2; n++) {
        ck_assert_int_eq(ivx_assembly_refusal(assembly, n)->reason, spoilers[_i].reason);
        instances += ivx_assembly_refusal(assembly, n)->instances;
    }
    ck_assert_int_eq(instances, 10);
}
END_TEST

/* Whichever of the groups it is, and however many others lack one, too. */
START_TEST(every_group_is_asked_for_its_own_slice_without_geometry)
{
    enum { GROUPS = 7, EACH = 5 };
    IVX_AUTO(series_free) struct series series;
    series_start(&series, GROUPS * EACH, 2);
    for (int n = 0; n < GROUPS * EACH; n++)
        SET(series.all[n]->series_uid, "2.25.%d", 100 + n / EACH);
    for (int group = 0; group < GROUPS; group++)
        if (group != _i)
            no_position(series.all[group * EACH + 1]);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(ivx_assembly_volumes(assembly), 1);
    ck_assert_str_eq(ivx_assembly_volume(assembly, 0)->slices[0]->series_uid,
                     series.all[_i * EACH]->series_uid);
    int refused = 0;
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++)
        refused += ivx_assembly_refusal(assembly, n)->instances;
    ck_assert_int_eq(refused, (GROUPS - 1) * EACH);
}
END_TEST

START_TEST(a_screenshot_without_geometry_does_not)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    struct ivx_instance *shot = series_add(&series, 0);
    no_position(shot);
    SET(shot->image_type, "DERIVED\\SECONDARY\\SCREEN SAVE");

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(ivx_assembly_volumes(assembly), 1);
    ck_assert_int_eq(ivx_assembly_refusals(assembly), 1);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->instances, 1);
    ck_assert(series_warned(ivx_assembly_volume(assembly, 0), IVX_REASON_SLICES_PASSED_OVER));
}
END_TEST

static void (*const bent[])(struct ivx_instance *) = { long_row, skewed, all_zero };

START_TEST(directions_that_are_not_orthonormal_are_refused)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    for (int n = 0; n < 10; n++)
        bent[_i](series.all[n]);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, IVX_REASON_BAD_ORIENTATION);
}
END_TEST

START_TEST(small_errors_of_direction_are_straightened)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 10, 2);
    for (int n = 0; n < 10; n++)
        series.all[n]->orientation[3] = 1.5e-4; /* as a tomosynthesis unit writes them */

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_stack *stack = &series_only(assembly)->stack;
    ck_assert_double_eq_tol(stack->row[0] * stack->column[0] + stack->row[1] * stack->column[1]
                                + stack->row[2] * stack->column[2],
                            0, 1e-15);
    ck_assert_double_eq(stack->row[0], 1);
}
END_TEST

START_TEST(order_comes_from_positions_not_from_numbers)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 6, 2);
    for (int n = 0; n < 6; n++)
        series.all[n]->instance_number = 100 - n * 7 % 5;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    for (int k = 0; k < 6; k++)
        ck_assert_ptr_eq(series_only(assembly)->slices[k], series.all[k]);
}
END_TEST

START_TEST(a_normal_towards_the_feet_turns_the_order_round)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 6, 2);
    for (int n = 0; n < 6; n++)
        series.all[n]->orientation[4] = -1;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_double_eq(volume->stack.normal[2], -1);
    for (int k = 0; k < 6; k++)
        ck_assert_ptr_eq(volume->slices[k], series.all[5 - k]);
    ck_assert_double_eq(volume->stack.t[0], -40);
    ck_assert_double_eq(volume->stack.origin[2], 40);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("groups");
    TCase *rules = tcase_create("R0-R3");
    tcase_add_test(rules, a_plain_series_is_one_volume_where_it_lies);
    tcase_add_loop_test(rules, other_classes_are_refused_or_passed_over, 0,
                        (int)IVX_COUNT(other_classes));
    tcase_add_loop_test(rules, signals_of_another_kind_are_another_volume, 0,
                        (int)IVX_COUNT(meanings));
    tcase_add_test(rules, a_pet_reprojection_is_no_volume);
    tcase_add_test(rules, a_mosaic_is_no_slice);
    tcase_add_loop_test(rules, bed_positions_without_decay_correction_are_named, 0,
                        (int)IVX_COUNT(decays));
    tcase_add_test(rules, a_stray_scout_does_not_lose_the_volume);
    tcase_add_loop_test(rules, what_differs_is_not_stacked, 0, (int)IVX_COUNT(others));
    tcase_add_test(rules, rounding_in_spacing_and_orientation_does_not_split);
    tcase_add_test(rules, a_slice_that_differs_in_the_middle_leaves_a_hole);
    tcase_add_test(rules, fewer_than_three_positions_or_a_millimetre_are_no_volume);
    tcase_add_loop_test(rules, one_slice_without_geometry_refuses_its_group, 0,
                        (int)IVX_COUNT(spoilers));
    tcase_add_loop_test(rules, every_group_is_asked_for_its_own_slice_without_geometry, 0, 7);
    tcase_add_test(rules, a_screenshot_without_geometry_does_not);
    tcase_add_loop_test(rules, directions_that_are_not_orthonormal_are_refused, 0,
                        (int)IVX_COUNT(bent));
    tcase_add_test(rules, small_errors_of_direction_are_straightened);
    tcase_add_test(rules, order_comes_from_positions_not_from_numbers);
    tcase_add_test(rules, a_normal_towards_the_feet_turns_the_order_round);
    suite_add_tcase(made, rules);
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
