/* The index of the journal. Doing it twice changes nothing: a record is known by its
 * place, an instance by its UID and digest. */
#include "db.h"

bool ivx_catalogue_index_begin(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    if (!ivx_db_work_begin(&work, catalogue, err))
        return false;
    work.catalogue = NULL; /* stays open until index_end */
    catalogue->grown = (struct ivx_totals){ 0 };
    catalogue->indexing = true;
    return true;
}

static bool must_index(const struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    return catalogue->indexing
           || ivx_fail(err, IVX_BUG, "catalogue: no index transaction is open");
}

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/* What is known of the UID: the id of its instance, whether the digest is the same, and
 * whether this very record is the one that was kept. */
struct known {
    int64_t series_id;
    bool found, same, this_record, gone;
};
static bool look_up(struct ivx_catalogue *catalogue, const struct ivx_arrival *arrival,
                    struct known *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_db_reset) sqlite3_stmt *row = NULL;
    *out = (struct known){ 0 };
    if (!ivx_db_query(catalogue,
                      "SELECT series_id, sha256 = ?2, segment = ?3 AND offset = ?4, gone"
                      " FROM instance WHERE sop_uid = ?1",
                      ARGS(T(arrival->sop_uid), T(arrival->sha256_hex),
                           I(arrival->segment), I(arrival->offset)),
                      &row, err)
        || !ivx_db_step(catalogue, row, &out->found, err))
        return false;
    if (out->found) {
        out->series_id = NUMBER(row, 0);
        out->same = NUMBER(row, 1) != 0;
        out->this_record = NUMBER(row, 2) != 0;
        out->gone = NUMBER(row, 3) != 0;
    }
    return true;
}

/* The series of an arrival, made when it is new. */
struct owner {
    int64_t id, instances, last_us, generation, station_id;
    enum ivx_series_state state;
};

static void read_owner(sqlite3_stmt *statement, void *row)
{
    struct owner *out = row;
    out->id = NUMBER(statement, 0);
    out->instances = NUMBER(statement, 1);
    out->last_us = NUMBER(statement, 2);
    out->generation = NUMBER(statement, 3);
    out->station_id = NUMBER(statement, 4);
    out->state = (enum ivx_series_state)NUMBER(statement, 5);
}

static bool find_owner(struct ivx_catalogue *catalogue, const struct ivx_arrival *arrival,
                       struct owner *out, struct ivx_err *err)
{
    return ivx_db_one(catalogue,
                      "SELECT id, instances, last_us, generation, station_id, state"
                      " FROM series WHERE series_uid = ?1",
                      ARGS(T(arrival->series_uid)), read_owner, out, err);
}

/* When an instance was received: not later than now, which is what a clock that was ahead says. A
 * series' row that says so is put right by the next one. */
static int64_t time_of(const struct ivx_catalogue *catalogue, const struct ivx_arrival *arrival)
{
    const int64_t now = ivx_now_us(catalogue);
    return arrival->received_us < now ? arrival->received_us : now;
}
#define LATER(column) column " = max(min(" column ", ?3), ?2)"

static bool series_of(struct ivx_catalogue *catalogue, const struct ivx_arrival *arrival,
                      struct owner *out, struct ivx_err *err)
{
    struct ivx_err absent = { 0 };
    int64_t station_id = 0;
    if (find_owner(catalogue, arrival, out, &absent))
        return true;
    if (absent.code != IVX_ABSENT)
        return ivx_fail(err, absent.code, "%s", absent.text);
    return ivx_station_of(catalogue, text_or_empty(arrival->calling_ae),
                          text_or_empty(arrival->station), &station_id, err)
           && ivx_db_run(catalogue,
                         "INSERT INTO series (series_uid, study_uid, modality, calling_ae,"
                         " state, first_us, last_us, station_id)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
                         ARGS(T(arrival->series_uid), T(text_or_empty(arrival->study_uid)),
                              T(text_or_empty(arrival->modality)),
                              T(text_or_empty(arrival->calling_ae)),
                              I(IVX_SERIES_RECEIVING), I(time_of(catalogue, arrival)),
                              I(station_id)),
                         err)
           && find_owner(catalogue, arrival, out, err);
}

/* The association brought (perhaps again) an instance of the series. */
static bool carry(struct ivx_catalogue *catalogue, int64_t series_id,
                  const struct ivx_arrival *arrival, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "INSERT INTO carried (series_id, association) VALUES (?1, ?2)"
                      " ON CONFLICT DO NOTHING",
                      ARGS(I(series_id), T(text_or_empty(arrival->association))), err);
}

static bool is_late(const struct owner *owner)
{
    return owner->generation > 0 && owner->state != IVX_SERIES_RECEIVING
           && owner->state != IVX_SERIES_WAITING;
}

/* What the arrival says about the series' completeness. */
static bool note_evidence(struct ivx_catalogue *catalogue, const struct owner *owner,
                          const struct ivx_arrival *arrival, struct ivx_err *err)
{
    const struct ivx_evidence late = { "late", "", "an instance came after this decision",
                                       owner->generation };
    if (is_late(owner)
        && !ivx_evidence_add(catalogue, owner->id, &late, arrival->received_us, err))
        return false;
    if (owner->instances > 0
        && !ivx_pause_count(catalogue, owner->station_id,
                            arrival->received_us - owner->last_us, err))
        return false;
    return ivx_announced_count(catalogue, owner->id, arrival, err);
}

static bool add_instance(struct ivx_catalogue *catalogue, int64_t series_id,
                         const struct ivx_arrival *arrival, struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "INSERT INTO instance (series_id, sop_uid, sha256, sop_class,"
                      " syntax, calling_ae, peer, association, received_us, segment,"
                      " offset, length)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                      ARGS(I(series_id), T(arrival->sop_uid), T(arrival->sha256_hex),
                           T(text_or_empty(arrival->sop_class)),
                           T(text_or_empty(arrival->syntax)),
                           T(text_or_empty(arrival->calling_ae)),
                           T(text_or_empty(arrival->peer)),
                           T(text_or_empty(arrival->association)), I(arrival->received_us),
                           I(arrival->segment), I(arrival->offset), I(arrival->length)),
                      err);
}

static bool keep(struct ivx_catalogue *catalogue, const struct ivx_arrival *arrival,
                 enum ivx_arrival_fate *fate_out, struct ivx_err *err)
{
    struct owner owner;
    if (!series_of(catalogue, arrival, &owner, err)
        || !note_evidence(catalogue, &owner, arrival, err)
        || !add_instance(catalogue, owner.id, arrival, err))
        return false;
    *fate_out = is_late(&owner) ? IVX_ARRIVAL_LATE : IVX_ARRIVAL_NEW;
    catalogue->grown.instances++;
    catalogue->grown.bytes += (int64_t)arrival->length;
    return ivx_db_run(catalogue,
                      "UPDATE series SET instances = instances + 1, bytes = bytes + ?5,"
                      " first_us = min(first_us, ?2), " LATER("last_us") ", "
                      LATER("new_us") ", " IVX_SERIES_TOUCH ","
                      " state = ?4, code = '', note = '' WHERE id = ?1",
                      ARGS(I(owner.id), I(time_of(catalogue, arrival)),
                           I(ivx_now_us(catalogue)), I(IVX_SERIES_RECEIVING),
                           I(arrival->length)),
                      err)
           && carry(catalogue, owner.id, arrival, err);
}

/* What was removed comes again: its row stays for the jobs that were made of it, under a
 * name that is no UID. */
static bool replace(struct ivx_catalogue *catalogue, int64_t series_id,
                    const struct ivx_arrival *arrival, enum ivx_arrival_fate *fate_out,
                    struct ivx_err *err)
{
    return ivx_db_run(catalogue,
                      "UPDATE instance SET gone = 2, sop_uid = sop_uid || '#' || id"
                      " WHERE sop_uid = ?1",
                      ARGS(T(arrival->sop_uid)), err)
           && ivx_db_run(catalogue, "UPDATE series SET gone = gone - 1 WHERE id = ?1",
                         ARGS(I(series_id)), err)
           && keep(catalogue, arrival, fate_out, err)
           && (catalogue->grown.instances--, true);
}

/* A sender that repeats what it had sent is still at it: an open series goes on waiting.
 */
static bool count_duplicate(struct ivx_catalogue *catalogue, int64_t series_id,
                            const struct ivx_arrival *arrival, struct ivx_err *err)
{
    catalogue->grown.duplicates++;
    return ivx_db_run(catalogue,
                      "UPDATE series SET duplicates = duplicates + 1, last_us = CASE WHEN"
                      " " IVX_SERIES_OPEN " THEN max(min(last_us, ?3), ?2) ELSE last_us END,"
                      " " IVX_SERIES_TOUCH " WHERE id = ?1",
                      ARGS(I(series_id), I(time_of(catalogue, arrival)),
                           I(ivx_now_us(catalogue))),
                      err)
           && carry(catalogue, series_id, arrival, err);
}

/* series_id 0: its series is not known. */
static bool set_aside(struct ivx_catalogue *catalogue, int64_t series_id,
                      const char *kind, const char *code, const char *note,
                      const struct ivx_arrival *arrival, int64_t *total,
                      struct ivx_err *err)
{
    int added = 0;
    if (!ivx_db_change(
            catalogue,
            "INSERT INTO aside (series_id, kind, sop_uid, sha256, sop_class, syntax, "
            "calling_ae,"
            " peer, association, received_us, segment, offset, length, code, note)"
            " VALUES (nullif(?1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
            " ?14, ?15) ON CONFLICT (segment, offset) DO NOTHING",
            ARGS(I(series_id), T(kind), T(text_or_empty(arrival->sop_uid)),
                 T(text_or_empty(arrival->sha256_hex)),
                 T(text_or_empty(arrival->sop_class)), T(text_or_empty(arrival->syntax)),
                 T(text_or_empty(arrival->calling_ae)), T(text_or_empty(arrival->peer)),
                 T(text_or_empty(arrival->association)), I(arrival->received_us),
                 I(arrival->segment), I(arrival->offset), I(arrival->length), T(code),
                 T(text_or_empty(note))),
            &added, err))
        return false;
    *total += added;
    return true;
}

/* Unreadable; perhaps its series is known all the same. */
static bool aside_unread(struct ivx_catalogue *catalogue,
                         const struct ivx_arrival *arrival, struct ivx_err *err)
{
    int64_t series_id = 0;
    if (arrival->series_uid != NULL && arrival->series_uid[0] != '\0'
        && !ivx_db_number(catalogue, "SELECT id FROM series WHERE series_uid = ?1",
                          ARGS(T(arrival->series_uid)), &series_id, NULL, err))
        return false;
    return set_aside(catalogue, series_id, "aside", arrival->aside_code,
                     arrival->aside_text, arrival, &catalogue->grown.aside, err);
}

bool ivx_catalogue_index_arrival(struct ivx_catalogue *catalogue,
                                 const struct ivx_arrival *arrival,
                                 enum ivx_arrival_fate *fate_out, struct ivx_err *err)
{
    struct known known;
    if (!must_index(catalogue, err))
        return false;
    if (arrival->aside_code != NULL) {
        *fate_out = IVX_ARRIVAL_ASIDE;
        return aside_unread(catalogue, arrival, err);
    }
    if (!look_up(catalogue, arrival, &known, err))
        return false;
    if (!known.found)
        return keep(catalogue, arrival, fate_out, err);
    if (known.gone && !known.this_record)
        return replace(catalogue, known.series_id, arrival, fate_out, err);
    if (known.same) {
        *fate_out = IVX_ARRIVAL_DUPLICATE;
        return known.this_record
               || count_duplicate(catalogue, known.series_id, arrival, err);
    }
    *fate_out = IVX_ARRIVAL_CONFLICT;
    return set_aside(catalogue, known.series_id, "conflict", "UID_CONFLICT",
                     "another content under a known SOP Instance UID", arrival,
                     &catalogue->grown.conflicts, err);
}

bool ivx_catalogue_index_ended(struct ivx_catalogue *catalogue, const char *association,
                               bool released, int64_t at_us, struct ivx_err *err)
{
    return must_index(catalogue, err)
           && ivx_db_run(
               catalogue,
               "INSERT INTO association (name, ended, ended_us) VALUES (?1, ?2, ?3)"
               " ON CONFLICT (name) DO UPDATE SET ended = ?2, ended_us = ?3",
               ARGS(T(association), I(released ? 1 : 2), I(at_us)), err)
           && ivx_db_run(catalogue,
                         "UPDATE series SET " IVX_SERIES_TOUCH " WHERE " IVX_SERIES_OPEN
                         " AND id IN (SELECT series_id FROM carried WHERE association = ?1)",
                         ARGS(T(association)), err);
}

bool ivx_catalogue_index_mark(struct ivx_catalogue *catalogue, uint64_t segment,
                              uint64_t offset, struct ivx_err *err)
{
    return must_index(catalogue, err)
           && ivx_db_run(catalogue,
                         "INSERT INTO mark (segment, offset) VALUES (?1, ?2)"
                         " ON CONFLICT (segment) DO UPDATE SET offset = max(offset, ?2)",
                         ARGS(I(segment), I(offset)), err);
}

static bool write_totals(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    const struct ivx_totals *grown = &catalogue->grown;
    return ivx_db_run(catalogue,
                      "UPDATE total SET instances = instances + ?1,"
                      " duplicates = duplicates + ?2, bytes = bytes + ?3,"
                      " conflicts = conflicts + ?4, aside = aside + ?5",
                      ARGS(I(grown->instances), I(grown->duplicates), I(grown->bytes),
                           I(grown->conflicts), I(grown->aside)),
                      err);
}

bool ivx_catalogue_index_end(struct ivx_catalogue *catalogue, struct ivx_err *err)
{
    if (!must_index(catalogue, err))
        return false;
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { catalogue };
    catalogue->indexing = false;
    return write_totals(catalogue, err) && ivx_db_work_commit(&work, err);
}

void ivx_catalogue_index_abandon(struct ivx_catalogue *catalogue)
{
    IVX_AUTO(ivx_db_work_end) struct ivx_db_work work = { 0 };
    if (catalogue->indexing)
        work.catalogue = catalogue;
    catalogue->indexing = false;
}

static void read_pair(sqlite3_stmt *statement, void *row)
{
    uint64_t *pair = row;
    pair[0] = (uint64_t)NUMBER(statement, 0);
    pair[1] = (uint64_t)NUMBER(statement, 1);
}

bool ivx_catalogue_marks(struct ivx_catalogue *catalogue, uint64_t (**pairs_out)[2],
                         size_t *count_out, struct ivx_err *err)
{
    void *rows = NULL;
    if (!ivx_db_collect(catalogue, "SELECT segment, offset FROM mark ORDER BY segment",
                        NO_ARGS, 2 * sizeof(uint64_t), read_pair, &rows, count_out, err))
        return false;
    *pairs_out = rows;
    return true;
}
