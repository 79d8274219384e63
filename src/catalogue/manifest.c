/* Manifests: what somebody has named of a series, and how much of that is here. */
#include "db.h"

#include "isovox/catalogue/manifest.h"

/* The requests that name an instance of the series ?1. */
#define REQUESTS                                                                         \
    "requests AS MATERIALIZED (SELECT DISTINCT m.commitment_id AS id FROM instance i"    \
    " JOIN commitment_item m ON m.sop_uid = i.sop_uid"                                   \
    " WHERE i.series_id = ?1 AND i.gone = 0)"

/* Older requests cannot name what came later: mostly there is nothing to look for. */
static bool any_since(struct ivx_catalogue *catalogue, int64_t series_id, bool *out,
                      struct ivx_err *err)
{
    int64_t since = 0;
    if (!ivx_db_number(catalogue,
                       "SELECT requested_us >= (SELECT first_us FROM series WHERE id = ?1)"
                       " FROM commitment ORDER BY id DESC LIMIT 1",
                       ARGS(I(series_id)), &since, NULL, err))
        return false;
    *out = since != 0;
    return true;
}

static void read_manifest(sqlite3_stmt *statement, void *row)
{
    struct ivx_manifest *out = row;
    out->here = NUMBER(statement, 0);
    out->missing = NUMBER(statement, 1);
}

/* A request does not say to which series what is missing belongs: to each of those that it
 * names something of, if the SOP class is one of the series'. */
bool ivx_catalogue_manifest(struct ivx_catalogue *catalogue, int64_t series_id,
                            struct ivx_manifest *out, struct ivx_err *err)
{
    bool any = false;
    *out = (struct ivx_manifest){ .by = IVX_MANIFEST_NONE };
    if (!any_since(catalogue, series_id, &any, err))
        return false;
    if (!any)
        return true;
    if (!ivx_db_one(catalogue,
                    "WITH " REQUESTS
                    " SELECT (SELECT count(*) FROM instance i WHERE i.series_id = ?1"
                    " AND i.gone = 0 AND EXISTS (SELECT 1 FROM commitment_item m"
                    " WHERE m.sop_uid = i.sop_uid)),"
                    " (SELECT count(DISTINCT m.sop_uid) FROM requests r"
                    " JOIN commitment_item m ON m.commitment_id = r.id"
                    " WHERE m.sop_class IN (SELECT DISTINCT sop_class FROM instance"
                    " WHERE series_id = ?1)"
                    " AND NOT EXISTS (SELECT 1 FROM instance h WHERE h.sop_uid = m.sop_uid))",
                    ARGS(I(series_id)), read_manifest, out, err))
        return false;
    if (out->here > 0)
        out->by = IVX_MANIFEST_COMMITMENT;
    return true;
}

static void read_steps(sqlite3_stmt *statement, void *row)
{
    struct ivx_manifest *out = row;
    const bool any = NUMBER(statement, 0) > 0;
    const bool open = NUMBER(statement, 1) > 0;
    const bool discontinued = NUMBER(statement, 2) > 0;
    *out = (struct ivx_manifest){
        .by = any ? IVX_MANIFEST_STEP : IVX_MANIFEST_NONE,
        .here = NUMBER(statement, 3),
        .missing = NUMBER(statement, 4),
        .step = !any || open   ? IVX_STEP_OPEN
                : discontinued ? IVX_STEP_DISCONTINUED
                               : IVX_STEP_COMPLETED,
    };
}

bool ivx_catalogue_manifest_of_steps(struct ivx_catalogue *catalogue, int64_t series_id,
                                     struct ivx_manifest *out, struct ivx_err *err)
{
    return ivx_db_one(
        catalogue,
        "WITH named AS MATERIALIZED (SELECT p.step_id, p.sop_uid FROM series s"
        " JOIN step_image p ON p.series_uid = s.series_uid WHERE s.id = ?1),"
        " steps AS MATERIALIZED (SELECT state FROM step"
        " WHERE id IN (SELECT step_id FROM named)),"
        " uids AS MATERIALIZED (SELECT DISTINCT sop_uid FROM named WHERE sop_uid <> '')"
        " SELECT (SELECT count(*) FROM steps),"
        " (SELECT count(*) FROM steps WHERE state = ?2),"
        " (SELECT count(*) FROM steps WHERE state = ?3),"
        " (SELECT count(*) FROM uids u WHERE EXISTS (SELECT 1 FROM instance i"
        " WHERE i.sop_uid = u.sop_uid AND i.series_id = ?1)),"
        " (SELECT count(*) FROM uids u WHERE NOT EXISTS (SELECT 1 FROM instance i"
        " WHERE i.sop_uid = u.sop_uid))",
        ARGS(I(series_id), I(IVX_STEP_OPEN), I(IVX_STEP_DISCONTINUED)), read_steps, out, err);
}
