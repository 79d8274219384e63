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

#endif
