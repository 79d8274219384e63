/* spool.h - the journal of received instances. See docs/DESIGN 1 and src/spool/README.
 *
 * Segment files state_dir/spool/<16 hex digits>.seg hold self-describing, checksummed
 * records one after another. A writer owns one segment at a time (flock); readers need no
 * lock. The only ordering point is one fdatasync per record, in ivx_spool_commit(). */
#ifndef IVX_SPOOL_SPOOL_H
#define IVX_SPOOL_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"
#include "isovox/sys/file.h"
#include "isovox/sys/hash.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IVX_UID_ROOM = 65, IVX_AE_ROOM = 17 };

enum ivx_record_kind {
    IVX_RECORD_INSTANCE = 1, /* payload: the Part 10 bytes */
    IVX_RECORD_RELEASED = 2, /* no payload: this association ended with A-RELEASE */
    IVX_RECORD_BROKEN = 3,   /* no payload: it was aborted, lost or timed out */
};

/* What is known about a record without looking into its payload. Texts are terminated. */
struct ivx_record {
    enum ivx_record_kind kind;
    char sop_class[IVX_UID_ROOM], sop_uid[IVX_UID_ROOM], syntax[IVX_UID_ROOM];
    char calling_ae[IVX_AE_ROOM], called_ae[IVX_AE_ROOM];
    char peer[64];        /* numeric address */
    char association[48]; /* unique per association, over restarts */
    int64_t received_us;  /* wall clock */
    uint64_t segment, offset, length; /* the payload's place; set by the spool */
    uint8_t sha256[IVX_SHA256_SIZE];  /* of the payload; set by the spool */
    bool unread; /* by a scan: the payload could not be read now, and nobody knows what it is */
};

struct ivx_spool;        /* opaque: the directory */
struct ivx_spool_writer; /* opaque: one segment, owned */

/* Makes the directory when it is missing. */
bool ivx_spool_open(const char *state_dir, struct ivx_spool **out, struct ivx_err *err);
void ivx_spool_free(struct ivx_spool **spool);

/* Takes a segment from the pool or makes one; a segment with a torn tail, or of an earlier
 * boot, is sealed and passed over. The spool is borrowed for the writer's life. A child
 * process that inherits a writer shares its segment: make writers after the fork. */
bool ivx_spool_writer_new(struct ivx_spool *spool, struct ivx_spool_writer **out,
                          struct ivx_err *err);
void ivx_spool_writer_free(struct ivx_spool_writer **writer);

/* begin, append..., commit. Until commit returns true nothing is visible, and after a
 * failure of any of them the record is gone: ivx_spool_abort() and answer the error. A
 * writer whose sync failed refuses everything from then on (IVX_RETRY): free it. */
bool ivx_spool_begin(struct ivx_spool_writer *writer, const struct ivx_record *record,
                     struct ivx_err *err);
bool ivx_spool_append(struct ivx_spool_writer *writer, const void *bytes, size_t length,
                      struct ivx_err *err);
/* One fdatasync. *record_out (may be NULL) is the record with its place and digest. */
bool ivx_spool_commit(struct ivx_spool_writer *writer, struct ivx_record *record_out,
                      struct ivx_err *err);
void ivx_spool_abort(struct ivx_spool_writer *writer);

/* Where a reader stands: everything before `offset` of `segment` has been visited. */
struct ivx_spool_mark {
    uint64_t segment;
    uint64_t offset;
};
/* The offset of a mark that says: this segment is not looked at now. */
#define IVX_SPOOL_LATER UINT64_MAX

/* Called for each durable record once; returning false stops the scan with its error. */
typedef bool ivx_spool_visit(void *context, const struct ivx_record *record,
                             const struct ivx_spool_mark *after, struct ivx_err *err);

/* Called for each segment that cannot be read on; false ends the scan. */
typedef bool ivx_spool_trouble(void *context, uint64_t segment, const struct ivx_err *why,
                               struct ivx_err *err);

/* Visits the records of all segments that come after their marks (segments without a mark:
 * from the start). What is visited is durable and its digest has been checked; a torn tail
 * ends its segment, a damaged record among good ones is logged and passed over. A payload that
 * cannot be read is visited as `unread`: the visitor keeps its place for ivx_spool_read_again().
 * Where even headers cannot be read, or a segment not be synced, the rest of that segment is left
 * for another scan and the others are visited; `trouble` is told, or, where that is NULL, the
 * first such error is that of the scan. marks are read only; the visitor stores `after`. */
bool ivx_spool_scan(struct ivx_spool *spool, const struct ivx_spool_mark *marks, size_t count,
                    ivx_spool_visit *visit, void *context, ivx_spool_trouble *trouble,
                    struct ivx_err *err);

/* The record whose payload lies at `offset` of `segment`. IVX_RETRY: it cannot be read still;
 * IVX_DAMAGED: it is none; IVX_ABSENT: the segment is gone. */
bool ivx_spool_read_again(struct ivx_spool *spool, uint64_t segment, uint64_t offset,
                          struct ivx_record *out, struct ivx_err *err);

/* The path of a segment, for a struct ivx_blob. room: at least 4096 is safe. */
bool ivx_spool_path(const struct ivx_spool *spool, uint64_t segment, char *out, size_t room,
                    struct ivx_err *err);

/* Every segment, ascending. The caller frees *out. */
bool ivx_spool_segments(struct ivx_spool *spool, uint64_t **out, size_t *count_out,
                        struct ivx_err *err);
/* The last word of whoever has recorded what is in the segment; false keeps it. */
typedef bool ivx_spool_agree(void *context, struct ivx_err *err);

/* Deletes a segment that no writer owns and that has no record behind the mark: IVX_RETRY
 * when it has. `agree` (may be NULL) is asked between the two, under the segment's lock:
 * nothing can be appended to it any more. */
bool ivx_spool_reclaim(struct ivx_spool *spool, const struct ivx_spool_mark *mark,
                       ivx_spool_agree *agree, void *context, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
