#include "knots.h"

#include <stdlib.h>
#include <string.h>

#define SAME_GAP 1e-5
enum { STEPS = 16 }; /* of the quadrature, per unit of a stretched kernel */

static double gap(const struct ivx_knots *knots, int32_t k)
{
    const int32_t last = knots->slices - 2;
    k = k < 0 ? 0 : k > last ? last : k;
    return knots->t[k + 1] - knots->t[k];
}

void ivx_knots_init(struct ivx_knots *knots, const struct ivx_stack *stack)
{
    const int32_t n = stack->slices;
    *knots = (struct ivx_knots){ n, true, 0, stack->t };
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

double ivx_knots_position(const struct ivx_knots *knots, double mm)
{
    if (knots->slices == 1)
        return ivx_quantise(mm / knots->mean);

    int32_t k = slice_below(knots, mm);
    const double size = gap(knots, k);
    k = k < 0 ? 0 : k;
    return k + ivx_quantise((mm - (knots->t[k] - knots->t[0])) / size);
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
    struct ivx_shape shape =
        ivx_shape_of(options->kernel, options->antialias, target, knots->mean);
    /* A windowed sinc of irregular samples means nothing: the C2 cubic stands in. */
    if (!knots->regular
        && (shape.kernel == IVX_CATMULL_ROM || shape.kernel == IVX_LANCZOS3))
        shape.spline = true;
    return shape;
}

/* Add the interpolant at `mm`, times w, to value[] and slope[], which start at sample
 * `first`. */
static void add_point(const struct ivx_knots *knots, bool spline, double mm, double w,
                      int32_t first, double *value, double *slope)
{
    const int32_t last = knots->slices - 1;
    const double u = ivx_knots_position(knots, mm);
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

/* The samples that the kernel around `mm` reaches. */
static void span(const struct ivx_knots *knots, double mm, double reach,
                 int32_t *first_out, int32_t *last_out)
{
    const int32_t last = knots->slices - 1;
    const int32_t low = slice_below(knots, mm - reach),
                  high = slice_below(knots, mm + reach) + 1;
    *first_out = low < 0 ? 0 : low;
    *last_out = high > last ? last : high;
}

static double reach_mm(const struct ivx_knots *knots, const struct ivx_shape *shape)
{
    if (shape->stretch <= 1)
        return 0;
    return ivx_kernel_radius(shape->kernel) * shape->stretch * knots->mean;
}

/* Irregular slices: the interpolant through the true positions, at one point, or seen
 * through the stretched kernel when the axis is reduced. */
static void irregular_row(const struct ivx_knots *knots, struct ivx_table *table,
                          int32_t i, double mm)
{
    const struct ivx_shape *shape = &table->shape;
    const double unit = shape->stretch * knots->mean;
    double *value = table->scratch, *slope = value + table->most, sum = 0;
    int32_t first, last;

    span(knots, mm, reach_mm(knots, shape), &first, &last);
    memset(table->scratch, 0, 2 * (size_t)table->most * sizeof *value);
    if (shape->stretch <= 1) {
        add_point(knots, shape->spline, mm, 1, first, value, slope);
    } else {
        const int steps = STEPS * ivx_kernel_radius(shape->kernel);
        for (int n = -steps; n <= steps; n++) {
            const double w = ivx_kernel_at(shape->kernel, (double)n / STEPS);
            add_point(knots, shape->spline, mm + n * unit / STEPS, w, first, value,
                      slope);
            sum += w;
        }
        for (int32_t n = 0; n < 2 * table->most; n++)
            table->scratch[n] /= sum;
    }
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
    } else if (shape->stretch > 1) {
        const double reach = reach_mm(knots, shape);
        first = slice_below(knots, mm - reach) + 1;
        last = slice_below(knots, mm + reach);
    } else if (u > k && shape->kernel != IVX_LINEAR) {
        const int more = shape->spline ? 1 : ivx_kernel_radius(shape->kernel) - 1;
        first -= more;
        last += more;
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
                     double base, double step, int32_t outputs, struct ivx_table *out,
                     struct ivx_err *err)
{
    const int32_t most = ivx_knots_taps(knots, shape, base, step, outputs);
    if (!ivx_table_new(out, outputs, knots->slices, shape, most, err))
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
 * Beyond the ends gaps and values repeat, so d fades by the pole per sample. */
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
    system->middle[0] += IVX_SPLINE_POLE * gap(knots, 0);
    system->middle[n - 1] += IVX_SPLINE_POLE * gap(knots, n - 2);
    for (int32_t i = 1; i < n; i++) {
        const double factor = system->below[i] / system->middle[i - 1];
        system->middle[i] -= factor * system->above[i - 1];
        y[i] -= factor * y[i - 1];
    }
    y[n - 1] /= system->middle[n - 1];
    for (int32_t i = n - 2; i >= 0; i--)
        y[i] = (y[i] - system->above[i] * y[i + 1]) / system->middle[i];
}

bool ivx_knots_slopes(const struct ivx_knots *knots, float *weight, struct ivx_err *err)
{
    const int32_t n = knots->slices;
    double *memory = calloc(4 * (size_t)n, sizeof *memory);
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
    free(memory);
    return true;
}
