/* work.c - one job: instances from the spool, one volume, one result in the outbox. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/assemble/assembly.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/convert/conversion.h"
#include "isovox/sys/log.h"

/* A disk that syncs fewer makes a second worker do the same work, in vain. */
enum { FILES_PER_SECOND = 10 };

struct source {
    struct ivx_instance **instances; /* owned */
    const char **sha256;             /* owned array; in slice order; texts are the claim's */
    struct ivx_assembly *assembly;   /* owned */
    const struct ivx_source_volume *volume;
    size_t count;
};

static void source_clear(struct source *source)
{
    ivx_assembly_free(&source->assembly);
    for (size_t n = 0; n < source->count; n++)
        ivx_instance_free(&source->instances[n]);
    free(source->instances);
    free(source->sha256);
    *source = (struct source){ .instances = NULL };
}

static bool set_code(char *code_out, enum ivx_reason reason)
{
    if (reason != IVX_REASON_NONE)
        snprintf(code_out, 32, "%s", ivx_reason_name(reason));
    return true;
}

static bool read_instances(struct ivx_worker *worker, const struct ivx_claim *claim,
                           struct ivx_lease *lease, struct source *source, char *code_out,
                           struct ivx_err *err)
{
    source->instances = calloc(claim->instance_count + 1, sizeof *source->instances);
    if (source->instances == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory for %zu instances",
                        claim->instance_count);
    for (size_t n = 0; n < claim->instance_count; n++) {
        const struct ivx_instance_row *row = &claim->instances[n];
        char path[4096];
        if (!ivx_lease_hold(lease, err)
            || !ivx_spool_path(worker->spool, row->segment, path, sizeof path, err))
            return false;
        const struct ivx_blob blob = { path, row->offset, row->length };
        enum ivx_reason reason = IVX_REASON_NONE;
        if (!ivx_instance_read(&blob, &source->instances[n], &reason, err))
            return !set_code(code_out, reason);
        source->count++;
    }
    return true;
}

static const char *sha256_of(const struct ivx_claim *claim, const struct source *source,
                             const struct ivx_instance *slice)
{
    for (size_t n = 0; n < source->count; n++)
        if (source->instances[n] == ivx_instance_object(slice))
            return claim->instances[n].sha256_hex;
    return NULL;
}

static bool list_digests(const struct ivx_claim *claim, struct source *source,
                         struct ivx_err *err)
{
    const int32_t slices = source->volume->stack.slices;
    free(source->sha256);
    source->sha256 = calloc((size_t)slices + 1, sizeof *source->sha256);
    if (source->sha256 == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory for %d slices", slices);
    for (int32_t k = 0; k < slices; k++) {
        source->sha256[k] = sha256_of(claim, source, source->volume->slices[k]);
        if (source->sha256[k] == NULL)
            return ivx_fail(err, IVX_BUG, "convert: slice %d is no instance of the job", k);
    }
    return true;
}

/* Multi-frame instances may hold frames of other volumes too: the job's key says which one
 * is meant. */
static bool choose_volume(const struct ivx_claim *claim, struct source *source,
                          bool *found_out, struct ivx_err *err)
{
    const int volumes = ivx_assembly_volumes(source->assembly);
    *found_out = volumes == 1;
    for (int n = 0; n < volumes; n++) {
        char key[IVX_SHA256_HEX];
        source->volume = ivx_assembly_volume(source->assembly, n);
        if (!list_digests(claim, source, err)
            || !ivx_volume_key(source->volume, source->sha256, claim->recipe_json, key, err))
            return false;
        *found_out = *found_out || strcmp(key, claim->key) == 0;
        if (*found_out)
            return true;
    }
    return true;
}

/* Plan has made the job of one volume: anything else means that the instances are not
 * read as they were then. */
static bool assemble(const struct ivx_claim *claim, enum ivx_gap gap, struct source *source,
                     char *code_out, struct ivx_err *err)
{
    const struct ivx_assemble_options options = { gap, true, true };
    bool found;
    if (!ivx_assemble((const struct ivx_instance *const *)source->instances, source->count,
                      &options, &source->assembly, err)
        || !choose_volume(claim, source, &found, err))
        return false;
    if (found)
        return true;

    const int volumes = ivx_assembly_volumes(source->assembly);
    if (volumes > 1) {
        set_code(code_out, IVX_REASON_SPLIT);
        return ivx_fail(err, IVX_REFUSED, "%d volumes instead of one", volumes);
    }
    if (ivx_assembly_refusals(source->assembly) == 0)
        return ivx_fail(err, IVX_REFUSED, "no volume");
    const struct ivx_refusal *refusal = ivx_assembly_refusal(source->assembly, 0);
    set_code(code_out, refusal->reason);
    return ivx_fail(err, IVX_REFUSED, "%s", refusal->text);
}

/* A recipe may ask to keep the acquired grid of what has none. */
static bool has_grid(const struct ivx_recipe_settings *recipe, const struct source *source,
                     char *code_out, struct ivx_err *err)
{
    struct ivx_grid grid;
    enum ivx_reason reason;
    if (recipe->spacing_mm != IVX_SPACING_NATIVE
        || ivx_native_grid(source->volume, &grid, &reason, err))
        return true;
    return !set_code(code_out, reason);
}

struct watch {
    struct ivx_lease *lease;
    struct ivx_err err; /* why the conversion was stopped */
};

static bool on_progress(void *context, int32_t done, int32_t all)
{
    struct watch *watch = context;
    (void)done;
    (void)all;
    return ivx_lease_hold(watch->lease, &watch->err);
}

static bool convert(const struct ivx_worker *worker, const struct ivx_claim *claim,
                    struct ivx_lease *lease, const struct ivx_recipe_settings *recipe,
                    const struct source *source, const char *folder,
                    struct ivx_conversion_result *result, char *code_out,
                    struct ivx_err *err)
{
    struct watch watch = { .lease = lease };
    enum ivx_reason reason = IVX_REASON_NONE;
    const struct ivx_conversion conversion = {
        .source = source->volume,
        .recipe = recipe,
        .format = recipe->format == IVX_RECIPE_ENHANCED ? IVX_FORMAT_ENHANCED
                                                        : IVX_FORMAT_DICOM,
        .directory = folder,
        .created_us = claim->created_us,
        .threads = (int)worker->config->convert.threads,
        .memory_limit = (size_t)worker->config->convert.max_memory << 20,
        .workspace = worker->workspace,
        .progress = on_progress,
        .progress_context = &watch,
        .reason_out = &reason,
    };
    if (ivx_conversion_run(&conversion, result, err))
        return true;
    /* What assembly took and the engine refuses is refused for its size. */
    if (err->code == IVX_REFUSED && reason == IVX_REASON_NONE)
        reason = IVX_REASON_TOO_LARGE;
    return !set_code(code_out, reason);
}

static bool make_result(struct ivx_worker *worker, const struct ivx_claim *claim,
                        struct ivx_lease *lease, char *code_out, struct ivx_err *err)
{
    IVX_AUTO(source_clear) struct source source = { .instances = NULL };
    IVX_AUTO(ivx_conversion_result_free)
    struct ivx_conversion_result result = { .files = 0 };
    struct ivx_recipe_settings recipe;
    char folder[4096];
    if (!ivx_recipe_parse(claim->recipe_json, &recipe, err)
        || !read_instances(worker, claim, lease, &source, code_out, err)
        || !assemble(claim, recipe.gap, &source, code_out, err)
        || !has_grid(&recipe, &source, code_out, err)
        || !ivx_outbox_stage(worker->outbox, claim->key, claim->epoch, folder, err)
        || !convert(worker, claim, lease, &recipe, &source, folder, &result, code_out, err))
        return false;

    lease->next_beat_us = 0; /* now: nothing beats while the files are synced */
    return ivx_lease_hold_for(lease, lease->seconds + result.files / FILES_PER_SECOND, err)
           && ivx_outbox_publish(worker->outbox, claim->key, claim->epoch, err)
           && ivx_worker_record(worker, claim, result.stages_json, err);
}

/* A result that was published whole and cannot be read now: the disk has changed it. */
static bool replace_spoilt(struct ivx_worker *worker, const struct ivx_claim *claim,
                           const char *text, struct ivx_err *err)
{
    ivx_log(IVX_WARNING, "result.spoilt", "job=%lld text=\"%s\"", (long long)claim->job_id,
            text);
    return ivx_outbox_remove(worker->outbox, claim->key, err);
}

bool ivx_worker_run(struct ivx_worker *worker, const struct ivx_claim *claim,
                    struct ivx_lease *lease, char *code_out, struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    code_out[0] = '\0';
    /* An attempt that published and died before it could say so has left nothing to do. */
    if (ivx_worker_record(worker, claim, "{}", &why))
        return true;
    if (why.code == IVX_RETRY || why.code == IVX_FULL || why.code == IVX_STALE)
        return ivx_fail(err, why.code, "%s", why.text);
    if (why.code != IVX_ABSENT && !replace_spoilt(worker, claim, why.text, err))
        return false;

    return make_result(worker, claim, lease, code_out, err);
}
