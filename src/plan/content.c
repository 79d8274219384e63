/* content.c - the headers of one series: from the cache, or read again. */
#include "series.h"

#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/sys/log.h"

void ivx_plan_content_free(struct ivx_plan_content *content)
{
    for (size_t n = 0; n < content->kept_count; n++)
        ivx_instance_free(&content->kept[n]);
    free(content->rows);
    free(content->instances);
    free(content->kept);
    free(content->by_instance);
    *content = (struct ivx_plan_content){ 0 };
}

static int by_address(const void *left, const void *right)
{
    const uintptr_t a = (uintptr_t)((const struct ivx_plan_place *)left)->instance;
    const uintptr_t b = (uintptr_t)((const struct ivx_plan_place *)right)->instance;
    return (a > b) - (a < b);
}

/* It could be read when it was indexed. From now on index.c tries it. */
static void note_unread(const struct ivx_planner *planner, const struct ivx_instance_row *row,
                        const struct ivx_err *why)
{
    const struct ivx_unread place = { row->segment, row->offset, 0 };
    struct ivx_err err = { 0 };
    ivx_plan_log_unread(&place, why->text);
    if (!ivx_catalogue_index_unread(planner->catalogue, &place, why->text, &err))
        ivx_log(IVX_ERROR, "plan.failed", "text=\"%s\"", err.text);
}

static bool read_one(const struct ivx_planner *planner, const struct ivx_instance_row *row,
                     struct ivx_instance **out, struct ivx_err *err)
{
    char path[4096];
    if (!ivx_spool_path(planner->spool, row->segment, path, sizeof path, err))
        return false;
    const struct ivx_blob blob = { path, row->offset, row->length };
    enum ivx_reason reason;
    if (ivx_instance_read(&blob, out, &reason, err))
        return true;
    if (err->code == IVX_RETRY)
        note_unread(planner, row, err);
    return false;
}

static bool read_all(const struct ivx_planner *planner, struct ivx_plan_content *content,
                     struct ivx_err *err)
{
    int64_t images = 0;
    for (size_t n = 0; n < content->count; n++) {
        const struct ivx_instance_row *row = &content->rows[n];
        content->instances[n] = ivx_plan_cache_find(planner->cache, row->segment,
                                                    row->offset);
        if (content->instances[n] == NULL) {
            struct ivx_instance **kept = &content->kept[content->kept_count];
            if (!read_one(planner, row, kept, err))
                return false;
            content->instances[n] = *kept;
            content->kept_count++;
        }
        content->by_instance[n] = (struct ivx_plan_place){ content->instances[n], n };
        images += 1 + (int64_t)content->instances[n]->frame_count;
        if (images > IVX_PLAN_MOST_IMAGES)
            return ivx_fail(err, IVX_REFUSED, "plan: more frames than one series may have");
    }
    qsort(content->by_instance, content->count, sizeof *content->by_instance, by_address);
    return true;
}

bool ivx_plan_content_read(struct ivx_planner *planner, int64_t series_id,
                           struct ivx_plan_content *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_plan_content_free) struct ivx_plan_content made = { 0 };
    char note[IVX_NOTE_ROOM];
    int64_t left_us = 0;
    if (!ivx_catalogue_series_unread(planner->catalogue, series_id, &left_us, note, err))
        return false;
    if (left_us > 0)
        return ivx_fail(err, IVX_RETRY, "%s", note);
    if (!ivx_catalogue_series_instances(planner->catalogue, series_id, &made.rows,
                                        &made.count, err))
        return false;
    made.instances = calloc(made.count + 1, sizeof *made.instances);
    made.kept = calloc(made.count + 1, sizeof *made.kept);
    made.by_instance = calloc(made.count + 1, sizeof *made.by_instance);
    if (made.instances == NULL || made.kept == NULL || made.by_instance == NULL)
        return ivx_fail(err, IVX_FULL, "plan: no memory for %zu instances", made.count);
    if (!read_all(planner, &made, err))
        return false;

    *out = made;
    made = (struct ivx_plan_content){ 0 };
    return true;
}

const struct ivx_instance_row *ivx_plan_content_row(const struct ivx_plan_content *content,
                                                    const struct ivx_instance *instance)
{
    const struct ivx_plan_place key = { .instance = ivx_instance_object(instance) };
    const struct ivx_plan_place *found = bsearch(&key, content->by_instance, content->count,
                                                 sizeof key, by_address);
    return found == NULL ? NULL : &content->rows[found->row];
}

void ivx_plan_content_forget(struct ivx_planner *planner,
                             const struct ivx_plan_content *content)
{
    for (size_t n = 0; n < content->count; n++)
        ivx_plan_cache_drop(planner->cache, content->rows[n].segment,
                            content->rows[n].offset);
}
