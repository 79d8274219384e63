#include "complete.h"

static struct ivx_plan_answer decide(const char *kind)
{
    return (struct ivx_plan_answer){ .verdict = IVX_PLAN_DECIDE, .kind = kind };
}

static struct ivx_plan_answer listen_until(int64_t limit_us, int64_t age_us)
{
    return (struct ivx_plan_answer){ .verdict = IVX_PLAN_LISTEN,
                                     .again_us = limit_us - age_us };
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct ivx_plan_answer ivx_plan_judge(const struct ivx_plan_evidence *evidence,
                                      const struct ivx_plan_limits *limits)
{
    const int64_t age = evidence->age_us;
    const int64_t released = lesser(limits->quiet_released_us, limits->quiet_us);
    const int64_t quiet = lesser(limits->quiet_us, limits->deadline_us);

    if (evidence->forced)
        return decide("operator");
    if (age >= limits->deadline_us)
        return decide("deadline");
    if (evidence->all_released && evidence->geometry == IVX_PLAN_WHOLE)
        return age >= released ? decide("released") : listen_until(released, age);
    if (evidence->all_released && evidence->geometry == IVX_PLAN_UNKNOWN && age < released)
        return listen_until(released, age);
    if (age < quiet)
        return listen_until(quiet, age);
    if (evidence->geometry != IVX_PLAN_HOLE)
        return decide("quiet");
    return (struct ivx_plan_answer){ .verdict = IVX_PLAN_WAIT,
                                     .again_us = limits->deadline_us - age };
}

bool ivx_plan_needs_geometry(const struct ivx_plan_evidence *evidence,
                             const struct ivx_plan_limits *limits)
{
    if (evidence->geometry != IVX_PLAN_UNKNOWN || evidence->forced
        || evidence->age_us >= limits->deadline_us)
        return false;
    if (evidence->age_us >= limits->quiet_us)
        return true;
    return evidence->all_released && evidence->age_us >= limits->quiet_released_us;
}
