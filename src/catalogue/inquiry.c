/* What sources are asked about open series, and what they say. */
#include "db.h"

#include "isovox/catalogue/inquiry.h"

static void read_inquiry(sqlite3_stmt *statement, void *row)
{
    struct ivx_inquiry *out = row;
    out->state = (enum ivx_inquiry_state)NUMBER(statement, 0);
    out->instances = NUMBER(statement, 1);
    out->expected = NUMBER(statement, 2);
    COLUMN(statement, 3, out->source);
    COLUMN(statement, 4, out->note);
}

bool ivx_catalogue_inquiry(struct ivx_catalogue *catalogue, int64_t series_id,
                           struct ivx_inquiry *out, struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    *out = (struct ivx_inquiry){ .state = IVX_INQUIRY_NONE };
    return ivx_db_one(catalogue,
                      "SELECT state, instances, expected, source, note FROM inquiry"
                      " WHERE series_id = ?1",
                      ARGS(I(series_id)), read_inquiry, out, &why)
           || why.code == IVX_ABSENT || ivx_fail(err, why.code, "%s", why.text);
}

bool ivx_catalogue_inquiry_want(struct ivx_catalogue *catalogue, int64_t series_id,
                                const char *source, int64_t instances, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "INSERT INTO inquiry (series_id, source, state, instances, next_us)"
                         " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (series_id) DO UPDATE SET"
                         " source = ?2, state = ?3, instances = ?4, next_us = ?5"
                         " WHERE instances <> ?4 OR source <> ?2",
                         ARGS(I(series_id), T(source), I(IVX_INQUIRY_WANTED), I(instances),
                              I(ivx_now_us(catalogue))),
                         err)
           && ivx_db_work_commit(&work, err);
}

static void read_name(sqlite3_stmt *statement, void *row)
{
    ivx_db_column(statement, 0, row, 65);
}

bool ivx_catalogue_inquiry_due(struct ivx_catalogue *catalogue, char (**names_out)[65],
                               size_t *count_out, struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT DISTINCT source FROM inquiry WHERE next_us > 0"
                        " AND next_us <= ?1 ORDER BY source",
                        ARGS(I(ivx_catalogue_now_us(catalogue))), 65, read_name, &rows,
                        count_out, err))
        return false;
    *names_out = rows;
    return true;
}

static void read_work(sqlite3_stmt *statement, void *row)
{
    struct ivx_inquiry_work *out = row;
    out->series_id = NUMBER(statement, 0);
    out->instances = NUMBER(statement, 1);
    out->attempts = NUMBER(statement, 2);
    COLUMN(statement, 3, out->series_uid);
    COLUMN(statement, 4, out->study_uid);
}

bool ivx_catalogue_inquiry_next(struct ivx_catalogue *catalogue, const char *source,
                                struct ivx_inquiry_work *out, struct ivx_err *err)
{
    return ivx_db_one(catalogue,
                      "SELECT s.id, s.instances, q.attempts, s.series_uid, s.study_uid"
                      " FROM inquiry q JOIN series s ON s.id = q.series_id"
                      " WHERE q.source = ?1 AND q.next_us > 0 AND q.next_us <= ?2"
                      " AND s.state IN (?3, ?4) ORDER BY q.next_us LIMIT 1",
                      ARGS(T(source), I(ivx_catalogue_now_us(catalogue)), I(IVX_SERIES_RECEIVING),
                           I(IVX_SERIES_WAITING)),
                      read_work, out, err);
}

bool ivx_catalogue_has(struct ivx_catalogue *catalogue, const char *sop_uid, bool *out,
                       struct ivx_err *err)
{
    int64_t one = 0;
    return ivx_db_number(catalogue,
                         "SELECT 1 FROM instance WHERE sop_uid = ?1 AND gone = 0 UNION ALL"
                         " SELECT 1 FROM aside WHERE sop_uid = ?1 AND gone = 0 LIMIT 1",
                         ARGS(T(sop_uid)), &one, out, err);
}

bool ivx_catalogue_inquiry_end(struct ivx_catalogue *catalogue, int64_t series_id,
                               const struct ivx_inquiry *end, int64_t next_us,
                               struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    const struct ivx_evidence evidence = { "source", end->source, end->note, end->expected };
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_change(catalogue,
                          "UPDATE inquiry SET state = ?2, note = ?4, next_us = ?5,"
                          " expected = CASE WHEN ?3 < 0 THEN expected ELSE ?3 END,"
                          " attempts = attempts + 1 WHERE series_id = ?1",
                          ARGS(I(series_id), I(end->state), I(end->expected), T(end->note),
                               I(next_us)),
                          &changed, err))
        return false;
    if (changed == 0) /* decided meanwhile */
        return true;
    return ivx_evidence_add(catalogue, series_id, &evidence, ivx_now_us(catalogue), err)
           && ivx_db_run(catalogue, "UPDATE series SET " IVX_SERIES_TOUCH " WHERE id = ?1",
                         ARGS(I(series_id)), err)
           && ivx_db_work_commit(&work, err);
}
