#include "field.h"

#include <string.h>

#include "room.h"

size_t ivx_field_bytes(int32_t columns, int32_t rows, int32_t slices, bool slopes)
{
    const size_t margin = IVX_FIELD_LOW + IVX_FIELD_HIGH;
    size_t bytes = slopes ? 2 * sizeof(float) : sizeof(float);
    if (__builtin_mul_overflow(bytes, (size_t)columns + margin, &bytes)
        || __builtin_mul_overflow(bytes, (size_t)rows + margin, &bytes)
        || __builtin_mul_overflow(bytes, (size_t)slices, &bytes))
        return SIZE_MAX;
    return bytes;
}

bool ivx_field_new(struct ivx_workspace *workspace, const struct ivx_field *like, bool slopes,
                   struct ivx_field *out, struct ivx_err *err)
{
    const size_t margin = IVX_FIELD_LOW + IVX_FIELD_HIGH;
    const size_t bytes = ivx_field_bytes(like->columns, like->rows, like->slices, false);
    struct ivx_field made = *like;
    made.pitch = (size_t)like->columns + margin;
    made.plane = made.pitch * ((size_t)like->rows + margin);
    made.value = made.slope = NULL;
    if (bytes != SIZE_MAX) {
        made.value = ivx_room(workspace, 1, bytes);
        made.slope = slopes ? ivx_room(workspace, 1, bytes) : NULL;
    }
    if (made.value == NULL || (slopes && made.slope == NULL))
        return ivx_fail(err, IVX_FULL, "gather: no memory for %d x %d x %d voxels",
                        like->columns, like->rows, like->slices);
    *out = made;
    return true;
}

bool ivx_prepare_make(struct ivx_workspace *workspace, const struct ivx_shape *shape,
                      struct ivx_prepare *out, struct ivx_err *err)
{
    const bool gauss = shape->sigma > 0;
    const double reach = ivx_kernel_radius(shape->kernel) * shape->stretch;
    const int32_t radius = gauss ? ivx_gauss_reach(shape->sigma) : -ivx_floor(-reach) - 1;
    *out = (struct ivx_prepare){ NULL, 0, false };
    if (radius == 0 || !(gauss || shape->stretch > 1))
        return true;
    out->weight = ivx_room(workspace, 2 * (size_t)radius + 1, sizeof *out->weight);
    if (out->weight == NULL)
        return ivx_fail(err, IVX_FULL, "gather: no memory for %d weights", 2 * radius + 1);
    out->radius = radius;
    if (gauss) {
        ivx_gauss_weights(shape->sigma, out->weight + radius);
        for (int32_t n = 1; n <= radius; n++)
            out->weight[radius - n] = out->weight[radius + n];
        return true;
    }
    double sum = 0;
    for (int32_t n = -radius; n <= radius; n++)
        sum += out->weight[n + radius] = ivx_kernel_at(shape->kernel, n / shape->stretch);
    for (int32_t n = 0; n <= 2 * radius; n++)
        out->weight[n] /= sum;
    return true;
}

size_t ivx_field_scratch(const struct ivx_field *field)
{
    int32_t most = field->columns > field->rows ? field->columns : field->rows;
    most = most > field->slices ? most : field->slices;
    return 2 * IVX_FIELD_LANES * ((size_t)most + IVX_FIELD_LOW + IVX_FIELD_HIGH);
}
