#include "isovox/assemble/instance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/dicom.h"
#include "isovox/dicom/scan.h"

#define MEDIA_DIRECTORY "1.2.840.10008.1.3.10"

/* Attributes that are kept as text, at the top level of the data set. */
static const struct text_field {
    uint32_t tag;
    size_t offset, room;
} text_fields[] = {
#define TEXT(tag, name) \
    { tag, offsetof(struct ivx_instance, name), sizeof((struct ivx_instance *)0)->name }
    TEXT(0x00080008, image_type),           TEXT(0x00080016, sop_class),
    TEXT(0x00080018, sop_uid),              TEXT(0x0008002A, acquisition_datetime),
    TEXT(0x00080032, acquisition_time),     TEXT(0x00080033, content_time),
    TEXT(0x00080060, modality),             TEXT(0x00080070, manufacturer),
    TEXT(0x00081010, station_name),         TEXT(0x00081030, study_description),
    TEXT(0x0008103E, series_description),   TEXT(0x00180015, body_part),
    TEXT(0x00181030, protocol),             TEXT(0x00181060, trigger_time),
    TEXT(0x00181210, convolution_kernel),   TEXT(0x00185100, patient_position),
    TEXT(0x0020000D, study_uid),            TEXT(0x0020000E, series_uid),
    TEXT(0x00200012, acquisition_number),   TEXT(0x00200052, frame_uid),
    TEXT(0x00200100, temporal),             TEXT(0x00209161, concatenation),
    TEXT(0x00280004, photometric),
    TEXT(0x00541000, series_type),          TEXT(0x00541001, units),
    TEXT(0x00541102, decay_correction),     TEXT(0x00541300, frame_time),
#undef TEXT
};

/* Unsigned shorts: the image pixel module, PS3.3 C.7.6.3, and numbers of images. */
static const struct short_field {
    uint32_t tag;
    size_t offset;
} short_fields[] = {
#define SHORT(tag, name) { tag, offsetof(struct ivx_instance, name) }
    SHORT(0x00280002, samples_per_pixel), SHORT(0x00280010, rows),
    SHORT(0x00280011, columns),           SHORT(0x00280100, bits_allocated),
    SHORT(0x00280101, bits_stored),       SHORT(0x00280102, high_bit),
    SHORT(0x00280103, pixel_representation), SHORT(0x00209162, in_concatenation),
    SHORT(0x00209163, concatenation_total), SHORT(0x00540061, rr_intervals),
    SHORT(0x00540071, time_slots),        SHORT(0x00540081, slices_in_volume),
    SHORT(0x00540101, time_slices),
#undef SHORT
};

/* Decimal strings: all `count` values or none. */
static const struct number_field {
    uint32_t tag;
    int count;
    size_t value, has;
} number_fields[] = {
#define NUMBERS(tag, count, name, flag) \
    { tag, count, offsetof(struct ivx_instance, name), offsetof(struct ivx_instance, flag) }
    NUMBERS(0x00180050, 1, thickness, has_thickness),
    NUMBERS(0x00181120, 1, tilt_deg, has_tilt),
    NUMBERS(0x00200032, 3, position, has_position),
    NUMBERS(0x00200037, 6, orientation, has_orientation),
    NUMBERS(0x00280030, 2, spacing, has_spacing),
    NUMBERS(0x00281052, 1, intercept, has_intercept),
    NUMBERS(0x00281053, 1, slope, has_slope),
#undef NUMBERS
};

struct reading {
    struct ivx_instance *made;
    uint16_t padding, padding_limit;
    char complex[17];    /* Complex Image Component (0008,9208) */
    bool has_ge_type;    /* (0043,102F) of GEMS_PARM_01 */
    uint16_t ge_type;
    char ge_creator[17]; /* (0043,0010) */
    bool never_lossy; /* Lossy Image Compression is there and says no */
};

static bool take_text(struct ivx_instance *made, const struct ivx_scan_element *element)
{
    for (size_t n = 0; n < IVX_COUNT(text_fields); n++)
        if (text_fields[n].tag == element->tag) {
            ivx_scan_text(element, (char *)made + text_fields[n].offset, text_fields[n].room);
            return true;
        }
    return false;
}

static bool take_short(struct ivx_instance *made, const struct ivx_scan_element *element)
{
    for (size_t n = 0; n < IVX_COUNT(short_fields); n++)
        if (short_fields[n].tag == element->tag) {
            uint16_t value;
            if (ivx_scan_u16(element, 0, &value)) {
                const int32_t wide = value;
                memcpy((char *)made + short_fields[n].offset, &wide, sizeof wide);
            }
            return true;
        }
    return false;
}

/* An empty value counts as absent. One that is there and is no number spoils the object's
 * geometry, unless nothing depends on it (thickness and the tilt attribute corroborate). */
static bool take_numbers(struct ivx_instance *made, const struct ivx_scan_element *element)
{
    for (size_t n = 0; n < IVX_COUNT(number_fields); n++) {
        const struct number_field *field = &number_fields[n];
        if (field->tag != element->tag)
            continue;
        double value[6];
        const int count = ivx_scan_decimals(element, value, field->count);
        if (count == field->count) {
            memcpy((char *)made + field->value, value, (size_t)count * sizeof *value);
            const bool yes = true;
            memcpy((char *)made + field->has, &yes, sizeof yes);
        } else if (count != 0 && element->tag >> 16 != 0x0018) {
            made->geometry_malformed = true;
        }
        return true;
    }
    return false;
}

static int64_t integer(const struct ivx_scan_element *element, int64_t otherwise)
{
    char text[33];
    long long value;
    return ivx_scan_text(element, text, sizeof text) && ivx_text_to_int64(text, &value)
               ? value
               : otherwise;
}

/* Binary numbers that only tell instances apart are kept as their bytes, in hexadecimal. */
static void take_bytes(char *out, size_t room, const struct ivx_scan_element *element)
{
    const size_t most = (room - 1) / 2;
    const size_t length = element->value == NULL ? 0 : (size_t)element->length;
    ivx_text_hex(element->value, length < most ? length : most, out);
}

/* Echo Numbers and Echo Time tell apart together. */
static void add_echo(struct ivx_instance *made, const struct ivx_scan_element *element)
{
    char text[17];
    ivx_scan_text(element, text, sizeof text);
    const size_t used = strlen(made->echo);
    snprintf(made->echo + used, sizeof made->echo - used, "%s/", text);
}

static void take_rest(struct reading *reading, const struct ivx_scan_element *element)
{
    struct ivx_instance *made = reading->made;
    char text[17];
    switch (element->tag) {
    case 0x00089208:
        ivx_scan_text(element, reading->complex, sizeof reading->complex);
        break;
    case 0x00430010:
        ivx_scan_text(element, reading->ge_creator, sizeof reading->ge_creator);
        break;
    case 0x0043102F:
        reading->has_ge_type = ivx_scan_u16(element, 0, &reading->ge_type);
        break;
    case 0x00180081:
    case 0x00180086:
        add_echo(made, element);
        break;
    case 0x00189087:
        take_bytes(made->b_value, sizeof made->b_value, element);
        break;
    case 0x00189089:
        take_bytes(made->gradient, sizeof made->gradient, element);
        break;
    case 0x00200013:
        made->instance_number = integer(element, INT64_MIN);
        break;
    case 0x00200105:
        made->temporal_positions = integer(element, 0);
        break;
    case 0x00201002:
        made->images_in_acquisition = integer(element, 0);
        break;
    case 0x00280008:
        made->frames = (int32_t)integer(element, 1);
        break;
    case 0x00280120:
        made->has_padding = ivx_scan_u16(element, 0, &reading->padding);
        break;
    case 0x00280121:
        made->has_padding_limit = ivx_scan_u16(element, 0, &reading->padding_limit);
        break;
    case 0x00282110:
        ivx_scan_text(element, text, sizeof text);
        made->lossy = strcmp(text, "01") == 0;
        reading->never_lossy = strcmp(text, "00") == 0;
        break;
    case 0x00283000:
        made->has_modality_lut = true;
        break;
    case 0x7FE00010:
        made->pixel_bytes = strcmp(element->vr, "OB") == 0;
        break;
    default:
        break;
    }
}

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

static bool visit(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    (void)err;
    struct reading *reading = context;
    if (is_our_mark(element))
        reading->made->own_result = true;
    if (element->depth > 0)
        return true;
    if (!take_text(reading->made, element) && !take_short(reading->made, element)
        && !take_numbers(reading->made, element))
        take_rest(reading, element);
    return true;
}

/* R11: the tag is US or SS, whatever the writer put there; Pixel Representation decides. */
static int32_t as_stored(const struct ivx_instance *made, uint16_t raw)
{
    return made->pixel_representation == 1 ? (int32_t)(int16_t)raw : (int32_t)raw;
}

/* JPEG 2000 (91) and HTJ2K (203) may be lossless too: then the header must say so. */
static bool lossy_syntax(const struct reading *reading)
{
    static const struct {
        const char *syntax;
        bool always;
    } lossy[] = {
        { "1.2.840.10008.1.2.4.50", true },  { "1.2.840.10008.1.2.4.51", true },
        { "1.2.840.10008.1.2.4.53", true },  { "1.2.840.10008.1.2.4.55", true },
        { "1.2.840.10008.1.2.4.81", true },  { "1.2.840.10008.1.2.4.91", false },
        { "1.2.840.10008.1.2.4.203", false },
    };
    for (size_t n = 0; n < IVX_COUNT(lossy); n++)
        if (strcmp(reading->made->syntax, lossy[n].syntax) == 0)
            return lossy[n].always || !reading->never_lossy;
    return false;
}

/* Image Type, from value 3 on: "M", "M_FFE", "PHASE MAP", "REAL", ...; one of them says it. */
static char component_of_type(const char *image_type)
{
    static const struct {
        const char *name;
        char component;
    } names[] = {
        { "M", 'M' }, { "MAGNITUDE", 'M' }, { "P", 'P' },         { "PHASE", 'P' },
        { "R", 'R' }, { "REAL", 'R' },      { "PHASE MAP", 'P' }, { "I", 'I' },
        { "IMAGINARY", 'I' },
    };
    int value = 0;
    for (const char *at = image_type; at != NULL; at = strchr(at, '\\')) {
        at += *at == '\\';
        const size_t length = strcspn(at, "\\");
        if (value++ < 2)
            continue;
        if (length > 2 && at[1] == '_' && memchr("MPRI", at[0], 4) != NULL)
            return at[0];
        for (size_t n = 0; n < IVX_COUNT(names); n++)
            if (strlen(names[n].name) == length && memcmp(names[n].name, at, length) == 0)
                return names[n].component;
    }
    return '\0';
}

/* R1: what part of the complex signal an MR shows. GE says it in a private element. */
static char find_component(const struct reading *reading)
{
    const char said = component_of_type(reading->made->image_type);
    if (said != '\0')
        return said;
    if (reading->complex[0] != '\0' && strchr("MPRI", reading->complex[0]) != NULL
        && strcmp(reading->complex, "MIXED") != 0)
        return reading->complex[0];
    const bool ge = reading->has_ge_type && reading->ge_type < 4
                    && strcmp(reading->ge_creator, "GEMS_PARM_01") == 0;
    return ge ? "MPRI"[reading->ge_type] : '\0';
}

static void finish_mr(struct reading *reading)
{
    struct ivx_instance *made = reading->made;
    if (ivx_instance_kind(made) != IVX_KIND_MR)
        return;
    made->component = find_component(reading);
    if (!made->has_slope)
        made->slope = 1;
    if (!made->has_intercept)
        made->intercept = 0;
}

static void finish(struct reading *reading, const struct ivx_scan *scan)
{
    struct ivx_instance *made = reading->made;
    memcpy(made->syntax, scan->syntax, sizeof made->syntax);
    made->has_pixels = scan->pixel_tag != 0;
    made->float_pixels = made->has_pixels && scan->pixel_tag != 0x7FE00010;
    made->pixel_offset = scan->pixel_offset;
    made->pixel_length = scan->pixel_length;
    made->pixels_truncated = scan->pixel_truncated;
    made->encapsulated = scan->encapsulated;
    made->deflated_at = scan->deflated_at;
    made->big_endian = scan->big_endian;
    made->lossy = made->lossy || lossy_syntax(reading);
    made->padding = as_stored(made, reading->padding);
    made->padding_limit = as_stored(made, reading->padding_limit);
    finish_mr(reading);
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

    struct reading reading = { .made = made };
    struct ivx_scan scan;
    if (!ivx_scan(&made->blob, NULL, visit, &reading, &scan, reason_out, err))
        return false;
    finish(&reading, &scan);
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

    *out = IVX_STEAL(made);
    return true;
}

void ivx_instance_free(struct ivx_instance **instance)
{
    if (*instance == NULL)
        return;
    free((*instance)->path);
    free(*instance);
    *instance = NULL;
}
