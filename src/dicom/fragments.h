/* fragments.h - where the fragments of an encapsulated Pixel Data element end. PS3.5 A.4. */
#ifndef IVX_DICOM_FRAGMENTS_H
#define IVX_DICOM_FRAGMENTS_H

#include "isovox/dicom/scan.h"
#include "window.h"

/* Walks the items from out->pixel_offset, at most `most` of them; reads their headers alone.
 * Fills pixel_length, fragments and pixel_truncated. False only when reading fails. */
bool ivx_fragments_walk(struct ivx_window *window, uint32_t most, struct ivx_scan *out,
                        struct ivx_err *err);

#endif
