/* run.h - one conversion while it runs: what conversion.c, prepare.c and passes.c share. */
#ifndef IVX_CONVERT_RUN_H
#define IVX_CONVERT_RUN_H

#include "parts.h"

/* Microseconds spent in each stage. The engine has what is left of the total; writing, when
 * it has a thread of its own, counts in the total only as far as the engine waits for it. */
struct stages {
    int64_t start, hash, read, write, wait;
};

struct run {
    struct ivx_plan plan;
    struct ivx_output output; /* opened by the pipe's thread, or with the first slice */
    struct ivx_conversion_result *result; /* of the caller */
    struct ivx_pipe *pipe; /* NULL: the engine's thread writes */
    struct ivx_feed *feed; /* NULL: the engine's thread reads */
    struct ivx_reader *reader;
    struct ivx_threads *threads;
    struct ivx_hash *hash;
    enum ivx_sample source_sample;
    struct ivx_digests *digests;
    uint16_t *words;      /* owned: a slice as it is stored, when plan.rounds */
    uint64_t saturated;   /* by that rounding */
    double least, most;   /* of the result, when it had to be measured */
    int32_t passes, pass; /* over the source */
    char *recipe_json;    /* owned */
    struct stages stages;
};

/* The plan: grid, engine's options, how values are stored. */
bool ivx_run_prepare(const struct ivx_conversion *conversion, struct run *run,
                     struct ivx_err *err);

size_t ivx_run_slice_voxels(const struct run *run);
size_t ivx_run_slice_bytes(const struct run *run); /* as the engine hands them on */

/* One pass over the source into `sink`, whose context is the run: the engine, or the acquired
 * slices as they are. */
bool ivx_run_pass(struct run *run, ivx_slice_sink *sink, struct ivx_resample_report *report,
                  struct ivx_err *err);
/* Sinks. Write the slice, by the pipe's thread if there is one; only measure its values. */
ivx_slice_sink ivx_run_result_slice, ivx_run_measure_slice;
/* What the pipe calls. */
ivx_pipe_open ivx_run_open;
ivx_pipe_write ivx_run_write_slice;

#endif
