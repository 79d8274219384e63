/* encode.h - codestreams for tests, made by DCMTK (RLE, JPEG), CharLS (JPEG-LS) and OpenJPEG.
 * Other encoders: tests/e2e/test_codecs.py. */
#ifndef IVX_TEST_ENCODE_H
#define IVX_TEST_ENCODE_H

#include "isovox/dicom/decode.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `words`: Pixel Data of 16 bits allocated. The value of the encapsulated element, offset
 * table, items and delimiter included; the caller frees. NULL: the encoder said no. */
uint8_t *encode_words(const struct ivx_frame *frame, const uint16_t *words, size_t *length_out);

struct j2k_options {
    int precision;
    bool has_sign, lossy;
    int tile; /* 0: one tile */
};
uint8_t *encode_j2k(const struct ivx_frame *frame, const int32_t *values,
                    const struct j2k_options *options, size_t *length_out);

#ifdef __cplusplus
}
#endif
#endif
