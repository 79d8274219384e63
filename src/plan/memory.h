/* memory.h - what plan knows between two turns. */
#ifndef IVX_PLAN_MEMORY_H
#define IVX_PLAN_MEMORY_H

#include "planner.h"

/* Looks at the clocks and at the role `receive`. */
bool ivx_plan_begin_turn(struct ivx_planner *planner, struct ivx_err *err);

/* What is known of the series, as far as it is still true; of another one, nothing. Borrowed
 * until the next call. */
struct ivx_plan_memory *ivx_plan_remember(struct ivx_planner *planner,
                                          const struct ivx_series_row *row);

#endif
