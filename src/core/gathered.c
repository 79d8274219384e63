/* The value of every place of a row: one by one, or many side by side, with equal bits.
 */
#include "gathering.h"
#include "limit.h"
#include "point.h"

static bool outside(double u, int32_t samples, double margin)
{
    return !(u >= -margin && u <= samples - 1 + margin);
}

/* A place in the frame of the stack, in samples; the normal first, for the shift there.
 */
static bool locate(const struct gather *gather, const double mm[3], double out[3])
{
    const struct ivx_stack *stack = gather->stack;
    const double half = gather->options->boundary == IVX_BOUNDARY_BACKGROUND ? 0 : 0.5;
    out[2] = gather->knots.regular ? ivx_quantise(mm[2] / gather->knots.mean)
                                   : ivx_knots_position(&gather->knots, mm[2]);
    if (outside(out[2], stack->slices, half))
        return false;
    out[0] =
        ivx_quantise((mm[0] - ivx_knots_shift(&gather->knots, stack->shift_row, out[2]))
                     / stack->column_spacing);
    out[1] = ivx_quantise(
        (mm[1] - ivx_knots_shift(&gather->knots, stack->shift_column, out[2]))
        / stack->row_spacing);
    return !outside(out[0], stack->columns, half) && !outside(out[1], stack->rows, half);
}

/* What one sample along the normal is worth there, in the unit of the slopes. */
static double size_at(const struct gather *gather, double u)
{
    const int32_t last = gather->knots.slices - 2;
    int32_t k = ivx_floor(u);
    if (gather->knots.regular)
        return 1;
    k = k < 0 ? 0 : k > last ? last : k;
    return gather->knots.t[k + 1] - gather->knots.t[k];
}

/* On the rim of half a voxel around the outermost samples? */
static bool is_edge(const struct gather *gather, double x, double y, double z)
{
    const struct ivx_stack *stack = gather->stack;
    return outside(x, stack->columns, 0) || outside(y, stack->rows, 0)
           || outside(z, stack->slices, 0);
}

/* Counts, and divides by how much was there. */
static float finish(const struct gather *gather, struct hand *hand, bool edge, float sum,
                    float share)
{
    const struct ivx_resample_options *options = gather->options;
    const bool padded = gather->share.value != NULL;
    if (padded && !(share >= 0.5F)) {
        hand->background++;
        hand->padded++;
        return options->background;
    }
    hand->edge += edge;
    float value = padded ? sum / share : sum;
    if (options->clamp)
        hand->clamped += ivx_limit(&value, NULL, options->least, options->most, 1);
    return value;
}

static float value_at(const struct gather *gather, struct hand *hand, const double u[3])
{
    const enum ivx_kernel kernel = gather->options->kernel;
    struct ivx_point_axis x, y;
    struct ivx_point_planes z;
    ivx_point_axis(kernel, gather->spline, u[0], &hand->table[0], &x);
    ivx_point_axis(kernel, gather->spline, u[1], &hand->table[1], &y);
    ivx_point_planes(&gather->field, kernel, gather->cubic, u[2], size_at(gather, u[2]),
                     &hand->table[2], &z);
    const float sum = ivx_point_value(&gather->field, &x, &y, &z);
    const float share =
        gather->share.value == NULL ? 1 : ivx_point_value(&gather->share, &x, &y, &z);
    return finish(gather, hand, is_edge(gather, u[0], u[1], u[2]), sum, share);
}

/* Columns [from, from + count) of a row that begins at row[] (mm in the frame of the
 * stack), one by one. */
static void each_value(const struct gather *gather, struct hand *hand,
                       const double row[3], int32_t from, int32_t count)
{
    for (int32_t i = from; i < from + count; i++) {
        const double mm[3] = { row[0] + i * gather->step[0][0],
                               row[1] + i * gather->step[1][0],
                               row[2] + i * gather->step[2][0] };
        double u[3];
        if (locate(gather, mm, u)) {
            hand->row[i] = value_at(gather, hand, u);
        } else {
            hand->row[i] = gather->options->background;
            hand->background++;
        }
    }
}

/* Are all places of this piece of a line beyond one side of the box? */
static bool is_beyond(const struct gather *gather, const struct ivx_points *points,
                      int32_t count)
{
    const struct ivx_stack *stack = gather->stack;
    const int32_t samples[3] = { stack->columns, stack->rows, stack->slices };
    for (int a = 0; a < 3; a++) {
        const double start = points->u[a][0], end = points->u[a][count - 1];
        const double low = -0.5, high = samples[a] - 0.5;
        if ((start < low && end < low) || (start > high && end > high))
            return true;
    }
    return false;
}

static void places(const struct gather *gather, struct hand *hand, const double row[3],
                   int32_t from, int32_t count)
{
    const struct ivx_stack *stack = gather->stack;
    const double spacing[3] = { stack->column_spacing, stack->row_spacing,
                                gather->knots.mean };
    for (int a = 0; a < 3; a++)
        gather->kernels->places(hand->points.u[a], row[a], gather->step[a][0], from,
                                spacing[a], count);
}

/* Inside, and not at the ends along the normal, where the taps are others? */
static bool is_inner(const struct gather *gather, const struct ivx_points *points,
                     int32_t i)
{
    const struct ivx_stack *stack = gather->stack;
    const double half = gather->options->boundary == IVX_BOUNDARY_BACKGROUND ? 0 : 0.5;
    const int32_t more = gather->options->kernel == IVX_CATMULL_ROM ? 1 : 0;
    return !outside(points->u[0][i], stack->columns, half)
           && !outside(points->u[1][i], stack->rows, half) && points->u[2][i] >= more
           && points->u[2][i] < stack->slices - 1 - more;
}

/* The same, side by side: all of them are inner ones, for the first and the last are. */
static void inner_values(const struct gather *gather, struct hand *hand, int32_t from,
                         int32_t count)
{
    struct ivx_points *points = &hand->points;
    const double(*u)[IVX_POINTS] = points->u;
    float *row = hand->row + from;
    const bool plain =
        gather->share.value == NULL && !gather->options->clamp
        && !is_edge(gather, u[0][0], u[1][0], u[2][0])
        && !is_edge(gather, u[0][count - 1], u[1][count - 1], u[2][count - 1]);

    points->value = ivx_field_row(&gather->field, gather->field.value, 0, 0);
    points->slope =
        gather->cubic ? ivx_field_row(&gather->field, gather->field.slope, 0, 0) : NULL;
    gather->kernels->points(row, points, count);
    if (plain)
        return;
    if (gather->share.value != NULL) {
        points->value = ivx_field_row(&gather->share, gather->share.value, 0, 0);
        points->slope = gather->cubic
                            ? ivx_field_row(&gather->share, gather->share.slope, 0, 0)
                            : NULL;
        gather->kernels->points(hand->share, points, count);
    }
    for (int32_t i = 0; i < count; i++)
        row[i] = finish(gather, hand, is_edge(gather, u[0][i], u[1][i], u[2][i]), row[i],
                        hand->share[i]);
}

/* A piece of a row. */
static void result_piece(const struct gather *gather, struct hand *hand,
                         const double row[3], int32_t at, int32_t count)
{
    const struct ivx_points *points = &hand->points;
    int32_t from = 0, to = count;
    places(gather, hand, row, at, count);
    if (is_beyond(gather, points, count)) {
        for (int32_t i = at; i < at + count; i++)
            hand->row[i] = gather->options->background;
        hand->background += (uint64_t)count;
        return;
    }
    while (to > from && !is_inner(gather, points, to - 1))
        to--;
    while (from < to && !is_inner(gather, points, from))
        from++;
    each_value(gather, hand, row, at, from);
    each_value(gather, hand, row, at + to, count - to);
    if (from > 0 && from < to)
        places(gather, hand, row, at + from, to - from);
    if (from < to)
        inner_values(gather, hand, at + from, to - from);
}

void ivx_gather_row(const struct gather *gather, struct hand *hand, int32_t j)
{
    const int32_t width = gather->grid->count[0];
    double row[3];
    for (int a = 0; a < 3; a++)
        row[a] =
            gather->base[a] + j * gather->step[a][1] + gather->m * gather->step[a][2];
    if (!gather->straight) {
        each_value(gather, hand, row, 0, width);
        return;
    }
    for (int32_t at = 0; at < width; at += IVX_POINTS)
        result_piece(gather, hand, row, at,
                     width - at < IVX_POINTS ? width - at : IVX_POINTS);
}
