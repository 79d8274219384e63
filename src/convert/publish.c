/* publish.c - a published result into the catalogue, as it lies on disk. Reading the files
 * back, instead of believing what was meant to be written, keeps rows and files together
 * when an earlier attempt has published and died before it could say so. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/assemble/instance.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

enum { MANIFEST_MOST = 64 << 20 };

struct published {
    char folder[4096];
    char series_uid[65], sop_class[65], syntax[65];
    char *manifest;                      /* owned */
    struct ivx_job_instance *instances;  /* owned */
    size_t count, room;
};

static void published_free(struct published *published)
{
    free(published->manifest);
    free(published->instances);
    *published = (struct published){ .manifest = NULL };
}

static bool path_of(const struct published *published, const char *file, char *out,
                    size_t room, struct ivx_err *err)
{
    const int length = snprintf(out, room, "%s/%s", published->folder, file);
    return (length > 0 && (size_t)length < room)
           || ivx_fail(err, IVX_REFUSED, "state_dir is too long");
}

static bool make_room(struct published *published, struct ivx_err *err)
{
    if (published->count < published->room)
        return true;
    const size_t room = published->room == 0 ? 256 : 2 * published->room;
    struct ivx_job_instance *grown = realloc(published->instances, room * sizeof *grown);
    if (grown == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory for %zu results", room);
    published->instances = grown;
    published->room = room;
    return true;
}

static bool read_instance(struct published *published, const char *file, const char *path,
                          struct ivx_err *err)
{
    IVX_AUTO(ivx_instance_free) struct ivx_instance *instance = NULL;
    struct stat status;
    if (stat(path, &status) == -1)
        return ivx_fail_errno(err, "stat", path);
    const struct ivx_blob blob = { path, 0, (uint64_t)status.st_size };
    enum ivx_reason reason;
    if (!make_room(published, err) || !ivx_instance_read(&blob, &instance, &reason, err))
        return false;

    struct ivx_job_instance *item = &published->instances[published->count];
    ivx_text_copy(item->sop_uid, sizeof item->sop_uid, instance->sop_uid);
    ivx_text_copy(item->file, sizeof item->file, file);
    if (published->count++ == 0) {
        ivx_text_copy(published->series_uid, sizeof published->series_uid,
                      instance->series_uid);
        ivx_text_copy(published->sop_class, sizeof published->sop_class,
                      instance->sop_class);
        ivx_text_copy(published->syntax, sizeof published->syntax, instance->syntax);
        return true;
    }
    return strcmp(published->series_uid, instance->series_uid) == 0
           || ivx_fail(err, IVX_BUG, "%s: two series in one result", file);
}

static bool read_instances(struct published *published, struct ivx_err *err)
{
    for (int n = 1;; n++) {
        char file[32], path[4200];
        snprintf(file, sizeof file, "%06d.dcm", n);
        if (!path_of(published, file, path, sizeof path, err))
            return false;
        if (access(path, F_OK) == -1)
            return published->count > 0
                   || ivx_fail(err, IVX_BUG, "%s: a result without instances", path);
        if (!read_instance(published, file, path, err))
            return false;
    }
}

static bool read_published(const struct ivx_outbox *outbox, const char *key,
                           struct published *out, struct ivx_err *err)
{
    char path[4200];
    size_t length;
    ivx_outbox_path(outbox, key, out->folder);
    if (access(out->folder, F_OK) == -1)
        return ivx_fail(err, IVX_ABSENT, "outbox: no result %s", key);
    return path_of(out, "manifest.json", path, sizeof path, err)
           && ivx_file_read(path, MANIFEST_MOST, &out->manifest, &length, err)
           && read_instances(out, err);
}

bool ivx_worker_record(struct ivx_worker *worker, const struct ivx_claim *claim,
                       const char *stages_json, struct ivx_err *err)
{
    IVX_AUTO(published_free) struct published published = { .manifest = NULL };
    if (!read_published(worker->outbox, claim->key, &published, err))
        return false;

    const struct ivx_job_result result = {
        .outbox_key = claim->key,
        .derived_series_uid = published.series_uid,
        .sop_class = published.sop_class,
        .syntax = published.syntax,
        .manifest_json = published.manifest,
        .stages_json = stages_json,
        .instances = published.instances,
        .instance_count = published.count,
    };
    return ivx_catalogue_job_done(worker->catalogue, claim->job_id, claim->epoch, &result,
                                  err);
}
