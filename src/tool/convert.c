/* isovox convert: files in, files out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert_options.h"
#include "convert_output.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/stop.h"
#include "reference.h"
#include "report.h"
#include "shield.h"
#include "tool.h"

struct session {
    const struct ivx_convert_options *options;
    struct ivx_inputs inputs;
    struct ivx_assembly *assembly;
    struct ivx_workspace *workspace; /* from one pass over a volume to the next */
    struct ivx_place place;
    cJSON *volumes, *refused; /* of the report */
    int64_t created_us;
    int done, refusals, errors;
};

static void session_clear(struct session *session)
{
    ivx_place_close(&session->place);
    ivx_workspace_free(&session->workspace);
    ivx_assembly_free(&session->assembly);
    ivx_inputs_free(&session->inputs);
    cJSON_Delete(session->volumes);
    cJSON_Delete(session->refused);
}

static bool no_source(void *context, int32_t k, struct ivx_slice *out,
                      struct ivx_err *err)
{
    static const int16_t voxels[4] = { 0 };
    (void)context;
    (void)k;
    (void)err;
    *out = (struct ivx_slice){ IVX_INT16, voxels, NULL };
    return true;
}

static bool no_sink(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    (void)context;
    (void)m;
    (void)voxel;
    (void)err;
    return true;
}

/* An instruction set that this machine lacks is a matter of the command line: it is asked
 * of eight voxels before anything is read. */
static bool simd_works(const char *simd, struct ivx_err *err)
{
    static const double t[2] = { 0, 1 }, none[2] = { 0, 0 };
    const struct ivx_stack stack = { .columns = 2,
                                     .rows = 2,
                                     .slices = 2,
                                     .column_spacing = 1,
                                     .row_spacing = 1,
                                     .row = { 1, 0, 0 },
                                     .column = { 0, 1, 0 },
                                     .normal = { 0, 0, 1 },
                                     .t = t,
                                     .shift_row = none,
                                     .shift_column = none };
    const struct ivx_resample_options options = { .kernel = IVX_LINEAR, .simd = simd };
    struct ivx_resample_report report;
    struct ivx_grid grid;
    return ivx_target_grid(&stack, 1, IVX_ALIGN_CENTER, &grid, err)
           && ivx_resample(&stack, &grid, &options, no_source, NULL, no_sink, NULL,
                           &report, err);
}

/* A build that is to be repeated sets SOURCE_DATE_EPOCH (reproducible-builds.org). */
static bool find_time(int64_t *out, struct ivx_err *err)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    long long seconds = 0;
    *out = ivx_clock_wall_us();
    if (text == NULL || text[0] == '\0')
        return true;
    if (!ivx_text_to_int64(text, &seconds) || seconds < 0 || seconds > 253402300799)
        return ivx_fail(err, IVX_REFUSED, "SOURCE_DATE_EPOCH is no number of seconds");
    *out = seconds * 1000000;
    return true;
}

struct bar {
    bool shown;
    int percent;
};

/* Also where Ctrl-C takes effect: false ends the conversion. */
static bool show_progress(void *context, int32_t done, int32_t all)
{
    struct bar *bar = context;
    const int percent = (int)(100.0 * done / all);
    if (bar->shown && percent != bar->percent) {
        bar->percent = percent;
        fprintf(stderr, "\r[%-40.*s] %3d %%%s", percent * 40 / 100,
                "########################################", percent,
                done == all ? "\r\033[K" : "");
        fflush(stderr);
    }
    return !ivx_stop_wanted();
}

/* Results that have no DICOM header to take a name from. */
static void plain_name(const struct ivx_source_volume *volume, double spacing_mm,
                       const struct ivx_conversion_result *result, char out[128])
{
    const char *description = volume->slices[0]->series_description;
    snprintf(out, 128,
             spacing_mm == IVX_SPACING_NATIVE      ? "%s NATIVE GRID"
             : spacing_mm == IVX_SPACING_REFERENCE ? "%s REF GRID"
                                                   : "%s ISO %g mm",
             description[0] ? description : "series", result->grid.spacing[0]);
    for (char *c = out; *c != '\0'; c++) {
        const bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && (*c < '0' || *c > '9') && strchr(" .-+", *c) == NULL)
            *c = '_';
    }
}

static void note_refusal(struct session *session, const struct ivx_source_volume *volume,
                         enum ivx_reason reason, const char *text)
{
    const char *uid = volume->slices[0]->series_uid;
    session->refusals++;
    fprintf(stderr, "refused: %s: %s (series %s)\n", ivx_reason_name(reason), text, uid);
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "series_uid", uid);
    cJSON_AddStringToObject(one, "code", ivx_reason_name(reason));
    cJSON_AddStringToObject(one, "text", text);
    cJSON_AddNumberToObject(one, "instances", volume->stack.slices);
    cJSON_AddItemToArray(session->refused, one);
}

static void note_failure(struct session *session, const struct ivx_source_volume *volume,
                         enum ivx_reason reason, const struct ivx_err *err)
{
    if (err->code == IVX_REFUSED) {
        note_refusal(session, volume,
                     reason == IVX_REASON_NONE ? IVX_REASON_TOO_LARGE : reason, err->text);
        return;
    }
    session->errors++;
    fprintf(stderr, "isovox convert: %s (series %s)\n", err->text,
            volume->slices[0]->series_uid);
}

static void add_vector(cJSON *object, const char *name, const double v[3])
{
    cJSON_AddItemToObject(object, name, cJSON_CreateDoubleArray(v, 3));
}

static cJSON *output_json(const struct ivx_convert_options *options,
                          const struct ivx_conversion_result *result, const char *path)
{
    const int dims[3] = { result->grid.count[0], result->grid.count[1],
                          result->grid.count[2] };
    cJSON *output = cJSON_CreateObject();
    cJSON_AddStringToObject(output, "series_uid", result->series_uid);
    cJSON_AddItemToObject(output, "dims", cJSON_CreateIntArray(dims, 3));
    add_vector(output, "spacing_mm", result->grid.spacing);
    add_vector(output, "origin_lps", result->grid.origin);
    cJSON *axes = cJSON_AddArrayToObject(output, "axes_lps");
    for (int n = 0; n < 3; n++)
        cJSON_AddItemToArray(axes, cJSON_CreateDoubleArray(result->grid.axis[n], 3));
    cJSON_AddStringToObject(output, "kernel",
                            options->recipe.spacing_mm == IVX_SPACING_NATIVE
                                ? "none"
                                : ivx_kernel_name(options->recipe.kernel));
    cJSON_AddStringToObject(output, "voxel_sha256", result->voxel_sha256);
    cJSON_AddStringToObject(output, "path", path);
    cJSON_AddItemToObject(output, "stages", cJSON_Parse(result->stages_json));
    return output;
}

static void note_done(struct session *session, const struct ivx_source_volume *volume,
                      const struct ivx_conversion_result *result, const char *path)
{
    session->done++;
    if (session->options->json) {
        cJSON *one = ivx_report_volume(volume);
        cJSON_AddItemToObject(one, "output", output_json(session->options, result, path));
        cJSON_AddItemToArray(session->volumes, one);
        return;
    }
    char text[160];
    ivx_source_text(volume, text, sizeof text);
    char spacing[32] = "native grid";
    if (session->options->recipe.spacing_mm == IVX_SPACING_REFERENCE)
        ivx_text_copy(spacing, sizeof spacing, "the reference's grid");
    else if (session->options->recipe.spacing_mm != IVX_SPACING_NATIVE)
        snprintf(spacing, sizeof spacing, "%g mm", result->grid.spacing[0]);
    printf("%s -> %dx%dx%d, %s: %s\n", text, result->grid.count[0],
           result->grid.count[1], result->grid.count[2], spacing, path);
    for (int n = 0; n < volume->warning_count; n++)
        printf("  warning: %s: %s\n", ivx_reason_name(volume->warnings[n].reason),
               volume->warnings[n].text);
}

static bool run(struct session *session, const struct ivx_source_volume *volume,
                struct ivx_conversion_result *result, enum ivx_reason *reason_out,
                struct ivx_err *err)
{
    static const char *const names[] = { "", "volume.nii.gz", "volume.raw", "" };
    const struct ivx_convert_options *options = session->options;
    struct bar bar = { options->progress, -1 };
    const struct ivx_conversion conversion = {
        .source = volume,
        .recipe = &options->recipe,
        .format = options->format,
        .directory = session->place.staging,
        .file_name =
            session->place.file[0] != '\0' ? session->place.file : names[options->format],
        .created_us = session->created_us,
        .threads = options->threads,
        .simd = options->simd,
        .memory_limit = options->memory,
        .workspace = session->workspace,
        .progress = show_progress,
        .progress_context = &bar,
        .reason_out = reason_out,
    };
    return ivx_shield_convert(&conversion, result, err);
}

static bool convert_volume(struct session *session,
                           const struct ivx_source_volume *volume,
                           enum ivx_reason *reason_out, struct ivx_err *err)
{
    const double spacing_mm = session->options->recipe.spacing_mm;
    char name[128], path[PATH_MAX];
    IVX_AUTO(ivx_conversion_result_free)
    struct ivx_conversion_result result = { .files = 0 };
    if (!ivx_place_stage(&session->place, err)
        || !run(session, volume, &result, reason_out, err))
        return false;
    if (result.folder[0] != '\0')
        ivx_text_copy(name, sizeof name, result.folder);
    else
        plain_name(volume, spacing_mm, &result, name);
    if (!ivx_place_publish(&session->place, name, path, err))
        return false;
    note_done(session, volume, &result, path);
    return true;
}

/* A volume that has not the grid which was asked for. */
static bool refuse_grid(struct session *session, const struct ivx_source_volume *volume)
{
    const struct ivx_recipe_settings *recipe = &session->options->recipe;
    struct ivx_grid grid;
    enum ivx_reason reason = IVX_REASON_NONE;
    struct ivx_err err = { 0 };
    if (recipe->align == IVX_ALIGN_REFERENCE)
        ivx_reference_grid(volume, recipe, &grid, &reason, &err);
    else if (recipe->spacing_mm == IVX_SPACING_NATIVE)
        ivx_native_grid(volume, &grid, &reason, &err);
    if (reason == IVX_REASON_NONE)
        return false;
    note_refusal(session, volume, reason, err.text);
    return true;
}

static void convert_all(struct session *session)
{
    for (int n = 0; n < ivx_assembly_volumes(session->assembly); n++) {
        const struct ivx_source_volume *volume =
            ivx_assembly_volume(session->assembly, n);
        struct ivx_err err = { 0 };
        enum ivx_reason reason = IVX_REASON_NONE;
        if (!refuse_grid(session, volume)
            && !convert_volume(session, volume, &reason, &err))
            note_failure(session, volume, reason, &err);
        if (session->place.staging[0] != '\0')
            ivx_tree_remove(session->place.staging, NULL);
        session->place.staging[0] = '\0';
        if (ivx_stop_wanted())
            return;
    }
}

static bool read_all(struct session *session, struct ivx_err *err)
{
    const struct ivx_convert_options *options = session->options;
    const struct ivx_assemble_options assemble = { options->recipe.gap, true, false };
    return find_time(&session->created_us, err)
           && ivx_workspace_new(NULL, &session->workspace, err)
           && ivx_inputs_read(options->inputs, options->input_count, options->threads,
                              &session->inputs, err)
           && ivx_assemble((const struct ivx_instance *const *)session->inputs.instances,
                           session->inputs.count, &assemble, &session->assembly, err)
           && ivx_place_open(options, ivx_assembly_volumes(session->assembly),
                             &session->place, err);
}

static bool print_report(struct session *session)
{
    cJSON *report = cJSON_CreateObject();
    cJSON_AddItemToObject(report, "volumes", IVX_STEAL(session->volumes));
    cJSON_AddItemToObject(report, "refused", IVX_STEAL(session->refused));
    return ivx_report_print(report, stdout);
}

static int exit_status(const struct session *session)
{
    if (session->errors > 0 || ivx_stop_wanted())
        return IVX_EXIT_FAILED;
    if (session->done == 0)
        return IVX_EXIT_NOTHING;
    return session->refusals > 0 ? IVX_EXIT_PARTLY : IVX_EXIT_DONE;
}

int ivx_tool_convert(int argc, char **argv)
{
    struct ivx_convert_options options;
    int status = IVX_EXIT_USAGE;
    if (!ivx_convert_options_parse(argc, argv, &options, &status))
        return status;

    ivx_stop_start();
    struct ivx_err err = { 0 };
    if (!simd_works(options.simd, &err))
        return ivx_tool_usage("convert", "--simd %s: %s", options.simd, err.text);
    if (options.reference != NULL
        && !ivx_tool_reference(options.reference, &options.recipe, &err)) {
        fprintf(stderr, "isovox convert: --reference: %s\n", err.text);
        return IVX_EXIT_FAILED;
    }
    IVX_AUTO(session_clear) struct session session = { .options = &options };
    if (!read_all(&session, &err)) {
        fprintf(stderr, "isovox convert: %s\n", err.text);
        return IVX_EXIT_FAILED;
    }
    session.refusals = ivx_report_failures(session.assembly, &session.inputs);
    session.volumes = cJSON_CreateArray();
    session.refused = ivx_report_refused(session.assembly, &session.inputs);
    ivx_report_print_refused(session.assembly, &session.inputs, stderr);
    convert_all(&session);
    /* Silence would look like success to a person. */
    if (session.done == 0 && session.refusals == 0 && session.errors == 0)
        fprintf(stderr, "isovox convert: nothing to convert: %zu DICOM objects, %zu other files\n",
                session.inputs.count, session.inputs.skipped);
    if (options.json && !print_report(&session))
        return IVX_EXIT_FAILED;
    return exit_status(&session);
}
