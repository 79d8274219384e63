/* codec.h - what the decoders share. Private to dicom. Each gets a frame whose sizes have
 * been checked, and raw of exactly rows * columns * bits_allocated / 8 bytes. */
#ifndef IVX_DICOM_CODEC_H
#define IVX_DICOM_CODEC_H

#include "isovox/dicom/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef bool ivx_codec(const struct ivx_frame *frame, const uint8_t *codestream, size_t length,
                       uint8_t *raw, struct ivx_err *err);
ivx_codec ivx_codec_rle, ivx_codec_jpeg, ivx_codec_jpegls, ivx_codec_jpeg2000;

size_t ivx_frame_pixels(const struct ivx_frame *frame);
/* What a codestream says of itself; it must agree with the header. */
bool ivx_codec_size_agrees(const struct ivx_frame *frame, uint64_t rows, uint64_t columns,
                           uint64_t components, struct ivx_err *err);

/* Samples as a decoder gives them. */
struct ivx_samples {
    const int32_t *value;
    int precision; /* of the codestream, 1 .. 31 */
    bool has_sign; /* by the codestream's own account */
    bool words;    /* at full precision they are the words of Pixel Data, bit for bit */
};
/* Samples of one byte, or of two in the byte order of this machine. */
void ivx_samples_widen(const uint8_t *from, size_t count, bool two_bytes, int32_t *out);
/* ASSEMBLY R10 where precision, sign flag and header disagree. */
bool ivx_samples_place(const struct ivx_frame *frame, const struct ivx_samples *samples,
                       uint8_t *raw, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
