/* What others name of a series: requests for storage commitment, procedure steps, sources. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "isovox/base/auto.h"
#include "isovox/catalogue/commitment.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/catalogue/performed.h"
#include "isovox/sys/log.h"

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

/* ---- procedure steps ------------------------------------------------------------------ */

static void perform(const char *step, enum ivx_step_state state, int images)
{
    struct ivx_err err = { 0 };
    struct ivx_step_image image[32];
    static char uid[32][32];
    for (int n = 0; n < images; n++) {
        snprintf(uid[n], sizeof uid[n], "2.25.7.%d", n);
        image[n] = (struct ivx_step_image){ "2.25.7", uid[n] };
    }
    if (images == 0)
        image[0] = (struct ivx_step_image){ "2.25.7", "" };
    ck_assert_msg(ivx_catalogue_step_create(planner.catalogue, step, "CT1", NULL, 0, &err),
                  "%s", err.text);
    ck_assert_msg(ivx_catalogue_step_set(planner.catalogue, step, state, true, image,
                                         images == 0 ? 1 : (size_t)images, &err),
                  "%s", err.text);
}

/* It needs neither a release nor a volume without a hole: the modality has no more. */
START_TEST(a_completed_step_decides_when_all_of_it_is_here)
{
    announce("2.25.7", 0, 7, NULL, 1.1);
    perform("2.25.50", IVX_STEP_COMPLETED, 8);
    turn();
    CHECK_SERIES("receiving", "");
    announce("2.25.7", 7, 8, NULL, 1.1);
    turn();
    CHECK_SERIES("planned", "");
    ck_assert(has_evidence("8 of 8 named by the procedure step (completed)"));
}
END_TEST

START_TEST(a_step_in_progress_decides_nothing)
{
    announce("2.25.7", 0, 8, NULL, 3);
    perform("2.25.50", IVX_STEP_OPEN, 8);
    turn();
    CHECK_SERIES("receiving", "");
}
END_TEST

START_TEST(one_step_of_two_that_is_in_progress_keeps_the_list_open)
{
    announce("2.25.7", 0, 8, NULL, 3);
    perform("2.25.50", IVX_STEP_COMPLETED, 8);
    perform("2.25.51", IVX_STEP_OPEN, 4);
    turn();
    CHECK_SERIES("receiving", "");
}
END_TEST

/* More came than the step lists: a reconstruction that was added. */
START_TEST(a_list_that_is_shorter_than_what_came_decides_nothing)
{
    announce("2.25.7", 0, 8, NULL, 3);
    perform("2.25.50", IVX_STEP_COMPLETED, 6);
    turn();
    CHECK_SERIES("receiving", "");
}
END_TEST

START_TEST(what_a_discontinued_step_has_made_goes_to_the_policy)
{
    announce("2.25.7", 0, 3, NULL, 3);
    announce("2.25.7", 4, 6, NULL, 3);
    perform("2.25.50", IVX_STEP_DISCONTINUED, 0);
    turn();
    CHECK_SERIES("receiving", ""); /* nothing is named: it is given the quiet time */
    stop_plan();
    start_plan();
    config.plan.quiet = 2;
    turn();
    CHECK_SERIES("refused", "GAP");
}
END_TEST

START_TEST(a_step_that_is_over_stays_so)
{
    struct ivx_err err = { 0 }, twice = { 0 }, absent = { 0 };
    perform("2.25.50", IVX_STEP_COMPLETED, 8);
    ck_assert(!ivx_catalogue_step_set(planner.catalogue, "2.25.50", IVX_STEP_DISCONTINUED,
                                      false, NULL, 0, &err));
    ck_assert_int_eq(err.code, IVX_REFUSED);
    ck_assert(!ivx_catalogue_step_create(planner.catalogue, "2.25.50", "CT1", NULL, 0, &twice));
    ck_assert_int_eq(twice.code, IVX_STALE);
    ck_assert(!ivx_catalogue_step_set(planner.catalogue, "2.25.51", IVX_STEP_COMPLETED, false,
                                      NULL, 0, &absent));
    ck_assert_int_eq(absent.code, IVX_ABSENT);
}
END_TEST

START_TEST(old_steps_are_forgotten)
{
    struct ivx_err err = { 0 };
    perform("2.25.50", IVX_STEP_COMPLETED, 8);
    ck_assert(ivx_catalogue_steps_forget(planner.catalogue, 1, &err));
    announce("2.25.7", 0, 8, NULL, 1.1);
    ck_assert(ivx_catalogue_steps_forget(planner.catalogue, INT64_MAX, &err));
    turn();
    CHECK_SERIES("receiving", "");
    perform("2.25.50", IVX_STEP_COMPLETED, 8); /* as if it had never been */
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

int main(void)
{
    ivx_log_start("test", IVX_ERROR);
    Suite *suite = suite_create("plan: manifests");
    TCase *tcase = tcase_create("manifests");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_list_that_is_met_decides_at_once);
    tcase_add_test(tcase, several_lists_count_together);
    tcase_add_test(tcase, a_list_of_one_decides_nothing);
    tcase_add_test(tcase, what_was_named_is_waited_for_and_refused_at_the_deadline);
    tcase_add_test(tcase, what_was_named_and_never_came_is_converted_if_the_route_says_so);
    tcase_add_test(tcase, a_completed_step_decides_when_all_of_it_is_here);
    tcase_add_test(tcase, a_step_in_progress_decides_nothing);
    tcase_add_test(tcase, one_step_of_two_that_is_in_progress_keeps_the_list_open);
    tcase_add_test(tcase, a_list_that_is_shorter_than_what_came_decides_nothing);
    tcase_add_test(tcase, what_a_discontinued_step_has_made_goes_to_the_policy);
    tcase_add_test(tcase, a_step_that_is_over_stays_so);
    tcase_add_test(tcase, old_steps_are_forgotten);
    tcase_add_test(tcase, a_source_is_asked_when_the_sender_is_silent);
    tcase_add_test(tcase, a_source_of_other_senders_is_not_asked);
    tcase_add_test(tcase, a_source_that_has_as_much_decides);
    tcase_add_test(tcase, a_source_that_has_more_is_waited_for_and_asked_again);
    tcase_add_loop_test(tcase, a_source_that_fails_or_is_behind_is_as_good_as_none, 0, 2);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
