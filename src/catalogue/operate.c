/* What operators may do to jobs, deliveries and reports: again, or not at all. */
#include "isovox/catalogue/commitment.h"

#include "db.h"

#include <stdio.h>

struct standing {
    bool found, current; /* current: of the series' latest generation */
    bool awaits;         /* commitment, and all is sent */
    int64_t state, job_id;
};

static bool job_standing(struct ivx_catalogue *catalogue, int64_t id,
                         struct standing *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *row = NULL;
    *out = (struct standing){ .job_id = id };
    if (!ivx_db_query(catalogue,
                      "SELECT j.state, j.generation = s.generation FROM job j"
                      " JOIN series s ON s.id = j.series_id WHERE j.id = ?1",
                      ARGS(I(id)), &row, err)
        || !ivx_db_step(catalogue, row, &out->found, err))
        return false;
    if (!out->found)
        return ivx_fail(err, IVX_ABSENT, "catalogue: no such job");
    out->state = NUMBER(row, 0);
    out->current = NUMBER(row, 1) != 0;
    return true;
}

static bool delivery_standing(struct ivx_catalogue *catalogue, int64_t id,
                              struct standing *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *row = NULL;
    *out = (struct standing){ 0 };
    if (!ivx_db_query(catalogue,
                      "SELECT d.state, j.generation = s.generation, j.id,"
                      " d.state = ?2 AND d.commitment = ?3 FROM delivery d"
                      " JOIN job j ON j.id = d.job_id JOIN series s ON s.id = j.series_id"
                      " WHERE d.id = ?1",
                      ARGS(I(id), I(IVX_DELIVERY_SENT), I(IVX_COMMITMENT_AWAITED)), &row,
                      err)
        || !ivx_db_step(catalogue, row, &out->found, err))
        return false;
    if (!out->found)
        return ivx_fail(err, IVX_ABSENT, "catalogue: no such delivery");
    out->state = NUMBER(row, 0);
    out->current = NUMBER(row, 1) != 0;
    out->job_id = NUMBER(row, 2);
    out->awaits = NUMBER(row, 3) != 0;
    return true;
}

/* What is to be done again needs what plan.keep may have removed: sql counts it. */
static bool check_there(struct ivx_catalogue *catalogue, const char *sql, int64_t job_id,
                        const char *what, struct ivx_err *err)
{
    int64_t gone = 0;
    if (!ivx_db_number(catalogue, sql, ARGS(I(job_id)), &gone, NULL, err))
        return false;
    return gone == 0
           || ivx_fail(err, IVX_REFUSED,
                       "%s of job %lld are removed (plan.keep): send the series again", what,
                       (long long)job_id);
}

bool ivx_catalogue_job_retry(struct ivx_catalogue *catalogue, int64_t id,
                             struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct standing job;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !job_standing(catalogue, id, &job, err))
        return false;
    if (job.state != IVX_JOB_FAILED && job.state != IVX_JOB_DEAD
        && job.state != IVX_JOB_CANCELLED)
        return ivx_fail(err, IVX_REFUSED, "job %lld is %s", (long long)id,
                        ivx_job_state_name((enum ivx_job_state)job.state));
    if (!job.current)
        return ivx_fail(err, IVX_REFUSED, "job %lld is superseded by a later decision",
                        (long long)id);
    if (!check_there(catalogue,
                     "SELECT count(*) FROM job_instance m JOIN instance i"
                     " ON i.id = m.instance_id WHERE m.job_id = ?1 AND i.gone <> 0",
                     id, "the instances", err))
        return false;
    return ivx_db_run(catalogue,
                      "UPDATE job SET state = ?2, attempts = 0, next_us = ?3, code = '',"
                      " note = '', finished_us = 0 WHERE id = ?1",
                      ARGS(I(id), I(IVX_JOB_QUEUED), I(ivx_now_us(catalogue))), err)
           && ivx_series_settle_of_job(catalogue, id, err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_job_cancel(struct ivx_catalogue *catalogue, int64_t id,
                              struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct standing job;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !job_standing(catalogue, id, &job, err))
        return false;
    if (job.state != IVX_JOB_QUEUED && job.state != IVX_JOB_RUNNING
        && job.state != IVX_JOB_FAILED)
        return ivx_fail(err, IVX_REFUSED, "job %lld is %s", (long long)id,
                        ivx_job_state_name((enum ivx_job_state)job.state));
    return ivx_db_run(catalogue,
                      "UPDATE job SET state = ?2, epoch = epoch + 1, finished_us = ?3,"
                      " code = 'CANCELLED', note = 'cancelled by order' WHERE id = ?1",
                      ARGS(I(id), I(IVX_JOB_CANCELLED), I(ivx_now_us(catalogue))), err)
           && ivx_series_settle_of_job(catalogue, id, err)
           && ivx_db_work_commit(&work, err);
}

/* created_us begins anew with it, and so does the time that a delivery may take. Is its
 * destination in trouble, that is looked into at once. */
bool ivx_catalogue_delivery_retry(struct ivx_catalogue *catalogue, int64_t id,
                                  struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct standing delivery;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !delivery_standing(catalogue, id, &delivery, err))
        return false;
    if (delivery.state != IVX_DELIVERY_FAILED && delivery.state != IVX_DELIVERY_DEAD
        && delivery.state != IVX_DELIVERY_CANCELLED && !delivery.awaits)
        return ivx_fail(err, IVX_REFUSED, "delivery %lld is %s", (long long)id,
                        ivx_delivery_state_name((enum ivx_delivery_state)delivery.state));
    if (!delivery.current)
        return ivx_fail(err, IVX_REFUSED,
                        "delivery %lld is superseded by a later decision", (long long)id);
    if (!check_there(catalogue,
                     "SELECT count(*) FROM job WHERE id = ?1 AND result_gone > 0",
                     delivery.job_id, "the files", err))
        return false;
    return ivx_db_run(catalogue,
                      "UPDATE delivery SET state = ?2, attempts = 0, next_us = ?3,"
                      " created_us = ?3, finished_us = 0 WHERE id = ?1",
                      ARGS(I(id), I(IVX_DELIVERY_QUEUED), I(ivx_now_us(catalogue))), err)
           && ivx_db_run(catalogue, "UPDATE asked SET reason = 0 WHERE delivery_id = ?1",
                         ARGS(I(id)), err)
           && ivx_db_run(catalogue,
                         "UPDATE breaker SET next_us = 0 WHERE destination ="
                         " (SELECT destination FROM delivery WHERE id = ?1)",
                         ARGS(I(id)), err)
           && ivx_series_settle_of_job(catalogue, delivery.job_id, err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_delivery_cancel(struct ivx_catalogue *catalogue, int64_t id,
                                   struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct standing delivery;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !delivery_standing(catalogue, id, &delivery, err))
        return false;
    if (delivery.state != IVX_DELIVERY_QUEUED && delivery.state != IVX_DELIVERY_SENDING
        && delivery.state != IVX_DELIVERY_FAILED && !delivery.awaits)
        return ivx_fail(err, IVX_REFUSED, "delivery %lld is %s", (long long)id,
                        ivx_delivery_state_name((enum ivx_delivery_state)delivery.state));
    return ivx_db_run(
               catalogue,
               "UPDATE delivery SET state = ?2, epoch = epoch + 1, finished_us = ?3,"
               " last_comment = 'cancelled by order' WHERE id = ?1",
               ARGS(I(id), I(IVX_DELIVERY_CANCELLED), I(ivx_now_us(catalogue))), err)
           && ivx_series_settle_of_job(catalogue, delivery.job_id, err)
           && ivx_db_work_commit(&work, err);
}

/* All of it is read again: plan.keep_committed has ended since, and what the disk has lost must
 * not be promised. */
static bool judge_anew(struct ivx_catalogue *catalogue, int64_t id, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "UPDATE commitment SET state = ?2, attempts = 0, refused = 0,"
                      " judged_us = 0, held_us = 0, note = '' WHERE id = ?1",
                      ARGS(I(id), I(IVX_COMMITMENT_REQUESTED)), err)
           && ivx_db_run(catalogue,
                         "UPDATE commitment_item SET reason = -1 WHERE commitment_id = ?1",
                         ARGS(I(id)), err);
}

/* The others of its sender wait because that one was away. */
static bool report_now(struct ivx_catalogue *catalogue, int64_t id, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "UPDATE commitment SET next_us = min(next_us, ?3) WHERE state = ?2"
                      " AND calling_ae = (SELECT calling_ae FROM commitment WHERE id = ?1)",
                      ARGS(I(id), I(IVX_COMMITMENT_JUDGED), I(ivx_now_us(catalogue))), err);
}

bool ivx_catalogue_commitment_retry(struct ivx_catalogue *catalogue, int64_t id,
                                    struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct ivx_commitment_row row = { 0 };
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_catalogue_get_commitment(catalogue, id, &row, err))
        return false;
    if (row.state != IVX_COMMITMENT_DEAD && row.state != IVX_COMMITMENT_JUDGED)
        return ivx_fail(err, IVX_REFUSED, "commitment %lld is %s", (long long)id,
                        ivx_commitment_state_name(row.state));
    const bool dead = row.state == IVX_COMMITMENT_DEAD;
    return (dead ? judge_anew(catalogue, id, err) : report_now(catalogue, id, err))
           && ivx_db_work_commit(&work, err);
}
