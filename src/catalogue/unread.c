/* Records that a read error keeps out of the index. */
#include "isovox/catalogue/unread.h"

#include "db.h"

#include "isovox/base/text.h"

enum { LONGEST_S = 300 };

int64_t ivx_unread_seconds(int64_t attempts)
{
    return attempts < 9 ? INT64_C(1) << attempts : LONGEST_S;
}

static int64_t next_of(const struct ivx_catalogue *catalogue, int64_t attempts)
{
    return ivx_now_us(catalogue) + ivx_unread_seconds(attempts) * 1000000;
}

static bool leave(struct ivx_catalogue *catalogue, const struct ivx_unread *row,
                  const char *note, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "INSERT INTO unread (segment, offset, since_us, attempts, next_us, note)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE"
                      " SET attempts = ?4, next_us = ?5, note = ?6",
                      ARGS(I(row->segment), I(row->offset), I(ivx_now_us(catalogue)),
                           I(row->attempts + 1), I(next_of(catalogue, row->attempts)), T(note)),
                      err);
}

bool ivx_catalogue_index_unread(struct ivx_catalogue *catalogue, const struct ivx_unread *row,
                                const char *note, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    if (catalogue->indexing)
        return leave(catalogue, row, note, err);
    return ivx_db_work_begin(&work, catalogue, err) && leave(catalogue, row, note, err)
           && ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_index_read(struct ivx_catalogue *catalogue, const struct ivx_unread *row,
                              struct ivx_err *err)
{
    return ivx_db_run(catalogue, "DELETE FROM unread WHERE segment = ?1 AND offset = ?2",
                      ARGS(I(row->segment), I(row->offset)), err)
           && ivx_db_run(catalogue,
                         "UPDATE series SET " IVX_SERIES_TOUCH " WHERE " IVX_SERIES_OPEN
                         " AND id IN (SELECT series_id FROM instance"
                         " WHERE segment = ?1 AND offset = ?2 AND gone = 0)",
                         ARGS(I(row->segment), I(row->offset)), err);
}

struct hidden {
    int64_t next_us;
    char note[IVX_NOTE_ROOM];
};
static void read_hidden(sqlite3_stmt *statement, void *row)
{
    struct hidden *out = row;
    out->next_us = NUMBER(statement, 0);
    COLUMN(statement, 1, out->note);
}

/* The first condition is looked at once: a disk that is well costs nothing. */
bool ivx_catalogue_series_unread(struct ivx_catalogue *catalogue, int64_t series_id,
                                 int64_t *left_us_out, char note_out[IVX_NOTE_ROOM],
                                 struct ivx_err *err)
{
    struct hidden hidden = { 0 };
    struct ivx_err none = { 0 };
    if (!ivx_db_one(catalogue,
                    "SELECT u.next_us, u.note FROM instance i CROSS JOIN unread u"
                    " ON u.segment = i.segment AND u.offset = i.offset"
                    " WHERE EXISTS (SELECT 1 FROM unread) AND i.series_id = ?1 AND i.gone = 0"
                    " ORDER BY u.next_us LIMIT 1",
                    ARGS(I(series_id)), read_hidden, &hidden, &none)
        && none.code != IVX_ABSENT)
        return ivx_fail(err, none.code, "%s", none.text);
    const int64_t left_us = hidden.next_us - ivx_catalogue_now_us(catalogue);
    *left_us_out = none.code == IVX_ABSENT ? 0 : left_us > 1 ? left_us : 1;
    ivx_text_copy(note_out, IVX_NOTE_ROOM, hidden.note);
    return true;
}

static void read_row(sqlite3_stmt *statement, void *row)
{
    struct ivx_unread *out = row;
    out->segment = (uint64_t)NUMBER(statement, 0);
    out->offset = (uint64_t)NUMBER(statement, 1);
    out->attempts = NUMBER(statement, 2);
}

static void read_segment(sqlite3_stmt *statement, void *row)
{
    struct ivx_unread_segment *out = row;
    read_row(statement, &out->place);
    out->due = NUMBER(statement, 3) != 0;
}

bool ivx_catalogue_unread_due(struct ivx_catalogue *catalogue, int limit,
                              struct ivx_unread **rows_out, size_t *count_out,
                              struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT segment, offset, attempts FROM unread WHERE offset > 0"
                        " AND next_us <= ?1 ORDER BY next_us LIMIT ?2",
                        ARGS(I(ivx_catalogue_now_us(catalogue)), I(limit)),
                        sizeof(struct ivx_unread), read_row, &rows, count_out, err))
        return false;
    *rows_out = rows;
    return true;
}

bool ivx_catalogue_unread_segments(struct ivx_catalogue *catalogue,
                                   struct ivx_unread_segment **rows_out, size_t *count_out,
                                   struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT segment, offset, attempts, next_us <= ?1 FROM unread"
                        " WHERE offset = 0",
                        ARGS(I(ivx_catalogue_now_us(catalogue))),
                        sizeof(struct ivx_unread_segment), read_segment, &rows, count_out, err))
        return false;
    *rows_out = rows;
    return true;
}
