/* R10 after decompression: samples of a codestream become words of Pixel Data. */
#include <string.h>

#include "codec.h"

void ivx_samples_widen(const uint8_t *from, size_t count, bool two_bytes, int32_t *out)
{
    for (size_t n = 0; n < count; n++) {
        uint16_t word = 0;
        if (two_bytes)
            memcpy(&word, from + 2 * n, sizeof word);
        out[n] = two_bytes ? word : from[n];
    }
}

static uint32_t low_bits(int count)
{
    return count >= 32 ? UINT32_MAX : (UINT32_C(1) << count) - 1;
}

static void put_word(uint8_t *raw, int bytes, uint32_t word)
{
    for (int n = 0; n < bytes; n++)
        raw[n] = (uint8_t)(word >> 8 * n);
}

static void place_bits(const struct ivx_frame *frame, const struct ivx_samples *samples,
                       int shift, uint8_t *raw)
{
    const int bytes = frame->bits_allocated / 8;
    const uint32_t mask = low_bits(samples->precision);
    const size_t count = ivx_frame_pixels(frame);
    for (size_t n = 0; n < count; n++, raw += bytes)
        put_word(raw, bytes, ((uint32_t)samples->value[n] & mask) << shift);
}

static bool does_not_fit(const struct ivx_frame *frame, const struct ivx_samples *samples,
                         struct ivx_err *err)
{
    return ivx_fail(err, IVX_REFUSED,
                    "decode: samples of %d bits%s do not fit %d bits stored, representation %d",
                    samples->precision, samples->has_sign ? " with sign" : "",
                    (int)frame->bits_stored, (int)frame->pixel_representation);
}

/* The value counts; its bits are those of `precision`, two's complement when the header says
 * signed and the flag is missing. Nothing is cut off. */
static bool place_values(const struct ivx_frame *frame, const struct ivx_samples *samples,
                         uint8_t *raw, struct ivx_err *err)
{
    const bool with_sign = frame->pixel_representation == 1;
    const int stored = frame->bits_stored, bytes = frame->bits_allocated / 8;
    const int shift = frame->high_bit + 1 - stored;
    const uint32_t flip = with_sign && !samples->has_sign
                              ? UINT32_C(1) << (samples->precision - 1)
                              : 0;
    const int64_t most = (INT64_C(1) << (stored - with_sign)) - 1;
    const int64_t least = with_sign ? -most - 1 : 0;
    const size_t count = ivx_frame_pixels(frame);
    for (size_t n = 0; n < count; n++, raw += bytes) {
        const int64_t value = (int32_t)(((uint32_t)samples->value[n] ^ flip) - flip);
        if (value < least || value > most)
            return does_not_fit(frame, samples, err);
        put_word(raw, bytes, ((uint32_t)value & low_bits(stored)) << shift);
    }
    return true;
}

bool ivx_samples_place(const struct ivx_frame *frame, const struct ivx_samples *samples,
                       uint8_t *raw, struct ivx_err *err)
{
    const int precision = samples->precision;
    if (precision < 1 || precision > 31)
        return ivx_fail(err, IVX_REFUSED, "decode: samples of %d bits", precision);
    if (samples->words && precision == frame->bits_allocated) {
        place_bits(frame, samples, 0, raw);
        return true;
    }
    /* The header's sign is trusted: encoders often forget the flag. */
    if (precision == frame->bits_stored) {
        place_bits(frame, samples, frame->high_bit + 1 - frame->bits_stored, raw);
        return true;
    }
    /* Fewer bits, a header with sign and a codestream without: either could be wrong. */
    if (precision < frame->bits_stored && frame->pixel_representation == 1
        && !samples->has_sign)
        return does_not_fit(frame, samples, err);
    return place_values(frame, samples, raw, err);
}
