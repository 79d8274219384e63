#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "report.h"
#include "tool.h"

static const char help[] =
    "usage: isovox inspect [--json] [--gap POLICY] INPUT...\n\n"
    "Which volumes would be made of these files and folders, and why not. Changes nothing.\n\n"
    "  --json         a machine-readable report on standard output\n"
    "  --gap POLICY   where slices are missing: refuse (default), interpolate, split\n"
    "  --help         this text\n\n"
    "exit status: 0 all are volumes, 3 none, 4 some, 1 error, 2 usage\n";

struct settings {
    bool json;
    struct ivx_assemble_options assemble;
};

static void print_vector(const char *name, const double v[3])
{
    printf("  %-11s%.6g %.6g %.6g\n", name, v[0], v[1], v[2]);
}

static void print_distances(const struct ivx_source_volume *volume)
{
    const double *t = volume->stack.t;
    const int last = volume->stack.slices - 1;
    double least = INFINITY, most = -INFINITY;
    for (int k = 0; k < last; k++) {
        least = fmin(least, t[k + 1] - t[k]);
        most = fmax(most, t[k + 1] - t[k]);
    }
    printf("  positions  %.3f to %.3f mm along the normal; ", t[0], t[last]);
    if (volume->uniform)
        printf("uniform, %.4f mm\n", volume->spacing_mm);
    else
        printf("irregular, %.4f to %.4f mm, median %.4f mm\n", least, most, volume->spacing_mm);
}

static void print_volume(const struct ivx_source_volume *volume)
{
    char text[160];
    ivx_source_text(volume, text, sizeof text);
    printf("%s %s\n  series     %s\n", volume->slices[0]->modality, text,
           volume->slices[0]->series_uid);
    print_vector("origin", volume->stack.origin);
    print_vector("row", volume->stack.row);
    print_vector("column", volume->stack.column);
    print_vector("normal", volume->stack.normal);
    print_distances(volume);
    if (volume->tilt_deg != 0.0)
        printf("  tilt       %.2f degrees, slices shifted by up to %.2f mm\n",
               volume->tilt_deg, volume->tilt_max_mm);
    for (int n = 0; n < volume->warning_count; n++)
        printf("  warning    %s: %s\n", ivx_reason_name(volume->warnings[n].reason),
               volume->warnings[n].text);
}

static void print_for_people(const struct ivx_assembly *assembly,
                             const struct ivx_inputs *inputs)
{
    for (int n = 0; n < ivx_assembly_volumes(assembly); n++)
        print_volume(ivx_assembly_volume(assembly, n));
    if (inputs->skipped > 0)
        printf("%zu file%s skipped: not a DICOM object\n", inputs->skipped,
               inputs->skipped == 1 ? "" : "s");
}

static bool print_json(const struct ivx_assembly *assembly, const struct ivx_inputs *inputs)
{
    cJSON *report = cJSON_CreateObject();
    cJSON *volumes = cJSON_AddArrayToObject(report, "volumes");
    bool good = volumes != NULL;
    for (int n = 0; good && n < ivx_assembly_volumes(assembly); n++)
        good = cJSON_AddItemToArray(volumes,
                                    ivx_report_volume(ivx_assembly_volume(assembly, n)));
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
    if (!ivx_inputs_read(paths, count, &inputs, &err)
        || !ivx_assemble((const struct ivx_instance *const *)inputs.instances, inputs.count,
                         &settings->assemble, &assembly, &err))
        return failed(&err);

    if (!settings->json)
        print_for_people(assembly, &inputs);
    else if (!print_json(assembly, &inputs))
        return IVX_EXIT_FAILED;
    ivx_report_print_refused(assembly, &inputs, stderr);
    return exit_status(assembly, &inputs);
}

int ivx_tool_inspect(int argc, char **argv)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },
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
        else if (option != 'g' || !ivx_gap_find(optarg, &settings.assemble.gap))
            return ivx_tool_usage("inspect", "unknown option or value");
    }
    if (optind == argc)
        return ivx_tool_usage("inspect", "no INPUT");
    return inspect(argv + optind, argc - optind, &settings);
}
