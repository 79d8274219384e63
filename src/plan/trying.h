/* trying.h - what plan is looking at, noted outside the process, so that an object which
 * kills plan twice is passed over the third time. */
#ifndef IVX_PLAN_TRYING_H
#define IVX_PLAN_TRYING_H

#include <stdint.h>

#include "isovox/base/err.h"

enum ivx_trying_what { IVX_TRYING_NOTHING, IVX_TRYING_RECORD, IVX_TRYING_SERIES };

struct ivx_trying; /* opaque */

/* state_dir/run/plan.trying. It is not synced: it has to outlive the process only. */
bool ivx_trying_open(const char *state_dir, struct ivx_trying **out, struct ivx_err *err);
void ivx_trying_free(struct ivx_trying **trying);

/* Before the attempt. False: the two processes before this one both died over it. */
bool ivx_trying_begin(struct ivx_trying *trying, enum ivx_trying_what what, uint64_t a,
                      uint64_t b);
void ivx_trying_end(struct ivx_trying *trying);

#endif
