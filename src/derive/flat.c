/* One frame of a multi-frame source as a single-frame image would say it: attributes of
 * its functional groups at the top level, and what the enhanced classes call otherwise
 * under its classic name. PS3.3 C.7.6.16, C.8.13, C.8.15, C.8.22. What is Type 1 in the
 * classic class and not said by the source is refused, never made up: flat_pet.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

enum { SHARED = 0x52009229, PER_FRAME = 0x52009230 };

/* Functional groups whose attributes mean the same at the top level of a classic image.
 */
static const uint32_t lifted[] = {
    0x00189006,             /* MR Imaging Modifier */
    0x00189112,             /* MR Timing and Related Parameters */
    0x00189114,             /* MR Echo */
    0x00189115,             /* MR Modifier */
    0x00189119,             /* MR Averages */
    0x00189125,             /* MR FOV/Geometry */
    0x00189301,             /* CT Acquisition Type */
    0x00189304,             /* CT Acquisition Details */
    0x00189308,             /* CT Table Dynamics */
    0x00189314,             /* CT Reconstruction */
    0x00189321,             /* CT Exposure */
    0x00189325,             /* CT X-Ray Details */
    0x00189736,             /* PET Frame Correction Factors */
    0x00189749,             /* PET Reconstruction */
    0x00189751,             /* PET Frame Type */
    0x00209111,             /* Frame Content */
    0x00209170,             /* Unassigned Shared, Per-Frame Converted Attributes */
    0x00209171, 0x00289132, /* Frame VOI LUT */
    0x00289145,             /* Pixel Value Transformation */
    0x00409096,             /* Real World Value Mapping: its units; dropped afterwards */
};

static bool lift(struct ivx_item *root, uint32_t groups, struct ivx_err *err)
{
    struct ivx_item *item = ivx_item_at(root, groups, 0);
    for (size_t n = 0; item != NULL && n < IVX_COUNT(lifted); n++) {
        struct ivx_item *macro = ivx_item_at(item, lifted[n], 0);
        if (macro != NULL && !ivx_item_lift(root, macro, err))
            return false;
    }
    return true;
}

/* A number in FD under the classic name, as DS or, whole, as IS. */
static const struct renamed {
    uint32_t from, to;
    bool whole;
} renamed[] = {
    { 0x00189082, 0x00180081, false }, /* Effective Echo Time */
    { 0x00189328, 0x00181150, true },  /* Exposure Time in ms */
    { 0x00189330, 0x00181151, true },  /* X-Ray Tube Current in mA */
    { 0x00189332, 0x00181152, true },  /* Exposure in mAs */
    { 0x00189220, 0x00181242, true },  /* Frame Acquisition Duration, ms */
};

bool ivx_flat_number(struct ivx_item *root, uint32_t from, uint32_t to, bool whole,
                     struct ivx_err *err)
{
    double value;
    char text[24];
    if (ivx_item_has(root, to) || !ivx_item_f64(root, from, &value) || !isfinite(value)
        || fabs(value) > 1e9)
        return true;
    snprintf(text, sizeof text, "%.0f", value);
    return whole ? ivx_item_put_text(root, to, text, err)
                 : ivx_ds_put(root, to, &value, 1, err);
}

/* Frame Acquisition DateTime into Acquisition Date and Time. */
static bool put_acquisition(struct ivx_item *root, struct ivx_err *err)
{
    const char *text = NULL;
    uint16_t number;
    char part[16];
    if (ivx_item_u16(root, 0x00209156, &number)) {
        snprintf(part, sizeof part, "%u", number);
        if (!ivx_item_put_text(root, 0x00200012, part, err))
            return false;
    }
    if (!ivx_item_text(root, 0x00189074, &text)
        && !ivx_item_text(root, 0x0008002A, &text))
        return true;
    const size_t length = strspn(text, "0123456789.");
    if (length < 14)
        return true;
    char when[32];
    snprintf(when, sizeof when, "%.*s", (int)(length < 21 ? length : 21), text);
    snprintf(part, sizeof part, "%.8s", when);
    return ivx_item_put_text(root, 0x00080022, part, err)
           && ivx_item_put_text(root, 0x00080032, when + 8, err);
}

static bool says(struct ivx_item *root, uint32_t tag, const char *wanted)
{
    const char *text = NULL;
    const size_t length = strlen(wanted);
    return ivx_item_text(root, tag, &text) && strncmp(text, wanted, length) == 0
           && (text[length] == '\0' || text[length] == ' ');
}

static void add(char *list, size_t room, const char *value)
{
    const size_t used = strlen(list);
    snprintf(list + used, room - used, "%s%s", used > 0 ? "\\" : "", value);
}

/* C.8.3.1 of what C.8.13.4 says. RM: research mode, for what no other term describes. */
static bool put_mr(struct ivx_item *root, struct ivx_err *err)
{
    char sequence[33] = "", variant[33] = "";
    if (says(root, 0x00189008, "SPIN") || says(root, 0x00189008, "BOTH"))
        add(sequence, sizeof sequence, "SE");
    if (says(root, 0x00189008, "GRADIENT") || says(root, 0x00189008, "BOTH"))
        add(sequence, sizeof sequence, "GR");
    if (says(root, 0x00189018, "YES"))
        add(sequence, sizeof sequence, "EP");
    if (says(root, 0x00189009, "YES"))
        add(sequence, sizeof sequence, "IR");
    if (says(root, 0x00189016, "RF") || says(root, 0x00189016, "GRADIENT")
        || says(root, 0x00189016, "RF_AND_GRADIENT"))
        add(variant, sizeof variant, "SP");
    if (ivx_item_has(root, 0x00189017) && !says(root, 0x00189017, "NONE"))
        add(variant, sizeof variant, "SS");
    if (ivx_item_has(root, 0x00189020) && !says(root, 0x00189020, "NONE"))
        add(variant, sizeof variant, "MTC");
    if (says(root, 0x00189009, "YES")
        && !ivx_flat_number(root, 0x00189079, 0x00180082, false, err))
        return false;
    if (!ivx_item_has(root, 0x00180020)
        && !ivx_item_put_text(root, 0x00180020, sequence[0] ? sequence : "RM", err))
        return false;
    return ivx_item_has(root, 0x00180021)
           || ivx_item_put_text(root, 0x00180021, variant[0] ? variant : "NONE", err);
}

static bool put_mr_type_2(struct ivx_item *root, struct ivx_err *err)
{
    static const uint32_t type_2[] = { 0x00180022, 0x00180023, 0x00180080, 0x00180081,
                                       0x00180091 };
    const char *sequence = "";
    for (size_t n = 0; n < IVX_COUNT(type_2); n++)
        if (!ivx_item_has(root, type_2[n])
            && !ivx_item_put_text(root, type_2[n], "", err))
            return false;
    /* Inversion Time is for inversion recovery alone. */
    ivx_item_text(root, 0x00180020, &sequence);
    if (strstr(sequence, "IR") == NULL)
        ivx_item_remove(root, 0x00180082);
    return !says(root, 0x00181312, "COLUMN")
           || ivx_item_put_text(root, 0x00181312, "COL", err);
}

/* General Image and, of CT, what is Type 2. */
static bool put_type_2(struct ivx_item *root, enum ivx_kind kind, struct ivx_err *err)
{
    static const uint32_t all[] = { 0x00200012, 0x00201040 };
    for (size_t n = 0; n < IVX_COUNT(all); n++)
        if (!ivx_item_has(root, all[n]) && !ivx_item_put_text(root, all[n], "", err))
            return false;
    return kind != IVX_KIND_CT || ivx_item_has(root, 0x00180060)
           || ivx_item_put_text(root, 0x00180060, "", err);
}

static bool flatten(const struct ivx_instance *slice, struct ivx_item *root,
                    struct ivx_err *err)
{
    const enum ivx_kind kind = ivx_instance_kind(slice);
    if (!lift(root, SHARED, err) || !lift(root, PER_FRAME, err))
        return false;
    for (size_t n = 0; n < IVX_COUNT(renamed); n++)
        if (!ivx_flat_number(root, renamed[n].from, renamed[n].to, renamed[n].whole, err))
            return false;
    if (!put_acquisition(root, err) || !put_type_2(root, kind, err))
        return false;
    if (kind == IVX_KIND_MR)
        return put_mr(root, err) && put_mr_type_2(root, err);
    return kind != IVX_KIND_PET || ivx_flat_pet(root, err);
}

bool ivx_flat_load(const struct ivx_instance *slice, struct ivx_dataset **out,
                   struct ivx_err *err)
{
    if (slice->frame_number == 0)
        return ivx_dataset_load_header(&slice->blob, out, err);
    const struct ivx_frame_place place = {
        .syntax = slice->syntax,
        .data_set = slice->data_set,
        .deflated_at = slice->deflated_at,
        .groups_offset = slice->groups_offset,
        .group_offset = slice->group_offset,
        .group_length = slice->group_length,
    };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *made = NULL;
    if (!ivx_dataset_load_frame(&slice->blob, &place, &made, err)
        || !flatten(slice, ivx_dataset_root(made), err))
        return false;
    *out = IVX_STEAL(made);
    return true;
}
