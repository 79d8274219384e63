#include "isovox/dicom/commitment.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "scan_bytes.h"

enum {
    TRANSACTION = 0x00081195,
    REFERENCED = 0x00081199, /* Referenced SOP Sequence */
    FAILED = 0x00081198,     /* Failed SOP Sequence */
    REFERENCED_CLASS = 0x00081150,
    REFERENCED_UID = 0x00081155,
    REASON = 0x00081197,
};
static const char explicit_little[] = "1.2.840.10008.1.2.1";

void ivx_commitment_clear(struct ivx_commitment *commitment)
{
    ivx_memory_free(&commitment->references);
    *commitment = (struct ivx_commitment){ 0 };
}

size_t ivx_commitment_failures(const struct ivx_commitment *commitment)
{
    size_t failures = 0;
    for (size_t n = 0; n < commitment->count; n++)
        failures += commitment->references[n].reason != 0;
    return failures;
}

/* ---- reading ------------------------------------------------------------------------- */

struct reading {
    struct ivx_commitment made;
    size_t room;
    uint32_t sequence, item; /* that the last reference is of */
};

static bool is_uid(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789.")] == '\0';
}

static bool read_uid(const struct ivx_scan_element *element, char (*out)[65],
                     struct ivx_err *err)
{
    if (!ivx_scan_text(element, *out, sizeof *out) || !is_uid(*out))
        return ivx_fail(err, IVX_DAMAGED, "(%04x,%04x) is no UID", element->tag >> 16,
                        element->tag & 0xffff);
    return true;
}

/* The reference that this element belongs to: the last one, or a new one. */
static struct ivx_reference *reference_of(struct reading *reading,
                                          const struct ivx_scan_element *element,
                                          struct ivx_err *err)
{
    struct ivx_commitment *made = &reading->made;
    if (made->count > 0 && reading->sequence == element->parent
        && reading->item == element->item)
        return &made->references[made->count - 1];
    if (made->count == IVX_COMMITMENT_MOST) {
        ivx_fail(err, IVX_FULL, "more than %d references", IVX_COMMITMENT_MOST);
        return NULL;
    }
    if (made->count == reading->room) {
        const size_t room = reading->room == 0 ? 256 : 2 * reading->room;
        struct ivx_reference *grown = realloc(made->references, room * sizeof *grown);
        if (grown == NULL) {
            ivx_fail(err, IVX_FULL, "no memory for %zu references", room);
            return NULL;
        }
        made->references = grown;
        reading->room = room;
    }
    reading->sequence = element->parent;
    reading->item = element->item;
    struct ivx_reference *added = &made->references[made->count++];
    *added = (struct ivx_reference){ 0 };
    return added;
}

static bool read_reference(struct reading *reading, const struct ivx_scan_element *element,
                           struct ivx_err *err)
{
    struct ivx_reference *reference = reference_of(reading, element, err);
    if (reference == NULL)
        return false;
    if (element->parent == FAILED && reference->reason == 0)
        reference->reason = IVX_FAILURE_PROCESSING; /* until it says which */
    if (element->tag == REFERENCED_CLASS)
        return read_uid(element, &reference->sop_class, err);
    if (element->tag == REFERENCED_UID)
        return read_uid(element, &reference->sop_uid, err);
    uint16_t reason = 0;
    if (element->tag == REASON && element->parent == FAILED
        && ivx_scan_u16(element, 0, &reason) && reason != 0)
        reference->reason = reason;
    return true;
}

static bool visit(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    struct reading *reading = context;
    if (element->depth == 0 && element->tag == TRANSACTION)
        return read_uid(element, &reading->made.transaction_uid, err);
    const bool listed = element->parent == REFERENCED || element->parent == FAILED;
    return element->depth != 1 || !listed || read_reference(reading, element, err);
}

static bool is_complete(const struct ivx_commitment *made, struct ivx_err *err)
{
    if (made->transaction_uid[0] == '\0')
        return ivx_fail(err, IVX_DAMAGED, "no Transaction UID");
    for (size_t n = 0; n < made->count; n++)
        if (made->references[n].sop_class[0] == '\0' || made->references[n].sop_uid[0] == '\0')
            return ivx_fail(err, IVX_DAMAGED, "reference %zu is without its UIDs", n + 1);
    return made->count > 0 || ivx_fail(err, IVX_DAMAGED, "no reference");
}

bool ivx_commitment_read(const uint8_t *bytes, size_t length, const char *syntax,
                         struct ivx_commitment *out, struct ivx_err *err)
{
    /* Item and two or three elements each, delimiters, what vendors add. */
    static const struct ivx_scan_limits limits = {
        .depth = 4,
        .elements = 16 * IVX_COMMITMENT_MOST,
        .header = 2 * IVX_COMMITMENT_BYTES,
    };
    struct reading reading = { 0 };
    const bool good = ivx_scan_bytes(bytes, length, syntax, &limits, visit, &reading, err);
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment made = reading.made;
    if (!good || !is_complete(&made, err))
        return false;
    *out = made;
    made = (struct ivx_commitment){ 0 };
    return true;
}

/* ---- writing ------------------------------------------------------------------------- */

struct writer {
    struct ivx_text bytes;
    bool explicit_vr;
};

static void put(struct writer *to, uint32_t value, int size)
{
    uint8_t bytes[4];
    for (int n = 0; n < size; n++)
        bytes[n] = (uint8_t)(value >> 8 * n);
    ivx_text_add_bytes(&to->bytes, bytes, (size_t)size);
}

/* PS3.5 7.1.2 and 7.1.3; SQ has two reserved bytes and a long length. */
static void put_head(struct writer *to, uint32_t tag, const char *vr, size_t length)
{
    const bool is_sequence = strcmp(vr, "SQ") == 0;
    put(to, tag >> 16, 2);
    put(to, tag & 0xffff, 2);
    if (to->explicit_vr) {
        ivx_text_add_bytes(&to->bytes, vr, 2);
        if (is_sequence)
            put(to, 0, 2);
    }
    put(to, (uint32_t)length, to->explicit_vr && !is_sequence ? 2 : 4);
}

static size_t padded(const char *uid)
{
    return strlen(uid) + strlen(uid) % 2;
}

static void put_uid(struct writer *to, uint32_t tag, const char *uid)
{
    put_head(to, tag, "UI", padded(uid));
    ivx_text_add_bytes(&to->bytes, uid, padded(uid)); /* the terminator is the padding */
}

static size_t item_length(const struct ivx_reference *reference)
{
    return 8 + padded(reference->sop_class) + 8 + padded(reference->sop_uid)
           + (reference->reason != 0 ? 10 : 0);
}

static void put_item(struct writer *to, const struct ivx_reference *reference)
{
    put(to, 0xfffe, 2);
    put(to, 0xe000, 2);
    put(to, (uint32_t)item_length(reference), 4);
    put_uid(to, REFERENCED_CLASS, reference->sop_class);
    put_uid(to, REFERENCED_UID, reference->sop_uid);
    if (reference->reason == 0)
        return;
    put_head(to, REASON, "US", 2);
    put(to, (uint32_t)reference->reason, 2);
}

/* Those with a reason, or those without. */
static void put_sequence(struct writer *to, uint32_t tag, bool failed,
                         const struct ivx_commitment *commitment)
{
    size_t length = 0;
    for (size_t n = 0; n < commitment->count; n++)
        if ((commitment->references[n].reason != 0) == failed)
            length += 8 + item_length(&commitment->references[n]);
    if (length == 0)
        return;
    put_head(to, tag, "SQ", length);
    for (size_t n = 0; n < commitment->count; n++)
        if ((commitment->references[n].reason != 0) == failed)
            put_item(to, &commitment->references[n]);
}

static void writer_end(struct writer *writer)
{
    ivx_text_free(&writer->bytes);
}

bool ivx_commitment_write(const struct ivx_commitment *commitment, const char *syntax,
                          uint8_t **bytes_out, size_t *length_out, struct ivx_err *err)
{
    IVX_AUTO(writer_end)
    struct writer to = { .explicit_vr = strcmp(syntax, explicit_little) == 0 };
    put_uid(&to, TRANSACTION, commitment->transaction_uid);
    put_sequence(&to, FAILED, true, commitment);
    put_sequence(&to, REFERENCED, false, commitment);
    if (to.bytes.failed)
        return ivx_fail(err, IVX_FULL, "no memory for %zu references", commitment->count);
    *length_out = to.bytes.used;
    *bytes_out = (uint8_t *)IVX_STEAL(to.bytes.data);
    return true;
}
