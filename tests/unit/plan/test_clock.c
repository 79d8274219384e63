/* The wall clock is set while series are open: none is decided by that, none waits for longer.
 * Quiet time 15 s, deadline 900 s: rig.c. */
#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

static int64_t set_us, slept_us;

int64_t __real_ivx_clock_wall_us(void);
int64_t __wrap_ivx_clock_wall_us(void);
int64_t __wrap_ivx_clock_wall_us(void)
{
    return __real_ivx_clock_wall_us() + set_us + slept_us;
}

int64_t __real_ivx_clock_steady_us(void);
int64_t __wrap_ivx_clock_steady_us(void);
int64_t __wrap_ivx_clock_steady_us(void)
{
    return __real_ivx_clock_steady_us() + slept_us;
}

static void set_clock(double seconds)
{
    set_us += (int64_t)(seconds * SECOND);
}

static void sleep_for(double seconds)
{
    slept_us += (int64_t)(seconds * SECOND);
}

static void start(void)
{
    set_us = slept_us = 0;
    setup();
}

static const char *state(void)
{
    return ivx_series_state_name(the_series().state);
}

static void it_is_decided_after_its_quiet_time(void)
{
    sleep_for(14);
    turn();
    ck_assert_str_eq(state(), "receiving");
    sleep_for(1.1);
    turn();
    ck_assert_str_ne(state(), "receiving");
}

static const double settings[] = { 3600, -3600, 80 * 3600, -80 * 3600 };

/* What plan has noticed, and what it has not when the clock is set. */
START_TEST(a_series_is_decided_when_its_time_has_passed)
{
    receive_slice(0, 1);
    receive_slice(1, 0);
    if (_i % 2 == 0)
        turn();
    set_clock(settings[_i / 2]);
    turn();
    ck_assert_str_eq(state(), "receiving");

    receive_slice(2, 0);
    turn();
    it_is_decided_after_its_quiet_time();
}
END_TEST

/* With instances, or with repetitions. */
START_TEST(a_sender_that_goes_on_is_not_silent)
{
    receive_slice(0, 0);
    turn();
    set_clock(settings[_i / 2]);
    for (int k = 1; k < 4; k++) {
        turn();
        sleep_for(10);
        receive_slice(_i % 2 == 0 ? k : 0, 0);
        turn();
        ck_assert_str_eq(state(), "receiving");
    }

    it_is_decided_after_its_quiet_time();
}
END_TEST

/* An instance that is new when the clock has been set, and nobody has looked yet. */
START_TEST(the_first_instance_after_it_was_set_is_new)
{
    turn();
    set_clock(settings[_i]);
    receive_slice(0, 0);
    turn();
    ck_assert_str_eq(state(), "receiving");
    it_is_decided_after_its_quiet_time();
}
END_TEST

/* Time services make it go faster or slower: that is not put right at once. */
START_TEST(a_clock_that_is_a_little_ahead_makes_no_series_older)
{
    turn();
    sleep_for(100);
    set_clock(0.15);
    receive_slice(0, 0);
    turn();
    ck_assert_str_eq(state(), "receiving");
    sleep_for(15.2);
    turn();
    ck_assert_str_ne(state(), "receiving");
}
END_TEST

/* Nobody knows how old it was; from then on it ages. */
START_TEST(who_begins_after_it_was_set_takes_no_series_for_older_than_that)
{
    receive_slice(0, 10);
    turn();
    set_clock(settings[_i]);
    turn();
    stop_plan();
    start_plan();
    turn();
    ck_assert_str_eq(state(), "receiving");

    sleep_for(14);
    stop_plan();
    start_plan();
    turn();
    ck_assert_str_eq(state(), "receiving");
    sleep_for(1.1);
    turn();
    ck_assert_str_ne(state(), "receiving");
}
END_TEST

static void other_boot(void)
{
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/catalogue.db", config.state_dir);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "UPDATE clock SET boot = 'another', set_us = 1000", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
}

/* It was set long ago; the last instance is of a time to come. */
START_TEST(a_boot_in_the_past_makes_no_series_older)
{
    receive_slice(0, 0);
    turn();
    stop_plan();
    other_boot();
    set_clock(-3600);
    start_plan();
    turn();
    ck_assert_str_eq(state(), "receiving");
    it_is_decided_after_its_quiet_time();
}
END_TEST

START_TEST(what_waits_for_its_deadline_is_not_looked_at_before_and_not_later)
{
    config.plan.deadline = 100;
    receive_slice(0, 0);
    receive_slice(1, 0);
    receive_slice(5, 0);
    turn();
    sleep_for(50);
    turn();
    ck_assert_str_eq(state(), "waiting");

    set_clock(settings[_i]);
    sleep_for(49);
    turn();
    ck_assert_str_eq(state(), "waiting");

    sleep_for(1.1);
    turn();
    ck_assert_str_eq(state(), "refused");
}
END_TEST

int main(void)
{
    ivx_log_start("test", IVX_ERROR);
    Suite *suite = suite_create("plan: the clock");
    TCase *cases = tcase_create("clock");
    const int count = (int)IVX_COUNT(settings);
    tcase_add_checked_fixture(cases, start, teardown);
    tcase_add_loop_test(cases, a_series_is_decided_when_its_time_has_passed, 0, 2 * count);
    tcase_add_loop_test(cases, a_sender_that_goes_on_is_not_silent, 0, 2 * count);
    tcase_add_loop_test(cases, the_first_instance_after_it_was_set_is_new, 0, count);
    tcase_add_test(cases, a_clock_that_is_a_little_ahead_makes_no_series_older);
    tcase_add_loop_test(cases, who_begins_after_it_was_set_takes_no_series_for_older_than_that,
                        0, count);
    tcase_add_test(cases, a_boot_in_the_past_makes_no_series_older);
    tcase_add_loop_test(cases,
                        what_waits_for_its_deadline_is_not_looked_at_before_and_not_later, 0,
                        count);
    suite_add_tcase(suite, cases);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
