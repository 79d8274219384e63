/* series.h - the received instances of one series, read, and what is made of them. */
#ifndef IVX_PLAN_SERIES_H
#define IVX_PLAN_SERIES_H

#include "planner.h"

#include "isovox/assemble/assembly.h"

struct ivx_plan_place {
    const struct ivx_instance *instance;
    size_t row;
};
struct ivx_plan_content {
    struct ivx_instance_row *rows;          /* owned */
    const struct ivx_instance **instances;  /* owned array; parallel to rows */
    struct ivx_instance **kept;             /* owned: those that the cache does not hold */
    struct ivx_plan_place *by_instance;     /* owned: sorted by address */
    size_t count, kept_count;
};

/* Reads the header of every kept instance of the series. IVX_RETRY, and
 * ivx_catalogue_series_unread() says which: one cannot be read now, and until that is tried again
 * (index.c) none is. */
bool ivx_plan_content_read(struct ivx_planner *planner, int64_t series_id,
                           struct ivx_plan_content *out, struct ivx_err *err);
void ivx_plan_content_free(struct ivx_plan_content *content); /* what it owns */
/* The row that an instance of this content, or a frame of one, came from. */
const struct ivx_instance_row *ivx_plan_content_row(const struct ivx_plan_content *content,
                                                    const struct ivx_instance *instance);
/* The cache need not hold them any longer. */
void ivx_plan_content_forget(struct ivx_planner *planner,
                             const struct ivx_plan_content *content);

/* decide.c: assembles, matches routes, makes jobs, writes the decision, and `evidence`. `answer`:
 * what decided (complete.h). IVX_STALE: more has arrived meanwhile. */
bool ivx_plan_decide(struct ivx_planner *planner, const struct ivx_series_row *series,
                     const struct ivx_plan_memory *memory,
                     const struct ivx_plan_answer *answer, const struct ivx_evidence *evidence,
                     struct ivx_err *err);
/* Decides without looking into the series: plan has died over it twice. */
bool ivx_plan_refuse(struct ivx_planner *planner, const struct ivx_series_row *series,
                     const char *code, const char *note, struct ivx_err *err);

#endif
