/* gather.h - acquired slices to a grid in any orientation: oblique to the patient's axes, or
 * through a registration. One interpolation, whatever is composed.
 *
 * The whole source stands in memory as floats (once; twice for kernels that need slopes
 * along the normal; as much again when something is padded), so this is for what
 * ivx_resample() cannot do. The bits depend on voxels, stack, grid, transform and options
 * alone. Definitions: docs/adr/0007-gather.md. */
#ifndef IVX_CORE_GATHER_H
#define IVX_CORE_GATHER_H

#include "isovox/core/resample.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Position in the source = matrix * position in the result + offset, both LPS millimetres.
 * This is the direction of sampling: a registration that maps source to result (PS3.3
 * C.20.2.1.1) is inverted by the caller. */
struct ivx_affine {
    double matrix[3][3];
    double offset[3];
};

/* The isotropic grid along the patient's axes (to the left, posterior, head): the smallest
 * box that holds every source voxel with its half-voxel border, N' as in ivx_target_grid().
 * Only IVX_ALIGN_CENTER makes sense of a box that touches the source at corners alone:
 * others are IVX_REFUSED unless the stack's axes are the patient's. */
bool ivx_target_grid_patient(const struct ivx_stack *stack, double spacing_mm,
                             enum ivx_align align, struct ivx_grid *out,
                             struct ivx_err *err);

/* Are the stack's axes those of the grid, but for order and sign? Then result axis a runs
 * along stack axis order_out[a] (0 row, 1 column, 2 normal), against it where flip_out[a]. */
bool ivx_stack_permutes(const struct ivx_stack *stack, const struct ivx_grid *grid,
                        int order_out[3], bool flip_out[3]);

/* As ivx_resample(), for any grid. pull NULL: the identity; it must be finite (else
 * IVX_DAMAGED), and each step of the grid under 4096 samples (else IVX_REFUSED).
 * options.memory_limit holds for everything: IVX_FULL beyond it. The report's stretch and
 * sigma are per source axis (row, column, normal). */
bool ivx_gather(const struct ivx_stack *stack, const struct ivx_grid *grid,
                const struct ivx_affine *pull, const struct ivx_resample_options *options,
                ivx_slice_source *source, void *source_context, ivx_slice_sink *sink,
                void *sink_context, struct ivx_resample_report *report_out,
                struct ivx_err *err);

/* The general entry: ivx_resample() where the grid has the stack's axes; the same and an
 * exact copy into the other order where it has them permuted or flipped (the result then
 * stands in memory once); ivx_gather() otherwise. */
bool ivx_resample_any(const struct ivx_stack *stack, const struct ivx_grid *grid,
                      const struct ivx_resample_options *options, ivx_slice_source *source,
                      void *source_context, ivx_slice_sink *sink, void *sink_context,
                      struct ivx_resample_report *report_out, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
