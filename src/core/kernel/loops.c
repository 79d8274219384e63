/* Plain C, compiled once per instruction set: -DIVX_SET=base, avx2, avx512. */
#include "kernel.h"

#include <string.h>

#define NAME_OF(set) #set
#define NAME(set) NAME_OF(set)
#define TABLE_OF(set) ivx_kernels_##set
#define TABLE(set) TABLE_OF(set)
#define INLINE static inline __attribute__((always_inline))

enum { CHUNK = 64 };

/* Sums of 1 to 6 taps stay in registers; SUM is the one order of additions. */
#define SUM1(p) (p(0))
#define SUM2(p) (p(0) + p(1))
#define SUM3(p) ((p(0) + p(2)) + p(1))
#define SUM4(p) ((p(0) + p(3)) + (p(1) + p(2)))
#define SUM5(p) (((p(0) + p(4)) + (p(1) + p(3))) + p(2))
#define SUM6(p) (((p(0) + p(5)) + (p(1) + p(4))) + (p(2) + p(3)))
#define TERM(n) (w[n] * (float)row[n][x])

/* From both ends inwards, for any number of taps, CHUNK columns at a time. */
#define MANY(set)                                                                        \
    for (size_t from = 0; from < width; from += CHUNK) {                                 \
        const size_t most = width - from < CHUNK ? width - from : CHUNK;                 \
        float sum[CHUNK];                                                                \
        for (size_t c = 0; c < most; c++) {                                              \
            const size_t x = from + c;                                                   \
            sum[c] = TERM(0) + TERM(count - 1);                                          \
        }                                                                                \
        for (int32_t n = 1; n < count / 2; n++)                                          \
            for (size_t c = 0; c < most; c++) {                                          \
                const size_t x = from + c;                                               \
                sum[c] = sum[c] + (TERM(n) + TERM(count - 1 - n));                       \
            }                                                                            \
        for (size_t c = 0; count % 2 && c < most; c++) {                                 \
            const size_t x = from + c;                                                   \
            sum[c] = sum[c] + TERM(count / 2);                                           \
        }                                                                                \
        for (size_t c = 0; c < most; c++) {                                              \
            const size_t x = from + c;                                                   \
            out[x] = set sum[c];                                                         \
        }                                                                                \
    }

#define CASE(n, set)                                                                     \
    case n:                                                                              \
        for (size_t x = 0; x < width; x++)                                               \
            out[x] = set SUM##n(TERM);                                                   \
        return;

#define TAPS(name, type, set)                                                            \
    static void name(float *restrict out, const type *const *row, const float *w,        \
                     int32_t count, size_t width)                                        \
    {                                                                                    \
        switch (count) {                                                                 \
            CASE(1, set)                                                                 \
            CASE(2, set)                                                                 \
            CASE(3, set)                                                                 \
            CASE(4, set)                                                                 \
            CASE(5, set)                                                                 \
            CASE(6, set)                                                                 \
        }                                                                                \
        MANY(set)                                                                        \
    }

TAPS(taps, float, )
TAPS(taps_int16, int16_t, )
TAPS(add_taps, float, out[x] +)

/* Sums of increments that fade by the pole, upwards and downwards: the replicated edge
 * has no increments beyond it, so both start at 0. */
#define SLOPES(name, type)                                                               \
    static void name(float *restrict out, size_t out_pitch, const type *in,              \
                     size_t pitch, int32_t rows, size_t width)                           \
    {                                                                                    \
        const float pole = (float)IVX_SPLINE_POLE, gain = (float)IVX_SPLINE_GAIN;        \
        for (size_t from = 0; from < width; from += CHUNK) {                             \
            const size_t most = width - from < CHUNK ? width - from : CHUNK;             \
            float sum[CHUNK] = { 0 };                                                    \
            for (int32_t k = rows - 1; k >= 0; k--) {                                    \
                const type *here = in + (size_t)k * pitch + from;                        \
                const type *next = k < rows - 1 ? here + pitch : here;                   \
                float *to = out + (size_t)k * out_pitch + from;                          \
                for (size_t c = 0; c < most; c++) {                                      \
                    sum[c] = ((float)next[c] - (float)here[c]) + pole * sum[c];          \
                    to[c] = sum[c];                                                      \
                }                                                                        \
            }                                                                            \
            memset(sum, 0, sizeof sum);                                                  \
            for (int32_t k = 0; k < rows; k++) {                                         \
                const type *here = in + (size_t)k * pitch + from;                        \
                const type *last = k > 0 ? here - pitch : here;                          \
                float *to = out + (size_t)k * out_pitch + from;                          \
                for (size_t c = 0; c < most; c++) {                                      \
                    sum[c] = ((float)here[c] - (float)last[c]) + pole * sum[c];          \
                    to[c] = gain * (sum[c] + to[c]);                                     \
                }                                                                        \
            }                                                                            \
        }                                                                                \
    }

SLOPES(slopes, float)
SLOPES(slopes_int16, int16_t)

static void slope_even(float *restrict out, const float *const *row, const float *w,
                       size_t width)
{
    const float *const *up = row + IVX_REACH, *const *down = row + IVX_REACH;
    for (size_t from = 0; from < width; from += CHUNK) {
        const size_t most = width - from < CHUNK ? width - from : CHUNK;
        float sum[CHUNK] = { 0 };
        for (int32_t n = IVX_REACH; n > 0; n--)
            for (size_t c = 0; c < most; c++)
                sum[c] = sum[c] + w[n - 1] * (up[n][from + c] - down[-n][from + c]);
        memcpy(out + from, sum, most * sizeof *sum);
    }
}

static void slope_odd(float *restrict out, const float *const *row, const float *w,
                      size_t width)
{
    enum { LAST = 2 * IVX_REACH - 1 };
    for (size_t from = 0; from < width; from += CHUNK) {
        const size_t most = width - from < CHUNK ? width - from : CHUNK;
        float sum[CHUNK] = { 0 };
        for (int32_t n = 0; n < IVX_REACH; n++)
            for (size_t c = 0; c < most; c++) {
                const size_t x = from + c;
                sum[c] = sum[c]
                         + (w[n] * (row[n + 1][x] - row[n][x])
                            + w[LAST - n] * (row[LAST - n + 1][x] - row[LAST - n][x]));
            }
        memcpy(out + from, sum, most * sizeof *sum);
    }
}

static void to_lanes(float *restrict lanes, const float *rows, size_t pitch, size_t width)
{
    for (size_t x = 0; x < width; x++)
        for (size_t l = 0; l < IVX_LANES; l++)
            lanes[x * IVX_LANES + l] = rows[l * pitch + x];
}

static void from_lanes(float *restrict rows, size_t pitch, const float *lanes,
                       size_t width)
{
    for (size_t l = 0; l < IVX_LANES; l++)
        for (size_t x = 0; x < width; x++)
            rows[l * pitch + x] = lanes[x * IVX_LANES + l];
}

/* The same sums as TAPS, with one lane per row. */
INLINE void lane_sum(float *restrict sum, const float *in, const float *w, int32_t count)
{
    const float *far = in + (size_t)(count - 1) * IVX_LANES;
    if (count == 1) {
        for (size_t l = 0; l < IVX_LANES; l++)
            sum[l] = w[0] * in[l];
        return;
    }
    for (size_t l = 0; l < IVX_LANES; l++)
        sum[l] = w[0] * in[l] + w[count - 1] * far[l];
    for (int32_t n = 1; n < count / 2; n++) {
        const float *a = in + (size_t)n * IVX_LANES, *b = far - (size_t)n * IVX_LANES;
        for (size_t l = 0; l < IVX_LANES; l++)
            sum[l] = sum[l] + (w[n] * a[l] + w[count - 1 - n] * b[l]);
    }
    if (count % 2) {
        const float *a = in + (size_t)(count / 2) * IVX_LANES;
        for (size_t l = 0; l < IVX_LANES; l++)
            sum[l] = sum[l] + w[count / 2] * a[l];
    }
}

static void across(float *restrict out, const float *lanes, const float *slopes_of,
                   const struct ivx_table *table)
{
    for (int32_t i = 0; i < table->outputs; i++) {
        const struct ivx_taps *taps_of = &table->row[i];
        const size_t start = (size_t)taps_of->first * IVX_LANES;
        float *to = out + (size_t)i * IVX_LANES;
        float sum[IVX_LANES] = { 0 }, rise[IVX_LANES];

        if (taps_of->count > 0)
            lane_sum(sum, lanes + start, ivx_table_values(table, i), taps_of->count);
        if (taps_of->count > 0 && table->shape.spline) {
            lane_sum(rise, slopes_of + start, ivx_table_slopes(table, i), taps_of->count);
            for (size_t l = 0; l < IVX_LANES; l++)
                sum[l] = sum[l] + rise[l];
        }
        memcpy(to, sum, sizeof sum);
    }
}

static uint64_t round_row(int16_t *restrict out, const float *in, size_t width)
{
    const float least = -32768, most = 32767, shift = 12582912; /* 1.5 * 2^23 */
    uint64_t outside = 0;
    for (size_t from = 0; from < width; from += 4096) {
        const size_t to = width - from < 4096 ? width : from + 4096;
        uint32_t here = 0;
        for (size_t x = from; x < to; x++) {
            float value = in[x] >= least ? in[x] : least;
            value = value <= most ? value : most;
            here += value != in[x];
            out[x] = (int16_t)(int32_t)((value + shift) - shift);
        }
        outside += here;
    }
    return outside;
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
    .share = share,
};
