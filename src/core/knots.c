#include "knots.h"

#include <string.h>

#include "room.h"

#define SAME_GAP 1e-5
#define FARTHEST 4194304.0 /* samples beyond the ends */
/* Of the quadratures: per unit of a stretched kernel; per sigma, and sigmas. */
enum { STEPS = 16, GAUSS_STEPS = 8, GAUSS_REACH = 4 };

static double gap(const struct ivx_knots *knots, int32_t k)
{
    const int32_t last = knots->slices - 2;
    k = k < 0 ? 0 : k > last ? last : k;
    return knots->t[k + 1] - knots->t[k];
}

void ivx_knots_init(struct ivx_knots *knots, const struct ivx_stack *stack,
                    enum ivx_boundary boundary)
{
    const int32_t n = stack->slices;
    *knots = (struct ivx_knots){ n, true, 0, stack->t, boundary == IVX_BOUNDARY_MIRROR };
    if (n == 1) { /* no gap says how thick it is: as thick as its pixels are wide */
        knots->mean = stack->column_spacing > stack->row_spacing ? stack->column_spacing
                                                                 : stack->row_spacing;
        return;
    }
    knots->mean = (stack->t[n - 1] - stack->t[0]) / (n - 1);
    for (int32_t k = 0; k < n - 1; k++) {
        const double off = gap(knots, k) / knots->mean - 1;
        if (!(off <= SAME_GAP && off >= -SAME_GAP))
            knots->regular = false;
    }
}

/* The last slice not above mm; -1 below the first. */
static int32_t slice_below(const struct ivx_knots *knots, double mm)
{
    int32_t low = -1, high = knots->slices;
    while (high - low > 1) {
        const int32_t middle = low + (high - low) / 2;
        if (knots->t[middle] - knots->t[0] <= mm)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The outermost gap may be tiny: far outside is far outside, and the quantum has a limit. */
static double within_reach(double samples)
{
    return samples > FARTHEST ? FARTHEST : samples < -FARTHEST ? -FARTHEST : samples;
}

double ivx_knots_position(const struct ivx_knots *knots, double mm)
{
    if (knots->slices == 1)
        return ivx_quantise(within_reach(mm / knots->mean));

    int32_t k = slice_below(knots, mm);
    const double size = gap(knots, k);
    k = k < 0 ? 0 : k;
    return k + ivx_quantise(within_reach((mm - (knots->t[k] - knots->t[0])) / size));
}

double ivx_knots_shift(const struct ivx_knots *knots, const double *shift,
                       double position)
{
    const int32_t last = knots->slices - 1;
    const int32_t k = ivx_floor(position);
    if (k < 0)
        return shift[0];
    if (k >= last)
        return shift[last];
    return shift[k] + (shift[k + 1] - shift[k]) * (position - k);
}

struct ivx_shape ivx_knots_shape(const struct ivx_knots *knots, double target,
                                 const struct ivx_resample_options *options)
{
    struct ivx_shape shape = ivx_shape_of(options, target, knots->mean);
    /* A windowed sinc of irregular samples means nothing: the C2 cubic stands in. */
    if (!knots->regular
        && (shape.kernel == IVX_CATMULL_ROM || shape.kernel == IVX_LANCZOS3))
        shape.spline = true;
    return shape;
}

/* Where a height beyond the ends of mirrored slices comes from. */
static double inside(const struct ivx_knots *knots, double mm)
{
    const double height = knots->t[knots->slices - 1] - knots->t[0];
    while (knots->mirror && (mm < 0 || mm > height))
        mm = mm < 0 ? -mm : 2 * height - mm;
    return mm;
}

/* Add the interpolant at `mm`, times w, to value[] and slope[], which start at sample
 * `first`. */
static void add_point(const struct ivx_knots *knots, bool spline, double mm, double w,
                      int32_t first, double *value, double *slope)
{
    const int32_t last = knots->slices - 1;
    const double u = ivx_knots_position(knots, inside(knots, mm));
    const int32_t k = ivx_floor(u);
    const double f = u - k, size = gap(knots, k);
    double at[2] = { 1 - f, f }, rise[2] = { 0, 0 };
    double fade = 1;

    if (spline)
        ivx_hermite(f, at, rise);
    if (k >= 0 && k < last) {
        value[k - first] += w * at[0];
        value[k + 1 - first] += w * at[1];
        slope[k - first] += w * rise[0] * size;
        slope[k + 1 - first] += w * rise[1] * size;
        return;
    }
    /* Beyond the edge: values stay, slopes fade by the pole per sample. */
    const int32_t edge = k < 0 ? 0 : last;
    for (int32_t n = k < 0 ? -1 - k : k - last; n > 0 && fade * fade > 1e-24; n--)
        fade *= IVX_SPLINE_POLE;
    const double near = k < 0 ? rise[1] : rise[0], far = k < 0 ? rise[0] : rise[1];
    value[edge - first] += w;
    slope[edge - first] += w * size * fade * (near + IVX_SPLINE_POLE * far);
}

/* The heights around `mm` that a kernel sees; mirrored at the ends it sees what is there
 * twice, from as far inside as it reaches outside. */
static void heights(const struct ivx_knots *knots, double mm, double reach, double *low_out,
                    double *high_out)
{
    const double height = knots->t[knots->slices - 1] - knots->t[0];
    const double low = mm - reach, high = mm + reach;
    *low_out = low;
    *high_out = high;
    if (knots->mirror && 2 * height - high < low)
        *low_out = 2 * height - high;
    if (knots->mirror && -low > high)
        *high_out = -low;
}

/* The samples that the kernel around `mm` reaches. */
static void span(const struct ivx_knots *knots, double mm, double reach,
                 int32_t *first_out, int32_t *last_out)
{
    const int32_t last = knots->slices - 1;
    double from, to;
    heights(knots, mm, reach, &from, &to);
    const int32_t low = slice_below(knots, from), high = slice_below(knots, to) + 1;
    *first_out = low < 0 ? 0 : low;
    *last_out = high > last ? last : high;
}

static double reach_mm(const struct ivx_knots *knots, const struct ivx_shape *shape)
{
    if (shape->sigma > 0)
        return GAUSS_REACH * shape->sigma * knots->mean;
    if (shape->stretch <= 1)
        return 0;
    return ivx_kernel_radius(shape->kernel) * shape->stretch * knots->mean;
}

/* Seen through a stretched kernel, or a Gaussian: a mean of the interpolant around mm. */
static void add_mean(const struct ivx_knots *knots, const struct ivx_table *table, double mm,
                     int32_t first)
{
    const struct ivx_shape *shape = &table->shape;
    const bool gauss = shape->sigma > 0;
    const int steps =
        gauss ? GAUSS_STEPS * GAUSS_REACH : STEPS * ivx_kernel_radius(shape->kernel);
    const double unit = gauss ? shape->sigma * knots->mean / GAUSS_STEPS
                              : shape->stretch * knots->mean / STEPS;
    double *value = table->scratch, *slope = value + table->most, sum = 0;

    for (int n = -steps; n <= steps; n++) {
        const double w = gauss ? ivx_gauss_at((double)n / GAUSS_STEPS)
                               : ivx_kernel_at(shape->kernel, (double)n / STEPS);
        add_point(knots, shape->spline, mm + n * unit, w, first, value, slope);
        sum += w;
    }
    for (int32_t n = 0; n < 2 * table->most; n++)
        table->scratch[n] /= sum;
}

/* Irregular slices: the interpolant through the true positions, at one point, or seen
 * through a kernel against aliasing. */
static void irregular_row(const struct ivx_knots *knots, struct ivx_table *table,
                          int32_t i, double mm)
{
    const struct ivx_shape *shape = &table->shape;
    double *value = table->scratch, *slope = value + table->most;
    int32_t first, last;

    span(knots, mm, reach_mm(knots, shape), &first, &last);
    memset(table->scratch, 0, 2 * (size_t)table->most * sizeof *value);
    if (shape->stretch <= 1 && !(shape->sigma > 0))
        add_point(knots, shape->spline, mm, 1, first, value, slope);
    else
        add_mean(knots, table, mm, first);
    ivx_table_store(table, i, first, last - first + 1, value,
                    shape->spline ? slope : NULL);
}

static int32_t clamp(const struct ivx_knots *knots, int32_t k)
{
    return k < 0 ? 0 : k > knots->slices - 1 ? knots->slices - 1 : k;
}

void ivx_knots_reach(const struct ivx_knots *knots, const struct ivx_shape *shape,
                     double mm, int32_t *first_out, int32_t *last_out)
{
    const double u = ivx_knots_position(knots, mm);
    const int32_t k = ivx_floor(u);
    int32_t first = k, last = u > k ? k + 1 : k;

    if (shape->kernel == IVX_NEAREST) {
        first = last = -ivx_floor(0.5 - u);
    } else if (shape->stretch > 1 || shape->sigma > 0) {
        double from, to;
        heights(knots, mm, reach_mm(knots, shape), &from, &to);
        first = slice_below(knots, from) + 1;
        last = slice_below(knots, to);
    } else if (u > k && shape->kernel != IVX_LINEAR) {
        const int more = shape->spline ? 1 : ivx_kernel_radius(shape->kernel) - 1;
        first -= more;
        last += more;
    }
    if (knots->mirror) {
        const int32_t far = 2 * (knots->slices - 1) - last, near = -first;
        first = far < first ? far : first;
        last = near > last ? near : last;
    }
    *first_out = clamp(knots, first);
    *last_out = clamp(knots, last < first ? first : last);
}

int32_t ivx_knots_taps(const struct ivx_knots *knots, const struct ivx_shape *shape,
                       double base, double step, int32_t outputs)
{
    int32_t most = 2;
    if (knots->regular)
        return ivx_shape_taps(shape);
    for (int32_t m = 0; m < outputs; m++) {
        int32_t first, last;
        span(knots, base + m * step, reach_mm(knots, shape), &first, &last);
        most = last - first + 1 > most ? last - first + 1 : most;
    }
    return most;
}

bool ivx_knots_table(const struct ivx_knots *knots, const struct ivx_shape *shape,
                     double base, double step, int32_t outputs,
                     struct ivx_workspace *workspace, struct ivx_table *out,
                     struct ivx_err *err)
{
    const int32_t most = ivx_knots_taps(knots, shape, base, step, outputs);
    if (!ivx_table_new(workspace, out, outputs, knots->slices, shape, most, err))
        return false;

    for (int32_t m = 0; m < outputs; m++) {
        const double mm = base + m * step;
        const double u = ivx_knots_position(knots, mm);
        const bool inside = u >= -0.5 && u <= knots->slices - 0.5;
        if (knots->regular || !inside || shape->kernel == IVX_NEAREST)
            ivx_table_row(out, m, u);
        else
            irregular_row(knots, out, m, mm);
    }
    return true;
}

/* The rows of the tridiagonal system for slopes d (C2 at every knot):
 *   h[i] d[i-1] + 2 (h[i-1] + h[i]) d[i] + h[i-1] d[i+1]
 *     = 3 (D[i-1] h[i] / h[i-1] + D[i] h[i-1] / h[i]),  D[i] = x[i+1] - x[i].
 * Beyond the ends gaps and values repeat, so d fades by the pole per sample; mirrored, d is
 * 0 at the ends and no equation is needed there. */
struct system {
    double *below, *middle, *above, *right;
};

/* Solve transpose(A) y = unit vector k; the result is in system->right. */
static void influence(const struct ivx_knots *knots, struct system *system, int32_t k)
{
    const int32_t n = knots->slices;
    double *y = system->right;

    for (int32_t i = 0; i < n; i++) {
        /* Row i of the transpose: what the equations i-1, i, i+1 say of d[i]. */
        system->below[i] = gap(knots, i - 2);
        system->middle[i] = 2 * (gap(knots, i - 1) + gap(knots, i));
        system->above[i] = gap(knots, i + 1);
        y[i] = i == k;
    }
    if (knots->mirror) {
        system->above[0] = system->below[n - 1] = y[0] = y[n - 1] = 0;
    } else {
        system->middle[0] += IVX_SPLINE_POLE * gap(knots, 0);
        system->middle[n - 1] += IVX_SPLINE_POLE * gap(knots, n - 2);
    }
    for (int32_t i = 1; i < n; i++) {
        const double factor = system->below[i] / system->middle[i - 1];
        system->middle[i] -= factor * system->above[i - 1];
        y[i] -= factor * y[i - 1];
    }
    y[n - 1] /= system->middle[n - 1];
    for (int32_t i = n - 2; i >= 0; i--)
        y[i] = (y[i] - system->above[i] * y[i + 1]) / system->middle[i];
}

bool ivx_knots_slopes(const struct ivx_knots *knots, struct ivx_workspace *workspace,
                      float *weight, struct ivx_err *err)
{
    const int32_t n = knots->slices;
    double *memory = ivx_room(workspace, 4 * (size_t)n, sizeof *memory);
    if (memory == NULL)
        return ivx_fail(err, IVX_FULL, "resample: no memory for %d slices", n);

    struct system system = { memory, memory + n, memory + 2 * n, memory + 3 * n };
    for (int32_t k = 0; k < n; k++) {
        influence(knots, &system, k);
        for (int32_t r = 0; r < 2 * IVX_REACH; r++) {
            const int32_t j = k - IVX_REACH + r;
            double w = 0;
            if (j >= 0 && j < n - 1)
                w = 3
                    * (system.right[j] * gap(knots, j - 1)
                       + system.right[j + 1] * gap(knots, j + 1))
                    / gap(knots, j);
            weight[(size_t)k * 2 * IVX_REACH + r] = (float)w;
        }
    }
    return true;
}
