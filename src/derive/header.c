#include "header.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/scan.h"

/* What is longer is left to the parser. */
enum { MOST_ELEMENTS = 1024, MOST_BYTES = 1 << 20 };

struct element {
    uint32_t tag;
    char vr[3];
    size_t at, length; /* of the value, within bytes; what has no length ends at the next one */
};

struct ivx_header {
    char syntax[65];
    uint8_t *bytes;
    uint64_t start; /* of bytes, within the object */
    size_t count;
    bool odd, open; /* odd: not in order, or too many; open: the last one has no length */
    struct element element[MOST_ELEMENTS];
};

void ivx_header_free(struct ivx_header **header)
{
    if (*header == NULL)
        return;
    free((*header)->bytes);
    free(*header);
    *header = NULL;
}

static void close_last(struct ivx_header *header, size_t at)
{
    if (header->open)
        header->element[header->count - 1].length = at - header->element[header->count - 1].at;
    header->open = false;
}

static bool visit(void *context, const struct ivx_scan_element *from, struct ivx_err *err)
{
    struct ivx_header *header = context;
    const size_t at = (size_t)(from->offset - header->start);
    (void)err;
    if (from->depth > 0 || header->odd)
        return true;
    close_last(header, at);
    if (header->count == MOST_ELEMENTS
        || (header->count > 0 && from->tag <= header->element[header->count - 1].tag)) {
        header->odd = true;
        return true;
    }
    struct element *made = &header->element[header->count++];
    *made = (struct element){ .tag = from->tag, .at = at, .length = (size_t)from->length };
    memcpy(made->vr, from->vr, sizeof made->vr);
    header->open = from->undefined;
    return true;
}

static bool read_bytes(const struct ivx_blob *blob, struct ivx_header *header, size_t length,
                       struct ivx_err *err)
{
    IVX_AUTO(ivx_fd_close) int fd = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return ivx_fail_errno(err, "open", blob->path);
    header->bytes = malloc(length + 1);
    if (header->bytes == NULL)
        return ivx_fail(err, IVX_FULL, "derive: no memory for a header");
    return ivx_fd_pread(fd, header->bytes, length, blob->offset + header->start, blob->path, err);
}

bool ivx_header_read(const struct ivx_instance *slice, struct ivx_header **out,
                     struct ivx_err *err)
{
    *out = NULL;
    if (slice->frame_number > 0 || slice->deflated_at != 0
        || slice->pixel_offset < slice->data_set
        || slice->pixel_offset - slice->data_set > MOST_BYTES)
        return true;
    IVX_AUTO(ivx_header_free) struct ivx_header *made = malloc(sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "derive: no memory for a header");
    made->bytes = NULL;
    made->start = slice->data_set;
    made->count = 0;
    made->odd = made->open = false;

    const size_t length = (size_t)(slice->pixel_offset - slice->data_set);
    struct ivx_scan scan;
    enum ivx_reason reason;
    if (!ivx_scan(&slice->blob, NULL, visit, made, &scan, &reason, err))
        return false;
    /* The file is not what it was when it was assembled: the parser says what is wrong. */
    if (made->odd || scan.data_set != slice->data_set || scan.pixel_offset != slice->pixel_offset)
        return true;
    close_last(made, length);
    memcpy(made->syntax, scan.syntax, sizeof made->syntax);
    if (!read_bytes(&slice->blob, made, length, err))
        return false;
    *out = IVX_STEAL(made);
    return true;
}

static int by_tag(const void *key, const void *element)
{
    const uint32_t tag = *(const uint32_t *)key, other = ((const struct element *)element)->tag;
    return (tag > other) - (tag < other);
}

static const struct element *find(const struct ivx_header *header, uint32_t tag)
{
    return bsearch(&tag, header->element, header->count, sizeof header->element[0], by_tag);
}

bool ivx_header_same(const struct ivx_header *one, const struct ivx_header *other, uint32_t tag)
{
    const struct element *a = find(one, tag), *b = find(other, tag);
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(one->syntax, other->syntax) == 0 && strcmp(a->vr, b->vr) == 0
           && a->length == b->length
           && memcmp(one->bytes + a->at, other->bytes + b->at, a->length) == 0;
}

static bool is_text(const char *vr)
{
    static const char *const texts[] = { "", "DA", "TM", "DS", "IS" }; /* "": implicit */
    for (size_t n = 0; n < IVX_COUNT(texts); n++)
        if (strcmp(vr, texts[n]) == 0)
            return true;
    return false;
}

bool ivx_header_text(const struct ivx_header *header, uint32_t tag, char *out, size_t room)
{
    const struct element *element = find(header, tag);
    if (element != NULL && !is_text(element->vr))
        return false;
    size_t length = element == NULL ? 0 : element->length;
    length = length < room - 1 ? length : room - 1;
    if (length > 0)
        memcpy(out, header->bytes + element->at, length);
    out[length] = '\0';
    for (size_t n = strlen(out); n > 0 && out[n - 1] == ' '; n--)
        out[n - 1] = '\0';
    return true;
}
