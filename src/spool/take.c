/* Taking over a segment: its tail is found by hopping from record to record. */
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
#include "isovox/sys/log.h"
#include "segment.h"

/* The first slot at or after `slot` that may hold data: what was preallocated and never
 * written is skipped. */
static uint64_t next_data(const struct ivx_segment *segment, uint64_t slot)
{
    const off_t data = lseek(segment->fd, (off_t)slot, SEEK_DATA);
    if (data == -1)
        return errno == ENXIO ? segment->size : slot;
    return (uint64_t)data / IVX_SLOT_ALIGN * IVX_SLOT_ALIGN;
}

/* Does any record of ours stand after `slot`? Then what is in `slot` is damage, and no
 * torn tail. */
static bool record_beyond(const struct ivx_segment *segment, uint64_t slot,
                          bool *found_out, struct ivx_err *err)
{
    *found_out = false;
    for (uint64_t at = next_data(segment, slot + IVX_SLOT_ALIGN); at < segment->size;
         at = next_data(segment, at + IVX_SLOT_ALIGN)) {
        struct ivx_record record;
        enum ivx_slot_state state;
        if (!ivx_segment_slot(segment, at, &record, &state, err))
            return false;
        if (state == IVX_SLOT_RECORD) {
            *found_out = true;
            return true;
        }
    }
    return true;
}

/* Only the last record can be torn: each commit waits for its sync before the next. */
static bool last_is_whole(const struct ivx_segment *segment, uint64_t last,
                          bool *whole_out, struct ivx_err *err)
{
    struct ivx_record record;
    enum ivx_slot_state state;
    if (!ivx_segment_slot(segment, last, &record, &state, err))
        return false;
    *whole_out = false;
    return state != IVX_SLOT_RECORD
           || ivx_segment_verify(segment, &record, whole_out, err);
}

static bool cut(struct ivx_segment *segment, uint64_t slot, struct ivx_err *err)
{
    static const uint8_t zeros[IVX_HEADER_SIZE];
    ivx_log(IVX_WARNING, "spool.torn", "segment=%s offset=%" PRIu64, segment->name, slot);
    if (!ivx_fd_pwrite(segment->fd, zeros, sizeof zeros, slot, segment->name, err))
        return false;
    return ivx_fd_datasync(segment->fd, segment->name, err);
}

/* *sound_out is false when there is damage that is no torn tail: committed records may
 * stand behind it, so nothing is cut and nothing appended. */
static bool find_tail(struct ivx_segment *segment, uint64_t *tail_out, bool *sound_out,
                      struct ivx_err *err)
{
    uint64_t slot = IVX_SLOT_ALIGN, last = 0;
    enum ivx_slot_state state;
    for (;;) {
        struct ivx_record record;
        if (!ivx_segment_slot(segment, slot, &record, &state, err))
            return false;
        if (state != IVX_SLOT_RECORD)
            break;
        last = slot;
        slot = ivx_slot_after(slot, record.length);
    }
    bool whole = true;
    if (state == IVX_SLOT_EMPTY && last != 0
        && !last_is_whole(segment, last, &whole, err))
        return false;

    *tail_out = whole ? slot : last;
    bool found = false;
    if (!record_beyond(segment, *tail_out, &found, err))
        return false;
    *sound_out = !found;
    if (found || (whole && state == IVX_SLOT_EMPTY))
        return true;
    return cut(segment, *tail_out, err);
}

/* Locked, still linked, not sealed? */
static bool lock(struct ivx_segment *segment, bool *locked_out, struct ivx_err *err)
{
    struct stat status;
    *locked_out = false;
    if (flock(segment->fd, LOCK_EX | LOCK_NB) == -1)
        return errno == EWOULDBLOCK || ivx_fail_errno(err, "lock", segment->name);
    if (fstat(segment->fd, &status) == -1)
        return ivx_fail_errno(err, "stat", segment->name);
    *locked_out = status.st_nlink > 0 && (status.st_mode & S_IWUSR) != 0;
    segment->size = (uint64_t)status.st_size;
    return true;
}

bool ivx_segment_is_full(const struct ivx_spool *spool, const struct ivx_segment *segment,
                         uint64_t slot)
{
    return slot >= segment->size || slot >= spool->segment_bytes;
}

bool ivx_segment_take(struct ivx_spool *spool, uint64_t number, struct ivx_segment *out,
                      uint64_t *tail_out, bool *taken_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_segment_close) struct ivx_segment seg = { .fd = -1, .number = number };
    struct stat status;
    snprintf(seg.name, sizeof seg.name, "%016" PRIx64 ".seg", number);
    *taken_out = false;
    if (fstatat(spool->directory, seg.name, &status, AT_SYMLINK_NOFOLLOW) == -1
        || (status.st_mode & S_IWUSR) == 0)
        return true;
    seg.fd = openat(spool->directory, seg.name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (seg.fd == -1)
        return errno == ENOENT || ivx_fail_errno(err, "open", seg.name);

    bool locked = false, sound = false;
    if (!lock(&seg, &locked, err))
        return false;
    if (!locked)
        return true;
    uint8_t page[IVX_SLOT_ALIGN];
    if (!ivx_fd_pread(seg.fd, page, sizeof page, 0, seg.name, err))
        return false;
    if (!ivx_page_decode(page, number, seg.key)) {
        ivx_segment_report(spool, number, 0);
        return true;
    }
    if (!find_tail(&seg, tail_out, &sound, err))
        return false;
    if (!sound) {
        ivx_segment_report(spool, number, *tail_out);
        ivx_segment_seal(&seg, 0);
        return true;
    }
    if (ivx_segment_is_full(spool, &seg, *tail_out)) {
        ivx_segment_seal(&seg, *tail_out);
        return true;
    }
    *out = seg;
    seg.fd = -1;
    *taken_out = true;
    return true;
}
