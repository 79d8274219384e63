#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"

char state_dir[64];
struct ivx_catalogue *cat;
int64_t now_us, set_us;
uint64_t rig_segment;
int rig_priority;
bool rig_forgets;
enum { TOTALS = 5 }; /* of check_sums(), at its end */

int64_t __wrap_ivx_clock_wall_us(void);
int64_t __wrap_ivx_clock_wall_us(void)
{
    return now_us + set_us;
}

int64_t __wrap_ivx_clock_steady_us(void);
int64_t __wrap_ivx_clock_steady_us(void)
{
    return now_us;
}

void rig_start(void)
{
    snprintf(state_dir, sizeof state_dir, "/tmp/isovox-catalogue-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(state_dir));
    now_us = 1000000;
    set_us = 0;
    rig_segment = 1;
    rig_priority = IVX_PRIORITY_ROUTINE;
    rig_forgets = false;
    OK(ivx_catalogue_open(state_dir, &cat, &err));
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    const int64_t found = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return found;
}

/* Whatever a test has done, what is kept as a number is what counting gives; totals count what
 * is forgotten too. */
static void check_sums(void)
{
    static const char *const zero[] = {
        "SELECT count(*) FROM (SELECT 'series', state, count(*) FROM series GROUP BY state"
        " UNION SELECT 'job', state, count(*) FROM job GROUP BY state"
        " UNION SELECT 'delivery', state, count(*) FROM delivery GROUP BY state"
        " UNION SELECT 'commitment', state, count(*) FROM commitment GROUP BY state"
        " EXCEPT SELECT what, state, rows FROM tally)",
        "SELECT (SELECT coalesce(sum(rows), 0) FROM tally) - (SELECT count(*) FROM series)"
        " - (SELECT count(*) FROM job) - (SELECT count(*) FROM delivery)"
        " - (SELECT count(*) FROM commitment)",
        "SELECT count(*) FROM delivery d JOIN job j ON j.id = d.job_id"
        " WHERE d.priority <> j.priority",
        "SELECT (SELECT derived FROM total) - (SELECT coalesce(sum(outputs), 0) FROM job"
        " WHERE state = 2)",
        "SELECT (SELECT instances FROM total)"
        " - (SELECT coalesce(sum(instances + gone), 0) FROM series)",
        "SELECT (SELECT bytes FROM total) - (SELECT coalesce(sum(bytes), 0) FROM series)",
        "SELECT (SELECT duplicates FROM total)"
        " - (SELECT coalesce(sum(duplicates), 0) FROM series)",
        "SELECT (SELECT conflicts + aside FROM total) - (SELECT count(*) FROM aside)",
    };
    const size_t count = rig_forgets ? IVX_COUNT(zero) - TOTALS : IVX_COUNT(zero);
    char path[80];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/catalogue.db", state_dir);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
        for (size_t n = 0; n < count; n++)
            ck_assert_msg(number(db, zero[n]) == 0, "%s", zero[n]);
    sqlite3_close(db);
}

void rig_end(void)
{
    if (cat != NULL)
        check_sums();
    ivx_catalogue_free(&cat);
    ivx_tree_remove(state_dir, NULL);
}

void rig_reopen(void)
{
    ivx_catalogue_free(&cat);
    OK(ivx_catalogue_open(state_dir, &cat, &err));
}

void rig_sql(const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/catalogue.db", state_dir);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static enum ivx_arrival_fate arrive(int series, int n, int content,
                                    const char *association, int64_t at_us)
{
    char series_uid[32], sop_uid[32], sha[65];
    static uint64_t place;
    snprintf(series_uid, sizeof series_uid, "S%d", series);
    snprintf(sop_uid, sizeof sop_uid, "%d.%03d", series, n);
    snprintf(sha, sizeof sha, "c%d", content);
    const struct ivx_arrival arrival = { .sop_uid = sop_uid,
                                         .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                                         .syntax = "1.2.840.10008.1.2.1",
                                         .series_uid = series_uid,
                                         .study_uid = "ST",
                                         .modality = "CT",
                                         .calling_ae = "CT1",
                                         .peer = "127.0.0.1",
                                         .association = association,
                                         .sha256_hex = sha,
                                         .received_us = at_us,
                                         .segment = rig_segment,
                                         .offset = 4096 * ++place + 512,
                                         .length = 100 };
    enum ivx_arrival_fate fate = IVX_ARRIVAL_NEW;
    OK(ivx_catalogue_index_arrival(cat, &arrival, &fate, &err));
    return fate;
}

enum ivx_arrival_fate rig_arrive(int series, int n, int content, const char *association,
                                 int64_t at_us)
{
    OK(ivx_catalogue_index_begin(cat, &err));
    const enum ivx_arrival_fate fate = arrive(series, n, content, association, at_us);
    OK(ivx_catalogue_index_end(cat, &err));
    return fate;
}

void rig_ended(const char *association, bool released)
{
    OK(ivx_catalogue_index_begin(cat, &err));
    OK(ivx_catalogue_index_ended(cat, association, released, now_us, &err));
    OK(ivx_catalogue_index_end(cat, &err));
}

int64_t rig_series(int series, int n)
{
    OK(ivx_catalogue_index_begin(cat, &err));
    for (int k = 1; k <= n; k++)
        arrive(series, k, series * 1000 + k, "A", now_us + k);
    OK(ivx_catalogue_index_end(cat, &err));
    rig_ended("A", true);

    IVX_AUTO(ivx_memory_free) struct ivx_series_row *rows = NULL;
    size_t count = 0;
    char uid[32];
    snprintf(uid, sizeof uid, "S%d", series);
    OK(ivx_catalogue_list_series(cat, 0, 1000, &rows, &count, &err));
    for (size_t k = 0; k < count; k++)
        if (strcmp(rows[k].series_uid, uid) == 0)
            return rows[k].id;
    ck_abort_msg("no series %s", uid);
    return 0;
}

struct ivx_series_row rig_series_row(int64_t id)
{
    struct ivx_series_row row = { 0 };
    OK(ivx_catalogue_get_series(cat, id, &row, &err));
    return row;
}

enum ivx_series_state rig_state(int64_t id)
{
    return rig_series_row(id).state;
}

struct ivx_job_row rig_job(int64_t id)
{
    struct ivx_job_row row = { 0 };
    OK(ivx_catalogue_get_job(cat, id, &row, &err));
    return row;
}

struct ivx_delivery_row rig_delivery(int64_t id)
{
    struct ivx_delivery_row row = { 0 };
    OK(ivx_catalogue_get_delivery(cat, id, &row, &err));
    return row;
}

int64_t rig_only_job(int64_t series_id)
{
    IVX_AUTO(ivx_memory_free) struct ivx_job_row *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_list_jobs(cat, series_id, -1, 10, &rows, &count, &err));
    ck_assert_uint_gt(count, 0);
    return rows[0].id;
}

int64_t rig_only_delivery(int64_t job_id)
{
    IVX_AUTO(ivx_memory_free) struct ivx_delivery_row *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_list_deliveries(cat, job_id, -1, 10, &rows, &count, &err));
    ck_assert_uint_gt(count, 0);
    return rows[0].id;
}

bool rig_decide(int64_t id, const char *const *keys, const char *destination,
                struct ivx_err *why)
{
    IVX_AUTO(ivx_memory_free) struct ivx_instance_row *instances = NULL;
    size_t count = 0;
    int64_t ids[1000];
    struct ivx_new_job jobs[8];
    size_t job_count = 0;
    OK(ivx_catalogue_series_instances(cat, id, &instances, &count, &err));
    for (size_t k = 0; k < count; k++)
        ids[k] = instances[k].id;
    for (; keys[job_count] != NULL; job_count++)
        jobs[job_count] =
            (struct ivx_new_job){ .key = keys[job_count],
                                  .recipe_name = "iso-1mm",
                                  .recipe_json = "{\"spacing\":1}",
                                  .route = "ct",
                                  .volume_text = "2x2x2",
                                  .instance_ids = ids,
                                  .instance_count = count,
                                  .destinations = &destination,
                                  .destination_count = destination != NULL,
                                  .priority = rig_priority };
    const struct ivx_decision decision = { .series_id = id,
                                           .seen_instances = (int64_t)count,
                                           .state = IVX_SERIES_PLANNED,
                                           .code = "",
                                           .note = "decided by: test",
                                           .warnings_json = "[]",
                                           .jobs = jobs,
                                           .job_count = job_count };
    return ivx_catalogue_decide(cat, &decision, why);
}

void rig_plan(int64_t id, const char *key, const char *destination)
{
    const char *const keys[] = { key, NULL };
    OK(rig_decide(id, keys, destination, &err));
}

bool rig_finish(int64_t job, int64_t epoch, int outputs, struct ivx_err *err)
{
    struct ivx_job_instance instances[100] = { 0 };
    for (int n = 0; n < outputs; n++) {
        snprintf(instances[n].sop_uid, 65, "2.25.%lld.%d", (long long)job, n + 1);
        snprintf(instances[n].file, 32, "%06d.dcm", n + 1);
    }
    const struct ivx_job_result result = { .outbox_key = "key",
                                           .derived_series_uid = "2.25.7",
                                           .sop_class = "1.2.840.10008.5.1.4.1.1.2",
                                           .syntax = "1.2.840.10008.1.2.1",
                                           .manifest_json = "{\"m\":1}",
                                           .stages_json = "{\"total_ms\":5}",
                                           .instances = instances,
                                           .instance_count = (size_t)outputs };
    return ivx_catalogue_job_done(cat, job, epoch, &result, err);
}

int64_t rig_convert(int outputs)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { 0 };
    OK(ivx_catalogue_claim(cat, "w", 60, 3, &claim, &err));
    OK(rig_finish(claim.job_id, claim.epoch, outputs, &err));
    return claim.job_id;
}

bool rig_answer(const struct ivx_delivery_row *row, int64_t first, int64_t last,
                int status, struct ivx_err *err)
{
    struct ivx_delivery_answer answers[100];
    size_t count = 0;
    for (int64_t n = first; n <= last; n++)
        answers[count++] = (struct ivx_delivery_answer){ .n = n,
                                                         .status = status,
                                                         .accepted = status == 0 };
    return ivx_catalogue_delivery_answers(cat, row->id, row->epoch, answers, count,
                                          status == 0 ? "" : "no", err);
}
