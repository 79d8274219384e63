/* JPEG 2000 without loss (ISO/IEC 15444-1, reversible 5-3 wavelet) by OpenJPEG. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "encoder.h"
#include "isovox/base/auto.h"
#include "openjpeg_auto.h"

/* The codestream as it grows; OpenJPEG goes back to fill in lengths. */
struct sink {
    struct ivx_codestream *out;
    size_t at;
};

static OPJ_SIZE_T sink_write(void *bytes, OPJ_SIZE_T length, void *context)
{
    struct sink *sink = context;
    struct ivx_err unused = { 0 };
    if (length > SIZE_MAX - sink->at)
        return (OPJ_SIZE_T)-1;
    const size_t end = sink->at + length;
    if (end > sink->out->length) {
        if (!ivx_codestream_reserve(sink->out, end - sink->out->length, &unused))
            return (OPJ_SIZE_T)-1;
        sink->out->length = end;
    }
    memcpy(sink->out->bytes + sink->at, bytes, length);
    sink->at = end;
    return length;
}

static OPJ_BOOL sink_seek(OPJ_OFF_T to, void *context)
{
    struct sink *sink = context;
    if (to < 0 || (uint64_t)to > sink->out->length)
        return OPJ_FALSE;
    sink->at = (size_t)to;
    return OPJ_TRUE;
}

static OPJ_OFF_T sink_skip(OPJ_OFF_T wanted, void *context)
{
    const struct sink *sink = context;
    const OPJ_OFF_T to = (OPJ_OFF_T)sink->at + wanted;
    return sink_seek(to, context) ? wanted : -1;
}

static int32_t value_at(const struct ivx_frame *frame, const uint8_t *raw, size_t n)
{
    const bool has_sign = frame->pixel_representation == 1;
    if (frame->bits_allocated == 8)
        return has_sign ? (int8_t)raw[n] : raw[n];
    const uint16_t word = (uint16_t)(raw[2 * n] | raw[2 * n + 1] << 8);
    return has_sign ? (int16_t)word : word;
}

static opj_image_t *image_of(const struct ivx_frame *frame, const uint8_t *raw)
{
    opj_image_cmptparm_t only = {
        .dx = 1, .dy = 1, .w = (OPJ_UINT32)frame->columns, .h = (OPJ_UINT32)frame->rows,
        .prec = (OPJ_UINT32)frame->bits_allocated,
        .sgnd = frame->pixel_representation == 1,
    };
    opj_image_t *image = opj_image_create(1, &only, OPJ_CLRSPC_GRAY);
    if (image == NULL)
        return NULL;
    image->x1 = only.w;
    image->y1 = only.h;
    for (size_t n = 0; n < ivx_frame_pixels(frame); n++)
        image->comps[0].data[n] = value_at(frame, raw, n);
    return image;
}

/* At most six, and none finer than a pixel. */
static int resolutions(const struct ivx_frame *frame)
{
    const int32_t side = frame->rows < frame->columns ? frame->rows : frame->columns;
    int count = 1;
    while (count < 6 && (side >> count) > 0)
        count++;
    return count;
}

static bool encode(const struct ivx_frame *frame, opj_codec_t *codec, opj_stream_t *stream,
                   opj_image_t *image)
{
    opj_cparameters_t parameters;
    opj_set_default_encoder_parameters(&parameters);
    parameters.numresolution = resolutions(frame);
    parameters.irreversible = 0;
    parameters.tcp_numlayers = 1;
    parameters.tcp_rates[0] = 0;
    parameters.cp_disto_alloc = 1;
    return opj_setup_encoder(codec, &parameters, image)
           && opj_start_compress(codec, image, stream) && opj_encode(codec, stream)
           && opj_end_compress(codec, stream);
}

bool ivx_encoder_jpeg2000(const struct ivx_frame *frame, const uint8_t *raw,
                          struct ivx_codestream *out, struct ivx_err *err)
{
    struct sink sink = { .out = out };
    IVX_AUTO(ivx_opj_codec_free) opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    IVX_AUTO(ivx_opj_stream_free) opj_stream_t *stream = opj_stream_create(65536, OPJ_FALSE);
    IVX_AUTO(ivx_opj_image_free) opj_image_t *image = image_of(frame, raw);
    if (codec == NULL || stream == NULL || image == NULL)
        return ivx_fail(err, IVX_FULL, "encode: no memory");
    opj_stream_set_write_function(stream, sink_write);
    opj_stream_set_skip_function(stream, sink_skip);
    opj_stream_set_seek_function(stream, sink_seek);
    opj_stream_set_user_data(stream, &sink, NULL);
    return encode(frame, codec, stream, image)
           || ivx_fail(err, IVX_FULL, "encode: JPEG 2000: OpenJPEG gave up");
}
