/* R0 and R1: what may become a slice, and which slices belong together. */
#include <math.h>
#include <string.h>

#include "group.h"
#include "isovox/base/auto.h"

/* Classes that hold slices of volumes. All others are passed over: never meant to be one. */
static const struct image_class {
    const char *uid;
    enum ivx_kind kind;
    bool multi_frame;
} image_classes[] = {
    { IVX_CT_IMAGE_STORAGE, IVX_KIND_CT, false },
    { "1.2.840.10008.5.1.4.1.1.2.1", IVX_KIND_CT, true }, /* enhanced */
    { "1.2.840.10008.5.1.4.1.1.2.2", IVX_KIND_CT, true }, /* legacy converted enhanced */
    { IVX_MR_IMAGE_STORAGE, IVX_KIND_MR, false },
    { "1.2.840.10008.5.1.4.1.1.4.1", IVX_KIND_MR, true },
    { "1.2.840.10008.5.1.4.1.1.4.4", IVX_KIND_MR, true },
    { IVX_PET_IMAGE_STORAGE, IVX_KIND_PET, false },
    { "1.2.840.10008.5.1.4.1.1.130", IVX_KIND_PET, true },
    { "1.2.840.10008.5.1.4.1.1.128.1", IVX_KIND_PET, true },
};

static const struct image_class *class_of(const struct ivx_instance *instance)
{
    for (size_t n = 0; n < IVX_COUNT(image_classes); n++)
        if (strcmp(instance->sop_class, image_classes[n].uid) == 0)
            return &image_classes[n];
    return NULL;
}

bool ivx_is_ct(const struct ivx_instance *instance)
{
    return ivx_instance_kind(instance) == IVX_KIND_CT;
}

bool ivx_is_multi_frame(const struct ivx_instance *instance)
{
    const struct image_class *found = class_of(instance);
    return found != NULL && found->multi_frame;
}

enum ivx_kind ivx_instance_kind(const struct ivx_instance *instance)
{
    const struct image_class *found = class_of(instance);
    return found != NULL ? found->kind : IVX_KIND_OTHER;
}

/* PS3.3 C.8.9.1.1.4: a reprojection sums along rays, it is no slice. */
static bool is_projection(const struct ivx_instance *instance)
{
    return ivx_instance_kind(instance) == IVX_KIND_PET
           && strstr(instance->series_type, "REPROJECTION") != NULL;
}

/* Siemens: all slices of a volume side by side in one image, with one position. */
static bool is_mosaic(const struct ivx_instance *instance)
{
    return strstr(instance->image_type, "\\MOSAIC") != NULL;
}

static bool is_localizer(const struct ivx_instance *instance)
{
    return strstr(instance->image_type, "LOCALIZER") != NULL;
}

bool ivx_rule_class(const struct ivx_instance *instance, bool *passed_over_out,
                    struct ivx_verdict *why)
{
    *passed_over_out = true;
    if (class_of(instance) == NULL)
        return ivx_verdict_no(why, IVX_REASON_UNSUPPORTED_MODALITY,
                              "SOP class %s holds no slices of a volume",
                              instance->sop_class);
    if (is_localizer(instance))
        return ivx_verdict_no(why, IVX_REASON_LOCALIZER, "localizer images are no volume");
    if (instance->own_result)
        return ivx_verdict_no(why, IVX_REASON_OWN_RESULT,
                              "made by Isovox: it is not converted again");
    *passed_over_out = false;
    if (is_mosaic(instance))
        return ivx_verdict_no(why, IVX_REASON_UNSUPPORTED_PIXELS,
                              "a mosaic of slices is not taken apart");
    if (is_projection(instance))
        return ivx_verdict_no(why, IVX_REASON_NOT_A_VOLUME,
                              "PET REPROJECTION images are projections, not slices");
    return true;
}

bool ivx_rule_groups(const struct ivx_instance *object, struct ivx_verdict *why)
{
    if (object->frames > IVX_MOST_FRAMES)
        return ivx_verdict_no(why, IVX_REASON_TOO_LARGE, "%d frames in one instance",
                              (int)object->frames);
    if (object->frame_count == 0)
        return ivx_verdict_no(why, IVX_REASON_NO_GEOMETRY,
                              "no functional groups: nothing says where its frames lie");
    if (object->groups_disagree)
        return ivx_verdict_no(why, IVX_REASON_DAMAGED,
                              "%d frames, and functional groups that are not one for each",
                              (int)object->frames);
    return true;
}

bool ivx_rule_has_geometry(const struct ivx_instance *instance, struct ivx_verdict *why)
{
    if (instance->geometry_malformed)
        return ivx_verdict_no(why, IVX_REASON_DAMAGED,
                              "position, orientation, spacing or rescale is no number");
    if (!instance->has_position || !instance->has_orientation || !instance->has_spacing)
        return ivx_verdict_no(why, IVX_REASON_NO_GEOMETRY, "no%s%s%s",
                              instance->has_position ? "" : " Image Position",
                              instance->has_orientation ? "" : " Image Orientation",
                              instance->has_spacing ? "" : " Pixel Spacing");
    /* Beyond these no scanner goes, and arithmetic on squares stays finite. */
    for (int n = 0; n < 3; n++)
        if (!(fabs(instance->position[n]) <= 1e6))
            return ivx_verdict_no(why, IVX_REASON_DAMAGED, "a position is %g mm",
                                  instance->position[n]);
    for (int n = 0; n < 2; n++)
        if (!(instance->spacing[n] >= 1e-4 && instance->spacing[n] <= 1e3))
            return ivx_verdict_no(why, IVX_REASON_NO_GEOMETRY, "Pixel Spacing is %g mm",
                                  instance->spacing[n]);
    for (int n = 0; n < 6; n++)
        if (!(fabs(instance->orientation[n]) <= 2.0))
            return ivx_verdict_no(why, IVX_REASON_BAD_ORIENTATION, "a direction cosine is %g",
                                  instance->orientation[n]);
    return true;
}

/* Signals of another kind are another volume: MR magnitude, phase, real and imaginary part
 * (PS3.3 C.8.3.1.1.1, C.8.13.3.1.1); PET in counts, Bq/ml, SUV (C.8.9.1). */
static int compare_meaning(const struct ivx_instance *a, const struct ivx_instance *b)
{
    const enum ivx_kind kind = ivx_instance_kind(a);
    if (kind == IVX_KIND_MR && a->component != b->component)
        return a->component < b->component ? -1 : 1;
    return kind == IVX_KIND_PET ? strcmp(a->units, b->units) : 0;
}

static int compare_key(const struct ivx_instance *a, const struct ivx_instance *b)
{
    const char *const left[] = { a->study_uid, a->series_uid, a->frame_uid, a->sop_class,
                                 a->photometric };
    const char *const right[] = { b->study_uid, b->series_uid, b->frame_uid, b->sop_class,
                                  b->photometric };
    for (size_t n = 0; n < IVX_COUNT(left); n++) {
        const int order = strcmp(left[n], right[n]);
        if (order != 0)
            return order;
    }
    const int32_t here[] = { a->rows, a->columns, a->samples_per_pixel };
    const int32_t there[] = { b->rows, b->columns, b->samples_per_pixel };
    for (size_t n = 0; n < IVX_COUNT(here); n++)
        if (here[n] != there[n])
            return here[n] < there[n] ? -1 : 1;
    return compare_meaning(a, b);
}

/* A total order, so that sorting has one result whatever the numbers are: what is no number
 * comes last. */
static int compare_numbers(const double *a, const double *b, int count)
{
    for (int n = 0; n < count; n++) {
        const int order = isnan(a[n]) || isnan(b[n]) ? !!isnan(a[n]) - !!isnan(b[n])
                                                     : (a[n] > b[n]) - (a[n] < b[n]);
        if (order != 0)
            return order;
    }
    return 0;
}

enum { FIGURES = 28 };

/* What the header says besides, in figures. */
static void write_figures(const struct ivx_instance *of, int64_t out[FIGURES])
{
    const int64_t figures[FIGURES] = {
        of->has_slope,      of->has_intercept,     of->has_padding,
        of->padding,        of->has_padding_limit, of->padding_limit,
        of->bits_allocated, of->bits_stored,       of->high_bit,
        of->frames,         of->has_pixels,        of->pixel_representation,
        of->float_pixels,   of->has_modality_lut,  of->pixels_truncated,
        of->encapsulated,   of->has_position,      of->has_orientation,
        of->has_spacing,    of->has_thickness,     of->has_tilt,
        of->geometry_malformed, of->instance_number, (int64_t)of->pixel_length,
        of->lut.entries,    of->lut.first,         of->lut.bits,
        (int64_t)of->lut.length,
    };
    memcpy(out, figures, sizeof figures);
}

static int compare_figures(const struct ivx_instance *a, const struct ivx_instance *b)
{
    int64_t here[FIGURES], there[FIGURES];
    write_figures(a, here);
    write_figures(b, there);
    for (int n = 0; n < FIGURES; n++)
        if (here[n] != there[n])
            return here[n] < there[n] ? -1 : 1;
    const double left[] = { a->slope, a->intercept, a->thickness, a->tilt_deg };
    const double right[] = { b->slope, b->intercept, b->thickness, b->tilt_deg };
    return compare_numbers(left, right, IVX_COUNT(left));
}

/* Everything else that a rule reads. */
static int compare_texts(const struct ivx_instance *a, const struct ivx_instance *b)
{
    const char *const left[] = {
        a->syntax,     a->image_type,   a->temporal,   a->acquisition_number,
        a->echo,       a->b_value,      a->gradient,   a->acquisition_datetime,
        a->frame_time, a->trigger_time, a->content_time, a->acquisition_time,
        a->convolution_kernel, a->decay_correction, a->units, a->series_type, a->stack_id,
        a->contrast,   a->vendor_diffusion,
    };
    const char *const right[] = {
        b->syntax,     b->image_type,   b->temporal,   b->acquisition_number,
        b->echo,       b->b_value,      b->gradient,   b->acquisition_datetime,
        b->frame_time, b->trigger_time, b->content_time, b->acquisition_time,
        b->convolution_kernel, b->decay_correction, b->units, b->series_type, b->stack_id,
        b->contrast,   b->vendor_diffusion,
    };
    int order = 0;
    for (size_t n = 0; n < IVX_COUNT(left) && order == 0; n++)
        order = strcmp(left[n], right[n]);
    return order;
}

int ivx_rule_order(const struct ivx_instance *a, const struct ivx_instance *b)
{
    int order = compare_key(a, b);
    if (order == 0)
        order = compare_numbers(a->orientation, b->orientation, 6);
    if (order == 0)
        order = compare_numbers(a->spacing, b->spacing, 2);
    if (order == 0)
        order = compare_numbers(a->position, b->position, 3);
    if (order == 0)
        order = compare_figures(a, b);
    if (order == 0)
        order = compare_texts(a, b);
    if (order == 0)
        order = strcmp(a->sop_uid, b->sop_uid);
    if (order == 0)
        order = a->frame_number - b->frame_number;
    if (order == 0)
        order = strcmp(a->path, b->path);
    if (order == 0 && a->blob.offset != b->blob.offset)
        order = a->blob.offset < b->blob.offset ? -1 : 1;
    return order;
}

int ivx_rule_order_without_geometry(const struct ivx_instance *a, const struct ivx_instance *b)
{
    const int order = compare_key(a, b);
    return order != 0 ? order : strcmp(a->image_type, b->image_type);
}

bool ivx_rule_same_key(const struct ivx_instance *a, const struct ivx_instance *b)
{
    return compare_key(a, b) == 0;
}

struct ivx_plane ivx_plane_of(const struct ivx_instance *instance)
{
    struct ivx_plane made;
    memcpy(made.spacing, instance->spacing, sizeof made.spacing);
    memcpy(made.orientation, instance->orientation, sizeof made.orientation);
    return made;
}

bool ivx_rule_same_plane(const struct ivx_plane *a, const struct ivx_plane *b)
{
    for (int n = 0; n < 2; n++)
        if (fabs(a->spacing[n] - b->spacing[n]) > 1e-4 * a->spacing[n])
            return false;
    for (int n = 0; n < 6; n++)
        if (fabs(a->orientation[n] - b->orientation[n]) > 1e-3)
            return false;
    return true;
}
