#include "field.h"

#include <string.h>

#include "room.h"

/* Lines are handled in blocks of this many, side by side, in double precision. */
enum { LANES = 16 };

size_t ivx_field_bytes(int32_t columns, int32_t rows, int32_t slices, bool slopes)
{
    const size_t margin = IVX_FIELD_LOW + IVX_FIELD_HIGH;
    size_t bytes = slopes ? 2 * sizeof(float) : sizeof(float);
    if (__builtin_mul_overflow(bytes, (size_t)columns + margin, &bytes)
        || __builtin_mul_overflow(bytes, (size_t)rows + margin, &bytes)
        || __builtin_mul_overflow(bytes, (size_t)slices, &bytes))
        return SIZE_MAX;
    return bytes;
}

bool ivx_field_new(struct ivx_workspace *workspace, const struct ivx_field *like, bool slopes,
                   struct ivx_field *out, struct ivx_err *err)
{
    const size_t margin = IVX_FIELD_LOW + IVX_FIELD_HIGH;
    const size_t bytes = ivx_field_bytes(like->columns, like->rows, like->slices, false);
    struct ivx_field made = *like;
    made.pitch = (size_t)like->columns + margin;
    made.plane = made.pitch * ((size_t)like->rows + margin);
    made.value = made.slope = NULL;
    if (bytes != SIZE_MAX) {
        made.value = ivx_room(workspace, 1, bytes);
        made.slope = slopes ? ivx_room(workspace, 1, bytes) : NULL;
    }
    if (made.value == NULL || (slopes && made.slope == NULL))
        return ivx_fail(err, IVX_FULL, "gather: no memory for %d x %d x %d voxels",
                        like->columns, like->rows, like->slices);
    *out = made;
    return true;
}

bool ivx_prepare_make(struct ivx_workspace *workspace, const struct ivx_shape *shape,
                      struct ivx_prepare *out, struct ivx_err *err)
{
    const bool gauss = shape->sigma > 0;
    const double reach = ivx_kernel_radius(shape->kernel) * shape->stretch;
    const int32_t radius = gauss ? ivx_gauss_reach(shape->sigma) : -ivx_floor(-reach) - 1;
    *out = (struct ivx_prepare){ NULL, 0, false };
    if (radius == 0 || !(gauss || shape->stretch > 1))
        return true;
    out->weight = ivx_room(workspace, 2 * (size_t)radius + 1, sizeof *out->weight);
    if (out->weight == NULL)
        return ivx_fail(err, IVX_FULL, "gather: no memory for %d weights", 2 * radius + 1);
    out->radius = radius;
    if (gauss) {
        ivx_gauss_weights(shape->sigma, out->weight + radius);
        for (int32_t n = 1; n <= radius; n++)
            out->weight[radius - n] = out->weight[radius + n];
        return true;
    }
    double sum = 0;
    for (int32_t n = -radius; n <= radius; n++)
        sum += out->weight[n + radius] = ivx_kernel_at(shape->kernel, n / shape->stretch);
    for (int32_t n = 0; n <= 2 * radius; n++)
        out->weight[n] /= sum;
    return true;
}

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
        double *out = block->x + (ptrdiff_t)s * LANES;
        for (int l = 0; l < LANES; l++)
            out[l] = 0;
        for (int32_t m = -radius; m <= radius; m++) {
            const double w = prepare->weight[m + radius];
            const double *in = block->copy + place(block, s + m);
            for (int l = 0; l < LANES; l++)
                out[l] += w * in[l];
        }
    }
}

/* Coefficients of the cubic B-spline of a line that goes on for ever with its outermost
 * values (RESAMPLING 2.3), also of the margins: c[-m] = x0 + z^m (c[0] - x0). */
static void spline(const struct block *block)
{
    const double z = IVX_SPLINE_POLE;
    const int32_t last = block->n - 1;
    for (int l = 0; l < block->lanes; l++) {
        double *x = block->x + l;
        const double first = x[0], end = x[(ptrdiff_t)last * LANES];
        const double steady = 6 * end / (1 - z);
        double causal = 6 * first / (1 - z);
        for (int32_t s = 0; s <= last; s++) {
            causal = 6 * x[(ptrdiff_t)s * LANES] + z * causal;
            x[(ptrdiff_t)s * LANES] = causal;
        }
        double c = -z * (steady / (1 - z) + (causal - steady) / (1 - z * z));
        x[(ptrdiff_t)last * LANES] = c;
        for (int32_t s = last - 1; s >= 0; s--) {
            c = z * (c - x[(ptrdiff_t)s * LANES]);
            x[(ptrdiff_t)s * LANES] = c;
        }
        double low = x[0] - first, high = x[(ptrdiff_t)last * LANES] - end;
        for (int m = 1; m <= IVX_FIELD_HIGH; m++) {
            low *= z;
            high *= z;
            if (m <= IVX_FIELD_LOW)
                x[-m * LANES] = first + low;
            x[(ptrdiff_t)(last + m) * LANES] = end + high;
        }
    }
}

/* The sum over m >= 0 of z^m x[m], or of x[last - m], of a mirrored line: it returns to its
 * start after 2 (n - 1) samples. */
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
static void in_plane_block(float *at, size_t sample, size_t line, const struct block *block,
                           const struct ivx_prepare *prepare)
{
    for (int32_t s = 0; s < block->n; s++)
        for (int l = 0; l < LANES; l++)
            block->x[(ptrdiff_t)s * LANES + l] =
                l < block->lanes ? (double)at[(size_t)s * sample + (size_t)l * line] : 0;
    if (prepare->radius > 0)
        smooth(block, prepare);
    if (prepare->spline && block->mirror)
        mirrored_spline(block);
    else if (prepare->spline)
        spline(block);
    if (!prepare->spline || block->mirror)
        continue_line(block);
    for (int32_t s = -IVX_FIELD_LOW; s < block->n + IVX_FIELD_HIGH; s++)
        for (int l = 0; l < block->lanes; l++)
            at[(ptrdiff_t)s * (ptrdiff_t)sample + (ptrdiff_t)l * (ptrdiff_t)line] =
                (float)block->x[(ptrdiff_t)s * LANES + l];
}

size_t ivx_field_scratch(const struct ivx_field *field)
{
    int32_t most = field->columns > field->rows ? field->columns : field->rows;
    most = most > field->slices ? most : field->slices;
    return 2 * LANES * ((size_t)most + IVX_FIELD_LOW + IVX_FIELD_HIGH);
}

static struct block block_of(double *scratch, int32_t n, size_t left, bool mirror)
{
    double *x = scratch + IVX_FIELD_LOW * LANES;
    return (struct block){ x, x + ((size_t)n + IVX_FIELD_HIGH) * LANES, n,
                           left < LANES ? (int)left : LANES, mirror };
}

void ivx_field_in_plane(struct ivx_field *field, const struct ivx_prepare prepare[2],
                        int32_t k, double *scratch)
{
    for (int32_t j = 0; j < field->rows; j += LANES) {
        const struct block block = block_of(scratch, field->columns,
                                            (size_t)(field->rows - j), field->mirror);
        in_plane_block(ivx_field_row(field, field->value, k, j), 1, field->pitch, &block,
                       &prepare[0]);
    }
    float *corner = ivx_field_row(field, field->value, k, 0) - IVX_FIELD_LOW;
    for (size_t i = 0; i < field->pitch; i += LANES) {
        const struct block block = block_of(scratch, field->rows, field->pitch - i, field->mirror);
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
        sum = x[(ptrdiff_t)here * LANES] - x[(ptrdiff_t)next * LANES] + IVX_SPLINE_POLE * sum;
        all *= IVX_SPLINE_POLE;
    }
    return sum / (1 - all);
}

/* Slopes of the equidistant spline from both running sums of increments: ADR 2. */
static void even_slopes(const struct block *block)
{
    const int32_t last = block->n - 1;
    for (int l = 0; l < block->lanes; l++) {
        const double *x = block->x + l;
        double *d = block->copy + l, sum = block->mirror ? beyond(block, x, false) : 0;
        d[0] = sum;
        for (int32_t s = 1; s <= last; s++) {
            const ptrdiff_t at = (ptrdiff_t)s * LANES;
            d[at] = sum = x[at] - x[at - LANES] + IVX_SPLINE_POLE * sum;
        }
        sum = block->mirror ? -beyond(block, x, true) : 0;
        for (int32_t s = last; s >= 0; s--) {
            const ptrdiff_t at = (ptrdiff_t)s * LANES;
            if (s < last)
                sum = x[at + LANES] - x[at] + IVX_SPLINE_POLE * sum;
            d[at] = IVX_SPLINE_GAIN * (d[at] + sum);
        }
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
    for (int32_t s = 0; s < block->n; s++)
        for (int l = 0; l < LANES; l++)
            block->x[(ptrdiff_t)s * LANES + l] =
                l < block->lanes ? (double)field->value[(size_t)s * field->plane + at + (size_t)l]
                                 : 0;
    if (prepare->radius > 0)
        smooth(block, prepare);
    for (int32_t s = 0; prepare->radius > 0 && s < block->n; s++)
        for (int l = 0; l < block->lanes; l++)
            field->value[(size_t)s * field->plane + at + (size_t)l] =
                (float)block->x[(ptrdiff_t)s * LANES + l];
    if (field->slope == NULL)
        return;
    if (odd != NULL)
        odd_slopes(block, odd);
    else
        even_slopes(block);
    for (int32_t s = 0; s < block->n; s++)
        for (int l = 0; l < block->lanes; l++)
            field->slope[(size_t)s * field->plane + at + (size_t)l] =
                (float)block->copy[(ptrdiff_t)s * LANES + l];
}

void ivx_field_through(struct ivx_field *field, const struct ivx_prepare *prepare,
                       const float *odd, int32_t n, int32_t shares, double *scratch)
{
    if (prepare->radius == 0 && field->slope == NULL)
        return;
    const size_t blocks = (field->plane + LANES - 1) / LANES;
    for (size_t b = (size_t)n; b < blocks; b += (size_t)shares) {
        const struct block block = block_of(scratch, field->slices,
                                            field->plane - b * LANES, field->mirror);
        through_block(field, b * LANES, &block, prepare, odd);
    }
}
