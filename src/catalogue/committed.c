/* Storage commitment that we ask of destinations: a delivery ends as COMMITTED only when the
 * peer has said so of every instance. */
#include "isovox/catalogue/commitment.h"

#include "db.h"

#include <stdio.h>

#include "isovox/base/text.h"

/* An instance whose class the peer does not commit is not cured by sending it again. */
enum { CLASS_REFUSALS = 3 };

bool ivx_delivery_hopeless(struct ivx_catalogue *catalogue, int64_t id, int64_t *reason_out,
                           struct ivx_err *err)
{
    return ivx_db_number(catalogue,
                         "SELECT CASE WHEN count(*) >= ?4 THEN max(reason) ELSE 0 END"
                         " FROM asked WHERE delivery_id = ?1 AND reason IN (?2, ?3)",
                         ARGS(I(id), I(IVX_FAILURE_CLASS_CONFLICT),
                              I(IVX_FAILURE_CLASS_UNSUPPORTED), I(CLASS_REFUSALS)),
                         reason_out, NULL, err);
}

static bool check_current(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                          struct ivx_err *err)
{
    int64_t one = 0;
    bool found = false;
    if (!ivx_db_number(catalogue,
                       "SELECT 1 FROM delivery WHERE id = ?1 AND epoch = ?2 AND state = ?3",
                       ARGS(I(id), I(epoch), I(IVX_DELIVERY_SENDING)), &one, &found, err))
        return false;
    return found
           || ivx_fail(err, IVX_STALE, "delivery %lld is not ours any more", (long long)id);
}

bool ivx_catalogue_delivery_wants(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                  enum ivx_commitment_wanted wanted, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && check_current(catalogue, id, epoch, err)
           && ivx_db_run(catalogue, "UPDATE delivery SET commitment = ?2 WHERE id = ?1",
                         ARGS(I(id), I(wanted)), err)
           && ivx_db_work_commit(&work, err);
}

static void read_reference(sqlite3_stmt *statement, void *row)
{
    struct ivx_reference *out = row;
    COLUMN(statement, 0, out->sop_class);
    COLUMN(statement, 1, out->sop_uid);
}

bool ivx_catalogue_delivery_uncommitted(struct ivx_catalogue *catalogue, int64_t id,
                                        struct ivx_reference **out, size_t *count_out,
                                        struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT j.sop_class, r.sop_uid FROM answer a"
                        " JOIN delivery d ON d.id = a.delivery_id JOIN job j ON j.id = d.job_id"
                        " JOIN result r ON r.job_id = d.job_id AND r.n = a.n"
                        " WHERE a.delivery_id = ?1 AND a.accepted = 1 AND a.committed = 0"
                        " ORDER BY a.n",
                        ARGS(I(id)), sizeof(struct ivx_reference), read_reference, &rows,
                        count_out, err))
        return false;
    *out = rows;
    return true;
}

bool ivx_catalogue_delivery_asks(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                 const char *transaction_uid, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && check_current(catalogue, id, epoch, err)
           && ivx_db_run(catalogue,
                         "INSERT INTO asked (transaction_uid, delivery_id, asked_us)"
                         " VALUES (?1, ?2, ?3)",
                         ARGS(T(transaction_uid), I(id), I(ivx_now_us(catalogue))), err)
           && ivx_db_work_commit(&work, err);
}

/* ---- reports ------------------------------------------------------------------------- */

/* What a transaction was asked for. */
struct asked {
    int64_t delivery_id, attempts;
    bool answered;
    enum ivx_delivery_state state;
    char destination[65];
};

static void read_asked(sqlite3_stmt *statement, void *row)
{
    struct asked *out = row;
    out->delivery_id = NUMBER(statement, 0);
    out->answered = NUMBER(statement, 1) != 0;
    out->attempts = NUMBER(statement, 2);
    out->state = (enum ivx_delivery_state)NUMBER(statement, 3);
    COLUMN(statement, 4, out->destination);
}

static bool is_of_class(int reason)
{
    return reason == IVX_FAILURE_CLASS_CONFLICT || reason == IVX_FAILURE_CLASS_UNSUPPORTED;
}

/* Whatever names an instance that is not of this delivery changes nothing. */
static bool apply(struct ivx_catalogue *catalogue, const struct asked *asked,
                  const struct ivx_reference *reference, struct ivx_commitment_outcome *out,
                  struct ivx_err *err)
{
    const bool good = reference->reason == IVX_COMMITTED;
    int changed = 0;
    if (!ivx_db_change(catalogue,
                       "UPDATE answer SET committed = ?3, accepted = ?3,"
                       " status = CASE WHEN ?3 THEN status ELSE ?4 END"
                       " WHERE delivery_id = ?1 AND committed = 0 AND n ="
                       " (SELECT r.n FROM result r JOIN delivery d ON d.job_id = r.job_id"
                       " WHERE d.id = ?1 AND r.sop_uid = ?2)",
                       ARGS(I(asked->delivery_id), T(reference->sop_uid), I(good),
                            I(reference->reason)),
                       &changed, err))
        return false;
    out->committed += good ? changed : 0;
    out->refused += good ? 0 : changed;
    if (changed > 0 && !good && (out->reason == 0 || is_of_class(reference->reason)))
        out->reason = reference->reason;
    return true;
}

static int64_t wait_us(const struct asked *asked, long first_s, long longest_s)
{
    int64_t seconds = first_s;
    for (int64_t n = 1; n < asked->attempts && seconds < longest_s; n++)
        seconds *= 2;
    return (seconds < longest_s ? seconds : longest_s) * INT64_C(1000000);
}

static enum ivx_delivery_state state_after(const struct asked *asked, int64_t uncommitted,
                                           const struct ivx_commitment_outcome *outcome,
                                           bool hopeless)
{
    if (asked->state == IVX_DELIVERY_CANCELLED)
        return asked->state;
    if (uncommitted == 0)
        return IVX_DELIVERY_COMMITTED;
    if (asked->state == IVX_DELIVERY_SENDING || outcome->refused == 0)
        return asked->state; /* the sender that is at it sees what is missing when it ends */
    if (hopeless)
        return IVX_DELIVERY_DEAD;
    return asked->state == IVX_DELIVERY_SENT ? IVX_DELIVERY_FAILED : asked->state;
}

static bool conclude(struct ivx_catalogue *catalogue, const struct asked *asked,
                     int64_t next_us, struct ivx_commitment_outcome *out, struct ivx_err *err)
{
    const int64_t id = asked->delivery_id;
    char note[IVX_NOTE_ROOM] = "";
    int64_t uncommitted = 0, hopeless = 0;
    if (!ivx_db_number(catalogue,
                       "SELECT count(*) FROM delivery d JOIN result r ON r.job_id = d.job_id"
                       " WHERE d.id = ?1 AND NOT EXISTS (SELECT 1 FROM answer a"
                       " WHERE a.delivery_id = d.id AND a.n = r.n AND a.committed = 1)",
                       ARGS(I(id)), &uncommitted, NULL, err)
        || !ivx_delivery_hopeless(catalogue, id, &hopeless, err))
        return false;
    if (out->refused > 0)
        snprintf(note, sizeof note, "storage commitment: %lld instances refused, reason %04X",
                 (long long)out->refused, (unsigned)out->reason & 0xffff);
    out->state = state_after(asked, uncommitted, out, hopeless != 0);
    return ivx_db_run(catalogue,
                      "UPDATE delivery SET state = ?2, committed = ?3,"
                      " last_comment = CASE WHEN ?4 <> '' THEN ?4 ELSE last_comment END,"
                      " last_status = CASE WHEN ?4 <> '' THEN ?5 ELSE last_status END,"
                      " next_us = CASE WHEN ?4 <> '' THEN ?6 ELSE next_us END,"
                      " accepted = (SELECT count(*) FROM answer a"
                      " WHERE a.delivery_id = ?1 AND a.accepted = 1) WHERE id = ?1",
                      ARGS(I(id), I(out->state), I(out->state == IVX_DELIVERY_COMMITTED),
                           T(note), I(out->reason), I(next_us)),
                      err)
           && ivx_delivery_settle(catalogue, id, err);
}

bool ivx_catalogue_delivery_report(struct ivx_catalogue *catalogue, const char *transaction_uid,
                                   const struct ivx_reference *references, size_t count,
                                   long first_wait_s, long longest_wait_s,
                                   struct ivx_commitment_outcome *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct ivx_commitment_outcome made = { 0 };
    struct asked asked = { 0 };
    const int64_t now = ivx_catalogue_now_us(catalogue);
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_one(catalogue,
                       "SELECT q.delivery_id, q.answered_us, d.attempts, d.state, d.destination"
                       " FROM asked q JOIN delivery d ON d.id = q.delivery_id"
                       " WHERE q.transaction_uid = ?1",
                       ARGS(T(transaction_uid)), read_asked, &asked, err))
        return false;
    made.delivery_id = asked.delivery_id;
    made.state = asked.state;
    ivx_text_copy(made.destination, sizeof made.destination, asked.destination);
    *out = made;
    if (asked.answered)
        return true;
    for (size_t n = 0; n < count; n++)
        if (!apply(catalogue, &asked, &references[n], &made, err))
            return false;
    if (!ivx_db_run(catalogue,
                    "UPDATE asked SET answered_us = ?2, reason = ?3 WHERE transaction_uid = ?1",
                    ARGS(T(transaction_uid), I(now), I(made.reason)), err)
        || !conclude(catalogue, &asked, now + wait_us(&asked, first_wait_s, longest_wait_s),
                     &made, err)
        || !ivx_db_work_commit(&work, err))
        return false;
    *out = made;
    return true;
}
