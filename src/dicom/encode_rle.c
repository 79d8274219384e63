/* RLE Lossless, PS3.5 annex G. One segment per byte of a word, the highest byte first; a run
 * never goes on in the next row. */
#include <string.h>

#include "encoder.h"

enum { HEADER = 64, MOST = 128, MOST_SEGMENTS = 2 };

struct row {
    const uint8_t *bytes; /* every `step`-th of them */
    size_t step, count;
};

static uint8_t byte_at(const struct row *row, size_t n)
{
    return row->bytes[n * row->step];
}

static size_t run_at(const struct row *row, size_t n)
{
    size_t length = 1;
    while (n + length < row->count && length < MOST
           && byte_at(row, n + length) == byte_at(row, n))
        length++;
    return length;
}

/* Up to where a run of three begins: two bytes alike cost as much as a run of their own. */
static size_t literal_at(const struct row *row, size_t n)
{
    size_t length = 0;
    while (n + length < row->count && length < MOST && run_at(row, n + length) < 3)
        length++;
    return length;
}

static bool add_row(const struct row *row, struct ivx_codestream *out, struct ivx_err *err)
{
    /* A control byte for each 128, and no run makes it longer. */
    if (!ivx_codestream_reserve(out, row->count + row->count / MOST + 2, err))
        return false;
    uint8_t *to = out->bytes + out->length;
    for (size_t n = 0; n < row->count;) {
        const size_t run = run_at(row, n);
        if (run >= 3) {
            *to++ = (uint8_t)(257 - run);
            *to++ = byte_at(row, n);
            n += run;
            continue;
        }
        const size_t literal = literal_at(row, n);
        *to++ = (uint8_t)(literal - 1);
        for (size_t k = 0; k < literal; k++)
            *to++ = byte_at(row, n + k);
        n += literal;
    }
    out->length = (size_t)(to - out->bytes);
    return true;
}

static void put32(uint8_t *to, size_t value)
{
    for (int n = 0; n < 4; n++)
        to[n] = (uint8_t)(value >> 8 * n);
}

static bool add_segment(const struct ivx_frame *frame, const uint8_t *raw, size_t byte,
                        struct ivx_codestream *out, struct ivx_err *err)
{
    const size_t step = (size_t)frame->bits_allocated / 8;
    const size_t stride = step * (size_t)frame->columns;
    for (size_t y = 0; y < (size_t)frame->rows; y++) {
        const struct row row = { raw + y * stride + byte, step, (size_t)frame->columns };
        if (!add_row(&row, out, err))
            return false;
    }
    return out->length % 2 == 0 || ivx_codestream_add(out, "", 1, err);
}

bool ivx_encoder_rle(const struct ivx_frame *frame, const uint8_t *raw,
                     struct ivx_codestream *out, struct ivx_err *err)
{
    static const uint8_t header[HEADER];
    const size_t segments = (size_t)frame->bits_allocated / 8;
    size_t start[MOST_SEGMENTS];
    if (!ivx_codestream_add(out, header, sizeof header, err))
        return false;
    for (size_t n = 0; n < segments; n++) {
        start[n] = out->length;
        if (!add_segment(frame, raw, segments - 1 - n, out, err))
            return false;
    }
    put32(out->bytes, segments);
    for (size_t n = 0; n < segments; n++)
        put32(out->bytes + 4 + 4 * n, start[n]);
    return true;
}
