/* What a derived image says of its origin: PS3.3 C.12.4 General Reference, C.7.3.1 Related
 * Series, C.7.5.1 Contributing Equipment. Codes: PS3.16 CID 7203, 7202, 7210, 7005. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/reason.h"
#include "isovox/base/text.h"

enum { MOST_SOURCES = 64 };

static const struct ivx_code_item resampling = { "113085", "DCM", "Spatial resampling" };
static const struct ivx_code_item smoothing = { "113087", "DCM", "Smoothing" };
static const struct ivx_code_item source_image = {
    "121322", "DCM", "Source image for image processing operation"
};
static const struct ivx_code_item source_series = {
    "121323", "DCM", "Source series for image processing operation"
};
static const struct ivx_code_item processing = { "109102", "DCM",
                                                 "Processing Equipment" };

bool ivx_code_append(struct ivx_item *item, uint32_t tag,
                     const struct ivx_code_item *code, struct ivx_err *err)
{
    struct ivx_item *made = NULL;
    return ivx_item_append(item, tag, &made, err)
           && ivx_item_put_text(made, 0x00080100, code->value, err)
           && ivx_item_put_text(made, 0x00080102, code->scheme, err)
           && ivx_item_put_text(made, 0x00080104, code->meaning, err);
}

static const char *kernel_words(enum ivx_kernel kernel)
{
    switch (kernel) {
    case IVX_BSPLINE3: return "cubic B-spline";
    case IVX_LINEAR: return "linear";
    case IVX_CATMULL_ROM: return "Catmull-Rom cubic";
    case IVX_LANCZOS3: return "Lanczos-3";
    default: return "nearest-neighbour";
    }
}

static void describe_source(const struct ivx_source_volume *source, struct ivx_text *text)
{
    const struct ivx_stack *stack = &source->stack;
    char column[17], row[17], slice[17], thickness[17];
    ivx_ds_label(stack->column_spacing, column);
    ivx_ds_label(stack->row_spacing, row);
    ivx_ds_label(source->spacing_mm, slice);
    ivx_text_add(text, " from %d slices of %dx%d, %s x %s x %s mm", stack->slices,
                 stack->columns, stack->rows, column, row, slice);
    if (!source->uniform)
        ivx_text_add(text, " (median; true slice positions used)");
    if (source->slices[0]->has_thickness) {
        ivx_ds_label(source->slices[0]->thickness, thickness);
        ivx_text_add(text, ", acquired thickness %s mm", thickness);
    }
    if (source->tilt_deg != 0)
        ivx_text_add(text, "; gantry tilt %.2f deg taken up in the same sampling",
                     source->tilt_deg);
}

static void describe_parity(const struct ivx_resample_options *options,
                            struct ivx_text *text)
{
    if (options->antialias == IVX_ANTIALIAS_GAUSS_CARDOSO)
        ivx_text_add(text, "; Gaussian before it (Cardoso)");
    if (options->antialias == IVX_ANTIALIAS_GAUSS_MIRP)
        ivx_text_add(text, "; Gaussian before it (MIRP, beta %g)", options->mirp_beta);
    if (options->boundary == IVX_BOUNDARY_MIRROR)
        ivx_text_add(text, "; edges mirrored");
    if (options->clamp)
        ivx_text_add(text, "; limited to the range of the source, %.6g to %.6g",
                     (double)options->least, (double)options->most);
}

static void describe_filter(const struct ivx_derivation *derivation,
                            struct ivx_text *text)
{
    double stretch[3];
    ivx_stretch(derivation, stretch);
    ivx_text_add(text, "; %s interpolation, applied once",
                 kernel_words(derivation->options->kernel));
    if (stretch[0] > 1 || stretch[1] > 1 || stretch[2] > 1)
        ivx_text_add(text, "; anti-aliasing kernel stretched %.3f x %.3f x %.3f",
                     stretch[0], stretch[1], stretch[2]);
    describe_parity(derivation->options, text);
}

static void describe_target(const struct ivx_derivation *derivation,
                            struct ivx_text *text)
{
    const int32_t *count = derivation->grid->count;
    char spacing[17];
    ivx_ds_label(derivation->spacing_mm, spacing);
    if (derivation->native)
        ivx_text_add(text, "Acquired grid, not resampled, %dx%dx%d", count[0], count[1],
                     count[2]);
    else if (ivx_has_reference(derivation))
        ivx_text_add(text, "Resampled to the grid of series %s, %dx%dx%d",
                     derivation->reference_uid, count[0], count[1], count[2]);
    else
        ivx_text_add(text, "Resampled to isotropic %s mm, %dx%dx%d", spacing, count[0],
                     count[1], count[2]);
}

static void describe_values(const struct ivx_derivation *derivation,
                            struct ivx_text *text)
{
    const struct ivx_stored *stored = derivation->stored;
    if (ivx_derive_kind(derivation) == IVX_KIND_CT)
        ivx_text_add(text, "; rounded to integer HU, half to even");
    else if (stored->rescaled)
        ivx_text_add(text, "; rounded, half to even, to %s of slope %s, at most %.6g off",
                     stored->kept ? "the source's own steps" : "steps of one new scale",
                     stored->slope_text, fabs(stored->slope) / 2);
    else
        ivx_text_add(text, "; rounded to integers, half to even");
}

/* One line for people; what an earlier derivation said of itself follows. */
static bool put_description(const struct ivx_derivation *derivation,
                            struct ivx_item *root, struct ivx_err *err)
{
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    const struct ivx_source_volume *source = derivation->source;
    describe_target(derivation, &text);
    describe_source(source, &text);
    if (!derivation->native)
        describe_filter(derivation, &text);
    describe_values(derivation, &text);
    ivx_text_add(&text, "; isovox %s, engine %d, recipe %s", PACKAGE_VERSION,
                 IVX_ENGINE_VERSION, derivation->recipe_name);
    for (int n = 0; n < source->warning_count; n++)
        ivx_text_add(&text, "%s%s", n ? ", " : "; warnings: ",
                     ivx_reason_name(source->warnings[n].reason));
    const char *earlier = NULL;
    if (ivx_item_text(root, 0x00082111, &earlier))
        ivx_text_add(&text, "; before that: %s", earlier);
    if (text.failed)
        return ivx_fail(err, IVX_FULL, "derive: no memory");

    const char *charset = NULL;
    if (!ivx_item_text(root, 0x00080005, &charset))
        charset = NULL;
    const char *closing = "";
    text.used = ivx_text_fit(text.data, charset, 1024, &closing);
    text.data[text.used] = '\0';
    ivx_text_add(&text, "%s", closing);
    if (text.failed)
        return ivx_fail(err, IVX_FULL, "derive: no memory");
    return ivx_item_put_text(root, 0x00082111, text.data, err);
}

bool ivx_lineage_codes(const struct ivx_derivation *derivation, struct ivx_item *item,
                       struct ivx_err *err)
{
    double stretch[3];
    ivx_stretch(derivation, stretch);
    if (derivation->native)
        return true;
    if (!ivx_code_append(item, 0x00089215, &resampling, err))
        return false;
    const bool filtered = stretch[0] > 1 || stretch[1] > 1 || stretch[2] > 1;
    return !filtered || ivx_code_append(item, 0x00089215, &smoothing, err);
}

static bool put_related_series(const struct ivx_derivation *derivation,
                               struct ivx_item *root, struct ivx_err *err)
{
    const struct ivx_instance *first = derivation->source->slices[0];
    struct ivx_item *item = NULL;
    return ivx_item_append(root, 0x00081250, &item, err)
           && ivx_item_put_text(item, 0x0020000d, first->study_uid, err)
           && ivx_item_put_text(item, 0x0020000e, first->series_uid, err)
           && ivx_code_append(item, 0x0040a170, &source_series, err);
}

static bool put_equipment(const struct ivx_derivation *derivation, struct ivx_item *root,
                          struct ivx_err *err)
{
    const char *offset = NULL;
    if (!ivx_item_text(root, 0x00080201, &offset))
        offset = NULL;
    struct ivx_moment moment;
    ivx_moment_make(derivation->created_us, offset, &moment);

    struct ivx_item *item = NULL;
    return ivx_item_append(root, 0x0018a001, &item, err)
           && ivx_item_put_text(item, 0x00080070, "Isovox", err)
           && ivx_item_put_text(item, 0x00081090, "isovox", err)
           && ivx_item_put_text(item, 0x00181020, PACKAGE_VERSION, err)
           && ivx_item_put_text(item, 0x0018a002, moment.datetime, err)
           && ivx_item_put_text(item, 0x0018a003,
                                derivation->native ? "Assembly" : "Isotropic resampling",
                                err)
           && ivx_code_append(item, 0x0040a170, &processing, err);
}

bool ivx_lineage_put(const struct ivx_derivation *derivation, struct ivx_item *root,
                     struct ivx_err *err)
{
    return put_description(derivation, root, err) && ivx_lineage_codes(derivation, root, err)
           && put_related_series(derivation, root, err)
           && put_equipment(derivation, root, err);
}

static bool put_reference(const struct ivx_instance *instance, struct ivx_item *item,
                          struct ivx_err *err)
{
    char frame[16];
    snprintf(frame, sizeof frame, "%d", (int)instance->frame_number);
    return ivx_item_put_text(item, 0x00081150, instance->sop_class, err)
           && ivx_item_put_text(item, 0x00081155, instance->sop_uid, err)
           && (instance->frame_number == 0
               || ivx_item_put_text(item, 0x00081160, frame, err));
}

static bool put_source_images(const struct ivx_derivation *derivation,
                              struct ivx_item *root, int32_t first, int32_t last,
                              struct ivx_err *err)
{
    for (int32_t k = first; k <= last; k++) {
        struct ivx_item *item = NULL;
        if (!ivx_item_append(root, 0x00082112, &item, err)
            || !put_reference(derivation->source->slices[k], item, err)
            || !ivx_item_put_text(item, 0x0028135a, derivation->native ? "YES" : "NO",
                                  err)
            || !ivx_code_append(item, 0x0040a170, &source_image, err))
            return false;
    }
    return true;
}

bool ivx_lineage_sources(const struct ivx_derivation *derivation, struct ivx_item *root,
                         int32_t m, struct ivx_err *err)
{
    int32_t first = m, last = m;
    if (!derivation->native)
        ivx_resample_support(&derivation->source->stack, derivation->grid,
                             derivation->options, m, &first, &last);
    if (!derivation->enhanced)
        ivx_item_remove(root, 0x00082112);
    return last - first >= MOST_SOURCES
           || put_source_images(derivation, root, first, last, err);
}
