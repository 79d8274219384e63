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
static const struct ivx_plan_limits usual = { 1 * SECOND, 2 * SECOND, 15 * SECOND, 15 * SECOND,
                                              900 * SECOND };

/* One row of docs/COMPLETENESS.md: the words of its columns. */
enum { ROWS = 40, WORDS = 10 };
struct row {
    char word[WORDS][40];
    bool used;
};

static size_t read_table(struct row rows[ROWS])
{
    const char *top = getenv("top_srcdir");
    char file[4096];
    snprintf(file, sizeof file, "%s/docs/COMPLETENESS.md", top == NULL ? "." : top);
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) char *text = NULL;
    size_t length, count = 0;
    ck_assert_msg(ivx_file_read(file, 1 << 20, &text, &length, &err), "%s", err.text);
    for (char *line = strstr(text, "| # | operator"); line != NULL && line[0] == '|';
         line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1) {
        if (strspn(line + 2, "0123456789") == 0)
            continue;
        struct row *row = &rows[count++];
        const char *at = line + 2;
        *row = (struct row){ .used = false };
        for (int n = 0; n < WORDS; n++) {
            const char *end = strstr(at, " |");
            ck_assert(end != NULL && end - at < (int)sizeof row->word[n]);
            memcpy(row->word[n], at, (size_t)(end - at));
            at = end + 3;
        }
    }
    return count;
}

static const char *const ages[] = { "any", "full", "released", "learned", "quiet", "deadline" };
static const char *const says[] = { "-", "short", "met" };
static const char *const steps[] = { "open", "completed", "discontinued" };
static const char *const ends[] = { "open", "released", "broken" };
static const char *const shapes[] = { "unknown", "none", "whole", "hole" };
/* full, released, learned, quiet, deadline */
static const struct ivx_plan_limits five = { 10, 20, 30, 40, 50 };

/* Is the age in the class, counted from 0 (under full) to 5 (deadline), old enough? */
static bool old_enough(const char *word, const struct ivx_plan_evidence *evidence)
{
    if (strcmp(word, "deadline") == 0)
        return evidence->idle_us >= five.deadline_us;
    for (int n = 0; n < (int)IVX_COUNT(ages); n++)
        if (strcmp(word, ages[n]) == 0)
            return evidence->age_us / 10 >= n;
    ck_abort_msg("docs/COMPLETENESS.md: the age \"%s\"", word);
    return false;
}

static bool fits(const char *word, const char *actual)
{
    return strcmp(word, "any") == 0 || strcmp(word, actual) == 0;
}

static bool holds(const struct row *row, const struct ivx_plan_evidence *evidence)
{
    return fits(row->word[1], evidence->forced ? "yes" : "no")
           && old_enough(row->word[2], evidence)
           && fits(row->word[3], steps[evidence->step])
           && fits(row->word[4], says[evidence->manifest])
           && fits(row->word[5], says[evidence->count])
           && fits(row->word[6], evidence->asked ? "asked" : "-")
           && fits(row->word[7], ends[evidence->ends])
           && fits(row->word[8], shapes[evidence->geometry]);
}

static void check_against(struct row *rows, size_t count,
                          const struct ivx_plan_evidence *evidence)
{
    static const char *const verdicts[] = { "listen", "wait", "complete", "policy" };
    const struct ivx_plan_answer answer = ivx_plan_judge(evidence, &five);
    char said[64];
    snprintf(said, sizeof said, "%s%s%s", verdicts[answer.verdict],
             answer.kind == NULL ? "" : ": ", answer.kind == NULL ? "" : answer.kind);
    for (size_t n = 0; n < count; n++) {
        if (!holds(&rows[n], evidence))
            continue;
        rows[n].used = true;
        ck_assert_msg(strcmp(said, rows[n].word[9]) == 0,
                      "row %s says %s, the program %s (age %d, step %d, manifest %d, count %d,"
                      " asked %d, ends %d, geometry %d)",
                      rows[n].word[0], rows[n].word[9], said, (int)evidence->age_us,
                      evidence->step, evidence->manifest, evidence->count, evidence->asked,
                      evidence->ends, evidence->geometry);
        return;
    }
    ck_abort_msg("no row of docs/COMPLETENESS.md holds");
}

/* Evidence number n of all there can be, the geometry looked at; false behind the last. */
static bool evidence_of(int n, struct ivx_plan_evidence *out)
{
    const int sizes[] = { 6, 2, 3, 3, 3, 3, 3, 2, 2 };
    int digit[IVX_COUNT(sizes)];
    for (size_t k = 0; k < IVX_COUNT(sizes); k++) {
        digit[k] = n % sizes[k];
        n /= sizes[k];
    }
    *out = (struct ivx_plan_evidence){
        .age_us = 10 * digit[0],
        .forced = digit[1] == 1,
        .step = (enum ivx_plan_step)digit[2],
        .manifest = (enum ivx_plan_say)digit[3],
        .count = (enum ivx_plan_say)digit[4],
        .ends = (enum ivx_plan_ends)digit[5],
        .geometry = (enum ivx_plan_geometry)(digit[6] + 1),
        .asked = digit[7] == 1,
        .idle_us = digit[8] == 1 ? 50 : 10 * digit[0], /* repetitions do not count */
    };
    return n == 0;
}

START_TEST(the_program_is_the_truth_table_of_the_document)
{
    static struct row rows[ROWS];
    const size_t count = read_table(rows);
    ck_assert_uint_ge(count, 15);
    struct ivx_plan_evidence evidence;

    int n = 0;
    for (; evidence_of(n, &evidence); n++)
        check_against(rows, count, &evidence);

    ck_assert_int_eq(n, 6 * 2 * 3 * 3 * 3 * 3 * 3 * 2 * 2);
    for (size_t k = 0; k < count; k++)
        ck_assert_msg(rows[k].used, "row %s of docs/COMPLETENESS.md never holds",
                      rows[k].word[0]);
}
END_TEST

/* A millisecond before and at each age, and when to look again. */
START_TEST(an_answer_says_when_to_look_again)
{
    struct ivx_plan_evidence evidence = { .ends = IVX_PLAN_RELEASED,
                                          .geometry = IVX_PLAN_WHOLE };
    evidence.age_us = evidence.idle_us = 1900000;
    ck_assert_int_eq(ivx_plan_judge(&evidence, &usual).verdict, IVX_PLAN_LISTEN);
    ck_assert_int_eq(ivx_plan_judge(&evidence, &usual).again_us, 100000);
    evidence.age_us = 2 * SECOND;
    ck_assert_str_eq(ivx_plan_judge(&evidence, &usual).kind, "released");
    evidence.geometry = IVX_PLAN_HOLE;
    ck_assert_int_eq(ivx_plan_judge(&evidence, &usual).again_us, 13 * SECOND);
    evidence.age_us = evidence.idle_us = 15 * SECOND;
    ck_assert_int_eq(ivx_plan_judge(&evidence, &usual).verdict, IVX_PLAN_WAIT);
    ck_assert_int_eq(ivx_plan_judge(&evidence, &usual).again_us, 885 * SECOND);
    /* Repeated since: the deadline stays where it is. */
    evidence.idle_us = 895 * SECOND;
    ck_assert_int_eq(ivx_plan_judge(&evidence, &usual).again_us, 5 * SECOND);
    evidence.age_us = 11 * SECOND;
    ck_assert_int_eq(ivx_plan_judge(&evidence, &usual).again_us, 4 * SECOND);
    /* A clock that was set back. */
    evidence.age_us = evidence.idle_us = -3 * SECOND;
    evidence.geometry = IVX_PLAN_UNKNOWN;
    ck_assert_int_eq(ivx_plan_judge(&evidence, &usual).again_us, 5 * SECOND);
}
END_TEST

START_TEST(geometry_is_looked_at_when_it_can_change_the_verdict)
{
    struct ivx_plan_evidence evidence = { .age_us = 1 * SECOND, .ends = IVX_PLAN_RELEASED };
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
    evidence.count = IVX_PLAN_MET;
    ck_assert(ivx_plan_needs_geometry(&evidence, &usual));
    evidence.count = IVX_PLAN_SILENT;
    evidence.age_us = 2 * SECOND;
    ck_assert(ivx_plan_needs_geometry(&evidence, &usual));
    evidence.count = IVX_PLAN_SHORT;
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
    evidence.count = IVX_PLAN_SILENT;
    evidence.ends = IVX_PLAN_BROKEN;
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
    evidence.age_us = 15 * SECOND;
    ck_assert(ivx_plan_needs_geometry(&evidence, &usual));
    evidence.geometry = IVX_PLAN_HOLE;
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
    evidence = (struct ivx_plan_evidence){ .age_us = 900 * SECOND,
                                              .idle_us = 900 * SECOND };
    ck_assert(!ivx_plan_needs_geometry(&evidence, &usual));
}
END_TEST

/* Limits in any order: the strictest wins and nothing waits for ever. */
START_TEST(a_deadline_before_the_quiet_time_decides)
{
    const struct ivx_plan_limits odd = { 70 * SECOND, 90 * SECOND, 80 * SECOND, 60 * SECOND,
                                         5 * SECOND };
    struct ivx_plan_evidence evidence = { .age_us = 4 * SECOND, .idle_us = 4 * SECOND,
                                          .geometry = IVX_PLAN_WHOLE };

    ck_assert_int_eq(ivx_plan_judge(&evidence, &odd).verdict, IVX_PLAN_LISTEN);
    ck_assert_int_eq(ivx_plan_judge(&evidence, &odd).again_us, 1 * SECOND);
    evidence.age_us = evidence.idle_us = 5 * SECOND;
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
    tcase_add_test(rules, the_program_is_the_truth_table_of_the_document);
    tcase_add_test(rules, an_answer_says_when_to_look_again);
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
