/* oracle_rows.c - docs/adr/0002-engine.md: the weights along one axis. */
#include "oracle_parts.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Kernels, as in the literature. */
static double sinc(double x)
{
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}

double oracle_kernel(enum ivx_kernel kernel, double x)
{
    x = fabs(x);
    switch (kernel) {
    case IVX_LINEAR:
        return x < 1 ? 1 - x : 0;
    case IVX_CATMULL_ROM: /* Keys 1981, a = -1/2 */
        return x < 1   ? 1.5 * x * x * x - 2.5 * x * x + 1
               : x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2
                       : 0;
    case IVX_LANCZOS3:
        return x < 3 ? sinc(x) * sinc(x / 3) : 0;
    default:
        ck_abort_msg("no such kernel");
        return 0;
    }
}

double oracle_radius(enum ivx_kernel kernel)
{
    return kernel == IVX_LINEAR ? 1 : kernel == IVX_CATMULL_ROM ? 2 : 3;
}

static double b_spline(double x)
{
    x = fabs(x);
    return x < 1   ? 2.0 / 3 - x * x + x * x * x / 2
           : x < 2 ? (2 - x) * (2 - x) * (2 - x) / 6
                   : 0;
}

int oracle_clamp(int k, int n)
{
    return k < 0 ? 0 : k > n - 1 ? n - 1 : k;
}

/* Sample k of the endless row: whole steps, turning round at the ends when mirrored. */
int oracle_place(const struct ivx_resample_options *options, int k, int n)
{
    if (options->boundary != IVX_BOUNDARY_MIRROR || n == 1)
        return oracle_clamp(k, n);
    while (k < 0 || k > n - 1)
        k = k < 0 ? -k : 2 * (n - 1) - k;
    return k;
}

/* Weights of n samples for position u through a kernel stretched by `stretch`. What makes
 * the first moment 0 is the least change in the norm weighted by a tent over the support.
 */
static void fir_weights(enum ivx_kernel kernel, double stretch, double u, int n,
                        double *w)
{
    const double radius = oracle_radius(kernel) * stretch;
    const int first = (int)floor(u - radius) - 1, last = (int)ceil(u + radius) + 1;
    double sum = 0, moment = 0, tents = 0, middle = 0, square = 0;

    for (int k = first; k <= last; k++)
        sum += oracle_kernel(kernel, (k - u) / stretch);
    for (int k = first; k <= last; k++) {
        const double tent = fmax(0, 1 - fabs(k - u) / radius);
        moment += oracle_kernel(kernel, (k - u) / stretch) / sum * (k - u);
        tents += tent;
        middle += tent * k;
    }
    middle /= tents;
    for (int k = first; k <= last; k++)
        square += fmax(0, 1 - fabs(k - u) / radius) * (k - middle) * (k - middle);

    ck_assert(first >= -ORACLE_BEYOND && last < n + ORACLE_BEYOND);
    for (int k = first; k <= last; k++) {
        double tap = oracle_kernel(kernel, (k - u) / stretch) / sum;
        if (square > 1e-12 && (kernel == IVX_LANCZOS3 || stretch > 1))
            tap -= moment / square * fmax(0, 1 - fabs(k - u) / radius) * (k - middle);
        w[k + ORACLE_BEYOND] = tap;
    }
}

/* Weights of the interpolating cubic B-spline: the transposed solve of the samples. */
static void spline_weights(double u, int n, double *w)
{
    const int size = (n > 0 ? n : 1) + 2 * ORACLE_BEYOND;
    double *y = calloc((size_t)size, sizeof *y),
           *diagonal = calloc((size_t)size, sizeof *y);

    for (int k = 0; k < size; k++) {
        y[k] = b_spline(k - ORACLE_BEYOND - u);
        diagonal[k] = 4.0 / 6;
    }
    for (int k = 1; k < size;
         k++) { /* c[k-1]/6 + 4 c[k]/6 + c[k+1]/6 = x[k], symmetric */
        const double factor = 1.0 / 6 / diagonal[k - 1];
        diagonal[k] -= factor / 6;
        y[k] -= factor * y[k - 1];
    }
    y[size - 1] /= diagonal[size - 1];
    for (int k = size - 2; k >= 0; k--)
        y[k] = (y[k] - y[k + 1] / 6) / diagonal[k];

    memcpy(w, y, sizeof *w * (size_t)size);
    free(y);
    free(diagonal);
}

double oracle_stretch(const struct ivx_resample_options *options, double target,
                      double spacing)
{
    if (options->antialias != IVX_ANTIALIAS_AUTO || options->kernel == IVX_NEAREST
        || target / spacing <= 1.0001)
        return 1;
    return target / spacing;
}

/* Cardoso et al., MICCAI 2015: from the full width at half maximum of one voxel to that
 * of another; MIRP: what passes half of the target's Nyquist frequency. In source
 * samples. */
double oracle_sigma(const struct ivx_resample_options *options, double target,
                    double spacing)
{
    const double k = target / spacing, width = 2 * sqrt(2 * log(2));
    const double beta = options->mirp_beta == 0 ? 0.98 : options->mirp_beta;
    if (options->kernel == IVX_NEAREST)
        return 0;
    if (options->antialias == IVX_ANTIALIAS_GAUSS_CARDOSO)
        return k <= 1.0001 ? 0 : sqrt(k * k - 1) / width;
    return options->antialias == IVX_ANTIALIAS_GAUSS_MIRP ? sqrt(-8 * k * k * log(beta))
                                                          : 0;
}

/* Every sample is the mean of its neighbours, weighted with a Gaussian cut at 4 sigma. */
static void smear(double *w, int size, double sigma)
{
    const int reach = (int)(4 * sigma + 0.5);
    double *before = calloc((size_t)size, sizeof *before), sum = 0;
    memcpy(before, w, (size_t)size * sizeof *w);
    for (int n = -reach; n <= reach; n++)
        sum += exp(-0.5 * n * n / sigma / sigma);
    for (int k = 0; reach > 0 && k < size; k++) {
        w[k] = 0;
        for (int n = -reach; n <= reach; n++)
            if (k + n >= 0 && k + n < size)
                w[k] += before[k + n] * exp(-0.5 * n * n / sigma / sigma) / sum;
    }
    free(before);
}

/* Weights of n equidistant samples for position u, in samples; those of the endless row
 * are held from sample -ORACLE_BEYOND to sample n - 1 + ORACLE_BEYOND. */
void oracle_weights(const struct ivx_resample_options *options, double target,
                    double spacing, double u, int n, double *w)
{
    const double stretch = oracle_stretch(options, target, spacing);
    const double sigma = oracle_sigma(options, target, spacing);
    double row[ORACLE_MOST + 2 * ORACLE_BEYOND] = { 0 };
    ck_assert_int_le(n, ORACLE_MOST);
    if (options->kernel == IVX_NEAREST)
        row[(int)ceil(u - 0.5) + ORACLE_BEYOND] = 1;
    else if (options->kernel == IVX_BSPLINE3 && stretch == 1)
        spline_weights(u, n, row);
    else
        fir_weights(options->kernel == IVX_BSPLINE3 ? IVX_LANCZOS3 : options->kernel,
                    stretch, u, n, row);
    if (sigma > 0)
        smear(row, n + 2 * ORACLE_BEYOND, sigma);
    memset(w, 0, sizeof *w * (size_t)n);
    for (int k = -ORACLE_BEYOND; k < n + ORACLE_BEYOND; k++)
        w[oracle_place(options, k, n)] += row[k + ORACLE_BEYOND];
}

/* Positions are whole multiples of 2^-28 samples. */
double oracle_quantum(double u)
{
    return rint(u * 268435456.0) / 268435456.0;
}
