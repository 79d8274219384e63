#include "convert_options.h"

#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/config/config.h"
#include "tool.h"

#define DEFAULT_CONFIG "/etc/isovox/isovoxd.conf"

static const char help[] =
    "usage: isovox convert [OPTIONS] INPUT... -o OUTPUT\n\n"
    "Makes isotropic volumes of CT, MR and PET series, without a daemon. INPUT: DICOM files, and "
    "folders,\n"
    "which are searched. OUTPUT: a folder, which gets a folder for each derived series; "
    "or,\n"
    "with one volume and --format nifti or raw, a file.\n\n"
    "  -o, --output PATH     where the results go\n"
    "  --recipe NAME         settings from the configuration file; other options "
    "override\n"
    "  -c, --config FILE     the configuration file (" DEFAULT_CONFIG ")\n"
    "  --spacing MM          voxel size (1.0), or 'min': the smallest acquired distance, or\n"
    "                        'native': the acquired grid, nothing is interpolated\n"
    "  --kernel NAME         bspline3 (default), linear, catmull-rom, lanczos3, nearest\n"
    "  --align HOW           center (default), origin, corner, reference\n"
    "  --reference PATH      the series whose grid the result gets, with --align reference\n"
    "  --orientation HOW     acquired (default), patient: the axes of the result\n"
    "  --antialias HOW       auto (default: where the target is coarser), off, or as "
    "other\n"
    "                        systems: gauss-cardoso, gauss-mirp, gauss-mirp:BETA\n"
    "  --boundary HOW        nearest (default), background, mirror\n"
    "  --clamp HOW           off (default), input-range: no value beyond those acquired\n"
    "  --round HOW           half-even\n"
    "  --format NAME         dicom (default), enhanced (multi-frame DICOM), nifti (.nii.gz; "
    ".nii by\n"
    "                        name), raw (float32 + JSON)\n"
    "  --gap POLICY          where slices are missing: refuse (default), interpolate, "
    "split\n"
    "  --threads N           number of threads (one per core)\n"
    "  --simd SET            auto (default), base, avx2, avx512, neon: the same bits "
    "from each\n"
    "  --max-memory BYTES    working memory (1G); K, M and G are understood\n"
    "  --progress            show progress even when standard error is no terminal\n"
    "  --no-progress         never show it\n"
    "  --json                a machine-readable report on standard output\n"
    "  --help                this text\n\n"
    "exit status: 0 all converted, 1 error, 2 usage, 3 nothing to convert, 4 some "
    "converted and\n"
    "some refused, 78 configuration. SOURCE_DATE_EPOCH, when set, is the time of "
    "creation.\n";

enum id {
    ID_RECIPE = 256,
    ID_SPACING,
    ID_KERNEL,
    ID_ALIGN,
    ID_REFERENCE,
    ID_ORIENTATION,
    ID_ANTIALIAS,
    ID_BOUNDARY,
    ID_CLAMP,
    ID_ROUND,
    ID_FORMAT,
    ID_GAP,
    ID_THREADS,
    ID_SIMD,
    ID_MEMORY,
    ID_PROGRESS,
    ID_NO_PROGRESS,
    ID_JSON,
    ID_END
};

static const struct option table[] = {
    { "output", required_argument, NULL, 'o' },
    { "recipe", required_argument, NULL, ID_RECIPE },
    { "config", required_argument, NULL, 'c' },
    { "spacing", required_argument, NULL, ID_SPACING },
    { "kernel", required_argument, NULL, ID_KERNEL },
    { "align", required_argument, NULL, ID_ALIGN },
    { "reference", required_argument, NULL, ID_REFERENCE },
    { "orientation", required_argument, NULL, ID_ORIENTATION },
    { "antialias", required_argument, NULL, ID_ANTIALIAS },
    { "boundary", required_argument, NULL, ID_BOUNDARY },
    { "clamp", required_argument, NULL, ID_CLAMP },
    { "round", required_argument, NULL, ID_ROUND },
    { "format", required_argument, NULL, ID_FORMAT },
    { "gap", required_argument, NULL, ID_GAP },
    { "threads", required_argument, NULL, ID_THREADS },
    { "simd", required_argument, NULL, ID_SIMD },
    { "max-memory", required_argument, NULL, ID_MEMORY },
    { "progress", no_argument, NULL, ID_PROGRESS },
    { "no-progress", no_argument, NULL, ID_NO_PROGRESS },
    { "json", no_argument, NULL, ID_JSON },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

/* What was given, by id; NULL: not given. Options without a value have "". */
struct given {
    const char *value[ID_END];
};

static bool usage(const char *option, const char *value, const char *wanted)
{
    ivx_tool_usage("convert", "--%s %s: %s", option, value, wanted);
    return false;
}

/* The place of `value` among names, which ends with NULL. */
static bool choose(const char *option, const char *value, const char *const *names,
                   int *out)
{
    char wanted[200] = "must be ";
    for (int n = 0; names[n] != NULL; n++) {
        if (strcmp(names[n], value) == 0) {
            *out = n;
            return true;
        }
        const size_t used = strlen(wanted);
        snprintf(wanted + used, sizeof wanted - used, "%s%s", n ? ", " : "", names[n]);
    }
    return usage(option, value, wanted);
}

static bool choose_given(const struct given *given, enum id id, const char *option,
                         const char *const *names, int *out)
{
    return given->value[id] == NULL || choose(option, given->value[id], names, out);
}

/* Options that are settings of a recipe go by the same names there. */
static const struct {
    enum id id;
    const char *key;
} settings[] = {
    { ID_SPACING, "spacing" },   { ID_KERNEL, "kernel" },
    { ID_ALIGN, "align" },       { ID_ANTIALIAS, "antialias" },
    { ID_BOUNDARY, "boundary" }, { ID_ORIENTATION, "orientation" },
    { ID_GAP, "gap" },           { ID_CLAMP, "clamp" },
};

static bool take_settings(const struct given *given, struct ivx_recipe_settings *recipe)
{
    for (size_t n = 0; n < IVX_COUNT(settings); n++) {
        const char *value = given->value[settings[n].id];
        struct ivx_err err = { 0 };
        if (value != NULL && !ivx_recipe_set(recipe, settings[n].key, value, &err))
            return usage(settings[n].key, value, err.text);
    }
    return true;
}

/* A grid that is given leaves nothing to choose. */
static bool take_reference(const struct given *given, struct ivx_recipe_settings *recipe)
{
    const char *path = given->value[ID_REFERENCE];
    if ((recipe->align == IVX_ALIGN_REFERENCE) != (path != NULL))
        return path == NULL ? usage("align", "reference", "needs --reference SERIES")
                            : usage("reference", path, "goes with --align reference");
    if (path == NULL)
        return true;
    if (given->value[ID_SPACING] != NULL)
        return usage("spacing", given->value[ID_SPACING], "the reference has a spacing");
    if (given->value[ID_ORIENTATION] != NULL)
        return usage("orientation", given->value[ID_ORIENTATION], "the reference has axes");
    recipe->spacing_mm = IVX_SPACING_REFERENCE;
    recipe->orientation = IVX_ORIENTATION_ACQUIRED;
    return true;
}

/* Settings of the command line over those of the recipe. */
static bool take_recipe(const struct given *given, struct ivx_recipe_settings *recipe)
{
    static const char *const rounds[] = { "half-even", NULL };
    const struct ivx_recipe_settings before = *recipe;
    int ignored;
    const char *format = given->value[ID_FORMAT];
    if (format != NULL) /* files of other formats are no matter of the recipe */
        recipe->format = strcmp(format, "enhanced") == 0 ? IVX_RECIPE_ENHANCED
                                                         : IVX_RECIPE_DICOM;
    if (!take_settings(given, recipe)
        || !choose_given(given, ID_ROUND, "round", rounds, &ignored)
        || !take_reference(given, recipe))
        return false;
    if (recipe->spacing_mm == IVX_SPACING_NATIVE
        && recipe->orientation == IVX_ORIENTATION_PATIENT)
        return usage("orientation", "patient",
                     "--spacing native keeps the acquired axes too");
    /* A name stands for its settings: changed ones do not go by it. */
    if (!ivx_recipe_same(&before, recipe))
        ivx_text_copy(recipe->name, sizeof recipe->name, "custom");
    return true;
}

static bool refuse(const char *command, const char *option, const char *value,
                   const char *wanted)
{
    ivx_tool_usage(command, "--%s %s: %s", option, value, wanted);
    return false;
}

bool ivx_option_memory(const char *command, const char *value, size_t *out)
{
    char digits[32];
    const size_t length = strlen(value);
    const char *units = "KMG",
               *unit = length > 0 ? strchr(units, value[length - 1]) : NULL;
    long long number = 0;
    if (length >= sizeof digits)
        return refuse(command, "max-memory", value, "must be a number of bytes");
    snprintf(digits, sizeof digits, "%.*s", (int)(unit ? length - 1 : length), value);
    size_t bytes = 0;
    const size_t scale = unit ? (size_t)1 << (10 * (unit - units + 1)) : 1;
    if (!ivx_text_to_int64(digits, &number) || number < 1
        || __builtin_mul_overflow((size_t)number, scale, &bytes)
        || bytes < (size_t)1 << 20)
        return refuse(command, "max-memory", value, "must be a number of bytes, at least 1M");
    *out = bytes;
    return true;
}

bool ivx_option_threads(const char *command, const char *value, int *out)
{
    long long number = 0;
    if (!ivx_text_to_int64(value, &number) || number < 1 || number > 256)
        return refuse(command, "threads", value, "must be 1 to 256");
    *out = (int)number;
    return true;
}

static bool take_format(const char *value, struct ivx_convert_options *out)
{
    static const char *const names[] = { "dicom", "nifti", "raw", "enhanced", NULL };
    int format = 0;
    if (!choose("format", value, names, &format))
        return false;
    out->format = (enum ivx_format)format;
    return true;
}

int ivx_option_cores(void)
{
    cpu_set_t set;
    const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count;
}

static bool take_running(const struct given *given, struct ivx_convert_options *out)
{
    static const char *const sets[] = { "auto", "base", "avx2", "avx512", "neon", NULL };
    const char *const *value = given->value;
    int set = 0;
    if (out->recipe.format == IVX_RECIPE_ENHANCED)
        out->format = IVX_FORMAT_ENHANCED;
    out->threads = ivx_option_cores();
    out->memory = (size_t)1 << 30;
    if ((value[ID_FORMAT] && !take_format(value[ID_FORMAT], out))
        || (value[ID_THREADS] && !ivx_option_threads("convert", value[ID_THREADS], &out->threads))
        || (value[ID_MEMORY] && !ivx_option_memory("convert", value[ID_MEMORY], &out->memory))
        || !choose_given(given, ID_SIMD, "simd", sets, &set))
        return false;
    out->simd = sets[set];
    out->output = value['o'];
    out->reference = (char *)value[ID_REFERENCE];
    out->json = value[ID_JSON] != NULL;
    out->progress = value[ID_PROGRESS] != NULL
                    || (value[ID_NO_PROGRESS] == NULL && isatty(STDERR_FILENO));
    return true;
}

static bool config_failed(int *status_out, const char *text)
{
    fprintf(stderr, "isovox convert: %s\n", text);
    *status_out = IVX_EXIT_CONFIG;
    return false;
}

static bool load_recipe(const struct given *given, struct ivx_recipe_settings *recipe,
                        int *status_out)
{
    const char *path = given->value['c'];
    if (path == NULL && access(DEFAULT_CONFIG, R_OK) == 0)
        path = DEFAULT_CONFIG;
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_config_free) struct ivx_config *config = NULL;
    if (!ivx_config_load(path, &config, &err))
        return config_failed(status_out, err.text);
    const char *name = given->value[ID_RECIPE];
    const struct ivx_config_recipe *found = ivx_config_recipe_find(config, name);
    if (found == NULL) {
        ivx_fail(&err, IVX_ABSENT, "no recipe '%.64s' in %s", name,
                 path != NULL ? path : "the built-in configuration");
        return config_failed(status_out, err.text);
    }
    const struct given words = { .value = { [ID_KERNEL] = found->kernel,
                                            [ID_ALIGN] = found->align,
                                            [ID_ANTIALIAS] = found->antialias,
                                            [ID_BOUNDARY] = found->boundary,
                                            [ID_ORIENTATION] = found->orientation,
                                            [ID_CLAMP] = found->clamp } };
    if (!take_settings(&words, recipe)
        || !ivx_recipe_set(recipe, "format", found->format, &err))
        return false;
    recipe->spacing_mm = found->spacing_mm;
    ivx_text_copy(recipe->name, sizeof recipe->name, found->name);
    return true;
}

/* The last of an option that is given twice counts. */
static bool collect(int argc, char **argv, struct given *given, int *status_out)
{
    optind = 1;
    for (int id; (id = getopt_long(argc, argv, "o:c:h", table, NULL)) != -1;) {
        if (id == '?')
            return false;
        if (id == 'h') {
            fputs(help, stdout);
            *status_out = IVX_EXIT_DONE;
            return false;
        }
        given->value[id] = optarg != NULL ? optarg : "";
    }
    return true;
}

bool ivx_convert_options_parse(int argc, char **argv, struct ivx_convert_options *out,
                               int *status_out)
{
    struct given given = { .value = { NULL } };
    *out = (struct ivx_convert_options){ .format = IVX_FORMAT_DICOM };
    *status_out = IVX_EXIT_USAGE;
    ivx_recipe_default(&out->recipe);
    if (!collect(argc, argv, &given, status_out))
        return false;
    if (given.value[ID_RECIPE] != NULL && !load_recipe(&given, &out->recipe, status_out))
        return false;
    if (!take_recipe(&given, &out->recipe) || !take_running(&given, out))
        return false;
    if (optind == argc)
        return ivx_tool_usage("convert", "no INPUT") == IVX_EXIT_DONE;
    if (out->output == NULL || out->output[0] == '\0')
        return ivx_tool_usage("convert", "no OUTPUT: -o is missing") == IVX_EXIT_DONE;
    out->inputs = argv + optind;
    out->input_count = argc - optind;
    return true;
}
