/* Storage commitment that we ask of destinations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "isovox/catalogue/commitment.h"

enum { SECOND = 1000000 };

/* A delivery of three instances, all accepted and asked for as "2.25.9"; and how its attempt
 * ends. */
static struct ivx_delivery_row sent(int64_t *series_out, enum ivx_delivery_state *state_out)
{
    struct ivx_delivery_row row = { 0 };
    const int64_t series = rig_series(1, 1);
    rig_plan(series, "k", "pacs");
    rig_convert(3);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(ivx_catalogue_delivery_wants(cat, row.id, row.epoch, IVX_COMMITMENT_AWAITED, &err));
    OK(rig_answer(&row, 1, 3, 0, &err));
    OK(ivx_catalogue_delivery_asks(cat, row.id, row.epoch, "2.25.9", &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, now_us + 60 * SECOND,
                                  state_out, &err));
    *series_out = series;
    return row;
}

/* Reports the delivery's instances as they were asked for; those of `refused` bits with a
 * reason. */
static struct ivx_commitment_outcome told(int64_t id, const char *transaction, unsigned refused,
                                          int reason)
{
    struct ivx_reference *references = NULL;
    size_t count = 0;
    struct ivx_commitment_outcome outcome = { 0 };
    OK(ivx_catalogue_delivery_uncommitted(cat, id, &references, &count, &err));
    for (size_t n = 0; n < count; n++)
        references[n].reason = (refused >> n & 1) != 0 ? reason : IVX_COMMITTED;
    OK(ivx_catalogue_delivery_report(cat, transaction, references, count, 5, 900, &outcome,
                                     &err));
    free(references);
    return outcome;
}

START_TEST(sent_is_not_the_end_of_a_delivery_that_awaits_commitment)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    int64_t series = 0;
    const struct ivx_delivery_row row = sent(&series, &state);
    ck_assert_int_eq(state, IVX_DELIVERY_SENT);
    ck_assert_int_eq(rig_state(series), IVX_SERIES_PLANNED);
    ck_assert_int_eq(rig_delivery(row.id).finished_us, 0);

    const struct ivx_commitment_outcome outcome = told(row.id, "2.25.9", 0, 0);

    ck_assert_int_eq(outcome.state, IVX_DELIVERY_COMMITTED);
    ck_assert_int_eq(outcome.committed, 3);
    ck_assert_str_eq(outcome.destination, "pacs");
    ck_assert_int_eq(rig_delivery(row.id).state, IVX_DELIVERY_COMMITTED);
    ck_assert(rig_delivery(row.id).committed);
    ck_assert_int_ne(rig_delivery(row.id).finished_us, 0);
    ck_assert_int_eq(rig_state(series), IVX_SERIES_DONE);
}
END_TEST

START_TEST(a_result_is_not_removed_before_it_is_committed)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    struct ivx_old_result *rows = NULL;
    size_t count = 9;
    int64_t series = 0;
    const struct ivx_delivery_row row = sent(&series, &state);
    now_us += 1000 * INT64_C(3600000000);
    OK(ivx_catalogue_old_results(cat, now_us, 10, &rows, &count, &err));
    ck_assert_uint_eq(count, 0);
    free(rows);

    told(row.id, "2.25.9", 0, 0);

    OK(ivx_catalogue_old_results(cat, now_us + 1, 10, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    free(rows);
}
END_TEST

START_TEST(what_is_refused_is_sent_again_and_nothing_else)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    struct ivx_delivery_item *items = NULL;
    size_t count = 0;
    int64_t series = 0;
    struct ivx_delivery_row row = sent(&series, &state);

    const struct ivx_commitment_outcome outcome =
        told(row.id, "2.25.9", 2, IVX_FAILURE_NO_INSTANCE);

    ck_assert_int_eq(outcome.state, IVX_DELIVERY_FAILED);
    ck_assert_int_eq(outcome.refused, 1);
    ck_assert_int_eq(rig_delivery(row.id).accepted, 2);
    ck_assert_int_eq(rig_delivery(row.id).last_status, IVX_FAILURE_NO_INSTANCE);
    ck_assert_str_eq(rig_delivery(row.id).last_comment,
                     "storage commitment: 1 instances refused, reason 0112");
    FAILS(IVX_ABSENT, ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    now_us += 5 * SECOND;
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(ivx_catalogue_delivery_pending(cat, row.id, &items, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(items[0].n, 2);
    free(items);
}
END_TEST

/* Our answer to it was lost, what it refused has been sent again, and now it is repeated. */
START_TEST(a_report_that_comes_twice_counts_once)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    struct ivx_commitment_outcome outcome = { 0 };
    struct ivx_reference *references = NULL;
    size_t count = 0;
    int64_t series = 0;
    struct ivx_delivery_row row = sent(&series, &state);
    OK(ivx_catalogue_delivery_uncommitted(cat, row.id, &references, &count, &err));
    for (size_t n = 0; n < count; n++)
        references[n].reason = IVX_FAILURE_RESOURCES;
    OK(ivx_catalogue_delivery_report(cat, "2.25.9", references, count, 5, 900, &outcome, &err));
    ck_assert_int_eq(outcome.refused, 3);
    now_us += 5 * SECOND;
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(rig_answer(&row, 1, 3, 0, &err));

    OK(ivx_catalogue_delivery_report(cat, "2.25.9", references, count, 5, 900, &outcome, &err));

    free(references);
    ck_assert_int_eq(outcome.refused, 0);
    ck_assert_int_eq(rig_delivery(row.id).accepted, 3);
    FAILS(IVX_ABSENT, ivx_catalogue_delivery_report(cat, "2.25.8", NULL, 0, 5, 900, &outcome,
                                                    &err));
}
END_TEST

START_TEST(without_a_report_it_is_due_again_and_dead_in_the_end)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    int64_t series = 0;
    struct ivx_delivery_row row = sent(&series, &state);
    FAILS(IVX_ABSENT, ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    now_us += 60 * SECOND;
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    ck_assert_int_eq(row.accepted, 3);

    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "no report", true, now_us, &state,
                                  &err));

    ck_assert_int_eq(state, IVX_DELIVERY_DEAD);
    ck_assert_int_eq(rig_state(series), IVX_SERIES_FAILED);
    OK(ivx_catalogue_delivery_retry(cat, row.id, &err));
    ck_assert_int_eq(rig_delivery(row.id).accepted, 3);
}
END_TEST

START_TEST(a_report_that_overtakes_the_sender_ends_its_attempt)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    int64_t series = 0;
    struct ivx_delivery_row row = sent(&series, &state);
    now_us += 60 * SECOND;
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    told(row.id, "2.25.9", 0, 0);

    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, now_us, &state, &err));

    ck_assert_int_eq(state, IVX_DELIVERY_COMMITTED);
    FAILS(IVX_STALE, ivx_catalogue_delivery_end(cat, row.id, row.epoch - 1, 0, "", false,
                                                now_us, &state, &err));
}
END_TEST

START_TEST(what_a_report_refuses_before_the_attempt_has_ended_waits_as_briefly)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    int64_t series = 0;
    struct ivx_delivery_row row = sent(&series, &state);
    now_us += 60 * SECOND;
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    told(row.id, "2.25.9", 2, IVX_FAILURE_NO_INSTANCE);

    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, now_us + 600 * SECOND,
                                  &state, &err));

    ck_assert_int_eq(state, IVX_DELIVERY_FAILED);
    const struct ivx_delivery_row after = rig_delivery(row.id);
    ck_assert_int_eq(after.next_us, now_us + 10 * SECOND); /* of the second attempt */
    ck_assert_int_eq(after.last_status, IVX_FAILURE_NO_INSTANCE);
    ck_assert_str_eq(after.last_comment, "storage commitment: 1 instances refused, reason 0112");
}
END_TEST

/* Sends the refused ones again and asks under `uid`; the attempt goes on. */
static void ask_again(struct ivx_delivery_row *row, const char *uid)
{
    now_us += 1000 * (int64_t)SECOND;
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, row, &err));
    OK(rig_answer(row, 1, 3, 0, &err));
    OK(ivx_catalogue_delivery_asks(cat, row->id, row->epoch, uid, &err));
}

START_TEST(a_class_that_is_refused_is_not_sent_for_ever)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    int64_t series = 0;
    char uid[32];
    struct ivx_delivery_row row = sent(&series, &state);
    told(row.id, "2.25.9", 7, IVX_FAILURE_CLASS_UNSUPPORTED);
    for (int n = 2; n <= 3; n++) {
        ck_assert_int_eq(rig_delivery(row.id).state, IVX_DELIVERY_FAILED);
        snprintf(uid, sizeof uid, "2.25.9%d", n);
        ask_again(&row, uid);
        OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, now_us, &state,
                                      &err));
        told(row.id, uid, 7, IVX_FAILURE_CLASS_UNSUPPORTED);
    }

    ck_assert_int_eq(rig_delivery(row.id).state, IVX_DELIVERY_DEAD);
}
END_TEST

/* A peer that reports on the association that asked is always faster than the attempt. */
START_TEST(nor_when_each_report_comes_before_its_attempt_has_ended)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    int64_t series = 0;
    char uid[32];
    struct ivx_delivery_row row = sent(&series, &state);
    told(row.id, "2.25.9", 7, IVX_FAILURE_CLASS_UNSUPPORTED);
    for (int n = 2; n <= 3; n++) {
        ck_assert_int_eq(rig_delivery(row.id).state, IVX_DELIVERY_FAILED);
        snprintf(uid, sizeof uid, "2.25.9%d", n);
        ask_again(&row, uid);
        const struct ivx_commitment_outcome outcome =
            told(row.id, uid, 7, IVX_FAILURE_CLASS_UNSUPPORTED);
        ck_assert_int_eq(outcome.state, IVX_DELIVERY_SENDING);
        OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "fine", false, now_us, &state,
                                      &err));
    }

    ck_assert_int_eq(state, IVX_DELIVERY_DEAD);
    const struct ivx_delivery_row after = rig_delivery(row.id);
    ck_assert_int_eq(after.state, IVX_DELIVERY_DEAD);
    ck_assert_int_eq(after.last_status, IVX_FAILURE_CLASS_UNSUPPORTED);
    ck_assert_str_eq(after.last_comment,
                     "storage commitment: its class is refused, reason 0122");
    ck_assert_int_eq(rig_state(series), IVX_SERIES_FAILED);
}
END_TEST

/* What counts is how often it was refused: a peer that was away for days has refused nothing. */
START_TEST(attempts_that_never_reached_the_peer_are_no_refusals)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    int64_t series = 0;
    struct ivx_delivery_row row = { 0 };
    rig_plan(series = rig_series(1, 1), "k", "pacs");
    rig_convert(3);
    for (int n = 1; n <= 5; n++) {
        OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
        OK(ivx_catalogue_delivery_wants(cat, row.id, row.epoch, IVX_COMMITMENT_AWAITED, &err));
        OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, -1, "away", false, now_us, &state,
                                      &err));
    }
    ask_again(&row, "2.25.9");
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, now_us, &state, &err));

    const struct ivx_commitment_outcome outcome =
        told(row.id, "2.25.9", 7, IVX_FAILURE_CLASS_CONFLICT);

    ck_assert_int_eq(outcome.state, IVX_DELIVERY_FAILED);
}
END_TEST

START_TEST(by_hand_a_refused_class_is_tried_as_often_again)
{
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    int64_t series = 0;
    char uid[32];
    struct ivx_delivery_row row = sent(&series, &state);
    told(row.id, "2.25.9", 1, IVX_FAILURE_CLASS_UNSUPPORTED);
    for (int n = 2; n <= 4; n++) {
        if (n == 4)
            OK(ivx_catalogue_delivery_retry(cat, row.id, &err));
        snprintf(uid, sizeof uid, "2.25.9%d", n);
        ask_again(&row, uid);
        OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, now_us, &state,
                                      &err));
        told(row.id, uid, 1, IVX_FAILURE_CLASS_UNSUPPORTED);
        ck_assert_int_eq(rig_delivery(row.id).state,
                         n == 3 ? IVX_DELIVERY_DEAD : IVX_DELIVERY_FAILED);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: commitment by destinations");
    TCase *tcase = tcase_create("commitment");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, rig_start, rig_end);
    tcase_add_test(tcase, sent_is_not_the_end_of_a_delivery_that_awaits_commitment);
    tcase_add_test(tcase, a_result_is_not_removed_before_it_is_committed);
    tcase_add_test(tcase, what_is_refused_is_sent_again_and_nothing_else);
    tcase_add_test(tcase, a_report_that_comes_twice_counts_once);
    tcase_add_test(tcase, without_a_report_it_is_due_again_and_dead_in_the_end);
    tcase_add_test(tcase, a_report_that_overtakes_the_sender_ends_its_attempt);
    tcase_add_test(tcase, what_a_report_refuses_before_the_attempt_has_ended_waits_as_briefly);
    tcase_add_test(tcase, a_class_that_is_refused_is_not_sent_for_ever);
    tcase_add_test(tcase, nor_when_each_report_comes_before_its_attempt_has_ended);
    tcase_add_test(tcase, attempts_that_never_reached_the_peer_are_no_refusals);
    tcase_add_test(tcase, by_hand_a_refused_class_is_tried_as_often_again);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
