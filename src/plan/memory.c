/* memory.c - what plan knows between two turns: of the series that instances come for, of the
 * clocks, and whether senders can reach us. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"

enum { JUMP_US = 1000000 };

/* Of a series that came while the clock was ahead, its row says nothing that could be used:
 * the time from the jump on counts. */
static int64_t noticed_now(const struct ivx_planner *planner, int64_t wall_us)
{
    return wall_us > ivx_clock_wall_us() ? planner->jumped_us : ivx_clock_steady_us();
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
            .noticed_us = noticed_now(planner, row->last_us),
            .noticed_new_us = none_new ? memory->noticed_new_us
                                       : noticed_now(planner, row->new_us),
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

/* Rows hold times of the wall clock. When that jumps, and when we begin (the configuration may
 * be another), none of them can be trusted. */
static bool mind_clock(struct ivx_planner *planner, struct ivx_err *err)
{
    const int64_t steady = ivx_clock_steady_us();
    const int64_t clock = ivx_clock_wall_us() - steady;
    const int64_t jump = clock - planner->clock_us;
    if (planner->clock_us != 0 && jump < JUMP_US && jump > -JUMP_US)
        return true;
    if (!ivx_catalogue_due_all(planner->catalogue, err))
        return false;
    planner->clock_us = clock;
    planner->jumped_us = steady;
    return true;
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
    for (size_t n = 0; n < count; n++) {
        if (strcmp(rows[n].name, "receive") != 0)
            continue;
        if (ear->since_us != rows[n].since_us)
            *ear = (struct ivx_plan_ear){ rows[n].since_us, ivx_clock_steady_us(), 0 };
        const int64_t wall = ivx_clock_wall_us() - ear->since_us;
        const int64_t seen = ivx_clock_steady_us() - ear->noticed_us;
        ear->heard_us = wall > seen ? wall : seen;
        if (strcmp(rows[n].state, "running") != 0)
            ear->heard_us = 0;
    }
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
