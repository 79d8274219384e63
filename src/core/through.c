#include "engine.h"

#include <string.h>

#include "limit.h"

static int32_t later(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t sooner(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* What is worked on at a time: values [at, at + width) of every plane; one row, or any
 * piece where every row is alike (row -1). */
struct span {
    size_t at, width;
    int32_t row;
};

/* The same span of one slice. */
typedef const float *part_of(const struct ivx_engine *engine, int32_t k,
                             const struct span *span);

static const float *value_part(const struct ivx_engine *engine, int32_t k,
                               const struct span *span)
{
    return ivx_ring_plane(&engine->value, k) + span->at;
}

static const float *share_part(const struct ivx_engine *engine, int32_t k,
                               const struct span *span)
{
    const struct plane *plane = ivx_engine_plane(engine, k);

    if (span->row < plane->row_from || span->row >= plane->row_to)
        return engine->zeros;
    if (plane->masked)
        return ivx_ring_plane(&engine->share, k) + span->at;
    return plane->columns != NULL ? plane->columns : engine->ones;
}

/* Slopes of the slices [from, to) from these and from IVX_REACH more of the endless stack
 * on both sides. */
static void slopes_of(const struct ivx_engine *engine, int32_t from, int32_t to,
                      part_of *of, const struct span *span, float *const *out)
{
    const float *rows[3 * IVX_REACH];

    for (int32_t k = from - IVX_REACH; k < to + IVX_REACH; k++)
        rows[k - from + IVX_REACH] = of(engine, ivx_engine_slice(engine, k), span);
    if (engine->odd == NULL) {
        engine->kernels->slope_even(out, rows, to - from, span->width);
        return;
    }
    for (int32_t k = from; k < to; k++)
        engine->kernels->slope_odd(out[k - from], rows + (k - from),
                                   engine->odd + (size_t)k * 2 * IVX_REACH, span->width);
}

static bool any_masked(const struct ivx_engine *engine, int32_t from, int32_t to)
{
    for (int32_t k = later(0, from - IVX_REACH);
         k < sooner(to + IVX_REACH, engine->stack->slices); k++)
        if (ivx_engine_plane(engine, k)->masked)
            return true;
    return false;
}

/* Slopes of a span: of the slices kept from before the block, then of the block. */
static void make_slopes(const struct ivx_engine *engine, const struct ring *kept,
                        part_of *of, const struct span *span, float *made, size_t pitch)
{
    float *out[IVX_REACH];
    const int32_t from = engine->next_slope, to = engine->slope_to;

    for (int32_t n = 0; n < kept->slots; n++)
        memcpy(made + (size_t)n * pitch, kept->at + (size_t)n * kept->plane + span->at,
               span->width * sizeof *made);
    if (of == NULL)
        return;
    for (int32_t k = from; k < to; k++)
        out[k - from] = made + (size_t)(kept->slots + k - from) * pitch;
    slopes_of(engine, from, to, of, span, out);
}

/* The last of them are for results between this block and the next. */
static void keep_slopes(const struct ivx_engine *engine, const struct ring *kept,
                        const struct span *span, const float *made, size_t pitch)
{
    const int32_t block = engine->slope_to - engine->next_slope;
    for (int32_t n = 0; n < kept->slots; n++)
        memcpy(kept->at + (size_t)n * kept->plane + span->at,
               made + (size_t)(block + n) * pitch, span->width * sizeof *made);
}

void ivx_engine_mark_slopes(struct ivx_engine *engine)
{
    const bool masked = engine->slope_to > engine->next_slope
                        && any_masked(engine, engine->next_slope, engine->slope_to);
    for (int32_t k = engine->next_slope; k < engine->slope_to; k++)
        engine->share_sloped[k] = masked;
}

/* From `at` of a plane: the slices that make up a result slice. */
static const float **value_rows(const struct ivx_frame *frame, size_t at)
{
    const float **rows = (const float **)frame->worker->row;
    for (int32_t n = 0; n < frame->taps.count; n++)
        rows[n] = frame->value_at[n] + at;
    return rows;
}

/* The same from `at` of the span: their slopes. */
static const float **slope_rows(const struct ivx_frame *frame, size_t at)
{
    const float **rows = (const float **)frame->worker->row + frame->taps.count;
    for (int32_t n = 0; n < frame->taps.count; n++)
        rows[n] = frame->slope_at[n] + at;
    return rows;
}

/* The weighted sum of the planes over [at, at + width) of a span. */
static void sum_values(const struct ivx_frame *frame, const struct span *span, size_t at,
                       float *out, size_t width)
{
    const struct ivx_kernels *kernels = frame->engine->kernels;
    const int32_t count = frame->taps.count;

    kernels->taps(out, value_rows(frame, span->at + at), frame->value_weight, count,
                  width);
    if (frame->slope_weight != NULL)
        kernels->add_taps(out, slope_rows(frame, at), frame->slope_weight, count, width);
}

/* The same, rounded, where there is a loop that does both at once. */
static bool sum_rounded(const struct ivx_frame *frame, const struct span *span, size_t at,
                        int16_t *out, size_t width)
{
    const struct ivx_kernels *kernels = frame->engine->kernels;
    const int32_t count = frame->taps.count;
    uint64_t *outside = &frame->worker->saturated;

    if (frame->slope_weight != NULL && count != 2)
        return false;
    if (frame->slope_weight == NULL)
        *outside += kernels->round_taps(out, value_rows(frame, span->at + at),
                                        frame->value_weight, count, width);
    else
        *outside += kernels->round_spline(out, value_rows(frame, span->at + at),
                                          frame->value_weight, slope_rows(frame, at),
                                          frame->slope_weight, width);
    return true;
}

/* Slopes of how much is there, of the n-th slice that takes part: made with its block
 * when something is padded; else, at the wedges of a tilt, here. */
static const float *share_slope(const struct ivx_frame *frame, const struct span *span,
                                int32_t n)
{
    const struct ivx_engine *engine = frame->engine;
    const struct worker *worker = frame->worker;
    const int32_t k = frame->taps.first + n;
    float *made = worker->share_made + (size_t)n * span->width;

    if (engine->share_sloped[k])
        return worker->share_slopes + (frame->slope_at[n] - worker->slopes);
    slopes_of(engine, k, k + 1, share_part, span, &made);
    return made;
}

/* The same sum over how much of each plane was there. */
static void sum_shares(const struct ivx_frame *frame, const struct span *span, size_t at,
                       float *out, size_t width)
{
    const struct ivx_engine *engine = frame->engine;
    const float **row = (const float **)frame->worker->row;

    for (int32_t n = 0; n < frame->taps.count; n++)
        row[n] = share_part(engine, frame->taps.first + n, span) + at;
    engine->kernels->taps(out, row, frame->value_weight, frame->taps.count, width);
    if (frame->slope_weight == NULL)
        return;

    for (int32_t n = 0; n < frame->taps.count; n++)
        row[n] = share_slope(frame, span, n) + at;
    engine->kernels->add_taps(out, row, frame->slope_weight, frame->taps.count, width);
}

/* Write `width` finished values, or the background when value is NULL. */
static void put(const struct ivx_frame *frame, size_t at, const float *value,
                size_t width)
{
    const struct ivx_engine *engine = frame->engine;
    const float background = engine->options->background;
    const bool whole = engine->options->result == IVX_INT16;
    int16_t *to = (int16_t *)frame->result + at;
    float *real = (float *)frame->result + at;

    if (value != NULL && whole) {
        frame->worker->saturated += engine->kernels->round(to, value, width);
    } else if (value != NULL) {
        for (size_t x = 0; x < width; x++)
            real[x] = value[x] + 0.0f; /* -0 becomes 0: its sign depends on the taps */
    } else if (whole && width > 0) {
        engine->kernels->round(to, &background, 1);
        for (size_t x = 1; x < width; x++)
            to[x] = to[0];
    } else {
        for (size_t x = 0; x < width; x++)
            real[x] = background;
    }
    if (value == NULL)
        frame->worker->background += width;
}

/* To the range of the input; share: how much of each was there, or NULL. */
static void limit(const struct ivx_frame *frame, float *value, const float *share,
                  size_t width)
{
    const struct ivx_resample_options *options = frame->engine->options;
    frame->worker->clamped +=
        ivx_limit(value, share, options->least, options->most, width);
}

static void plain(const struct ivx_frame *frame, const struct span *span, size_t at,
                  size_t width)
{
    const struct ivx_resample_options *options = frame->engine->options;
    float *line = frame->worker->line;
    int16_t *to = frame->result;

    if (options->result == IVX_INT16 && !options->clamp
        && sum_rounded(frame, span, at, to + span->at + at, width))
        return;
    sum_values(frame, span, at, line, width);
    if (options->clamp)
        limit(frame, line, NULL, width);
    put(frame, span->at + at, line, width);
}

/* Columns [from, to) of a row of which some is missing: divide by how much was there.
 * What becomes background and was counted as edge is edge no more. */
static void divide(const struct ivx_frame *frame, int32_t from, int32_t to, bool edge)
{
    struct worker *worker = frame->worker;
    const size_t start = (size_t)(from - frame->column_from);
    if (to <= from)
        return;
    const uint64_t missing = frame->engine->kernels->share(
        worker->line + start, worker->share_line + start,
        frame->engine->options->background, (size_t)(to - from));
    if (frame->engine->options->clamp)
        limit(frame, worker->line + start, worker->share_line + start,
              (size_t)(to - from));
    worker->background += missing;
    worker->padded += frame->padded ? missing : 0;
    worker->edge -= edge ? missing : 0;
}

static void masked(const struct ivx_frame *frame, const struct span *span, size_t at,
                   size_t width)
{
    struct worker *worker = frame->worker;
    const bool rim = frame->rim || span->row < frame->inner_row_from
                     || span->row >= frame->inner_row_to;
    const int32_t from = sooner(frame->inner_column_from, frame->column_to);
    const int32_t to = later(from, sooner(frame->inner_column_to, frame->column_to));

    sum_values(frame, span, at, worker->line, width);
    sum_shares(frame, span, at, worker->share_line, width);
    divide(frame, frame->column_from, from, true);
    divide(frame, from, to, rim);
    divide(frame, to, frame->column_to, true);
    put(frame, span->at + at, worker->line, width);
}

static void one_row(const struct ivx_frame *frame, const struct span *span)
{
    const size_t column = (size_t)frame->column_from;
    const size_t inside = (size_t)(frame->column_to - frame->column_from);

    if (span->row < frame->row_from || span->row >= frame->row_to || inside == 0) {
        put(frame, span->at, NULL, span->width);
        return;
    }
    put(frame, span->at, NULL, column);
    if (span->row >= frame->plain_from && span->row < frame->plain_to)
        plain(frame, span, column, inside);
    else
        masked(frame, span, column, inside);
    put(frame, span->at + column + inside, NULL, span->width - column - inside);
}

static void count_edge(const struct ivx_frame *frame, int32_t from, int32_t to)
{
    const int64_t rows = sooner(to, frame->row_to) - later(from, frame->row_from);
    const int64_t inner =
        sooner(to, frame->inner_row_to) - later(from, frame->inner_row_from);
    const int64_t columns = frame->column_to - frame->column_from;
    const int64_t inner_columns = frame->inner_column_to - frame->inner_column_from;

    if (rows > 0)
        frame->worker->edge += (uint64_t)(rows * columns);
    if (inner > 0 && !frame->rim)
        frame->worker->edge -= (uint64_t)(inner * inner_columns);
}

/* Which rows need no second channel. */
static void plain_rows(struct ivx_frame *frame)
{
    const struct ivx_engine *engine = frame->engine;
    frame->plain_from = 0;
    frame->plain_to = engine->grid->count[1];
    for (int32_t k = frame->first; k <= frame->last; k++) {
        const struct plane *plane = ivx_engine_plane(engine, k);
        frame->padded |= plane->masked;
        if (plane->masked || plane->column_from > 0
            || plane->column_to < engine->grid->count[0])
            frame->plain_to = 0;
        frame->plain_from = later(frame->plain_from, plane->row_from);
        frame->plain_to = sooner(frame->plain_to, plane->row_to);
    }
}

/* Where the slices of a frame stand. */
static void places_of(struct ivx_frame *frame, const float **place)
{
    const struct ivx_engine *engine = frame->engine;
    const int32_t oldest = engine->next_slope - engine->kept.slots;
    frame->value_at = place;
    frame->slope_at = place + engine->z.most;
    for (int32_t n = 0; n < frame->taps.count; n++) {
        const int32_t k = frame->taps.first + n;
        frame->value_at[n] = ivx_ring_plane(&engine->value, k);
        if (frame->slope_weight != NULL)
            frame->slope_at[n] =
                frame->worker->slopes + (size_t)(k - oldest) * frame->worker->span;
    }
}

static void frame_of(struct ivx_engine *engine, struct worker *worker, int32_t n,
                     struct ivx_frame *frame)
{
    const struct ivx_stack *stack = engine->stack;
    const int32_t m = engine->next_out + n;
    const double u = engine->position[m], last = stack->slices - 1;
    const double half = engine->options->boundary == IVX_BOUNDARY_BACKGROUND ? 0 : 0.5;
    const double across = ivx_knots_shift(&engine->knots, stack->shift_row, u);
    const double down = ivx_knots_shift(&engine->knots, stack->shift_column, u);

    *frame = (struct ivx_frame){ .engine = engine,
                                 .worker = worker,
                                 .taps = engine->z.row[m] };
    frame->result = (char *)engine->result + engine->result_pitch * (size_t)n;
    frame->outside = !(u >= -half && u <= last + half) || frame->taps.count == 0;
    frame->rim = u < 0 || u > last;
    if (frame->outside)
        return;

    frame->value_weight = ivx_table_values(&engine->z, m);
    frame->slope_weight = engine->z.shape.spline ? ivx_table_slopes(&engine->z, m) : NULL;
    places_of(frame, worker->place + (size_t)n * 2 * engine->z.most);
    ivx_engine_needs(engine, m, &frame->first, &frame->last);
    ivx_engine_range(engine, 0, across, half, &frame->column_from, &frame->column_to);
    ivx_engine_range(engine, 1, down, half, &frame->row_from, &frame->row_to);
    ivx_engine_range(engine, 0, across, 0, &frame->inner_column_from,
                     &frame->inner_column_to);
    ivx_engine_range(engine, 1, down, 0, &frame->inner_row_from, &frame->inner_row_to);
    plain_rows(frame);
}

/* Every voxel of the slice is inside and needs every slice whole? */
static bool is_whole(const struct ivx_frame *frame)
{
    const int32_t *count = frame->engine->grid->count;
    return !frame->outside && frame->column_from == 0 && frame->column_to == count[0]
           && frame->row_from == 0 && frame->row_to == count[1] && frame->plain_from == 0
           && frame->plain_to == count[1];
}

/* The frames of this turn: may their rows be worked on in any pieces? */
static bool frames_of(struct ivx_engine *engine, struct worker *worker)
{
    bool whole = !engine->masks_ready;
    for (int32_t m = 0; m < engine->group_to - engine->next_out; m++) {
        struct ivx_frame *frame = &worker->frame[m];
        frame_of(engine, worker, m, frame);
        frame->whole = is_whole(frame);
        whole &= frame->whole || frame->outside;
        if (!frame->outside)
            count_edge(frame, worker->row_from, worker->row_to);
    }
    return whole;
}

static void one_span(struct ivx_engine *engine, struct worker *worker,
                     const struct span *span)
{
    const size_t pitch = worker->span;
    const bool sloping = engine->slope_to > engine->next_slope;
    const bool sharing = sloping && engine->masks_ready;
    if (sloping)
        make_slopes(engine, &engine->kept, value_part, span, worker->slopes, pitch);
    if (sharing)
        make_slopes(engine, &engine->share_kept,
                    engine->share_sloped[engine->next_slope] ? share_part : NULL, span,
                    worker->share_slopes, pitch);
    for (int32_t m = 0; m < engine->group_to - engine->next_out; m++) {
        const struct ivx_frame *frame = &worker->frame[m];
        if (frame->outside)
            put(frame, span->at, NULL, span->width);
        else if (frame->whole)
            plain(frame, span, 0, span->width);
        else
            one_row(frame, span);
    }
    if (engine->block_done)
        keep_slopes(engine, &engine->kept, span, worker->slopes, pitch);
    if (engine->block_done && sharing)
        keep_slopes(engine, &engine->share_kept, span, worker->share_slopes, pitch);
}

void ivx_engine_through(struct ivx_engine *engine, int n)
{
    struct worker *worker = &engine->worker[n];
    const size_t width = (size_t)engine->grid->count[0];
    const size_t end = width * (size_t)worker->row_to;
    const bool any_pieces = frames_of(engine, worker);
    struct span span = { width * (size_t)worker->row_from, width, worker->row_from };

    if (engine->group_to == engine->next_out && engine->slope_to == engine->next_slope)
        return;
    if (any_pieces)
        span = (struct span){ span.at, IVX_LINE, -1 };
    for (; span.at < end; span.at += span.width) {
        span.width = end - span.at < span.width ? end - span.at : span.width;
        one_span(engine, worker, &span);
        span.row += any_pieces ? 0 : 1;
    }
}
