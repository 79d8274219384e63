/* JPEG (ISO/IEC 10918-1), lossy and lossless, by the IJG libraries inside DCMTK: one for up
 * to 8 bits per sample, one for 12, one for 16. */
#include <cstring>
#include <memory>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmjpeg/djcparam.h>
#include <dcmtk/dcmjpeg/djdijg12.h>
#include <dcmtk/dcmjpeg/djdijg16.h>
#include <dcmtk/dcmjpeg/djdijg8.h>

#include "barrier.h"
#include "codec.h"

namespace
{

/* More would be an attack: each scan of a progressive image is a pass over all of it. */
constexpr int most_scans = 256;

struct header {
    int precision;
    unsigned rows, columns, components;
};

bool damaged(struct ivx_err *err, const char *what)
{
    return ivx_fail(err, IVX_DAMAGED, "decode: JPEG: %s", what);
}

unsigned big16(const uint8_t *bytes)
{
    return static_cast<unsigned>(bytes[0] << 8 | bytes[1]);
}

/* SOF0 to SOF15 without DHT, JPG and DAC: 10918-1 table B.1. */
bool is_frame_header(uint8_t marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 &&
           marker != 0xCC;
}

/* TEM, RSTn and SOI stand alone. */
bool stands_alone(uint8_t marker)
{
    return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

/* Marker by marker from the start to the frame header; every step goes forward. */
bool read_header(const uint8_t *bytes, size_t length, header &out, struct ivx_err *err)
{
    if (length < 4 || big16(bytes) != 0xFFD8)
        return damaged(err, "there is no codestream");
    size_t at = 2;
    while (length - at >= 4) {
        if (bytes[at] != 0xFF)
            return damaged(err, "a marker is missing");
        const uint8_t marker = bytes[at + 1];
        if (marker == 0xFF || stands_alone(marker)) {
            at += marker == 0xFF ? 1 : 2;
            continue;
        }
        const size_t size = big16(bytes + at + 2);
        if (size < 2 || size > length - at - 2)
            return damaged(err, "a segment is cut off");
        if (is_frame_header(marker)) {
            if (size < 8)
                return damaged(err, "the frame header is cut off");
            const uint8_t *frame = bytes + at + 4;
            out = { frame[0], big16(frame + 1), big16(frame + 3), frame[5] };
            return true;
        }
        at += 2 + size;
    }
    return damaged(err, "there is no frame header");
}

/* Entropy-coded bytes never have FF DA: their FF is followed by 00 or RSTn. */
int count_scans(const uint8_t *bytes, size_t length)
{
    int scans = 0;
    for (size_t at = 0; at + 1 < length; at++)
        scans += bytes[at] == 0xFF && bytes[at + 1] == 0xDA;
    return scans;
}

std::unique_ptr<DJDecoder> decoder_for(int precision, const DJCodecParameter &parameters)
{
    if (precision <= 8)
        return std::make_unique<DJDecompressIJG8Bit>(parameters, OFFalse);
    if (precision <= 12)
        return std::make_unique<DJDecompressIJG12Bit>(parameters, OFFalse);
    return std::make_unique<DJDecompressIJG16Bit>(parameters, OFFalse);
}

bool decode(const struct ivx_frame *frame, const uint8_t *codestream, size_t length,
            uint8_t *raw, struct ivx_err *err)
{
    header found = {};
    if (!read_header(codestream, length, found, err) ||
        !ivx_codec_size_agrees(frame, found.rows, found.columns, found.components, err))
        return false;
    if (found.precision < 2 || found.precision > 16)
        return damaged(err, "samples of a precision that JPEG has not");
    if (count_scans(codestream, length) > most_scans)
        return ivx_fail(err, IVX_REFUSED, "decode: JPEG: more than %d scans", most_scans);

    const size_t count = ivx_frame_pixels(frame);
    const bool two_bytes = found.precision > 8;
    std::vector<uint8_t> samples(count * (two_bytes ? 2 : 1));
    const DJCodecParameter parameters(ECC_lossyYCbCr, EDC_never, EUC_never, EPC_default);
    const std::unique_ptr<DJDecoder> decoder = decoder_for(found.precision, parameters);
    OFCondition done = decoder->init();
    if (done.good())
        done = decoder->decode(const_cast<Uint8 *>(codestream), static_cast<Uint32>(length),
                               samples.data(), static_cast<Uint32>(samples.size()),
                               frame->pixel_representation == 1);
    if (done.bad())
        return damaged(err, done.text());

    std::vector<int32_t> values(count);
    ivx_samples_widen(samples.data(), count, two_bytes, values.data());
    const struct ivx_samples made = { values.data(), found.precision, false, true };
    return ivx_samples_place(frame, &made, raw, err);
}

} // namespace

bool ivx_codec_jpeg(const struct ivx_frame *frame, const uint8_t *codestream, size_t length,
                    uint8_t *raw, struct ivx_err *err)
{
    return ivx_barrier(err, [&] { return decode(frame, codestream, length, raw, err); });
}
