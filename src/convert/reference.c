/* The grid of another series. */
#include <math.h>
#include <string.h>

#include "isovox/convert/conversion.h"

static bool refuse(enum ivx_reason *reason_out, enum ivx_reason reason, struct ivx_err *err)
{
    *reason_out = reason;
    return ivx_fail(err, IVX_REFUSED, "%s", ivx_reason_text(reason));
}

static double along(const double mm[3], const double origin[3], const double axis[3])
{
    return (mm[0] - origin[0]) * axis[0] + (mm[1] - origin[1]) * axis[1]
           + (mm[2] - origin[2]) * axis[2];
}

/* The box of the grid's corners in the frame of the slices, and theirs, half-voxel borders
 * with both; grown by all shifts. Where the boxes meet the volumes may still miss. */
static bool apart(const struct ivx_stack *stack, const struct ivx_grid *grid, int a)
{
    const double *const axis[3] = { stack->row, stack->column, stack->normal };
    const int32_t last = stack->slices - 1;
    const double depth = stack->t[last] - stack->t[0];
    const double step[3] = { stack->column_spacing, stack->row_spacing,
                             last > 0 ? depth / last : stack->column_spacing };
    const double size[3] = { stack->columns - 1.0, stack->rows - 1.0, (double)last };
    double low = HUGE_VAL, high = -HUGE_VAL, shift = 0;
    for (int n = 0; n < 8; n++) {
        double mm[3];
        const double index[3] = { (n & 1) != 0 ? grid->count[0] - 1 : 0,
                                  (n & 2) != 0 ? grid->count[1] - 1 : 0,
                                  (n & 4) != 0 ? grid->count[2] - 1 : 0 };
        ivx_grid_position(grid, index, mm);
        low = fmin(low, along(mm, stack->origin, axis[a]));
        high = fmax(high, along(mm, stack->origin, axis[a]));
    }
    for (int32_t k = 0; a < 2 && k <= last; k++)
        shift = fmax(shift, fabs(a == 0 ? stack->shift_row[k] : stack->shift_column[k]));
    const double border = shift + step[a];
    return high < -border || low > size[a] * step[a] + border;
}

bool ivx_reference_grid(const struct ivx_source_volume *source,
                        const struct ivx_recipe_settings *recipe, struct ivx_grid *out,
                        enum ivx_reason *reason_out, struct ivx_err *err)
{
    const struct ivx_recipe_reference *reference = &recipe->reference;
    *reason_out = IVX_REASON_NONE;
    if (reference->frame_uid[0] == '\0'
        || strcmp(source->slices[0]->frame_uid, reference->frame_uid) != 0)
        return refuse(reason_out, IVX_REASON_OTHER_FRAME, err);
    for (int a = 0; a < 3; a++)
        if (apart(&source->stack, &reference->grid, a))
            return refuse(reason_out, IVX_REASON_OUTSIDE_REFERENCE, err);
    *out = reference->grid;
    return true;
}
