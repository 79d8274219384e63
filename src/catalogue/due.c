/* Open series that are due: something about them is new, or their time has come. However many
 * wait, only those are looked at. */
#include "db.h"

static void read_id(sqlite3_stmt *statement, void *row)
{
    *(int64_t *)row = NUMBER(statement, 0);
}

bool ivx_catalogue_due(struct ivx_catalogue *catalogue, int64_t now_us, int64_t **ids_out,
                       size_t *count_out, struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT id FROM series INDEXED BY series_due WHERE " IVX_SERIES_OPEN
                        " AND due_us <= ?1 ORDER BY due_us",
                        ARGS(I(now_us)), sizeof(int64_t), read_id, &rows, count_out, err))
        return false;
    *ids_out = rows;
    return true;
}

bool ivx_catalogue_due_next(struct ivx_catalogue *catalogue, int64_t now_us, int64_t *out,
                            struct ivx_err *err)
{
    return ivx_db_number(catalogue,
                         "SELECT due_us FROM series INDEXED BY series_due WHERE "
                         IVX_SERIES_OPEN
                         " AND due_us > ?1 ORDER BY due_us LIMIT 1",
                         ARGS(I(now_us)), out, NULL, err);
}

bool ivx_catalogue_due_all(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    return ivx_db_work_begin(&work, catalogue, err)
           && ivx_db_run(catalogue,
                         "UPDATE series SET due_us = 0 WHERE " IVX_SERIES_OPEN
                         " AND due_us > 0",
                         NO_ARGS, err)
           && ivx_db_work_commit(&work, err);
}

/* What has been touched since it was read stays due. */
bool ivx_catalogue_series_why(struct ivx_catalogue *catalogue,
                              const struct ivx_waiting *waiting, size_t count,
                              struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    if (count == 0)
        return true;
    if (!ivx_db_work_begin(&work, catalogue, err))
        return false;
    for (size_t n = 0; n < count; n++)
        if (!ivx_db_run(catalogue,
                        "UPDATE series SET why = ?2, limit_us = ?3, due_us ="
                        " CASE WHEN due_us = ?4 THEN ?5 ELSE due_us END"
                        " WHERE id = ?1 AND " IVX_SERIES_OPEN,
                        ARGS(I(waiting[n].series_id), T(waiting[n].why),
                             I(waiting[n].limit_us), I(waiting[n].seen_us),
                             I(waiting[n].due_us)),
                        err))
            return false;
    return ivx_db_work_commit(&work, err);
}
