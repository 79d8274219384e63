#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "convert_options.h"
#include "isovox/base/auto.h"
#include "report.h"
#include "shield.h"
#include "tool.h"

static const char help[] =
    "usage: isovox inspect [--json] [--values] [--gap POLICY] INPUT...\n\n"
    "Which volumes would be made of these files and folders, and why not. Changes nothing.\n\n"
    "  --json         a machine-readable report on standard output\n"
    "  --values       read all pixels too: the range of values, and what is padding\n"
    "  --gap POLICY   where slices are missing: refuse (default), interpolate, split\n"
    "  --help         this text\n\n"
    "exit status: 0 all are volumes, 3 none, 4 some, 1 error, 2 usage\n";

struct settings {
    bool json, values;
    struct ivx_assemble_options assemble;
};

/* With --values: what could not be read is an error of the volume, said on standard error. */
static bool measure(const struct ivx_source_volume *volume, struct ivx_reader_report *out)
{
    struct ivx_err why = { 0 };
    if (ivx_shield_measure(volume, out, &why))
        return true;
    fprintf(stderr, "isovox inspect: %s\n", why.text);
    return false;
}

/* False when the pixels of a volume could not be read. */
static bool print_for_people(const struct ivx_assembly *assembly,
                             const struct ivx_inputs *inputs, bool values)
{
    bool good = true;
    for (int n = 0; n < ivx_assembly_volumes(assembly); n++) {
        const struct ivx_source_volume *volume = ivx_assembly_volume(assembly, n);
        struct ivx_reader_report report;
        ivx_describe(volume, stdout);
        if (!values)
            continue;
        if (measure(volume, &report))
            ivx_describe_values(&report, stdout);
        else
            good = false;
    }
    if (inputs->skipped > 0)
        printf("%zu file%s skipped: not a DICOM object\n", inputs->skipped,
               inputs->skipped == 1 ? "" : "s");
    return good;
}

/* The volume, with "values" when they are wanted and can be read. */
static cJSON *volume_json(const struct ivx_source_volume *volume, bool values, bool *readable)
{
    cJSON *made = ivx_report_volume(volume);
    struct ivx_reader_report report;
    if (made == NULL || !values)
        return made;
    if (!measure(volume, &report)) {
        *readable = false;
        return made;
    }
    cJSON *measured = ivx_describe_values_json(&report);
    if (measured != NULL && cJSON_AddItemToObject(made, "values", measured))
        return made;
    cJSON_Delete(measured);
    cJSON_Delete(made);
    return NULL;
}

static bool print_json(const struct ivx_assembly *assembly, const struct ivx_inputs *inputs,
                       bool values, bool *readable)
{
    cJSON *report = cJSON_CreateObject();
    cJSON *volumes = cJSON_AddArrayToObject(report, "volumes");
    bool good = volumes != NULL;
    for (int n = 0; good && n < ivx_assembly_volumes(assembly); n++)
        good = cJSON_AddItemToArray(
            volumes, volume_json(ivx_assembly_volume(assembly, n), values, readable));
    good = good
           && cJSON_AddItemToObject(report, "refused", ivx_report_refused(assembly, inputs));
    if (good)
        return ivx_report_print(report, stdout);
    cJSON_Delete(report);
    return false;
}

static int exit_status(const struct ivx_assembly *assembly, const struct ivx_inputs *inputs)
{
    if (ivx_assembly_volumes(assembly) == 0)
        return IVX_EXIT_NOTHING;
    return ivx_report_failures(assembly, inputs) > 0 ? IVX_EXIT_PARTLY : IVX_EXIT_DONE;
}

static int failed(const struct ivx_err *err)
{
    fprintf(stderr, "isovox inspect: %s\n", err->text);
    return IVX_EXIT_FAILED;
}

static int inspect(char *const *paths, int count, const struct settings *settings)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_inputs_free) struct ivx_inputs inputs = { 0 };
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = NULL;
    if (!ivx_inputs_read(paths, count, ivx_option_cores(), &inputs, &err)
        || !ivx_assemble((const struct ivx_instance *const *)inputs.instances, inputs.count,
                         &settings->assemble, &assembly, &err))
        return failed(&err);

    bool readable = true;
    if (!settings->json)
        readable = print_for_people(assembly, &inputs, settings->values);
    else if (!print_json(assembly, &inputs, settings->values, &readable))
        return IVX_EXIT_FAILED;
    ivx_report_print_refused(assembly, &inputs, stderr);
    return readable ? exit_status(assembly, &inputs) : IVX_EXIT_FAILED;
}

int ivx_tool_inspect(int argc, char **argv)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },
        { "values", no_argument, NULL, 'v' },
        { "gap", required_argument, NULL, 'g' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct settings settings = { .assemble = { IVX_GAP_REFUSE, true, false } };
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return IVX_EXIT_DONE;
        }
        if (option == 'j')
            settings.json = true;
        else if (option == 'v')
            settings.values = true;
        else if (option != 'g' || !ivx_gap_find(optarg, &settings.assemble.gap))
            return ivx_tool_usage("inspect", "unknown option or value");
    }
    if (optind == argc)
        return ivx_tool_usage("inspect", "no INPUT");
    return inspect(argv + optind, argc - optind, &settings);
}
