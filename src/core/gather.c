#include "isovox/core/gather.h"

#include <math.h>
#include <string.h>

#include "gathering.h"
#include "isovox/base/auto.h"
#include "kernel/mode.h"
#include "room.h"
#include "sane.h"

/* Samples per step of the result. Nobody's images come near it; beyond, smoothing the source
 * would take hours, and some millions would not fit an int32_t. */
#define COARSEST 4096.0

static void gather_clear(struct gather *gather)
{
    ivx_workspace_leave(&gather->workspace);
}

static void run(struct gather *gather, void (*task)(void *gather, int n))
{
    const struct ivx_crew *crew = &gather->options->crew;
    if (crew->run != NULL) {
        crew->run(crew->crew, task, gather, gather->crew);
        return;
    }
    for (int n = 0; n < gather->crew; n++)
        task(gather, n);
}

/* ---- plan ------------------------------------------------------------------------------- */

/* Result index to the frame of the stack (row, column, normal; mm from pixel 0 of slice 0). */
static void compose(struct gather *gather, const struct ivx_affine *pull)
{
    const struct ivx_stack *stack = gather->stack;
    const struct ivx_grid *grid = gather->grid;
    const double *const axis[3] = { stack->row, stack->column, stack->normal };
    double origin[3], along[3][3];
    for (int c = 0; c < 3; c++) {
        origin[c] = pull == NULL ? grid->origin[c] : pull->offset[c];
        for (int e = 0; pull != NULL && e < 3; e++)
            origin[c] += pull->matrix[c][e] * grid->origin[e];
        for (int d = 0; d < 3; d++) {
            along[d][c] = pull == NULL ? grid->axis[d][c] : 0;
            for (int e = 0; pull != NULL && e < 3; e++)
                along[d][c] += pull->matrix[c][e] * grid->axis[d][e];
        }
    }
    for (int a = 0; a < 3; a++) {
        gather->base[a] = 0;
        for (int c = 0; c < 3; c++)
            gather->base[a] += (origin[c] - stack->origin[c]) * axis[a][c];
        for (int d = 0; d < 3; d++) {
            gather->step[a][d] = 0;
            for (int c = 0; c < 3; c++)
                gather->step[a][d] += along[d][c] * axis[a][c];
            gather->step[a][d] *= grid->spacing[d];
        }
    }
}

/* Equidistant slices that are not shifted, and a kernel that needs no table. */
static bool is_straight(const struct gather *gather)
{
    const struct ivx_stack *stack = gather->stack;
    const enum ivx_kernel kernel = gather->options->kernel;
    bool shifted = false;
    for (int32_t k = 0; k < stack->slices; k++)
        shifted |= stack->shift_row[k] != 0 || stack->shift_column[k] != 0;
    return !shifted && gather->knots.regular && !gather->knots.mirror
           && kernel != IVX_NEAREST && kernel != IVX_LANCZOS3;
}

/* Anti-alias per source axis: the norm of its row of the Jacobian is the target spacing
 * that the axis sees. */
static bool choose_kernels(struct gather *gather, struct ivx_err *err)
{
    const struct ivx_stack *stack = gather->stack;
    const struct ivx_resample_options *options = gather->options;
    const double spacing[3] = { stack->column_spacing, stack->row_spacing,
                                gather->knots.mean };
    for (int a = 0; a < 3; a++) {
        const double *s = gather->step[a];
        const double target = sqrt(s[0] * s[0] + s[1] * s[1] + s[2] * s[2]);
        if (!(target / spacing[a] < COARSEST))
            return ivx_fail(err, IVX_REFUSED, "gather: the grid is too coarse for the slices");
        gather->shape[a] = a < 2 ? ivx_shape_of(options, target, spacing[a])
                                 : ivx_knots_shape(&gather->knots, target, options);
        if (!ivx_prepare_make(gather->workspace, &gather->shape[a], &gather->prepare[a], err))
            return false;
    }
    gather->spline = options->kernel == IVX_BSPLINE3;
    gather->prepare[0].spline = gather->prepare[1].spline = gather->spline;
    gather->cubic = gather->spline
                    || (!gather->knots.regular && options->kernel != IVX_LINEAR
                        && options->kernel != IVX_NEAREST);
    gather->straight = is_straight(gather);
    return true;
}

static bool make_hand(const struct gather *gather, struct hand *hand, struct ivx_err *err)
{
    const int32_t samples[3] = { gather->stack->columns, gather->stack->rows,
                                 gather->stack->slices };
    struct ivx_shape plain = { .kernel = gather->options->kernel,
                               .stretch = 1,
                               .mirror = gather->knots.mirror };
    if (plain.kernel == IVX_BSPLINE3) /* never asked; a table needs some kernel */
        plain.kernel = IVX_LINEAR;
    for (int a = 0; a < 3; a++)
        if (!ivx_table_new(gather->workspace, &hand->table[a], 1, samples[a], &plain,
                           ivx_shape_taps(&plain), err))
            return false;
    hand->points.kernel = gather->options->kernel;
    hand->points.pitch = gather->field.pitch;
    hand->points.plane = gather->field.plane;
    hand->scratch = ivx_room(gather->workspace, ivx_field_scratch(&gather->field),
                             sizeof *hand->scratch);
    hand->row =
        ivx_room(gather->workspace, (size_t)gather->grid->count[0], sizeof *hand->row);
    if (hand->scratch == NULL || hand->row == NULL)
        return ivx_fail(err, IVX_FULL, "gather: no memory for a task");
    return true;
}

static bool within_limit(struct gather *gather, size_t more, struct ivx_err *err)
{
    const size_t limit = gather->options->memory_limit;
    if (__builtin_add_overflow(gather->memory, more, &gather->memory)
        || (limit > 0 && gather->memory > limit))
        return ivx_fail(err, IVX_FULL, "gather: needs more than %zu MiB of working memory",
                        limit >> 20);
    return true;
}

static bool make_field(struct gather *gather, struct ivx_field *out, struct ivx_err *err)
{
    const struct ivx_stack *stack = gather->stack;
    const size_t bytes = ivx_field_bytes(stack->columns, stack->rows, stack->slices,
                                         gather->cubic);
    return within_limit(gather, bytes, err)
           && ivx_field_new(gather->workspace,
                            &(struct ivx_field){ .columns = stack->columns,
                                                 .rows = stack->rows,
                                                 .slices = stack->slices,
                                                 .mirror = gather->knots.mirror },
                            gather->cubic, out, err);
}

static bool make_odd(struct gather *gather, struct ivx_err *err)
{
    if (!gather->cubic || gather->knots.regular)
        return true;
    gather->odd = ivx_room(gather->workspace, (size_t)gather->stack->slices * 2 * IVX_REACH,
                           sizeof *gather->odd);
    if (gather->odd == NULL)
        return ivx_fail(err, IVX_FULL, "gather: no memory for slopes");
    return ivx_knots_slopes(&gather->knots, gather->workspace, gather->odd, err);
}

static bool prepare(struct gather *gather, const struct ivx_affine *pull, struct ivx_err *err)
{
    const struct ivx_resample_options *options = gather->options;
    const int32_t *count = gather->grid->count;
    const size_t pixels = (size_t)count[0] * (size_t)count[1];
    const size_t bytes = pixels * (options->result == IVX_INT16 ? sizeof(int16_t)
                                                                : sizeof(float));
    gather->kernels = ivx_kernels_pick(options->simd);
    if (gather->kernels == NULL)
        return ivx_fail(err, IVX_REFUSED, "this machine has no instruction set %s",
                        options->simd);
    gather->crew = options->crew.run == NULL || options->crew.size < 1 ? 1 : options->crew.size;
    ivx_knots_init(&gather->knots, gather->stack, options->boundary);
    compose(gather, pull);
    for (int a = 0; a < 3; a++)
        if (!isfinite(gather->base[a] + gather->step[a][0] + gather->step[a][1]
                      + gather->step[a][2]))
            return ivx_fail(err, IVX_DAMAGED, "gather: the transform is not finite");
    if (!choose_kernels(gather, err) || !within_limit(gather, bytes, err)
        || !make_field(gather, &gather->field, err) || !make_odd(gather, err))
        return false;

    gather->result = ivx_room(gather->workspace, 1, bytes);
    gather->hand =
        ivx_clear_room(gather->workspace, (size_t)gather->crew, sizeof *gather->hand);
    if (gather->result == NULL || gather->hand == NULL)
        return ivx_fail(err, IVX_FULL, "gather: no memory for a result slice");
    for (int n = 0; n < gather->crew; n++)
        if (!make_hand(gather, &gather->hand[n], err))
            return false;
    return true;
}

/* ---- source ------------------------------------------------------------------------------ */

static double sample_at(const struct ivx_slice *slice, size_t p)
{
    return slice->sample == IVX_INT16 ? ((const int16_t *)slice->voxel)[p]
                                      : (double)((const float *)slice->voxel)[p];
}

/* Padding, and what is no number, takes no part. */
static bool is_missing(const struct ivx_slice *slice, size_t p)
{
    return (slice->missing != NULL && slice->missing[p] != 0) || !isfinite(sample_at(slice, p));
}

static bool any_missing(const struct ivx_slice *slice, size_t pixels)
{
    if (slice->sample == IVX_INT16 && slice->missing == NULL)
        return false;
    for (size_t p = 0; p < pixels; p++)
        if (is_missing(slice, p))
            return true;
    return false;
}

/* NULL: all of it is there. */
static void fill(struct gather *gather, struct ivx_field *field, int32_t k,
                 const struct ivx_slice *slice, bool presence)
{
    const size_t columns = (size_t)gather->stack->columns;
    for (int32_t j = 0; j < gather->stack->rows; j++) {
        float *row = ivx_field_row(field, field->value, k, j);
        for (size_t i = 0; i < columns; i++) {
            const size_t p = (size_t)j * columns + i;
            const bool there = slice == NULL || !is_missing(slice, p);
            row[i] = !there ? 0 : presence ? 1 : (float)sample_at(slice, p);
        }
    }
}

/* The same of values of which none is missing. */
static void fill_whole(struct gather *gather, int32_t k, const struct ivx_slice *slice)
{
    const size_t columns = (size_t)gather->stack->columns;
    for (int32_t j = 0; j < gather->stack->rows; j++) {
        float *row = ivx_field_row(&gather->field, gather->field.value, k, j);
        const int16_t *whole = (const int16_t *)slice->voxel + (size_t)j * columns;
        const float *real = (const float *)slice->voxel + (size_t)j * columns;
        for (size_t i = 0; slice->sample == IVX_INT16 && i < columns; i++)
            row[i] = whole[i];
        for (size_t i = 0; slice->sample != IVX_INT16 && i < columns; i++)
            row[i] = real[i];
    }
}

static bool take_slice(struct gather *gather, int32_t k, const struct ivx_slice *slice,
                       struct ivx_err *err)
{
    const size_t pixels = (size_t)gather->stack->columns * (size_t)gather->stack->rows;
    const bool missing = any_missing(slice, pixels);
    if (missing)
        fill(gather, &gather->field, k, slice, false);
    else
        fill_whole(gather, k, slice);
    if (missing && gather->share.value == NULL) {
        if (!make_field(gather, &gather->share, err))
            return false;
        for (int32_t before = 0; before < k; before++)
            fill(gather, &gather->share, before, NULL, true);
    }
    if (gather->share.value != NULL)
        fill(gather, &gather->share, k, missing ? slice : NULL, true);
    return true;
}

static void in_plane_task(void *argument, int n)
{
    struct gather *gather = argument;
    struct ivx_field *const field[2] = { &gather->field, &gather->share };
    const uint64_t before = ivx_mode_enter();
    for (int32_t k = n; k < gather->stack->slices; k += gather->crew)
        for (int c = 0; c < (gather->share.value != NULL ? 2 : 1); c++)
            gather->kernels->field_in_plane(field[c], gather->prepare, k,
                                            gather->hand[n].scratch);
    ivx_mode_leave(before);
}

static void through_task(void *argument, int n)
{
    struct gather *gather = argument;
    struct ivx_field *const field[2] = { &gather->field, &gather->share };
    const uint64_t before = ivx_mode_enter();
    for (int c = 0; c < (gather->share.value != NULL ? 2 : 1); c++)
        gather->kernels->field_through(field[c], &gather->prepare[2], gather->odd, n,
                                       gather->crew, gather->hand[n].scratch);
    ivx_mode_leave(before);
}

static bool take_all(struct gather *gather, ivx_slice_source *source, void *context,
                     struct ivx_err *err)
{
    for (int32_t k = 0; k < gather->stack->slices; k++) {
        struct ivx_slice slice = { IVX_INT16, NULL, NULL };
        if (!source(context, k, &slice, err) || !take_slice(gather, k, &slice, err))
            return false;
    }
    run(gather, in_plane_task);
    run(gather, through_task);
    return true;
}

/* ---- result ------------------------------------------------------------------------------ */

static void result_task(void *argument, int n)
{
    struct gather *gather = argument;
    struct hand *hand = &gather->hand[n];
    const size_t width = (size_t)gather->grid->count[0];
    const int32_t rows = gather->grid->count[1];
    const uint64_t before = ivx_mode_enter();
    for (int32_t j = (int32_t)((int64_t)rows * n / gather->crew);
         j < (int32_t)((int64_t)rows * (n + 1) / gather->crew); j++) {
        const size_t at = (size_t)j * width;
        ivx_gather_row(gather, hand, j);
        if (gather->options->result == IVX_INT16)
            hand->saturated +=
                gather->kernels->round((int16_t *)gather->result + at, hand->row, width);
        else
            memcpy((float *)gather->result + at, hand->row, width * sizeof *hand->row);
    }
    ivx_mode_leave(before);
}

static bool give_all(struct gather *gather, ivx_slice_sink *sink, void *context,
                     struct ivx_err *err)
{
    for (gather->m = 0; gather->m < gather->grid->count[2]; gather->m++) {
        run(gather, result_task);
        if (!sink(context, gather->m, gather->result, err))
            return false;
    }
    return true;
}

static void report(const struct gather *gather, struct ivx_resample_report *out)
{
    const int32_t *count = gather->grid->count;
    *out = (struct ivx_resample_report){ .memory = gather->memory };
    out->voxels = (uint64_t)count[0] * (uint64_t)count[1] * (uint64_t)count[2];
    for (int n = 0; n < gather->crew; n++) {
        const struct hand *hand = &gather->hand[n];
        out->background += hand->background;
        out->padded += hand->padded;
        out->edge += hand->edge;
        out->saturated += hand->saturated;
        out->clamped += hand->clamped;
    }
    out->table_digest = ivx_digest(IVX_DIGEST_START, gather->base, sizeof gather->base);
    out->table_digest = ivx_digest(out->table_digest, gather->step, sizeof gather->step);
    for (int a = 0; a < 3; a++) {
        const struct ivx_prepare *prepare = &gather->prepare[a];
        out->stretch[a] = gather->shape[a].stretch;
        out->sigma[a] = gather->shape[a].sigma;
        if (prepare->radius > 0)
            out->table_digest = ivx_digest(out->table_digest, prepare->weight,
                                           (2 * (size_t)prepare->radius + 1)
                                               * sizeof *prepare->weight);
    }
    strncpy(out->simd, gather->kernels->name, sizeof out->simd - 1);
}

bool ivx_gather(const struct ivx_stack *stack, const struct ivx_grid *grid,
                const struct ivx_affine *pull, const struct ivx_resample_options *options,
                ivx_slice_source *source, void *source_context, ivx_slice_sink *sink,
                void *sink_context, struct ivx_resample_report *report_out,
                struct ivx_err *err)
{
    IVX_AUTO(gather_clear)
    struct gather gather = { .stack = stack, .grid = grid, .options = options };
    if (!ivx_stack_check(stack, err) || !ivx_options_check(options, err)
        || !ivx_workspace_enter(options, &gather.workspace, err)
        || !prepare(&gather, pull, err)
        || !take_all(&gather, source, source_context, err)
        || !give_all(&gather, sink, sink_context, err))
        return false;
    if (report_out != NULL)
        report(&gather, report_out);
    return true;
}
