/* R5: several images at each position, told apart by one attribute, or by several. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "isovox/base/auto.h"

enum { KEY_ROOM = 256 };

typedef void write_key(const struct ivx_instance *instance, char out[KEY_ROOM]);

#define KEY(name, ...)                                                                   \
    static void name(const struct ivx_instance *instance, char out[KEY_ROOM])            \
    {                                                                                    \
        snprintf(out, KEY_ROOM, __VA_ARGS__);                                            \
    }
KEY(temporal, "%s", instance->temporal)
KEY(acquisition, "%s", instance->acquisition_number)
KEY(echo, "%s", instance->echo)
KEY(diffusion, "%s/%.97s", instance->b_value, instance->gradient)
KEY(trigger, "%s", instance->trigger_time)
KEY(frame_time, "%s", instance->frame_time)
KEY(acquisition_time, "%s/%s", instance->acquisition_datetime, instance->acquisition_time)
KEY(content_time, "%s", instance->content_time)
KEY(image_type, "%s", instance->image_type)
KEY(kernel, "%s", instance->convolution_kernel)
KEY(contrast, "%s", instance->contrast)
KEY(vendor_diffusion, "%s", instance->vendor_diffusion)
KEY(stack, "%s", instance->stack_id)
/* Several echoes at each of several times, and the like. */
KEY(together, "%s/%s/%s/%s/%s", instance->temporal, instance->echo, instance->b_value,
    instance->gradient, instance->trigger_time)
KEY(dimension_1, "%u", (unsigned)instance->dimension[0])
KEY(dimension_2, "%u", (unsigned)instance->dimension[1])
KEY(dimension_3, "%u", (unsigned)instance->dimension[2])
KEY(dimension_4, "%u", (unsigned)instance->dimension[3])
KEY(dimension_5, "%u", (unsigned)instance->dimension[4])
#undef KEY

/* In the order in which they are tried. */
static const struct discriminator {
    const char *name;
    write_key *write;
} discriminators[] = {
    { "temporal position", temporal },
    { "acquisition number", acquisition },
    { "echo", echo },
    { "b-value and gradient", diffusion },
    { "trigger time", trigger },
    { "frame reference time", frame_time },
    { "acquisition time", acquisition_time },
    { "content time", content_time },
    { "image type", image_type },
    { "convolution kernel", kernel },
    { "time, echo, diffusion and trigger together", together },
    { "sequence, excitation or corrections", contrast },
    { "a vendor's b-value and gradient", vendor_diffusion },
    { "stack", stack },
    { "dimension index 1", dimension_1 },
    { "dimension index 2", dimension_2 },
    { "dimension index 3", dimension_3 },
    { "dimension index 4", dimension_4 },
    { "dimension index 5", dimension_5 },
};

struct keyed {
    char key[KEY_ROOM];
    int64_t number;
    int slice, part;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *left = a, *right = b;
    const int order = strcmp(left->key, right->key);
    return order != 0 ? order : left->slice - right->slice;
}

static int by_number(const void *a, const void *b)
{
    const struct keyed *left = a, *right = b;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return left->slice - right->slice;
}

static int by_part(const void *a, const void *b)
{
    const struct keyed *left = a, *right = b;
    return left->part != right->part ? left->part - right->part
                                     : left->slice - right->slice;
}

/* Does every part have one image at each of the positions? In the group's order the
 * images of one position stand together, so the parts are compared position by position.
 */
static bool complete(const struct ivx_group *group, struct keyed *keyed, int parts)
{
    const int count = group->count;
    if (parts < 2 || count % parts != 0)
        return false;
    const int each = count / parts;
    qsort(keyed, (size_t)count, sizeof *keyed, by_part);
    for (int n = 0; n < count; n++) {
        if (keyed[n].part != n / each)
            return false;
        const int first = keyed[n % each].slice;
        if (fabs(group->t[keyed[n].slice] - group->t[first]) >= 0.01)
            return false;
        if (n % each > 0
            && group->t[keyed[n].slice] - group->t[keyed[n - 1].slice] < 0.01)
            return false;
    }
    return true;
}

static int number_by_key(struct keyed *keyed, int count)
{
    qsort(keyed, (size_t)count, sizeof *keyed, by_key);
    int parts = 0;
    for (int n = 0; n < count; n++) {
        if (n > 0 && strcmp(keyed[n].key, keyed[n - 1].key) != 0)
            parts++;
        keyed[n].part = parts;
    }
    return parts + 1;
}

static int positions(const struct ivx_group *group)
{
    int found = 0;
    for (int k = 0; k < group->count; k = ivx_same_position_end(group, k))
        found++;
    return found;
}

/* Consecutive Instance Numbers, in blocks as long as there are positions. */
static int number_by_blocks(const struct ivx_group *group, struct keyed *keyed)
{
    const int count = group->count, each = positions(group);
    if (count % each != 0)
        return 0;
    qsort(keyed, (size_t)count, sizeof *keyed, by_number);
    for (int n = 0; n < count; n++) {
        if (keyed[n].number == INT64_MIN
            || (n > 0 && keyed[n].number == keyed[n - 1].number))
            return 0;
        keyed[n].part = n / each;
    }
    return count / each;
}

static void load(const struct ivx_group *group, write_key *write, struct keyed *keyed)
{
    for (int n = 0; n < group->count; n++) {
        memset(&keyed[n], 0, sizeof keyed[n]);
        keyed[n].slice = n;
        keyed[n].number = group->slice[n]->instance_number;
        if (write != NULL)
            write(group->slice[n], keyed[n].key);
    }
}

static void answer(const struct keyed *keyed, int count, int *which)
{
    for (int n = 0; n < count; n++)
        which[keyed[n].slice] = keyed[n].part;
}

bool ivx_rule_split(const struct ivx_group *group, int *which, int *parts_out,
                    const char **by_out, struct ivx_err *err)
{
    const int count = group->count;
    IVX_AUTO(ivx_memory_free) struct keyed *keyed = calloc((size_t)count, sizeof *keyed);
    if (keyed == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory");

    *parts_out = 0;
    for (size_t n = 0; n <= IVX_COUNT(discriminators); n++) {
        const bool blocks = n == IVX_COUNT(discriminators);
        load(group, blocks ? NULL : discriminators[n].write, keyed);
        const int parts =
            blocks ? number_by_blocks(group, keyed) : number_by_key(keyed, count);
        if (!complete(group, keyed, parts))
            continue;
        answer(keyed, count, which);
        *parts_out = parts;
        *by_out = blocks ? "instance number blocks" : discriminators[n].name;
        return true;
    }
    return true;
}
