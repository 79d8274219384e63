/* The acquired grid as it is: no interpolation, only order, rescale and padding. */
#include <math.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "parts.h"

/* R6: shifts up to this are jitter and no shape of the volume. */
#define JITTER_MM 0.05

static bool refuse(enum ivx_reason *reason_out, enum ivx_reason reason,
                   struct ivx_err *err, const char *why)
{
    *reason_out = reason;
    return ivx_fail(err, IVX_REFUSED, "the acquired grid cannot be kept: %s", why);
}

bool ivx_native_grid(const struct ivx_source_volume *source, struct ivx_grid *out,
                     enum ivx_reason *reason_out, struct ivx_err *err)
{
    const struct ivx_stack *stack = &source->stack;
    *reason_out = IVX_REASON_NONE;
    if (source->tilt_deg != 0)
        return refuse(reason_out, IVX_REASON_TILTED, err, "the slices are sheared (gantry tilt)");
    if (source->tilt_max_mm > JITTER_MM)
        return refuse(reason_out, IVX_REASON_JITTER, err, "slices lie beside their line");
    if (!source->uniform)
        return refuse(reason_out, IVX_REASON_IRREGULAR_SPACING, err,
                      "the slices are not equidistant");
    const int32_t count[3] = { stack->columns, stack->rows, stack->slices };
    const double spacing[3] = { stack->column_spacing, stack->row_spacing,
                                source->spacing_mm };
    double axes[3][3];
    for (int n = 0; n < 3; n++) {
        axes[0][n] = stack->row[n];
        axes[1][n] = stack->column[n];
        axes[2][n] = stack->normal[n];
    }
    return ivx_grid_make(count, spacing, stack->origin, axes, out, err);
}

static int16_t to_int16(double value, uint64_t *saturated)
{
    const double whole = rint(value); /* half to even */
    *saturated += whole > INT16_MAX || whole < INT16_MIN;
    return (int16_t)fmin(fmax(whole, INT16_MIN), INT16_MAX);
}

static double value_at(const struct ivx_slice *slice, size_t n)
{
    return slice->sample == IVX_INT16 ? (double)((const int16_t *)slice->voxel)[n]
                                      : (double)((const float *)slice->voxel)[n];
}

/* Padding has the background's value already: the reader puts it there. */
static void copy_slice(const struct ivx_slice *slice, size_t count, enum ivx_sample result,
                       void *out, struct ivx_resample_report *report)
{
    int16_t *integers = out;
    float *floats = out;
    for (size_t n = 0; n < count; n++) {
        const bool padding = slice->missing != NULL && slice->missing[n] != 0;
        report->background += padding;
        report->padded += padding;
        if (result == IVX_INT16)
            integers[n] = to_int16(value_at(slice, n), &report->saturated);
        else
            floats[n] = (float)value_at(slice, n);
    }
    report->voxels += count;
}

bool ivx_native_copy(const struct ivx_stack *stack, enum ivx_sample result,
                     ivx_slice_source *source, void *source_context, ivx_slice_sink *sink,
                     void *sink_context, struct ivx_resample_report *report_out,
                     struct ivx_err *err)
{
    const size_t count = (size_t)stack->columns * (size_t)stack->rows;
    const size_t bytes = count * (result == IVX_INT16 ? sizeof(int16_t) : sizeof(float));
    struct ivx_resample_report report = { .stretch = { 1, 1, 1 }, .memory = bytes };
    ivx_text_copy(report.simd, sizeof report.simd, "none");
    IVX_AUTO(ivx_memory_free) void *out = malloc(bytes);
    if (out == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory for a slice");
    for (int32_t k = 0; k < stack->slices; k++) {
        struct ivx_slice slice;
        if (!source(source_context, k, &slice, err))
            return false;
        copy_slice(&slice, count, result, out, &report);
        if (!sink(sink_context, k, out, err))
            return false;
    }
    *report_out = report;
    return true;
}
