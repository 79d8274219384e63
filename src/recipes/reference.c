#include "reference.h"

#include <string.h>

enum { MOST = 32767 }; /* voxels along one axis, as the engine's own grids */

static void add_numbers(struct ivx_text *text, const char *key, const double v[3])
{
    ivx_text_add(text, key[0] != '\0' ? ",\"%s\":[" : "%s[", key);
    for (int n = 0; n < 3; n++) {
        ivx_text_add(text, n > 0 ? "," : "");
        ivx_recipe_add_number(text, v[n]);
    }
    ivx_text_add(text, "]");
}

void ivx_reference_add(struct ivx_text *text, const struct ivx_recipe_reference *reference)
{
    const struct ivx_grid *grid = &reference->grid;
    ivx_text_add(text, ",\"reference\":{\"series_uid\":\"%s\"", reference->series_uid);
    ivx_text_add(text, ",\"frame_of_reference_uid\":\"%s\"", reference->frame_uid);
    ivx_text_add(text, ",\"dims\":[%d,%d,%d]", grid->count[0], grid->count[1], grid->count[2]);
    add_numbers(text, "spacing_mm", grid->spacing);
    add_numbers(text, "origin_lps", grid->origin);
    ivx_text_add(text, ",\"axes_lps\":[");
    for (int a = 0; a < 3; a++) {
        ivx_text_add(text, a > 0 ? "," : "");
        add_numbers(text, "", grid->axis[a]);
    }
    ivx_text_add(text, "]}");
}

static bool numbers(const cJSON *array, double out[3])
{
    for (int n = 0; n < 3; n++) {
        const cJSON *one = cJSON_GetArrayItem(array, n);
        if (!cJSON_IsNumber(one))
            return false;
        out[n] = cJSON_GetNumberValue(one);
    }
    return cJSON_GetArraySize(array) == 3;
}

/* Digits and dots: it goes into texts and file names. */
static bool uid(const cJSON *object, const char *key, char out[65])
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    for (const char *c = text; c != NULL && *c != '\0'; c++)
        if (strchr("0123456789.", *c) == NULL)
            return false;
    return text != NULL && text[0] != '\0' && ivx_text_copy(out, 65, text);
}

static bool take_grid(const cJSON *object, struct ivx_grid *out, struct ivx_err *err)
{
    const cJSON *axes = cJSON_GetObjectItemCaseSensitive(object, "axes_lps");
    double dims[3], spacing[3], origin[3], axis[3][3];
    int32_t count[3];
    bool whole = numbers(cJSON_GetObjectItemCaseSensitive(object, "dims"), dims)
                 && numbers(cJSON_GetObjectItemCaseSensitive(object, "spacing_mm"), spacing)
                 && numbers(cJSON_GetObjectItemCaseSensitive(object, "origin_lps"), origin)
                 && cJSON_GetArraySize(axes) == 3;
    for (int a = 0; whole && a < 3; a++) {
        whole = numbers(cJSON_GetArrayItem(axes, a), axis[a]) && dims[a] >= 1
                && dims[a] <= MOST;
        count[a] = whole ? (int32_t)dims[a] : 0;
    }
    if (!whole)
        return ivx_fail(err, IVX_DAMAGED, "recipe: the reference has no grid");
    return ivx_grid_make(count, spacing, origin, axis, out, err);
}

bool ivx_reference_take(const cJSON *object, struct ivx_recipe_reference *out,
                        struct ivx_err *err)
{
    struct ivx_recipe_reference made = { .series_uid = "" };
    if (!uid(object, "series_uid", made.series_uid)
        || !uid(object, "frame_of_reference_uid", made.frame_uid))
        return ivx_fail(err, IVX_DAMAGED, "recipe: the reference has no UIDs");
    if (!take_grid(object, &made.grid, err))
        return false;
    *out = made;
    return true;
}

static bool same_numbers(const double *a, const double *b, int count)
{
    for (int n = 0; n < count; n++)
        if (a[n] != b[n])
            return false;
    return true;
}

bool ivx_reference_same(const struct ivx_recipe_reference *a,
                        const struct ivx_recipe_reference *b)
{
    return strcmp(a->series_uid, b->series_uid) == 0
           && strcmp(a->frame_uid, b->frame_uid) == 0
           && memcmp(a->grid.count, b->grid.count, sizeof a->grid.count) == 0
           && same_numbers(a->grid.spacing, b->grid.spacing, 3)
           && same_numbers(a->grid.origin, b->grid.origin, 3)
           && same_numbers(a->grid.axis[0], b->grid.axis[0], 9);
}
