/* weigh.h - what is known about an open series, put together for complete.h and in words. */
#ifndef IVX_PLAN_WEIGH_H
#define IVX_PLAN_WEIGH_H

#include "planner.h"

/* Counts and pauses, from their rows into the memory. */
bool ivx_plan_gather(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                     struct ivx_err *err);

/* The instances' positions, when the verdict depends on them. */
bool ivx_plan_look(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                   struct ivx_err *err);

/* Since an instance came last. */
int64_t ivx_plan_age(const struct ivx_plan_memory *memory);
struct ivx_plan_evidence ivx_plan_evidence_of(const struct ivx_planner *planner,
                                              const struct ivx_series_row *row,
                                              const struct ivx_plan_memory *memory);

/* "42 of 60 by Images in Acquisition; released; a hole": without the passing time. */
void ivx_plan_why(const struct ivx_plan_evidence *evidence,
                  const struct ivx_plan_memory *memory, char *out, size_t room);

#endif
