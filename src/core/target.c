#include "isovox/core/resample.h"

#include "sane.h"
#include "table.h"

#define GUARD 1e-3
#define MOST_VOXELS 32767

bool ivx_box_count(double extent_mm, double spacing_mm, int32_t *out, struct ivx_err *err)
{
    const double wanted = extent_mm / spacing_mm - GUARD;
    if (!(wanted <= MOST_VOXELS))
        return ivx_fail(err, IVX_REFUSED, "grid: %.0f voxels along one axis", wanted);
    *out = wanted <= 1 ? 1 : -ivx_floor(-wanted);
    return true;
}

/* The box along one axis, in millimetres from the first voxel of slice 0, and half of
 * what one source voxel takes up at its low end. */
struct extent {
    double low, high, half;
};

static struct extent lateral(int32_t samples, double spacing, const double *shift,
                             int32_t slices)
{
    double least = 0, most = 0;
    for (int32_t k = 0; k < slices; k++) {
        least = shift[k] < least ? shift[k] : least;
        most = shift[k] > most ? shift[k] : most;
    }
    return (struct extent){ least - spacing / 2,
                            most + (samples - 1) * spacing + spacing / 2, spacing / 2 };
}

static struct extent along_normal(const struct ivx_stack *stack)
{
    const int32_t last = stack->slices - 1;
    if (last == 0) {
        const double thick = stack->column_spacing > stack->row_spacing
                                 ? stack->column_spacing
                                 : stack->row_spacing;
        return (struct extent){ -thick / 2, thick / 2, thick / 2 };
    }
    const double below = (stack->t[1] - stack->t[0]) / 2;
    const double above = (stack->t[last] - stack->t[last - 1]) / 2;
    return (struct extent){ -below, stack->t[last] - stack->t[0] + above, below };
}

/* Where the centre of the first result voxel lies, in the frame of the extent. */
static double first_centre(const struct extent *box, int32_t count, double spacing,
                           enum ivx_align align)
{
    if (align == IVX_ALIGN_ORIGIN)
        return box->low + box->half;
    if (align == IVX_ALIGN_CORNER)
        return box->low + spacing / 2;
    return (box->low + box->high) / 2 - (count - 1) / 2.0 * spacing;
}

bool ivx_target_grid(const struct ivx_stack *stack, double spacing_mm,
                     enum ivx_align align, struct ivx_grid *out, struct ivx_err *err)
{
    if (!ivx_stack_check(stack, err))
        return false;
    if (!(spacing_mm > 0) || spacing_mm - spacing_mm != 0)
        return ivx_fail(err, IVX_REFUSED, "grid: a spacing of %g mm", spacing_mm);
    if ((unsigned)align > IVX_ALIGN_CORNER)
        return ivx_fail(err, IVX_REFUSED, "grid: a reference is given, not computed");

    const struct extent box[3] = {
        lateral(stack->columns, stack->column_spacing, stack->shift_row, stack->slices),
        lateral(stack->rows, stack->row_spacing, stack->shift_column, stack->slices),
        along_normal(stack),
    };
    const double *const axis[3] = { stack->row, stack->column, stack->normal };
    const double spacing[3] = { spacing_mm, spacing_mm, spacing_mm };
    int32_t count[3];
    double origin[3] = { stack->origin[0], stack->origin[1], stack->origin[2] };
    double axes[3][3];

    for (int a = 0; a < 3; a++) {
        if (!ivx_box_count(box[a].high - box[a].low, spacing_mm, &count[a], err))
            return false;
        const double start = first_centre(&box[a], count[a], spacing_mm, align);
        for (int c = 0; c < 3; c++) {
            axes[a][c] = axis[a][c];
            origin[c] += start * axis[a][c];
        }
    }
    return ivx_grid_make(count, spacing, origin, axes, out, err);
}
