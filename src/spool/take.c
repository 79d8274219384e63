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

/* *clean_out: behind the last record there is nothing. A torn or damaged tail is never
 * repaired: the segment ends there. */
static bool find_tail(const struct ivx_segment *segment, uint64_t *tail_out,
                      bool *clean_out, struct ivx_err *err)
{
    uint64_t slot = IVX_FIRST_SLOT;
    enum ivx_slot_state state;
    for (;;) {
        struct ivx_record record;
        if (!ivx_segment_slot(segment, slot, &record, &state, err))
            return false;
        if (state != IVX_SLOT_RECORD)
            break;
        slot = ivx_slot_after(slot, record.length);
    }
    bool beyond = false;
    uint64_t next = slot + IVX_SLOT_ALIGN;
    if (!ivx_segment_search(segment, &next, &beyond, err))
        return false;
    *tail_out = slot;
    *clean_out = state == IVX_SLOT_EMPTY && !beyond;
    return true;
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

    bool locked = false, clean = false;
    if (!lock(&seg, &locked, err))
        return false;
    if (!locked)
        return true;
    if (!ivx_segment_read_pages(&seg, err))
        return false;
    if (memcmp(seg.page.boot, spool->boot, IVX_BOOT_SIZE) != 0) {
        ivx_segment_seal_data(&seg);
        return true;
    }
    if (!find_tail(&seg, tail_out, &clean, err))
        return false;
    if (!clean) {
        ivx_segment_report(spool, number, *tail_out);
        ivx_segment_seal_data(&seg);
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
