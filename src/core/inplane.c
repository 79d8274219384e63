#include "engine.h"

#include <string.h>

#include "kernel/mode.h"

/* The tables of this slice's own phase; kept while slices share their shift. */
static void tables(struct ivx_engine *engine, int32_t k)
{
    const double across = engine->stack->shift_row[k],
                 down = engine->stack->shift_column[k];

    if (engine->tables_made && engine->shift_row == across
        && engine->shift_column == down)
        return;
    if (!engine->tables_made || engine->shift_row != across)
        ivx_table_lattice(&engine->x, ivx_engine_base(engine, 0, across),
                          ivx_engine_step(engine, 0));
    if (!engine->tables_made || engine->shift_column != down)
        ivx_table_lattice(&engine->y, ivx_engine_base(engine, 1, down),
                          ivx_engine_step(engine, 1));
    engine->shift_row = across;
    engine->shift_column = down;
    engine->tables_digest = ivx_table_digest(IVX_DIGEST_START, &engine->x);
    engine->tables_digest = ivx_table_digest(engine->tables_digest, &engine->y);
    engine->tables_made = true;
}

static void ranges(const struct ivx_engine *engine, struct plane *plane, int32_t k)
{
    ivx_engine_range(engine, 0, engine->stack->shift_row[k], 0.5, &plane->column_from,
                     &plane->column_to);
    ivx_engine_range(engine, 1, engine->stack->shift_column[k], 0.5, &plane->row_from,
                     &plane->row_to);
    for (int32_t i = 0; plane->columns != NULL && i < engine->grid->count[0]; i++)
        plane->columns[i] = i >= plane->column_from && i < plane->column_to;
}

static size_t sample_size(const struct pixels *in)
{
    return in->sample == IVX_INT16 ? sizeof(int16_t) : sizeof(float);
}

/* Share n of `whole`, in steps of IVX_LANES. */
static size_t share_from(const struct ivx_engine *engine, size_t whole, int n)
{
    const size_t steps = (whole + IVX_LANES - 1) / IVX_LANES;
    const size_t from = steps * (size_t)n / (size_t)engine->crew * IVX_LANES;
    return from < whole ? from : whole;
}

/* Padding becomes 0 in both channels: values that are there, and whether they are. */
static void apart_task(void *argument, int n)
{
    const struct ivx_engine *engine = argument;
    const struct ivx_slice *slice = &engine->slice;
    const int16_t *whole = slice->voxel;
    const float *real = slice->voxel;
    const size_t end = share_from(engine, engine->in_plane, n + 1);

    for (size_t p = share_from(engine, engine->in_plane, n); p < end; p++) {
        const float value = slice->sample == IVX_INT16 ? (float)whole[p] : real[p];
        const bool there =
            (slice->missing == NULL || slice->missing[p] == 0) && value - value == 0;
        engine->clean[p] = there ? value : 0;
        engine->there[p] = there ? 1 : 0;
    }
}

/* The sums run down whole columns: each task has some of these. */
static void slopes_task(void *argument, int n)
{
    const struct ivx_engine *engine = argument;
    const size_t from = share_from(engine, (size_t)engine->stack->columns, n);
    const size_t end = share_from(engine, (size_t)engine->stack->columns, n + 1);
    const uint64_t before = ivx_mode_enter();

    for (int c = 0; c < engine->channels; c++) {
        float *out = engine->channel[c].slopes + from;
        struct pixels in = engine->channel[c].in;
        in.width = end - from;
        in.voxel = (const char *)in.voxel + from * sample_size(&in);
        if (in.sample == IVX_INT16)
            engine->kernels->slopes_int16(out, in.pitch, in.voxel, in.pitch, in.rows,
                                          in.width);
        else
            engine->kernels->slopes(out, in.pitch, in.voxel, in.pitch, in.rows, in.width);
        if (engine->y.shape.mirror)
            ivx_mirror_slopes(out, &in);
    }
    ivx_mode_leave(before);
}

void ivx_engine_take(struct ivx_engine *engine, int32_t k, bool masked)
{
    struct plane *plane = ivx_engine_plane(engine, k);
    const size_t columns = (size_t)engine->stack->columns;
    const struct pixels in = { engine->slice.sample, engine->slice.voxel, columns,
                               columns, engine->stack->rows };
    const uint64_t before = ivx_mode_enter();

    tables(engine, k);
    ranges(engine, plane, k);
    ivx_mode_leave(before);
    engine->digest[k] = engine->tables_digest;
    plane->masked = masked;
    engine->channels = masked ? 2 : 1;
    for (int c = 0; c < engine->channels; c++) {
        engine->channel[c].in = in;
        engine->channel[c].to = c == 0 ? &engine->value : &engine->share;
        if (!masked)
            continue;
        engine->channel[c].in.sample = IVX_FLOAT32;
        engine->channel[c].in.voxel = c == 0 ? engine->clean : engine->there;
    }
    if (masked)
        ivx_engine_run(engine, apart_task);
    if (engine->y.shape.spline)
        ivx_engine_run(engine, slopes_task);
}

/* One row of the result's lattice, still with the source's columns. */
static void down(const struct ivx_engine *engine, struct worker *worker,
                 const struct channel *channel, int32_t j, float *out)
{
    const struct pixels *in = &channel->in;
    const struct ivx_table *table = &engine->y;
    const struct ivx_taps taps = table->row[j];
    const float *w = ivx_table_values(table, j);
    const size_t size = sample_size(in);

    if (taps.count == 0) {
        memset(out, 0, in->width * sizeof *out);
        return;
    }
    for (int32_t n = 0; n < taps.count; n++)
        worker->row[n] =
            (const char *)in->voxel + (size_t)(taps.first + n) * in->pitch * size;
    if (in->sample == IVX_INT16)
        engine->kernels->taps_int16(out, (const int16_t *const *)worker->row, w,
                                    taps.count, in->width);
    else
        engine->kernels->taps(out, (const float *const *)worker->row, w, taps.count,
                              in->width);
    if (!table->shape.spline)
        return;

    for (int32_t n = 0; n < taps.count; n++)
        worker->row[n] = channel->slopes + (size_t)(taps.first + n) * in->pitch;
    engine->kernels->add_taps(out, (const float *const *)worker->row,
                              ivx_table_slopes(table, j), taps.count, in->width);
}

/* IVX_LANES rows at a time through the x pass, where a row is a lane. */
static void across(const struct ivx_engine *engine, struct worker *worker, float *out,
                   int32_t rows)
{
    const struct ivx_kernels *kernels = engine->kernels;
    const size_t columns = (size_t)engine->stack->columns;
    const size_t width = (size_t)engine->grid->count[0];

    kernels->to_lanes(worker->lanes, worker->block, columns, columns);
    if (engine->x.shape.spline)
        kernels->slopes(worker->lane_slopes, IVX_LANES, worker->lanes, IVX_LANES,
                        engine->x.samples, IVX_LANES);
    if (engine->x.shape.spline && engine->x.shape.mirror)
        ivx_mirror_slopes(worker->lane_slopes,
                          &(struct pixels){ IVX_FLOAT32, worker->lanes, IVX_LANES,
                                            IVX_LANES, (int32_t)columns });
    kernels->across(worker->lane_out, worker->lanes, worker->lane_slopes, &engine->x);
    if (rows == IVX_LANES) {
        kernels->from_lanes(out, width, worker->lane_out, width);
        return;
    }
    /* The last rows of a plane: the other lanes have no place there. */
    for (int32_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            out[(size_t)r * width + i] = worker->lane_out[i * IVX_LANES + r];
}

void ivx_engine_in_plane(struct ivx_engine *engine, int n)
{
    struct worker *worker = &engine->worker[n];
    const int32_t k = engine->next_in;

    for (int c = 0; c < engine->channels; c++) {
        const struct channel *channel = &engine->channel[c];
        float *out = ivx_ring_plane(channel->to, k);
        for (int32_t j = worker->row_from; j < worker->row_to; j += IVX_LANES) {
            const int32_t left = worker->row_to - j;
            const int32_t rows = left < IVX_LANES ? left : IVX_LANES;
            for (int32_t r = 0; r < rows; r++)
                down(engine, worker, channel, j + r,
                     worker->block + (size_t)r * engine->stack->columns);
            across(engine, worker, out + (size_t)j * engine->grid->count[0], rows);
        }
    }
}
