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
#include "isovox/convert/manifest.h"
#include "isovox/sys/file.h"
#include "isovox/sys/hash.h"
#include "replay_compare.h"
#include "shield.h"
#include "tool.h"

enum { MOST_MANIFEST = 256 << 20 };

struct replay {
    struct ivx_convert_options options; /* as convert would have been called */
    const char *manifest_path, *output;
    cJSON *manifest;
    const cJSON *instances; /* of the manifest's source */
    int64_t created_us;
    struct ivx_inputs inputs;
    const struct ivx_instance **chosen; /* those that the manifest names; borrowed */
    size_t chosen_count;
    struct ivx_assembly *assembly;
    const struct ivx_source_volume *volume; /* of the assembly: the one that is meant */
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

/* The canonical text of what stands there: a recipe that was edited has another digest. */
static bool read_recipe(struct replay *replay, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) char *json = cJSON_PrintUnformatted(part(replay->manifest, "recipe"));
    IVX_AUTO(ivx_memory_free) char *canonical = NULL;
    if (json == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for a recipe");
    if (!ivx_recipe_parse(json, &replay->options.recipe, err)
        || !ivx_recipe_json(&replay->options.recipe, &canonical, err))
        return false;
    uint8_t digest[IVX_SHA256_SIZE];
    char hex[IVX_SHA256_HEX];
    ivx_hash_once(canonical, strlen(canonical), digest);
    ivx_text_hex(digest, sizeof digest, hex);
    if (strcmp(hex, text_of(replay->manifest, "recipe_sha256")) != 0)
        return ivx_fail(err, IVX_DAMAGED,
                        "manifest: the recipe is not the one that it was written with");
    return true;
}

static bool read_manifest(struct replay *replay, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) char *bytes = NULL;
    size_t length;
    if (!ivx_file_read(replay->manifest_path, MOST_MANIFEST, &bytes, &length, err)
        || !ivx_manifest_check(bytes, err))
        return false;
    replay->manifest = cJSON_ParseWithLength(bytes, length);
    const char *format = text_of(part(replay->manifest, "output"), "format");
    const double created = cJSON_GetNumberValue(part(replay->manifest, "created_us"));
    if (!ivx_format_find(format, &replay->options.format))
        return ivx_fail(err, IVX_REFUSED, "manifest: no format '%.40s'", format);
    if (!(created >= 0 && created < 253402300800e6)) /* the year 10000 */
        return ivx_fail(err, IVX_DAMAGED, "manifest: created_us is no time");

    replay->created_us = (int64_t)created;
    replay->instances = part(part(replay->manifest, "source"), "instances");
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

/* The manifest names an instance once for each of its frames. */
static void keep_each_once(struct replay *replay)
{
    size_t kept = 0;
    qsort(replay->chosen, replay->chosen_count, sizeof *replay->chosen, by_uid);
    for (size_t n = 0; n < replay->chosen_count; n++)
        if (kept == 0 || replay->chosen[n] != replay->chosen[kept - 1])
            replay->chosen[kept++] = replay->chosen[n];
    replay->chosen_count = kept;
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

    int present = 0;
    const cJSON *one;
    cJSON_ArrayForEach(one, replay->instances) {
        const struct ivx_instance **found =
            bsearch(text_of(one, "sop_uid"), sorted, count, sizeof *sorted, uid_of);
        if (found == NULL)
            continue;
        present++;
        replay->chosen[replay->chosen_count++] = *found;
    }
    keep_each_once(replay);
    if (present == wanted)
        return true;
    return ivx_fail(err, IVX_ABSENT, "%d of the manifest's %d source instances are in the input",
                    present, wanted);
}

/* The slices that the manifest lists, in its order. */
static bool is_meant(const struct replay *replay, const struct ivx_source_volume *volume)
{
    int32_t k = 0;
    const cJSON *one;
    if (cJSON_GetArraySize(replay->instances) != volume->stack.slices)
        return false;
    cJSON_ArrayForEach(one, replay->instances) {
        const struct ivx_instance *slice = volume->slices[k++];
        const cJSON *frame = part(one, "frame");
        const double number = cJSON_IsNumber(frame) ? cJSON_GetNumberValue(frame) : 0;
        if (strcmp(text_of(one, "sop_uid"), slice->sop_uid) != 0
            || number != slice->frame_number)
            return false;
    }
    return true;
}

static bool assemble(struct replay *replay, struct ivx_err *err)
{
    const struct ivx_assemble_options options = { replay->options.recipe.gap, true, true };
    if (!ivx_assemble(replay->chosen, replay->chosen_count, &options, &replay->assembly, err))
        return false;
    const int volumes = ivx_assembly_volumes(replay->assembly);
    for (int n = 0; n < volumes; n++) {
        const struct ivx_source_volume *volume = ivx_assembly_volume(replay->assembly, n);
        if (volumes == 1 || is_meant(replay, volume))
            replay->volume = volume;
    }
    if (replay->volume == NULL)
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
    static const char *const names[] = { "", "volume.nii.gz", "volume.raw", "" };
    const struct ivx_place *place = &replay->place;
    const struct ivx_conversion conversion = {
        .source = replay->volume,
        .recipe = &replay->options.recipe,
        .format = replay->options.format,
        .directory = place->staging,
        .file_name = place->file[0] != '\0' ? place->file : names[replay->options.format],
        .created_us = replay->created_us,
        .threads = replay->options.threads,
        .memory_limit = replay->options.memory,
    };
    char path[PATH_MAX];
    if (!ivx_shield_convert(&conversion, result, err))
        return false;
    if (replay->output == NULL)
        return true;
    return ivx_place_publish(&replay->place,
                             result->folder[0] != '\0' ? result->folder : "replayed", path, err);
}

static int compare(const struct replay *replay, const struct ivx_conversion_result *result)
{
    cJSON *now = cJSON_Parse(result->manifest_json);
    const bool same = now != NULL && ivx_replay_same(replay->manifest, now);
    cJSON_Delete(now);
    if (!same)
        return IVX_EXIT_FAILED;
    printf("same: %s\n", result->voxel_sha256);
    return IVX_EXIT_DONE;
}

static const char help[] =
    "usage: isovox replay [OPTIONS] MANIFEST INPUT...\n\n"
    "Repeats the conversion that MANIFEST describes, from the source instances found in\n"
    "INPUT, and compares. Exit status 0 only if voxels, UIDs and all else that the manifest\n"
    "says are the same; what it ran on does not count.\n\n"
    "  -o, --output PATH     keep what was made\n"
    "  --threads N           number of threads (one per core)\n"
    "  --max-memory BYTES    limit, with K, M or G (1G)\n"
    "  -h, --help            this text\n";

/* 0: go on; otherwise what to exit with, plus one. */
static int take_option(int letter, struct replay *out)
{
    switch (letter) {
    case 'o': out->output = optarg; return 0;
    case 't':
        return ivx_option_threads("replay", optarg, &out->options.threads) ? 0
                                                                          : 1 + IVX_EXIT_USAGE;
    case 'm':
        return ivx_option_memory("replay", optarg, &out->options.memory) ? 0
                                                                        : 1 + IVX_EXIT_USAGE;
    case 'h': fputs(help, stdout); return 1 + IVX_EXIT_DONE;
    default: return 1 + ivx_tool_usage("replay", "unknown option");
    }
}

/* As above. */
static int parse(int argc, char **argv, struct replay *out)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'o' },
        { "threads", required_argument, NULL, 't' },
        { "max-memory", required_argument, NULL, 'm' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    optind = 0;
    for (int letter; (letter = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        const int over = take_option(letter, out);
        if (over != 0)
            return over;
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
    struct replay replay = { .options = { .threads = ivx_option_cores(),
                                          .memory = (size_t)1 << 30 } };
    const int over = parse(argc, argv, &replay);
    if (over != 0)
        return over - 1;

    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_conversion_result_free)
    struct ivx_conversion_result result = { .files = 0 };
    if (read_manifest(&replay, &err)
        && ivx_inputs_read(replay.options.inputs, replay.options.input_count,
                           replay.options.threads, &replay.inputs, &err)
        && choose(&replay, &err) && assemble(&replay, &err) && open_place(&replay, &err)
        && convert(&replay, &result, &err))
        return compare(&replay, &result);
    fprintf(stderr, "isovox replay: %s\n", err.text);
    return IVX_EXIT_FAILED;
}
