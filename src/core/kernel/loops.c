/* Plain C with GNU vectors, compiled once per instruction set: -DIVX_SET=base, avx2, avx512.
 * Vector and tail loops do the same additions in the same order. */
#include "kernel.h"

#include <string.h>

#include "vector.h"

#define NAME_OF(set) #set
#define NAME(set) NAME_OF(set)
#define TABLE_OF(set) ivx_kernels_##set
#define TABLE(set) TABLE_OF(set)

/* What is worked on at a time where the sum of many rows must stay in registers. */
enum { BLOCK = 4 * IVX_VECTOR };

/* The one order of additions: from both ends inwards, a middle term last. */
#define SUM1(p) (p(0))
#define SUM2(p) (p(0) + p(1))
#define SUM3(p) ((p(0) + p(2)) + p(1))
#define SUM4(p) ((p(0) + p(3)) + (p(1) + p(2)))
#define SUM5(p) (((p(0) + p(4)) + (p(1) + p(3))) + p(2))
#define SUM6(p) (((p(0) + p(5)) + (p(1) + p(4))) + (p(2) + p(3)))
#define TERM(n) (w[n] * (float)row[n][x])
#define VALUE(n) (w[n] * row[n][x])
#define SLOPE(n) (sw[n] * slope[n][x])

/* Any number of taps. TYPE is a vector with its load, or a scalar. */
#define MANY(type, get, put, set)                                                        \
    {                                                                                    \
        type sum = w[0] * get(row[0] + x) + w[count - 1] * get(row[count - 1] + x);      \
        for (int32_t n = 1; n < count / 2; n++)                                          \
            sum = sum + (w[n] * get(row[n] + x)                                          \
                         + w[count - 1 - n] * get(row[count - 1 - n] + x));              \
        if (count % 2)                                                                   \
            sum = sum + w[count / 2] * get(row[count / 2] + x);                          \
        put(out + x, set sum);                                                           \
    }

#define CASE(n, set)                                                                     \
    case n:                                                                              \
        for (; x < width; x++)                                                           \
            out[x] = set SUM##n(TERM);                                                   \
        return;

#define TAPS(name, from_type, get, get_one, set, set_one)                                \
    static void name(float *restrict out, const from_type *const *row, const float *w,   \
                     int32_t count, size_t width)                                        \
    {                                                                                    \
        size_t x = 0;                                                                    \
        switch (count) {                                                                 \
            CASE(1, set_one)                                                             \
            CASE(2, set_one)                                                             \
            CASE(3, set_one)                                                             \
            CASE(4, set_one)                                                             \
            CASE(5, set_one)                                                             \
            CASE(6, set_one)                                                             \
        }                                                                                \
        for (; x + IVX_VECTOR <= width; x += IVX_VECTOR)                                 \
            MANY(ivx_vector, get, ivx_store, set)                                        \
        for (; x < width; x++)                                                           \
            MANY(float, get_one, ivx_store_one, set_one)                                 \
    }

TAPS(taps, float, ivx_load, ivx_load_one, , )
TAPS(taps_int16, int16_t, ivx_load_int16, ivx_load_one, , )
TAPS(add_taps, float, ivx_load, ivx_load_one, ivx_load(out + x) +, out[x] +)

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

IVX_INLINE ivx_vector even_pair(const float *const *middle, const float *w, int32_t n, size_t x)
{
    return w[n - 1] * (ivx_load(middle[n] + x) - ivx_load(middle[-n] + x));
}

static void slope_even(float *restrict out, const float *const *row, const float *w,
                       size_t width)
{
    const float *const *middle = row + IVX_REACH;
    size_t x = 0;
    for (; x + BLOCK <= width; x += BLOCK) {
        ivx_vector a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
        for (int32_t n = IVX_REACH; n > 0; n--) {
            a = a + even_pair(middle, w, n, x);
            b = b + even_pair(middle, w, n, x + IVX_VECTOR);
            c = c + even_pair(middle, w, n, x + 2 * IVX_VECTOR);
            d = d + even_pair(middle, w, n, x + 3 * IVX_VECTOR);
        }
        ivx_store(out + x, a);
        ivx_store(out + x + IVX_VECTOR, b);
        ivx_store(out + x + 2 * IVX_VECTOR, c);
        ivx_store(out + x + 3 * IVX_VECTOR, d);
    }
    for (; x < width; x++) {
        float sum = 0;
        for (int32_t n = IVX_REACH; n > 0; n--)
            sum = sum + w[n - 1] * (middle[n][x] - middle[-n][x]);
        out[x] = sum;
    }
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
            ivx_transpose(lanes + x * IVX_LANES + l, IVX_LANES, rows + l * pitch + x, pitch);
    for (; x < width; x++)
        for (size_t l = 0; l < IVX_LANES; l++)
            lanes[x * IVX_LANES + l] = rows[l * pitch + x];
}

static void from_lanes(float *restrict rows, size_t pitch, const float *lanes, size_t width)
{
    size_t x = 0;
    for (; x + IVX_TILE <= width; x += IVX_TILE)
        for (size_t l = 0; l < IVX_LANES; l += IVX_TILE)
            ivx_transpose(rows + l * pitch + x, pitch, lanes + x * IVX_LANES + l, IVX_LANES);
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
        sum = sum + (w[n] * ivx_load(in + n * IVX_LANES)
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
                sum = sum + lane_sum(slopes_of + start + l, w + table->most, taps_of.count);
            ivx_store(to + l, sum);
        }
    }
}

/* One value to int16, half to even; 1.5 * 2^23 leaves its last bits in the mantissa. */
#define ROUND(value)                                                                     \
    {                                                                                    \
        const float is = value;                                                          \
        float in_range = is >= -32768.0f ? is : -32768.0f;                               \
        in_range = in_range <= 32767.0f ? in_range : 32767.0f;                           \
        here += in_range != is;                                                          \
        out[x] = (int16_t)(int32_t)((in_range + 12582912.0f) - 12582912.0f);             \
    }

#define ROUND_ALL(value)                                                                 \
    for (size_t x = 0; x < width; x++)                                                   \
        ROUND(value)

static uint64_t round_row(int16_t *restrict out, const float *in, size_t width)
{
    uint32_t here = 0;
    ROUND_ALL(in[x])
    return here;
}

/* Sums and rounding in one go, for the usual numbers of taps. */
static bool round_taps(int16_t *restrict out, const float *const *row, const float *w,
                       int32_t count, size_t width, uint64_t *outside)
{
    uint32_t here = 0;
    switch (count) {
    case 1:
        ROUND_ALL(SUM1(VALUE))
        break;
    case 2:
        ROUND_ALL(SUM2(VALUE))
        break;
    case 4:
        ROUND_ALL(SUM4(VALUE))
        break;
    case 6:
        ROUND_ALL(SUM6(VALUE))
        break;
    default:
        return false;
    }
    *outside += here;
    return true;
}

static uint64_t round_spline(int16_t *restrict out, const float *const *row, const float *w,
                             const float *const *slope, const float *sw, size_t width)
{
    uint32_t here = 0;
    ROUND_ALL((SUM2(VALUE)) + (SUM2(SLOPE)))
    return here;
}

static void share(float *restrict value, const float *share_of, float background,
                  size_t width)
{
    for (size_t x = 0; x < width; x++)
        value[x] = share_of[x] >= 0.5f ? value[x] / share_of[x] : background;
}

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
};
