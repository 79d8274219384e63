#include "oracle.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A row of samples goes on for ever, with its outermost values or mirrored. What lies
 * further out than this does not show in double precision. */
enum { BEYOND = 60, MOST = 400 };

/* Kernels, as in the literature. */
static double sinc(double x)
{
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}

static double kernel_at(enum ivx_kernel kernel, double x)
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

static double radius_of(enum ivx_kernel kernel)
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

static int clamp(int k, int n)
{
    return k < 0 ? 0 : k > n - 1 ? n - 1 : k;
}

/* Sample k of the endless row: whole steps, turning round at the ends when mirrored. */
static int place(const struct ivx_resample_options *options, int k, int n)
{
    if (options->boundary != IVX_BOUNDARY_MIRROR || n == 1)
        return clamp(k, n);
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
    const double radius = radius_of(kernel) * stretch;
    const int first = (int)floor(u - radius) - 1, last = (int)ceil(u + radius) + 1;
    double sum = 0, moment = 0, tents = 0, middle = 0, square = 0;

    for (int k = first; k <= last; k++)
        sum += kernel_at(kernel, (k - u) / stretch);
    for (int k = first; k <= last; k++) {
        const double tent = fmax(0, 1 - fabs(k - u) / radius);
        moment += kernel_at(kernel, (k - u) / stretch) / sum * (k - u);
        tents += tent;
        middle += tent * k;
    }
    middle /= tents;
    for (int k = first; k <= last; k++)
        square += fmax(0, 1 - fabs(k - u) / radius) * (k - middle) * (k - middle);

    ck_assert(first >= -BEYOND && last < n + BEYOND);
    for (int k = first; k <= last; k++) {
        double tap = kernel_at(kernel, (k - u) / stretch) / sum;
        if (square > 1e-12 && (kernel == IVX_LANCZOS3 || stretch > 1))
            tap -= moment / square * fmax(0, 1 - fabs(k - u) / radius) * (k - middle);
        w[k + BEYOND] = tap;
    }
}

/* Weights of the interpolating cubic B-spline: the transposed solve of the samples. */
static void spline_weights(double u, int n, double *w)
{
    const int size = (n > 0 ? n : 1) + 2 * BEYOND;
    double *y = calloc((size_t)size, sizeof *y),
           *diagonal = calloc((size_t)size, sizeof *y);

    for (int k = 0; k < size; k++) {
        y[k] = b_spline(k - BEYOND - u);
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

static double stretch_of(const struct ivx_resample_options *options, double target,
                         double spacing)
{
    if (options->antialias != IVX_ANTIALIAS_AUTO || options->kernel == IVX_NEAREST
        || target / spacing <= 1.0001)
        return 1;
    return target / spacing;
}

/* Cardoso et al., MICCAI 2015: from the full width at half maximum of one voxel to that of
 * another; MIRP: what passes half of the target's Nyquist frequency. In source samples. */
static double sigma_of(const struct ivx_resample_options *options, double target,
                       double spacing)
{
    const double k = target / spacing, width = 2 * sqrt(2 * log(2));
    const double beta = options->mirp_beta == 0 ? 0.98 : options->mirp_beta;
    if (options->kernel == IVX_NEAREST)
        return 0;
    if (options->antialias == IVX_ANTIALIAS_GAUSS_CARDOSO)
        return k <= 1.0001 ? 0 : sqrt(k * k - 1) / width;
    return options->antialias == IVX_ANTIALIAS_GAUSS_MIRP ? sqrt(-8 * k * k * log(beta)) : 0;
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

/* Weights of n equidistant samples for position u, in samples; those of the endless row are
 * held from sample -BEYOND to sample n - 1 + BEYOND. */
static void weights(const struct ivx_resample_options *options, double target,
                    double spacing, double u, int n, double *w)
{
    const double stretch = stretch_of(options, target, spacing);
    const double sigma = sigma_of(options, target, spacing);
    double row[MOST + 2 * BEYOND] = { 0 };
    ck_assert_int_le(n, MOST);
    if (options->kernel == IVX_NEAREST)
        row[(int)ceil(u - 0.5) + BEYOND] = 1;
    else if (options->kernel == IVX_BSPLINE3 && stretch == 1)
        spline_weights(u, n, row);
    else
        fir_weights(options->kernel == IVX_BSPLINE3 ? IVX_LANCZOS3 : options->kernel,
                    stretch, u, n, row);
    if (sigma > 0)
        smear(row, n + 2 * BEYOND, sigma);
    memset(w, 0, sizeof *w * (size_t)n);
    for (int k = -BEYOND; k < n + BEYOND; k++)
        w[place(options, k, n)] += row[k + BEYOND];
}

/* Positions are whole multiples of 2^-28 samples. */
static double quantum(double u)
{
    return rint(u * 268435456.0) / 268435456.0;
}

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static double median_free_gap(const struct ivx_stack *s)
{
    if (s->slices == 1)
        return fmax(s->column_spacing, s->row_spacing);
    return (s->t[s->slices - 1] - s->t[0]) / (s->slices - 1);
}

static bool regular(const struct ivx_stack *s)
{
    for (int k = 0; k + 1 < s->slices; k++)
        if (fabs((s->t[k + 1] - s->t[k]) / median_free_gap(s) - 1) > 1e-5)
            return false;
    return true;
}

static double gap(const struct ivx_stack *s, int k)
{
    if (s->slices == 1)
        return median_free_gap(s);
    k = clamp(k, s->slices - 1);
    return s->t[k + 1] - s->t[k];
}

/* Height above slice 0 in units of slices. */
static double slice_position(const struct ivx_stack *s, double mm)
{
    if (mm < 0)
        return quantum(mm / gap(s, 0));
    int k = 0;
    while (k < s->slices - 1 && s->t[k + 1] - s->t[0] <= mm)
        k++;
    return k + quantum((mm - (s->t[k] - s->t[0])) / gap(s, k));
}

/* Where slice `at` of the endless stack lies: continued by its outermost gap, or mirrored. */
static double height(const struct ivx_stack *s, const struct ivx_resample_options *options,
                     int at)
{
    const int n = s->slices;
    if (options->boundary != IVX_BOUNDARY_MIRROR)
        return at < 0    ? at * gap(s, 0)
               : at >= n ? s->t[n - 1] - s->t[0] + (at - n + 1) * gap(s, n - 2)
                         : s->t[at] - s->t[0];
    double mm = 0;
    for (int k = at < 0 ? at : 0; k < (at < 0 ? 0 : at); k++)
        mm += fabs(s->t[place(options, k + 1, n)] - s->t[place(options, k, n)]);
    return at < 0 ? -mm : mm;
}

/* The interpolating C2 cubic through (t[k], x[k]) at mm, by second derivatives; or the
 * straight lines. */
static double irregular_at(const struct ivx_stack *s,
                           const struct ivx_resample_options *options, const double *x,
                           double mm)
{
    const bool cubic = options->kernel != IVX_LINEAR;
    const int n = s->slices, size = n + 2 * BEYOND;
    double *t = calloc((size_t)size * 5, sizeof *t);
    double *v = t + size, *m = v + size, *d = m + size, *r = d + size;

    for (int k = 0; k < size; k++) {
        const int at = k - BEYOND;
        t[k] = height(s, options, at);
        v[k] = x[place(options, at, n)];
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

    int k = 0;
    while (k < size - 2 && t[k + 1] <= mm)
        k++;
    const double h = t[k + 1] - t[k], a = (t[k + 1] - mm) / h, b = 1 - a;
    double value = a * v[k] + b * v[k + 1];
    if (cubic)
        value += ((a * a * a - a) * m[k] + (b * b * b - b) * m[k + 1]) * h * h / 6;
    free(t);
    return value;
}

/* The interpolant through irregular slices, seen through a stretched kernel, sixteen points
 * per unit of the kernel; or through a Gaussian, eight per sigma, as far as 4 sigma. */
static double irregular_reduced(const struct ivx_stack *s,
                                const struct ivx_resample_options *options, double target,
                                const double *x, double mm)
{
    const enum ivx_kernel kernel = options->kernel;
    const enum ivx_kernel fir = kernel == IVX_BSPLINE3 ? IVX_LANCZOS3 : kernel;
    const double spacing = median_free_gap(s), sigma = sigma_of(options, target, spacing);
    const int steps = sigma > 0 ? 32 : (int)(16 * radius_of(fir));
    const double unit = sigma > 0 ? sigma * spacing / 8 : target / 16;
    double sum = 0, value = 0;
    for (int n = -steps; n <= steps; n++) {
        const double w = sigma > 0 ? exp(-n * n / 128.0) : kernel_at(fir, n / 16.0);
        sum += w;
        value += w * irregular_at(s, options, x, mm + n * unit);
    }
    return value / sum;
}

/* Along the normal: values x[] of every slice at one lateral position. */
static double along(const struct ivx_stack *s, const struct ivx_resample_options *options,
                    double target, const double *x, double mm)
{
    const double spacing = median_free_gap(s);
    double w[MOST], sum = 0;

    if (!regular(s) && options->kernel != IVX_NEAREST) {
        if (stretch_of(options, target, spacing) > 1 || sigma_of(options, target, spacing) > 0)
            return irregular_reduced(s, options, target, x, mm);
        return irregular_at(s, options, x, mm);
    }
    weights(options, target, spacing, slice_position(s, mm), s->slices, w);
    for (int k = 0; k < s->slices; k++)
        sum += w[k] * x[k];
    return sum;
}

/* One slice at lateral position (u, v) mm: value times presence, and presence. */
static void slice_at(const struct subject *subject,
                     const struct ivx_resample_options *options, const double target[3],
                     int k, double u, double v, double *value_out, double *there_out)
{
    const struct ivx_stack *s = &subject->stack;
    const double x = quantum((u - s->shift_row[k]) / s->column_spacing);
    const double y = quantum((v - s->shift_column[k]) / s->row_spacing);
    double across[MOST], down[MOST];

    *value_out = *there_out = 0;
    if (x < -0.5 - 1e-8 || x > s->columns - 0.5 + 1e-8 || y < -0.5 - 1e-8
        || y > s->rows - 0.5 + 1e-8)
        return;
    weights(options, target[0], s->column_spacing, x, s->columns, across);
    weights(options, target[1], s->row_spacing, y, s->rows, down);
    for (int j = 0; j < s->rows; j++)
        for (int i = 0; i < s->columns; i++) {
            const size_t p = ((size_t)k * s->rows + j) * s->columns + i;
            if (subject->missing != NULL && subject->missing[p])
                continue;
            *value_out += across[i] * down[j] * subject->voxel[p];
            *there_out += across[i] * down[j];
        }
}

/* The scanned region: its lateral shift goes straight from slice to slice. */
static bool inside(const struct ivx_stack *s, double u, double v, double mm, double half)
{
    const double w = slice_position(s, mm);
    const int k = clamp((int)floor(w), s->slices),
              l = clamp((int)floor(w) + 1, s->slices);
    const double f = w < 0 ? 0 : w - floor(w);
    const double x = (u - s->shift_row[k] - f * (s->shift_row[l] - s->shift_row[k]))
                     / s->column_spacing;
    const double y =
        (v - s->shift_column[k] - f * (s->shift_column[l] - s->shift_column[k]))
        / s->row_spacing;
    return w >= -half && w <= s->slices - 1 + half && x >= -half
           && x <= s->columns - 1 + half && y >= -half && y <= s->rows - 1 + half;
}

/* The quotient of value times presence, and presence; limited when that is asked for. */
static void settle(struct verdict *verdict, const struct ivx_resample_options *options,
                   double value, double there)
{
    verdict->doubtful |= fabs(there - 0.5) < 1e-5;
    verdict->padded = there < 0.5;
    if (there < 0.5 && !verdict->doubtful)
        return;
    verdict->background = false;
    verdict->value = value / there;
    if (options->clamp)
        verdict->value = fmin(fmax(verdict->value, (double)options->least),
                              (double)options->most);
}

struct verdict oracle_at(const struct subject *subject, const struct ivx_grid *grid,
                         const struct ivx_resample_options *options, int32_t i, int32_t j,
                         int32_t m)
{
    const struct ivx_stack *s = &subject->stack;
    const double half = options->boundary == IVX_BOUNDARY_BACKGROUND ? 0 : 0.5;
    double from[3], value[MOST], there[MOST];
    for (int c = 0; c < 3; c++)
        from[c] = grid->origin[c] - s->origin[c];
    const double u = dot(from, s->row) + i * grid->spacing[0];
    const double v = dot(from, s->column) + j * grid->spacing[1];
    const double mm = dot(from, s->normal) + m * grid->spacing[2];

    struct verdict verdict = { options->background, true, false, false };
    verdict.doubtful =
        inside(s, u, v, mm, half - 1e-7) != inside(s, u, v, mm, half + 1e-7);
    if (!inside(s, u, v, mm, half + (verdict.doubtful ? 1e-7 : 0)))
        return verdict;
    for (int k = 0; k < s->slices; k++)
        slice_at(subject, options, grid->spacing, k, u, v, &value[k], &there[k]);
    settle(&verdict, options, along(s, options, grid->spacing[2], value, mm),
           along(s, options, grid->spacing[2], there, mm));
    return verdict;
}

/* ---- docs/adr/0007-gather.md: the lattice of the slices themselves ------------------------ */

static double *copy_line(const double *from, ptrdiff_t stride, int n)
{
    double *line = calloc((size_t)n, sizeof *line);
    for (int k = 0; k < n; k++)
        line[k] = from[k * stride];
    return line;
}

/* Against aliasing: every sample becomes a mean of its neighbours along one axis. */
static void smooth(const struct ivx_resample_options *options, double target, double spacing,
                   double *at, ptrdiff_t stride, int n)
{
    const double stretch = stretch_of(options, target, spacing);
    const double sigma = sigma_of(options, target, spacing);
    const enum ivx_kernel fir =
        options->kernel == IVX_BSPLINE3 ? IVX_LANCZOS3 : options->kernel;
    const int reach = sigma > 0 ? (int)(4 * sigma + 0.5) : (int)ceil(3 * stretch);
    double *line = copy_line(at, stride, n);
    for (int k = 0; k < n && reach > 0 && (stretch > 1 || sigma > 0); k++) {
        double sum = 0, value = 0;
        for (int m = -reach; m <= reach; m++) {
            const double w = sigma > 0 ? exp(-0.5 * m * m / sigma / sigma)
                                       : kernel_at(fir, m / stretch);
            sum += w;
            value += w * line[place(options, k + m, n)];
        }
        at[k * stride] = value / sum;
    }
    free(line);
}

static void smooth_all(const struct lattice *lattice, const double target[3], double *field)
{
    const struct ivx_stack *s = &lattice->subject->stack;
    const int n[3] = { s->columns, s->rows, s->slices };
    const ptrdiff_t stride[3] = { 1, n[0], (ptrdiff_t)n[0] * n[1] };
    const double spacing[3] = { s->column_spacing, s->row_spacing, median_free_gap(s) };
    for (int a = 0; a < 3; a++)
        for (ptrdiff_t p = 0; p < stride[2] * n[2]; p++)
            if (p / stride[a] % n[a] == 0)
                smooth(&lattice->options, target[a], spacing[a], field + p, stride[a], n[a]);
}

void lattice_make(const struct subject *subject, const struct ivx_resample_options *options,
                  const double target[3], struct lattice *out)
{
    const struct ivx_stack *s = &subject->stack;
    const size_t count = (size_t)s->columns * s->rows * s->slices;
    *out = (struct lattice){ subject, *options, calloc(count, sizeof(double)),
                             calloc(count, sizeof(double)) };
    for (size_t p = 0; p < count; p++) {
        out->there[p] = subject->missing == NULL || subject->missing[p] == 0;
        out->value[p] = out->there[p] > 0 ? (double)subject->voxel[p] : 0;
    }
    smooth_all(out, target, out->value);
    smooth_all(out, target, out->there);
    out->options.antialias = IVX_ANTIALIAS_OFF;
}

void lattice_free(struct lattice *lattice)
{
    free(lattice->value);
    free(lattice->there);
}

struct verdict lattice_at(const struct lattice *lattice, const double mm[3])
{
    const struct ivx_resample_options *options = &lattice->options;
    const struct ivx_stack *s = &lattice->subject->stack;
    const double half = options->boundary == IVX_BOUNDARY_BACKGROUND ? 0 : 0.5;
    const double from[3] = { mm[0] - s->origin[0], mm[1] - s->origin[1],
                             mm[2] - s->origin[2] };
    const double u = dot(from, s->row), v = dot(from, s->column), up = dot(from, s->normal);
    const double z = slice_position(s, up), f = z < 0 ? 0 : z - floor(z);
    const int k = clamp((int)floor(z), s->slices), l = clamp((int)floor(z) + 1, s->slices);
    const double x = (u - s->shift_row[k] - f * (s->shift_row[l] - s->shift_row[k]))
                     / s->column_spacing;
    const double y =
        (v - s->shift_column[k] - f * (s->shift_column[l] - s->shift_column[k]))
        / s->row_spacing;
    struct verdict verdict = { options->background, true, false, false };
    verdict.doubtful =
        inside(s, u, v, up, half - 1e-7) != inside(s, u, v, up, half + 1e-7);
    if (!inside(s, u, v, up, half + (verdict.doubtful ? 1e-7 : 0)))
        return verdict;
    double across[MOST], down[MOST], value[MOST] = { 0 }, there[MOST] = { 0 };
    weights(options, 1, 1, quantum(x), s->columns, across);
    weights(options, 1, 1, quantum(y), s->rows, down);
    for (ptrdiff_t p = 0; p < (ptrdiff_t)s->columns * s->rows * s->slices; p++) {
        const ptrdiff_t slice = p / s->columns / s->rows;
        const double w = across[p % s->columns] * down[p / s->columns % s->rows];
        value[slice] += w * lattice->value[p];
        there[slice] += w * lattice->there[p];
    }
    settle(&verdict, options, along(s, options, 0, value, up), along(s, options, 0, there, up));
    return verdict;
}
