/* R4 and R5: several images at one position. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "series.h"

#define SET(field, ...) snprintf(field, sizeof field, __VA_ARGS__)

START_TEST(an_instance_sent_twice_changes_nothing)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 8, 2);
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *once = series_decide(&series);
    series_resend(&series, _i);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *twice = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(twice);
    ck_assert_int_eq(volume->stack.slices, 8);
    ck_assert_mem_eq(volume->stack.t, series_only(once)->stack.t, 8 * sizeof(double));
    ck_assert(series_warned(volume, IVX_REASON_DUPLICATES_DROPPED));
    ck_assert(volume->uniform);
}
END_TEST

static void other_pixels(struct series *series, struct ivx_instance *again)
{
    uint16_t words[SERIES_ROWS * SERIES_COLUMNS] = { 1 };
    series_pixels(series, again, words);
}
static void other_place(struct series *series, struct ivx_instance *again)
{
    (void)series;
    again->position[2] += 1;
}
static void other_intercept(struct series *series, struct ivx_instance *again)
{
    (void)series;
    again->intercept = -1000;
}
static void other_padding(struct series *series, struct ivx_instance *again)
{
    (void)series;
    again->has_padding = true;
}

static void (*const conflicts[])(struct series *, struct ivx_instance *) = {
    other_pixels, other_place, other_intercept, other_padding,
};

START_TEST(one_uid_with_two_contents_is_refused)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 8, 2);
    conflicts[_i](&series, series_resend(&series, 3));

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, IVX_REASON_UID_CONFLICT);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->instances, 9);
}
END_TEST

START_TEST(identical_images_with_two_uids_are_one)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 8, 2);
    SET(series_resend(&series, 3)->sop_uid, "2.25.999");

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_int_eq(volume->stack.slices, 8);
    ck_assert(series_warned(volume, IVX_REASON_DUPLICATES_DROPPED));
}
END_TEST

/* The same stored values, once big endian and once little. */
START_TEST(identical_means_the_values_not_the_bytes)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 8, 2);
    struct ivx_instance *again = series_resend(&series, 3);
    SET(again->sop_uid, "2.25.999");
    SET(again->syntax, "1.2.840.10008.1.2.2");
    again->big_endian = true;
    uint16_t words[SERIES_ROWS * SERIES_COLUMNS];
    for (int n = 0; n < SERIES_ROWS * SERIES_COLUMNS; n++)
        words[n] = __builtin_bswap16((uint16_t)(1000 + 7 * n + 13 * 3));
    series_pixels(&series, again, words);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(series_only(assembly)->stack.slices, 8);
}
END_TEST

START_TEST(different_images_at_one_place_are_ambiguous)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 8, 2);
    series_add(&series, 3);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, IVX_REASON_AMBIGUOUS_POSITIONS);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->instances, 9);
}
END_TEST

START_TEST(images_beside_one_another_at_one_height_are_refused)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 8, 2);
    series_add(&series, 3)->position[0] += 0.02;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, IVX_REASON_IN_PLANE_SHIFT);
}
END_TEST

/* A head CT has steps of 4, 1.08 and 7 mm, all of them real. */
START_TEST(close_slices_are_no_duplicates)
{
    static const double steps[] = { 4, 4, 4, 4, 4, 1.08, 7, 7, 7, 7, 7 };
    static const double thick[][2] = { { 4, 7 }, { 5, 7.5 }, { 5, 10 }, { 5, 5 }, { 0, 0 } };
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 12, 4);
    for (int n = 1; n < 12; n++)
        series.all[n]->position[2] = series.all[n - 1]->position[2] + steps[n - 1];
    for (int n = 0; n < 12; n++) {
        series.all[n]->thickness = thick[_i][n >= 6];
        series.all[n]->has_thickness = thick[_i][0] > 0;
    }

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    const struct ivx_source_volume *volume = series_only(assembly);
    ck_assert_int_eq(volume->stack.slices, 12);
    ck_assert(!volume->uniform);
    ck_assert(series_warned(volume, IVX_REASON_IRREGULAR_SPACING));
    for (int k = 1; k < 12; k++)
        ck_assert_double_eq_tol(volume->stack.t[k] - volume->stack.t[k - 1], steps[k - 1], 1e-12);
}
END_TEST

static void by_temporal(struct ivx_instance *i, int p) { SET(i->temporal, "%d", p + 1); }
static void by_acquisition(struct ivx_instance *i, int p)
{
    SET(i->acquisition_number, "%d", p + 1);
}
static void by_echo(struct ivx_instance *i, int p) { SET(i->echo, "%d/", p + 1); }
static void by_b_value(struct ivx_instance *i, int p) { SET(i->b_value, "%d", p * 1000); }
static void by_gradient(struct ivx_instance *i, int p) { SET(i->gradient, "%d", p); }
static void by_trigger(struct ivx_instance *i, int p) { SET(i->trigger_time, "%d", 40 * p); }
static void by_frame_time(struct ivx_instance *i, int p) { SET(i->frame_time, "%d", 40 * p); }
static void by_acquisition_time(struct ivx_instance *i, int p)
{
    SET(i->acquisition_time, "10%02d00", p);
}
static void by_datetime(struct ivx_instance *i, int p)
{
    SET(i->acquisition_datetime, "2001010110%02d00", p);
}
static void by_content_time(struct ivx_instance *i, int p) { SET(i->content_time, "10%02d00", p); }
static void by_image_type(struct ivx_instance *i, int p)
{
    SET(i->image_type, "ORIGINAL\\PRIMARY\\AXIAL\\%s", p == 0 ? "BONE" : "SOFT");
}
static void by_contrast(struct ivx_instance *i, int p) { SET(i->contrast, "*ep_b%d/", p); }
static void by_vendor(struct ivx_instance *i, int p) { SET(i->vendor_diffusion, "%02d", p); }
static void by_kernel(struct ivx_instance *i, int p) { SET(i->convolution_kernel, "B%d", p); }

typedef void mark_part(struct ivx_instance *instance, int part);

static mark_part *const marks[] = {
    by_temporal, by_acquisition, by_echo, by_b_value, by_gradient, by_trigger, by_frame_time,
    by_acquisition_time, by_datetime, by_content_time, by_image_type, by_kernel,
    by_contrast, by_vendor,
};

/* Two phases of 8 slices, interleaved in number and arrival; all[n] and all[8 + n] lie at
 * one position. */
static void two_phases(struct series *series, mark_part *mark)
{
    series_start(series, 8, 2);
    for (int n = 0; n < 8; n++) {
        series_add(series, n)->instance_number = 2 * n + 1;
        series->all[n]->instance_number = 2 * n;
        if (mark != NULL) {
            mark(series->all[n], 0);
            mark(series->all[8 + n], 1);
        }
    }
}

static void check_two_phases(const struct series *series, const struct ivx_assembly *assembly)
{
    ck_assert_int_eq(ivx_assembly_refusals(assembly), 0);
    ck_assert_int_eq(ivx_assembly_volumes(assembly), 2);
    for (int part = 0; part < 2; part++) {
        const struct ivx_source_volume *volume = ivx_assembly_volume(assembly, part);
        ck_assert_int_eq(volume->stack.slices, 8);
        ck_assert(volume->uniform);
        ck_assert(series_warned(volume, IVX_REASON_SPLIT));
        for (int k = 0; k < 8; k++)
            ck_assert_ptr_eq(volume->slices[k], series->all[8 * part + k]);
    }
}

START_TEST(phases_are_told_apart_by_any_of_the_attributes)
{
    IVX_AUTO(series_free) struct series series;
    two_phases(&series, marks[_i]);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    check_two_phases(&series, assembly);
}
END_TEST

START_TEST(phases_are_told_apart_by_blocks_of_instance_numbers)
{
    IVX_AUTO(series_free) struct series series;
    two_phases(&series, NULL);
    for (int n = 0; n < 16; n++)
        series.all[n]->instance_number = 101 + n;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    check_two_phases(&series, assembly);
}
END_TEST

START_TEST(interleaved_numbers_alone_tell_nothing)
{
    IVX_AUTO(series_free) struct series series;
    two_phases(&series, NULL);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, IVX_REASON_AMBIGUOUS_POSITIONS);
}
END_TEST

/* Positions that differ are no proof of one stack: the table came back a little beside. */
static const struct beside_row {
    int stacks;
    double beside, thickness; /* 0: not said */
    bool refused;
} besides[] = {
    { 2, 0.2, 2, true },   { 3, 0.1, 2, true },  { 5, 0.05, 0, true }, { 2, 0.02, 2, true },
    { 2, 1.0, 2, false }, /* two increments that fill one another's gaps */
    { 2, 0.5, 0.5, false }, /* pairs of thin slices at intervals; a hole for R7, not for this */
};

START_TEST(stacks_a_little_beside_one_another_are_no_volume)
{
    const struct beside_row *row = &besides[_i];
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 12, 2);
    for (int stack = 1; stack < row->stacks; stack++)
        for (int n = 0; n < 12; n++)
            series_add(&series, n)->position[2] += stack * row->beside;
    for (int n = 0; n < series.count; n++) {
        series.all[n]->has_thickness = row->thickness > 0;
        series.all[n]->thickness = row->thickness;
    }

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    if (row->refused)
        series_refused(assembly, IVX_REASON_AMBIGUOUS_POSITIONS);
    for (int n = 0; n < ivx_assembly_refusals(assembly) && !row->refused; n++)
        ck_assert_int_ne(ivx_assembly_refusal(assembly, n)->reason,
                         IVX_REASON_AMBIGUOUS_POSITIONS);
}
END_TEST

START_TEST(the_attributes_are_asked_in_their_order)
{
    IVX_AUTO(series_free) struct series series;
    two_phases(&series, by_temporal);
    for (int n = 0; n < 16; n++) /* would split too, and wrongly */
        by_acquisition(series.all[n], (n % 8 < 4) ^ (n < 8));

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    check_two_phases(&series, assembly);
}
END_TEST

START_TEST(echoes_at_several_times_are_told_apart_by_both)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 8, 2);
    for (int volume = 1; volume < 6; volume++)
        for (int k = 0; k < 8; k++)
            series_add(&series, k);
    for (int n = 0; n < 48; n++) {
        by_temporal(series.all[n], n / 8 % 3);
        by_echo(series.all[n], n / 8 / 3);
        series.all[n]->instance_number = 1 + n % 8 * 6 + n / 8; /* interleaved */
    }
    uint64_t state = 11;
    struct ivx_instance *sent[48];
    memcpy(sent, series.all, sizeof sent);
    series_shuffle(&series, &state);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(ivx_assembly_volumes(assembly), 6);
    for (int v = 0; v < 6; v++) {
        const struct ivx_source_volume *volume = ivx_assembly_volume(assembly, v);
        ck_assert_int_eq(volume->stack.slices, 8);
        int first = 0;
        while (sent[first] != volume->slices[0])
            first++;
        ck_assert_int_eq(first % 8, 0);
        for (int k = 0; k < 8; k++)
            ck_assert_ptr_eq(volume->slices[k], sent[first + k]);
    }
}
END_TEST

START_TEST(unique_positions_are_never_split)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 21, 2);
    for (int n = 0; n < 21; n++) {
        by_acquisition(series.all[n], n);
        by_image_type(series.all[n], n % 2);
        by_acquisition_time(series.all[n], n);
        by_temporal(series.all[n], n % 3);
    }

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(series_only(assembly)->stack.slices, 21);
    ck_assert(!series_warned(series_only(assembly), IVX_REASON_SPLIT));
}
END_TEST

START_TEST(an_incomplete_phase_is_refused)
{
    IVX_AUTO(series_free) struct series series;
    two_phases(&series, by_temporal);
    series_remove(&series, 12);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, IVX_REASON_AMBIGUOUS_POSITIONS);
}
END_TEST

/* Phases that share identical images (air at the ends) keep them, each its own. */
START_TEST(identical_images_do_not_tear_a_phase)
{
    IVX_AUTO(series_free) struct series series;
    two_phases(&series, by_temporal);
    series.all[8]->pixel_offset = series.all[0]->pixel_offset;
    series.all[15]->pixel_offset = series.all[7]->pixel_offset;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    check_two_phases(&series, assembly);
}
END_TEST

START_TEST(a_copy_in_one_phase_is_dropped_before_the_split)
{
    IVX_AUTO(series_free) struct series series;
    two_phases(&series, by_temporal);
    SET(series_resend(&series, 5)->sop_uid, "2.25.999");

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    check_two_phases(&series, assembly);
    ck_assert(series_warned(ivx_assembly_volume(assembly, 0), IVX_REASON_DUPLICATES_DROPPED));
}
END_TEST

START_TEST(a_hole_in_both_phases_refuses_both)
{
    IVX_AUTO(series_free) struct series series;
    two_phases(&series, by_temporal);
    series_remove(&series, 12);
    series_remove(&series, 4);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, IVX_REASON_GAP);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->instances, 14);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("repeats");
    TCase *same = tcase_create("R4");
    tcase_add_loop_test(same, an_instance_sent_twice_changes_nothing, 0, 8);
    tcase_add_loop_test(same, one_uid_with_two_contents_is_refused, 0,
                        (int)IVX_COUNT(conflicts));
    tcase_add_test(same, identical_images_with_two_uids_are_one);
    tcase_add_test(same, identical_means_the_values_not_the_bytes);
    tcase_add_test(same, different_images_at_one_place_are_ambiguous);
    tcase_add_test(same, images_beside_one_another_at_one_height_are_refused);
    tcase_add_loop_test(same, close_slices_are_no_duplicates, 0, 5);
    suite_add_tcase(made, same);

    TCase *split = tcase_create("R5");
    tcase_add_loop_test(split, phases_are_told_apart_by_any_of_the_attributes, 0,
                        (int)IVX_COUNT(marks));
    tcase_add_test(split, phases_are_told_apart_by_blocks_of_instance_numbers);
    tcase_add_test(split, interleaved_numbers_alone_tell_nothing);
    tcase_add_test(split, the_attributes_are_asked_in_their_order);
    tcase_add_loop_test(split, stacks_a_little_beside_one_another_are_no_volume, 0,
                        (int)(sizeof besides / sizeof *besides));
    tcase_add_test(split, echoes_at_several_times_are_told_apart_by_both);
    tcase_add_test(split, unique_positions_are_never_split);
    tcase_add_test(split, an_incomplete_phase_is_refused);
    tcase_add_test(split, identical_images_do_not_tear_a_phase);
    tcase_add_test(split, a_copy_in_one_phase_is_dropped_before_the_split);
    tcase_add_test(split, a_hole_in_both_phases_refuses_both);
    suite_add_tcase(made, split);
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
