#include "encode.h"

#include <cstdlib>
#include <cstring>
#include <vector>

#include <charls/charls.h>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrplol.h>
#include <dcmtk/dcmjpeg/djrploss.h>
#include <openjpeg.h>

static void put32(std::vector<uint8_t> &to, uint32_t value)
{
    for (int n = 0; n < 4; n++)
        to.push_back(static_cast<uint8_t>(value >> 8 * n));
}

static void put_item(std::vector<uint8_t> &to, uint32_t element, const uint8_t *bytes,
                     size_t length)
{
    put32(to, 0xFFFE | element << 16);
    put32(to, static_cast<uint32_t>(length));
    to.insert(to.end(), bytes, bytes + length);
}

static uint8_t *copy_of(const std::vector<uint8_t> &bytes, size_t *length_out)
{
    auto *made = static_cast<uint8_t *>(malloc(bytes.size()));
    memcpy(made, bytes.data(), bytes.size());
    *length_out = bytes.size();
    return made;
}

static void register_encoders()
{
    static bool done = false;
    if (done)
        return;
    DcmRLEEncoderRegistration::registerCodecs();
    DJEncoderRegistration::registerCodecs();
    done = true;
}

static void describe(DcmDataset &items, const struct ivx_frame *frame)
{
    const auto u16 = [](int value) { return static_cast<Uint16>(value); };
    items.putAndInsertString(DCM_SOPClassUID, UID_CTImageStorage);
    items.putAndInsertString(DCM_SOPInstanceUID, "1.2.3");
    items.putAndInsertUint16(DCM_SamplesPerPixel, 1);
    items.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2");
    items.putAndInsertUint16(DCM_Rows, u16(frame->rows));
    items.putAndInsertUint16(DCM_Columns, u16(frame->columns));
    items.putAndInsertUint16(DCM_BitsAllocated, u16(frame->bits_allocated));
    items.putAndInsertUint16(DCM_BitsStored, u16(frame->bits_stored));
    items.putAndInsertUint16(DCM_HighBit, u16(frame->high_bit));
    items.putAndInsertUint16(DCM_PixelRepresentation, u16(frame->pixel_representation));
}

/* CharLS, as a fragment: DCMTK's own copy of it must not be in one process with another. */
static uint8_t *encode_jpegls(const struct ivx_frame *frame, const uint16_t *words,
                              size_t *length_out)
{
    const charls_frame_info info = { static_cast<uint32_t>(frame->columns),
                                     static_cast<uint32_t>(frame->rows), frame->bits_stored,
                                     1 };
    const size_t bytes = 2u * info.width * info.height;
    std::vector<uint8_t> stream(2 * bytes + 1024), made;
    size_t length = 0;
    charls_jpegls_encoder *encoder = charls_jpegls_encoder_create();
    const bool done =
        charls_jpegls_encoder_set_frame_info(encoder, &info) == charls::jpegls_errc::success &&
        charls_jpegls_encoder_set_destination_buffer(encoder, stream.data(), stream.size()) ==
            charls::jpegls_errc::success &&
        charls_jpegls_encoder_encode_from_buffer(encoder, words, bytes, 0) ==
            charls::jpegls_errc::success &&
        charls_jpegls_encoder_get_bytes_written(encoder, &length) ==
            charls::jpegls_errc::success;
    charls_jpegls_encoder_destroy(encoder);
    put_item(made, 0xE000, nullptr, 0);
    put_item(made, 0xE000, stream.data(), length);
    put_item(made, 0xE0DD, nullptr, 0);
    return done ? copy_of(made, length_out) : nullptr;
}

uint8_t *encode_words(const struct ivx_frame *frame, const uint16_t *words, size_t *length_out)
{
    if (strcmp(frame->syntax, "1.2.840.10008.1.2.4.80") == 0)
        return encode_jpegls(frame, words, length_out);
    register_encoders();
    DcmDataset items;
    describe(items, frame);
    const auto count = static_cast<unsigned long>(frame->rows) *
                       static_cast<unsigned long>(frame->columns);
    items.putAndInsertUint16Array(DCM_PixelData, words, count);

    const E_TransferSyntax syntax = DcmXfer(frame->syntax).getXfer();
    DJ_RPLossless lossless;
    DJ_RPLossy lossy(95);
    const bool is_lossy = syntax == EXS_JPEGProcess1 || syntax == EXS_JPEGProcess2_4;
    const DcmRepresentationParameter *how = nullptr;
    if (is_lossy)
        how = &lossy;
    else if (syntax == EXS_JPEGProcess14 || syntax == EXS_JPEGProcess14SV1)
        how = &lossless;
    DcmElement *element = nullptr;
    DcmPixelSequence *sequence = nullptr;
    if (items.chooseRepresentation(syntax, how).bad() ||
        items.findAndGetElement(DCM_PixelData, element).bad() ||
        dynamic_cast<DcmPixelData &>(*element)
            .getEncapsulatedRepresentation(syntax, how, sequence)
            .bad())
        return nullptr;
    std::vector<uint8_t> made;
    for (unsigned long n = 0; n < sequence->card(); n++) {
        DcmPixelItem *item = nullptr;
        Uint8 *bytes = nullptr;
        sequence->getItem(item, n);
        item->getUint8Array(bytes);
        put_item(made, 0xE000, bytes, item->getLength());
    }
    put_item(made, 0xE0DD, nullptr, 0);
    return copy_of(made, length_out);
}

static OPJ_SIZE_T append(void *from, OPJ_SIZE_T size, void *context)
{
    auto *to = static_cast<std::vector<uint8_t> *>(context);
    const auto *bytes = static_cast<const uint8_t *>(from);
    to->insert(to->end(), bytes, bytes + size);
    return size;
}

static void set_up(opj_cparameters_t &parameters, const struct j2k_options *options)
{
    opj_set_default_encoder_parameters(&parameters);
    parameters.numresolution = 3;
    parameters.irreversible = options->lossy;
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    parameters.tcp_rates[0] = options->lossy ? 4.0F : 0.0F;
    if (options->tile > 0) {
        parameters.tile_size_on = OPJ_TRUE;
        parameters.cp_tdx = parameters.cp_tdy = options->tile;
    }
}

uint8_t *encode_j2k(const struct ivx_frame *frame, const int32_t *values,
                    const struct j2k_options *options, size_t *length_out)
{
    opj_image_cmptparm_t only = {};
    only.dx = only.dy = 1;
    only.w = static_cast<OPJ_UINT32>(frame->columns);
    only.h = static_cast<OPJ_UINT32>(frame->rows);
    only.prec = static_cast<OPJ_UINT32>(options->precision);
    only.sgnd = options->has_sign;
    opj_image_t *image = opj_image_create(1, &only, OPJ_CLRSPC_GRAY);
    image->x1 = only.w;
    image->y1 = only.h;
    memcpy(image->comps[0].data, values, sizeof(int32_t) * only.w * only.h);

    opj_cparameters_t parameters;
    set_up(parameters, options);
    std::vector<uint8_t> made;
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create(1 << 20, OPJ_FALSE);
    opj_stream_set_write_function(stream, append);
    opj_stream_set_user_data(stream, &made, nullptr);
    const bool done = opj_setup_encoder(codec, &parameters, image) &&
                      opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
                      opj_end_compress(codec, stream);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
    return done ? copy_of(made, length_out) : nullptr;
}
