#include "isovox/convert/conversion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/core/gather.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/hash.h"
#include "run.h"

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
    ivx_digests_free(&run->digests);
    ivx_memory_free(&run->recipe_json);
    ivx_memory_free(&run->words);
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
    run->words = calloc(ivx_run_slice_voxels(run), sizeof *run->words);
    if (run->words == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    if (!run->plan.stored.measured)
        return true;
    struct ivx_resample_report report;
    run->least = INFINITY;
    run->most = -INFINITY;
    return ivx_run_pass(run, ivx_run_measure_slice, &report, err)
           && ivx_storing_measured(run->least, run->most, &run->plan.stored, err);
}

/* While the last slices are still being written. */
static bool read_digests(struct run *run, struct ivx_conversion_result *result,
                         struct ivx_err *err)
{
    const int64_t before = ivx_clock_steady_us();
    if (run->feed != NULL && !ivx_feed_finish(run->feed, err))
        return false;
    ivx_feed_free(&run->feed); /* given back while the last slices are written */
    if (!ivx_digests_finish(run->digests, &run->plan.options.crew, result->pixel_sha256, err))
        return false;
    run->plan.source_sha256 = ivx_digests_contents(run->digests);
    run->plan.pixel_sha256 = result->pixel_sha256;
    run->stages.hash = ivx_clock_steady_us() - before;
    return true;
}

static bool finish_writing(struct run *run, struct ivx_err *err)
{
    const int64_t before = ivx_clock_steady_us();
    const bool done = (run->pipe == NULL || ivx_pipe_finish(run->pipe, err))
                      && run->output.finish(run->output.state, err);
    run->stages.wait += ivx_clock_steady_us() - before;
    return done;
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
    const bool done = run->output.seal == NULL
                      || run->output.seal(run->output.state, &outcome, result, err);
    run->stages.wait += ivx_clock_steady_us() - before;
    return done;
}

static bool sample(struct run *run, struct ivx_conversion_result *result,
                   struct ivx_err *err)
{
    run->result = result;
    if (!ivx_hash_new(&run->hash, err))
        return false;
    if (run->plan.options.crew.size > 1
        && !ivx_pipe_new(run->threads, ivx_run_slice_bytes(run), ivx_run_open,
                         ivx_run_write_slice, run, &run->pipe, err))
        return false;
    if (!ivx_run_pass(run, ivx_run_result_slice, &result->resample, err)
        || !read_digests(run, result, err) || !finish_writing(run, err))
        return false;
    result->resample.saturated += run->saturated;
    ivx_hash_finish_hex(run->hash, result->voxel_sha256);
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
    return ivx_run_prepare(conversion, run, err)
           && ivx_digests_new(conversion->source, &run->digests, err)
           && settle_range(run, err) && settle_storing(run, err)
           && sample(run, result, err)
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
