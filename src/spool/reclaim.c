/* Deleting a segment. The danger is a record that nobody has read yet: whoever finds the
 * segment unowned may take it and append. So it is locked first, and then looked at. */
#include <errno.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "segment.h"

static bool lock(const struct ivx_segment *segment, struct ivx_err *err)
{
    struct stat status;
    if (flock(segment->fd, LOCK_EX | LOCK_NB) == -1)
        return ivx_fail(err, IVX_RETRY, "%s is being written", segment->name);
    if (fstat(segment->fd, &status) == -1)
        return ivx_fail_errno(err, "stat", segment->name);
    return status.st_nlink > 0
           || ivx_fail(err, IVX_ABSENT, "%s is gone already", segment->name);
}

static bool check_read(struct ivx_segment *segment, uint64_t offset, struct ivx_err *err)
{
    struct stat status;
    bool found = false;
    if (fstat(segment->fd, &status) == -1)
        return ivx_fail_errno(err, "stat", segment->name);
    segment->size = (uint64_t)status.st_size; /* it may have grown before the lock */
    if (!ivx_segment_search(segment, &offset, &found, err))
        return false;
    return !found
           || ivx_fail(err, IVX_RETRY, "%s has a record at %" PRIu64 " that is not read",
                       segment->name, offset);
}

bool ivx_spool_reclaim(struct ivx_spool *spool, const struct ivx_spool_mark *mark,
                       ivx_spool_agree *agree, void *context, struct ivx_err *err)
{
    IVX_AUTO(ivx_segment_close) struct ivx_segment segment = { .fd = -1 };
    if (mark->offset % IVX_SLOT_ALIGN != 0 || mark->offset < IVX_FIRST_SLOT)
        return ivx_fail(err, IVX_BUG, "spool: a mark lies within a record");
    if (!ivx_segment_open(spool, mark->segment, &segment, err) || !lock(&segment, err)
        || !check_read(&segment, mark->offset, err)
        || (agree != NULL && !agree(context, err)))
        return false;
    if (unlinkat(spool->directory, segment.name, 0) == -1)
        return ivx_fail_errno(err, "remove", segment.name);
    return ivx_fd_sync(spool->directory, spool->path, err);
}
