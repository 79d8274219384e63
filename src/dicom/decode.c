#include "isovox/dicom/decode.h"

#include <string.h>

#include "codec.h"
#include "encoding.h"
#include "isovox/base/auto.h"

/* PS3.5 10: what is decoded, and by which codec. */
static const struct {
    const char *syntax;
    ivx_codec *codec;
} codecs[] = {
    { "1.2.840.10008.1.2.5", ivx_codec_rle },
    { "1.2.840.10008.1.2.4.50", ivx_codec_jpeg },      /* baseline, 8 bits */
    { "1.2.840.10008.1.2.4.51", ivx_codec_jpeg },      /* extended, 12 bits */
    { "1.2.840.10008.1.2.4.53", ivx_codec_jpeg },      /* spectral selection (retired) */
    { "1.2.840.10008.1.2.4.55", ivx_codec_jpeg },      /* full progression (retired) */
    { "1.2.840.10008.1.2.4.57", ivx_codec_jpeg },      /* lossless */
    { "1.2.840.10008.1.2.4.70", ivx_codec_jpeg },      /* lossless, first-order prediction */
    { "1.2.840.10008.1.2.4.80", ivx_codec_jpegls },    /* JPEG-LS lossless */
    { "1.2.840.10008.1.2.4.81", ivx_codec_jpegls },    /* JPEG-LS near-lossless */
    { "1.2.840.10008.1.2.4.90", ivx_codec_jpeg2000 },  /* JPEG 2000 lossless */
    { "1.2.840.10008.1.2.4.91", ivx_codec_jpeg2000 },  /* JPEG 2000 */
    { "1.2.840.10008.1.2.4.201", ivx_codec_jpeg2000 }, /* HTJ2K lossless */
    { "1.2.840.10008.1.2.4.202", ivx_codec_jpeg2000 }, /* HTJ2K lossless, RPCL */
    { "1.2.840.10008.1.2.4.203", ivx_codec_jpeg2000 }, /* HTJ2K */
};

static ivx_codec *codec_of(const char *syntax)
{
    for (size_t n = 0; n < IVX_COUNT(codecs); n++)
        if (strcmp(syntax, codecs[n].syntax) == 0)
            return codecs[n].codec;
    return NULL;
}

bool ivx_decode_knows(const char *syntax)
{
    return codec_of(syntax) != NULL;
}

static bool malformed(struct ivx_err *err, const char *what)
{
    return ivx_fail(err, IVX_DAMAGED, "fragments: %s", what);
}

enum { ITEM = 0xFFFEE000, SEQUENCE_END = 0xFFFEE0DD };

/* skipped: items that are no fragment, ended: a delimiter closes them. */
static bool join(uint8_t *value, size_t length, uint64_t skipped, bool ended,
                 size_t *length_out, struct ivx_err *err)
{
    size_t at = 0, joined = 0;
    for (uint64_t item = 0; ended || at < length; item++) {
        if (length - at < 8)
            return malformed(err, "they are cut off");
        const uint32_t tag = ivx_get_tag(value + at, false);
        const size_t size = ivx_get32(value + at + 4, false);
        at += 8;
        if (tag == SEQUENCE_END && ended)
            break;
        if (tag != ITEM || size > length - at)
            return malformed(err, "one is malformed or cut off");
        if (item >= skipped) {
            memmove(value + joined, value + at, size);
            joined += size;
        }
        at += size;
    }
    *length_out = joined;
    return true;
}

/* The first item is the offset table: of no use with one frame. */
bool ivx_fragments_join(uint8_t *value, size_t length, size_t *length_out, struct ivx_err *err)
{
    return join(value, length, 1, true, length_out, err);
}

bool ivx_fragments_join_frame(uint8_t *items, size_t length, size_t *length_out,
                              struct ivx_err *err)
{
    return join(items, length, 0, false, length_out, err);
}

size_t ivx_frame_pixels(const struct ivx_frame *frame)
{
    return (size_t)frame->rows * (size_t)frame->columns;
}

bool ivx_codec_size_agrees(const struct ivx_frame *frame, uint64_t rows, uint64_t columns,
                           uint64_t components, struct ivx_err *err)
{
    if (components != 1)
        return ivx_fail(err, IVX_DAMAGED, "decode: a codestream of %llu components",
                        (unsigned long long)components);
    if (rows != (uint64_t)frame->rows || columns != (uint64_t)frame->columns)
        return ivx_fail(err, IVX_DAMAGED,
                        "decode: a codestream of %llu rows and %llu columns, not %d and %d",
                        (unsigned long long)rows, (unsigned long long)columns,
                        (int)frame->rows, (int)frame->columns);
    return true;
}

static bool sensible(const struct ivx_frame *frame)
{
    const int32_t allocated = frame->bits_allocated, stored = frame->bits_stored;
    const int32_t high = frame->high_bit;
    if (allocated != 8 && allocated != 16 && allocated != 32)
        return false;
    return frame->rows >= 1 && frame->rows <= UINT16_MAX && frame->columns >= 1
           && frame->columns <= UINT16_MAX && stored >= 1 && stored <= allocated
           && high >= stored - 1 && high < allocated;
}

bool ivx_decode(const struct ivx_frame *frame, const uint8_t *codestream, size_t length,
                uint8_t *raw, struct ivx_err *err)
{
    ivx_codec *codec = codec_of(frame->syntax);
    if (codec == NULL)
        return ivx_fail(err, IVX_REFUSED, "decode: transfer syntax %s", frame->syntax);
    if (!sensible(frame))
        return ivx_fail(err, IVX_REFUSED, "decode: %d rows, %d columns, %d bits allocated",
                        (int)frame->rows, (int)frame->columns, (int)frame->bits_allocated);
    uint64_t bytes;
    if (__builtin_mul_overflow((uint64_t)frame->rows, (uint64_t)frame->columns, &bytes)
        || __builtin_mul_overflow(bytes, (uint64_t)frame->bits_allocated / 8, &bytes)
        || bytes > IVX_DECODE_MOST)
        return ivx_fail(err, IVX_REFUSED, "decode: a frame of %d rows and %d columns",
                        (int)frame->rows, (int)frame->columns);
    if (length == 0 || length > UINT32_MAX)
        return ivx_fail(err, IVX_DAMAGED, "decode: a codestream of %zu bytes", length);
    return codec(frame, codestream, length, raw, err);
}
