/* R0: attributes as they are kept, of a data set or of one frame's functional groups. */
#include "record.h"

#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

/* Attributes that are kept as text, at the top level of the data set. */
static const struct text_field {
    uint32_t tag;
    bool framed; /* may stand in a functional group */
    size_t offset, room;
} text_fields[] = {
#define TEXT(tag, framed, name) \
    { tag, framed, offsetof(struct ivx_instance, name), \
      sizeof((struct ivx_instance *)0)->name }
    TEXT(0x00080008, true, image_type),
    TEXT(0x00080016, false, sop_class),
    TEXT(0x00080018, false, sop_uid),
    TEXT(0x0008002A, true, acquisition_datetime),
    TEXT(0x00080032, true, acquisition_time),
    TEXT(0x00080033, true, content_time),
    TEXT(0x00080060, false, modality),
    TEXT(0x00080070, false, manufacturer),
    TEXT(0x00081010, false, station_name),
    TEXT(0x00081030, false, study_description),
    TEXT(0x0008103E, false, series_description),
    TEXT(0x00089007, true, image_type), /* Frame Type */
    TEXT(0x00180015, true, body_part),
    TEXT(0x00181030, false, protocol),
    TEXT(0x00181060, true, trigger_time),
    TEXT(0x00181210, true, convolution_kernel),
    TEXT(0x00185100, false, patient_position),
    TEXT(0x00189074, true, acquisition_datetime), /* Frame Acquisition, Reference DateTime */
    TEXT(0x00189151, true, frame_time),
    TEXT(0x0020000D, false, study_uid),
    TEXT(0x0020000E, false, series_uid),
    TEXT(0x00200012, true, acquisition_number),
    TEXT(0x00200052, false, frame_uid),
    TEXT(0x00200100, true, temporal),
    TEXT(0x00209056, true, stack_id),
    TEXT(0x00209161, false, concatenation),
    TEXT(0x00280004, false, photometric),
    TEXT(0x00541000, true, series_type),
    TEXT(0x00541001, true, units),
    TEXT(0x00541102, true, decay_correction),
    TEXT(0x00541300, true, frame_time),
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

static bool take_text(struct ivx_instance *made, const struct ivx_scan_element *element,
                      bool framed)
{
    for (size_t n = 0; n < IVX_COUNT(text_fields); n++)
        if (text_fields[n].tag == element->tag && (text_fields[n].framed || !framed)) {
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

/* Several attributes that tell apart together, such as Echo Numbers and Echo Time. */
static void add_text(char *out, size_t room, const struct ivx_scan_element *element)
{
    char text[65];
    ivx_scan_text(element, text, sizeof text);
    const size_t used = strlen(out);
    snprintf(out + used, room - used, "%s/", text);
}

/* Of whatever representation; without their creators: nothing is read from these values but
 * whether they are equal. */
static void add_bytes(char *out, size_t room, const struct ivx_scan_element *element)
{
    const size_t used = strlen(out);
    if (room - used > 1)
        take_bytes(out + used, room - used, element);
}

static bool take_contrast(struct ivx_instance *made, const struct ivx_scan_element *element)
{
    switch (element->tag) {
    case 0x00180024: /* Sequence Name */
    case 0x00180080: /* Repetition, Inversion Time */
    case 0x00180082:
    case 0x00181314: /* Flip Angle */
    case 0x00280051: /* Corrected Image */
        add_text(made->contrast, sizeof made->contrast, element);
        return true;
    case 0x0019100C: /* Siemens: b-value, gradient direction */
    case 0x0019100E:
    case 0x001910BB: /* GE: gradient direction; b-value */
    case 0x001910BC:
    case 0x001910BD:
    case 0x00431039:
    case 0x20011003: /* Philips: b-value, direction, its components */
    case 0x20011004:
    case 0x200510B0:
    case 0x200510B1:
    case 0x200510B2:
        add_bytes(made->vendor_diffusion, sizeof made->vendor_diffusion, element);
        return true;
    default: return false;
    }
}

/* Numbers of a vendor or of MR, and what tells images apart. */
static bool take_signal(struct ivx_record *record, const struct ivx_scan_element *element)
{
    struct ivx_instance *made = record->made;
    switch (element->tag) {
    case 0x00089208:
        ivx_scan_text(element, record->complex, sizeof record->complex);
        return true;
    case 0x00430010:
        ivx_scan_text(element, record->ge_creator, sizeof record->ge_creator);
        return true;
    case 0x0043102F:
        record->has_ge_type = ivx_scan_u16(element, 0, &record->ge_type);
        return true;
    case 0x00180081:
    case 0x00180086: add_text(made->echo, sizeof made->echo, element); return true;
    case 0x00189087: take_bytes(made->b_value, sizeof made->b_value, element); return true;
    case 0x00189089: take_bytes(made->gradient, sizeof made->gradient, element); return true;
    case 0x00200013: made->instance_number = integer(element, INT64_MIN); return true;
    default: return false;
    }
}

static bool take_padding(struct ivx_record *record, const struct ivx_scan_element *element)
{
    struct ivx_instance *made = record->made;
    if (element->tag == 0x00280120)
        made->has_padding = ivx_scan_u16(element, 0, &record->padding);
    if (element->tag == 0x00280121)
        made->has_padding_limit = ivx_scan_u16(element, 0, &record->padding_limit);
    return element->tag == 0x00280120 || element->tag == 0x00280121;
}

static void take_rest(struct ivx_record *record, const struct ivx_scan_element *element)
{
    struct ivx_instance *made = record->made;
    char text[17];
    switch (element->tag) {
    case 0x00200105: made->temporal_positions = integer(element, 0); break;
    case 0x00201002: made->images_in_acquisition = integer(element, 0); break;
    case 0x00280008:
        made->frames = (int32_t)integer(element, 1);
        break;
    case 0x00282110:
        ivx_scan_text(element, text, sizeof text);
        made->lossy = strcmp(text, "01") == 0;
        record->never_lossy = strcmp(text, "00") == 0;
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

void ivx_record_take(struct ivx_record *record, const struct ivx_scan_element *element)
{
    if (!take_text(record->made, element, false) && !take_short(record->made, element)
        && !take_numbers(record->made, element) && !take_signal(record, element)
        && !take_padding(record, element) && !take_contrast(record->made, element))
        take_rest(record, element);
}

void ivx_record_take_lut(struct ivx_record *record, const struct ivx_scan_element *element)
{
    struct ivx_lut *lut = &record->made->lut;
    uint16_t entries, bits;
    if (element->depth != 1)
        return;
    if (element->tag == 0xFFFEE000)
        lut->items++;
    if (element->tag == 0x00283006) {
        lut->offset = element->offset;
        lut->length = element->length;
    }
    if (element->tag == 0x00283002 && ivx_scan_u16(element, 0, &entries)
        && ivx_scan_u16(element, 1, &record->lut_first) && ivx_scan_u16(element, 2, &bits)) {
        lut->entries = entries == 0 ? 65536 : entries; /* C.11.1.1.1 */
        lut->bits = bits;
    }
}

static uint32_t number32(const struct ivx_scan_element *element, int n)
{
    uint16_t first, second;
    if (!ivx_scan_u16(element, 2 * n, &first) || !ivx_scan_u16(element, 2 * n + 1, &second))
        return 0;
    return element->big_endian ? (uint32_t)first << 16 | second : (uint32_t)second << 16 | first;
}

static void take_dimensions(struct ivx_instance *made, const struct ivx_scan_element *element)
{
    memset(made->dimension, 0, sizeof made->dimension);
    for (int n = 0; n < (int)IVX_COUNT(made->dimension); n++)
        made->dimension[n] = number32(element, n);
}

/* What the enhanced classes write as binary numbers. */
static void take_enhanced(struct ivx_instance *made, const struct ivx_scan_element *element)
{
    uint16_t number;
    switch (element->tag) {
    case 0x00189082: /* Effective Echo Time */
        take_bytes(made->echo, sizeof made->echo, element);
        break;
    case 0x00209128: /* Temporal Position Index */
        snprintf(made->temporal, sizeof made->temporal, "%010u", (unsigned)number32(element, 0));
        break;
    case 0x0020930D: /* Temporal Position Time Offset */
        take_bytes(made->temporal, sizeof made->temporal, element);
        break;
    case 0x00209153: /* Nominal Cardiac Trigger Delay Time */
        take_bytes(made->trigger_time, sizeof made->trigger_time, element);
        break;
    case 0x00209156: /* Frame Acquisition Number */
        if (ivx_scan_u16(element, 0, &number))
            snprintf(made->acquisition_number, sizeof made->acquisition_number, "%u", number);
        break;
    case 0x00209157: take_dimensions(made, element); break;
    default: break;
    }
}

void ivx_record_take_group(struct ivx_record *record, const struct ivx_scan_element *element)
{
    if (!take_text(record->made, element, true) && !take_numbers(record->made, element)
        && !take_signal(record, element) && !take_padding(record, element))
        take_enhanced(record->made, element);
}

/* R11: the tag is US or SS, whatever the writer put there; Pixel Representation decides. */
static int32_t as_stored(const struct ivx_instance *made, uint16_t raw)
{
    return made->pixel_representation == 1 ? (int32_t)(int16_t)raw : (int32_t)raw;
}

/* JPEG 2000 (91) and HTJ2K (203) may be lossless too: then the header must say so. */
static bool lossy_syntax(const struct ivx_record *record)
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
        if (strcmp(record->made->syntax, lossy[n].syntax) == 0)
            return lossy[n].always || !record->never_lossy;
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
static char find_component(const struct ivx_record *record)
{
    const char said = component_of_type(record->made->image_type);
    if (said != '\0')
        return said;
    if (record->complex[0] != '\0' && strchr("MPRI", record->complex[0]) != NULL
        && strcmp(record->complex, "MIXED") != 0)
        return record->complex[0];
    const bool ge = record->has_ge_type && record->ge_type < 4
                    && strcmp(record->ge_creator, "GEMS_PARM_01") == 0;
    return ge ? "MPRI"[record->ge_type] : '\0';
}

static void finish_mr(struct ivx_record *record)
{
    struct ivx_instance *made = record->made;
    if (ivx_instance_kind(made) != IVX_KIND_MR)
        return;
    made->component = find_component(record);
    if (!made->has_slope)
        made->slope = 1;
    if (!made->has_intercept)
        made->intercept = 0;
}

void ivx_record_finish(struct ivx_record *record)
{
    struct ivx_instance *made = record->made;
    made->padding = as_stored(made, record->padding);
    made->padding_limit = as_stored(made, record->padding_limit);
    made->lut.first = as_stored(made, record->lut_first);
    finish_mr(record);
}

void ivx_record_set_pixels(struct ivx_record *record, const struct ivx_scan *scan)
{
    struct ivx_instance *made = record->made;
    memcpy(made->syntax, scan->syntax, sizeof made->syntax);
    made->has_pixels = scan->pixel_tag != 0;
    made->float_pixels = made->has_pixels && scan->pixel_tag != 0x7FE00010;
    made->pixel_offset = scan->pixel_offset;
    made->pixel_length = scan->pixel_length;
    made->pixels_truncated = scan->pixel_truncated;
    made->encapsulated = scan->encapsulated;
    made->deflated_at = scan->deflated_at;
    made->big_endian = scan->big_endian;
    made->data_set = scan->data_set;
    made->lossy = made->lossy || lossy_syntax(record);
}
