#include "report.h"

#include <ctype.h>
#include <stdlib.h>

#include "isovox/base/auto.h"

static void json_free(cJSON **json)
{
    cJSON_Delete(*json);
    *json = NULL;
}

static bool add(cJSON *to, const char *name, cJSON *value)
{
    if (value != NULL && cJSON_AddItemToObject(to, name, value))
        return true;
    cJSON_Delete(value);
    return false;
}

static cJSON *spacing(const struct ivx_source_volume *volume)
{
    const double in_plane[2] = { volume->stack.column_spacing, volume->stack.row_spacing };
    IVX_AUTO(json_free) cJSON *array = cJSON_CreateDoubleArray(in_plane, 2);
    cJSON *last = volume->uniform ? cJSON_CreateNumber(volume->spacing_mm) : cJSON_CreateNull();
    if (array == NULL || last == NULL || !cJSON_AddItemToArray(array, last)) {
        cJSON_Delete(last);
        return NULL;
    }
    return IVX_STEAL(array);
}

static cJSON *warnings(const struct ivx_source_volume *volume)
{
    const char *names[IVX_COUNT(volume->warnings)];
    for (int n = 0; n < volume->warning_count; n++)
        names[n] = ivx_reason_name(volume->warnings[n].reason);
    return cJSON_CreateStringArray(names, volume->warning_count);
}

/* In-plane shift of each slice against the first, along rows and columns; an empty list when
 * there is none. */
static cJSON *shifts(const struct ivx_stack *stack)
{
    IVX_AUTO(json_free) cJSON *array = cJSON_CreateArray();
    bool any = false;
    for (int k = 0; k < stack->slices; k++)
        any = any || stack->shift_row[k] != 0.0 || stack->shift_column[k] != 0.0;
    for (int k = 0; any && array != NULL && k < stack->slices; k++) {
        const double both[2] = { stack->shift_row[k], stack->shift_column[k] };
        cJSON *pair = cJSON_CreateDoubleArray(both, 2);
        if (pair == NULL || !cJSON_AddItemToArray(array, pair)) {
            cJSON_Delete(pair);
            return NULL;
        }
    }
    return IVX_STEAL(array);
}

static int by_address(const void *a, const void *b)
{
    const uintptr_t left = (uintptr_t)*(const struct ivx_instance *const *)a;
    const uintptr_t right = (uintptr_t)*(const struct ivx_instance *const *)b;
    return (left > right) - (left < right);
}

/* How many objects the slices are from. */
static cJSON *instances(const struct ivx_source_volume *volume)
{
    const size_t slices = (size_t)volume->stack.slices;
    IVX_AUTO(ivx_memory_free)
    const struct ivx_instance **object = calloc(slices, sizeof *object);
    if (object == NULL)
        return NULL;
    for (size_t k = 0; k < slices; k++)
        object[k] = ivx_instance_object(volume->slices[k]);
    qsort(object, slices, sizeof *object, by_address);
    int count = 1;
    for (size_t k = 1; k < slices; k++)
        count += object[k] != object[k - 1];
    return cJSON_CreateNumber(count);
}

cJSON *ivx_report_volume(const struct ivx_source_volume *volume)
{
    const struct ivx_stack *stack = &volume->stack;
    const struct ivx_instance *first = volume->slices[0];
    const int dims[3] = { stack->columns, stack->rows, stack->slices };
    IVX_AUTO(json_free) cJSON *made = cJSON_CreateObject();
    if (made == NULL || !add(made, "series_uid", cJSON_CreateString(first->series_uid))
        || !add(made, "modality", cJSON_CreateString(first->modality))
        || !add(made, "instances", instances(volume))
        || !add(made, "dims", cJSON_CreateIntArray(dims, 3))
        || !add(made, "spacing_mm", spacing(volume))
        || !add(made, "positions_mm", cJSON_CreateDoubleArray(stack->t, stack->slices))
        || !add(made, "shifts_mm", shifts(stack))
        || !add(made, "origin_lps", cJSON_CreateDoubleArray(stack->origin, 3))
        || !add(made, "row_lps", cJSON_CreateDoubleArray(stack->row, 3))
        || !add(made, "column_lps", cJSON_CreateDoubleArray(stack->column, 3))
        || !add(made, "normal_lps", cJSON_CreateDoubleArray(stack->normal, 3))
        || !add(made, "tilt_deg", cJSON_CreateNumber(volume->tilt_deg))
        || !add(made, "uniform", cJSON_CreateBool(volume->uniform))
        || !add(made, "warnings", warnings(volume)))
        return NULL;
    return IVX_STEAL(made);
}

static cJSON *refusal(const char *series_uid, enum ivx_reason reason, const char *text,
                      int instances)
{
    IVX_AUTO(json_free) cJSON *made = cJSON_CreateObject();
    if (made == NULL || !add(made, "series_uid", cJSON_CreateString(series_uid))
        || !add(made, "code", cJSON_CreateString(ivx_reason_name(reason)))
        || !add(made, "text", cJSON_CreateString(text))
        || !add(made, "instances", cJSON_CreateNumber(instances)))
        return NULL;
    return IVX_STEAL(made);
}

static bool append(cJSON *array, cJSON *item)
{
    if (item != NULL && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}

cJSON *ivx_report_refused(const struct ivx_assembly *assembly, const struct ivx_inputs *inputs)
{
    IVX_AUTO(json_free) cJSON *array = cJSON_CreateArray();
    if (array == NULL)
        return NULL;
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++) {
        const struct ivx_refusal *known = ivx_assembly_refusal(assembly, n);
        if (!append(array, refusal(known->series_uid, known->reason, known->text,
                                   known->instances)))
            return NULL;
    }
    for (size_t n = 0; n < inputs->unusable_count; n++) {
        const struct ivx_unusable *known = &inputs->unusable[n];
        if (!append(array, refusal("", known->reason, known->text, 1)))
            return NULL;
    }
    return IVX_STEAL(array);
}

/* Names of files and texts about them, without what moves the cursor. */
static void print_plain(const char *text, FILE *to)
{
    for (; *text != '\0'; text++)
        fputc(iscntrl((unsigned char)*text) ? '?' : *text, to);
}

void ivx_report_print_refused(const struct ivx_assembly *assembly,
                              const struct ivx_inputs *inputs, FILE *to)
{
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++) {
        const struct ivx_refusal *known = ivx_assembly_refusal(assembly, n);
        fprintf(to, "refused: %s: %s, %d image%s (series %s)\n", ivx_reason_name(known->reason),
                known->text, known->instances, known->instances == 1 ? "" : "s",
                known->series_uid);
    }
    for (size_t n = 0; n < inputs->unusable_count; n++) {
        const struct ivx_unusable *known = &inputs->unusable[n];
        fprintf(to, "refused: %s: ", ivx_reason_name(known->reason));
        print_plain(known->path, to);
        fputs(": ", to);
        print_plain(known->text, to);
        fputs(" (series unknown)\n", to);
    }
}

int ivx_report_failures(const struct ivx_assembly *assembly, const struct ivx_inputs *inputs)
{
    int failures = (int)inputs->unusable_count;
    for (int n = 0; n < ivx_assembly_refusals(assembly); n++)
        failures += !ivx_assembly_refusal(assembly, n)->passed_over;
    return failures;
}

bool ivx_report_print(cJSON *json, FILE *to)
{
    IVX_AUTO(json_free) cJSON *owned = json;
    IVX_AUTO(ivx_memory_free) char *text = owned != NULL ? cJSON_Print(owned) : NULL;
    return text != NULL && fprintf(to, "%s\n", text) > 0 && fflush(to) == 0;
}
