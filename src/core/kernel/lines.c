/* Prepares a field: lines of it smoothed, made coefficients, and slopes, in blocks of
 * lines side by side, in double precision. Compiled once per instruction set, as loops.c.
 */
#include <string.h>

#include "field.h"
#include "kernel.h"

#define NAMED(name, set) ivx_##name##_##set
#define NAME(name, set) NAMED(name, set)

/* Prototypes for the linker's sake: loops.c has them, too. */
void NAME(field_in_plane, IVX_SET)(struct ivx_field *field,
                                   const struct ivx_prepare *prepare, int32_t k,
                                   double *scratch);
void NAME(field_through, IVX_SET)(struct ivx_field *field,
                                  const struct ivx_prepare *prepare, const float *odd,
                                  int32_t n, int32_t shares, double *scratch);

enum { LANES = IVX_FIELD_LANES };

/* A block of lines: sample s of lane l is x[s * LANES + l]. Samples -LOW ... n + HIGH - 1
 * have room; x points to sample 0. */
struct block {
    double *x, *copy; /* of n samples each; x with margins */
    int32_t n;
    int lanes;
    bool mirror;
};

/* The sample that stands for sample s of the endless line. */
static ptrdiff_t place(const struct block *block, int32_t s)
{
    const int32_t last = block->n - 1;
    if (block->mirror)
        return (ptrdiff_t)ivx_mirror(s, block->n) * LANES;
    return (ptrdiff_t)(s < 0 ? 0 : s > last ? last : s) * LANES;
}

static void smooth(const struct block *block, const struct ivx_prepare *prepare)
{
    const int32_t last = block->n - 1, radius = prepare->radius;
    memcpy(block->copy, block->x, (size_t)block->n * LANES * sizeof *block->x);
    for (int32_t s = 0; s <= last; s++) {
        double sum[LANES] = { 0 };
        for (int32_t m = -radius; m <= radius; m++) {
            const double w = prepare->weight[m + radius];
            const double *in = block->copy + place(block, s + m);
            for (int l = 0; l < LANES; l++)
                sum[l] += w * in[l];
        }
        memcpy(block->x + (ptrdiff_t)s * LANES, sum, sizeof sum);
    }
}

/* Coefficients of the cubic B-spline of a line that goes on for ever with its outermost
 * values (RESAMPLING 2.3), also of the margins: c[-m] = x0 + z^m (c[0] - x0). */
static void spline(const struct block *block)
{
    const double z = IVX_SPLINE_POLE;
    const int32_t last = block->n - 1;
    double *begin = block->x, *end = begin + (ptrdiff_t)last * LANES;
    double first[LANES], final[LANES], c[LANES];
    for (int l = 0; l < LANES; l++) {
        first[l] = begin[l];
        final[l] = end[l];
        c[l] = 6 * first[l] / (1 - z);
    }
    for (double *x = begin; x <= end; x += LANES)
        for (int l = 0; l < LANES; l++)
            x[l] = c[l] = 6 * x[l] + z * c[l];
    for (int l = 0; l < LANES; l++) {
        const double steady = 6 * final[l] / (1 - z);
        end[l] = c[l] = -z * (steady / (1 - z) + (c[l] - steady) / (1 - z * z));
    }
    for (double *x = end - LANES; x >= begin; x -= LANES)
        for (int l = 0; l < LANES; l++)
            x[l] = c[l] = z * (c[l] - x[l]);
    for (int l = 0; l < LANES; l++) {
        double low = begin[l] - first[l], high = end[l] - final[l];
        for (int m = 1; m <= IVX_FIELD_HIGH; m++) {
            low *= z;
            high *= z;
            if (m <= IVX_FIELD_LOW)
                begin[l - m * LANES] = first[l] + low;
            end[l + m * LANES] = final[l] + high;
        }
    }
}

/* The sum over m >= 0 of z^m x[m], or of x[last - m], of a mirrored line: it returns to
 * its start after 2 (n - 1) samples. */
static double mirrored_sum(const double *x, int32_t n, bool from_end)
{
    const double z = IVX_SPLINE_POLE;
    const int32_t period = n > 1 ? 2 * (n - 1) : 1;
    double sum = 0, all = 1;
    for (int32_t m = period - 1; m >= 0; m--) {
        const int32_t at = ivx_mirror(from_end ? n - 1 - m : m, n);
        sum = x[(ptrdiff_t)at * LANES] + z * sum;
        all *= z;
    }
    return sum / (1 - all);
}

/* Coefficients of a mirrored line (Unser 1999, box 2), which are mirrored, too. */
static void mirrored_spline(const struct block *block)
{
    const double z = IVX_SPLINE_POLE;
    const ptrdiff_t last = (ptrdiff_t)(block->n - 1) * LANES;
    for (int l = 0; l < block->lanes; l++) {
        double *x = block->x + l;
        double causal = 6 * mirrored_sum(x, block->n, false), before = causal;
        x[0] = causal;
        for (ptrdiff_t s = LANES; s <= last; s += LANES) {
            before = causal;
            x[s] = causal = 6 * x[s] + z * causal;
        }
        double c = block->n == 1 ? causal * (1 - z) / 6
                                 : z / (z * z - 1) * (causal + z * before);
        x[last] = c;
        for (ptrdiff_t s = last - LANES; s >= 0; s -= LANES)
            x[s] = c = z * (c - x[s]);
    }
}

static void continue_line(const struct block *block)
{
    for (int m = -IVX_FIELD_LOW; m < block->n + IVX_FIELD_HIGH; m++) {
        if (m == 0)
            m = block->n; /* what lies between is there */
        for (int l = 0; l < block->lanes; l++)
            block->x[l + (ptrdiff_t)m * LANES] = block->x[l + place(block, m)];
    }
}

/* Lines of a slice: `sample` floats from sample to sample, `line` from line to line. */
static void load_block(const float *at, size_t sample, size_t line,
                       const struct block *block)
{
    for (int32_t s = 0; s < block->n; s++, at += sample) {
        double *x = block->x + (ptrdiff_t)s * LANES;
        if (block->lanes == LANES && line == 1)
            for (int l = 0; l < LANES; l++)
                x[l] = (double)at[l];
        else
            for (int l = 0; l < LANES; l++)
                x[l] = l < block->lanes ? (double)at[(size_t)l * line] : 0;
    }
}

static void store_block(float *at, size_t sample, size_t line, const double *x, int32_t n,
                        int lanes)
{
    for (int32_t s = 0; s < n; s++, at += sample, x += LANES) {
        if (lanes == LANES && line == 1)
            for (int l = 0; l < LANES; l++)
                at[l] = (float)x[l];
        else
            for (int l = 0; l < lanes; l++)
                at[(size_t)l * line] = (float)x[l];
    }
}

static void in_plane_block(float *at, size_t sample, size_t line,
                           const struct block *block, const struct ivx_prepare *prepare)
{
    load_block(at, sample, line, block);
    if (prepare->radius > 0)
        smooth(block, prepare);
    if (prepare->spline && block->mirror)
        mirrored_spline(block);
    else if (prepare->spline)
        spline(block);
    if (!prepare->spline || block->mirror)
        continue_line(block);
    store_block(at - (ptrdiff_t)(IVX_FIELD_LOW * sample), sample, line,
                block->x - IVX_FIELD_LOW * LANES,
                block->n + IVX_FIELD_LOW + IVX_FIELD_HIGH, block->lanes);
}

static struct block block_of(double *scratch, int32_t n, size_t left, bool mirror)
{
    double *x = scratch + IVX_FIELD_LOW * LANES;
    return (struct block){ x, x + ((size_t)n + IVX_FIELD_HIGH) * LANES, n,
                           left < LANES ? (int)left : LANES, mirror };
}

void NAME(field_in_plane, IVX_SET)(struct ivx_field *field,
                                   const struct ivx_prepare *prepare, int32_t k,
                                   double *scratch)
{
    for (int32_t j = 0; j < field->rows; j += LANES) {
        const struct block block =
            block_of(scratch, field->columns, (size_t)(field->rows - j), field->mirror);
        in_plane_block(ivx_field_row(field, field->value, k, j), 1, field->pitch, &block,
                       &prepare[0]);
    }
    float *corner = ivx_field_row(field, field->value, k, 0) - IVX_FIELD_LOW;
    for (size_t i = 0; i < field->pitch; i += LANES) {
        const struct block block =
            block_of(scratch, field->rows, field->pitch - i, field->mirror);
        in_plane_block(corner + i, field->pitch, 1, &block, &prepare[1]);
    }
}

/* The sum over m >= 0 of z^m (x[m] - x[m + 1]), or from the other end downwards: what the
 * increments of a mirrored line come to before its first sample. */
static double beyond(const struct block *block, const double *x, bool from_end)
{
    const int32_t n = block->n, period = n > 1 ? 2 * (n - 1) : 1;
    double sum = 0, all = 1;
    for (int32_t m = period - 1; m >= 0; m--) {
        const int32_t here = ivx_mirror(from_end ? n - 1 - m : m, n);
        const int32_t next = ivx_mirror(from_end ? n - 2 - m : m + 1, n);
        sum = x[(ptrdiff_t)here * LANES] - x[(ptrdiff_t)next * LANES]
              + IVX_SPLINE_POLE * sum;
        all *= IVX_SPLINE_POLE;
    }
    return sum / (1 - all);
}

/* Slopes of the equidistant spline from both running sums of increments: ADR 2. */
static void even_slopes(const struct block *block)
{
    const double *begin = block->x, *end = begin + (ptrdiff_t)(block->n - 1) * LANES;
    double low[LANES] = { 0 }, high[LANES] = { 0 };
    double *d = block->copy;
    for (int l = 0; block->mirror && l < LANES; l++) {
        low[l] = beyond(block, begin + l, false);
        high[l] = -beyond(block, begin + l, true);
    }
    memcpy(d, low, sizeof low);
    for (const double *x = begin; x < end; x += LANES) {
        d += LANES;
        for (int l = 0; l < LANES; l++)
            d[l] = low[l] = x[l + LANES] - x[l] + IVX_SPLINE_POLE * low[l];
    }
    for (const double *x = end; x >= begin; x -= LANES, d -= LANES) {
        for (int l = 0; x < end && l < LANES; l++)
            high[l] = x[l + LANES] - x[l] + IVX_SPLINE_POLE * high[l];
        for (int l = 0; l < LANES; l++)
            d[l] = IVX_SPLINE_GAIN * (d[l] + high[l]);
    }
}

static void odd_slopes(const struct block *block, const float *odd)
{
    const int32_t last = block->n - 1;
    for (int32_t s = 0; s <= last; s++) {
        const float *w = odd + (size_t)s * 2 * IVX_REACH;
        double *out = block->copy + (ptrdiff_t)s * LANES;
        for (int l = 0; l < LANES; l++)
            out[l] = 0;
        for (int32_t n = 0; n < 2 * IVX_REACH; n++) {
            const int32_t at = s - IVX_REACH + n;
            if (at < 0 || at >= last)
                continue;
            const double *x = block->x + (ptrdiff_t)at * LANES;
            for (int l = 0; l < block->lanes; l++)
                out[l] += (double)w[n] * (x[l + LANES] - x[l]);
        }
    }
}

static void through_block(struct ivx_field *field, size_t at, const struct block *block,
                          const struct ivx_prepare *prepare, const float *odd)
{
    load_block(field->value + at, field->plane, 1, block);
    if (prepare->radius > 0) {
        smooth(block, prepare);
        store_block(field->value + at, field->plane, 1, block->x, block->n, block->lanes);
    }
    if (field->slope == NULL)
        return;
    if (odd != NULL)
        odd_slopes(block, odd);
    else
        even_slopes(block);
    store_block(field->slope + at, field->plane, 1, block->copy, block->n, block->lanes);
}

void NAME(field_through, IVX_SET)(struct ivx_field *field,
                                  const struct ivx_prepare *prepare, const float *odd,
                                  int32_t n, int32_t shares, double *scratch)
{
    if (prepare->radius == 0 && field->slope == NULL)
        return;
    const size_t blocks = (field->plane + LANES - 1) / LANES;
    for (size_t b = (size_t)n; b < blocks; b += (size_t)shares) {
        const struct block block =
            block_of(scratch, field->slices, field->plane - b * LANES, field->mirror);
        through_block(field, b * LANES, &block, prepare, odd);
    }
}
