/* Which attributes of the source a derived image carries: docs/DERIVED.md of the project
 * explains each rule. */
#include <string.h>

#include "header.h"
#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

/* Public groups that may be carried: identification, patient, trial, acquisition,
 * relationship, presentation, request, procedure. Everything else goes: overlays and curves
 * (60xx, 50xx), icon (0088), signatures (0400, FFFA), radiotherapy, waveforms, private. */
static bool carried_group(uint32_t group)
{
    static const uint16_t groups[] = { 0x0008, 0x0010, 0x0012, 0x0018, 0x0020,
                                       0x0028, 0x0032, 0x0038, 0x0040 };
    for (size_t n = 0; n < IVX_COUNT(groups); n++)
        if (group == groups[n])
            return true;
    return false;
}

/* Private elements without which activity concentration and SUV cannot be computed. */
static const struct vendor_block {
    uint16_t group;
    const char *creator;
    uint8_t element[2];
} pet_blocks[] = {
    { 0x0009, "GEMS_PETD_01", { 0x0d, 0x3b } }, /* scan and injection date and time */
    { 0x7053, "Philips PET Private Group", { 0x00, 0x09 } }, /* SUV, Bq/ml factors */
};

/* What of this source is carried besides the tables. */
struct carried {
    enum ivx_kind kind;
    uint32_t vendor[24]; /* private elements and their creators */
    size_t vendors;
};

static void note_block(struct carried *carried, const struct vendor_block *block,
                       unsigned number)
{
    if (carried->vendors + 3 > IVX_COUNT(carried->vendor))
        return;
    carried->vendor[carried->vendors++] = IVX_TAG(block->group, number);
    for (size_t n = 0; n < IVX_COUNT(block->element); n++)
        carried->vendor[carried->vendors++] =
            IVX_TAG(block->group, number << 8 | block->element[n]);
}

/* Text, with what pads it removed. */
static bool is_text(struct ivx_item *root, uint32_t tag, const char *wanted)
{
    const char *text = NULL;
    const size_t length = strlen(wanted);
    return ivx_item_text(root, tag, &text) && strncmp(text, wanted, length) == 0
           && strspn(text + length, " ") == strlen(text + length);
}

static void find_carried(struct ivx_item *root, struct carried *out)
{
    for (size_t n = 0; out->kind == IVX_KIND_PET && n < IVX_COUNT(pet_blocks); n++)
        for (unsigned number = 0x10; number <= 0xff; number++)
            if (is_text(root, IVX_TAG(pet_blocks[n].group, number), pet_blocks[n].creator))
                note_block(out, &pet_blocks[n], number);
}

/* Image Pixel, LUT and calibration attributes describe the pixels that were: of group 0028
 * only these stay. */
static const uint32_t carried_0028[] = {
    0x00280002, /* Samples per Pixel */
    0x00280004, /* Photometric Interpretation */
    0x00280051, /* Corrected Image */
    0x00280300, /* Quality Control Image */
    0x00280301, /* Burned In Annotation */
    0x00280302, /* Recognizable Visual Features */
    0x00280303, /* Longitudinal Temporal Information Modified */
    0x00280a02, /* Pixel Spacing Calibration Type */
    0x00280a04, /* Pixel Spacing Calibration Description */
    0x00281040, /* Pixel Intensity Relationship */
    0x00281050, /* Window Center */
    0x00281051, /* Window Width */
    0x00281055, /* Window Center & Width Explanation */
    0x00281056, /* VOI LUT Function */
    0x00282110, /* Lossy Image Compression, Ratio, Method */
    0x00282112, 0x00282114,
};

/* Of the other groups: what names the old instance, its plane or its place in a query. */
static const uint32_t dropped[] = {
    0x00080001, 0x00080008, 0x00080012, 0x00080013, 0x00080014, 0x00080015, 0x0008001a,
    0x0008001b, 0x00080023, 0x00080033, 0x00080052, 0x00080053, 0x00080054, 0x00080056,
    0x00080064, 0x0008103f, 0x0008114a, 0x00081115, 0x00081199, 0x00081200, 0x00082112,
    0x00083001, 0x00089205, 0x00089206, 0x00089207, 0x00080300, 0x00180050, /* Slice Thickness */
    0x00180088,                         /* Spacing Between Slices */
    0x00181120,                         /* Gantry/Detector Tilt */
    0x00200013, 0x00200030, 0x00200032, 0x00200035, 0x00200037, 0x00200050, 0x00201000,
    0x00201001, 0x00201002, 0x00201041, 0x00200242, 0x00209056, 0x00209057, 0x00209111, 0x00209128,
    0x00209156, 0x00209157, 0x00209158, 0x00209161, 0x00209162, 0x00209163, 0x00209164,
    0x00209170, 0x00209171, 0x00209172, 0x00209221, 0x00209228, 0x00209222, 0x00189074,
    0x00189151, 0x00400a0a, 0x00409096, /* Real World Value Mapping */
};

/* True of the series or the study: one slice's value stands for all. */
static const uint32_t of_the_series[] = {
    0x00080005, 0x00080016, 0x00080020, 0x00080021, 0x00080030, 0x00080031, 0x00080050,
    0x00080060, 0x00080070, 0x00080090, 0x00080201, 0x00081030, 0x0008103e, 0x00081090,
    0x0020000d, 0x0020000e, 0x00200010, 0x00200011, 0x00200052, 0x00201040, 0x00185100,
    0x00280004, 0x00281050, 0x00281051, 0x00281055, 0x00281056,
};

/* The same of MR: Scanning Sequence and Sequence Variant are Type 1. */
static const uint32_t of_the_mr_series[] = { 0x00180020, 0x00180021 };

/* Of PET: the series module (C.8.9.1), isotope (C.8.9.2) and patient orientation (C.8.4.6). */
static const uint32_t of_the_pet_series[] = {
    0x00540016, 0x00540410, 0x00540414, 0x00541000, 0x00541001, 0x00541002, 0x00541102,
};

/* Type 2 in its Image IOD: emptied, not removed, when slices disagree. */
static const struct type_2 {
    enum ivx_kind kind;
    uint32_t tag;
} type_2[] = {
    { IVX_KIND_CT, 0x00180060 },  { IVX_KIND_CT, 0x00200012 },  { IVX_KIND_MR, 0x00200012 },
    { IVX_KIND_MR, 0x00180022 },  { IVX_KIND_MR, 0x00180023 },  { IVX_KIND_MR, 0x00180080 },
    { IVX_KIND_MR, 0x00180081 },  { IVX_KIND_MR, 0x00180082 },  { IVX_KIND_MR, 0x00180091 },
    { IVX_KIND_MR, 0x00181060 },  { IVX_KIND_PET, 0x00200012 }, { IVX_KIND_PET, 0x00181181 },
    { IVX_KIND_PET, 0x00280051 },
};

/* PET images that disagree on their times were taken one after another (bed positions). All
 * of these are then the first one's, as Acquisition Date and Time are: what computes decay
 * from them finds them consistent. Frame duration, R-R limits, Frame Reference Time, Decay
 * Factor: C.8.9.4. */
static const uint32_t of_the_first[] = { 0x00181242, 0x00541300, 0x00541321 };

static bool listed(const uint32_t *tags, size_t count, uint32_t tag)
{
    for (size_t n = 0; n < count; n++)
        if (tags[n] == tag)
            return true;
    return false;
}
#define LISTED(tags, tag) listed((tags), IVX_COUNT(tags), (tag))

static bool not_carried(void *context, uint32_t tag)
{
    const struct carried *carried = context;
    const uint32_t group = tag >> 16, element = tag & 0xffff;
    if (listed(carried->vendor, carried->vendors, tag))
        return false;
    if (carried->kind == IVX_KIND_PET && group == 0x0054 && element != 0)
        return false;
    if (element == 0 || !carried_group(group) || LISTED(dropped, tag))
        return true;
    if (group == 0x0028)
        return !LISTED(carried_0028, tag);
    /* Content items and functional groups belong to other objects. */
    return group == 0x0040 && element >= 0xa000;
}

static bool is_window(uint32_t tag)
{
    return tag == 0x00281050 || tag == 0x00281051 || tag == 0x00281055
           || tag == 0x00281056;
}

/* A window is in real-world units (C.11.2.1.2). Where every slice has a scale of its own it
 * was chosen for that slice, and only one that all share is carried. */
static bool stands_for_all(const struct ivx_derivation *derivation, uint32_t tag)
{
    const uint32_t group = tag >> 16;
    const enum ivx_kind kind = ivx_derive_kind(derivation);
    if (kind != IVX_KIND_CT && derivation->stored->new_scale && is_window(tag))
        return false;
    if ((kind == IVX_KIND_MR && LISTED(of_the_mr_series, tag))
        || (kind == IVX_KIND_PET && LISTED(of_the_pet_series, tag)))
        return true;
    return group == 0x0010 || group == 0x0012 || LISTED(of_the_series, tag);
}

/* Attributes of a template that a slice could still disagree with. */
enum { MOST_TAGS = 512 };

struct disagreement {
    const struct ivx_derivation *derivation;
    struct ivx_item *kept, *other;
    bool emptied[IVX_COUNT(type_2)];
    uint32_t left[MOST_TAGS];
    size_t left_count; /* MOST_TAGS: there are more */
};

static bool disagrees(void *context, uint32_t tag)
{
    struct disagreement *d = context;
    if (stands_for_all(d->derivation, tag) || ivx_item_same(d->kept, d->other, tag))
        return false;
    for (size_t n = 0; n < IVX_COUNT(type_2); n++)
        if (type_2[n].tag == tag && type_2[n].kind == ivx_derive_kind(d->derivation))
            d->emptied[n] = true;
    return true;
}

/* When the acquisition of what the result is made of began: the earliest of its slices. */
struct start {
    char date[33], time[33];
    char pet[IVX_COUNT(of_the_first)][33];
};

static void take_earlier(const struct start *here, struct start *start)
{
    const int order = strcmp(here->date, start->date);
    if (start->date[0] == '\0' || order < 0
        || (order == 0 && strcmp(here->time, start->time) < 0))
        *start = *here;
}

static void note_pet(struct ivx_item *root, struct start *here)
{
    const char *text = NULL;
    for (size_t n = 0; n < IVX_COUNT(of_the_first); n++)
        if (ivx_item_text(root, of_the_first[n], &text))
            ivx_text_copy(here->pet[n], sizeof here->pet[n], text);
}

static void note_start(struct ivx_item *root, struct start *start)
{
    struct start here = { 0 };
    const char *text = NULL;
    if (ivx_item_text(root, 0x00080022, &text))
        ivx_text_copy(here.date, sizeof here.date, text);
    if (ivx_item_text(root, 0x00080032, &text))
        ivx_text_copy(here.time, sizeof here.time, text);
    note_pet(root, &here);
    take_earlier(&here, start);
}

/* The same of bytes; false: they have to be parsed. */
static bool note_bytes(const struct ivx_header *header, struct start *start)
{
    struct start here = { 0 };
    if (!ivx_header_text(header, 0x00080022, here.date, sizeof here.date)
        || !ivx_header_text(header, 0x00080032, here.time, sizeof here.time))
        return false;
    for (size_t n = 0; n < IVX_COUNT(of_the_first); n++)
        if (!ivx_header_text(header, of_the_first[n], here.pet[n], sizeof here.pet[n]))
            return false;
    take_earlier(&here, start);
    return true;
}

static bool load(const struct ivx_source_volume *source, int k, struct ivx_dataset **out,
                 struct ivx_err *err)
{
    return ivx_flat_load(source->slices[k], out, err);
}

static bool note_left(void *context, uint32_t tag)
{
    struct disagreement *d = context;
    if (d->left_count < MOST_TAGS && !stands_for_all(d->derivation, tag))
        d->left[d->left_count++] = tag;
    return false;
}

static bool compare(struct disagreement *d, const struct ivx_instance *slice, int k,
                    struct start *start, struct ivx_lossy *lossy, struct ivx_err *err)
{
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *other = NULL;
    if (!load(d->derivation->source, k, &other, err))
        return false;
    d->other = ivx_dataset_root(other);
    note_start(d->other, start);
    ivx_lossy_note(d->other, slice, lossy);
    ivx_item_remove_if(d->kept, disagrees, d);
    d->left_count = 0;
    ivx_item_remove_if(d->kept, note_left, d);
    return true;
}

/* `last` was compared: of what it left, `header` takes nothing away when it says the same. */
static bool says_the_same(const struct disagreement *d, const struct ivx_header *last,
                          const struct ivx_header *header)
{
    if (last == NULL || header == NULL || d->left_count == MOST_TAGS)
        return false;
    for (size_t n = 0; n < d->left_count; n++)
        if (!ivx_header_same(last, header, d->left[n]))
            return false;
    return true;
}

/* Removes from `kept` what any other slice says differently. */
static bool reconcile(const struct ivx_derivation *derivation, struct ivx_item *kept,
                      struct start *start, struct ivx_lossy *lossy, struct ivx_err *err)
{
    const struct ivx_source_volume *source = derivation->source;
    struct disagreement d = { .derivation = derivation, .kept = kept };
    IVX_AUTO(ivx_header_free) struct ivx_header *last = NULL;
    for (int k = 0; k < source->stack.slices; k++) {
        const struct ivx_instance *slice = source->slices[k];
        IVX_AUTO(ivx_header_free) struct ivx_header *header = NULL;
        if (!slice->lossy && !ivx_header_read(slice, &header, err))
            return false;
        if (says_the_same(&d, last, header) && note_bytes(header, start))
            continue;
        if (!compare(&d, slice, k, start, lossy, err))
            return false;
        ivx_header_free(&last);
        last = IVX_STEAL(header);
    }
    for (size_t n = 0; n < IVX_COUNT(type_2); n++)
        if (d.emptied[n] && !ivx_item_put_text(kept, type_2[n].tag, "", err))
            return false;
    return true;
}

static bool put_start(struct ivx_item *root, const struct start *start,
                      struct ivx_err *err)
{
    if (start->date[0] != '\0' && !ivx_item_put_text(root, 0x00080022, start->date, err))
        return false;
    return start->time[0] == '\0'
           || ivx_item_put_text(root, 0x00080032, start->time, err);
}

static bool put_pet_start(struct ivx_item *root, const struct start *start,
                          struct ivx_err *err)
{
    for (size_t n = 0; n < IVX_COUNT(of_the_first); n++)
        if (start->pet[n][0] != '\0'
            && !ivx_item_put_text(root, of_the_first[n], start->pet[n], err))
            return false;
    return true;
}

bool ivx_template_load(const struct ivx_derivation *derivation, struct ivx_dataset **out,
                       struct ivx_err *err)
{
    const struct ivx_source_volume *source = derivation->source;
    struct carried carried = { .kind = ivx_derive_kind(derivation) };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *made = NULL;
    if (!load(source, source->stack.slices / 2, &made, err))
        return false;
    struct ivx_item *root = ivx_dataset_root(made);
    find_carried(root, &carried);
    ivx_item_remove_if(root, not_carried, &carried);

    struct start start = { 0 };
    struct ivx_lossy lossy = { .any = false };
    if (!reconcile(derivation, root, &start, &lossy, err) || !put_start(root, &start, err)
        || (carried.kind == IVX_KIND_PET && !put_pet_start(root, &start, err))
        || !ivx_lossy_put(&lossy, root, err))
        return false;
    *out = IVX_STEAL(made);
    return true;
}
