/* Storage commitment asked of us: durable, judged by the rows, reported once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "isovox/catalogue/commitment.h"

enum { SECOND = 1000000 };
static const char ct[] = "1.2.840.10008.5.1.4.1.1.2";
static const char mr[] = "1.2.840.10008.5.1.4.1.1.4";

static bool ask(const char *transaction, const struct ivx_reference *items, size_t count,
                int hold_seconds, int64_t *id_out, struct ivx_err *err)
{
    const struct ivx_commitment_request request = {
        .transaction_uid = transaction, .calling_ae = "CT1", .called_ae = "ISOVOX",
        .peer = "127.0.0.1", .association = "A", .items = items, .count = count };
    return ivx_catalogue_commitment_ask(cat, &request, hold_seconds, id_out, err);
}

static struct ivx_reference item(const char *sop_class, const char *sop_uid)
{
    struct ivx_reference made = { .reason = -1 };
    snprintf(made.sop_class, sizeof made.sop_class, "%s", sop_class);
    snprintf(made.sop_uid, sizeof made.sop_uid, "%s", sop_uid);
    return made;
}

static int64_t asked(const char *transaction, const char *sop_uid)
{
    const struct ivx_reference one = item(ct, sop_uid);
    int64_t id = 0;
    OK(ask(transaction, &one, 1, 0, &id, &err));
    return id;
}

/* What plan does, with a journal in which everything is sound. */
static void judge_all(void)
{
    struct ivx_commitment_check *rows = NULL;
    size_t count = 0;
    int64_t newest = 0;
    OK(ivx_catalogue_commitment_newest(cat, &newest, &err));
    OK(ivx_catalogue_commitment_unjudged(cat, newest, 100, &rows, &count, &err));
    OK(ivx_catalogue_commitment_judge(cat, rows, count, 1, &err));
    free(rows);
}

static struct ivx_commitment_row only_row(void)
{
    struct ivx_commitment_row *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_list_commitments(cat, 0, 10, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    const struct ivx_commitment_row row = rows[0];
    free(rows);
    return row;
}

START_TEST(a_request_is_judged_by_what_is_kept)
{
    rig_series(1, 2);
    const struct ivx_reference items[] = {
        item(ct, "1.001"), item(mr, "1.002"), item(ct, "1.003") };
    int64_t id = 0;
    OK(ask("2.25.1", items, 3, 0, &id, &err));
    rig_reopen();
    ck_assert_int_eq(only_row().state, IVX_COMMITMENT_REQUESTED);

    judge_all();

    struct ivx_reference *judged = NULL;
    size_t count = 0;
    OK(ivx_catalogue_commitment_items(cat, id, &judged, &count, &err));
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(judged[0].reason, IVX_COMMITTED);
    ck_assert_int_eq(judged[1].reason, IVX_FAILURE_CLASS_CONFLICT);
    ck_assert_int_eq(judged[2].reason, IVX_FAILURE_NO_INSTANCE);
    ck_assert_str_eq(judged[2].sop_uid, "1.003");
    free(judged);
    const struct ivx_commitment_row row = only_row();
    ck_assert_int_eq(row.state, IVX_COMMITMENT_JUDGED);
    ck_assert_int_eq(row.instances, 3);
    ck_assert_int_eq(row.refused, 2);
}
END_TEST

START_TEST(what_was_asked_after_the_look_at_the_journal_waits_for_the_next)
{
    int64_t newest = 0;
    struct ivx_commitment_check *rows = NULL;
    size_t count = 9;
    asked("2.25.1", "1.001");
    OK(ivx_catalogue_commitment_newest(cat, &newest, &err));
    asked("2.25.2", "1.001");

    OK(ivx_catalogue_commitment_unjudged(cat, newest, 100, &rows, &count, &err));

    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(rows[0].commitment_id, newest);
    free(rows);
}
END_TEST

START_TEST(a_transaction_uid_is_used_once)
{
    const struct ivx_reference one = item(ct, "1.001");
    int64_t id = 0;
    asked("2.25.1", "1.001");
    FAILS(IVX_STALE, ask("2.25.1", &one, 1, 0, &id, &err));
    judge_all();
    OK(ivx_catalogue_commitment_reported(cat, 1, 1, &err));
    FAILS(IVX_STALE, ask("2.25.1", &one, 1, 0, &id, &err));
    OK(ask("2.25.2", &one, 1, 0, &id, &err));
}
END_TEST

START_TEST(open_requests_of_a_sender_are_bounded)
{
    const struct ivx_reference one = item(ct, "1.001");
    char uid[32];
    int64_t id = 0;
    for (int n = 0; n < IVX_COMMITMENTS_OPEN; n++) {
        snprintf(uid, sizeof uid, "2.25.%d", n + 1);
        OK(ask(uid, &one, 1, 0, &id, &err));
    }
    FAILS(IVX_FULL, ask("2.25.99999", &one, 1, 0, &id, &err));
    OK(ivx_catalogue_commitment_reported(cat, id, 1, &err));
    OK(ask("2.25.99999", &one, 1, 0, &id, &err));
}
END_TEST

START_TEST(an_open_association_reports_itself_and_then_others_may)
{
    const struct ivx_reference one = item(ct, "1.001");
    struct ivx_commitment_row row = { 0 };
    int64_t id = 0;
    OK(ask("2.25.1", &one, 1, 30, &id, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_of(cat, "A", &row, &err));
    judge_all();
    OK(ivx_catalogue_commitment_of(cat, "A", &row, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));

    OK(ivx_catalogue_commitment_hold(cat, "A", 0, &err));

    OK(ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    ck_assert_int_eq(row.id, id);
    ck_assert_int_eq(row.attempts, 1);
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
}
END_TEST

START_TEST(an_association_that_died_holds_nothing_for_long)
{
    const struct ivx_reference one = item(ct, "1.001");
    struct ivx_commitment_row row = { 0 };
    int64_t id = 0;
    OK(ask("2.25.1", &one, 1, 30, &id, &err));
    judge_all();
    now_us += 31 * SECOND;
    OK(ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
}
END_TEST

START_TEST(a_report_that_does_not_get_through_is_repeated_until_it_is_given_up)
{
    struct ivx_commitment_row row = { 0 };
    const int64_t id = asked("2.25.1", "1.001");
    judge_all();
    OK(ivx_catalogue_commitment_claim(cat, "CT1", 30, &row, &err));
    asked("2.25.2", "1.001");
    judge_all();

    OK(ivx_catalogue_commitment_unreported(cat, id, "away", true, false, now_us + 9 * SECOND,
                                           &err));
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_claim(cat, "MR1", 30, &row, &err));
    now_us += 9 * SECOND;
    OK(ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    ck_assert_int_eq(row.id, id);
    ck_assert_int_eq(row.attempts, 2);
    ck_assert_str_eq(row.note, "away");

    OK(ivx_catalogue_commitment_unreported(cat, id, "away", false, true, now_us, &err));
    OK(ivx_catalogue_commitment_claim(cat, "CT1", 30, &row, &err));
    ck_assert_int_ne(row.id, id);
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
}
END_TEST

/* The series is over; some time later its segment is removed, as far as nothing holds it. */
static bool remove_segment(int64_t series_id, int64_t after_s)
{
    const struct ivx_decision over = { .series_id = series_id, .seen_instances = 2,
                                       .state = IVX_SERIES_DONE, .code = "", .note = "",
                                       .warnings_json = "[]" };
    struct ivx_segment_loss loss = { 0 };
    struct ivx_err why = { 0 };
    OK(ivx_catalogue_index_begin(cat, &err));
    OK(ivx_catalogue_index_mark(cat, rig_segment, 8192, &err));
    OK(ivx_catalogue_index_end(cat, &err));
    if (rig_state(series_id) != IVX_SERIES_DONE)
        OK(ivx_catalogue_decide(cat, &over, &err));
    now_us += after_s * SECOND;
    return ivx_catalogue_segment_goes(cat, rig_segment, now_us, &loss, &why);
}

START_TEST(a_report_that_was_given_up_is_judged_anew_by_hand)
{
    const int64_t series = rig_series(1, 2);
    const struct ivx_reference items[] = { item(ct, "1.001"), item(ct, "1.002") };
    struct ivx_commitment_row row = { 0 };
    int64_t id = 0;
    OK(ask("2.25.1", items, 2, 0, &id, &err));
    judge_all();
    OK(ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    OK(ivx_catalogue_commitment_unreported(cat, id, "away", true, true, now_us, &err));
    ck_assert_int_eq(only_row().state, IVX_COMMITMENT_DEAD);
    ck_assert_int_eq(only_row().refused, 0);
    ck_assert(remove_segment(series, 3601));

    OK(ivx_catalogue_commitment_retry(cat, id, &err));

    ck_assert_int_eq(only_row().state, IVX_COMMITMENT_REQUESTED);
    ck_assert_str_eq(only_row().note, "");
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    judge_all();
    OK(ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    ck_assert_int_eq(row.attempts, 1);
    ck_assert_int_eq(row.judged_us, now_us);
    ck_assert_int_eq(row.refused, 2); /* it was true once */
}
END_TEST

START_TEST(what_is_committed_is_kept_until_its_sender_knows_and_an_hour_from_then)
{
    const int64_t series = rig_series(1, 2);
    const int64_t id = asked("2.25.1", "1.001");
    judge_all();
    ck_assert(!remove_segment(series, 72 * 3600)); /* the sender is away */

    OK(ivx_catalogue_commitment_reported(cat, id, 1, &err));

    ck_assert(!remove_segment(series, 3599));
    ck_assert(remove_segment(series, 2));
}
END_TEST

START_TEST(a_report_that_waits_is_due_by_hand_with_its_senders_others)
{
    struct ivx_commitment_row row = { 0 };
    const int64_t first = asked("2.25.1", "1.001"), second = asked("2.25.2", "1.001");
    judge_all();
    OK(ivx_catalogue_commitment_claim(cat, NULL, 0, &row, &err));
    OK(ivx_catalogue_commitment_unreported(cat, first, "away", true, false,
                                           now_us + 900 * (int64_t)SECOND, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));

    OK(ivx_catalogue_commitment_retry(cat, second, &err));

    OK(ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    OK(ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_claim(cat, NULL, 30, &row, &err));
}
END_TEST

START_TEST(what_is_not_judged_yet_or_told_is_not_repeated_by_hand)
{
    struct ivx_err why = { 0 };
    const int64_t id = asked("2.25.1", "1.001");
    FAILS(IVX_ABSENT, ivx_catalogue_commitment_retry(cat, id + 1, &err));
    FAILS(IVX_REFUSED, ivx_catalogue_commitment_retry(cat, id, &err));
    judge_all();
    OK(ivx_catalogue_commitment_reported(cat, id, 1, &err));
    ck_assert(!ivx_catalogue_commitment_retry(cat, id, &why));
    ck_assert_str_eq(why.text, "commitment 1 is reported");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue commitment");
    TCase *tcase = tcase_create("commitment");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, rig_start, rig_end);
    tcase_add_test(tcase, a_request_is_judged_by_what_is_kept);
    tcase_add_test(tcase, what_was_asked_after_the_look_at_the_journal_waits_for_the_next);
    tcase_add_test(tcase, a_transaction_uid_is_used_once);
    tcase_add_test(tcase, open_requests_of_a_sender_are_bounded);
    tcase_add_test(tcase, an_open_association_reports_itself_and_then_others_may);
    tcase_add_test(tcase, an_association_that_died_holds_nothing_for_long);
    tcase_add_test(tcase, a_report_that_does_not_get_through_is_repeated_until_it_is_given_up);
    tcase_add_test(tcase, a_report_that_was_given_up_is_judged_anew_by_hand);
    tcase_add_test(tcase, what_is_committed_is_kept_until_its_sender_knows_and_an_hour_from_then);
    tcase_add_test(tcase, a_report_that_waits_is_due_by_hand_with_its_senders_others);
    tcase_add_test(tcase, what_is_not_judged_yet_or_told_is_not_repeated_by_hand);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
