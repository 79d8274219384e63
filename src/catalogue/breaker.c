#include "isovox/catalogue/breaker.h"

#include "db.h"

const char *ivx_breaker_state_name(enum ivx_breaker_state state)
{
    static const char *const names[] = {
#define X(id, name) name,
        IVX_BREAKER_STATES(X)
#undef X
    };
    return (unsigned)state < IVX_COUNT(names) ? names[state] : "?";
}

static void read_row(sqlite3_stmt *statement, void *row)
{
    struct ivx_breaker_row *out = row;
    COLUMN(statement, 0, out->destination);
    out->state = (enum ivx_breaker_state)NUMBER(statement, 1);
    out->failures = NUMBER(statement, 2);
    out->since_us = NUMBER(statement, 3);
    out->next_us = NUMBER(statement, 4);
    COLUMN(statement, 5, out->note);
    out->wanted = NUMBER(statement, 6) != 0;
}

bool ivx_catalogue_list_breakers(struct ivx_catalogue *catalogue,
                                 struct ivx_breaker_row **rows_out, size_t *count_out,
                                 struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT b.destination, b.state, b.failures, b.since_us, b.next_us,"
                        " b.note, EXISTS (SELECT 1 FROM delivery d"
                        " INDEXED BY delivery_backlog WHERE d.destination = b.destination"
                        " AND " IVX_DELIVERY_OPEN ")"
                        " FROM breaker b ORDER BY b.destination",
                        NO_ARGS, sizeof(struct ivx_breaker_row), read_row, &rows, count_out,
                        err))
        return false;
    *rows_out = rows;
    return true;
}

bool ivx_catalogue_breaker_trip(struct ivx_catalogue *catalogue, const char *destination,
                                enum ivx_breaker_state state, const char *note,
                                int64_t next_us, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "INSERT INTO breaker (destination, state, failures, since_us,"
                         " next_us, note) VALUES (?1, ?2, 1, ?3, ?4, ?5)"
                         " ON CONFLICT (destination) DO UPDATE SET failures = failures + 1,"
                         " since_us = CASE WHEN state = ?2 THEN since_us ELSE ?3 END,"
                         " state = ?2, next_us = ?4, note = ?5",
                         ARGS(T(destination), I(state), I(ivx_now_us(catalogue)), I(next_us),
                              T(note)),
                         err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_breaker_failures(struct ivx_catalogue *catalogue, const char *destination,
                                    int64_t *out, struct ivx_err *err)
{
    return ivx_db_number(catalogue, "SELECT failures FROM breaker WHERE destination = ?1",
                         ARGS(T(destination)), out, NULL, err);
}

bool ivx_catalogue_breaker_try(struct ivx_catalogue *catalogue, const char *destination,
                               struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    const int64_t now = ivx_catalogue_now_us(catalogue);
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE delivery SET next_us = min(next_us, ?2)"
                         " WHERE destination = ?1 AND state = ?3 AND last_status = -1"
                         " AND EXISTS (SELECT 1 FROM breaker b WHERE b.destination = ?1"
                         " AND b.state = ?4)",
                         ARGS(T(destination), I(now), I(IVX_DELIVERY_FAILED),
                              I(IVX_BREAKER_AWAY)),
                         err)
           && ivx_db_run(catalogue,
                         "UPDATE breaker SET state = ?2, since_us = ?3 WHERE destination = ?1",
                         ARGS(T(destination), I(IVX_BREAKER_HALF_OPEN), I(now)), err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_breaker_close(struct ivx_catalogue *catalogue, const char *destination,
                                 struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE breaker SET state = ?2, since_us = ?3, failures = 0,"
                         " note = '' WHERE destination = ?1 AND state <> ?2",
                         ARGS(T(destination), I(IVX_BREAKER_CLOSED), I(ivx_now_us(catalogue))),
                         err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_breaker_hurry(struct ivx_catalogue *catalogue, const char *destination,
                                 struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE breaker SET next_us = 0"
                         " WHERE ?1 IS NULL OR destination = ?1",
                         ARGS(T(destination)), err)
           && ivx_db_work_commit(&work, err);
}

static void read_id(sqlite3_stmt *statement, void *row)
{
    *(int64_t *)row = NUMBER(statement, 0);
}

static bool expire(struct ivx_catalogue *catalogue, int64_t id, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "UPDATE delivery SET state = ?2, epoch = epoch + 1,"
                      " last_comment = 'given up after deliver.budget: ' ||"
                      " (SELECT note FROM breaker b WHERE b.destination ="
                      " delivery.destination) WHERE id = ?1",
                      ARGS(I(id), I(IVX_DELIVERY_DEAD)), err)
           && ivx_delivery_settle(catalogue, id, err);
}

bool ivx_catalogue_delivery_expire(struct ivx_catalogue *catalogue, int64_t budget_us,
                                   int64_t *count_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    void *rows = NULL;
    size_t count = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_collect(catalogue,
                           "SELECT d.id FROM delivery d INDEXED BY delivery_waiting JOIN breaker b"
                           " ON b.destination = d.destination WHERE d.created_us < ?1"
                           " AND d.state <> ?2 AND " IVX_DELIVERY_OPEN
                           " AND b.state IN (?3, ?4) ORDER BY d.id",
                           ARGS(I(ivx_now_us(catalogue) - budget_us), I(IVX_DELIVERY_SENDING),
                                I(IVX_BREAKER_OPEN), I(IVX_BREAKER_AWAY)),
                           sizeof(int64_t), read_id, &rows, &count, err))
        return false;
    IVX_AUTO(ivx_memory_free) int64_t *ids = rows;
    for (size_t n = 0; n < count; n++)
        if (!expire(catalogue, ids[n], err))
            return false;
    *count_out = (int64_t)count;
    return ivx_db_work_commit(&work, err);
}
