#include "part10.h"

#include <stdio.h>
#include <string.h>

struct bytes {
    unsigned char *data;
    size_t used;
};

static void raw(struct bytes *to, const void *data, size_t length)
{
    memcpy(to->data + to->used, data, length);
    to->used += length;
}

static void number(struct bytes *to, unsigned long value, int size)
{
    for (int n = 0; n < size; n++)
        to->data[to->used++] = (unsigned char)(value >> 8 * n);
}

static void head(struct bytes *to, unsigned tag, const char *vr, size_t length)
{
    number(to, tag >> 16, 2);
    number(to, tag & 0xffff, 2);
    raw(to, vr, 2);
    number(to, length, 2);
}

static void text(struct bytes *to, unsigned tag, const char *vr, const char *value)
{
    const size_t length = strlen(value);
    head(to, tag, vr, length + length % 2);
    raw(to, value, length);
    if (length % 2 == 1)
        raw(to, strcmp(vr, "UI") == 0 ? "" : " ", 1);
}

static void whole(struct bytes *to, unsigned tag, unsigned value)
{
    head(to, tag, "US", 2);
    number(to, value, 2);
}

static void meta(struct bytes *to, const struct slice *slice)
{
    memset(to->data, 0, 128);
    to->used = 128;
    raw(to, "DICM", 4);
    head(to, 0x00020000, "UL", 4);
    const size_t place = to->used;
    number(to, 0, 4);
    text(to, 0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.2");
    text(to, 0x00020003, "UI", slice->sop_uid);
    text(to, 0x00020010, "UI", "1.2.840.10008.1.2.1");
    struct bytes length = { to->data, place };
    number(&length, to->used - place - 4, 4);
}

static void image(struct bytes *to, const struct slice *slice)
{
    whole(to, 0x00280002, 1);
    text(to, 0x00280004, "CS", "MONOCHROME2");
    whole(to, 0x00280010, 4);
    whole(to, 0x00280011, 4);
    text(to, 0x00280030, "DS", "1\\1");
    whole(to, 0x00280100, 16);
    whole(to, 0x00280101, 16);
    whole(to, 0x00280102, 15);
    whole(to, 0x00280103, 1);
    text(to, 0x00281052, "DS", "0");
    text(to, 0x00281053, "DS", "1");
    if (slice->ours)
        text(to, 0x00990010, "LO", "ISOVOX 1.0");
    number(to, 0x7fe0, 2);
    number(to, 0x0010, 2);
    raw(to, "OW\0\0", 4);
    number(to, 32, 4);
    for (int n = 0; n < 16; n++)
        number(to, (unsigned short)slice->value, 2);
}

size_t part10_make(const struct slice *slice, unsigned char *out)
{
    struct bytes to = { out, 0 };
    char position[64], instance[16];
    snprintf(position, sizeof position, "0\\0\\%g", slice->z);
    snprintf(instance, sizeof instance, "%d", slice->number);

    meta(&to, slice);
    text(&to, 0x00080008, "CS",
         slice->image_type == NULL ? "ORIGINAL\\PRIMARY\\AXIAL" : slice->image_type);
    text(&to, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    text(&to, 0x00080018, "UI", slice->sop_uid);
    text(&to, 0x00080060, "CS", "CT");
    if (slice->station != NULL)
        text(&to, 0x00081010, "SH", slice->station);
    text(&to, 0x0008103e, "LO", slice->description == NULL ? "Test" : slice->description);
    text(&to, 0x00180050, "DS", "2");
    text(&to, 0x0020000d, "UI", "2.25.1000");
    text(&to, 0x0020000e, "UI", slice->series_uid);
    if (slice->acquisition != NULL)
        text(&to, 0x00200012, "IS", slice->acquisition);
    text(&to, 0x00200013, "IS", instance);
    text(&to, 0x00200032, "DS", position);
    text(&to, 0x00200037, "DS", "1\\0\\0\\0\\1\\0");
    text(&to, 0x00200052, "UI", "2.25.1001");
    if (slice->announced != NULL)
        text(&to, 0x00201002, "IS", slice->announced);
    image(&to, slice);
    return to.used;
}
