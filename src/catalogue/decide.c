/* A decision, in one transaction: the series' state, its jobs, and the end of those that
 * an earlier decision wanted and this one does not. */
#include "db.h"

/* What is decided must be what has been seen. */
static bool is_current(struct ivx_catalogue *catalogue,
                       const struct ivx_decision *decision, int64_t *generation_out,
                       struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *row = NULL;
    bool found = false;
    if (!ivx_db_query(catalogue, "SELECT instances, generation FROM series WHERE id = ?1",
                      ARGS(I(decision->series_id)), &row, err)
        || !ivx_db_step(catalogue, row, &found, err))
        return false;
    if (!found)
        return ivx_fail(err, IVX_ABSENT, "catalogue: no such series");
    if (NUMBER(row, 0) != decision->seen_instances)
        return ivx_fail(err, IVX_STALE, "series %lld: more instances have arrived",
                        (long long)decision->series_id);
    *generation_out = NUMBER(row, 1) + 1;
    return true;
}

static bool decide_series(struct ivx_catalogue *catalogue,
                          const struct ivx_decision *decision, int64_t generation,
                          int64_t now_us, struct ivx_err *err)
{
    return ivx_db_run(
        catalogue,
        "UPDATE series SET state = ?2, generation = ?3, decided_us = ?4,"
        " forced = 0, why = '', limit_us = 0, code = ?5, note = ?6, warnings = ?7 WHERE id = ?1",
        ARGS(I(decision->series_id), I(decision->state), I(generation), I(now_us),
             T(decision->code == NULL ? "" : decision->code),
             T(decision->note == NULL ? "" : decision->note),
             T(decision->warnings_json == NULL ? "[]" : decision->warnings_json)),
        err);
}

static bool add_instances(struct ivx_catalogue *catalogue, int64_t job_id,
                          const struct ivx_new_job *job, struct ivx_err *err)
{
    for (size_t n = 0; n < job->instance_count; n++)
        if (!ivx_db_run(catalogue,
                        "INSERT INTO job_instance (job_id, n, instance_id)"
                        " VALUES (?1, ?2, ?3)",
                        ARGS(I(job_id), I(n + 1), I(job->instance_ids[n])), err))
            return false;
    return true;
}

/* The same contents may have come again since, and lie elsewhere. */
static bool set_instances(struct ivx_catalogue *catalogue, int64_t job_id,
                          const struct ivx_new_job *job, struct ivx_err *err)
{
    return ivx_db_run(catalogue, "DELETE FROM job_instance WHERE job_id = ?1",
                      ARGS(I(job_id)), err)
           && add_instances(catalogue, job_id, job, err);
}

/* A destination that is new for a job that is done already gets its delivery at once. */
static bool add_destinations(struct ivx_catalogue *catalogue, int64_t job_id,
                             const struct ivx_new_job *job, int64_t now_us,
                             struct ivx_err *err)
{
    for (size_t n = 0; n < job->destination_count; n++)
        if (!ivx_db_run(
                catalogue,
                "INSERT INTO job_destination (job_id, destination) VALUES (?1, ?2)"
                " ON CONFLICT DO NOTHING",
                ARGS(I(job_id), T(job->destinations[n])), err))
            return false;
    return ivx_db_run(catalogue,
                      "INSERT INTO delivery (job_id, destination, state, next_us,"
                      " created_us, priority)"
                      " SELECT j.id, t.destination, ?2, ?3, ?3, j.priority FROM job j"
                      " JOIN job_destination t ON t.job_id = j.id"
                      " WHERE j.id = ?1 AND j.state = ?4 ON CONFLICT DO NOTHING",
                      ARGS(I(job_id), I(IVX_DELIVERY_QUEUED), I(now_us), I(IVX_JOB_DONE)),
                      err);
}

/* Its result was removed after plan.keep, and the sources have come again: so the result is
 * wanted again, wherever it was sent. */
static bool remake(struct ivx_catalogue *catalogue, int64_t job_id, int64_t now_us,
                   struct ivx_err *err)
{
    int changed = 0;
    if (!ivx_db_change(catalogue,
                       "UPDATE job SET state = ?2, attempts = 0, next_us = ?3,"
                       " result_gone = 0, outbox_key = '', finished_us = 0"
                       " WHERE id = ?1 AND state = ?4 AND result_gone > 0",
                       ARGS(I(job_id), I(IVX_JOB_QUEUED), I(now_us), I(IVX_JOB_DONE)),
                       &changed, err))
        return false;
    return changed == 0
           || (ivx_db_run(catalogue,
                          "DELETE FROM answer WHERE delivery_id IN"
                          " (SELECT id FROM delivery WHERE job_id = ?1)",
                          ARGS(I(job_id)), err)
               && ivx_db_run(catalogue,
                             "DELETE FROM asked WHERE delivery_id IN"
                             " (SELECT id FROM delivery WHERE job_id = ?1)",
                             ARGS(I(job_id)), err)
               && ivx_db_run(catalogue, "DELETE FROM delivery WHERE job_id = ?1",
                             ARGS(I(job_id)), err));
}

/* The same content and recipe: the job and its result stand. One that was given up for a
 * later generation is wanted again. */
static bool keep_job(struct ivx_catalogue *catalogue, int64_t job_id, int64_t generation,
                     int64_t now_us, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "UPDATE job SET state = ?2, attempts = 0, next_us = ?3, code = '',"
                      " note = '', finished_us = 0"
                      " WHERE id = ?1 AND state = ?4 AND superseded = 1",
                      ARGS(I(job_id), I(IVX_JOB_QUEUED), I(now_us), I(IVX_JOB_CANCELLED)),
                      err)
           && ivx_db_run(catalogue,
                         "UPDATE delivery SET state = ?2, next_us = ?3, created_us = ?3,"
                         " finished_us = 0 WHERE job_id = ?1 AND state = ?4"
                         " AND (SELECT superseded FROM job WHERE id = ?1) = 1",
                         ARGS(I(job_id), I(IVX_DELIVERY_QUEUED), I(now_us),
                              I(IVX_DELIVERY_CANCELLED)),
                         err)
           && remake(catalogue, job_id, now_us, err)
           && ivx_db_run(catalogue,
                         "UPDATE job SET generation = ?2, superseded = 0 WHERE id = ?1",
                         ARGS(I(job_id), I(generation)), err);
}

static bool make_job(struct ivx_catalogue *catalogue, int64_t series_id,
                     const struct ivx_new_job *job, int64_t generation, int64_t now_us,
                     int64_t *id_out, struct ivx_err *err)
{
    if (!ivx_db_run(catalogue,
                    "INSERT INTO job (series_id, key, generation, priority, recipe_name,"
                    " recipe_json, route, volume, state, next_us, created_us)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
                    ARGS(I(series_id), T(job->key), I(generation), I(job->priority),
                         T(job->recipe_name), T(job->recipe_json), T(job->route),
                         T(job->volume_text == NULL ? "" : job->volume_text),
                         I(IVX_JOB_QUEUED), I(now_us)),
                    err))
        return false;
    *id_out = sqlite3_last_insert_rowid(catalogue->db);
    return add_instances(catalogue, *id_out, job, err);
}

static bool want_job(struct ivx_catalogue *catalogue, int64_t series_id,
                     const struct ivx_new_job *job, int64_t generation, int64_t now_us,
                     struct ivx_err *err)
{
    int64_t id = 0;
    bool exists = false;
    if (!ivx_db_number(catalogue, "SELECT id FROM job WHERE key = ?1", ARGS(T(job->key)),
                       &id, &exists, err))
        return false;
    const bool made =
        exists ? keep_job(catalogue, id, generation, now_us, err)
                     && set_instances(catalogue, id, job, err)
               : make_job(catalogue, series_id, job, generation, now_us, &id, err);
    return made
           && ivx_db_run(catalogue,
                         "UPDATE job SET priority = max(priority, ?2) WHERE id = ?1",
                         ARGS(I(id), I(job->priority)), err)
           && ivx_db_run(catalogue,
                         "UPDATE delivery SET priority = max(priority, ?2) WHERE job_id = ?1",
                         ARGS(I(id), I(job->priority)), err)
           && add_destinations(catalogue, id, job, now_us, err);
}

/* Jobs of earlier generations: the unfinished are cancelled, and so is what was still to
 * be delivered of the finished. The epoch is raised, so that whoever is at it loses it.
 */
static bool supersede(struct ivx_catalogue *catalogue, int64_t series_id,
                      int64_t generation, int64_t now_us, struct ivx_err *err)
{
    return ivx_db_run(
               catalogue,
               "UPDATE delivery SET state = ?3, epoch = epoch + 1, finished_us = ?4"
               " WHERE state IN (?5, ?6, ?7) AND job_id IN"
               " (SELECT id FROM job WHERE series_id = ?1 AND generation < ?2)",
               ARGS(I(series_id), I(generation), I(IVX_DELIVERY_CANCELLED), I(now_us),
                    I(IVX_DELIVERY_QUEUED), I(IVX_DELIVERY_SENDING),
                    I(IVX_DELIVERY_FAILED)),
               err)
           && ivx_db_run(catalogue,
                         "UPDATE job SET superseded = 1 WHERE series_id = ?1"
                         " AND generation < ?2",
                         ARGS(I(series_id), I(generation)), err)
           && ivx_db_run(catalogue,
                         "UPDATE job SET state = ?3, epoch = epoch + 1, finished_us = ?4,"
                         " note = 'superseded by a later decision'"
                         " WHERE series_id = ?1 AND generation < ?2"
                         " AND state IN (?5, ?6, ?7)",
                         ARGS(I(series_id), I(generation), I(IVX_JOB_CANCELLED),
                              I(now_us), I(IVX_JOB_QUEUED), I(IVX_JOB_RUNNING),
                              I(IVX_JOB_FAILED)),
                         err);
}

bool ivx_catalogue_decide(struct ivx_catalogue *catalogue,
                          const struct ivx_decision *decision, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int64_t generation = 0;
    const int64_t now_us = ivx_catalogue_now_us(catalogue);
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !is_current(catalogue, decision, &generation, err)
        || !decide_series(catalogue, decision, generation, now_us, err))
        return false;
    for (size_t n = 0; n < decision->job_count; n++)
        if (!want_job(catalogue, decision->series_id, &decision->jobs[n], generation,
                      now_us, err))
            return false;
    return supersede(catalogue, decision->series_id, generation, now_us, err)
           && ivx_trust_count(catalogue, decision, err)
           && (decision->evidence == NULL
               || ivx_evidence_add(catalogue, decision->series_id, decision->evidence, now_us,
                                   err))
           && ivx_db_run(catalogue, "DELETE FROM inquiry WHERE series_id = ?1",
                         ARGS(I(decision->series_id)), err)
           && ivx_series_settle(catalogue, decision->series_id, err)
           && ivx_db_work_commit(&work, err);
}
