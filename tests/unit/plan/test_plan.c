/* Plan against a real spool and a real catalogue. Times are given to the records: a series
 * that came 3 seconds ago is one whose records say so. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "part10.h"
#include "series.h"

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

enum { SECOND = 1000000, SLICES = 8 };

static char root[64];
static struct ivx_planner planner;
static struct ivx_spool_writer *writer;
static struct ivx_spool *receiving; /* the writer's own: plan comes and goes */
static struct ivx_config config;
static struct ivx_config_recipe recipes[2];
static struct ivx_destination destinations[2];
static struct ivx_route routes[2];
static char *names[][2] = { { "CT", "" }, { "iso-1mm", "iso-2mm" }, { "pacs", "archive" } };

static struct ivx_config_recipe recipe(char *name, double spacing)
{
    return (struct ivx_config_recipe){ name, spacing, "bspline3", "center", "auto", "nearest" };
}

static void make_config(void)
{
    recipes[0] = recipe("iso-1mm", 1);
    recipes[1] = recipe("iso-2mm", 2);
    destinations[0] = (struct ivx_destination){ .name = "pacs" };
    destinations[1] = (struct ivx_destination){ .name = "archive" };
    routes[0] = (struct ivx_route){ .name = "ct", .modality = { names[0], 1 },
                                    .recipes = { names[1], 1 },
                                    .destinations = { names[2], 1 }, .on_gap = "refuse" };
    config = (struct ivx_config){ .state_dir = root, .recipes = recipes, .recipe_count = 2,
                                  .destinations = destinations, .destination_count = 2,
                                  .routes = routes, .route_count = 1 };
    config.plan.quiet = 15;
    config.plan.quiet_released = 2;
    config.plan.deadline = 900;
}

/* A new process: what it knows is on disk. */
static void start_plan(void)
{
    struct ivx_err err = { 0 };
    planner = (struct ivx_planner){ .config = &config };
    ck_assert_msg(ivx_trying_open(root, &planner.trying, &err)
                      && ivx_plan_cache_new(&planner.cache, &err)
                      && ivx_spool_open(root, &planner.spool, &err)
                      && ivx_catalogue_open(root, &planner.catalogue, &err),
                  "%s", err.text);
}

static void stop_plan(void)
{
    ivx_plan_cache_free(&planner.cache);
    ivx_trying_free(&planner.trying);
    ivx_spool_free(&planner.spool);
    ivx_catalogue_free(&planner.catalogue);
    free(planner.memory);
}

static void setup(void)
{
    struct ivx_err err = { 0 };
    char run[80];
    snprintf(root, sizeof root, "/tmp/isovox_plan_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(run, sizeof run, "%s/run", root);
    ck_assert_int_eq(mkdir(run, 0700), 0);
    make_config();
    start_plan();
    ck_assert_msg(ivx_spool_open(root, &receiving, &err)
                      && ivx_spool_writer_new(receiving, &writer, &err),
                  "%s", err.text);
}

static void teardown(void)
{
    struct ivx_err err = { 0 };
    ivx_spool_writer_free(&writer);
    ivx_spool_free(&receiving);
    stop_plan();
    ck_assert(ivx_tree_remove(root, &err));
}

static void journal(const struct ivx_record *record, const void *bytes, size_t length)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_spool_begin(writer, record, &err)
                      && (length == 0 || ivx_spool_append(writer, bytes, length, &err))
                      && ivx_spool_commit(writer, NULL, &err),
                  "%s", err.text);
}

static struct ivx_record record_of(const char *sop_uid, double seconds_ago)
{
    struct ivx_record record = { .kind = IVX_RECORD_INSTANCE, .calling_ae = "CT1",
                                 .called_ae = "ISOVOX", .peer = "127.0.0.1",
                                 .association = "a1", .syntax = "1.2.840.10008.1.2.1",
                                 .sop_class = "1.2.840.10008.5.1.4.1.1.2" };
    ivx_text_copy(record.sop_uid, sizeof record.sop_uid, sop_uid);
    record.received_us = ivx_clock_wall_us() - (int64_t)(seconds_ago * SECOND);
    return record;
}

static void receive(const struct slice *slice, double seconds_ago)
{
    unsigned char bytes[PART10_ROOM];
    const size_t length = part10_make(slice, bytes);
    const struct ivx_record record = record_of(slice->sop_uid, seconds_ago);
    journal(&record, bytes, length);
}

/* Slice k of the series: 2 mm apart. */
static void receive_slice(int k, double seconds_ago)
{
    char uid[32];
    snprintf(uid, sizeof uid, "2.25.2%03d", k);
    const struct slice slice = { .sop_uid = uid, .series_uid = "2.25.7", .z = 2.0 * k,
                                 .number = k + 1, .value = (short)k };
    receive(&slice, seconds_ago);
}

static void receive_all(double seconds_ago)
{
    for (int k = 0; k < SLICES; k++)
        receive_slice(k, seconds_ago);
}

static void receive_with_hole(double seconds_ago)
{
    for (int k = 0; k < SLICES; k++)
        if (k != 3)
            receive_slice(k, seconds_ago);
}

static void end_association(enum ivx_record_kind kind, double seconds_ago)
{
    struct ivx_record record = record_of("", seconds_ago);
    record.kind = kind;
    journal(&record, NULL, 0);
}

static int turn(void)
{
    struct ivx_err err = { 0 };
    int again_ms = 0;
    ck_assert_msg(ivx_plan_index(&planner, &err), "index: %s", err.text);
    ck_assert_msg(ivx_plan_series(&planner, &again_ms, &err), "series: %s", err.text);
    return again_ms;
}

static struct ivx_series_row the_series(void)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *rows = NULL;
    size_t count = 0;
    ck_assert(ivx_catalogue_list_series(planner.catalogue, 0, 10, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    return rows[0];
}

static size_t list_jobs(struct ivx_job_row out[10])
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_job_row *rows = NULL;
    size_t count = 0;
    ck_assert(ivx_catalogue_list_jobs(planner.catalogue, 0, 0, 10, &rows, &count, &err));
    if (count > 0)
        memcpy(out, rows, count * sizeof *rows);
    return count;
}

static void claim_job(struct ivx_claim *out)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_catalogue_claim(planner.catalogue, "test", 60, 3, out, &err), "%s",
                  err.text);
}

#define CHECK_SERIES(wanted, wanted_code) do { \
        const struct ivx_series_row row = the_series(); \
        ck_assert_str_eq(ivx_series_state_name(row.state), wanted); \
        ck_assert_str_eq(row.code, wanted_code); \
    } while (0)

START_TEST(a_released_series_without_a_hole_becomes_a_job)
{
    struct ivx_job_row jobs[10];
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    receive_all(3);
    end_association(IVX_RECORD_RELEASED, 3);

    turn();

    CHECK_SERIES("planned", "");
    ck_assert_uint_eq(list_jobs(jobs), 1);
    ck_assert_str_eq(jobs[0].recipe, "iso-1mm");
    ck_assert_str_eq(jobs[0].route, "ct");
    claim_job(&claim);
    ck_assert_uint_eq(claim.instance_count, SLICES);
    ck_assert_uint_eq(strlen(claim.key), 64);
}
END_TEST

START_TEST(it_is_too_early_before_the_short_quiet_time)
{
    receive_all(1);
    end_association(IVX_RECORD_RELEASED, 1);

    const int again_ms = turn();

    CHECK_SERIES("receiving", "");
    ck_assert_int_ge(again_ms, 500);
    ck_assert_int_le(again_ms, 1001);
}
END_TEST

START_TEST(a_broken_association_needs_the_long_quiet_time)
{
    receive_all(3);
    end_association(IVX_RECORD_BROKEN, 3);
    turn();
    CHECK_SERIES("receiving", "");
}
END_TEST

START_TEST(quiet_alone_decides_too)
{
    receive_all(16);
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(a_hole_waits_and_what_fills_it_decides)
{
    receive_with_hole(20);
    end_association(IVX_RECORD_RELEASED, 20);
    turn();
    CHECK_SERIES("waiting", "GAP");

    receive_slice(3, 3);
    end_association(IVX_RECORD_RELEASED, 3);
    turn();

    CHECK_SERIES("planned", "");
    ck_assert_int_eq(the_series().instances, SLICES);
}
END_TEST

START_TEST(at_the_deadline_a_hole_is_refused)
{
    struct ivx_job_row jobs[10];
    receive_with_hole(901);
    turn();
    CHECK_SERIES("refused", "GAP");
    ck_assert_uint_eq(list_jobs(jobs), 0);
}
END_TEST

START_TEST(at_the_deadline_a_hole_is_bridged_if_the_route_says_so)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    routes[0].on_gap = "interpolate";
    receive_with_hole(901);

    turn();

    CHECK_SERIES("planned", "");
    claim_job(&claim);
    ck_assert_uint_eq(claim.instance_count, SLICES - 1);
    ck_assert_ptr_nonnull(strstr(claim.recipe_json, "\"gap\":\"interpolate\""));
}
END_TEST

START_TEST(a_whole_volume_has_the_same_job_under_every_gap_policy)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    struct ivx_job_row jobs[10];
    routes[1] = routes[0];
    routes[1].name = "ct2";
    routes[1].on_gap = "interpolate";
    routes[1].destinations = (struct ivx_globs){ names[2], 2 };
    config.route_count = 2;
    receive_all(16);

    turn();

    ck_assert_uint_eq(list_jobs(jobs), 1);
    claim_job(&claim);
    ck_assert_ptr_nonnull(strstr(claim.recipe_json, "\"gap\":\"refuse\""));
}
END_TEST

START_TEST(each_recipe_is_a_job)
{
    struct ivx_job_row jobs[10];
    routes[0].recipes.count = 2;
    receive_all(16);
    turn();
    ck_assert_uint_eq(list_jobs(jobs), 2);
    ck_assert_str_ne(jobs[0].recipe, jobs[1].recipe);
}
END_TEST

START_TEST(a_restart_at_any_time_forgets_nothing)
{
    struct ivx_job_row jobs[10];
    struct ivx_err err = { 0 };
    receive_all(3);
    ck_assert(ivx_plan_index(&planner, &err));
    stop_plan();
    start_plan();
    end_association(IVX_RECORD_RELEASED, 3);
    ck_assert(ivx_plan_index(&planner, &err));
    stop_plan();
    start_plan();

    turn();

    CHECK_SERIES("planned", "");
    ck_assert_int_eq(the_series().instances, SLICES);
    stop_plan();
    start_plan();
    turn();
    ck_assert_uint_eq(list_jobs(jobs), 1);
    ck_assert_int_eq(the_series().generation, 1);
}
END_TEST

START_TEST(a_series_that_continues_is_decided_again)
{
    struct ivx_job_row jobs[10];
    receive_all(40);
    turn();
    CHECK_SERIES("planned", "");

    receive_slice(SLICES, 16);
    turn();

    CHECK_SERIES("planned", "");
    ck_assert_int_eq(the_series().generation, 2);
    ck_assert_uint_eq(list_jobs(jobs), 2);
    ck_assert_int_eq(jobs[0].state, IVX_JOB_CANCELLED);
    ck_assert_int_eq(jobs[1].state, IVX_JOB_QUEUED);
}
END_TEST

START_TEST(what_is_sent_twice_changes_nothing)
{
    struct ivx_job_row jobs[10];
    struct ivx_counts counts;
    struct ivx_err err = { 0 };
    receive_all(40);
    turn();
    receive_all(16);
    turn();

    ck_assert_int_eq(the_series().generation, 1);
    ck_assert_uint_eq(list_jobs(jobs), 1);
    ck_assert(ivx_catalogue_counts(planner.catalogue, &counts, &err));
    ck_assert_int_eq(counts.duplicates, SLICES);
}
END_TEST

START_TEST(the_order_of_arrival_does_not_change_the_job)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim forwards = { 0 }, backwards = { 0 };
    receive_all(16);
    turn();
    claim_job(&forwards);
    teardown();
    setup();

    for (int k = SLICES - 1; k >= 0; k--)
        receive_slice(k, 16);
    turn();
    claim_job(&backwards);

    ck_assert_str_eq(forwards.key, backwards.key);
}
END_TEST

START_TEST(an_operator_decides_at_once)
{
    struct ivx_err err = { 0 };
    receive_all(0);
    turn();
    CHECK_SERIES("receiving", "");
    ck_assert(ivx_catalogue_series_complete(planner.catalogue, the_series().id, &err));
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(without_a_route_nothing_is_done)
{
    names[0][0] = "MR";
    receive_all(16);
    turn();
    names[0][0] = "CT";
    CHECK_SERIES("done", "NO_ROUTE");
    ck_assert_str_eq(the_series().note, "no route matches");
}
END_TEST

START_TEST(our_own_results_are_not_converted_again)
{
    for (int k = 0; k < SLICES; k++) {
        char uid[32];
        snprintf(uid, sizeof uid, "2.25.3%03d", k);
        const struct slice slice = { .sop_uid = uid, .series_uid = "2.25.8", .z = k,
                                     .image_type = "DERIVED\\SECONDARY\\AXIAL\\RESAMPLED" };
        receive(&slice, 16);
    }
    turn();
    CHECK_SERIES("done", "OWN_RESULT");
}
END_TEST

START_TEST(one_slice_is_no_volume)
{
    receive_slice(0, 16);
    turn();
    CHECK_SERIES("refused", "NOT_A_VOLUME");
}
END_TEST

START_TEST(what_cannot_be_read_is_set_aside)
{
    struct ivx_counts counts;
    struct ivx_err err = { 0 };
    const struct ivx_record garbage = record_of("2.25.666", 16);
    journal(&garbage, "%PDF-1.4 is no DICOM object", 27);
    const struct slice other = { .sop_uid = "2.25.667", .series_uid = "2.25.7" };
    unsigned char bytes[PART10_ROOM];
    const struct ivx_record announced = record_of("2.25.668", 16);
    journal(&announced, bytes, part10_make(&other, bytes));
    receive_all(16);

    turn();

    CHECK_SERIES("planned", "");
    ck_assert(ivx_catalogue_counts(planner.catalogue, &counts, &err));
    ck_assert_int_eq(counts.aside, 2);
    ck_assert_int_eq(counts.instances, SLICES);
}
END_TEST

int main(void)
{
    ivx_log_start("test", IVX_ERROR);
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_released_series_without_a_hole_becomes_a_job);
    tcase_add_test(tcase, it_is_too_early_before_the_short_quiet_time);
    tcase_add_test(tcase, a_broken_association_needs_the_long_quiet_time);
    tcase_add_test(tcase, quiet_alone_decides_too);
    tcase_add_test(tcase, a_hole_waits_and_what_fills_it_decides);
    tcase_add_test(tcase, at_the_deadline_a_hole_is_refused);
    tcase_add_test(tcase, at_the_deadline_a_hole_is_bridged_if_the_route_says_so);
    tcase_add_test(tcase, a_whole_volume_has_the_same_job_under_every_gap_policy);
    tcase_add_test(tcase, each_recipe_is_a_job);
    tcase_add_test(tcase, a_restart_at_any_time_forgets_nothing);
    tcase_add_test(tcase, a_series_that_continues_is_decided_again);
    tcase_add_test(tcase, what_is_sent_twice_changes_nothing);
    tcase_add_test(tcase, the_order_of_arrival_does_not_change_the_job);
    tcase_add_test(tcase, an_operator_decides_at_once);
    tcase_add_test(tcase, without_a_route_nothing_is_done);
    tcase_add_test(tcase, our_own_results_are_not_converted_again);
    tcase_add_test(tcase, one_slice_is_no_volume);
    tcase_add_test(tcase, what_cannot_be_read_is_set_aside);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
