/* field.h - a whole source as floats, ready to be sampled anywhere: B-spline coefficients
 * within the plane (or values), and slopes along the normal. */
#ifndef IVX_CORE_FIELD_H
#define IVX_CORE_FIELD_H

#include "knots.h"

/* Columns and rows beyond the edges, for taps that reach over it. */
enum { IVX_FIELD_LOW = 4, IVX_FIELD_HIGH = 8 };
/* Lines that are prepared side by side. */
enum { IVX_FIELD_LANES = 16 };

struct ivx_field {
    int32_t columns, rows, slices;
    size_t pitch, plane; /* floats from row to row, and from slice to slice */
    float *value;
    float *slope; /* along the normal, per sample (regular) or millimetre; NULL: not needed */
    bool mirror;  /* how rows go on beyond the edges: mirrored, or with the outermost value */
};

/* How one axis is prepared: smoothed against aliasing with 2 * radius + 1 weights, then
 * made coefficients of the cubic B-spline, or not. */
struct ivx_prepare {
    double *weight;
    int32_t radius; /* 0: not smoothed */
    bool spline;
};

/* Sizes and boundary are those of `like`; in the workspace, as all of this. */
bool ivx_field_new(struct ivx_workspace *workspace, const struct ivx_field *like, bool slopes,
                   struct ivx_field *out, struct ivx_err *err);
size_t ivx_field_bytes(int32_t columns, int32_t rows, int32_t slices, bool slopes);

static inline float *ivx_field_row(const struct ivx_field *field, float *from, int32_t k,
                                   int32_t j)
{
    return from + (size_t)k * field->plane + (size_t)(j + IVX_FIELD_LOW) * field->pitch
           + IVX_FIELD_LOW;
}

/* Weights of the stretched kernel or the Gaussian at whole samples; radius 0 for none. */
bool ivx_prepare_make(struct ivx_workspace *workspace, const struct ivx_shape *shape,
                      struct ivx_prepare *out, struct ivx_err *err);

/* Doubles that preparing a field takes: kernels->field_in_plane, kernels->field_through. */
size_t ivx_field_scratch(const struct ivx_field *field);

#endif
