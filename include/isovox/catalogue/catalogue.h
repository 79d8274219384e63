/* catalogue.h - decisions, jobs and deliveries, as operations. This module owns the SQL:
 * no other file contains any. SQLite (WAL, synchronous=FULL) below; the operations are
 * those that PostgreSQL would offer too, so that another back end
 * changes nothing above this header.
 *
 * Every operation is one transaction: it happened whole and durably, or not at all. A
 * handle belongs to one process and one thread. All times are wall-clock microseconds; see
 * clock.h for what happens when that is set.
 * Errors: IVX_RETRY (locked, I/O), IVX_FULL, IVX_ABSENT, IVX_STALE (lost lease), IVX_BUG. */
#ifndef IVX_CATALOGUE_CATALOGUE_H
#define IVX_CATALOGUE_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

enum { IVX_CATALOGUE_VERSION = 10, IVX_NOTE_ROOM = 256 };

/* States and their names are a contract: docs/INTERFACE, "States". */
#define IVX_SERIES_STATES(X) \
  X(RECEIVING, "receiving") X(WAITING, "waiting") X(PLANNED, "planned") \
  X(DONE, "done") X(REFUSED, "refused") X(FAILED, "failed")
#define IVX_JOB_STATES(X) \
  X(QUEUED, "queued") X(RUNNING, "running") X(DONE, "done") X(FAILED, "failed") \
  X(DEAD, "dead") X(CANCELLED, "cancelled")
#define IVX_DELIVERY_STATES(X) \
  X(QUEUED, "queued") X(SENDING, "sending") X(SENT, "sent") X(COMMITTED, "committed") \
  X(FAILED, "failed") X(DEAD, "dead") X(CANCELLED, "cancelled")
/* Of what senders ask for, commitment.h. requested: a row, answered with Success; judged: by
 * the journal (plan); reported: the sender has answered the report; dead: it could not be told
 * within the budget. */
#define IVX_COMMITMENT_STATES(X) \
  X(REQUESTED, "requested") X(JUDGED, "judged") X(REPORTED, "reported") X(DEAD, "dead")

enum ivx_series_state {
#define X(id, name) IVX_SERIES_##id,
    IVX_SERIES_STATES(X)
#undef X
    IVX_SERIES_STATE_COUNT
};
enum ivx_job_state {
#define X(id, name) IVX_JOB_##id,
    IVX_JOB_STATES(X)
#undef X
    IVX_JOB_STATE_COUNT
};
enum ivx_delivery_state {
#define X(id, name) IVX_DELIVERY_##id,
    IVX_DELIVERY_STATES(X)
#undef X
    IVX_DELIVERY_STATE_COUNT
};
enum ivx_commitment_state {
#define X(id, name) IVX_COMMITMENT_##id,
    IVX_COMMITMENT_STATES(X)
#undef X
    IVX_COMMITMENT_STATE_COUNT
};
const char *ivx_series_state_name(enum ivx_series_state state);
const char *ivx_job_state_name(enum ivx_job_state state);
const char *ivx_delivery_state_name(enum ivx_delivery_state state);
const char *ivx_commitment_state_name(enum ivx_commitment_state state);

struct ivx_catalogue; /* opaque */

/* Opens state_dir/catalogue.db, makes or migrates it. A newer schema than ours is
 * IVX_REFUSED: an old program never writes a new database. */
bool ivx_catalogue_open(const char *state_dir, struct ivx_catalogue **out, struct ivx_err *err);
/* For status pages: cannot write. */
bool ivx_catalogue_open_read(const char *state_dir, struct ivx_catalogue **out,
                             struct ivx_err *err);
void ivx_catalogue_free(struct ivx_catalogue **catalogue);

/* ---- the index of the journal (plan) ------------------------------------------------ */

/* What an instance says of how many there are to be: `total` in its part of the series. */
struct ivx_announced {
    const char *kind, *part;
    int64_t total;
};
/* One received instance, as indexed. Texts are borrowed during the call. */
struct ivx_arrival {
    const char *sop_uid, *sop_class, *syntax;
    const char *series_uid, *study_uid, *modality;
    const char *calling_ae, *peer, *association;
    const char *station;    /* Station Name; NULL: none */
    const char *sha256_hex;
    const struct ivx_announced *announced;
    size_t announced_count;
    int64_t received_us;
    uint64_t segment, offset, length;
    /* Not NULL: the instance cannot be read; it is set aside with this reason code and text. */
    const char *aside_code, *aside_text;
};
enum ivx_arrival_fate {
    IVX_ARRIVAL_NEW,       /* indexed; its series is RECEIVING */
    IVX_ARRIVAL_LATE,      /* the same, and the series had been decided: it is open again */
    IVX_ARRIVAL_DUPLICATE, /* same UID, same digest: counted, kept once */
    IVX_ARRIVAL_CONFLICT,  /* same UID, other digest: kept aside, reported */
    IVX_ARRIVAL_ASIDE,     /* unreadable: kept aside, reported */
};

/* begin, any number of arrivals, releases and marks, end: one transaction. */
bool ivx_catalogue_index_begin(struct ivx_catalogue *catalogue, struct ivx_err *err);
bool ivx_catalogue_index_arrival(struct ivx_catalogue *catalogue,
                                 const struct ivx_arrival *arrival,
                                 enum ivx_arrival_fate *fate_out, struct ivx_err *err);
/* The association ended: released (true) or broken. Evidence for its series. */
bool ivx_catalogue_index_ended(struct ivx_catalogue *catalogue, const char *association,
                               bool released, int64_t at_us, struct ivx_err *err);
bool ivx_catalogue_index_mark(struct ivx_catalogue *catalogue, uint64_t segment,
                              uint64_t offset, struct ivx_err *err);
bool ivx_catalogue_index_end(struct ivx_catalogue *catalogue, struct ivx_err *err);
void ivx_catalogue_index_abandon(struct ivx_catalogue *catalogue);
/* Marks as (segment, offset) pairs; the caller frees *pairs_out. */
bool ivx_catalogue_marks(struct ivx_catalogue *catalogue, uint64_t (**pairs_out)[2],
                         size_t *count_out, struct ivx_err *err);

/* ---- series (plan) -------------------------------------------------------------------- */

struct ivx_series_row {
    int64_t id;
    char series_uid[65], study_uid[65], modality[17], calling_ae[17];
    enum ivx_series_state state;
    int64_t generation;      /* raised by each decision */
    int64_t instances;       /* kept ones */
    int64_t gone;            /* received, and removed after plan.keep */
    int64_t first_us, last_us, decided_us;
    int64_t new_us;          /* an instance came last that was no repetition */
    int64_t due_us;          /* open: to be looked at then; negative: something is new */
    bool forced;             /* open: an operator says that it is complete */
    bool all_released;       /* every association that carried it has released */
    bool broken;             /* one of them was aborted or lost */
    char code[32];           /* reason of WAITING, REFUSED, FAILED; "" */
    char note[IVX_NOTE_ROOM];
    int64_t limit_us;        /* open: decided that long after last_us, if nothing arrives */
    char why[IVX_NOTE_ROOM]; /* open: what it waits for */
};

/* Series that are RECEIVING or WAITING and to be looked at now: those about which something is
 * new since ivx_catalogue_series_why() (instances, repetitions, the end of an association, a
 * list of instances, what a source says, an operator's word), then those whose time has come.
 * The caller frees *ids_out. */
bool ivx_catalogue_due(struct ivx_catalogue *catalogue, int64_t now_us, int64_t **ids_out,
                       size_t *count_out, struct ivx_err *err);
/* When the next of those that are not due is; 0: never. */
bool ivx_catalogue_due_next(struct ivx_catalogue *catalogue, int64_t now_us, int64_t *out,
                            struct ivx_err *err);
/* All that are open: for whoever cannot trust the times in their rows. */
bool ivx_catalogue_due_all(struct ivx_catalogue *catalogue, struct ivx_err *err);

struct ivx_instance_row {
    int64_t id;
    char sop_uid[65], sha256_hex[65], calling_ae[17];
    uint64_t segment, offset, length;
};
/* The kept instances of a series, by sop_uid; the caller frees *rows_out. */
bool ivx_catalogue_series_instances(struct ivx_catalogue *catalogue, int64_t series_id,
                                    struct ivx_instance_row **rows_out, size_t *count_out,
                                    struct ivx_err *err);
bool ivx_catalogue_series_waits(struct ivx_catalogue *catalogue, int64_t series_id,
                                const char *code, const char *note, struct ivx_err *err);
/* An evidence row: its kind ("released", "geometry", "count", "quiet", ...), who says so (""
 * when that is plan itself), a number or 0, and a text for people. */
struct ivx_evidence {
    const char *kind, *source, *text;
    int64_t value;
};
bool ivx_catalogue_evidence(struct ivx_catalogue *catalogue, int64_t series_id,
                            const struct ivx_evidence *evidence, int64_t at_us,
                            struct ivx_err *err);

/* What the instances of a series announce, summed up over its parts. */
struct ivx_tally {
    char kind[32];
    int64_t parts, parts_met, parts_over; /* as many as announced; more */
    int64_t held;                         /* instances that announce it */
    int64_t least, most, sum;             /* of what is announced */
    int64_t held_least, held_most;        /* by one part */
};
/* By kind; the caller frees *out. */
bool ivx_catalogue_tallies(struct ivx_catalogue *catalogue, int64_t series_id,
                           struct ivx_tally **out, size_t *count_out, struct ivx_err *err);
/* Of the series' sender and station: how often announcements of this kind were right (kept)
 * and wrong (broken) when a series was decided. */
bool ivx_catalogue_trust(struct ivx_catalogue *catalogue, int64_t series_id, const char *kind,
                         int64_t *kept_out, int64_t *broken_out, struct ivx_err *err);
/* Pauses between two instances of a series, of the series' sender and station: out[n] were
 * shorter than 2^n ms and not shorter than half of that. */
enum { IVX_PAUSE_CLASSES = 21 };
bool ivx_catalogue_pauses(struct ivx_catalogue *catalogue, int64_t series_id,
                          int64_t out[IVX_PAUSE_CLASSES], struct ivx_err *err);

/* What open series wait for, how long, and when they are to be looked at again, if nothing new
 * has come since seen_us was the due_us of their rows; all of them in one transaction. */
struct ivx_waiting {
    int64_t series_id, limit_us, seen_us, due_us;
    char why[IVX_NOTE_ROOM];
};
bool ivx_catalogue_series_why(struct ivx_catalogue *catalogue,
                              const struct ivx_waiting *waiting, size_t count,
                              struct ivx_err *err);

enum { IVX_PRIORITY_ROUTINE = 0, IVX_PRIORITY_STAT = 1 };

/* What a decision makes of a series. `key` identifies the job over restarts:
 * digest of (volume's SOP Instance UIDs and contents, recipe). */
struct ivx_new_job {
    const char *key;
    const char *recipe_name, *recipe_json, *route;
    const char *volume_text;               /* for people: "512x512x300, 0.7x0.7x2.5 mm" */
    const int64_t *instance_ids;
    size_t instance_count;
    const char *const *destinations;
    size_t destination_count;
    int priority;                          /* larger goes first */
};
struct ivx_decision {
    int64_t series_id;
    int64_t seen_instances;  /* IVX_STALE when more have arrived meanwhile */
    enum ivx_series_state state; /* PLANNED, DONE (no route) or REFUSED */
    const char *code, *note;     /* "" when there is nothing to say */
    const char *warnings_json;   /* array of {code,text}; "[]" */
    const struct ivx_new_job *jobs;
    size_t job_count;
    /* Announcements that have proven right (total 1) or wrong (0) now. */
    const struct ivx_announced *proven;
    size_t proven_count;
    const struct ivx_evidence *evidence; /* why it was decided; NULL: nobody looked */
};
/* Raises the generation. Jobs of earlier generations that are not wanted any more are
 * cancelled, and so are their unfinished deliveries; a job whose key exists already (same
 * content) is kept as it is. */
bool ivx_catalogue_decide(struct ivx_catalogue *catalogue, const struct ivx_decision *decision,
                          struct ivx_err *err);
/* "complete SERIES": treated as decided by an operator at the next plan turn. */
bool ivx_catalogue_series_complete(struct ivx_catalogue *catalogue, int64_t series_id,
                                   struct ivx_err *err);

/* ---- jobs (convert) --------------------------------------------------------------------- */

struct ivx_claim {
    int64_t job_id, epoch;      /* the epoch fences the finish */
    int64_t created_us;         /* the job's creation time: the one clock value in results */
    int64_t attempt;            /* 1 for the first */
    char key[65], recipe_name[65];
    char *recipe_json;          /* owned */
    struct ivx_instance_row *instances; /* owned */
    size_t instance_count;
};
void ivx_claim_free(struct ivx_claim *claim); /* frees what it owns, not itself */

/* Takes the next job that is due, or whose lease has run out, for lease_seconds. False with
 * IVX_ABSENT when there is none. Each claim begins an attempt; a job whose lease has run out
 * in its last one (max_attempts) is DEAD with code WORKER_LOST, and the next job is taken. */
bool ivx_catalogue_claim(struct ivx_catalogue *catalogue, const char *owner, int lease_seconds,
                         int max_attempts, struct ivx_claim *out, struct ivx_err *err);
/* IVX_STALE: the lease was lost; stop at once and publish nothing more. */
bool ivx_catalogue_heartbeat(struct ivx_catalogue *catalogue, int64_t job_id, int64_t epoch,
                             int lease_seconds, struct ivx_err *err);

struct ivx_job_instance {
    char sop_uid[65];
    char file[32]; /* name within the published result */
};
struct ivx_job_result {
    const char *outbox_key, *derived_series_uid, *sop_class, *syntax;
    const char *manifest_json, *stages_json;
    const struct ivx_job_instance *instances;
    size_t instance_count;
};
/* One transaction: the job is done, its result is recorded, a delivery per destination is
 * queued. IVX_STALE when the epoch is not ours any more. */
bool ivx_catalogue_job_done(struct ivx_catalogue *catalogue, int64_t job_id, int64_t epoch,
                            const struct ivx_job_result *result, struct ivx_err *err);
/* Back to the queue at retry_us, or dead when `final` or when max_attempts are used up. A
 * crash leaves no call: the lease runs out, which counts as an attempt too. */
bool ivx_catalogue_job_failed(struct ivx_catalogue *catalogue, int64_t job_id, int64_t epoch,
                              const char *code, const char *text, bool final,
                              int max_attempts, int64_t retry_us, struct ivx_err *err);

/* The worker stops in good order: back to the queue, and the attempt does not count. */
bool ivx_catalogue_job_release(struct ivx_catalogue *catalogue, int64_t job_id, int64_t epoch,
                               struct ivx_err *err);
/* A process that replaces a dead one of the same name: leases of jobs and deliveries whose
 * owner begins with `owner_prefix` ("convert.0:") run out now instead of later. Their epochs
 * still fence: one that was thought dead and is not finishes nothing. */
bool ivx_catalogue_release_owner(struct ivx_catalogue *catalogue, const char *owner_prefix,
                                 struct ivx_err *err);

struct ivx_job_row {
    int64_t id, series_id, attempts, generation;
    int64_t created_us, started_us, finished_us, next_us;
    enum ivx_job_state state;
    char recipe[65], route[65], code[32], note[IVX_NOTE_ROOM];
    char volume[96], derived_series_uid[65], owner[48];
    int64_t outputs;
    bool superseded; /* a later decision about the series does not want it any more */
};

/* ---- deliveries (deliver) --------------------------------------------------------------- */

/* AWAITED: SENT is not the end, commitment.h says what is. */
enum ivx_commitment_wanted {
    IVX_COMMITMENT_UNASKED,
    IVX_COMMITMENT_AWAITED,
    IVX_COMMITMENT_NOT_OFFERED, /* asked for, and the peer has no such service */
};
struct ivx_delivery_row {
    int64_t id, job_id, attempts, epoch;
    char destination[65], derived_series_uid[65], outbox_key[65], sop_class[65], syntax[65];
    enum ivx_delivery_state state;
    int64_t instances, accepted;    /* how many, and how many the peer has accepted */
    int64_t created_us, next_us, finished_us;
    int64_t age_us;                 /* since created_us, when it was claimed */
    int64_t last_status;            /* DIMSE status of the last answer; -1: none */
    char last_comment[IVX_NOTE_ROOM];
    bool committed;
    enum ivx_commitment_wanted commitment;
    int64_t priority;               /* its job's; larger goes first */
    /* When its destination, which is in trouble, is asked again: not tried before; -1: it is
     * not in trouble. See breaker.h. */
    int64_t probe_us;
};
/* Like claim: the next delivery to this destination that is due: to be sent, or sent and
 * without a report on its commitment for too long. */
bool ivx_catalogue_delivery_claim(struct ivx_catalogue *catalogue, const char *destination,
                                  const char *owner, int lease_seconds,
                                  struct ivx_delivery_row *out, struct ivx_err *err);
/* Is another delivery to this destination due that is more urgent than `priority`? */
bool ivx_catalogue_delivery_outranked(struct ivx_catalogue *catalogue, const char *destination,
                                      int64_t priority, bool *out, struct ivx_err *err);
/* Given back in favour of that one: due at once, and the attempt does not count. */
bool ivx_catalogue_delivery_yield(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                  struct ivx_err *err);
bool ivx_catalogue_delivery_heartbeat(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                      int lease_seconds, struct ivx_err *err);
struct ivx_delivery_item {
    int64_t n;                      /* 1.. within the result */
    char sop_uid[65], file[32];
};
/* Those not accepted yet, in order, the ones that the peer has left without an answer last (it
 * may have died of them); the caller frees *out. */
bool ivx_catalogue_delivery_pending(struct ivx_catalogue *catalogue, int64_t id,
                                    struct ivx_delivery_item **out, size_t *count_out,
                                    struct ivx_err *err);
struct ivx_delivery_answer {
    int64_t n;
    int status;                     /* DIMSE status; -1: no answer */
    bool accepted;                  /* 0000 or a warning (Bxxx) */
};
/* Records a batch of answers. */
bool ivx_catalogue_delivery_answers(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                    const struct ivx_delivery_answer *answers, size_t count,
                                    const char *comment, struct ivx_err *err);
/* When all instances are accepted: COMMITTED when all are, else SENT. The series is DONE when
 * that is the end of all its deliveries; one that awaits commitment is asked for again at
 * next_us, or DEAD when final. Not all accepted: FAILED until next_us, or DEAD when final. */
bool ivx_catalogue_delivery_end(struct ivx_catalogue *catalogue, int64_t id, int64_t epoch,
                                int status, const char *comment, bool final, int64_t next_us,
                                enum ivx_delivery_state *state_out, struct ivx_err *err);
/* Destinations with something to send now. Names are 65 bytes each; the caller frees. */
bool ivx_catalogue_delivery_due(struct ivx_catalogue *catalogue, char (**names_out)[65],
                                size_t *count_out, struct ivx_err *err);

/* ---- retention (plan) --------------------------------------------------------------------- */

struct ivx_old_result {
    int64_t job_id;
    char outbox_key[65];
};
/* Results of which every delivery was sent, committed or cancelled before `before_us`, or dead
 * and the result replaced by a later decision: at most `limit` of them, the oldest first. They
 * count as removed from now on. Call ivx_catalogue_result_removed() when the files are gone: until
 * then they are leftovers. The caller frees. */
bool ivx_catalogue_old_results(struct ivx_catalogue *catalogue, int64_t before_us, int limit,
                               struct ivx_old_result **rows_out, size_t *count_out,
                               struct ivx_err *err);
/* Those that were named before, and whose files may still be there. The caller frees. */
bool ivx_catalogue_leftover_results(struct ivx_catalogue *catalogue,
                                    struct ivx_old_result **rows_out, size_t *count_out,
                                    struct ivx_err *err);
bool ivx_catalogue_result_removed(struct ivx_catalogue *catalogue, int64_t job_id,
                                  struct ivx_err *err);
/* Marks of segments in which everything belongs to series that were over (DONE, REFUSED, with
 * all that follows from them) before `before_us`, or is a repetition, or was set aside before
 * then; oldest first. The caller frees *pairs_out. */
bool ivx_catalogue_old_segments(struct ivx_catalogue *catalogue, int64_t before_us, int limit,
                                uint64_t (**pairs_out)[2], size_t *count_out,
                                struct ivx_err *err);
struct ivx_segment_loss {
    int64_t instances, aside;
};
/* Before the file goes: its instances are marked gone, and so are those of the same series in
 * other segments. IVX_STALE when the segment is wanted after all. Then the file; then
 * ivx_catalogue_segment_removed(), which forgets the mark. */
bool ivx_catalogue_segment_goes(struct ivx_catalogue *catalogue, uint64_t segment,
                                int64_t before_us, struct ivx_segment_loss *out,
                                struct ivx_err *err);
bool ivx_catalogue_segment_removed(struct ivx_catalogue *catalogue, uint64_t segment,
                                   struct ivx_err *err);
/* History: series that were over before that, and of which neither an instance nor a result is
 * left, are forgotten with all that is known about them (at most `limit`), and so are requests
 * for commitment and associations that ended before. Totals keep counting them. */
bool ivx_catalogue_forget(struct ivx_catalogue *catalogue, int64_t before_us, int limit,
                          size_t *series_out, struct ivx_err *err);

/* ---- roles (daemon) ----------------------------------------------------------------------- */

struct ivx_role_row {
    char name[24];
    char state[16];      /* running, restarting, stopped */
    int64_t pid, restarts, since_us;
    char note[IVX_NOTE_ROOM]; /* why it last ended */
};
bool ivx_catalogue_role_report(struct ivx_catalogue *catalogue, const struct ivx_role_row *row,
                               struct ivx_err *err);

/* ---- for people (http) ---------------------------------------------------------------------- */

struct ivx_counts {
    int64_t series[IVX_SERIES_STATE_COUNT], jobs[IVX_JOB_STATE_COUNT];
    int64_t deliveries[IVX_DELIVERY_STATE_COUNT], commitments[IVX_COMMITMENT_STATE_COUNT];
    int64_t instances, duplicates, conflicts, aside, bytes, derived_instances;
    int64_t unread;            /* records that cannot be read now */
    int64_t oldest_waiting_us; /* 0: nothing waits */
};
bool ivx_catalogue_counts(struct ivx_catalogue *catalogue, struct ivx_counts *out,
                          struct ivx_err *err);
/* What is still to be done, per destination that has any of it; the caller frees. */
struct ivx_backlog {
    char destination[65];
    int64_t deliveries, oldest_us; /* created_us of the oldest */
};
bool ivx_catalogue_backlogs(struct ivx_catalogue *catalogue, struct ivx_backlog **rows_out,
                            size_t *count_out, struct ivx_err *err);
/* Pages: rows with id > after (newest last when after >= 0; after < 0: the newest first),
 * at most limit. The caller frees *rows_out. */
bool ivx_catalogue_list_series(struct ivx_catalogue *catalogue, int64_t after, int limit,
                               struct ivx_series_row **rows_out, size_t *count_out,
                               struct ivx_err *err);
bool ivx_catalogue_list_jobs(struct ivx_catalogue *catalogue, int64_t series_id /* 0: all */,
                             int64_t after, int limit, struct ivx_job_row **rows_out,
                             size_t *count_out, struct ivx_err *err);
bool ivx_catalogue_list_deliveries(struct ivx_catalogue *catalogue, int64_t job_id /* 0: all */,
                                   int64_t after, int limit, struct ivx_delivery_row **rows_out,
                                   size_t *count_out, struct ivx_err *err);
bool ivx_catalogue_list_roles(struct ivx_catalogue *catalogue, struct ivx_role_row **rows_out,
                              size_t *count_out, struct ivx_err *err);
bool ivx_catalogue_get_series(struct ivx_catalogue *catalogue, int64_t id,
                              struct ivx_series_row *out, struct ivx_err *err);
bool ivx_catalogue_get_job(struct ivx_catalogue *catalogue, int64_t id, struct ivx_job_row *out,
                           struct ivx_err *err);
bool ivx_catalogue_get_delivery(struct ivx_catalogue *catalogue, int64_t id,
                                struct ivx_delivery_row *out, struct ivx_err *err);
/* JSON texts, owned by the caller: evidence [{kind,source,value,text,at}], warnings [{code,text}],
 * conflicts and instances set aside [{sop_uid,kind,code,text,at}] ("[]" when there is none;
 * `at` is microseconds), manifest, stages ("null" when there is none). IVX_ABSENT: no such id. */
bool ivx_catalogue_series_evidence(struct ivx_catalogue *catalogue, int64_t id, char **json_out,
                                   struct ivx_err *err);
bool ivx_catalogue_series_warnings(struct ivx_catalogue *catalogue, int64_t id, char **json_out,
                                   struct ivx_err *err);
bool ivx_catalogue_series_aside(struct ivx_catalogue *catalogue, int64_t id, char **json_out,
                                struct ivx_err *err);
bool ivx_catalogue_job_manifest(struct ivx_catalogue *catalogue, int64_t id, char **json_out,
                                struct ivx_err *err);
bool ivx_catalogue_job_stages(struct ivx_catalogue *catalogue, int64_t id, char **json_out,
                              struct ivx_err *err);
/* Operators. IVX_REFUSED when the state does not allow it, with the reason in the text. */
bool ivx_catalogue_job_retry(struct ivx_catalogue *catalogue, int64_t id, struct ivx_err *err);
bool ivx_catalogue_job_cancel(struct ivx_catalogue *catalogue, int64_t id, struct ivx_err *err);
bool ivx_catalogue_delivery_retry(struct ivx_catalogue *catalogue, int64_t id,
                                  struct ivx_err *err);
bool ivx_catalogue_delivery_cancel(struct ivx_catalogue *catalogue, int64_t id,
                                   struct ivx_err *err);

#endif
