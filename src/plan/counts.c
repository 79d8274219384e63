#include "counts.h"

#include <string.h>

#include "isovox/base/auto.h"

#define IN_ACQUISITION "images_in_acquisition"
#define IN_VOLUME "number_of_slices"
#define TEMPORAL "temporal_positions"
#define CONCATENATION "concatenation"

/* A larger number is no number of images. */
enum { MOST_IMAGES = 1000000 };

/* PS3.3 C.8.9.1.1.4: value 1 of Series Type says which numbers multiply. 0: none does. */
static int64_t pet_total(const struct ivx_instance *instance)
{
    const char *type = instance->series_type;
    const size_t length = strcspn(type, "\\");
    const bool is_gated = length == 5 && memcmp(type, "GATED", length) == 0;
    const bool is_dynamic = length == 7 && memcmp(type, "DYNAMIC", length) == 0;
    const bool is_still = (length == 6 && memcmp(type, "STATIC", length) == 0)
                          || (length == 10 && memcmp(type, "WHOLE BODY", length) == 0);
    int64_t total = instance->slices_in_volume;
    if (is_dynamic)
        return total * instance->time_slices;
    if (!is_gated)
        return is_still ? total : 0;
    return total * instance->rr_intervals * instance->time_slots;
}

static size_t add(struct ivx_announced *out, size_t count, const char *kind, const char *part,
                  int64_t total)
{
    if (total < 2 || total > MOST_IMAGES)
        return count;
    out[count] = (struct ivx_announced){ kind, part, total };
    return count + 1;
}

size_t ivx_plan_announced(const struct ivx_instance *instance,
                          struct ivx_announced out[IVX_PLAN_COUNTS])
{
    size_t count = 0;
    /* What is held is counted in instances: numbers of images say nothing where one instance
     * has many. */
    const bool single = instance->frame_count == 0;
    if (single)
        count = add(out, count, IN_ACQUISITION, instance->acquisition_number,
                    instance->images_in_acquisition);
    if (single && ivx_instance_kind(instance) == IVX_KIND_PET)
        count = add(out, count, IN_VOLUME, "", pet_total(instance));
    if (single && instance->temporal[0] != '\0')
        count = add(out, count, TEMPORAL, instance->temporal, instance->temporal_positions);
    if (instance->concatenation[0] != '\0' && instance->in_concatenation > 0)
        count = add(out, count, CONCATENATION, instance->concatenation,
                    instance->concatenation_total);
    return count;
}

static struct ivx_plan_count reached(int64_t held, int64_t expected)
{
    return (struct ivx_plan_count){ .say = held == expected ? IVX_PLAN_MET : IVX_PLAN_SHORT,
                                    .held = held, .expected = expected };
}

static struct ivx_plan_count wrong(void)
{
    return (struct ivx_plan_count){ .say = IVX_PLAN_SILENT, .wrong = true };
}

/* Per acquisition, or per series where each slice is an acquisition of its own. */
static struct ivx_plan_count in_acquisition(const struct ivx_tally *tally)
{
    const bool one_number = tally->least == tally->most;
    if (tally->parts_met == tally->parts)
        return reached(tally->held, tally->sum);
    if (one_number && tally->held <= tally->most)
        return reached(tally->held, tally->most);
    return tally->parts_over > 0 ? wrong() : reached(tally->held, tally->sum);
}

static struct ivx_plan_count in_volume(const struct ivx_tally *tally)
{
    if (tally->least != tally->most || tally->held > tally->most)
        return wrong();
    return reached(tally->held, tally->most);
}

/* Each position has as many images as the one that has most of them so far. */
static struct ivx_plan_count temporal(const struct ivx_tally *tally)
{
    if (tally->least != tally->most || tally->parts > tally->most)
        return wrong();
    return reached(tally->held, tally->most * tally->held_most);
}

static struct ivx_plan_count concatenation(const struct ivx_tally *tally)
{
    return tally->parts_over > 0 ? wrong() : reached(tally->held, tally->sum);
}

struct ivx_plan_count ivx_plan_count(const struct ivx_tally *tally)
{
    static const struct {
        const char *kind, *label;
        struct ivx_plan_count (*judge)(const struct ivx_tally *tally);
    } kinds[] = {
        { IN_ACQUISITION, "Images in Acquisition", in_acquisition },
        { IN_VOLUME, "Number of Slices", in_volume },
        { TEMPORAL, "Number of Temporal Positions", temporal },
        { CONCATENATION, "In-concatenation Total Number", concatenation },
    };
    for (size_t n = 0; n < IVX_COUNT(kinds); n++)
        if (strcmp(kinds[n].kind, tally->kind) == 0) {
            struct ivx_plan_count count = kinds[n].judge(tally);
            count.label = kinds[n].label;
            return count;
        }
    return (struct ivx_plan_count){ .label = tally->kind };
}

bool ivx_plan_believes(int64_t kept, int64_t broken)
{
    return 4 * broken <= kept;
}
