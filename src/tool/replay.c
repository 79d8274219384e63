/* isovox replay - repeat a conversion from its manifest, and compare. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "convert_output.h"
#include "inputs.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/file.h"
#include "tool.h"

enum { MOST_MANIFEST = 256 << 20 };

struct replay {
    struct ivx_convert_options options; /* as convert would have been called */
    const char *manifest_path, *output;
    cJSON *manifest;
    const cJSON *instances; /* of the manifest's source */
    const char *voxel_sha256, *series_uid;
    double engine_version;
    int64_t created_us;
    struct ivx_inputs inputs;
    const struct ivx_instance **chosen; /* those that the manifest names; borrowed */
    size_t chosen_count;
    struct ivx_assembly *assembly;
    struct ivx_place place;
    char scratch[64]; /* a temporary folder of ours; empty: none */
};

static void replay_clear(struct replay *replay)
{
    ivx_place_close(&replay->place);
    if (replay->scratch[0] != '\0')
        ivx_tree_remove(replay->scratch, NULL);
    ivx_assembly_free(&replay->assembly);
    ivx_inputs_free(&replay->inputs);
    ivx_memory_free(&replay->chosen);
    cJSON_Delete(replay->manifest);
}

static const cJSON *part(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(part(object, name));
    return text == NULL ? "" : text;
}

static bool read_recipe(struct replay *replay, struct ivx_err *err)
{
    char *json = cJSON_PrintUnformatted(part(replay->manifest, "recipe"));
    if (json == NULL)
        return ivx_fail(err, IVX_DAMAGED, "the manifest has no recipe");
    const bool parsed = ivx_recipe_parse(json, &replay->options.recipe, err);
    cJSON_free(json);
    return parsed;
}

static bool read_manifest(struct replay *replay, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) char *bytes = NULL;
    size_t length;
    if (!ivx_file_read(replay->manifest_path, MOST_MANIFEST, &bytes, &length, err))
        return false;
    replay->manifest = cJSON_ParseWithLength(bytes, length);
    const cJSON *output = part(replay->manifest, "output");
    const cJSON *version = part(replay->manifest, "manifest_version");
    const cJSON *created = part(replay->manifest, "created_us");
    const cJSON *engine = part(part(replay->manifest, "software"), "engine_version");
    replay->instances = part(part(replay->manifest, "source"), "instances");
    replay->voxel_sha256 = text_of(output, "voxel_sha256");
    replay->series_uid = text_of(output, "series_uid");
    if (!cJSON_IsNumber(version) || cJSON_GetNumberValue(version) != 1)
        return ivx_fail(err, IVX_REFUSED, "no manifest, or of a version that is not known");
    if (!cJSON_IsArray(replay->instances) || !cJSON_IsNumber(created)
        || !cJSON_IsNumber(engine) || replay->voxel_sha256[0] == '\0'
        || !ivx_format_find(text_of(output, "format"), &replay->options.format))
        return ivx_fail(err, IVX_DAMAGED, "the manifest is not whole");

    replay->engine_version = cJSON_GetNumberValue(engine);
    replay->created_us = (int64_t)cJSON_GetNumberValue(created);
    return read_recipe(replay, err);
}

static int by_uid(const void *a, const void *b)
{
    const struct ivx_instance *const *x = a, *const *y = b;
    return strcmp((*x)->sop_uid, (*y)->sop_uid);
}

static int uid_of(const void *uid, const void *instance)
{
    const struct ivx_instance *const *one = instance;
    return strcmp(uid, (*one)->sop_uid);
}

/* The instances that the manifest names, out of whatever the input holds. */
static bool choose(struct replay *replay, struct ivx_err *err)
{
    const size_t count = replay->inputs.count;
    const int wanted = cJSON_GetArraySize(replay->instances);
    IVX_AUTO(ivx_memory_free)
    const struct ivx_instance **sorted = calloc(count + 1, sizeof *sorted);
    replay->chosen = calloc((size_t)wanted + 1, sizeof *replay->chosen);
    if (sorted == NULL || replay->chosen == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %zu instances", count);
    for (size_t n = 0; n < count; n++)
        sorted[n] = replay->inputs.instances[n];
    qsort(sorted, count, sizeof *sorted, by_uid);

    const cJSON *one;
    cJSON_ArrayForEach(one, replay->instances) {
        const struct ivx_instance **found =
            bsearch(text_of(one, "sop_uid"), sorted, count, sizeof *sorted, uid_of);
        if (found != NULL)
            replay->chosen[replay->chosen_count++] = *found;
    }
    if (replay->chosen_count == (size_t)wanted)
        return true;
    return ivx_fail(err, IVX_ABSENT, "%zu of the manifest's %d source instances are in the input",
                    replay->chosen_count, wanted);
}

static bool assemble(struct replay *replay, struct ivx_err *err)
{
    const struct ivx_assemble_options options = { replay->options.recipe.gap, true };
    if (!ivx_assemble(replay->chosen, replay->chosen_count, &options, &replay->assembly, err))
        return false;
    const int volumes = ivx_assembly_volumes(replay->assembly);
    if (volumes != 1)
        return ivx_fail(err, IVX_REFUSED, "the manifest's instances make %d volumes, not one",
                        volumes);
    return true;
}

static bool open_place(struct replay *replay, struct ivx_err *err)
{
    replay->options.output = replay->output;
    if (replay->output == NULL) {
        const char *folder = getenv("TMPDIR");
        snprintf(replay->scratch, sizeof replay->scratch, "%.40s/isovox-replay-XXXXXX",
                 folder == NULL || strlen(folder) > 40 ? "/tmp" : folder);
        if (mkdtemp(replay->scratch) == NULL) {
            replay->scratch[0] = '\0';
            return ivx_fail_errno(err, "create a folder in", "TMPDIR");
        }
        replay->options.output = replay->scratch;
    }
    return ivx_place_open(&replay->options, 1, &replay->place, err)
           && ivx_place_stage(&replay->place, err);
}

static bool convert(struct replay *replay, struct ivx_conversion_result *result,
                    struct ivx_err *err)
{
    static const char *const names[] = { "", "volume.nii.gz", "volume.raw" };
    const struct ivx_place *place = &replay->place;
    const struct ivx_conversion conversion = {
        .source = ivx_assembly_volume(replay->assembly, 0),
        .recipe = &replay->options.recipe,
        .format = replay->options.format,
        .directory = place->staging,
        .file_name = place->file[0] != '\0' ? place->file : names[replay->options.format],
        .created_us = replay->created_us,
        .threads = replay->options.threads,
        .memory_limit = replay->options.memory,
    };
    char path[PATH_MAX];
    if (!ivx_conversion_run(&conversion, result, err))
        return false;
    if (replay->output == NULL)
        return true;
    return ivx_place_publish(&replay->place,
                             result->folder[0] != '\0' ? result->folder : "replayed", path, err);
}

/* The digest of instance n in a manifest's list. */
static const char *digest_at(const cJSON *instances, int n)
{
    return text_of(cJSON_GetArrayItem(instances, n), "sha256");
}

static void explain(const struct replay *replay, const struct ivx_conversion_result *result)
{
    int changed = 0;
    cJSON *fresh = cJSON_Parse(result->manifest_json);
    const cJSON *instances = part(part(fresh, "source"), "instances");
    const int count = cJSON_GetArraySize(instances);
    for (int n = 0; n < count && n < cJSON_GetArraySize(replay->instances); n++)
        changed += strcmp(digest_at(instances, n), digest_at(replay->instances, n)) != 0;
    const bool edited = strcmp(text_of(fresh, "recipe_sha256"),
                               text_of(replay->manifest, "recipe_sha256")) != 0;
    cJSON_Delete(fresh);

    if (edited)
        fputs("  the manifest's recipe is not the one that it was written with\n", stderr);
    if (changed > 0)
        fprintf(stderr, "  %d of %d source instances have another content\n", changed, count);
    if (replay->engine_version != IVX_ENGINE_VERSION)
        fprintf(stderr, "  made by engine version %g; this is version %d, which gives other "
                "bits\n", replay->engine_version, IVX_ENGINE_VERSION);
    if (!edited && changed == 0 && replay->engine_version == IVX_ENGINE_VERSION)
        fputs("  same sources, same engine version: this should not be; please report it\n",
              stderr);
}

static int compare(const struct replay *replay, const struct ivx_conversion_result *result)
{
    const bool voxels = strcmp(result->voxel_sha256, replay->voxel_sha256) == 0;
    const bool uids = strcmp(result->series_uid, replay->series_uid) == 0;
    if (voxels && uids) {
        printf("same: %s\n", result->voxel_sha256);
        return IVX_EXIT_DONE;
    }
    fprintf(stderr, "isovox replay: the %s differ\n  manifest %s\n  now      %s\n",
            voxels ? "UIDs" : "voxels", voxels ? replay->series_uid : replay->voxel_sha256,
            voxels ? result->series_uid : result->voxel_sha256);
    explain(replay, result);
    return IVX_EXIT_FAILED;
}

/* 0: go on; otherwise what to exit with, plus one. */
static int parse(int argc, char **argv, struct replay *out)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    optind = 0;
    for (int letter; (letter = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (letter == '?')
            return 1 + ivx_tool_usage("replay", "unknown option");
        if (letter == 'o')
            out->output = optarg;
        if (letter != 'h')
            continue;
        puts("usage: isovox replay MANIFEST INPUT... [-o OUTPUT]\n\n"
             "Repeats the conversion that MANIFEST describes, from the source instances found in\n"
             "INPUT, and compares. Exit status 0 only if the voxels and the UIDs are the same.");
        return 1 + IVX_EXIT_DONE;
    }
    if (argc - optind < 2)
        return 1 + ivx_tool_usage("replay", "needs a manifest and where its sources are");
    out->manifest_path = argv[optind];
    out->options.inputs = argv + optind + 1;
    out->options.input_count = argc - optind - 1;
    return 0;
}

int ivx_tool_replay(int argc, char **argv)
{
    IVX_AUTO(replay_clear)
    struct replay replay = { .options = { .threads = 1, .memory = (size_t)1 << 30 } };
    const int over = parse(argc, argv, &replay);
    if (over != 0)
        return over - 1;

    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_conversion_result_free)
    struct ivx_conversion_result result = { .files = 0 };
    if (read_manifest(&replay, &err)
        && ivx_inputs_read(replay.options.inputs, replay.options.input_count, &replay.inputs,
                           &err)
        && choose(&replay, &err) && assemble(&replay, &err) && open_place(&replay, &err)
        && convert(&replay, &result, &err))
        return compare(&replay, &result);
    fprintf(stderr, "isovox replay: %s\n", err.text);
    return IVX_EXIT_FAILED;
}
