/* R3 and R4: order by position, and what to do with images at one position. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "isovox/base/auto.h"
#include "pixels.h"

/* Two positions are one when they differ by less than this, along and across. Not "close"
 * slices: a head CT has legitimate steps of 1.08 mm among steps of 4 and 7. */
#define SAME_MM 0.01

struct placed {
    double t;
    const struct ivx_instance *instance;
};

static int by_position(const void *a, const void *b)
{
    const struct placed *left = a, *right = b;
    if (left->t != right->t)
        return left->t < right->t ? -1 : 1;
    return ivx_rule_order(left->instance, right->instance);
}

bool ivx_rule_sort(struct ivx_group *group, struct ivx_err *err)
{
    const size_t count = (size_t)group->count;
    IVX_AUTO(ivx_memory_free) struct placed *placed = calloc(count, sizeof *placed);
    if (group->t == NULL)
        group->t = calloc(count, sizeof *group->t);
    if (placed == NULL || group->t == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory for %zu slices", count);

    for (size_t k = 0; k < count; k++)
        placed[k] = (struct placed){
            ivx_dot(group->slice[k]->position, group->normal), group->slice[k],
        };
    qsort(placed, count, sizeof *placed, by_position);
    for (size_t k = 0; k < count; k++) {
        group->t[k] = placed[k].t;
        group->slice[k] = placed[k].instance;
    }
    return true;
}

int ivx_same_position_end(const struct ivx_group *group, int first)
{
    int end = first + 1;
    while (end < group->count && group->t[end] - group->t[first] < SAME_MM)
        end++;
    return end;
}

bool ivx_positions_unique(const struct ivx_group *group)
{
    for (int k = 0; k < group->count; k++)
        if (ivx_same_position_end(group, k) != k + 1)
            return false;
    return true;
}

bool ivx_rule_deep(const struct ivx_group *group, struct ivx_verdict *why)
{
    int positions = 0;
    for (int k = 0; k < group->count; k = ivx_same_position_end(group, k))
        positions++;
    const double span = group->t[group->count - 1] - group->t[0];
    if (positions < 3 || span < 1.0)
        return ivx_verdict_no(why, IVX_REASON_NOT_A_VOLUME, "%d position%s over %.2f mm",
                              positions, positions == 1 ? "" : "s", span);
    return true;
}

/* Distance of two positions within the plane. */
static double lateral(const struct ivx_group *group, int a, int b)
{
    double sum = 0.0, along = 0.0, d[3];
    for (int n = 0; n < 3; n++) {
        d[n] = group->slice[b]->position[n] - group->slice[a]->position[n];
        along += d[n] * group->normal[n];
    }
    for (int n = 0; n < 3; n++) {
        const double across = d[n] - along * group->normal[n];
        sum += across * across;
    }
    return sqrt(sum);
}

bool ivx_rule_no_shift(const struct ivx_group *group, struct ivx_verdict *why)
{
    for (int k = 0; k < group->count;) {
        const int end = ivx_same_position_end(group, k);
        for (int other = k + 1; other < end; other++)
            if (lateral(group, k, other) >= SAME_MM)
                return ivx_verdict_no(why, IVX_REASON_IN_PLANE_SHIFT,
                                      "two images at %.2f mm are %.2f mm apart in their plane",
                                      group->t[k], lateral(group, k, other));
        k = end;
    }
    return true;
}

/* Numbers that give the stored values their meaning. */
static bool same_rescale(const struct ivx_instance *a, const struct ivx_instance *b)
{
    return a->has_slope == b->has_slope && a->has_intercept == b->has_intercept
           && a->slope == b->slope && a->intercept == b->intercept
           && a->has_padding == b->has_padding && a->padding == b->padding
           && a->has_padding_limit == b->has_padding_limit
           && a->padding_limit == b->padding_limit;
}

static bool same_geometry(const struct ivx_instance *a, const struct ivx_instance *b)
{
    return ivx_rule_same_key(a, b)
           && memcmp(a->position, b->position, sizeof a->position) == 0
           && memcmp(a->orientation, b->orientation, sizeof a->orientation) == 0
           && memcmp(a->spacing, b->spacing, sizeof a->spacing) == 0;
}

bool ivx_rule_compare(const struct ivx_instance *a, const struct ivx_instance *b,
                      enum ivx_likeness *out, struct ivx_err *err)
{
    struct ivx_verdict unused;
    *out = IVX_UNLIKE;
    if (!same_geometry(a, b))
        return true;
    *out = IVX_UNKNOWN;
    if (!ivx_rule_readable(a, &unused) || !ivx_rule_readable(b, &unused))
        return true;
    *out = IVX_UNLIKE;
    if (!same_rescale(a, b))
        return true;
    uint8_t left[IVX_SHA256_SIZE], right[IVX_SHA256_SIZE];
    if (!ivx_pixels_digest(a, left, err) || !ivx_pixels_digest(b, right, err))
        return false;
    if (memcmp(left, right, sizeof left) == 0)
        *out = IVX_ALIKE;
    return true;
}

/* Marks in keep[] what differs from all kept images of the same position. Each image is read
 * once: there may be hundreds of phases. */
static bool keep_different(const struct ivx_group *group, int first, int end, bool *keep,
                           bool *unique_out, struct ivx_err *err)
{
    *unique_out = keep[first] = true;
    if (end == first + 1)
        return true;
    IVX_AUTO(ivx_memory_free) uint8_t(*digest)[IVX_SHA256_SIZE] =
        calloc((size_t)(end - first), sizeof *digest);
    if (digest == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    for (int k = first; k < end; k++) {
        if (!ivx_pixels_digest(group->slice[k], digest[k - first], err))
            return false;
        keep[k] = true;
        for (int other = first; other < k && keep[k]; other++)
            keep[k] = !keep[other] || !same_rescale(group->slice[other], group->slice[k])
                      || memcmp(digest[other - first], digest[k - first], sizeof *digest) != 0;
        *unique_out = *unique_out && (k == first || !keep[k]);
    }
    return true;
}

bool ivx_rule_drop_copies(struct ivx_group *group, bool all, bool *unique_out,
                          struct ivx_err *err)
{
    const int before = group->count;
    IVX_AUTO(ivx_memory_free) bool *keep = calloc((size_t)before, sizeof *keep);
    if (keep == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    *unique_out = true;
    for (int k = 0; k < before && (all || *unique_out);) {
        const int end = ivx_same_position_end(group, k);
        bool unique;
        if (!keep_different(group, k, end, keep, &unique, err))
            return false;
        *unique_out = *unique_out && unique;
        k = end;
    }
    if (all || *unique_out) {
        ivx_group_keep(group, keep);
        group->copies += before - group->count;
    }
    return true;
}
