/* Decisions, jobs, their leases, and the series' state that follows. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

enum { SECOND = 1000000 };

START_TEST(a_decision_makes_jobs_with_all_that_a_worker_needs)
{
    const int64_t id = rig_series(1, 3);
    rig_plan(id, "k1", "pacs");

    struct ivx_series_row series = rig_series_row(id);
    ck_assert_int_eq(series.state, IVX_SERIES_PLANNED);
    ck_assert_int_eq(series.generation, 1);
    ck_assert_int_eq(series.decided_us, now_us);
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    OK(ivx_catalogue_claim(cat, "w1", 60, 3, &claim, &err));
    ck_assert_str_eq(claim.key, "k1");
    ck_assert_str_eq(claim.recipe_name, "iso-1mm");
    ck_assert_str_eq(claim.recipe_json, "{\"spacing\":1}");
    ck_assert_int_eq(claim.attempt, 1);
    ck_assert_int_eq(claim.created_us, 1000000);
    ck_assert_uint_eq(claim.instance_count, 3);
    ck_assert_str_eq(claim.instances[2].sop_uid, "1.003");
    ck_assert_str_eq(claim.instances[2].sha256_hex, "c1003");
    ck_assert_uint_eq(claim.instances[2].length, 100);
    const struct ivx_job_row job = rig_job(claim.job_id);
    ck_assert_int_eq(job.state, IVX_JOB_RUNNING);
    ck_assert_str_eq(job.owner, "w1");
    ck_assert_str_eq(job.route, "ct");
    ck_assert_str_eq(job.volume, "2x2x2");
}
END_TEST

START_TEST(a_decision_about_less_than_there_is_is_stale)
{
    const int64_t id = rig_series(1, 2);
    const struct ivx_decision decision = { .series_id = id,
                                           .seen_instances = 1,
                                           .state = IVX_SERIES_REFUSED,
                                           .code = "GAP",
                                           .note = "",
                                           .warnings_json = "[]" };

    FAILS(IVX_STALE, ivx_catalogue_decide(cat, &decision, &err));

    ck_assert_int_eq(rig_state(id), IVX_SERIES_RECEIVING);
    ck_assert_int_eq(rig_series_row(id).generation, 0);
}
END_TEST

START_TEST(a_refusal_has_its_reason_and_no_jobs)
{
    const int64_t id = rig_series(1, 2);
    const struct ivx_decision decision = {
        .series_id = id,
        .seen_instances = 2,
        .state = IVX_SERIES_REFUSED,
        .code = "GAP",
        .note = "a hole",
        .warnings_json = "[{\"code\":\"TILTED\",\"text\":\"3 degrees\"}]"
    };

    OK(ivx_catalogue_decide(cat, &decision, &err));

    const struct ivx_series_row row = rig_series_row(id);
    ck_assert_int_eq(row.state, IVX_SERIES_REFUSED);
    ck_assert_str_eq(row.code, "GAP");
    ck_assert_str_eq(row.note, "a hole");
    IVX_AUTO(ivx_memory_free) char *warnings = NULL;
    OK(ivx_catalogue_series_warnings(cat, id, &warnings, &err));
    ck_assert_str_eq(warnings, "[{\"code\":\"TILTED\",\"text\":\"3 degrees\"}]");
    struct ivx_claim claim = { 0 };
    FAILS(IVX_ABSENT, ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
}
END_TEST

START_TEST(a_decision_fails_whole)
{
    const int64_t id = rig_series(1, 2);
    const int64_t wrong[] = { 4711 };
    const struct ivx_new_job job = { .key = "k",
                                     .recipe_name = "r",
                                     .recipe_json = "{}",
                                     .route = "ct",
                                     .instance_ids = wrong,
                                     .instance_count = 1 };
    const struct ivx_decision decision = { .series_id = id,
                                           .seen_instances = 2,
                                           .state = IVX_SERIES_PLANNED,
                                           .code = "",
                                           .note = "",
                                           .warnings_json = "[]",
                                           .jobs = &job,
                                           .job_count = 1 };

    FAILS(IVX_BUG, ivx_catalogue_decide(cat, &decision, &err));

    ck_assert_int_eq(rig_state(id), IVX_SERIES_RECEIVING);
    struct ivx_counts counts;
    OK(ivx_catalogue_counts(cat, &counts, &err));
    ck_assert_int_eq(counts.jobs[IVX_JOB_QUEUED], 0);
}
END_TEST

START_TEST(deciding_the_same_again_keeps_the_job)
{
    const int64_t id = rig_series(1, 2);
    rig_plan(id, "k", "pacs");
    const int64_t job = rig_convert(4);
    const int64_t delivery = rig_only_delivery(job);

    rig_plan(id, "k", "pacs");

    ck_assert_int_eq(rig_only_job(id), job);
    ck_assert_int_eq(rig_job(job).state, IVX_JOB_DONE);
    ck_assert_int_eq(rig_job(job).generation, 2);
    ck_assert_int_eq(rig_only_delivery(job), delivery);
    ck_assert_int_eq(rig_delivery(delivery).state, IVX_DELIVERY_QUEUED);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_PLANNED);
    /* A new destination for a finished result is served from it. */
    rig_plan(id, "k", "archive");
    ck_assert_int_ne(rig_only_delivery(job), delivery);
    ck_assert_str_eq(rig_delivery(rig_only_delivery(job)).destination, "archive");
}
END_TEST

START_TEST(a_later_decision_supersedes_what_is_unfinished)
{
    const int64_t id = rig_series(1, 2);
    const char *const two[] = { "done", "running", NULL };
    struct ivx_claim claim = { 0 };
    struct ivx_delivery_row sending = { 0 };
    OK(rig_decide(id, two, "pacs", &err));
    const int64_t done = rig_convert(2);
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &sending, &err));

    rig_arrive(1, 3, 3, "A", 77);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_RECEIVING);
    rig_plan(id, "new", "pacs");

    ck_assert_int_eq(rig_job(claim.job_id).state, IVX_JOB_CANCELLED);
    FAILS(IVX_STALE, rig_finish(claim.job_id, claim.epoch, 2, &err));
    FAILS(IVX_STALE, ivx_catalogue_heartbeat(cat, claim.job_id, claim.epoch, 60, &err));
    ck_assert_int_eq(rig_job(done).state, IVX_JOB_DONE);
    ck_assert_int_eq(rig_delivery(sending.id).state, IVX_DELIVERY_CANCELLED);
    FAILS(IVX_STALE, rig_answer(&sending, 1, 1, 0, &err));
    FAILS(IVX_REFUSED, ivx_catalogue_job_retry(cat, claim.job_id, &err));
    FAILS(IVX_REFUSED, ivx_catalogue_delivery_retry(cat, sending.id, &err));
    ivx_claim_free(&claim);
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
    ck_assert_str_eq(claim.key, "new");
    ck_assert_uint_eq(claim.instance_count, 3);
    ivx_claim_free(&claim);
    FAILS(IVX_ABSENT, ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
}
END_TEST

START_TEST(a_job_that_was_superseded_may_be_wanted_again)
{
    const int64_t id = rig_series(1, 2);
    rig_plan(id, "first", "pacs");
    const int64_t first = rig_only_job(id);
    rig_plan(id, "second", "pacs");
    ck_assert_int_eq(rig_job(first).state, IVX_JOB_CANCELLED);

    rig_plan(id, "first", "pacs");

    ck_assert_int_eq(rig_job(first).state, IVX_JOB_QUEUED);
    ck_assert_int_eq(rig_convert(1), first);
    /* One that an operator has cancelled stays so. */
    rig_plan(id, "third", "pacs");
    const int64_t third = rig_only_job(id);
    OK(ivx_catalogue_job_cancel(cat, third, &err));
    rig_plan(id, "third", "pacs");
    ck_assert_int_eq(rig_job(third).state, IVX_JOB_CANCELLED);
}
END_TEST

START_TEST(a_result_of_an_old_decision_does_not_close_a_series_that_grows)
{
    const int64_t id = rig_series(1, 2);
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    rig_plan(id, "k", NULL);
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
    rig_arrive(1, 3, 3, "A", 77);

    OK(rig_finish(claim.job_id, claim.epoch, 1, &err));

    ck_assert_int_eq(rig_state(id), IVX_SERIES_RECEIVING);
}
END_TEST

START_TEST(jobs_go_by_priority_then_by_age)
{
    const int64_t id = rig_series(1, 1);
    IVX_AUTO(ivx_memory_free) struct ivx_instance_row *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_series_instances(cat, id, &rows, &count, &err));
    struct ivx_new_job jobs[3];
    const char *const keys[] = { "low", "high", "low2" };
    for (int n = 0; n < 3; n++)
        jobs[n] = (struct ivx_new_job){ .key = keys[n],
                                        .recipe_name = "r",
                                        .recipe_json = "{}",
                                        .route = "ct",
                                        .instance_ids = &rows[0].id,
                                        .instance_count = 1,
                                        .priority = n == 1 ? 5 : 0 };
    const struct ivx_decision decision = { .series_id = id,
                                           .seen_instances = 1,
                                           .state = IVX_SERIES_PLANNED,
                                           .code = "",
                                           .note = "",
                                           .warnings_json = "[]",
                                           .jobs = jobs,
                                           .job_count = 3 };
    OK(ivx_catalogue_decide(cat, &decision, &err));

    const char *const wanted[] = { "high", "low", "low2" };
    for (int n = 0; n < 3; n++) {
        IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
        OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
        ck_assert_str_eq(claim.key, wanted[n]);
    }
}
END_TEST

START_TEST(a_lease_keeps_a_job_until_it_runs_out)
{
    rig_plan(rig_series(1, 1), "k", NULL);
    struct ivx_claim claim = { 0 }, other = { 0 };
    OK(ivx_catalogue_claim(cat, "w1", 60, 3, &claim, &err));
    ivx_claim_free(&claim);

    now_us += 59 * SECOND;
    FAILS(IVX_ABSENT, ivx_catalogue_claim(cat, "w2", 60, 3, &other, &err));
    OK(ivx_catalogue_heartbeat(cat, claim.job_id, claim.epoch, 60, &err));
    now_us += 59 * SECOND;
    FAILS(IVX_ABSENT, ivx_catalogue_claim(cat, "w2", 60, 3, &other, &err));
    now_us += 2 * SECOND;
    OK(ivx_catalogue_claim(cat, "w2", 60, 3, &other, &err));
    ivx_claim_free(&other);

    ck_assert_int_eq(other.job_id, claim.job_id);
    ck_assert_int_eq(other.attempt, 2);
    ck_assert_int_eq(other.created_us, claim.created_us);
    /* The first wakes up again: fenced. */
    FAILS(IVX_STALE, ivx_catalogue_heartbeat(cat, claim.job_id, claim.epoch, 60, &err));
    FAILS(IVX_STALE, rig_finish(claim.job_id, claim.epoch, 1, &err));
    FAILS(IVX_STALE, ivx_catalogue_job_failed(cat, claim.job_id, claim.epoch, "BUG", "x",
                                              true, 3, now_us, &err));
    OK(rig_finish(other.job_id, other.epoch, 1, &err));
    ck_assert_int_eq(rig_job(claim.job_id).outputs, 1);
    FAILS(IVX_STALE, rig_finish(other.job_id, other.epoch, 1, &err));
}
END_TEST

START_TEST(a_job_that_kills_its_workers_is_dead_after_its_attempts)
{
    const int64_t id = rig_series(1, 1), next = rig_series(2, 1);
    rig_plan(id, "killer", NULL);
    for (int attempt = 1; attempt <= 3; attempt++) {
        IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
        OK(ivx_catalogue_claim(cat, "convert.0", 60, 3, &claim, &err));
        ck_assert_int_eq(claim.attempt, attempt);
        now_us += 61 * SECOND;
    }
    rig_plan(next, "healthy", NULL);

    /* The claim that finds it buries it, and goes on. */
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    OK(ivx_catalogue_claim(cat, "convert.1", 60, 3, &claim, &err));

    ck_assert_str_eq(claim.key, "healthy");
    const struct ivx_job_row job = rig_job(rig_only_job(id));
    ck_assert_int_eq(job.state, IVX_JOB_DEAD);
    ck_assert_str_eq(job.code, "WORKER_LOST");
    ck_assert_str_eq(job.note, "the worker convert.0 was lost in attempt 3");
    ck_assert_int_eq(rig_state(id), IVX_SERIES_FAILED);
    ck_assert_str_eq(rig_series_row(id).code, "WORKER_LOST");
}
END_TEST

START_TEST(a_burial_is_kept_when_there_is_nothing_else_to_claim)
{
    const int64_t id = rig_series(1, 1);
    struct ivx_claim claim = { 0 };
    rig_plan(id, "killer", NULL);
    OK(ivx_catalogue_claim(cat, "w", 60, 1, &claim, &err));
    ivx_claim_free(&claim);
    now_us += 61 * SECOND;

    FAILS(IVX_ABSENT, ivx_catalogue_claim(cat, "w", 60, 1, &claim, &err));

    rig_reopen();
    ck_assert_int_eq(rig_job(rig_only_job(id)).state, IVX_JOB_DEAD);
}
END_TEST

START_TEST(a_failure_waits_for_its_time_and_counts)
{
    const int64_t id = rig_series(1, 1);
    struct ivx_claim claim = { 0 };
    rig_plan(id, "k", NULL);
    for (int attempt = 1; attempt <= 2; attempt++) {
        OK(ivx_catalogue_claim(cat, "w", 60, 2, &claim, &err));
        ivx_claim_free(&claim);
        OK(ivx_catalogue_job_failed(cat, claim.job_id, claim.epoch, "RETRY", "disk",
                                    false, 2, now_us + 10 * SECOND, &err));
        const struct ivx_job_row job = rig_job(claim.job_id);
        ck_assert_int_eq(job.state, attempt == 1 ? IVX_JOB_FAILED : IVX_JOB_DEAD);
        ck_assert_str_eq(job.code, "RETRY");
        ck_assert_str_eq(job.note, "disk");
        ck_assert_int_eq(rig_state(id),
                         attempt == 1 ? IVX_SERIES_PLANNED : IVX_SERIES_FAILED);
        FAILS(IVX_ABSENT, ivx_catalogue_claim(cat, "w", 60, 2, &claim, &err));
        now_us += 10 * SECOND;
    }
    FAILS(IVX_ABSENT, ivx_catalogue_claim(cat, "w", 60, 2, &claim, &err));

    /* An operator's retry begins anew, and so does the series. */
    OK(ivx_catalogue_job_retry(cat, claim.job_id, &err));
    ck_assert_int_eq(rig_state(id), IVX_SERIES_PLANNED);
    ck_assert_int_eq(rig_convert(1), claim.job_id);
    ck_assert_int_eq(rig_job(claim.job_id).attempts, 1);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_DONE);
    FAILS(IVX_REFUSED, ivx_catalogue_job_retry(cat, claim.job_id, &err));
    FAILS(IVX_REFUSED, ivx_catalogue_job_cancel(cat, claim.job_id, &err));
}
END_TEST

START_TEST(a_final_failure_is_final)
{
    const int64_t id = rig_series(1, 1);
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    rig_plan(id, "k", NULL);
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));

    OK(ivx_catalogue_job_failed(cat, claim.job_id, claim.epoch, "DAMAGED", "no pixels",
                                true, 3, 0, &err));

    ck_assert_int_eq(rig_job(claim.job_id).state, IVX_JOB_DEAD);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_FAILED);
    ck_assert_str_eq(rig_series_row(id).code, "DAMAGED");
    ck_assert_str_eq(rig_series_row(id).note, "no pixels");
}
END_TEST

START_TEST(an_orderly_stop_costs_no_attempt)
{
    struct ivx_claim claim = { 0 };
    rig_plan(rig_series(1, 1), "k", NULL);
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
    ivx_claim_free(&claim);

    OK(ivx_catalogue_job_release(cat, claim.job_id, claim.epoch, &err));

    FAILS(IVX_STALE, ivx_catalogue_job_release(cat, claim.job_id, claim.epoch, &err));
    FAILS(IVX_STALE, rig_finish(claim.job_id, claim.epoch, 1, &err));
    struct ivx_claim again = { 0 };
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &again, &err));
    ivx_claim_free(&again);
    ck_assert_int_eq(again.attempt, 1);
    ck_assert_int_gt(again.epoch, claim.epoch);
}
END_TEST

START_TEST(a_successor_frees_the_leases_of_its_predecessor_only)
{
    struct ivx_claim mine = { 0 }, other = { 0 }, again = { 0 };
    rig_plan(rig_series(1, 1), "k1", NULL);
    rig_plan(rig_series(2, 1), "k2", NULL);
    OK(ivx_catalogue_claim(cat, "convert.1:77", 60, 3, &mine, &err));
    OK(ivx_catalogue_claim(cat, "convert.10:78", 60, 3, &other, &err));
    ivx_claim_free(&mine);
    ivx_claim_free(&other);

    OK(ivx_catalogue_release_owner(cat, "convert.1:", &err));

    OK(ivx_catalogue_claim(cat, "convert.1:79", 60, 3, &again, &err));
    ivx_claim_free(&again);
    ck_assert_int_eq(again.job_id, mine.job_id);
    ck_assert_int_eq(again.attempt, 2); /* it died: that was an attempt */
    FAILS(IVX_STALE, ivx_catalogue_heartbeat(cat, mine.job_id, mine.epoch, 60, &err));
    OK(ivx_catalogue_heartbeat(cat, other.job_id, other.epoch, 60, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_claim(cat, "w", 60, 3, &again, &err));
}
END_TEST

/* Workers in processes of their own claim at the same time, some die by SIGKILL: every
 * job is finished once, and no epoch finishes twice. */
static void work(int n)
{
    struct ivx_catalogue *mine = NULL;
    struct ivx_err err = { 0 };
    if (!ivx_catalogue_open(state_dir, &mine, &err))
        _exit(2);
    cat = mine;
    for (;;) {
        struct ivx_claim claim = { 0 };
        err = (struct ivx_err){ 0 };
        if (!ivx_catalogue_claim(mine, "w", 60, 100, &claim, &err))
            _exit(err.code == IVX_ABSENT ? 0 : 3);
        if (claim.attempt == 1 && (claim.job_id + n) % 7 == 0)
            kill(getpid(), SIGKILL);
        err = (struct ivx_err){ 0 };
        if (!rig_finish(claim.job_id, claim.epoch, 1, &err))
            _exit(4);
        ivx_claim_free(&claim);
    }
}

START_TEST(workers_that_compete_and_die_finish_every_job_once)
{
    enum { JOBS = 40, WORKERS = 4 };
    struct ivx_counts counts = { 0 };
    for (int n = 1; n <= JOBS; n++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", n);
        rig_plan(rig_series(n, 1), key, "pacs");
    }
    ivx_catalogue_free(&cat);
    for (int round = 0; counts.jobs[IVX_JOB_DONE] < JOBS; round++) {
        ck_assert_int_lt(round, 20);
        pid_t children[WORKERS];
        for (int n = 0; n < WORKERS; n++) {
            children[n] = fork();
            if (children[n] == 0)
                work(n);
        }
        for (int n = 0; n < WORKERS; n++) {
            int status = 0;
            waitpid(children[n], &status, 0);
            ck_assert_msg(status == 0 || WIFSIGNALED(status), "worker: %d", status);
        }
        now_us += 61 * SECOND;
        OK(ivx_catalogue_open(state_dir, &cat, &err));
        OK(ivx_catalogue_counts(cat, &counts, &err));
        if (counts.jobs[IVX_JOB_DONE] < JOBS)
            ivx_catalogue_free(&cat);
    }
    ck_assert_int_eq(counts.deliveries[IVX_DELIVERY_QUEUED], JOBS);
    ck_assert_int_eq(counts.derived_instances, JOBS);
}
END_TEST

static void add_tests(TCase *tests)
{
    tcase_add_test(tests, a_decision_makes_jobs_with_all_that_a_worker_needs);
    tcase_add_test(tests, a_decision_about_less_than_there_is_is_stale);
    tcase_add_test(tests, a_refusal_has_its_reason_and_no_jobs);
    tcase_add_test(tests, a_decision_fails_whole);
    tcase_add_test(tests, deciding_the_same_again_keeps_the_job);
    tcase_add_test(tests, a_later_decision_supersedes_what_is_unfinished);
    tcase_add_test(tests, a_job_that_was_superseded_may_be_wanted_again);
    tcase_add_test(tests, a_result_of_an_old_decision_does_not_close_a_series_that_grows);
    tcase_add_test(tests, jobs_go_by_priority_then_by_age);
    tcase_add_test(tests, a_lease_keeps_a_job_until_it_runs_out);
    tcase_add_test(tests, a_job_that_kills_its_workers_is_dead_after_its_attempts);
    tcase_add_test(tests, a_burial_is_kept_when_there_is_nothing_else_to_claim);
    tcase_add_test(tests, a_failure_waits_for_its_time_and_counts);
    tcase_add_test(tests, a_final_failure_is_final);
    tcase_add_test(tests, an_orderly_stop_costs_no_attempt);
    tcase_add_test(tests, a_successor_frees_the_leases_of_its_predecessor_only);
    tcase_add_test(tests, workers_that_compete_and_die_finish_every_job_once);
}

int main(void)
{
    Suite *suite = suite_create("catalogue: decisions and jobs");
    TCase *tests = tcase_create("jobs");
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
