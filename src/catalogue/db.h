/* db.h - SQLite, as the other files of this folder use it: arguments with types,
 * statements prepared once, transactions that roll back by themselves. */
#ifndef IVX_CATALOGUE_DB_H
#define IVX_CATALOGUE_DB_H

#include <sqlite3.h>

#include "isovox/base/auto.h"
#include "isovox/catalogue/breaker.h"
#include "isovox/catalogue/catalogue.h"
#include "isovox/catalogue/clock.h"

enum { IVX_STATEMENTS = 192 };

struct ivx_catalogue {
    sqlite3 *db;
    bool read_only;
    bool indexing; /* between index_begin and index_end */
    bool has_clock;    /* its schema is of this version */
    int64_t offset_us; /* of the clock, when a transaction began last: see ivx_now_us() */
    struct ivx_totals {
        int64_t instances, duplicates, bytes, conflicts, aside;
    } grown; /* since index_begin: written to the row of all totals by index_end */
    /* Prepared statements, found by the address of their text. */
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cache[IVX_STATEMENTS];
    int cached;
};

/* An argument: I(number) or T(text, may be NULL). Bound to ?1, ?2, ... in order. */
struct ivx_db_arg {
    char kind;
    int64_t number;
    const char *text;
};
#define I(value)                                                                         \
    {                                                                                    \
        .kind = 'i', .number = (int64_t)(value)                                          \
    }
#define T(value)                                                                         \
    {                                                                                    \
        .kind = 't', .text = (value)                                                     \
    }
#define ARGS(...) ((const struct ivx_db_arg[]){ __VA_ARGS__, { .kind = 0 } })
#define NO_ARGS ((const struct ivx_db_arg[]){ { .kind = 0 } })

/* The error that SQLite has just reported. `what` names the operation. */
bool ivx_db_fail(struct ivx_catalogue *catalogue, const char *what, struct ivx_err *err);

/* sql is a literal: it is prepared once per handle. Texts are borrowed until the reset.
 */
bool ivx_db_query(struct ivx_catalogue *catalogue, const char *sql,
                  const struct ivx_db_arg *args, sqlite3_stmt **out, struct ivx_err *err);
/* The next row, if there is one. */
bool ivx_db_step(struct ivx_catalogue *catalogue, sqlite3_stmt *statement, bool *row_out,
                 struct ivx_err *err);
void ivx_db_reset(sqlite3_stmt **statement); /* for IVX_AUTO */

/* A statement without rows. */
bool ivx_db_run(struct ivx_catalogue *catalogue, const char *sql,
                const struct ivx_db_arg *args, struct ivx_err *err);
/* Each of these with this one parameter, in order. */
bool ivx_db_run_all(struct ivx_catalogue *catalogue, const char *const *scripts,
                    size_t count, int64_t number, struct ivx_err *err);
/* The same; *changed_out is the number of rows that it touched. */
bool ivx_db_change(struct ivx_catalogue *catalogue, const char *sql,
                   const struct ivx_db_arg *args, int *changed_out, struct ivx_err *err);
/* One number: the first column of the first row. *found_out (may be NULL) says whether
 * there was one; *out is 0 when there was none. */
bool ivx_db_number(struct ivx_catalogue *catalogue, const char *sql,
                   const struct ivx_db_arg *args, int64_t *out, bool *found_out,
                   struct ivx_err *err);
/* One text, owned by the caller; NULL in the database is "null"; no row is IVX_ABSENT. */
bool ivx_db_text(struct ivx_catalogue *catalogue, const char *sql,
                 const struct ivx_db_arg *args, char **out, struct ivx_err *err);

#define NUMBER(statement, column) sqlite3_column_int64(statement, column)
void ivx_db_column(sqlite3_stmt *statement, int column, char *out, size_t room);
#define COLUMN(statement, column, array)                                                 \
    ivx_db_column(statement, column, array, sizeof(array))

/* struct ivx_db_work work = { 0 } under IVX_AUTO(ivx_db_work_end): begun with the write
 * lock, so that it waits for other writers here and nowhere else; rolled back unless
 * committed. Within index_begin..index_end it is part of that transaction. */
struct ivx_db_work {
    struct ivx_catalogue *catalogue;
};
bool ivx_db_work_begin(struct ivx_db_work *work, struct ivx_catalogue *catalogue,
                       struct ivx_err *err);
bool ivx_db_work_commit(struct ivx_db_work *work, struct ivx_err *err);
void ivx_db_work_end(struct ivx_db_work *work);

/* All rows, read into an array of `size` bytes each that the caller frees. */
typedef void ivx_db_read(sqlite3_stmt *statement, void *row);
bool ivx_db_collect(struct ivx_catalogue *catalogue, const char *sql,
                    const struct ivx_db_arg *args, size_t size, ivx_db_read *read,
                    void **out, size_t *count_out, struct ivx_err *err);
/* The first row; IVX_ABSENT when there is none. */
bool ivx_db_one(struct ivx_catalogue *catalogue, const char *sql,
                const struct ivx_db_arg *args, ivx_db_read *read, void *out,
                struct ivx_err *err);

/* schema.c */
bool ivx_schema_migrate(struct ivx_catalogue *catalogue, struct ivx_err *err);
bool ivx_schema_check(struct ivx_catalogue *catalogue, struct ivx_err *err);

/* clock.c: the time that rows are written with. In a transaction no other process sees or
 * makes it another. */
int64_t ivx_now_us(const struct ivx_catalogue *catalogue);
bool ivx_clock_load(struct ivx_catalogue *catalogue, struct ivx_err *err);
/* Until when a lease of so many seconds lasts that begins now: by the steady clock. */
int64_t ivx_lease_us(int seconds);

/* settle.c: the state that follows from a planned series' jobs and deliveries. */
bool ivx_series_settle(struct ivx_catalogue *catalogue, int64_t series_id,
                       struct ivx_err *err);
/* After a change of a delivery's state: when it is finished, and what its series is then. */
bool ivx_delivery_settle(struct ivx_catalogue *catalogue, int64_t id, struct ivx_err *err);
/* committed.c: the reason for which its class was refused as often as it is tried; 0: it was
 * not. */
bool ivx_delivery_hopeless(struct ivx_catalogue *catalogue, int64_t id, int64_t *reason_out,
                           struct ivx_err *err);
bool ivx_series_settle_of_job(struct ivx_catalogue *catalogue, int64_t job_id,
                              struct ivx_err *err);

/* evidence.c: parts of other transactions. */
bool ivx_evidence_add(struct ivx_catalogue *catalogue, int64_t series_id,
                      const struct ivx_evidence *evidence, int64_t at_us,
                      struct ivx_err *err);
bool ivx_station_of(struct ivx_catalogue *catalogue, const char *sender, const char *name,
                    int64_t *id_out, struct ivx_err *err);
bool ivx_pause_count(struct ivx_catalogue *catalogue, int64_t station_id, int64_t pause_us,
                     struct ivx_err *err);
bool ivx_announced_count(struct ivx_catalogue *catalogue, int64_t series_id,
                         const struct ivx_arrival *arrival, struct ivx_err *err);
bool ivx_trust_count(struct ivx_catalogue *catalogue, const struct ivx_decision *decision,
                     struct ivx_err *err);

/* Row readers that several files share; the columns are those of the SELECT lists. */
#define IVX_SERIES_COLUMNS                                                               \
    "s.id, s.series_uid, s.study_uid, s.modality, s.calling_ae, s.state, s.generation, " \
    "s.instances, s.first_us, s.last_us, s.decided_us, s.code, s.note, "                 \
    "NOT EXISTS (SELECT 1 FROM carried c LEFT JOIN association a"                        \
    " ON a.name = c.association WHERE c.series_id = s.id"                                \
    " AND (a.ended IS NULL OR a.ended <> 1)), s.gone, "                                  \
    "EXISTS (SELECT 1 FROM carried c JOIN association a ON a.name = c.association"       \
    " WHERE c.series_id = s.id AND a.ended = 2), s.limit_us, s.why, s.new_us, s.due_us, s.forced"
ivx_db_read ivx_series_read, ivx_instance_row_read, ivx_job_read, ivx_delivery_read;

#define IVX_JOB_COLUMNS                                                                  \
    "j.id, j.series_id, j.attempts, j.generation, j.created_us, j.started_us, "          \
    "j.finished_us, j.next_us, j.state, j.recipe_name, j.route, j.code, j.note, "        \
    "j.volume, j.derived_series_uid, j.owner, j.outputs, j.superseded"

#define IVX_DELIVERY_COLUMNS                                                             \
    "d.id, d.job_id, d.attempts, d.epoch, d.destination, j.derived_series_uid, "         \
    "j.outbox_key, j.sop_class, j.syntax, d.state, j.outputs, d.accepted, "              \
    "d.created_us, "                                                                     \
    "d.next_us, d.finished_us, d.last_status, d.last_comment, d.committed, d.commitment, " \
    "j.priority, coalesce((SELECT b.next_us FROM breaker b"                              \
    " WHERE b.destination = d.destination AND b.state IN (1, 2)), -1)"

_Static_assert(IVX_BREAKER_OPEN == 1 && IVX_BREAKER_AWAY == 2,
               "IVX_DELIVERY_COLUMNS has them as numbers");

/* An open series, as the index series_due has it; and that something about it is new. */
#define IVX_SERIES_OPEN "state IN (0, 1)"
#define IVX_SERIES_TOUCH "due_us = min(due_us, 0) - 1"
_Static_assert(IVX_SERIES_RECEIVING == 0 && IVX_SERIES_WAITING == 1,
               "IVX_SERIES_OPEN has them as numbers");

/* d: what is still to be done about a delivery; ?n are literals of the states, so that it
 * can stand in any statement. */
#define IVX_DELIVERY_OPEN                                                                \
    "(d.state IN (0, 1, 4) OR (d.state = 2 AND d.commitment = 1))"
_Static_assert(IVX_DELIVERY_QUEUED == 0 && IVX_DELIVERY_SENDING == 1
                   && IVX_DELIVERY_SENT == 2 && IVX_DELIVERY_FAILED == 4
                   && IVX_COMMITMENT_AWAITED == 1,
               "IVX_DELIVERY_OPEN has them as numbers");

#endif
