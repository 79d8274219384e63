/* Reading: hop over the headers after the mark, sync once, then verify and visit. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "segment.h"

struct reading {
    struct ivx_spool *spool;
    struct ivx_segment segment;
    ivx_spool_visit *visit;
    void *context;
};

/* A slot that is bad while a writer owns the segment is being written. */
static void report_unowned(struct reading *reading, uint64_t slot)
{
    if (flock(reading->segment.fd, LOCK_SH | LOCK_NB) == -1)
        return;
    ivx_segment_report(reading->spool, reading->segment.number, slot);
    flock(reading->segment.fd, LOCK_UN);
}

/* The end of what can be hopped over from `slot`. */
static bool find_end(struct reading *reading, uint64_t slot, uint64_t *end_out,
                     struct ivx_err *err)
{
    struct ivx_record record;
    enum ivx_slot_state state;
    for (;; slot = ivx_slot_after(slot, record.length)) {
        if (!ivx_segment_slot(&reading->segment, slot, &record, &state, err))
            return false;
        if (state != IVX_SLOT_RECORD)
            break;
    }
    if (state == IVX_SLOT_BAD)
        report_unowned(reading, slot);
    *end_out = slot;
    return true;
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

static bool visit_records(struct reading *reading, uint64_t slot, uint64_t end,
                          struct ivx_err *err)
{
    while (slot < end) {
        struct ivx_record record;
        enum ivx_slot_state state;
        bool good = false;
        if (!ivx_segment_slot(&reading->segment, slot, &record, &state, err))
            return false;
        if (state == IVX_SLOT_RECORD
            && !ivx_segment_verify(&reading->segment, &record, &good, err))
            return false;
        if (!good) {
            report_unowned(reading, slot);
            return true;
        }
        slot = ivx_slot_after(slot, record.length);
        const struct ivx_spool_mark after = { record.segment, slot };
        if (!reading->visit(reading->context, &record, &after, err))
            return false;
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
    uint64_t end = from;
    if (!find_end(reading, from, &end, err))
        return false;
    if (end == from)
        return true;
    return make_durable(reading, err) && visit_records(reading, from, end, err);
}

static uint64_t start_of(uint64_t number, const struct ivx_spool_mark *marks,
                         size_t count)
{
    for (size_t n = 0; n < count; n++)
        if (marks[n].segment == number)
            return marks[n].offset;
    return IVX_SLOT_ALIGN;
}

bool ivx_spool_scan(struct ivx_spool *spool, const struct ivx_spool_mark *marks,
                    size_t count, ivx_spool_visit *visit, void *context,
                    struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t segments = 0;
    if (!ivx_spool_segments(spool, &numbers, &segments, err))
        return false;
    for (size_t n = 0; n < segments; n++) {
        const uint64_t from = start_of(numbers[n], marks, count);
        if (from % IVX_SLOT_ALIGN != 0 || from == 0)
            return ivx_fail(err, IVX_BUG, "spool: a mark lies within a record");
        struct reading reading = {
            .spool = spool, .segment = { .fd = -1 }, .visit = visit, .context = context
        };
        const bool ok = scan_segment(&reading, numbers[n], from, err);
        ivx_segment_close(&reading.segment);
        if (!ok)
            return false;
    }
    return true;
}
