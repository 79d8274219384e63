#include "engine.h"

#include <string.h>

#include "isovox/base/auto.h"
#include "kernel/mode.h"

static const char *const kernel_names[] = {
#define X(id, name) [id] = name,
    IVX_KERNELS(X)
#undef X
};

const char *ivx_kernel_name(enum ivx_kernel kernel)
{
    return kernel_names[kernel];
}

bool ivx_kernel_find(const char *name, enum ivx_kernel *out)
{
    for (int n = 0; n < IVX_KERNEL_COUNT; n++) {
        if (strcmp(name, kernel_names[n]) == 0) {
            *out = (enum ivx_kernel)n;
            return true;
        }
    }
    return false;
}

/* Both ends of a call, for as long as it lasts. */
struct ends {
    ivx_slice_source *source;
    void *source_context;
    ivx_slice_sink *sink;
    void *sink_context;
};

/* Padding, or a value that is no number? */
static bool is_masked(const struct ivx_slice *slice, size_t pixels)
{
    const float *real = slice->voxel;
    uint8_t padded = 0;
    uint32_t strange = 0;

    for (size_t p = 0; slice->missing != NULL && p < pixels; p++)
        padded |= slice->missing[p];
    for (size_t p = 0; slice->sample == IVX_FLOAT32 && p < pixels; p++)
        strange |= real[p] - real[p] != 0;
    return padded != 0 || strange != 0;
}

static bool take_slice(struct ivx_engine *engine, const struct ends *ends,
                       struct ivx_err *err)
{
    engine->slice = (struct ivx_slice){ IVX_INT16, NULL, NULL };
    if (!ends->source(ends->source_context, engine->next_in, &engine->slice, err))
        return false;

    const bool masked = is_masked(&engine->slice, engine->in_plane);
    if (masked && !ivx_engine_masks(engine, err))
        return false;
    ivx_engine_take(engine, engine->next_in, masked);
    return true;
}

/* The rows of task n, all the way. */
static void turn_task(void *argument, int n)
{
    const uint64_t before = ivx_mode_enter();
    ivx_engine_in_plane(argument, n);
    ivx_engine_through(argument, n);
    ivx_mode_leave(before);
}

/* Are slopes [next_slope, slope_to) to be made, their neighbours being there? */
static bool plan_slopes(struct ivx_engine *engine, int32_t slices_in)
{
    const int32_t slices = engine->stack->slices;
    engine->slope_to = engine->next_slope;
    if (!engine->z.shape.spline || engine->next_slope == slices)
        return false;

    const int32_t to = ivx_engine_block(engine, engine->next_slope);
    if (slices_in < slices && slices_in < to + IVX_REACH)
        return false;
    engine->slope_to = to;
    return true;
}

/* Does result slice m wait for nothing, when slices and slopes are there up to these? */
static bool ready(const struct ivx_engine *engine, int32_t m, int32_t slices_in)
{
    const struct ivx_taps taps = engine->z.row[m];
    const int32_t there = engine->z.shape.spline ? engine->slope_to : slices_in;
    return taps.count == 0 || taps.first + taps.count <= there;
}

/* One slice in, unless what is there makes a result; and the results that it makes. */
static bool turn(struct ivx_engine *engine, const struct ends *ends, struct ivx_err *err)
{
    int32_t slices_in = engine->next_in;
    engine->channels = 0;
    if (!ready(engine, engine->next_out, slices_in) && !plan_slopes(engine, slices_in)) {
        if (!take_slice(engine, ends, err))
            return false;
        slices_in++;
        plan_slopes(engine, slices_in);
    }
    engine->group_to = engine->next_out;
    while (engine->group_to < engine->z.outputs
           && engine->group_to - engine->next_out < engine->group
           && ready(engine, engine->group_to, slices_in))
        engine->group_to++;
    engine->block_done = engine->slope_to > engine->next_slope
                         && (engine->group_to == engine->z.outputs
                             || !ready(engine, engine->group_to, slices_in));

    ivx_engine_mark_slopes(engine);
    ivx_engine_run(engine, turn_task);
    engine->next_in = slices_in;
    if (engine->block_done)
        engine->next_slope = engine->slope_to;
    return true;
}

static bool give_group(struct ivx_engine *engine, const struct ends *ends,
                       struct ivx_err *err)
{
    for (int32_t m = engine->next_out; m < engine->group_to; m++) {
        const size_t at = engine->result_pitch * (size_t)(m - engine->next_out);
        if (!ends->sink(ends->sink_context, m, (const char *)engine->result + at, err))
            return false;
    }
    engine->next_out = engine->group_to;
    return true;
}

/* Slices that no result needs are read all the same: each is asked for once. */
static bool stream(struct ivx_engine *engine, const struct ends *ends,
                   struct ivx_err *err)
{
    while (engine->next_out < engine->z.outputs)
        if (!turn(engine, ends, err) || !give_group(engine, ends, err))
            return false;
    for (int32_t k = engine->next_in; k < engine->stack->slices; k++) {
        struct ivx_slice slice;
        if (!ends->source(ends->source_context, k, &slice, err))
            return false;
    }
    return true;
}

static uint64_t digest_tables(const struct ivx_engine *engine)
{
    uint64_t digest = ivx_table_digest(IVX_DIGEST_START, &engine->z);
    if (engine->odd != NULL)
        digest =
            ivx_digest(digest, engine->odd,
                       2 * IVX_REACH * sizeof(float) * (size_t)engine->stack->slices);
    return ivx_digest(digest, engine->digest,
                      sizeof(uint64_t) * (size_t)engine->stack->slices);
}

static void report(const struct ivx_engine *engine, struct ivx_resample_report *out)
{
    *out = (struct ivx_resample_report){ 0 };
    out->voxels = (uint64_t)engine->out_plane * (uint64_t)engine->z.outputs;
    for (int n = 0; n < engine->crew; n++) {
        const struct worker *worker = &engine->worker[n];
        out->background += worker->background;
        out->padded += worker->padded;
        out->edge += worker->edge;
        out->saturated += worker->saturated;
        out->clamped += worker->clamped;
    }
    for (int a = 0; a < 3; a++) {
        out->stretch[a] = engine->shape[a].stretch;
        out->sigma[a] = engine->shape[a].sigma;
    }
    out->memory = engine->memory;
    out->table_digest = digest_tables(engine);
    strncpy(out->simd, engine->kernels->name, sizeof out->simd - 1);
}

bool ivx_resample(const struct ivx_stack *stack, const struct ivx_grid *grid,
                  const struct ivx_resample_options *options, ivx_slice_source *source,
                  void *source_context, ivx_slice_sink *sink, void *sink_context,
                  struct ivx_resample_report *report_out, struct ivx_err *err)
{
    const struct ends ends = { source, source_context, sink, sink_context };
    IVX_AUTO(ivx_engine_free) struct ivx_engine *engine = NULL;

    const uint64_t before = ivx_mode_enter();
    const bool made = ivx_engine_new(stack, grid, options, &engine, err);
    ivx_mode_leave(before);
    if (!made || !stream(engine, &ends, err))
        return false;
    if (report_out != NULL)
        report(engine, report_out);
    return true;
}

void ivx_resample_support(const struct ivx_stack *stack, const struct ivx_grid *grid,
                          const struct ivx_resample_options *options, int32_t m,
                          int32_t *first_out, int32_t *last_out)
{
    struct ivx_knots knots;
    ivx_knots_init(&knots, stack, options->boundary);
    double from = 0;
    for (int c = 0; c < 3; c++)
        from += (grid->origin[c] - stack->origin[c]) * stack->normal[c];

    const struct ivx_shape shape = ivx_knots_shape(&knots, grid->spacing[2], options);
    ivx_knots_reach(&knots, &shape, from + m * grid->spacing[2], first_out, last_out);
}
