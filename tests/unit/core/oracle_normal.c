/* oracle_normal.c - docs/adr/0002-engine.md: along the normal, at the true positions. */
#include "oracle_parts.h"

#include <math.h>
#include <stdlib.h>

double oracle_mean_gap(const struct ivx_stack *s)
{
    if (s->slices == 1)
        return fmax(s->column_spacing, s->row_spacing);
    return (s->t[s->slices - 1] - s->t[0]) / (s->slices - 1);
}

static bool regular(const struct ivx_stack *s)
{
    for (int k = 0; k + 1 < s->slices; k++)
        if (fabs((s->t[k + 1] - s->t[k]) / oracle_mean_gap(s) - 1) > 1e-5)
            return false;
    return true;
}

static double gap(const struct ivx_stack *s, int k)
{
    if (s->slices == 1)
        return oracle_mean_gap(s);
    k = oracle_clamp(k, s->slices - 1);
    return s->t[k + 1] - s->t[k];
}

double oracle_position(const struct ivx_stack *s, double mm)
{
    if (mm < 0)
        return oracle_quantum(mm / gap(s, 0));
    int k = 0;
    while (k < s->slices - 1 && s->t[k + 1] - s->t[0] <= mm)
        k++;
    return k + oracle_quantum((mm - (s->t[k] - s->t[0])) / gap(s, k));
}

/* Where slice `at` of the endless stack lies: continued by its outermost gap, or
 * mirrored. */
static double height(const struct ivx_stack *s,
                     const struct ivx_resample_options *options, int at)
{
    const int n = s->slices;
    if (options->boundary != IVX_BOUNDARY_MIRROR)
        return at < 0    ? at * gap(s, 0)
               : at >= n ? s->t[n - 1] - s->t[0] + (at - n + 1) * gap(s, n - 2)
                         : s->t[at] - s->t[0];
    double mm = 0;
    for (int k = at < 0 ? at : 0; k < (at < 0 ? 0 : at); k++)
        mm += fabs(s->t[oracle_place(options, k + 1, n)]
                   - s->t[oracle_place(options, k, n)]);
    return at < 0 ? -mm : mm;
}

/* The interpolating C2 cubic through (t[k], x[k]), by second derivatives m[]. */
struct cubic {
    int size;
    double *t, *v, *m; /* one block of memory, t */
};

static struct cubic cubic_through(const struct ivx_stack *s,
                                  const struct ivx_resample_options *options,
                                  const double *x)
{
    const int size = s->slices + 2 * ORACLE_BEYOND;
    double *t = calloc((size_t)size * 5, sizeof *t);
    double *v = t + size, *m = v + size, *d = m + size, *r = d + size;

    for (int k = 0; k < size; k++) {
        const int at = k - ORACLE_BEYOND;
        t[k] = height(s, options, at);
        v[k] = x[oracle_place(options, at, s->slices)];
        d[k] = 1;
    }
    for (int k = 1; k < size - 1; k++) { /* natural ends, far outside */
        const double h0 = t[k] - t[k - 1], h1 = t[k + 1] - t[k];
        const double factor = k > 1 ? h0 / d[k - 1] : 0;
        d[k] = 2 * (h0 + h1) - factor * h0;
        r[k] = 6 * ((v[k + 1] - v[k]) / h1 - (v[k] - v[k - 1]) / h0) - factor * r[k - 1];
    }
    for (int k = size - 2; k > 0; k--)
        m[k] = (r[k] - (t[k + 1] - t[k]) * m[k + 1]) / d[k];
    return (struct cubic){ size, t, v, m };
}

/* At mm: the cubic, or the straight lines. */
static double irregular_at(const struct cubic *through, bool curved, double mm)
{
    const double *t = through->t, *v = through->v, *m = through->m;
    int k = 0;
    while (k < through->size - 2 && t[k + 1] <= mm)
        k++;
    const double h = t[k + 1] - t[k], a = (t[k + 1] - mm) / h, b = 1 - a;
    const double line = a * v[k] + b * v[k + 1];
    if (!curved)
        return line;
    return line + ((a * a * a - a) * m[k] + (b * b * b - b) * m[k + 1]) * h * h / 6;
}

/* The interpolant through irregular slices, seen through a stretched kernel, sixteen
 * points per unit of the kernel; or through a Gaussian, eight per sigma, as far as 4
 * sigma. */
static double irregular_reduced(const struct ivx_stack *s,
                                const struct ivx_resample_options *options, double target,
                                const struct cubic *through, double mm)
{
    const enum ivx_kernel kernel = options->kernel;
    const enum ivx_kernel fir = kernel == IVX_BSPLINE3 ? IVX_LANCZOS3 : kernel;
    const double spacing = oracle_mean_gap(s),
                 sigma = oracle_sigma(options, target, spacing);
    const int steps = sigma > 0 ? 32 : (int)(16 * oracle_radius(fir));
    const double unit = sigma > 0 ? sigma * spacing / 8 : target / 16;
    double sum = 0, value = 0;
    for (int n = -steps; n <= steps; n++) {
        const double w = sigma > 0 ? exp(-n * n / 128.0) : oracle_kernel(fir, n / 16.0);
        sum += w;
        value += w * irregular_at(through, kernel != IVX_LINEAR, mm + n * unit);
    }
    return value / sum;
}

static double irregular(const struct ivx_stack *s,
                        const struct ivx_resample_options *options, double target,
                        const double *x, double mm)
{
    const double spacing = oracle_mean_gap(s);
    const struct cubic through = cubic_through(s, options, x);
    const double value = oracle_stretch(options, target, spacing) > 1
                                 || oracle_sigma(options, target, spacing) > 0
                             ? irregular_reduced(s, options, target, &through, mm)
                             : irregular_at(&through, options->kernel != IVX_LINEAR, mm);
    free(through.t);
    return value;
}

double oracle_along(const struct ivx_stack *s, const struct ivx_resample_options *options,
                    double target, const double *x, double mm)
{
    double w[ORACLE_MOST], sum = 0;
    if (!regular(s) && options->kernel != IVX_NEAREST)
        return irregular(s, options, target, x, mm);

    oracle_weights(options, target, oracle_mean_gap(s), oracle_position(s, mm), s->slices,
                   w);
    for (int k = 0; k < s->slices; k++)
        sum += w[k] * x[k];
    return sum;
}
