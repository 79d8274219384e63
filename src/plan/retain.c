/* retain.c - the spool and the outbox hold what is being worked on, and for plan.keep what
 * is done. The catalogue names what may go; the files follow; a crash between the two is
 * made good by the next turn. */
#include "planner.h"

#include <inttypes.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/catalogue/clock.h"
#include "isovox/catalogue/performed.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

/* In a round, so that decisions do not wait: the next comes at once where one was not enough. A
 * segment that is not wanted any more may still be open, hence more of these. */
enum { RESULTS_AT_ONCE = 32, SEGMENTS_AT_ONCE = 256, SERIES_AT_ONCE = 64 };
enum { ROUND_US = 200000 };
static const int64_t hour_us = INT64_C(3600000000), day_us = INT64_C(86400000000);

/* What cannot be removed now does not hold up the rest: it is named again in the next turn. */
static void report(const char *what, const struct ivx_err *why)
{
    ivx_log(IVX_ERROR, "retain.failed", "what=%s code=\"%s\" text=\"%s\"", what,
            ivx_code_text(why->code), why->text);
}

static bool remove_result(struct ivx_planner *planner, const struct ivx_old_result *result)
{
    struct ivx_err why = { 0 };
    if (!ivx_outbox_remove(planner->outbox, result->outbox_key, &why)
        || !ivx_catalogue_result_removed(planner->catalogue, result->job_id, &why)) {
        report("result", &why);
        return false;
    }
    ivx_log(IVX_INFO, "result.removed", "job=%lld", (long long)result->job_id);
    return true;
}

static bool remove_leftovers(struct ivx_planner *planner, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_old_result *rows = NULL;
    size_t count = 0;
    if (!ivx_catalogue_leftover_results(planner->catalogue, &rows, &count, err))
        return false;
    for (size_t n = 0; n < count; n++)
        remove_result(planner, &rows[n]);
    return true;
}

static bool remove_results(struct ivx_planner *planner, int64_t before_us, bool *more_out,
                           struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct ivx_old_result *rows = NULL;
    size_t count = 0;
    if (!ivx_catalogue_old_results(planner->catalogue, before_us, RESULTS_AT_ONCE, &rows, &count,
                                   err))
        return false;
    *more_out = count == RESULTS_AT_ONCE;
    for (size_t n = 0; n < count; n++)
        *more_out &= remove_result(planner, &rows[n]);
    return true;
}

struct farewell {
    struct ivx_planner *planner;
    uint64_t segment;
    int64_t before_us;
    struct ivx_segment_loss loss;
};

static bool agree(void *context, struct ivx_err *err)
{
    struct farewell *farewell = context;
    return ivx_catalogue_segment_goes(farewell->planner->catalogue, farewell->segment,
                                      farewell->before_us, &farewell->loss, err);
}

static bool remove_segment(struct ivx_planner *planner, const struct ivx_spool_mark *mark,
                           int64_t before_us, bool *removed_out, struct ivx_err *err)
{
    struct farewell farewell = { planner, mark->segment, before_us, { 0 } };
    struct ivx_err why = { 0 };
    if (!ivx_spool_reclaim(planner->spool, mark, agree, &farewell, &why)) {
        /* Being written, with something new in it, or wanted again: another time. One whose
         * first pages are damaged stays for whoever looks into it. */
        if (why.code == IVX_RETRY || why.code == IVX_STALE || why.code == IVX_DAMAGED)
            return true;
        if (why.code != IVX_ABSENT)
            return ivx_fail(err, why.code, "%s", why.text);
        /* A crash after its file had gone, or somebody has removed it. */
        if (!agree(&farewell, err))
            return false;
    }
    ivx_log(farewell.loss.aside > 0 ? IVX_WARNING : IVX_INFO, "segment.removed",
            "segment=%016" PRIx64 " instances=%lld aside=%lld", mark->segment,
            (long long)farewell.loss.instances, (long long)farewell.loss.aside);
    *removed_out = true;
    return ivx_catalogue_segment_removed(planner->catalogue, mark->segment, err);
}

/* What cannot go is named again: another round comes only where this one got somewhere. */
static bool remove_segments(struct ivx_planner *planner, int64_t before_us, bool *more_out,
                            struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) uint64_t (*pairs)[2] = NULL;
    const int64_t until_us = ivx_clock_steady_us() + ROUND_US;
    bool removed = false, failed = false;
    size_t count = 0, n = 0;
    if (!ivx_catalogue_old_segments(planner->catalogue, before_us, SEGMENTS_AT_ONCE, &pairs,
                                    &count, err))
        return false;
    for (; n < count && (!removed || ivx_clock_steady_us() < until_us); n++) {
        const struct ivx_spool_mark mark = { pairs[n][0], pairs[n][1] };
        struct ivx_err why = { 0 };
        if (remove_segment(planner, &mark, before_us, &removed, &why))
            continue;
        report("segment", &why);
        failed = true;
    }
    *more_out = removed && !failed && (n < count || count == SEGMENTS_AT_ONCE);
    return true;
}

static bool forget(struct ivx_planner *planner, int64_t before_us, bool *more_out,
                   struct ivx_err *err)
{
    size_t count = 0;
    if (!ivx_catalogue_forget(planner->catalogue, before_us, SERIES_AT_ONCE, &count, err))
        return false;
    if (count > 0)
        ivx_log(IVX_INFO, "series.forgotten", "series=%zu text=\"plan.history is over\"", count);
    *more_out = count == SERIES_AT_ONCE;
    return true;
}

/* Images may come a day after their procedure step. */
static bool forget_steps(struct ivx_planner *planner, struct ivx_err *err)
{
    const int64_t keep_us = planner->config->plan.keep * hour_us;
    int64_t before_us = 0;
    return ivx_catalogue_over_us(planner->catalogue, keep_us > day_us ? keep_us : day_us,
                                 &before_us, err)
           && ivx_catalogue_steps_forget(planner->catalogue, before_us, err);
}

bool ivx_plan_retain_begin(struct ivx_planner *planner, struct ivx_err *err)
{
    planner->removing = (struct ivx_plan_removing){ true, true, true };
    return remove_leftovers(planner, err) && forget_steps(planner, err);
}

bool ivx_plan_retain_round(struct ivx_planner *planner, struct ivx_err *err)
{
    const struct ivx_plan_removing now = planner->removing;
    struct ivx_plan_removing *next = &planner->removing;
    int64_t before_us = 0, history_us = 0;
    *next = (struct ivx_plan_removing){ 0 };
    return ivx_catalogue_over_us(planner->catalogue, planner->config->plan.keep * hour_us,
                                 &before_us, err)
           && ivx_catalogue_over_us(planner->catalogue, planner->config->plan.history * day_us,
                                    &history_us, err)
           && (!now.results || remove_results(planner, before_us, &next->results, err))
           && (!now.segments || remove_segments(planner, before_us, &next->segments, err))
           && (!now.series || forget(planner, history_us, &next->series, err));
}
