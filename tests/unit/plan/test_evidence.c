/* Evidence of completeness against a real journal and a real catalogue. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "isovox/base/auto.h"
#include "isovox/catalogue/commitment.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/sys/log.h"

/* Slices [first, last) of a series that announces `announced` images. */
static void announce(const char *series, int first, int last, const char *announced,
                     double seconds_ago)
{
    for (int k = first; k < last; k++) {
        char uid[64];
        snprintf(uid, sizeof uid, "%s.%d", series, k);
        const struct slice slice = { .sop_uid = uid, .series_uid = series, .z = 2.0 * k,
                                     .number = k + 1, .acquisition = "1",
                                     .announced = announced, .station = "CT01" };
        receive(&slice, seconds_ago);
    }
}

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

static bool has_evidence(const char *text)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) char *json = NULL;
    ck_assert(ivx_catalogue_series_evidence(planner.catalogue, 1, &json, &err));
    return strstr(json, text) != NULL;
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

/* A request for storage commitment of slices [0, last) and of `others` of another class. */
static void ask_for(const char *transaction, int last, int others)
{
    static struct ivx_reference items[32];
    int64_t id = 0;
    struct ivx_err err = { 0 };
    for (int n = 0; n < last + others; n++) {
        snprintf(items[n].sop_uid, sizeof items[n].sop_uid, "%s.%d",
                 n < last ? "2.25.7" : "2.25.99", n);
        snprintf(items[n].sop_class, sizeof items[n].sop_class, "1.2.840.10008.5.1.4.1.1.%s",
                 n < last ? "2" : "7");
    }
    const struct ivx_commitment_request request = { transaction, "CT1", "ISOVOX", "127.0.0.1",
                                                    "a1", items, (size_t)(last + others) };
    ck_assert_msg(ivx_catalogue_commitment_ask(planner.catalogue, &request, 0, &id, &err),
                  "%s", err.text);
}

/* Without a release, and with images of a class that is nothing to us in the list. */
START_TEST(a_list_that_is_met_decides_at_once)
{
    announce("2.25.7", 0, 8, NULL, 1.1);
    turn();
    CHECK_SERIES("receiving", "");
    ask_for("2.25.70", 8, 3);
    turn();
    CHECK_SERIES("planned", "");
    ck_assert(has_evidence("8 of 8 named by storage commitment"));
    ck_assert(has_evidence("\"kind\":\"commitment\",\"source\":\"CT1\",\"value\":11"));
}
END_TEST

START_TEST(several_lists_count_together)
{
    announce("2.25.7", 0, 8, NULL, 1.1);
    ask_for("2.25.70", 4, 0);
    turn();
    CHECK_SERIES("receiving", ""); /* less than came */
    ask_for("2.25.71", 8, 0);
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(a_list_of_one_decides_nothing)
{
    announce("2.25.7", 0, 1, NULL, 3);
    end_association(IVX_RECORD_RELEASED, 3);
    ask_for("2.25.70", 1, 0);
    turn();
    CHECK_SERIES("receiving", "");
}
END_TEST

START_TEST(what_was_named_is_waited_for_and_refused_at_the_deadline)
{
    announce("2.25.7", 0, 6, NULL, 20);
    end_association(IVX_RECORD_RELEASED, 20);
    ask_for("2.25.70", 8, 0);

    turn();

    CHECK_SERIES("waiting", "INCOMPLETE");
    ck_assert_str_eq(the_series().note, "6 of 8 named by storage commitment");
    stop_plan();
    start_plan();
    config.plan.deadline = 19;
    turn();
    CHECK_SERIES("refused", "INCOMPLETE");
}
END_TEST

START_TEST(what_was_named_and_never_came_is_converted_if_the_route_says_so)
{
    struct ivx_job_row jobs[10];
    routes[0].on_gap = "interpolate";
    config.plan.deadline = 19;
    announce("2.25.7", 0, 6, NULL, 20);
    ask_for("2.25.70", 8, 0);
    turn();
    CHECK_SERIES("planned", "");
    ck_assert_uint_eq(list_jobs(jobs), 1);
}
END_TEST

/* ---- a source ------------------------------------------------------------------------- */

static char *anybody[] = { "CT*" };
static struct ivx_source archive = { .name = "archive", .senders = { anybody, 1 } };

static struct ivx_inquiry the_inquiry(void)
{
    struct ivx_err err = { 0 };
    struct ivx_inquiry found;
    ck_assert_msg(ivx_catalogue_inquiry(planner.catalogue, 1, &found, &err), "%s", err.text);
    return found;
}

static void have_source(void)
{
    config.sources = &archive;
    config.source_count = 1;
}

/* What the query role writes. */
static void source_says(enum ivx_inquiry_state state, int64_t expected)
{
    struct ivx_err err = { 0 };
    const struct ivx_inquiry end = { state, 0, expected, "archive", "as the source said" };
    ck_assert_msg(ivx_catalogue_inquiry_end(planner.catalogue, 1, &end, 0, &err), "%s",
                  err.text);
}

START_TEST(a_source_is_asked_when_the_sender_is_silent)
{
    have_source();
    announce("2.25.7", 0, 8, NULL, 1);
    end_association(IVX_RECORD_RELEASED, 1);
    const int again_ms = turn();
    ck_assert_int_eq(the_inquiry().state, IVX_INQUIRY_NONE);
    ck_assert_int_le(again_ms, 1001);
    config.plan.quiet_released = 1;
    stop_plan();
    start_plan();
    turn();
    ck_assert_int_eq(the_inquiry().state, IVX_INQUIRY_WANTED);
    ck_assert_int_eq(the_inquiry().instances, 8);
    CHECK_SERIES("receiving", ""); /* not by release and geometry: the source may know better */
}
END_TEST

START_TEST(a_source_of_other_senders_is_not_asked)
{
    static char *others[] = { "MR*" };
    static struct ivx_source other = { .name = "other", .senders = { others, 1 } };
    config.sources = &other;
    config.source_count = 1;
    announce("2.25.7", 0, 8, NULL, 3);
    end_association(IVX_RECORD_RELEASED, 3);
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(a_source_that_has_as_much_decides)
{
    have_source();
    announce("2.25.7", 0, 8, NULL, 3);
    turn();
    source_says(IVX_INQUIRY_ANSWERED, 8);
    turn();
    CHECK_SERIES("planned", "");
    ck_assert(has_evidence("8 of 8 at source archive"));
    ck_assert_int_eq(the_inquiry().state, IVX_INQUIRY_NONE); /* over with the decision */
}
END_TEST

START_TEST(a_source_that_has_more_is_waited_for_and_asked_again)
{
    have_source();
    announce("2.25.7", 0, 8, NULL, 20);
    end_association(IVX_RECORD_RELEASED, 20);
    turn();
    CHECK_SERIES("planned", ""); /* nobody has answered within the quiet time */
    announce("2.25.7", 8, 9, NULL, 3);
    turn();
    source_says(IVX_INQUIRY_ANSWERED, 10);
    config.plan.quiet = 2;
    stop_plan();
    start_plan();
    turn();
    CHECK_SERIES("waiting", "INCOMPLETE");
    ck_assert_str_eq(the_series().note, "9 of 10 at source archive");
    source_says(IVX_INQUIRY_FAILED, -1); /* it knew ten all the same */
    turn();
    CHECK_SERIES("waiting", "INCOMPLETE");
}
END_TEST

START_TEST(a_source_that_fails_or_is_behind_is_as_good_as_none)
{
    have_source();
    announce("2.25.7", 0, 8, NULL, 3);
    end_association(IVX_RECORD_RELEASED, 3);
    turn();
    CHECK_SERIES("receiving", "");
    source_says(_i == 0 ? IVX_INQUIRY_FAILED : IVX_INQUIRY_ANSWERED, _i == 0 ? -1 : 5);
    turn();
    CHECK_SERIES("planned", "");
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
    tcase_add_test(tcase, a_list_that_is_met_decides_at_once);
    tcase_add_test(tcase, several_lists_count_together);
    tcase_add_test(tcase, a_list_of_one_decides_nothing);
    tcase_add_test(tcase, what_was_named_is_waited_for_and_refused_at_the_deadline);
    tcase_add_test(tcase, what_was_named_and_never_came_is_converted_if_the_route_says_so);
    tcase_add_test(tcase, a_source_is_asked_when_the_sender_is_silent);
    tcase_add_test(tcase, a_source_of_other_senders_is_not_asked);
    tcase_add_test(tcase, a_source_that_has_as_much_decides);
    tcase_add_test(tcase, a_source_that_has_more_is_waited_for_and_asked_again);
    tcase_add_loop_test(tcase, a_source_that_fails_or_is_behind_is_as_good_as_none, 0, 2);
    tcase_add_test(tcase, a_late_instance_opens_the_series_and_says_so);
    tcase_add_test(tcase, a_slow_sender_is_given_time);
    tcase_add_test(tcase, a_sender_that_is_never_silent_need_not_release);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
