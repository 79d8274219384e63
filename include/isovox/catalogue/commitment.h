/* commitment.h - storage commitment as rows, in both directions (PS3.4 annex J): what senders
 * ask of us and what they are told, and what we ask of destinations. Part of the catalogue;
 * see catalogue.h for transactions and errors. */
#ifndef IVX_CATALOGUE_COMMITMENT_H
#define IVX_CATALOGUE_COMMITMENT_H

#include "isovox/base/reference.h"
#include "isovox/catalogue/catalogue.h"

/* ---- senders ask us (receive, plan, deliver) --------------------------------------------- */

/* Requests of one calling AE title that are not reported yet; more are IVX_FULL. */
enum { IVX_COMMITMENTS_OPEN = 1000 };

struct ivx_commitment_request { /* texts and items are borrowed during the call */
    const char *transaction_uid, *calling_ae, *called_ae, *peer, *association;
    const struct ivx_reference *items;
    size_t count;
};
/* Durable when it returns true. IVX_STALE: the sender has used this Transaction UID before.
 * For hold_seconds the report is the association's own business: see _hold(). */
bool ivx_catalogue_commitment_ask(struct ivx_catalogue *catalogue,
                                  const struct ivx_commitment_request *request,
                                  int hold_seconds, int64_t *id_out, struct ivx_err *err);
/* The association that asked is still open (or not any more: 0): until then nobody else
 * reports what it has asked for. */
bool ivx_catalogue_commitment_hold(struct ivx_catalogue *catalogue, const char *association,
                                   int hold_seconds, struct ivx_err *err);

/* An item to be judged, and where its instance lies. reason: what the rows say; KEPT means
 * that the record is to be checked. */
struct ivx_commitment_check {
    int64_t commitment_id, n, series_id;
    int reason;
    char sop_class[65]; /* as asked for */
    char sha256_hex[65];
    uint64_t segment, offset, length;
};
/* 0: there is none. What was received before a request is in the journal before it: index the
 * journal between this and _unjudged(), and nothing is judged by an index that is behind. */
bool ivx_catalogue_commitment_newest(struct ivx_catalogue *catalogue, int64_t *id_out,
                                     struct ivx_err *err);
/* Items of requests up to `newest`, oldest first; the caller frees *rows_out. */
bool ivx_catalogue_commitment_unjudged(struct ivx_catalogue *catalogue, int64_t newest,
                                       int limit, struct ivx_commitment_check **rows_out,
                                       size_t *count_out, struct ivx_err *err);
/* Records the reasons. A request of which nothing is left to judge is JUDGED. A series that
 * has an instance among the KEPT is held for keep_hours: see _segment_goes(). */
bool ivx_catalogue_commitment_judge(struct ivx_catalogue *catalogue,
                                    const struct ivx_commitment_check *rows, size_t count,
                                    long keep_hours, struct ivx_err *err);

struct ivx_commitment_row {
    int64_t id, instances, refused, attempts;
    int64_t requested_us, judged_us, reported_us, next_us;
    int64_t age_us; /* since judged_us, when it was claimed */
    enum ivx_commitment_state state;
    char transaction_uid[65], calling_ae[17], called_ae[17], peer[64], association[48];
    char note[IVX_NOTE_ROOM]; /* why the last report failed */
};
/* The oldest JUDGED request that this association has made. IVX_ABSENT: none. */
bool ivx_catalogue_commitment_of(struct ivx_catalogue *catalogue, const char *association,
                                 struct ivx_commitment_row *out, struct ivx_err *err);
/* Is there something to claim? */
bool ivx_catalogue_commitment_due(struct ivx_catalogue *catalogue, bool *out,
                                  struct ivx_err *err);
/* Takes the next JUDGED request (of this calling AE title; NULL: of any) whose report is due
 * and that nobody holds, for hold_seconds; each claim begins an attempt. IVX_ABSENT: none. */
bool ivx_catalogue_commitment_claim(struct ivx_catalogue *catalogue, const char *calling_ae,
                                    int hold_seconds, struct ivx_commitment_row *out,
                                    struct ivx_err *err);
/* In the order of the request; the caller frees *out. */
bool ivx_catalogue_commitment_items(struct ivx_catalogue *catalogue, int64_t id,
                                    struct ivx_reference **out, size_t *count_out,
                                    struct ivx_err *err);
/* The sender knows. What was called committed is held for keep_hours from now on: the report
 * may have taken days. */
bool ivx_catalogue_commitment_reported(struct ivx_catalogue *catalogue, int64_t id,
                                       long keep_hours, struct ivx_err *err);
/* The report did not get through: again at next_us, or DEAD when final. `away`: the sender
 * could not be reached at all, and no other report of its is tried before next_us. */
bool ivx_catalogue_commitment_unreported(struct ivx_catalogue *catalogue, int64_t id,
                                         const char *note, bool away, bool final,
                                         int64_t next_us, struct ivx_err *err);
/* ---- we ask destinations (deliver, receive) ---------------------------------------------- */

/* Of a claimed delivery: does its end depend on commitment? IVX_STALE as for answers. */
bool ivx_catalogue_delivery_wants(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                  enum ivx_commitment_wanted wanted, struct ivx_err *err);
/* What is accepted and not committed yet; the caller frees *out. */
bool ivx_catalogue_delivery_uncommitted(struct ivx_catalogue *catalogue, int64_t id,
                                        struct ivx_reference **out, size_t *count_out,
                                        struct ivx_err *err);
/* Before the request goes out: reports name their delivery by its Transaction UID only. */
bool ivx_catalogue_delivery_asks(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                 const char *transaction_uid, struct ivx_err *err);
struct ivx_commitment_outcome {
    int64_t delivery_id, committed, refused; /* in this report */
    int reason; /* that a class was refused for, else of the first that is refused; 0: none */
    enum ivx_delivery_state state;           /* of the delivery, after it */
    char destination[65];
};
/* A report: what is committed is, what is refused will be sent again after a wait of
 * first_wait_s seconds (doubled by each attempt, up to longest_wait_s); the third report that
 * refuses its class ends the delivery, at once or, while a sender is at it, by its
 * ivx_catalogue_delivery_end(). The same report again changes nothing. IVX_ABSENT:
 * we have asked for no such transaction. */
bool ivx_catalogue_delivery_report(struct ivx_catalogue *catalogue, const char *transaction_uid,
                                   const struct ivx_reference *references, size_t count,
                                   long first_wait_s, long longest_wait_s,
                                   struct ivx_commitment_outcome *out, struct ivx_err *err);

/* By hand. One that is DEAD is judged anew, because what it names need not be here any more,
 * and its time to be told begins again; one that waits for its next attempt is due now, and so
 * are the others of its sender. IVX_REFUSED: neither of the two. */
bool ivx_catalogue_commitment_retry(struct ivx_catalogue *catalogue, int64_t id,
                                    struct ivx_err *err);

/* Single rows and pages, as in catalogue.h. */
bool ivx_catalogue_get_commitment(struct ivx_catalogue *catalogue, int64_t id,
                                  struct ivx_commitment_row *out, struct ivx_err *err);
bool ivx_catalogue_list_commitments(struct ivx_catalogue *catalogue, int64_t after, int limit,
                                    struct ivx_commitment_row **rows_out, size_t *count_out,
                                    struct ivx_err *err);

#endif
