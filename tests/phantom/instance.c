/* One CT Image Storage instance: PS3.3 A.3, every Type 1 and 2 attribute of its modules. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dataset.h"
#include "phantom.h"

struct text {
    uint32_t tag;
    const char *value;
};

/* Neutral values, the same in every instance. */
static const struct text fixed[] = {
    { 0x00080005, "ISO_IR 192" },
    { 0x00080012, "20200102" }, /* Instance Creation Date, Time */
    { 0x00080013, "101500" },
    { 0x00080016, "1.2.840.10008.5.1.4.1.1.2" },
    { 0x00080020, "20200102" }, /* Study, Series, Acquisition, Content Date and Time */
    { 0x00080021, "20200102" },
    { 0x00080022, "20200102" },
    { 0x00080023, "20200102" },
    { 0x00080030, "100000" },
    { 0x00080031, "100500" },
    { 0x00080032, "100600" },
    { 0x00080033, "100700" },
    { 0x00080050, "" }, /* Accession Number */
    { 0x00080060, "CT" },
    { 0x00080070, "ISOVOX" },
    { 0x00080090, "" }, /* Referring Physician's Name */
    { 0x00081010, "PHANTOM" },
    { 0x00081030, "Phantom study" },
    { 0x00081090, "isovox-phantom" },
    { 0x00100020, "PHANTOM-1" },
    { 0x00100030, "" },
    { 0x00100040, "O" },
    { 0x00180015, "HEAD" },
    { 0x00180060, "120" }, /* KVP */
    { 0x00181020, "1" },   /* Software Versions */
    { 0x00181151, "100" }, /* X-Ray Tube Current */
    { 0x00181210, "STANDARD" },
    { 0x00185100, "HFS" },
    { 0x00200010, "1" },
    { 0x00201040, "" }, /* Position Reference Indicator */
    { 0x00280004, "MONOCHROME2" },
    { 0x00281050, "40" },
    { 0x00281051, "400" },
};

/* A decimal string of at most 16 bytes, as exact as they allow. */
static const char *decimals(const double *values, int count, char *out, size_t room)
{
    size_t used = 0;
    for (int n = 0; n < count; n++) {
        char one[40];
        for (int digits = 15; digits > 5; digits--)
            if (snprintf(one, sizeof one, "%.*g", digits, values[n]) <= 16)
                break;
        used += (size_t)snprintf(out + used, room - used, "%s%s", n ? "\\" : "", one);
    }
    return out;
}

static bool put_decimals(struct ivx_item *root, uint32_t tag, const double *values,
                         int count, struct ivx_err *err)
{
    char text[128];
    return ivx_item_put_text(root, tag, decimals(values, count, text, sizeof text), err);
}

static bool put_number(struct ivx_item *root, uint32_t tag, long value,
                       struct ivx_err *err)
{
    char text[32];
    snprintf(text, sizeof text, "%ld", value);
    return ivx_item_put_text(root, tag, text, err);
}

static bool put_identity(const struct phantom_instance *in, struct ivx_item *root,
                         struct ivx_err *err)
{
    const struct phantom_options *o = in->options;
    char study[65], frame[65];
    phantom_uid(o->study, "study", 0, study);
    phantom_uid(o->study, "frame", 0, frame);
    return ivx_item_put_text(root, 0x00080018, in->sop_uid, err)
           && ivx_item_put_text(root, 0x0020000d, study, err)
           && ivx_item_put_text(root, 0x0020000e, in->series_uid, err)
           && ivx_item_put_text(root, 0x00200052, frame, err)
           && ivx_item_put_text(root, 0x00100010, o->patient, err)
           && ivx_item_put_text(root, 0x0008103e, o->description, err)
           && put_number(root, 0x00200011, o->series, err)
           && put_number(root, 0x00200012, in->acquisition, err)
           && put_number(root, 0x00200013, in->number, err)
           && (!o->announce || put_number(root, 0x00201002, o->dims[2], err))
           && put_number(root, 0x00181152, 100 + in->number % 3, err) && /* Exposure */
           ivx_item_put_text(root, 0x00080008,
                             in->localizer ? "ORIGINAL\\PRIMARY\\LOCALIZER"
                                           : "ORIGINAL\\PRIMARY\\AXIAL",
                             err);
}

static bool put_plane(const struct phantom_instance *in, struct ivx_item *root,
                      struct ivx_err *err)
{
    const struct phantom_options *o = in->options;
    if (!o->no_position && !put_decimals(root, 0x00200032, in->position, 3, err))
        return false;
    if (o->tilt_deg != 0 && !o->drop_tilt_tag
        && !put_decimals(root, 0x00181120, &o->tilt_deg, 1, err))
        return false;
    return put_decimals(root, 0x00200037, in->orientation, 6, err)
           && put_decimals(root, 0x00280030, in->spacing, 2, err)
           && put_decimals(root, 0x00180050, &o->thickness, 1, err);
}

static bool put_pixel_module(const struct phantom_instance *in, struct ivx_item *root,
                             struct ivx_err *err)
{
    const struct phantom_options *o = in->options;
    if (o->padded
        && !(o->is_unsigned
                 ? ivx_item_put_u16(root, 0x00280120, (uint16_t)o->padding, err)
                 : ivx_item_put_s16(root, 0x00280120, (int16_t)o->padding, err)))
        return false;
    if (!o->no_rescale
        && !(put_decimals(root, 0x00281052, &o->intercept, 1, err)
             && put_decimals(root, 0x00281053, &o->slope, 1, err)
             && ivx_item_put_text(root, 0x00281054, "HU", err)))
        return false;
    return ivx_item_put_u16(root, 0x00280002, 1, err)
           && ivx_item_put_u16(root, 0x00280010, (uint16_t)in->rows, err)
           && ivx_item_put_u16(root, 0x00280011, (uint16_t)in->columns, err)
           && ivx_item_put_u16(root, 0x00280100, 16, err)
           && ivx_item_put_u16(root, 0x00280101, (uint16_t)o->bits, err)
           && ivx_item_put_u16(root, 0x00280102, (uint16_t)(o->bits - 1), err)
           && ivx_item_put_u16(root, 0x00280103, o->is_unsigned ? 0 : 1, err);
}

static bool fill(const struct phantom_instance *in, struct ivx_item *root,
                 struct ivx_err *err)
{
    for (size_t n = 0; n < IVX_COUNT(fixed); n++)
        if (!ivx_item_put_text(root, fixed[n].tag, fixed[n].value, err))
            return false;
    return put_identity(in, root, err) && put_plane(in, root, err)
           && put_pixel_module(in, root, err);
}

bool phantom_instance_write(const struct phantom_instance *in, const char *path,
                            struct ivx_err *err)
{
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = NULL;
    if (!ivx_dataset_new(&dataset, err) || !fill(in, ivx_dataset_root(dataset), err))
        return false;
    IVX_AUTO(ivx_fd_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd == -1)
        return ivx_fail_errno(err, "create", path);
    const size_t count = (size_t)in->columns * (size_t)in->rows;
    return in->options->implicit
               ? ivx_dataset_write_implicit(dataset, in->stored, count, fd, err)
               : ivx_dataset_write(dataset, in->stored, count, fd, err);
}
