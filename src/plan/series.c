/* series.c - every open series: does the evidence say that it is complete? */
#include "series.h"

#include "weigh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/catalogue/manifest.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"
#include "isovox/sys/wake.h"

enum { POLL_MS = 1000, SECOND_US = 1000000 };

/* What open series wait for, collected over a turn. */
struct waiting {
    struct ivx_waiting *row; /* owned: room for every open series */
    size_t count;
};

static void waiting_clear(struct waiting *waiting)
{
    free(waiting->row);
}

/* Rows come in the order of the last turn, mostly: looked for from `*at` on, all round. */
static struct ivx_plan_memory *memory_of(struct ivx_planner *planner,
                                         const struct ivx_series_row *row, size_t *at)
{
    for (size_t n = 0; n < planner->memory_count; n++) {
        struct ivx_plan_memory *each = &planner->memory[(*at + n) % planner->memory_count];
        if (each->series_id != row->id)
            continue;
        *at += n + 1;
        return each;
    }
    return NULL;
}

/* Somebody has named instances since: every open series may be one of theirs. */
static bool notice_manifests(struct ivx_planner *planner, struct ivx_err *err)
{
    int64_t newest = 0;
    if (!ivx_catalogue_manifest_newest(planner->catalogue, &newest, err))
        return false;
    for (size_t n = 0; n < planner->memory_count && newest != planner->manifests; n++)
        planner->memory[n].gathered = false;
    planner->manifests = newest;
    return true;
}

/* The memory of this turn: what is still true of the last one, and new rows. */
static bool remember(struct ivx_planner *planner, const struct ivx_series_row *rows,
                     size_t count, struct ivx_err *err)
{
    struct ivx_plan_memory *fresh = calloc(count + 1, sizeof *fresh);
    if (fresh == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for %zu series", count);

    size_t at = 0;
    for (size_t n = 0; n < count; n++) {
        const struct ivx_plan_memory *old = memory_of(planner, &rows[n], &at);
        fresh[n] = (struct ivx_plan_memory){
            .series_id = rows[n].id,
            .instances = rows[n].instances,
            .last_us = rows[n].last_us,
            .noticed_us = ivx_clock_steady_us(),
        };
        ivx_text_copy(fresh[n].sender, sizeof fresh[n].sender, rows[n].calling_ae);
        if (old == NULL)
            continue;
        if (old->instances == rows[n].instances && old->last_us == rows[n].last_us)
            fresh[n] = *old;
        fresh[n].written_us = old->written_us;
    }
    free(planner->memory);
    planner->memory = fresh;
    planner->memory_count = count;
    return true;
}

/* What is missing, in the words of the series' state. */
static enum ivx_reason missing(const struct ivx_plan_memory *memory, const char **text_out)
{
    const bool named = memory->manifest == IVX_PLAN_SHORT;
    const bool hole = !named && memory->geometry == IVX_PLAN_HOLE;
    *text_out = named ? memory->manifest_text : hole ? memory->text : memory->count_text;
    return hole ? IVX_REASON_GAP : IVX_REASON_INCOMPLETE;
}

static bool wait_for_more(struct ivx_planner *planner, const struct ivx_series_row *row,
                          const struct ivx_plan_memory *memory, struct ivx_err *err)
{
    const char *text;
    const char *code = ivx_reason_name(missing(memory, &text));
    if (row->state == IVX_SERIES_WAITING && strcmp(row->note, text) == 0)
        return true;
    char uid[13];
    ivx_log_uid(row->series_uid, uid);
    ivx_log(IVX_INFO, "series.waiting", "series=%s instances=%lld code=%s text=\"%s\"", uid,
            (long long)row->instances, code, text);
    const struct ivx_evidence evidence = { "waiting", code, text, row->instances };
    return ivx_catalogue_series_waits(planner->catalogue, row->id, code, text, err)
           && ivx_catalogue_evidence(planner->catalogue, row->id, &evidence,
                                     ivx_clock_wall_us(), err);
}

/* For people, with figures: why the series was taken as complete. What the verdict rests
 * on (arrivals, associations, announcements, an operator's word) are rows of their own. */
static bool note_evidence(struct ivx_planner *planner, const struct ivx_series_row *row,
                          const struct ivx_plan_memory *memory,
                          const struct ivx_plan_evidence *seen, const char *kind,
                          struct ivx_err *err)
{
    char why[IVX_NOTE_ROOM], text[IVX_NOTE_ROOM + 64];
    ivx_plan_why(seen, memory, why, sizeof why);
    snprintf(text, sizeof text, "%.1f s after the last of %lld instances: %s",
             (double)seen->age_us / SECOND_US, (long long)row->instances, why);
    const struct ivx_evidence evidence = { kind, "", text, row->instances };
    return ivx_catalogue_evidence(planner->catalogue, row->id, &evidence, ivx_clock_wall_us(),
                                  err);
}

/* What it waits for goes into its row: while instances come, once a second. */
static void tell(const struct ivx_plan_evidence *evidence, const struct ivx_plan_answer *answer,
                 struct ivx_plan_memory *memory, struct waiting *waiting)
{
    char why[sizeof memory->why];
    const int64_t now = ivx_clock_steady_us();
    const int64_t limit_us = evidence->age_us + answer->again_us;
    ivx_plan_why(evidence, memory, why, sizeof why);
    /* The age is a clock's: of the same limit it makes another microsecond each time. */
    const int64_t moved = limit_us - memory->limit_us;
    const bool same = strcmp(why, memory->why) == 0 && moved < SECOND_US / 10
                      && moved > -SECOND_US / 10;
    const bool soon = memory->written_us != 0 && now - memory->written_us < SECOND_US;
    if (same || (soon && answer->verdict == IVX_PLAN_LISTEN))
        return;
    ivx_text_copy(memory->why, sizeof memory->why, why);
    memory->limit_us = limit_us;
    memory->written_us = now;
    waiting->row[waiting->count++] = (struct ivx_waiting){ memory->series_id, limit_us,
                                                           memory->why };
}

/* A source is asked when the sender is silent and nothing better has decided; *again_us is
 * brought forward to that. */
static bool ask_source(struct ivx_planner *planner, struct ivx_plan_memory *memory,
                       int64_t age_us, int64_t *again_us, struct ivx_err *err)
{
    const int64_t wait_us = memory->limits.released_us - age_us;
    if (!memory->asked || memory->wanted)
        return true;
    if (wait_us > 0) {
        *again_us = wait_us < *again_us ? wait_us : *again_us;
        return true;
    }
    const struct ivx_source *source = ivx_config_source_for(planner->config, memory->sender);
    if (source == NULL)
        return true;
    if (!ivx_catalogue_inquiry_want(planner->catalogue, memory->series_id, source->name,
                                    memory->instances, err))
        return false;
    memory->wanted = true;
    ivx_wake_send(planner->config->state_dir, "query");
    return true;
}

static bool judge(struct ivx_planner *planner, const struct ivx_series_row *row,
                  struct ivx_plan_memory *memory, struct waiting *waiting, int64_t *again_us,
                  struct ivx_err *err)
{
    bool forced;
    if (!ivx_catalogue_series_is_forced(planner->catalogue, row->id, &forced, err))
        return false;
    if (!memory->gathered && !ivx_plan_gather(planner, memory, err))
        return false;
    memory->gathered = true;
    struct ivx_plan_evidence evidence = ivx_plan_evidence_of(row, memory, forced);
    if (ivx_plan_needs_geometry(&evidence, &memory->limits)) {
        if (!ivx_plan_look(planner, memory, err))
            return false;
        evidence.geometry = memory->geometry;
    }

    const struct ivx_plan_answer answer = ivx_plan_judge(&evidence, &memory->limits);
    *again_us = answer.again_us;
    if (answer.verdict == IVX_PLAN_COMPLETE || answer.verdict == IVX_PLAN_POLICY)
        /* In this order, so that a decision that fails over and over leaves no trail of rows. */
        return ivx_plan_decide(planner, row, memory, &answer, err)
               && note_evidence(planner, row, memory, &evidence, answer.kind, err);
    tell(&evidence, &answer, memory, waiting);
    if (!ask_source(planner, memory, evidence.age_us, again_us, err))
        return false;
    return answer.verdict != IVX_PLAN_WAIT || wait_for_more(planner, row, memory, err);
}

/* False only for what concerns every series. */
static bool consider(struct ivx_planner *planner, const struct ivx_series_row *row,
                     struct ivx_plan_memory *memory, struct waiting *waiting,
                     int64_t *again_us, struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    bool done;
    *again_us = POLL_MS * 1000;
    if (ivx_trying_begin(planner->trying, IVX_TRYING_SERIES, (uint64_t)row->id,
                         (uint64_t)row->instances)) {
        done = judge(planner, row, memory, waiting, again_us, &why);
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
    const enum ivx_reason reason =
        why.code == IVX_REFUSED ? IVX_REASON_TOO_LARGE : IVX_REASON_DAMAGED;
    return ivx_plan_refuse(planner, row, ivx_reason_name(reason), why.text, err);
}

bool ivx_plan_series(struct ivx_planner *planner, int *again_ms_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *rows = NULL;
    size_t count = 0;
    *again_ms_out = POLL_MS;
    if (!ivx_catalogue_open_series(planner->catalogue, &rows, &count, err)
        || !remember(planner, rows, count, err) || !notice_manifests(planner, err))
        return false;

    IVX_AUTO(waiting_clear)
    struct waiting waiting = { .row = calloc(count + 1, sizeof *waiting.row) };
    if (waiting.row == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for %zu series", count);

    struct ivx_err first = { 0 };
    for (size_t n = 0; n < count; n++) {
        struct ivx_err why = { 0 };
        int64_t again_us = 0;
        /* One series that fails does not hold up the others. */
        if (!consider(planner, &rows[n], &planner->memory[n], &waiting, &again_us, &why)
            && first.code == IVX_OK)
            first = why;
        if (again_us / 1000 + 1 < *again_ms_out)
            *again_ms_out = (int)(again_us / 1000) + 1;
    }
    if (!ivx_catalogue_series_why(planner->catalogue, waiting.row, waiting.count, err))
        return false;
    return first.code == IVX_OK || ivx_fail(err, first.code, "%s", first.text);
}
