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
#include "walk.h"

enum { ITEM = 0xFFFEE000, ITEM_END = 0xFFFEE00D, SEQUENCE_END = 0xFFFEE0DD };
enum { PER_FRAME_GROUPS = 0x52009230 };
#define UNDEFINED 0xFFFFFFFFu

const struct ivx_scan_limits ivx_scan_default = {
    .depth = IVX_WALK_DEPTH,
    .elements = 200000,
    .header = UINT64_C(64) << 20,
    .frames = 65536,
    .group_elements = 8000000,
    .groups = UINT64_C(512) << 20,
};

bool ivx_walk_blame(struct ivx_walk *walk, enum ivx_reason reason, const char *format,
                    ...)
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

const uint8_t *ivx_walk_need(struct ivx_walk *walk, size_t length)
{
    const struct ivx_walk_frame *frame = &walk->frames[walk->top];
    if (length > frame->bound - walk->at) {
        ivx_walk_blame(walk, IVX_REASON_DAMAGED, "an element is cut off");
        return NULL;
    }
    return ivx_window_get(walk->window, walk->at, length, walk->err);
}

/* The length field of an explicit header, PS3.5 table 7.1-1 and 7.1-2. */
static bool explicit_length(struct ivx_walk *walk, const uint8_t *bytes,
                            struct ivx_walk_header *out)
{
    const bool big_endian = walk->frames[walk->top].big_endian;
    memcpy(out->vr, bytes + 4, 2);
    if (!ivx_vr_is_letters(bytes + 4))
        return ivx_walk_blame(walk, IVX_REASON_DAMAGED,
                              "tag %08X has no value representation", (unsigned)out->tag);
    if (ivx_vr_is_short(out->vr)) {
        out->length = ivx_get16(bytes + 6, big_endian);
        return true;
    }
    out->size = 12;
    bytes = ivx_walk_need(walk, out->size);
    if (bytes == NULL)
        return false;
    out->length = ivx_get32(bytes + 8, big_endian);
    return true;
}

/* Inside the Per-frame Functional Groups of the data set itself? */
static bool in_groups(const struct ivx_walk *walk)
{
    return walk->top > 0 && walk->frames[1].kind == IVX_IN_SEQUENCE
           && walk->frames[1].tag == PER_FRAME_GROUPS;
}

static bool count_element(struct ivx_walk *walk)
{
    const bool inside = in_groups(walk);
    walk->out->elements++;
    walk->group_elements += inside;
    const uint32_t most = inside ? walk->limits.group_elements : walk->limits.elements;
    const uint32_t count =
        inside ? walk->group_elements : walk->out->elements - walk->group_elements;
    return count <= most
           || ivx_walk_blame(walk, IVX_REASON_TOO_LARGE, "more than %u elements%s",
                             (unsigned)most, inside ? " of functional groups" : "");
}

bool ivx_walk_header(struct ivx_walk *walk, struct ivx_walk_header *out)
{
    if (!count_element(walk))
        return false;
    const uint8_t *bytes = ivx_walk_need(walk, 8);
    if (bytes == NULL)
        return false;

    const struct ivx_walk_frame *frame = &walk->frames[walk->top];
    *out = (struct ivx_walk_header){ .tag = ivx_get_tag(bytes, frame->big_endian),
                                     .size = 8 };
    if (frame->explicit_vr && out->tag >> 16 != 0xFFFE)
        return explicit_length(walk, bytes, out);
    out->length = ivx_get32(bytes + 4, frame->big_endian);
    return true;
}

static bool push(struct ivx_walk *walk, enum ivx_walk_kind kind,
                 const struct ivx_walk_header *header)
{
    const struct ivx_walk_frame *parent = &walk->frames[walk->top];
    assert(walk->top + 1 < IVX_WALK_FRAMES);
    struct ivx_walk_frame *frame = &walk->frames[walk->top + 1];
    *frame = *parent;
    frame->kind = kind;
    frame->begin = walk->at;
    frame->undefined = header->length == UNDEFINED;
    if (!frame->undefined) {
        if (header->length > parent->bound - walk->at)
            return ivx_walk_blame(walk, IVX_REASON_DAMAGED,
                                  "tag %08X is longer than what holds it",
                                  (unsigned)header->tag);
        frame->bound = walk->at + header->length;
    }
    walk->top++;
    return true;
}

static bool push_sequence(struct ivx_walk *walk, const struct ivx_walk_header *header)
{
    if (walk->depth + 1 > walk->limits.depth)
        return ivx_walk_blame(walk, IVX_REASON_TOO_LARGE,
                              "sequences nested deeper than %d", walk->limits.depth);
    if (!push(walk, IVX_IN_SEQUENCE, header))
        return false;
    struct ivx_walk_frame *frame = &walk->frames[walk->top];
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

static void pop(struct ivx_walk *walk)
{
    const struct ivx_walk_frame *frame = &walk->frames[walk->top];
    if (walk->top == 1 && in_groups(walk))
        walk->group_bytes += walk->at - frame->begin;
    if (frame->kind == IVX_IN_SEQUENCE)
        walk->depth--;
    walk->top--;
    if (walk->top <= walk->guess.top)
        walk->guess.active = false;
}

static bool is_pixel_data(uint32_t tag)
{
    return tag == 0x7FE00010 || tag == 0x7FE00008 || tag == 0x7FE00009;
}

static bool show(struct ivx_walk *walk, const struct ivx_walk_header *header, bool whole)
{
    if (walk->visit == NULL)
        return true;
    const struct ivx_walk_frame *frame = &walk->frames[walk->top];
    struct ivx_scan_element element = {
        .tag = header->tag,
        .depth = walk->depth,
        .offset = walk->at,
        .undefined = header->length == UNDEFINED,
        .big_endian = frame->big_endian,
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

/* The walk stands where the value ends; its delimiter, if it has one, follows. */
static bool show_item(struct ivx_walk *walk)
{
    const struct ivx_walk_frame *frame = &walk->frames[walk->top];
    const struct ivx_scan_element element = {
        .tag = ITEM,
        .depth = walk->depth,
        .parent = frame->tag,
        .item = frame->item,
        .offset = frame->begin,
        .length = walk->at - frame->begin,
        .big_endian = frame->big_endian,
    };
    return walk->visit(walk->context, &element, walk->err);
}

/* What we are inside of ends here. */
static bool leave(struct ivx_walk *walk, size_t delimiter)
{
    const bool item = walk->frames[walk->top].kind == IVX_IN_ITEM;
    if (item && walk->limits.items && walk->visit != NULL && !show_item(walk))
        return false;
    walk->at += delimiter;
    pop(walk);
    return true;
}

/* Pixel Data of the image itself: note where it is, and stop. */
static bool meet_pixel_data(struct ivx_walk *walk, const struct ivx_walk_header *header)
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

/* In Implicit VR nothing says "sequence", and the dictionary of the parser that comes
 * after us is not ours: whatever starts with an item is walked as a sequence. */
static bool starts_with_item(struct ivx_walk *walk, const struct ivx_walk_header *header,
                             bool *out)
{
    *out = false;
    if (header->length < 8 || header->length > walk->frames[walk->top].bound - walk->at)
        return true;
    const uint8_t *bytes = ivx_walk_need(walk, 4);
    if (bytes == NULL)
        return false;
    *out = ivx_get_tag(bytes, false) == ITEM;
    if (*out && (header->tag >> 16 & 1) != 0 && !walk->guess.active)
        walk->guess = (struct ivx_walk_guess){
            true,
            walk->top,
            walk->depth,
            walk->at + header->length,
        };
    return true;
}

/* Only for malformed contents: what nests too deeply is refused, guessed or not. */
static bool take_guess_back(struct ivx_walk *walk)
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

static bool is_sequence(struct ivx_walk *walk, const struct ivx_walk_header *header,
                        bool *out)
{
    const bool undefined = header->length == UNDEFINED;
    if (header->vr[0] == '\0' && !undefined)
        return starts_with_item(walk, header, out);
    *out = memcmp(header->vr, "SQ", 2) == 0
           || (undefined && (header->vr[0] == '\0' || memcmp(header->vr, "UN", 2) == 0));
    return true;
}

static bool skip_value(struct ivx_walk *walk, const struct ivx_walk_header *header)
{
    if (header->length > walk->frames[walk->top].bound - walk->at)
        return ivx_walk_blame(walk, IVX_REASON_DAMAGED,
                              "tag %08X is longer than what holds it",
                              (unsigned)header->tag);
    if (!show(walk, header, true))
        return false;
    walk->at += header->length;
    return true;
}

static bool step_element(struct ivx_walk *walk)
{
    struct ivx_walk_header header;
    if (!ivx_walk_header(walk, &header))
        return false;
    const struct ivx_walk_frame *frame = &walk->frames[walk->top];
    if (header.tag == ITEM_END && frame->kind == IVX_IN_ITEM && frame->undefined)
        return leave(walk, header.size);
    if (header.tag >> 16 == 0xFFFE)
        return ivx_walk_blame(walk, IVX_REASON_DAMAGED,
                              "a delimiter stands where none belongs");
    walk->at += header.size;
    if (walk->depth == 0 && is_pixel_data(header.tag))
        return meet_pixel_data(walk, &header);

    bool sequence;
    if (!is_sequence(walk, &header, &sequence))
        return false;
    if (!sequence && header.length != UNDEFINED)
        return skip_value(walk, &header);
    return show(walk, &header, false)
           && (sequence ? push_sequence(walk, &header)
                        : push(walk, IVX_IN_FRAGMENTS, &header));
}

static bool step_item(struct ivx_walk *walk)
{
    struct ivx_walk_header header;
    if (!ivx_walk_header(walk, &header))
        return false;
    struct ivx_walk_frame *frame = &walk->frames[walk->top];
    walk->at += header.size;
    if (header.tag == SEQUENCE_END && frame->undefined) {
        pop(walk);
        return true;
    }
    if (header.tag != ITEM)
        return ivx_walk_blame(walk, IVX_REASON_DAMAGED,
                              "tag %08X stands where an item belongs",
                              (unsigned)header.tag);
    const uint32_t number = frame->item++;
    if (walk->top == 1 && frame->tag == PER_FRAME_GROUPS && number >= walk->limits.frames)
        return ivx_walk_blame(walk, IVX_REASON_TOO_LARGE, "groups of more than %u frames",
                              (unsigned)walk->limits.frames);
    if (!push(walk, IVX_IN_ITEM, &header))
        return false;
    walk->frames[walk->top].item = number;
    return true;
}

/* Encapsulated data inside an item, such as an icon: PS3.5 A.4. */
static bool step_fragment(struct ivx_walk *walk)
{
    struct ivx_walk_header header;
    if (!ivx_walk_header(walk, &header))
        return false;
    walk->at += header.size;
    if (header.tag == SEQUENCE_END) {
        pop(walk);
        return true;
    }
    if (header.tag != ITEM || header.length > walk->frames[walk->top].bound - walk->at)
        return ivx_walk_blame(walk, IVX_REASON_DAMAGED, "a fragment is malformed");
    walk->at += header.length;
    return true;
}

static bool within_limits(struct ivx_walk *walk)
{
    uint64_t groups = walk->group_bytes;
    if (in_groups(walk))
        groups += walk->at - walk->frames[1].begin;
    if (groups > walk->limits.groups)
        return ivx_walk_blame(walk, IVX_REASON_TOO_LARGE,
                              "functional groups are longer than %llu bytes",
                              (unsigned long long)walk->limits.groups);
    return walk->at - walk->start - groups <= walk->limits.header
           || ivx_walk_blame(walk, IVX_REASON_TOO_LARGE,
                             "the header is longer than %llu bytes",
                             (unsigned long long)walk->limits.header);
}

static bool step(struct ivx_walk *walk)
{
    const struct ivx_walk_frame *frame = &walk->frames[walk->top];
    if (!within_limits(walk))
        return false;
    if (walk->at == frame->bound && frame->kind == IVX_IN_DATA_SET) {
        walk->done = true;
        return true;
    }
    if (walk->at == frame->bound && !frame->undefined)
        return leave(walk, 0);
    if (frame->kind == IVX_IN_SEQUENCE)
        return step_item(walk);
    if (frame->kind == IVX_IN_FRAGMENTS)
        return step_fragment(walk);
    return step_element(walk);
}

static bool walk_all(struct ivx_walk *walk)
{
    if (!ivx_walk_start(walk))
        return false;
    walk->start = walk->out->data_set = walk->at;
    while (!walk->done)
        if (!step(walk) && !take_guess_back(walk))
            return false;
    return true;
}

static void walk_free(struct ivx_walk **walk)
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
    IVX_AUTO(walk_free) struct ivx_walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return ivx_fail(err, IVX_FULL, "scan: no memory");

    struct ivx_scan made = { 0 };
    walk->limits = limits != NULL ? *limits : ivx_scan_default;
    if (walk->limits.depth > IVX_WALK_DEPTH)
        walk->limits.depth = IVX_WALK_DEPTH;
    walk->visit = visit;
    walk->context = context;
    walk->out = &made;
    walk->reason = reason_out;
    walk->err = err;
    walk->frames[0] = (struct ivx_walk_frame){
        .kind = IVX_IN_DATA_SET,
        .explicit_vr = true,
        .bound = blob->length,
    };
    if (!ivx_window_open(blob, &walk->window, err) || !walk_all(walk))
        return false;
    *out = made;
    return true;
}
