/* resample.h - acquired slices to an isotropic grid, streaming.
 *
 * One call, one pass: source slices are asked for in ascending order, once each; result
 * slices are handed on in ascending order, once each. Memory is O(slab). The bits of the
 * result depend on the voxels, the stack, the grid and the options, and on nothing else:
 * not on the instruction set, the number of workers, or how the work was split.
 * Definitions: docs/adr/0002-engine.md. */
#ifndef IVX_CORE_RESAMPLE_H
#define IVX_CORE_RESAMPLE_H

#include <stddef.h>

#include "isovox/core/grid.h"
#include "isovox/core/stack.h"
#include "isovox/core/workspace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever any result bit can change. */
#define IVX_ENGINE_VERSION 1

/*  enumerator            name in interfaces */
#define IVX_KERNELS(X) \
  X(IVX_BSPLINE3,    "bspline3") \
  X(IVX_LINEAR,      "linear") \
  X(IVX_CATMULL_ROM, "catmull-rom") \
  X(IVX_LANCZOS3,    "lanczos3") \
  X(IVX_NEAREST,     "nearest")

enum ivx_kernel {
#define X(id, name) id,
    IVX_KERNELS(X)
#undef X
    IVX_KERNEL_COUNT
};

/* The name above, for ever; and the kernel of a name, false where there is none. */
const char *ivx_kernel_name(enum ivx_kernel kernel);
bool ivx_kernel_find(const char *name, enum ivx_kernel *out);

/* What source and target have in common: the middle of the box, the first voxel's centre, or
 * its corner. IVX_ALIGN_REFERENCE: the target is a grid that is given (of another series), so
 * none is computed: ivx_target_grid() refuses it. */
enum ivx_align {
    IVX_ALIGN_CENTER,
    IVX_ALIGN_ORIGIN,
    IVX_ALIGN_CORNER,
    IVX_ALIGN_REFERENCE
};

/* The isotropic target grid in the frame of row, column and normal. The box of every source
 * voxel with its half-voxel border gets N' = max(1, ceil(extent/t - 1e-3)) voxels per axis,
 * centred on the box (the rule of IBSI; 1e-3 because positions carry rounding noise), or
 * with `origin` the first voxel centre, with `corner` the first corner kept. spacing_mm > 0
 * and finite. IVX_REFUSED when a count would exceed 32767. */
bool ivx_target_grid(const struct ivx_stack *stack, double spacing_mm, enum ivx_align align,
                     struct ivx_grid *out, struct ivx_err *err);

enum ivx_sample { IVX_INT16, IVX_FLOAT32 };

/* One source slice in real-world units (HU for CT): rows * columns values, columns
 * fastest. `missing` is NULL, or one byte per pixel, not 0 where the pixel is padding and
 * takes no part. Borrowed until the source is asked for the next slice. */
struct ivx_slice {
    enum ivx_sample sample;
    const void *voxel;
    const uint8_t *missing;
};

/* Gives source slice k: k = 0, 1, 2 ... in this order, each once, also those that no result
 * needs. False, with *err filled, ends the call, which then fails with that error. Called on
 * the thread that called the library, in the rounding mode of the caller. */
typedef bool ivx_slice_source(void *context, int32_t k, struct ivx_slice *out,
                              struct ivx_err *err);
/* Takes result slice m = 0, 1, 2 ..., each once: count[0] * count[1] values of
 * options.result, i fastest; borrowed during the call. False ends the call as above. */
typedef bool ivx_slice_sink(void *context, int32_t m, const void *voxel, struct ivx_err *err);

/* How the caller lends its threads: run task(argument, n) for every n in [0, count), in any
 * order, possibly at the same time, and return when all are done. */
struct ivx_crew {
    void (*run)(void *crew, void (*task)(void *argument, int n), void *argument, int count);
    void *crew;
    int size; /* how many run at the same time, at least 1 */
};

/* What keeps frequencies out that the target cannot hold.
 * AUTO: on every axis where the target is coarser the kernel is stretched by the ratio.
 * OFF: interpolation only.
 * GAUSS_*: for parity with other systems: the samples are smoothed with a Gaussian before
 * they are interpolated. Per axis, k = target / source spacing, sigma in source samples;
 * weights at whole samples up to round(4 sigma), as scipy.ndimage.gaussian_filter has them.
 * CARDOSO: sigma = sqrt((k^2 - 1) / (8 ln 2)) where k > 1: a point spread as wide as a
 * voxel, from the source's to the target's (Cardoso et al., MICCAI 2015; TorchIO).
 * MIRP: sigma = sqrt(-8 k^2 ln beta), on every axis, also where the target is finer.
 * Labels (IVX_NEAREST) are never filtered. */
enum ivx_antialias {
    IVX_ANTIALIAS_AUTO,
    IVX_ANTIALIAS_OFF,
    IVX_ANTIALIAS_GAUSS_CARDOSO,
    IVX_ANTIALIAS_GAUSS_MIRP
};
#define IVX_MIRP_BETA 0.98 /* MIRP's own default */

/* How a row of samples goes on beyond its ends, for every kernel and every axis.
 * NEAREST: with the outermost value (IBSI, MIRP). MIRROR: x[-k] = x[k], the outermost
 * sample stands once (ITK, scipy's "mirror"). Both give values as far as half a voxel
 * beyond the outermost sample. BACKGROUND: as NEAREST, but nothing is given beyond the
 * outermost sample. Further out is background with all of them. */
enum ivx_boundary { IVX_BOUNDARY_NEAREST, IVX_BOUNDARY_BACKGROUND, IVX_BOUNDARY_MIRROR };

struct ivx_resample_options {
    enum ivx_kernel kernel;
    enum ivx_antialias antialias;
    enum ivx_boundary boundary;
    enum ivx_sample result; /* IVX_INT16: rounded half to even, saturated and counted */
    float background;       /* outside the scanned region; -1024 for CT */
    const char *simd;       /* NULL or "auto": the best; "base", "avx2", "avx512", "neon" */
    struct ivx_crew crew;   /* .run NULL: the calling thread alone */
    size_t memory_limit;    /* bytes; 0: none. IVX_REFUSED when the slab does not fit */
    double mirp_beta;       /* IVX_ANTIALIAS_GAUSS_MIRP: 0.01 to 1; 0: IVX_MIRP_BETA */
    /* Kernels overshoot at steps. true: results, not the background, are limited to
     * [least, most], which should be the range of the input, and counted as clamped. */
    bool clamp;
    float least, most;
    struct ivx_workspace *workspace; /* borrowed; NULL: memory of this call's own */
};

/* Filled by every entry of the library, streaming or gathering. Counts are result voxels,
 * so count / voxels is the fraction. Every voxel is one of: outside the field of view
 * (background - padded), mostly padding (padded), extrapolated (edge), or interpolated
 * between samples (the rest). saturated and clamped cut across the last two. */
struct ivx_resample_report {
    uint64_t voxels;
    uint64_t background;  /* outside the scanned region or mostly padding */
    uint64_t padded;      /* of these: inside it, but less than half was there */
    uint64_t edge;        /* between the outermost sample and the half-voxel border */
    uint64_t saturated;   /* outside int16 before rounding */
    uint64_t clamped;     /* outside the range of the input, and limited to it */
    double stretch[3];    /* anti-alias: kernel stretch per target axis, 1 = none */
    double sigma[3];      /* Gaussian anti-alias: source samples per target axis, 0 = none */
    size_t memory;        /* bytes of working memory used */
    char simd[16];        /* instruction set that ran */
    uint64_t table_digest; /* FNV-1a over every tap table: goes into the manifest */
};

/* Streaming: stack, grid, options and callbacks' contexts are borrowed during the call. The
 * grid must have come from ivx_target_grid() of this stack, or share its axes (row, column,
 * normal, to 0.05 mrad) in this order; its spacing may differ from axis to axis. report_out may
 * be NULL and is written on success only. Fails with IVX_DAMAGED (the stack breaks an invariant
 * of stack.h), IVX_REFUSED (another grid, an option without meaning, an instruction set that this
 * machine lacks, a slab beyond memory_limit), IVX_FULL (no memory), or as source and sink did. */
bool ivx_resample(const struct ivx_stack *stack, const struct ivx_grid *grid,
                  const struct ivx_resample_options *options,
                  ivx_slice_source *source, void *source_context,
                  ivx_slice_sink *sink, void *sink_context,
                  struct ivx_resample_report *report_out, struct ivx_err *err);

/* Which source slices slice m of the result was computed from (their kernel weight is not
 * negligible: two for linear, four for the cubic kernels, more when anti-aliased). The
 * exact B-spline's infinite tail is not counted. For Source Image Sequence. */
void ivx_resample_support(const struct ivx_stack *stack, const struct ivx_grid *grid,
                          const struct ivx_resample_options *options, int32_t m,
                          int32_t *first_out, int32_t *last_out);

#ifdef __cplusplus
}
#endif

#endif
