/* float32, little endian, columns fastest; and its geometry as JSON beside it. */
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "parts.h"

struct raw {
    int fd;
    size_t slice_bytes;
};

static bool slice(void *state, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct raw *raw = state;
    (void)m;
    return ivx_fd_write(raw->fd, voxel, raw->slice_bytes, "raw", err);
}

static bool finish(void *state, struct ivx_err *err)
{
    (void)state;
    (void)err;
    return true;
}

static void close_raw(void *state)
{
    struct raw *raw = state;
    ivx_fd_close(&raw->fd);
    free(raw);
}

static bool write_geometry(const struct ivx_plan *plan, struct ivx_err *err)
{
    const struct ivx_conversion *conversion = plan->conversion;
    cJSON *json = ivx_grid_to_json(&plan->grid);
    if (json != NULL)
        cJSON_AddStringToObject(json, "voxel_type", "float32");
    if (json != NULL)
        cJSON_AddStringToObject(json, "byte_order", "little");
    IVX_AUTO(ivx_memory_free) char *text = cJSON_Print(json);
    cJSON_Delete(json);
    if (text == NULL)
        return ivx_fail(err, IVX_FULL, "raw: no memory");
    return ivx_part_write_text(conversion, conversion->file_name, ".json", text, err);
}

bool ivx_output_raw(const struct ivx_plan *plan, struct ivx_output *out,
                    struct ivx_err *err)
{
    struct raw *raw = calloc(1, sizeof *raw);
    if (raw == NULL)
        return ivx_fail(err, IVX_FULL, "raw: no memory");
    raw->fd = -1;
    raw->slice_bytes = (size_t)plan->grid.count[0] * (size_t)plan->grid.count[1] * 4;
    *out = (struct ivx_output){
        .slice = slice, .finish = finish, .close = close_raw, .state = raw, .files = 2
    };
    return write_geometry(plan, err)
           && ivx_part_create(plan->conversion, plan->conversion->file_name, "", &raw->fd,
                              err);
}
