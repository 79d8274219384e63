/* route.h - which routes want a volume, and what their recipes are called in full. */
#ifndef IVX_PLAN_ROUTE_H
#define IVX_PLAN_ROUTE_H

#include <stdbool.h>

#include "isovox/assemble/assembly.h"
#include "isovox/config/config.h"

/* What a route's conditions look at. Borrowed. */
struct ivx_plan_subject {
#define X(condition) const char *condition;
    IVX_ROUTE_CONDITIONS(X)
#undef X
};

void ivx_plan_subject_of(const struct ivx_instance *instance, const char *calling_ae,
                         struct ivx_plan_subject *out);

/* Every condition that is given holds: one of its globs matches. */
bool ivx_plan_route_wants(const struct ivx_route *route,
                          const struct ivx_plan_subject *subject);

enum ivx_gap ivx_plan_route_gap(const struct ivx_route *route);

/* The recipe as the text that a job carries. A volume without a bridged gap has the same
 * text whatever its route allows: the same volume is converted once. The caller frees. */
bool ivx_plan_recipe_json(const struct ivx_config_recipe *recipe, bool gap_interpolated,
                          char **json_out, struct ivx_err *err);

#endif
