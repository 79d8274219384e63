/* encode.h - words of native Pixel Data to a codestream without loss. Of results that we made:
 * what comes from elsewhere is never encoded. PS3.5 8.2 and A.4. */
#ifndef IVX_DICOM_ENCODE_H
#define IVX_DICOM_ENCODE_H

#include "isovox/dicom/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The syntaxes that ivx_encode() writes: RLE, JPEG lossless (process 14, selection value 1),
 * JPEG-LS lossless, JPEG 2000 lossless. */
bool ivx_encode_knows(const char *syntax);

/* Appended to by the encoders; `bytes` is for ivx_memory_free(). */
struct ivx_codestream {
    uint8_t *bytes;
    size_t length, room;
};

/* One frame: rows * columns words of bits_allocated (8 or 16, all of them stored), little
 * endian. Replaces what `out` held; its length is even. The same words give the same bytes.
 * IVX_REFUSED: not a form that is encoded. */
bool ivx_encode(const struct ivx_frame *frame, const uint8_t *raw, struct ivx_codestream *out,
                struct ivx_err *err);
void ivx_codestream_free(struct ivx_codestream *codestream); /* what it owns */

#ifdef __cplusplus
}
#endif
#endif
