#include "isovox/dicom/encode.h"

#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "encoder.h"
#include "isovox/base/auto.h"

static const struct {
    const char *syntax;
    ivx_encoder *encoder;
} encoders[] = {
    { "1.2.840.10008.1.2.5", ivx_encoder_rle },
    { "1.2.840.10008.1.2.4.70", ivx_encoder_jpeg },
    { "1.2.840.10008.1.2.4.80", ivx_encoder_jpegls },
    { "1.2.840.10008.1.2.4.90", ivx_encoder_jpeg2000 },
};

static ivx_encoder *encoder_of(const char *syntax)
{
    for (size_t n = 0; n < IVX_COUNT(encoders); n++)
        if (strcmp(encoders[n].syntax, syntax) == 0)
            return encoders[n].encoder;
    return NULL;
}

bool ivx_encode_knows(const char *syntax)
{
    return encoder_of(syntax) != NULL;
}

bool ivx_codestream_reserve(struct ivx_codestream *codestream, size_t more,
                            struct ivx_err *err)
{
    size_t wanted, twice;
    if (__builtin_add_overflow(codestream->length, more, &wanted)
        || __builtin_mul_overflow(codestream->room, (size_t)2, &twice))
        return ivx_fail(err, IVX_FULL, "encode: no memory");
    if (wanted <= codestream->room)
        return true;
    const size_t room = wanted > twice ? wanted : twice;
    uint8_t *grown = realloc(codestream->bytes, room);
    if (grown == NULL)
        return ivx_fail(err, IVX_FULL, "encode: no memory for %zu bytes", room);
    codestream->bytes = grown;
    codestream->room = room;
    return true;
}

bool ivx_codestream_add(struct ivx_codestream *codestream, const void *bytes, size_t length,
                        struct ivx_err *err)
{
    if (!ivx_codestream_reserve(codestream, length, err))
        return false;
    memcpy(codestream->bytes + codestream->length, bytes, length);
    codestream->length += length;
    return true;
}

void ivx_codestream_free(struct ivx_codestream *codestream)
{
    free(codestream->bytes);
    *codestream = (struct ivx_codestream){ .bytes = NULL };
}

/* With bits that are not stored a decoder has to know what stood in them: PS3.5 8.1.1 leaves
 * them open, and a codestream of fewer bits loses them. */
static bool sensible(const struct ivx_frame *frame)
{
    const int32_t allocated = frame->bits_allocated;
    return (allocated == 8 || allocated == 16) && frame->bits_stored == allocated
           && frame->high_bit == allocated - 1 && frame->rows >= 1
           && frame->rows <= UINT16_MAX && frame->columns >= 1 && frame->columns <= UINT16_MAX;
}

bool ivx_encode(const struct ivx_frame *frame, const uint8_t *raw, struct ivx_codestream *out,
                struct ivx_err *err)
{
    ivx_encoder *encoder = encoder_of(frame->syntax);
    if (encoder == NULL)
        return ivx_fail(err, IVX_REFUSED, "encode: transfer syntax %s", frame->syntax);
    const uint64_t bytes = (uint64_t)ivx_frame_pixels(frame) * 2;
    if (!sensible(frame) || bytes > IVX_DECODE_MOST)
        return ivx_fail(err, IVX_REFUSED,
                        "encode: %d rows, %d columns, %d bits allocated, %d stored",
                        (int)frame->rows, (int)frame->columns, (int)frame->bits_allocated,
                        (int)frame->bits_stored);
    out->length = 0;
    if (!encoder(frame, raw, out, err))
        return false;
    return out->length % 2 == 0 || ivx_codestream_add(out, "", 1, err);
}
