/* point.h - one value anywhere in a field: which samples, and how much of each. */
#ifndef IVX_CORE_POINT_H
#define IVX_CORE_POINT_H

#include "field.h"

enum { IVX_POINT_TAPS = 6 };

/* Samples first .. first + count - 1 of one axis; weights beyond count are 0. */
struct ivx_point_axis {
    int32_t first, count;
    float weight[8];
};
/* Along the normal: up to six planes, of values or of slopes. */
struct ivx_point_planes {
    int32_t count;
    size_t plane[IVX_POINT_TAPS]; /* offsets into value, or slope where is_slope */
    bool is_slope[IVX_POINT_TAPS];
    float weight[IVX_POINT_TAPS];
};

/* In-plane axis at u, -1/2 <= u <= samples - 1/2. `spline`: the field holds coefficients.
 * table: one row of scratch for lanczos3, else NULL. */
void ivx_point_axis(enum ivx_kernel kernel, bool spline, double u, struct ivx_table *table,
                    struct ivx_point_axis *out);
/* Along the normal at u; `cubic`: Hermite's form with the field's slopes, `size` what one
 * sample is worth there in their unit. */
void ivx_point_planes(const struct ivx_field *field, enum ivx_kernel kernel, bool cubic,
                      double u, double size, struct ivx_table *table,
                      struct ivx_point_planes *out);

/* The sum over planes, rows and columns, in that order. */
float ivx_point_value(const struct ivx_field *field, const struct ivx_point_axis *x,
                      const struct ivx_point_axis *y, const struct ivx_point_planes *z);

#endif
