#include "engine.h"

#include <math.h>

#include "isovox/base/auto.h"

#include "sane.h"

#define FARTHEST 4194304.0 /* positions in samples: far below the quantum's limit */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* To 0.05 mrad: a hundredth of a millimetre at the border of what is scanned. */
static bool same_direction(const double a[3], const double b[3])
{
    return dot(a, b) > (1 - 1e-9) * sqrt(dot(a, a) * dot(b, b));
}

static bool place_lattice(struct ivx_engine *engine, struct ivx_err *err)
{
    const struct ivx_stack *stack = engine->stack;
    const struct ivx_grid *grid = engine->grid;
    const double *const axis[3] = { stack->row, stack->column, stack->normal };
    const double spacing[3] = { stack->column_spacing, stack->row_spacing,
                                engine->knots.mean };
    double from[3];

    for (int c = 0; c < 3; c++)
        from[c] = grid->origin[c] - stack->origin[c];
    for (int a = 0; a < 3; a++) {
        if (!same_direction(grid->axis[a], axis[a]))
            return ivx_fail(err, IVX_REFUSED,
                            "resample: the grid does not share the axes of the slices");
        engine->offset[a] = dot(from, axis[a]);
        engine->step[a] = grid->spacing[a];
        const double start = engine->offset[a] / spacing[a];
        const double end = start + grid->count[a] * (engine->step[a] / spacing[a]);
        if (!(start > -FARTHEST && end < FARTHEST))
            return ivx_fail(err, IVX_REFUSED,
                            "resample: the grid lies too far from the slices");
    }
    return true;
}

static void shapes(struct ivx_engine *engine)
{
    const struct ivx_resample_options *options = engine->options;
    engine->shape[0] =
        ivx_shape_of(options, engine->step[0], engine->stack->column_spacing);
    engine->shape[1] = ivx_shape_of(options, engine->step[1], engine->stack->row_spacing);
    engine->shape[2] = ivx_knots_shape(&engine->knots, engine->step[2], options);
}

int32_t ivx_engine_block(const struct ivx_engine *engine, int32_t k)
{
    const int32_t slices = engine->stack->slices;
    const int32_t side = slices / IVX_REACH / 2 * IVX_REACH, end = slices - side;
    const int32_t half = (end - side) / 2; /* of the middle, up to 2 * IVX_REACH - 1 */

    if (k < side || k >= end)
        return k + IVX_REACH;
    if (end - side <= IVX_REACH || k >= end - half)
        return end;
    return k == side ? side + half : end - half;
}

void ivx_engine_needs(const struct ivx_engine *engine, int32_t m, int32_t *first_out,
                      int32_t *last_out)
{
    const struct ivx_taps taps = engine->z.row[m];
    const int32_t reach = engine->z.shape.spline ? IVX_REACH : 0;
    const int32_t end = engine->stack->slices - 1;

    if (taps.count == 0) {
        *first_out = 0;
        *last_out = -1;
        return;
    }
    *first_out = taps.first > reach ? taps.first - reach : 0;
    const int32_t last = taps.first + taps.count - 1;
    *last_out = last < end - reach ? last + reach : end;
}

void ivx_engine_range(const struct ivx_engine *engine, int axis, double shift,
                      double half, int32_t *from_out, int32_t *to_out)
{
    const double base = ivx_engine_base(engine, axis, shift),
                 step = ivx_engine_step(engine, axis);
    const int32_t samples = axis == 0 ? engine->stack->columns : engine->stack->rows;
    int32_t from = 0, to = engine->grid->count[axis];

    while (from < to && ivx_quantise(base + from * step) < -half)
        from++;
    while (to > from && ivx_quantise(base + (to - 1) * step) > samples - 1 + half)
        to--;
    *from_out = from;
    *to_out = to;
}

void ivx_engine_run(const struct ivx_engine *engine, void (*task)(void *, int))
{
    const struct ivx_crew *crew = &engine->options->crew;
    if (crew->run == NULL)
        task((void *)engine, 0);
    else
        crew->run(crew->crew, task, (void *)engine, engine->crew);
}

static bool plan_z(struct ivx_engine *engine, struct ivx_err *err)
{
    const int32_t outputs = engine->grid->count[2];
    if (!ivx_knots_table(&engine->knots, &engine->shape[2], engine->offset[2],
                         engine->step[2], outputs, engine->workspace, &engine->z, err))
        return false;
    engine->position = ivx_room(engine->workspace, (size_t)outputs, sizeof(double));
    if (engine->position == NULL)
        return ivx_fail(err, IVX_FULL, "resample: no memory");
    for (int32_t m = 0; m < outputs; m++)
        engine->position[m] =
            ivx_knots_position(&engine->knots, engine->offset[2] + m * engine->step[2]);
    return true;
}

static bool prepare(struct ivx_engine *engine, struct ivx_err *err)
{
    ivx_knots_init(&engine->knots, engine->stack, engine->options->boundary);
    if (!place_lattice(engine, err))
        return false;
    shapes(engine);
    if (!plan_z(engine, err) || !ivx_engine_fit(engine, err)
        || !ivx_engine_make(engine, err))
        return false;

    return engine->odd == NULL
           || ivx_knots_slopes(&engine->knots, engine->workspace, engine->odd, err);
}

bool ivx_engine_new(const struct ivx_stack *stack, const struct ivx_grid *grid,
                    const struct ivx_resample_options *options, struct ivx_engine **out,
                    struct ivx_err *err)
{
    const struct ivx_kernels *kernels = ivx_kernels_pick(options->simd);
    if (!ivx_stack_check(stack, err) || !ivx_options_check(options, err))
        return false;
    if (kernels == NULL)
        return ivx_fail(err, IVX_REFUSED, "resample: this machine has no %s",
                        options->simd);

    IVX_AUTO(ivx_workspace_leave) struct ivx_workspace *workspace = NULL;
    if (!ivx_workspace_enter(options, &workspace, err))
        return false;
    struct ivx_engine *engine = ivx_clear_room(workspace, 1, sizeof *engine);
    if (engine == NULL)
        return ivx_fail(err, IVX_FULL, "resample: no memory");
    engine->workspace = IVX_STEAL(workspace);
    engine->stack = stack;
    engine->grid = grid;
    engine->options = options;
    engine->kernels = kernels;
    engine->crew =
        options->crew.run != NULL && options->crew.size > 1 ? options->crew.size : 1;
    engine->in_plane = (size_t)stack->columns * stack->rows;
    engine->out_plane = (size_t)grid->count[0] * grid->count[1];
    if (!prepare(engine, err)) {
        ivx_engine_free(&engine);
        return false;
    }
    *out = engine;
    return true;
}
