/* stack.h - the geometry of acquired slices, as a table: never one affine and one spacing. */
#ifndef IVX_CORE_STACK_H
#define IVX_CORE_STACK_H

#include <stdint.h>

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The centre of pixel (i, j) of slice k lies, in LPS millimetres, at
 *
 *   origin + (shift_row[k] + i * column_spacing) * row
 *          + (shift_column[k] + j * row_spacing) * column + (t[k] - t[0]) * normal
 *
 * `row` is the direction in which the column index i grows (the first triple of Image
 * Orientation Patient), `column` that of the row index j (the second); normal = row x
 * column; all orthonormal. column_spacing is the distance between columns (the second
 * value of Pixel Spacing, PS3.3 10.7.1.3), row_spacing that between rows (the first).
 * t[] is strictly ascending. shift_*[0] == 0; a gantry tilt makes shift_column grow with t.
 * The arrays belong to whoever made the stack and have `slices` entries each. */
struct ivx_stack {
    int32_t columns, rows, slices;
    double column_spacing, row_spacing;
    double origin[3], row[3], column[3], normal[3];
    const double *t, *shift_row, *shift_column;
};

/* Are the slices equidistant? Positions fit t = a + b*k with residuals of at most max(0.01 mm,
 * 2 % of b), and then *spacing_out = b, millimetres. One slice is not uniform. */
bool ivx_stack_uniform(const struct ivx_stack *stack, double *spacing_out);

#ifdef __cplusplus
}
#endif

#endif
