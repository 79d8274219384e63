/* Storage commitment that senders ask of us: requested, judged, reported. */
#include "isovox/catalogue/commitment.h"

#include "db.h"

#include "isovox/sys/clock.h"

const char *ivx_commitment_state_name(enum ivx_commitment_state state)
{
    static const char *const names[] = {
#define X(id, name) name,
        IVX_COMMITMENT_STATES(X)
#undef X
    };
    return (unsigned)state < IVX_COUNT(names) ? names[state] : "?";
}

static int64_t hold_for(int seconds)
{
    return seconds == 0 ? 0 : ivx_lease_us(seconds);
}

static int64_t hours_from_now(const struct ivx_catalogue *catalogue, long hours)
{
    return hours == 0 ? 0 : ivx_now_us(catalogue) + hours * INT64_C(3600000000);
}

/* ---- requests ------------------------------------------------------------------------ */

static bool check_request(struct ivx_catalogue *catalogue,
                          const struct ivx_commitment_request *request, struct ivx_err *err)
{
    int64_t used = 0, open = 0;
    if (!ivx_db_number(catalogue,
                       "SELECT count(*) FROM commitment WHERE calling_ae = ?1"
                       " AND transaction_uid = ?2",
                       ARGS(T(request->calling_ae), T(request->transaction_uid)), &used, NULL,
                       err)
        || !ivx_db_number(catalogue,
                          "SELECT count(*) FROM commitment WHERE calling_ae = ?1"
                          " AND state IN (?2, ?3)",
                          ARGS(T(request->calling_ae), I(IVX_COMMITMENT_REQUESTED),
                               I(IVX_COMMITMENT_JUDGED)),
                          &open, NULL, err))
        return false;
    if (used > 0)
        return ivx_fail(err, IVX_STALE, "the Transaction UID has been used before");
    return open < IVX_COMMITMENTS_OPEN
           || ivx_fail(err, IVX_FULL, "%lld commitment requests of this AE title are open",
                       (long long)open);
}

static bool insert_items(struct ivx_catalogue *catalogue, int64_t id,
                         const struct ivx_commitment_request *request, struct ivx_err *err)
{
    for (size_t n = 0; n < request->count; n++)
        if (!ivx_db_run(catalogue,
                        "INSERT INTO commitment_item (commitment_id, n, sop_class, sop_uid)"
                        " VALUES (?1, ?2, ?3, ?4)",
                        ARGS(I(id), I(n + 1), T(request->items[n].sop_class),
                             T(request->items[n].sop_uid)),
                        err))
            return false;
    return ivx_db_run(catalogue,
                      "UPDATE series SET " IVX_SERIES_TOUCH " WHERE " IVX_SERIES_OPEN
                      " AND id IN (SELECT i.series_id FROM commitment_item m"
                      " JOIN instance i ON i.sop_uid = m.sop_uid WHERE m.commitment_id = ?1)",
                      ARGS(I(id)), err);
}

bool ivx_catalogue_commitment_ask(struct ivx_catalogue *catalogue,
                                  const struct ivx_commitment_request *request,
                                  int hold_seconds, int64_t *id_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    const int64_t now = ivx_catalogue_now_us(catalogue);
    int64_t id = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !check_request(catalogue, request, err)
        || !ivx_db_run(catalogue,
                       "INSERT INTO commitment (calling_ae, transaction_uid, called_ae, peer,"
                       " association, state, instances, requested_us, held_us, next_us)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?8)",
                       ARGS(T(request->calling_ae), T(request->transaction_uid),
                            T(request->called_ae), T(request->peer), T(request->association),
                            I(IVX_COMMITMENT_REQUESTED), I(request->count), I(now),
                            I(hold_for(hold_seconds))),
                       err)
        || !ivx_db_number(catalogue, "SELECT last_insert_rowid()", NO_ARGS, &id, NULL, err)
        || !insert_items(catalogue, id, request, err) || !ivx_db_work_commit(&work, err))
        return false;
    *id_out = id;
    return true;
}

bool ivx_catalogue_commitment_hold(struct ivx_catalogue *catalogue, const char *association,
                                   int hold_seconds, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE commitment SET held_us = ?2 WHERE association = ?1"
                         " AND state IN (?3, ?4)",
                         ARGS(T(association), I(hold_for(hold_seconds)),
                              I(IVX_COMMITMENT_REQUESTED), I(IVX_COMMITMENT_JUDGED)),
                         err)
           && ivx_db_work_commit(&work, err);
}

/* ---- verdicts ------------------------------------------------------------------------ */

bool ivx_catalogue_commitment_newest(struct ivx_catalogue *catalogue, int64_t *id_out,
                                     struct ivx_err *err)
{
    return ivx_db_number(catalogue,
                         "SELECT coalesce(max(commitment_id), 0) FROM commitment_item"
                         " WHERE reason = -1",
                         NO_ARGS, id_out, NULL, err);
}

static void read_check(sqlite3_stmt *statement, void *row)
{
    struct ivx_commitment_check *out = row;
    out->commitment_id = NUMBER(statement, 0);
    out->n = NUMBER(statement, 1);
    out->reason = (int)NUMBER(statement, 2);
    COLUMN(statement, 3, out->sha256_hex);
    out->segment = (uint64_t)NUMBER(statement, 4);
    out->offset = (uint64_t)NUMBER(statement, 5);
    out->length = (uint64_t)NUMBER(statement, 6);
    COLUMN(statement, 7, out->sop_class);
    out->series_id = NUMBER(statement, 8);
}

/* What could not be read is held as it came, but nothing can be made of it: the sender had
 * better keep its own (0110H). */
bool ivx_catalogue_commitment_unjudged(struct ivx_catalogue *catalogue, int64_t newest,
                                       int limit, struct ivx_commitment_check **rows_out,
                                       size_t *count_out, struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(
            catalogue,
            "SELECT q.commitment_id, q.n,"
            " CASE WHEN i.id IS NOT NULL AND i.sop_class = q.sop_class THEN ?3"
            " WHEN i.id IS NOT NULL THEN ?4"
            " WHEN EXISTS (SELECT 1 FROM aside a WHERE a.sop_uid = q.sop_uid"
            " AND a.gone = 0) THEN ?5 ELSE ?6 END,"
            " coalesce(i.sha256, ''), coalesce(i.segment, 0), coalesce(i.offset, 0),"
            " coalesce(i.length, 0), q.sop_class, coalesce(i.series_id, 0)"
            " FROM commitment_item q LEFT JOIN instance i"
            " ON i.sop_uid = q.sop_uid AND i.gone = 0"
            " WHERE q.reason = -1 AND q.commitment_id <= ?1"
            " ORDER BY q.commitment_id, q.n LIMIT ?2",
            ARGS(I(newest), I(limit), I(IVX_COMMITTED), I(IVX_FAILURE_CLASS_CONFLICT),
                 I(IVX_FAILURE_PROCESSING), I(IVX_FAILURE_NO_INSTANCE)),
            sizeof(struct ivx_commitment_check), read_check, &rows, count_out, err))
        return false;
    *rows_out = rows;
    return true;
}

/* Items of one series mostly come together. */
static bool promise(struct ivx_catalogue *catalogue, const struct ivx_commitment_check *row,
                    long keep_hours, int64_t *promised, struct ivx_err *err)
{
    if (row->reason != IVX_COMMITTED || row->series_id == *promised)
        return true;
    *promised = row->series_id;
    return ivx_db_run(catalogue,
                      "UPDATE series SET promised_us = max(promised_us, ?2) WHERE id = ?1",
                      ARGS(I(row->series_id), I(hours_from_now(catalogue, keep_hours))), err);
}

bool ivx_catalogue_commitment_judge(struct ivx_catalogue *catalogue,
                                    const struct ivx_commitment_check *rows, size_t count,
                                    long keep_hours, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int64_t promised = 0;
    if (!ivx_db_work_begin(&work, catalogue, err))
        return false;
    for (size_t n = 0; n < count; n++)
        if (!promise(catalogue, &rows[n], keep_hours, &promised, err)
            || !ivx_db_run(catalogue,
                           "UPDATE commitment_item SET reason = ?3"
                           " WHERE commitment_id = ?1 AND n = ?2 AND reason = -1",
                           ARGS(I(rows[n].commitment_id), I(rows[n].n), I(rows[n].reason)),
                           err))
            return false;
    return ivx_db_run(catalogue,
                      "UPDATE commitment SET state = ?2, judged_us = ?3, next_us = ?3,"
                      " refused = (SELECT count(*) FROM commitment_item q"
                      " WHERE q.commitment_id = commitment.id AND q.reason <> 0)"
                      " WHERE state = ?1 AND NOT EXISTS (SELECT 1 FROM commitment_item q"
                      " WHERE q.commitment_id = commitment.id AND q.reason = -1)",
                      ARGS(I(IVX_COMMITMENT_REQUESTED), I(IVX_COMMITMENT_JUDGED),
                           I(ivx_now_us(catalogue))),
                      err)
           && ivx_db_work_commit(&work, err);
}

/* ---- reports ------------------------------------------------------------------------- */

#define COLUMNS                                                                          \
    "c.id, c.instances, c.refused, c.attempts, c.requested_us, c.judged_us, "            \
    "c.reported_us, c.next_us, c.state, c.transaction_uid, c.calling_ae, c.called_ae, "  \
    "c.peer, c.association, c.note"

static void read_row(sqlite3_stmt *statement, void *row)
{
    struct ivx_commitment_row *out = row;
    out->id = NUMBER(statement, 0);
    out->instances = NUMBER(statement, 1);
    out->refused = NUMBER(statement, 2);
    out->attempts = NUMBER(statement, 3);
    out->requested_us = NUMBER(statement, 4);
    out->judged_us = NUMBER(statement, 5);
    out->reported_us = NUMBER(statement, 6);
    out->next_us = NUMBER(statement, 7);
    out->state = (enum ivx_commitment_state)NUMBER(statement, 8);
    COLUMN(statement, 9, out->transaction_uid);
    COLUMN(statement, 10, out->calling_ae);
    COLUMN(statement, 11, out->called_ae);
    COLUMN(statement, 12, out->peer);
    COLUMN(statement, 13, out->association);
    COLUMN(statement, 14, out->note);
}

bool ivx_catalogue_commitment_of(struct ivx_catalogue *catalogue, const char *association,
                                 struct ivx_commitment_row *out, struct ivx_err *err)
{
    return ivx_db_one(catalogue,
                      "SELECT " COLUMNS " FROM commitment c WHERE c.association = ?1"
                      " AND c.state = ?2 ORDER BY c.id LIMIT 1",
                      ARGS(T(association), I(IVX_COMMITMENT_JUDGED)), read_row, out, err);
}

bool ivx_catalogue_commitment_due(struct ivx_catalogue *catalogue, bool *out,
                                  struct ivx_err *err)
{
    int64_t id = 0;
    return ivx_db_number(catalogue,
                         "SELECT id FROM commitment WHERE state = ?1 AND next_us <= ?2"
                         " AND held_us < ?3 LIMIT 1",
                         ARGS(I(IVX_COMMITMENT_JUDGED), I(ivx_catalogue_now_us(catalogue)),
                              I(ivx_clock_steady_us())),
                         &id, out, err);
}

bool ivx_catalogue_commitment_claim(struct ivx_catalogue *catalogue, const char *calling_ae,
                                    int hold_seconds, struct ivx_commitment_row *out,
                                    struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct ivx_commitment_row made = { 0 };
    int64_t id = 0;
    bool found = false;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_number(catalogue,
                          "SELECT id FROM commitment WHERE state = ?1 AND next_us <= ?2"
                          " AND held_us < ?4 AND (?3 IS NULL OR calling_ae = ?3)"
                          " ORDER BY next_us, id LIMIT 1",
                          ARGS(I(IVX_COMMITMENT_JUDGED), I(ivx_now_us(catalogue)),
                               T(calling_ae), I(ivx_clock_steady_us())),
                          &id, &found, err))
        return false;
    if (!found)
        return ivx_fail(err, IVX_ABSENT, "catalogue: no commitment report is due");
    if (!ivx_db_run(catalogue,
                    "UPDATE commitment SET attempts = attempts + 1, held_us = ?2"
                    " WHERE id = ?1",
                    ARGS(I(id), I(hold_for(hold_seconds))), err)
        || !ivx_catalogue_get_commitment(catalogue, id, &made, err)
        || !ivx_db_work_commit(&work, err))
        return false;
    made.age_us = ivx_now_us(catalogue) - made.judged_us;
    *out = made;
    return true;
}

static void read_item(sqlite3_stmt *statement, void *row)
{
    struct ivx_reference *out = row;
    COLUMN(statement, 0, out->sop_class);
    COLUMN(statement, 1, out->sop_uid);
    out->reason = (int)NUMBER(statement, 2);
}

bool ivx_catalogue_commitment_items(struct ivx_catalogue *catalogue, int64_t id,
                                    struct ivx_reference **out, size_t *count_out,
                                    struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT sop_class, sop_uid, reason FROM commitment_item"
                        " WHERE commitment_id = ?1 ORDER BY n",
                        ARGS(I(id)), sizeof(struct ivx_reference), read_item, &rows,
                        count_out, err))
        return false;
    *out = rows;
    return true;
}

bool ivx_catalogue_commitment_reported(struct ivx_catalogue *catalogue, int64_t id,
                                       long keep_hours, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE commitment SET state = ?2, reported_us = ?3, note = ''"
                         " WHERE id = ?1",
                         ARGS(I(id), I(IVX_COMMITMENT_REPORTED), I(ivx_now_us(catalogue))),
                         err)
           && ivx_db_run(catalogue,
                         "UPDATE series SET promised_us = max(promised_us, ?2) WHERE id IN"
                         " (SELECT i.series_id FROM commitment_item q JOIN instance i"
                         " ON i.sop_uid = q.sop_uid WHERE q.commitment_id = ?1"
                         " AND q.reason = 0)",
                         ARGS(I(id), I(hours_from_now(catalogue, keep_hours))), err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_commitment_unreported(struct ivx_catalogue *catalogue, int64_t id,
                                         const char *note, bool away, bool final,
                                         int64_t next_us, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    const enum ivx_commitment_state state =
        final ? IVX_COMMITMENT_DEAD : IVX_COMMITMENT_JUDGED;
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE commitment SET state = ?2, note = ?3, next_us = ?4,"
                         " held_us = 0 WHERE id = ?1 AND state = ?5",
                         ARGS(I(id), I(state), T(note), I(next_us),
                              I(IVX_COMMITMENT_JUDGED)),
                         err)
           && ivx_db_run(catalogue,
                         "UPDATE commitment SET next_us = max(next_us, ?2)"
                         " WHERE ?4 AND state = ?3 AND calling_ae ="
                         " (SELECT calling_ae FROM commitment WHERE id = ?1)",
                         ARGS(I(id), I(next_us), I(IVX_COMMITMENT_JUDGED), I(away)), err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_get_commitment(struct ivx_catalogue *catalogue, int64_t id,
                                  struct ivx_commitment_row *out, struct ivx_err *err)
{
    return ivx_db_one(catalogue, "SELECT " COLUMNS " FROM commitment c WHERE c.id = ?1",
                      ARGS(I(id)), read_row, out, err);
}

bool ivx_catalogue_list_commitments(struct ivx_catalogue *catalogue, int64_t after, int limit,
                                    struct ivx_commitment_row **rows_out, size_t *count_out,
                                    struct ivx_err *err)
{
    void *rows = NULL;
    const char *sql = after < 0 ? "SELECT " COLUMNS " FROM commitment c WHERE c.id > ?1"
                                  " ORDER BY c.id DESC LIMIT ?2"
                                : "SELECT " COLUMNS " FROM commitment c WHERE c.id > ?1"
                                  " ORDER BY c.id LIMIT ?2";
    if (!ivx_db_collect(catalogue, sql, ARGS(I(after), I(limit)),
                        sizeof(struct ivx_commitment_row), read_row, &rows, count_out, err))
        return false;
    *rows_out = rows;
    return true;
}
