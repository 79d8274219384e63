/* oracle_lattice.c - docs/adr/0007-gather.md: the lattice of the slices themselves. */
#include <math.h>
#include <stdlib.h>

#include "oracle.h"
#include "oracle_parts.h"

static double *copy_line(const double *from, ptrdiff_t stride, int n)
{
    double *line = calloc((size_t)n, sizeof *line);
    for (int k = 0; k < n; k++)
        line[k] = from[k * stride];
    return line;
}

/* Against aliasing: every sample becomes a mean of its neighbours along one axis. */
static void smooth(const struct ivx_resample_options *options, double target,
                   double spacing, double *at, ptrdiff_t stride, int n)
{
    const double stretch = oracle_stretch(options, target, spacing);
    const double sigma = oracle_sigma(options, target, spacing);
    const enum ivx_kernel fir =
        options->kernel == IVX_BSPLINE3 ? IVX_LANCZOS3 : options->kernel;
    const int reach = sigma > 0 ? (int)(4 * sigma + 0.5) : (int)ceil(3 * stretch);
    double *line = copy_line(at, stride, n);
    for (int k = 0; k < n && reach > 0 && (stretch > 1 || sigma > 0); k++) {
        double sum = 0, value = 0;
        for (int m = -reach; m <= reach; m++) {
            const double w = sigma > 0 ? exp(-0.5 * m * m / sigma / sigma)
                                       : oracle_kernel(fir, m / stretch);
            sum += w;
            value += w * line[oracle_place(options, k + m, n)];
        }
        at[k * stride] = value / sum;
    }
    free(line);
}

static void smooth_all(const struct lattice *lattice, const double target[3],
                       double *field)
{
    const struct ivx_stack *s = &lattice->subject->stack;
    const int n[3] = { s->columns, s->rows, s->slices };
    const ptrdiff_t stride[3] = { 1, n[0], (ptrdiff_t)n[0] * n[1] };
    const double spacing[3] = { s->column_spacing, s->row_spacing, oracle_mean_gap(s) };
    for (int a = 0; a < 3; a++)
        for (ptrdiff_t p = 0; p < stride[2] * n[2]; p++)
            if (p / stride[a] % n[a] == 0)
                smooth(&lattice->options, target[a], spacing[a], field + p, stride[a],
                       n[a]);
}

void lattice_make(const struct subject *subject,
                  const struct ivx_resample_options *options, const double target[3],
                  struct lattice *out)
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
    const double u = oracle_dot(from, s->row), v = oracle_dot(from, s->column),
                 up = oracle_dot(from, s->normal);
    const double z = oracle_position(s, up), f = z < 0 ? 0 : z - floor(z);
    const int k = oracle_clamp((int)floor(z), s->slices),
              l = oracle_clamp((int)floor(z) + 1, s->slices);
    const double x = (u - s->shift_row[k] - f * (s->shift_row[l] - s->shift_row[k]))
                     / s->column_spacing;
    const double y =
        (v - s->shift_column[k] - f * (s->shift_column[l] - s->shift_column[k]))
        / s->row_spacing;
    struct verdict verdict = { options->background, true, false, false };
    verdict.doubtful = oracle_inside(s, u, v, up, half - 1e-7)
                       != oracle_inside(s, u, v, up, half + 1e-7);
    if (!oracle_inside(s, u, v, up, half + (verdict.doubtful ? 1e-7 : 0)))
        return verdict;
    double across[ORACLE_MOST], down[ORACLE_MOST], value[ORACLE_MOST] = { 0 },
                                                   there[ORACLE_MOST] = { 0 };
    oracle_weights(options, 1, 1, oracle_quantum(x), s->columns, across);
    oracle_weights(options, 1, 1, oracle_quantum(y), s->rows, down);
    for (ptrdiff_t p = 0; p < (ptrdiff_t)s->columns * s->rows * s->slices; p++) {
        const ptrdiff_t slice = p / s->columns / s->rows;
        const double w = across[p % s->columns] * down[p / s->columns % s->rows];
        value[slice] += w * lattice->value[p];
        there[slice] += w * lattice->there[p];
    }
    oracle_settle(&verdict, options, oracle_along(s, options, 0, value, up),
                  oracle_along(s, options, 0, there, up));
    return verdict;
}
