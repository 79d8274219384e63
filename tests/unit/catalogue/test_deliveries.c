/* Deliveries, what is accepted, the series' state that follows; lists for people. */
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

enum { SECOND = 1000000 };

START_TEST(a_finished_job_queues_a_delivery_per_destination_and_its_texts)
{
    const int64_t id = rig_series(1, 1);
    IVX_AUTO(ivx_memory_free) char *manifest = NULL;
    IVX_AUTO(ivx_memory_free) char *stages = NULL;
    IVX_AUTO(ivx_memory_free) char *none = NULL;
    rig_plan(id, "k", "pacs");
    OK(ivx_catalogue_job_manifest(cat, rig_only_job(id), &none, &err));
    ck_assert_str_eq(none, "null");

    const int64_t job = rig_convert(5);

    const struct ivx_delivery_row row = rig_delivery(rig_only_delivery(job));
    ck_assert_int_eq(row.state, IVX_DELIVERY_QUEUED);
    ck_assert_str_eq(row.destination, "pacs");
    ck_assert_str_eq(row.outbox_key, "key");
    ck_assert_str_eq(row.derived_series_uid, "2.25.7");
    ck_assert_str_eq(row.sop_class, "1.2.840.10008.5.1.4.1.1.2");
    ck_assert_int_eq(row.instances, 5);
    ck_assert_int_eq(row.accepted, 0);
    ck_assert_int_eq(row.last_status, -1);
    OK(ivx_catalogue_job_manifest(cat, job, &manifest, &err));
    ck_assert_str_eq(manifest, "{\"m\":1}");
    OK(ivx_catalogue_job_stages(cat, job, &stages, &err));
    ck_assert_str_eq(stages, "{\"total_ms\":5}");
    ck_assert_int_eq(rig_state(id), IVX_SERIES_PLANNED);
}
END_TEST

START_TEST(a_series_without_destinations_is_done_with_its_last_job)
{
    const int64_t id = rig_series(1, 1);
    const char *const keys[] = { "a", "b", NULL };
    OK(rig_decide(id, keys, NULL, &err));
    rig_convert(1);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_PLANNED);
    rig_convert(1);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_DONE);
    ck_assert_str_eq(rig_series_row(id).note, "decided by: test");
}
END_TEST

START_TEST(a_delivery_resumes_with_what_is_not_accepted)
{
    const int64_t id = rig_series(1, 1);
    struct ivx_delivery_row row = { 0 };
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    struct ivx_delivery_item *items = NULL;
    size_t count = 0;
    rig_plan(id, "k", "pacs");
    rig_convert(5);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(ivx_catalogue_delivery_pending(cat, row.id, &items, &count, &err));
    ck_assert_uint_eq(count, 5);
    free(items);

    OK(rig_answer(&row, 1, 2, 0, &err));
    OK(rig_answer(&row, 3, 3, 0xA700, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0xA700, "full", false,
                                  now_us + 5 * SECOND, &state, &err));
    ck_assert_int_eq(state, IVX_DELIVERY_FAILED);
    ck_assert_int_eq(rig_delivery(row.id).accepted, 2);
    ck_assert_int_eq(rig_delivery(row.id).last_status, 0xA700);
    ck_assert_str_eq(rig_delivery(row.id).last_comment, "full");
    ck_assert_int_eq(rig_state(id), IVX_SERIES_PLANNED);
    FAILS(IVX_ABSENT, ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));

    now_us += 5 * SECOND;
    rig_reopen();
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    ck_assert_int_eq(row.attempts, 2);
    OK(ivx_catalogue_delivery_pending(cat, row.id, &items, &count, &err));
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(items[0].n, 3);
    ck_assert_str_eq(items[0].file, "000003.dcm");
    ck_assert_int_eq(items[2].n, 5);
    free(items);
    OK(rig_answer(&row, 3, 5, 0, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, 0, &state, &err));
    ck_assert_int_eq(state, IVX_DELIVERY_SENT);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_DONE);
}
END_TEST

START_TEST(a_sender_that_was_thought_dead_cannot_end_a_delivery)
{
    struct ivx_delivery_row first = { 0 }, second = { 0 };
    enum ivx_delivery_state state;
    rig_plan(rig_series(1, 1), "k", "pacs");
    rig_convert(2);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d1", 60, &first, &err));
    OK(ivx_catalogue_delivery_heartbeat(cat, first.id, first.epoch, 60, &err));
    now_us += 61 * SECOND;
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d2", 60, &second, &err));
    ck_assert_int_eq(second.id, first.id);

    FAILS(IVX_STALE, rig_answer(&first, 1, 2, 0, &err));
    FAILS(IVX_STALE,
          ivx_catalogue_delivery_heartbeat(cat, first.id, first.epoch, 60, &err));
    FAILS(IVX_STALE, ivx_catalogue_delivery_end(cat, first.id, first.epoch, 0, "", false,
                                                0, &state, &err));
    ck_assert_int_eq(rig_delivery(first.id).accepted, 0);
}
END_TEST

START_TEST(what_was_accepted_stays_accepted)
{
    struct ivx_delivery_row row = { 0 };
    rig_plan(rig_series(1, 1), "k", "pacs");
    rig_convert(1);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));

    OK(rig_answer(&row, 1, 1, 0, &err));
    OK(rig_answer(&row, 1, 1, 0xC000, &err));

    ck_assert_int_eq(rig_delivery(row.id).accepted, 1);
}
END_TEST

START_TEST(answers_about_what_is_not_there_complete_nothing)
{
    struct ivx_delivery_row row = { 0 };
    enum ivx_delivery_state state;
    rig_plan(rig_series(1, 1), "k", "pacs");
    rig_convert(2);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));

    OK(rig_answer(&row, 2, 3, 0, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, 0, &state, &err));

    ck_assert_int_eq(state, IVX_DELIVERY_FAILED);
}
END_TEST

START_TEST(a_dead_delivery_fails_its_series_until_it_is_retried)
{
    const int64_t id = rig_series(1, 1);
    struct ivx_delivery_row row = { 0 };
    enum ivx_delivery_state state;
    rig_plan(id, "k", "pacs");
    rig_convert(1);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0x0122, "no such class", true,
                                  0, &state, &err));
    ck_assert_int_eq(state, IVX_DELIVERY_DEAD);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_FAILED);
    ck_assert_str_eq(rig_series_row(id).code, "NOT_DELIVERED");
    ck_assert_str_eq(rig_series_row(id).note, "pacs: no such class");

    now_us += SECOND;
    OK(ivx_catalogue_delivery_retry(cat, row.id, &err));

    ck_assert_int_eq(rig_state(id), IVX_SERIES_PLANNED);
    ck_assert_int_eq(rig_delivery(row.id).created_us, now_us);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(rig_answer(&row, 1, 1, 0, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, 0, &state, &err));
    ck_assert_int_eq(rig_state(id), IVX_SERIES_DONE);
    FAILS(IVX_REFUSED, ivx_catalogue_delivery_retry(cat, row.id, &err));
    FAILS(IVX_REFUSED, ivx_catalogue_delivery_cancel(cat, row.id, &err));
}
END_TEST

START_TEST(cancelling_takes_work_away_from_whoever_is_at_it)
{
    const int64_t id = rig_series(1, 1), other = rig_series(2, 1);
    struct ivx_claim claim = { 0 };
    struct ivx_delivery_row row = { 0 };
    rig_plan(id, "k", "pacs");
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
    ivx_claim_free(&claim);
    OK(ivx_catalogue_job_cancel(cat, claim.job_id, &err));
    FAILS(IVX_STALE, rig_finish(claim.job_id, claim.epoch, 1, &err));
    ck_assert_int_eq(rig_state(id), IVX_SERIES_FAILED);
    ck_assert_str_eq(rig_series_row(id).code, "CANCELLED");
    FAILS(IVX_REFUSED, ivx_catalogue_job_cancel(cat, claim.job_id, &err));

    rig_plan(other, "k2", "pacs");
    rig_convert(1);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(ivx_catalogue_delivery_cancel(cat, row.id, &err));
    FAILS(IVX_STALE, rig_answer(&row, 1, 1, 0, &err));
    ck_assert_int_eq(rig_state(other), IVX_SERIES_DONE);
}
END_TEST

START_TEST(only_destinations_with_work_are_due)
{
    char(*names)[65] = NULL;
    size_t count = 0;
    struct ivx_delivery_row row = { 0 };
    OK(ivx_catalogue_delivery_due(cat, &names, &count, &err));
    ck_assert_uint_eq(count, 0);
    rig_plan(rig_series(1, 1), "k1", "pacs");
    rig_convert(1);
    rig_plan(rig_series(2, 1), "k2", "archive");
    rig_convert(1);

    OK(ivx_catalogue_delivery_due(cat, &names, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(names[0], "archive");
    ck_assert_str_eq(names[1], "pacs");
    free(names);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(ivx_catalogue_delivery_due(cat, &names, &count, &err));
    ck_assert_uint_eq(count, 1);
    free(names);
    now_us += 61 * SECOND;
    OK(ivx_catalogue_delivery_due(cat, &names, &count, &err));
    ck_assert_uint_eq(count, 2);
    free(names);
}
END_TEST

START_TEST(counts_add_up)
{
    struct ivx_counts counts;
    OK(ivx_catalogue_counts(cat, &counts, &err));
    ck_assert_int_eq(counts.oldest_waiting_us, 0);
    rig_plan(rig_series(1, 2), "k1", "pacs");
    now_us += SECOND;
    rig_plan(rig_series(2, 1), "k2", NULL);
    rig_convert(4); /* k1 */
    rig_convert(3); /* k2 */

    OK(ivx_catalogue_counts(cat, &counts, &err));

    ck_assert_int_eq(counts.series[IVX_SERIES_PLANNED], 1);
    ck_assert_int_eq(counts.series[IVX_SERIES_DONE], 1);
    ck_assert_int_eq(counts.jobs[IVX_JOB_DONE], 2);
    ck_assert_int_eq(counts.deliveries[IVX_DELIVERY_QUEUED], 1);
    ck_assert_int_eq(counts.derived_instances, 7);
    ck_assert_int_eq(counts.instances, 3);
    ck_assert_int_eq(counts.bytes, 300);
    ck_assert_int_eq(counts.oldest_waiting_us, 1000000 + SECOND);
}
END_TEST

START_TEST(roles_are_reported_and_replaced)
{
    struct ivx_role_row row = { "plan", "running", 12, 0, 5, "" };
    IVX_AUTO(ivx_memory_free) struct ivx_role_row *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_role_report(cat, &row, &err));
    row = (struct ivx_role_row){ "plan", "restarting", 13, 1, 6, "signal 11" };
    OK(ivx_catalogue_role_report(cat, &row, &err));

    OK(ivx_catalogue_list_roles(cat, &rows, &count, &err));

    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(rows[0].state, "restarting");
    ck_assert_int_eq(rows[0].pid, 13);
    ck_assert_int_eq(rows[0].restarts, 1);
    ck_assert_str_eq(rows[0].note, "signal 11");
}
END_TEST

START_TEST(pages_go_both_ways)
{
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *first = NULL;
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *next = NULL;
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *newest = NULL;
    size_t count = 0;
    for (int n = 1; n <= 5; n++)
        rig_arrive(n, 1, n, "A", n);

    OK(ivx_catalogue_list_series(cat, 0, 2, &first, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(first[1].id, 2);
    OK(ivx_catalogue_list_series(cat, 2, 10, &next, &count, &err));
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(next[0].id, 3);
    OK(ivx_catalogue_list_series(cat, -1, 2, &newest, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(newest[0].id, 5);
    ck_assert_int_eq(newest[1].id, 4);
}
END_TEST

START_TEST(jobs_and_deliveries_are_listed_by_owner)
{
    IVX_AUTO(ivx_memory_free) struct ivx_job_row *all = NULL;
    IVX_AUTO(ivx_memory_free) struct ivx_job_row *of_one = NULL;
    IVX_AUTO(ivx_memory_free) struct ivx_job_row *none = NULL;
    IVX_AUTO(ivx_memory_free) struct ivx_delivery_row *sent = NULL;
    const char *const two[] = { "a", "b", NULL };
    size_t count = 0;
    OK(rig_decide(rig_series(1, 1), two, "pacs", &err));
    rig_plan(rig_series(2, 1), "c", "pacs");
    const int64_t first = rig_convert(1);

    OK(ivx_catalogue_list_jobs(cat, 0, 0, 10, &all, &count, &err));
    ck_assert_uint_eq(count, 3);
    OK(ivx_catalogue_list_jobs(cat, 1, -1, 10, &of_one, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(of_one[0].id, all[1].id);
    ck_assert_int_eq(of_one[1].id, all[0].id);
    OK(ivx_catalogue_list_jobs(cat, 1, of_one[0].id, 10, &none, &count, &err));
    ck_assert_uint_eq(count, 0);
    OK(ivx_catalogue_list_deliveries(cat, first, 0, 10, &sent, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(sent[0].job_id, first);
}
END_TEST

START_TEST(what_is_absent_is_absent)
{
    struct ivx_series_row series;
    struct ivx_job_row job;
    struct ivx_delivery_row delivery;
    char *json = NULL;
    FAILS(IVX_ABSENT, ivx_catalogue_get_series(cat, 1, &series, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_get_job(cat, 1, &job, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_get_delivery(cat, 1, &delivery, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_series_evidence(cat, 1, &json, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_series_warnings(cat, 1, &json, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_series_aside(cat, 1, &json, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_job_manifest(cat, 1, &json, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_job_stages(cat, 1, &json, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_job_retry(cat, 1, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_delivery_cancel(cat, 1, &err));
}
END_TEST

START_TEST(names_of_states_are_the_contract)
{
    ck_assert_str_eq(ivx_series_state_name(IVX_SERIES_WAITING), "waiting");
    ck_assert_str_eq(ivx_job_state_name(IVX_JOB_DEAD), "dead");
    ck_assert_str_eq(ivx_delivery_state_name(IVX_DELIVERY_COMMITTED), "committed");
    ck_assert_str_eq(ivx_delivery_state_name((enum ivx_delivery_state)99), "?");
}
END_TEST

/* A delivery to "pacs" of series n, with its result of three instances. */
static int64_t queued(int n, int priority)
{
    char key[8];
    snprintf(key, sizeof key, "k%d", n);
    rig_priority = priority;
    rig_plan(rig_series(n, 1), key, "pacs");
    return rig_only_delivery(rig_convert(3));
}

START_TEST(what_is_urgent_goes_first_and_the_rest_of_the_other_after_it)
{
    struct ivx_delivery_row row = { 0 }, other = { 0 };
    bool outranked = true;
    const int64_t routine = queued(1, IVX_PRIORITY_ROUTINE);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    ck_assert_int_eq(row.id, routine);
    OK(rig_answer(&row, 1, 1, 0, &err));
    OK(ivx_catalogue_delivery_outranked(cat, "pacs", row.priority, &outranked, &err));
    ck_assert(!outranked);
    const int64_t same = queued(2, IVX_PRIORITY_ROUTINE);
    OK(ivx_catalogue_delivery_outranked(cat, "pacs", row.priority, &outranked, &err));
    ck_assert(!outranked);

    const int64_t urgent = queued(3, IVX_PRIORITY_STAT);

    OK(ivx_catalogue_delivery_outranked(cat, "pacs", row.priority, &outranked, &err));
    ck_assert(outranked);
    OK(ivx_catalogue_delivery_yield(cat, row.id, row.epoch, &err));
    FAILS(IVX_STALE, rig_answer(&row, 2, 2, 0, &err));
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &other, &err));
    ck_assert_int_eq(other.id, urgent);
    ck_assert_int_eq(other.priority, IVX_PRIORITY_STAT);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    ck_assert_int_eq(row.accepted == 1 ? routine : same, row.id);
}
END_TEST

START_TEST(what_becomes_urgent_while_it_waits_goes_first)
{
    struct ivx_delivery_row row = { 0 };
    queued(1, IVX_PRIORITY_ROUTINE);
    const int64_t second = queued(2, IVX_PRIORITY_ROUTINE);

    rig_priority = IVX_PRIORITY_STAT; /* a route that is urgent wants the same job */
    rig_plan(2, "k2", "pacs");

    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    ck_assert_int_eq(row.id, second);
    ck_assert_int_eq(row.priority, IVX_PRIORITY_STAT);
}
END_TEST

START_TEST(an_instance_without_an_answer_does_not_stand_before_the_others_again)
{
    struct ivx_delivery_row row = { 0 };
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    struct ivx_delivery_item *items = NULL;
    size_t count = 0;
    queued(1, IVX_PRIORITY_ROUTINE);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(rig_answer(&row, 1, 1, -1, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, -1, "lost", false, now_us, &state,
                                  &err));

    OK(ivx_catalogue_delivery_pending(cat, row.id, &items, &count, &err));

    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(items[0].n, 2);
    ck_assert_int_eq(items[2].n, 1);
    free(items);
}
END_TEST

START_TEST(who_has_yielded_goes_on_where_it_was_and_has_lost_no_attempt)
{
    struct ivx_delivery_row row = { 0 };
    struct ivx_delivery_item *items = NULL;
    size_t count = 0;
    queued(1, IVX_PRIORITY_ROUTINE);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(rig_answer(&row, 1, 1, 0, &err));
    OK(ivx_catalogue_delivery_yield(cat, row.id, row.epoch, &err));

    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));

    ck_assert_int_eq(row.attempts, 1);
    OK(ivx_catalogue_delivery_pending(cat, row.id, &items, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(items[0].n, 2);
    free(items);
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_finished_job_queues_a_delivery_per_destination_and_its_texts);
    tcase_add_test(tests, a_series_without_destinations_is_done_with_its_last_job);
    tcase_add_test(tests, a_delivery_resumes_with_what_is_not_accepted);
    tcase_add_test(tests, what_is_urgent_goes_first_and_the_rest_of_the_other_after_it);
    tcase_add_test(tests, what_becomes_urgent_while_it_waits_goes_first);
    tcase_add_test(tests, an_instance_without_an_answer_does_not_stand_before_the_others_again);
    tcase_add_test(tests, who_has_yielded_goes_on_where_it_was_and_has_lost_no_attempt);
    tcase_add_test(tests, a_sender_that_was_thought_dead_cannot_end_a_delivery);
    tcase_add_test(tests, what_was_accepted_stays_accepted);
    tcase_add_test(tests, answers_about_what_is_not_there_complete_nothing);
    tcase_add_test(tests, a_dead_delivery_fails_its_series_until_it_is_retried);
    tcase_add_test(tests, cancelling_takes_work_away_from_whoever_is_at_it);
    tcase_add_test(tests, only_destinations_with_work_are_due);
    tcase_add_test(tests, counts_add_up);
    tcase_add_test(tests, roles_are_reported_and_replaced);
    tcase_add_test(tests, pages_go_both_ways);
    tcase_add_test(tests, jobs_and_deliveries_are_listed_by_owner);
    tcase_add_test(tests, what_is_absent_is_absent);
    tcase_add_test(tests, names_of_states_are_the_contract);
}

int main(void)
{
    Suite *suite = suite_create("catalogue: deliveries and lists");
    TCase *tests = tcase_create("deliveries");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, rig_start, rig_end);
    add_tests(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
