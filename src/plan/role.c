/* role.c - the plan role's loop: index the journal, look at the open series, sleep. */
#include "isovox/plan/plan.h"

#include <stdlib.h>

#include "planner.h"

#include "isovox/base/auto.h"
#include "isovox/catalogue/commitment.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/disk.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "isovox/sys/wake.h"

enum { RETAIN_US = 60 * 1000000 };

static void planner_clear(struct ivx_planner *planner)
{
    ivx_plan_cache_free(&planner->cache);
    ivx_trying_free(&planner->trying);
    ivx_outbox_free(&planner->outbox);
    ivx_spool_free(&planner->spool);
    ivx_catalogue_free(&planner->catalogue);
    ivx_config_free(&planner->reread);
    free(planner->memory);
    *planner = (struct ivx_planner){ 0 };
}

static bool open_all(struct ivx_planner *planner, const char *name, int *wake_out,
                     struct ivx_err *err)
{
    const char *state_dir = planner->config->state_dir;
    return ivx_wake_open(state_dir, name, wake_out, err)
           && ivx_trying_open(state_dir, &planner->trying, err)
           && ivx_plan_cache_new(&planner->cache, err)
           && ivx_spool_open(state_dir, &planner->spool, err)
           && ivx_outbox_open(state_dir, &planner->outbox, err)
           && ivx_catalogue_open(state_dir, &planner->catalogue, err);
}

static void reread(struct ivx_planner *planner)
{
    struct ivx_err err = { 0 };
    struct ivx_config *fresh = NULL;
    if (!ivx_config_load(planner->config->file, &fresh, &err)) {
        ivx_log(IVX_ERROR, "config.kept", "text=\"%s\"", err.text);
        return;
    }
    ivx_config_free(&planner->reread);
    planner->reread = fresh;
    planner->config = fresh;
    /* Limits and sources may be others now. */
    planner->knows_all = false;
    for (size_t n = 0; planner->memory != NULL && n < IVX_PLAN_REMEMBERED; n++)
        planner->memory[n].gathered = false;
    ivx_log(IVX_INFO, "config.read", "routes=%zu recipes=%zu", fresh->route_count,
            fresh->recipe_count);
}

static bool turn(struct ivx_planner *planner, int *again_ms_out, struct ivx_err *err)
{
    int64_t newest = 0;
    bool more = false;
    if (!ivx_catalogue_commitment_newest(planner->catalogue, &newest, err)
        || !ivx_plan_index(planner, err)
        || !ivx_plan_commitments(planner, newest, &more, err)
        || !ivx_plan_series(planner, again_ms_out, err))
        return false;
    if (more)
        *again_ms_out = 0;
    return true;
}

static bool is_removing(const struct ivx_planner *planner)
{
    const struct ivx_plan_removing *removing = &planner->removing;
    return removing->results || removing->segments || removing->series;
}

/* The ballast at every turn; the rest is begun once a minute. What fails is tried again in the
 * next, and decisions go on. */
static void keep_house(struct ivx_planner *planner, int64_t *next_us)
{
    struct ivx_err err = { 0 };
    const struct ivx_config *config = planner->config;
    const struct ivx_disk disk = ivx_disk_look(config->state_dir, config->receive.low_water,
                                               config->receive.high_water);
    ivx_disk_tend_ballast(config->state_dir, &disk);
    const int64_t now = ivx_clock_steady_us();
    const bool due = now >= *next_us;
    if (due)
        *next_us = now + RETAIN_US;
    if ((due && !ivx_plan_retain_begin(planner, &err))
        || (is_removing(planner) && !ivx_plan_retain_round(planner, &err)))
        ivx_log(IVX_ERROR, "retain.failed", "what=catalogue code=\"%s\" text=\"%s\"",
                ivx_code_text(err.code), err.text);
}

/* What fails for all series is reported when it begins and when it ends. */
static void report(const struct ivx_err *err, enum ivx_code *last)
{
    if (err->code != *last && err->code != IVX_OK)
        ivx_log(IVX_ERROR, "plan.stuck", "text=\"%s\"", err->text);
    if (err->code != *last && err->code == IVX_OK)
        ivx_log(IVX_INFO, "plan.goes_on", "text=\"the failure is over\"");
    *last = err->code;
}

int ivx_plan_run(const struct ivx_config *config, const char *name)
{
    IVX_AUTO(planner_clear) struct ivx_planner planner = { .config = config };
    IVX_AUTO(ivx_fd_close) int wake = -1;
    struct ivx_err opening = { 0 };
    if (!open_all(&planner, name, &wake, &opening)) {
        ivx_log(IVX_ERROR, "plan.failed", "text=\"%s\"", opening.text);
        return 1;
    }

    enum ivx_code last = IVX_OK;
    int64_t retain_us = 0;
    while (!ivx_stop_wanted()) {
        struct ivx_err err = { 0 };
        int again_ms = 1000;
        if (ivx_reload_wanted())
            reread(&planner);
        turn(&planner, &again_ms, &err);
        keep_house(&planner, &retain_us);
        report(&err, &last);
        ivx_wake_wait(wake, is_removing(&planner) ? 0 : again_ms);
    }
    return 0;
}
