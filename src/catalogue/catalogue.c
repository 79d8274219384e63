/* Opening and closing; the names of states. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"

enum { BUSY_MILLISECONDS = 10000 };

const char *ivx_series_state_name(enum ivx_series_state state)
{
    static const char *const names[] = {
#define X(id, name) [IVX_SERIES_##id] = name,
        IVX_SERIES_STATES(X)
#undef X
    };
    return (size_t)state < IVX_COUNT(names) ? names[state] : "?";
}

const char *ivx_job_state_name(enum ivx_job_state state)
{
    static const char *const names[] = {
#define X(id, name) [IVX_JOB_##id] = name,
        IVX_JOB_STATES(X)
#undef X
    };
    return (size_t)state < IVX_COUNT(names) ? names[state] : "?";
}

const char *ivx_delivery_state_name(enum ivx_delivery_state state)
{
    static const char *const names[] = {
#define X(id, name) [IVX_DELIVERY_##id] = name,
        IVX_DELIVERY_STATES(X)
#undef X
    };
    return (size_t)state < IVX_COUNT(names) ? names[state] : "?";
}

static bool open_database(const char *state_dir, int flags, struct ivx_catalogue **out,
                          struct ivx_err *err)
{
    char path[PATH_MAX];
    const int length = snprintf(path, sizeof path, "%s/catalogue.db", state_dir);
    if (length < 0 || (size_t)length + 8 > sizeof path)
        return ivx_fail(err, IVX_REFUSED, "catalogue: the path of state_dir is too long");

    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "catalogue: no memory");
    made->read_only = (flags & SQLITE_OPEN_READONLY) != 0;
    if (made->read_only && access(path, F_OK) == -1 && errno == ENOENT)
        return ivx_fail(err, IVX_RETRY, "catalogue: not made yet");
    if (sqlite3_open_v2(path, &made->db, flags | SQLITE_OPEN_NOMUTEX, NULL)
        != SQLITE_OK) {
        if (made->db == NULL)
            return ivx_fail(err, IVX_FULL, "catalogue: no memory");
        return ivx_db_fail(made, path, err);
    }
    sqlite3_busy_timeout(made->db, BUSY_MILLISECONDS);
    *out = IVX_STEAL(made);
    return true;
}

/* A database that cannot be read is told apart from one that is busy: people must act. */
static bool explain(const char *state_dir, const struct ivx_err *why, struct ivx_err *err)
{
    if (why->code != IVX_DAMAGED)
        return ivx_fail(err, why->code, "%s", why->text);
    return ivx_fail(err, IVX_DAMAGED,
                    "%s/catalogue.db is damaged. Move it away and start again: received"
                    " instances are indexed from the journal (%.60s)",
                    state_dir, why->text);
}

static bool prepare(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    static const char settings[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
        /* A convert worker may open no file outside the state directory. */
        "PRAGMA temp_store = MEMORY;"
        "PRAGMA journal_size_limit = 67108864;";
    if (sqlite3_exec(catalogue->db, settings, NULL, NULL, NULL) != SQLITE_OK)
        return ivx_db_fail(catalogue, "open", err);
    if (!ivx_schema_migrate(catalogue, err))
        return false;
    catalogue->has_clock = true;
    return ivx_catalogue_look_at_clock(catalogue, err);
}

/* SQLite does not wait for a lock while the journal mode is changed, where two could wait
 * for one another: processes that make the catalogue at the same time would fail. */
static bool prepare_in_turn(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    const int64_t until_us = ivx_clock_steady_us() + BUSY_MILLISECONDS * INT64_C(1000);
    struct ivx_err why = { 0 };
    while (!prepare(catalogue, &why)) {
        if (why.code != IVX_RETRY || ivx_clock_steady_us() >= until_us)
            return ivx_fail(err, why.code, "%s", why.text);
        why = (struct ivx_err){ 0 };
        ivx_clock_sleep_ms(20);
    }
    return true;
}

bool ivx_catalogue_open(const char *state_dir, struct ivx_catalogue **out,
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *made = NULL;
    struct ivx_err why = { 0 };
    if (!ivx_directory_make(state_dir, err)
        || !open_database(state_dir, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &made,
                          err))
        return false;
    if (!prepare_in_turn(made, &why))
        return explain(state_dir, &why, err);
    *out = IVX_STEAL(made);
    return true;
}

bool ivx_catalogue_open_read(const char *state_dir, struct ivx_catalogue **out,
                             struct ivx_err *err)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *made = NULL;
    struct ivx_err why = { 0 };
    if (!open_database(state_dir, SQLITE_OPEN_READONLY, &made, err))
        return false;
    if (!ivx_schema_check(made, &why))
        return explain(state_dir, &why, err);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_catalogue_free(struct ivx_catalogue **catalogue)
{
    if (*catalogue == NULL)
        return;
    for (int n = 0; n < (*catalogue)->cached; n++)
        sqlite3_finalize((*catalogue)->cache[n].statement);
    sqlite3_close((*catalogue)->db);
    free(*catalogue);
    *catalogue = NULL;
}
