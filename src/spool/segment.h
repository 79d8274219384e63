/* segment.h - one segment file: made, owned, hopped over, verified, cut, sealed. */
#ifndef IVX_SPOOL_SEGMENT_H
#define IVX_SPOOL_SEGMENT_H

#include <limits.h>

#include "format.h"

enum { IVX_SPOOL_REPORTED = 16 };

struct ivx_spool {
    int directory;
    uint64_t segment_bytes; /* preallocated; a multiple of IVX_SLOT_ALIGN */
    uint64_t reported[IVX_SPOOL_REPORTED]; /* damaged segments that have been logged */
    unsigned reported_count;
    char path[PATH_MAX];
};

/* For tests: segments of another size than 64 MiB. */
void ivx_spool_tune(struct ivx_spool *spool, uint64_t segment_bytes);

/* An open segment. Starts as { .fd = -1 }; closing gives up the lock as well. */
struct ivx_segment {
    int fd;
    uint64_t number;
    uint64_t size; /* of the file */
    uint8_t key[IVX_KEY_SIZE];
    char name[24]; /* "00061b...c4.seg" */
};
void ivx_segment_close(struct ivx_segment *segment);

/* Makes a segment, durable and locked, with a number larger than all others. */
bool ivx_segment_create(struct ivx_spool *spool, struct ivx_segment *out,
                        struct ivx_err *err);
/* Opens and locks a segment that nobody owns and that is not sealed; finds its tail and
 * cuts a torn one. *taken_out is false, without an error, when it is not to be had. */
bool ivx_segment_take(struct ivx_spool *spool, uint64_t number, struct ivx_segment *out,
                      uint64_t *tail_out, bool *taken_out, struct ivx_err *err);
/* Does no record begin at `slot` any more? One record may grow a segment; none follows
 * it. */
bool ivx_segment_is_full(const struct ivx_spool *spool, const struct ivx_segment *segment,
                         uint64_t slot);
/* For reading, no lock. IVX_ABSENT when it is gone, IVX_DAMAGED when page 0 is not ours.
 */
bool ivx_segment_open(struct ivx_spool *spool, uint64_t number, struct ivx_segment *out,
                      struct ivx_err *err);

/* What stands in a slot? IVX_SLOT_EMPTY beyond the end of the file. */
bool ivx_segment_slot(const struct ivx_segment *segment, uint64_t slot,
                      struct ivx_record *out, enum ivx_slot_state *state_out,
                      struct ivx_err *err);
/* Payload and end mark are those that the header announced? */
bool ivx_segment_verify(const struct ivx_segment *segment,
                        const struct ivx_record *record, bool *good_out,
                        struct ivx_err *err);

/* Nobody appends to this segment any more. Best effort and not synced: whoever takes it
 * all the same finds its true tail. `tail` > 0: what is preallocated beyond is given
 * back. */
void ivx_segment_seal(struct ivx_segment *segment, uint64_t tail);

/* Logs damage once per process. */
void ivx_segment_report(struct ivx_spool *spool, uint64_t number, uint64_t slot);

#endif
