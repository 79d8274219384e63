/* Evidence of completeness against a real journal and a real catalogue. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

static struct ivx_series_row series_named(const char *uid)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *rows = NULL;
    size_t count = 0;
    ck_assert(ivx_catalogue_list_series(planner.catalogue, 0, 100, &rows, &count, &err));
    for (size_t n = 0; n < count; n++)
        if (strcmp(rows[n].series_uid, uid) == 0)
            return rows[n];
    ck_abort_msg("no series %s", uid);
    return (struct ivx_series_row){ 0 };
}

static const char *state_of(const char *uid)
{
    return ivx_series_state_name(series_named(uid).state);
}

/* Within the time that geometry and a release would need. */
START_TEST(a_count_that_is_reached_decides_at_once)
{
    announce("2.25.7", 0, 8, "8", 1.1);
    end_association(IVX_RECORD_RELEASED, 1.1);
    turn();
    CHECK_SERIES("planned", "");
    ck_assert(has_evidence("8 of 8 by Images in Acquisition; released"));
}
END_TEST

START_TEST(a_count_that_is_reached_with_a_hole_does_not)
{
    announce("2.25.7", 0, 3, "7", 3);
    announce("2.25.7", 4, 8, "7", 3);
    end_association(IVX_RECORD_RELEASED, 3);
    turn();
    CHECK_SERIES("receiving", "");
}
END_TEST

/* The tail is missing: geometry cannot see that. */
START_TEST(a_count_that_is_short_waits)
{
    announce("2.25.7", 0, 8, "10", 20);
    end_association(IVX_RECORD_RELEASED, 20);

    turn();

    CHECK_SERIES("waiting", "INCOMPLETE");
    ck_assert_str_eq(the_series().note, "8 of 10 by Images in Acquisition");
    ck_assert_str_eq(the_series().why, "8 of 10 by Images in Acquisition; released");
    ck_assert_double_eq_tol((double)the_series().limit_us / SECOND, 900.0, 0.01);
    announce("2.25.7", 8, 10, "10", 1.1);
    end_association(IVX_RECORD_RELEASED, 1.1);
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(what_is_known_outlives_the_process)
{
    announce("2.25.7", 0, 8, "10", 20);
    end_association(IVX_RECORD_RELEASED, 20);
    turn();
    stop_plan();
    start_plan();

    turn();

    CHECK_SERIES("waiting", "INCOMPLETE");
    forget_catalogue();
    turn();
    CHECK_SERIES("waiting", "INCOMPLETE");
}
END_TEST

START_TEST(what_is_sent_twice_counts_once)
{
    announce("2.25.7", 0, 8, "10", 20);
    announce("2.25.7", 0, 2, "10", 20);
    end_association(IVX_RECORD_RELEASED, 20);
    turn();
    CHECK_SERIES("waiting", "INCOMPLETE");
}
END_TEST

START_TEST(at_the_deadline_a_short_count_is_converted_with_a_warning)
{
    struct ivx_job_row jobs[10];
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) char *warnings = NULL;
    announce("2.25.7", 0, 8, "10", 901);
    turn();
    CHECK_SERIES("planned", "");
    ck_assert_uint_eq(list_jobs(jobs), 1);
    ck_assert(ivx_catalogue_series_warnings(planner.catalogue, 1, &warnings, &err));
    ck_assert_ptr_nonnull(strstr(warnings, "INCOMPLETE"));
    ck_assert_ptr_nonnull(strstr(warnings, "8 of 10 by Images in Acquisition"));
}
END_TEST

START_TEST(who_announces_too_much_is_believed_no_more)
{
    announce("2.25.7", 0, 8, "10", 901);
    turn();
    announce("2.25.8", 0, 8, "10", 2.1);
    end_association(IVX_RECORD_RELEASED, 2.1);

    turn();

    ck_assert_str_eq(state_of("2.25.8"), "planned");
    /* Nor when it is right: a lie that fits is one. */
    announce("2.25.9", 0, 8, "8", 1.1);
    end_association(IVX_RECORD_RELEASED, 1.1);
    turn();
    ck_assert_str_eq(state_of("2.25.9"), "receiving");
}
END_TEST

START_TEST(who_was_right_four_times_is_believed_again)
{
    announce("2.25.7", 0, 8, "10", 901);
    turn();
    for (int n = 0; n < 4; n++) {
        char uid[16];
        snprintf(uid, sizeof uid, "2.25.8%d", n);
        announce(uid, 0, 8, "8", 2.1);
        end_association(IVX_RECORD_RELEASED, 2.1);
        turn();
        ck_assert_str_eq(state_of(uid), "planned");
    }

    announce("2.25.9", 0, 8, "8", 1.1);
    end_association(IVX_RECORD_RELEASED, 1.1);
    turn();

    ck_assert_str_eq(state_of("2.25.9"), "planned");
}
END_TEST

START_TEST(an_operator_in_a_hurry_proves_nothing)
{
    struct ivx_err err = { 0 };
    int64_t kept = -1, broken = -1;
    announce("2.25.7", 0, 8, "10", 1);
    turn();
    ck_assert(ivx_catalogue_series_complete(planner.catalogue, 1, &err));
    turn();
    CHECK_SERIES("planned", "");
    ck_assert(ivx_catalogue_trust(planner.catalogue, 1, "images_in_acquisition", &kept,
                                  &broken, &err));
    ck_assert_int_eq(kept, 0);
    ck_assert_int_eq(broken, 0);
}
END_TEST

START_TEST(a_late_instance_opens_the_series_and_says_so)
{
    struct ivx_job_row jobs[10];
    receive_all(40);
    turn();
    CHECK_SERIES("planned", "");

    receive_slice(SLICES, 1);
    turn();

    CHECK_SERIES("receiving", "");
    ck_assert_int_eq(the_series().generation, 1);
    ck_assert(has_evidence("\"kind\":\"late\",\"source\":\"\",\"value\":1,"
                           "\"text\":\"an instance came after this decision\""));
    ck_assert_uint_eq(list_jobs(jobs), 1);
}
END_TEST

/* 220 pauses of 3.5 s lie in the class that ends at 4.096 s. */
static void teach(void)
{
    for (int k = 0; k < 221; k++) {
        char uid[32];
        snprintf(uid, sizeof uid, "2.25.5.%d", k);
        const struct slice slice = { .sop_uid = uid, .series_uid = "2.25.5", .z = 2.0 * k };
        receive(&slice, 40 + 3.5 * (220 - k));
    }
    turn();
}

START_TEST(a_slow_sender_is_given_time)
{
    teach();
    stop_plan(); /* what was learned is in rows */
    start_plan();
    receive_all(3.5);
    end_association(IVX_RECORD_RELEASED, 3.5);
    turn();
    ck_assert_str_eq(state_of("2.25.7"), "receiving");
    ck_assert_double_eq_tol((double)series_named("2.25.7").limit_us / SECOND, 4.096, 0.01);
}
END_TEST

START_TEST(a_sender_that_is_never_silent_need_not_release)
{
    config.plan.quiet = 600;
    for (int k = 0; k < 221; k++) {
        char uid[32];
        snprintf(uid, sizeof uid, "2.25.5.%d", k);
        const struct slice slice = { .sop_uid = uid, .series_uid = "2.25.5", .z = 2.0 * k };
        receive(&slice, 2.1 + 0.05 * (220 - k));
    }
    turn();
    ck_assert_str_eq(state_of("2.25.5"), "planned");
    ck_assert(has_evidence("\"kind\":\"learned\""));
}
END_TEST

/* A sender in a loop keeps a series from being quiet, and not from its deadline. */
START_TEST(repetitions_do_not_put_off_the_deadline)
{
    receive_with_hole(901);
    receive_slice(0, 1);
    turn();
    CHECK_SERIES("refused", "GAP");
    ck_assert(has_evidence("\"kind\":\"deadline\""));
}
END_TEST

START_TEST(repetitions_put_off_the_quiet_time)
{
    receive_all(20);
    receive_slice(0, 1);
    turn();
    CHECK_SERIES("receiving", "");
    ck_assert_double_eq_tol((double)the_series().limit_us / SECOND, 15, 0.01);
}
END_TEST

/* What the supervisor writes. */
static void receive_role(const char *state, double seconds_ago)
{
    struct ivx_err err = { 0 };
    struct ivx_role_row row = { .name = "receive", .pid = 7 };
    snprintf(row.state, sizeof row.state, "%s", state);
    row.since_us = ivx_clock_wall_us() - (int64_t)(seconds_ago * SECOND);
    ck_assert(ivx_catalogue_role_report(planner.catalogue, &row, &err));
}

START_TEST(nobody_is_silent_while_nobody_listens)
{
    receive_all(20);
    receive_role("restarting", 19);
    turn();
    CHECK_SERIES("receiving", "");
    ck_assert_str_eq(the_series().why, "association open; receive was away");
    receive_role("running", 14);
    stop_plan();
    start_plan();
    turn();
    CHECK_SERIES("receiving", "");
    ck_assert_double_eq_tol((double)the_series().limit_us / SECOND, 21, 0.5);

    receive_role("running", 15.1);
    end_association(IVX_RECORD_BROKEN, 20);
    turn();

    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(nobody_is_silent_while_a_full_disk_turns_them_away)
{
    config.receive.low_water = 1 << 30; /* MiB: no disk has that */
    receive_all(20);
    receive_role("running", 100);
    turn();
    CHECK_SERIES("receiving", "");
    ck_assert_str_eq(the_series().why, "association open; the disk had no room");
    config.receive.low_water = 0;
    end_association(IVX_RECORD_BROKEN, 20);
    turn();
    CHECK_SERIES("receiving", "");
    ck_assert_double_eq_tol((double)the_series().limit_us / SECOND, 34, 0.5);

    planner.ear.turned_us -= 15100000; /* there has been room for so long */
    receive_role("running", 100);
    planner.knows_all = false;
    turn();

    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(who_has_listened_all_the_while_was_not_away)
{
    receive_all(3);
    receive_role("running", 4);
    turn();
    ck_assert_str_eq(the_series().why, "association open");
    ck_assert_double_eq_tol((double)the_series().limit_us / SECOND, 15, 0.01);
}
END_TEST

/* Half a series is not decided because the daemon was away. */
START_TEST(the_deadline_gives_senders_time_after_an_outage)
{
    receive_with_hole(5000);
    receive_role("running", 1);
    turn();
    CHECK_SERIES("receiving", "");
    stop_plan();
    start_plan();
    receive_role("running", 15.1);
    turn();
    CHECK_SERIES("refused", "GAP");
}
END_TEST

/* The deadline binds when the role dies over and over. */
START_TEST(a_role_that_never_stays_up_does_not_suspend_the_deadline)
{
    config.plan.deadline = 16;
    receive_with_hole(5000);
    receive_role("restarting", 0);
    turn();
    CHECK_SERIES("receiving", "");

    planner.begun_us -= 16 * SECOND;
    end_association(IVX_RECORD_BROKEN, 20);
    turn();

    CHECK_SERIES("refused", "GAP");
}
END_TEST

START_TEST(what_is_all_here_needs_no_listener)
{
    announce("2.25.7", 0, 8, "8", 1.1);
    end_association(IVX_RECORD_RELEASED, 1.1);
    receive_role("restarting", 1);
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

int main(void)
{
    ivx_log_start("test", IVX_ERROR);
    Suite *suite = suite_create("plan: evidence");
    TCase *tcase = tcase_create("evidence");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_count_that_is_reached_decides_at_once);
    tcase_add_test(tcase, a_count_that_is_reached_with_a_hole_does_not);
    tcase_add_test(tcase, a_count_that_is_short_waits);
    tcase_add_test(tcase, what_is_known_outlives_the_process);
    tcase_add_test(tcase, what_is_sent_twice_counts_once);
    tcase_add_test(tcase, at_the_deadline_a_short_count_is_converted_with_a_warning);
    tcase_add_test(tcase, who_announces_too_much_is_believed_no_more);
    tcase_add_test(tcase, who_was_right_four_times_is_believed_again);
    tcase_add_test(tcase, an_operator_in_a_hurry_proves_nothing);
    tcase_add_test(tcase, a_late_instance_opens_the_series_and_says_so);
    tcase_add_test(tcase, a_slow_sender_is_given_time);
    tcase_add_test(tcase, a_sender_that_is_never_silent_need_not_release);
    tcase_add_test(tcase, repetitions_do_not_put_off_the_deadline);
    tcase_add_test(tcase, repetitions_put_off_the_quiet_time);
    tcase_add_test(tcase, nobody_is_silent_while_nobody_listens);
    tcase_add_test(tcase, nobody_is_silent_while_a_full_disk_turns_them_away);
    tcase_add_test(tcase, who_has_listened_all_the_while_was_not_away);
    tcase_add_test(tcase, the_deadline_gives_senders_time_after_an_outage);
    tcase_add_test(tcase, a_role_that_never_stays_up_does_not_suspend_the_deadline);
    tcase_add_test(tcase, what_is_all_here_needs_no_listener);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
