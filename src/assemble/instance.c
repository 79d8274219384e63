#include "isovox/assemble/instance.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "record.h"

#define MEDIA_DIRECTORY "1.2.840.10008.1.3.10"

/* What derive writes into each result. A PACS that sends us everything sends these back:
 * without this, a result of a result of a result. Archives strip private elements, so either
 * sign is enough. */
static bool is_our_mark(const struct ivx_scan_element *element)
{
    char text[17];
    const bool creator = element->depth == 0 && element->tag >= 0x00990010
                         && element->tag <= 0x009900FF;
    const bool model = element->parent == 0x0018A001 && element->tag == 0x00081090;
    if (!creator && !model)
        return false;
    ivx_scan_text(element, text, sizeof text);
    return strcmp(text, creator ? "ISOVOX 1.0" : "isovox") == 0;
}

struct reading {
    struct ivx_record record;
    struct ivx_groups groups;
};

static void reading_clear(struct reading *reading)
{
    ivx_memory_free(&reading->groups.made);
}

static bool visit(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    struct reading *reading = context;
    if (is_our_mark(element))
        reading->record.made->own_result = true;
    if (element->depth == 0)
        ivx_record_take(&reading->record, element);
    if (element->parent == 0x00283000)
        ivx_record_take_lut(&reading->record, element);
    return ivx_groups_take(&reading->groups, element, err);
}

/* PS3.5 9.1 allows digits and dots; letters are seen in the wild and do no harm. What is not
 * printable would end in logs, terminals and file names. */
static bool printable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool uids_printable(const struct ivx_instance *made)
{
    return printable(made->sop_class) && printable(made->sop_uid)
           && printable(made->series_uid) && printable(made->study_uid)
           && printable(made->frame_uid) && printable(made->syntax);
}

/* Coded values that end in messages. */
static void clean(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            *text = '?';
}

/* A frame has the texts of its object as they are now, and an Image Type of its own. */
static void clean_frames(struct ivx_instance *made)
{
    for (int32_t n = 0; n < made->frame_count; n++) {
        struct ivx_instance *frame = &made->frame[n];
        memcpy(frame->modality, made->modality, sizeof frame->modality);
        memcpy(frame->photometric, made->photometric, sizeof frame->photometric);
        clean(frame->image_type);
    }
}

static bool unsuitable(enum ivx_reason *reason_out, struct ivx_err *err, const char *what)
{
    *reason_out = IVX_REASON_DAMAGED;
    return ivx_fail(err, IVX_DAMAGED, "instance: %s", what);
}

/* PS3.5 9.1: digits and dots. What else stands there would reach terminals, JSON and our own
 * objects. */
static bool is_uid(const char *text)
{
    return strspn(text, "0123456789.") == strlen(text);
}

static bool read_header(struct ivx_instance *made, struct ivx_scan *scan,
                        enum ivx_reason *reason_out, struct ivx_err *err)
{
    struct ivx_scan_limits limits = ivx_scan_default;
    limits.items = true;
    IVX_AUTO(reading_clear) struct reading reading = { .record.made = made };
    reading.groups.object = &reading.record;
    if (!ivx_scan(&made->blob, &limits, visit, &reading, scan, reason_out, err))
        return false;
    ivx_record_finish(&reading.record);
    ivx_record_set_pixels(&reading.record, scan);
    return ivx_groups_finish(&reading.groups, scan, err);
}

bool ivx_instance_read(const struct ivx_blob *blob, struct ivx_instance **out,
                       enum ivx_reason *reason_out, struct ivx_err *err)
{
    *reason_out = IVX_REASON_NONE;
    IVX_AUTO(ivx_instance_free) struct ivx_instance *made = calloc(1, sizeof *made);
    if (made == NULL || (made->path = strdup(blob->path)) == NULL)
        return ivx_fail(err, IVX_FULL, "instance: no memory");
    made->blob = *blob;
    made->blob.path = made->path;
    made->instance_number = INT64_MIN;
    made->frames = 1;

    struct ivx_scan scan;
    if (!read_header(made, &scan, reason_out, err))
        return false;
    if (strcmp(scan.media_class, MEDIA_DIRECTORY) == 0) {
        *reason_out = IVX_REASON_UNSUPPORTED_MODALITY;
        return ivx_fail(err, IVX_REFUSED, "instance: a DICOMDIR is no image");
    }
    if (made->sop_uid[0] == '\0' || made->sop_class[0] == '\0')
        return unsuitable(reason_out, err, "no SOP Class or Instance UID");
    if (made->series_uid[0] == '\0' || made->study_uid[0] == '\0')
        return unsuitable(reason_out, err, "no Series or Study Instance UID");
    if (!is_uid(made->sop_uid) || !is_uid(made->sop_class) || !is_uid(made->series_uid)
        || !is_uid(made->study_uid) || !is_uid(made->frame_uid))
        return unsuitable(reason_out, err, "a UID is none");

    if (!uids_printable(made))
        return unsuitable(reason_out, err, "a UID has characters that no UID has");
    clean(made->modality);
    clean(made->photometric);
    clean(made->image_type);
    clean_frames(made);

    *out = IVX_STEAL(made);
    return true;
}

const struct ivx_instance *ivx_instance_object(const struct ivx_instance *slice)
{
    return slice->object != NULL ? slice->object : slice;
}

void ivx_instance_free(struct ivx_instance **instance)
{
    if (*instance == NULL)
        return;
    free((*instance)->path);
    free((*instance)->frame);
    free(*instance);
    *instance = NULL;
}
