#include "command.h"

#include <assert.h>
#include <string.h>

#include "isovox/dicom/dicom.h"

static uint32_t get16(const uint8_t *from)
{
    return (uint32_t)(from[0] | from[1] << 8);
}

static uint32_t get32(const uint8_t *from)
{
    return get16(from) | get16(from + 2) << 16;
}

/* PS3.5 9.1: digits and dots, at most 64. Leading zeros in a component are forgiven: real
 * archives are full of them. Trailing NUL is the padding, a trailing space a common mistake. */
static void get_uid(const uint8_t *value, size_t length, struct ivx_command_uid *out)
{
    while (length > 0 && (value[length - 1] == '\0' || value[length - 1] == ' '))
        length--;
    memset(out, 0, sizeof *out);
    if (length >= sizeof out->text)
        return;
    for (size_t i = 0; i < length; i++)
        if (value[i] != '.' && (value[i] < '0' || value[i] > '9'))
            return;

    memcpy(out->text, value, length);
    out->legal = true;
}

/* LO: 64 characters, no control characters, and the backslash separates values. */
static void fit_comment(const char *from, size_t length, char out[65])
{
    size_t used = 0;
    for (; used < length && used < 64 && from[used] != '\0'; used++) {
        const char c = from[used];
        out[used] = c < ' ' || c > '~' || c == '\\' ? '?' : c;
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}

static uint16_t *number_of(uint32_t element, struct ivx_command *in)
{
    switch (element) {
    case 0x0100:
        return &in->field;
    case 0x0110:
        return &in->message_id;
    case 0x0120:
        return &in->answered_id;
    case 0x0700:
        return &in->priority;
    case 0x0800:
        return &in->data_set_type;
    case 0x0900:
        return &in->status;
    case 0x1021:
        return &in->completed;
    case 0x1022:
        return &in->failed;
    case 0x1002:
    case 0x1008:
        return &in->kind;
    default:
        return NULL;
    }
}

static void take(uint32_t element, const uint8_t *value, size_t length,
                 struct ivx_command *out)
{
    uint16_t *number = number_of(element, out);
    if (number != NULL && length >= 2)
        *number = (uint16_t)get16(value);
    else if (element == 0x0002 || element == 0x0003)
        get_uid(value, length, &out->sop_class);
    else if (element == 0x0902)
        fit_comment((const char *)value, length, out->comment);
    else if (element == 0x1000 || element == 0x1001)
        get_uid(value, length, &out->sop_uid);
}

bool ivx_command_read(const uint8_t *bytes, size_t length, struct ivx_command *out,
                      struct ivx_err *err)
{
    *out = (struct ivx_command){ .data_set_type = IVX_COMMAND_NO_DATA,
                                 .sop_class.legal = true, .sop_uid.legal = true };
    size_t at = 0;
    while (at < length) {
        if (length - at < 8)
            return ivx_fail(err, IVX_DAMAGED, "command set: cut inside an element");
        const uint32_t group = get16(bytes + at), element = get16(bytes + at + 2);
        const size_t size = get32(bytes + at + 4);
        at += 8;
        if (group != 0)
            return ivx_fail(err, IVX_DAMAGED, "command set: element of group %04x", group);
        if (size > length - at)
            return ivx_fail(err, IVX_DAMAGED, "command set: (0000,%04x) of %zu bytes",
                            element, size);
        take(element, bytes + at, size, out);
        at += size;
    }
    if (out->field == 0)
        return ivx_fail(err, IVX_DAMAGED, "command set: no command field");
    return true;
}

/* A buffer that is filled from the front; rooms are asserted: texts are bounded by their
 * types. */
struct writer {
    uint8_t *bytes;
    size_t used, room;
};

static void put(struct writer *to, const void *bytes, size_t length)
{
    assert(length <= to->room - to->used);
    memcpy(to->bytes + to->used, bytes, length);
    to->used += length;
}

static void put16(struct writer *to, uint32_t value)
{
    put(to, (uint8_t[2]){ (uint8_t)value, (uint8_t)(value >> 8) }, 2);
}

static void put32(struct writer *to, uint32_t value)
{
    put16(to, value & 0xffff);
    put16(to, value >> 16);
}

static void put_element16(struct writer *to, uint32_t element, uint16_t value)
{
    put16(to, 0x0000);
    put16(to, element);
    put32(to, 2);
    put16(to, value);
}

static void put_padded(struct writer *to, const char *text, size_t length, char padding)
{
    put(to, text, length);
    if (length % 2 != 0)
        put(to, &padding, 1);
}

static void put_element_text(struct writer *to, uint32_t element, const char *text, char padding)
{
    const size_t length = strlen(text);
    if (length == 0)
        return;

    put16(to, 0x0000);
    put16(to, element);
    put32(to, (uint32_t)(length + length % 2));
    put_padded(to, text, length, padding);
}

/* PS3.7 10.3.1 and 10.3.5: what a notification or an action is, after the instance's UID. */
static void put_kind(struct writer *to, uint16_t field, uint16_t kind)
{
    if (field == IVX_COMMAND_EVENT_REPORT)
        put_element16(to, 0x1002, kind);
    if (field == IVX_COMMAND_ACTION)
        put_element16(to, 0x1008, kind);
}

static size_t finish(const struct writer *writer)
{
    struct writer head = { writer->bytes, 0, 12 };
    put32(&head, 0x00000000);
    put32(&head, 4);
    put32(&head, (uint32_t)(writer->used - 12));
    return writer->used;
}

size_t ivx_command_answer(const struct ivx_command *to, uint16_t status, const char *comment,
                          uint8_t out[IVX_COMMAND_ROOM])
{
    char fitted[65];
    fit_comment(comment != NULL ? comment : "", 64, fitted);
    struct writer writer = { out, 12, IVX_COMMAND_ROOM };
    put_element_text(&writer, 0x0002, to->sop_class.text, '\0');
    put_element16(&writer, 0x0100, to->field | IVX_COMMAND_RESPONSE);
    put_element16(&writer, 0x0120, to->message_id);
    put_element16(&writer, 0x0800, IVX_COMMAND_NO_DATA);
    put_element16(&writer, 0x0900, status);
    put_element_text(&writer, 0x0902, fitted, ' ');
    put_element_text(&writer, 0x1000, to->sop_uid.text, '\0');
    put_kind(&writer, to->field, to->kind);
    return finish(&writer);
}

/* PS3.7 9.1.2 and 9.1.4: what is asked for stands in the data set. */
static bool asks(uint16_t field)
{
    return field == IVX_COMMAND_FIND || field == IVX_COMMAND_MOVE;
}

size_t ivx_command_request(const struct ivx_command *request, uint8_t out[IVX_COMMAND_ROOM])
{
    const uint16_t field = request->field;
    const bool echoes = field == IVX_COMMAND_ECHO;
    const bool acts = field == IVX_COMMAND_ACTION; /* requested, not affected */
    struct writer writer = { out, 12, IVX_COMMAND_ROOM };
    put_element_text(&writer, acts ? 0x0003 : 0x0002, request->sop_class.text, '\0');
    put_element16(&writer, 0x0100, field);
    put_element16(&writer, 0x0110, request->message_id);
    if (field == IVX_COMMAND_MOVE)
        put_element_text(&writer, 0x0600, request->move_to, ' ');
    if (field == IVX_COMMAND_STORE || asks(field))
        put_element16(&writer, 0x0700, request->priority);
    put_element16(&writer, 0x0800, echoes ? IVX_COMMAND_NO_DATA : 0x0001);
    if (!echoes && !asks(field))
        put_element_text(&writer, acts ? 0x1001 : 0x1000, request->sop_uid.text, '\0');
    put_kind(&writer, field, request->kind);
    return finish(&writer);
}

/* Explicit VR Little Endian, short form of the length. */
static void put_meta_uid(struct writer *to, uint32_t element, const char *uid)
{
    const size_t length = strlen(uid);
    put16(to, 0x0002);
    put16(to, element);
    put(to, "UI", 2);
    put16(to, (uint32_t)(length + length % 2));
    put_padded(to, uid, length, '\0');
}

size_t ivx_meta_write(const char *sop_class, const char *sop_uid, const char *syntax,
                      uint8_t out[IVX_META_ROOM])
{
    enum { GROUP_START = 128 + 4, ELEMENTS_START = GROUP_START + 12 };
    memset(out, 0, IVX_META_ROOM);
    memcpy(out + 128, "DICM", 4);

    struct writer writer = { out, ELEMENTS_START, IVX_META_ROOM };
    put(&writer, "\x02\x00\x01\x00OB\0\0\x02\0\0\0\x00\x01", 14);
    put_meta_uid(&writer, 0x0002, sop_class);
    put_meta_uid(&writer, 0x0003, sop_uid);
    put_meta_uid(&writer, 0x0010, syntax);
    put_meta_uid(&writer, 0x0012, IVX_IMPLEMENTATION_UID);

    struct writer head = { out, GROUP_START, ELEMENTS_START };
    put(&head, "\x02\x00\x00\x00UL\x04\x00", 8);
    put32(&head, (uint32_t)(writer.used - ELEMENTS_START));
    return writer.used;
}

/* Explicit VR Little Endian: OB and UN have a 32-bit length after two reserved bytes. */
static bool has_long_length(const uint8_t *vr)
{
    return memcmp(vr, "OB", 2) == 0 || memcmp(vr, "UN", 2) == 0;
}

static struct ivx_command_uid *meta_uid_of(uint32_t element, struct ivx_meta *in)
{
    if (element == 0x0002)
        return &in->sop_class;
    if (element == 0x0003)
        return &in->sop_uid;
    return element == 0x0010 ? &in->syntax : NULL;
}

bool ivx_meta_read(const uint8_t *bytes, size_t length, struct ivx_meta *out,
                   struct ivx_err *err)
{
    *out = (struct ivx_meta){ 0 };
    if (length < 132 || memcmp(bytes + 128, "DICM", 4) != 0)
        return ivx_fail(err, IVX_DAMAGED, "not a DICOM file");

    size_t at = 132;
    while (length - at >= 12 && get16(bytes + at) == 0x0002) {
        const uint32_t element = get16(bytes + at + 2);
        const bool wide = has_long_length(bytes + at + 4);
        const size_t size = wide ? get32(bytes + at + 8) : get16(bytes + at + 6);
        at += wide ? 12 : 8;
        if (size > length - at)
            return ivx_fail(err, IVX_DAMAGED, "meta header: cut at (0002,%04x)", element);
        struct ivx_command_uid *uid = meta_uid_of(element, out);
        if (uid != NULL)
            get_uid(bytes + at, size, uid);
        at += size;
    }
    if (out->sop_class.text[0] == '\0' || out->sop_uid.text[0] == '\0' ||
        out->syntax.text[0] == '\0')
        return ivx_fail(err, IVX_DAMAGED, "meta header: SOP class, instance or syntax missing");
    out->data_set_at = at;
    return true;
}
