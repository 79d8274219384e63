/* For people: counts, pages, single rows, JSON texts; and what the roles report. */
#include "db.h"

/* One table's rows by state into counts[0 .. most). */
static bool count_states(struct ivx_catalogue *catalogue, const char *sql,
                         int64_t *counts, int most, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *row = NULL;
    bool more = true;
    if (!ivx_db_query(catalogue, sql, NO_ARGS, &row, err))
        return false;
    for (;;) {
        if (!ivx_db_step(catalogue, row, &more, err))
            return false;
        if (!more)
            return true;
        const int64_t state = NUMBER(row, 0);
        if (state >= 0 && state < most)
            counts[state] = NUMBER(row, 1);
    }
}

static void read_sums(sqlite3_stmt *statement, void *row)
{
    struct ivx_counts *out = row;
    out->instances = NUMBER(statement, 0);
    out->duplicates = NUMBER(statement, 1);
    out->bytes = NUMBER(statement, 2);
    out->conflicts = NUMBER(statement, 3);
    out->aside = NUMBER(statement, 4);
    out->derived_instances = NUMBER(statement, 5);
    out->oldest_waiting_us = NUMBER(statement, 6);
    out->unread = NUMBER(statement, 7);
}

/* Everything that is not finished waits: open series, jobs, deliveries. */
static bool sum_up(struct ivx_catalogue *catalogue, struct ivx_counts *out,
                   struct ivx_err *err)
{
    return ivx_db_one(
        catalogue,
        "SELECT instances, duplicates, bytes, conflicts, aside, derived,"
        " (SELECT coalesce(min(t), 0) FROM ("
        "SELECT (SELECT min(first_us) FROM series WHERE state = ?1) AS t"
        " UNION ALL SELECT (SELECT min(first_us) FROM series WHERE state = ?2)"
        " UNION ALL SELECT min(created_us) FROM job INDEXED BY job_waiting"
        " WHERE state IN (0, 1, 3)"
        " UNION ALL SELECT min(d.created_us) FROM delivery d INDEXED BY delivery_waiting"
        " WHERE " IVX_DELIVERY_OPEN ")),"
        " (SELECT count(*) FROM unread) FROM total",
        ARGS(I(IVX_SERIES_RECEIVING), I(IVX_SERIES_WAITING)),
        read_sums, out, err);
}

bool ivx_catalogue_counts(struct ivx_catalogue *catalogue, struct ivx_counts *out,
                          struct ivx_err *err)
{
    struct ivx_counts made = { 0 };
    if (!count_states(catalogue, "SELECT state, rows FROM tally WHERE what = 'series'",
                      made.series, IVX_SERIES_STATE_COUNT, err)
        || !count_states(catalogue, "SELECT state, rows FROM tally WHERE what = 'job'",
                         made.jobs, IVX_JOB_STATE_COUNT, err)
        || !count_states(catalogue, "SELECT state, rows FROM tally WHERE what = 'delivery'",
                         made.deliveries, IVX_DELIVERY_STATE_COUNT, err)
        || !count_states(catalogue, "SELECT state, rows FROM tally WHERE what = 'commitment'",
                         made.commitments, IVX_COMMITMENT_STATE_COUNT, err)
        || !sum_up(catalogue, &made, err))
        return false;
    *out = made;
    return true;
}

static void read_backlog(sqlite3_stmt *statement, void *row)
{
    struct ivx_backlog *out = row;
    COLUMN(statement, 0, out->destination);
    out->deliveries = NUMBER(statement, 1);
    out->oldest_us = NUMBER(statement, 2);
}

bool ivx_catalogue_backlogs(struct ivx_catalogue *catalogue, struct ivx_backlog **rows_out,
                            size_t *count_out, struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT d.destination, count(*), min(d.created_us) FROM delivery d"
                        " INDEXED BY delivery_backlog WHERE " IVX_DELIVERY_OPEN
                        " GROUP BY d.destination",
                        NO_ARGS, sizeof(struct ivx_backlog), read_backlog, &rows, count_out,
                        err))
        return false;
    *rows_out = rows;
    return true;
}

/* The four orders of a list: of all rows or of one owner's, oldest or newest first. The
 * arguments are the id after which to begin, the limit, and the owner. */
#define PAGES(select, id, owner)                                                         \
    {                                                                                    \
        select " WHERE " id " > ?1 ORDER BY " id " LIMIT ?2",                            \
            select " WHERE " id " > ?1 ORDER BY " id " DESC LIMIT ?2",                   \
            select " WHERE " owner " = ?3 AND " id " > ?1 ORDER BY " id " LIMIT ?2",     \
            select " WHERE " owner " = ?3 AND " id " > ?1 ORDER BY " id                  \
                   " DESC LIMIT ?2",                                                     \
    }

static bool list_page(struct ivx_catalogue *catalogue, const char *const pages[4],
                      int64_t owner, int64_t after, int limit, size_t size,
                      ivx_db_read *read, void **rows_out, size_t *count_out,
                      struct ivx_err *err)
{
    const int n = (owner != 0 ? 2 : 0) + (after < 0 ? 1 : 0);
    const struct ivx_db_arg args[] = { I(after), I(limit), I(owner), { .kind = 0 } };
    const struct ivx_db_arg no_owner[] = { I(after), I(limit), { .kind = 0 } };
    return ivx_db_collect(catalogue, pages[n], owner != 0 ? args : no_owner, size, read,
                          rows_out, count_out, err);
}

bool ivx_catalogue_list_series(struct ivx_catalogue *catalogue, int64_t after, int limit,
                               struct ivx_series_row **rows_out, size_t *count_out,
                               struct ivx_err *err)
{
    static const char *const pages[4] =
        PAGES("SELECT " IVX_SERIES_COLUMNS " FROM series s", "s.id", "s.id");
    void *rows = NULL;
    if (!list_page(catalogue, pages, 0, after, limit, sizeof **rows_out, ivx_series_read,
                   &rows, count_out, err))
        return false;
    *rows_out = rows;
    return true;
}

bool ivx_catalogue_list_jobs(struct ivx_catalogue *catalogue, int64_t series_id,
                             int64_t after, int limit, struct ivx_job_row **rows_out,
                             size_t *count_out, struct ivx_err *err)
{
    static const char *const pages[4] =
        PAGES("SELECT " IVX_JOB_COLUMNS " FROM job j", "j.id", "j.series_id");
    void *rows = NULL;
    if (!list_page(catalogue, pages, series_id, after, limit, sizeof **rows_out,
                   ivx_job_read, &rows, count_out, err))
        return false;
    *rows_out = rows;
    return true;
}

bool ivx_catalogue_list_deliveries(struct ivx_catalogue *catalogue, int64_t job_id,
                                   int64_t after, int limit,
                                   struct ivx_delivery_row **rows_out, size_t *count_out,
                                   struct ivx_err *err)
{
    static const char *const pages[4] =
        PAGES("SELECT " IVX_DELIVERY_COLUMNS " FROM delivery d"
              " JOIN job j ON j.id = d.job_id",
              "d.id", "d.job_id");
    void *rows = NULL;
    if (!list_page(catalogue, pages, job_id, after, limit, sizeof **rows_out,
                   ivx_delivery_read, &rows, count_out, err))
        return false;
    *rows_out = rows;
    return true;
}

bool ivx_catalogue_role_report(struct ivx_catalogue *catalogue,
                               const struct ivx_role_row *row, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(
               catalogue,
               "INSERT INTO role (name, state, pid, restarts, since_us, note)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE"
               " SET state = ?2, pid = ?3, restarts = ?4, since_us = ?5, note = ?6",
               ARGS(T(row->name), T(row->state), I(row->pid), I(row->restarts),
                    I(row->since_us), T(row->note)),
               err)
           && ivx_db_work_commit(&work, err);
}

static void read_role(sqlite3_stmt *statement, void *row)
{
    struct ivx_role_row *out = row;
    COLUMN(statement, 0, out->name);
    COLUMN(statement, 1, out->state);
    out->pid = NUMBER(statement, 2);
    out->restarts = NUMBER(statement, 3);
    out->since_us = NUMBER(statement, 4);
    COLUMN(statement, 5, out->note);
}

bool ivx_catalogue_list_roles(struct ivx_catalogue *catalogue,
                              struct ivx_role_row **rows_out, size_t *count_out,
                              struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT name, state, pid, restarts, since_us, note FROM role"
                        " ORDER BY name",
                        NO_ARGS, sizeof(struct ivx_role_row), read_role, &rows, count_out,
                        err))
        return false;
    *rows_out = rows;
    return true;
}

bool ivx_catalogue_get_series(struct ivx_catalogue *catalogue, int64_t id,
                              struct ivx_series_row *out, struct ivx_err *err)
{
    return ivx_db_one(catalogue,
                      "SELECT " IVX_SERIES_COLUMNS " FROM series s WHERE s.id = ?1",
                      ARGS(I(id)), ivx_series_read, out, err);
}

bool ivx_catalogue_get_job(struct ivx_catalogue *catalogue, int64_t id,
                           struct ivx_job_row *out, struct ivx_err *err)
{
    return ivx_db_one(catalogue, "SELECT " IVX_JOB_COLUMNS " FROM job j WHERE j.id = ?1",
                      ARGS(I(id)), ivx_job_read, out, err);
}

bool ivx_catalogue_get_delivery(struct ivx_catalogue *catalogue, int64_t id,
                                struct ivx_delivery_row *out, struct ivx_err *err)
{
    return ivx_db_one(catalogue,
                      "SELECT " IVX_DELIVERY_COLUMNS
                      " FROM delivery d JOIN job j ON j.id = d.job_id WHERE d.id = ?1",
                      ARGS(I(id)), ivx_delivery_read, out, err);
}

bool ivx_catalogue_series_evidence(struct ivx_catalogue *catalogue, int64_t id,
                                   char **json_out, struct ivx_err *err)
{
    return ivx_db_text(
        catalogue,
        "SELECT (SELECT json_group_array(json_object('kind', kind, 'source', source,"
        " 'value', value, 'text', text, 'at', at_us)) FROM"
        " (SELECT kind, source, value, text, at_us FROM evidence WHERE series_id = s.id"
        " UNION ALL SELECT kind, part, most, held || ' of ' || most, at_us FROM"
        " (SELECT * FROM announced WHERE series_id = s.id ORDER BY at_us LIMIT 100)"
        " UNION ALL SELECT * FROM (SELECT 'step', p.calling_ae,"
        " (SELECT count(*) FROM step_image m WHERE m.step_id = p.id"
        " AND m.series_uid = s.series_uid AND m.sop_uid <> ''), CASE p.state"
        " WHEN 0 THEN 'in progress' WHEN 1 THEN 'completed' ELSE 'discontinued' END,"
        " p.changed_us FROM step p WHERE p.id IN (SELECT step_id FROM step_image"
        " WHERE series_uid = s.series_uid) ORDER BY p.id LIMIT 100)"
        " UNION ALL SELECT * FROM (SELECT 'commitment', c.calling_ae, c.instances,"
        " c.instances || ' named, of this and other series', c.requested_us FROM commitment c"
        " WHERE c.id IN (SELECT m.commitment_id FROM instance i JOIN commitment_item m"
        " ON m.sop_uid = i.sop_uid WHERE i.series_id = s.id) ORDER BY c.id LIMIT 100)"
        " ORDER BY at_us)) FROM series s WHERE s.id = ?1",
        ARGS(I(id)), json_out, err);
}

bool ivx_catalogue_series_warnings(struct ivx_catalogue *catalogue, int64_t id,
                                   char **json_out, struct ivx_err *err)
{
    return ivx_db_text(catalogue, "SELECT warnings FROM series WHERE id = ?1",
                       ARGS(I(id)), json_out, err);
}

bool ivx_catalogue_series_aside(struct ivx_catalogue *catalogue, int64_t id,
                                char **json_out, struct ivx_err *err)
{
    return ivx_db_text(catalogue,
                       "SELECT (SELECT json_group_array(json_object('sop_uid', sop_uid,"
                       " 'kind', kind, 'code', code, 'text', note, 'at', received_us))"
                       " FROM (SELECT * FROM aside WHERE series_id = s.id ORDER BY id))"
                       " FROM series s WHERE s.id = ?1",
                       ARGS(I(id)), json_out, err);
}

bool ivx_catalogue_job_manifest(struct ivx_catalogue *catalogue, int64_t id,
                                char **json_out, struct ivx_err *err)
{
    return ivx_db_text(catalogue, "SELECT manifest FROM job WHERE id = ?1", ARGS(I(id)),
                       json_out, err);
}

bool ivx_catalogue_job_stages(struct ivx_catalogue *catalogue, int64_t id,
                              char **json_out, struct ivx_err *err)
{
    return ivx_db_text(catalogue, "SELECT stages FROM job WHERE id = ?1", ARGS(I(id)),
                       json_out, err);
}
