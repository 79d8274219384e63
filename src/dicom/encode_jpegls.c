/* JPEG-LS lossless (ISO/IEC 14495-1) by CharLS. The words as they are: JPEG-LS knows no sign,
 * and with all bits stored the decoder gives back the same words. */
#include <charls/charls.h>

#include "codec.h"
#include "encoder.h"
#include "isovox/base/auto.h"

static void encoder_free(charls_jpegls_encoder **encoder)
{
    if (*encoder != NULL)
        charls_jpegls_encoder_destroy(*encoder);
    *encoder = NULL;
}

static bool failed(charls_jpegls_errc code, struct ivx_err *err)
{
    const bool memory = code == CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
    return ivx_fail(err, memory ? IVX_FULL : IVX_BUG, "encode: JPEG-LS: %s",
                    charls_get_error_message(code));
}

bool ivx_encoder_jpegls(const struct ivx_frame *frame, const uint8_t *raw,
                        struct ivx_codestream *out, struct ivx_err *err)
{
    const charls_frame_info info = { (uint32_t)frame->columns, (uint32_t)frame->rows,
                                     frame->bits_allocated, 1 };
    const size_t bytes = ivx_frame_pixels(frame) * (size_t)frame->bits_allocated / 8;
    size_t written = 0;
    IVX_AUTO(encoder_free) charls_jpegls_encoder *encoder = charls_jpegls_encoder_create();
    /* No sample takes more than 64 bits: 14495-1 annex A.2.1, LIMIT of 16-bit samples. */
    if (encoder == NULL || !ivx_codestream_reserve(out, 8 * ivx_frame_pixels(frame) + 4096, err))
        return ivx_fail(err, IVX_FULL, "encode: no memory");
    charls_jpegls_errc code = charls_jpegls_encoder_set_frame_info(encoder, &info);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_set_destination_buffer(encoder, out->bytes, out->room);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_encode_from_buffer(encoder, raw, bytes, 0);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_get_bytes_written(encoder, &written);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
        return failed(code, err);
    out->length = written;
    return true;
}
