/* How the voxels of MR and PET are stored as 16-bit integers: docs/DERIVED.md "Values". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "isovox/base/text.h"
#include "parts.h"

static bool same_rescale(const struct ivx_source_volume *source)
{
    const struct ivx_instance *first = source->slices[0];
    for (int32_t k = 1; k < source->stack.slices; k++)
        if (source->slices[k]->slope != first->slope
            || source->slices[k]->intercept != first->intercept)
            return false;
    return true;
}

static bool says_rescale(const struct ivx_source_volume *source)
{
    for (int32_t k = 0; k < source->stack.slices; k++)
        if (source->slices[k]->has_slope || source->slices[k]->has_intercept)
            return true;
    return false;
}

/* Every stored value that the headers allow has a place in int16. */
static bool stored_fit_int16(const struct ivx_source_volume *source)
{
    for (int32_t k = 0; k < source->stack.slices; k++) {
        const struct ivx_instance *slice = source->slices[k];
        const int bits = slice->has_modality_lut
                             ? slice->lut.bits
                             : slice->bits_stored - (slice->pixel_representation == 1);
        if (bits > 15)
            return false;
    }
    return true;
}

/* A decimal string of at most 16 bytes, and the number that it says. */
static double write_decimal(double value, int most_digits, char out[17])
{
    double written = value;
    for (int digits = 1; digits <= most_digits; digits++) {
        char text[32];
        if (snprintf(text, sizeof text, "%.*g", digits, value) > 16)
            break;
        ivx_text_copy(out, 17, text);
        if (ivx_text_to_double(out, &written) && written == value)
            break;
    }
    return written;
}

/* Ten digits, and never under `least`: the largest value must not saturate. */
static double write_slope(double least, char out[17])
{
    double written = write_decimal(least, 10, out);
    if (written < least)
        written = write_decimal(least * (1 + 1e-9), 10, out);
    return written;
}

static void set_scale(struct ivx_stored *out, double slope, double intercept)
{
    out->rescaled = true;
    out->slope = write_decimal(slope, 15, out->slope_text);
    out->intercept = write_decimal(intercept, 15, out->intercept_text);
}

static void set_new_scale(struct ivx_stored *out, double least, double most)
{
    const double slope = fmax(most / INT16_MAX, least / INT16_MIN);
    out->rescaled = out->new_scale = true;
    out->intercept = write_decimal(0, 1, out->intercept_text);
    out->slope = write_slope(slope > 0 ? slope : 1, out->slope_text);
}

void ivx_storing_plan(const struct ivx_source_volume *source, struct ivx_stored *out)
{
    const struct ivx_instance *first = source->slices[0];
    *out = (struct ivx_stored){ .slope = 1, .is_signed = true };
    out->kept = ivx_instance_kind(first) == IVX_KIND_MR && same_rescale(source);
    if (!out->kept)
        out->measured = true;
    else if (says_rescale(source))
        set_scale(out, first->slope, first->intercept);
    /* A scale that a decimal string cannot hold to the digit is replaced by one it can. */
    if (out->kept && (out->slope != first->slope || out->intercept != first->intercept)) {
        out->kept = false;
        out->measured = true;
    }
    out->measured = out->measured || !stored_fit_int16(source);
    out->integers = !out->measured && out->slope == 1 && out->intercept == 0;
}

bool ivx_storing_measured(double least, double most, struct ivx_stored *stored,
                          struct ivx_err *err)
{
    if (!isfinite(least) || !isfinite(most))
        return ivx_fail(err, IVX_REFUSED, "convert: result values are not finite");
    if (stored->kept) {
        const double a = (least - stored->intercept) / stored->slope;
        const double b = (most - stored->intercept) / stored->slope;
        if (rint(fmax(a, b)) <= INT16_MAX && rint(fmin(a, b)) >= INT16_MIN)
            return true;
        stored->is_signed = false; /* what lies under 0 by overshoot is clamped and counted */
        if (rint(fmax(a, b)) <= UINT16_MAX)
            return true;
        if (!stored->rescaled)
            return ivx_fail(err, IVX_REFUSED,
                            "convert: values up to %.0f do not fit 16 bits, and an MR image "
                            "has no place for a scale",
                            most);
        stored->kept = false;
        stored->is_signed = true;
    }
    set_new_scale(stored, least, most);
    return true;
}

uint64_t ivx_storing_round(const struct ivx_stored *stored, const float *values, size_t count,
                           uint16_t *out)
{
    const double low = stored->is_signed ? INT16_MIN : 0;
    const double high = stored->is_signed ? INT16_MAX : UINT16_MAX;
    uint64_t saturated = 0;
    for (size_t n = 0; n < count; n++) {
        const double whole = rint(((double)values[n] - stored->intercept) / stored->slope);
        const double inside = fmin(fmax(whole, low), high);
        saturated += whole != inside;
        out[n] = (uint16_t)(int32_t)inside;
    }
    return saturated;
}
