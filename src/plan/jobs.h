/* jobs.h - the jobs that a decision asks for: one per volume and recipe, however many
 * routes want it; its destinations are those of all of them. */
#ifndef IVX_PLAN_JOBS_H
#define IVX_PLAN_JOBS_H

#include "series.h"

#include "isovox/sys/hash.h"

struct ivx_plan_job {
    char key[IVX_SHA256_HEX], volume_text[96];
    char *recipe_json;               /* owned */
    const char *recipe_name, *route; /* the configuration's */
    int64_t *instance_ids;           /* owned */
    size_t instance_count;
    const char **destinations;       /* owned array of the configuration's names */
    size_t destination_count;
    int priority;                    /* the highest of its routes */
};
struct ivx_plan_jobs {
    struct ivx_plan_job *job; /* owned */
    size_t count, room;
};

/* For IVX_AUTO. */
void ivx_plan_jobs_free(struct ivx_plan_jobs *jobs);

/* Adds what one route wants of one volume. */
bool ivx_plan_jobs_add(struct ivx_plan_jobs *jobs, const struct ivx_config *config,
                       const struct ivx_route *route,
                       const struct ivx_source_volume *volume,
                       const struct ivx_plan_content *content, struct ivx_err *err);

#endif
