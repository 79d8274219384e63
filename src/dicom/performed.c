#include "isovox/dicom/performed.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

#include "scan_bytes.h"

enum {
    STATUS = 0x00400252,
    SERIES = 0x00400340, /* Performed Series Sequence */
    IMAGES = 0x00081140, /* Referenced Image Sequence */
    REFERENCED_UID = 0x00081155,
    SERIES_UID = 0x0020000E,
};

/* Within an item, the images stand before the series that they are of. */
struct reading {
    struct ivx_performed made;
    size_t room;
    size_t first;     /* image of the series that is being read */
    uint32_t series;  /* which of them, from 1; 0: none yet */
    bool in_images;   /* the last element at depth 1 was Referenced Image Sequence */
    bool named;       /* the series has its UID */
};

void ivx_performed_clear(struct ivx_performed *performed)
{
    ivx_memory_free(&performed->image);
    *performed = (struct ivx_performed){ 0 };
}

static bool read_uid(const struct ivx_scan_element *element, char (*out)[65],
                     struct ivx_err *err)
{
    const bool whole = ivx_scan_text(element, *out, sizeof *out);
    if (!whole || (*out)[0] == '\0' || (*out)[strspn(*out, "0123456789.")] != '\0')
        return ivx_fail(err, IVX_DAMAGED, "(%04x,%04x) is no UID", element->tag >> 16,
                        element->tag & 0xffff);
    return true;
}

static struct ivx_performed_image *add(struct reading *reading, struct ivx_err *err)
{
    struct ivx_performed *made = &reading->made;
    if (made->count == IVX_PERFORMED_MOST) {
        ivx_fail(err, IVX_FULL, "more than %d images", IVX_PERFORMED_MOST);
        return NULL;
    }
    if (made->count == reading->room) {
        const size_t room = reading->room == 0 ? 256 : 2 * reading->room;
        struct ivx_performed_image *grown = realloc(made->image, room * sizeof *grown);
        if (grown == NULL) {
            ivx_fail(err, IVX_FULL, "no memory for %zu images", room);
            return NULL;
        }
        made->image = grown;
        reading->room = room;
    }
    struct ivx_performed_image *added = &made->image[made->count++];
    *added = (struct ivx_performed_image){ 0 };
    return added;
}

static bool read_status(struct reading *reading, const struct ivx_scan_element *element,
                        struct ivx_err *err)
{
    static const char *const names[] = { "", "IN PROGRESS", "COMPLETED", "DISCONTINUED" };
    char text[17];
    ivx_scan_text(element, text, sizeof text);
    for (size_t n = 1; n < IVX_COUNT(names); n++)
        if (strcmp(text, names[n]) == 0) {
            reading->made.status = (enum ivx_performed_status)n;
            return true;
        }
    return ivx_fail(err, IVX_DAMAGED, "Performed Procedure Step Status is none");
}

/* A series without images is one all the same. */
static bool end_series(struct reading *reading, struct ivx_err *err)
{
    if (reading->series == 0 || reading->named)
        return true;
    return ivx_fail(err, IVX_DAMAGED, "performed series %u is without its UID",
                    reading->series);
}

static bool name_series(struct reading *reading, const struct ivx_scan_element *element,
                        struct ivx_err *err)
{
    char uid[65];
    struct ivx_performed *made = &reading->made;
    if (!read_uid(element, &uid, err)
        || (made->count == reading->first && add(reading, err) == NULL))
        return false;
    for (size_t n = reading->first; n < made->count; n++)
        ivx_text_copy(made->image[n].series_uid, sizeof made->image[n].series_uid, uid);
    reading->named = true;
    return true;
}

static bool read_series(struct reading *reading, const struct ivx_scan_element *element,
                        struct ivx_err *err)
{
    if (reading->series != element->item + 1) {
        if (!end_series(reading, err))
            return false;
        reading->series = element->item + 1;
        reading->first = reading->made.count;
        reading->named = false;
    }
    reading->in_images = element->tag == IMAGES;
    return element->tag != SERIES_UID || name_series(reading, element, err);
}

static bool visit(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    struct reading *reading = context;
    if (element->depth == 0) {
        reading->made.lists = reading->made.lists || element->tag == SERIES;
        return element->tag != STATUS || read_status(reading, element, err);
    }
    if (element->depth == 1) {
        reading->in_images = false;
        return element->parent != SERIES || read_series(reading, element, err);
    }
    if (element->depth != 2 || !reading->in_images || element->tag != REFERENCED_UID)
        return true;
    struct ivx_performed_image *image = add(reading, err);
    return image != NULL && read_uid(element, &image->sop_uid, err);
}

bool ivx_performed_read(const uint8_t *bytes, size_t length, const char *syntax,
                        struct ivx_performed *out, struct ivx_err *err)
{
    static const struct ivx_scan_limits limits = {
        .depth = 12,
        .elements = 12 * IVX_PERFORMED_MOST,
        .header = 2 * IVX_PERFORMED_BYTES,
    };
    struct reading reading = { 0 };
    const bool good = ivx_scan_bytes(bytes, length, syntax, &limits, visit, &reading, err)
                      && end_series(&reading, err);
    IVX_AUTO(ivx_performed_clear) struct ivx_performed made = reading.made;
    if (!good)
        return false;
    *out = made;
    made = (struct ivx_performed){ 0 };
    return true;
}
