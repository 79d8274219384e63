/* History: what is over and of which no file is left is remembered for a while, and then
 * forgotten with everything that was known about it. Only the totals stay. */
#include "db.h"

/* The newest row of a table stays: SQLite would give its id, which people have seen, to
 * another. ?1 before_us, ?2 and ?3 states that are over, ?4 failed, which is over only when an
 * operator has cancelled what there was, ?5 now. A result that nobody has taken is there. */
#define FORGETTABLE                                                                      \
    " (s.state IN (?2, ?3) OR (s.state = ?4 AND s.code = 'CANCELLED'))"                  \
    " AND s.instances = 0 AND s.first_us < ?1 AND s.last_us < ?1 AND s.decided_us < ?1"  \
    " AND s.promised_us <= ?5 AND s.id < (SELECT max(id) FROM series)"                   \
    " AND NOT EXISTS (SELECT 1 FROM instance i WHERE i.series_id = s.id AND i.gone = 0)" \
    " AND NOT EXISTS (SELECT 1 FROM aside a WHERE a.series_id = s.id AND a.gone = 0)"    \
    " AND NOT EXISTS (SELECT 1 FROM job j WHERE j.series_id = s.id"                      \
    " AND (j.state IN (0, 1, 3) OR j.finished_us >= ?1"                                  \
    " OR (j.outbox_key <> '' AND j.result_gone <> 2)"                                    \
    " OR j.id = (SELECT max(id) FROM job)))"                                             \
    " AND NOT EXISTS (SELECT 1 FROM job j JOIN delivery d ON d.job_id = j.id"            \
    " WHERE j.series_id = s.id AND (" IVX_DELIVERY_OPEN " OR d.finished_us >= ?1"        \
    " OR d.id = (SELECT max(id) FROM delivery)))"
_Static_assert(IVX_JOB_QUEUED == 0 && IVX_JOB_RUNNING == 1 && IVX_JOB_FAILED == 3,
               "FORGETTABLE has them as numbers");

/* In an order that leaves no row without the one that it refers to. */
static const char *const of_series[] = {
#define OF_DELIVERY " IN (SELECT d.id FROM delivery d JOIN job j ON j.id = d.job_id"     \
                    " WHERE j.series_id = ?1)"
#define OF_JOB " IN (SELECT id FROM job WHERE series_id = ?1)"
    "DELETE FROM answer WHERE delivery_id" OF_DELIVERY,
    "DELETE FROM asked WHERE delivery_id" OF_DELIVERY,
    "DELETE FROM delivery WHERE job_id" OF_JOB,
    "DELETE FROM result WHERE job_id" OF_JOB,
    "DELETE FROM job_destination WHERE job_id" OF_JOB,
    "DELETE FROM job_instance WHERE job_id" OF_JOB,
    "DELETE FROM job WHERE series_id = ?1",
    "DELETE FROM announced WHERE series_id = ?1",
    "DELETE FROM inquiry WHERE series_id = ?1",
    "DELETE FROM evidence WHERE series_id = ?1",
    "DELETE FROM aside WHERE series_id = ?1",
    "DELETE FROM carried WHERE series_id = ?1",
    "DELETE FROM instance WHERE series_id = ?1",
    "DELETE FROM series WHERE id = ?1",
};

/* What belongs to no series, or to one that is forgotten. */
static const char *const of_nobody[] = {
    "DELETE FROM aside WHERE series_id IS NULL AND kind = 'aside' AND gone <> 0"
    " AND received_us < ?1",
    "DELETE FROM association WHERE ended_us < ?1 AND NOT EXISTS"
    " (SELECT 1 FROM carried c WHERE c.association = association.name)",
    "DELETE FROM commitment_item WHERE commitment_id IN (SELECT c.id FROM commitment c"
    " WHERE c.state IN (2, 3) AND max(c.requested_us, c.judged_us, c.reported_us) < ?1"
    " AND c.id < (SELECT max(id) FROM commitment))",
    "DELETE FROM commitment WHERE state IN (2, 3)"
    " AND max(requested_us, judged_us, reported_us) < ?1"
    " AND id < (SELECT max(id) FROM commitment)",
};
_Static_assert(IVX_COMMITMENT_REPORTED == 2 && IVX_COMMITMENT_DEAD == 3,
               "of_nobody has them as numbers");

static bool run_at_once(struct ivx_catalogue *catalogue, const char *const *scripts,
                        size_t count, int64_t number, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run_all(catalogue, scripts, count, number, err)
           && ivx_db_work_commit(&work, err);
}

static void read_id(sqlite3_stmt *statement, void *row)
{
    *(int64_t *)row = NUMBER(statement, 0);
}

/* A series is forgotten in a transaction of its own: others write meanwhile. Only plan, which
 * calls this, opens a series that is over again. */
bool ivx_catalogue_forget(struct ivx_catalogue *catalogue, int64_t before_us, int limit,
                          size_t *series_out, struct ivx_err *err)
{
    void *rows = NULL;
    size_t count = 0;
    if (!ivx_db_collect(catalogue,
                        "SELECT s.id FROM series s WHERE" FORGETTABLE
                        " ORDER BY s.first_us LIMIT ?6",
                        ARGS(I(before_us), I(IVX_SERIES_DONE), I(IVX_SERIES_REFUSED),
                             I(IVX_SERIES_FAILED), I(ivx_now_us(catalogue)), I(limit)),
                        sizeof(int64_t), read_id, &rows, &count, err))
        return false;
    IVX_AUTO(ivx_memory_free) int64_t *ids = rows;
    for (size_t n = 0; n < count; n++)
        if (!run_at_once(catalogue, of_series, IVX_COUNT(of_series), ids[n], err))
            return false;
    *series_out = count;
    return run_at_once(catalogue, of_nobody, IVX_COUNT(of_nobody), before_us, err);
}
