/* grid.h - where voxels lie in the patient. Pure arithmetic, no allocation. */
#ifndef IVX_CORE_GRID_H
#define IVX_CORE_GRID_H

#include <stdint.h>

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* position(i,j,k) = origin + i*spacing[0]*axis[0] + j*spacing[1]*axis[1] + k*spacing[2]*axis[2]
 *
 * Index (0,0,0) is the CENTRE of the first voxel; positions are DICOM patient
 * coordinates (LPS) in millimetres. ivx_grid_make() checks these invariants and
 * everything below relies on them: count >= 1; spacing finite and > 0; axis
 * orthonormal and right-handed to 1e-4. A grid is a value: copy it. */
struct ivx_grid {
    int32_t count[3];
    double spacing[3];
    double origin[3];
    double axis[3][3];
};

/* A grid of these values in *out, once they are checked: count in voxels, spacing and origin
 * in millimetres, axis[a] the direction in which index a grows. Fails with IVX_DAMAGED,
 * naming the invariant that does not hold; *out is written on success only. */
bool ivx_grid_make(const int32_t count[3], const double spacing[3],
                   const double origin[3], double axis[3][3],
                   struct ivx_grid *out, struct ivx_err *err);

/* The patient position (LPS millimetres) of an index, which need not be whole nor inside; and
 * the index of a position. */
void ivx_grid_position(const struct ivx_grid *grid, const double index[3], double mm_out[3]);
void ivx_grid_index(const struct ivx_grid *grid, const double mm[3], double index_out[3]);

#ifdef __cplusplus
}
#endif

#endif
