/* resample_raw - a raw int16 volume to isotropic voxels, with libisovox and nothing else.
 *
 *   resample_raw COLUMNS ROWS SLICES COLUMN_MM ROW_MM SLICE_MM TARGET_MM < in.raw > out.raw
 *
 *   cc resample_raw.c $(pkg-config --cflags --libs isovox) -o resample_raw */
#include <stdio.h>
#include <stdlib.h>

#include <isovox/core/resample.h>

struct volume {
    int16_t *slice; /* one at a time: the engine keeps what it needs */
    size_t voxels, result_voxels;
};

static bool read_slice(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    struct volume *from = context;
    if (fread(from->slice, sizeof *from->slice, from->voxels, stdin) != from->voxels)
        return ivx_fail(err, IVX_DAMAGED, "slice %d is not there", (int)k);
    *out = (struct ivx_slice){ .sample = IVX_INT16, .voxel = from->slice };
    return true;
}

static bool write_slice(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    const struct volume *to = context;
    return fwrite(voxel, sizeof(int16_t), to->result_voxels, stdout) == to->result_voxels
           || ivx_fail(err, IVX_FULL, "slice %d cannot be written", (int)m);
}

int main(int argc, char **argv)
{
    if (argc != 8)
        return fprintf(stderr, "usage: see the head of resample_raw.c\n"), 2;
    struct ivx_stack stack = { .row = { 1, 0, 0 }, .column = { 0, 1, 0 }, .normal = { 0, 0, 1 } };
    stack.columns = (int32_t)strtol(argv[1], NULL, 10);
    stack.rows = (int32_t)strtol(argv[2], NULL, 10);
    stack.slices = (int32_t)strtol(argv[3], NULL, 10);
    stack.column_spacing = strtod(argv[4], NULL);
    stack.row_spacing = strtod(argv[5], NULL);
    const size_t slices = stack.slices > 0 ? (size_t)stack.slices : 1;
    double *t = calloc(slices, sizeof *t), *shift = calloc(slices, sizeof *shift);
    struct volume volume = { .voxels = (size_t)stack.columns * (size_t)stack.rows };
    volume.slice = calloc(volume.voxels > 0 ? volume.voxels : 1, sizeof *volume.slice);
    if (t == NULL || shift == NULL || volume.slice == NULL)
        return fprintf(stderr, "no memory\n"), 1;
    for (size_t k = 0; k < slices; k++)
        t[k] = (double)k * strtod(argv[6], NULL);
    stack.t = t;
    stack.shift_row = stack.shift_column = shift; /* no tilt */

    const struct ivx_resample_options options = { .kernel = IVX_BSPLINE3, .result = IVX_INT16,
                                                  .background = -1024 };
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    struct ivx_resample_report report;
    if (!ivx_target_grid(&stack, strtod(argv[7], NULL), IVX_ALIGN_CENTER, &grid, &err))
        return fprintf(stderr, "%s\n", err.text), 1;
    volume.result_voxels = (size_t)grid.count[0] * (size_t)grid.count[1];
    if (!ivx_resample(&stack, &grid, &options, read_slice, &volume, write_slice, &volume,
                      &report, &err))
        return fprintf(stderr, "%s\n", err.text), 1;
    fprintf(stderr, "%d x %d x %d at %g mm, first voxel at (%g, %g, %g)\n", grid.count[0],
            grid.count[1], grid.count[2], grid.spacing[0], grid.origin[0], grid.origin[1],
            grid.origin[2]);
    free(t);
    free(shift);
    free(volume.slice);
    return 0;
}
