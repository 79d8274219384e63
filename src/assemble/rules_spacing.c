/* R7: equidistant, irregular, or with holes. Positions are never changed here. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "isovox/base/auto.h"

enum { AROUND = 3 };

static int ascending(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count % 2 != 0 ? values[count / 2]
                          : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

static double gap(const struct ivx_group *group, int k)
{
    return group->t[k + 1] - group->t[k];
}

static bool even_thickness(const struct ivx_group *group, int k)
{
    const struct ivx_instance *a = group->slice[k], *b = group->slice[k + 1];
    return a->has_thickness == b->has_thickness
           && (!a->has_thickness || fabs(a->thickness - b->thickness) < 0.01);
}

/* What the gap after slice k should be: the median of its neighbours. Gaps between slices
 * of different thickness say little, and are asked only when there are no others. */
static double expected_gap(const struct ivx_group *group, int k)
{
    double even[2 * AROUND], any[2 * AROUND];
    int even_count = 0, any_count = 0;
    for (int n = k - AROUND; n <= k + AROUND; n++) {
        if (n < 0 || n > group->count - 2 || n == k)
            continue;
        any[any_count++] = gap(group, n);
        if (even_thickness(group, n))
            even[even_count++] = gap(group, n);
    }
    if (any_count == 0)
        return gap(group, k);
    return even_count > 0 ? median(even, even_count) : median(any, any_count);
}

/* The thicker of the two slices at a gap; 0 when that is not known. */
static double thickness(const struct ivx_group *group, int k)
{
    const struct ivx_instance *a = group->slice[k], *b = group->slice[k + 1];
    return a->has_thickness && b->has_thickness ? fmax(a->thickness, b->thickness) : 0.0;
}

/* How much of a slice's thickness the neighbouring gaps are: 1 where slices touch, less
 * where they overlap. */
static double usual_part(const struct ivx_group *group, int k)
{
    double part[2 * AROUND];
    int count = 0;
    for (int n = k - AROUND; n <= k + AROUND; n++)
        if (n >= 0 && n <= group->count - 2 && n != k && thickness(group, n) > 0.0)
            part[count++] = gap(group, n) / thickness(group, n);
    return count > 0 ? median(part, count) : 1.0;
}

/* Thicker slices may lie farther apart: a gap that their thickness explains is none. Where
 * slices overlap, one that is missing leaves no more than a thickness: so the gap must also
 * be in keeping with how the neighbours overlap. */
static bool explained_by_thickness(const struct ivx_group *group, int k)
{
    const double thick = thickness(group, k);
    return thick > 0.0 && gap(group, k) <= 1.25 * thick
           && gap(group, k) <= 1.5 * usual_part(group, k) * thick;
}

static bool numbers_jump(const struct ivx_group *group, int k, int missing)
{
    const int64_t a = group->slice[k]->instance_number;
    const int64_t b = group->slice[k + 1]->instance_number;
    int64_t step;
    if (a == INT64_MIN || b == INT64_MIN || __builtin_sub_overflow(b, a, &step))
        return false;
    return step == missing + 1 || step == -(missing + 1);
}

int ivx_rule_holes(const struct ivx_group *group, struct ivx_hole *holes)
{
    int found = 0;
    for (int k = 0; k + 1 < group->count; k++) {
        const double local = expected_gap(group, k);
        if (gap(group, k) <= 1.5 * local || explained_by_thickness(group, k))
            continue;
        const double missing = round(gap(group, k) / local) - 1.0;
        struct ivx_hole *hole = &holes[found++];
        hole->after = k;
        hole->gap = gap(group, k);
        hole->local = local;
        hole->missing = missing < 1.0 ? 1 : missing > 1e6 ? 1000000 : (int)missing;
        hole->numbers_jump = numbers_jump(group, k, hole->missing);
    }
    return found;
}

/* Images that stand closer together than this part of their thickness show the same. */
#define SAME_PART 0.3

/* Where the first gap of the usual kind ends a pack of images: its size, else 0. */
static int first_pack(const struct ivx_group *group, double most)
{
    for (int k = 0; k + 1 < group->count; k++)
        if (gap(group, k) > 0.5 * most)
            return k + 1;
    return 0;
}

/* Do all gaps at the ends of packs of this size, and no others, belong to the wide ones? */
static bool packed(const struct ivx_group *group, int pack, double most)
{
    for (int k = 0; k + 1 < group->count; k++) {
        const bool ends = (k + 1) % pack == 0;
        const double thick = thickness(group, k), near = thick > 0.0 ? thick : most;
        if (ends != (gap(group, k) > 0.5 * most) || (!ends && gap(group, k) > SAME_PART * near))
            return false;
    }
    return true;
}

bool ivx_rule_one_stack(const struct ivx_group *group, struct ivx_verdict *why)
{
    double most = 0.0;
    for (int k = 0; k + 1 < group->count; k++)
        most = fmax(most, gap(group, k));
    const int pack = first_pack(group, most);
    if (pack < 2 || group->count % pack != 0 || group->count < 3 * pack
        || !packed(group, pack, most))
        return true;
    return ivx_verdict_no(why, IVX_REASON_AMBIGUOUS_POSITIONS,
                          "%d stacks of %d images, %.3f mm beside one another", pack,
                          group->count / pack, gap(group, 0));
}

/* One slice missing in all, or at most 2 % of them, never two in a row, never over 15 mm. */
bool ivx_rule_bridgeable(const struct ivx_group *group, const struct ivx_hole *holes, int count)
{
    int missing = 0;
    for (int n = 0; n < count; n++) {
        if (holes[n].missing > 1 || holes[n].gap > 15.0)
            return false;
        missing += holes[n].missing;
    }
    return missing == 1 || missing <= 0.02 * (group->count + missing);
}

static void warn_irregular(struct ivx_group *group, double *gaps)
{
    double least = gaps[0], most = gaps[0];
    for (int k = 0; k + 1 < group->count; k++) {
        least = fmin(least, gaps[k]);
        most = fmax(most, gaps[k]);
    }
    ivx_group_warn(group, IVX_REASON_IRREGULAR_SPACING,
                   "slice distances run from %.3f to %.3f mm", least, most);
}

bool ivx_rule_spacing(struct ivx_group *group, struct ivx_err *err)
{
    const struct ivx_stack stack = { .slices = group->count, .t = group->t };
    group->uniform = ivx_stack_uniform(&stack, &group->spacing_mm);
    if (group->uniform)
        return true;

    const int count = group->count - 1;
    IVX_AUTO(ivx_memory_free) double *gaps = calloc((size_t)count, sizeof *gaps);
    if (gaps == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    for (int k = 0; k < count; k++)
        gaps[k] = gap(group, k);
    warn_irregular(group, gaps);
    group->spacing_mm = median(gaps, count);
    return true;
}
