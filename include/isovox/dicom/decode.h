/* decode.h - compressed Pixel Data to the words that native Pixel Data would have. PS3.5 8.2
 * and A.4. Bounded: sizes are computed in 64 bits and checked against the codestream's own
 * before a decoder runs. For convert workers and the tool only: decoders are the code that
 * hostile bytes break most often. */
#ifndef IVX_DICOM_DECODE_H
#define IVX_DICOM_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One frame with one sample per pixel; what the header says of it. Borrowed. */
struct ivx_frame {
    const char *syntax;
    int32_t rows, columns;
    int32_t bits_allocated, bits_stored, high_bit, pixel_representation;
};

/* Native bytes that one compressed frame may decode to: 256 MiB. */
#define IVX_DECODE_MOST (UINT64_C(1) << 28)

/* The syntaxes that ivx_decode() reads: RLE, JPEG, JPEG-LS, JPEG 2000, HTJ2K. */
bool ivx_decode_knows(const char *syntax);

/* The value of an encapsulated Pixel Data element, item headers included, becomes the
 * codestream of its only frame: fragments are joined in place, the offset table dropped.
 * *length_out is its length, from value[0] on. */
bool ivx_fragments_join(uint8_t *value, size_t length, size_t *length_out, struct ivx_err *err);

/* The same of the items of one frame alone, as ivx_frames_locate() finds them: no table
 * before them, no delimiter behind. */
bool ivx_fragments_join_frame(uint8_t *items, size_t length, size_t *length_out,
                              struct ivx_err *err);

/* Decodes into raw: rows * columns words of bits_allocated, little endian, as native Pixel
 * Data of this header would be. IVX_DAMAGED: malformed, truncated, or of another size than
 * the header's. IVX_REFUSED: not a form that is decoded, among them a codestream whose
 * samples do not fit Bits Stored and Pixel Representation (ASSEMBLY R10). */
bool ivx_decode(const struct ivx_frame *frame, const uint8_t *codestream, size_t length,
                uint8_t *raw, struct ivx_err *err);

/* Of the libraries that are linked and turn files into values; texts live for ever. */
struct ivx_versions {
    const char *dcmtk, *charls, *openjpeg, *zlib;
};
void ivx_decode_versions(struct ivx_versions *out);

#ifdef __cplusplus
}
#endif
#endif
