/* worker.h - what the parts of the convert role share: one process, one thread of control. */
#ifndef IVX_CONVERT_WORKER_H
#define IVX_CONVERT_WORKER_H

#include "isovox/catalogue/catalogue.h"
#include "isovox/config/config.h"
#include "isovox/core/workspace.h"
#include "isovox/outbox/outbox.h"
#include "isovox/spool/spool.h"

struct ivx_worker {
    const struct ivx_config *config;
    struct ivx_config *reread; /* owned; NULL before the first SIGHUP */
    struct ivx_catalogue *catalogue;
    struct ivx_spool *spool;
    struct ivx_outbox *outbox;
    struct ivx_workspace *workspace; /* owned; while jobs follow one another, else NULL */
    char owner[48]; /* "convert.0:4711" */
};

/* lease.c: a claimed job is ours while this says so. */
struct ivx_lease {
    struct ivx_catalogue *catalogue;
    int64_t job_id, epoch, next_beat_us;
    int seconds;
    int64_t grace_us; /* from a SIGTERM on */
    bool lost, stopped;
};
/* Prolongs the lease every quarter of it. False (IVX_STALE): the job is another's now, or
 * the process has to end; see lost and stopped. */
bool ivx_lease_hold(struct ivx_lease *lease, struct ivx_err *err);
/* The same for what reports nothing on its way and may take this long. */
bool ivx_lease_hold_for(struct ivx_lease *lease, int seconds, struct ivx_err *err);

/* work.c: one claimed job, from the spool to the outbox and the catalogue. On failure
 * code_out (room 32) is the reason code of the job's row. */
bool ivx_worker_run(struct ivx_worker *worker, const struct ivx_claim *claim,
                    struct ivx_lease *lease, char *code_out, struct ivx_err *err);

/* publish.c: what lies in the outbox under the job's key, recorded: whatever attempt, and
 * whatever engine, has put it there. IVX_ABSENT when there is nothing. */
bool ivx_worker_record(struct ivx_worker *worker, const struct ivx_claim *claim,
                       const char *stages_json, struct ivx_err *err);

/* role.c: after that the process ends by SIGALRM. */
unsigned ivx_worker_most_seconds(const struct ivx_config *config,
                                 const struct ivx_claim *claim);

#endif
