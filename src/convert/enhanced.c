/* Result slices as frames: <directory>/000001.dcm, and further ones where one is full. */
#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "parts.h"

struct enhanced {
    const struct ivx_plan *plan;
    struct ivx_derive *derive;
    struct ivx_derivation derivation;
    size_t frame_bytes;
    int32_t part, last; /* which instance fd is, and the slice after its last one */
    int fd;
};

static bool begin(struct enhanced *enhanced, struct ivx_err *err)
{
    int32_t first, count;
    char name[32];
    ivx_fd_close(&enhanced->fd);
    ivx_derive_part(enhanced->derive, enhanced->part, &first, &count);
    enhanced->last = first + count;
    snprintf(name, sizeof name, "%06d.dcm", enhanced->part + 1);
    return ivx_part_create(enhanced->plan->conversion, name, "", &enhanced->fd, err)
           && ivx_derive_begin(enhanced->derive, enhanced->part++, enhanced->fd, err);
}

static bool slice(void *state, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct enhanced *enhanced = state;
    return (m < enhanced->last || begin(enhanced, err))
           && ivx_fd_write(enhanced->fd, voxel, enhanced->frame_bytes, "instance", err);
}

static bool finish(void *state, struct ivx_err *err)
{
    (void)state;
    (void)err;
    return true;
}

static bool seal(void *state, const struct ivx_outcome *outcome,
                 struct ivx_conversion_result *result, struct ivx_err *err)
{
    struct enhanced *enhanced = state;
    ivx_fd_close(&enhanced->fd);
    return ivx_parts_seal(enhanced->plan, enhanced->derive, enhanced->part, outcome, result, err);
}

static void close_enhanced(void *state)
{
    struct enhanced *enhanced = state;
    ivx_fd_close(&enhanced->fd);
    ivx_derive_free(&enhanced->derive);
    free(enhanced);
}

bool ivx_output_enhanced(const struct ivx_plan *plan, struct ivx_conversion_result *result,
                         struct ivx_output *out, struct ivx_err *err)
{
    struct enhanced *enhanced = calloc(1, sizeof *enhanced);
    if (enhanced == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    *out = (struct ivx_output){
        .slice = slice,
        .finish = finish,
        .seal = seal,
        .close = close_enhanced,
        .state = enhanced,
    };
    enhanced->fd = -1;
    enhanced->plan = plan;
    enhanced->frame_bytes = 2 * (size_t)plan->grid.count[0] * (size_t)plan->grid.count[1];
    ivx_plan_derivation(plan, &enhanced->derivation);
    enhanced->derivation.enhanced = true;
    if (!ivx_derive_new(&enhanced->derivation, &enhanced->derive, err))
        return false;
    out->files = ivx_derive_parts(enhanced->derive);
    ivx_plan_name(enhanced->derive, result);
    return true;
}
