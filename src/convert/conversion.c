#include "isovox/convert/conversion.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/core/gather.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/hash.h"
#include "parts.h"

/* Microseconds spent in each stage. The engine has what is left of the total; writing, when
 * it has a thread of its own, counts in the total only as far as the engine waits for it. */
struct stages {
    int64_t start, hash, read, write, wait;
};

struct run {
    struct ivx_plan plan;
    struct ivx_output output;
    struct ivx_pipe *pipe; /* NULL: the engine's thread writes */
    struct ivx_feed *feed; /* NULL: the engine's thread reads */
    struct ivx_reader *reader;
    struct ivx_threads *threads;
    struct ivx_hash *hash;
    enum ivx_sample source_sample;
    const char **digests; /* owned */
    uint16_t *words;      /* owned: a slice as it is stored, when plan.rounds */
    uint64_t saturated;   /* by that rounding */
    double least, most;   /* of the result, when it had to be measured */
    int32_t passes, pass; /* over the source */
    char *recipe_json;    /* owned */
    struct stages stages;
};

static const char *const formats[] = { "dicom", "nifti", "raw", "enhanced" };

const char *ivx_format_name(enum ivx_format format)
{
    return formats[format];
}

bool ivx_format_find(const char *name, enum ivx_format *out)
{
    for (size_t n = 0; n < IVX_COUNT(formats); n++)
        if (strcmp(formats[n], name) == 0) {
            *out = (enum ivx_format)n;
            return true;
        }
    return false;
}

bool ivx_format_is_dicom(enum ivx_format format)
{
    return format == IVX_FORMAT_DICOM || format == IVX_FORMAT_ENHANCED;
}

static void run_clear(struct run *run)
{
    ivx_pipe_free(&run->pipe);
    ivx_feed_free(&run->feed);
    ivx_output_close(&run->output);
    ivx_reader_free(&run->reader);
    ivx_threads_free(&run->threads);
    ivx_hash_free(&run->hash);
    ivx_memory_free(&run->digests);
    ivx_memory_free(&run->recipe_json);
    ivx_memory_free(&run->words);
}

void ivx_output_close(struct ivx_output *output)
{
    if (output->state != NULL)
        output->close(output->state);
    output->state = NULL;
}

bool ivx_part_create(const struct ivx_conversion *conversion, const char *name,
                     const char *suffix, int *fd_out, struct ivx_err *err)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s%s", conversion->directory, name,
                         suffix)
        >= sizeof path)
        return ivx_fail(err, IVX_REFUSED, "convert: the output path is too long");
    *fd_out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return *fd_out != -1 || ivx_fail_errno(err, "create", path);
}

bool ivx_part_write_text(const struct ivx_conversion *conversion, const char *name,
                         const char *suffix, const char *text, struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close) int fd = -1;
    return ivx_part_create(conversion, name, suffix, &fd, err)
           && ivx_fd_write(fd, text, strlen(text), name, err)
           && ivx_fd_write(fd, "\n", 1, name, err);
}

static double spacing_of(const struct ivx_conversion *conversion)
{
    const struct ivx_stack *stack = &conversion->source->stack;
    if (conversion->recipe->spacing_mm != IVX_SPACING_MIN)
        return conversion->recipe->spacing_mm;
    double least = fmin(stack->column_spacing, stack->row_spacing);
    for (int32_t k = 1; k < stack->slices; k++)
        least = fmin(least, stack->t[k] - stack->t[k - 1]);
    return least;
}

static bool is_ct(const struct ivx_conversion *conversion)
{
    return ivx_instance_kind(conversion->source->slices[0]) == IVX_KIND_CT;
}

static bool make_grid(const struct ivx_conversion *conversion, struct ivx_grid *out,
                      struct ivx_err *err)
{
    const struct ivx_stack *stack = &conversion->source->stack;
    const enum ivx_align align = conversion->recipe->align;
    const bool patient = conversion->recipe->orientation == IVX_ORIENTATION_PATIENT;
    enum ivx_reason reason;
    if (align == IVX_ALIGN_REFERENCE)
        return ivx_reference_grid(conversion->source, conversion->recipe, out, &reason, err);
    if (conversion->recipe->spacing_mm == IVX_SPACING_NATIVE)
        return patient ? ivx_fail(err, IVX_REFUSED,
                                  "convert: the acquired grid has the acquired axes")
                       : ivx_native_grid(conversion->source, out, &reason, err);
    if (patient)
        return ivx_target_grid_patient(stack, spacing_of(conversion), align, out, err);
    return ivx_target_grid(stack, spacing_of(conversion), align, out, err);
}

/* What the engine hands on: integers where rounding by itself loses nothing that counts. */
static enum ivx_sample choose_result(const struct ivx_plan *plan)
{
    const enum ivx_format format = plan->conversion->format;
    if (format == IVX_FORMAT_RAW)
        return IVX_FLOAT32;
    if (is_ct(plan->conversion))
        return IVX_INT16;
    const bool integers = plan->stored.integers;
    return integers && (ivx_format_is_dicom(format) || plan->native) ? IVX_INT16
                                                                    : IVX_FLOAT32;
}

static bool prepare_plan(const struct ivx_conversion *conversion, struct run *run,
                         struct ivx_err *err)
{
    const struct ivx_recipe_settings *recipe = conversion->recipe;
    if (!ivx_threads_new(conversion->threads, &run->threads, err)
        || !make_grid(conversion, &run->plan.grid, err)
        || !ivx_recipe_json(recipe, &run->recipe_json, err))
        return false;
    run->plan.conversion = conversion;
    run->plan.recipe_json = run->recipe_json;
    run->plan.native = recipe->spacing_mm == IVX_SPACING_NATIVE;
    if (!is_ct(conversion))
        ivx_storing_plan(conversion->source, &run->plan.stored);
    run->plan.options = (struct ivx_resample_options){
        .kernel = recipe->kernel,
        .antialias = recipe->antialias,
        .mirp_beta = recipe->mirp_beta,
        .boundary = recipe->boundary,
        .result = choose_result(&run->plan),
        .background = ivx_source_background(conversion->source),
        .simd = conversion->simd,
        .memory_limit = conversion->memory_limit,
        .workspace = conversion->workspace,
    };
    if (run->threads != NULL)
        run->plan.options.crew = ivx_threads_crew(run->threads);
    run->plan.rounds = !is_ct(conversion) && ivx_format_is_dicom(conversion->format)
                       && run->plan.options.result == IVX_FLOAT32;
    run->passes = run->plan.rounds && run->plan.stored.measured ? 2 : 1;
    return true;
}

static bool prepare_digests(struct run *run, struct ivx_conversion_result *result,
                            struct ivx_err *err)
{
    const int64_t before = ivx_clock_steady_us();
    if (!ivx_sources_hash(run->plan.conversion->source, &run->plan.options.crew, &run->digests,
                          result->pixel_sha256, err))
        return false;
    run->plan.source_sha256 = run->digests;
    run->plan.pixel_sha256 = result->pixel_sha256;
    run->stages.hash = ivx_clock_steady_us() - before;
    return true;
}

static bool open_output(struct run *run, struct ivx_conversion_result *result,
                        struct ivx_err *err)
{
    const int64_t before = ivx_clock_steady_us();
    bool done = false;
    switch (run->plan.conversion->format) {
    case IVX_FORMAT_DICOM:
        done = ivx_output_dicom(&run->plan, result, &run->output, err);
        break;
    case IVX_FORMAT_ENHANCED:
        done = ivx_output_enhanced(&run->plan, result, &run->output, err);
        break;
    case IVX_FORMAT_NIFTI: done = ivx_output_nifti(&run->plan, &run->output, err); break;
    case IVX_FORMAT_RAW: done = ivx_output_raw(&run->plan, &run->output, err); break;
    }
    run->stages.write += ivx_clock_steady_us() - before;
    run->stages.wait += ivx_clock_steady_us() - before;
    return done;
}

static bool source_slice(void *context, int32_t k, struct ivx_slice *out,
                         struct ivx_err *err)
{
    struct run *run = context;
    const int64_t before = ivx_clock_steady_us();
    const bool done = run->feed != NULL ? ivx_feed_slice(run->feed, k, out, err)
                                        : ivx_reader_slice(run->reader, k, out, err);
    run->source_sample = done ? out->sample : run->source_sample;
    run->stages.read += ivx_clock_steady_us() - before;
    return done;
}

static size_t slice_voxels(const struct run *run)
{
    return (size_t)run->plan.grid.count[0] * (size_t)run->plan.grid.count[1];
}

static size_t slice_bytes(const struct run *run)
{
    return slice_voxels(run) * (run->plan.options.result == IVX_INT16 ? 2 : 4);
}

static bool write_slice(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct run *run = context;
    const int64_t before = ivx_clock_steady_us();
    size_t bytes = slice_bytes(run);
    if (run->plan.rounds) {
        bytes = slice_voxels(run) * sizeof *run->words;
        run->saturated +=
            ivx_storing_round(&run->plan.stored, voxel, slice_voxels(run), run->words);
        voxel = run->words;
    }
    ivx_hash_add(run->hash, voxel, bytes);
    const bool done = run->output.slice(run->output.state, m, voxel, err);
    run->stages.write += ivx_clock_steady_us() - before;
    return done;
}

/* Also where a caller stops the run: all passes count. */
static bool tell_progress(const struct run *run, int32_t m, struct ivx_err *err)
{
    const struct ivx_conversion *conversion = run->plan.conversion;
    const int32_t count = run->plan.grid.count[2];
    return conversion->progress == NULL
           || conversion->progress(conversion->progress_context,
                                   run->pass * count + m + 1, run->passes * count)
           || ivx_fail(err, IVX_STALE, "convert: cancelled after slice %d", m + 1);
}

static bool measure_slice(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct run *run = context;
    const float *values = voxel;
    for (size_t n = 0; n < slice_voxels(run); n++) {
        run->least = fmin(run->least, (double)values[n]);
        run->most = fmax(run->most, (double)values[n]);
    }
    return tell_progress(run, m, err);
}

static bool result_slice(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct run *run = context;
    const int64_t before = ivx_clock_steady_us();
    const bool done = run->pipe != NULL ? ivx_pipe_put(run->pipe, voxel, err)
                                        : write_slice(run, m, voxel, err);
    run->stages.wait += ivx_clock_steady_us() - before;
    return done && tell_progress(run, m, err);
}

/* Compressed slices are decoded by the crew, between the engine's own rounds: then nobody
 * else may ask the reader. */
static bool start_feed(struct run *run, struct ivx_err *err)
{
    const struct ivx_source_volume *source = run->plan.conversion->source;
    for (int32_t k = 0; k < source->stack.slices; k++)
        if (source->slices[k]->encapsulated)
            return ivx_reader_use(run->reader, &run->plan.options.crew, err);
    return run->plan.options.crew.size < 2
           || ivx_feed_new(run->reader, &source->stack, &run->feed, err);
}

/* One pass over the source: the engine, or the acquired slices as they are. */
static bool run_engine(struct run *run, ivx_slice_sink *sink,
                       struct ivx_resample_report *report, struct ivx_err *err)
{
    const struct ivx_source_volume *source = run->plan.conversion->source;
    ivx_feed_free(&run->feed);
    ivx_reader_free(&run->reader);
    if (!ivx_reader_new(source, &run->reader, err) || !start_feed(run, err))
        return false;
    const bool done =
        run->plan.native
            ? ivx_native_copy(&source->stack, run->plan.options.result, source_slice, run,
                              sink, run, report, err)
            : ivx_resample_any(&source->stack, &run->plan.grid, &run->plan.options,
                               source_slice, run, sink, run, report, err);
    run->pass++;
    return done;
}

/* Limits for the engine where results are not to leave the range of the source. */
static bool settle_range(struct run *run, struct ivx_err *err)
{
    const struct ivx_conversion *conversion = run->plan.conversion;
    const int64_t before = ivx_clock_steady_us();
    double least, most;
    if (conversion->recipe->clamp == IVX_CLAMP_OFF || run->plan.native)
        return true;
    if (!ivx_source_range(conversion->source, &run->plan.options.crew, &least, &most, err))
        return false;
    run->plan.options.clamp = least <= most;
    run->plan.options.least = (float)least;
    run->plan.options.most = (float)most;
    run->stages.read += ivx_clock_steady_us() - before;
    return true;
}

/* One scale for a series is known when its largest value is: a pass that writes nothing. */
static bool settle_storing(struct run *run, struct ivx_err *err)
{
    if (!run->plan.rounds)
        return true;
    run->words = calloc(slice_voxels(run), sizeof *run->words);
    if (run->words == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    if (!run->plan.stored.measured)
        return true;
    struct ivx_resample_report report;
    run->least = INFINITY;
    run->most = -INFINITY;
    return run_engine(run, measure_slice, &report, err)
           && ivx_storing_measured(run->least, run->most, &run->plan.stored, err);
}

static bool finish_writing(struct run *run, struct ivx_err *err)
{
    const int64_t before = ivx_clock_steady_us();
    const bool done = (run->pipe == NULL || ivx_pipe_finish(run->pipe, err))
                      && (run->feed == NULL || ivx_feed_finish(run->feed, err))
                      && run->output.finish(run->output.state, err);
    run->stages.wait += ivx_clock_steady_us() - before;
    return done;
}

static void finish_hash(struct ivx_hash *hash, char out[IVX_SHA256_HEX])
{
    uint8_t digest[IVX_SHA256_SIZE];
    ivx_hash_finish(hash, digest);
    ivx_text_hex(digest, sizeof digest, out);
}

/* The engine reports along the axes of a grid that has the source's in any order, and along
 * the source's otherwise. */
static void find_sampling(const struct ivx_plan *plan,
                          const struct ivx_resample_report *report, struct ivx_sampling *out)
{
    const struct ivx_stack *stack = &plan->conversion->source->stack;
    int order[3] = { 0, 1, 2 };
    bool flip[3];
    if (!ivx_stack_permutes(stack, &plan->grid, order, flip))
        order[0] = 0, order[1] = 1, order[2] = 2;
    *out = (struct ivx_sampling){ .interpolated = !plan->native,
                                  .kernel = plan->options.kernel };
    for (int a = 0; a < 3; a++) {
        out->stretch[order[a]] = report->stretch[a];
        out->sigma[order[a]] = report->sigma[a];
    }
}

static bool seal(struct run *run, struct ivx_conversion_result *result, struct ivx_err *err)
{
    const struct ivx_outcome outcome = {
        .voxel_sha256 = result->voxel_sha256,
        .blur = &result->blur,
        .report = &result->resample,
    };
    const int64_t before = ivx_clock_steady_us();
    if (run->output.seal == NULL)
        return true;
    if (!run->output.seal(run->output.state, &outcome, run->hash, err))
        return false;
    finish_hash(run->hash, result->header_sha256);
    run->stages.wait += ivx_clock_steady_us() - before;
    return true;
}

static bool sample(struct run *run, struct ivx_conversion_result *result,
                   struct ivx_err *err)
{
    if (!ivx_hash_new(&run->hash, err))
        return false;
    if (run->plan.options.crew.size > 1
        && !ivx_pipe_new(slice_bytes(run), write_slice, run, &run->pipe, err))
        return false;
    if (!run_engine(run, result_slice, &result->resample, err)
        || !finish_writing(run, err))
        return false;
    result->resample.saturated += run->saturated;
    finish_hash(run->hash, result->voxel_sha256);
    result->source_sample = run->source_sample;
    ivx_reader_report(run->reader, &result->reader);
    result->grid = run->plan.grid;
    result->files = run->output.files;
    find_sampling(&run->plan, &result->resample, &result->sampling);
    ivx_blur_find(run->plan.conversion->source, &result->sampling, &result->blur);
    return seal(run, result, err);
}

static bool report_stages(const struct run *run, struct ivx_conversion_result *result,
                          struct ivx_err *err)
{
    const struct stages *stages = &run->stages;
    const int64_t total = ivx_clock_steady_us() - stages->start;
    const int64_t engine = total - stages->hash - stages->read - stages->wait;
    struct ivx_text text = { 0 };
    ivx_text_add(&text, "{\"hash_ms\":%.1f,\"read_ms\":%.1f,\"resample_ms\":%.1f",
                 (double)stages->hash / 1e3, (double)stages->read / 1e3,
                 (double)engine / 1e3);
    ivx_text_add(&text,
                 ",\"write_ms\":%.1f,\"total_ms\":%.1f,\"simd\":\"%s\",\"threads\":%d",
                 (double)stages->write / 1e3, (double)total / 1e3, result->resample.simd,
                 run->plan.options.crew.size);
    ivx_text_add(&text, ",\"memory\":%zu}", result->resample.memory);
    if (text.failed) {
        ivx_text_free(&text);
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    }
    result->stages_json = text.data;
    return true;
}

static bool convert(const struct ivx_conversion *conversion, struct run *run,
                    struct ivx_conversion_result *result, struct ivx_err *err)
{
    return prepare_plan(conversion, run, err) && prepare_digests(run, result, err)
           && settle_range(run, err) && settle_storing(run, err)
           && open_output(run, result, err) && sample(run, result, err)
           && ivx_manifest_make(&run->plan, result, &result->manifest_json, err)
           && ivx_part_write_text(conversion, "manifest.json", "", result->manifest_json,
                                  err)
           && report_stages(run, result, err);
}

bool ivx_conversion_run(const struct ivx_conversion *conversion,
                        struct ivx_conversion_result *out, struct ivx_err *err)
{
    IVX_AUTO(run_clear) struct run run = { .stages.start = ivx_clock_steady_us() };
    IVX_AUTO(ivx_conversion_result_free)
    struct ivx_conversion_result result = { .files = 0 };
    if (!convert(conversion, &run, &result, err))
        return false;
    *out = result;
    result.manifest_json = NULL;
    result.stages_json = NULL;
    return true;
}

void ivx_conversion_result_free(struct ivx_conversion_result *result)
{
    ivx_memory_free(&result->manifest_json);
    ivx_memory_free(&result->stages_json);
}
