/* complete.h - is a series complete? Evidence in, verdict out: the truth table of README. */
#ifndef IVX_PLAN_COMPLETE_H
#define IVX_PLAN_COMPLETE_H

#include <stdbool.h>
#include <stdint.h>

/* What the positions received so far say, taken together. */
enum ivx_plan_geometry {
    IVX_PLAN_UNKNOWN, /* not looked at yet: ivx_plan_needs_geometry() says when to */
    IVX_PLAN_NOTHING, /* no volume, and no hole that later slices could fill */
    IVX_PLAN_WHOLE,   /* volumes, and no hole in any of them */
    IVX_PLAN_HOLE,    /* slices are missing between those that came */
};

struct ivx_plan_evidence {
    int64_t age_us;    /* since the last new instance */
    bool all_released; /* every association that carried it ended with A-RELEASE */
    bool forced;       /* an operator says: complete */
    enum ivx_plan_geometry geometry;
};
struct ivx_plan_limits {
    int64_t quiet_us, quiet_released_us, deadline_us;
};

enum ivx_plan_verdict {
    IVX_PLAN_LISTEN, /* too early to say */
    IVX_PLAN_WAIT,   /* incomplete: a hole */
    IVX_PLAN_DECIDE,
};
struct ivx_plan_answer {
    enum ivx_plan_verdict verdict;
    const char *kind;  /* DECIDE: what decided: "released", "quiet", "deadline", "operator" */
    int64_t again_us;  /* else: look again after this long, if nothing arrives */
};

struct ivx_plan_answer ivx_plan_judge(const struct ivx_plan_evidence *evidence,
                                      const struct ivx_plan_limits *limits);

/* Can the geometry change the verdict at this age? It costs work to find out. */
bool ivx_plan_needs_geometry(const struct ivx_plan_evidence *evidence,
                             const struct ivx_plan_limits *limits);

#endif
