/* ahead.h - compressed slices decoded before they are asked for, by several threads. Private
 * to assemble. */
#ifndef IVX_ASSEMBLE_AHEAD_H
#define IVX_ASSEMBLE_AHEAD_H

#include "isovox/assemble/assembly.h"
#include "pixels.h"

struct ivx_ahead; /* opaque */

/* bytes: what the largest slice decodes to. */
bool ivx_ahead_new(const struct ivx_source_volume *volume, const struct ivx_crew *crew,
                   size_t bytes, struct ivx_ahead **out, struct ivx_err *err);
void ivx_ahead_free(struct ivx_ahead **ahead);
/* Native words of slice k, borrowed until the next call. What fails does so when its slice is
 * asked for, whichever thread came first. */
bool ivx_ahead_slice(struct ivx_ahead *ahead, int32_t k, const uint8_t **raw_out,
                     struct ivx_err *err);

#endif
