/* series.c - the open series that are due: does the evidence say that they are complete? */
#include "series.h"

#include "memory.h"
#include "weigh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/clock.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"
#include "isovox/sys/wake.h"

/* A turn ends so that what has come meanwhile is indexed; the rest has the next one. */
enum { POLL_MS = 1000, SECOND_US = 1000000, TURN_US = SECOND_US / 2, TOLD = 256 };

/* What a turn collects. */
struct turn {
    struct ivx_planner *planner;
    int64_t again_us; /* until a series that was looked at is to be looked at again */
    size_t told;
    struct ivx_waiting waiting[TOLD];
};

static bool tell_all(struct turn *turn, struct ivx_err *err)
{
    const size_t count = turn->told;
    turn->told = 0;
    return ivx_catalogue_series_why(turn->planner->catalogue, turn->waiting, count, err);
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
static bool decide(struct ivx_planner *planner, const struct ivx_series_row *row,
                   const struct ivx_plan_memory *memory, const struct ivx_plan_evidence *seen,
                   const struct ivx_plan_answer *answer, struct ivx_err *err)
{
    char why[IVX_NOTE_ROOM], text[IVX_NOTE_ROOM + 64];
    ivx_plan_why(seen, memory, why, sizeof why);
    snprintf(text, sizeof text, "%.1f s after the last of %lld instances: %s",
             (double)ivx_plan_age(memory) / SECOND_US, (long long)row->instances, why);
    const struct ivx_evidence evidence = { answer->kind, "", text, row->instances };
    return ivx_plan_decide(planner, row, memory, answer, &evidence, err);
}

/* What it waits for and until when goes into its row: while instances come, once a second. Until
 * that is written it stays due. */
static bool tell(struct turn *turn, const struct ivx_series_row *row,
                 const struct ivx_plan_evidence *evidence, const struct ivx_plan_answer *answer,
                 int64_t again_us, struct ivx_plan_memory *memory, struct ivx_err *err)
{
    const int64_t now = ivx_clock_steady_us();
    const int64_t wall = ivx_catalogue_now_us(turn->planner->catalogue);
    const bool soon = memory->written_us != 0 && now - memory->written_us < SECOND_US;
    if (soon && row->due_us < 0 && answer->verdict == IVX_PLAN_LISTEN)
        return true;
    struct ivx_waiting *waiting = &turn->waiting[turn->told++];
    *waiting = (struct ivx_waiting){
        .series_id = row->id,
        .limit_us = wall + answer->again_us - row->last_us,
        .seen_us = row->due_us,
        .due_us = wall + again_us,
    };
    ivx_plan_why(evidence, memory, waiting->why, sizeof waiting->why);
    memory->written_us = now;
    memory->due_us = waiting->due_us;
    return turn->told < TOLD || tell_all(turn, err);
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

/* What is named and missing may come as part of another series, which tells nobody of this
 * one: it is looked at now and then. */
static int64_t again_of(const struct ivx_plan_answer *answer, int64_t age_us,
                        struct ivx_plan_memory *memory)
{
    if (memory->manifest != IVX_PLAN_SHORT)
        return answer->again_us;
    int64_t again_us = age_us / 8 < 300 * (int64_t)SECOND_US ? age_us / 8
                                                              : 300 * (int64_t)SECOND_US;
    again_us = again_us > SECOND_US ? again_us : SECOND_US;
    memory->gathered = false;
    return again_us < answer->again_us ? again_us : answer->again_us;
}

static bool judge(struct turn *turn, const struct ivx_series_row *row,
                  struct ivx_plan_memory *memory, int64_t *again_us, struct ivx_err *err)
{
    struct ivx_planner *planner = turn->planner;
    if (!memory->gathered && !ivx_plan_gather(planner, memory, err))
        return false;
    memory->gathered = true;
    struct ivx_plan_evidence evidence = ivx_plan_evidence_of(planner, row, memory);
    if (ivx_plan_needs_geometry(&evidence, &memory->limits)) {
        if (!ivx_plan_look(planner, memory, err))
            return false;
        evidence.geometry = memory->geometry;
    }

    const struct ivx_plan_answer answer = ivx_plan_judge(&evidence, &memory->limits);
    if (answer.verdict == IVX_PLAN_COMPLETE || answer.verdict == IVX_PLAN_POLICY)
        return decide(planner, row, memory, &evidence, &answer, err);
    *again_us = again_of(&answer, evidence.age_us, memory);
    if (!ask_source(planner, memory, evidence.age_us, again_us, err)
        || !tell(turn, row, &evidence, &answer, *again_us, memory, err))
        return false;
    return answer.verdict != IVX_PLAN_WAIT || wait_for_more(planner, row, memory, err);
}

/* One of its instances cannot be read now: it is looked at when that has been tried again, which
 * marks it. False: there is none, and `why` concerns every series. */
static bool put_off(struct turn *turn, const struct ivx_series_row *row,
                    struct ivx_plan_memory *memory, const struct ivx_err *why,
                    struct ivx_err *err)
{
    char note[IVX_NOTE_ROOM];
    struct ivx_err unknown = { 0 };
    int64_t left_us = 0;
    if (why->code != IVX_RETRY
        || !ivx_catalogue_series_unread(turn->planner->catalogue, row->id, &left_us, note,
                                        &unknown)
        || left_us == 0)
        return ivx_fail(err, why->code, "%s", why->text);
    const int64_t now = ivx_catalogue_now_us(turn->planner->catalogue);
    struct ivx_waiting *waiting = &turn->waiting[turn->told++];
    *waiting = (struct ivx_waiting){ .series_id = row->id, .seen_us = row->due_us,
                                     .due_us = now + left_us + SECOND_US };
    snprintf(waiting->why, sizeof waiting->why, "an instance cannot be read now: %.200s", note);
    memory->due_us = waiting->due_us;
    return turn->told < TOLD || tell_all(turn, err);
}

/* False only for what concerns every series. */
static bool consider(struct turn *turn, const struct ivx_series_row *row,
                     struct ivx_plan_memory *memory, struct ivx_err *err)
{
    struct ivx_planner *planner = turn->planner;
    struct ivx_err why = { 0 };
    int64_t again_us = POLL_MS * 1000;
    bool done;
    if (ivx_trying_begin(planner->trying, IVX_TRYING_SERIES, (uint64_t)row->id,
                         (uint64_t)row->instances)) {
        done = judge(turn, row, memory, &again_us, &why);
        ivx_trying_end(planner->trying);
    } else {
        done = ivx_plan_refuse(planner, row, ivx_reason_name(IVX_REASON_DAMAGED),
                               "looking at it has ended the plan role twice", &why);
    }
    turn->again_us = again_us < turn->again_us ? again_us : turn->again_us;
    if (done || why.code == IVX_STALE)
        return true;
    if (why.code == IVX_RETRY || why.code == IVX_FULL)
        return put_off(turn, row, memory, &why, err);
    /* An instance that could be read when it was indexed cannot be read any more. */
    const enum ivx_reason reason =
        why.code == IVX_REFUSED ? IVX_REASON_TOO_LARGE : IVX_REASON_DAMAGED;
    return ivx_plan_refuse(planner, row, ivx_reason_name(reason), why.text, err);
}

static bool look_at(struct turn *turn, int64_t id, struct ivx_err *err)
{
    struct ivx_series_row row;
    return ivx_catalogue_get_series(turn->planner->catalogue, id, &row, err)
           && consider(turn, &row, ivx_plan_remember(turn->planner, &row), err);
}

/* One series that fails does not hold up the others; the first failure is told. *left_out: how
 * many had no time. */
static bool look_at_all(struct turn *turn, const int64_t *ids, size_t count, size_t *left_out,
                        struct ivx_err *err)
{
    struct ivx_err first = { 0 };
    size_t n = 0;
    const int64_t start = ivx_clock_steady_us();
    for (; n < count && ivx_clock_steady_us() - start < TURN_US; n++) {
        struct ivx_err why = { 0 };
        if (!look_at(turn, ids[n], &why) && first.code == IVX_OK)
            first = why;
    }
    *left_out = count - n;
    if (!tell_all(turn, err))
        return false;
    return first.code == IVX_OK || ivx_fail(err, first.code, "%s", first.text);
}

bool ivx_plan_series(struct ivx_planner *planner, int *again_ms_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) int64_t *ids = NULL;
    IVX_AUTO(ivx_memory_free) struct turn *turn = calloc(1, sizeof *turn);
    size_t count = 0, left = 0;
    int64_t next_us = 0, now_us = 0;
    *again_ms_out = POLL_MS;
    if (turn == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for a turn");
    turn->planner = planner;
    turn->again_us = POLL_MS * 1000;
    if (!ivx_plan_begin_turn(planner, err))
        return false;
    now_us = ivx_catalogue_now_us(planner->catalogue);
    if (!ivx_catalogue_due(planner->catalogue, now_us, &ids, &count, err)
        || !look_at_all(turn, ids, count, &left, err)
        || !ivx_catalogue_due_next(planner->catalogue, now_us, &next_us, err))
        return false;
    if (next_us > 0 && next_us - now_us < turn->again_us)
        turn->again_us = next_us - now_us;
    *again_ms_out = left > 0 ? 0 : (int)(turn->again_us / 1000) + 1;
    return true;
}
