/* Of the manifest: what decides the bits, and counts of what happened. The instruction set
 * and the number of threads do not: they are not here, so that a repeat gives the same. */
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "manifest.h"

#define add_text ivx_manifest_add_text
#define add_numbers ivx_manifest_add_numbers

static void add_hex64(cJSON *object, const char *name, uint64_t value)
{
    uint8_t bytes[8];
    char text[17];
    for (int n = 0; n < 8; n++)
        bytes[n] = (uint8_t)(value >> (56 - 8 * n));
    ivx_text_hex(bytes, sizeof bytes, text);
    cJSON_AddStringToObject(object, name, text);
}

static const struct kernel {
    const char *parameter;
    double value;
    int support; /* samples per axis, unstretched */
} kernels[IVX_KERNEL_COUNT] = {
    [IVX_BSPLINE3] = { "prefilter_pole", -0.26794919243112270, 4 }, /* sqrt(3) - 2 */
    [IVX_LINEAR] = { NULL, 0, 2 },
    [IVX_CATMULL_ROM] = { "a", -0.5, 4 },
    [IVX_LANCZOS3] = { "lobes", 3, 6 },
    [IVX_NEAREST] = { NULL, 0, 1 },
};

static void add_kernel(const struct ivx_sampling *sampled, cJSON *sampling)
{
    cJSON *kernel = cJSON_AddObjectToObject(sampling, "kernel");
    if (!sampled->interpolated) {
        add_text(kernel, "name", "none");
        return;
    }
    const struct kernel *row = &kernels[sampled->kernel];
    add_text(kernel, "name", ivx_kernel_name(sampled->kernel));
    cJSON_AddNumberToObject(kernel, "support", row->support);
    if (row->parameter != NULL)
        cJSON_AddNumberToObject(kernel, row->parameter, row->value);
}

static void add_blur(const struct ivx_blur *blur, int axis, cJSON *one)
{
    if (!blur->known)
        return;
    cJSON *json = cJSON_AddObjectToObject(one, "blur");
    cJSON_AddNumberToObject(json, "before_sigma_mm", blur->native_mm[axis]);
    cJSON_AddNumberToObject(json, "before_fwhm_mm", IVX_FWHM * blur->native_mm[axis]);
    cJSON_AddNumberToObject(json, "after_sigma_mm", blur->result_mm[axis]);
    cJSON_AddNumberToObject(json, "after_fwhm_mm", IVX_FWHM * blur->result_mm[axis]);
    add_text(json, "before_from", blur->basis[axis]);
}

/* Along the source's axes, whatever the axes of the result are. */
static void add_axes(const struct ivx_conversion_result *result, cJSON *sampling)
{
    static const char *const names[] = { "row", "column", "normal" };
    const struct ivx_sampling *sampled = &result->sampling;
    cJSON *axes = cJSON_AddArrayToObject(sampling, "source_axes");
    for (int a = 0; a < 3; a++) {
        cJSON *one = cJSON_CreateObject();
        add_text(one, "axis", names[a]);
        const bool stretched = sampled->interpolated && sampled->stretch[a] > 1;
        const bool smoothed = sampled->interpolated && sampled->sigma[a] > 0;
        add_text(one, "antialias", stretched ? "stretch" : smoothed ? "gaussian" : "none");
        /* Stretching the spline itself would blur: RESAMPLING. */
        if (stretched)
            add_text(one, "stretched_kernel",
                     ivx_kernel_name(sampled->kernel == IVX_BSPLINE3 ? IVX_LANCZOS3
                                                                     : sampled->kernel));
        cJSON_AddNumberToObject(one, "stretch", sampled->stretch[a]);
        cJSON_AddNumberToObject(one, "gaussian_sigma_samples", sampled->sigma[a]);
        add_blur(&result->blur, a, one);
        cJSON_AddItemToArray(axes, one);
    }
}

void ivx_manifest_add_sampling(const struct ivx_plan *plan,
                               const struct ivx_conversion_result *result, cJSON *root)
{
    cJSON *sampling = cJSON_AddObjectToObject(root, "sampling");
    cJSON_AddNumberToObject(sampling, "interpolations_applied", plan->native ? 0 : 1);
    add_kernel(&result->sampling, sampling);
    add_axes(result, sampling);
    add_text(sampling, "boundary", ivx_recipe_word(plan->conversion->recipe, "boundary"));
    cJSON_AddNumberToObject(sampling, "background", (double)plan->options.background);
    add_text(sampling, "rounding",
             plan->rounds || plan->options.result == IVX_INT16 ? "half-even" : "none");
    add_text(sampling, "precision", "float32");
    if (plan->options.clamp) {
        const double range[2] = { (double)plan->options.least, (double)plan->options.most };
        add_numbers(sampling, "clamped_to", range, 2);
    }
    add_hex64(sampling, "table_digest", result->resample.table_digest);
}

/* A count and its fraction of `all`. */
static void add_count(cJSON *counts, const char *name, uint64_t count, uint64_t all)
{
    cJSON *one = cJSON_AddObjectToObject(counts, name);
    cJSON_AddNumberToObject(one, "count", (double)count);
    cJSON_AddNumberToObject(one, "fraction", all > 0 ? (double)count / (double)all : 0);
}

void ivx_manifest_add_counts(const struct ivx_plan *plan,
                             const struct ivx_conversion_result *result, cJSON *root)
{
    const struct ivx_stack *stack = &plan->conversion->source->stack;
    const struct ivx_resample_report *report = &result->resample;
    const uint64_t pixels =
        (uint64_t)stack->columns * (uint64_t)stack->rows * (uint64_t)stack->slices;
    const uint64_t outside = report->background - report->padded;
    cJSON *counts = cJSON_AddObjectToObject(root, "counts");
    cJSON_AddNumberToObject(counts, "voxels", (double)report->voxels);
    add_count(counts, "outside", outside, report->voxels);
    add_count(counts, "padded", report->padded, report->voxels);
    add_count(counts, "extrapolated", report->edge, report->voxels);
    add_count(counts, "saturated", report->saturated, report->voxels);
    add_count(counts, "clamped", report->clamped, report->voxels);
    cJSON_AddNumberToObject(counts, "source_pixels", (double)pixels);
    add_count(counts, "source_padded", result->reader.padded, pixels);
    add_count(counts, "source_floored", result->reader.floored, pixels);
}
