#include "isovox/assemble/assembly.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "work.h"

static bool grow(void **array, int *room, int used, size_t each, struct ivx_err *err)
{
    if (used < *room)
        return true;
    const int more = *room == 0 ? 8 : *room * 2;
    void *grown = realloc(*array, (size_t)more * each);
    if (grown == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    *array = grown;
    *room = more;
    return true;
}

bool ivx_assembly_refuse(struct ivx_assembly *assembly, const char *series_uid,
                         const struct ivx_verdict *why, int instances, bool passed_over,
                         struct ivx_err *err)
{
    /* Not all of them: a hostile series may have one in other words for every image. */
    for (int n = assembly->refusal_count - 1; n >= 0 && n >= assembly->refusal_count - 256; n--) {
        struct ivx_refusal *known = &assembly->refusals[n];
        if (known->reason == why->reason && known->passed_over == passed_over
            && strcmp(known->series_uid, series_uid) == 0
            && strcmp(known->text, why->text) == 0) {
            known->instances += instances;
            return true;
        }
    }
    void *array = assembly->refusals;
    if (!grow(&array, &assembly->refusal_room, assembly->refusal_count,
              sizeof *assembly->refusals, err))
        return false;
    assembly->refusals = array;
    struct ivx_refusal *made = &assembly->refusals[assembly->refusal_count++];
    *made = (struct ivx_refusal){
        .reason = why->reason, .instances = instances, .passed_over = passed_over,
    };
    ivx_text_copy(made->series_uid, sizeof made->series_uid, series_uid);
    ivx_text_copy(made->text, sizeof made->text, why->text);
    return true;
}

static bool make_room(struct ivx_assembly *assembly, struct ivx_err *err)
{
    void *volumes = assembly->volumes, *groups = assembly->groups;
    if (!grow(&volumes, &assembly->volume_room, assembly->volume_count,
              sizeof *assembly->volumes, err))
        return false;
    assembly->volumes = volumes;
    if (!grow(&groups, &assembly->group_room, assembly->volume_count,
              sizeof *assembly->groups, err))
        return false;
    assembly->groups = groups;
    return true;
}

static struct ivx_source_volume describe(const struct ivx_group *group)
{
    const struct ivx_instance *first = group->slice[0];
    struct ivx_source_volume made = {
        .slices = group->slice, .tilt_deg = group->tilt_deg,
        .tilt_max_mm = group->tilt_max_mm, .uniform = group->uniform,
        .spacing_mm = group->spacing_mm,
        .stack = {
            .columns = first->columns, .rows = first->rows, .slices = group->count,
            .column_spacing = first->spacing[1], .row_spacing = first->spacing[0],
            .t = group->t, .shift_row = group->shift_row, .shift_column = group->shift_column,
        },
    };
    memcpy(made.stack.origin, first->position, sizeof made.stack.origin);
    memcpy(made.stack.row, group->row, sizeof made.stack.row);
    memcpy(made.stack.column, group->column, sizeof made.stack.column);
    memcpy(made.stack.normal, group->normal, sizeof made.stack.normal);
    return made;
}

bool ivx_assembly_add(struct ivx_assembly *assembly, struct ivx_group **group,
                      struct ivx_err *err)
{
    if (!make_room(assembly, err))
        return false;
    assembly->volumes[assembly->volume_count] = describe(*group);
    assembly->groups[assembly->volume_count++] = IVX_STEAL(*group);
    return true;
}

static const char *series_of(const struct ivx_assembly *assembly, int volume)
{
    return assembly->volumes[volume].slices[0]->series_uid;
}

/* R1: what else happened to the series of this volume. */
static void warn_about_series(struct ivx_assembly *assembly, int n)
{
    struct ivx_group *group = assembly->groups[n];
    int volumes = 0, passed = 0;
    bool told = false;
    for (int m = 0; m < assembly->volume_count; m++)
        volumes += strcmp(series_of(assembly, m), series_of(assembly, n)) == 0;
    for (int m = 0; m < assembly->refusal_count; m++)
        if (strcmp(assembly->refusals[m].series_uid, series_of(assembly, n)) == 0)
            passed += assembly->refusals[m].instances;
    for (int m = 0; m < group->warning_count; m++)
        told = told || group->warnings[m].reason == IVX_REASON_SPLIT;
    if (volumes > 1 && !told)
        ivx_group_warn(group, IVX_REASON_SPLIT, "one of %d volumes of its series", volumes);
    if (passed > 0)
        ivx_group_warn(group, IVX_REASON_SLICES_PASSED_OVER,
                       "%d images of the series are not in a volume", passed);
}

static void settle_warnings(struct ivx_assembly *assembly)
{
    for (int n = 0; n < assembly->volume_count; n++) {
        const struct ivx_group *group = assembly->groups[n];
        struct ivx_source_volume *volume = &assembly->volumes[n];
        warn_about_series(assembly, n);
        memcpy(volume->warnings, group->warnings, sizeof volume->warnings);
        volume->warning_count = group->warning_count;
    }
}

static void work_free(struct ivx_work *work)
{
    free(work->entries);
    free(work->shapeless);
}

bool ivx_assemble(const struct ivx_instance *const *instances, size_t count,
                  const struct ivx_assemble_options *options, struct ivx_assembly **out,
                  struct ivx_err *err)
{
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    if (count > INT32_MAX / 2)
        return ivx_fail(err, IVX_FULL, "assemble: %zu instances", count);

    IVX_AUTO(work_free) struct ivx_work work = { .assembly = made, .options = options };
    if (!ivx_work_collect(&work, instances, count, err) || !ivx_work_group(&work, err))
        return false;
    settle_warnings(made);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_assembly_free(struct ivx_assembly **assembly)
{
    struct ivx_assembly *old = *assembly;
    if (old == NULL)
        return;
    for (int n = 0; n < old->volume_count; n++)
        ivx_group_free(&old->groups[n]);
    free(old->groups);
    free(old->volumes);
    free(old->refusals);
    free(old);
    *assembly = NULL;
}

int ivx_assembly_volumes(const struct ivx_assembly *assembly)
{
    return assembly->volume_count;
}

const struct ivx_source_volume *ivx_assembly_volume(const struct ivx_assembly *assembly, int n)
{
    return &assembly->volumes[n];
}

int ivx_assembly_refusals(const struct ivx_assembly *assembly)
{
    return assembly->refusal_count;
}

const struct ivx_refusal *ivx_assembly_refusal(const struct ivx_assembly *assembly, int n)
{
    return &assembly->refusals[n];
}

bool ivx_assembly_has_hole(const struct ivx_assembly *assembly)
{
    return assembly->has_hole;
}

bool ivx_volume_key(const struct ivx_source_volume *volume, const char *const *sha256,
                    const char *recipe_json, char out[IVX_SHA256_HEX], struct ivx_err *err)
{
    IVX_AUTO(ivx_hash_free) struct ivx_hash *hash = NULL;
    if (!ivx_hash_new(&hash, err))
        return false;
    for (int32_t k = 0; k < volume->stack.slices; k++) {
        const struct ivx_instance *slice = volume->slices[k];
        char frame[24];
        ivx_hash_add_text(hash, slice->sop_uid);
        ivx_hash_add_text(hash, sha256[k]);
        snprintf(frame, sizeof frame, "frame %d", (int)slice->frame_number);
        if (slice->frame_number > 0)
            ivx_hash_add_text(hash, frame);
    }
    ivx_hash_add_text(hash, recipe_json);

    uint8_t digest[IVX_SHA256_SIZE];
    ivx_hash_finish(hash, digest);
    ivx_text_hex(digest, sizeof digest, out);
    return true;
}

void ivx_source_text(const struct ivx_source_volume *volume, char *out, size_t room)
{
    const struct ivx_stack *stack = &volume->stack;
    char tilt[32] = "";
    if (volume->tilt_deg != 0.0)
        snprintf(tilt, sizeof tilt, ", tilt %.1f", volume->tilt_deg);
    snprintf(out, room, "%dx%dx%d, %.4gx%.4gx%.4g mm%s%s", (int)stack->columns,
             (int)stack->rows, (int)stack->slices, stack->column_spacing, stack->row_spacing,
             volume->spacing_mm, volume->uniform ? "" : " (irregular)", tilt);
}
