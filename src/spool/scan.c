/* Reading: hop over the headers after the mark, sync once, then verify and visit. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "segment.h"

struct reading {
    struct ivx_spool *spool;
    struct ivx_segment segment;
    ivx_spool_visit *visit;
    ivx_spool_trouble *trouble; /* may be NULL */
    void *context;
    bool stopped; /* the visitor wants no more */
};

/* A slot that is bad while a writer owns the segment is being written. */
static void report_unowned(struct reading *reading, uint64_t slot)
{
    if (flock(reading->segment.fd, LOCK_SH | LOCK_NB) == -1)
        return;
    ivx_segment_report(reading->spool, reading->segment.number, slot);
    flock(reading->segment.fd, LOCK_UN);
}

/* The record in *slot, or the next one behind damage: digests are keyed, so a header that
 * is found by searching is as good as one that is hopped to. An empty slot is the tail,
 * except in a segment that was sealed because of damage. */
static bool next_record(struct reading *reading, uint64_t *slot, struct ivx_record *out,
                        bool *found_out, struct ivx_err *err)
{
    enum ivx_slot_state state;
    if (!ivx_segment_slot(&reading->segment, *slot, out, &state, err))
        return false;
    *found_out = state == IVX_SLOT_RECORD;
    if (*found_out || (state == IVX_SLOT_EMPTY && !reading->segment.sealed))
        return true;

    const uint64_t damaged = *slot;
    if (state == IVX_SLOT_BAD)
        report_unowned(reading, damaged);
    *slot += IVX_SLOT_ALIGN;
    if (!ivx_segment_search(&reading->segment, slot, found_out, err))
        return false;
    if (!*found_out)
        return true;
    ivx_segment_report(reading->spool, reading->segment.number, damaged);
    return ivx_segment_slot(&reading->segment, *slot, out, &state, err);
}

/* Where the last record after `slot` ends; `slot` itself when there is none. */
static bool find_end(struct reading *reading, uint64_t slot, uint64_t *end_out,
                     struct ivx_err *err)
{
    struct ivx_record record;
    bool found = true;
    *end_out = slot;
    for (;;) {
        if (!next_record(reading, &slot, &record, &found, err))
            return false;
        if (!found)
            return true;
        slot = ivx_slot_after(slot, record.length);
        *end_out = slot;
    }
}

/* A record may be visible before its writer's sync has returned. What is visited must
 * outlive a power cut, so the reader syncs too. When that fails, pages that are only in
 * memory are dropped: the next scan sees what the disk has. */
static bool make_durable(struct reading *reading, struct ivx_err *err)
{
    if (ivx_fd_datasync(reading->segment.fd, reading->segment.name, err))
        return true;
    posix_fadvise(reading->segment.fd, 0, 0, POSIX_FADV_DONTNEED);
    return false;
}

/* A record whose payload is bad: the last one is a torn tail, or still being written;
 * one that others follow was damaged later, and hides nothing but itself. */
static bool verify(struct reading *reading, struct ivx_record *record, bool *good_out,
                   struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    if (ivx_segment_verify(&reading->segment, record, good_out, &why))
        return true;
    if (why.code != IVX_RETRY)
        return ivx_fail(err, why.code, "%s", why.text);
    record->unread = true;
    *good_out = true;
    return true;
}

static bool visit_records(struct reading *reading, uint64_t slot, uint64_t end,
                          struct ivx_err *err)
{
    while (slot < end) {
        struct ivx_record record;
        bool found = false, good = false;
        if (!next_record(reading, &slot, &record, &found, err))
            return false;
        if (!found)
            return true;
        if (!verify(reading, &record, &good, err))
            return false;

        const struct ivx_spool_mark after = { record.segment,
                                              ivx_slot_after(slot, record.length) };
        if (good && !reading->visit(reading->context, &record, &after, err)) {
            reading->stopped = true;
            return false;
        }
        if (!good && after.offset < end)
            ivx_segment_report(reading->spool, record.segment, slot);
        else if (!good)
            report_unowned(reading, slot);
        slot = after.offset;
    }
    return true;
}

static bool scan_segment(struct reading *reading, uint64_t number, uint64_t from,
                         struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    if (!ivx_segment_open(reading->spool, number, &reading->segment, &why)) {
        if (why.code == IVX_DAMAGED)
            ivx_segment_report(reading->spool, number, 0);
        if (why.code == IVX_DAMAGED || why.code == IVX_ABSENT)
            return true;
        return ivx_fail(err, why.code, "%s", why.text);
    }
    /* What lies before a header that cannot be read is as good as elsewhere. */
    uint64_t end = from;
    const bool read_on = find_end(reading, from, &end, &why);
    if (!read_on && why.code != IVX_RETRY)
        return ivx_fail(err, why.code, "%s", why.text);
    if (end > from
        && !(make_durable(reading, err) && visit_records(reading, from, end, err)))
        return false;
    return read_on || ivx_fail(err, why.code, "%s", why.text);
}

/* Sealed and visited to its end: most segments of a large spool, so they are not opened.
 */
static bool is_done(const struct ivx_spool *spool, uint64_t number, uint64_t from)
{
    char name[24];
    struct stat status;
    snprintf(name, sizeof name, "%016" PRIx64 ".seg", number);
    return fstatat(spool->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0
           && (status.st_mode & S_IWUSR) == 0 && from >= (uint64_t)status.st_size;
}

static int compare_marks(const void *left, const void *right)
{
    const struct ivx_spool_mark *a = left, *b = right;
    return a->segment < b->segment ? -1 : a->segment > b->segment;
}

static uint64_t start_of(uint64_t number, const struct ivx_spool_mark *sorted,
                         size_t count)
{
    const struct ivx_spool_mark wanted = { .segment = number };
    const struct ivx_spool_mark *mark =
        bsearch(&wanted, sorted, count, sizeof wanted, compare_marks);
    return mark == NULL ? IVX_FIRST_SLOT : mark->offset;
}

static bool scan_from(struct reading *reading, uint64_t number, uint64_t from,
                      struct ivx_err *err)
{
    if (from == IVX_SPOOL_LATER)
        return true;
    if (from % IVX_SLOT_ALIGN != 0 || from < IVX_FIRST_SLOT)
        return ivx_fail(err, IVX_BUG, "spool: a mark lies within a record");
    if (is_done(reading->spool, number, from))
        return true;
    const bool ok = scan_segment(reading, number, from, err);
    ivx_segment_close(&reading->segment);
    return ok;
}

/* What one segment has is no reason to leave the others. */
static bool scan_all(struct reading *reading, const uint64_t *numbers, size_t segments,
                     const struct ivx_spool_mark *sorted, size_t count, struct ivx_err *err)
{
    struct ivx_err first = { 0 };
    for (size_t n = 0; n < segments; n++) {
        struct ivx_err why = { 0 };
        if (scan_from(reading, numbers[n], start_of(numbers[n], sorted, count), &why))
            continue;
        if (reading->stopped || why.code != IVX_RETRY)
            return ivx_fail(err, why.code, "%s", why.text);
        if (reading->trouble != NULL
            && !reading->trouble(reading->context, numbers[n], &why, err))
            return false;
        if (reading->trouble == NULL && first.code == IVX_OK)
            first = why;
    }
    return first.code == IVX_OK || ivx_fail(err, first.code, "%s", first.text);
}

bool ivx_spool_scan(struct ivx_spool *spool, const struct ivx_spool_mark *marks,
                    size_t count, ivx_spool_visit *visit, void *context,
                    ivx_spool_trouble *trouble, struct ivx_err *err)
{
    struct reading reading = { .spool = spool, .segment = { .fd = -1 }, .visit = visit,
                               .trouble = trouble, .context = context };
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    IVX_AUTO(ivx_memory_free)
    struct ivx_spool_mark *sorted = calloc(count + 1, sizeof *sorted);
    size_t segments = 0;
    if (sorted == NULL)
        return ivx_fail(err, IVX_FULL, "spool: no memory");
    if (count > 0)
        memcpy(sorted, marks, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_marks);
    return ivx_spool_segments(spool, &numbers, &segments, err)
           && scan_all(&reading, numbers, segments, sorted, count, err);
}

bool ivx_spool_read_again(struct ivx_spool *spool, uint64_t segment, uint64_t offset,
                          struct ivx_record *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_segment_close) struct ivx_segment opened = { .fd = -1 };
    enum ivx_slot_state state;
    bool good = false;
    if (offset < IVX_FIRST_SLOT + IVX_HEADER_SIZE)
        return ivx_fail(err, IVX_BUG, "spool: no record can be there");
    if (!ivx_segment_open(spool, segment, &opened, err)
        || !ivx_segment_slot(&opened, offset - IVX_HEADER_SIZE, out, &state, err))
        return false;
    if (state != IVX_SLOT_RECORD)
        return ivx_fail(err, IVX_DAMAGED, "%s: there is no record any more", opened.name);
    return ivx_segment_verify(&opened, out, &good, err)
           && (good || ivx_fail(err, IVX_DAMAGED, "%s: a record is damaged", opened.name));
}
