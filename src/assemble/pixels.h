/* pixels.h - R10: stored values out of Pixel Data. Private to assemble. */
#ifndef IVX_ASSEMBLE_PIXELS_H
#define IVX_ASSEMBLE_PIXELS_H

#include "isovox/assemble/instance.h"
#include "isovox/dicom/inflate.h"
#include "isovox/sys/hash.h"

/* Bytes that native Pixel Data must have, without the padding byte; false when the header's
 * figures make no sense (zero, overflow). 64-bit arithmetic. */
bool ivx_pixels_size(const struct ivx_instance *instance, uint64_t *bytes_out);
/* A format that this module reads: 8, 16 or 32 bits allocated, sensible Bits Stored, High
 * Bit and Pixel Representation. */
bool ivx_pixels_format_known(const struct ivx_instance *instance);

/* Reads files; keeps the last one open, because neighbours often share a spool segment. */
struct ivx_pixel_file {
    int fd; /* -1: none */
    char *path;
    uint8_t *packed; /* an encapsulated value; kept for its room */
    size_t room;
    struct ivx_inflate *inflate; /* of inflated_for: frames of one object are asked for in turn */
    const struct ivx_instance *inflated_for;
};
void ivx_pixel_file_close(struct ivx_pixel_file *file);

/* Bytes of native Pixel Data, or what compressed ones decode to, into room for
 * ivx_pixels_size() of them. */
bool ivx_pixels_read(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                     uint8_t *raw, struct ivx_err *err);
/* Bytes [offset, offset + bytes) of the instance's object. */
bool ivx_pixels_read_at(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                        uint64_t offset, uint8_t *out, size_t bytes, struct ivx_err *err);

/* R13. One table of at most 65536 entries of 8 to 16 bits, and LUT Data has all of them. */
bool ivx_lut_sensible(const struct ivx_instance *instance);
/* Entries into out, which has room for lut.entries. */
bool ivx_lut_read(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                  uint16_t *out, struct ivx_err *err);
/* Stored values become entries; what lies before or behind the table, its first or last. */
void ivx_lut_apply(const struct ivx_instance *instance, const uint16_t *lut, size_t count,
                   int32_t *values);

/* v = (raw >> (HighBit + 1 - BitsStored)) & (2^BitsStored - 1), sign-extended if signed. */
void ivx_pixels_decode(const struct ivx_instance *instance, const uint8_t *raw, int32_t *out);
/* Little-endian words of 16 bits whose values fit int16_t. */
bool ivx_pixels_are_short(const struct ivx_instance *instance);
/* `count` of those, the first of which is number `from`. */
void ivx_pixels_decode_short(const struct ivx_instance *instance, const uint8_t *raw, size_t from,
                             size_t count, int16_t *out);

/* SHA-256 of the stored values: equal for equal native images, whatever their encoding. Of
 * compressed ones that of the codestream, with what gives it its meaning: this is asked
 * where nothing may be decoded. With a Modality LUT, its entries too. The format is known. */
bool ivx_pixels_digest(const struct ivx_instance *instance, uint8_t out[IVX_SHA256_SIZE],
                       struct ivx_err *err);

#endif
