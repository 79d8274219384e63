#include "table.h"

#include "room.h"


static double magnitude(double x)
{
    return x < 0 ? -x : x;
}

/* Rounds to a whole number, half to even; |x| < 2^51. */
static double whole(double x)
{
    const double shifted = x + 6755399441055744.0; /* 1.5 * 2^52 */
    return shifted - 6755399441055744.0;
}

/* sin(pi x), the same on every machine: libm's differs between C libraries. */
static double sinpi(double x)
{
    static const double taylor[] = {
        /* (-1)^n / (2n+1)! */
        1.0,
        -1.0 / 6,
        1.0 / 120,
        -1.0 / 5040,
        1.0 / 362880,
        -1.0 / 39916800,
        1.0 / 6227020800.0,
        -1.0 / 1307674368000.0,
        1.0 / 355687428096000.0,
        -1.0 / 121645100408832000.0,
        1.0 / 51090942171709440000.0,
    };
    const double turns = whole(x);
    const double angle = (x - turns) * 3.14159265358979323846;
    const double square = angle * angle;
    double sum = 0;

    for (int n = sizeof taylor / sizeof *taylor - 1; n >= 0; n--)
        sum = sum * square + taylor[n];
    const bool odd = whole(turns / 2) * 2 != turns;
    return odd ? -angle * sum : angle * sum;
}

static double sinc(double x)
{
    return x == 0 ? 1 : sinpi(x) / (3.14159265358979323846 * x);
}

/* The continuous kernel at distance x, unstretched; 0 at and beyond its radius. */
double ivx_kernel_at(enum ivx_kernel kernel, double x)
{
    const double a = magnitude(x);
    if (a >= ivx_kernel_radius(kernel))
        return 0;

    if (kernel == IVX_LANCZOS3)
        return sinc(a) * sinc(a / 3);
    if (kernel == IVX_LINEAR)
        return 1 - a;
    if (a < 1) /* Keys, a = -1/2 */
        return (1.5 * a - 2.5) * a * a + 1;
    return ((-0.5 * a + 2.5) * a - 4) * a + 2;
}

int ivx_kernel_radius(enum ivx_kernel kernel)
{
    return kernel == IVX_LANCZOS3 ? 3 : kernel == IVX_CATMULL_ROM ? 2 : 1;
}

size_t ivx_table_bytes(int32_t outputs, int32_t most, bool spline)
{
    return (size_t)outputs
               * (sizeof(struct ivx_taps) + (spline ? 2u : 1u) * sizeof(float) * most)
           + IVX_SCRATCH * (size_t)most * sizeof(double);
}

bool ivx_table_new(struct ivx_workspace *workspace, struct ivx_table *table, int32_t outputs,
                   int32_t samples, const struct ivx_shape *shape, int32_t most,
                   struct ivx_err *err)
{
    const size_t per_row = (size_t)most * (shape->spline ? 2 : 1);
    *table = (struct ivx_table){ outputs, samples, most, *shape, .reach = 0 };
    table->reach = ivx_gauss_reach(shape->sigma);
    table->row = ivx_clear_room(workspace, (size_t)outputs, sizeof *table->row);
    table->weight = ivx_clear_room(workspace, (size_t)outputs * per_row, sizeof *table->weight);
    table->scratch = ivx_room(workspace, IVX_SCRATCH * (size_t)most, sizeof *table->scratch);
    table->gauss = ivx_room(workspace, (size_t)table->reach + 1, sizeof *table->gauss);
    if (table->row == NULL || table->weight == NULL || table->scratch == NULL
        || table->gauss == NULL)
        return ivx_fail(err, IVX_FULL, "resample: no memory for a tap table of %d rows",
                        outputs);
    ivx_gauss_weights(shape->sigma, table->gauss);
    return true;
}

/* The taps of one output: those closer to u than the radius. */
struct window {
    int32_t first, count;
    double u, radius;
};

/* What rounding to float left over goes to the largest tap, or to the two largest. */
static void settle(float *w, int32_t n)
{
    int32_t left = 0, right = n - 1;
    double sum = 0;

    for (int32_t i = 0; i < n; i++) {
        sum += w[i];
        if (w[i] > w[left])
            left = i;
    }
    for (int32_t i = n - 1; i >= 0; i--)
        if (w[i] > w[right])
            right = i;
    if (left == right) {
        w[left] = (float)(w[left] + (1 - sum));
    } else {
        w[left] = (float)(w[left] + (1 - sum) / 2);
        w[right] = (float)(w[right] + (1 - sum) / 2);
    }
}

void ivx_table_store(struct ivx_table *table, int32_t i, int32_t first, int32_t count,
                     const double *value, const double *slope)
{
    while (slope == NULL && count > 2 && (float)value[0] == 0
           && (float)value[count - 1] == 0) {
        first++;
        value++;
        count -= 2;
    }
    float *w = (float *)ivx_table_values(table, i);
    for (int32_t n = 0; n < count; n++)
        w[n] = (float)value[n];
    settle(w, count);
    for (int32_t n = 0; slope != NULL && n < count; n++)
        w[table->most + n] = (float)slope[n];
    table->row[i] = (struct ivx_taps){ first, count };
}

static void spline_row(struct ivx_table *table, int32_t i, double u)
{
    const int32_t k = ivx_floor(u);
    double *value = table->scratch, *slope = value + table->most;
    int32_t first = k, count = u == k ? 1 : 2;

    value[0] = 1;
    slope[0] = 0;
    if (count == 2)
        ivx_hermite(u - k, value, slope);
    if (table->reach > 0) {
        ivx_smear(table, value, count);
        ivx_smear(table, slope, count);
        first -= table->reach;
        count += 2 * table->reach;
    }
    ivx_fold(table, i, first, count, value, slope);
}

static void nearest_row(struct ivx_table *table, int32_t i, double u)
{
    const int32_t n = table->samples;
    int32_t k = -ivx_floor(0.5 - u); /* half-way goes to the lower sample */
    if (table->shape.mirror)
        k = ivx_mirror(k, n);
    k = k < 0 ? 0 : k > n - 1 ? n - 1 : k;
    ivx_table_store(table, i, k, 1, (double[]){ 1 }, NULL);
}

/* The sum of w * x, or w * x * x, over distances x from u; mirrored taps, mirrored bits.
 */
static double moment_of(const double *w, const struct window *at, bool squared)
{
    double sum = 0;
    for (int32_t n = 0; n < (at->count + 1) / 2; n++) {
        const int32_t far = at->count - 1 - n;
        const double a = at->first + n - at->u, b = at->first + far - at->u;
        const double here = w[n] * a * (squared ? a : 1);
        const double there = far == n ? 0 : w[far] * b * (squared ? b : 1);
        sum += here + there;
    }
    return sum;
}

/* First moment 0, so that ramps stay ramps: by the least change, weighted by a tent over
 * the support, so that a tap which enters the support enters with weight 0. */
static void straighten(double *w, double *tent, const struct window *at)
{
    for (int32_t n = 0; n < at->count; n++)
        tent[n] = 1 - magnitude(at->first + n - at->u) / at->radius;
    const double all = ivx_paired_sum(tent, at->count);
    const double middle = moment_of(tent, at, false) / all;
    const double width = moment_of(tent, at, true) - middle * middle * all;
    if (!(width > 0))
        return;
    const double tilt = moment_of(w, at, false) / width;
    for (int32_t n = 0; n < at->count; n++)
        w[n] -= tilt * tent[n] * (at->first + n - at->u - middle);
}

static void kernel_row(struct ivx_table *table, int32_t i, double u)
{
    const struct ivx_shape *shape = &table->shape;
    const double radius = ivx_kernel_radius(shape->kernel) * shape->stretch;
    int32_t first = ivx_floor(u - radius) - 1, count = 0;

    while (!(u - first < radius))
        first++;
    while (first + count - u < radius) {
        table->scratch[count] =
            ivx_kernel_at(shape->kernel, (u - (first + count)) / shape->stretch);
        count++;
    }
    const double sum = ivx_paired_sum(table->scratch, count);
    for (int32_t n = 0; n < count; n++)
        table->scratch[n] /= sum;
    if (shape->kernel == IVX_LANCZOS3 || shape->stretch > 1)
        straighten(table->scratch, table->scratch + table->most,
                   &(struct window){ first, count, u, radius });
    if (table->reach > 0) {
        ivx_smear(table, table->scratch, count);
        first -= table->reach;
        count += 2 * table->reach;
    }
    ivx_fold(table, i, first, count, table->scratch, NULL);
}

void ivx_table_row(struct ivx_table *table, int32_t i, double u)
{
    if (!(u >= -0.5 && u <= table->samples - 0.5))
        table->row[i] = (struct ivx_taps){ 0, 0 };
    else if (table->shape.spline)
        spline_row(table, i, u);
    else if (table->shape.kernel == IVX_NEAREST)
        nearest_row(table, i, u);
    else
        kernel_row(table, i, u);
}

void ivx_table_lattice(struct ivx_table *table, double base, double step)
{
    for (int32_t i = 0; i < table->outputs; i++)
        ivx_table_row(table, i, ivx_quantise(base + i * step));
}

uint64_t ivx_digest(uint64_t digest, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    for (size_t n = 0; n < length; n++)
        digest = (digest ^ byte[n]) * 1099511628211ULL;
    return digest;
}

uint64_t ivx_table_digest(uint64_t digest, const struct ivx_table *table)
{
    for (int32_t i = 0; i < table->outputs; i++) {
        const size_t used = sizeof(float) * (size_t)table->row[i].count;
        digest = ivx_digest(digest, &table->row[i], sizeof table->row[i]);
        digest = ivx_digest(digest, ivx_table_values(table, i), used);
        if (table->shape.spline)
            digest = ivx_digest(digest, ivx_table_slopes(table, i), used);
    }
    return digest;
}
