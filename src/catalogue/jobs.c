/* Jobs: claimed for a time, fenced by an epoch. An attempt begins with its claim, so a
 * worker that dies without a word has used one up. */
#include "db.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/sys/clock.h"

void ivx_claim_free(struct ivx_claim *claim)
{
    free(claim->recipe_json);
    free(claim->instances);
    claim->recipe_json = NULL;
    claim->instances = NULL;
}

/* The first job in one state, in the order of the index: a long queue is not sorted. */
#define FIRST_IN(state, due)                                                             \
    "SELECT * FROM (SELECT id, priority, next_us FROM job INDEXED BY job_by_state"       \
    " WHERE state = " state " AND " due " ORDER BY priority DESC, next_us, id LIMIT 1)"

/* The next job that is due, or whose lease has run out. */
static bool next_job(struct ivx_catalogue *catalogue, int64_t *id_out, struct ivx_err *err)
{
    bool found = false;
    if (!ivx_db_number(catalogue,
                       "SELECT id FROM (" FIRST_IN("?1", "next_us <= ?4") " UNION ALL "
                       FIRST_IN("?2", "next_us <= ?4") " UNION ALL "
                       FIRST_IN("?3", "lease_us < ?5")
                       ") ORDER BY priority DESC, next_us, id LIMIT 1",
                       ARGS(I(IVX_JOB_QUEUED), I(IVX_JOB_FAILED), I(IVX_JOB_RUNNING),
                            I(ivx_now_us(catalogue)), I(ivx_clock_steady_us())),
                       id_out, &found, err))
        return false;
    return found || ivx_fail(err, IVX_ABSENT, "catalogue: no job is due");
}

/* A job whose last attempt has ended in silence. */
static bool bury_lost(struct ivx_catalogue *catalogue, int64_t id, int max_attempts,
                      bool *dead_out, struct ivx_err *err)
{
    int changed = 0;
    if (!ivx_db_change(
            catalogue,
            "UPDATE job SET state = ?2, code = 'WORKER_LOST', epoch = epoch + 1,"
            " finished_us = ?5, note = 'the worker ' || owner ||"
            " ' was lost in attempt ' || attempts"
            " WHERE id = ?1 AND state = ?3 AND attempts >= ?4",
            ARGS(I(id), I(IVX_JOB_DEAD), I(IVX_JOB_RUNNING), I(max_attempts),
                 I(ivx_now_us(catalogue))),
            &changed, err))
        return false;
    *dead_out = changed > 0;
    return changed == 0 || ivx_series_settle_of_job(catalogue, id, err);
}

static bool take(struct ivx_catalogue *catalogue, int64_t id, const char *owner,
                 int lease_seconds, struct ivx_err *err)
{
    return ivx_db_run(
        catalogue,
        "UPDATE job SET state = ?2, epoch = epoch + 1, attempts = attempts + 1,"
        " owner = ?3, lease_us = ?4, started_us = ?5 WHERE id = ?1",
        ARGS(I(id), I(IVX_JOB_RUNNING), T(owner), I(ivx_lease_us(lease_seconds)),
             I(ivx_now_us(catalogue))),
        err);
}

static void read_claim(sqlite3_stmt *statement, void *row)
{
    struct ivx_claim *out = row;
    out->job_id = NUMBER(statement, 0);
    out->epoch = NUMBER(statement, 1);
    out->created_us = NUMBER(statement, 2);
    out->attempt = NUMBER(statement, 3);
    COLUMN(statement, 4, out->key);
    COLUMN(statement, 5, out->recipe_name);
    out->recipe_json = strdup((const char *)sqlite3_column_text(statement, 6));
}

static bool load_claim(struct ivx_catalogue *catalogue, int64_t id, struct ivx_claim *out,
                       struct ivx_err *err)
{
    void *instances = NULL;
    if (!ivx_db_one(
            catalogue,
            "SELECT id, epoch, created_us, attempts, key, recipe_name, recipe_json"
            " FROM job WHERE id = ?1",
            ARGS(I(id)), read_claim, out, err))
        return false;
    if (out->recipe_json == NULL)
        return ivx_fail(err, IVX_FULL, "catalogue: no memory");
    if (!ivx_db_collect(catalogue,
                        "SELECT i.id, i.sop_uid, i.sha256, i.calling_ae, i.segment,"
                        " i.offset, i.length FROM job_instance m"
                        " JOIN instance i ON i.id = m.instance_id"
                        " WHERE m.job_id = ?1 ORDER BY m.n",
                        ARGS(I(id)), sizeof(struct ivx_instance_row),
                        ivx_instance_row_read, &instances, &out->instance_count, err))
        return false;
    out->instances = instances;
    return true;
}

bool ivx_catalogue_claim(struct ivx_catalogue *catalogue, const char *owner,
                         int lease_seconds, int max_attempts, struct ivx_claim *out,
                         struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    IVX_AUTO(ivx_claim_free) struct ivx_claim made = { 0 };
    struct ivx_err none = { 0 };
    int64_t id = 0;
    if (!ivx_db_work_begin(&work, catalogue, err))
        return false;
    for (bool dead = true; dead;) {
        if (!next_job(catalogue, &id, &none)) {
            /* Burials are kept even when nothing is left to claim. */
            if (none.code == IVX_ABSENT && !ivx_db_work_commit(&work, err))
                return false;
            return ivx_fail(err, none.code, "%s", none.text);
        }
        if (!bury_lost(catalogue, id, max_attempts, &dead, err))
            return false;
    }
    if (!take(catalogue, id, owner, lease_seconds, err)
        || !load_claim(catalogue, id, &made, err) || !ivx_db_work_commit(&work, err))
        return false;
    *out = made;
    made = (struct ivx_claim){ 0 };
    return true;
}

bool ivx_catalogue_heartbeat(struct ivx_catalogue *catalogue, int64_t job_id,
                             int64_t epoch, int lease_seconds, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_change(catalogue,
                          "UPDATE job SET lease_us = ?4"
                          " WHERE id = ?1 AND epoch = ?2 AND state = ?3",
                          ARGS(I(job_id), I(epoch), I(IVX_JOB_RUNNING),
                               I(ivx_lease_us(lease_seconds))),
                          &changed, err))
        return false;
    if (changed == 0)
        return ivx_fail(err, IVX_STALE, "job %lld is not ours any more",
                        (long long)job_id);
    return ivx_db_work_commit(&work, err);
}

static bool record_result(struct ivx_catalogue *catalogue, int64_t job_id,
                          const struct ivx_job_result *result, struct ivx_err *err)
{
    if (!ivx_db_run(catalogue, "DELETE FROM result WHERE job_id = ?1", ARGS(I(job_id)),
                    err))
        return false;
    for (size_t n = 0; n < result->instance_count; n++)
        if (!ivx_db_run(catalogue,
                        "INSERT INTO result (job_id, n, sop_uid, file)"
                        " VALUES (?1, ?2, ?3, ?4)",
                        ARGS(I(job_id), I(n + 1), T(result->instances[n].sop_uid),
                             T(result->instances[n].file)),
                        err))
            return false;
    return true;
}

static bool queue_deliveries(struct ivx_catalogue *catalogue, int64_t job_id,
                             struct ivx_err *err)
{
    return ivx_db_run(
        catalogue,
        "INSERT INTO delivery (job_id, destination, state, next_us, created_us, priority)"
        " SELECT j.id, t.destination, ?2, ?3, ?3, j.priority FROM job j"
        " JOIN job_destination t ON t.job_id = j.id WHERE j.id = ?1 ON CONFLICT DO NOTHING",
        ARGS(I(job_id), I(IVX_DELIVERY_QUEUED), I(ivx_now_us(catalogue))), err);
}

/* The fence: done only by the worker that holds the epoch. */
static bool finish(struct ivx_catalogue *catalogue, int64_t job_id, int64_t epoch,
                   const struct ivx_job_result *result, struct ivx_err *err)
{
    int changed = 0;
    if (!ivx_db_change(
            catalogue,
            "UPDATE job SET state = ?4, finished_us = ?5, outbox_key = ?6,"
            " derived_series_uid = ?7, sop_class = ?8, syntax = ?9, outputs = ?10,"
            " manifest = ?11, stages = ?12, code = '', note = ''"
            " WHERE id = ?1 AND epoch = ?2 AND state = ?3",
            ARGS(I(job_id), I(epoch), I(IVX_JOB_RUNNING), I(IVX_JOB_DONE),
                 I(ivx_now_us(catalogue)), T(result->outbox_key),
                 T(result->derived_series_uid), T(result->sop_class), T(result->syntax),
                 I(result->instance_count), T(result->manifest_json),
                 T(result->stages_json)),
            &changed, err))
        return false;
    return changed > 0
           || ivx_fail(err, IVX_STALE, "job %lld is not ours any more",
                       (long long)job_id);
}

bool ivx_catalogue_job_done(struct ivx_catalogue *catalogue, int64_t job_id,
                            int64_t epoch, const struct ivx_job_result *result,
                            struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && finish(catalogue, job_id, epoch, result, err)
           && record_result(catalogue, job_id, result, err)
           && queue_deliveries(catalogue, job_id, err)
           && ivx_series_settle_of_job(catalogue, job_id, err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_job_failed(struct ivx_catalogue *catalogue, int64_t job_id,
                              int64_t epoch, const char *code, const char *text,
                              bool final, int max_attempts, int64_t retry_us,
                              struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_change(catalogue,
                          "UPDATE job SET code = ?4, note = ?5, next_us = ?6,"
                          " finished_us = ?7,"
                          " state = CASE WHEN ?8 OR attempts >= ?9 THEN ?10 ELSE ?11 END"
                          " WHERE id = ?1 AND epoch = ?2 AND state = ?3",
                          ARGS(I(job_id), I(epoch), I(IVX_JOB_RUNNING), T(code), T(text),
                               I(retry_us), I(ivx_now_us(catalogue)), I(final),
                               I(max_attempts), I(IVX_JOB_DEAD), I(IVX_JOB_FAILED)),
                          &changed, err))
        return false;
    if (changed == 0)
        return ivx_fail(err, IVX_STALE, "job %lld is not ours any more",
                        (long long)job_id);
    return ivx_series_settle_of_job(catalogue, job_id, err)
           && ivx_db_work_commit(&work, err);
}
