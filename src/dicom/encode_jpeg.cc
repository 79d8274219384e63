/* JPEG lossless, process 14 with selection value 1 (ISO/IEC 10918-1 annex H), by the IJG
 * libraries inside DCMTK. The words as they are: JPEG knows no sign, and differences are
 * modulo 2^16, so that with all bits stored the decoder gives back the same words. */
#include <memory>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmjpeg/djcparam.h>
#include <dcmtk/dcmjpeg/djeijg16.h>
#include <dcmtk/dcmjpeg/djeijg8.h>

#include "barrier.h"
#include "codec.h"
#include "encoder.h"

namespace
{

bool add(Uint8 *bytes, Uint32 length, const OFCondition &made, struct ivx_codestream *out,
         struct ivx_err *err)
{
    const std::unique_ptr<Uint8[]> owner(bytes);
    if (made.bad() || bytes == nullptr)
        return ivx_fail(err, IVX_FULL, "encode: JPEG: %s", made.text());
    return ivx_codestream_add(out, bytes, length, err);
}

bool encode(const struct ivx_frame *frame, const uint8_t *raw, struct ivx_codestream *out,
            struct ivx_err *err)
{
    const DJCodecParameter parameters(ECC_lossyYCbCr, EDC_never, EUC_never, EPC_default);
    const auto columns = static_cast<Uint16>(frame->columns);
    const auto rows = static_cast<Uint16>(frame->rows);
    const size_t count = ivx_frame_pixels(frame);
    Uint8 *bytes = nullptr;
    Uint32 length = 0;
    if (frame->bits_allocated == 8) {
        std::vector<Uint8> samples(raw, raw + count);
        DJCompressIJG8Bit encoder(parameters, EJM_lossless, 1, 0);
        const OFCondition made = encoder.encode(columns, rows, EPI_Monochrome2, 1,
                                                samples.data(), bytes, length);
        return add(bytes, length, made, out, err);
    }
    std::vector<Uint16> samples(count);
    for (size_t n = 0; n < count; n++)
        samples[n] = static_cast<Uint16>(raw[2 * n] | raw[2 * n + 1] << 8);
    DJCompressIJG16Bit encoder(parameters, EJM_lossless, 1, 0);
    const OFCondition made =
        encoder.encode(columns, rows, EPI_Monochrome2, 1, samples.data(), bytes, length);
    return add(bytes, length, made, out, err);
}

} // namespace

bool ivx_encoder_jpeg(const struct ivx_frame *frame, const uint8_t *raw,
                      struct ivx_codestream *out, struct ivx_err *err)
{
    return ivx_barrier(err, [&] { return encode(frame, raw, out, err); });
}
