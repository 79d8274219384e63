#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "parts.h"

static const char *const aligns[] = { "center", "origin", "corner" };
static const char *const antialiases[] = { "auto", "off" };
static const char *const boundaries[] = { "nearest", "background" };
static const char *const orientations[] = { "acquired", "patient" };
static const char *const gaps[] = { "refuse", "interpolate", "split" };

void ivx_recipe_default(struct ivx_recipe_settings *settings)
{
    *settings = (struct ivx_recipe_settings){ .name = "iso-1mm",
                                              .spacing_mm = 1.0,
                                              .kernel = IVX_BSPLINE3 };
}

/* The fewest digits that read back as the same number. */
static void shortest(double value, char out[40])
{
    for (int digits = 1; digits <= 17; digits++) {
        double back = 0;
        snprintf(out, 40, "%.*g", digits, value);
        if (ivx_text_to_double(out, &back) && back == value)
            return;
    }
}

/* Plan writes the same text for the recipes of the configuration (src/plan/route.c). */
bool ivx_recipe_json(const struct ivx_recipe_settings *s, char **json_out,
                     struct ivx_err *err)
{
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    char spacing[40] = "\"min\"";
    if (s->spacing_mm == IVX_SPACING_NATIVE)
        ivx_text_copy(spacing, sizeof spacing, "\"native\"");
    else if (s->spacing_mm != IVX_SPACING_MIN)
        shortest(s->spacing_mm, spacing);
    cJSON *name = cJSON_CreateString(s->name);
    char *quoted = name == NULL ? NULL : cJSON_PrintUnformatted(name);
    cJSON_Delete(name);
    if (quoted == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory for a recipe");
    ivx_text_add(&text, "{\"name\":%s,\"spacing\":%s,\"kernel\":\"%s\",\"align\":\"%s\"",
                 quoted, spacing, ivx_kernel_name(s->kernel), aligns[s->align]);
    ivx_text_add(&text, ",\"antialias\":\"%s\",\"boundary\":\"%s\",\"orientation\":\"%s\"",
                 antialiases[s->antialias], boundaries[s->boundary],
                 orientations[s->orientation]);
    ivx_text_add(&text, ",\"gap\":\"%s\"}", gaps[s->gap]);
    free(quoted);
    if (text.failed)
        return ivx_fail(err, IVX_FULL, "convert: no memory for a recipe");
    *json_out = IVX_STEAL(text.data);
    return true;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text == NULL ? "" : text;
}

static bool find(const cJSON *object, const char *key, const char *const *names,
                 int count, int *out, struct ivx_err *err)
{
    const char *text = text_of(object, key);
    for (int n = 0; n < count; n++)
        if (strcmp(names[n], text) == 0) {
            *out = n;
            return true;
        }
    return ivx_fail(err, IVX_DAMAGED, "recipe: no %s '%.40s'", key, text);
}
#define FIND(object, key, names, out, err) \
    find((object), (key), (names), (int)IVX_COUNT(names), (out), (err))

static bool take_spacing(const cJSON *object, struct ivx_recipe_settings *out,
                         struct ivx_err *err)
{
    const cJSON *spacing = cJSON_GetObjectItemCaseSensitive(object, "spacing");
    const double mm = cJSON_IsNumber(spacing) ? spacing->valuedouble : 0;
    if (isfinite(mm) && mm > 0)
        out->spacing_mm = mm;
    else if (strcmp(text_of(object, "spacing"), "min") == 0)
        out->spacing_mm = IVX_SPACING_MIN;
    else if (strcmp(text_of(object, "spacing"), "native") == 0)
        out->spacing_mm = IVX_SPACING_NATIVE;
    else
        return ivx_fail(err, IVX_DAMAGED,
                        "recipe: spacing must be above 0, \"min\" or \"native\"");
    return true;
}

static bool take(const cJSON *object, struct ivx_recipe_settings *out,
                 struct ivx_err *err)
{
    if (!ivx_text_copy(out->name, sizeof out->name, text_of(object, "name")))
        return ivx_fail(err, IVX_DAMAGED, "recipe: the name is longer than 64 bytes");
    if (!ivx_kernel_find(text_of(object, "kernel"), &out->kernel))
        return ivx_fail(err, IVX_DAMAGED, "recipe: no kernel '%.40s'",
                        text_of(object, "kernel"));
    int align = 0, antialias = 0, boundary = 0, orientation = 0, gap = 0;
    if (!take_spacing(object, out, err) || !FIND(object, "align", aligns, &align, err)
        || !FIND(object, "antialias", antialiases, &antialias, err)
        || !FIND(object, "boundary", boundaries, &boundary, err)
        || !FIND(object, "orientation", orientations, &orientation, err)
        || !FIND(object, "gap", gaps, &gap, err))
        return false;
    out->align = (enum ivx_align)align;
    out->antialias = (enum ivx_antialias)antialias;
    out->boundary = (enum ivx_boundary)boundary;
    out->orientation = (enum ivx_orientation)orientation;
    out->gap = (enum ivx_gap)gap;
    return true;
}

bool ivx_recipe_parse(const char *json, struct ivx_recipe_settings *out,
                      struct ivx_err *err)
{
    struct ivx_recipe_settings settings;
    ivx_recipe_default(&settings);
    cJSON *object = cJSON_Parse(json);
    const bool done = cJSON_IsObject(object)
                          ? take(object, &settings, err)
                          : ivx_fail(err, IVX_DAMAGED, "recipe: not a JSON object");
    cJSON_Delete(object);
    if (done)
        *out = settings;
    return done;
}
