/* kernel.h - the inner loops, once per instruction set.
 *
 * loops.c is plain C and is compiled once for each set. Every set returns the same bits:
 * no contraction, no fast-math, one fixed order of additions (from both ends of the taps
 * inwards, so that a mirrored input gives the mirrored bits); tests/kernel checks it. */
#ifndef IVX_CORE_KERNEL_H
#define IVX_CORE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table.h"

/* Rows are handled across in blocks of this many, one per lane. */
enum { IVX_LANES = 16 };

struct ivx_field;
struct ivx_prepare;

/* Places on a straight line through a field, at most IVX_POINTS of them: how many samples
 * of each axis count (2, or 4), and where they are, in samples. The places lie between the
 * outermost samples along the normal. */
enum { IVX_POINTS = 64 };
struct ivx_points {
    enum ivx_kernel kernel; /* bspline3: of coefficients in the plane, and slopes */
    const float *value, *slope; /* sample (0, 0) of slice 0 */
    size_t pitch, plane;
    double u[3][IVX_POINTS]; /* column, row, slice */
};

struct ivx_kernels {
    const char *name;

    /* out[x] = sum over n of w[n] * row[n][x]. */
    void (*taps)(float *restrict out, const float *const *row, const float *w,
                 int32_t count, size_t width);
    void (*taps_int16)(float *restrict out, const int16_t *const *row, const float *w,
                       int32_t count, size_t width);
    /* out[x] += the same. */
    void (*add_taps)(float *restrict out, const float *const *row, const float *w,
                     int32_t count, size_t width);

    /* Slopes of the cubic spline down each column of `rows` rows, edges replicated. */
    void (*slopes)(float *restrict out, size_t out_pitch, const float *in, size_t pitch,
                   int32_t rows, size_t width);
    void (*slopes_int16)(float *restrict out, size_t out_pitch, const int16_t *in,
                         size_t pitch, int32_t rows, size_t width);

    /* Slopes of `count` equidistant rows out of count + 2 * IVX_REACH: the sums start
     * IVX_REACH rows before the first and after the last. */
    void (*slope_even)(float *const *out, const float *const *rows, int32_t count,
                       size_t width);
    /* Slope at the middle of 2 * IVX_REACH + 1 irregular rows, with weights per
     * increment. */
    void (*slope_odd)(float *restrict out, const float *const *row, const float *w,
                      size_t width);

    /* IVX_LANES rows of `width` to one lane each, and back. */
    void (*to_lanes)(float *restrict lanes, const float *rows, size_t pitch,
                     size_t width);
    void (*from_lanes)(float *restrict rows, size_t pitch, const float *lanes,
                       size_t width);
    /* A table applied across: lanes[samples][16] (and their slopes) to out[outputs][16].
     */
    void (*across)(float *restrict out, const float *lanes, const float *slopes,
                   const struct ivx_table *table);

    /* Half to even, saturated; returns how many lay outside int16. */
    uint64_t (*round)(int16_t *restrict out, const float *in, size_t width);
    /* The sum of taps, rounded likewise, in one go; and that of two values and two
     * slopes. */
    uint64_t (*round_taps)(int16_t *restrict out, const float *const *row, const float *w,
                           int32_t count, size_t width);
    uint64_t (*round_spline)(int16_t *restrict out, const float *const *row,
                             const float *w, const float *const *slope, const float *sw,
                             size_t width);
    /* Slice k of a field within its plane: along the rows, then along the columns. scratch
     * holds ivx_field_scratch() doubles. */
    void (*field_in_plane)(struct ivx_field *field, const struct ivx_prepare *prepare,
                           int32_t k, double *scratch);
    /* Along the normal, for share n of `shares` of the plane: smoothing, then slopes.
     * odd: ivx_knots_slopes() of irregular slices, or NULL. */
    void (*field_through)(struct ivx_field *field, const struct ivx_prepare *prepare,
                          const float *odd, int32_t n, int32_t shares, double *scratch);
    /* u[i] = quantise((start + (from + i) * step) / spacing). */
    void (*places)(double *restrict u, double start, double step, int32_t from,
                   double spacing, int32_t count);
    /* What stands there; not for nearest and lanczos3. */
    void (*points)(float *restrict out, const struct ivx_points *points, int32_t count);
    /* value /= share where share >= 1/2, else the background: returns how often. */
    uint64_t (*share)(float *restrict value, const float *share_of, float background,
                      size_t width);
};

extern const struct ivx_kernels ivx_kernels_base;
extern const struct ivx_kernels ivx_kernels_avx2;
extern const struct ivx_kernels ivx_kernels_avx512;

/* The set that `force` names, or the best of this machine when it is NULL or "auto".
 * NULL when the machine does not have that set. */
const struct ivx_kernels *ivx_kernels_pick(const char *force);

#endif
