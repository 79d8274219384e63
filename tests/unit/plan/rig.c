#include "rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"

static char root[64];
struct ivx_planner planner;
static struct ivx_spool_writer *writer;
static struct ivx_spool *receiving; /* the writer's own: plan comes and goes */
struct ivx_config config;
static struct ivx_config_recipe recipes[2];
static struct ivx_destination destinations[2];
struct ivx_route routes[2];
char *names[3][2] = { { "CT", "" }, { "iso-1mm", "iso-2mm" }, { "pacs", "archive" } };

static struct ivx_config_recipe recipe(char *name, double spacing)
{
    return (struct ivx_config_recipe){ name, spacing, "bspline3", "center", "auto", "nearest",
                                       "acquired", "dicom", "off" };
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
    config.plan.quiet_full = 1;
    config.plan.quiet_released = 2;
    config.plan.deadline = 900;
    config.plan.history = 90;
}

/* A new process: what it knows is on disk. */
void start_plan(void)
{
    struct ivx_err err = { 0 };
    planner = (struct ivx_planner){ .config = &config };
    ck_assert_msg(ivx_trying_open(root, &planner.trying, &err)
                      && ivx_plan_cache_new(&planner.cache, &err)
                      && ivx_spool_open(root, &planner.spool, &err)
                      && ivx_outbox_open(root, &planner.outbox, &err)
                      && ivx_catalogue_open(root, &planner.catalogue, &err),
                  "%s", err.text);
}

void stop_plan(void)
{
    ivx_plan_cache_free(&planner.cache);
    ivx_trying_free(&planner.trying);
    ivx_outbox_free(&planner.outbox);
    ivx_spool_free(&planner.spool);
    ivx_catalogue_free(&planner.catalogue);
    free(planner.memory);
}

void forget_catalogue(void)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    stop_plan();
    for (size_t n = 0; n < IVX_COUNT(ends); n++) {
        char path[128];
        snprintf(path, sizeof path, "%s/catalogue.db%s", root, ends[n]);
        unlink(path);
    }
    start_plan();
}

void setup(void)
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

void teardown(void)
{
    struct ivx_err err = { 0 };
    ivx_spool_writer_free(&writer);
    ivx_spool_free(&receiving);
    stop_plan();
    ck_assert(ivx_tree_remove(root, &err));
}

void stop_receiving(void)
{
    ivx_spool_writer_free(&writer);
}

void receive_again(void)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_spool_writer_new(receiving, &writer, &err), "%s", err.text);
}

void journal(const struct ivx_record *record, const void *bytes, size_t length)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_spool_begin(writer, record, &err)
                      && (length == 0 || ivx_spool_append(writer, bytes, length, &err))
                      && ivx_spool_commit(writer, NULL, &err),
                  "%s", err.text);
}

struct ivx_record record_of(const char *sop_uid, double seconds_ago)
{
    struct ivx_record record = { .kind = IVX_RECORD_INSTANCE, .calling_ae = "CT1",
                                 .called_ae = "ISOVOX", .peer = "127.0.0.1",
                                 .association = "a1", .syntax = "1.2.840.10008.1.2.1",
                                 .sop_class = "1.2.840.10008.5.1.4.1.1.2" };
    ivx_text_copy(record.sop_uid, sizeof record.sop_uid, sop_uid);
    record.received_us = ivx_clock_wall_us() - (int64_t)(seconds_ago * SECOND);
    return record;
}

void receive(const struct slice *slice, double seconds_ago)
{
    unsigned char bytes[PART10_ROOM];
    const size_t length = part10_make(slice, bytes);
    const struct ivx_record record = record_of(slice->sop_uid, seconds_ago);
    journal(&record, bytes, length);
}

/* Slice k of the series: 2 mm apart. */
void receive_slice(int k, double seconds_ago)
{
    char uid[32];
    snprintf(uid, sizeof uid, "2.25.2%03d", k);
    const struct slice slice = { .sop_uid = uid, .series_uid = "2.25.7", .z = 2.0 * k,
                                 .number = k + 1, .value = (short)k };
    receive(&slice, seconds_ago);
}

void announce(const char *series, int first, int last, const char *announced,
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

bool has_evidence(const char *text)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) char *json = NULL;
    ck_assert(ivx_catalogue_series_evidence(planner.catalogue, 1, &json, &err));
    return strstr(json, text) != NULL;
}

void receive_all(double seconds_ago)
{
    for (int k = 0; k < SLICES; k++)
        receive_slice(k, seconds_ago);
}

void receive_with_hole(double seconds_ago)
{
    for (int k = 0; k < SLICES; k++)
        if (k != 3)
            receive_slice(k, seconds_ago);
}

void end_association(enum ivx_record_kind kind, double seconds_ago)
{
    struct ivx_record record = record_of("", seconds_ago);
    record.kind = kind;
    journal(&record, NULL, 0);
}

int turn(void)
{
    struct ivx_err err = { 0 };
    int again_ms = 0;
    ck_assert_msg(ivx_plan_index(&planner, &err), "index: %s", err.text);
    ck_assert_msg(ivx_plan_series(&planner, &again_ms, &err), "series: %s", err.text);
    return again_ms;
}

struct ivx_series_row the_series(void)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *rows = NULL;
    size_t count = 0;
    ck_assert(ivx_catalogue_list_series(planner.catalogue, 0, 10, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    return rows[0];
}

size_t list_jobs(struct ivx_job_row out[10])
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_job_row *rows = NULL;
    size_t count = 0;
    ck_assert(ivx_catalogue_list_jobs(planner.catalogue, 0, 0, 10, &rows, &count, &err));
    if (count > 0)
        memcpy(out, rows, count * sizeof *rows);
    return count;
}

void claim_job(struct ivx_claim *out)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_catalogue_claim(planner.catalogue, "test", 60, 3, out, &err), "%s",
                  err.text);
}
