/* The tables, as a list of scripts: script n brings a database from version n to n + 1.
 * A script that has been released is never changed; a change is a script of its own. */
#include "db.h"

#include <stdio.h>

/* Version 1. All times are microseconds since 1970, lease_us and (version 3) held_us since
 * boot; states are the enums of catalogue.h. */
static const char first[] =
    /* How far the journal has been indexed. */
    "CREATE TABLE mark ("
    " segment INTEGER PRIMARY KEY, offset INTEGER NOT NULL) STRICT;"
    /* ended: 1 released, 2 broken; an association without a row is open. */
    "CREATE TABLE association ("
    " name TEXT PRIMARY KEY, ended INTEGER NOT NULL, ended_us INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE series ("
    " id INTEGER PRIMARY KEY, series_uid TEXT NOT NULL UNIQUE, study_uid TEXT NOT NULL,"
    " modality TEXT NOT NULL, calling_ae TEXT NOT NULL, state INTEGER NOT NULL,"
    " generation INTEGER NOT NULL DEFAULT 0, instances INTEGER NOT NULL DEFAULT 0,"
    " bytes INTEGER NOT NULL DEFAULT 0, duplicates INTEGER NOT NULL DEFAULT 0,"
    " first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,"
    " decided_us INTEGER NOT NULL DEFAULT 0, forced INTEGER NOT NULL DEFAULT 0,"
    " code TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',"
    " warnings TEXT NOT NULL DEFAULT '[]') STRICT;"
    "CREATE INDEX series_by_state ON series (state, first_us);"
    "CREATE TABLE carried ("
    " series_id INTEGER NOT NULL REFERENCES series, association TEXT NOT NULL,"
    " PRIMARY KEY (series_id, association)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE instance ("
    " id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL REFERENCES series,"
    " sop_uid TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, sop_class TEXT NOT NULL,"
    " syntax TEXT NOT NULL, calling_ae TEXT NOT NULL, peer TEXT NOT NULL,"
    " association TEXT NOT NULL, received_us INTEGER NOT NULL,"
    " segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL) STRICT;"
    "CREATE INDEX instance_by_series ON instance (series_id, sop_uid);"
    /* kind: 'conflict' (known UID, other content) or 'aside' (unreadable). */
    "CREATE TABLE aside ("
    " id INTEGER PRIMARY KEY, series_id INTEGER REFERENCES series, kind TEXT NOT NULL,"
    " sop_uid TEXT NOT NULL, sha256 TEXT NOT NULL, sop_class TEXT NOT NULL,"
    " syntax TEXT NOT NULL, calling_ae TEXT NOT NULL, peer TEXT NOT NULL,"
    " association TEXT NOT NULL, received_us INTEGER NOT NULL,"
    " segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,"
    " code TEXT NOT NULL, note TEXT NOT NULL, UNIQUE (segment, offset)) STRICT;"
    "CREATE INDEX aside_by_series ON aside (series_id);"
    "CREATE TABLE evidence ("
    " id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL REFERENCES series,"
    " kind TEXT NOT NULL, text TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX evidence_by_series ON evidence (series_id);"
    "CREATE TABLE job ("
    " id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL REFERENCES series,"
    " key TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " recipe_name TEXT NOT NULL, recipe_json TEXT NOT NULL, route TEXT NOT NULL,"
    " volume TEXT NOT NULL, state INTEGER NOT NULL, superseded INTEGER NOT NULL DEFAULT "
    "0,"
    " attempts INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,"
    " owner TEXT NOT NULL DEFAULT '', lease_us INTEGER NOT NULL DEFAULT 0,"
    " next_us INTEGER NOT NULL, created_us INTEGER NOT NULL,"
    " started_us INTEGER NOT NULL DEFAULT 0, finished_us INTEGER NOT NULL DEFAULT 0,"
    " code TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',"
    " outbox_key TEXT NOT NULL DEFAULT '', derived_series_uid TEXT NOT NULL DEFAULT '',"
    " sop_class TEXT NOT NULL DEFAULT '', syntax TEXT NOT NULL DEFAULT '',"
    " outputs INTEGER NOT NULL DEFAULT 0, manifest TEXT, stages TEXT) STRICT;"
    "CREATE INDEX job_by_state ON job (state, priority DESC, next_us);"
    "CREATE INDEX job_by_series ON job (series_id, generation);"
    "CREATE TABLE job_instance ("
    " job_id INTEGER NOT NULL REFERENCES job, n INTEGER NOT NULL,"
    " instance_id INTEGER NOT NULL REFERENCES instance,"
    " PRIMARY KEY (job_id, n)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE job_destination ("
    " job_id INTEGER NOT NULL REFERENCES job, destination TEXT NOT NULL,"
    " PRIMARY KEY (job_id, destination)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE result ("
    " job_id INTEGER NOT NULL REFERENCES job, n INTEGER NOT NULL, sop_uid TEXT NOT NULL,"
    " file TEXT NOT NULL, PRIMARY KEY (job_id, n)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE delivery ("
    " id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL REFERENCES job,"
    " destination TEXT NOT NULL, state INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,"
    " owner TEXT NOT NULL DEFAULT '', lease_us INTEGER NOT NULL DEFAULT 0,"
    " next_us INTEGER NOT NULL, created_us INTEGER NOT NULL,"
    " finished_us INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0,"
    " last_status INTEGER NOT NULL DEFAULT -1, last_comment TEXT NOT NULL DEFAULT '',"
    " committed INTEGER NOT NULL DEFAULT 0, UNIQUE (job_id, destination)) STRICT;"
    "CREATE INDEX delivery_by_state ON delivery (state, destination, next_us);"
    /* One row per instance that was answered. */
    "CREATE TABLE answer ("
    " delivery_id INTEGER NOT NULL REFERENCES delivery, n INTEGER NOT NULL,"
    " status INTEGER NOT NULL, accepted INTEGER NOT NULL,"
    " PRIMARY KEY (delivery_id, n)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE role ("
    " name TEXT PRIMARY KEY, state TEXT NOT NULL, pid INTEGER NOT NULL,"
    " restarts INTEGER NOT NULL, since_us INTEGER NOT NULL, note TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;";

/* Version 2: what was removed after plan.keep stays as history. gone: 1 removed, 2 and
 * another has arrived in its place since. */
static const char second[] =
    "ALTER TABLE series ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE instance ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE aside ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN result_gone INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX instance_by_segment ON instance (segment) WHERE gone = 0;"
    "CREATE INDEX job_by_result ON job (result_gone, state, finished_us);";

/* Version 3: storage commitment, and destinations in trouble. */
static const char third[] =
    /* What senders ask of us. held_us: until then the association that asked reports. */
    "CREATE TABLE commitment ("
    " id INTEGER PRIMARY KEY, calling_ae TEXT NOT NULL, transaction_uid TEXT NOT NULL,"
    " called_ae TEXT NOT NULL, peer TEXT NOT NULL, association TEXT NOT NULL,"
    " state INTEGER NOT NULL, instances INTEGER NOT NULL,"
    " refused INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,"
    " requested_us INTEGER NOT NULL, judged_us INTEGER NOT NULL DEFAULT 0,"
    " reported_us INTEGER NOT NULL DEFAULT 0, held_us INTEGER NOT NULL DEFAULT 0,"
    " next_us INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '',"
    " UNIQUE (calling_ae, transaction_uid)) STRICT;"
    "CREATE INDEX commitment_by_state ON commitment (state, next_us);"
    "CREATE INDEX commitment_by_association ON commitment (association);"
    /* reason: -1 not judged yet, 0 committed, else Failure Reason (0008,1197). */
    "CREATE TABLE commitment_item ("
    " commitment_id INTEGER NOT NULL REFERENCES commitment, n INTEGER NOT NULL,"
    " sop_class TEXT NOT NULL, sop_uid TEXT NOT NULL, reason INTEGER NOT NULL DEFAULT -1,"
    " PRIMARY KEY (commitment_id, n)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX commitment_item_by_uid ON commitment_item (sop_uid);"
    "CREATE INDEX aside_by_uid ON aside (sop_uid);"
    "CREATE INDEX commitment_item_unjudged ON commitment_item (commitment_id, n)"
    " WHERE reason = -1;"
    /* Until then senders were promised that the series' instances are kept. */
    "ALTER TABLE series ADD COLUMN promised_us INTEGER NOT NULL DEFAULT 0;"
    /* What we ask of destinations. */
    "CREATE TABLE asked ("
    " transaction_uid TEXT PRIMARY KEY, delivery_id INTEGER NOT NULL REFERENCES delivery,"
    " asked_us INTEGER NOT NULL, answered_us INTEGER NOT NULL DEFAULT 0"
    ") STRICT, WITHOUT ROWID;"
    /* commitment: 0 not asked for, 1 awaited, 2 the peer has no such service. */
    "ALTER TABLE delivery ADD COLUMN commitment INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE answer ADD COLUMN committed INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE breaker ("
    " destination TEXT PRIMARY KEY, state INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " since_us INTEGER NOT NULL, next_us INTEGER NOT NULL, note TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;";

/* Version 4: evidence of completeness. announced: what instances say of their number, one row
 * per part of the series that they count (an acquisition, a concatenation). pause: how often a
 * sender was silent for at least half of 2^class ms and less than all of it. trust: how
 * often an announcement was right. why, limit_us: what an open series waits for, and how long
 * after its last instance. */
static const char fourth[] =
    "ALTER TABLE evidence ADD COLUMN source TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE evidence ADD COLUMN value INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE series ADD COLUMN station_id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE series ADD COLUMN why TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE series ADD COLUMN limit_us INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE announced ("
    " series_id INTEGER NOT NULL REFERENCES series, kind TEXT NOT NULL,"
    " part TEXT NOT NULL, least INTEGER NOT NULL, most INTEGER NOT NULL,"
    " held INTEGER NOT NULL, at_us INTEGER NOT NULL,"
    " PRIMARY KEY (series_id, kind, part)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE station ("
    " id INTEGER PRIMARY KEY, sender TEXT NOT NULL, name TEXT NOT NULL,"
    " UNIQUE (sender, name)) STRICT;"
    "CREATE TABLE pause ("
    " station_id INTEGER NOT NULL REFERENCES station, class INTEGER NOT NULL,"
    " pauses INTEGER NOT NULL, PRIMARY KEY (station_id, class)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE trust ("
    " station_id INTEGER NOT NULL REFERENCES station, kind TEXT NOT NULL,"
    " kept INTEGER NOT NULL, broken INTEGER NOT NULL,"
    " PRIMARY KEY (station_id, kind)) STRICT, WITHOUT ROWID;";

/* Version 5: what sources are asked about open series. state: enum ivx_inquiry_state; expected:
 * -1 not said; instances: how many were here when it was wanted; next_us: when it is due, 0:
 * it is not. news counts what manifests there are besides commitments. */
static const char fifth[] =
    "CREATE TABLE inquiry ("
    " series_id INTEGER PRIMARY KEY REFERENCES series, source TEXT NOT NULL,"
    " state INTEGER NOT NULL, instances INTEGER NOT NULL,"
    " expected INTEGER NOT NULL DEFAULT -1, attempts INTEGER NOT NULL DEFAULT 0,"
    " next_us INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX inquiry_due ON inquiry (source, next_us) WHERE next_us > 0;"
    "CREATE TABLE news (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL)"
    " STRICT;"
    "INSERT INTO news (id, number) VALUES (1, 0);";

/* Version 6: procedure steps that modalities perform. state: enum ivx_step_state. */
static const char sixth[] =
    "CREATE TABLE step ("
    " id INTEGER PRIMARY KEY, sop_uid TEXT NOT NULL UNIQUE, calling_ae TEXT NOT NULL,"
    " state INTEGER NOT NULL, changed_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX step_by_sender ON step (calling_ae);"
    "CREATE TABLE step_image ("
    " step_id INTEGER NOT NULL REFERENCES step, series_uid TEXT NOT NULL,"
    " sop_uid TEXT NOT NULL, PRIMARY KEY (step_id, series_uid, sop_uid)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX step_image_by_series ON step_image (series_uid, sop_uid);";

/* Version 7: why a destination did not commit. reason: of the first instance that the report
 * refused, 0: none, or no report yet. */
static const char seventh[] =
    "ALTER TABLE asked ADD COLUMN reason INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX asked_by_delivery ON asked (delivery_id);";

/* How many rows of a table are in each state, kept by triggers: whoever changes a state, in
 * whatever transaction, need not think of it. */
#define COUNTED(table)                                                                   \
    "INSERT INTO tally (what, state, rows)"                                              \
    " SELECT '" table "', state, count(*) FROM " table " GROUP BY state;"                \
    "CREATE TRIGGER " table "_made AFTER INSERT ON " table " BEGIN"                      \
    " INSERT INTO tally (what, state, rows) VALUES ('" table "', new.state, 1)"          \
    " ON CONFLICT DO UPDATE SET rows = rows + 1; END;"                                   \
    "CREATE TRIGGER " table "_gone AFTER DELETE ON " table " BEGIN"                      \
    " UPDATE tally SET rows = rows - 1 WHERE what = '" table "' AND state = old.state;"  \
    " END;"                                                                              \
    "CREATE TRIGGER " table "_moved AFTER UPDATE OF state ON " table                     \
    " WHEN old.state <> new.state BEGIN"                                                 \
    " UPDATE tally SET rows = rows - 1 WHERE what = '" table "' AND state = old.state;"  \
    " INSERT INTO tally (what, state, rows) VALUES ('" table "', new.state, 1)"          \
    " ON CONFLICT DO UPDATE SET rows = rows + 1; END;"

/* Version 8: what there is to do is found by an index, however much waits or is history.
 * due_us of an open series: when to look at it again; negative: something is new, and each thing
 * that is new makes it smaller by one (IVX_SERIES_TOUCH), so that whoever has looked knows
 * whether it saw the last. new_us: when an instance came last that was no repetition. priority
 * of a delivery: its job's. tally, total: what was counted row by row before. */
static const char eighth[] =
    "ALTER TABLE series ADD COLUMN due_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE series ADD COLUMN new_us INTEGER NOT NULL DEFAULT 0;"
    "UPDATE series SET new_us = last_us;"
    "CREATE INDEX series_due ON series (due_us) WHERE state IN (0, 1);"
    "CREATE INDEX carried_by_association ON carried (association);"
    "DROP TABLE news;"
    /* Records that a read error keeps out of the index: passed over by the mark, tried again. */
    "CREATE TABLE unread ("
    " segment INTEGER NOT NULL, offset INTEGER NOT NULL, since_us INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, next_us INTEGER NOT NULL, note TEXT NOT NULL,"
    " PRIMARY KEY (segment, offset)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX job_waiting ON job (created_us) WHERE state IN (0, 1, 3);"
    "ALTER TABLE delivery ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;"
    "UPDATE delivery SET priority = (SELECT priority FROM job WHERE id = job_id);"
    "CREATE INDEX delivery_next ON delivery (destination, state, priority DESC, next_us)"
    " WHERE state IN (0, 1, 4);"
    "CREATE INDEX delivery_awaited ON delivery (destination, next_us)"
    " WHERE state = 2 AND commitment = 1;"
    "CREATE INDEX delivery_waiting ON delivery (created_us)"
    " WHERE state IN (0, 1, 4) OR (state = 2 AND commitment = 1);"
    "CREATE INDEX delivery_backlog ON delivery (destination, created_us)"
    " WHERE state IN (0, 1, 4) OR (state = 2 AND commitment = 1);"
    "CREATE TABLE tally (what TEXT NOT NULL, state INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " PRIMARY KEY (what, state)) STRICT, WITHOUT ROWID;" COUNTED("series") COUNTED("job")
    COUNTED("delivery") COUNTED("commitment")
    "CREATE TABLE total ("
    " id INTEGER PRIMARY KEY CHECK (id = 1), instances INTEGER NOT NULL,"
    " duplicates INTEGER NOT NULL, bytes INTEGER NOT NULL, conflicts INTEGER NOT NULL,"
    " aside INTEGER NOT NULL, derived INTEGER NOT NULL) STRICT;"
    "INSERT INTO total (id, instances, duplicates, bytes, conflicts, aside, derived)"
    " SELECT 1, coalesce(sum(instances + gone), 0), coalesce(sum(duplicates), 0),"
    " coalesce(sum(bytes), 0), (SELECT count(*) FROM aside WHERE kind = 'conflict'),"
    " (SELECT count(*) FROM aside WHERE kind = 'aside'),"
    " (SELECT coalesce(sum(outputs), 0) FROM job WHERE state = 2) FROM series;"
    "CREATE TRIGGER job_derived AFTER UPDATE OF state, outputs ON job"
    " WHEN old.state = 2 OR new.state = 2 BEGIN"
    " UPDATE total SET derived = derived + (new.state = 2) * new.outputs"
    " - (old.state = 2) * old.outputs; END;";
_Static_assert(IVX_JOB_DONE == 2 && IVX_JOB_QUEUED == 0 && IVX_JOB_RUNNING == 1
                   && IVX_JOB_FAILED == 3,
               "version 8 has them as numbers");

/* Version 9: an instance that is forgotten looks for jobs of its own. */
static const char ninth[] =
    "CREATE INDEX job_instance_by_instance ON job_instance (instance_id);";

/* Version 10: clock.c. What is held since before is let go, as after a boot. */
static const char tenth[] =
    "CREATE TABLE clock ("
    " id INTEGER PRIMARY KEY CHECK (id = 1), boot TEXT NOT NULL, offset_us INTEGER NOT NULL,"
    " set_us INTEGER NOT NULL, late_us INTEGER NOT NULL) STRICT;"
    "INSERT INTO clock (id, boot, offset_us, set_us, late_us) VALUES (1, '', 0, 0, 0);";

static const char *const scripts[] = { first, second, third, fourth, fifth, sixth, seventh,
                                      eighth, ninth, tenth };
_Static_assert(IVX_COUNT(scripts) == IVX_CATALOGUE_VERSION, "one script per version");

static bool version_of(struct ivx_catalogue *catalogue, int64_t *out, struct ivx_err *err)
{
    if (!ivx_db_number(catalogue, "PRAGMA user_version", NO_ARGS, out, NULL, err))
        return false;
    if (*out > IVX_CATALOGUE_VERSION)
        return ivx_fail(err, IVX_REFUSED,
                        "catalogue: version %lld was written by a newer program; this one"
                        " reads up to %d",
                        (long long)*out, IVX_CATALOGUE_VERSION);
    return true;
}

/* One script and the new version number in one transaction; two processes that start at
 * the same time take turns, and the second finds the work done. */
static bool migrate_one(struct ivx_catalogue *catalogue, bool *more_out,
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    int64_t version = 0;
    if (!ivx_db_work_begin(&work, catalogue, err)
        || !version_of(catalogue, &version, err))
        return false;
    *more_out = version < IVX_CATALOGUE_VERSION;
    if (!*more_out)
        return true;

    char raise[48];
    snprintf(raise, sizeof raise, "PRAGMA user_version = %lld", (long long)version + 1);
    if (sqlite3_exec(catalogue->db, scripts[version], NULL, NULL, NULL) != SQLITE_OK
        || sqlite3_exec(catalogue->db, raise, NULL, NULL, NULL) != SQLITE_OK)
        return ivx_db_fail(catalogue, "migrate", err);
    return ivx_db_work_commit(&work, err);
}

bool ivx_schema_migrate(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    int64_t version = 0;
    if (!version_of(catalogue, &version, err))
        return false;
    bool more = version < IVX_CATALOGUE_VERSION;
    while (more)
        if (!migrate_one(catalogue, &more, err))
            return false;
    return true;
}

bool ivx_schema_check(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    int64_t version = 0;
    if (!version_of(catalogue, &version, err))
        return false;
    return version == IVX_CATALOGUE_VERSION
           || ivx_fail(err, IVX_RETRY, "catalogue: not made yet");
}
