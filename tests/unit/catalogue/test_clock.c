/* The wall clock is set while everything is under way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "isovox/catalogue/breaker.h"
#include "isovox/catalogue/clock.h"
#include "isovox/catalogue/commitment.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/catalogue/unread.h"
#include "isovox/sys/log.h"

static const int64_t second_us = 1000000, hour_us = INT64_C(3600000000);
static const int64_t day_us = 24 * INT64_C(3600000000);

static bool hidden; /* the boot's name */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    if (hidden && strstr(path, "boot_id") != NULL) {
        errno = EACCES;
        return -1;
    }
    return __real_open(path, flags, 0600);
}

/* In 2024, and never set. */
static void start(void)
{
    ivx_log_start("test", IVX_ERROR);
    rig_start();
    set_us = 20000 * day_us;
    rig_sql("UPDATE clock SET boot = ''");
    rig_reopen();
}

static int64_t wall_us(void)
{
    return now_us + set_us;
}

/* Another process notices. */
static void set_clock(int64_t by_us)
{
    struct ivx_catalogue *other = NULL;
    set_us += by_us;
    OK(ivx_catalogue_open(state_dir, &other, &err));
    ivx_catalogue_free(&other);
}

/* The steady clock begins anew. */
static void boot(void)
{
    rig_sql("UPDATE clock SET boot = 'another'");
    set_us += now_us - second_us;
    now_us = second_us;
    rig_reopen();
}

static bool is_job_free(void)
{
    struct ivx_claim claim = { 0 };
    struct ivx_err err = { 0 };
    const bool taken = ivx_catalogue_claim(cat, "x", 60, 3, &claim, &err);
    ck_assert(taken || err.code == IVX_ABSENT);
    ivx_claim_free(&claim);
    return taken;
}

static bool is_delivery_free(struct ivx_delivery_row *out)
{
    struct ivx_err err = { 0 };
    const bool taken = ivx_catalogue_delivery_claim(cat, "pacs", "x", 60, out, &err);
    ck_assert(taken || err.code == IVX_ABSENT);
    return taken;
}

static void claim_both(void)
{
    struct ivx_delivery_row row;
    rig_plan(rig_series(1, 2), "k1", "pacs");
    rig_convert(2);
    rig_plan(rig_series(2, 2), "k2", "pacs");
    ck_assert(is_job_free());
    ck_assert(is_delivery_free(&row));
}

/* Storage commitment of the first instance of series 1; judged. Returns the request's id. */
static int64_t ask_and_judge(int hold_seconds)
{
    const struct ivx_reference item = { .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                                        .sop_uid = "1.001" };
    const struct ivx_commitment_request request = { .transaction_uid = "2.25.1",
                                                    .calling_ae = "CT1", .called_ae = "ISOVOX",
                                                    .peer = "127.0.0.1", .association = "A",
                                                    .items = &item, .count = 1 };
    struct ivx_commitment_check *rows = NULL;
    size_t count = 0;
    int64_t id = 0;
    OK(ivx_catalogue_commitment_ask(cat, &request, hold_seconds, &id, &err));
    OK(ivx_catalogue_commitment_unjudged(cat, id, 9, &rows, &count, &err));
    OK(ivx_catalogue_commitment_judge(cat, rows, count, 1, &err));
    free(rows);
    return id;
}

static bool is_report_due(void)
{
    bool due = false;
    OK(ivx_catalogue_commitment_due(cat, &due, &err));
    return due;
}

/* Whether somebody has noticed or not. */
START_TEST(a_lease_ends_when_its_time_has_passed_and_not_before)
{
    static const int64_t by_us[] = { INT64_C(3600000000), -INT64_C(3600000000) };
    struct ivx_delivery_row row;
    claim_both();

    set_us += by_us[_i % 2];
    if (_i / 2 == 1)
        set_clock(0);
    now_us += 59 * second_us;
    ck_assert(!is_job_free());
    ck_assert(!is_delivery_free(&row));

    now_us += 2 * second_us;
    ck_assert(is_job_free());
    ck_assert(is_delivery_free(&row));
}
END_TEST

START_TEST(nobody_who_had_a_lease_lives_after_a_boot)
{
    struct ivx_delivery_row row;
    now_us = 1000 * hour_us;
    claim_both();
    ask_and_judge(60);

    boot();

    ck_assert(is_job_free());
    ck_assert(is_delivery_free(&row));
    ck_assert(is_report_due());
}
END_TEST

/* In a sandbox, or without /proc. */
START_TEST(who_may_not_know_which_boot_it_is_leaves_leases_alone)
{
    struct ivx_delivery_row row;
    claim_both();

    hidden = true;
    rig_reopen();
    ck_assert(!is_job_free());
    set_clock(-hour_us);
    ck_assert_int_eq(ivx_catalogue_now_us(cat), wall_us());
    hidden = false;
    rig_reopen();

    ck_assert(!is_job_free());
    ck_assert(!is_delivery_free(&row));
}
END_TEST

static struct ivx_breaker_row only_breaker(void)
{
    struct ivx_breaker_row *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_list_breakers(cat, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    const struct ivx_breaker_row row = rows[0];
    free(rows);
    return row;
}

/* A delivery that is tried again in 5 s, a job in 7 s, a probe of the destination in 9 s, a
 * source in 11 s, a look at a series in 13 s. */
static void make_wait(void)
{
    struct ivx_delivery_row row;
    struct ivx_claim claim = { 0 };
    enum ivx_delivery_state state;
    const struct ivx_inquiry end = { .state = IVX_INQUIRY_WANTED, .expected = -1 };
    const int64_t now = ivx_catalogue_now_us(cat);
    rig_plan(rig_series(1, 2), "k1", "pacs");
    rig_convert(2);
    ck_assert(is_delivery_free(&row));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, -1, "away", false,
                                  now + 5 * second_us, &state, &err));
    rig_plan(rig_series(2, 2), "k2", NULL);
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
    OK(ivx_catalogue_job_failed(cat, claim.job_id, claim.epoch, "FULL", "", false, 3,
                                now + 7 * second_us, &err));
    ivx_claim_free(&claim);
    OK(ivx_catalogue_breaker_trip(cat, "pacs", IVX_BREAKER_AWAY, "away", now + 9 * second_us,
                                  &err));
    const int64_t id = rig_series(3, 2);
    OK(ivx_catalogue_inquiry_want(cat, id, "archive", 2, &err));
    OK(ivx_catalogue_inquiry_end(cat, id, &end, now + 11 * second_us, &err));
    const struct ivx_waiting waiting = { .series_id = id, .limit_us = 13 * second_us,
                                         .seen_us = rig_series_row(id).due_us,
                                         .due_us = now + 13 * second_us };
    OK(ivx_catalogue_series_why(cat, &waiting, 1, &err));
}

static bool is_source_due(void)
{
    struct ivx_inquiry_work work;
    struct ivx_err err = { 0 };
    return ivx_catalogue_inquiry_next(cat, "archive", &work, &err);
}

static size_t due_series(void)
{
    IVX_AUTO(ivx_memory_free) int64_t *ids = NULL;
    size_t count = 0;
    OK(ivx_catalogue_due(cat, ivx_catalogue_now_us(cat), &ids, &count, &err));
    return count;
}

/* An hour and three days, forward and back, and both one after the other. */
static const int64_t settings[][2] = {
    { INT64_C(3600000000), 0 },
    { -INT64_C(3600000000), 0 },
    { 72 * INT64_C(3600000000), 0 },
    { -72 * INT64_C(3600000000), 0 },
    { 72 * INT64_C(3600000000), -72 * INT64_C(3600000000) },
    { -72 * INT64_C(3600000000), 72 * INT64_C(3600000000) },
};

static void set_as(int n)
{
    now_us += second_us;
    set_clock(settings[n][0]);
    now_us += second_us;
    if (settings[n][1] != 0)
        set_clock(settings[n][1]);
}

START_TEST(what_waits_waits_no_longer_and_no_less)
{
    struct ivx_delivery_row row;
    make_wait();
    const int64_t start_us = now_us;

    set_as(_i);

    now_us = start_us + 5 * second_us - 1;
    ck_assert(!is_delivery_free(&row));
    now_us++;
    ck_assert(is_delivery_free(&row));
    now_us = start_us + 7 * second_us - 1;
    ck_assert(!is_job_free());
    now_us++;
    ck_assert(is_job_free());
    ck_assert_int_eq(only_breaker().next_us, start_us + set_us + 9 * second_us);
    ck_assert_int_eq(only_breaker().since_us, start_us + set_us);
    now_us = start_us + 11 * second_us - 1;
    ck_assert(!is_source_due());
    now_us++;
    ck_assert(is_source_due());
    now_us = start_us + 13 * second_us - 1;
    ck_assert_uint_eq(due_series(), 0);
    now_us++;
    ck_assert_uint_eq(due_series(), 1);
    /* It is shown as last_us and that, and last_us is not moved. */
    ck_assert_int_eq(rig_series_row(3).limit_us,
                     13 * second_us + settings[_i][0] + settings[_i][1]);
}
END_TEST

/* deliver.budget counts what has passed, of what waits and of what is at work. */
START_TEST(nothing_has_taken_longer_than_it_has)
{
    const int64_t budget_us = 72 * hour_us;
    struct ivx_delivery_row row;
    int64_t count = 9;
    make_wait();
    const int64_t start_us = now_us;

    set_as(_i);

    now_us = start_us + budget_us;
    OK(ivx_catalogue_delivery_expire(cat, budget_us, &count, &err));
    ck_assert_int_eq(count, 0);
    ck_assert(is_delivery_free(&row));
    ck_assert_int_eq(row.age_us, budget_us);
    ck_assert_int_eq(row.created_us, wall_us() - budget_us);
}
END_TEST

START_TEST(a_report_has_as_long_as_before)
{
    struct ivx_commitment_row row;
    const int64_t id = ask_and_judge(30);
    const int64_t start_us = now_us;

    set_as(_i);

    now_us = start_us + 29 * second_us; /* held by the association that has asked */
    ck_assert(!is_report_due());
    now_us = start_us + 31 * second_us;
    OK(ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    ck_assert_int_eq(row.age_us, 31 * second_us);
    OK(ivx_catalogue_commitment_unreported(cat, id, "away", true, false,
                                           ivx_catalogue_now_us(cat) + 9 * second_us, &err));
    set_as(_i);
    now_us = start_us + 40 * second_us;
    ck_assert(is_report_due());
}
END_TEST

static bool may_go(void)
{
    struct ivx_segment_loss loss;
    struct ivx_err err = { 0 };
    const bool goes =
        ivx_catalogue_segment_goes(cat, rig_segment, INT64_MAX / 4, &loss, &err);
    ck_assert(goes || err.code == IVX_STALE);
    return goes;
}

START_TEST(what_a_sender_was_told_is_kept_for_so_long)
{
    const struct ivx_decision over = { .series_id = rig_series(1, 2), .seen_instances = 2,
                                       .state = IVX_SERIES_DONE, .code = "", .note = "",
                                       .warnings_json = "[]" };
    OK(ivx_catalogue_index_begin(cat, &err));
    OK(ivx_catalogue_index_mark(cat, rig_segment, 8192, &err));
    OK(ivx_catalogue_index_end(cat, &err));
    OK(ivx_catalogue_decide(cat, &over, &err));
    OK(ivx_catalogue_commitment_reported(cat, ask_and_judge(0), 168, &err));
    const int64_t from_us = now_us;

    set_as(_i);

    now_us = from_us + 168 * hour_us - 1;
    ck_assert(!may_go());
    now_us++;
    ck_assert(may_go());
}
END_TEST

START_TEST(what_cannot_be_read_is_tried_again_as_soon)
{
    IVX_AUTO(ivx_memory_free) struct ivx_unread *rows = NULL;
    const struct ivx_unread place = { .segment = 7, .offset = 4096, .attempts = 3 };
    size_t count = 0;
    OK(ivx_catalogue_index_unread(cat, &place, "no", &err));
    const int64_t due_us = now_us + ivx_unread_seconds(3) * second_us;

    set_as(_i);

    now_us = due_us - 1;
    OK(ivx_catalogue_unread_due(cat, 9, &rows, &count, &err));
    ck_assert_uint_eq(count, 0);
    now_us++;
    ivx_memory_free(&rows);
    OK(ivx_catalogue_unread_due(cat, 9, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
}
END_TEST

/* Rows of what is over are not moved, and no promise about them is broken. */
START_TEST(what_is_over_is_kept_for_its_time_at_least)
{
    int64_t over_us = 0;
    const int64_t start_us = now_us, finished_us = wall_us();

    set_as(_i);

    now_us = start_us + 24 * hour_us - 1;
    OK(ivx_catalogue_over_us(cat, 24 * hour_us, &over_us, &err));
    ck_assert_int_le(over_us, finished_us);
    /* and after another while, for no longer than the clock says that it has been over */
    now_us = start_us + 49 * hour_us;
    OK(ivx_catalogue_over_us(cat, 24 * hour_us, &over_us, &err));
    ck_assert_int_eq(over_us, wall_us() - 24 * hour_us);
}
END_TEST

/* A battery that is empty: the clock begins in the past, and is set right later. */
START_TEST(a_boot_in_the_past_holds_nothing_up)
{
    struct ivx_delivery_row row;
    make_wait();

    boot();
    set_clock(-10000 * day_us);
    rig_sql("UPDATE clock SET boot = 'another'");
    rig_reopen();

    ck_assert(is_delivery_free(&row));
    ck_assert_int_eq(row.age_us, 0);
    ck_assert(is_job_free());
    ck_assert(is_source_due());
    ck_assert_int_le(only_breaker().next_us, wall_us());
    set_clock(10000 * day_us);
    now_us += 61 * second_us;
    ck_assert(is_delivery_free(&row));
    ck_assert_int_eq(row.age_us, 61 * second_us);
}
END_TEST

START_TEST(after_a_boot_in_the_past_it_was_not_set_in_the_future)
{
    int64_t steady_us = 0;
    now_us += hour_us;
    set_clock(hour_us);
    set_us -= 10000 * day_us;

    boot();

    OK(ivx_catalogue_clock_set_us(cat, &steady_us, &err));
    ck_assert_int_le(steady_us, now_us);
}
END_TEST

START_TEST(that_it_was_set_is_known_by_the_steady_clock)
{
    int64_t steady_us = 0;
    OK(ivx_catalogue_clock_set_us(cat, &steady_us, &err));
    ck_assert_int_eq(steady_us, INT64_MIN);
    now_us += hour_us;
    set_clock(150000); /* slewed */
    ck_assert_int_eq(ivx_catalogue_now_us(cat), wall_us() - 150000);
    set_clock(150000);
    ck_assert_int_eq(ivx_catalogue_now_us(cat), wall_us());
    OK(ivx_catalogue_clock_set_us(cat, &steady_us, &err));
    ck_assert_int_eq(steady_us, INT64_MIN);

    set_clock(-hour_us);
    const int64_t seen_us = now_us;
    now_us += hour_us;

    OK(ivx_catalogue_clock_set_us(cat, &steady_us, &err));
    ck_assert_int_eq(steady_us, seen_us);
    ck_assert_int_eq(ivx_catalogue_now_us(cat), wall_us());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: the clock");
    TCase *cases = tcase_create("clock");
    const int count = (int)IVX_COUNT(settings);
    tcase_add_checked_fixture(cases, start, rig_end);
    tcase_add_loop_test(cases, a_lease_ends_when_its_time_has_passed_and_not_before, 0, 4);
    tcase_add_test(cases, nobody_who_had_a_lease_lives_after_a_boot);
    tcase_add_test(cases, who_may_not_know_which_boot_it_is_leaves_leases_alone);
    tcase_add_loop_test(cases, what_waits_waits_no_longer_and_no_less, 0, count);
    tcase_add_loop_test(cases, nothing_has_taken_longer_than_it_has, 0, count);
    tcase_add_loop_test(cases, a_report_has_as_long_as_before, 0, count);
    tcase_add_loop_test(cases, what_a_sender_was_told_is_kept_for_so_long, 0, count);
    tcase_add_loop_test(cases, what_cannot_be_read_is_tried_again_as_soon, 0, count);
    tcase_add_loop_test(cases, what_is_over_is_kept_for_its_time_at_least, 0, count);
    tcase_add_test(cases, a_boot_in_the_past_holds_nothing_up);
    tcase_add_test(cases, after_a_boot_in_the_past_it_was_not_set_in_the_future);
    tcase_add_test(cases, that_it_was_set_is_known_by_the_steady_clock);
    suite_add_tcase(suite, cases);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
