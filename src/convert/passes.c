/* The source through the engine to the output. */
#include <math.h>

#include "isovox/core/gather.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/hash.h"
#include "run.h"

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

size_t ivx_run_slice_voxels(const struct run *run)
{
    return (size_t)run->plan.grid.count[0] * (size_t)run->plan.grid.count[1];
}

size_t ivx_run_slice_bytes(const struct run *run)
{
    return ivx_run_slice_voxels(run) * (run->plan.options.result == IVX_INT16 ? 2 : 4);
}

static bool open_output(struct run *run, struct ivx_err *err)
{
    switch (run->plan.conversion->format) {
    case IVX_FORMAT_DICOM:
        return ivx_output_dicom(&run->plan, run->result, &run->output, err);
    case IVX_FORMAT_ENHANCED:
        return ivx_output_enhanced(&run->plan, run->result, &run->output, err);
    case IVX_FORMAT_NIFTI: return ivx_output_nifti(&run->plan, &run->output, err);
    case IVX_FORMAT_RAW: return ivx_output_raw(&run->plan, &run->output, err);
    }
    return ivx_fail(err, IVX_BUG, "convert: no such format");
}

bool ivx_run_open(void *context, struct ivx_err *err)
{
    struct run *run = context;
    const int64_t before = ivx_clock_steady_us();
    const bool done = run->output.state != NULL || open_output(run, err);
    run->stages.write += ivx_clock_steady_us() - before;
    return done;
}

bool ivx_run_write_slice(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct run *run = context;
    if (!ivx_run_open(run, err))
        return false;
    const int64_t before = ivx_clock_steady_us();
    size_t bytes = ivx_run_slice_bytes(run);
    if (run->plan.rounds) {
        bytes = ivx_run_slice_voxels(run) * sizeof *run->words;
        run->saturated +=
            ivx_storing_round(&run->plan.stored, voxel, ivx_run_slice_voxels(run), run->words);
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

bool ivx_run_measure_slice(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct run *run = context;
    const float *values = voxel;
    for (size_t n = 0; n < ivx_run_slice_voxels(run); n++) {
        run->least = fmin(run->least, (double)values[n]);
        run->most = fmax(run->most, (double)values[n]);
    }
    return tell_progress(run, m, err);
}

bool ivx_run_result_slice(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct run *run = context;
    const int64_t before = ivx_clock_steady_us();
    const bool done = run->pipe != NULL ? ivx_pipe_put(run->pipe, voxel, err)
                                        : ivx_run_write_slice(run, m, voxel, err);
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
           || ivx_feed_new(run->reader, &source->stack, run->threads, &run->feed, err);
}

/* One pass over the source: the engine, or the acquired slices as they are. */
bool ivx_run_pass(struct run *run, ivx_slice_sink *sink, struct ivx_resample_report *report,
                  struct ivx_err *err)
{
    const struct ivx_source_volume *source = run->plan.conversion->source;
    ivx_feed_free(&run->feed);
    ivx_reader_free(&run->reader);
    if (!ivx_reader_new(source, &run->reader, err))
        return false;
    ivx_reader_watch(run->reader, ivx_digests_tap, run->digests);
    if (!start_feed(run, err))
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
