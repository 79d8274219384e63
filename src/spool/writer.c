/* Appending: payload as it arrives, then end mark, then header, then one fdatasync. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/log.h"
#include "segment.h"

/* A block is what one pwrite takes; the last one carries the end mark, the padding and
 * the zeroed header of the next slot as well. A segment that is too short for the record
 * in hand grows by GROWTH at a time. */
enum { BLOCK = 1 << 18, TRAILER = IVX_END_SIZE + IVX_SLOT_ALIGN + IVX_HEADER_SIZE };
static const uint64_t growth = UINT64_C(16) << 20;

/* A preallocated page that was never written costs the sync a second flush, for the file
 * system's journal. So zeros are written ahead, and one record in many pays for the rest:
 * twice as many small instances per second, for twice the bytes. */
static const uint64_t zeros_ahead = UINT64_C(4) << 20;

enum stage { IDLE, OPEN, FAILED, POISONED };

struct ivx_spool_writer {
    struct ivx_spool *spool;
    struct ivx_segment segment;
    struct ivx_hash *hash;
    uint8_t *buffer;
    size_t used;     /* bytes in the buffer */
    uint64_t at;     /* where the buffer's first byte goes */
    uint64_t slot;   /* of the record in hand, or of the next one */
    uint64_t zeroed; /* before this offset every page was written once */
    enum stage stage;
    struct ivx_record record;
};

/* A segment that cannot be read is passed over: receiving goes on in another. */
static bool take_or_make(struct ivx_spool_writer *writer, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    if (!ivx_spool_segments(writer->spool, &numbers, &count, err))
        return false;
    for (size_t n = 0; n < count; n++) {
        struct ivx_err why = { 0 };
        bool taken = false;
        if (!ivx_segment_take(writer->spool, numbers[n], &writer->segment, &writer->slot,
                              &taken, &why))
            ivx_log(IVX_ERROR, "spool.take", "segment=%016" PRIx64 " reason=\"%s\"",
                    numbers[n], why.text);
        if (taken)
            return true;
    }
    writer->slot = IVX_FIRST_SLOT;
    return ivx_segment_create(writer->spool, &writer->segment, err);
}

static bool take_any(struct ivx_spool_writer *writer, struct ivx_err *err)
{
    if (!take_or_make(writer, err))
        return false;
    const off_t hole = lseek(writer->segment.fd, (off_t)writer->slot, SEEK_HOLE);
    writer->zeroed = hole == -1 ? writer->slot : (uint64_t)hole;
    return true;
}

bool ivx_spool_writer_new(struct ivx_spool *spool, struct ivx_spool_writer **out,
                          struct ivx_err *err)
{
    IVX_AUTO(ivx_spool_writer_free)
    struct ivx_spool_writer *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "spool: no memory");
    made->spool = spool;
    made->segment.fd = -1;
    made->buffer = malloc(BLOCK + TRAILER);
    if (made->buffer == NULL)
        return ivx_fail(err, IVX_FULL, "spool: no memory");
    if (!ivx_hash_new(&made->hash, err) || !take_any(made, err))
        return false;
    *out = IVX_STEAL(made);
    return true;
}

void ivx_spool_writer_free(struct ivx_spool_writer **writer)
{
    if (*writer == NULL)
        return;
    ivx_segment_close(&(*writer)->segment);
    ivx_hash_free(&(*writer)->hash);
    free((*writer)->buffer);
    free(*writer);
    *writer = NULL;
}

static bool failed(struct ivx_spool_writer *writer)
{
    writer->stage = FAILED;
    return false;
}

bool ivx_spool_begin(struct ivx_spool_writer *writer, const struct ivx_record *record,
                     struct ivx_err *err)
{
    if (writer->stage == POISONED)
        return ivx_fail(err, IVX_RETRY, "spool: %s is out of use after a failed sync",
                        writer->segment.name);
    if (writer->stage != IDLE)
        return ivx_fail(err, IVX_BUG, "spool: begin within a record");

    if (writer->segment.fd == -1
        || ivx_segment_is_full(writer->spool, &writer->segment, writer->slot)) {
        if (writer->segment.fd != -1)
            ivx_segment_seal(&writer->segment, writer->slot);
        ivx_segment_close(&writer->segment);
        if (!take_any(writer, err))
            return failed(writer);
    }
    uint8_t forget[IVX_SHA256_SIZE];
    ivx_hash_finish(writer->hash, forget);
    writer->record = *record;
    writer->record.segment = writer->segment.number;
    writer->record.offset = writer->slot + IVX_HEADER_SIZE;
    writer->record.length = 0;
    writer->at = writer->record.offset;
    writer->used = 0;
    writer->stage = OPEN;
    return true;
}

/* The file reaches at least to `end`. */
static bool make_room(struct ivx_segment *segment, uint64_t end, struct ivx_err *err)
{
    if (end <= segment->size)
        return true;
    const uint64_t least =
        (end - segment->size + IVX_SLOT_ALIGN - 1) / IVX_SLOT_ALIGN * IVX_SLOT_ALIGN;
    uint64_t more = least < growth ? growth : least;
    int failed = ivx_segment_allocate(segment, segment->size, more);
    if (failed == ENOSPC && more > least) {
        more = least;
        failed = ivx_segment_allocate(segment, segment->size, more);
    }
    if (failed != 0 && failed != EOPNOTSUPP) {
        if (ftruncate(segment->fd, (off_t)segment->size) == -1) /* a part may be left */
            ivx_log(IVX_WARNING, "spool.truncate", "segment=%s", segment->name);
        errno = failed;
        return ivx_fail_errno(err, "allocate", segment->name);
    }
    segment->size += more;
    return true;
}

/* Writeback of whole blocks starts at once, so that the sync finds little to do; not of
 * the first, whose page with the header is written again at the end. A hint: errors are
 * kept by the kernel for the fdatasync. */
static bool flush(struct ivx_spool_writer *writer, bool kick, struct ivx_err *err)
{
    const uint64_t end = writer->at + writer->used;
    if (!make_room(&writer->segment, end, err)
        || !ivx_fd_pwrite(writer->segment.fd, writer->buffer, writer->used, writer->at,
                          writer->segment.name, err))
        return false;
    if (kick && writer->at >= writer->slot + BLOCK)
        sync_file_range(writer->segment.fd, (off_t)writer->at, (off_t)writer->used,
                        SYNC_FILE_RANGE_WRITE);
    writer->at = end;
    writer->used = 0;
    return true;
}

bool ivx_spool_append(struct ivx_spool_writer *writer, const void *bytes, size_t length,
                      struct ivx_err *err)
{
    if (writer->stage != OPEN || writer->record.kind != IVX_RECORD_INSTANCE)
        return ivx_fail(err, IVX_BUG, "spool: append outside of a record");

    const uint8_t *next = bytes;
    while (length > 0) {
        /* Blocks end at multiples of BLOCK from the slot, so that pages are written once.
         */
        const uint64_t filled = writer->at + writer->used - writer->slot;
        const size_t room = (size_t)(BLOCK - filled % BLOCK);
        const size_t taken = length < room ? length : room;
        memcpy(writer->buffer + writer->used, next, taken);
        ivx_hash_add(writer->hash, next, taken);
        writer->used += taken;
        writer->record.length += taken;
        next += taken;
        length -= taken;
        if (taken == room && !flush(writer, true, err))
            return failed(writer);
    }
    return true;
}

/* End mark, zeros to the next slot, and a zeroed header there, as far as the file goes.
 */
static bool write_end(struct ivx_spool_writer *writer, uint64_t next, struct ivx_err *err)
{
    ivx_hash_finish(writer->hash, writer->record.sha256);
    ivx_end_encode(&writer->record, writer->slot, writer->segment.page.key,
                   writer->buffer + writer->used);
    const uint64_t end = writer->at + writer->used + IVX_END_SIZE;
    if (!make_room(&writer->segment, end, err))
        return false;

    size_t padding = (size_t)(next - end);
    if (next < writer->segment.size)
        padding += IVX_HEADER_SIZE;
    memset(writer->buffer + writer->used + IVX_END_SIZE, 0, padding);
    writer->used += IVX_END_SIZE + padding;
    return flush(writer, false, err);
}

/* Enough for another record like this one? Large ones do not notice the second flush. */
static bool write_ahead(struct ivx_spool_writer *writer, uint64_t next,
                        struct ivx_err *err)
{
    const uint64_t record = next - writer->slot;
    if (next + record <= writer->zeroed || record > zeros_ahead / 2)
        return true;
    uint64_t at = writer->zeroed < next ? next : writer->zeroed;
    uint64_t end = next + zeros_ahead;
    if (end > writer->segment.size)
        end = writer->segment.size;
    memset(writer->buffer, 0, BLOCK);
    for (uint64_t taken; at < end; at += taken) {
        taken = end - at < BLOCK ? end - at : BLOCK;
        if (!ivx_fd_pwrite(writer->segment.fd, writer->buffer, (size_t)taken, at,
                           writer->segment.name, err))
            return false;
        writer->zeroed = at + taken;
    }
    return true;
}

/* The header makes the record visible, so it comes last. */
static bool write_header(struct ivx_spool_writer *writer, struct ivx_err *err)
{
    uint8_t header[IVX_HEADER_SIZE];
    ivx_header_encode(&writer->record, writer->slot, writer->segment.page.key, header);
    return ivx_fd_pwrite(writer->segment.fd, header, sizeof header, writer->slot,
                         writer->segment.name, err);
}

/* The header was perhaps written, and what is on the disk is not known: the record is
 * hidden again, pages that are only in memory are dropped, and nobody appends any more.
 * All of this is best effort: what stays visible is a record that the peer sends again.
 */
static bool poison(struct ivx_spool_writer *writer)
{
    static const uint8_t zeros[IVX_HEADER_SIZE];
    writer->stage = POISONED;
    ivx_fd_pwrite(writer->segment.fd, zeros, sizeof zeros, writer->slot,
                  writer->segment.name, NULL);
    ivx_segment_seal(&writer->segment, writer->segment.size);
    posix_fadvise(writer->segment.fd, 0, 0, POSIX_FADV_DONTNEED);
    return false;
}

/* How an association ended is evidence, not data: when a power cut takes it, plan waits
 * for its quiet time instead. So it costs no flush of its own. */
static bool sync_record(struct ivx_spool_writer *writer, struct ivx_err *err)
{
    return writer->record.kind != IVX_RECORD_INSTANCE
           || ivx_fd_datasync(writer->segment.fd, writer->segment.name, err);
}

bool ivx_spool_commit(struct ivx_spool_writer *writer, struct ivx_record *record_out,
                      struct ivx_err *err)
{
    if (writer->stage != OPEN)
        return ivx_fail(err, IVX_BUG, "spool: commit without a record");

    const uint64_t next = ivx_slot_after(writer->slot, writer->record.length);
    if (!write_end(writer, next, err) || !write_ahead(writer, next, err))
        return failed(writer);
    if (!write_header(writer, err) || !sync_record(writer, err))
        return poison(writer);
    writer->slot = next;
    writer->stage = IDLE;
    if (record_out != NULL)
        *record_out = writer->record;
    return true;
}

void ivx_spool_abort(struct ivx_spool_writer *writer)
{
    if (writer->stage != POISONED)
        writer->stage = IDLE;
}
