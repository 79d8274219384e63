/* R6: gantry tilt, taken from the positions. No sign convention, no vendor table. */
#include <math.h>
#include <stdlib.h>

#include "group.h"

#define UNTILTED_MM 0.05
#define ON_LINE_MM 0.1
/* Shifts up to here are the rounding of decimal strings. */
#define ROUNDING_MM 1e-3

/* Straight line through the in-plane shifts, by least squares: a + b * (t - t0). */
struct line {
    double row[2], column[2];
};

static bool make_shifts(struct ivx_group *group, struct ivx_err *err)
{
    const size_t count = (size_t)group->count;
    free(group->shift_row);
    free(group->shift_column);
    group->shift_row = calloc(count, sizeof(double));
    group->shift_column = calloc(count, sizeof(double));
    if (group->shift_row == NULL || group->shift_column == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory for %zu slices", count);

    for (size_t k = 1; k < count; k++) {
        double d[3];
        for (int n = 0; n < 3; n++)
            d[n] = group->slice[k]->position[n] - group->slice[0]->position[n];
        group->shift_row[k] = ivx_dot(d, group->row);
        group->shift_column[k] = ivx_dot(d, group->column);
    }
    return true;
}

static void fit_one(const struct ivx_group *group, const double *shift, double out[2])
{
    double mean_t = 0.0, mean_s = 0.0, tt = 0.0, ts = 0.0;
    for (int k = 0; k < group->count; k++) {
        mean_t += (group->t[k] - group->t[0]) / group->count;
        mean_s += shift[k] / group->count;
    }
    for (int k = 0; k < group->count; k++) {
        const double t = group->t[k] - group->t[0] - mean_t;
        tt += t * t;
        ts += t * (shift[k] - mean_s);
    }
    out[1] = ts / tt;
    out[0] = mean_s - out[1] * mean_t;
}

static struct line fit(const struct ivx_group *group)
{
    struct line line;
    fit_one(group, group->shift_row, line.row);
    fit_one(group, group->shift_column, line.column);
    return line;
}

static double largest_shift(const struct ivx_group *group)
{
    double most = 0.0;
    for (int k = 0; k < group->count; k++)
        most = fmax(most, hypot(group->shift_row[k], group->shift_column[k]));
    return most;
}

static double largest_residual(const struct ivx_group *group, const struct line *line)
{
    double most = 0.0;
    for (int k = 0; k < group->count; k++) {
        const double t = group->t[k] - group->t[0];
        const double row = group->shift_row[k] - line->row[0] - line->row[1] * t;
        const double column = group->shift_column[k] - line->column[0] - line->column[1] * t;
        most = fmax(most, hypot(row, column));
    }
    return most;
}

static void straighten(struct ivx_group *group)
{
    for (int k = 0; k < group->count; k++)
        group->shift_row[k] = group->shift_column[k] = 0.0;
}

/* The attribute's sign is the vendor's business: only magnitudes are compared. */
static void compare_attribute(struct ivx_group *group)
{
    for (int k = 0; k < group->count; k++) {
        const struct ivx_instance *slice = group->slice[k];
        if (!slice->has_tilt || fabs(fabs(slice->tilt_deg) - fabs(group->tilt_deg)) <= 1.0)
            continue;
        ivx_group_warn(group, IVX_REASON_TILT_DISAGREES,
                       "Gantry/Detector Tilt says %.2f, the positions say %.2f degrees",
                       slice->tilt_deg, group->tilt_deg);
        return;
    }
}

static void describe_tilt(struct ivx_group *group, const struct line *line)
{
    const double span = group->t[group->count - 1] - group->t[0];
    const double slope = hypot(line->row[1], line->column[1]);
    if (slope * span <= UNTILTED_MM)
        return;
    const double along = fabs(line->column[1]) >= fabs(line->row[1]) ? line->column[1]
                                                                     : line->row[1];
    group->tilt_deg = copysign(atan(slope), along) * 180.0 / M_PI;
    ivx_group_warn(group, IVX_REASON_TILTED,
                   "tilted by %.2f degrees: slices are shifted by up to %.1f mm",
                   group->tilt_deg, group->tilt_max_mm);
}

bool ivx_rule_line(struct ivx_group *group, struct ivx_verdict *why, struct ivx_err *err)
{
    if (!make_shifts(group, err))
        return false;
    group->tilt_deg = 0.0;
    group->tilt_max_mm = largest_shift(group);
    if (group->tilt_max_mm <= ROUNDING_MM) {
        straighten(group);
        group->tilt_max_mm = 0.0;
    }
    if (group->tilt_max_mm > UNTILTED_MM) {
        const struct line line = fit(group);
        const double off = largest_residual(group, &line);
        const double half = 0.5 * fmin(group->slice[0]->spacing[0], group->slice[0]->spacing[1]);
        if (off > ON_LINE_MM && off > half)
            return ivx_verdict_no(why, IVX_REASON_OFF_LINE,
                                  "a slice lies %.2f mm beside the line of the others", off);
        if (off > ON_LINE_MM)
            ivx_group_warn(group, IVX_REASON_JITTER,
                           "slices lie up to %.2f mm beside their line", off);
        describe_tilt(group, &line);
    }
    compare_attribute(group);
    return true;
}
