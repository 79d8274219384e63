#include "engine.h"

#include <string.h>

#include "limit.h"

enum { SLOPE_LINE = 256 };

static int32_t later(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t sooner(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* What task n of the crew does of every plane: values [at, end), in whole cache lines;
 * and the rows that begin there. */
struct band {
    size_t at, end;
    int32_t row, row_end;
};

static int32_t first_row(const struct ivx_engine *engine, size_t at)
{
    const size_t pitch = (size_t)engine->grid->count[0];
    return (int32_t)((at + pitch - 1) / pitch);
}

static size_t band_edge(const struct ivx_engine *engine, int n)
{
    if (n == engine->crew)
        return engine->out_plane;
    return engine->out_plane / (size_t)engine->crew * (size_t)n / IVX_LINE * IVX_LINE;
}

static struct band band_of(const struct ivx_engine *engine, int n)
{
    const size_t at = band_edge(engine, n), end = band_edge(engine, n + 1);
    return (struct band){ at, end, first_row(engine, at), first_row(engine, end) };
}

/* The rows around slice k whose increments make its slope; `of` yields one slice's row.
 */
typedef const float *row_of(const struct ivx_engine *engine, int32_t k, size_t at,
                            int32_t row);

static const float *value_row(const struct ivx_engine *engine, int32_t k, size_t at,
                              int32_t row)
{
    (void)row;
    return ivx_engine_plane(engine, k)->value + at;
}

static const float *share_row(const struct ivx_engine *engine, int32_t k, size_t at,
                              int32_t row)
{
    const struct plane *plane = ivx_engine_plane(engine, k);
    const size_t column = at - (size_t)row * engine->grid->count[0];

    if (row < plane->row_from || row >= plane->row_to)
        return engine->zeros + column;
    if (plane->masked)
        return plane->share + at;
    return (plane->columns != NULL ? plane->columns : engine->ones) + column;
}

/* The rows of the slices [from - IVX_REACH, to + IVX_REACH) of the endless stack. */
static void rows_around(const struct ivx_engine *engine, int32_t from, int32_t to,
                        row_of *of, size_t at, int32_t row, const float **rows)
{
    for (int32_t k = from - IVX_REACH; k < to + IVX_REACH; k++)
        *rows++ = of(engine, ivx_engine_slice(engine, k), at, row);
}

/* Slopes of the slices [from, to) from those rows. */
static void slopes_of(const struct ivx_engine *engine, int32_t from, int32_t to,
                      const float *const *rows, float *const *out, size_t width)
{
    if (engine->odd == NULL) {
        engine->kernels->slope_even(out, rows, to - from, width);
        return;
    }
    for (int32_t k = from; k < to; k++)
        engine->kernels->slope_odd(out[k - from], rows + (k - from),
                                   engine->odd + (size_t)k * 2 * IVX_REACH, width);
}

static bool any_masked(const struct ivx_engine *engine, int32_t from, int32_t to)
{
    for (int32_t k = later(0, from - IVX_REACH);
         k < sooner(to + IVX_REACH, engine->stack->slices); k++)
        if (ivx_engine_plane(engine, k)->masked)
            return true;
    return false;
}

/* Slopes of how much is there: row by row, for every slice has its own rows. */
static void share_slopes(struct ivx_engine *engine, const struct band *band)
{
    const float *rows[3 * IVX_REACH];
    float *out[IVX_REACH];
    const int32_t from = engine->next_slope, to = engine->slope_to;
    const size_t pitch = (size_t)engine->grid->count[0];

    for (int32_t row = band->row; row < band->row_end; row++) {
        const size_t at = (size_t)row * pitch;
        rows_around(engine, from, to, share_row, at, row, rows);
        for (int32_t k = from; k < to; k++)
            out[k - from] = engine->share_slope[k % engine->slope_planes] + at;
        slopes_of(engine, from, to, rows, out, pitch);
    }
}

void ivx_engine_slopes(struct ivx_engine *engine, int n)
{
    const float *rows[3 * IVX_REACH];
    float *out[IVX_REACH];
    const struct band band = band_of(engine, n);
    const int32_t from = engine->next_slope, to = engine->slope_to;

    for (size_t at = band.at; at < band.end; at += SLOPE_LINE) {
        const size_t most = band.end - at < SLOPE_LINE ? band.end - at : SLOPE_LINE;
        rows_around(engine, from, to, value_row, at, 0, rows);
        for (int32_t k = from; k < to; k++)
            out[k - from] = engine->slope[k % engine->slope_planes] + at;
        slopes_of(engine, from, to, rows, out, most);
    }
    if (any_masked(engine, from, to))
        share_slopes(engine, &band);
}

void ivx_engine_mark_slopes(struct ivx_engine *engine)
{
    const bool masked = any_masked(engine, engine->next_slope, engine->slope_to);
    for (int32_t k = engine->next_slope; k < engine->slope_to; k++)
        engine->share_sloped[k % engine->slope_planes] = masked;
}

/* The planes, and their slopes, that make up [at, ...) of a result slice. */
static const float **value_rows(const struct ivx_frame *frame, size_t at)
{
    const float **row = (const float **)frame->worker->row;
    for (int32_t n = 0; n < frame->taps.count; n++)
        row[n] = ivx_engine_plane(frame->engine, frame->taps.first + n)->value + at;
    return row;
}

static const float **slope_rows(const struct ivx_frame *frame, size_t at)
{
    const struct ivx_engine *engine = frame->engine;
    const float **row = (const float **)frame->worker->row + engine->z.most;
    for (int32_t n = 0; n < frame->taps.count; n++)
        row[n] = engine->slope[(frame->taps.first + n) % engine->slope_planes] + at;
    return row;
}

/* The weighted sum of the planes over [at, at + width) of a result slice. */
static void sum_values(const struct ivx_frame *frame, size_t at, float *out, size_t width)
{
    const struct ivx_kernels *kernels = frame->engine->kernels;
    const int32_t count = frame->taps.count;

    kernels->taps(out, value_rows(frame, at), frame->value_weight, count, width);
    if (frame->slope_weight != NULL)
        kernels->add_taps(out, slope_rows(frame, at), frame->slope_weight, count, width);
}

/* The same, rounded, where there is a loop that does both at once. */
static bool sum_rounded(const struct ivx_frame *frame, size_t at, int16_t *out,
                        size_t width)
{
    const struct ivx_kernels *kernels = frame->engine->kernels;
    const int32_t count = frame->taps.count;
    uint64_t *outside = &frame->worker->saturated;

    if (frame->slope_weight != NULL && count != 2)
        return false;
    if (frame->slope_weight == NULL) {
        *outside += kernels->round_taps(out, value_rows(frame, at), frame->value_weight,
                                        count, width);
        return true;
    }
    *outside += kernels->round_spline(out, value_rows(frame, at), frame->value_weight,
                                      slope_rows(frame, at), frame->slope_weight, width);
    return true;
}

/* Slopes of how much is there, of the n-th slice that takes part: made with its block
 * when something is padded; else, at the wedges of a tilt, here. */
static const float *share_slope(const struct ivx_frame *frame, int32_t row, size_t at,
                                size_t width, int32_t n)
{
    const struct ivx_engine *engine = frame->engine;
    const float *rows[2 * IVX_REACH + 1];
    const int32_t k = frame->taps.first + n;
    float *made = frame->worker->share_slopes + (size_t)n * engine->grid->count[0];

    if (engine->share_sloped[k % engine->slope_planes])
        return engine->share_slope[k % engine->slope_planes] + at;
    rows_around(engine, k, k + 1, share_row, at, row, rows);
    slopes_of(engine, k, k + 1, rows, &made, width);
    return made;
}

/* The same sum over how much of each plane was there. */
static void sum_shares(const struct ivx_frame *frame, int32_t row_index, size_t at,
                       float *out, size_t width)
{
    const struct ivx_engine *engine = frame->engine;
    const float **row = (const float **)frame->worker->row;

    for (int32_t n = 0; n < frame->taps.count; n++)
        row[n] = share_row(engine, frame->taps.first + n, at, row_index);
    engine->kernels->taps(out, row, frame->value_weight, frame->taps.count, width);
    if (frame->slope_weight == NULL)
        return;

    for (int32_t n = 0; n < frame->taps.count; n++)
        row[n] = share_slope(frame, row_index, at, width, n);
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

static void plain(const struct ivx_frame *frame, size_t at, size_t width)
{
    const bool whole = frame->engine->options->result == IVX_INT16;
    const bool clamp = frame->engine->options->clamp;
    int16_t *to = frame->result;

    while (width > 0) {
        const size_t most = width < IVX_LINE ? width : IVX_LINE;
        if (!whole || clamp || !sum_rounded(frame, at, to + at, most)) {
            sum_values(frame, at, frame->worker->line, most);
            if (clamp)
                limit(frame, frame->worker->line, NULL, most);
            put(frame, at, frame->worker->line, most);
        }
        at += most;
        width -= most;
    }
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
        limit(frame, worker->line + start, worker->share_line + start, (size_t)(to - from));
    worker->background += missing;
    worker->padded += frame->padded ? missing : 0;
    worker->edge -= edge ? missing : 0;
}

static void masked(const struct ivx_frame *frame, int32_t row, size_t at, size_t width)
{
    struct worker *worker = frame->worker;
    const bool rim =
        frame->rim || row < frame->inner_row_from || row >= frame->inner_row_to;
    const int32_t from = sooner(frame->inner_column_from, frame->column_to);
    const int32_t to = later(from, sooner(frame->inner_column_to, frame->column_to));

    sum_values(frame, at, worker->line, width);
    sum_shares(frame, row, at, worker->share_line, width);
    divide(frame, frame->column_from, from, true);
    divide(frame, from, to, rim);
    divide(frame, to, frame->column_to, true);
    put(frame, at, worker->line, width);
}

static void one_row(const struct ivx_frame *frame, int32_t row)
{
    const size_t pitch = (size_t)frame->engine->grid->count[0];
    const size_t start = (size_t)row * pitch;
    const size_t inside = (size_t)(frame->column_to - frame->column_from);

    if (row < frame->row_from || row >= frame->row_to || inside == 0) {
        put(frame, start, NULL, pitch);
        return;
    }
    put(frame, start, NULL, (size_t)frame->column_from);
    if (row >= frame->plain_from && row < frame->plain_to)
        plain(frame, start + frame->column_from, inside);
    else
        masked(frame, row, start + frame->column_from, inside);
    put(frame, start + frame->column_to, NULL, pitch - frame->column_to);
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

static void rows_of(const struct ivx_frame *frame, int32_t from, int32_t to)
{
    const int32_t pitch = frame->engine->grid->count[0];

    const bool whole = frame->column_from == 0 && frame->column_to == pitch;
    const int32_t start = later(from, later(frame->row_from, frame->plain_from));
    const int32_t end = sooner(to, sooner(frame->row_to, frame->plain_to));
    if (!whole || start >= end) {
        for (int32_t row = from; row < to; row++)
            one_row(frame, row);
        return;
    }
    for (int32_t row = from; row < start; row++)
        one_row(frame, row);
    plain(frame, (size_t)start * pitch, (size_t)(end - start) * pitch);
    for (int32_t row = end; row < to; row++)
        one_row(frame, row);
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

static void frame_of(struct ivx_engine *engine, struct worker *worker, int32_t m,
                     struct ivx_frame *frame)
{
    const struct ivx_stack *stack = engine->stack;
    const double u = engine->position[m], last = stack->slices - 1;
    const double half = engine->options->boundary == IVX_BOUNDARY_BACKGROUND ? 0 : 0.5;
    const double across = ivx_knots_shift(&engine->knots, stack->shift_row, u);
    const double down = ivx_knots_shift(&engine->knots, stack->shift_column, u);

    *frame = (struct ivx_frame){ .engine = engine,
                                 .worker = worker,
                                 .taps = engine->z.row[m] };
    frame->result =
        (char *)engine->result + engine->result_pitch * (size_t)(m - engine->next_out);
    frame->outside = !(u >= -half && u <= last + half) || frame->taps.count == 0;
    frame->rim = u < 0 || u > last;
    if (frame->outside)
        return;

    frame->value_weight = ivx_table_values(&engine->z, m);
    frame->slope_weight = engine->z.shape.spline ? ivx_table_slopes(&engine->z, m) : NULL;
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

/* Values [at, end) of a slice, or the rows that begin there. */
static void piece_of(const struct ivx_frame *frame, size_t at, size_t end)
{
    if (frame->outside)
        put(frame, at, NULL, end - at);
    else if (frame->whole)
        plain(frame, at, end - at);
    else
        rows_of(frame, first_row(frame->engine, at), first_row(frame->engine, end));
}

void ivx_engine_through(struct ivx_engine *engine, int n)
{
    const struct band band = band_of(engine, n);
    const int32_t group = engine->group_to - engine->next_out;
    struct worker *worker = &engine->worker[n];

    for (int32_t m = 0; m < group; m++) {
        struct ivx_frame *frame = &worker->frame[m];
        frame_of(engine, worker, engine->next_out + m, frame);
        frame->whole = is_whole(frame);
        if (!frame->outside)
            count_edge(frame, band.row, band.row_end);
    }
    for (size_t at = band.at; at < band.end; at += IVX_LINE) {
        const size_t end = band.end - at < IVX_LINE ? band.end : at + IVX_LINE;
        for (int32_t m = 0; m < group; m++)
            piece_of(&worker->frame[m], at, end);
    }
}
