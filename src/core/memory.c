#include <string.h>

#include "engine.h"

/* Of result slices at a time, at most. */
#define GROUP_BYTES ((size_t)96 << 20)

/* What is allocated once. */
struct piece {
    void *place; /* of the pointer */
    size_t count, size;
};

static struct ring ring_of(const struct ivx_engine *engine, int32_t slots)
{
    return (struct ring){ NULL, slots, (engine->out_plane + 15) / 16 * 16 };
}

static size_t ring_bytes(const struct ring *ring)
{
    return ring->plane * (size_t)ring->slots * sizeof(float);
}

/* What waits for the same slice, or for the same block of slopes, is made at a time. */
static int32_t longest_group(const struct ivx_engine *engine)
{
    int32_t longest = 1, run = 0, there = 0;
    for (int32_t m = 0; m < engine->z.outputs; m++) {
        const struct ivx_taps taps = engine->z.row[m];
        const int32_t need = taps.count == 0 ? there : taps.first + taps.count;
        run = need > there ? 1 : run + 1;
        longest = run > longest ? run : longest;
        while (there < need)
            there = engine->z.shape.spline ? ivx_engine_block(engine, there) : need;
    }
    return longest;
}

/* How many planes are needed so that what is pending stays while a slice comes in: the
 * block of slopes with what it reaches on both sides, the results between it and the
 * block before, and what these reach. */
static void ring_sizes(struct ivx_engine *engine)
{
    const int32_t slices = engine->stack->slices;
    const bool spline = engine->z.shape.spline;
    const int32_t kept = spline && engine->z.most > 1 ? engine->z.most - 1 : spline;
    const int32_t window = spline ? 3 * IVX_REACH + kept : engine->z.most;

    engine->value = ring_of(engine, window < slices ? window : slices);
    engine->kept = ring_of(engine, kept);
    engine->share = engine->value;
    engine->share_kept = engine->kept;
}

static bool shifted(const struct ivx_stack *stack)
{
    for (int32_t k = 0; k < stack->slices; k++)
        if (stack->shift_row[k] != 0)
            return true;
    return false;
}

static size_t float_bytes(size_t count)
{
    return count * sizeof(float);
}

/* What is worked on at a time: a row, or a piece. */
static size_t longest_span(const struct ivx_engine *engine)
{
    const size_t width = (size_t)engine->grid->count[0];
    return width > IVX_LINE ? (width + 15) / 16 * 16 : IVX_LINE;
}

/* Floats of slopes of a span: of the slices kept, and of a block. */
static size_t slope_floats(const struct ivx_engine *engine)
{
    const int32_t kept = engine->kept.slots;
    return kept == 0 ? 0 : ((size_t)kept + IVX_REACH) * longest_span(engine);
}

static size_t worker_bytes(const struct ivx_engine *engine)
{
    const size_t columns = engine->stack->columns, width = engine->grid->count[0];
    const size_t most = engine->z.most, group = engine->group;
    return float_bytes(IVX_LANES * (3 * columns + width) + longest_span(engine))
           + float_bytes((1 + most) * width + 2 * slope_floats(engine))
           + group * (sizeof(struct ivx_frame) + 2 * most * sizeof(float *));
}

static size_t table_bytes(const struct ivx_engine *engine)
{
    const struct ivx_shape *x = &engine->shape[0], *y = &engine->shape[1];
    return ivx_table_bytes(engine->grid->count[0], ivx_shape_taps(x), x->spline)
           + ivx_table_bytes(engine->grid->count[1], ivx_shape_taps(y), y->spline)
           + ivx_table_bytes(engine->grid->count[2], engine->z.most, engine->z.shape.spline)
           + (size_t)engine->grid->count[2] * sizeof *engine->position;
}

/* One result slice, in whole cache lines. */
static size_t result_bytes(const struct ivx_engine *engine)
{
    const bool whole = engine->options->result == IVX_INT16;
    return (engine->out_plane * (whole ? sizeof(int16_t) : sizeof(float)) + 63) / 64 * 64;
}

/* What the plan as it stands takes; what padding adds comes later. */
static size_t plan_bytes(const struct ivx_engine *engine)
{
    return ring_bytes(&engine->value) + ring_bytes(&engine->kept) + table_bytes(engine)
           + result_bytes(engine) * engine->group + worker_bytes(engine) * engine->crew
           + (engine->shape[1].spline ? float_bytes(engine->in_plane) : 0);
}

/* The largest group that fits; bits do not depend on it. */
bool ivx_engine_fit(struct ivx_engine *engine, struct ivx_err *err)
{
    const size_t limit = engine->options->memory_limit, slice = result_bytes(engine);
    const int32_t longest = longest_group(engine);
    engine->group = slice >= GROUP_BYTES ? 1 : (int32_t)(GROUP_BYTES / slice);
    engine->group = engine->group > longest ? longest : engine->group;
    ring_sizes(engine);

    for (;;) {
        engine->memory = plan_bytes(engine);
        if (limit == 0 || engine->memory <= limit)
            return true;
        if (engine->group == 1)
            return ivx_fail(err, IVX_REFUSED,
                            "resample: needs %zu bytes, %zu are allowed", engine->memory,
                            limit);
        engine->group /= 2;
    }
}

static bool make(const struct ivx_engine *engine, const struct piece *piece, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        void *made = ivx_clear_room(engine->workspace, piece[n].count, piece[n].size);
        if (made == NULL)
            return false;
        memcpy(piece[n].place, &made, sizeof made);
    }
    return true;
}

static int32_t longest(const struct ivx_engine *engine)
{
    int32_t most = engine->z.most;
    for (int a = 0; a < 2; a++) {
        const int32_t taps = ivx_shape_taps(&engine->shape[a]);
        most = taps > most ? taps : most;
    }
    return most;
}

/* The rows of task n: steps of IVX_LANES, as they go through the x pass. */
static int32_t first_row(const struct ivx_engine *engine, int n)
{
    const int32_t rows = engine->grid->count[1];
    const int64_t steps = (rows + IVX_LANES - 1) / IVX_LANES;
    const int64_t row = steps * n / engine->crew * IVX_LANES;
    return row < rows ? (int32_t)row : rows;
}

static bool make_worker(struct ivx_engine *engine, int n, struct ivx_err *err)
{
    struct worker *worker = &engine->worker[n];
    const size_t columns = engine->stack->columns, width = engine->grid->count[0];
    const size_t most = engine->z.most, group = engine->group;
    const struct piece pieces[] = {
        { &worker->row, 2 * (size_t)longest(engine), sizeof(void *) },
        { &worker->frame, group, sizeof *worker->frame },
        { &worker->place, group * 2 * most, sizeof *worker->place },
        { &worker->block, IVX_LANES * columns, sizeof(float) },
        { &worker->lanes, IVX_LANES * columns, sizeof(float) },
        { &worker->lane_slopes, IVX_LANES * columns, sizeof(float) },
        { &worker->lane_out, IVX_LANES * width, sizeof(float) },
        { &worker->line, longest_span(engine), sizeof(float) },
        { &worker->share_line, width, sizeof(float) },
        { &worker->share_made, width * most, sizeof(float) },
        { &worker->slopes, slope_floats(engine), sizeof(float) },
        { &worker->share_slopes, slope_floats(engine), sizeof(float) },
    };
    worker->span = longest_span(engine);
    worker->row_from = first_row(engine, n);
    worker->row_to = first_row(engine, n + 1);
    return make(engine, pieces, sizeof pieces / sizeof *pieces)
           || ivx_fail(err, IVX_FULL, "resample: no memory");
}

static bool make_ring(const struct ivx_engine *engine, struct ring *ring)
{
    ring->at = ivx_room(engine->workspace, ring_bytes(ring), 1);
    return ring->at != NULL;
}

static bool make_rings(struct ivx_engine *engine)
{
    const size_t width = engine->grid->count[0];
    const bool irregular = engine->z.shape.spline && !engine->knots.regular;
    const struct piece pieces[] = {
        { &engine->plane, (size_t)engine->value.slots, sizeof *engine->plane },
        { &engine->share_sloped, (size_t)engine->stack->slices, sizeof(bool) },
        { &engine->ones, width, sizeof(float) },
        { &engine->zeros, width, sizeof(float) },
        { &engine->digest, (size_t)engine->stack->slices, sizeof *engine->digest },
        { &engine->worker, (size_t)engine->crew, sizeof *engine->worker },
        { &engine->odd, 2 * IVX_REACH * (size_t)engine->stack->slices, sizeof(float) },
    };
    if (!make(engine, pieces, sizeof pieces / sizeof *pieces - (irregular ? 0 : 1)))
        return false;

    engine->result_pitch = result_bytes(engine);
    engine->result = ivx_room(engine->workspace, engine->result_pitch, (size_t)engine->group);
    if (engine->result == NULL || !make_ring(engine, &engine->value)
        || !make_ring(engine, &engine->kept))
        return false;
    for (size_t i = 0; i < width; i++)
        engine->ones[i] = 1;
    for (int32_t n = 0; shifted(engine->stack) && n < engine->value.slots; n++) {
        engine->plane[n].columns = ivx_room(engine->workspace, width, sizeof(float));
        if (engine->plane[n].columns == NULL)
            return false;
    }
    return true;
}

/* What brings slices into the plane; the slopes down their columns only for the spline.
 */
static bool make_in_plane(struct ivx_engine *engine, struct ivx_err *err)
{
    const struct ivx_stack *stack = engine->stack;
    const struct ivx_shape *x = &engine->shape[0], *y = &engine->shape[1];
    if (!ivx_table_new(engine->workspace, &engine->x, engine->grid->count[0], stack->columns, x,
                       ivx_shape_taps(x), err)
        || !ivx_table_new(engine->workspace, &engine->y, engine->grid->count[1], stack->rows, y,
                          ivx_shape_taps(y), err))
        return false;
    if (!y->spline)
        return true;
    engine->channel[0].slopes = ivx_room(engine->workspace, engine->in_plane, sizeof(float));
    return engine->channel[0].slopes != NULL
           || ivx_fail(err, IVX_FULL, "resample: no memory");
}

bool ivx_engine_make(struct ivx_engine *engine, struct ivx_err *err)
{
    if (!make_rings(engine))
        return ivx_fail(err, IVX_FULL, "resample: no memory for %zu bytes",
                        engine->memory);
    if (!make_in_plane(engine, err))
        return false;
    for (int n = 0; n < engine->crew; n++)
        if (!make_worker(engine, n, err))
            return false;
    return true;
}

bool ivx_engine_masks(struct ivx_engine *engine, struct ivx_err *err)
{
    const bool spline = engine->shape[1].spline;
    const size_t more = ring_bytes(&engine->share) + ring_bytes(&engine->share_kept)
                        + float_bytes(engine->in_plane) * (spline ? 3 : 2);
    const size_t limit = engine->options->memory_limit;
    if (engine->masks_ready)
        return true;
    if (limit > 0 && more > limit - engine->memory)
        return ivx_fail(err, IVX_REFUSED,
                        "resample: padding needs %zu bytes, %zu are allowed",
                        engine->memory + more, limit);

    engine->clean = ivx_room(engine->workspace, engine->in_plane, sizeof(float));
    engine->there = ivx_room(engine->workspace, engine->in_plane, sizeof(float));
    if (spline)
        engine->channel[1].slopes =
            ivx_room(engine->workspace, engine->in_plane, sizeof(float));
    if (!make_ring(engine, &engine->share) || !make_ring(engine, &engine->share_kept)
        || engine->clean == NULL || engine->there == NULL
        || (spline && engine->channel[1].slopes == NULL))
        return ivx_fail(err, IVX_FULL, "resample: no memory for padding");
    engine->memory += more;
    engine->masks_ready = true;
    return true;
}

void ivx_engine_free(struct ivx_engine **engine_ptr)
{
    if (*engine_ptr == NULL)
        return;
    struct ivx_workspace *workspace = (*engine_ptr)->workspace; /* which holds it, too */
    *engine_ptr = NULL;
    ivx_workspace_leave(&workspace);
}
