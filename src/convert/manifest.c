#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <zlib.h>

#include "config.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/dataset.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/hash.h"
#include "parts.h"

/* cJSON answers NULL when memory runs out and then ignores what is done to the NULL; the
 * manifest counts on one check at the end, of what every object must hold. */
static cJSON *add_object(cJSON *parent, const char *name)
{
    return cJSON_AddObjectToObject(parent, name);
}

static void add_text(cJSON *object, const char *name, const char *text)
{
    if (text[0] != '\0')
        cJSON_AddStringToObject(object, name, text);
}

static void add_hex64(cJSON *object, const char *name, uint64_t value)
{
    uint8_t bytes[8];
    char text[17];
    for (int n = 0; n < 8; n++)
        bytes[n] = (uint8_t)(value >> (56 - 8 * n));
    ivx_text_hex(bytes, sizeof bytes, text);
    cJSON_AddStringToObject(object, name, text);
}

cJSON *ivx_numbers_to_json(const double *values, int count)
{
    return cJSON_CreateDoubleArray(values, count);
}

static void add_numbers(cJSON *object, const char *name, const double *values, int count)
{
    cJSON_AddItemToObject(object, name, ivx_numbers_to_json(values, count));
}

static void add_dims(cJSON *object, int32_t i, int32_t j, int32_t k)
{
    const int dims[3] = { i, j, k };
    cJSON_AddItemToObject(object, "dims", cJSON_CreateIntArray(dims, 3));
}

cJSON *ivx_grid_to_json(const struct ivx_grid *grid)
{
    cJSON *json = cJSON_CreateObject();
    add_dims(json, grid->count[0], grid->count[1], grid->count[2]);
    add_numbers(json, "spacing_mm", grid->spacing, 3);
    add_numbers(json, "origin_lps", grid->origin, 3);
    cJSON *axes = cJSON_AddArrayToObject(json, "axes_lps");
    for (int n = 0; n < 3; n++)
        cJSON_AddItemToArray(axes, ivx_numbers_to_json(grid->axis[n], 3));
    return json;
}

static void add_software(cJSON *root)
{
    cJSON *software = add_object(root, "software");
    add_text(software, "name", PACKAGE_NAME);
    add_text(software, "version", PACKAGE_VERSION);
    cJSON_AddNumberToObject(software, "engine_version", IVX_ENGINE_VERSION);
    cJSON *libraries = add_object(software, "libraries");
    add_text(libraries, "dcmtk", ivx_dataset_library());
    add_text(libraries, "cjson", cJSON_Version());
    add_text(libraries, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    add_text(libraries, "zlib", zlibVersion());
}

static void add_recipe(cJSON *root, const char *recipe_json)
{
    uint8_t digest[IVX_SHA256_SIZE];
    char hex[IVX_SHA256_HEX];
    ivx_hash_once(recipe_json, strlen(recipe_json), digest);
    ivx_text_hex(digest, sizeof digest, hex);
    cJSON_AddItemToObject(root, "recipe", cJSON_Parse(recipe_json));
    add_text(root, "recipe_sha256", hex);
}

static void add_instances(const struct ivx_plan *plan, cJSON *source)
{
    const struct ivx_source_volume *volume = plan->conversion->source;
    cJSON *list = cJSON_AddArrayToObject(source, "instances");
    for (int32_t k = 0; k < volume->stack.slices; k++) {
        cJSON *one = cJSON_CreateObject();
        add_text(one, "sop_uid", volume->slices[k]->sop_uid);
        add_text(one, "sha256", plan->source_sha256[k]);
        add_numbers(one, "position_lps", volume->slices[k]->position, 3);
        if (volume->slices[k]->has_thickness)
            cJSON_AddNumberToObject(one, "thickness_mm", volume->slices[k]->thickness);
        cJSON_AddItemToArray(list, one);
    }
}

static void add_source_geometry(const struct ivx_source_volume *volume, cJSON *source)
{
    const struct ivx_stack *stack = &volume->stack;
    const double spacing[3] = { stack->column_spacing, stack->row_spacing,
                                volume->spacing_mm };
    add_dims(source, stack->columns, stack->rows, stack->slices);
    add_numbers(source, "spacing_mm", spacing, 3);
    cJSON_AddBoolToObject(source, "uniform", volume->uniform);
    add_numbers(source, "origin_lps", stack->origin, 3);
    add_numbers(source, "row_lps", stack->row, 3);
    add_numbers(source, "column_lps", stack->column, 3);
    add_numbers(source, "normal_lps", stack->normal, 3);
    add_numbers(source, "positions_mm", stack->t, stack->slices);
    cJSON_AddNumberToObject(source, "tilt_deg", volume->tilt_deg);
    cJSON_AddNumberToObject(source, "tilt_max_mm", volume->tilt_max_mm);
}

static void add_source(const struct ivx_plan *plan, cJSON *root)
{
    const struct ivx_source_volume *volume = plan->conversion->source;
    const struct ivx_instance *first = volume->slices[0];
    cJSON *source = add_object(root, "source");
    add_text(source, "study_uid", first->study_uid);
    add_text(source, "series_uid", first->series_uid);
    add_text(source, "frame_of_reference_uid", first->frame_uid);
    add_text(source, "sop_class", first->sop_class);
    add_text(source, "modality", first->modality);
    add_source_geometry(volume, source);
    add_instances(plan, source);

    cJSON *warnings = cJSON_AddArrayToObject(root, "warnings");
    for (int n = 0; n < volume->warning_count; n++) {
        cJSON *one = cJSON_CreateObject();
        add_text(one, "code", ivx_reason_name(volume->warnings[n].reason));
        add_text(one, "text", volume->warnings[n].text);
        cJSON_AddItemToArray(warnings, one);
    }
}

/* What decides the bits, and counts of what happened. The instruction set and the number
 * of threads do not: they are not here, so that a repeat gives the same manifest. */
static void add_sampling(const struct ivx_plan *plan,
                         const struct ivx_conversion_result *result, cJSON *root)
{
    cJSON *sampling = add_object(root, "sampling");
    add_text(sampling, "kernel",
             plan->native ? "none" : ivx_kernel_name(plan->options.kernel));
    add_numbers(sampling, "stretch", result->resample.stretch, 3);
    cJSON_AddNumberToObject(sampling, "background", (double)plan->options.background);
    cJSON_AddNumberToObject(sampling, "interpolations_applied", plan->native ? 0 : 1);
    cJSON_AddNumberToObject(sampling, "voxels", (double)result->resample.voxels);
    cJSON_AddNumberToObject(sampling, "background_voxels",
                            (double)result->resample.background);
    cJSON_AddNumberToObject(sampling, "edge_voxels", (double)result->resample.edge);
    cJSON_AddNumberToObject(sampling, "saturated_voxels",
                            (double)result->resample.saturated);
    add_hex64(sampling, "table_digest", result->resample.table_digest);
    cJSON_AddNumberToObject(sampling, "padded_source_pixels",
                            (double)result->reader.padded);
    cJSON_AddNumberToObject(sampling, "floored_source_pixels",
                            (double)result->reader.floored);
    cJSON_AddNumberToObject(sampling, "least_source_value", result->reader.least);
    cJSON_AddNumberToObject(sampling, "most_source_value", result->reader.most);
}

/* value = slope * word + intercept; rounding is off by half a step at most. */
static void add_scale(const struct ivx_stored *stored, cJSON *output)
{
    cJSON *scale = add_object(output, "scale");
    cJSON_AddNumberToObject(scale, "slope", stored->slope);
    cJSON_AddNumberToObject(scale, "intercept", stored->intercept);
    cJSON_AddBoolToObject(scale, "as_in_source", stored->kept);
    cJSON_AddNumberToObject(scale, "largest_rounding_error", fabs(stored->slope) / 2);
}

static void add_output(const struct ivx_plan *plan,
                       const struct ivx_conversion_result *result, cJSON *root)
{
    cJSON *output = add_object(root, "output");
    add_text(output, "format", ivx_format_name(plan->conversion->format));
    add_text(output, "series_uid", result->series_uid);
    add_text(output, "sop_class", result->sop_class);
    add_text(output, "transfer_syntax", result->syntax);
    add_text(output, "voxel_type",
             plan->rounds && !plan->stored.is_signed                ? "uint16"
             : plan->rounds || plan->options.result == IVX_INT16 ? "int16"
                                                                 : "float32");
    if (plan->rounds)
        add_scale(&plan->stored, output);
    add_text(output, "voxel_sha256", result->voxel_sha256);
    cJSON_AddNumberToObject(output, "files", result->files);
}

bool ivx_manifest_make(const struct ivx_plan *plan,
                       const struct ivx_conversion_result *result, char **json_out,
                       struct ivx_err *err)
{
    cJSON *root = cJSON_CreateObject();
    char created[32];
    ivx_clock_iso(plan->conversion->created_us, created);
    cJSON_AddNumberToObject(root, "manifest_version", 1);
    add_text(root, "created", created);
    cJSON_AddNumberToObject(root, "created_us", (double)plan->conversion->created_us);
    add_software(root);
    add_recipe(root, plan->recipe_json);
    add_source(plan, root);
    cJSON_AddItemToObject(root, "grid", ivx_grid_to_json(&plan->grid));
    add_sampling(plan, result, root);
    add_output(plan, result, root);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    if (text == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory for the manifest");
    *json_out = text;
    return true;
}
