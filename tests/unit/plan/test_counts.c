/* What instances announce, what that is worth, and what is learned from pauses: no disk. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "pauses.h"

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

/* ---- from the header ------------------------------------------------------------------ */

static struct ivx_instance pet(const char *series_type)
{
    struct ivx_instance instance = { .slices_in_volume = 47, .time_slices = 6,
                                     .rr_intervals = 2, .time_slots = 8 };
    ivx_text_copy(instance.sop_class, sizeof instance.sop_class, IVX_PET_IMAGE_STORAGE);
    ivx_text_copy(instance.series_type, sizeof instance.series_type, series_type);
    return instance;
}

/* PS3.3 C.8.9.1: which numbers multiply. */
START_TEST(pet_series_count_by_their_type)
{
    static const struct {
        const char *type;
        int64_t total;
    } cases[] = {
        { "STATIC\\IMAGE", 47 },      { "WHOLE BODY\\IMAGE", 47 },
        { "DYNAMIC\\IMAGE", 47 * 6 }, { "GATED\\IMAGE", 47 * 2 * 8 },
        { "", 0 },                    { "STATICS\\IMAGE", 0 },
    };
    struct ivx_announced out[IVX_PLAN_COUNTS];
    const struct ivx_instance instance = pet(cases[_i].type);

    const size_t count = ivx_plan_announced(&instance, out);

    ck_assert_uint_eq(count, cases[_i].total == 0 ? 0 : 1);
    if (count > 0) {
        ck_assert_str_eq(out[0].kind, "number_of_slices");
        ck_assert_int_eq(out[0].total, cases[_i].total);
    }
}
END_TEST

START_TEST(number_of_slices_of_a_ct_is_not_looked_at)
{
    struct ivx_announced out[IVX_PLAN_COUNTS];
    struct ivx_instance instance = pet("STATIC\\IMAGE");
    ivx_text_copy(instance.sop_class, sizeof instance.sop_class, IVX_CT_IMAGE_STORAGE);
    ck_assert_uint_eq(ivx_plan_announced(&instance, out), 0);
}
END_TEST

START_TEST(what_says_nothing_is_not_announced)
{
    struct ivx_announced out[IVX_PLAN_COUNTS];
    struct ivx_instance instance = { .images_in_acquisition = 1 };
    ck_assert_uint_eq(ivx_plan_announced(&instance, out), 0);
    instance.images_in_acquisition = -60;
    ck_assert_uint_eq(ivx_plan_announced(&instance, out), 0);
    instance.images_in_acquisition = INT64_MAX;
    ck_assert_uint_eq(ivx_plan_announced(&instance, out), 0);
    /* Without an identifier nobody can count the positions. */
    instance.images_in_acquisition = 0;
    instance.temporal_positions = 200;
    ck_assert_uint_eq(ivx_plan_announced(&instance, out), 0);
    instance.concatenation_total = 3;
    ck_assert_uint_eq(ivx_plan_announced(&instance, out), 0);
}
END_TEST

START_TEST(each_announcement_names_its_part)
{
    struct ivx_announced out[IVX_PLAN_COUNTS];
    struct ivx_instance instance = { .images_in_acquisition = 60, .temporal_positions = 5,
                                     .in_concatenation = 1, .concatenation_total = 3 };
    ivx_text_copy(instance.acquisition_number, sizeof instance.acquisition_number, "2");
    ivx_text_copy(instance.temporal, sizeof instance.temporal, "4");
    ivx_text_copy(instance.concatenation, sizeof instance.concatenation, "2.25.9");

    ck_assert_uint_eq(ivx_plan_announced(&instance, out), 3);

    ck_assert_str_eq(out[0].part, "2");
    ck_assert_int_eq(out[0].total, 60);
    ck_assert_str_eq(out[1].part, "4");
    ck_assert_int_eq(out[1].total, 5);
    ck_assert_str_eq(out[2].part, "2.25.9");
    ck_assert_int_eq(out[2].total, 3);
}
END_TEST

/* A concatenation counts instances; the rest counts frames there. */
START_TEST(a_multi_frame_object_is_more_than_one_image)
{
    struct ivx_announced out[IVX_PLAN_COUNTS];
    struct ivx_instance instance = { .images_in_acquisition = 60, .frame_count = 60,
                                     .in_concatenation = 1, .concatenation_total = 3 };
    ivx_text_copy(instance.concatenation, sizeof instance.concatenation, "2.25.9");
    ck_assert_uint_eq(ivx_plan_announced(&instance, out), 1);
    ck_assert_str_eq(out[0].kind, "concatenation");
}
END_TEST

/* ---- reached? ------------------------------------------------------------------------- */

static const struct {
    const char *kind;
    /* parts, parts_met, parts_over, held, least, most, sum, held_least, held_most */
    int64_t n[9];
    enum ivx_plan_say say;
    bool wrong;
    int64_t expected;
} tallies[] = {
    { "images_in_acquisition", { 1, 0, 0, 42, 60, 60, 60, 42, 42 }, IVX_PLAN_SHORT, false, 60 },
    { "images_in_acquisition", { 1, 1, 0, 60, 60, 60, 60, 60, 60 }, IVX_PLAN_MET, false, 60 },
    { "images_in_acquisition", { 1, 0, 1, 61, 60, 60, 60, 61, 61 }, IVX_PLAN_SILENT, true, 0 },
    /* Two acquisitions of 30 and 20: each its own number. */
    { "images_in_acquisition", { 2, 1, 0, 49, 20, 30, 50, 19, 30 }, IVX_PLAN_SHORT, false, 50 },
    { "images_in_acquisition", { 2, 2, 0, 50, 20, 30, 50, 20, 30 }, IVX_PLAN_MET, false, 50 },
    /* 21 slices, each an acquisition, each announcing the 21 of the series. */
    { "images_in_acquisition", { 21, 0, 0, 21, 21, 21, 441, 1, 1 }, IVX_PLAN_MET, false, 21 },
    { "images_in_acquisition", { 20, 0, 0, 20, 21, 21, 420, 1, 1 }, IVX_PLAN_SHORT, false, 21 },
    /* Two acquisitions of 30, 40 images here: per acquisition, then. */
    { "images_in_acquisition", { 2, 1, 0, 40, 30, 30, 60, 10, 30 }, IVX_PLAN_SHORT, false, 60 },
    { "images_in_acquisition", { 2, 0, 1, 50, 30, 30, 60, 10, 40 }, IVX_PLAN_SILENT, true, 0 },
    { "number_of_slices", { 1, 0, 0, 46, 47, 47, 47, 46, 46 }, IVX_PLAN_SHORT, false, 47 },
    { "number_of_slices", { 1, 1, 0, 47, 47, 47, 47, 47, 47 }, IVX_PLAN_MET, false, 47 },
    { "number_of_slices", { 1, 0, 1, 48, 47, 47, 47, 48, 48 }, IVX_PLAN_SILENT, true, 0 },
    { "number_of_slices", { 1, 0, 0, 40, 46, 47, 47, 40, 40 }, IVX_PLAN_SILENT, true, 0 },
    /* Five positions: the first has 12 images, the others are to have as many. */
    { "temporal_positions", { 2, 0, 0, 18, 5, 5, 10, 6, 12 }, IVX_PLAN_SHORT, false, 60 },
    { "temporal_positions", { 5, 0, 0, 60, 5, 5, 25, 12, 12 }, IVX_PLAN_MET, false, 60 },
    { "temporal_positions", { 5, 0, 0, 59, 5, 5, 25, 11, 12 }, IVX_PLAN_SHORT, false, 60 },
    { "temporal_positions", { 6, 0, 0, 60, 5, 5, 30, 10, 10 }, IVX_PLAN_SILENT, true, 0 },
    { "concatenation", { 2, 1, 0, 5, 3, 3, 6, 2, 3 }, IVX_PLAN_SHORT, false, 6 },
    { "concatenation", { 2, 2, 0, 6, 3, 3, 6, 3, 3 }, IVX_PLAN_MET, false, 6 },
    { "concatenation", { 1, 0, 1, 4, 3, 3, 3, 4, 4 }, IVX_PLAN_SILENT, true, 0 },
    { "of_a_later_version", { 1, 1, 0, 4, 4, 4, 4, 4, 4 }, IVX_PLAN_SILENT, false, 0 },
};

START_TEST(counts_are_reached_short_or_wrong)
{
    const int64_t *n = tallies[_i].n;
    struct ivx_tally tally = { .parts = n[0], .parts_met = n[1], .parts_over = n[2],
                               .held = n[3], .least = n[4], .most = n[5], .sum = n[6],
                               .held_least = n[7], .held_most = n[8] };
    ivx_text_copy(tally.kind, sizeof tally.kind, tallies[_i].kind);

    const struct ivx_plan_count count = ivx_plan_count(&tally);

    ck_assert_int_eq(count.say, tallies[_i].say);
    ck_assert_int_eq(count.wrong, tallies[_i].wrong);
    if (count.say != IVX_PLAN_SILENT) {
        ck_assert_int_eq(count.held, tally.held);
        ck_assert_int_eq(count.expected, tallies[_i].expected);
    }
}
END_TEST

START_TEST(one_wrong_in_five_is_believed)
{
    ck_assert(ivx_plan_believes(0, 0));
    ck_assert(!ivx_plan_believes(0, 1));
    ck_assert(!ivx_plan_believes(3, 1));
    ck_assert(ivx_plan_believes(4, 1));
    ck_assert(!ivx_plan_believes(7, 2));
}
END_TEST

/* ---- pauses --------------------------------------------------------------------------- */

START_TEST(few_pauses_teach_nothing)
{
    int64_t pauses[IVX_PAUSE_CLASSES] = { [5] = 199 };
    ck_assert_int_eq(ivx_plan_pause_us(pauses), 0);
    pauses[5] = 200;
    ck_assert_int_eq(ivx_plan_pause_us(pauses), 32000);
}
END_TEST

/* 5 of 1000 may be longer; the sixth counts. */
START_TEST(rare_pauses_do_not_count)
{
    int64_t pauses[IVX_PAUSE_CLASSES] = { [6] = 995, [12] = 5 };
    ck_assert_int_eq(ivx_plan_pause_us(pauses), 64000);
    pauses[6] = 994;
    pauses[12] = 6;
    ck_assert_int_eq(ivx_plan_pause_us(pauses), 4096000);
}
END_TEST

START_TEST(what_is_learned_stays_within_bounds)
{
    enum { S = 1000000 };
    const struct ivx_plan_limits given = { .full_us = S, .released_us = 2 * S,
                                           .quiet_us = 15 * S, .deadline_us = 900 * S };
    static const struct {
        int64_t pause, released, learned, quiet;
    } cases[] = {
        { 0, 2 * S, 15 * S, 15 * S },            /* nothing learned */
        { S / 10, 2 * S, 2 * S, 15 * S },        /* fast: not under quiet_released */
        { 3 * S, 3 * S, 12 * S, 15 * S },
        { 8 * S, 8 * S, 15 * S, 15 * S },
        { 33 * S, 15 * S, 15 * S, 33 * S },      /* slower than the quiet time */
        { 500 * S, 15 * S, 15 * S, 60 * S },     /* four times that, and no more */
    };
    struct ivx_plan_limits limits = given;

    ivx_plan_learn(&limits, cases[_i].pause);

    ck_assert_int_eq(limits.released_us, cases[_i].released);
    ck_assert_int_eq(limits.learned_us, cases[_i].learned);
    ck_assert_int_eq(limits.quiet_us, cases[_i].quiet);
    ck_assert_int_eq(limits.full_us, given.full_us);
    ck_assert_int_eq(limits.deadline_us, given.deadline_us);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan: counts");
    TCase *tcase = tcase_create("counts");
    tcase_add_loop_test(tcase, pet_series_count_by_their_type, 0, 6);
    tcase_add_test(tcase, number_of_slices_of_a_ct_is_not_looked_at);
    tcase_add_test(tcase, what_says_nothing_is_not_announced);
    tcase_add_test(tcase, each_announcement_names_its_part);
    tcase_add_test(tcase, a_multi_frame_object_is_more_than_one_image);
    tcase_add_loop_test(tcase, counts_are_reached_short_or_wrong, 0, IVX_COUNT(tallies));
    tcase_add_test(tcase, one_wrong_in_five_is_believed);
    tcase_add_test(tcase, few_pauses_teach_nothing);
    tcase_add_test(tcase, rare_pauses_do_not_count);
    tcase_add_loop_test(tcase, what_is_learned_stays_within_bounds, 0, 6);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
