#include "identifier.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

#include "scan_bytes.h"

enum {
    SOP_CLASS = 0x00080016,
    SOP_UID = 0x00080018,
    LEVEL = 0x00080052,
    STUDY_UID = 0x0020000D,
    SERIES_UID = 0x0020000E,
    RELATED = 0x00201209, /* Number of Series Related Instances */
};

/* ---- writing ------------------------------------------------------------------------- */

struct writer {
    struct ivx_text bytes;
    bool explicit_vr;
};

static void writer_end(struct writer *writer)
{
    ivx_text_free(&writer->bytes);
}

static void put(struct writer *to, uint32_t value, int size)
{
    uint8_t bytes[4];
    for (int n = 0; n < size; n++)
        bytes[n] = (uint8_t)(value >> 8 * n);
    ivx_text_add_bytes(&to->bytes, bytes, (size_t)size);
}

/* PS3.5 7.1.2 and 7.1.3; `vr` is one of those with a short length. */
static void put_text(struct writer *to, uint32_t tag, const char *vr, const char *text,
                     char padding)
{
    const size_t length = strlen(text);
    put(to, tag >> 16, 2);
    put(to, tag & 0xffff, 2);
    if (to->explicit_vr)
        ivx_text_add_bytes(&to->bytes, vr, 2);
    put(to, (uint32_t)(length + length % 2), to->explicit_vr ? 2 : 4);
    ivx_text_add_bytes(&to->bytes, text, length);
    if (length % 2 != 0)
        ivx_text_add_bytes(&to->bytes, &padding, 1);
}

bool ivx_identifier_write(const struct ivx_query_series *series, bool images,
                          const char *const *sop_uids, size_t count, const char *syntax,
                          uint8_t **bytes_out, size_t *length_out, struct ivx_err *err)
{
    IVX_AUTO(writer_end)
    struct writer to = { .explicit_vr = strcmp(syntax, "1.2.840.10008.1.2.1") == 0 };
    IVX_AUTO(ivx_text_free) struct ivx_text list = { 0 };
    for (size_t n = 0; n < count; n++)
        ivx_text_add(&list, "%s%s", n == 0 ? "" : "\\", sop_uids[n]);
    if (list.failed)
        return ivx_fail(err, IVX_FULL, "query: no memory");
    if (images && count == 0)
        put_text(&to, SOP_CLASS, "UI", "", '\0');
    if (images)
        put_text(&to, SOP_UID, "UI", count == 0 ? "" : list.data, '\0');
    put_text(&to, LEVEL, "CS", images ? "IMAGE" : "SERIES", ' ');
    put_text(&to, STUDY_UID, "UI", series->study_uid, '\0');
    put_text(&to, SERIES_UID, "UI", series->series_uid, '\0');
    if (!images)
        put_text(&to, RELATED, "IS", "", ' ');
    if (to.bytes.failed)
        return ivx_fail(err, IVX_FULL, "query: no memory");
    *length_out = to.bytes.used;
    *bytes_out = (uint8_t *)IVX_STEAL(to.bytes.data);
    return true;
}

/* ---- reading ------------------------------------------------------------------------- */

static bool visit(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    struct ivx_identifier *out = context;
    char text[33];
    long long number;
    (void)err;
    if (element->depth > 0)
        return true;
    if (element->tag == SERIES_UID)
        ivx_scan_text(element, out->series_uid, sizeof out->series_uid);
    if (element->tag == SOP_CLASS)
        ivx_scan_text(element, out->sop_class, sizeof out->sop_class);
    if (element->tag == SOP_UID)
        ivx_scan_text(element, out->sop_uid, sizeof out->sop_uid);
    if (element->tag == RELATED && ivx_scan_text(element, text, sizeof text)
        && ivx_text_to_int64(text, &number) && number >= 0)
        out->related = number;
    return true;
}

static bool is_uid(const char *text)
{
    return strspn(text, "0123456789.") == strlen(text);
}

bool ivx_identifier_read(const uint8_t *bytes, size_t length, const char *syntax,
                         struct ivx_identifier *out, struct ivx_err *err)
{
    static const struct ivx_scan_limits limits = { .depth = 8, .elements = 2000,
                                                   .header = 1 << 20 };
    struct ivx_identifier made = { .related = -1 };
    if (!ivx_scan_bytes(bytes, length, syntax, &limits, visit, &made, err))
        return false;
    if (!is_uid(made.series_uid) || !is_uid(made.sop_class) || !is_uid(made.sop_uid))
        return ivx_fail(err, IVX_DAMAGED, "query: an answer with a UID that is none");
    *out = made;
    return true;
}
