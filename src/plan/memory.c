/* memory.c - what plan knows between two turns: of the series that instances come for, of the
 * clocks, and whether senders can reach us. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/clock.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/disk.h"

/* By which the time of a record may be ahead of the catalogue's: see its clock.h. */
enum { AHEAD_US = 1000000 };

static int64_t ago_us(struct ivx_planner *planner, int64_t at_us)
{
    return ivx_catalogue_now_us(planner->catalogue) - at_us;
}

/* A wall clock's time of a row, as one of the steady clock, which is never set. What happened
 * before the wall clock was set counts from then: how long before, its time does not say. */
static int64_t steady_of(struct ivx_planner *planner, int64_t at_us)
{
    const int64_t now = ivx_clock_steady_us();
    int64_t ago = ago_us(planner, at_us);
    if (ago < -AHEAD_US) { /* it was set back; or forward, a moment ago */
        struct ivx_err err = { 0 };
        if (ivx_catalogue_look_at_clock(planner->catalogue, &err))
            ivx_catalogue_clock_set_us(planner->catalogue, &planner->set_us, &err);
        ago = ago_us(planner, at_us);
    }
    if (ago < -AHEAD_US) /* negative: it was set before this boot, if ever, which is no help */
        return planner->set_us < 0 ? planner->begun_us : planner->set_us;
    const int64_t at = ago > 0 ? now - ago : now;
    return at > planner->set_us ? at : planner->set_us;
}

struct ivx_plan_memory *ivx_plan_remember(struct ivx_planner *planner,
                                          const struct ivx_series_row *row)
{
    struct ivx_plan_memory *memory =
        &planner->memory[(uint64_t)row->id % IVX_PLAN_REMEMBERED];
    const bool same = memory->series_id == row->id;
    const bool as_it_was = same && memory->instances == row->instances
                           && memory->last_us == row->last_us;
    if (!as_it_was) {
        const bool none_new = same && memory->new_us == row->new_us;
        struct ivx_plan_memory fresh = {
            .series_id = row->id,
            .instances = row->instances,
            .last_us = row->last_us,
            .new_us = row->new_us,
            .since_us = steady_of(planner, row->last_us),
            .since_new_us = none_new ? memory->since_new_us : steady_of(planner, row->new_us),
            .written_us = same ? memory->written_us : 0,
        };
        ivx_text_copy(fresh.sender, sizeof fresh.sender, row->calling_ae);
        *memory = fresh;
    }
    /* Touched since, or put off: what others say may be new. */
    if (memory->due_us != row->due_us)
        memory->gathered = false;
    memory->due_us = row->due_us;
    return memory;
}

/* When we begin the configuration may be another, and so may all that series wait for. */
static bool mind_clock(struct ivx_planner *planner, struct ivx_err *err)
{
    if (!ivx_catalogue_look_at_clock(planner->catalogue, err)
        || !ivx_catalogue_clock_set_us(planner->catalogue, &planner->set_us, err)
        || (!planner->knows_all && !ivx_catalogue_due_all(planner->catalogue, err)))
        return false;
    planner->knows_all = true;
    return true;
}

/* Under either mark of the disk senders are turned away. */
static void mind_disk(struct ivx_planner *planner)
{
    struct ivx_plan_ear *ear = &planner->ear;
    const struct ivx_config *config = planner->config;
    const int64_t now = ivx_clock_steady_us();
    if (ivx_disk_look(config->state_dir, config->receive.low_water, config->receive.high_water)
            .level != IVX_DISK_OK)
        ear->turned_us = now;
    if (ear->turned_us == 0 || now - ear->turned_us >= ear->heard_us)
        return;
    ear->heard_us = now - ear->turned_us;
    ear->away = "the disk had no room";
}

/* Silence counts from when somebody has been listening again: senders that were turned away come
 * back. */
static bool mind_receive(struct ivx_planner *planner, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_role_row *rows = NULL;
    size_t count = 0;
    struct ivx_plan_ear *ear = &planner->ear;
    if (!ivx_catalogue_list_roles(planner->catalogue, &rows, &count, err))
        return false;
    ear->heard_us = INT64_MAX;
    ear->away = "receive was away";
    for (size_t n = 0; n < count; n++) {
        if (strcmp(rows[n].name, "receive") != 0)
            continue;
        if (ear->since_us != rows[n].since_us)
            ear->steady_us = steady_of(planner, rows[n].since_us);
        ear->since_us = rows[n].since_us;
        ear->heard_us = ivx_clock_steady_us() - ear->steady_us;
        if (strcmp(rows[n].state, "running") != 0)
            ear->heard_us = 0;
    }
    mind_disk(planner);
    return true;
}

bool ivx_plan_begin_turn(struct ivx_planner *planner, struct ivx_err *err)
{
    if (planner->memory == NULL)
        planner->memory = calloc(IVX_PLAN_REMEMBERED, sizeof *planner->memory);
    if (planner->memory == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for what is known of series");
    if (planner->begun_us == 0)
        planner->begun_us = ivx_clock_steady_us();
    return mind_clock(planner, err) && mind_receive(planner, err);
}
