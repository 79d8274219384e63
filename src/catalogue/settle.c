/* The state of a planned series follows from its jobs and deliveries of this generation.
 */
#include "db.h"

#include <stdio.h>

/* What is left to do, and the first thing that went wrong for good. */
struct standing {
    int64_t jobs, open_jobs, cancelled_jobs, open_deliveries;
    char code[32], note[IVX_NOTE_ROOM];
};

static bool count(struct ivx_catalogue *catalogue, int64_t series_id,
                  struct standing *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *row = NULL;
    bool found = false;
    if (!ivx_db_query(
            catalogue,
            "SELECT count(*), total(j.state IN (?2, ?3, ?4)), total(j.state = ?5),"
            " total((SELECT count(*) FROM delivery d WHERE d.job_id = j.id"
            " AND " IVX_DELIVERY_OPEN "))"
            " FROM job j JOIN series s ON s.id = j.series_id"
            " WHERE s.id = ?1 AND j.generation = s.generation",
            ARGS(I(series_id), I(IVX_JOB_QUEUED), I(IVX_JOB_RUNNING), I(IVX_JOB_FAILED),
                 I(IVX_JOB_CANCELLED)),
            &row, err)
        || !ivx_db_step(catalogue, row, &found, err))
        return false;
    out->jobs = NUMBER(row, 0);
    out->open_jobs = NUMBER(row, 1);
    out->cancelled_jobs = NUMBER(row, 2);
    out->open_deliveries = NUMBER(row, 3);
    return true;
}

static bool find_failure(struct ivx_catalogue *catalogue, int64_t series_id,
                         struct standing *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *row = NULL;
    bool found = false;
    if (!ivx_db_query(
            catalogue,
            "SELECT j.code, j.note FROM job j JOIN series s ON s.id = j.series_id"
            " WHERE s.id = ?1 AND j.generation = s.generation AND j.state = ?2"
            " UNION ALL SELECT 'NOT_DELIVERED', d.destination || ': '"
            " || d.last_comment FROM delivery d JOIN job j ON j.id = d.job_id"
            " JOIN series s ON s.id = j.series_id"
            " WHERE s.id = ?1 AND j.generation = s.generation AND d.state = ?3",
            ARGS(I(series_id), I(IVX_JOB_DEAD), I(IVX_DELIVERY_DEAD)), &row, err)
        || !ivx_db_step(catalogue, row, &found, err))
        return false;
    if (found) {
        COLUMN(row, 0, out->code);
        COLUMN(row, 1, out->note);
    }
    if (found && out->code[0] == '\0')
        snprintf(out->code, sizeof out->code, "FAILED");
    return true;
}

static bool fail_series(struct ivx_catalogue *catalogue, int64_t series_id,
                        const char *code, const char *note, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "UPDATE series SET state = ?2, code = ?3, note = ?4 WHERE id = ?1",
                      ARGS(I(series_id), I(IVX_SERIES_FAILED), T(code), T(note)), err);
}

/* The decision's own note stays; that of a failure which is overcome goes. */
static bool set(struct ivx_catalogue *catalogue, int64_t series_id,
                enum ivx_series_state state, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "UPDATE series SET state = ?2,"
                      " code = CASE WHEN state = ?3 THEN '' ELSE code END,"
                      " note = CASE WHEN state = ?3 THEN '' ELSE note END WHERE id = ?1",
                      ARGS(I(series_id), I(state), I(IVX_SERIES_FAILED)), err);
}

bool ivx_series_settle(struct ivx_catalogue *catalogue, int64_t series_id,
                       struct ivx_err *err)
{
    int64_t state = 0;
    struct standing now = { 0 };
    if (!ivx_db_number(catalogue, "SELECT state FROM series WHERE id = ?1",
                       ARGS(I(series_id)), &state, NULL, err))
        return false;
    const bool planned = state == IVX_SERIES_PLANNED || state == IVX_SERIES_DONE
                         || state == IVX_SERIES_FAILED;
    if (!planned)
        return true;
    if (!count(catalogue, series_id, &now, err)
        || !find_failure(catalogue, series_id, &now, err))
        return false;

    if (now.jobs == 0)
        return true;
    if (now.code[0] != '\0')
        return fail_series(catalogue, series_id, now.code, now.note, err);
    if (now.cancelled_jobs == now.jobs)
        return fail_series(catalogue, series_id, "CANCELLED", "every job was cancelled",
                           err);
    const bool finished = now.open_jobs == 0 && now.open_deliveries == 0;
    return set(catalogue, series_id, finished ? IVX_SERIES_DONE : IVX_SERIES_PLANNED,
               err);
}

bool ivx_delivery_settle(struct ivx_catalogue *catalogue, int64_t id, struct ivx_err *err)
{
    int64_t job_id = 0;
    return ivx_db_run(catalogue,
                      "UPDATE delivery AS d SET finished_us ="
                      " CASE WHEN " IVX_DELIVERY_OPEN " THEN 0 ELSE ?2 END WHERE id = ?1",
                      ARGS(I(id), I(ivx_now_us(catalogue))), err)
           && ivx_db_number(catalogue, "SELECT job_id FROM delivery WHERE id = ?1",
                            ARGS(I(id)), &job_id, NULL, err)
           && ivx_series_settle_of_job(catalogue, job_id, err);
}

bool ivx_series_settle_of_job(struct ivx_catalogue *catalogue, int64_t job_id,
                              struct ivx_err *err)
{
    int64_t series_id = 0;
    return ivx_db_number(catalogue, "SELECT series_id FROM job WHERE id = ?1",
                         ARGS(I(job_id)), &series_id, NULL, err)
           && ivx_series_settle(catalogue, series_id, err);
}
