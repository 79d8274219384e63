#include "frames.h"

#include <stdio.h>

struct object object_of(int frames)
{
    struct object made = { .syntax = EXPLICIT,
                           .sop_class = ENHANCED_CT,
                           .sop_uid = "2.25.11",
                           .frames = frames,
                           .claimed = frames,
                           .items = frames,
                           .shared = true,
                           .shared_slope = true };
    for (int n = 0; n < frames; n++)
        made.z[n] = 2.5 * n;
    return made;
}

static void open_sequence(struct bytes *bytes, uint32_t tag)
{
    bytes_header(bytes, tag, "SQ", BYTES_UNDEFINED);
    bytes_mark(bytes, ITEM, BYTES_UNDEFINED);
}

static void close_sequence(struct bytes *bytes)
{
    bytes_mark(bytes, ITEM_END, 0);
    bytes_mark(bytes, SEQUENCE_END, 0);
}

static void write_rescale(struct bytes *bytes, int slope)
{
    char text[16];
    open_sequence(bytes, 0x00289145);
    bytes_text(bytes, 0x00281052, "DS", "-1000");
    snprintf(text, sizeof text, "%d", slope);
    bytes_text(bytes, 0x00281053, "DS", text);
    close_sequence(bytes);
}

static void write_plane(struct bytes *bytes)
{
    open_sequence(bytes, 0x00209116);
    bytes_text(bytes, 0x00200037, "DS", "1\\0\\0\\0\\1\\0");
    close_sequence(bytes);
    open_sequence(bytes, 0x00289110);
    bytes_text(bytes, 0x00180050, "DS", "2.5");
    bytes_text(bytes, 0x00280030, "DS", "0.75\\0.5");
    close_sequence(bytes);
}

static void write_frame(struct bytes *bytes, const struct object *object, int n)
{
    char text[64];
    bytes_mark(bytes, ITEM, BYTES_UNDEFINED);
    open_sequence(bytes, 0x00209111);
    if (object->phase[n] > 0) {
        bytes_header(bytes, 0x00209128, "UL", 4);
        bytes_u32(bytes, (uint32_t)object->phase[n]);
    }
    bytes_header(bytes, 0x00209157, "UL", 4); /* a lie: in the order of the file */
    bytes_u32(bytes, (uint32_t)n + 1);
    close_sequence(bytes);
    open_sequence(bytes, 0x00209113);
    snprintf(text, sizeof text, "-1.5\\0.25\\%g", object->z[n]);
    bytes_text(bytes, 0x00200032, "DS", text);
    close_sequence(bytes);
    if (!object->shared)
        write_plane(bytes);
    if (object->slope[n] != 0)
        write_rescale(bytes, object->slope[n]);
    if (object->type[n] != NULL) {
        open_sequence(bytes, 0x00189226);
        bytes_text(bytes, 0x00089007, "CS", object->type[n]);
        close_sequence(bytes);
    }
    bytes_mark(bytes, ITEM_END, 0);
}

static void write_concatenation(struct bytes *bytes, const struct object *object)
{
    if (object->concatenation == NULL)
        return;
    bytes_text(bytes, 0x00209161, "UI", object->concatenation);
    bytes_short(bytes, 0x00209162, (uint16_t)object->part);
    if (object->parts > 0)
        bytes_short(bytes, 0x00209163, (uint16_t)object->parts);
}

void write_object(struct bytes *bytes, const struct object *object)
{
    char text[16];
    bytes_start(bytes, object->syntax);
    bytes_text(bytes, 0x00080008, "CS",
               object->image_type != NULL ? object->image_type
                                          : "ORIGINAL\\PRIMARY\\VOLUME\\NONE");
    bytes_text(bytes, 0x00080016, "UI", object->sop_class);
    bytes_text(bytes, 0x00080018, "UI", object->sop_uid);
    bytes_text(bytes, 0x00080060, "CS", "CT");
    bytes_text(bytes, 0x0020000D, "UI", "2.25.3");
    bytes_text(bytes, 0x0020000E, "UI", "2.25.2");
    bytes_text(bytes, 0x00200013, "IS", "1");
    bytes_text(bytes, 0x00200052, "UI", "2.25.4");
    write_concatenation(bytes, object);
    bytes_short(bytes, 0x00280002, 1);
    bytes_text(bytes, 0x00280004, "CS", "MONOCHROME2");
    snprintf(text, sizeof text, "%d", object->claimed);
    bytes_text(bytes, 0x00280008, "IS", text);
    bytes_short(bytes, 0x00280010, ROWS);
    bytes_short(bytes, 0x00280011, COLUMNS);
    bytes_short(bytes, 0x00280100, 16);
    bytes_short(bytes, 0x00280101, 12);
    bytes_short(bytes, 0x00280102, 11);
    bytes_short(bytes, 0x00280103, 0);
    if (object->shared) {
        open_sequence(bytes, 0x52009229);
        write_plane(bytes);
        if (object->shared_slope)
            write_rescale(bytes, 1);
        close_sequence(bytes);
    }
    if (object->items > 0) {
        bytes_header(bytes, 0x52009230, "SQ", BYTES_UNDEFINED);
        for (int n = 0; n < object->items; n++)
            write_frame(bytes, object, n % object->frames);
        bytes_mark(bytes, SEQUENCE_END, 0);
    }
    if (object->tag_after)
        bytes_short(bytes, 0x00280120, 5);
}

void write_native(struct bytes *bytes, const struct object *object)
{
    bytes_header(bytes, 0x7FE00010, "OW", (uint32_t)object->frames * PIXELS * 2);
    for (int n = 0; n < object->frames; n++)
        for (int p = 0; p < PIXELS; p++)
            bytes_u16(bytes, (uint16_t)(100 * n + p));
}
