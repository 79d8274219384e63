/* encoder.h - what the encoders share. Private to dicom. Each gets a frame whose sizes have
 * been checked and appends its codestream. */
#ifndef IVX_DICOM_ENCODER_H
#define IVX_DICOM_ENCODER_H

#include "isovox/dicom/encode.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef bool ivx_encoder(const struct ivx_frame *frame, const uint8_t *raw,
                         struct ivx_codestream *out, struct ivx_err *err);
ivx_encoder ivx_encoder_rle, ivx_encoder_jpeg, ivx_encoder_jpegls, ivx_encoder_jpeg2000;

bool ivx_codestream_reserve(struct ivx_codestream *codestream, size_t more,
                            struct ivx_err *err);
bool ivx_codestream_add(struct ivx_codestream *codestream, const void *bytes, size_t length,
                        struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
