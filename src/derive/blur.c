#include "isovox/derive/blur.h"

#include <math.h>

#include "isovox/base/auto.h"

/* Across the plane of a CT slice: between a smooth and a sharp reconstruction kernel. */
#define CT_IN_PLANE_MM 0.5
/* The main lobe of the sinc that reconstructs an MR image, in pixels. */
#define MR_PIXELS 0.6

double ivx_kernel_moment(enum ivx_kernel kernel)
{
    switch (kernel) {
    case IVX_NEAREST: return 1.0 / 12;
    case IVX_LINEAR: return 1.0 / 6;
    default: return 0; /* the cubic kernels and Lanczos-3 have none */
    }
}

/* The thickest slice; 0 when not every slice says it. */
static double thickness_of(const struct ivx_source_volume *source)
{
    double most = 0;
    for (int32_t k = 0; k < source->stack.slices; k++) {
        const struct ivx_instance *slice = source->slices[k];
        if (!slice->has_thickness || !(slice->thickness > 0))
            return 0;
        most = fmax(most, slice->thickness);
    }
    return most;
}

static void find_native(const struct ivx_source_volume *source, struct ivx_blur *out)
{
    const bool ct = ivx_instance_kind(source->slices[0]) == IVX_KIND_CT;
    const double spacing[2] = { source->stack.column_spacing, source->stack.row_spacing };
    const double thickness = thickness_of(source);
    for (int a = 0; a < 2; a++) {
        out->native_mm[a] = ct ? CT_IN_PLANE_MM : MR_PIXELS * spacing[a];
        out->basis[a] = ct ? "0.5 mm" : "0.6 pixel spacing";
    }
    /* A rectangular slice profile. */
    out->native_mm[2] = (thickness > 0 ? thickness : source->spacing_mm) / sqrt(12);
    out->basis[2] =
        thickness > 0 ? "slice thickness / sqrt(12)" : "slice distance / sqrt(12)";
}

void ivx_blur_find(const struct ivx_source_volume *source, const struct ivx_sampling *sampling,
                   struct ivx_blur *out)
{
    *out = (struct ivx_blur){ .known = false };
    /* Resolution of a PET scanner is in no attribute, and makes several voxels. */
    if (ivx_instance_kind(source->slices[0]) == IVX_KIND_PET)
        return;
    out->known = true;
    find_native(source, out);
    const double spacing[3] = { source->stack.column_spacing, source->stack.row_spacing,
                                source->spacing_mm };
    for (int a = 0; a < 3; a++) {
        const double kernel = spacing[a] * sampling->stretch[a];
        const double filter = spacing[a] * sampling->sigma[a];
        const double square = out->native_mm[a] * out->native_mm[a]
                              + ivx_kernel_moment(sampling->kernel) * kernel * kernel
                              + filter * filter;
        out->result_mm[a] = sampling->interpolated ? sqrt(square) : out->native_mm[a];
    }
}

static double ratio_of(const double values[3])
{
    return fmax(fmax(values[0], values[1]), values[2])
           / fmin(fmin(values[0], values[1]), values[2]);
}

static double anisotropy(const struct ivx_source_volume *source)
{
    const double spacing[3] = { source->stack.column_spacing, source->stack.row_spacing,
                                source->spacing_mm };
    const double ratio = ratio_of(spacing);
    if (ivx_instance_kind(source->slices[0]) == IVX_KIND_PET)
        return ratio;
    struct ivx_blur blur;
    find_native(source, &blur);
    const double blurred = ratio_of(blur.native_mm);
    /* Blur adds the class "severe" (thick slices that overlap), and no other. */
    return blurred > 3 && ratio <= 3 ? fmin(blurred, 8) : ratio;
}

const char *ivx_anisotropy(const struct ivx_source_volume *source)
{
    static const struct {
        double most;
        const char *name;
    } classes[] = { { 1.1, "iso" }, { 1.5, "mild" }, { 3, "moderate" }, { 8, "severe" } };
    const double ratio = anisotropy(source);
    for (size_t n = 0; n < IVX_COUNT(classes); n++)
        if (ratio <= classes[n].most)
            return classes[n].name;
    return "extreme";
}

bool ivx_anisotropy_severe(const struct ivx_source_volume *source)
{
    return anisotropy(source) > 3;
}
