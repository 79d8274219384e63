#include "sane.h"

/* Nothing scanned is larger; below it, positions are exact to far below a micrometre. */
#define FARTHEST_MM 1e6
#define TOLERANCE 1e-4

static bool sane(double mm)
{
    return mm >= -FARTHEST_MM && mm <= FARTHEST_MM;
}

static bool orthonormal(const double a[3], const double b[3], double expected)
{
    const double dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] - expected;
    return dot >= -TOLERANCE && dot <= TOLERANCE;
}

static bool check_slices(const struct ivx_stack *stack, struct ivx_err *err)
{
    for (int32_t k = 0; k < stack->slices; k++) {
        if (!sane(stack->t[k]) || !sane(stack->shift_row[k])
            || !sane(stack->shift_column[k]))
            return ivx_fail(err, IVX_DAMAGED, "stack: the position of slice %d", k);
        if (k > 0 && !(stack->t[k] > stack->t[k - 1]))
            return ivx_fail(err, IVX_DAMAGED, "stack: slice %d does not ascend", k);
    }
    return true;
}

bool ivx_stack_check(const struct ivx_stack *stack, struct ivx_err *err)
{
    if (stack->columns < 1 || stack->rows < 1 || stack->slices < 1)
        return ivx_fail(err, IVX_DAMAGED, "stack: %d x %d x %d voxels", stack->columns,
                        stack->rows, stack->slices);
    if (!(stack->column_spacing > 0) || !(stack->row_spacing > 0)
        || !sane(stack->column_spacing) || !sane(stack->row_spacing))
        return ivx_fail(err, IVX_DAMAGED, "stack: pixels of %g x %g mm",
                        stack->column_spacing, stack->row_spacing);
    for (int c = 0; c < 3; c++)
        if (!sane(stack->origin[c]))
            return ivx_fail(err, IVX_DAMAGED, "stack: the origin");
    if (!orthonormal(stack->row, stack->row, 1)
        || !orthonormal(stack->column, stack->column, 1)
        || !orthonormal(stack->normal, stack->normal, 1)
        || !orthonormal(stack->row, stack->column, 0)
        || !orthonormal(stack->row, stack->normal, 0)
        || !orthonormal(stack->column, stack->normal, 0))
        return ivx_fail(err, IVX_DAMAGED, "stack: the axes are not orthonormal");
    return check_slices(stack, err);
}
