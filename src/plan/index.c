/* index.c - the journal into the catalogue, in batches of one short transaction each:
 * headers are read before it begins. */
#include "counts.h"
#include "planner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

enum { BATCH = 256, BATCH_US = 200000, MARKS = 64 };

struct entry {
    struct ivx_record record;
    struct ivx_unread before;      /* attempts > 0: it could not be read before */
    bool over;                     /* there is nothing to read any more */
    bool lost;                     /* because it is damaged, or gone */
    char unread_text[240];         /* not empty: it cannot be read now */
    struct ivx_instance *instance; /* NULL: no instance, or it cannot be read */
    const char *aside_code;        /* NULL: it can */
    char aside_text[240];
    enum ivx_arrival_fate fate;    /* of an instance, once it is indexed */
};
struct batch {
    struct ivx_planner *planner;
    int64_t begun_us;
    size_t count, mark_count;
    int64_t images; /* whose records it holds */
    struct entry entry[BATCH];
    struct ivx_spool_mark mark[MARKS]; /* one per segment that was visited */
    struct ivx_unread_segment *unread; /* owned; those that are well again are due at the end */
    size_t unread_count;
};

static void batch_clear(struct batch *batch)
{
    for (size_t n = 0; n < batch->count; n++)
        ivx_instance_free(&batch->entry[n].instance);
    batch->count = 0;
    batch->mark_count = 0;
    batch->images = 0;
}

static void batch_free(struct batch **batch)
{
    if (*batch == NULL)
        return;
    batch_clear(*batch);
    free((*batch)->unread);
    free(*batch);
    *batch = NULL;
}

static void set_aside(struct entry *entry, enum ivx_reason reason, const char *text)
{
    entry->aside_code = ivx_reason_name(reason == IVX_REASON_NONE ? IVX_REASON_DAMAGED
                                                                  : reason);
    ivx_text_copy(entry->aside_text, sizeof entry->aside_text, text);
}

/* PS3.7 9.1.1: the command names the data set that follows it. */
static void check_identity(struct entry *entry)
{
    const struct ivx_instance *instance = entry->instance;
    const char *text = NULL;
    if (instance->series_uid[0] == '\0')
        text = "no Series Instance UID";
    else if (strcmp(instance->sop_class, entry->record.sop_class) != 0)
        text = "the data set is of another SOP class than was announced";
    else if (strcmp(instance->sop_uid, entry->record.sop_uid) != 0)
        text = "the data set is another instance than was announced";
    if (text == NULL)
        return;
    ivx_instance_free(&entry->instance);
    set_aside(entry, IVX_REASON_DAMAGED, text);
}

void ivx_plan_log_unread(const struct ivx_unread *place, const char *text)
{
    const int64_t seconds = ivx_unread_seconds(place->attempts);
    if (place->attempts == 0 || seconds > ivx_unread_seconds(place->attempts - 1))
        ivx_log(IVX_ERROR, place->offset == 0 ? "segment.unread" : "record.unread",
                "segment=%016" PRIx64 " offset=%" PRIu64 " again_s=%" PRId64 " text=\"%s\"",
                place->segment, place->offset, seconds, text);
}

static void log_read(const struct ivx_unread *place)
{
    ivx_log(IVX_INFO, place->offset == 0 ? "segment.read" : "record.read",
            "segment=%016" PRIx64 " offset=%" PRIu64 " text=\"it can be read again\"",
            place->segment, place->offset);
}

/* Of this record alone: others are read. */
static void leave_unread(struct entry *entry, const char *text)
{
    ivx_text_copy(entry->unread_text, sizeof entry->unread_text, text);
}

/* False only for what concerns every record: memory. */
static bool read_header(struct ivx_planner *planner, struct entry *entry, struct ivx_err *err)
{
    const struct ivx_record *record = &entry->record;
    char path[4096];
    if (!ivx_spool_path(planner->spool, record->segment, path, sizeof path, err))
        return false;
    if (!ivx_trying_begin(planner->trying, IVX_TRYING_RECORD, record->segment,
                          record->offset)) {
        set_aside(entry, IVX_REASON_DAMAGED, "reading it has ended the plan role twice");
        return true;
    }

    const struct ivx_blob blob = { path, record->offset, record->length };
    enum ivx_reason reason = IVX_REASON_NONE;
    struct ivx_err why = { 0 };
    const bool readable = ivx_instance_read(&blob, &entry->instance, &reason, &why);
    ivx_trying_end(planner->trying);
    if (readable) {
        check_identity(entry);
        return true;
    }
    if (why.code == IVX_FULL)
        return ivx_fail(err, why.code, "%s", why.text);
    if (why.code == IVX_RETRY)
        leave_unread(entry, why.text);
    else
        set_aside(entry, reason, why.text);
    return true;
}

/* When it is in the catalogue: what a full disk keeps out is repeated until it is. */
static void report(const struct entry *entry)
{
    const enum ivx_arrival_fate fate = entry->fate;
    const struct ivx_unread place = { entry->record.segment, entry->record.offset,
                                      entry->before.attempts };
    char uid[13], series[13];
    if (entry->unread_text[0] != '\0')
        ivx_plan_log_unread(&place, entry->unread_text);
    else if (place.attempts > 0 && !entry->lost)
        log_read(&place);
    ivx_log_uid(entry->record.sop_uid, uid);
    if (fate == IVX_ARRIVAL_ASIDE)
        ivx_log(IVX_WARNING, "instance.aside", "instance=%s code=%s text=\"%s\"", uid,
                entry->aside_code == NULL ? "" : entry->aside_code, entry->aside_text);
    if (fate == IVX_ARRIVAL_CONFLICT)
        ivx_log(IVX_WARNING, "instance.conflict",
                "instance=%s text=\"one SOP Instance UID, two contents: the first is used\"",
                uid);
    if (fate != IVX_ARRIVAL_LATE)
        return;
    ivx_log_uid(entry->instance->series_uid, series);
    ivx_log(IVX_WARNING, "series.late",
            "series=%s instance=%s text=\"after the decision: another revision follows\"",
            series, uid);
}

static bool index_entry(struct ivx_planner *planner, struct entry *entry, struct ivx_err *err)
{
    const struct ivx_record *record = &entry->record;
    const struct ivx_unread place = { record->segment, record->offset,
                                      entry->before.attempts };
    if (entry->unread_text[0] != '\0')
        return ivx_catalogue_index_unread(planner->catalogue, &place, entry->unread_text, err);
    if (entry->before.attempts > 0
        && !ivx_catalogue_index_read(planner->catalogue, &entry->before, err))
        return false;
    if (entry->over)
        return true;
    if (record->kind != IVX_RECORD_INSTANCE)
        return ivx_catalogue_index_ended(planner->catalogue, record->association,
                                         record->kind == IVX_RECORD_RELEASED,
                                         record->received_us, err);

    char digest[IVX_SHA256_HEX];
    ivx_text_hex(record->sha256, sizeof record->sha256, digest);
    const struct ivx_instance *instance = entry->instance;
    struct ivx_announced announced[IVX_PLAN_COUNTS];
    const struct ivx_arrival arrival = {
        .sop_uid = record->sop_uid,
        .sop_class = record->sop_class,
        .syntax = record->syntax,
        .series_uid = instance == NULL ? "" : instance->series_uid,
        .study_uid = instance == NULL ? "" : instance->study_uid,
        .modality = instance == NULL ? "" : instance->modality,
        .calling_ae = record->calling_ae,
        .station = instance == NULL ? "" : instance->station_name,
        .announced = announced,
        .announced_count = instance == NULL ? 0 : ivx_plan_announced(instance, announced),
        .peer = record->peer,
        .association = record->association,
        .sha256_hex = digest,
        .received_us = record->received_us,
        .segment = record->segment,
        .offset = record->offset,
        .length = record->length,
        .aside_code = entry->aside_code,
        .aside_text = entry->aside_code == NULL ? NULL : entry->aside_text,
    };
    return ivx_catalogue_index_arrival(planner->catalogue, &arrival, &entry->fate, err);
}

static bool index_batch(struct batch *batch, struct ivx_err *err)
{
    struct ivx_planner *planner = batch->planner;
    for (size_t n = 0; n < batch->count; n++)
        if (!index_entry(planner, &batch->entry[n], err))
            return false;
    for (size_t n = 0; n < batch->mark_count; n++)
        if (!ivx_catalogue_index_mark(planner->catalogue, batch->mark[n].segment,
                                      batch->mark[n].offset, err))
            return false;
    return ivx_catalogue_index_end(planner->catalogue, err);
}

static bool is_kept(enum ivx_arrival_fate fate)
{
    return fate == IVX_ARRIVAL_NEW || fate == IVX_ARRIVAL_LATE;
}

static bool flush(struct batch *batch, struct ivx_err *err)
{
    struct ivx_planner *planner = batch->planner;
    if (batch->count == 0)
        return true;
    if (!ivx_catalogue_index_begin(planner->catalogue, err))
        return false;
    if (!index_batch(batch, err)) {
        ivx_catalogue_index_abandon(planner->catalogue);
        return false;
    }

    for (size_t n = 0; n < batch->count; n++) {
        struct entry *entry = &batch->entry[n];
        report(entry);
        /* A repetition belongs to no series that would be decided and forget it. */
        if (entry->instance != NULL && is_kept(entry->fate))
            ivx_plan_cache_put(planner->cache, entry->record.segment, entry->record.offset,
                               IVX_STEAL(entry->instance));
    }
    batch_clear(batch);
    return true;
}

static void set_mark(struct batch *batch, const struct ivx_spool_mark *after)
{
    size_t n = 0;
    while (n < batch->mark_count && batch->mark[n].segment != after->segment)
        n++;
    batch->mark[n] = *after;
    if (n == batch->mark_count)
        batch->mark_count++;
}

/* The entry is the batch's last. */
static bool take(struct batch *batch, struct entry *entry, struct ivx_err *err)
{
    const bool is_instance = entry->record.kind == IVX_RECORD_INSTANCE;
    if (is_instance && !entry->record.unread && !entry->over
        && !read_header(batch->planner, entry, err)) {
        batch->count--;
        return false;
    }
    if (entry->instance != NULL)
        batch->images += 1 + (int64_t)entry->instance->frame_count;
    return true;
}

static bool flush_if_full(struct batch *batch, struct ivx_err *err)
{
    const bool full = batch->count == BATCH || batch->mark_count == MARKS
                      || batch->images >= IVX_PLAN_MOST_INSTANCES;
    if (full || ivx_clock_steady_us() - batch->begun_us > BATCH_US)
        return flush(batch, err);
    return true;
}

static struct entry *add(struct batch *batch, const struct ivx_record *record)
{
    if (batch->count == 0)
        batch->begun_us = ivx_clock_steady_us();
    struct entry *entry = &batch->entry[batch->count++];
    *entry = (struct entry){ .record = *record };
    return entry;
}

static bool visit(void *context, const struct ivx_record *record,
                  const struct ivx_spool_mark *after, struct ivx_err *err)
{
    struct batch *batch = context;
    struct entry *entry = add(batch, record);
    if (record->unread)
        leave_unread(entry, "its segment cannot be read there");
    if (!take(batch, entry, err))
        return false;
    set_mark(batch, after);
    return flush_if_full(batch, err);
}

/* What could not be read before, when it is due. */
static bool try_again(struct batch *batch, const struct ivx_unread *row, struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    struct ivx_record record = { .segment = row->segment, .offset = row->offset };
    const bool readable = ivx_spool_read_again(batch->planner->spool, row->segment,
                                               row->offset, &record, &why);
    struct entry *entry = add(batch, &record);
    entry->before = *row;
    entry->over = entry->lost = !readable
                                && (why.code == IVX_DAMAGED || why.code == IVX_ABSENT);
    if (entry->over)
        ivx_log(IVX_ERROR, "record.lost", "segment=%016" PRIx64 " offset=%" PRIu64
                " text=\"%s\"", row->segment, row->offset, why.text);
    else if (!readable) {
        entry->record.unread = true;
        leave_unread(entry, why.text);
    }
    return take(batch, entry, err) && flush_if_full(batch, err);
}

static bool try_those_again(struct batch *batch, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_unread *rows = NULL;
    size_t count = 0;
    if (!ivx_catalogue_unread_due(batch->planner->catalogue, BATCH, &rows, &count, err))
        return false;
    for (size_t n = 0; n < count; n++)
        if (!try_again(batch, &rows[n], err))
            return false;
    return true;
}

/* Of the rest of this segment: the others are read. */
static bool cannot_read_on(void *context, uint64_t segment, const struct ivx_err *why,
                           struct ivx_err *err)
{
    struct batch *batch = context;
    const struct ivx_record record = { .segment = segment, .unread = true };
    struct entry *entry = add(batch, &record);
    for (size_t n = 0; n < batch->unread_count; n++)
        if (batch->unread[n].place.segment == segment) {
            entry->before = batch->unread[n].place;
            batch->unread[n].due = false;
        }
    leave_unread(entry, why->text);
    return flush_if_full(batch, err);
}

static bool forget_those_that_are_well(struct batch *batch, struct ivx_err *err)
{
    for (size_t n = 0; n < batch->unread_count; n++) {
        const struct ivx_unread *place = &batch->unread[n].place;
        if (!batch->unread[n].due)
            continue;
        const struct ivx_record record = { .segment = place->segment };
        struct entry *entry = add(batch, &record);
        entry->before = *place;
        entry->over = true;
        if (!flush_if_full(batch, err))
            return false;
    }
    return true;
}

static bool has_mark(const struct ivx_spool_mark *marks, size_t count, uint64_t segment)
{
    for (size_t n = 0; n < count; n++)
        if (marks[n].segment == segment)
            return true;
    return false;
}

/* Where to read on: at the marks, except for segments that are left alone for a while. The
 * caller frees. */
static bool where_to_begin(struct batch *batch, struct ivx_spool_mark **out, size_t *count_out,
                           struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) uint64_t (*pairs)[2] = NULL;
    size_t count = 0, unread = 0;
    struct ivx_catalogue *catalogue = batch->planner->catalogue;
    if (!ivx_catalogue_marks(catalogue, &pairs, &count, err)
        || !ivx_catalogue_unread_segments(catalogue, &batch->unread, &batch->unread_count, err))
        return false;
    struct ivx_spool_mark *marks = calloc(count + batch->unread_count + 1, sizeof *marks);
    if (marks == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for %zu marks", count);

    for (size_t n = 0; n < batch->unread_count; n++)
        if (!batch->unread[n].due)
            marks[unread++] = (struct ivx_spool_mark){ batch->unread[n].place.segment,
                                                       IVX_SPOOL_LATER };
    *count_out = unread;
    for (size_t n = 0; n < count; n++)
        if (!has_mark(marks, unread, pairs[n][0]))
            marks[(*count_out)++] = (struct ivx_spool_mark){ pairs[n][0], pairs[n][1] };
    *out = marks;
    return true;
}

bool ivx_plan_index(struct ivx_planner *planner, struct ivx_err *err)
{
    IVX_AUTO(batch_free) struct batch *batch = calloc(1, sizeof *batch);
    IVX_AUTO(ivx_memory_free) struct ivx_spool_mark *marks = NULL;
    size_t count = 0;
    if (batch == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for a batch");
    batch->planner = planner;
    if (!where_to_begin(batch, &marks, &count, err))
        return false;
    if (try_those_again(batch, err)
        && ivx_spool_scan(planner->spool, marks, count, visit, batch, cannot_read_on, err)
        && forget_those_that_are_well(batch, err))
        return flush(batch, err);
    /* What was read before the failure counts; the failure is what is reported. */
    flush(batch, NULL);
    return false;
}
