/* The rules of plan that need no disk: completeness, routes, what is passed over. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complete.h"
#include "route.h"
#include "trying.h"

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/file.h"

enum { SECOND = 1000000 };

/* The defaults of the configuration. */
static const struct ivx_plan_limits usual = { 15 * SECOND, 2 * SECOND, 900 * SECOND };

/* The truth table of src/plan/README.md, both sides of every edge. `seen`: the geometry
 * that is known at that age. */
static const struct row {
    double age;
    bool released, forced;
    enum ivx_plan_geometry seen;
    enum ivx_plan_verdict verdict;
    const char *kind;
    double again;
} table[] = {
    /* An operator's word needs no evidence. */
    { 0.0, false, true, IVX_PLAN_UNKNOWN, IVX_PLAN_DECIDE, "operator", 0 },
    { 0.0, false, true, IVX_PLAN_HOLE, IVX_PLAN_DECIDE, "operator", 0 },
    /* Released and whole: the short quiet time. */
    { 0.0, true, false, IVX_PLAN_UNKNOWN, IVX_PLAN_LISTEN, NULL, 2.0 },
    { 1.9, true, false, IVX_PLAN_WHOLE, IVX_PLAN_LISTEN, NULL, 0.1 },
    { 2.0, true, false, IVX_PLAN_WHOLE, IVX_PLAN_DECIDE, "released", 0 },
    /* Whole, but somebody may still be sending. */
    { 2.0, false, false, IVX_PLAN_UNKNOWN, IVX_PLAN_LISTEN, NULL, 13.0 },
    { 14.9, false, false, IVX_PLAN_WHOLE, IVX_PLAN_LISTEN, NULL, 0.1 },
    { 15.0, false, false, IVX_PLAN_WHOLE, IVX_PLAN_DECIDE, "quiet", 0 },
    /* Released, no volume: later slices may make one. */
    { 2.0, true, false, IVX_PLAN_NOTHING, IVX_PLAN_LISTEN, NULL, 13.0 },
    { 15.0, true, false, IVX_PLAN_NOTHING, IVX_PLAN_DECIDE, "quiet", 0 },
    /* A hole waits, released or not, until the deadline. */
    { 2.0, true, false, IVX_PLAN_HOLE, IVX_PLAN_LISTEN, NULL, 13.0 },
    { 15.0, true, false, IVX_PLAN_HOLE, IVX_PLAN_WAIT, NULL, 885.0 },
    { 15.0, false, false, IVX_PLAN_HOLE, IVX_PLAN_WAIT, NULL, 885.0 },
    { 899.9, false, false, IVX_PLAN_HOLE, IVX_PLAN_WAIT, NULL, 0.1 },
    { 900.0, false, false, IVX_PLAN_HOLE, IVX_PLAN_DECIDE, "deadline", 0 },
    { 900.0, true, false, IVX_PLAN_WHOLE, IVX_PLAN_DECIDE, "deadline", 0 },
    /* A clock that was set back. */
    { -3.0, true, false, IVX_PLAN_UNKNOWN, IVX_PLAN_LISTEN, NULL, 5.0 },
};

START_TEST(the_truth_table_holds)
{
    const struct row *row = &table[_i];
    const struct ivx_plan_evidence evidence = {
        (int64_t)(row->age * SECOND), row->released, row->forced, row->seen
    };

    const struct ivx_plan_answer answer = ivx_plan_judge(&evidence, &usual);

    ck_assert_int_eq(answer.verdict, row->verdict);
    if (row->kind != NULL)
        ck_assert_str_eq(answer.kind, row->kind);
    ck_assert_double_eq_tol((double)answer.again_us / SECOND, row->again, 1e-5);
}
END_TEST

START_TEST(geometry_is_looked_at_when_it_can_change_the_verdict)
{
    struct ivx_plan_evidence evidence = { 1 * SECOND, true, false, IVX_PLAN_UNKNOWN };
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
    evidence.age_us = 2 * SECOND;
    ck_assert(ivx_plan_needs_geometry(&evidence, &usual));
    evidence.all_released = false;
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
    evidence.age_us = 15 * SECOND;
    ck_assert(ivx_plan_needs_geometry(&evidence, &usual));
    evidence.geometry = IVX_PLAN_HOLE;
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
    evidence = (struct ivx_plan_evidence){ 900 * SECOND, true, false, IVX_PLAN_UNKNOWN };
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
}
END_TEST

/* Limits in any order: the strictest wins and nothing waits for ever. */
START_TEST(a_deadline_before_the_quiet_time_decides)
{
    const struct ivx_plan_limits odd = { 60 * SECOND, 90 * SECOND, 5 * SECOND };
    struct ivx_plan_evidence evidence = { 4 * SECOND, false, false, IVX_PLAN_WHOLE };

    ck_assert_int_eq(ivx_plan_judge(&evidence, &odd).verdict, IVX_PLAN_LISTEN);
    ck_assert_int_eq(ivx_plan_judge(&evidence, &odd).again_us, 1 * SECOND);
    evidence.age_us = 5 * SECOND;
    ck_assert_str_eq(ivx_plan_judge(&evidence, &odd).kind, "deadline");
}
END_TEST

static struct ivx_instance chest_ct(void)
{
    struct ivx_instance instance = { .path = NULL };
    ivx_text_copy(instance.modality, sizeof instance.modality, "CT");
    ivx_text_copy(instance.series_description, sizeof instance.series_description,
                  "Thorax 1.0 Br40");
    ivx_text_copy(instance.manufacturer, sizeof instance.manufacturer, "SIEMENS");
    return instance;
}

START_TEST(every_given_condition_must_hold)
{
    char *ct[] = { "CT" }, *either[] = { "*abdomen*", "thorax*" }, *other[] = { "GE*" };
    const struct ivx_instance instance = chest_ct();
    struct ivx_plan_subject subject;
    ivx_plan_subject_of(&instance, "SCANNER1", &subject);
    struct ivx_route route = { .name = "r" };

    ck_assert(ivx_plan_route_wants(&route, &subject));
    route.modality = (struct ivx_globs){ ct, 1 };
    route.series_description = (struct ivx_globs){ either, 2 };
    ck_assert(ivx_plan_route_wants(&route, &subject));
    route.manufacturer = (struct ivx_globs){ other, 1 };
    ck_assert(!ivx_plan_route_wants(&route, &subject));
}
END_TEST

START_TEST(a_condition_on_what_is_absent_does_not_hold)
{
    char *any[] = { "?*" }, *scanners[] = { "SCANNER?" };
    const struct ivx_instance instance = chest_ct();
    struct ivx_plan_subject subject;
    ivx_plan_subject_of(&instance, "SCANNER1", &subject);

    const struct ivx_route by_ae = { .calling_ae = { scanners, 1 } };
    const struct ivx_route by_protocol = { .protocol = { any, 1 } };

    ck_assert(ivx_plan_route_wants(&by_ae, &subject));
    ck_assert(!ivx_plan_route_wants(&by_protocol, &subject));
}
END_TEST

START_TEST(gap_policies_have_their_names)
{
    struct ivx_route route = { .on_gap = NULL };
    ck_assert_int_eq(ivx_plan_route_gap(&route), IVX_GAP_REFUSE);
    route.on_gap = "refuse";
    ck_assert_int_eq(ivx_plan_route_gap(&route), IVX_GAP_REFUSE);
    route.on_gap = "interpolate";
    ck_assert_int_eq(ivx_plan_route_gap(&route), IVX_GAP_INTERPOLATE);
    route.on_gap = "split";
    ck_assert_int_eq(ivx_plan_route_gap(&route), IVX_GAP_SPLIT);
}
END_TEST

static char root[64];

static void make_root(void)
{
    char run[80];
    snprintf(root, sizeof root, "/tmp/isovox_plan_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(run, sizeof run, "%s/run", root);
    ck_assert_int_eq(mkdir(run, 0700), 0);
}

static void remove_root(void)
{
    struct ivx_err err = { 0 };
    ck_assert(ivx_tree_remove(root, &err));
}

/* A process that dies leaves no call of end: so does freeing without it. Records 1 and 2 lie
 * before record 3 and are read again each time. */
static bool die_over_record_3(void)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_trying_free) struct ivx_trying *trying = NULL;
    ck_assert_msg(ivx_trying_open(root, &trying, &err), "%s", err.text);
    for (uint64_t n = 1; n <= 2; n++) {
        ck_assert(ivx_trying_begin(trying, IVX_TRYING_RECORD, 7, n));
        ivx_trying_end(trying);
    }
    return ivx_trying_begin(trying, IVX_TRYING_RECORD, 7, 3);
}

START_TEST(what_kills_twice_is_passed_over)
{
    ck_assert(die_over_record_3());
    ck_assert(die_over_record_3());
    ck_assert(!die_over_record_3());
    ck_assert(!die_over_record_3());
}
END_TEST

START_TEST(what_was_read_well_is_no_suspect)
{
    struct ivx_err err = { 0 };
    ck_assert(die_over_record_3());
    {
        IVX_AUTO(ivx_trying_free) struct ivx_trying *trying = NULL;
        ck_assert(ivx_trying_open(root, &trying, &err));
        ck_assert(ivx_trying_begin(trying, IVX_TRYING_RECORD, 7, 3));
        ivx_trying_end(trying);
    }
    ck_assert(die_over_record_3());
    ck_assert(die_over_record_3());
    ck_assert(!die_over_record_3());
}
END_TEST

START_TEST(a_stop_between_two_objects_accuses_nobody)
{
    struct ivx_err err = { 0 };
    for (int n = 0; n < 5; n++) {
        IVX_AUTO(ivx_trying_free) struct ivx_trying *trying = NULL;
        ck_assert(ivx_trying_open(root, &trying, &err));
        ck_assert(ivx_trying_begin(trying, IVX_TRYING_SERIES, 1, 60));
        ivx_trying_end(trying);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan: rules");
    TCase *rules = tcase_create("rules");
    tcase_add_loop_test(rules, the_truth_table_holds, 0, IVX_COUNT(table));
    tcase_add_test(rules, geometry_is_looked_at_when_it_can_change_the_verdict);
    tcase_add_test(rules, a_deadline_before_the_quiet_time_decides);
    tcase_add_test(rules, every_given_condition_must_hold);
    tcase_add_test(rules, a_condition_on_what_is_absent_does_not_hold);
    tcase_add_test(rules, gap_policies_have_their_names);
    suite_add_tcase(suite, rules);
    TCase *trying = tcase_create("trying");
    tcase_add_checked_fixture(trying, make_root, remove_root);
    tcase_add_test(trying, what_kills_twice_is_passed_over);
    tcase_add_test(trying, what_was_read_well_is_no_suspect);
    tcase_add_test(trying, a_stop_between_two_objects_accuses_nobody);
    suite_add_tcase(suite, trying);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
