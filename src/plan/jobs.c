#include "jobs.h"

#include <stdlib.h>
#include <string.h>

#include "route.h"

#include "isovox/base/auto.h"
#include "isovox/base/text.h"


static void job_clear(struct ivx_plan_job *job)
{
    free(job->recipe_json);
    free(job->instance_ids);
    free(job->destinations);
}

void ivx_plan_jobs_free(struct ivx_plan_jobs *jobs)
{
    for (size_t n = 0; n < jobs->count; n++)
        job_clear(&jobs->job[n]);
    free(jobs->job);
    *jobs = (struct ivx_plan_jobs){ 0 };
}

static bool bridges_gap(const struct ivx_source_volume *volume)
{
    for (int n = 0; n < volume->warning_count; n++)
        if (volume->warnings[n].reason == IVX_REASON_GAP_INTERPOLATED)
            return true;
    return false;
}

/* The instances that the slices are from, each once, in the order of the slices. */
static void list_instances(struct ivx_plan_job *job, const struct ivx_source_volume *volume,
                           const struct ivx_plan_content *content, bool *listed)
{
    for (int32_t k = 0; k < volume->stack.slices; k++) {
        const struct ivx_instance_row *row = ivx_plan_content_row(content, volume->slices[k]);
        if (listed[row - content->rows])
            continue;
        listed[row - content->rows] = true;
        job->instance_ids[job->instance_count++] = row->id;
    }
}

static bool add_slices(struct ivx_plan_job *job, const struct ivx_source_volume *volume,
                       const struct ivx_plan_content *content, struct ivx_err *err)
{
    const size_t count = (size_t)volume->stack.slices;
    IVX_AUTO(ivx_memory_free) const char **sha256 = calloc(count, sizeof *sha256);
    IVX_AUTO(ivx_memory_free) bool *listed = calloc(content->count, sizeof *listed);
    job->instance_ids = calloc(count, sizeof *job->instance_ids);
    if (sha256 == NULL || listed == NULL || job->instance_ids == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for %zu slices", count);

    for (size_t k = 0; k < count; k++) {
        const struct ivx_instance_row *row = ivx_plan_content_row(content, volume->slices[k]);
        if (row == NULL)
            return ivx_fail(err, IVX_BUG, "plan: a slice that nobody sent");
        sha256[k] = row->sha256_hex;
    }
    list_instances(job, volume, content, listed);
    return ivx_volume_key(volume, sha256, job->recipe_json, job->key, err);
}

static struct ivx_plan_job *find(const struct ivx_plan_jobs *jobs, const char *key)
{
    for (size_t n = 0; n < jobs->count; n++)
        if (strcmp(jobs->job[n].key, key) == 0)
            return &jobs->job[n];
    return NULL;
}

static bool has_destination(const struct ivx_plan_job *job, const char *name)
{
    for (size_t n = 0; n < job->destination_count; n++)
        if (strcmp(job->destinations[n], name) == 0)
            return true;
    return false;
}

static bool add_destinations(struct ivx_plan_job *job, const struct ivx_route *route,
                             struct ivx_err *err)
{
    const size_t most = job->destination_count + route->destinations.count;
    const char **grown = realloc(job->destinations, (most + 1) * sizeof *grown);
    if (grown == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for %zu destinations", most);
    job->destinations = grown;
    for (size_t n = 0; n < route->destinations.count; n++)
        if (!has_destination(job, route->destinations.value[n]))
            job->destinations[job->destination_count++] = route->destinations.value[n];
    return true;
}

static int priority_of(const struct ivx_route *route)
{
    const bool stat = route->priority != NULL && strcmp(route->priority, "stat") == 0;
    return stat ? IVX_PRIORITY_STAT : IVX_PRIORITY_ROUTINE;
}

static bool push(struct ivx_plan_jobs *jobs, struct ivx_plan_job *job, struct ivx_err *err)
{
    if (jobs->count == jobs->room) {
        const size_t room = jobs->room == 0 ? 8 : 2 * jobs->room;
        struct ivx_plan_job *grown = realloc(jobs->job, room * sizeof *grown);
        if (grown == NULL)
            return ivx_fail(err, IVX_FULL, "plan: no memory for %zu jobs", room);
        jobs->job = grown;
        jobs->room = room;
    }
    jobs->job[jobs->count++] = *job;
    *job = (struct ivx_plan_job){ 0 };
    return true;
}

static bool add_recipe(struct ivx_plan_jobs *jobs, const struct ivx_config_recipe *recipe,
                       const struct ivx_route *route, const struct ivx_source_volume *volume,
                       const struct ivx_plan_content *content, struct ivx_err *err)
{
    IVX_AUTO(job_clear)
    struct ivx_plan_job job = { .recipe_name = recipe->name, .route = route->name };
    if (!ivx_plan_recipe_json(recipe, bridges_gap(volume), &job.recipe_json, err)
        || !add_slices(&job, volume, content, err))
        return false;
    ivx_source_text(volume, job.volume_text, sizeof job.volume_text);

    job.priority = priority_of(route);
    struct ivx_plan_job *known = find(jobs, job.key);
    if (known != NULL && known->priority < job.priority)
        known->priority = job.priority;
    if (known != NULL)
        return add_destinations(known, route, err);
    return add_destinations(&job, route, err) && push(jobs, &job, err);
}

bool ivx_plan_jobs_add(struct ivx_plan_jobs *jobs, const struct ivx_config *config,
                       const struct ivx_route *route, const struct ivx_source_volume *volume,
                       const struct ivx_plan_content *content, struct ivx_err *err)
{
    for (size_t n = 0; n < route->recipes.count; n++) {
        const struct ivx_config_recipe *recipe
            = ivx_config_recipe_find(config, route->recipes.value[n]);
        if (recipe == NULL)
            return ivx_fail(err, IVX_BUG, "plan: route %s has no recipe %s", route->name,
                            route->recipes.value[n]);
        if (!add_recipe(jobs, recipe, route, volume, content, err))
            return false;
    }
    return true;
}
