#include "reference.h"

#include <stdio.h>

#include "convert_options.h"
#include "inputs.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/convert/conversion.h"

/* Fifteen digits: what every writer of JSON keeps, and 1e-12 mm. */
static void shorten(double *values, int count)
{
    char text[40];
    for (int n = 0; n < count; n++) {
        snprintf(text, sizeof text, "%.15g", values[n]);
        (void)ivx_text_to_double(text, &values[n]);
    }
}

static bool take_grid(const struct ivx_assembly *assembly, struct ivx_recipe_settings *recipe,
                      struct ivx_err *err)
{
    const int volumes = ivx_assembly_volumes(assembly);
    struct ivx_recipe_reference *reference = &recipe->reference;
    enum ivx_reason reason;
    if (volumes != 1)
        return ivx_fail(err, IVX_REFUSED, "it makes %d volumes, not one", volumes);
    const struct ivx_source_volume *volume = ivx_assembly_volume(assembly, 0);
    const struct ivx_instance *first = volume->slices[0];
    if (first->frame_uid[0] == '\0')
        return ivx_fail(err, IVX_REFUSED, "it names no frame of reference");
    if (!ivx_native_grid(volume, &reference->grid, &reason, err))
        return false;
    shorten(reference->grid.spacing, 3);
    shorten(reference->grid.origin, 3);
    for (int a = 0; a < 3; a++)
        shorten(reference->grid.axis[a], 3);
    ivx_text_copy(reference->series_uid, sizeof reference->series_uid, first->series_uid);
    ivx_text_copy(reference->frame_uid, sizeof reference->frame_uid, first->frame_uid);
    return true;
}

bool ivx_tool_reference(char *path, struct ivx_recipe_settings *recipe, struct ivx_err *err)
{
    const struct ivx_assemble_options options = { .gap = IVX_GAP_REFUSE,
                                                  .series_complete = true };
    IVX_AUTO(ivx_inputs_free) struct ivx_inputs inputs = { .count = 0 };
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = NULL;
    if (!ivx_inputs_read(&path, 1, ivx_option_cores(), &inputs, err))
        return false;
    /* It is not converted: as a grid, a result of ours is as good as any series. */
    for (size_t n = 0; n < inputs.count; n++)
        inputs.instances[n]->own_result = false;
    return ivx_assemble((const struct ivx_instance *const *)inputs.instances, inputs.count,
                        &options, &assembly, err)
           && take_grid(assembly, recipe, err);
}
