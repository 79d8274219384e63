#include "isovox/dicom/scan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dicom.h"
#include "encoding.h"
#include "fragments.h"
#include "window.h"

enum { MAX_DEPTH = 64, MAX_FRAMES = 2 * MAX_DEPTH + 2 };
enum { ITEM = 0xFFFEE000, ITEM_END = 0xFFFEE00D, SEQUENCE_END = 0xFFFEE0DD };
#define UNDEFINED 0xFFFFFFFFu

const struct ivx_scan_limits ivx_scan_default = {
    .depth = MAX_DEPTH, .elements = 200000, .header = UINT64_C(64) << 20,
};

enum kind { IN_DATA_SET, IN_ITEM, IN_SEQUENCE, IN_FRAGMENTS };

/* What we are inside of. A stack of these stands in for recursion. */
struct frame {
    enum kind kind;
    bool undefined;   /* ends at its delimiter, and before `bound` at the latest */
    bool explicit_vr, big_endian;
    uint32_t tag;     /* of the sequence */
    uint32_t item;    /* sequence: items so far. item: its own number */
    uint64_t bound;   /* end when defined, else that of the parent */
};

/* Implicit VR, private element: taken for a sequence by its first bytes. If what follows is
 * no sequence after all, we come back to where the value ends. */
struct guess {
    bool active;
    int top, depth;
    uint64_t end;
};

struct walk {
    struct ivx_window *window;
    struct ivx_scan_limits limits;
    ivx_scan_visit *visit;
    void *context;
    struct ivx_scan *out;
    enum ivx_reason *reason;
    struct ivx_err *err;
    uint64_t at, start;
    struct frame frames[MAX_FRAMES];
    int top;
    int depth;
    struct guess guess;
    bool done;
};

/* An element header as it stands in the bytes. */
struct header {
    uint32_t tag, length;
    char vr[3];
    size_t size;
};

static bool blame(struct walk *walk, enum ivx_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool blame(struct walk *walk, enum ivx_reason reason, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *walk->reason = reason;
    return ivx_fail(walk->err, reason == IVX_REASON_DAMAGED ? IVX_DAMAGED : IVX_REFUSED,
                    "scan: %s at byte %llu", text, (unsigned long long)walk->at);
}

static const uint8_t *need(struct walk *walk, size_t length)
{
    const struct frame *frame = &walk->frames[walk->top];
    if (length > frame->bound - walk->at) {
        blame(walk, IVX_REASON_DAMAGED, "an element is cut off");
        return NULL;
    }
    return ivx_window_get(walk->window, walk->at, length, walk->err);
}

/* The length field of an explicit header, PS3.5 table 7.1-1 and 7.1-2. */
static bool explicit_length(struct walk *walk, const uint8_t *bytes, struct header *out)
{
    const bool big_endian = walk->frames[walk->top].big_endian;
    memcpy(out->vr, bytes + 4, 2);
    if (!ivx_vr_is_letters(bytes + 4))
        return blame(walk, IVX_REASON_DAMAGED, "tag %08X has no value representation",
                     (unsigned)out->tag);
    if (ivx_vr_is_short(out->vr)) {
        out->length = ivx_get16(bytes + 6, big_endian);
        return true;
    }
    out->size = 12;
    bytes = need(walk, out->size);
    if (bytes == NULL)
        return false;
    out->length = ivx_get32(bytes + 8, big_endian);
    return true;
}

static bool read_header(struct walk *walk, struct header *out)
{
    if (++walk->out->elements > walk->limits.elements)
        return blame(walk, IVX_REASON_TOO_LARGE, "more than %u elements",
                     (unsigned)walk->limits.elements);
    const uint8_t *bytes = need(walk, 8);
    if (bytes == NULL)
        return false;

    const struct frame *frame = &walk->frames[walk->top];
    *out = (struct header){ .tag = ivx_get_tag(bytes, frame->big_endian), .size = 8 };
    if (frame->explicit_vr && out->tag >> 16 != 0xFFFE)
        return explicit_length(walk, bytes, out);
    out->length = ivx_get32(bytes + 4, frame->big_endian);
    return true;
}

static bool push(struct walk *walk, enum kind kind, const struct header *header)
{
    const struct frame *parent = &walk->frames[walk->top];
    assert(walk->top + 1 < MAX_FRAMES);
    struct frame *frame = &walk->frames[walk->top + 1];
    *frame = *parent;
    frame->kind = kind;
    frame->undefined = header->length == UNDEFINED;
    if (!frame->undefined) {
        if (header->length > parent->bound - walk->at)
            return blame(walk, IVX_REASON_DAMAGED, "tag %08X is longer than what holds it",
                         (unsigned)header->tag);
        frame->bound = walk->at + header->length;
    }
    walk->top++;
    return true;
}

static bool push_sequence(struct walk *walk, const struct header *header)
{
    if (walk->depth + 1 > walk->limits.depth)
        return blame(walk, IVX_REASON_TOO_LARGE, "sequences nested deeper than %d",
                     walk->limits.depth);
    if (!push(walk, IN_SEQUENCE, header))
        return false;
    struct frame *frame = &walk->frames[walk->top];
    frame->tag = header->tag;
    frame->item = 0;
    if (memcmp(header->vr, "UN", 2) == 0) { /* PS3.5 6.2.2 note 2: Implicit VR inside */
        frame->explicit_vr = false;
        frame->big_endian = false;
    }
    if (++walk->depth > walk->out->depth)
        walk->out->depth = walk->depth;
    return true;
}

static void pop(struct walk *walk)
{
    if (walk->frames[walk->top].kind == IN_SEQUENCE)
        walk->depth--;
    walk->top--;
    if (walk->top <= walk->guess.top)
        walk->guess.active = false;
}

static bool is_pixel_data(uint32_t tag)
{
    return tag == 0x7FE00010 || tag == 0x7FE00008 || tag == 0x7FE00009;
}

static bool show(struct walk *walk, const struct header *header, bool whole)
{
    if (walk->visit == NULL)
        return true;
    const struct frame *frame = &walk->frames[walk->top];
    struct ivx_scan_element element = {
        .tag = header->tag, .depth = walk->depth, .offset = walk->at,
        .undefined = header->length == UNDEFINED, .big_endian = frame->big_endian,
    };
    memcpy(element.vr, header->vr, sizeof element.vr);
    if (walk->depth > 0) {
        element.parent = frame->tag;
        element.item = frame->item;
    }
    element.length = element.undefined ? 0 : header->length;
    if (whole && element.length <= IVX_SCAN_VALUE) {
        element.value = ivx_window_get(walk->window, walk->at, element.length, walk->err);
        if (element.value == NULL)
            return false;
    }
    return walk->visit(walk->context, &element, walk->err);
}

/* Pixel Data of the image itself: note where it is, and stop. */
static bool meet_pixel_data(struct walk *walk, const struct header *header)
{
    struct ivx_scan *out = walk->out;
    out->pixel_tag = header->tag;
    out->pixel_offset = walk->at;
    out->encapsulated = header->length == UNDEFINED;
    walk->done = true;
    if (!out->encapsulated) {
        out->pixel_length = header->length;
        out->pixel_truncated = header->length > walk->frames[0].bound - walk->at;
        return show(walk, header, false);
    }
    return ivx_fragments_walk(walk->window, walk->limits.elements, out, walk->err)
           && show(walk, header, false);
}

/* In Implicit VR nothing says "sequence", and the dictionary of the parser that comes after
 * us is not ours: whatever starts with an item is walked as a sequence. */
static bool starts_with_item(struct walk *walk, const struct header *header, bool *out)
{
    *out = false;
    if (header->length < 8 || header->length > walk->frames[walk->top].bound - walk->at)
        return true;
    const uint8_t *bytes = need(walk, 4);
    if (bytes == NULL)
        return false;
    *out = ivx_get_tag(bytes, false) == ITEM;
    if (*out && (header->tag >> 16 & 1) != 0 && !walk->guess.active)
        walk->guess = (struct guess){
            true, walk->top, walk->depth, walk->at + header->length,
        };
    return true;
}

/* Only for malformed contents: what nests too deeply is refused, guessed or not. */
static bool take_guess_back(struct walk *walk)
{
    if (!walk->guess.active || *walk->reason != IVX_REASON_DAMAGED)
        return false;
    walk->top = walk->guess.top;
    walk->depth = walk->guess.depth;
    walk->at = walk->guess.end;
    walk->guess.active = false;
    *walk->reason = IVX_REASON_NONE;
    if (walk->err != NULL)
        *walk->err = (struct ivx_err){ 0 };
    return true;
}

static bool is_sequence(struct walk *walk, const struct header *header, bool *out)
{
    const bool undefined = header->length == UNDEFINED;
    if (header->vr[0] == '\0' && !undefined)
        return starts_with_item(walk, header, out);
    *out = memcmp(header->vr, "SQ", 2) == 0
           || (undefined && (header->vr[0] == '\0' || memcmp(header->vr, "UN", 2) == 0));
    return true;
}

static bool skip_value(struct walk *walk, const struct header *header)
{
    if (header->length > walk->frames[walk->top].bound - walk->at)
        return blame(walk, IVX_REASON_DAMAGED, "tag %08X is longer than what holds it",
                     (unsigned)header->tag);
    if (!show(walk, header, true))
        return false;
    walk->at += header->length;
    return true;
}

static bool step_element(struct walk *walk)
{
    struct header header;
    if (!read_header(walk, &header))
        return false;
    const struct frame *frame = &walk->frames[walk->top];
    if (header.tag == ITEM_END && frame->kind == IN_ITEM && frame->undefined) {
        walk->at += header.size;
        pop(walk);
        return true;
    }
    if (header.tag >> 16 == 0xFFFE)
        return blame(walk, IVX_REASON_DAMAGED, "a delimiter stands where none belongs");
    walk->at += header.size;
    if (walk->depth == 0 && is_pixel_data(header.tag))
        return meet_pixel_data(walk, &header);

    bool sequence;
    if (!is_sequence(walk, &header, &sequence))
        return false;
    if (!sequence && header.length != UNDEFINED)
        return skip_value(walk, &header);
    return show(walk, &header, false)
           && (sequence ? push_sequence(walk, &header) : push(walk, IN_FRAGMENTS, &header));
}

static bool step_item(struct walk *walk)
{
    struct header header;
    if (!read_header(walk, &header))
        return false;
    struct frame *frame = &walk->frames[walk->top];
    walk->at += header.size;
    if (header.tag == SEQUENCE_END && frame->undefined) {
        pop(walk);
        return true;
    }
    if (header.tag != ITEM)
        return blame(walk, IVX_REASON_DAMAGED, "tag %08X stands where an item belongs",
                     (unsigned)header.tag);
    const uint32_t number = frame->item++;
    if (!push(walk, IN_ITEM, &header))
        return false;
    walk->frames[walk->top].item = number;
    return true;
}

/* Encapsulated data inside an item, such as an icon: PS3.5 A.4. */
static bool step_fragment(struct walk *walk)
{
    struct header header;
    if (!read_header(walk, &header))
        return false;
    walk->at += header.size;
    if (header.tag == SEQUENCE_END) {
        pop(walk);
        return true;
    }
    if (header.tag != ITEM || header.length > walk->frames[walk->top].bound - walk->at)
        return blame(walk, IVX_REASON_DAMAGED, "a fragment is malformed");
    walk->at += header.length;
    return true;
}

static bool step(struct walk *walk)
{
    const struct frame *frame = &walk->frames[walk->top];
    if (walk->at - walk->start > walk->limits.header)
        return blame(walk, IVX_REASON_TOO_LARGE, "the header is longer than %llu bytes",
                     (unsigned long long)walk->limits.header);
    if (walk->at == frame->bound && frame->kind == IN_DATA_SET) {
        walk->done = true;
        return true;
    }
    if (walk->at == frame->bound && !frame->undefined) {
        pop(walk);
        return true;
    }
    if (frame->kind == IN_SEQUENCE)
        return step_item(walk);
    if (frame->kind == IN_FRAGMENTS)
        return step_fragment(walk);
    return step_element(walk);
}

static bool take_meta(struct walk *walk, const struct header *header)
{
    struct ivx_scan *out = walk->out;
    char *field = header->tag == 0x00020010   ? out->syntax
                  : header->tag == 0x00020002 ? out->media_class
                                              : NULL;
    if (field == NULL || header->length >= sizeof out->syntax)
        return true;
    const struct ivx_scan_element element = {
        .value = need(walk, header->length), .length = header->length,
    };
    if (element.value == NULL)
        return false;
    ivx_scan_text(&element, field, sizeof out->syntax);
    return true;
}

/* Meta header: always Explicit VR Little Endian, PS3.10 7.1. Its group length is often
 * wrong, so the walk ends where another group begins. */
static bool walk_meta(struct walk *walk)
{
    while (walk->at < walk->frames[0].bound) {
        const uint8_t *bytes = need(walk, 8);
        if (bytes == NULL)
            return false;
        if (ivx_get16(bytes, false) != 0x0002)
            return true;
        walk->out->has_meta = true;
        struct header header;
        if (!read_header(walk, &header))
            return false;
        walk->at += header.size;
        if (header.length > walk->frames[0].bound - walk->at)
            return blame(walk, IVX_REASON_DAMAGED, "the meta header is cut off");
        if (!take_meta(walk, &header))
            return false;
        walk->at += header.length;
    }
    return true;
}

/* No syntax was named: the first element's own bytes tell. */
static bool guess_syntax(struct walk *walk)
{
    const uint8_t *bytes = need(walk, 8);
    if (bytes == NULL)
        return false;
    const bool big_endian = bytes[0] == 0 && bytes[1] != 0;
    const char *uid = !ivx_vr_is_letters(bytes + 4) ? IVX_SYNTAX_IMPLICIT
                      : big_endian        ? IVX_SYNTAX_EXPLICIT_BIG
                                          : IVX_SYNTAX_EXPLICIT;
    memcpy(walk->out->syntax, uid, strlen(uid) + 1);
    return true;
}

/* The rest of the object is deflated: PS3.5 A.5. */
static bool inflate_rest(struct walk *walk)
{
    if (!ivx_window_inflate(walk->window, walk->at, walk->reason, walk->err))
        return false;
    walk->out->deflated_at = walk->at;
    walk->frames[0].bound = walk->window->length;
    return true;
}

static bool settle_syntax(struct walk *walk)
{
    struct ivx_scan *out = walk->out;
    if (out->syntax[0] == '\0' && !guess_syntax(walk))
        return false;
    for (const char *at = out->syntax; *at != '\0'; at++)
        if ((*at < '0' || *at > '9') && *at != '.')
            return blame(walk, IVX_REASON_DAMAGED, "the transfer syntax is no UID");
    if (!ivx_syntax_encoding(out->syntax, &out->explicit_vr, &out->big_endian))
        return blame(walk, IVX_REASON_UNSUPPORTED_SYNTAX, "transfer syntax %s", out->syntax);
    walk->frames[0].explicit_vr = out->explicit_vr;
    walk->frames[0].big_endian = out->big_endian;
    return strcmp(out->syntax, IVX_SYNTAX_DEFLATED) != 0 || inflate_rest(walk);
}

/* 132 when there is a preamble, else 0. */
static bool find_start(struct walk *walk)
{
    if (walk->frames[0].bound >= 132) {
        const uint8_t *bytes = need(walk, 132);
        if (bytes == NULL)
            return false;
        if (memcmp(bytes + 128, "DICM", 4) == 0)
            walk->at = 132;
    }
    return true;
}

static bool walk_all(struct walk *walk)
{
    if (!find_start(walk) || !walk_meta(walk))
        return false;
    if (walk->at == walk->frames[0].bound)
        return blame(walk, IVX_REASON_DAMAGED, "there is no data set");
    if (!settle_syntax(walk))
        return false;

    walk->start = walk->out->data_set = walk->at;
    while (!walk->done)
        if (!step(walk) && !take_guess_back(walk))
            return false;
    return true;
}

static void walk_free(struct walk **walk)
{
    if (*walk != NULL)
        ivx_window_free(&(*walk)->window);
    free(*walk);
    *walk = NULL;
}

bool ivx_scan(const struct ivx_blob *blob, const struct ivx_scan_limits *limits,
              ivx_scan_visit *visit, void *context, struct ivx_scan *out,
              enum ivx_reason *reason_out, struct ivx_err *err)
{
    *reason_out = IVX_REASON_NONE;
    IVX_AUTO(walk_free) struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return ivx_fail(err, IVX_FULL, "scan: no memory");

    struct ivx_scan made = { 0 };
    walk->limits = limits != NULL ? *limits : ivx_scan_default;
    if (walk->limits.depth > MAX_DEPTH)
        walk->limits.depth = MAX_DEPTH;
    walk->visit = visit;
    walk->context = context;
    walk->out = &made;
    walk->reason = reason_out;
    walk->err = err;
    walk->frames[0] = (struct frame){
        .kind = IN_DATA_SET, .explicit_vr = true, .bound = blob->length,
    };
    if (!ivx_window_open(blob, &walk->window, err) || !walk_all(walk))
        return false;
    *out = made;
    return true;
}
