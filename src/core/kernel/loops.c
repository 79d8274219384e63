/* Plain C with GNU vectors, compiled once per instruction set: -DIVX_SET=base, avx2,
 * avx512. Vector and tail loops do the same additions in the same order. */
#include "kernel.h"

#include <string.h>

#include "vector.h"

#define NAME_OF(set) #set
#define NAME(set) NAME_OF(set)
#define TABLE_OF(set) ivx_kernels_##set
#define OTHER_OF(name, set) ivx_##name##_##set
#define OTHER(name, set) OTHER_OF(name, set)
#define TABLE(set) TABLE_OF(set)

/* What is worked on at a time where the sum of many rows must stay in registers. */
enum { BLOCK = 4 * IVX_VECTOR };

/* The one order of additions: from both ends inwards, a middle term last. `at` yields
 * what stands at x of row n: a vector, or one value. */
#define SUM(type, at)                                                                    \
    type sum = w[0] * at(0);                                                             \
    if (count > 1)                                                                       \
        sum = sum + w[count - 1] * at(count - 1);                                        \
    for (int32_t n = 1; n < count / 2; n++)                                              \
        sum = sum + (w[n] * at(n) + w[count - 1 - n] * at(count - 1 - n));               \
    if (count % 2 && count > 1)                                                          \
        sum = sum + w[count / 2] * at(count / 2);                                        \
    return sum;

#define VECTOR_AT(n) ivx_load(row[n] + x)
#define INTS_AT(n) ivx_load_int16((const int16_t *)row[n] + x)
#define ONE_AT(n) row[n][x]
#define INT_AT(n) ((float)((const int16_t *)row[n])[x])

IVX_INLINE ivx_vector sum_at(const float *const *row, const float *w, int32_t count,
                             size_t x){ SUM(ivx_vector, VECTOR_AT) }

IVX_INLINE float sum_one(const float *const *row, const float *w, int32_t count,
                         size_t x){ SUM(float, ONE_AT) }

IVX_INLINE ivx_vector sum_ints_at(const int16_t *const *row, const float *w,
                                  int32_t count, size_t x){ SUM(ivx_vector, INTS_AT) }

IVX_INLINE
    float sum_ints_one(const int16_t *const *row, const float *w, int32_t count, size_t x)
{
    SUM(float, INT_AT)
}

/* The usual counts are compiled apart, with rows and weights in registers. */
enum { USUAL = 6 };
#define KEEP(type)                                                                       \
    const type *kept[USUAL];                                                             \
    float kept_w[USUAL];                                                                 \
    for (int32_t n = 0; count <= USUAL && n < count; n++) {                              \
        kept[n] = rows[n];                                                               \
        kept_w[n] = weights[n];                                                          \
    }                                                                                    \
    const type *const *row = count <= USUAL ? kept : rows;                               \
    const float *w = count <= USUAL ? kept_w : weights;

/* Four vectors of any number of taps: rows and weights are looked up once for all. */
#define FOUR(name, type, load)                                                           \
    IVX_INLINE void name(ivx_vector sum[4], const type *const *row, const float *w,      \
                         int32_t count, size_t x)                                        \
    {                                                                                    \
        const int32_t end = count - 1;                                                   \
        for (size_t v = 0; v < 4; v++)                                                   \
            sum[v] = w[0] * load(row[0] + x + v * IVX_VECTOR)                            \
                     + w[end] * load(row[end] + x + v * IVX_VECTOR);                     \
        for (int32_t n = 1; n < count / 2; n++)                                          \
            for (size_t v = 0; v < 4; v++)                                               \
                sum[v] = sum[v]                                                          \
                         + (w[n] * load(row[n] + x + v * IVX_VECTOR)                     \
                            + w[end - n] * load(row[end - n] + x + v * IVX_VECTOR));     \
        for (size_t v = 0; count % 2 && v < 4; v++)                                      \
            sum[v] = sum[v] + w[count / 2] * load(row[count / 2] + x + v * IVX_VECTOR);  \
    }

FOUR(four_sums, float, ivx_load)
FOUR(four_int_sums, int16_t, ivx_load_int16)

#define TAPS(name, type, four, many, one, add)                                           \
    IVX_INLINE void name##_of(float *restrict out, const type *const *rows,              \
                              const float *weights, const int32_t count, size_t width)   \
    {                                                                                    \
        KEEP(type)                                                                       \
        size_t x = 0;                                                                    \
        for (; count > USUAL && x + BLOCK <= width; x += BLOCK) {                        \
            ivx_vector sum[4];                                                           \
            four(sum, row, w, count, x);                                                 \
            for (size_t v = 0; v < 4; v++)                                               \
                ivx_store(out + x + v * IVX_VECTOR,                                      \
                          add ? ivx_load(out + x + v * IVX_VECTOR) + sum[v] : sum[v]);   \
        }                                                                                \
        for (; x + IVX_VECTOR <= width; x += IVX_VECTOR) {                               \
            const ivx_vector sum = many(row, w, count, x);                               \
            ivx_store(out + x, add ? ivx_load(out + x) + sum : sum);                     \
        }                                                                                \
        if (!add && x < width && width >= IVX_VECTOR) {                                  \
            x = width - IVX_VECTOR;                                                      \
            ivx_store(out + x, many(row, w, count, x));                                  \
            return;                                                                      \
        }                                                                                \
        for (; x < width; x++) {                                                         \
            const float sum = one(row, w, count, x);                                     \
            out[x] = add ? out[x] + sum : sum;                                           \
        }                                                                                \
    }                                                                                    \
    static void name(float *restrict out, const type *const *row, const float *w,        \
                     int32_t count, size_t width)                                        \
    {                                                                                    \
        switch (count) {                                                                 \
        case 1:                                                                          \
            return name##_of(out, row, w, 1, width);                                     \
        case 2:                                                                          \
            return name##_of(out, row, w, 2, width);                                     \
        case 4:                                                                          \
            return name##_of(out, row, w, 4, width);                                     \
        case 6:                                                                          \
            return name##_of(out, row, w, 6, width);                                     \
        default:                                                                         \
            return name##_of(out, row, w, count, width);                                 \
        }                                                                                \
    }

TAPS(taps, float, four_sums, sum_at, sum_one, false)
TAPS(taps_int16, int16_t, four_int_sums, sum_ints_at, sum_ints_one, false)
TAPS(add_taps, float, four_sums, sum_at, sum_one, true)

/* Sums of increments that fade by the pole, upwards and downwards: the replicated edge
 * has no increments beyond it, so both start at 0. */
#define SLOPES(name, type)                                                               \
    IVX_INLINE void name##_block(float *restrict out, size_t out_pitch, const type *in,  \
                                 size_t pitch, int32_t rows, size_t most)                \
    {                                                                                    \
        const float pole = (float)IVX_SPLINE_POLE, gain = (float)IVX_SPLINE_GAIN;        \
        float sum[BLOCK] = { 0 };                                                        \
        for (int32_t k = rows - 1; k >= 0; k--) {                                        \
            const type *here = in + (size_t)k * pitch;                                   \
            const type *next = k < rows - 1 ? here + pitch : here;                       \
            float *to = out + (size_t)k * out_pitch;                                     \
            for (size_t c = 0; c < most; c++) {                                          \
                sum[c] = ((float)next[c] - (float)here[c]) + pole * sum[c];              \
                to[c] = sum[c];                                                          \
            }                                                                            \
        }                                                                                \
        memset(sum, 0, sizeof sum);                                                      \
        for (int32_t k = 0; k < rows; k++) {                                             \
            const type *here = in + (size_t)k * pitch;                                   \
            const type *last = k > 0 ? here - pitch : here;                              \
            float *to = out + (size_t)k * out_pitch;                                     \
            for (size_t c = 0; c < most; c++) {                                          \
                sum[c] = ((float)here[c] - (float)last[c]) + pole * sum[c];              \
                to[c] = gain * (sum[c] + to[c]);                                         \
            }                                                                            \
        }                                                                                \
    }                                                                                    \
    static void name(float *restrict out, size_t out_pitch, const type *in,              \
                     size_t pitch, int32_t rows, size_t width)                           \
    {                                                                                    \
        size_t x = 0;                                                                    \
        for (; x + BLOCK <= width; x += BLOCK)                                           \
            name##_block(out + x, out_pitch, in + x, pitch, rows, BLOCK);                \
        for (; x + IVX_LANES <= width; x += IVX_LANES)                                   \
            name##_block(out + x, out_pitch, in + x, pitch, rows, IVX_LANES);            \
        if (x < width)                                                                   \
            name##_block(out + x, out_pitch, in + x, pitch, rows, width - x);            \
    }

SLOPES(slopes, float)
SLOPES(slopes_int16, int16_t)

/* More rows than the processor follows by itself: ask for what comes next in this one. */
IVX_INLINE void fetch(const float *at)
{
    for (size_t c = 0; c < BLOCK; c += 16)
        __builtin_prefetch(at + c);
}

/* The same down a stack of rows that lie apart: rows[0] stands IVX_REACH before out[0].
 */
IVX_INLINE void slope_columns(float *const *out, const float *const *rows, int32_t count,
                              size_t x, const size_t most)
{
    const float pole = (float)IVX_SPLINE_POLE, gain = (float)IVX_SPLINE_GAIN;
    float sum[BLOCK] = { 0 };
    for (int32_t r = count + 2 * IVX_REACH - 2; r >= IVX_REACH; r--) {
        const float *here = rows[r] + x, *next = rows[r + 1] + x;
        for (size_t c = 0; c < most; c++)
            sum[c] = (next[c] - here[c]) + pole * sum[c];
        if (r < count + IVX_REACH)
            memcpy(out[r - IVX_REACH] + x, sum, most * sizeof *sum);
    }
    memset(sum, 0, sizeof sum);
    for (int32_t r = 1; r < count + IVX_REACH; r++) {
        const float *here = rows[r] + x, *last = rows[r - 1] + x;
        float *to = r < IVX_REACH ? NULL : out[r - IVX_REACH] + x;
        for (size_t c = 0; c < most; c++)
            sum[c] = (here[c] - last[c]) + pole * sum[c];
        for (size_t c = 0; to != NULL && c < most; c++)
            to[c] = gain * (sum[c] + to[c]);
    }
}

/* Four vectors of it: sums and the last row stay in registers. */
IVX_INLINE void slope_block(float *const *out, const float *const *rows, int32_t count,
                            size_t x)
{
    const float pole = (float)IVX_SPLINE_POLE, gain = (float)IVX_SPLINE_GAIN;
    ivx_vector sum[4] = { 0 }, last[4];
    for (size_t v = 0; v < 4; v++)
        last[v] = ivx_load(rows[count + 2 * IVX_REACH - 1] + x + v * IVX_VECTOR);
    for (int32_t r = count + 2 * IVX_REACH - 2; r >= IVX_REACH; r--) {
        const float *at = rows[r] + x;
        float *to = r < count + IVX_REACH ? out[r - IVX_REACH] + x : NULL;
        fetch(at + BLOCK);
        for (size_t v = 0; v < 4; v++) {
            const ivx_vector here = ivx_load(at + v * IVX_VECTOR);
            sum[v] = (last[v] - here) + pole * sum[v];
            last[v] = here;
        }
        for (size_t v = 0; to != NULL && v < 4; v++)
            ivx_store(to + v * IVX_VECTOR, sum[v]);
    }
    for (size_t v = 0; v < 4; v++) {
        last[v] = ivx_load(rows[0] + x + v * IVX_VECTOR);
        sum[v] = (ivx_vector){ 0 };
    }
    for (int32_t r = 1; r < count + IVX_REACH; r++) {
        const float *at = rows[r] + x;
        float *to = r < IVX_REACH ? NULL : out[r - IVX_REACH] + x;
        if (to == NULL)
            fetch(at + BLOCK);
        for (size_t v = 0; v < 4; v++) {
            const ivx_vector here = ivx_load(at + v * IVX_VECTOR);
            sum[v] = (here - last[v]) + pole * sum[v];
            last[v] = here;
        }
        for (size_t v = 0; to != NULL && v < 4; v++)
            ivx_store(to + v * IVX_VECTOR,
                      gain * (sum[v] + ivx_load(to + v * IVX_VECTOR)));
    }
}

static void slope_even(float *const *out, const float *const *rows, int32_t count,
                       size_t width)
{
    size_t x = 0;
    for (; x + BLOCK <= width; x += BLOCK)
        slope_block(out, rows, count, x);
    if (x < width && width >= BLOCK)
        slope_block(out, rows, count, width - BLOCK);
    else if (x < width)
        slope_columns(out, rows, count, x, width - x);
}

static void slope_odd(float *restrict out, const float *const *row, const float *w,
                      size_t width)
{
    enum { LAST = 2 * IVX_REACH - 1 };
    for (size_t x = 0; x < width; x++)
        out[x] = 0;
    for (int32_t n = 0; n < IVX_REACH; n++) {
        const float *a = row[n], *b = row[n + 1];
        const float *c = row[LAST - n], *d = row[LAST - n + 1];
        for (size_t x = 0; x < width; x++)
            out[x] = out[x] + (w[n] * (b[x] - a[x]) + w[LAST - n] * (d[x] - c[x]));
    }
}

static void to_lanes(float *restrict lanes, const float *rows, size_t pitch, size_t width)
{
    size_t x = 0;
    for (; x + IVX_TILE <= width; x += IVX_TILE)
        for (size_t l = 0; l < IVX_LANES; l += IVX_TILE)
            ivx_transpose(lanes + x * IVX_LANES + l, IVX_LANES, rows + l * pitch + x,
                          pitch);
    for (; x < width; x++)
        for (size_t l = 0; l < IVX_LANES; l++)
            lanes[x * IVX_LANES + l] = rows[l * pitch + x];
}

static void from_lanes(float *restrict rows, size_t pitch, const float *lanes,
                       size_t width)
{
    size_t x = 0;
    for (; x + IVX_TILE <= width; x += IVX_TILE)
        for (size_t l = 0; l < IVX_LANES; l += IVX_TILE)
            ivx_transpose(rows + l * pitch + x, pitch, lanes + x * IVX_LANES + l,
                          IVX_LANES);
    for (; x < width; x++)
        for (size_t l = 0; l < IVX_LANES; l++)
            rows[l * pitch + x] = lanes[x * IVX_LANES + l];
}

/* The same sums as TAPS, with one lane per row. */
IVX_INLINE ivx_vector lane_sum(const float *in, const float *w, int32_t count)
{
    const float *far = in + (size_t)(count - 1) * IVX_LANES;
    if (count == 1)
        return w[0] * ivx_load(in);
    ivx_vector sum = w[0] * ivx_load(in) + w[count - 1] * ivx_load(far);
    for (int32_t n = 1; n < count / 2; n++)
        sum = sum
              + (w[n] * ivx_load(in + n * IVX_LANES)
                 + w[count - 1 - n] * ivx_load(far - n * IVX_LANES));
    if (count % 2)
        sum = sum + w[count / 2] * ivx_load(in + (count / 2) * IVX_LANES);
    return sum;
}

static void across(float *restrict out, const float *lanes, const float *slopes_of,
                   const struct ivx_table *table)
{
    for (int32_t i = 0; i < table->outputs; i++) {
        const struct ivx_taps taps_of = table->row[i];
        const float *w = ivx_table_values(table, i);
        const size_t start = (size_t)taps_of.first * IVX_LANES;
        float *to = out + (size_t)i * IVX_LANES;

        for (size_t l = 0; l < IVX_LANES; l += IVX_VECTOR) {
            ivx_vector sum = { 0 };
            if (taps_of.count == 2)
                sum = lane_sum(lanes + start + l, w, 2);
            else if (taps_of.count > 0)
                sum = lane_sum(lanes + start + l, w, taps_of.count);
            if (table->shape.spline && taps_of.count == 2)
                sum = sum + lane_sum(slopes_of + start + l, w + table->most, 2);
            else if (table->shape.spline && taps_of.count > 0)
                sum =
                    sum + lane_sum(slopes_of + start + l, w + table->most, taps_of.count);
            ivx_store(to + l, sum);
        }
    }
}

/* How many of these sums lie outside int16: asked only when some do. */
static uint64_t count_outside(const float *const *row, const float *w,
                              const float *const *slope, const float *sw, int32_t count,
                              size_t width)
{
    uint64_t outside = 0;
    for (size_t x = 0; x < width; x++) {
        float sum = sum_one(row, w, count, x);
        if (slope != NULL)
            sum = sum + sum_one(slope, sw, count, x);
        outside += !(sum >= IVX_LEAST && sum <= IVX_MOST);
    }
    return outside;
}

/* What is rounded at a time. The last pair of a row may overlap the one before: the same
 * values again cost less than values one by one. */
enum { PAIR = 2 * IVX_VECTOR };

IVX_INLINE size_t next_pair(size_t x, size_t width)
{
    const size_t next = x + PAIR;
    return next < width && next + PAIR > width ? width - PAIR : next;
}

IVX_INLINE uint64_t round_of(int16_t *restrict out, const float *const *rows,
                             const float *weights, const int32_t count, size_t width)
{
    KEEP(float)
    size_t x = 0;
    int off = 0;
    for (; x < width && width >= PAIR; x = next_pair(x, width))
        off |= ivx_store_int16(out + x, sum_at(row, w, count, x),
                               sum_at(row, w, count, x + IVX_VECTOR));
    for (; x < width; x++)
        off |= ivx_store_int16_one(out + x, sum_one(row, w, count, x));
    return off ? count_outside(rows, weights, NULL, NULL, count, width) : 0;
}

static uint64_t round_taps(int16_t *restrict out, const float *const *row, const float *w,
                           int32_t count, size_t width)
{
    switch (count) {
    case 1:
        return round_of(out, row, w, 1, width);
    case 2:
        return round_of(out, row, w, 2, width);
    case 4:
        return round_of(out, row, w, 4, width);
    case 6:
        return round_of(out, row, w, 6, width);
    default:
        return round_of(out, row, w, count, width);
    }
}

static uint64_t round_row(int16_t *restrict out, const float *in, size_t width)
{
    const float one = 1;
    return round_of(out, &in, &one, 1, width);
}

IVX_INLINE ivx_vector spline_at(const float *const *row, const float *w,
                                const float *const *slope, const float *sw, size_t x)
{
    return sum_at(row, w, 2, x) + sum_at(slope, sw, 2, x);
}

static uint64_t round_spline(int16_t *restrict out, const float *const *rows,
                             const float *weights, const float *const *slopes_of,
                             const float *sw, size_t width)
{
    const float *const row[2] = { rows[0], rows[1] };
    const float *const slope[2] = { slopes_of[0], slopes_of[1] };
    const float w[2] = { weights[0], weights[1] }, v[2] = { sw[0], sw[1] };
    size_t x = 0;
    int off = 0;
    for (; x < width && width >= PAIR; x = next_pair(x, width))
        off |= ivx_store_int16(out + x, spline_at(row, w, slope, v, x),
                               spline_at(row, w, slope, v, x + IVX_VECTOR));
    for (; x < width; x++)
        off |=
            ivx_store_int16_one(out + x, sum_one(row, w, 2, x) + sum_one(slope, v, 2, x));
    return off ? count_outside(rows, weights, slopes_of, sw, 2, width) : 0;
}

static uint64_t share(float *restrict value, const float *share_of, float background,
                      size_t width)
{
    uint32_t missing = 0;
    for (size_t x = 0; x < width; x++) {
        const bool there = share_of[x] >= 0.5f;
        const float quotient = value[x] / share_of[x];
        value[x] = there ? quotient : background;
        missing += !there;
    }
    return missing;
}

/* points.c and lines.c */
void OTHER(places, IVX_SET)(double *restrict u, double start, double step, int32_t from,
                            double spacing, int32_t count);
void OTHER(points, IVX_SET)(float *restrict out, const struct ivx_points *points,
                            int32_t count);
void OTHER(field_in_plane, IVX_SET)(struct ivx_field *field,
                                    const struct ivx_prepare *prepare, int32_t k,
                                    double *scratch);
void OTHER(field_through, IVX_SET)(struct ivx_field *field,
                                   const struct ivx_prepare *prepare, const float *odd,
                                   int32_t n, int32_t shares, double *scratch);

const struct ivx_kernels TABLE(IVX_SET) = {
    .name = NAME(IVX_SET),
    .taps = taps,
    .taps_int16 = taps_int16,
    .add_taps = add_taps,
    .slopes = slopes,
    .slopes_int16 = slopes_int16,
    .slope_even = slope_even,
    .slope_odd = slope_odd,
    .to_lanes = to_lanes,
    .from_lanes = from_lanes,
    .across = across,
    .round = round_row,
    .round_taps = round_taps,
    .round_spline = round_spline,
    .share = share,
    .field_in_plane = OTHER(field_in_plane, IVX_SET),
    .field_through = OTHER(field_through, IVX_SET),
    .places = OTHER(places, IVX_SET),
    .points = OTHER(points, IVX_SET),
};
