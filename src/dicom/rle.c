/* RLE Lossless, PS3.5 annex G. One segment per byte of a word, the highest byte first. */
#include "codec.h"
#include "encoding.h"

enum { HEADER = 64, MOST_SEGMENTS = 15 };

/* G.3.2, into every `step`-th byte of out. Runs that go on beyond the last pixel are padding. */
static bool unpack(const uint8_t *from, size_t length, uint8_t *out, size_t step, size_t count)
{
    size_t at = 0, done = 0;
    while (done < count && at < length) {
        const uint8_t control = from[at++];
        if (control == 128)
            continue;
        const bool literal = control < 128;
        const size_t run = literal ? (size_t)control + 1 : (size_t)257 - control;
        if ((literal ? run : 1) > length - at)
            return false;
        for (size_t n = 0; n < run && done < count; n++, done++)
            out[done * step] = from[literal ? at + n : at];
        at += literal ? run : 1;
    }
    return done == count;
}

static bool damaged(struct ivx_err *err, const char *what)
{
    return ivx_fail(err, IVX_DAMAGED, "decode: RLE: %s", what);
}

bool ivx_codec_rle(const struct ivx_frame *frame, const uint8_t *codestream, size_t length,
                   uint8_t *raw, struct ivx_err *err)
{
    if (length < HEADER)
        return damaged(err, "the header is cut off");
    const uint32_t segments = ivx_get32(codestream, false);
    const uint32_t bytes = (uint32_t)frame->bits_allocated / 8;
    if (segments != bytes || segments > MOST_SEGMENTS)
        return damaged(err, "the number of segments is not that of the bytes of a pixel");
    for (uint32_t n = 0; n < segments; n++) {
        const size_t start = ivx_get32(codestream + 4 + 4 * n, false);
        const size_t end =
            n + 1 < segments ? ivx_get32(codestream + 8 + 4 * n, false) : length;
        if (start < HEADER || end < start || end > length)
            return damaged(err, "a segment lies outside");
        if (!unpack(codestream + start, end - start, raw + (bytes - 1 - n), bytes,
                    ivx_frame_pixels(frame)))
            return damaged(err, "a segment has too few bytes");
    }
    return true;
}
