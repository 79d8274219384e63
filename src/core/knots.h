/* knots.h - the axis across the slices: sampled where the slices really lie. */
#ifndef IVX_CORE_KNOTS_H
#define IVX_CORE_KNOTS_H

#include "table.h"

struct ivx_knots {
    int32_t slices;
    bool regular;    /* every gap within 1e-5 of their mean, or a single slice */
    double mean;     /* gap, mm */
    const double *t; /* borrowed from the stack */
    bool mirror;     /* beyond the ends: gaps and values mirrored, not repeated */
};

void ivx_knots_init(struct ivx_knots *knots, const struct ivx_stack *stack,
                    enum ivx_boundary boundary);

/* Millimetres above slice 0 to samples: slice k is k, half-way to the next is k + 1/2;
 * beyond the ends in units of the outermost gap. Quantised. */
double ivx_knots_position(const struct ivx_knots *knots, double mm);

/* The lateral shift of the scanned region there, `shift` given per slice. */
double ivx_knots_shift(const struct ivx_knots *knots, const double *shift,
                       double position);

struct ivx_shape ivx_knots_shape(const struct ivx_knots *knots, double target,
                                 const struct ivx_resample_options *options);

/* Tap table for the positions base + m * step (mm above slice 0). */
bool ivx_knots_table(const struct ivx_knots *knots, const struct ivx_shape *shape,
                     double base, double step, int32_t outputs,
                     struct ivx_workspace *workspace, struct ivx_table *out,
                     struct ivx_err *err);
int32_t ivx_knots_taps(const struct ivx_knots *knots, const struct ivx_shape *shape,
                       double base, double step, int32_t outputs);

/* The slices whose weight at `mm` is not negligible; the outermost one when it lies
 * outside. */
void ivx_knots_reach(const struct ivx_knots *knots, const struct ivx_shape *shape,
                     double mm, int32_t *first_out, int32_t *last_out);

/* Weights of the increments x[j+1] - x[j], j = k - IVX_REACH ... k + IVX_REACH - 1, whose
 * sum is the slope per millimetre of the interpolating C2 cubic at slice k: 2 * IVX_REACH
 * per slice. For irregular slices only. */
bool ivx_knots_slopes(const struct ivx_knots *knots, struct ivx_workspace *workspace,
                      float *weight, struct ivx_err *err);

#endif
