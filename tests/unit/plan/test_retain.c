/* Real segments and results: what is delivered goes, what is not stays. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "rig.h"

static size_t segment_count(void)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    ck_assert(ivx_spool_segments(planner.spool, &numbers, &count, &err));
    return count;
}

static size_t mark_count(void)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint64_t (*pairs)[2] = NULL;
    size_t count = 0;
    ck_assert(ivx_catalogue_marks(planner.catalogue, &pairs, &count, &err));
    return count;
}

static void retain(void)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_plan_retain_begin(&planner, &err), "%s", err.text);
    ck_assert_msg(ivx_plan_retain_round(&planner, &err), "%s", err.text);
}

static bool result_is_there(const char *key)
{
    char path[4096];
    ivx_outbox_path(planner.outbox, key, path);
    return access(path, F_OK) == 0;
}

static void convert(char key_out[65])
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    const struct ivx_job_instance made = { "2.25.9", "000001.dcm" };
    char path[4096], name[4128];
    claim_job(&claim);
    snprintf(key_out, 65, "%s", claim.key);
    ck_assert(ivx_outbox_stage(planner.outbox, claim.key, claim.epoch, path, &err));
    snprintf(name, sizeof name, "%s/000001.dcm", path);
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert(ivx_outbox_publish(planner.outbox, claim.key, claim.epoch, &err));
    const struct ivx_job_result result = { .outbox_key = claim.key,
                                           .derived_series_uid = "2.25.8",
                                           .sop_class = "1.2", .syntax = "1.2.1",
                                           .manifest_json = "{}", .stages_json = "{}",
                                           .instances = &made, .instance_count = 1 };
    ck_assert_msg(ivx_catalogue_job_done(planner.catalogue, claim.job_id, claim.epoch,
                                         &result, &err), "%s", err.text);
}

static void deliver(void)
{
    struct ivx_err err = { 0 };
    struct ivx_delivery_row row;
    enum ivx_delivery_state state;
    const struct ivx_delivery_answer answer = { 1, 0, true };
    ck_assert(ivx_catalogue_delivery_claim(planner.catalogue, "pacs", "s", 60, &row, &err)
              && ivx_catalogue_delivery_answers(planner.catalogue, row.id, row.epoch,
                                                &answer, 1, "", &err)
              && ivx_catalogue_delivery_end(planner.catalogue, row.id, row.epoch, 0, "",
                                            false, 0, &state, &err));
}

static void receive_and_convert(char key_out[65])
{
    receive_all(5);
    end_association(IVX_RECORD_RELEASED, 4);
    turn();
    ck_assert_int_eq(the_series().state, IVX_SERIES_PLANNED);
    convert(key_out);
}

START_TEST(segment_and_result_go_when_all_is_delivered_and_nobody_writes)
{
    char key[65];
    config.plan.keep = 0;
    receive_and_convert(key);
    retain();
    ck_assert_uint_eq(segment_count(), 1);
    ck_assert(result_is_there(key));

    deliver();
    retain();
    ck_assert(!result_is_there(key));
    ck_assert_uint_eq(segment_count(), 1); /* its association is open */
    ck_assert_int_eq(the_series().gone, 0);

    stop_receiving();
    retain();
    ck_assert_uint_eq(segment_count(), 0);
    ck_assert_uint_eq(mark_count(), 0);
    ck_assert_int_eq(the_series().gone, SLICES);
    ck_assert_int_eq(the_series().state, IVX_SERIES_DONE);
}
END_TEST

/* So many are more than a round removes: the next do not wait for a minute. */
START_TEST(as_much_goes_as_there_is)
{
    enum { SERIES = 40 };
    static char keys[SERIES][65];
    struct ivx_err err = { 0 };
    int rounds = 1;
    config.plan.keep = 0;
    for (int n = 0; n < SERIES; n++) {
        char uid[32];
        snprintf(uid, sizeof uid, "2.25.77%d", n);
        announce(uid, 0, SLICES, "8", 5);
    }
    stop_receiving();
    turn();
    for (int n = 0; n < SERIES; n++) {
        convert(keys[n]);
        deliver();
    }

    retain();
    for (; planner.removing.results; rounds++)
        ck_assert_msg(ivx_plan_retain_round(&planner, &err), "%s", err.text);

    ck_assert_int_gt(rounds, 1);
    for (int n = 0; n < SERIES; n++)
        ck_assert_msg(!result_is_there(keys[n]), "result %d", n);
}
END_TEST

START_TEST(a_result_that_cannot_be_removed_holds_up_no_segment)
{
    char key[65], staging[4096], aside[4200];
    config.plan.keep = 0;
    receive_and_convert(key);
    deliver();
    stop_receiving();
    snprintf(staging, sizeof staging, "%s/outbox/staging", config.state_dir);
    snprintf(aside, sizeof aside, "%s.old", staging);
    ck_assert_int_eq(rename(staging, aside), 0);
    FILE *file = fopen(staging, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fclose(file), 0);

    retain();

    ck_assert(result_is_there(key));
    ck_assert_uint_eq(segment_count(), 0);
    ck_assert_int_eq(remove(staging), 0);
    ck_assert_int_eq(rename(aside, staging), 0);
    retain();
    ck_assert(!result_is_there(key));
}
END_TEST

START_TEST(nothing_goes_before_its_time)
{
    char key[65];
    config.plan.keep = 1;
    receive_and_convert(key);
    deliver();
    stop_receiving();
    retain();
    ck_assert(result_is_there(key));
    ck_assert_uint_eq(segment_count(), 1);
}
END_TEST

START_TEST(what_is_not_indexed_yet_holds_its_segment)
{
    char key[65];
    config.plan.keep = 0;
    receive_and_convert(key);
    deliver();
    const struct slice late = { .sop_uid = "2.25.3", .series_uid = "2.25.4", .number = 1 };
    receive(&late, 0);
    stop_receiving();
    retain();
    ck_assert_uint_eq(segment_count(), 1);
}
END_TEST

START_TEST(a_part_of_a_removed_series_is_refused_and_all_of_it_is_converted_again)
{
    char key[65];
    struct ivx_job_row jobs[10];
    config.plan.keep = 0;
    receive_and_convert(key);
    deliver();
    stop_receiving();
    retain();
    ck_assert_uint_eq(segment_count(), 0);

    receive_again();
    for (int k = 0; k < 4; k++)
        receive_slice(k, 20);
    turn();
    ck_assert_int_eq(the_series().state, IVX_SERIES_REFUSED);
    ck_assert_str_eq(the_series().code, "GAP");
    ck_assert_uint_eq(list_jobs(jobs), 1);

    for (int k = 4; k < SLICES; k++)
        receive_slice(k, 20);
    turn();
    ck_assert_int_eq(the_series().state, IVX_SERIES_PLANNED);
    ck_assert_uint_eq(list_jobs(jobs), 1);
    ck_assert_int_eq(jobs[0].state, IVX_JOB_QUEUED);
    ck_assert(!result_is_there(key));
    convert(key);
    ck_assert(result_is_there(key));
    deliver();
}
END_TEST

START_TEST(a_crash_between_rows_and_file_is_made_good)
{
    char key[65];
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    struct ivx_segment_loss loss;
    config.plan.keep = 0;
    receive_and_convert(key);
    deliver();
    stop_receiving();
    ck_assert(ivx_spool_segments(planner.spool, &numbers, &count, &err));
    ck_assert(ivx_catalogue_segment_goes(planner.catalogue, numbers[0], INT64_MAX, &loss,
                                         &err));
    stop_plan();
    start_plan();
    turn();
    ck_assert_int_eq(the_series().state, IVX_SERIES_DONE); /* nothing is read again */
    ck_assert_int_eq(the_series().gone, SLICES);
    retain();
    ck_assert_uint_eq(segment_count(), 0);
    ck_assert_uint_eq(mark_count(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan: retention");
    TCase *tests = tcase_create("retention");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, segment_and_result_go_when_all_is_delivered_and_nobody_writes);
    tcase_add_test(tests, a_result_that_cannot_be_removed_holds_up_no_segment);
    tcase_add_test(tests, nothing_goes_before_its_time);
    tcase_add_test(tests, what_is_not_indexed_yet_holds_its_segment);
    tcase_add_test(tests,
                   a_part_of_a_removed_series_is_refused_and_all_of_it_is_converted_again);
    tcase_add_test(tests, a_crash_between_rows_and_file_is_made_good);
    suite_add_tcase(suite, tests);
    TCase *many = tcase_create("many");
    tcase_add_checked_fixture(many, setup, teardown);
    tcase_set_timeout(many, 60); /* hundreds of flushes */
    tcase_add_test(many, as_much_goes_as_there_is);
    suite_add_tcase(suite, many);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
