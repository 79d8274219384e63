/* R2: row and column directions are unit vectors at a right angle. */
#include <math.h>
#include <string.h>

#include "group.h"

enum { FIELD = 6 };

static bool sane(const double iop[FIELD], double *worst_out)
{
    const double row = fabs(sqrt(ivx_dot(iop, iop)) - 1.0);
    const double column = fabs(sqrt(ivx_dot(iop + 3, iop + 3)) - 1.0);
    const double angle = fabs(ivx_dot(iop, iop + 3));
    *worst_out = fmax(fmax(row, column), angle);
    return *worst_out <= 1e-3;
}

/* The slices agree within 1e-3 (R1); when they are not equal, their mean stands for all. */
static void common(const struct ivx_group *group, double iop[FIELD])
{
    memcpy(iop, group->slice[0]->orientation, FIELD * sizeof *iop);
    bool equal = true;
    for (int k = 1; k < group->count && equal; k++)
        for (int n = 0; n < FIELD; n++)
            equal = equal && group->slice[k]->orientation[n] == iop[n];
    if (equal)
        return;
    for (int n = 0; n < FIELD; n++) {
        double sum = 0.0;
        for (int k = 0; k < group->count; k++)
            sum += group->slice[k]->orientation[n];
        iop[n] = sum / group->count;
    }
}

static void normalise(double v[3])
{
    const double length = sqrt(ivx_dot(v, v));
    for (int n = 0; n < 3; n++)
        v[n] /= length;
}

static void cross(const double a[3], const double b[3], double out[3])
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

bool ivx_rule_orientation(struct ivx_group *group, struct ivx_verdict *why)
{
    for (int k = 0; k < group->count; k++) {
        double worst;
        if (!sane(group->slice[k]->orientation, &worst))
            return ivx_verdict_no(why, IVX_REASON_BAD_ORIENTATION,
                                  "row and column directions are off by %.4f; 0.001 is allowed",
                                  worst);
    }
    double iop[FIELD];
    common(group, iop);
    memcpy(group->row, iop, sizeof group->row);
    memcpy(group->column, iop + 3, sizeof group->column);

    /* Gram-Schmidt: the rows keep their direction. */
    normalise(group->row);
    const double along = ivx_dot(group->row, group->column);
    for (int n = 0; n < 3; n++)
        group->column[n] -= along * group->row[n];
    normalise(group->column);
    cross(group->row, group->column, group->normal);
    normalise(group->normal);
    return true;
}
