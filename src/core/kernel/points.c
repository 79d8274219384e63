/* Values anywhere in a field, as many as a vector holds side by side: the same additions
 * in the same order as ivx_point_value() makes for one. Compiled once per instruction
 * set, as loops.c. */
#include "kernel.h"
#include "vector.h"
#include "weights.h"

#define NAMED(name, set) ivx_##name##_##set
#define NAME(name, set) NAMED(name, set)

enum { TAPS = 4, AXES = 3 };
#if defined __AVX__
enum { SIDE = 2 }; /* places side by side */
#else
enum { SIDE = 1 };
#endif
typedef float quads __attribute__((vector_size(16 * SIDE)));
typedef float quads_at __attribute__((vector_size(16 * SIDE), aligned(4), may_alias));

/* Weights of the taps, and where the first stands. Those within the rows: side by side.
 */
struct around {
    float normal[TAPS][IVX_POINTS], row[TAPS][IVX_POINTS];
    float column[IVX_POINTS * TAPS];
    int64_t at[IVX_POINTS];
};

/* Prototypes for the linker's sake: loops.c has them, too. */
void NAME(places, IVX_SET)(double *restrict u, double start, double step, int32_t from,
                           double spacing, int32_t count);
void NAME(points, IVX_SET)(float *restrict out, const struct ivx_points *points,
                           int32_t count);

void NAME(places, IVX_SET)(double *restrict u, double start, double step, int32_t from,
                           double spacing, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        u[i] = ivx_quantise((start + (from + i) * step) / spacing);
}

/* Four weights of the sample before, those around, and the one after. No loop over the
 * four: it would keep compilers from taking many places at a time. */
IVX_INLINE void weights(const float *f, const enum ivx_kernel kernel, int32_t count,
                        float (*restrict out)[IVX_POINTS])
{
    for (int32_t i = 0; i < count; i++) {
        float w[TAPS] = { 1 - f[i], f[i], 0, 0 };
        if (kernel == IVX_BSPLINE3)
            ivx_spline_weights(f[i], w);
        else if (kernel == IVX_CATMULL_ROM)
            ivx_keys_weights(f[i], w);
        out[0][i] = w[0];
        out[1][i] = w[1];
        out[2][i] = w[2];
        out[3][i] = w[3];
    }
}

/* Values of both slices, then slopes. */
IVX_INLINE void hermite_weights(const double *f, int32_t count,
                                float (*restrict out)[IVX_POINTS])
{
    for (int32_t i = 0; i < count; i++) {
        double at[2], rise[2];
        ivx_hermite(f[i], at, rise);
        out[0][i] = (float)at[0];
        out[1][i] = (float)at[1];
        out[2][i] = (float)rise[0];
        out[3][i] = (float)rise[1];
    }
}

/* The sample before each place, and how far behind it that is. */
IVX_INLINE void split(const double *u, int32_t count, int32_t *restrict first_out,
                      double *restrict f_out)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t k = ivx_floor(u[i]);
        first_out[i] = k;
        f_out[i] = u[i] - k;
    }
}

/* An axis with the same weights for all taps. */
IVX_INLINE void plain_axis(const double *u, const enum ivx_kernel kernel, int32_t count,
                           int32_t *restrict first_out, float (*restrict out)[IVX_POINTS])
{
    double exact[IVX_POINTS];
    float f[IVX_POINTS];
    split(u, count, first_out, exact);
    for (int32_t i = 0; i < count; i++)
        f[i] = (float)exact[i];
    weights(f, kernel, count, out);
    for (int32_t i = 0; kernel != IVX_LINEAR && i < count; i++)
        first_out[i]--;
}

/* In fours: what is beyond count is worked out and not used. */
IVX_INLINE void look_around(const struct ivx_points *points, const enum ivx_kernel kernel,
                            struct around *out, int32_t count)
{
    const int32_t whole = (count + TAPS - 1) / TAPS * TAPS;
    const int64_t plane = (int64_t)points->plane, pitch = (int64_t)points->pitch;
    int32_t first[AXES][IVX_POINTS];
    float column[TAPS][IVX_POINTS];
    plain_axis(points->u[0], kernel, whole, first[0], column);
    plain_axis(points->u[1], kernel, whole, first[1], out->row);
    if (kernel == IVX_BSPLINE3) {
        double f[IVX_POINTS];
        split(points->u[2], whole, first[2], f);
        hermite_weights(f, whole, out->normal);
    } else {
        plain_axis(points->u[2], kernel, whole, first[2], out->normal);
    }
    for (int32_t i = 0; i < whole; i++)
        out->at[i] = first[2][i] * plane + first[1][i] * pitch + first[0][i];
    for (int32_t i = 0; i < whole; i += TAPS)
        ivx_transpose_quads(&out->column[i * TAPS], TAPS, &column[0][i], IVX_POINTS);
}

/* Four floats of each of some places: two, where there are such vectors. (Four are
 * slower: putting them together takes longer than what is done with them.) */
#if defined __AVX__
#define BACKWARDS 3, 2, 1, 0, 7, 6, 5, 4
IVX_INLINE quads join(const ivx_quad *quad)
{
    return __builtin_shufflevector(quad[0], quad[1], 0, 1, 2, 3, 4, 5, 6, 7);
}
#else
#define BACKWARDS 3, 2, 1, 0
IVX_INLINE quads join(const ivx_quad *quad)
{
    return quad[0];
}
#endif

/* Samples of each place. */
IVX_INLINE quads load_each(const float *from, const int64_t *at)
{
    ivx_quad quad[SIDE];
    for (int32_t v = 0; v < SIDE; v++)
        quad[v] = *(const ivx_quad_at *)(from + at[v]);
    return join(quad);
}

/* A weight of each place, four times. */
IVX_INLINE quads spread(const float *w)
{
    ivx_quad quad[SIDE];
    for (int32_t v = 0; v < SIDE; v++)
        quad[v] = (ivx_quad){ w[v], w[v], w[v], w[v] };
    return join(quad);
}

/* Over slices and rows, in that order; then the four columns of each place. */
IVX_INLINE void some_values(float *out, const struct ivx_points *points,
                            const enum ivx_kernel kernel, const struct around *around,
                            int32_t i)
{
    const int32_t taps = kernel == IVX_LINEAR ? 2 : 4;
    quads sum = { 0 }, row[TAPS];
    for (int32_t j = 0; j < taps; j++)
        row[j] = spread(&around->row[j][i]);
#pragma GCC unroll 4
    for (int32_t n = 0; n < taps; n++) {
        const float *from = kernel == IVX_BSPLINE3 && n >= 2
                                ? points->slope + (size_t)(n - 2) * points->plane
                                : points->value + (size_t)n * points->plane;
        const quads normal = spread(&around->normal[n][i]);
#pragma GCC unroll 4
        for (int32_t j = 0; j < taps; j++)
            sum = sum
                  + normal * row[j]
                        * load_each(from + (size_t)j * points->pitch, &around->at[i]);
    }
    sum = sum * *(const quads_at *)&around->column[i * TAPS];
    sum = sum + __builtin_shufflevector(sum, sum, BACKWARDS);
    for (int32_t v = 0; v < SIDE; v++)
        out[v] = sum[v * TAPS] + sum[v * TAPS + 1];
}

IVX_INLINE void values(float *restrict out, const struct ivx_points *points,
                       const enum ivx_kernel kernel, int32_t count)
{
    struct around around;
    float rest[SIDE];
    look_around(points, kernel, &around, count);
    int32_t i = 0;
    for (; i + SIDE <= count; i += SIDE)
        some_values(out + i, points, kernel, &around, i);
    if (i == count)
        return;
    /* The last ones: those missing are the last again. */
    for (int32_t v = count; v < i + SIDE; v++)
        around.at[v] = around.at[count - 1];
    some_values(rest, points, kernel, &around, i);
    for (int32_t v = i; v < count; v++)
        out[v] = rest[v - i];
}

void NAME(points, IVX_SET)(float *restrict out, const struct ivx_points *points,
                           int32_t count)
{
    if (points->kernel == IVX_BSPLINE3)
        values(out, points, IVX_BSPLINE3, count);
    else if (points->kernel == IVX_CATMULL_ROM)
        values(out, points, IVX_CATMULL_ROM, count);
    else
        values(out, points, IVX_LINEAR, count);
}
