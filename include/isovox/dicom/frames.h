/* frames.h - where each frame of an encapsulated multi-frame object lies. PS3.5 A.4. */
#ifndef IVX_DICOM_FRAMES_H
#define IVX_DICOM_FRAMES_H

#include "isovox/dicom/scan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of an object; length 0: there are none. */
struct ivx_span {
    uint64_t offset, length;
};

/* Fills out[0 .. frames-1] with the items of each frame, headers included. A fragment for
 * each frame needs no table. Otherwise a frame begins where the Basic or the Extended Offset
 * Table (7FE0,0001; `extended` is its value) says, and if there is none, at each fragment
 * that begins with a JPEG or JPEG 2000 start marker. *found_out: whether that gives as many
 * frames. The scan found the fragments whole. False only when reading fails. */
bool ivx_frames_locate(const struct ivx_blob *blob, const struct ivx_scan *scan,
                       const struct ivx_span *extended, uint32_t frames, struct ivx_span *out,
                       bool *found_out, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
