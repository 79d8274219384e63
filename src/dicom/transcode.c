#include "isovox/dicom/transcode.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
/* For a next_in that is const. */
#define ZLIB_CONST
#include <zlib.h>

#include "encoding.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/encode.h"
#include "isovox/dicom/inflate.h"
#include "isovox/dicom/scan.h"

enum { ROOM = 65536, PIXEL_HEADER = 12 };

struct ivx_transcode {
    int fd;
    struct ivx_blob blob; /* its path is borrowed: opened already */
    struct ivx_scan scan;
    struct ivx_frame frame; /* its syntax is the new one */
    char syntax[65];
    int64_t frames;
    int32_t samples;
    size_t frame_bytes;
    struct ivx_codestream codestream;
    uint8_t piece[ROOM], packed[ROOM];
};

const char *ivx_transcode_syntax(const char *name)
{
    static const struct {
        const char *name, *syntax;
    } names[] = {
        { "jpeg-ls", "1.2.840.10008.1.2.4.80" }, { "jpeg-lossless", "1.2.840.10008.1.2.4.70" },
        { "jpeg-2000", "1.2.840.10008.1.2.4.90" }, { "rle", "1.2.840.10008.1.2.5" },
        { "deflated", IVX_SYNTAX_DEFLATED },
    };
    for (size_t n = 0; n < IVX_COUNT(names); n++)
        if (strcmp(names[n].name, name) == 0)
            return names[n].syntax;
    return NULL;
}

static bool is_deflated(const struct ivx_transcode *self)
{
    return strcmp(self->syntax, IVX_SYNTAX_DEFLATED) == 0;
}

void ivx_transcode_free(struct ivx_transcode **owner)
{
    if (*owner == NULL)
        return;
    ivx_fd_close(&(*owner)->fd);
    ivx_codestream_free(&(*owner)->codestream);
    free(*owner);
    *owner = NULL;
}

/* Image Pixel and Number of Frames: PS3.3 C.7.6.3, C.7.6.6. */
static bool note(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    struct ivx_transcode *self = context;
    char text[24];
    long long frames = 0;
    uint16_t number = 0;
    (void)err;
    if (element->depth != 0)
        return true;
    if (element->tag == 0x00280008 && ivx_scan_text(element, text, sizeof text)
        && ivx_text_to_int64(text, &frames))
        self->frames = frames;
    if (element->tag >> 16 != 0x0028 || !ivx_scan_u16(element, 0, &number))
        return true;
    switch (element->tag) {
    case 0x00280002: self->samples = number; break;
    case 0x00280010: self->frame.rows = number; break;
    case 0x00280011: self->frame.columns = number; break;
    case 0x00280100: self->frame.bits_allocated = number; break;
    case 0x00280101: self->frame.bits_stored = number; break;
    case 0x00280102: self->frame.high_bit = number; break;
    case 0x00280103: self->frame.pixel_representation = number; break;
    default: break;
    }
    return true;
}

static bool refused(struct ivx_err *err, const char *what)
{
    return ivx_fail(err, IVX_REFUSED, "transcode: %s", what);
}

/* Pixel Data are whole frames, the last element, and of words that are encoded. */
static bool check_pixels(struct ivx_transcode *self, struct ivx_err *err)
{
    const struct ivx_scan *scan = &self->scan;
    const struct ivx_frame *frame = &self->frame;
    if (scan->pixel_tag != 0x7FE00010 || scan->pixel_truncated)
        return refused(err, "there is no whole Pixel Data");
    if (scan->pixel_offset + scan->pixel_length != self->blob.length)
        return refused(err, "something follows Pixel Data");
    uint64_t all = 0, bytes = 0;
    if (self->samples != 1 || frame->bits_stored != frame->bits_allocated || self->frames < 1
        || (frame->bits_allocated != 8 && frame->bits_allocated != 16)
        || __builtin_mul_overflow((uint64_t)frame->rows * (uint64_t)frame->columns,
                                  (uint64_t)frame->bits_allocated / 8, &bytes)
        || __builtin_mul_overflow(bytes, (uint64_t)self->frames, &all) || bytes == 0
        || bytes > IVX_DECODE_MOST)
        return refused(err, "pixels of a form that is not encoded");
    self->frame_bytes = (size_t)bytes;
    return all + all % 2 == scan->pixel_length
           || refused(err, "Pixel Data are not as long as its frames");
}

static bool open_file(struct ivx_transcode *self, const char *path, struct ivx_err *err)
{
    struct stat about;
    enum ivx_reason reason;
    self->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (self->fd == -1 || fstat(self->fd, &about) == -1)
        return ivx_fail_errno(err, "open", path);
    self->blob = (struct ivx_blob){ path, 0, (uint64_t)about.st_size };
    if (!ivx_scan(&self->blob, NULL, note, self, &self->scan, &reason, err))
        return false;
    return strcmp(self->scan.syntax, IVX_SYNTAX_EXPLICIT) == 0
           || refused(err, "it is not in Explicit VR Little Endian");
}

bool ivx_transcode_open(const char *path, const char *syntax, struct ivx_transcode **out,
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_transcode_free) struct ivx_transcode *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "transcode: no memory");
    made->fd = -1;
    made->frames = made->samples = 1;
    ivx_text_copy(made->syntax, sizeof made->syntax, syntax);
    made->frame.syntax = made->syntax;
    if (!is_deflated(made) && !ivx_encode_knows(syntax))
        return ivx_fail(err, IVX_REFUSED, "transcode: transfer syntax %s", syntax);
    if (!open_file(made, path, err) || (!is_deflated(made) && !check_pixels(made, err)))
        return false;
    *out = IVX_STEAL(made);
    return true;
}

/* ---- encapsulated: PS3.5 A.4 ------------------------------------------------------- */

static bool copy(struct ivx_transcode *self, uint64_t from, uint64_t to,
                 ivx_transcode_sink *sink, void *context, struct ivx_err *err)
{
    while (from < to) {
        const size_t length = to - from < ROOM ? (size_t)(to - from) : ROOM;
        if (!ivx_fd_pread(self->fd, self->piece, length, from, "result", err)
            || !sink(context, self->piece, length, err))
            return false;
        from += length;
    }
    return true;
}

static bool put_item(uint16_t element, const uint8_t *bytes, size_t length,
                     ivx_transcode_sink *sink, void *context, struct ivx_err *err)
{
    if (length > UINT32_MAX - 1)
        return ivx_fail(err, IVX_REFUSED, "transcode: a fragment of %zu bytes", length);
    uint8_t header[8] = { 0xFE, 0xFF, (uint8_t)element, (uint8_t)(element >> 8) };
    for (int n = 0; n < 4; n++)
        header[4 + n] = (uint8_t)(length >> 8 * n);
    return sink(context, header, sizeof header, err)
           && (length == 0 || sink(context, bytes, length, err));
}

/* The offset table stays empty: a fragment per frame needs none, and the first byte could
 * not leave before the last frame is encoded. */
static bool put_frames(struct ivx_transcode *self, ivx_transcode_sink *sink, void *context,
                       struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) uint8_t *raw = malloc(self->frame_bytes);
    if (raw == NULL)
        return ivx_fail(err, IVX_FULL, "transcode: no memory for a frame");
    if (!put_item(0xE000, NULL, 0, sink, context, err))
        return false;
    for (int64_t n = 0; n < self->frames; n++) {
        const uint64_t at = self->scan.pixel_offset + (uint64_t)n * self->frame_bytes;
        if (!ivx_fd_pread(self->fd, raw, self->frame_bytes, at, "result", err)
            || !ivx_encode(&self->frame, raw, &self->codestream, err)
            || !put_item(0xE000, self->codestream.bytes, self->codestream.length, sink,
                         context, err))
            return false;
    }
    return put_item(0xE0DD, NULL, 0, sink, context, err);
}

static bool encapsulate(struct ivx_transcode *self, ivx_transcode_sink *sink, void *context,
                        struct ivx_err *err)
{
    static const uint8_t pixels[PIXEL_HEADER] = {
        0xE0, 0x7F, 0x10, 0x00, 'O', 'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF
    };
    return copy(self, self->scan.data_set, self->scan.pixel_offset - PIXEL_HEADER, sink,
                context, err)
           && sink(context, pixels, sizeof pixels, err)
           && put_frames(self, sink, context, err);
}

/* ---- deflated: PS3.5 A.5 ----------------------------------------------------------- */

struct deflater {
    z_stream zlib;
    ivx_transcode_sink *sink;
    void *context;
    uint64_t produced;
    uint8_t *room;
};

static bool deflate_some(struct deflater *to, const uint8_t *bytes, size_t length, int flush,
                         struct ivx_err *err)
{
    to->zlib.next_in = bytes;
    to->zlib.avail_in = (uInt)length;
    do {
        to->zlib.next_out = to->room;
        to->zlib.avail_out = ROOM;
        deflate(&to->zlib, flush);
        const size_t made = ROOM - to->zlib.avail_out;
        to->produced += made;
        if (made > 0 && !to->sink(to->context, to->room, made, err))
            return false;
    } while (to->zlib.avail_out == 0);
    return true;
}

static bool deflate_sink(void *context, const uint8_t *bytes, size_t length,
                         struct ivx_err *err)
{
    return deflate_some(context, bytes, length, Z_NO_FLUSH, err);
}

static bool run_deflate(struct ivx_transcode *self, ivx_transcode_sink *sink, void *context,
                        struct ivx_err *err)
{
    struct deflater to = { .sink = sink, .context = context, .room = self->packed };
    if (deflateInit2(&to.zlib, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return ivx_fail(err, IVX_FULL, "transcode: no memory");
    const bool done = copy(self, self->scan.data_set, self->blob.length, deflate_sink, &to, err)
                      && deflate_some(&to, NULL, 0, Z_FINISH, err);
    deflateEnd(&to.zlib);
    return done && (to.produced % 2 == 0 || sink(context, (const uint8_t *)"", 1, err));
}

bool ivx_transcode_run(struct ivx_transcode *self, ivx_transcode_sink *sink, void *context,
                       struct ivx_err *err)
{
    return is_deflated(self) ? run_deflate(self, sink, context, err)
                             : encapsulate(self, sink, context, err);
}
