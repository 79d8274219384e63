/* manifest.json: docs/MANIFEST.md, docs/manifest.schema.json. */
#include "manifest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "config.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/convert/manifest.h"
#include "isovox/dicom/decode.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/hash.h"

void ivx_manifest_add_text(cJSON *object, const char *name, const char *text)
{
    if (text[0] != '\0')
        cJSON_AddStringToObject(object, name, text);
}
#define add_text ivx_manifest_add_text

cJSON *ivx_numbers_to_json(const double *values, int count)
{
    return cJSON_CreateDoubleArray(values, count);
}

void ivx_manifest_add_numbers(cJSON *object, const char *name, const double *values, int count)
{
    cJSON_AddItemToObject(object, name, ivx_numbers_to_json(values, count));
}

void ivx_manifest_add_dims(cJSON *object, int32_t i, int32_t j, int32_t k)
{
    const int dims[3] = { i, j, k };
    cJSON_AddItemToObject(object, "dims", cJSON_CreateIntArray(dims, 3));
}

cJSON *ivx_grid_to_json(const struct ivx_grid *grid)
{
    cJSON *json = cJSON_CreateObject();
    ivx_manifest_add_dims(json, grid->count[0], grid->count[1], grid->count[2]);
    ivx_manifest_add_numbers(json, "spacing_mm", grid->spacing, 3);
    ivx_manifest_add_numbers(json, "origin_lps", grid->origin, 3);
    cJSON *axes = cJSON_AddArrayToObject(json, "axes_lps");
    for (int n = 0; n < 3; n++)
        cJSON_AddItemToArray(axes, ivx_numbers_to_json(grid->axis[n], 3));
    return json;
}

static const char *compiler(void)
{
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

/* What it ran on. Nothing of it decides the result, and nothing of it is in an instance. */
static void add_software(cJSON *root)
{
    struct ivx_versions versions;
    ivx_decode_versions(&versions);
    cJSON *software = cJSON_AddObjectToObject(root, "software");
    add_text(software, "name", PACKAGE_NAME);
    add_text(software, "version", PACKAGE_VERSION);
    add_text(software, "compiler", compiler());
    cJSON *libraries = cJSON_AddObjectToObject(software, "libraries");
    add_text(libraries, "dcmtk", versions.dcmtk);
    add_text(libraries, "charls", versions.charls);
    add_text(libraries, "openjpeg", versions.openjpeg);
    add_text(libraries, "zlib", versions.zlib);
    add_text(libraries, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    add_text(libraries, "cjson", cJSON_Version());
#ifdef __GLIBC__
    add_text(libraries, "glibc", gnu_get_libc_version());
#endif
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

/* value = slope * word + intercept; rounding is off by half a step at most. */
static void add_scale(const struct ivx_stored *stored, cJSON *output)
{
    cJSON *scale = cJSON_AddObjectToObject(output, "scale");
    cJSON_AddNumberToObject(scale, "slope", stored->slope);
    cJSON_AddNumberToObject(scale, "intercept", stored->intercept);
    cJSON_AddBoolToObject(scale, "as_in_source", stored->kept);
    cJSON_AddNumberToObject(scale, "largest_rounding_error", fabs(stored->slope) / 2);
}

static void add_output(const struct ivx_plan *plan,
                       const struct ivx_conversion_result *result, cJSON *root)
{
    cJSON *output = cJSON_AddObjectToObject(root, "output");
    add_text(output, "format", ivx_format_name(plan->conversion->format));
    add_text(output, "series_uid", result->series_uid);
    add_text(output, "sop_class", result->sop_class);
    add_text(output, "transfer_syntax", result->syntax);
    add_text(output, "voxel_type",
             plan->rounds && !plan->stored.is_signed             ? "uint16"
             : plan->rounds || plan->options.result == IVX_INT16 ? "int16"
                                                                 : "float32");
    if (plan->rounds)
        add_scale(&plan->stored, output);
    add_text(output, "voxel_sha256", result->voxel_sha256);
    add_text(output, "header_sha256", result->header_sha256);
    cJSON_AddNumberToObject(output, "files", result->files);
}

bool ivx_manifest_make(const struct ivx_plan *plan,
                       const struct ivx_conversion_result *result, char **json_out,
                       struct ivx_err *err)
{
    cJSON *root = cJSON_CreateObject();
    char created[32];
    ivx_clock_iso(plan->conversion->created_us, created);
    cJSON_AddNumberToObject(root, "manifest_version", IVX_MANIFEST_VERSION);
    add_text(root, "created", created);
    cJSON_AddNumberToObject(root, "created_us", (double)plan->conversion->created_us);
    add_software(root);
    cJSON_AddNumberToObject(root, "engine_version", IVX_ENGINE_VERSION);
    add_recipe(root, plan->recipe_json);
    ivx_manifest_add_source(plan, result, root);
    cJSON_AddItemToObject(root, "grid", ivx_grid_to_json(&plan->grid));
    ivx_manifest_add_sampling(plan, result, root);
    ivx_manifest_add_counts(plan, result, root);
    add_output(plan, result, root);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    /* cJSON answers NULL when memory runs out, and ignores what is done to the NULL: what lacks
     * then is found here. */
    struct ivx_err why = { 0 };
    if (text == NULL || !ivx_manifest_check(text, &why)) {
        ivx_memory_free(&text);
        return ivx_fail(err, IVX_FULL, "convert: no memory for the manifest: %s", why.text);
    }
    *json_out = text;
    return true;
}
