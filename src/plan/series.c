/* series.c - every open series: does the evidence say that it is complete? */
#include "series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

enum { POLL_MS = 1000, SECOND_US = 1000000 };

static struct ivx_plan_memory *memory_of(struct ivx_planner *planner,
                                         const struct ivx_series_row *row)
{
    for (size_t n = 0; n < planner->memory_count; n++)
        if (planner->memory[n].series_id == row->id)
            return &planner->memory[n];
    return NULL;
}

/* The memory of this turn: what is still true of the last one, and new rows. */
static bool remember(struct ivx_planner *planner, const struct ivx_series_row *rows,
                     size_t count, struct ivx_err *err)
{
    struct ivx_plan_memory *fresh = calloc(count + 1, sizeof *fresh);
    if (fresh == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for %zu series", count);

    for (size_t n = 0; n < count; n++) {
        const struct ivx_plan_memory *old = memory_of(planner, &rows[n]);
        fresh[n] = (struct ivx_plan_memory){
            .series_id = rows[n].id,
            .instances = rows[n].instances,
            .last_us = rows[n].last_us,
            .noticed_us = ivx_clock_steady_us(),
        };
        if (old != NULL && old->instances == rows[n].instances
            && old->last_us == rows[n].last_us)
            fresh[n] = *old;
    }
    free(planner->memory);
    planner->memory = fresh;
    planner->memory_count = count;
    return true;
}

static bool has_hole(const struct ivx_assembly *assembly, char *text, size_t room)
{
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++) {
        const struct ivx_refusal *refusal = ivx_assembly_refusal(assembly, n);
        if (refusal->reason == IVX_REASON_GAP) {
            ivx_text_copy(text, room, refusal->text);
            return true;
        }
    }
    return false;
}

static bool judge_geometry(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                           struct ivx_err *err)
{
    IVX_AUTO(ivx_plan_content_free) struct ivx_plan_content content = { 0 };
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = NULL;
    const struct ivx_assemble_options options = { IVX_GAP_REFUSE, false };
    if (memory->instances > IVX_PLAN_MOST_INSTANCES) {
        memory->geometry = IVX_PLAN_NOTHING;
        return true;
    }
    if (!ivx_plan_content_read(planner, memory->series_id, &content, err)
        || !ivx_assemble(content.instances, content.count, &options, &assembly, err))
        return false;

    const int volumes = ivx_assembly_volumes(assembly);
    memory->geometry = volumes > 0 ? IVX_PLAN_WHOLE : IVX_PLAN_NOTHING;
    snprintf(memory->text, sizeof memory->text, "%d volume%s without a hole", volumes,
             volumes == 1 ? "" : "s");
    if (has_hole(assembly, memory->text, sizeof memory->text))
        memory->geometry = IVX_PLAN_HOLE;
    return true;
}

static struct ivx_plan_limits limits_of(const struct ivx_config *config)
{
    return (struct ivx_plan_limits){
        .quiet_us = config->plan.quiet * SECOND_US,
        .quiet_released_us = config->plan.quiet_released * SECOND_US,
        .deadline_us = config->plan.deadline * SECOND_US,
    };
}

/* The wall clock may be set back: what this process has seen pass counts as well. */
static int64_t age_of(const struct ivx_plan_memory *memory)
{
    const int64_t wall = ivx_clock_wall_us() - memory->last_us;
    const int64_t seen = ivx_clock_steady_us() - memory->noticed_us;
    return wall > seen ? wall : seen;
}

static bool wait_for_more(struct ivx_planner *planner, const struct ivx_series_row *row,
                          const struct ivx_plan_memory *memory, struct ivx_err *err)
{
    if (row->state == IVX_SERIES_WAITING && strcmp(row->note, memory->text) == 0)
        return true;
    char uid[13];
    ivx_log_uid(row->series_uid, uid);
    ivx_log(IVX_INFO, "series.waiting", "series=%s instances=%lld code=GAP text=\"%s\"", uid,
            (long long)row->instances, memory->text);
    return ivx_catalogue_series_waits(planner->catalogue, row->id,
                                      ivx_reason_name(IVX_REASON_GAP), memory->text, err)
           && ivx_catalogue_evidence(planner->catalogue, row->id, "geometry", memory->text,
                                     ivx_clock_wall_us(), err);
}

/* For people, with figures: why the series was taken as complete. What the verdict rests
 * on (arrivals, associations, an operator's word) are rows of their own. */
static bool note_evidence(struct ivx_planner *planner, const struct ivx_series_row *row,
                          const struct ivx_plan_memory *memory, const char *kind,
                          struct ivx_err *err)
{
    char text[160];
    snprintf(text, sizeof text, "%.1f s after the last of %lld instances",
             (double)age_of(memory) / SECOND_US, (long long)row->instances);
    const int64_t now = ivx_clock_wall_us();
    if (memory->geometry != IVX_PLAN_UNKNOWN
        && !ivx_catalogue_evidence(planner->catalogue, row->id, "geometry", memory->text, now,
                                   err))
        return false;
    return ivx_catalogue_evidence(planner->catalogue, row->id, kind, text, now, err);
}

static bool decide(struct ivx_planner *planner, const struct ivx_series_row *row,
                   const struct ivx_plan_memory *memory, const char *kind,
                   struct ivx_err *err)
{
    /* In this order, so that a decision that fails over and over leaves no trail of rows. */
    return ivx_plan_decide(planner, row, kind, err)
           && note_evidence(planner, row, memory, kind, err);
}

static bool judge(struct ivx_planner *planner, const struct ivx_series_row *row,
                  struct ivx_plan_memory *memory, int64_t *again_us, struct ivx_err *err)
{
    const struct ivx_plan_limits limits = limits_of(planner->config);
    struct ivx_plan_evidence evidence = {
        .age_us = age_of(memory),
        .all_released = row->all_released,
        .geometry = memory->geometry,
    };
    if (!ivx_catalogue_series_is_forced(planner->catalogue, row->id, &evidence.forced, err))
        return false;
    if (ivx_plan_needs_geometry(&evidence, &limits)
        && !judge_geometry(planner, memory, err))
        return false;
    evidence.geometry = memory->geometry;

    const struct ivx_plan_answer answer = ivx_plan_judge(&evidence, &limits);
    *again_us = answer.again_us;
    if (answer.verdict == IVX_PLAN_DECIDE)
        return decide(planner, row, memory, answer.kind, err);
    return answer.verdict != IVX_PLAN_WAIT || wait_for_more(planner, row, memory, err);
}

/* False only for what concerns every series. */
static bool consider(struct ivx_planner *planner, const struct ivx_series_row *row,
                     struct ivx_plan_memory *memory, int64_t *again_us, struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    bool done;
    *again_us = POLL_MS * 1000;
    if (ivx_trying_begin(planner->trying, IVX_TRYING_SERIES, (uint64_t)row->id,
                         (uint64_t)row->instances)) {
        done = judge(planner, row, memory, again_us, &why);
        ivx_trying_end(planner->trying);
    } else {
        done = ivx_plan_refuse(planner, row, ivx_reason_name(IVX_REASON_DAMAGED),
                               "looking at it has ended the plan role twice", &why);
    }
    if (done || why.code == IVX_STALE)
        return true;
    if (why.code == IVX_RETRY || why.code == IVX_FULL)
        return ivx_fail(err, why.code, "%s", why.text);
    /* An instance that could be read when it was indexed cannot be read any more. */
    return ivx_plan_refuse(planner, row, ivx_reason_name(IVX_REASON_DAMAGED), why.text, err);
}

bool ivx_plan_series(struct ivx_planner *planner, int *again_ms_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *rows = NULL;
    size_t count = 0;
    *again_ms_out = POLL_MS;
    if (!ivx_catalogue_open_series(planner->catalogue, &rows, &count, err)
        || !remember(planner, rows, count, err))
        return false;

    struct ivx_err first = { 0 };
    for (size_t n = 0; n < count; n++) {
        struct ivx_err why = { 0 };
        int64_t again_us = 0;
        /* One series that fails does not hold up the others. */
        if (!consider(planner, &rows[n], &planner->memory[n], &again_us, &why)
            && first.code == IVX_OK)
            first = why;
        if (again_us / 1000 + 1 < *again_ms_out)
            *again_ms_out = (int)(again_us / 1000) + 1;
    }
    return first.code == IVX_OK || ivx_fail(err, first.code, "%s", first.text);
}
