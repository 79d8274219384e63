#include "oracle.h"

#include <math.h>

#include "oracle_parts.h"

/* Weights of one axis within the plane; slices that are not shifted share them. */
struct lateral {
    bool made;
    double at;
    double w[ORACLE_MOST];
};

static void weigh(struct lateral *axis, const struct ivx_resample_options *options,
                  double target, double spacing, double at, int n)
{
    if (axis->made && axis->at == at)
        return;
    oracle_weights(options, target, spacing, at, n, axis->w);
    axis->at = at;
    axis->made = true;
}

static bool beside(double at, int n)
{
    return at < -0.5 - 1e-8 || at > n - 0.5 + 1e-8;
}

/* One slice at lateral position (u, v) mm: value times presence, and presence. */
static void slice_at(const struct subject *subject,
                     const struct ivx_resample_options *options, const double target[3],
                     int k, const double uv[2], struct lateral axis[2], double *value_out,
                     double *there_out)
{
    const struct ivx_stack *s = &subject->stack;
    const double x = oracle_quantum((uv[0] - s->shift_row[k]) / s->column_spacing);
    const double y = oracle_quantum((uv[1] - s->shift_column[k]) / s->row_spacing);

    *value_out = *there_out = 0;
    if (beside(x, s->columns) || beside(y, s->rows))
        return;
    weigh(&axis[0], options, target[0], s->column_spacing, x, s->columns);
    weigh(&axis[1], options, target[1], s->row_spacing, y, s->rows);
    for (int j = 0; j < s->rows; j++)
        for (int i = 0; i < s->columns; i++) {
            const size_t p = ((size_t)k * s->rows + j) * s->columns + i;
            const double w = axis[0].w[i] * axis[1].w[j];
            if (subject->missing != NULL && subject->missing[p])
                continue;
            *value_out += w * subject->voxel[p];
            *there_out += w;
        }
}

bool oracle_inside(const struct ivx_stack *s, double u, double v, double mm, double half)
{
    const double w = oracle_position(s, mm);
    const int k = oracle_clamp((int)floor(w), s->slices),
              l = oracle_clamp((int)floor(w) + 1, s->slices);
    const double f = w < 0 ? 0 : w - floor(w);
    const double x = (u - s->shift_row[k] - f * (s->shift_row[l] - s->shift_row[k]))
                     / s->column_spacing;
    const double y =
        (v - s->shift_column[k] - f * (s->shift_column[l] - s->shift_column[k]))
        / s->row_spacing;
    return w >= -half && w <= s->slices - 1 + half && x >= -half
           && x <= s->columns - 1 + half && y >= -half && y <= s->rows - 1 + half;
}

void oracle_settle(struct verdict *verdict, const struct ivx_resample_options *options,
                   double value, double there)
{
    verdict->doubtful |= fabs(there - 0.5) < 1e-5;
    verdict->padded = there < 0.5;
    if (there < 0.5 && !verdict->doubtful)
        return;
    verdict->background = false;
    verdict->value = value / there;
    if (options->clamp)
        verdict->value =
            fmin(fmax(verdict->value, (double)options->least), (double)options->most);
}

struct verdict oracle_at(const struct subject *subject, const struct ivx_grid *grid,
                         const struct ivx_resample_options *options, int32_t i, int32_t j,
                         int32_t m)
{
    const struct ivx_stack *s = &subject->stack;
    const double half = options->boundary == IVX_BOUNDARY_BACKGROUND ? 0 : 0.5;
    struct lateral axis[2] = { { .made = false }, { .made = false } };
    double from[3], value[ORACLE_MOST], there[ORACLE_MOST];
    for (int c = 0; c < 3; c++)
        from[c] = grid->origin[c] - s->origin[c];
    const double uv[2] = { oracle_dot(from, s->row) + i * grid->spacing[0],
                           oracle_dot(from, s->column) + j * grid->spacing[1] };
    const double mm = oracle_dot(from, s->normal) + m * grid->spacing[2];

    struct verdict verdict = { options->background, true, false, false };
    verdict.doubtful = oracle_inside(s, uv[0], uv[1], mm, half - 1e-7)
                       != oracle_inside(s, uv[0], uv[1], mm, half + 1e-7);
    if (!oracle_inside(s, uv[0], uv[1], mm, half + (verdict.doubtful ? 1e-7 : 0)))
        return verdict;
    for (int k = 0; k < s->slices; k++)
        slice_at(subject, options, grid->spacing, k, uv, axis, &value[k], &there[k]);
    oracle_settle(&verdict, options,
                  oracle_along(s, options, grid->spacing[2], value, mm),
                  oracle_along(s, options, grid->spacing[2], there, mm));
    return verdict;
}
