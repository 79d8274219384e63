#include "isovox/core/stack.h"

/* R7 of docs/ASSEMBLY.md: max(0.01 mm, 2 % of the fitted spacing). */
#define LEAST_TOLERANCE_MM 0.01
#define RELATIVE_TOLERANCE 0.02

/* Least squares of t against the slice number. */
static void fit(const struct ivx_stack *stack, double *a_out, double *b_out)
{
    const double middle = (stack->slices - 1) / 2.0;
    double mean = 0, up = 0, down = 0;

    for (int32_t k = 0; k < stack->slices; k++)
        mean += stack->t[k] - stack->t[0];
    mean /= stack->slices;
    for (int32_t k = 0; k < stack->slices; k++) {
        up += (k - middle) * (stack->t[k] - stack->t[0] - mean);
        down += (k - middle) * (k - middle);
    }
    *b_out = up / down;
    *a_out = stack->t[0] + mean - *b_out * middle;
}

bool ivx_stack_uniform(const struct ivx_stack *stack, double *spacing_out)
{
    if (stack->slices < 2)
        return false;

    double a, b;
    fit(stack, &a, &b);
    const double relative = RELATIVE_TOLERANCE * b;
    const double most = relative > LEAST_TOLERANCE_MM ? relative : LEAST_TOLERANCE_MM;

    for (int32_t k = 0; k < stack->slices; k++) {
        const double residual = stack->t[k] - (a + b * k);
        if (!(residual <= most && residual >= -most))
            return false;
    }
    *spacing_out = b;
    return true;
}
