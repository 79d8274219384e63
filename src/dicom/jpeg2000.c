/* JPEG 2000 (ISO/IEC 15444-1) and its high-throughput block coder (15444-15) by OpenJPEG. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "isovox/base/auto.h"
#include "openjpeg_auto.h"

/* OpenJPEG makes a record per tile before it has read any; an image of one slice has one or
 * a few. */
enum { MOST_TILES = 4096 };

/* The codestream in memory. Never moves outside [0, length]. */
struct source {
    const uint8_t *bytes;
    size_t length, at;
};

static OPJ_SIZE_T source_read(void *buffer, OPJ_SIZE_T wanted, void *context)
{
    struct source *source = context;
    const size_t rest = source->length - source->at;
    const size_t size = wanted < rest ? wanted : rest;
    if (size == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(buffer, source->bytes + source->at, size);
    source->at += size;
    return size;
}

static OPJ_OFF_T source_skip(OPJ_OFF_T wanted, void *context)
{
    struct source *source = context;
    const size_t rest = source->length - source->at;
    if (wanted < 0 || (uint64_t)wanted > rest)
        return -1;
    source->at += (size_t)wanted;
    return wanted;
}

static OPJ_BOOL source_seek(OPJ_OFF_T to, void *context)
{
    struct source *source = context;
    if (to < 0 || (uint64_t)to > source->length)
        return OPJ_FALSE;
    source->at = (size_t)to;
    return OPJ_TRUE;
}

static uint32_t big32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8
           | bytes[3];
}

static bool damaged(struct ivx_err *err, const char *what)
{
    return ivx_fail(err, IVX_DAMAGED, "decode: JPEG 2000: %s", what);
}

/* Some writers put the whole JP2 file there, against PS3.5 A.4.4: the codestream is in its
 * box jp2c (15444-1 annex I.4). */
static bool unwrap(struct source *source, struct ivx_err *err)
{
    static const uint8_t signature[12] = { 0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10, 0x87, 10 };
    if (source->length < sizeof signature
        || memcmp(source->bytes, signature, sizeof signature) != 0)
        return true;
    const uint8_t *at = source->bytes;
    size_t rest = source->length;
    while (rest >= 8) {
        const uint32_t box = big32(at);
        const bool found = memcmp(at + 4, "jp2c", 4) == 0;
        const size_t size = box == 0 ? rest : box;
        if (size < 8 || size > rest)
            break;
        if (found) {
            *source = (struct source){ .bytes = at + 8, .length = size - 8 };
            return true;
        }
        at += size;
        rest -= size;
    }
    return damaged(err, "a JP2 file without a codestream");
}

/* The SIZ segment, which must come first: 15444-1 A.5.1. Checked before OpenJPEG reserves
 * memory for what it says. */
static bool check_size(const struct ivx_frame *frame, const struct source *source,
                       struct ivx_err *err)
{
    const uint8_t *siz = source->bytes;
    if (source->length < 45 || big32(siz) != 0xFF4FFF51)
        return damaged(err, "there is no codestream");
    const uint32_t x1 = big32(siz + 8), y1 = big32(siz + 12);
    const uint32_t x0 = big32(siz + 16), y0 = big32(siz + 20);
    const uint32_t wide = big32(siz + 24), high = big32(siz + 28);
    const uint32_t tile_x0 = big32(siz + 32), tile_y0 = big32(siz + 36);
    if (x1 <= x0 || y1 <= y0 || wide == 0 || high == 0 || tile_x0 > x0 || tile_y0 > y0)
        return damaged(err, "an image without size");
    const uint64_t across = ((uint64_t)x1 - tile_x0 + wide - 1) / wide;
    const uint64_t down = ((uint64_t)y1 - tile_y0 + high - 1) / high;
    if (across > MOST_TILES || down > MOST_TILES || across * down > MOST_TILES)
        return ivx_fail(err, IVX_REFUSED, "decode: JPEG 2000: more than %d tiles", MOST_TILES);
    return ivx_codec_size_agrees(frame, y1 - y0, x1 - x0, (uint64_t)siz[40] << 8 | siz[41],
                                 err);
}

static opj_stream_t *stream_of(struct source *source)
{
    opj_stream_t *stream = opj_stream_create(65536, OPJ_TRUE);
    if (stream == NULL)
        return NULL;
    opj_stream_set_read_function(stream, source_read);
    opj_stream_set_skip_function(stream, source_skip);
    opj_stream_set_seek_function(stream, source_seek);
    opj_stream_set_user_data(stream, source, NULL);
    opj_stream_set_user_data_length(stream, source->length);
    return stream;
}

static bool place(const struct ivx_frame *frame, const opj_image_t *image, uint8_t *raw,
                  struct ivx_err *err)
{
    if (image->numcomps != 1 || image->comps[0].data == NULL)
        return damaged(err, "nothing was decoded");
    const opj_image_comp_t *only = &image->comps[0];
    if (!ivx_codec_size_agrees(frame, only->h, only->w, image->numcomps, err))
        return false;
    const struct ivx_samples samples = {
        .value = only->data,
        .precision = only->prec > 31 ? 32 : (int)only->prec,
        .has_sign = only->sgnd != 0,
    };
    return ivx_samples_place(frame, &samples, raw, err);
}

bool ivx_codec_jpeg2000(const struct ivx_frame *frame, const uint8_t *codestream,
                        size_t length, uint8_t *raw, struct ivx_err *err)
{
    struct source source = { .bytes = codestream, .length = length };
    if (!unwrap(&source, err) || !check_size(frame, &source, err))
        return false;

    IVX_AUTO(ivx_opj_codec_free) opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    IVX_AUTO(ivx_opj_stream_free) opj_stream_t *stream = stream_of(&source);
    IVX_AUTO(ivx_opj_image_free) opj_image_t *image = NULL;
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (codec == NULL || stream == NULL || !opj_setup_decoder(codec, &parameters))
        return ivx_fail(err, IVX_FULL, "decode: no memory");
    /* What is cut off is an error, not a grey area. */
    if (!opj_decoder_set_strict_mode(codec, OPJ_TRUE))
        return ivx_fail(err, IVX_BUG, "decode: OpenJPEG has no strict mode");
    if (!opj_read_header(stream, codec, &image))
        return damaged(err, "the header is malformed");
    if (!opj_decode(codec, stream, image) || !opj_end_decompress(codec, stream))
        return damaged(err, "the codestream is malformed or cut off");
    return place(frame, image, raw, err);
}
