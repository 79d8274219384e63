/* cache.h - headers that were read lately, so that a decision need not read them again.
 * Losing all of it costs time and nothing else. */
#ifndef IVX_PLAN_CACHE_H
#define IVX_PLAN_CACHE_H

#include "isovox/assemble/instance.h"

struct ivx_plan_cache; /* opaque */

bool ivx_plan_cache_new(struct ivx_plan_cache **out, struct ivx_err *err);
void ivx_plan_cache_free(struct ivx_plan_cache **cache);

/* NULL when it is not there. Borrowed until the next put or drop. */
const struct ivx_instance *ivx_plan_cache_find(const struct ivx_plan_cache *cache,
                                               uint64_t segment, uint64_t offset);
/* Takes the instance; when memory is short it is freed instead of kept. */
void ivx_plan_cache_put(struct ivx_plan_cache *cache, uint64_t segment, uint64_t offset,
                        struct ivx_instance *instance);
void ivx_plan_cache_drop(struct ivx_plan_cache *cache, uint64_t segment, uint64_t offset);

#endif
