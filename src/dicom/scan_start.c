/* Where the data set of an object begins, and how it is encoded: PS3.10 7.1, PS3.5 10. */
#include <string.h>

#include "encoding.h"
#include "isovox/dicom/dicom.h"
#include "walk.h"

static bool take_meta(struct ivx_walk *walk, const struct ivx_walk_header *header)
{
    struct ivx_scan *out = walk->out;
    if (header->tag == 0x00020003)
        out->media_uid_at = walk->at;
    char *field = header->tag == 0x00020010   ? out->syntax
                  : header->tag == 0x00020002 ? out->media_class
                                              : NULL;
    if (field == NULL || header->length >= sizeof out->syntax)
        return true;
    const struct ivx_scan_element element = {
        .value = ivx_walk_need(walk, header->length),
        .length = header->length,
    };
    if (element.value == NULL)
        return false;
    ivx_scan_text(&element, field, sizeof out->syntax);
    return true;
}

/* Meta header: always Explicit VR Little Endian, PS3.10 7.1. Its group length is often
 * wrong, so the walk ends where another group begins. */
static bool walk_meta(struct ivx_walk *walk)
{
    while (walk->at < walk->frames[0].bound) {
        const uint8_t *bytes = ivx_walk_need(walk, 8);
        if (bytes == NULL)
            return false;
        if (ivx_get16(bytes, false) != 0x0002)
            return true;
        walk->out->has_meta = true;
        struct ivx_walk_header header;
        if (!ivx_walk_header(walk, &header))
            return false;
        walk->at += header.size;
        if (header.length > walk->frames[0].bound - walk->at)
            return ivx_walk_blame(walk, IVX_REASON_DAMAGED, "the meta header is cut off");
        if (!take_meta(walk, &header))
            return false;
        walk->at += header.length;
    }
    return true;
}

/* No syntax was named: the first element's own bytes tell. */
static bool guess_syntax(struct ivx_walk *walk)
{
    const uint8_t *bytes = ivx_walk_need(walk, 8);
    if (bytes == NULL)
        return false;
    const bool big_endian = bytes[0] == 0 && bytes[1] != 0;
    const char *uid = !ivx_vr_is_letters(bytes + 4) ? IVX_SYNTAX_IMPLICIT
                      : big_endian                  ? IVX_SYNTAX_EXPLICIT_BIG
                                                    : IVX_SYNTAX_EXPLICIT;
    memcpy(walk->out->syntax, uid, strlen(uid) + 1);
    return true;
}

/* The rest of the object is deflated: PS3.5 A.5. */
static bool inflate_rest(struct ivx_walk *walk)
{
    if (!ivx_window_inflate(walk->window, walk->at, walk->reason, walk->err))
        return false;
    walk->out->deflated_at = walk->at;
    walk->frames[0].bound = walk->window->length;
    return true;
}

static bool settle_syntax(struct ivx_walk *walk)
{
    struct ivx_scan *out = walk->out;
    if (out->syntax[0] == '\0' && !guess_syntax(walk))
        return false;
    for (const char *at = out->syntax; *at != '\0'; at++)
        if ((*at < '0' || *at > '9') && *at != '.')
            return ivx_walk_blame(walk, IVX_REASON_DAMAGED,
                                  "the transfer syntax is no UID");
    if (!ivx_syntax_encoding(out->syntax, &out->explicit_vr, &out->big_endian))
        return ivx_walk_blame(walk, IVX_REASON_UNSUPPORTED_SYNTAX, "transfer syntax %s",
                              out->syntax);
    walk->frames[0].explicit_vr = out->explicit_vr;
    walk->frames[0].big_endian = out->big_endian;
    return strcmp(out->syntax, IVX_SYNTAX_DEFLATED) != 0 || inflate_rest(walk);
}

static bool is_mark(const uint8_t *bytes)
{
    return memcmp(bytes, "DICM", 4) == 0;
}

/* Behind the mark, with the preamble before it (PS3.10 7.1) or, as some programs write it,
 * without; else 0. */
static bool find_start(struct ivx_walk *walk)
{
    const uint64_t bound = walk->frames[0].bound;
    const size_t wanted = bound >= 132 ? 132 : bound >= 4 ? 4 : 0;
    const uint8_t *bytes = wanted > 0 ? ivx_walk_need(walk, wanted) : NULL;
    if (wanted > 0 && bytes == NULL)
        return false;
    if (wanted == 132 && is_mark(bytes + 128))
        walk->at = 132;
    else if (wanted > 0 && is_mark(bytes))
        walk->at = 4;
    walk->out->start = walk->at;
    return true;
}

bool ivx_walk_start(struct ivx_walk *walk)
{
    if (!find_start(walk) || !walk_meta(walk))
        return false;
    if (walk->at == walk->frames[0].bound)
        return ivx_walk_blame(walk, IVX_REASON_DAMAGED, "there is no data set");
    return settle_syntax(walk);
}
