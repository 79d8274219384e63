#include "db.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/text.h"

/* SQLite's texts name tables and files, never values. */
bool ivx_db_fail(struct ivx_catalogue *catalogue, const char *what, struct ivx_err *err)
{
    enum ivx_code code = IVX_RETRY;
    switch (sqlite3_errcode(catalogue->db)) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
        code = IVX_FULL;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        code = IVX_DAMAGED;
        break;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
    case SQLITE_READONLY:
        code = IVX_BUG;
        break;
    default:
        break;
    }
    return ivx_fail(err, code, "catalogue: %s: %s", what, sqlite3_errmsg(catalogue->db));
}

static bool find(struct ivx_catalogue *catalogue, const char *sql, sqlite3_stmt **out,
                 struct ivx_err *err)
{
    for (int n = 0; n < catalogue->cached; n++)
        if (catalogue->cache[n].sql == sql) {
            *out = catalogue->cache[n].statement;
            return true;
        }
    if (catalogue->cached == IVX_STATEMENTS)
        return ivx_fail(err, IVX_BUG, "catalogue: more than %d statements",
                        IVX_STATEMENTS);
    if (sqlite3_prepare_v3(catalogue->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL)
        != SQLITE_OK)
        return ivx_db_fail(catalogue, "prepare", err);
    catalogue->cache[catalogue->cached].sql = sql;
    catalogue->cache[catalogue->cached++].statement = *out;
    return true;
}

static int bind(sqlite3_stmt *statement, int n, const struct ivx_db_arg *arg)
{
    if (arg->kind == 'i')
        return sqlite3_bind_int64(statement, n, arg->number);
    if (arg->text == NULL)
        return sqlite3_bind_null(statement, n);
    return sqlite3_bind_text(statement, n, arg->text, -1, SQLITE_STATIC);
}

bool ivx_db_query(struct ivx_catalogue *catalogue, const char *sql,
                  const struct ivx_db_arg *args, sqlite3_stmt **out, struct ivx_err *err)
{
    sqlite3_stmt *statement = NULL;
    if (!find(catalogue, sql, &statement, err))
        return false;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    for (int n = 0; args[n].kind != 0; n++)
        if (bind(statement, n + 1, &args[n]) != SQLITE_OK)
            return ivx_db_fail(catalogue, "bind", err);
    *out = statement;
    return true;
}

bool ivx_db_step(struct ivx_catalogue *catalogue, sqlite3_stmt *statement, bool *row_out,
                 struct ivx_err *err)
{
    const int result = sqlite3_step(statement);
    *row_out = result == SQLITE_ROW;
    if (result == SQLITE_ROW || result == SQLITE_DONE)
        return true;
    return ivx_db_fail(catalogue, "step", err);
}

void ivx_db_reset(sqlite3_stmt **statement)
{
    if (*statement != NULL)
        sqlite3_reset(*statement);
    *statement = NULL;
}

bool ivx_db_run(struct ivx_catalogue *catalogue, const char *sql,
                const struct ivx_db_arg *args, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *statement = NULL;
    bool row = false;
    return ivx_db_query(catalogue, sql, args, &statement, err)
           && ivx_db_step(catalogue, statement, &row, err);
}

bool ivx_db_run_all(struct ivx_catalogue *catalogue, const char *const *scripts,
                    size_t count, int64_t number, struct ivx_err *err)
{
    for (size_t n = 0; n < count; n++)
        if (!ivx_db_run(catalogue, scripts[n], ARGS(I(number)), err))
            return false;
    return true;
}

bool ivx_db_change(struct ivx_catalogue *catalogue, const char *sql,
                   const struct ivx_db_arg *args, int *changed_out, struct ivx_err *err)
{
    if (!ivx_db_run(catalogue, sql, args, err))
        return false;
    *changed_out = sqlite3_changes(catalogue->db);
    return true;
}

bool ivx_db_number(struct ivx_catalogue *catalogue, const char *sql,
                   const struct ivx_db_arg *args, int64_t *out, bool *found_out,
                   struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *statement = NULL;
    bool row = false;
    if (!ivx_db_query(catalogue, sql, args, &statement, err)
        || !ivx_db_step(catalogue, statement, &row, err))
        return false;
    *out = row ? NUMBER(statement, 0) : 0;
    if (found_out != NULL)
        *found_out = row;
    return true;
}

bool ivx_db_text(struct ivx_catalogue *catalogue, const char *sql,
                 const struct ivx_db_arg *args, char **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *statement = NULL;
    bool row = false;
    if (!ivx_db_query(catalogue, sql, args, &statement, err)
        || !ivx_db_step(catalogue, statement, &row, err))
        return false;
    if (!row)
        return ivx_fail(err, IVX_ABSENT, "catalogue: no such id");
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    char *copy = strdup(text == NULL ? "null" : text);
    if (copy == NULL)
        return ivx_fail(err, IVX_FULL, "catalogue: no memory");
    *out = copy;
    return true;
}

void ivx_db_column(sqlite3_stmt *statement, int column, char *out, size_t room)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    ivx_text_copy(out, room, text == NULL ? "" : text);
}

bool ivx_db_work_begin(struct ivx_db_work *work, struct ivx_catalogue *catalogue,
                       struct ivx_err *err)
{
    if (catalogue->read_only)
        return ivx_fail(err, IVX_BUG, "catalogue: opened for reading only");
    if (catalogue->indexing)
        return ivx_fail(err, IVX_BUG, "catalogue: an index transaction is open");
    if (!ivx_db_run(catalogue, "BEGIN IMMEDIATE", NO_ARGS, err))
        return false;
    work->catalogue = catalogue;
    return ivx_clock_load(catalogue, err);
}

bool ivx_db_work_commit(struct ivx_db_work *work, struct ivx_err *err)
{
    if (!ivx_db_run(work->catalogue, "COMMIT", NO_ARGS, err))
        return false;
    work->catalogue = NULL;
    return true;
}

void ivx_db_work_end(struct ivx_db_work *work)
{
    if (work->catalogue != NULL && sqlite3_get_autocommit(work->catalogue->db) == 0)
        ivx_db_run(work->catalogue, "ROLLBACK", NO_ARGS, NULL);
    work->catalogue = NULL;
}

struct rows {
    void *data;
    size_t size, count, room;
};

static void rows_free(struct rows *rows)
{
    free(rows->data);
}

/* A zeroed row at the end; NULL when memory runs out. */
static void *rows_add(struct rows *rows)
{
    if (rows->count == rows->room) {
        const size_t room = rows->room == 0 ? 16 : 2 * rows->room;
        void *grown = reallocarray(rows->data, room, rows->size);
        if (grown == NULL)
            return NULL;
        rows->data = grown;
        rows->room = room;
    }
    char *added = (char *)rows->data + rows->size * rows->count++;
    memset(added, 0, rows->size);
    return added;
}

bool ivx_db_collect(struct ivx_catalogue *catalogue, const char *sql,
                    const struct ivx_db_arg *args, size_t size, ivx_db_read *read,
                    void **out, size_t *count_out, struct ivx_err *err)
{
    IVX_AUTO(rows_free) struct rows rows = { .size = size };
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *statement = NULL;
    bool more = true;
    if (!ivx_db_query(catalogue, sql, args, &statement, err))
        return false;
    for (;;) {
        if (!ivx_db_step(catalogue, statement, &more, err))
            return false;
        if (!more)
            break;
        void *row = rows_add(&rows);
        if (row == NULL)
            return ivx_fail(err, IVX_FULL, "catalogue: no memory");
        read(statement, row);
    }
    *count_out = rows.count;
    *out = IVX_STEAL(rows.data);
    return true;
}

bool ivx_db_one(struct ivx_catalogue *catalogue, const char *sql,
                const struct ivx_db_arg *args, ivx_db_read *read, void *out,
                struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *statement = NULL;
    bool row = false;
    if (!ivx_db_query(catalogue, sql, args, &statement, err)
        || !ivx_db_step(catalogue, statement, &row, err))
        return false;
    if (!row)
        return ivx_fail(err, IVX_ABSENT, "catalogue: no such id");
    read(statement, out);
    return true;
}
