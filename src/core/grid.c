#include "isovox/core/grid.h"

#include <stddef.h>

#define TOLERANCE 1e-4

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static bool finite(double value)
{
    return value - value == 0;
}

static bool near(double value, double expected)
{
    return value >= expected - TOLERANCE && value <= expected + TOLERANCE;
}

static double determinant(double m[3][3])
{
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
           - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
           + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

static bool orthonormal(double axis[3][3])
{
    for (int a = 0; a < 3; a++)
        for (int b = a; b < 3; b++)
            if (!near(dot(axis[a], axis[b]), a == b))
                return false;
    return true;
}

bool ivx_grid_make(const int32_t count[3], const double spacing[3],
                   const double origin[3], double axis[3][3], struct ivx_grid *out,
                   struct ivx_err *err)
{
    struct ivx_grid made;
    for (int a = 0; a < 3; a++) {
        if (count[a] < 1)
            return ivx_fail(err, IVX_DAMAGED, "grid: %d voxels along axis %d", count[a],
                            a);
        if (!finite(spacing[a]) || !(spacing[a] > 0))
            return ivx_fail(err, IVX_DAMAGED, "grid: spacing %g along axis %d",
                            spacing[a], a);
        if (!finite(origin[a]))
            return ivx_fail(err, IVX_DAMAGED, "grid: the origin is not finite");

        made.count[a] = count[a];
        made.spacing[a] = spacing[a];
        made.origin[a] = origin[a];
        for (int b = 0; b < 3; b++)
            made.axis[a][b] = axis[a][b];
    }
    if (!orthonormal(axis))
        return ivx_fail(err, IVX_DAMAGED, "grid: the axes are not orthonormal");
    if (determinant(axis) < 0)
        return ivx_fail(err, IVX_DAMAGED, "grid: the axes are left-handed");

    *out = made;
    return true;
}

void ivx_grid_position(const struct ivx_grid *grid, const double index[3],
                       double mm_out[3])
{
    for (int c = 0; c < 3; c++)
        mm_out[c] = grid->origin[c] + index[0] * grid->spacing[0] * grid->axis[0][c]
                    + index[1] * grid->spacing[1] * grid->axis[1][c]
                    + index[2] * grid->spacing[2] * grid->axis[2][c];
}

void ivx_grid_index(const struct ivx_grid *grid, const double mm[3], double index_out[3])
{
    const double from[3] = { mm[0] - grid->origin[0], mm[1] - grid->origin[1],
                             mm[2] - grid->origin[2] };
    for (int a = 0; a < 3; a++)
        index_out[a] = dot(from, grid->axis[a]) / grid->spacing[a];
}
