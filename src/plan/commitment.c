/* commitment.c - storage commitment is promised for what is on the disk: each record is read
 * again, flushed, and compared with the digest that it was received with. */
#include "planner.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/commitment.h"
#include "isovox/dicom/scp.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"
#include "isovox/sys/wake.h"

/* Series are decided between two turns: none may take long. */
enum { BATCH = 512, TURN_US = 300000, PIECE = 1 << 18 };

/* The segment that is being read; items of one series mostly lie in few. */
struct reading {
    struct ivx_planner *planner;
    uint64_t segment;
    int fd;
    struct ivx_hash *hash;
    uint8_t *piece;
};

static void reading_end(struct reading *reading)
{
    ivx_fd_close(&reading->fd);
    ivx_hash_free(&reading->hash);
    ivx_memory_free(&reading->piece);
}

static bool open_segment(struct reading *reading, uint64_t segment, struct ivx_err *err)
{
    char path[4096];
    if (reading->fd != -1 && reading->segment == segment)
        return true;
    ivx_fd_close(&reading->fd);
    if (!ivx_spool_path(reading->planner->spool, segment, path, sizeof path, err))
        return false;
    reading->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (reading->fd == -1)
        return ivx_fail_errno(err, "open", path);
    reading->segment = segment;
    return ivx_fd_datasync(reading->fd, path, err);
}

static bool is_intact(struct reading *reading, const struct ivx_commitment_check *row,
                      struct ivx_err *err)
{
    uint8_t digest[IVX_SHA256_SIZE];
    char hex[IVX_SHA256_HEX];
    if (!open_segment(reading, row->segment, err))
        return false;
    for (uint64_t at = 0; at < row->length;) {
        const size_t size = row->length - at < PIECE ? (size_t)(row->length - at) : PIECE;
        if (!ivx_fd_pread(reading->fd, reading->piece, size, row->offset + at, "segment", err))
            return false;
        ivx_hash_add(reading->hash, reading->piece, size);
        at += size;
    }
    ivx_hash_finish(reading->hash, digest);
    ivx_text_hex(digest, sizeof digest, hex);
    return strcmp(hex, row->sha256_hex) == 0
           || ivx_fail(err, IVX_DAMAGED, "its record is not what was received");
}

static void judge(struct reading *reading, struct ivx_commitment_check *row)
{
    struct ivx_err why = { 0 };
    if (row->reason == IVX_FAILURE_NO_INSTANCE && !ivx_scp_stores(row->sop_class))
        row->reason = IVX_FAILURE_CLASS_UNSUPPORTED;
    if (row->reason != IVX_COMMITTED || is_intact(reading, row, &why))
        return;
    row->reason = IVX_FAILURE_PROCESSING;
    ivx_hash_free(&reading->hash);
    ivx_hash_new(&reading->hash, NULL);
    ivx_log(IVX_ERROR, "commitment.damaged", "segment=%016llx offset=%llu text=\"%s\"",
            (unsigned long long)row->segment, (unsigned long long)row->offset, why.text);
}

static bool judge_batch(struct reading *reading, int64_t newest, bool *more_out,
                        struct ivx_err *err)
{
    struct ivx_planner *planner = reading->planner;
    IVX_AUTO(ivx_memory_free) struct ivx_commitment_check *rows = NULL;
    size_t count = 0, judged = 0;
    if (!ivx_catalogue_commitment_unjudged(planner->catalogue, newest, BATCH, &rows, &count,
                                           err))
        return false;
    const int64_t start = ivx_clock_steady_us();
    while (judged < count && ivx_clock_steady_us() - start < TURN_US) {
        if (reading->hash == NULL && !ivx_hash_new(&reading->hash, err))
            return false;
        judge(reading, &rows[judged++]);
    }
    *more_out = judged < count || count == BATCH;
    return ivx_catalogue_commitment_judge(planner->catalogue, rows, judged,
                                          planner->config->plan.keep_committed, err);
}

bool ivx_plan_commitments(struct ivx_planner *planner, int64_t newest, bool *more_out,
                          struct ivx_err *err)
{
    *more_out = false;
    if (newest == 0)
        return true;
    IVX_AUTO(reading_end) struct reading reading = { .planner = planner, .fd = -1 };
    reading.piece = malloc(PIECE);
    if (reading.piece == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for a piece of a segment");
    const int64_t start = ivx_clock_steady_us();
    *more_out = true;
    while (*more_out && ivx_clock_steady_us() - start < TURN_US)
        if (!judge_batch(&reading, newest, more_out, err))
            return false;
    ivx_wake_send(planner->config->state_dir, "deliver");
    return true;
}
