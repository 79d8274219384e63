/* The order of the rules for one group, R2 to R11. What each rule says is in rules_*.c. */
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "work.h"

static bool refuse_group(struct ivx_assembly *assembly, const struct ivx_group *group,
                         const struct ivx_verdict *why, struct ivx_err *err)
{
    return ivx_assembly_refuse(assembly, group->slice[0]->series_uid, why,
                               group->count + group->copies, false, err);
}

static void warn_copies(struct ivx_group *group)
{
    if (group->copies > 0)
        ivx_group_warn(group, IVX_REASON_DUPLICATES_DROPPED, "%d images were there twice",
                       group->copies);
}

/* R6, R7 and the warnings, for slices whose positions are unique and without holes. */
static bool finish_group(struct ivx_work *work, struct ivx_group **group, struct ivx_err *err)
{
    struct ivx_verdict why = { 0 };
    if (!ivx_rule_deep(*group, &why))
        return refuse_group(work->assembly, *group, &why, err);
    if (!ivx_rule_line(*group, &why, err))
        return why.reason != IVX_REASON_NONE && refuse_group(work->assembly, *group, &why, err);
    if (!ivx_rule_spacing(*group, err))
        return false;
    warn_copies(*group);
    ivx_rule_value_warnings(*group);
    return ivx_assembly_add(work->assembly, group, err);
}

/* --gap split: what lies between two holes is a volume of its own. */
static bool split_at_holes(struct ivx_work *work, const struct ivx_group *group,
                           const struct ivx_hole *holes, int count, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) int *chosen = calloc((size_t)group->count, sizeof *chosen);
    if (chosen == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    for (int n = 0, first = 0; n <= count; n++) {
        const int end = n < count ? holes[n].after + 1 : group->count;
        for (int k = first; k < end; k++)
            chosen[k - first] = k;
        IVX_AUTO(ivx_group_free) struct ivx_group *block = NULL;
        if (!ivx_group_pick(group, chosen, end - first, &block, err)
            || !ivx_rule_sort(block, err))
            return false;
        /* Which block they are of is not known here: they count once. */
        block->copies = n == 0 ? group->copies : 0;
        if (!finish_group(work, &block, err))
            return false;
        first = end;
    }
    return true;
}

static bool refuse_hole(struct ivx_work *work, const struct ivx_group *group,
                        const struct ivx_hole *holes, int count, struct ivx_err *err)
{
    struct ivx_verdict why;
    int missing = 0;
    for (int n = 0; n < count; n++)
        missing += holes[n].missing;
    ivx_verdict_no(&why, IVX_REASON_GAP,
                   "%d slice%s missing in %d hole%s; first: %.2f mm where %.2f mm are usual%s",
                   missing, missing == 1 ? "" : "s", count, count == 1 ? "" : "s",
                   holes[0].gap, holes[0].local,
                   holes[0].numbers_jump ? ", instance numbers jump" : "");
    return refuse_group(work->assembly, group, &why, err);
}

/* R7's holes, and what the policy makes of them. */
static bool decide_holes(struct ivx_work *work, struct ivx_group **group, struct ivx_err *err)
{
    struct ivx_verdict why;
    if (!ivx_rule_one_stack(*group, &why))
        return refuse_group(work->assembly, *group, &why, err);
    IVX_AUTO(ivx_memory_free) struct ivx_hole *holes =
        calloc((size_t)(*group)->count, sizeof *holes);
    if (holes == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    const int count = ivx_rule_holes(*group, holes);
    if (count == 0)
        return finish_group(work, group, err);

    work->assembly->has_hole = true;
    const enum ivx_gap policy =
        work->options->series_complete ? work->options->gap : IVX_GAP_REFUSE;
    if (policy == IVX_GAP_SPLIT)
        return split_at_holes(work, *group, holes, count, err);
    if (policy == IVX_GAP_REFUSE || !ivx_rule_bridgeable(*group, holes, count))
        return refuse_hole(work, *group, holes, count, err);
    ivx_group_warn(*group, IVX_REASON_GAP_INTERPOLATED,
                   "%d missing slices bridged; first: %.2f mm where %.2f mm are usual", count,
                   holes[0].gap, holes[0].local);
    return finish_group(work, group, err);
}

/* The parts that R5 found, one after another. */
static bool take_parts(struct ivx_work *work, const struct ivx_group *group, const int *which,
                       int parts, const char *by, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) int *chosen = calloc((size_t)group->count, sizeof *chosen);
    if (chosen == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    for (int part = 0; part < parts; part++) {
        int count = 0;
        for (int k = 0; k < group->count; k++)
            if (which[k] == part)
                chosen[count++] = k;
        IVX_AUTO(ivx_group_free) struct ivx_group *picked = NULL;
        if (!ivx_group_pick(group, chosen, count, &picked, err) || !ivx_rule_sort(picked, err))
            return false;
        ivx_group_warn(picked, IVX_REASON_SPLIT, "part %d of %d, told apart by %s", part + 1,
                       parts, by);
        picked->copies = part == 0 ? group->copies : 0;
        if (!decide_holes(work, &picked, err))
            return false;
    }
    return true;
}

/* R5; *done_out when something told the images apart. */
static bool try_split(struct ivx_work *work, const struct ivx_group *group, bool *done_out,
                      struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) int *which = calloc((size_t)group->count, sizeof *which);
    if (which == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");
    int parts = 0;
    const char *by = "";
    if (!ivx_rule_split(group, which, &parts, &by, err))
        return false;
    *done_out = parts > 0;
    return parts == 0 || take_parts(work, group, which, parts, by, err);
}

static bool refuse_ambiguous(struct ivx_work *work, const struct ivx_group *group,
                             struct ivx_err *err)
{
    struct ivx_verdict why;
    int positions = 0;
    for (int k = 0; k < group->count; k = ivx_same_position_end(group, k))
        positions++;
    ivx_verdict_no(&why, IVX_REASON_AMBIGUOUS_POSITIONS,
                   "%d different images at %d positions, and nothing tells them apart",
                   group->count, positions);
    return refuse_group(work->assembly, group, &why, err);
}

/* R4 and R5 for a group with several images at one position. Copies are dropped first if
 * nothing else repeats; else attributes must tell the images apart, as they are or without
 * the copies: two phases may share identical images of air. */
static bool resolve_repeats(struct ivx_work *work, struct ivx_group **group, struct ivx_err *err)
{
    struct ivx_verdict why = { 0 };
    if (!ivx_rule_no_shift(*group, &why))
        return refuse_group(work->assembly, *group, &why, err);
    bool done = false;
    if (!ivx_rule_drop_copies(*group, false, &done, err))
        return false;
    if (done)
        return decide_holes(work, group, err);
    if (!try_split(work, *group, &done, err))
        return false;
    if (done)
        return true;
    if (!ivx_rule_drop_copies(*group, true, &done, err)
        || !try_split(work, *group, &done, err))
        return false;
    return done || refuse_ambiguous(work, *group, err);
}

/* Would a slice without geometry belong to this group? Then the group is not whole. They are
 * sorted, one of each kind: there may be as many of them as groups. */
static bool lacks_one(const struct ivx_work *work, const struct ivx_group *group,
                      struct ivx_verdict *why)
{
    int low = 0, high = work->shapeless_count;
    struct ivx_verdict missing;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (ivx_rule_order_without_geometry(work->shapeless[middle], group->slice[0]) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == work->shapeless_count
        || ivx_rule_order_without_geometry(work->shapeless[low], group->slice[0]) != 0
        || ivx_rule_has_geometry(work->shapeless[low], &missing))
        return false;
    return !ivx_verdict_no(why, missing.reason, "one of its images: %.120s", missing.text);
}

bool ivx_work_decide(struct ivx_work *work, struct ivx_group **group, struct ivx_err *err)
{
    struct ivx_verdict why = { 0 };
    if (lacks_one(work, *group, &why) || !ivx_rule_orientation(*group, &why))
        return refuse_group(work->assembly, *group, &why, err);
    if (!ivx_rule_sort(*group, err))
        return false;
    if ((*group)->conflicts > 0)
        ivx_verdict_no(&why, IVX_REASON_UID_CONFLICT,
                       "%d images share their SOP Instance UID with other content",
                       (*group)->conflicts);
    if (why.reason != IVX_REASON_NONE || !ivx_rule_deep(*group, &why)
        || !ivx_rule_values(*group, &why))
        return refuse_group(work->assembly, *group, &why, err);
    if (ivx_positions_unique(*group))
        return decide_holes(work, group, err);
    return resolve_repeats(work, group, err);
}
