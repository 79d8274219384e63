/* planner.h - what the parts of the plan role share: one process, one thread. */
#ifndef IVX_PLAN_PLANNER_H
#define IVX_PLAN_PLANNER_H

#include "cache.h"
#include "complete.h"
#include "trying.h"

#include "isovox/catalogue/catalogue.h"
#include "isovox/catalogue/unread.h"
#include "isovox/config/config.h"
#include "isovox/outbox/outbox.h"
#include "isovox/spool/spool.h"

/* A header takes some 3 kB: a series of more instances is refused (TOO_LARGE), and no more
 * headers are kept in memory. */
enum { IVX_PLAN_MOST_INSTANCES = 20000 };
/* A frame of a multi-frame instance takes some 2 kB: the same for instances and frames. */
enum { IVX_PLAN_MOST_IMAGES = 80000 };

/* So many open series are remembered: those that instances come for, not all that wait. */
enum { IVX_PLAN_REMEMBERED = 2048 };

/* What was worked out about an open series, so that it is worked out once per arrival.
 * Losing it costs time and nothing else: what a decision rests on are rows. */
struct ivx_plan_proof { /* that an announcement was right, or not */
    char kind[32];
    bool kept;
};
struct ivx_plan_memory {
    int64_t series_id, instances, last_us, new_us;
    int64_t due_us;      /* of its row, when this was worked out */
    int64_t since_us, since_new_us; /* last_us and new_us by the steady clock */
    char sender[17];
    bool gathered;      /* count, proven and limits are known */
    struct ivx_plan_limits limits;
    enum ivx_plan_say count, manifest;
    enum ivx_plan_step step;
    char manifest_text[160];        /* "58 of 60 named by storage commitment" */
    bool asked, wanted;             /* a source may answer yet; it has been told to be asked */
    char count_text[96];            /* "42 of 60 by Images in Acquisition" */
    struct ivx_plan_proof proven[4];
    size_t proven_count;
    enum ivx_plan_geometry geometry;
    char text[160];                 /* of the hole, or of the volumes */
    int64_t written_us;             /* steady clock: what it waits for went into its row */
};

/* Whether senders can reach us, by the row of the role `receive`, and by the room on the disk. */
struct ivx_plan_ear {
    int64_t since_us;   /* of that row */
    int64_t steady_us;  /* the same by the steady clock */
    int64_t turned_us;  /* steady clock: a full disk was seen to turn them away last; 0: never */
    int64_t heard_us;   /* so long both were well; 0: they are not; most: nobody says */
    const char *away;   /* for people: which of them was not */
};

/* What there is more of to remove. */
struct ivx_plan_removing {
    bool results, segments, series;
};

struct ivx_planner {
    const struct ivx_config *config;
    struct ivx_config *reread; /* owned; NULL before the first SIGHUP */
    struct ivx_catalogue *catalogue;
    struct ivx_spool *spool;
    struct ivx_outbox *outbox;
    struct ivx_plan_cache *cache;
    struct ivx_trying *trying;
    struct ivx_plan_memory *memory; /* IVX_PLAN_REMEMBERED places; NULL before the first turn */
    struct ivx_plan_removing removing;
    struct ivx_plan_ear ear;
    bool knows_all;              /* false: every open series is to be looked at */
    int64_t set_us, begun_us;    /* steady clock: the wall clock was set; the first turn */
};

/* index.c: brings what the journal has beyond the catalogue's marks into the catalogue. What a
 * read error keeps out holds up nothing else: single records, and segments that cannot be read on,
 * are rows that are tried again. */
bool ivx_plan_index(struct ivx_planner *planner, struct ivx_err *err);

/* What is tried again after 1, 2, 4 ... 300 s is told once for each of these. */
void ivx_plan_log_unread(const struct ivx_unread *place, const char *text);

/* commitment.c: judges what senders have asked us to commit, by records that are read again.
 * The index must have been brought up to the journal's end since the row of `newest` was
 * made. *more_out: there is more than one turn takes. */
bool ivx_plan_commitments(struct ivx_planner *planner, int64_t newest, bool *more_out,
                          struct ivx_err *err);

/* retain.c: removes what is delivered, and has been for plan.keep. Begun once a minute, also with
 * what could not be removed before; then rounds that are short, for as long as
 * planner->removing says that one was not enough. */
bool ivx_plan_retain_begin(struct ivx_planner *planner, struct ivx_err *err);
bool ivx_plan_retain_round(struct ivx_planner *planner, struct ivx_err *err);

/* series.c: looks at the open series that are due; *again_ms_out is when to look again. */
bool ivx_plan_series(struct ivx_planner *planner, int *again_ms_out, struct ivx_err *err);

#endif
