/* R16: functional groups (PS3.3 C.7.6.16) become one record for each frame. What a
 * frame's own groups say counts before what is shared, and both before the data set
 * itself. */
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "isovox/base/auto.h"
#include "pixels.h"
#include "record.h"

enum { SHARED = 0x52009229, PER_FRAME = 0x52009230, ITEM = 0xFFFEE000 };

/* The groups that are read. Nothing of the others says where a frame lies, what its
 * values mean or what tells it from its neighbours. */
static bool is_read(uint32_t macro)
{
    static const uint32_t macros[] = {
        0x00189076,             /* Diffusion Gradient Direction, inside MR Diffusion */
        0x00189114,             /* MR Echo */
        0x00189117,             /* MR Diffusion */
        0x00189118,             /* Cardiac Synchronization */
        0x00189226,             /* MR Image Frame Type */
        0x00189304,             /* CT Acquisition Details: the tilt attribute */
        0x00189314,             /* CT Reconstruction */
        0x00189329,             /* CT Image Frame Type */
        0x00189751,             /* PET Frame Type */
        0x00209111,             /* Frame Content */
        0x00209113,             /* Plane Position (Patient) */
        0x00209116,             /* Plane Orientation (Patient) */
        0x00209170,             /* Unassigned Shared, Per-Frame Converted Attributes */
        0x00209171, 0x00209310, /* Temporal Position */
        0x00289110,             /* Pixel Measures */
        0x00289145,             /* Pixel Value Transformation */
    };
    for (size_t n = 0; n < IVX_COUNT(macros); n++)
        if (macros[n] == macro)
            return true;
    return false;
}

static bool make_room(struct ivx_groups *groups, struct ivx_err *err)
{
    if (groups->count < groups->room)
        return true;
    const uint32_t most = (uint32_t)groups->object->made->frames;
    uint32_t more = groups->room == 0 ? 64 : groups->room * 2;
    more = more < most ? more : most;
    void *grown = realloc(groups->made, more * sizeof *groups->made);
    if (grown == NULL)
        return ivx_fail(err, IVX_FULL, "instance: no memory for %u frames",
                        (unsigned)more);
    groups->made = grown;
    groups->room = more;
    return true;
}

/* A frame begins as what is said of all. */
static bool open_frame(struct ivx_groups *groups, struct ivx_err *err)
{
    if (!make_room(groups, err))
        return false;
    struct ivx_instance *made = &groups->made[groups->count];
    *made = *groups->object->made;
    made->instance_number = INT64_MIN;
    made->frames = 1;
    made->frame_number = (int32_t)++groups->count;
    groups->frame = *groups->object;
    groups->frame.made = made;
    groups->open = true;
    return true;
}

/* Frames beyond Number of Frames are counted and not kept. */
static bool end_frame(struct ivx_groups *groups, const struct ivx_scan_element *item,
                      struct ivx_err *err)
{
    if (groups->count >= (uint32_t)groups->object->made->frames && !groups->open) {
        groups->disordered = true;
        return true;
    }
    if (!groups->open && !open_frame(groups, err))
        return false;
    groups->frame.made->group_offset = item->offset;
    groups->frame.made->group_length = item->length;
    ivx_record_finish(&groups->frame);
    groups->open = false;
    groups->macro = 0;
    return true;
}

static void enter(struct ivx_groups *groups, const struct ivx_scan_element *element)
{
    const bool group = element->tag == SHARED || element->tag == PER_FRAME;
    groups->inside = group ? element->tag : 0;
    groups->macro = 0;
    groups->disordered =
        groups->disordered || (groups->ended && element->tag <= PER_FRAME);
    groups->ended = groups->ended || element->tag == PER_FRAME;
    if (element->tag == PER_FRAME)
        groups->object->made->groups_offset =
            element->offset - (element->vr[0] != '\0' ? 12 : 8);
    if (element->tag == 0x7FE00001)
        groups->extended = (struct ivx_span){ element->offset, element->length };
}

/* Of a macro: its first item counts, and one level of sequences inside it. */
static bool take_macro(struct ivx_groups *groups, const struct ivx_scan_element *element,
                       struct ivx_err *err)
{
    if (groups->inside == PER_FRAME && !groups->open
        && groups->count >= (uint32_t)groups->object->made->frames)
        return true;
    if (groups->inside == PER_FRAME && !groups->open && !open_frame(groups, err))
        return false;
    struct ivx_record *record =
        groups->inside == SHARED ? groups->object : &groups->frame;
    const bool nested = element->depth == 3 && is_read(element->parent);
    const bool first = element->item == 0;
    if (element->tag != ITEM && first
        && ((element->depth == 2 && element->parent == groups->macro) || nested))
        ivx_record_take_group(record, element);
    return true;
}

bool ivx_groups_take(struct ivx_groups *groups, const struct ivx_scan_element *element,
                     struct ivx_err *err)
{
    if (element->depth == 0) {
        enter(groups, element);
        return true;
    }
    if (groups->inside == 0 || !ivx_is_multi_frame(groups->object->made))
        return true;
    if (element->depth > 1)
        return groups->macro == 0 || take_macro(groups, element, err);
    if (element->tag == ITEM)
        return groups->inside == SHARED || end_frame(groups, element, err);
    groups->macro = is_read(element->tag) ? element->tag : 0;
    return true;
}

/* What only the end of the walk says of the object holds for its frames too. */
static void set_pixels(const struct ivx_groups *groups, uint32_t n,
                       const struct ivx_span *span)
{
    const struct ivx_instance *object = groups->object->made;
    struct ivx_instance *frame = &groups->made[n];
    memcpy(frame->syntax, object->syntax, sizeof frame->syntax);
    frame->has_pixels = object->has_pixels;
    frame->float_pixels = object->float_pixels;
    frame->pixel_bytes = object->pixel_bytes;
    frame->pixels_truncated = object->pixels_truncated;
    frame->encapsulated = object->encapsulated;
    frame->deflated_at = object->deflated_at;
    frame->big_endian = object->big_endian;
    frame->lossy = object->lossy;
    frame->own_result = object->own_result;
    frame->data_set = object->data_set;
    frame->groups_offset = object->groups_offset;
    frame->object = object;
    frame->pixel_offset = span->offset;
    frame->pixel_length = span->length;
}

/* Native frames lie one behind the other, PS3.5 8.1.1. */
static bool place_native(const struct ivx_groups *groups)
{
    const struct ivx_instance *object = groups->object->made;
    uint64_t bytes = 0, used;
    for (uint32_t n = 0; n < groups->count; n++) {
        if (!ivx_pixels_size(&groups->made[n], &bytes)
            || __builtin_mul_overflow(bytes, n, &used))
            bytes = used = 0;
        const struct ivx_span span = { object->pixel_offset + used, bytes };
        set_pixels(groups, n, &span);
    }
    return true;
}

static bool place_encapsulated(const struct ivx_groups *groups,
                               const struct ivx_scan *scan, struct ivx_err *err)
{
    const struct ivx_instance *object = groups->object->made;
    bool found = false;
    IVX_AUTO(ivx_memory_free)
    struct ivx_span *span = calloc(groups->count + 1, sizeof *span);
    if (span == NULL)
        return ivx_fail(err, IVX_FULL, "instance: no memory for %u frames",
                        (unsigned)groups->count);
    if (!object->pixels_truncated
        && !ivx_frames_locate(&object->blob, scan, &groups->extended, groups->count, span,
                              &found, err))
        return false;
    const struct ivx_span none = { object->pixel_offset, 0 };
    for (uint32_t n = 0; n < groups->count; n++)
        set_pixels(groups, n, found ? &span[n] : &none);
    return true;
}

bool ivx_groups_finish(struct ivx_groups *groups, const struct ivx_scan *scan,
                       struct ivx_err *err)
{
    struct ivx_instance *object = groups->object->made;
    if (groups->made == NULL)
        return true;
    object->groups_disagree =
        groups->disordered || (uint32_t)object->frames != groups->count;
    if (!(object->encapsulated ? place_encapsulated(groups, scan, err)
                               : place_native(groups)))
        return false;
    object->frame = IVX_STEAL(groups->made);
    object->frame_count = (int32_t)groups->count;
    return true;
}
