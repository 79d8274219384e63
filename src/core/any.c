/* any.c - which way a result is made, and grids along the patient's axes. */
#include <math.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/core/gather.h"
#include "room.h"
#include "sane.h"
#include "table.h"

#define SAME_AXIS 1e-9

/* Half of the slice distance on the low (0) or high (1) side, in millimetres. */
static double half_gap(const struct ivx_stack *stack, int side)
{
    const int32_t last = stack->slices - 1;
    if (last == 0)
        return (stack->column_spacing > stack->row_spacing ? stack->column_spacing
                                                           : stack->row_spacing)
               / 2;
    return (side == 0 ? stack->t[1] - stack->t[0] : stack->t[last] - stack->t[last - 1]) / 2;
}

/* Corner n of slice k with its half-pixel border; the outermost slices with their half gap. */
static void corner(const struct ivx_stack *stack, int32_t k, int n, double out[3])
{
    const double u = stack->shift_row[k]
                     + ((n & 1) != 0 ? stack->columns - 0.5 : -0.5) * stack->column_spacing;
    const double v = stack->shift_column[k]
                     + ((n & 2) != 0 ? stack->rows - 0.5 : -0.5) * stack->row_spacing;
    double w = stack->t[k] - stack->t[0];
    if (k == 0 && (n & 4) == 0)
        w -= half_gap(stack, 0);
    if (k == stack->slices - 1 && (n & 4) != 0)
        w += half_gap(stack, 1);
    for (int c = 0; c < 3; c++)
        out[c] = stack->origin[c] + u * stack->row[c] + v * stack->column[c]
                 + w * stack->normal[c];
}

static void bounding_box(const struct ivx_stack *stack, double low[3], double high[3])
{
    for (int c = 0; c < 3; c++) {
        low[c] = HUGE_VAL;
        high[c] = -HUGE_VAL;
    }
    for (int32_t k = 0; k < stack->slices; k++)
        for (int n = 0; n < 8; n++) {
            double at[3];
            corner(stack, k, n, at);
            for (int c = 0; c < 3; c++) {
                low[c] = at[c] < low[c] ? at[c] : low[c];
                high[c] = at[c] > high[c] ? at[c] : high[c];
            }
        }
}

static bool box_grid(const double low[3], const double high[3], double spacing_mm,
                     struct ivx_grid *out, struct ivx_err *err)
{
    const double spacing[3] = { spacing_mm, spacing_mm, spacing_mm };
    double axis[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }, origin[3];
    int32_t count[3];
    for (int c = 0; c < 3; c++) {
        if (!ivx_box_count(high[c] - low[c], spacing_mm, &count[c], err))
            return false;
        origin[c] = (low[c] + high[c]) / 2 - (count[c] - 1) / 2.0 * spacing_mm;
    }
    return ivx_grid_make(count, spacing, origin, axis, out, err);
}

static bool permutes(const struct ivx_stack *stack, const double axes[3][3], int order_out[3],
                     bool flip_out[3])
{
    const double *const of[3] = { stack->row, stack->column, stack->normal };
    for (int a = 0; a < 3; a++) {
        order_out[a] = -1;
        for (int s = 0; s < 3; s++) {
            const double along = axes[a][0] * of[s][0] + axes[a][1] * of[s][1]
                                 + axes[a][2] * of[s][2];
            if (fabs(fabs(along) - 1) > SAME_AXIS)
                continue;
            order_out[a] = s;
            flip_out[a] = along < 0;
        }
        if (order_out[a] == -1)
            return false;
    }
    return true;
}

bool ivx_stack_permutes(const struct ivx_stack *stack, const struct ivx_grid *grid,
                        int order_out[3], bool flip_out[3])
{
    return permutes(stack, grid->axis, order_out, flip_out);
}

/* The grid in the stack's own frame whose copy, permuted and flipped, the given one is. */
static void own_grid(const struct ivx_stack *stack, const struct ivx_grid *grid,
                     const int order[3], const bool flip[3], struct ivx_grid *out)
{
    const double *const of[3] = { stack->row, stack->column, stack->normal };
    *out = *grid;
    for (int a = 0; a < 3; a++) {
        const int s = order[a];
        out->count[s] = grid->count[a];
        out->spacing[s] = grid->spacing[a];
        memcpy(out->axis[s], of[s], sizeof out->axis[s]);
        for (int c = 0; flip[a] && c < 3; c++)
            out->origin[c] += (grid->count[a] - 1) * grid->spacing[a] * grid->axis[a][c];
    }
}

bool ivx_target_grid_patient(const struct ivx_stack *stack, double spacing_mm,
                             enum ivx_align align, struct ivx_grid *out, struct ivx_err *err)
{
    static const double patient[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    int order[3];
    bool flip[3];
    if (!ivx_stack_check(stack, err))
        return false;
    if (!(spacing_mm > 0) || !isfinite(spacing_mm))
        return ivx_fail(err, IVX_REFUSED, "grid: a spacing of %g mm", spacing_mm);
    if (!permutes(stack, patient, order, flip)) {
        double low[3], high[3];
        if (align != IVX_ALIGN_CENTER)
            return ivx_fail(err, IVX_REFUSED, "grid: oblique slices can only be centred");
        bounding_box(stack, low, high);
        return box_grid(low, high, spacing_mm, out, err);
    }
    struct ivx_grid own;
    if (!ivx_target_grid(stack, spacing_mm, align, &own, err))
        return false;
    *out = own;
    for (int a = 0; a < 3; a++) {
        const int s = order[a];
        out->count[a] = own.count[s];
        for (int c = 0; c < 3; c++) {
            out->axis[a][c] = flip[a] ? -own.axis[s][c] : own.axis[s][c];
            if (flip[a])
                out->origin[c] += (own.count[s] - 1) * spacing_mm * own.axis[s][c];
        }
    }
    return true;
}

/* Both ends of a call, for as long as it lasts. */
struct ends {
    ivx_slice_source *source;
    void *source_context;
    ivx_slice_sink *sink;
    void *sink_context;
};

/* ---- the exact copy ----------------------------------------------------------------------- */

struct turned {
    uint8_t *voxel; /* the whole result in the stack's own order */
    uint8_t *slice; /* one in the other order */
    size_t slice_bytes, item;
};

static bool keep(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct turned *turned = context;
    (void)err;
    memcpy(turned->voxel + (size_t)m * turned->slice_bytes, voxel, turned->slice_bytes);
    return true;
}

/* Result slice m out of the kept volume; stride and start in voxels. */
static void turn_slice(const struct turned *turned, const struct ivx_grid *grid, int32_t m,
                       const ptrdiff_t stride[3], ptrdiff_t start, uint8_t *out)
{
    for (int32_t j = 0; j < grid->count[1]; j++)
        for (int32_t i = 0; i < grid->count[0]; i++) {
            const ptrdiff_t from = start + i * stride[0] + j * stride[1] + m * stride[2];
            memcpy(out, turned->voxel + (size_t)from * turned->item, turned->item);
            out += turned->item;
        }
}

static bool hand_on(const struct turned *turned, const struct ivx_grid *grid,
                    const struct ivx_grid *own, const int order[3], const bool flip[3],
                    ivx_slice_sink *sink, void *context, struct ivx_err *err)
{
    const ptrdiff_t along[3] = { 1, own->count[0], (ptrdiff_t)own->count[0] * own->count[1] };
    ptrdiff_t stride[3], start = 0;
    for (int a = 0; a < 3; a++) {
        stride[a] = flip[a] ? -along[order[a]] : along[order[a]];
        if (flip[a])
            start += (grid->count[a] - 1) * along[order[a]];
    }
    for (int32_t m = 0; m < grid->count[2]; m++) {
        turn_slice(turned, grid, m, stride, start, turned->slice);
        if (!sink(context, m, turned->slice, err))
            return false;
    }
    return true;
}

/* Room for the whole result, and for a slice of it in the other order. */
static bool keep_all(const struct ivx_grid *grid, const struct ivx_grid *own,
                     const struct ivx_resample_options *options,
                     struct ivx_workspace *workspace, struct turned *out, size_t *bytes_out,
                     struct ivx_err *err)
{
    const size_t pixels = (size_t)grid->count[0] * (size_t)grid->count[1];
    out->item = options->result == IVX_INT16 ? sizeof(int16_t) : sizeof(float);
    out->slice_bytes = (size_t)own->count[0] * (size_t)own->count[1] * out->item;
    if (__builtin_mul_overflow(out->slice_bytes, (size_t)own->count[2], bytes_out)
        || (options->memory_limit > 0 && *bytes_out >= options->memory_limit))
        return ivx_fail(err, IVX_FULL, "resample: the turned result needs more than %zu MiB",
                        options->memory_limit >> 20);
    out->voxel = ivx_room(workspace, 1, *bytes_out);
    out->slice = ivx_room(workspace, pixels, out->item);
    return (out->voxel != NULL && out->slice != NULL)
           || ivx_fail(err, IVX_FULL, "resample: no memory for %zu bytes", *bytes_out);
}

/* The engine's result in the stack's own order, then handed on in the other. */
static bool resample_turned(const struct ivx_stack *stack, const struct ivx_grid *grid,
                            const struct ivx_resample_options *options, const int order[3],
                            const bool flip[3], const struct ends *ends,
                            struct ivx_resample_report *report, struct ivx_err *err)
{
    IVX_AUTO(ivx_workspace_leave) struct ivx_workspace *workspace = NULL;
    struct turned turned;
    struct ivx_grid own;
    size_t bytes = 0;
    own_grid(stack, grid, order, flip, &own);
    if (!ivx_workspace_enter(options, &workspace, err)
        || !keep_all(grid, &own, options, workspace, &turned, &bytes, err))
        return false;
    struct ivx_resample_options rest = *options;
    rest.workspace = workspace;
    rest.memory_limit = options->memory_limit == 0 ? 0 : options->memory_limit - bytes;
    if (!ivx_resample(stack, &own, &rest, ends->source, ends->source_context, keep, &turned,
                      report, err)
        || !hand_on(&turned, grid, &own, order, flip, ends->sink, ends->sink_context, err))
        return false;
    const struct ivx_resample_report along = *report;
    for (int a = 0; a < 3; a++) {
        report->stretch[a] = along.stretch[order[a]];
        report->sigma[a] = along.sigma[order[a]];
    }
    report->memory += bytes;
    return true;
}

bool ivx_resample_any(const struct ivx_stack *stack, const struct ivx_grid *grid,
                      const struct ivx_resample_options *options, ivx_slice_source *source,
                      void *source_context, ivx_slice_sink *sink, void *sink_context,
                      struct ivx_resample_report *report_out, struct ivx_err *err)
{
    const struct ends ends = { source, source_context, sink, sink_context };
    int order[3] = { 0, 1, 2 };
    bool flip[3] = { false, false, false };
    struct ivx_resample_report report;
    if (!ivx_stack_permutes(stack, grid, order, flip))
        return ivx_gather(stack, grid, NULL, options, source, source_context, sink,
                          sink_context, report_out, err);
    if (order[0] == 0 && order[1] == 1 && !flip[0] && !flip[1] && !flip[2])
        return ivx_resample(stack, grid, options, source, source_context, sink, sink_context,
                            report_out, err);
    if (!resample_turned(stack, grid, options, order, flip, &ends, &report, err))
        return false;
    if (report_out != NULL)
        *report_out = report;
    return true;
}
