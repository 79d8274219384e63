#include "made.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "isovox/base/auto.h"

void made_new(struct made *made, series_edit *edit, double spacing)
{
    struct ivx_err err = { 0 };
    *made = (struct made){ .options.kernel = IVX_BSPLINE3 };
    series_make(&made->series, edit);
    ck_assert(ivx_target_grid(&made->series.volume->stack, spacing, IVX_ALIGN_CENTER,
                              &made->grid, &err));
    made->derivation = (struct ivx_derivation){
        .source = made->series.volume,
        .grid = &made->grid,
        .options = &made->options,
        .spacing_mm = spacing,
        .recipe_name = "iso-1mm",
        .recipe_json = RECIPE,
        .created_us = 1582934400000000 /* 2020-02-29 00:00 UTC */
    };
}

void made_derive(struct made *made)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_derive_new(&made->derivation, &made->derive, &err), "%s", err.text);
}

void made_identify(struct made *made)
{
    struct ivx_err err = { 0 };
    ck_assert(ivx_derive_identify(made->derive, made->series.sha256, made->series.sha256[0], &err));
}

void made_free(struct made *made)
{
    ivx_derive_free(&made->derive);
    series_remove(&made->series);
}

void path_of(const struct made *made, int32_t m, char out[128])
{
    snprintf(out, 128, "%s/out%d.dcm", made->series.folder, m);
}

void write_instance(struct made *made, int32_t m)
{
    struct ivx_err err = { 0 };
    char path[128];
    path_of(made, m, path);
    const size_t count = (size_t)made->grid.count[0] * (size_t)made->grid.count[1];
    IVX_AUTO(ivx_memory_free) int16_t *voxels = calloc(count, sizeof *voxels);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_msg(ivx_derive_write(made->derive, m, voxels, fd, &err), "%s", err.text);
}

struct ivx_dataset *read_back(struct made *made, int32_t m)
{
    struct ivx_err err = { 0 };
    char path[128];
    write_instance(made, m);
    path_of(made, m, path);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDONLY);
    const struct ivx_blob blob = { path, 0, (uint64_t)lseek(fd, 0, SEEK_END) };
    struct ivx_dataset *back = NULL;
    ck_assert_msg(ivx_dataset_load_header(&blob, &back, &err), "%s", err.text);
    return back;
}

const char *text_of(struct ivx_dataset *dataset, uint32_t tag)
{
    const char *text = NULL;
    return ivx_item_text(ivx_dataset_root(dataset), tag, &text) ? text : "(none)";
}
