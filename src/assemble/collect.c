/* R0, R1 and R4a: from a bag of instances to groups. Everything is sorted first, so that
 * the order of arrival cannot matter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "work.h"

/* Series, UID, then content and place, so that copies stand together in a fixed order. */
static int by_uid(const void *a, const void *b)
{
    const struct ivx_instance *left = ((const struct ivx_entry *)a)->instance;
    const struct ivx_instance *right = ((const struct ivx_entry *)b)->instance;
    int order = strcmp(left->series_uid, right->series_uid);
    if (order == 0)
        order = strcmp(left->sop_uid, right->sop_uid);
    if (order == 0)
        order = left->frame_number - right->frame_number;
    return order != 0 ? order : ivx_rule_order(left, right);
}

static int by_group(const void *a, const void *b)
{
    return ivx_rule_order(((const struct ivx_entry *)a)->instance,
                          ((const struct ivx_entry *)b)->instance);
}

static bool same_uid(const struct ivx_entry *a, const struct ivx_entry *b)
{
    return strcmp(a->instance->sop_uid, b->instance->sop_uid) == 0
           && a->instance->frame_number == b->instance->frame_number
           && strcmp(a->instance->series_uid, b->instance->series_uid) == 0;
}

/* R4a. Entries first..end have one UID: what equals the first is a copy of it, the rest
 * is kept and spoils the groups of both. */
static bool merge_copies(struct ivx_work *work, int first, int end, int *used,
                         struct ivx_err *err)
{
    struct ivx_entry *kept = &work->entries[(*used)++];
    *kept = work->entries[first];
    for (int n = first + 1; n < end; n++) {
        enum ivx_likeness like;
        if (!ivx_rule_compare(kept->instance, work->entries[n].instance, &like, err))
            return false;
        if (like == IVX_ALIKE) {
            kept->copies++;
            continue;
        }
        struct ivx_entry *other = &work->entries[(*used)++];
        *other = work->entries[n];
        other->conflict = like == IVX_UNLIKE;
        kept->conflict = kept->conflict || other->conflict;
    }
    return true;
}

static bool merge_same_uids(struct ivx_work *work, struct ivx_err *err)
{
    qsort(work->entries, (size_t)work->count, sizeof *work->entries, by_uid);
    int used = 0;
    for (int first = 0; first < work->count;) {
        int end = first + 1;
        while (end < work->count && same_uid(&work->entries[first], &work->entries[end]))
            end++;
        if (!merge_copies(work, first, end, &used, err))
            return false;
        first = end;
    }
    work->count = used;
    return true;
}

static bool collect_one(struct ivx_work *work, const struct ivx_instance *instance,
                        struct ivx_err *err)
{
    struct ivx_verdict why;
    bool passed_over;
    if (!ivx_rule_class(instance, &passed_over, &why))
        return ivx_assembly_refuse(work->assembly, instance->series_uid, &why, 1,
                                   passed_over, err);
    if (ivx_rule_has_geometry(instance, &why)) {
        work->entries[work->count++] = (struct ivx_entry){ .instance = instance };
        return true;
    }
    work->shapeless[work->shapeless_count++] = instance;
    return ivx_assembly_refuse(work->assembly, instance->series_uid, &why, 1, false, err);
}

static bool refuse_object(struct ivx_work *work, const struct ivx_instance *object,
                          const struct ivx_verdict *why, bool passed_over,
                          struct ivx_err *err)
{
    const int frames = object->frame_count > 0 ? object->frame_count : 1;
    return ivx_assembly_refuse(work->assembly, object->series_uid, why, frames, passed_over,
                               err);
}

/* R16: each frame is an image. */
static bool collect_frames(struct ivx_work *work, const struct ivx_parts *parts,
                           const struct ivx_instance *object, struct ivx_err *err)
{
    struct ivx_verdict why;
    bool passed_over;
    if (!ivx_rule_class(object, &passed_over, &why))
        return refuse_object(work, object, &why, passed_over, err);
    if (!ivx_rule_groups(object, &why))
        return refuse_object(work, object, &why, false, err);
    if (!work->options->chosen && !ivx_rule_parts(parts, object, &why)) {
        work->assembly->has_hole = true;
        return refuse_object(work, object, &why, false, err);
    }
    for (int32_t n = 0; n < object->frame_count; n++)
        if (!collect_one(work, &object->frame[n], err))
            return false;
    return true;
}

static int by_kind(const void *a, const void *b)
{
    const struct ivx_instance *left = *(const struct ivx_instance *const *)a;
    const struct ivx_instance *right = *(const struct ivx_instance *const *)b;
    const int order = ivx_rule_order_without_geometry(left, right);
    return order != 0 ? order : ivx_rule_order(left, right);
}

static void sort_shapeless(struct ivx_work *work)
{
    int kept = 0;
    qsort(work->shapeless, (size_t)work->shapeless_count, sizeof *work->shapeless,
          by_kind);
    for (int n = 0; n < work->shapeless_count; n++)
        if (kept == 0
            || ivx_rule_order_without_geometry(work->shapeless[kept - 1],
                                               work->shapeless[n])
                   != 0)
            work->shapeless[kept++] = work->shapeless[n];
    work->shapeless_count = kept;
}

static bool collect_all(struct ivx_work *work,
                        const struct ivx_instance *const *instances,
                        const struct ivx_entry *all, size_t count, struct ivx_err *err)
{
    IVX_AUTO(ivx_parts_free) struct ivx_parts parts = { 0 };
    if (!ivx_parts_new(instances, count, &parts, err))
        return false;
    for (size_t n = 0; n < count; n++) {
        const struct ivx_instance *instance = all[n].instance;
        if (!(ivx_is_multi_frame(instance) ? collect_frames(work, &parts, instance, err)
                                           : collect_one(work, instance, err)))
            return false;
    }
    sort_shapeless(work);
    return true;
}

bool ivx_work_collect(struct ivx_work *work, const struct ivx_instance *const *instances,
                      size_t count, struct ivx_err *err)
{
    size_t images = count;
    for (size_t n = 0; n < count; n++)
        images += (size_t)instances[n]->frame_count;
    if (images > INT32_MAX / 2)
        return ivx_fail(err, IVX_FULL, "assemble: %zu images", images);
    IVX_AUTO(ivx_memory_free) struct ivx_entry *all = calloc(count + 1, sizeof *all);
    work->entries = calloc(images + 1, sizeof *work->entries);
    work->shapeless = calloc(images + 1, sizeof *work->shapeless);
    if (all == NULL || work->entries == NULL || work->shapeless == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory for %zu images", images);

    for (size_t n = 0; n < count; n++)
        all[n].instance = instances[n];
    qsort(all, count, sizeof *all, by_uid);
    return collect_all(work, instances, all, count, err) && merge_same_uids(work, err);
}

/* What the search for groups looks at, close together: a hostile series has as many
 * groups as images, and each is compared with all that follow. */
struct place {
    struct ivx_plane plane;
    int key; /* equal for equal keys */
};

static bool make_places(const struct ivx_work *work, struct place **out,
                        struct ivx_err *err)
{
    struct place *made = calloc((size_t)work->count + 1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory for %d images", work->count);
    for (int n = 0; n < work->count; n++) {
        const struct ivx_instance *instance = work->entries[n].instance;
        made[n].plane = ivx_plane_of(instance);
        if (n > 0)
            made[n].key = made[n - 1].key
                          + !ivx_rule_same_key(work->entries[n - 1].instance, instance);
    }
    *out = made;
    return true;
}

/* Entries before `first` that are taken have been set to NULL. Takes every entry of the
 * same key that lies in the plane of entry `first`; the order (orientation first) tells
 * when no further one can. */
static void take_group(struct ivx_work *work, const struct place *places, int first,
                       struct ivx_group *group)
{
    const struct place *model = &places[first];
    for (int n = first; n < work->count; n++) {
        if (places[n].key != model->key
            || places[n].plane.orientation[0] - model->plane.orientation[0] > 1e-3)
            return;
        struct ivx_entry *entry = &work->entries[n];
        if (!ivx_rule_same_plane(&model->plane, &places[n].plane)
            || entry->instance == NULL)
            continue;
        group->slice[group->count++] = entry->instance;
        group->copies += entry->copies;
        group->conflicts += entry->conflict ? 1 + entry->copies : 0;
        entry->instance = NULL;
    }
}

bool ivx_work_group(struct ivx_work *work, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) struct place *places = NULL;
    qsort(work->entries, (size_t)work->count, sizeof *work->entries, by_group);
    if (!make_places(work, &places, err))
        return false;
    for (int first = 0; first < work->count; first++) {
        if (work->entries[first].instance == NULL)
            continue;
        IVX_AUTO(ivx_group_free) struct ivx_group *group = NULL;
        if (!ivx_group_new(work->count - first, &group, err))
            return false;
        take_group(work, places, first, group);
        if (!ivx_work_decide(work, &group, err))
            return false;
    }
    return true;
}
