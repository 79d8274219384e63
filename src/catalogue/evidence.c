/* Evidence of completeness: what instances announce, how long senders are silent, and who has
 * been right so far. */
#include "db.h"

bool ivx_evidence_add(struct ivx_catalogue *catalogue, int64_t series_id,
                      const struct ivx_evidence *evidence, int64_t at_us,
                      struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "INSERT INTO evidence (series_id, kind, source, value, text, at_us)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      ARGS(I(series_id), T(evidence->kind), T(evidence->source),
                           I(evidence->value), T(evidence->text), I(at_us)),
                      err);
}

bool ivx_catalogue_evidence(struct ivx_catalogue *catalogue, int64_t series_id,
                            const struct ivx_evidence *evidence, int64_t at_us,
                            struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_evidence_add(catalogue, series_id, evidence, at_us, err)
           && ivx_db_work_commit(&work, err);
}

/* ---- senders and their stations ------------------------------------------------------ */

/* Names come from the network: what is beyond these numbers shares a row. */
enum { STATIONS_OF_SENDER = 64, STATIONS = 4096 };

static bool station_known(struct ivx_catalogue *catalogue, const char *sender,
                          const char *name, int64_t *id_out, bool *found_out,
                          struct ivx_err *err)
{
    return ivx_db_number(catalogue,
                         "SELECT id FROM station WHERE sender = ?1 AND name = ?2",
                         ARGS(T(sender), T(name)), id_out, found_out, err);
}

static bool station_make(struct ivx_catalogue *catalogue, const char *sender,
                         const char *name, int64_t *id_out, struct ivx_err *err)
{
    bool found = false;
    return ivx_db_run(catalogue,
                      "INSERT INTO station (sender, name) VALUES (?1, ?2)"
                      " ON CONFLICT DO NOTHING",
                      ARGS(T(sender), T(name)), err)
           && station_known(catalogue, sender, name, id_out, &found, err);
}

bool ivx_station_of(struct ivx_catalogue *catalogue, const char *sender, const char *name,
                    int64_t *id_out, struct ivx_err *err)
{
    bool found = false;
    int64_t of_sender = 0, all = 0;
    if (!station_known(catalogue, sender, name, id_out, &found, err))
        return false;
    if (found)
        return true;
    if (!ivx_db_number(catalogue, "SELECT count(*) FROM station WHERE sender = ?1",
                       ARGS(T(sender)), &of_sender, NULL, err)
        || !ivx_db_number(catalogue, "SELECT count(*) FROM station", NO_ARGS, &all, NULL,
                          err))
        return false;
    if (all >= STATIONS)
        return station_make(catalogue, "", "", id_out, err);
    return station_make(catalogue, sender, of_sender >= STATIONS_OF_SENDER ? "" : name,
                        id_out, err);
}

/* ---- pauses -------------------------------------------------------------------------- */

/* Longer is another visit, not a pause: 2^20 ms are 17 minutes. */
static int class_of(int64_t pause_us)
{
    int class = 0;
    for (int64_t ms = pause_us / 1000; ms > 0 && class < IVX_PAUSE_CLASSES; ms /= 2)
        class++;
    return class;
}

static void read_class(sqlite3_stmt *statement, void *row)
{
    int64_t *pair = row;
    pair[0] = NUMBER(statement, 0);
    pair[1] = NUMBER(statement, 1);
}

/* So that a new habit counts soon. */
static bool fade(struct ivx_catalogue *catalogue, int64_t station_id, struct ivx_err *err)
{
    enum { MOST = 100000 };
    int64_t all = 0;
    return ivx_db_number(catalogue, "SELECT sum(pauses) FROM pause WHERE station_id = ?1",
                         ARGS(I(station_id)), &all, NULL, err)
           && (all < MOST
               || ivx_db_run(catalogue,
                             "UPDATE pause SET pauses = pauses / 2 WHERE station_id = ?1",
                             ARGS(I(station_id)), err));
}

bool ivx_pause_count(struct ivx_catalogue *catalogue, int64_t station_id, int64_t pause_us,
                     struct ivx_err *err)
{
    const int class = class_of(pause_us);
    if (pause_us < 0 || class >= IVX_PAUSE_CLASSES || station_id == 0)
        return true;
    return ivx_db_run(catalogue,
                      "INSERT INTO pause (station_id, class, pauses) VALUES (?1, ?2, 1)"
                      " ON CONFLICT DO UPDATE SET pauses = pauses + 1",
                      ARGS(I(station_id), I(class)), err)
           && fade(catalogue, station_id, err);
}

bool ivx_catalogue_pauses(struct ivx_catalogue *catalogue, int64_t series_id,
                          int64_t out[IVX_PAUSE_CLASSES], struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) void *rows = NULL;
    size_t count = 0;
    for (int n = 0; n < IVX_PAUSE_CLASSES; n++)
        out[n] = 0;
    if (!ivx_db_collect(catalogue,
                        "SELECT p.class, p.pauses FROM pause p JOIN series s"
                        " ON s.station_id = p.station_id WHERE s.id = ?1",
                        ARGS(I(series_id)), 2 * sizeof(int64_t), read_class, &rows, &count,
                        err))
        return false;
    for (size_t n = 0; n < count; n++) {
        const int64_t *pair = (const int64_t *)rows + 2 * n;
        if (pair[0] >= 0 && pair[0] < IVX_PAUSE_CLASSES)
            out[pair[0]] = pair[1];
    }
    return true;
}

/* ---- announcements ------------------------------------------------------------------- */

bool ivx_announced_count(struct ivx_catalogue *catalogue, int64_t series_id,
                         const struct ivx_arrival *arrival, struct ivx_err *err)
{
    for (size_t n = 0; n < arrival->announced_count; n++) {
        const struct ivx_announced *each = &arrival->announced[n];
        if (!ivx_db_run(catalogue,
                        "INSERT INTO announced (series_id, kind, part, least, most, held,"
                        " at_us) VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5) ON CONFLICT DO UPDATE"
                        " SET least = min(least, ?4), most = max(most, ?4),"
                        " held = held + 1, at_us = max(at_us, ?5)",
                        ARGS(I(series_id), T(each->kind), T(each->part), I(each->total),
                             I(arrival->received_us)),
                        err))
            return false;
    }
    return true;
}

static void read_tally(sqlite3_stmt *statement, void *row)
{
    struct ivx_tally *out = row;
    COLUMN(statement, 0, out->kind);
    out->parts = NUMBER(statement, 1);
    out->parts_met = NUMBER(statement, 2);
    out->parts_over = NUMBER(statement, 3);
    out->held = NUMBER(statement, 4);
    out->least = NUMBER(statement, 5);
    out->most = NUMBER(statement, 6);
    out->sum = NUMBER(statement, 7);
    out->held_least = NUMBER(statement, 8);
    out->held_most = NUMBER(statement, 9);
}

bool ivx_catalogue_tallies(struct ivx_catalogue *catalogue, int64_t series_id,
                           struct ivx_tally **out, size_t *count_out, struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT kind, count(*), sum(held = most), sum(held > most),"
                        " sum(held), min(least), max(most), sum(most), min(held),"
                        " max(held) FROM announced WHERE series_id = ?1"
                        " GROUP BY kind ORDER BY kind",
                        ARGS(I(series_id)), sizeof(struct ivx_tally), read_tally, &rows,
                        count_out, err))
        return false;
    *out = rows;
    return true;
}

bool ivx_catalogue_trust(struct ivx_catalogue *catalogue, int64_t series_id,
                         const char *kind, int64_t *kept_out, int64_t *broken_out,
                         struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *row = NULL;
    bool found = false;
    if (!ivx_db_query(catalogue,
                      "SELECT t.kept, t.broken FROM trust t JOIN series s"
                      " ON s.station_id = t.station_id WHERE s.id = ?1 AND t.kind = ?2",
                      ARGS(I(series_id), T(kind)), &row, err)
        || !ivx_db_step(catalogue, row, &found, err))
        return false;
    *kept_out = found ? NUMBER(row, 0) : 0;
    *broken_out = found ? NUMBER(row, 1) : 0;
    return true;
}

bool ivx_trust_count(struct ivx_catalogue *catalogue, const struct ivx_decision *decision,
                     struct ivx_err *err)
{
    for (size_t n = 0; n < decision->proven_count; n++) {
        const struct ivx_announced *each = &decision->proven[n];
        if (!ivx_db_run(catalogue,
                        "INSERT INTO trust (station_id, kind, kept, broken)"
                        " SELECT station_id, ?2, ?3, 1 - ?3 FROM series"
                        " WHERE id = ?1 AND station_id > 0 ON CONFLICT DO UPDATE"
                        " SET kept = kept + ?3, broken = broken + 1 - ?3",
                        ARGS(I(decision->series_id), T(each->kind), I(each->total)), err))
            return false;
    }
    return true;
}
