/* Plan's decisions against a real spool and a real catalogue. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "isovox/base/auto.h"
#include "isovox/sys/log.h"

START_TEST(a_released_series_without_a_hole_becomes_a_job)
{
    struct ivx_job_row jobs[10];
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    receive_all(3);
    end_association(IVX_RECORD_RELEASED, 3);

    turn();

    CHECK_SERIES("planned", "");
    ck_assert_uint_eq(list_jobs(jobs), 1);
    ck_assert_str_eq(jobs[0].recipe, "iso-1mm");
    ck_assert_str_eq(jobs[0].route, "ct");
    claim_job(&claim);
    ck_assert_uint_eq(claim.instance_count, SLICES);
    ck_assert_uint_eq(strlen(claim.key), 64);
}
END_TEST

START_TEST(it_is_too_early_before_the_short_quiet_time)
{
    receive_all(1);
    end_association(IVX_RECORD_RELEASED, 1);

    const int again_ms = turn();

    CHECK_SERIES("receiving", "");
    ck_assert_int_ge(again_ms, 500);
    ck_assert_int_le(again_ms, 1001);
}
END_TEST

START_TEST(a_broken_association_needs_the_long_quiet_time)
{
    receive_all(3);
    end_association(IVX_RECORD_BROKEN, 3);
    turn();
    CHECK_SERIES("receiving", "");
}
END_TEST

START_TEST(quiet_alone_decides_too)
{
    receive_all(16);
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(a_hole_waits_and_what_fills_it_decides)
{
    receive_with_hole(20);
    end_association(IVX_RECORD_RELEASED, 20);
    turn();
    CHECK_SERIES("waiting", "GAP");

    receive_slice(3, 3);
    end_association(IVX_RECORD_RELEASED, 3);
    turn();

    CHECK_SERIES("planned", "");
    ck_assert_int_eq(the_series().instances, SLICES);
}
END_TEST

START_TEST(at_the_deadline_a_hole_is_refused)
{
    struct ivx_job_row jobs[10];
    receive_with_hole(901);
    turn();
    CHECK_SERIES("refused", "GAP");
    ck_assert_uint_eq(list_jobs(jobs), 0);
}
END_TEST

START_TEST(at_the_deadline_a_hole_is_bridged_if_the_route_says_so)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    routes[0].on_gap = "interpolate";
    receive_with_hole(901);

    turn();

    CHECK_SERIES("planned", "");
    claim_job(&claim);
    ck_assert_uint_eq(claim.instance_count, SLICES - 1);
    ck_assert_ptr_nonnull(strstr(claim.recipe_json, "\"gap\":\"interpolate\""));
}
END_TEST

START_TEST(a_whole_volume_has_the_same_job_under_every_gap_policy)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    struct ivx_job_row jobs[10];
    routes[1] = routes[0];
    routes[1].name = "ct2";
    routes[1].on_gap = "interpolate";
    routes[1].destinations = (struct ivx_globs){ names[2], 2 };
    config.route_count = 2;
    receive_all(16);

    turn();

    ck_assert_uint_eq(list_jobs(jobs), 1);
    claim_job(&claim);
    ck_assert_ptr_nonnull(strstr(claim.recipe_json, "\"gap\":\"refuse\""));
}
END_TEST

START_TEST(each_recipe_is_a_job)
{
    struct ivx_job_row jobs[10];
    routes[0].recipes.count = 2;
    receive_all(16);
    turn();
    ck_assert_uint_eq(list_jobs(jobs), 2);
    ck_assert_str_ne(jobs[0].recipe, jobs[1].recipe);
}
END_TEST

START_TEST(a_restart_at_any_time_forgets_nothing)
{
    struct ivx_job_row jobs[10];
    struct ivx_err err = { 0 };
    receive_all(3);
    ck_assert(ivx_plan_index(&planner, &err));
    stop_plan();
    start_plan();
    end_association(IVX_RECORD_RELEASED, 3);
    ck_assert(ivx_plan_index(&planner, &err));
    stop_plan();
    start_plan();

    turn();

    CHECK_SERIES("planned", "");
    ck_assert_int_eq(the_series().instances, SLICES);
    stop_plan();
    start_plan();
    turn();
    ck_assert_uint_eq(list_jobs(jobs), 1);
    ck_assert_int_eq(the_series().generation, 1);
}
END_TEST

START_TEST(a_series_that_continues_is_decided_again)
{
    struct ivx_job_row jobs[10];
    receive_all(40);
    turn();
    CHECK_SERIES("planned", "");

    receive_slice(SLICES, 16);
    turn();

    CHECK_SERIES("planned", "");
    ck_assert_int_eq(the_series().generation, 2);
    ck_assert_uint_eq(list_jobs(jobs), 2);
    ck_assert_int_eq(jobs[0].state, IVX_JOB_CANCELLED);
    ck_assert_int_eq(jobs[1].state, IVX_JOB_QUEUED);
}
END_TEST

START_TEST(what_is_sent_twice_changes_nothing)
{
    struct ivx_job_row jobs[10];
    struct ivx_counts counts;
    struct ivx_err err = { 0 };
    receive_all(40);
    turn();
    receive_all(16);
    turn();

    ck_assert_int_eq(the_series().generation, 1);
    ck_assert_uint_eq(list_jobs(jobs), 1);
    ck_assert(ivx_catalogue_counts(planner.catalogue, &counts, &err));
    ck_assert_int_eq(counts.duplicates, SLICES);
}
END_TEST

static bool count_remembered(void *context, const struct ivx_record *record,
                             const struct ivx_spool_mark *after, struct ivx_err *err)
{
    size_t *count = context;
    (void)after;
    (void)err;
    *count += ivx_plan_cache_find(planner.cache, record->segment, record->offset) != NULL;
    return true;
}

/* How many instances of the journal are in memory. */
static size_t remembered(void)
{
    struct ivx_err err = { 0 };
    size_t count = 0;
    ck_assert_msg(ivx_spool_scan(planner.spool, NULL, 0, count_remembered, &count, NULL, &err),
                  "%s", err.text);
    return count;
}

/* 1 s after the last of them it is open, 40 s after it is decided. */
START_TEST(only_instances_of_open_series_stay_in_memory)
{
    const double seconds_ago = _i == 0 ? 1 : 40;
    receive_all(seconds_ago);
    receive_all(seconds_ago); /* sent twice */
    turn();
    ck_assert_int_eq(the_series().generation, _i);
    ck_assert_uint_eq(remembered(), _i == 0 ? SLICES : 0);
}
END_TEST

START_TEST(the_order_of_arrival_does_not_change_the_job)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim forwards = { 0 }, backwards = { 0 };
    receive_all(16);
    turn();
    claim_job(&forwards);
    teardown();
    setup();

    for (int k = SLICES - 1; k >= 0; k--)
        receive_slice(k, 16);
    turn();
    claim_job(&backwards);

    ck_assert_str_eq(forwards.key, backwards.key);
}
END_TEST

START_TEST(an_operator_decides_at_once)
{
    struct ivx_err err = { 0 };
    receive_all(0);
    turn();
    CHECK_SERIES("receiving", "");
    ck_assert(ivx_catalogue_series_complete(planner.catalogue, the_series().id, &err));
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(without_a_route_nothing_is_done)
{
    names[0][0] = "MR";
    receive_all(16);
    turn();
    names[0][0] = "CT";
    CHECK_SERIES("done", "NO_ROUTE");
    ck_assert_str_eq(the_series().note, "no route matches");
}
END_TEST

static void receive_marked(bool ours, const char *image_type)
{
    for (int k = 0; k < SLICES; k++) {
        char uid[32];
        snprintf(uid, sizeof uid, "2.25.3%03d", k);
        const struct slice slice = { .sop_uid = uid, .series_uid = "2.25.8", .z = k,
                                     .image_type = image_type, .ours = ours };
        receive(&slice, 16);
    }
    turn();
}

/* Assembly alone decides what is ours: a result on the acquired grid says no RESAMPLED. */
START_TEST(our_own_results_are_not_converted_again)
{
    receive_marked(true, "DERIVED\\SECONDARY\\AXIAL");
    CHECK_SERIES("done", "OWN_RESULT");
}
END_TEST

START_TEST(what_others_have_resampled_is_converted)
{
    receive_marked(false, "DERIVED\\SECONDARY\\AXIAL\\RESAMPLED");
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(one_slice_is_no_volume)
{
    receive_slice(0, 16);
    turn();
    CHECK_SERIES("refused", "NOT_A_VOLUME");
}
END_TEST

START_TEST(what_cannot_be_read_is_set_aside)
{
    struct ivx_counts counts;
    struct ivx_err err = { 0 };
    const struct ivx_record garbage = record_of("2.25.666", 16);
    journal(&garbage, "%PDF-1.4 is no DICOM object", 27);
    const struct slice other = { .sop_uid = "2.25.667", .series_uid = "2.25.7" };
    unsigned char bytes[PART10_ROOM];
    const struct ivx_record announced = record_of("2.25.668", 16);
    journal(&announced, bytes, part10_make(&other, bytes));
    receive_all(16);

    turn();

    CHECK_SERIES("planned", "");
    ck_assert(ivx_catalogue_counts(planner.catalogue, &counts, &err));
    ck_assert_int_eq(counts.aside, 2);
    ck_assert_int_eq(counts.instances, SLICES);
}
END_TEST

int main(void)
{
    ivx_log_start("test", IVX_ERROR);
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, only_instances_of_open_series_stay_in_memory, 0, 2);
    tcase_add_test(tcase, a_released_series_without_a_hole_becomes_a_job);
    tcase_add_test(tcase, it_is_too_early_before_the_short_quiet_time);
    tcase_add_test(tcase, a_broken_association_needs_the_long_quiet_time);
    tcase_add_test(tcase, quiet_alone_decides_too);
    tcase_add_test(tcase, a_hole_waits_and_what_fills_it_decides);
    tcase_add_test(tcase, at_the_deadline_a_hole_is_refused);
    tcase_add_test(tcase, at_the_deadline_a_hole_is_bridged_if_the_route_says_so);
    tcase_add_test(tcase, a_whole_volume_has_the_same_job_under_every_gap_policy);
    tcase_add_test(tcase, each_recipe_is_a_job);
    tcase_add_test(tcase, a_restart_at_any_time_forgets_nothing);
    tcase_add_test(tcase, a_series_that_continues_is_decided_again);
    tcase_add_test(tcase, what_is_sent_twice_changes_nothing);
    tcase_add_test(tcase, the_order_of_arrival_does_not_change_the_job);
    tcase_add_test(tcase, an_operator_decides_at_once);
    tcase_add_test(tcase, without_a_route_nothing_is_done);
    tcase_add_test(tcase, our_own_results_are_not_converted_again);
    tcase_add_test(tcase, what_others_have_resampled_is_converted);
    tcase_add_test(tcase, one_slice_is_no_volume);
    tcase_add_test(tcase, what_cannot_be_read_is_set_aside);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
