/* complete.h - is a series complete? Evidence in, decision out: the truth table of
 * docs/COMPLETENESS.md, row by row. No clock, no file, no memory. */
#ifndef IVX_PLAN_COMPLETE_H
#define IVX_PLAN_COMPLETE_H

#include <stdbool.h>
#include <stdint.h>

/* The associations that carried it, taken together. */
enum ivx_plan_ends {
    IVX_PLAN_OPEN,     /* one of them is open still */
    IVX_PLAN_RELEASED, /* every one ended with A-RELEASE */
    IVX_PLAN_BROKEN,   /* one was aborted or lost */
};

/* What positions, lists of instances and counts say: nothing, that some of it is missing, or
 * that all of it is here. */
enum ivx_plan_say { IVX_PLAN_SILENT, IVX_PLAN_SHORT, IVX_PLAN_MET };

/* The Modality Performed Procedure Step that the series belongs to. */
enum ivx_plan_step { IVX_PLAN_STEP_OPEN, IVX_PLAN_COMPLETED, IVX_PLAN_DISCONTINUED };

/* What the positions received so far say, taken together. */
enum ivx_plan_geometry {
    IVX_PLAN_UNKNOWN, /* not looked at yet: ivx_plan_needs_geometry() says when to */
    IVX_PLAN_NOTHING, /* no volume, and no hole that later slices could fill */
    IVX_PLAN_WHOLE,   /* volumes, and no hole in any of them */
    IVX_PLAN_HOLE,    /* slices are missing between those that came */
};

struct ivx_plan_evidence {
    int64_t age_us;             /* since an instance came last, be it a repetition, or could come */
    int64_t idle_us;            /* since one came last that was no repetition: for the deadline */
    const char *away;           /* for people: why age_us is less than the silence; or NULL */
    bool forced;                /* an operator says: complete */
    enum ivx_plan_step step;
    enum ivx_plan_say manifest; /* somebody named the instances: are they here? */
    enum ivx_plan_say count;    /* somebody told their number: is it reached? */
    bool asked;                 /* a source has been asked what it has, and may answer yet */
    enum ivx_plan_ends ends;
    enum ivx_plan_geometry geometry;
};

/* Ages. Each counts as at least the one before it, and as at most the deadline. */
struct ivx_plan_limits {
    int64_t full_us;     /* with full evidence */
    int64_t released_us; /* with released associations and geometry */
    int64_t learned_us;  /* with geometry alone: this sender is never silent for so long */
    int64_t quiet_us;    /* with nothing better */
    int64_t deadline_us; /* with anything */
};

enum ivx_plan_verdict {
    IVX_PLAN_LISTEN,   /* too early to say */
    IVX_PLAN_WAIT,     /* something is known to be missing */
    IVX_PLAN_COMPLETE,
    IVX_PLAN_POLICY,   /* as good as it gets: the route's policy decides about what is missing */
};
struct ivx_plan_answer {
    enum ivx_plan_verdict verdict;
    const char *kind;  /* of the evidence that decided; NULL: none did */
    int64_t again_us;  /* LISTEN, WAIT: look again after this long, if nothing arrives */
};

struct ivx_plan_answer ivx_plan_judge(const struct ivx_plan_evidence *evidence,
                                      const struct ivx_plan_limits *limits);

/* Can the geometry change the verdict at this age? It costs work to find out. */
bool ivx_plan_needs_geometry(const struct ivx_plan_evidence *evidence,
                             const struct ivx_plan_limits *limits);

#endif
