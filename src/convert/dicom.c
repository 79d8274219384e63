/* Result slices as a DICOM series: <directory>/000001.dcm ... */
#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/file.h"
#include "parts.h"

struct dicom {
    const struct ivx_plan *plan;
    struct ivx_derive *derive;
    struct ivx_derivation derivation;
};

static bool slice(void *state, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct dicom *dicom = state;
    char name[32];
    snprintf(name, sizeof name, "%06d.dcm", m + 1);
    IVX_AUTO(ivx_fd_close) int fd = -1;
    return ivx_part_create(dicom->plan->conversion, name, "", &fd, err)
           && ivx_derive_write(dicom->derive, m, voxel, fd, err);
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
    const struct dicom *dicom = state;
    return ivx_parts_seal(dicom->plan, dicom->derive, dicom->plan->grid.count[2], outcome, result,
                          err);
}

static void close_dicom(void *state)
{
    struct dicom *dicom = state;
    ivx_derive_free(&dicom->derive);
    free(dicom);
}

void ivx_plan_derivation(const struct ivx_plan *plan, struct ivx_derivation *out)
{
    *out = (struct ivx_derivation){
        .source = plan->conversion->source,
        .grid = &plan->grid,
        .options = &plan->options,
        .spacing_mm = plan->grid.spacing[0],
        .recipe_name = plan->conversion->recipe->name,
        .recipe_json = plan->recipe_json,
        .created_us = plan->conversion->created_us,
        .stored = &plan->stored,
        .native = plan->native,
        .reference_uid = plan->conversion->recipe->reference.series_uid,
        .reason_out = plan->conversion->reason_out,
    };
}

void ivx_plan_name(const struct ivx_derive *derive, struct ivx_conversion_result *out)
{
    ivx_text_copy(out->sop_class, sizeof out->sop_class, ivx_derive_sop_class(derive));
    ivx_text_copy(out->syntax, sizeof out->syntax, "1.2.840.10008.1.2.1");
    ivx_derive_folder(derive, out->folder, sizeof out->folder);
}

bool ivx_output_dicom(const struct ivx_plan *plan, struct ivx_conversion_result *result,
                      struct ivx_output *out, struct ivx_err *err)
{
    struct dicom *dicom = calloc(1, sizeof *dicom);
    if (dicom == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    *out = (struct ivx_output){
        .slice = slice,
        .finish = finish,
        .seal = seal,
        .close = close_dicom,
        .state = dicom,
        .files = plan->grid.count[2],
    };

    dicom->plan = plan;
    ivx_plan_derivation(plan, &dicom->derivation);
    if (!ivx_derive_new(&dicom->derivation, &dicom->derive, err))
        return false;
    ivx_plan_name(dicom->derive, result);
    return true;
}
