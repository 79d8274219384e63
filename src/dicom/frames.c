#include "isovox/dicom/frames.h"

#include <string.h>

#include "encoding.h"
#include "isovox/base/auto.h"
#include "window.h"

enum { ITEM = 0xFFFEE000 };

enum method { ONE_FRAGMENT_EACH, ONE_FRAME, BASIC_TABLE, EXTENDED_TABLE, START_MARKERS };

struct search {
    struct ivx_window *window;
    enum method method;
    uint64_t table; /* where its entries are */
    uint64_t first; /* of the first fragment's item: what offsets count from */
    uint32_t frames, found;
    struct ivx_span *out;
    struct ivx_err *err;
};

static bool peek_item(struct search *search, uint64_t at, uint32_t *size_out,
                      bool *is_item_out)
{
    uint8_t header[8];
    *is_item_out = false;
    if (search->window->length < sizeof header
        || at > search->window->length - sizeof header)
        return true;
    if (!ivx_window_peek(search->window, at, header, sizeof header, search->err))
        return false;
    *size_out = ivx_get32(header + 4, false);
    *is_item_out = ivx_get_tag(header, false) == ITEM
                   && *size_out <= search->window->length - at - sizeof header;
    return true;
}

static bool table_entry(struct search *search, uint32_t n, uint64_t *out)
{
    uint8_t bytes[8] = { 0 };
    const size_t size = search->method == EXTENDED_TABLE ? 8 : 4;
    if (!ivx_window_peek(search->window, search->table + size * n, bytes, size,
                         search->err))
        return false;
    *out = (uint64_t)ivx_get32(bytes + 4, false) << 32 | ivx_get32(bytes, false);
    return true;
}

/* SOI of JPEG and JPEG-LS with the marker that follows; SOC and SIZ of JPEG 2000. */
static bool starts_codestream(struct search *search, uint64_t at, uint32_t size,
                              bool *out)
{
    uint8_t bytes[4];
    *out = false;
    if (size < sizeof bytes)
        return true;
    if (!ivx_window_peek(search->window, at + 8, bytes, sizeof bytes, search->err))
        return false;
    *out = memcmp(bytes, "\xFF\xD8\xFF", 3) == 0
           || memcmp(bytes, "\xFF\x4F\xFF\x51", 4) == 0;
    return true;
}

/* Does a frame begin with the fragment at `at`? */
static bool begins(struct search *search, uint64_t at, uint32_t size, bool *out)
{
    uint64_t offset = 0;
    *out = search->found == 0;
    switch (search->method) {
    case ONE_FRAGMENT_EACH:
        *out = true;
        return true;
    case ONE_FRAME:
        return true;
    case START_MARKERS:
        return starts_codestream(search, at, size, out);
    default:
        break;
    }
    if (search->found == search->frames)
        return true;
    if (!table_entry(search, search->found, &offset))
        return false;
    *out = offset == at - search->first;
    return true;
}

static bool walk(struct search *search, bool *found_out)
{
    *found_out = false;
    for (uint64_t at = search->first;;) {
        uint32_t size = 0;
        bool is_item, new_frame;
        if (!peek_item(search, at, &size, &is_item))
            return false;
        if (!is_item)
            break;
        if (!begins(search, at, size, &new_frame))
            return false;
        if (new_frame && search->found == search->frames)
            return true;
        if (new_frame)
            search->out[search->found++] = (struct ivx_span){ at, 0 };
        if (search->found == 0) /* something stands before the first frame */
            return true;
        at += 8 + (uint64_t)size;
        search->out[search->found - 1].length =
            at - search->out[search->found - 1].offset;
    }
    *found_out = search->found == search->frames;
    return true;
}

bool ivx_frames_locate(const struct ivx_blob *blob, const struct ivx_scan *scan,
                       const struct ivx_span *extended, uint32_t frames,
                       struct ivx_span *out, bool *found_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_window_free) struct ivx_window *window = NULL;
    struct search search = { .frames = frames, .out = out, .err = err };
    uint32_t size = 0;
    bool is_item;
    *found_out = false;
    if (frames == 0)
        return true;
    if (!ivx_window_open(blob, &window, err))
        return false;
    search.window = window;
    if (!peek_item(&search, scan->pixel_offset, &size, &is_item))
        return false;
    if (!is_item)
        return true;

    search.first = scan->pixel_offset + 8 + size;
    search.method = frames == 1                                   ? ONE_FRAME
                    : scan->fragments == frames                   ? ONE_FRAGMENT_EACH
                    : extended->length / 8 == frames              ? EXTENDED_TABLE
                    : size / 4 == frames && extended->length == 0 ? BASIC_TABLE
                                                                  : START_MARKERS;
    search.table =
        search.method == EXTENDED_TABLE ? extended->offset : scan->pixel_offset + 8;
    return walk(&search, found_out);
}
