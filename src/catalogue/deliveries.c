/* Deliveries: like jobs, and what has been accepted is never sent again. */
#include "db.h"

#include <stdio.h>

#include "isovox/sys/clock.h"

static bool stale(int64_t id, struct ivx_err *err)
{
    return ivx_fail(err, IVX_STALE, "delivery %lld is not ours any more", (long long)id);
}

/* What is to be sent, and what was sent and is not committed yet, as their indexes have it:
 * neither a long queue, nor what waits for a later time, nor a long history is looked through. */
#define TO_SEND "d.state IN (0, 1, 4)"
#define AWAITED "d.state = 2 AND d.commitment = 1"

/* place: the destinations that have anything to do. rung: the priorities that are waited with
 * there, queued or failed. Each is one hop through an index. */
#define NEXT_PLACE(after)                                                                \
    "(SELECT min(d.destination) FROM delivery d INDEXED BY delivery_backlog"             \
    " WHERE " IVX_DELIVERY_OPEN after ")"
#define PLACES                                                                           \
    "place (name) AS (SELECT " NEXT_PLACE("") " UNION ALL"                               \
    " SELECT " NEXT_PLACE(" AND d.destination > name") " FROM place"                     \
    " WHERE name IS NOT NULL)"
#define NEXT_RUNG(of, below)                                                             \
    "(SELECT max(d.priority) FROM delivery d INDEXED BY delivery_next"                   \
    " WHERE d.destination = name AND d.state = " of " AND " TO_SEND below ")"
#define RUNGS                                                                            \
    "rung (name, state, priority) AS ("                                                  \
    "SELECT name, s.column1, " NEXT_RUNG("s.column1", "")                                \
    " FROM place, (VALUES (0), (4)) s WHERE name IS NOT NULL UNION ALL"                  \
    " SELECT name, state, " NEXT_RUNG("rung.state", " AND d.priority < rung.priority")   \
    " FROM rung WHERE priority IS NOT NULL)"
/* Of a rung, what has been due for longest. */
#define FIRST_ON_RUNG(now)                                                               \
    "(SELECT d.id FROM delivery d INDEXED BY delivery_next WHERE d.destination = r.name" \
    " AND d.state = r.state AND " TO_SEND " AND d.priority = r.priority"                 \
    " AND d.next_us <= " now " ORDER BY d.next_us, d.id LIMIT 1)"
/* Few: not more than there are senders. */
#define ABANDONED(at, now)                                                               \
    "SELECT d.id FROM delivery d INDEXED BY delivery_next WHERE d.destination = " at     \
    " AND d.state = 1 AND " TO_SEND " AND d.lease_us < " now
#define ASK_AGAIN(at, now)                                                               \
    "SELECT d.id FROM delivery d INDEXED BY delivery_awaited WHERE d.destination = " at  \
    " AND " AWAITED " AND d.next_us <= " now " ORDER BY d.next_us LIMIT 1"

bool ivx_catalogue_delivery_claim(struct ivx_catalogue *catalogue,
                                  const char *destination, const char *owner,
                                  int lease_seconds, struct ivx_delivery_row *out,
                                  struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    struct ivx_delivery_row made = { 0 };
    int64_t id = 0;
    bool found = false;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_number(
            catalogue,
            "WITH RECURSIVE place (name) AS (VALUES (?1)), " RUNGS
            " SELECT d.id FROM (SELECT " FIRST_ON_RUNG("?2") " AS id FROM rung r UNION ALL "
            ABANDONED("?1", "?3") " UNION ALL SELECT * FROM (" ASK_AGAIN("?1", "?2") ")"
            ") c CROSS JOIN delivery d ON d.id = c.id"
            " ORDER BY d.priority DESC, d.next_us, d.id LIMIT 1",
            ARGS(T(destination), I(ivx_now_us(catalogue)), I(ivx_clock_steady_us())),
            &id, &found, err))
        return false;
    if (!found)
        return ivx_fail(err, IVX_ABSENT, "catalogue: no delivery is due");
    if (!ivx_db_run(catalogue,
                    "UPDATE delivery SET state = ?2, epoch = epoch + 1,"
                    " attempts = attempts + 1, owner = ?3, lease_us = ?4,"
                    " next_us = min(next_us, ?5) WHERE id = ?1",
                    ARGS(I(id), I(IVX_DELIVERY_SENDING), T(owner),
                         I(ivx_lease_us(lease_seconds)), I(ivx_now_us(catalogue))),
                    err)
        || !ivx_db_one(catalogue,
                       "SELECT " IVX_DELIVERY_COLUMNS
                       " FROM delivery d JOIN job j ON j.id = d.job_id WHERE d.id = ?1",
                       ARGS(I(id)), ivx_delivery_read, &made, err)
        || !ivx_db_work_commit(&work, err))
        return false;
    made.age_us = ivx_now_us(catalogue) - made.created_us;
    *out = made;
    return true;
}

bool ivx_catalogue_delivery_outranked(struct ivx_catalogue *catalogue, const char *destination,
                                      int64_t priority, bool *out, struct ivx_err *err)
{
    int64_t id = 0;
    return ivx_db_number(catalogue,
                         "WITH RECURSIVE place (name) AS (VALUES (?1)), " RUNGS
                         " SELECT 1 FROM rung r WHERE priority > ?3 AND "
                         FIRST_ON_RUNG("?2") " IS NOT NULL LIMIT 1",
                         ARGS(T(destination), I(ivx_catalogue_now_us(catalogue)), I(priority)),
                         &id, out, err);
}

bool ivx_catalogue_delivery_yield(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                  struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_change(catalogue,
                          "UPDATE delivery SET state = ?4, attempts = attempts - 1,"
                          " lease_us = 0, next_us = ?5"
                          " WHERE id = ?1 AND epoch = ?2 AND state = ?3",
                          ARGS(I(id), I(epoch), I(IVX_DELIVERY_SENDING),
                               I(IVX_DELIVERY_QUEUED), I(ivx_now_us(catalogue))),
                          &changed, err))
        return false;
    return changed == 0 ? stale(id, err) : ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_delivery_heartbeat(struct ivx_catalogue *catalogue, int64_t id,
                                      int64_t epoch, int lease_seconds,
                                      struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_change(catalogue,
                          "UPDATE delivery SET lease_us = ?4"
                          " WHERE id = ?1 AND epoch = ?2 AND state = ?3",
                          ARGS(I(id), I(epoch), I(IVX_DELIVERY_SENDING),
                               I(ivx_lease_us(lease_seconds))),
                          &changed, err))
        return false;
    return changed == 0 ? stale(id, err) : ivx_db_work_commit(&work, err);
}

static void read_item(sqlite3_stmt *statement, void *row)
{
    struct ivx_delivery_item *out = row;
    out->n = NUMBER(statement, 0);
    COLUMN(statement, 1, out->sop_uid);
    COLUMN(statement, 2, out->file);
}

bool ivx_catalogue_delivery_pending(struct ivx_catalogue *catalogue, int64_t id,
                                    struct ivx_delivery_item **out, size_t *count_out,
                                    struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(
            catalogue,
            "SELECT r.n, r.sop_uid, r.file FROM delivery d"
            " JOIN result r ON r.job_id = d.job_id WHERE d.id = ?1"
            " AND NOT EXISTS (SELECT 1 FROM answer a WHERE a.delivery_id = d.id"
            " AND a.n = r.n AND a.accepted = 1)"
            " ORDER BY EXISTS (SELECT 1 FROM answer a WHERE a.delivery_id = d.id"
            " AND a.n = r.n AND a.status = -1), r.n",
            ARGS(I(id)), sizeof(struct ivx_delivery_item), read_item, &rows, count_out,
            err))
        return false;
    *out = rows;
    return true;
}

/* What was accepted once stays accepted, whatever a repetition is answered. */
static bool record_answer(struct ivx_catalogue *catalogue, int64_t id,
                          const struct ivx_delivery_answer *answer, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "INSERT INTO answer (delivery_id, n, status, accepted)"
                      " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (delivery_id, n) DO UPDATE"
                      " SET status = ?3, accepted = max(accepted, ?4)",
                      ARGS(I(id), I(answer->n), I(answer->status), I(answer->accepted)),
                      err);
}

bool ivx_catalogue_delivery_answers(struct ivx_catalogue *catalogue, int64_t id,
                                    int64_t epoch,
                                    const struct ivx_delivery_answer *answers,
                                    size_t count, const char *comment,
                                    struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err))
        return false;
    for (size_t n = 0; n < count; n++)
        if (!record_answer(catalogue, id, &answers[n], err))
            return false;
    if (!ivx_db_change(catalogue,
                       "UPDATE delivery SET last_comment = coalesce(?4, last_comment),"
                       " last_status = CASE WHEN ?6 THEN ?5 ELSE last_status END,"
                       " accepted = (SELECT count(*) FROM answer a"
                       " WHERE a.delivery_id = ?1 AND a.accepted = 1)"
                       " WHERE id = ?1 AND epoch = ?2 AND state = ?3",
                       ARGS(I(id), I(epoch), I(IVX_DELIVERY_SENDING), T(comment),
                            I(count > 0 ? answers[count - 1].status : -1), I(count > 0)),
                       &changed, err))
        return false;
    return changed == 0 ? stale(id, err) : ivx_db_work_commit(&work, err);
}

/* Where an attempt leaves the delivery: see ivx_catalogue_delivery_end(). *refused_out: dead
 * for a report's reason; 0: it is not. */
static bool find_end(struct ivx_catalogue *catalogue, int64_t id, bool final,
                     enum ivx_delivery_state *out, int64_t *refused_out, struct ivx_err *err)
{
    int64_t unaccepted = 0, uncommitted = 0, awaited = 0, hopeless = 0;
    if (!ivx_db_number(catalogue,
                       "SELECT count(*) FROM delivery d JOIN result r"
                       " ON r.job_id = d.job_id WHERE d.id = ?1 AND NOT EXISTS"
                       " (SELECT 1 FROM answer a WHERE a.delivery_id = d.id"
                       " AND a.n = r.n AND a.accepted = 1)",
                       ARGS(I(id)), &unaccepted, NULL, err)
        || !ivx_db_number(catalogue,
                          "SELECT count(*) FROM answer WHERE delivery_id = ?1"
                          " AND committed = 0",
                          ARGS(I(id)), &uncommitted, NULL, err)
        || !ivx_db_number(catalogue, "SELECT commitment = ?2 FROM delivery WHERE id = ?1",
                          ARGS(I(id), I(IVX_COMMITMENT_AWAITED)), &awaited, NULL, err)
        || !ivx_delivery_hopeless(catalogue, id, &hopeless, err))
        return false;
    *refused_out = unaccepted > 0 ? hopeless : 0;
    if (unaccepted > 0)
        *out = final || hopeless != 0 ? IVX_DELIVERY_DEAD : IVX_DELIVERY_FAILED;
    else if (!awaited)
        *out = IVX_DELIVERY_SENT;
    else if (uncommitted == 0)
        *out = IVX_DELIVERY_COMMITTED;
    else
        *out = final ? IVX_DELIVERY_DEAD : IVX_DELIVERY_SENT;
    return true;
}

/* A report has come by another way while this attempt was at it. */
static bool was_committed(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                          struct ivx_err *err)
{
    int64_t state = 0;
    bool found = false;
    return ivx_db_number(catalogue, "SELECT state FROM delivery WHERE id = ?1 AND epoch = ?2",
                         ARGS(I(id), I(epoch)), &state, &found, err)
           && ((found && state == IVX_DELIVERY_COMMITTED) || stale(id, err));
}

/* A report that has come meanwhile, and refuses some of it, has said why and until when; what
 * the attempt was answered after it must not hide why there is no other. */
bool ivx_catalogue_delivery_end(struct ivx_catalogue *catalogue, int64_t id,
                                int64_t epoch, int status, const char *comment,
                                bool final, int64_t next_us,
                                enum ivx_delivery_state *state_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    enum ivx_delivery_state state = IVX_DELIVERY_FAILED;
    char refusal[64] = "";
    int64_t reason = 0;
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !find_end(catalogue, id, final, &state, &reason, err))
        return false;
    if (reason != 0)
        snprintf(refusal, sizeof refusal, "storage commitment: its class is refused, reason %04X",
                 (unsigned)reason & 0xffff);
    const bool hopeless = reason != 0;
    if (!ivx_db_change(catalogue,
                       "UPDATE delivery SET state = ?4, committed = ?8,"
                       " last_status = iif(next_us > ?9 AND NOT ?10, last_status, ?5),"
                       " last_comment = iif(next_us > ?9 AND NOT ?10, last_comment,"
                       " coalesce(?6, last_comment)),"
                       " next_us = iif(next_us > ?9, next_us, ?7)"
                       " WHERE id = ?1 AND epoch = ?2 AND state = ?3",
                       ARGS(I(id), I(epoch), I(IVX_DELIVERY_SENDING), I(state),
                            I(hopeless ? reason : status), T(hopeless ? refusal : comment),
                            I(next_us), I(state == IVX_DELIVERY_COMMITTED),
                            I(ivx_now_us(catalogue)), I(hopeless)),
                       &changed, err))
        return false;
    if (changed == 0) {
        *state_out = IVX_DELIVERY_COMMITTED;
        return was_committed(catalogue, id, epoch, err);
    }
    if (!ivx_delivery_settle(catalogue, id, err) || !ivx_db_work_commit(&work, err))
        return false;
    *state_out = state;
    return true;
}

static void read_name(sqlite3_stmt *statement, void *row)
{
    ivx_db_column(statement, 0, row, 65);
}

bool ivx_catalogue_delivery_due(struct ivx_catalogue *catalogue, char (**names_out)[65],
                                size_t *count_out, struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "WITH RECURSIVE " PLACES ", " RUNGS
                        " SELECT r.name FROM rung r WHERE " FIRST_ON_RUNG("?1") " IS NOT NULL"
                        " UNION SELECT name FROM place"
                        " WHERE EXISTS (" ABANDONED("name", "?2") ")"
                        " UNION SELECT name FROM place"
                        " WHERE EXISTS (" ASK_AGAIN("name", "?1") ") ORDER BY 1",
                        ARGS(I(ivx_catalogue_now_us(catalogue)), I(ivx_clock_steady_us())),
                        65, read_name, &rows, count_out, err))
        return false;
    *names_out = rows;
    return true;
}
