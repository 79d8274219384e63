/* What a conversion is going to do, before it reads a voxel. */
#include <math.h>

#include "isovox/core/gather.h"
#include "run.h"

static double spacing_of(const struct ivx_conversion *conversion)
{
    const struct ivx_stack *stack = &conversion->source->stack;
    if (conversion->recipe->spacing_mm != IVX_SPACING_MIN)
        return conversion->recipe->spacing_mm;
    double least = fmin(stack->column_spacing, stack->row_spacing);
    for (int32_t k = 1; k < stack->slices; k++)
        least = fmin(least, stack->t[k] - stack->t[k - 1]);
    return least;
}

static bool is_ct(const struct ivx_conversion *conversion)
{
    return ivx_instance_kind(conversion->source->slices[0]) == IVX_KIND_CT;
}

static bool make_grid(const struct ivx_conversion *conversion, struct ivx_grid *out,
                      struct ivx_err *err)
{
    const struct ivx_stack *stack = &conversion->source->stack;
    const enum ivx_align align = conversion->recipe->align;
    const bool patient = conversion->recipe->orientation == IVX_ORIENTATION_PATIENT;
    enum ivx_reason reason;
    if (align == IVX_ALIGN_REFERENCE)
        return ivx_reference_grid(conversion->source, conversion->recipe, out, &reason, err);
    if (conversion->recipe->spacing_mm == IVX_SPACING_NATIVE)
        return patient ? ivx_fail(err, IVX_REFUSED,
                                  "convert: the acquired grid has the acquired axes")
                       : ivx_native_grid(conversion->source, out, &reason, err);
    if (patient)
        return ivx_target_grid_patient(stack, spacing_of(conversion), align, out, err);
    return ivx_target_grid(stack, spacing_of(conversion), align, out, err);
}

/* What the engine hands on: integers where rounding by itself loses nothing that counts. */
static enum ivx_sample choose_result(const struct ivx_plan *plan)
{
    const enum ivx_format format = plan->conversion->format;
    if (format == IVX_FORMAT_RAW)
        return IVX_FLOAT32;
    if (is_ct(plan->conversion))
        return IVX_INT16;
    const bool integers = plan->stored.integers;
    return integers && (ivx_format_is_dicom(format) || plan->native) ? IVX_INT16
                                                                    : IVX_FLOAT32;
}

bool ivx_run_prepare(const struct ivx_conversion *conversion, struct run *run,
                     struct ivx_err *err)
{
    const struct ivx_recipe_settings *recipe = conversion->recipe;
    if (!ivx_threads_new(conversion->threads, &run->threads, err)
        || !make_grid(conversion, &run->plan.grid, err)
        || !ivx_recipe_json(recipe, &run->recipe_json, err))
        return false;
    run->plan.conversion = conversion;
    run->plan.recipe_json = run->recipe_json;
    run->plan.native = recipe->spacing_mm == IVX_SPACING_NATIVE;
    if (!is_ct(conversion))
        ivx_storing_plan(conversion->source, &run->plan.stored);
    run->plan.options = (struct ivx_resample_options){
        .kernel = recipe->kernel,
        .antialias = recipe->antialias,
        .mirp_beta = recipe->mirp_beta,
        .boundary = recipe->boundary,
        .result = choose_result(&run->plan),
        .background = ivx_source_background(conversion->source),
        .simd = conversion->simd,
        .memory_limit = conversion->memory_limit,
        .workspace = conversion->workspace,
    };
    if (run->threads != NULL)
        run->plan.options.crew = ivx_threads_crew(run->threads);
    run->plan.rounds = !is_ct(conversion) && ivx_format_is_dicom(conversion->format)
                       && run->plan.options.result == IVX_FLOAT32;
    run->passes = run->plan.rounds && run->plan.stored.measured ? 2 : 1;
    return true;
}
