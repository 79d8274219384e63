/* Series that are open, and what is decided about them. */
#include "db.h"

bool ivx_catalogue_series_instances(struct ivx_catalogue *catalogue, int64_t series_id,
                                    struct ivx_instance_row **rows_out, size_t *count_out,
                                    struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue,
                        "SELECT id, sop_uid, sha256, calling_ae, segment, offset, length"
                        " FROM instance WHERE series_id = ?1 AND gone = 0 ORDER BY sop_uid",
                        ARGS(I(series_id)), sizeof(struct ivx_instance_row),
                        ivx_instance_row_read, &rows, count_out, err))
        return false;
    *rows_out = rows;
    return true;
}

bool ivx_catalogue_series_waits(struct ivx_catalogue *catalogue, int64_t series_id,
                                const char *code, const char *note, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int changed = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_change(catalogue,
                          "UPDATE series SET state = ?2, code = ?3, note = ?4"
                          " WHERE id = ?1 AND state IN (?5, ?2)",
                          ARGS(I(series_id), I(IVX_SERIES_WAITING), T(code), T(note),
                               I(IVX_SERIES_RECEIVING)),
                          &changed, err))
        return false;
    if (changed == 0)
        return ivx_fail(err, IVX_STALE, "series %lld is not open", (long long)series_id);
    return ivx_db_work_commit(&work, err);
}

bool ivx_catalogue_series_complete(struct ivx_catalogue *catalogue, int64_t series_id,
                                   struct ivx_err *err)
{
    const struct ivx_evidence order = { "operator", "", "complete by order", 0 };
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int64_t state = 0;
    bool found = false;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !ivx_db_number(catalogue, "SELECT state FROM series WHERE id = ?1",
                          ARGS(I(series_id)), &state, &found, err))
        return false;
    if (!found)
        return ivx_fail(err, IVX_ABSENT, "catalogue: no such series");
    if (state != IVX_SERIES_RECEIVING && state != IVX_SERIES_WAITING)
        return ivx_fail(err, IVX_REFUSED, "series %lld is decided already: %s",
                        (long long)series_id,
                        ivx_series_state_name((enum ivx_series_state)state));
    return ivx_db_run(catalogue, "UPDATE series SET forced = 1, " IVX_SERIES_TOUCH " WHERE id = ?1",
                      ARGS(I(series_id)), err)
           && ivx_evidence_add(catalogue, series_id, &order, ivx_now_us(catalogue), err)
           && ivx_db_work_commit(&work, err);
}
