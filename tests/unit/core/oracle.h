/* oracle.h - the definition of docs/adr/0002-engine.md, evaluated as it stands: double
 * precision, one voxel at a time, all three axes at once. Shares no code with the engine.
 */
#ifndef TESTS_CORE_ORACLE_H
#define TESTS_CORE_ORACLE_H

#include "subject.h"

struct verdict {
    double value;
    bool background;
    bool padded;   /* background, because less than half was there */
    bool doubtful; /* at the border of background: either answer is right */
};

struct verdict oracle_at(const struct subject *subject, const struct ivx_grid *grid,
                         const struct ivx_resample_options *options, int32_t i, int32_t j,
                         int32_t m);

/* The same for docs/adr/0007-gather.md, which samples the slices' own (sheared) lattice at
 * any patient position. target: millimetres per result step that each axis of the stack
 * sees, for what is done against aliasing. */
struct lattice {
    const struct subject *subject;
    struct ivx_resample_options options;
    double *value, *there; /* owned: value times presence, and presence */
};
void lattice_make(const struct subject *subject, const struct ivx_resample_options *options,
                  const double target[3], struct lattice *out);
void lattice_free(struct lattice *lattice);
struct verdict lattice_at(const struct lattice *lattice, const double mm[3]);

#endif
