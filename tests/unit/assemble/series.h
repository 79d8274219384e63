/* series.h - instances made up for tests, without files: a truth that is known. */
#ifndef IVX_TEST_SERIES_H
#define IVX_TEST_SERIES_H

#include "isovox/assemble/assembly.h"

enum { SERIES_ROWS = 6, SERIES_COLUMNS = 8, SERIES_MOST = 400 };

/* all[] points to instances that the series owns; pixels lie in a file in memory, 16 bits,
 * different in each. The order of all[] is free. */
struct series {
    struct ivx_instance *all[SERIES_MOST];
    int count;
    int fd;
    uint64_t used;
    char path[64];
};

/* `count` axial slices, `step` mm apart, 0.5 x 0.7 mm pixels (columns x rows), thickness
 * `step`, HU = stored - 1024, instance numbers from 1. */
void series_start(struct series *series, int count, double step);
void series_free(struct series *series);

/* A copy of instance n with a UID of its own and pixels of its own, at the end. */
struct ivx_instance *series_add(struct series *series, int n);
/* The same with the same pixels and UID: what a repeated transfer gives. */
struct ivx_instance *series_resend(struct series *series, int n);
void series_remove(struct series *series, int n);
void series_shuffle(struct series *series, uint64_t *state);
/* Writes SERIES_ROWS * SERIES_COLUMNS words as this instance's pixels. */
void series_pixels(struct series *series, struct ivx_instance *instance, const uint16_t *words);

struct ivx_assembly *series_assemble(const struct series *series,
                                     const struct ivx_assemble_options *options);
/* With the policy `refuse`, complete. */
struct ivx_assembly *series_decide(const struct series *series);
/* The only volume, and nothing refused as a failure. */
const struct ivx_source_volume *series_only(const struct ivx_assembly *assembly);
/* Nothing but one refusal, and it is this one. */
void series_refused(const struct ivx_assembly *assembly, enum ivx_reason reason);
bool series_warned(const struct ivx_source_volume *volume, enum ivx_reason reason);

/* Everything that was decided, as text: equal texts, equal decisions. The caller frees. */
char *series_text(const struct ivx_assembly *assembly, bool with_uids);

uint64_t next_random(uint64_t *state);
/* In [least, most). */
double random_between(uint64_t *state, double least, double most);

#endif
