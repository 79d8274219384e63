#include "point.h"

#include <string.h>

#include "kernel/weights.h"

/* Four columns at a time. Plain C of both compilers: the same operations in the same order
 * on every processor. */
typedef float four __attribute__((vector_size(16)));

static four load(const float *from)
{
    four value;
    memcpy(&value, from, sizeof value);
    return value;
}

static void table_weights(struct ivx_table *table, double u, struct ivx_point_axis *out)
{
    ivx_table_row(table, 0, u);
    out->first = table->row[0].first;
    out->count = table->row[0].count;
    memcpy(out->weight, ivx_table_values(table, 0), (size_t)out->count * sizeof(float));
}

void ivx_point_axis(enum ivx_kernel kernel, bool spline, double u, struct ivx_table *table,
                    struct ivx_point_axis *out)
{
    *out = (struct ivx_point_axis){ .count = 0 };
    if (!spline && (kernel == IVX_LANCZOS3 || kernel == IVX_NEAREST)) {
        table_weights(table, u, out);
        return;
    }
    const int32_t whole = ivx_floor(u);
    const float f = (float)(u - whole);
    out->first = whole;
    out->count = 2;
    out->weight[0] = 1 - f;
    out->weight[1] = f;
    if (!spline && kernel == IVX_LINEAR)
        return;
    out->first = whole - 1;
    out->count = 4;
    if (spline)
        ivx_spline_weights(f, out->weight);
    else
        ivx_keys_weights(f, out->weight);
}

static void add_plane(const struct ivx_field *field, struct ivx_point_planes *out, int32_t k,
                      bool slope, double weight)
{
    const int32_t last = field->slices - 1;
    if (field->mirror) {
        weight = slope && ivx_mirror_backwards(k, field->slices) ? -weight : weight;
        k = ivx_mirror(k, field->slices);
    }
    k = k < 0 ? 0 : k > last ? last : k;
    const int32_t n = out->count++;
    out->plane[n] = (size_t)k * field->plane;
    out->is_slope[n] = slope;
    out->weight[n] = (float)weight;
}

/* Beyond the ends values stay and slopes fade by the pole: d[-1] = p d[0]; or both are
 * mirrored. */
static void hermite_planes(const struct ivx_field *field, double u, double size,
                           struct ivx_point_planes *out)
{
    const int32_t last = field->slices - 1, k = ivx_floor(u);
    double at[2], rise[2];
    ivx_hermite(u - k, at, rise);
    if (field->mirror || (k >= 0 && k < last)) {
        add_plane(field, out, k, false, at[0]);
        add_plane(field, out, k + 1, false, at[1]);
        add_plane(field, out, k, true, rise[0] * size);
        add_plane(field, out, k + 1, true, rise[1] * size);
        return;
    }
    const double near = k < 0 ? rise[1] : rise[0], far = k < 0 ? rise[0] : rise[1];
    add_plane(field, out, k, false, 1);
    add_plane(field, out, k, true, (near + IVX_SPLINE_POLE * far) * size);
}

void ivx_point_planes(const struct ivx_field *field, enum ivx_kernel kernel, bool cubic,
                      double u, double size, struct ivx_table *table,
                      struct ivx_point_planes *out)
{
    out->count = 0;
    if (cubic) {
        hermite_planes(field, u, size, out);
        return;
    }
    struct ivx_point_axis axis;
    ivx_point_axis(kernel, false, u, table, &axis);
    for (int32_t n = 0; n < axis.count; n++)
        add_plane(field, out, axis.first + n, false, (double)axis.weight[n]);
}

static float sum_of(four columns, const float *w)
{
    return (columns[0] * w[0] + columns[3] * w[3]) + (columns[1] * w[1] + columns[2] * w[2]);
}

float ivx_point_value(const struct ivx_field *field, const struct ivx_point_axis *x,
                      const struct ivx_point_axis *y, const struct ivx_point_planes *z)
{
    four low = { 0 }, high = { 0 };
    const size_t corner = (size_t)(y->first + IVX_FIELD_LOW) * field->pitch
                          + (size_t)(x->first + IVX_FIELD_LOW);
    for (int32_t n = 0; n < z->count; n++) {
        const float *row = (z->is_slope[n] ? field->slope : field->value) + z->plane[n] + corner;
        for (int32_t j = 0; j < y->count; j++, row += field->pitch) {
            const float w = z->weight[n] * y->weight[j];
            const four weight = { w, w, w, w };
            low += weight * load(row);
            if (x->count > 4)
                high += weight * load(row + 4);
        }
    }
    const float sum = sum_of(low, x->weight);
    return x->count > 4 ? sum + sum_of(high, x->weight + 4) : sum;
}
