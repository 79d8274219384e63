/* engine.h - what one call of ivx_resample() keeps. Slices go in, through the plane (y,
 * then x) into a ring of planes at the result's in-plane size; results come out of the
 * ring. Every task of the crew has the same rows of all of them, from the source to the
 * results: what it reads again, it has written itself. */
#ifndef IVX_CORE_ENGINE_H
#define IVX_CORE_ENGINE_H

#include "kernel/kernel.h"
#include "knots.h"
#include "room.h"

/* Values of every plane that are worked on at a time, where every row of it is alike. */
enum { IVX_LINE = 1024 };

/* Planes of floats: slice k in slot k % slots. */
struct ring {
    float *at;
    int32_t slots;
    size_t plane; /* floats from slot to slot: whole cache lines */
};

/* One in-plane resampled slice. Rows and columns outside the ranges lie outside the
 * slice's own half-pixel border: they are 0 and take no part. */
struct plane {
    float *columns; /* one row: 1 inside the column range, 0 outside; with shifts only */
    int32_t row_from, row_to, column_from, column_to;
    bool masked; /* how much of each value is there counts: it has a plane of shares */
};

/* Rows of samples, one below the other: a source slice, or one channel of a padded one.
 */
struct pixels {
    enum ivx_sample sample;
    const void *voxel;
    size_t pitch, width; /* from row to row; columns */
    int32_t rows;
};

struct channel {
    struct pixels in;
    float *slopes; /* down its columns; spline only */
    struct ring *to;
};

struct worker;

/* What is the same for a whole result slice. */
struct ivx_frame {
    const struct ivx_engine *engine;
    struct worker *worker;
    struct ivx_taps taps;
    const float *value_weight, *slope_weight;
    const float **value_at; /* planes of the slices of its taps */
    const float **slope_at; /* their slopes, of the values that are worked on */
    int32_t first, last;    /* slices that take part */
    int32_t column_from, column_to, row_from, row_to; /* inside the scanned region */
    int32_t inner_column_from, inner_column_to;       /* between outermost samples */
    int32_t inner_row_from, inner_row_to;
    int32_t plain_from, plain_to; /* rows that every slice has, whole */
    bool outside, whole;
    bool padded; /* in some slice that takes part: else what is missing lies outside */
    bool rim;    /* along z */
    void *result;
};

/* What one task of the crew works with. */
struct worker {
    int32_t row_from, row_to; /* of every plane */
    const void **row;         /* taps of one sum */
    float *block;             /* IVX_LANES rows of the source, after the y pass */
    float *lanes, *lane_slopes, *lane_out;
    float *line, *share_line, *share_made;
    size_t span;                  /* floats that are worked on at a time, at most */
    float *slopes, *share_slopes; /* of these: of the slices kept, then of the block */
    struct ivx_frame *frame;      /* of a group of result slices */
    const float **place;          /* for the frames */
    uint64_t background, padded, edge, saturated, clamped;
};

struct ivx_engine {
    const struct ivx_stack *stack;
    const struct ivx_grid *grid;
    const struct ivx_resample_options *options;
    const struct ivx_kernels *kernels;
    struct ivx_workspace *workspace; /* of all that follows, and of this */
    int32_t crew;

    struct ivx_knots knots;
    double offset[3], step[3]; /* of the result lattice, mm in the frame of the stack */
    struct ivx_shape shape[3];
    struct ivx_table z;
    double *position; /* of each result slice, in samples */
    float *odd;       /* slope weights of irregular slices, per slice */

    size_t in_plane, out_plane; /* pixels */
    int32_t group;              /* result slices at a time */
    struct plane *plane;        /* slice k is in plane[k % value.slots] */
    struct ring value;
    struct ring
        kept; /* slopes of the last slices before the block, for results between */
    struct ring share, share_kept; /* how much is there; made when padding comes */
    bool masks_ready;
    bool *share_sloped; /* per slice: its slopes of what is there were made with its block
                         */
    float *ones, *zeros; /* rows */
    size_t result_pitch; /* bytes */
    void *result;        /* group result slices */
    struct worker *worker;
    uint64_t *digest; /* per slice: of its in-plane tables */
    size_t memory;

    /* The slice that comes in: as given, or taken apart. */
    struct ivx_slice slice;
    struct channel channel[2];
    int channels;         /* 0: none in this turn */
    float *clean, *there; /* a padded slice, taken apart */
    struct ivx_table x, y;
    double shift_row, shift_column; /* what x and y were made for */
    uint64_t tables_digest;
    bool tables_made;

    /* In this turn: slice next_in, slopes of the block [next_slope, slope_to), results
     * [next_out, group_to), which are the last that need this block or not. */
    int32_t next_in, next_slope, next_out;
    int32_t slope_to, group_to;
    bool block_done;
};

/* plan.c */
bool ivx_engine_new(const struct ivx_stack *stack, const struct ivx_grid *grid,
                    const struct ivx_resample_options *options, struct ivx_engine **out,
                    struct ivx_err *err);
/* Slopes along z are made in blocks of at most IVX_REACH slices, cut alike from both ends
 * of the stack so that a mirrored stack is cut likewise: where the block from slice k
 * ends. */
int32_t ivx_engine_block(const struct ivx_engine *engine, int32_t k);
/* The slices that result slice m waits for; empty (0, -1) when it lies outside. */
void ivx_engine_needs(const struct ivx_engine *engine, int32_t m, int32_t *first_out,
                      int32_t *last_out);
/* The lattice positions within `half` of a sample row of `samples`: [from, to). */
void ivx_engine_range(const struct ivx_engine *engine, int axis, double shift,
                      double half, int32_t *from_out, int32_t *to_out);
void ivx_engine_run(const struct ivx_engine *engine, void (*task)(void *engine, int n));

/* memory.c: how much is worked on at a time so that it fits, then all of it. */
bool ivx_engine_fit(struct ivx_engine *engine, struct ivx_err *err);
bool ivx_engine_make(struct ivx_engine *engine, struct ivx_err *err);
/* The planes for padding, made when the first padded slice comes. */
bool ivx_engine_masks(struct ivx_engine *engine, struct ivx_err *err);
void ivx_engine_free(struct ivx_engine **engine);

/* inplane.c: slice k to its ring plane. Before: its tables, its channels, and what its
 * columns need whole; then the rows of task n. */
void ivx_engine_take(struct ivx_engine *engine, int32_t k, bool masked);
void ivx_engine_in_plane(struct ivx_engine *engine, int n);

/* mirror.c: what a mirrored edge adds to slopes down the columns, made by kernels->slopes
 * with the pitch of the input. */
void ivx_mirror_slopes(float *slopes, const struct pixels *in);

/* through.c: the result slices [next_out, group_to) for the rows of task n. Slopes are
 * made row by row just before, and again if the results of a block come in several
 * groups. */
void ivx_engine_through(struct ivx_engine *engine, int n);
/* Before it, once: which slices of the block have slopes of their padding. */
void ivx_engine_mark_slopes(struct ivx_engine *engine);

/* Where one lattice axis stands in the source: index units of the slice. */
static inline double ivx_engine_base(const struct ivx_engine *engine, int axis,
                                     double shift)
{
    const double spacing =
        axis == 0 ? engine->stack->column_spacing : engine->stack->row_spacing;
    return (engine->offset[axis] - shift) / spacing;
}

static inline double ivx_engine_step(const struct ivx_engine *engine, int axis)
{
    const double spacing =
        axis == 0 ? engine->stack->column_spacing : engine->stack->row_spacing;
    return engine->step[axis] / spacing;
}

/* The slice that stands for slice k of the endless stack, beyond its ends. */
static inline int32_t ivx_engine_slice(const struct ivx_engine *engine, int32_t k)
{
    const int32_t slices = engine->stack->slices;
    if (engine->knots.mirror)
        return ivx_mirror(k, slices);
    return k < 0 ? 0 : k > slices - 1 ? slices - 1 : k;
}

static inline struct plane *ivx_engine_plane(const struct ivx_engine *engine, int32_t k)
{
    return &engine->plane[k % engine->value.slots];
}

static inline float *ivx_ring_plane(const struct ring *ring, int32_t k)
{
    return ring->at + (size_t)(k % ring->slots) * ring->plane;
}

#endif
