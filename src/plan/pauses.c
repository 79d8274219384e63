#include "pauses.h"

enum { LEAST_PAUSES = 200 };

int64_t ivx_plan_pause_us(const int64_t pauses[IVX_PAUSE_CLASSES])
{
    int64_t all = 0, seen = 0;
    for (int n = 0; n < IVX_PAUSE_CLASSES; n++)
        all += pauses[n];
    if (all < LEAST_PAUSES)
        return 0;
    for (int n = 0; n < IVX_PAUSE_CLASSES; n++) {
        seen += pauses[n];
        if (seen * 1000 >= all * 995)
            return (INT64_C(1) << n) * 1000;
    }
    return 0;
}

static int64_t between(int64_t value, int64_t least, int64_t most)
{
    value = value < most ? value : most;
    return value > least ? value : least;
}

void ivx_plan_learn(struct ivx_plan_limits *limits, int64_t pause_us)
{
    const int64_t quiet = limits->quiet_us;
    limits->learned_us = quiet;
    if (pause_us == 0)
        return;
    limits->released_us = between(pause_us, limits->released_us, quiet);
    limits->learned_us = between(4 * pause_us, limits->released_us, quiet);
    limits->quiet_us = between(pause_us, quiet, 4 * quiet);
}
