/* counts.h - numbers of images that instances announce: which, and whether they are reached.
 * docs/COMPLETENESS.md says what each of them is worth. */
#ifndef IVX_PLAN_COUNTS_H
#define IVX_PLAN_COUNTS_H

#include "complete.h"

#include "isovox/assemble/instance.h"
#include "isovox/catalogue/catalogue.h"

enum { IVX_PLAN_COUNTS = 4 };

/* What this instance announces, at most IVX_PLAN_COUNTS of them; the number of them. Parts
 * are borrowed from the instance. */
size_t ivx_plan_announced(const struct ivx_instance *instance,
                          struct ivx_announced out[IVX_PLAN_COUNTS]);

struct ivx_plan_count {
    enum ivx_plan_say say;
    bool wrong;             /* SILENT because it contradicts itself or what came */
    int64_t held, expected; /* SHORT, MET */
    const char *label;      /* "Images in Acquisition" */
};
struct ivx_plan_count ivx_plan_count(const struct ivx_tally *tally);

/* An announcement is believed as long as it was wrong at most once in five times. */
bool ivx_plan_believes(int64_t kept, int64_t broken);

#endif
