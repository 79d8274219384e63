#include "engine.h"

#include <string.h>

/* The tables of this slice's own phase; kept while slices share their shift. */
static void tables(const struct ivx_engine *engine, struct worker *worker, int32_t k)
{
    const double across = engine->stack->shift_row[k],
                 down = engine->stack->shift_column[k];

    if (worker->made && worker->shift_row == across && worker->shift_column == down)
        return;
    if (!worker->made || worker->shift_row != across)
        ivx_table_lattice(&worker->x, ivx_engine_base(engine, 0, across),
                          ivx_engine_step(engine, 0));
    if (!worker->made || worker->shift_column != down)
        ivx_table_lattice(&worker->y, ivx_engine_base(engine, 1, down),
                          ivx_engine_step(engine, 1));
    worker->shift_row = across;
    worker->shift_column = down;
    worker->digest = ivx_table_digest(IVX_DIGEST_START, &worker->x);
    worker->digest = ivx_table_digest(worker->digest, &worker->y);
    worker->made = true;
}

static void down_slopes(const struct ivx_engine *engine, struct worker *worker,
                        const struct pixels *in)
{
    if (in->sample == IVX_INT16)
        engine->kernels->slopes_int16(worker->slopes, in->pitch, in->voxel, in->pitch,
                                      in->rows, in->pitch);
    else
        engine->kernels->slopes(worker->slopes, in->pitch, in->voxel, in->pitch, in->rows,
                                in->pitch);
    if (worker->y.shape.mirror)
        ivx_mirror_slopes(worker->slopes, in);
}

/* One row of the result's lattice, still with the source's columns. */
static void down(const struct ivx_engine *engine, struct worker *worker,
                 const struct pixels *in, int32_t j, float *out)
{
    const struct ivx_table *table = &worker->y;
    const struct ivx_taps taps = table->row[j];
    const float *w = ivx_table_values(table, j);

    if (taps.count == 0) {
        memset(out, 0, in->pitch * sizeof *out);
        return;
    }
    const size_t size = in->sample == IVX_INT16 ? sizeof(int16_t) : sizeof(float);
    for (int32_t n = 0; n < taps.count; n++)
        worker->row[n] =
            (const char *)in->voxel + (size_t)(taps.first + n) * in->pitch * size;
    if (in->sample == IVX_INT16)
        engine->kernels->taps_int16(out, (const int16_t *const *)worker->row, w,
                                    taps.count, in->pitch);
    else
        engine->kernels->taps(out, (const float *const *)worker->row, w, taps.count,
                              in->pitch);
    if (!table->shape.spline)
        return;

    for (int32_t n = 0; n < taps.count; n++)
        worker->row[n] = worker->slopes + (size_t)(taps.first + n) * in->pitch;
    engine->kernels->add_taps(out, (const float *const *)worker->row,
                              ivx_table_slopes(table, j), taps.count, in->pitch);
}

/* IVX_LANES rows at a time through the x pass, where a row is a lane. */
static void across(const struct ivx_engine *engine, struct worker *worker, size_t width,
                   float *out, int32_t rows)
{
    const struct ivx_kernels *kernels = engine->kernels;
    const size_t pitch = (size_t)engine->grid->count[0];

    kernels->to_lanes(worker->lanes, worker->block, width, width);
    if (worker->x.shape.spline)
        kernels->slopes(worker->lane_slopes, IVX_LANES, worker->lanes, IVX_LANES,
                        worker->x.samples, IVX_LANES);
    if (worker->x.shape.spline && worker->x.shape.mirror)
        ivx_mirror_slopes(worker->lane_slopes, &(struct pixels){ IVX_FLOAT32, worker->lanes,
                                                                 IVX_LANES, (int32_t)width });
    kernels->across(worker->lane_out, worker->lanes, worker->lane_slopes, &worker->x);
    if (rows == IVX_LANES) {
        kernels->from_lanes(out, pitch, worker->lane_out, pitch);
        return;
    }
    /* The last rows of a plane: the other lanes have no place there. */
    for (int32_t r = 0; r < rows; r++)
        for (size_t i = 0; i < pitch; i++)
            out[(size_t)r * pitch + i] = worker->lane_out[i * IVX_LANES + r];
}

static void channel(const struct ivx_engine *engine, struct worker *worker,
                    const struct pixels *in, float *out)
{
    const int32_t height = engine->grid->count[1];

    if (worker->y.shape.spline)
        down_slopes(engine, worker, in);
    for (int32_t j = 0; j < height; j += IVX_LANES) {
        const int32_t rows = height - j < IVX_LANES ? height - j : IVX_LANES;
        for (int32_t r = 0; r < rows; r++)
            down(engine, worker, in, j + r, worker->block + (size_t)r * in->pitch);
        across(engine, worker, in->pitch, out + (size_t)j * engine->grid->count[0], rows);
    }
}

/* Padding becomes 0 in both channels: values that are there, and whether they are. */
static void take_apart(const struct ivx_engine *engine, struct worker *worker,
                       const struct ivx_slice *slice)
{
    const int16_t *whole = slice->voxel;
    const float *real = slice->voxel;

    for (size_t p = 0; p < engine->in_plane; p++) {
        const float value = slice->sample == IVX_INT16 ? (float)whole[p] : real[p];
        const bool there =
            (slice->missing == NULL || slice->missing[p] == 0) && value - value == 0;
        worker->clean[p] = there ? value : 0;
        worker->share[p] = there ? 1 : 0;
    }
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

void ivx_engine_in_plane(struct ivx_engine *engine, struct worker *worker,
                         const struct ivx_slice *slice, bool masked, int32_t k)
{
    struct plane *plane = ivx_engine_plane(engine, k);
    struct pixels in = { slice->sample, slice->voxel, (size_t)engine->stack->columns,
                         engine->stack->rows };

    tables(engine, worker, k);
    ranges(engine, plane, k);
    engine->digest[k] = worker->digest;
    plane->masked = masked;
    if (!masked) {
        channel(engine, worker, &in, plane->value);
        return;
    }
    take_apart(engine, worker, slice);
    in.sample = IVX_FLOAT32;
    in.voxel = worker->clean;
    channel(engine, worker, &in, plane->value);
    in.voxel = worker->share;
    channel(engine, worker, &in, plane->share);
}
