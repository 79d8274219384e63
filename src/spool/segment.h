/* segment.h - one segment file: made, owned, hopped over, verified, cut, sealed. */
#ifndef IVX_SPOOL_SEGMENT_H
#define IVX_SPOOL_SEGMENT_H

#include <limits.h>

#include "format.h"

enum { IVX_SPOOL_REPORTED = 16 };

struct ivx_spool {
    int directory;
    uint64_t segment_bytes; /* preallocated; a multiple of IVX_SLOT_ALIGN */
    struct ivx_spool_mark reported[IVX_SPOOL_REPORTED]; /* damage that has been logged */
    unsigned reported_count;
    uint8_t boot[IVX_BOOT_SIZE]; /* of this machine's kernel */
    char path[PATH_MAX];
};

/* For tests: segments of another size than 64 MiB. */
void ivx_spool_tune(struct ivx_spool *spool, uint64_t segment_bytes);

/* An open segment. Starts as { .fd = -1 }; closing gives up the lock as well. */
struct ivx_segment {
    int fd;
    uint64_t number;
    uint64_t size; /* of the file */
    bool sealed;   /* nobody appends any more; known after ivx_segment_open() */
    struct ivx_page page;
    char name[24]; /* "00061b...c4.seg" */
};
void ivx_segment_close(struct ivx_segment *segment);

/* Makes a segment, durable and locked, with a number larger than all others. */
bool ivx_segment_create(struct ivx_spool *spool, struct ivx_segment *out,
                        struct ivx_err *err);
/* Opens and locks a segment that nobody owns, and finds its tail. Only what this boot has
 * made is appended to: the page cache knows its true tail. After a restart of the machine
 * the tail may lie before what a reader has seen, if the disk did not keep its promise,
 * and what is appended there would never be visited. Such a segment is sealed, and so is
 * one whose tail is torn or damaged. *taken_out is false when it is not to be had. */
bool ivx_segment_take(struct ivx_spool *spool, uint64_t number, struct ivx_segment *out,
                      uint64_t *tail_out, bool *taken_out, struct ivx_err *err);
/* Does no record begin at `slot` any more? One record may grow a segment; none follows
 * it. */
bool ivx_segment_is_full(const struct ivx_spool *spool, const struct ivx_segment *segment,
                         uint64_t slot);
/* For reading, no lock. IVX_ABSENT when it is gone, IVX_DAMAGED when its
 * first pages are not ours.
 */
bool ivx_segment_open(struct ivx_spool *spool, uint64_t number, struct ivx_segment *out,
                      struct ivx_err *err);

/* Preallocates [from, from + bytes). 0 or an errno; ENOSPC also when the disk would be
 * left with less than the catalogue and the outbox need. */
int ivx_segment_allocate(struct ivx_segment *segment, uint64_t from, uint64_t bytes);

/* Finds the key. IVX_DAMAGED when both copies of the page are not ours. */
bool ivx_segment_read_pages(struct ivx_segment *segment, struct ivx_err *err);

/* What stands in a slot? IVX_SLOT_EMPTY beyond the end of the file. */
bool ivx_segment_slot(const struct ivx_segment *segment, uint64_t slot,
                      struct ivx_record *out, enum ivx_slot_state *state_out,
                      struct ivx_err *err);
/* The next whole header at or after *slot: how a reader gets past damage, and how a
 * writer knows that it is no torn tail. *slot is moved there when there is one. */
bool ivx_segment_search(const struct ivx_segment *segment, uint64_t *slot,
                        bool *found_out, struct ivx_err *err);
/* Payload and end mark are those that the header announced? */
bool ivx_segment_verify(const struct ivx_segment *segment,
                        const struct ivx_record *record, bool *good_out,
                        struct ivx_err *err);

/* Nobody appends to this segment any more; what lies beyond `end` is given back. Best
 * effort and not synced: whoever finds it unsealed seals it again. */
void ivx_segment_seal(struct ivx_segment *segment, uint64_t end);
/* The same, keeping all that was ever written. */
void ivx_segment_seal_data(struct ivx_segment *segment);

/* Logs damage, once per process and place. */
void ivx_segment_report(struct ivx_spool *spool, uint64_t number, uint64_t slot);

#endif
