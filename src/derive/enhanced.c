/* The result as Enhanced CT, MR or PET: one multi-frame instance, or a concatenation of several
 * where Pixel Data would be longer than an instance may be. PS3.3 A.38.1, A.36.2, A.56. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

/* Pixel Data's length is written in 32 bits (PS3.5 7.1.2), and many readers count to 2^31:
 * the rest is for the header. */
#define MOST_BYTES ((UINT64_C(1) << 31) - (UINT64_C(1) << 26))

/* Where the standard has no word for "the source does not say" this one says it: all four are
 * Type 1 in the Enhanced General Equipment Module (C.7.5.2). */
static bool put_equipment(struct ivx_item *root, struct ivx_err *err)
{
    static const uint32_t tags[] = { 0x00080070, 0x00081090, 0x00181000, 0x00181020 };
    const char *text = NULL;
    for (size_t n = 0; n < IVX_COUNT(tags); n++)
        if (!ivx_item_text(root, tags[n], &text)
            && !ivx_item_put_text(root, tags[n], "UNKNOWN", err))
            return false;
    return true;
}

const char *ivx_enhanced_class(enum ivx_kind kind)
{
    static const char *const classes[] = {
        [IVX_KIND_CT] = "1.2.840.10008.5.1.4.1.1.2.1",
        [IVX_KIND_MR] = "1.2.840.10008.5.1.4.1.1.4.1",
        [IVX_KIND_PET] = "1.2.840.10008.5.1.4.1.1.130",
    };
    return classes[kind];
}

const char *ivx_enhanced_type(const struct ivx_derivation *derivation)
{
    return derivation->native ? "DERIVED\\PRIMARY\\VOLUME\\NONE"
                              : "DERIVED\\PRIMARY\\VOLUME\\RESAMPLED";
}

/* C.8.16.2.1.4: MPR where the planes are others than the acquired ones. */
static const char *technique(const struct ivx_derivation *derivation)
{
    const double *normal = derivation->source->stack.normal;
    const double *axis = derivation->grid->axis[2];
    const double along = normal[0] * axis[0] + normal[1] * axis[1] + normal[2] * axis[2];
    return fabs(along) < 1 - 1e-6 ? "MPR" : "NONE";
}

/* C.8.16.2: the same of the image and of its frames. */
bool ivx_enhanced_describe(const struct ivx_derivation *derivation, struct ivx_item *root,
                           struct ivx_item *item, struct ivx_err *err)
{
    static const struct {
        char letter;
        const char *word;
    } components[] = { { 'P', "PHASE" }, { 'R', "REAL" }, { 'I', "IMAGINARY" } };
    if (!ivx_item_put_text(item, 0x00089205, "MONOCHROME", err)
        || !ivx_item_put_text(item, 0x00089206, "VOLUME", err)
        || !ivx_item_put_text(item, 0x00089207, technique(derivation), err))
        return false;
    if (ivx_derive_kind(derivation) != IVX_KIND_MR)
        return true;
    /* An MR image that is no magnitude image says so in its Image Type (C.8.3.1.1.1); of
     * the contrast a classic one says nothing, and the standard has a word for that. */
    const char *component = "MAGNITUDE";
    for (size_t n = 0; n < IVX_COUNT(components); n++)
        if (derivation->source->slices[0]->component == components[n].letter)
            component = components[n].word;
    const char *contrast = NULL;
    char word[17] = "UNKNOWN";
    if (ivx_item_text(root, 0x00089209, &contrast))
        ivx_text_copy(word, sizeof word, contrast);
    return ivx_item_put_text(item, 0x00089208, component, err)
           && ivx_item_put_text(item, 0x00089209, word, err);
}

bool ivx_enhanced_missing(const struct ivx_derivation *derivation, const char *what,
                          struct ivx_err *err)
{
    if (derivation->reason_out != NULL)
        *derivation->reason_out = IVX_REASON_MISSING_VALUE;
    return ivx_fail(err, IVX_REFUSED, "a multi-frame result must say what its source does not: %s",
                    what);
}

/* The Enumerated Value of an enhanced image is NO. */
static bool put_burned_in(const struct ivx_derivation *derivation, struct ivx_item *root,
                          struct ivx_err *err)
{
    const char *text = NULL;
    if (ivx_item_text(root, 0x00280301, &text) && strncmp(text, "YES", 3) == 0)
        return ivx_enhanced_missing(derivation, "that nothing is burned in", err);
    return ivx_item_put_text(root, 0x00280301, "NO", err);
}

static bool put_lossy(struct ivx_item *root, struct ivx_err *err)
{
    const char *text = NULL;
    return (ivx_item_text(root, 0x00282110, &text) && strncmp(text, "01", 2) == 0)
           || ivx_item_put_text(root, 0x00282110, "00", err);
}

/* Enhanced images say date and time of their acquisition in one. */
static bool put_acquisition(struct ivx_item *root, struct ivx_err *err)
{
    const char *date = NULL, *time = NULL;
    char both[64];
    if (ivx_item_has(root, 0x0008002a) || !ivx_item_text(root, 0x00080022, &date)
        || !ivx_item_text(root, 0x00080032, &time) || strlen(date) < 8 || strlen(time) < 6)
        return true;
    snprintf(both, sizeof both, "%.8s%.*s", date, (int)strcspn(time, " "), time);
    return ivx_item_put_text(root, 0x0008002a, both, err);
}

/* RESEARCH: Isovox is no medical device, so its results are not a product's (C.8.13.2.1.1). */
static bool put_image(const struct ivx_derivation *derivation, struct ivx_item *root,
                      struct ivx_err *err)
{
    const enum ivx_kind kind = ivx_derive_kind(derivation);
    const char *text = NULL;
    if (kind == IVX_KIND_MR && !ivx_item_text(root, 0x00189174, &text)
        && !ivx_item_put_text(root, 0x00189174, "UNKNOWN", err)) /* safety standard agency */
        return false;
    if (!ivx_item_has(root, 0x00400555)) /* Acquisition Context: Type 2 */
        if (!ivx_item_put_text(root, 0x00400555, "", err))
            return false;
    return ivx_item_put_text(root, 0x00080016, ivx_enhanced_class(kind), err)
           && ivx_item_put_text(root, 0x00080008, ivx_enhanced_type(derivation), err)
           && ivx_enhanced_describe(derivation, root, root, err) && put_acquisition(root, err)
           && ivx_item_put_text(root, 0x00189004, "RESEARCH", err)
           && ivx_item_put_text(root, 0x20500020, "IDENTITY", err)
           && put_burned_in(derivation, root, err) && put_lossy(root, err);
}

/* C.7.6.17: one stack, in order of position. */
static bool put_dimensions(const struct ivx_derive *derive, struct ivx_item *root,
                           struct ivx_err *err)
{
    static const struct {
        const char *pointer, *label;
    } indices[] = { { "(0020,9056)", "Stack" }, { "(0020,9057)", "Position in the stack" } };
    char uid[65];
    struct ivx_item *item = NULL;
    ivx_derive_uid(derive, "dimensions", uid);
    if (!ivx_item_append(root, 0x00209221, &item, err)
        || !ivx_item_put_text(item, 0x00209164, uid, err)
        || !ivx_item_put_text(root, 0x00209311, "3D", err))
        return false;
    for (size_t n = 0; n < IVX_COUNT(indices); n++)
        if (!ivx_item_append(root, 0x00209222, &item, err)
            || !ivx_item_put_text(item, 0x00209164, uid, err)
            || !ivx_item_put_text(item, 0x00209165, indices[n].pointer, err)
            || !ivx_item_put_text(item, 0x00209167, "(0020,9111)", err)
            || !ivx_item_put_text(item, 0x00209421, indices[n].label, err))
            return false;
    return true;
}

/* C.8.15.2: every instance that the frames' groups refer to. */
static bool put_evidence(const struct ivx_derivation *derivation, struct ivx_item *root,
                         struct ivx_err *err)
{
    const struct ivx_source_volume *source = derivation->source;
    const struct ivx_instance *first = source->slices[0];
    struct ivx_item *study = NULL, *series = NULL, *item = NULL;
    if (!ivx_item_append(root, 0x00089154, &study, err)
        || !ivx_item_put_text(study, 0x0020000d, first->study_uid, err)
        || !ivx_item_append(study, 0x00081115, &series, err)
        || !ivx_item_put_text(series, 0x0020000e, first->series_uid, err))
        return false;
    for (int32_t k = 0; k < source->stack.slices; k++) {
        const struct ivx_instance *one = source->slices[k];
        if (k > 0 && strcmp(one->sop_uid, source->slices[k - 1]->sop_uid) == 0)
            continue;
        if (!ivx_item_append(series, 0x00081199, &item, err)
            || !ivx_item_put_text(item, 0x00081150, one->sop_class, err)
            || !ivx_item_put_text(item, 0x00081155, one->sop_uid, err))
            return false;
    }
    return true;
}

/* Type 2 of the classic image only. */
static bool says_nothing(void *context, uint32_t tag)
{
    const char *text = NULL;
    return tag >> 16 == 0x0018 && ivx_item_count(context, tag) == 0
           && !ivx_item_text(context, tag, &text);
}

/* Attributes of the classic image that have a home in functional groups are there by now;
 * these have none, or would contradict it. */
static void drop_classic(struct ivx_item *root)
{
    static const uint32_t tags[] = {
        0x00081140, /* Referenced Image Sequence: localizers, without a purpose */
        0x00089215, /* Derivation Code Sequence: in the frames' groups */
        0x00082218, /* Anatomic Region Sequence: in Frame Anatomy */
        0x00180012, /* Contrast/Bolus Agent Sequence, of other content than here */
        0x00180014, /* Contrast/Bolus Administration Route Sequence */
        0x00089092, /* Referenced Image Evidence Sequence: with the references */
        0x00200013, 0x00200020, 0x00200032, 0x00200060, 0x00200062, 0x00201041,
        0x00540081, 0x00541330, /* Number of Slices, Image Index */
    };
    for (size_t n = 0; n < IVX_COUNT(tags); n++)
        ivx_item_remove(root, tags[n]);
    ivx_item_remove_if(root, says_nothing, root);
}

/* What only an original image may say: MR Pulse Sequence (C.8.13.4), Bulk Motion (C.7.6.18.3)
 * and the Type 1C of MR Image and Spectroscopy Instance (C.8.13.2). */
static void drop_original(struct ivx_item *root)
{
    static const uint32_t tags[] = {
        0x00180023, 0x00189005, 0x00189008, 0x00189011, 0x00189012, 0x00189014, 0x00189015,
        0x00189017, 0x00189018, 0x00189024, 0x00189025, 0x00189029, 0x00189032, 0x00189033,
        0x00189034, 0x00189064, 0x00189073, 0x00189093, 0x00189094, 0x00189100, 0x00189172,
        0x00189173, 0x0008002a, 0x00180087,
    };
    for (size_t n = 0; n < IVX_COUNT(tags); n++)
        ivx_item_remove(root, tags[n]);
}

bool ivx_enhanced_fill(struct ivx_derive *derive, struct ivx_item *root, struct ivx_err *err)
{
    const struct ivx_derivation *derivation = &derive->derivation;
    if (ivx_derive_kind(derivation) == IVX_KIND_PET
        && !ivx_enhanced_pet(derivation, root, err))
        return false;
    if (ivx_derive_kind(derivation) == IVX_KIND_MR)
        drop_original(root);
    if (!put_equipment(root, err) || !put_image(derivation, root, err)
        || !put_dimensions(derive, root, err) || !put_evidence(derivation, root, err)
        || !ivx_groups_shared(derivation, root, err))
        return false;
    drop_classic(root);
    return true;
}

/* ---- instances ---------------------------------------------------------------------- */

static int32_t frames_of_a_part(const struct ivx_derive *derive)
{
    const struct ivx_grid *grid = derive->derivation.grid;
    const uint64_t most =
        derive->derivation.part_bytes != 0 ? derive->derivation.part_bytes : MOST_BYTES;
    const uint64_t frame = 2 * (uint64_t)grid->count[0] * (uint64_t)grid->count[1];
    const uint64_t frames = most / frame;
    return frames < 1 ? 1
           : frames < (uint64_t)grid->count[2] ? (int32_t)frames
                                               : grid->count[2];
}

int32_t ivx_derive_parts(const struct ivx_derive *derive)
{
    const int32_t each = frames_of_a_part(derive);
    return (derive->derivation.grid->count[2] + each - 1) / each;
}

void ivx_derive_part(const struct ivx_derive *derive, int32_t part, int32_t *first_out,
                     int32_t *count_out)
{
    const int32_t each = frames_of_a_part(derive), all = derive->derivation.grid->count[2];
    *first_out = part * each;
    *count_out = all - *first_out < each ? all - *first_out : each;
}

/* C.7.6.16.2.2.4 */
static bool put_concatenation(const struct ivx_derive *derive, int32_t part, int32_t first,
                              struct ivx_item *root, struct ivx_err *err)
{
    char uid[65], source[65];
    const int32_t parts = ivx_derive_parts(derive);
    if (parts == 1)
        return true;
    char offset[16];
    snprintf(offset, sizeof offset, "%d", first);
    ivx_derive_uid(derive, "concatenation", uid);
    ivx_derive_uid(derive, "concatenation source", source);
    return ivx_item_put_text(root, 0x00209161, uid, err)
           && ivx_item_put_text(root, 0x00200242, source, err)
           && ivx_item_put_u16(root, 0x00209162, (uint16_t)(part + 1), err)
           && ivx_item_put_u16(root, 0x00209163, (uint16_t)parts, err)
           && ivx_item_put_text(root, 0x00209228, offset, err);
}

bool ivx_derive_begin(struct ivx_derive *derive, int32_t part, int fd, struct ivx_err *err)
{
    struct ivx_item *root = ivx_dataset_root(derive->dataset), *group = NULL;
    const struct ivx_grid *grid = derive->derivation.grid;
    char uid[65], number[16];
    int32_t first, count;
    ivx_derive_part(derive, part, &first, &count);
    ivx_derive_sop_uid(derive, part, uid);
    snprintf(number, sizeof number, "%d", part + 1);
    ivx_item_remove(root, 0x52009230);
    if (!ivx_item_put_text(root, 0x00080018, uid, err)
        || !ivx_item_put_text(root, 0x00200013, number, err)
        || !put_concatenation(derive, part, first, root, err))
        return false;
    snprintf(number, sizeof number, "%d", count);
    if (!ivx_item_put_text(root, 0x00280008, number, err))
        return false;
    for (int32_t m = first; m < first + count; m++)
        if (!ivx_item_append(root, 0x52009230, &group, err)
            || !ivx_groups_frame(&derive->derivation, m, group, err))
            return false;
    const uint64_t words =
        (uint64_t)grid->count[0] * (uint64_t)grid->count[1] * (uint64_t)count;
    return ivx_dataset_write_header(derive->dataset, words, fd, err);
}
