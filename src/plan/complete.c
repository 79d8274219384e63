#include "complete.h"

#include <stddef.h>

#include "isovox/base/auto.h"

enum { AGES = 5 };

/* Limits in any order: none is under the one before it, and none over the deadline. */
static void order(const struct ivx_plan_limits *limits, int64_t out[AGES])
{
    const int64_t given[AGES] = { limits->full_us, limits->released_us, limits->learned_us,
                                  limits->quiet_us, limits->deadline_us };
    int64_t least = 0;
    for (int n = 0; n < AGES; n++) {
        least = given[n] > least ? given[n] : least;
        least = least < limits->deadline_us ? least : limits->deadline_us;
        out[n] = least;
    }
}

static struct ivx_plan_answer say(enum ivx_plan_verdict verdict, const char *kind)
{
    return (struct ivx_plan_answer){ .verdict = verdict, .kind = kind };
}

/* Without anything that names or counts what should be here. */
static struct ivx_plan_answer by_silence(const struct ivx_plan_evidence *evidence,
                                         const int64_t age[AGES])
{
    const bool hole = evidence->geometry == IVX_PLAN_HOLE;
    if (evidence->age_us < age[3])
        return say(IVX_PLAN_LISTEN, NULL);
    if (hole && evidence->manifest == IVX_PLAN_MET)
        return say(IVX_PLAN_POLICY, "manifest");
    if (hole && evidence->count == IVX_PLAN_MET)
        return say(IVX_PLAN_POLICY, "count");
    return hole ? say(IVX_PLAN_WAIT, NULL) : say(IVX_PLAN_COMPLETE, "quiet");
}

/* Nothing is known to be missing. */
static struct ivx_plan_answer by_geometry(const struct ivx_plan_evidence *evidence,
                                          const int64_t age[AGES])
{
    const int64_t now = evidence->age_us;
    const bool released = evidence->ends == IVX_PLAN_RELEASED;
    if (evidence->geometry != IVX_PLAN_WHOLE)
        return by_silence(evidence, age);
    if (evidence->manifest == IVX_PLAN_MET && now >= age[0])
        return say(IVX_PLAN_COMPLETE, "manifest");
    if (evidence->count == IVX_PLAN_MET && now >= (released ? age[0] : age[1]))
        return say(IVX_PLAN_COMPLETE, "count");
    if (evidence->asked)
        return by_silence(evidence, age);
    if (released && now >= age[1])
        return say(IVX_PLAN_COMPLETE, "released");
    if (evidence->ends == IVX_PLAN_OPEN && now >= age[2])
        return say(IVX_PLAN_COMPLETE, "learned");
    return by_silence(evidence, age);
}

static struct ivx_plan_answer rule(const struct ivx_plan_evidence *evidence,
                                   const int64_t age[AGES])
{
    const int64_t now = evidence->age_us;
    const enum ivx_plan_say named = evidence->manifest;
    if (evidence->forced)
        return say(IVX_PLAN_COMPLETE, "operator");
    if (evidence->idle_us >= age[4])
        return say(IVX_PLAN_POLICY, "deadline");
    if (evidence->step == IVX_PLAN_DISCONTINUED && named != IVX_PLAN_SHORT
        && now >= (named == IVX_PLAN_MET ? age[0] : age[3]))
        return say(IVX_PLAN_POLICY, "discontinued");
    if (evidence->step == IVX_PLAN_COMPLETED && named == IVX_PLAN_MET && now >= age[0])
        return say(IVX_PLAN_COMPLETE, "manifest");
    if (named == IVX_PLAN_SHORT || evidence->count == IVX_PLAN_SHORT)
        return say(now >= age[3] ? IVX_PLAN_WAIT : IVX_PLAN_LISTEN, NULL);
    return by_geometry(evidence, age);
}

static bool differs(const struct ivx_plan_answer *a, const struct ivx_plan_answer *b)
{
    return a->verdict != b->verdict || a->kind != b->kind;
}

static bool depends_on_geometry(struct ivx_plan_evidence evidence, const int64_t age[AGES])
{
    static const enum ivx_plan_geometry others[] = { IVX_PLAN_WHOLE, IVX_PLAN_HOLE };
    evidence.geometry = IVX_PLAN_NOTHING;
    const struct ivx_plan_answer first = rule(&evidence, age);
    for (size_t n = 0; n < IVX_COUNT(others); n++) {
        evidence.geometry = others[n];
        const struct ivx_plan_answer other = rule(&evidence, age);
        if (differs(&first, &other))
            return true;
    }
    return false;
}

/* How long until another age says something else, or asks for the geometry. The deadline does
 * in any case. */
static int64_t until_change(const struct ivx_plan_evidence *evidence, const int64_t age[AGES],
                            const struct ivx_plan_answer *now)
{
    const int64_t most = age[4] - evidence->idle_us;
    for (int n = 0; n < AGES - 1; n++) {
        const int64_t step = age[n] - evidence->age_us;
        if (step <= 0 || step >= most)
            continue;
        struct ivx_plan_evidence later = *evidence;
        later.age_us += step;
        later.idle_us += step;
        const struct ivx_plan_answer then = rule(&later, age);
        const bool asks = later.geometry == IVX_PLAN_UNKNOWN && depends_on_geometry(later, age);
        if (asks || differs(now, &then))
            return step;
    }
    return most;
}

struct ivx_plan_answer ivx_plan_judge(const struct ivx_plan_evidence *evidence,
                                      const struct ivx_plan_limits *limits)
{
    int64_t age[AGES];
    order(limits, age);
    struct ivx_plan_answer answer = rule(evidence, age);
    if (answer.verdict == IVX_PLAN_LISTEN || answer.verdict == IVX_PLAN_WAIT)
        answer.again_us = until_change(evidence, age, &answer);
    return answer;
}

bool ivx_plan_needs_geometry(const struct ivx_plan_evidence *evidence,
                             const struct ivx_plan_limits *limits)
{
    int64_t age[AGES];
    order(limits, age);
    return evidence->geometry == IVX_PLAN_UNKNOWN && depends_on_geometry(*evidence, age);
}
