/* sane.h - a stack comes from files: what it must be before anything is computed. */
#ifndef IVX_CORE_SANE_H
#define IVX_CORE_SANE_H

#include "isovox/core/stack.h"

/* IVX_DAMAGED, naming what does not hold. */
bool ivx_stack_check(const struct ivx_stack *stack, struct ivx_err *err);

/* How many voxels of spacing_mm a box of that extent gets along one axis: max(1, ceil(extent /
 * spacing - 1e-3)), for noise of positions in files must not add a plane: 2.5000002 * 300 /
 * 0.5 is 1500. IVX_REFUSED above 32767. */
bool ivx_box_count(double extent_mm, double spacing_mm, int32_t *out, struct ivx_err *err);

#endif
