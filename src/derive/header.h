/* header.h - what stands before the pixels of an instance, as bytes: whether two say the same is
 * mostly seen without a parser that makes an object of every element. Private to derive. */
#ifndef IVX_DERIVE_HEADER_H
#define IVX_DERIVE_HEADER_H

#include "isovox/assemble/instance.h"

struct ivx_header; /* opaque */

/* *out is NULL where this form does not do: frames, deflated or huge data sets, elements that
 * are not in order. */
bool ivx_header_read(const struct ivx_instance *slice, struct ivx_header **out,
                     struct ivx_err *err);
void ivx_header_free(struct ivx_header **header);

/* Both have the element, with the same VR and bytes, or neither has it. The converse does not
 * hold: other bytes may say the same. Only the data set's own elements, sequences included. */
bool ivx_header_same(const struct ivx_header *one, const struct ivx_header *other, uint32_t tag);

/* A date, time or number as text, without what pads it; "" when it is not there. False: it has
 * another VR than those. */
bool ivx_header_text(const struct ivx_header *header, uint32_t tag, char *out, size_t room);

#endif
