/* JPEG-LS (ISO/IEC 14495-1) by CharLS. */
#include <charls/charls.h>
#include <stdlib.h>

#include "codec.h"
#include "isovox/base/auto.h"

static void decoder_free(charls_jpegls_decoder **decoder)
{
    if (*decoder != NULL)
        charls_jpegls_decoder_destroy(*decoder);
    *decoder = NULL;
}

/* Up to the end marker; behind it there is nothing but padding. A stream without one is cut
 * off, and can keep CharLS 2.4 counting bits for seconds. 0: there is none. */
static size_t whole_length(const uint8_t *codestream, size_t length)
{
    while (length > 0 && codestream[length - 1] == 0)
        length--;
    const bool ends = length >= 2 && codestream[length - 2] == 0xFF
                      && codestream[length - 1] == 0xD9;
    return ends ? length : 0;
}

static bool failed(charls_jpegls_errc code, struct ivx_err *err)
{
    const bool memory = code == CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
    return ivx_fail(err, memory ? IVX_FULL : IVX_DAMAGED, "decode: JPEG-LS: %s",
                    charls_get_error_message(code));
}

static bool read_header(charls_jpegls_decoder *decoder, const uint8_t *codestream,
                        size_t length, charls_frame_info *info, struct ivx_err *err)
{
    charls_jpegls_errc code =
        charls_jpegls_decoder_set_source_buffer(decoder, codestream, length);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_read_header(decoder);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_frame_info(decoder, info);
    return code == CHARLS_JPEGLS_ERRC_SUCCESS || failed(code, err);
}

bool ivx_codec_jpegls(const struct ivx_frame *frame, const uint8_t *codestream, size_t length,
                      uint8_t *raw, struct ivx_err *err)
{
    length = whole_length(codestream, length);
    if (length == 0)
        return ivx_fail(err, IVX_DAMAGED, "decode: JPEG-LS: the end marker is missing");
    IVX_AUTO(decoder_free) charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
    if (decoder == NULL)
        return ivx_fail(err, IVX_FULL, "decode: no memory");
    charls_frame_info info = { 0 };
    if (!read_header(decoder, codestream, length, &info, err)
        || !ivx_codec_size_agrees(frame, info.height, info.width, (uint64_t)info.component_count,
                                  err))
        return false;

    const size_t count = ivx_frame_pixels(frame);
    const bool two_bytes = info.bits_per_sample > 8;
    IVX_AUTO(ivx_memory_free) uint8_t *samples = malloc(count * (two_bytes ? 2 : 1));
    IVX_AUTO(ivx_memory_free) int32_t *values = malloc(count * sizeof *values);
    if (samples == NULL || values == NULL)
        return ivx_fail(err, IVX_FULL, "decode: no memory");
    const charls_jpegls_errc code = charls_jpegls_decoder_decode_to_buffer(
        decoder, samples, count * (two_bytes ? 2 : 1), 0);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
        return failed(code, err);
    ivx_samples_widen(samples, count, two_bytes, values);
    const struct ivx_samples made = {
        .value = values, .precision = info.bits_per_sample, .words = true,
    };
    return ivx_samples_place(frame, &made, raw, err);
}
