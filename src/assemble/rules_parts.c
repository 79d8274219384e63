/* R16: an object that was cut into several, PS3.3 C.7.6.16.1.3. One that lacks a part
 * lacks slices, and where they would be nobody knows. */
#include <stdlib.h>
#include <string.h>

#include "group.h"

static int compare(const struct ivx_instance *a, const struct ivx_instance *b)
{
    const int order = strcmp(a->series_uid, b->series_uid);
    return order != 0 ? order : strcmp(a->concatenation, b->concatenation);
}

static int by_part(const void *a, const void *b)
{
    const struct ivx_instance *left = *(const struct ivx_instance *const *)a;
    const struct ivx_instance *right = *(const struct ivx_instance *const *)b;
    const int order = compare(left, right);
    return order != 0 ? order : left->in_concatenation - right->in_concatenation;
}

bool ivx_parts_new(const struct ivx_instance *const *instances, size_t count,
                   struct ivx_parts *out, struct ivx_err *err)
{
    *out = (struct ivx_parts){ .part = calloc(count + 1, sizeof *out->part) };
    if (out->part == NULL)
        return ivx_fail(err, IVX_FULL, "assemble: no memory for %zu instances", count);
    for (size_t n = 0; n < count; n++)
        if (instances[n]->concatenation[0] != '\0')
            out->part[out->count++] = instances[n];
    qsort(out->part, out->count, sizeof *out->part, by_part);
    return true;
}

void ivx_parts_free(struct ivx_parts *parts)
{
    free(parts->part);
    *parts = (struct ivx_parts){ 0 };
}

/* The first part that is of the same concatenation, by bisection. */
static size_t first_like(const struct ivx_parts *parts,
                         const struct ivx_instance *instance)
{
    size_t low = 0, high = parts->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(parts->part[middle], instance) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ivx_rule_parts(const struct ivx_parts *parts, const struct ivx_instance *instance,
                    struct ivx_verdict *why)
{
    int32_t next = 1, total = 0;
    if (instance->concatenation[0] == '\0')
        return true;
    for (size_t n = first_like(parts, instance);
         n < parts->count && compare(parts->part[n], instance) == 0; n++) {
        const struct ivx_instance *part = parts->part[n];
        total = part->concatenation_total > total ? part->concatenation_total : total;
        total = part->in_concatenation > total ? part->in_concatenation : total;
        next += part->in_concatenation == next;
    }
    if (next > total)
        return true;
    return ivx_verdict_no(why, IVX_REASON_GAP,
                          "part %d of %d of a concatenation is missing", (int)next,
                          (int)total);
}
