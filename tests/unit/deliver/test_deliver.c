/* The deliver role as a process, between a real catalogue, real files and a PACS that is our
 * own SCP with orders to misbehave. */
#include "rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(a_result_reaches_its_destination_in_order)
{
    const int64_t id = make_delivery(1);
    start_pacs();
    start_role();

    const struct ivx_delivery_row row = wait_for(id, IVX_DELIVERY_SENT);

    char expected[PER_RESULT * 16] = "";
    for (int i = 1, used = 0; i <= PER_RESULT; i++)
        used += snprintf(expected + used, sizeof expected - (size_t)used, "2.25.1%02d\n", i);
    ck_assert_str_eq(content("events"), expected);
    ck_assert_uint_eq(lines_of(content("associations")), 1);
    ck_assert_int_eq(row.accepted, PER_RESULT);
    ck_assert_int_eq(row.attempts, 1);
    ck_assert_int_eq(row.last_status, 0);
    ck_assert_int_eq(stop_role(SIGTERM), 0);
}
END_TEST

START_TEST(several_results_share_the_associations_that_are_allowed)
{
    int64_t ids[4];
    orders.slow_ms = 5;
    for (int n = 0; n < 4; n++)
        ids[n] = make_delivery(n + 1);
    start_pacs();
    start_role();

    for (int n = 0; n < 4; n++)
        wait_for(ids[n], IVX_DELIVERY_SENT);

    for (int n = 0; n < 4; n++)
        all_arrived_once(n + 1);
    ck_assert_uint_eq(lines_of(content("associations")), 2);
}
END_TEST

START_TEST(a_full_peer_gets_the_rest_later)
{
    const int64_t id = make_delivery(1);
    orders = (struct orders){ .sop_uid = "2.25.117", .answer = IVX_FULL, .once = true };
    start_pacs();
    start_role();

    const struct ivx_delivery_row row = wait_for(id, IVX_DELIVERY_SENT);

    all_arrived_once(1);
    ck_assert_int_eq(row.attempts, 2);
}
END_TEST

START_TEST(a_refused_instance_holds_no_other_and_ends_dead)
{
    const int64_t id = make_delivery(1);
    orders = (struct orders){ .sop_uid = "2.25.117", .answer = IVX_DAMAGED };
    start_pacs();
    start_role();

    const struct ivx_delivery_row row = wait_for(id, IVX_DELIVERY_DEAD);

    ck_assert_int_eq(row.attempts, 3);
    ck_assert_int_eq(row.last_status, 0xc000);
    ck_assert_str_eq(row.last_comment, "as ordered");
    ck_assert_int_eq(row.accepted, PER_RESULT - 1);
    ck_assert_uint_eq(lines_of(content("events")), PER_RESULT - 1);
    ck_assert_int_eq(times(1, 40), 1);
}
END_TEST

START_TEST(a_peer_that_dies_in_mid_transfer_gets_the_rest)
{
    const int64_t id = make_delivery(1);
    orders = (struct orders){ .sop_uid = "2.25.117", .die = true };
    start_pacs();
    start_role();

    wait_for(id, IVX_DELIVERY_SENT);

    all_arrived_once(1);
}
END_TEST

START_TEST(a_peer_that_is_away_is_asked_again_until_it_is_back)
{
    const int64_t id = make_delivery(1);
    start_role();
    const struct ivx_delivery_row away = wait_for(id, IVX_DELIVERY_FAILED);
    const int64_t wait_us = away.next_us - ivx_clock_wall_us();
    ck_assert_msg(wait_us > 0 && wait_us <= 1200000, "waits %d us", (int)wait_us);
    ck_assert_int_eq(away.last_status, -1);

    start_pacs();

    const struct ivx_delivery_row row = wait_for(id, IVX_DELIVERY_SENT);
    all_arrived_once(1);
    ck_assert_int_gt(row.attempts, 1);
}
END_TEST

START_TEST(a_rejection_is_told_and_tried_again)
{
    char path[100], *text = NULL;
    size_t length = 0;
    struct ivx_err err = { 0 };
    snprintf(path, sizeof path, "%s/conf", folder);
    good(ivx_file_read(path, 4096, &text, &length, &err), &err);
    memcpy(strstr(text, "\"PACS\""), "\"PACX\"", 6);
    good(ivx_file_publish(path, text, length, &err), &err);
    free(text);
    const int64_t id = make_delivery(1);
    start_pacs();
    start_role();

    const struct ivx_delivery_row row = wait_for(id, IVX_DELIVERY_FAILED);
    ck_assert_str_eq(row.last_comment,
                     "association rejected (permanent): called AE title not recognized");

    write_config();
    kill(role, SIGHUP);
    wait_for(id, IVX_DELIVERY_SENT);
    all_arrived_once(1);
}
END_TEST

static void wait_for_events(size_t count)
{
    const int64_t until = ivx_clock_steady_us() + 10000000;
    while (lines_of(content("events")) < count && ivx_clock_steady_us() < until)
        ivx_clock_sleep_ms(5);
}

START_TEST(a_stop_in_mid_delivery_leaves_exactly_the_rest)
{
    const int64_t id = make_delivery(1);
    orders.slow_ms = 30;
    start_pacs();
    start_role();
    wait_for_events(5);

    const int64_t start = ivx_clock_steady_us();
    ck_assert_int_eq(stop_role(SIGTERM), 0);
    ck_assert_int_lt(ivx_clock_steady_us() - start, 3000000);
    const struct ivx_delivery_row stopped = look(id);
    ck_assert_int_lt(stopped.accepted, PER_RESULT);
    ck_assert_int_ge(stopped.accepted, 5);

    start_role();
    const struct ivx_delivery_row row = wait_for(id, IVX_DELIVERY_SENT);
    all_arrived_once(1);
    ck_assert_int_eq(row.attempts, 1);
}
END_TEST

/* Restarts are no reason to give a delivery up. */
START_TEST(an_orderly_stop_is_no_attempt)
{
    const int64_t id = make_delivery(1);
    orders.slow_ms = 30;
    start_pacs();

    for (size_t n = 1; n <= 4; n++) {
        start_role();
        wait_for_events(5 * n);
        ck_assert_int_eq(stop_role(SIGTERM), 0);
        ck_assert_int_eq(look(id).state, IVX_DELIVERY_QUEUED);
        ck_assert_int_eq(look(id).attempts, 0);
    }
}
END_TEST

START_TEST(a_killed_role_repeats_at_most_what_was_not_recorded)
{
    const int64_t id = make_delivery(1);
    orders.slow_ms = 30;
    start_pacs();
    start_role();
    wait_for_events(20);
    stop_role(SIGKILL);

    start_role();

    wait_for(id, IVX_DELIVERY_SENT);
    int twice = 0;
    for (int i = 1; i <= PER_RESULT; i++) {
        ck_assert_int_ge(times(1, i), 1);
        twice += times(1, i) - 1;
    }
    ck_assert_int_le(twice, 17);
}
END_TEST

START_TEST(a_file_that_is_gone_holds_no_other_and_ends_dead)
{
    char path[200];
    const int64_t id = make_delivery(1);
    snprintf(path, sizeof path, "%s/outbox/ready/result-1/000017.dcm", folder);
    ck_assert_int_eq(unlink(path), 0);
    start_pacs();
    start_role();

    const struct ivx_delivery_row row = wait_for(id, IVX_DELIVERY_DEAD);

    ck_assert_int_eq(row.attempts, 3);
    ck_assert_int_eq(row.accepted, PER_RESULT - 1);
    ck_assert_ptr_nonnull(strstr(row.last_comment, "000017.dcm: No such file"));
    ck_assert_int_eq(times(1, 40), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("deliver");
    TCase *tests = tcase_create("deliver");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_result_reaches_its_destination_in_order);
    tcase_add_test(tests, several_results_share_the_associations_that_are_allowed);
    tcase_add_test(tests, a_full_peer_gets_the_rest_later);
    tcase_add_test(tests, a_refused_instance_holds_no_other_and_ends_dead);
    tcase_add_test(tests, a_file_that_is_gone_holds_no_other_and_ends_dead);
    tcase_add_test(tests, a_peer_that_dies_in_mid_transfer_gets_the_rest);
    tcase_add_test(tests, a_peer_that_is_away_is_asked_again_until_it_is_back);
    tcase_add_test(tests, a_rejection_is_told_and_tried_again);
    tcase_add_test(tests, a_stop_in_mid_delivery_leaves_exactly_the_rest);
    tcase_add_test(tests, an_orderly_stop_is_no_attempt);
    tcase_add_test(tests, a_killed_role_repeats_at_most_what_was_not_recorded);
    suite_add_tcase(made, tests);
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
