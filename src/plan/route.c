#include "route.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

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
    if (route->on_gap != NULL && strcmp(route->on_gap, "interpolate") == 0)
        return IVX_GAP_INTERPOLATE;
    if (route->on_gap != NULL && strcmp(route->on_gap, "split") == 0)
        return IVX_GAP_SPLIT;
    return IVX_GAP_REFUSE;
}

/* Numbers as the shortest text that reads back as the same double. */
static void add_number(struct ivx_text *text, double value)
{
    for (int digits = 1; digits <= 17; digits++) {
        char number[40];
        double back;
        snprintf(number, sizeof number, "%.*g", digits, value);
        if (digits == 17 || (ivx_text_to_double(number, &back) && back == value)) {
            ivx_text_add(text, "%s", number);
            return;
        }
    }
}

/* The keys and their order are those of ivx_recipe_json() (convert floor): a job's text is
 * read by it. */
bool ivx_plan_recipe_json(const struct ivx_config_recipe *recipe, bool gap_interpolated,
                          char **json_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    cJSON *name = cJSON_CreateString(recipe->name);
    IVX_AUTO(ivx_memory_free) char *quoted = cJSON_PrintUnformatted(name);
    cJSON_Delete(name);
    if (quoted == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for a recipe");
    ivx_text_add(&text, "{\"name\":%s,\"spacing\":", quoted);
    if (recipe->spacing_mm > 0)
        add_number(&text, recipe->spacing_mm);
    else
        ivx_text_add(&text, "\"min\"");
    ivx_text_add(&text, ",\"kernel\":\"%s\",\"align\":\"%s\",\"antialias\":\"%s\"",
                 recipe->kernel, recipe->align, recipe->antialias);
    ivx_text_add(&text, ",\"boundary\":\"%s\",\"orientation\":\"%s\"", recipe->boundary,
                 recipe->orientation);
    ivx_text_add(&text, ",\"gap\":\"%s\"}",
                 gap_interpolated ? "interpolate" : "refuse");
    if (text.failed)
        return ivx_fail(err, IVX_FULL, "plan: no memory for a recipe");
    *json_out = IVX_STEAL(text.data);
    return true;
}
