/* gathering.h - what one call of ivx_gather() keeps. */
#ifndef IVX_CORE_GATHERING_H
#define IVX_CORE_GATHERING_H

#include "field.h"
#include "isovox/core/gather.h"
#include "kernel/kernel.h"

/* What one task of the crew keeps to itself. */
struct hand {
    struct ivx_table table[3]; /* one row each: row, column, normal */
    double *scratch;
    float *row;
    float share[IVX_POINTS];
    struct ivx_points points;
    uint64_t background, padded, edge, saturated, clamped;
};

struct gather {
    const struct ivx_stack *stack;
    const struct ivx_grid *grid;
    const struct ivx_resample_options *options;
    const struct ivx_kernels *kernels;
    struct ivx_workspace *workspace; /* of all that is allocated here */
    struct ivx_knots knots;
    double base[3],
        step[3][3]; /* mm in the frame of the stack; step[a][d]: axis a per index d */
    struct ivx_shape shape[3];
    struct ivx_prepare prepare[3];
    bool spline, cubic; /* coefficients within the plane; slopes along the normal */
    bool straight;      /* places on a line are places on a line in every slice */
    struct ivx_field field, share; /* share.value NULL: nothing is missing */
    float *odd;
    int crew;
    struct hand *hand;
    void *result; /* one slice */
    int32_t m;    /* of the result slice in hand */
    size_t memory;
};

/* gathered.c: row j of the result slice in hand, to hand->row. */
void ivx_gather_row(const struct gather *gather, struct hand *hand, int32_t j);

#endif
