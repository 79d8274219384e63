/* Of the manifest: what the result was made of. */
#include "manifest.h"

#define add_text ivx_manifest_add_text
#define add_numbers ivx_manifest_add_numbers

static void add_instances(const struct ivx_plan *plan, cJSON *source)
{
    const struct ivx_source_volume *volume = plan->conversion->source;
    cJSON *list = cJSON_AddArrayToObject(source, "instances");
    for (int32_t k = 0; k < volume->stack.slices; k++) {
        cJSON *one = cJSON_CreateObject();
        add_text(one, "sop_uid", volume->slices[k]->sop_uid);
        if (volume->slices[k]->frame_number > 0)
            cJSON_AddNumberToObject(one, "frame", volume->slices[k]->frame_number);
        add_text(one, "contents_sha256", plan->source_sha256[k]);
        add_numbers(one, "position_lps", volume->slices[k]->position, 3);
        if (volume->slices[k]->has_thickness)
            cJSON_AddNumberToObject(one, "thickness_mm", volume->slices[k]->thickness);
        cJSON_AddItemToArray(list, one);
    }
}

/* Positions and shifts are those that the engine was given, one per slice. */
static void add_geometry(const struct ivx_source_volume *volume, cJSON *source)
{
    const struct ivx_stack *stack = &volume->stack;
    const double spacing[3] = { stack->column_spacing, stack->row_spacing,
                                volume->spacing_mm };
    ivx_manifest_add_dims(source, stack->columns, stack->rows, stack->slices);
    add_numbers(source, "spacing_mm", spacing, 3);
    cJSON_AddBoolToObject(source, "uniform", volume->uniform);
    add_text(source, "anisotropy", ivx_anisotropy(volume));
    add_numbers(source, "origin_lps", stack->origin, 3);
    add_numbers(source, "row_lps", stack->row, 3);
    add_numbers(source, "column_lps", stack->column, 3);
    add_numbers(source, "normal_lps", stack->normal, 3);
    add_numbers(source, "positions_mm", stack->t, stack->slices);
    add_numbers(source, "shifts_row_mm", stack->shift_row, stack->slices);
    add_numbers(source, "shifts_column_mm", stack->shift_column, stack->slices);
    cJSON_AddNumberToObject(source, "tilt_deg", volume->tilt_deg);
    cJSON_AddNumberToObject(source, "tilt_max_mm", volume->tilt_max_mm);
}

static void add_warnings(const struct ivx_source_volume *volume, cJSON *root)
{
    cJSON *warnings = cJSON_AddArrayToObject(root, "warnings");
    for (int n = 0; n < volume->warning_count; n++) {
        cJSON *one = cJSON_CreateObject();
        add_text(one, "code", ivx_reason_name(volume->warnings[n].reason));
        add_text(one, "text", volume->warnings[n].text);
        cJSON_AddItemToArray(warnings, one);
    }
}

void ivx_manifest_add_source(const struct ivx_plan *plan,
                             const struct ivx_conversion_result *result, cJSON *root)
{
    const struct ivx_source_volume *volume = plan->conversion->source;
    const struct ivx_instance *first = volume->slices[0];
    cJSON *source = cJSON_AddObjectToObject(root, "source");
    add_text(source, "study_uid", first->study_uid);
    add_text(source, "series_uid", first->series_uid);
    add_text(source, "frame_of_reference_uid", first->frame_uid);
    add_text(source, "sop_class", first->sop_class);
    add_text(source, "modality", first->modality);
    add_geometry(volume, source);
    add_text(source, "value_type", result->source_sample == IVX_INT16 ? "int16" : "float32");
    add_text(source, "pixel_sha256", result->pixel_sha256);
    cJSON_AddNumberToObject(source, "least_value", result->reader.least);
    cJSON_AddNumberToObject(source, "most_value", result->reader.most);
    add_instances(plan, source);
    add_warnings(volume, root);
}
