#include "route.h"

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/recipes/recipe.h"

void ivx_plan_subject_of(const struct ivx_instance *instance, const char *calling_ae,
                         struct ivx_plan_subject *out)
{
    *out = (struct ivx_plan_subject){
        .modality = instance->modality,
        .calling_ae = calling_ae,
        .station_name = instance->station_name,
        .series_description = instance->series_description,
        .body_part = instance->body_part,
        .manufacturer = instance->manufacturer,
        .study_description = instance->study_description,
        .protocol = instance->protocol,
    };
}

static bool matches(const struct ivx_globs *globs, const char *text)
{
    for (size_t n = 0; n < globs->count; n++)
        if (ivx_text_glob(globs->value[n], text))
            return true;
    return globs->count == 0;
}

bool ivx_plan_route_wants(const struct ivx_route *route,
                          const struct ivx_plan_subject *subject)
{
#define X(condition) \
    if (!matches(&route->condition, subject->condition)) \
        return false;
    IVX_ROUTE_CONDITIONS(X)
#undef X
    return true;
}

enum ivx_gap ivx_plan_route_gap(const struct ivx_route *route)
{
    enum ivx_gap gap = IVX_GAP_REFUSE;
    if (route->on_gap != NULL)
        ivx_gap_find(route->on_gap, &gap); /* the configuration knows no other */
    return gap;
}

bool ivx_plan_recipe_json(const struct ivx_config_recipe *recipe, bool gap_interpolated,
                          char **json_out, struct ivx_err *err)
{
    const struct { const char *key, *value; } words[] = {
        { "kernel", recipe->kernel },
        { "align", recipe->align },
        { "antialias", recipe->antialias },
        { "boundary", recipe->boundary },
        { "orientation", recipe->orientation },
        { "format", recipe->format },
        { "clamp", recipe->clamp },
    };
    struct ivx_recipe_settings settings;
    ivx_recipe_default(&settings);
    if (!ivx_text_copy(settings.name, sizeof settings.name, recipe->name))
        return ivx_fail(err, IVX_BUG, "plan: a recipe's name is too long");
    settings.spacing_mm = recipe->spacing_mm;
    settings.gap = gap_interpolated ? IVX_GAP_INTERPOLATE : IVX_GAP_REFUSE;
    for (size_t n = 0; n < IVX_COUNT(words); n++)
        if (!ivx_recipe_set(&settings, words[n].key, words[n].value, err))
            return false;
    return ivx_recipe_json(&settings, json_out, err);
}
