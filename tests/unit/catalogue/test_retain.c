/* What may be removed, and what becomes of what was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "isovox/catalogue/commitment.h"

enum { HOUR = 36000000 }; /* any long time */

static void mark(uint64_t segment)
{
    OK(ivx_catalogue_index_begin(cat, &err));
    OK(ivx_catalogue_index_mark(cat, segment, 8192, &err));
    OK(ivx_catalogue_index_end(cat, &err));
}

static size_t segments(int64_t before_us, uint64_t *first_out)
{
    IVX_AUTO(ivx_memory_free) uint64_t (*pairs)[2] = NULL;
    size_t count = 0;
    OK(ivx_catalogue_old_segments(cat, before_us, 100, &pairs, &count, &err));
    if (count > 0 && first_out != NULL)
        *first_out = pairs[0][0];
    return count;
}

static size_t results(int64_t before_us, int64_t *first_out)
{
    IVX_AUTO(ivx_memory_free) struct ivx_old_result *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_old_results(cat, before_us, 100, &rows, &count, &err));
    if (count > 0 && first_out != NULL)
        *first_out = rows[0].job_id;
    return count;
}

static size_t leftovers(int64_t *first_out)
{
    IVX_AUTO(ivx_memory_free) struct ivx_old_result *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_leftover_results(cat, &rows, &count, &err));
    if (count > 0)
        *first_out = rows[0].job_id;
    return count;
}

static void deliver(const char *destination, int outputs)
{
    char transaction[65];
    struct ivx_delivery_row row;
    enum ivx_delivery_state state;
    OK(ivx_catalogue_delivery_claim(cat, destination, "s", 60, &row, &err));
    snprintf(transaction, sizeof transaction, "2.25.%lld", (long long)row.epoch + now_us);
    OK(ivx_catalogue_delivery_asks(cat, row.id, row.epoch, transaction, &err));
    OK(rig_answer(&row, 1, outputs, 0, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, 0, &state, &err));
    ck_assert_int_eq(state, IVX_DELIVERY_SENT);
}

/* Series 1, three instances, converted and delivered. Returns its id. */
static int64_t finished(void)
{
    const int64_t id = rig_series(1, 3);
    mark(1);
    rig_plan(id, "k1", "pacs");
    rig_convert(2);
    deliver("pacs", 2);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_DONE);
    return id;
}

static void remove_segment(uint64_t segment, int64_t instances)
{
    struct ivx_segment_loss loss;
    OK(ivx_catalogue_segment_goes(cat, segment, now_us, &loss, &err));
    ck_assert_int_eq(loss.instances, instances);
    OK(ivx_catalogue_segment_removed(cat, segment, &err));
}

START_TEST(nothing_unfinished_is_named_however_old)
{
    const int64_t far = INT64_MAX / 2;
    const int64_t id = rig_series(1, 3);
    mark(1);
    ck_assert_uint_eq(segments(far, NULL), 0);
    rig_plan(id, "k1", "pacs");
    ck_assert_uint_eq(segments(far, NULL), 0);
    rig_convert(2);
    ck_assert_uint_eq(segments(far, NULL), 0);
    ck_assert_uint_eq(results(far, NULL), 0);
    deliver("pacs", 2);
    ck_assert_uint_eq(segments(far, NULL), 1);
    ck_assert_uint_eq(results(far, NULL), 1);
}
END_TEST

START_TEST(what_is_done_is_named_when_its_time_has_passed)
{
    finished();
    const int64_t done_us = now_us;

    /* Its last instance came 3 us later than its delivery was over. */
    rig_sql("UPDATE series SET last_us = decided_us + 3");
    ck_assert_uint_eq(segments(done_us + 3, NULL), 0);
    ck_assert_uint_eq(results(done_us, NULL), 0);
    ck_assert_uint_eq(segments(done_us + 4, NULL), 1);
    ck_assert_uint_eq(results(done_us + 1, NULL), 1);
}
END_TEST

START_TEST(a_result_is_left_over_until_its_files_are_gone)
{
    int64_t job = 0, left = 0;
    finished();
    now_us += HOUR;
    ck_assert_uint_eq(leftovers(&left), 0);
    ck_assert_uint_eq(results(now_us, &job), 1);
    ck_assert_uint_eq(results(now_us, NULL), 0);
    ck_assert_uint_eq(leftovers(&left), 1); /* a crash before the files went */
    ck_assert_int_eq(left, job);
    OK(ivx_catalogue_result_removed(cat, job, &err));
    ck_assert_uint_eq(leftovers(&left), 0);
}
END_TEST

START_TEST(a_dead_delivery_keeps_result_and_instances)
{
    const int64_t id = rig_series(1, 3);
    struct ivx_delivery_row row;
    enum ivx_delivery_state state;
    mark(1);
    rig_plan(id, "k1", "pacs");
    rig_convert(2);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "s", 60, &row, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0xA700, "full", true, 0, &state,
                                  &err));
    ck_assert_int_eq(state, IVX_DELIVERY_DEAD);
    now_us += HOUR;

    ck_assert_uint_eq(segments(now_us, NULL), 0);
    ck_assert_uint_eq(results(now_us, NULL), 0);
}
END_TEST

/* Nobody can have it sent again: what replaced it is what is to be sent. */
START_TEST(a_dead_delivery_of_a_result_that_was_replaced_keeps_nothing)
{
    const int64_t id = rig_series(1, 3);
    struct ivx_delivery_row row;
    enum ivx_delivery_state state;
    int64_t job = 0;
    mark(1);
    rig_plan(id, "k1", "pacs");
    const int64_t replaced = rig_convert(2);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "s", 60, &row, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0xA700, "full", true, 0, &state,
                                  &err));
    rig_arrive(1, 4, 4, "A", now_us);
    rig_plan(id, "k2", "pacs");
    rig_convert(2);
    FAILS(IVX_REFUSED, ivx_catalogue_delivery_retry(cat, row.id, &err));
    now_us += HOUR;

    ck_assert_uint_eq(results(now_us, &job), 1);
    ck_assert_int_eq(job, replaced);
}
END_TEST

START_TEST(a_result_that_goes_nowhere_stays_to_be_taken)
{
    const int64_t id = rig_series(1, 3);
    mark(1);
    rig_plan(id, "k1", NULL);
    rig_convert(2);
    now_us += HOUR;

    ck_assert_uint_eq(results(now_us, NULL), 0);
    ck_assert_uint_eq(segments(now_us, NULL), 1);
}
END_TEST

START_TEST(a_series_is_gone_as_a_whole_and_its_other_segment_waits_for_others)
{
    uint64_t first = 0;
    rig_arrive(1, 4, 1004, "A", now_us);
    rig_segment = 2;
    const int64_t id = rig_series(1, 3);
    rig_series(2, 1); /* unfinished, in segment 2 */
    mark(1);
    mark(2);
    rig_plan(id, "k1", "pacs");
    rig_convert(2);
    deliver("pacs", 2);
    now_us += HOUR;

    ck_assert_uint_eq(segments(now_us, &first), 1);
    ck_assert_uint_eq(first, 1);
    remove_segment(1, 4);

    IVX_AUTO(ivx_memory_free) struct ivx_instance_row *rows = NULL;
    size_t count = 1;
    OK(ivx_catalogue_series_instances(cat, id, &rows, &count, &err));
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(rig_series_row(id).gone, 4);
    ck_assert_uint_eq(segments(now_us, NULL), 0);
    FAILS(IVX_STALE, ivx_catalogue_segment_goes(cat, 2, now_us,
                                                &(struct ivx_segment_loss){ 0 }, &err));
}
END_TEST

START_TEST(what_comes_again_after_its_removal_is_new_and_is_converted_again)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    struct ivx_counts counts;
    int64_t job = 0;
    const int64_t id = finished();
    now_us += HOUR;
    results(now_us, &job);
    OK(ivx_catalogue_result_removed(cat, job, &err));
    remove_segment(1, 3);

    rig_segment = 7;
    ck_assert_int_eq(rig_arrive(1, 1, 1001, "B", now_us), IVX_ARRIVAL_LATE);
    ck_assert_int_eq(rig_series_row(id).gone, 2);
    ck_assert_int_eq(rig_arrive(1, 1, 1001, "B", now_us), IVX_ARRIVAL_DUPLICATE);
    ck_assert_int_eq(rig_arrive(1, 2, 1002, "B", now_us), IVX_ARRIVAL_NEW);
    ck_assert_int_eq(rig_arrive(1, 3, 9999, "B", now_us), IVX_ARRIVAL_NEW);
    ck_assert_int_eq(rig_series_row(id).gone, 0);
    ck_assert_int_eq(rig_series_row(id).instances, 3);
    OK(ivx_catalogue_counts(cat, &counts, &err));
    ck_assert_int_eq(counts.instances, 3);
    rig_plan(id, "k1", "pacs");

    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
    ck_assert_int_eq(claim.job_id, job);
    ck_assert_uint_eq(claim.instance_count, 3);
    for (size_t n = 0; n < 3; n++)
        ck_assert_uint_eq(claim.instances[n].segment, 7);
    OK(rig_finish(job, claim.epoch, 2, &err));
    ck_assert_uint_eq(results(now_us + HOUR, NULL), 0);
    deliver("pacs", 2);
    ck_assert_uint_eq(results(now_us + HOUR, NULL), 1);
}
END_TEST

START_TEST(what_was_set_aside_goes_by_its_age)
{
    finished();
    now_us += HOUR;
    ck_assert_int_eq(rig_arrive(1, 1, 777, "C", now_us), IVX_ARRIVAL_CONFLICT);
    ck_assert_uint_eq(segments(now_us, NULL), 0);
    now_us += HOUR;
    struct ivx_segment_loss loss;
    OK(ivx_catalogue_segment_goes(cat, 1, now_us, &loss, &err));
    ck_assert_int_eq(loss.aside, 1);
}
END_TEST

START_TEST(what_was_removed_is_not_tried_again_and_says_so)
{
    int64_t job = 0;
    struct ivx_err why = { 0 };
    const int64_t id = rig_series(1, 3);
    mark(1);
    rig_plan(id, "k1", "pacs");
    rig_convert(2);
    const int64_t delivery = rig_only_delivery(rig_only_job(id));
    OK(ivx_catalogue_delivery_cancel(cat, delivery, &err));
    now_us += HOUR;
    ck_assert_uint_eq(results(now_us, &job), 1);

    ck_assert(!ivx_catalogue_delivery_retry(cat, delivery, &why));
    ck_assert_int_eq(why.code, IVX_REFUSED);
    ck_assert_ptr_nonnull(strstr(why.text, "removed (plan.keep)"));
}
END_TEST

START_TEST(a_cancelled_job_without_its_instances_is_not_tried_again)
{
    struct ivx_err why = { 0 };
    const int64_t id = rig_series(1, 3);
    mark(1);
    rig_plan(id, "k1", "pacs");
    const int64_t job = rig_only_job(id);
    OK(ivx_catalogue_job_cancel(cat, job, &err));
    now_us += HOUR;
    remove_segment(1, 3);

    ck_assert(!ivx_catalogue_job_retry(cat, job, &why));
    ck_assert_int_eq(why.code, IVX_REFUSED);
    ck_assert_ptr_nonnull(strstr(why.text, "send the series again"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: retention");
    TCase *tests = tcase_create("retention");
    tcase_add_checked_fixture(tests, rig_start, rig_end);
    tcase_add_test(tests, nothing_unfinished_is_named_however_old);
    tcase_add_test(tests, what_is_done_is_named_when_its_time_has_passed);
    tcase_add_test(tests, a_result_is_left_over_until_its_files_are_gone);
    tcase_add_test(tests, a_dead_delivery_keeps_result_and_instances);
    tcase_add_test(tests, a_dead_delivery_of_a_result_that_was_replaced_keeps_nothing);
    tcase_add_test(tests, a_result_that_goes_nowhere_stays_to_be_taken);
    tcase_add_test(tests,
                   a_series_is_gone_as_a_whole_and_its_other_segment_waits_for_others);
    tcase_add_test(tests, what_comes_again_after_its_removal_is_new_and_is_converted_again);
    tcase_add_test(tests, what_was_set_aside_goes_by_its_age);
    tcase_add_test(tests, what_was_removed_is_not_tried_again_and_says_so);
    tcase_add_test(tests, a_cancelled_job_without_its_instances_is_not_tried_again);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
