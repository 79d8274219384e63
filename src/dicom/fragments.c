#include "fragments.h"

#include "encoding.h"

enum { ITEM = 0xFFFEE000, SEQUENCE_END = 0xFFFEE0DD };

bool ivx_fragments_walk(struct ivx_window *window, uint32_t most, struct ivx_scan *out,
                        struct ivx_err *err)
{
    uint64_t at = out->pixel_offset;
    out->pixel_truncated = true;
    uint64_t bytes = 0;
    for (uint32_t item = 0; item <= most && window->length - at >= 8; item++) {
        uint8_t header[8];
        if (!ivx_window_peek(window, at, header, sizeof header, err))
            return false;
        const uint32_t tag = ivx_get_tag(header, false);
        const uint32_t size = ivx_get32(header + 4, false);
        at += sizeof header;
        out->pixel_length = at - out->pixel_offset;
        out->pixel_truncated = tag != SEQUENCE_END || bytes == 0;
        if (tag != ITEM || size > window->length - at)
            return true;
        at += size;
        out->fragments += item > 0;
        bytes += item > 0 ? size : 0;
    }
    return true;
}
