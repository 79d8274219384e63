#include "isovox/convert/manifest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cJSON.h>

#include "isovox/base/auto.h"

/* DIGEST: 64 hexadecimal digits. POINT: three numbers. SLICES: as many entries as slices. */
enum kind { TEXT, NUMBER, BOOL, OBJECT, DIGEST, POINT, AXES, SLICES, LIST, COUNT };

static const struct member {
    const char *path;
    enum kind kind;
} members[] = {
    { "created", TEXT },
    { "created_us", NUMBER },
    { "software.name", TEXT },
    { "software.version", TEXT },
    { "software.compiler", TEXT },
    { "software.libraries", OBJECT },
    { "engine_version", NUMBER },
    { "recipe", OBJECT },
    { "recipe_sha256", DIGEST },
    { "source.study_uid", TEXT },
    { "source.series_uid", TEXT },
    { "source.sop_class", TEXT },
    { "source.dims", POINT },
    { "source.spacing_mm", POINT },
    { "source.uniform", BOOL },
    { "source.anisotropy", TEXT },
    { "source.origin_lps", POINT },
    { "source.row_lps", POINT },
    { "source.column_lps", POINT },
    { "source.normal_lps", POINT },
    { "source.positions_mm", SLICES },
    { "source.shifts_row_mm", SLICES },
    { "source.shifts_column_mm", SLICES },
    { "source.tilt_deg", NUMBER },
    { "source.tilt_max_mm", NUMBER },
    { "source.value_type", TEXT },
    { "source.pixel_sha256", DIGEST },
    { "source.least_value", NUMBER },
    { "source.most_value", NUMBER },
    { "source.instances", SLICES },
    { "warnings", LIST },
    { "grid.dims", POINT },
    { "grid.spacing_mm", POINT },
    { "grid.origin_lps", POINT },
    { "grid.axes_lps", AXES },
    { "sampling.interpolations_applied", NUMBER },
    { "sampling.kernel.name", TEXT },
    { "sampling.source_axes", AXES },
    { "sampling.boundary", TEXT },
    { "sampling.background", NUMBER },
    { "sampling.rounding", TEXT },
    { "sampling.precision", TEXT },
    { "sampling.table_digest", TEXT },
    { "counts.voxels", NUMBER },
    { "counts.outside", COUNT },
    { "counts.padded", COUNT },
    { "counts.extrapolated", COUNT },
    { "counts.saturated", COUNT },
    { "counts.clamped", COUNT },
    { "counts.source_pixels", NUMBER },
    { "counts.source_padded", COUNT },
    { "counts.source_floored", COUNT },
    { "output.format", TEXT },
    { "output.voxel_type", TEXT },
    { "output.voxel_sha256", DIGEST },
    { "output.files", NUMBER },
};

static const cJSON *part(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* "a.b.c" */
static const cJSON *find(const cJSON *root, const char *path)
{
    char name[64];
    for (; root != NULL; path++) {
        const size_t length = strcspn(path, ".");
        if (length >= sizeof name)
            return NULL;
        memcpy(name, path, length);
        name[length] = '\0';
        root = part(root, name);
        path += length;
        if (*path == '\0')
            break;
    }
    return root;
}

static bool is_text(const cJSON *item)
{
    return cJSON_IsString(item) && item->valuestring[0] != '\0';
}

static bool is_digest(const cJSON *item)
{
    return is_text(item) && strlen(item->valuestring) == 64
           && strspn(item->valuestring, "0123456789abcdef") == 64;
}

static bool is_point(const cJSON *item)
{
    const cJSON *one;
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 3)
        return false;
    cJSON_ArrayForEach(one, item)
        if (!cJSON_IsNumber(one))
            return false;
    return true;
}

static bool is_count(const cJSON *item)
{
    return cJSON_IsNumber(part(item, "count")) && cJSON_IsNumber(part(item, "fraction"));
}

static bool is_right(const cJSON *item, enum kind kind, int slices)
{
    switch (kind) {
    case TEXT: return is_text(item);
    case NUMBER: return cJSON_IsNumber(item);
    case BOOL: return cJSON_IsBool(item);
    case OBJECT: return cJSON_IsObject(item);
    case DIGEST: return is_digest(item);
    case POINT: return is_point(item);
    case AXES: return cJSON_IsArray(item) && cJSON_GetArraySize(item) == 3;
    case SLICES: return cJSON_IsArray(item) && cJSON_GetArraySize(item) == slices;
    case LIST: return cJSON_IsArray(item);
    case COUNT: return is_count(item);
    }
    return false;
}

static bool check_instances(const cJSON *root, struct ivx_err *err)
{
    int n = 0;
    const cJSON *one;
    cJSON_ArrayForEach(one, find(root, "source.instances")) {
        if (!is_text(part(one, "sop_uid")) || !is_digest(part(one, "contents_sha256"))
            || !is_point(part(one, "position_lps")))
            return ivx_fail(err, IVX_DAMAGED, "manifest: source.instances[%d] is not whole", n);
        n++;
    }
    return true;
}

/* How many slices the manifest says the source has; -1: it does not. */
static int slices_of(const cJSON *root)
{
    const cJSON *last = cJSON_GetArrayItem(find(root, "source.dims"), 2);
    const double count = cJSON_IsNumber(last) ? last->valuedouble : -1;
    return count >= 1 && count <= 1e6 ? (int)count : -1;
}

static bool check(const cJSON *root, struct ivx_err *err)
{
    const cJSON *version = part(root, "manifest_version");
    if (!cJSON_IsNumber(version))
        return ivx_fail(err, IVX_DAMAGED, "manifest: %s", root == NULL
                        ? "not JSON" : "no manifest_version; not the manifest of a conversion");
    if (version->valuedouble != IVX_MANIFEST_VERSION)
        return ivx_fail(err, IVX_REFUSED, "manifest: version %g is not known, only %d",
                        version->valuedouble, IVX_MANIFEST_VERSION);
    const int slices = slices_of(root);
    for (size_t n = 0; n < IVX_COUNT(members); n++) {
        const cJSON *item = find(root, members[n].path);
        if (!is_right(item, members[n].kind, slices))
            return ivx_fail(err, IVX_DAMAGED, "manifest: %s is %s", members[n].path,
                            item == NULL ? "missing" : "not what it should be");
    }
    return check_instances(root, err);
}

bool ivx_manifest_check(const char *json, struct ivx_err *err)
{
    cJSON *root = cJSON_Parse(json);
    const bool right = check(root, err);
    cJSON_Delete(root);
    return right;
}
