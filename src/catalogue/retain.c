/* What is finished and old goes: results, then the instances they were made of. A row
 * that says so comes before the file goes, so that nobody is led to a file that is not
 * there; the row that leads to the file goes last, so that no file is forgotten. */
#include "isovox/catalogue/commitment.h"

#include "db.h"

#include <stdio.h>

/* result_gone of a job: its files stand, are to be removed, are removed. */
enum { RESULT_STANDS, RESULT_GOES, RESULT_GONE };

/* Nothing of it is still to be sent, nor given up (dead: an operator decides, unless a later
 * decision has replaced it), and all of it was over before ?1. A result without a delivery
 * waits for somebody to take it. */
#define DELIVERED                                                                        \
    " j.state = ?2 AND j.outbox_key <> '' AND j.finished_us < ?1"                        \
    " AND EXISTS (SELECT 1 FROM delivery d WHERE d.job_id = j.id)"                       \
    " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.job_id = j.id"                    \
    " AND (" IVX_DELIVERY_OPEN " OR (d.state = ?3 AND j.superseded = 0)"                 \
    " OR d.finished_us >= ?1))"
#define DELIVERED_ARGS I(before_us), I(IVX_JOB_DONE), I(IVX_DELIVERY_DEAD)

static void read_result(sqlite3_stmt *statement, void *row)
{
    struct ivx_old_result *out = row;
    out->job_id = NUMBER(statement, 0);
    COLUMN(statement, 1, out->outbox_key);
}

bool ivx_catalogue_old_results(struct ivx_catalogue *catalogue, int64_t before_us,
                               int limit, struct ivx_old_result **rows_out,
                               size_t *count_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    void *rows = NULL;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_collect(catalogue,
                           "UPDATE job SET result_gone = 1 WHERE id IN (SELECT j.id FROM job j"
                           " WHERE j.result_gone = 0 AND" DELIVERED
                           " ORDER BY j.finished_us, j.id LIMIT ?4) RETURNING id, outbox_key",
                           ARGS(DELIVERED_ARGS, I(limit)), sizeof(struct ivx_old_result),
                           read_result, &rows, count_out, err))
        return false;
    IVX_AUTO(ivx_memory_free) struct ivx_old_result *made = rows;
    if (!ivx_db_work_commit(&work, err))
        return false;
    *rows_out = IVX_STEAL(made);
    return true;
}

bool ivx_catalogue_leftover_results(struct ivx_catalogue *catalogue,
                                    struct ivx_old_result **rows_out, size_t *count_out,
                                    struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT id, outbox_key FROM job WHERE result_gone = 1"
                        " ORDER BY finished_us, id",
                        NO_ARGS, sizeof(struct ivx_old_result), read_result, &rows, count_out,
                        err))
        return false;
    *rows_out = rows;
    return true;
}

bool ivx_catalogue_result_removed(struct ivx_catalogue *catalogue, int64_t job_id,
                                  struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE job SET result_gone = ?2 WHERE id = ?1 AND result_gone"
                         " = ?3",
                         ARGS(I(job_id), I(RESULT_GONE), I(RESULT_GOES)), err)
           && ivx_db_work_commit(&work, err);
}

/* A series that holds its segments: ?1 before_us, ?2 and ?3 the series' states that are
 * over, then the open states of jobs and deliveries; ?10 failed, which is over only when an
 * operator has cancelled what there was; ?8 now. What a report that is on its way calls
 * committed stays until the sender has been told, which says for how long. */
#define HELD                                                                             \
    " ((s.state NOT IN (?2, ?3) AND NOT (s.state = ?7 AND s.code = 'CANCELLED'))"                 \
    " OR s.last_us >= ?1 OR s.decided_us >= ?1 OR s.promised_us > ?8"                   \
    " OR s.id IN (SELECT n.series_id FROM commitment c JOIN commitment_item q"            \
    " ON q.commitment_id = c.id JOIN instance n ON n.sop_uid = q.sop_uid"                \
    " WHERE c.state = 1 AND q.reason = 0)"                                               \
    " OR EXISTS (SELECT 1 FROM job j WHERE j.series_id = s.id"                           \
    " AND (j.state IN (?4, ?5, ?6) OR j.finished_us >= ?1))"                             \
    " OR EXISTS (SELECT 1 FROM job j JOIN delivery d ON d.job_id = j.id"                 \
    " WHERE j.series_id = s.id AND (" IVX_DELIVERY_OPEN " OR d.finished_us >= ?1)))"
_Static_assert(IVX_COMMITMENT_JUDGED == 1, "HELD has it as a number");
#define FREE_SEGMENT                                                                     \
    " m.segment < ?1"                                                                    \
    " AND NOT EXISTS (SELECT 1 FROM instance i JOIN series s ON s.id = i.series_id"      \
    " WHERE i.segment = m.segment AND i.gone = 0 AND" HELD ")"                           \
    " AND NOT EXISTS (SELECT 1 FROM unread u WHERE u.segment = m.segment)"               \
    " AND NOT EXISTS (SELECT 1 FROM aside a WHERE a.segment = m.segment"                 \
    " AND a.gone = 0 AND a.received_us >= ?1)"
#define FREE_ARGS                                                                        \
    I(before_us), I(IVX_SERIES_DONE), I(IVX_SERIES_REFUSED), I(IVX_JOB_QUEUED),          \
        I(IVX_JOB_RUNNING), I(IVX_JOB_FAILED), I(IVX_SERIES_FAILED),                     \
        I(ivx_now_us(catalogue))

static void read_pair(sqlite3_stmt *statement, void *row)
{
    uint64_t *pair = row;
    pair[0] = (uint64_t)NUMBER(statement, 0);
    pair[1] = (uint64_t)NUMBER(statement, 1);
}

bool ivx_catalogue_old_segments(struct ivx_catalogue *catalogue, int64_t before_us,
                                int limit, uint64_t (**pairs_out)[2], size_t *count_out,
                                struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT m.segment, m.offset FROM mark m WHERE" FREE_SEGMENT
                        " ORDER BY m.segment LIMIT ?9",
                        ARGS(FREE_ARGS, I(limit)), 2 * sizeof(uint64_t), read_pair, &rows,
                        count_out, err))
        return false;
    *pairs_out = rows;
    return true;
}

/* A series goes as a whole, although its other segments may have to wait: half a series
 * must never be taken for one. */
static bool let_go(struct ivx_catalogue *catalogue, uint64_t segment,
                   struct ivx_segment_loss *out, struct ivx_err *err)
{
    int instances = 0, aside = 0;
    if (!ivx_db_run(catalogue,
                    "DELETE FROM announced WHERE series_id IN"
                    " (SELECT series_id FROM instance WHERE segment = ?1 AND gone = 0)",
                    ARGS(I(segment)), err)
        || !ivx_db_run(catalogue,
                    "UPDATE series SET gone = gone + instances, instances = 0 WHERE id IN"
                    " (SELECT series_id FROM instance WHERE segment = ?1 AND gone = 0)",
                    ARGS(I(segment)), err)
        || !ivx_db_change(catalogue,
                          "UPDATE instance SET gone = 1 WHERE gone = 0 AND series_id IN"
                          " (SELECT series_id FROM instance WHERE segment = ?1 AND"
                          " gone = 0)",
                          ARGS(I(segment)), &instances, err)
        || !ivx_db_change(catalogue,
                          "UPDATE aside SET gone = 1 WHERE segment = ?1 AND gone = 0",
                          ARGS(I(segment)), &aside, err))
        return false;
    out->instances = instances;
    out->aside = aside;
    return true;
}

bool ivx_catalogue_segment_goes(struct ivx_catalogue *catalogue, uint64_t segment,
                                int64_t before_us, struct ivx_segment_loss *out,
                                struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    bool found = false;
    int64_t number = 0;
    *out = (struct ivx_segment_loss){ 0 };
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_number(catalogue,
                          "SELECT m.segment FROM mark m WHERE m.segment = ?9"
                          " AND" FREE_SEGMENT,
                          ARGS(FREE_ARGS, I(segment)), &number, &found, err))
        return false;
    if (!found)
        return ivx_fail(err, IVX_STALE, "segment %016llx is wanted again",
                        (unsigned long long)segment);
    return let_go(catalogue, segment, out, err) && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_segment_removed(struct ivx_catalogue *catalogue, uint64_t segment,
                                   struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue, "DELETE FROM mark WHERE segment = ?1",
                         ARGS(I(segment)), err)
           && ivx_db_work_commit(&work, err);
}
