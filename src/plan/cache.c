#include "planner.h"

#include <stdlib.h>

#include "isovox/base/auto.h"

enum { BUCKETS = 8192 };

struct node {
    struct node *next;
    uint64_t segment, offset;
    struct ivx_instance *instance;
};
struct ivx_plan_cache {
    size_t count; /* images */
    struct node *bucket[BUCKETS];
};

/* One that weighs more than all that are kept is kept alone. */
static size_t weight_of(const struct ivx_instance *instance)
{
    return 1 + (size_t)instance->frame_count;
}

static size_t bucket_of(uint64_t segment, uint64_t offset)
{
    /* Fibonacci hashing: the upper bits of a product with 2^64 / golden ratio. */
    const uint64_t mixed = (segment * 31 + offset) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 51);
}

bool ivx_plan_cache_new(struct ivx_plan_cache **out, struct ivx_err *err)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL || ivx_fail(err, IVX_FULL, "plan: no memory");
}

static void node_free(struct node **node)
{
    if (*node == NULL)
        return;
    ivx_instance_free(&(*node)->instance);
    free(*node);
    *node = NULL;
}

static void clear(struct ivx_plan_cache *cache)
{
    for (size_t n = 0; n < BUCKETS; n++)
        while (cache->bucket[n] != NULL) {
            struct node *gone = cache->bucket[n];
            cache->bucket[n] = gone->next;
            node_free(&gone);
        }
    cache->count = 0;
}

void ivx_plan_cache_free(struct ivx_plan_cache **cache)
{
    if (*cache == NULL)
        return;
    clear(*cache);
    free(*cache);
    *cache = NULL;
}

static struct node **link_of(struct ivx_plan_cache *cache, uint64_t segment, uint64_t offset)
{
    struct node **link = &cache->bucket[bucket_of(segment, offset)];
    while (*link != NULL && ((*link)->segment != segment || (*link)->offset != offset))
        link = &(*link)->next;
    return link;
}

const struct ivx_instance *ivx_plan_cache_find(const struct ivx_plan_cache *cache,
                                               uint64_t segment, uint64_t offset)
{
    const struct node *node = cache->bucket[bucket_of(segment, offset)];
    while (node != NULL && (node->segment != segment || node->offset != offset))
        node = node->next;
    return node == NULL ? NULL : node->instance;
}

void ivx_plan_cache_put(struct ivx_plan_cache *cache, uint64_t segment, uint64_t offset,
                        struct ivx_instance *instance)
{
    ivx_plan_cache_drop(cache, segment, offset);
    const size_t weight = weight_of(instance);
    if (cache->count + weight > IVX_PLAN_MOST_INSTANCES)
        clear(cache);
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        ivx_instance_free(&instance);
        return;
    }
    *node = (struct node){ NULL, segment, offset, instance };
    *link_of(cache, segment, offset) = node;
    cache->count += weight;
}

void ivx_plan_cache_drop(struct ivx_plan_cache *cache, uint64_t segment, uint64_t offset)
{
    struct node **link = link_of(cache, segment, offset);
    if (*link == NULL)
        return;
    struct node *gone = *link;
    *link = gone->next;
    cache->count -= weight_of(gone->instance);
    node_free(&gone);
}
