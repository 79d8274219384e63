#include "isovox/derive/derive.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

/* A target this little coarser than the source is not filtered: core does the same. */
#define SAME_SPACING 1.0001

void ivx_stretch(const struct ivx_derivation *derivation, double out[3])
{
    out[0] = out[1] = out[2] = 1;
    if (derivation->native)
        return;
    const struct ivx_stack *stack = &derivation->source->stack;
    const int32_t gaps = stack->slices > 1 ? stack->slices - 1 : 1;
    const double mean = (stack->t[stack->slices - 1] - stack->t[0]) / gaps;
    const double source[3] = { stack->column_spacing, stack->row_spacing, mean };
    for (int n = 0; n < 3; n++) {
        const double ratio = derivation->grid->spacing[n] / source[n];
        const bool filtered = derivation->options->antialias == IVX_ANTIALIAS_AUTO
                              && derivation->options->kernel != IVX_NEAREST;
        if (filtered && ratio > SAME_SPACING)
            out[n] = ratio;
    }
}

/* Over UIDs and contents of all slices. */
static bool digest_sources(const struct ivx_derivation *derivation,
                           const char *const *source_sha256, uint8_t out[IVX_SHA256_SIZE],
                           struct ivx_err *err)
{
    IVX_AUTO(ivx_hash_free) struct ivx_hash *hash = NULL;
    if (!ivx_hash_new(&hash, err))
        return false;
    for (int32_t k = 0; k < derivation->source->stack.slices; k++) {
        const struct ivx_instance *slice = derivation->source->slices[k];
        char frame[24];
        ivx_hash_add_text(hash, slice->sop_uid);
        ivx_hash_add_text(hash, source_sha256[k]);
        snprintf(frame, sizeof frame, "frame %d", (int)slice->frame_number);
        if (slice->frame_number > 0)
            ivx_hash_add_text(hash, frame);
    }
    ivx_hash_finish(hash, out);
    return true;
}

static bool make_digest(const struct ivx_derivation *derivation,
                        const uint8_t sources[IVX_SHA256_SIZE], uint8_t out[IVX_SHA256_SIZE],
                        struct ivx_err *err)
{
    char engine[32];
    snprintf(engine, sizeof engine, "engine %d", IVX_ENGINE_VERSION);
    IVX_AUTO(ivx_hash_free) struct ivx_hash *hash = NULL;
    if (!ivx_hash_new(&hash, err))
        return false;
    ivx_hash_add_text(hash, "isovox derived series " IVX_DERIVE_VERSION);
    ivx_hash_add_text(hash, engine);
    ivx_hash_add_text(hash, derivation->recipe_json);
    ivx_hash_add(hash, sources, IVX_SHA256_SIZE);
    ivx_hash_finish(hash, out);
    return true;
}

/* what: "series", or "instance 12". */
static void make_uid(const uint8_t digest[IVX_SHA256_SIZE], const char *what,
                     char out[65])
{
    uint8_t bytes[IVX_SHA256_SIZE + 32] = { 0 };
    memcpy(bytes, digest, IVX_SHA256_SIZE);
    ivx_text_copy((char *)bytes + IVX_SHA256_SIZE, 32, what);
    uint8_t made[IVX_SHA256_SIZE];
    ivx_hash_once(bytes, sizeof bytes, made);
    ivx_uid_write(made, out);
}

enum ivx_kind ivx_derive_kind(const struct ivx_derivation *derivation)
{
    return ivx_instance_kind(derivation->source->slices[0]);
}

/* PS3.3 C.8.2.1.1.1, C.8.3.1.1.1, C.8.9.4.1.1: value 2 of a PET image is PRIMARY; what an MR
 * image shows of the signal follows as value 5. */
static bool put_image_type(const struct ivx_derivation *derivation, struct ivx_item *root,
                           struct ivx_err *err)
{
    static const char *const types[] = {
        [IVX_KIND_CT] = "DERIVED\\SECONDARY\\AXIAL",
        [IVX_KIND_MR] = "DERIVED\\SECONDARY\\OTHER",
        [IVX_KIND_PET] = "DERIVED\\PRIMARY",
    };
    const enum ivx_kind kind = ivx_derive_kind(derivation);
    const char component = derivation->source->slices[0]->component;
    char text[64];
    snprintf(text, sizeof text, "%s%s", types[kind],
             derivation->native ? "" : "\\RESAMPLED");
    if (kind == IVX_KIND_MR && component != '\0')
        snprintf(text, sizeof text, "%s%s\\%c", types[kind],
                 derivation->native ? "" : "\\RESAMPLED", component);
    return ivx_item_put_text(root, 0x00080008, text, err);
}

static bool put_identity(struct ivx_derive *derive, struct ivx_item *root,
                         struct ivx_err *err)
{
    const char *offset = NULL;
    if (!ivx_item_text(root, 0x00080201, &offset))
        offset = NULL;
    struct ivx_moment moment;
    ivx_moment_make(derive->derivation.created_us, offset, &moment);
    return put_image_type(&derive->derivation, root, err)
           && ivx_item_put_text(root, 0x00080016, ivx_derive_sop_class(derive), err)
           && ivx_item_put_text(root, 0x00080012, moment.date, err)
           && ivx_item_put_text(root, 0x00080013, moment.time, err)
           && ivx_item_put_text(root, 0x00080023, moment.date, err)
           && ivx_item_put_text(root, 0x00080033, moment.time, err)
           && ivx_item_put_text(root, 0x0020000e, derive->series_uid, err);
}

/* The classic PET IOD has no Spacing Between Slices. */
static bool put_depth(const struct ivx_derivation *derivation, struct ivx_item *root,
                      struct ivx_err *err)
{
    const struct ivx_instance *first = derivation->source->slices[0];
    const double *spacing = &derivation->grid->spacing[2];
    const bool acquired = derivation->native && first->has_thickness;
    return ivx_ds_put(root, 0x00180050, acquired ? &first->thickness : spacing, 1, err)
           && (ivx_derive_kind(derivation) == IVX_KIND_PET
               || ivx_ds_put(root, 0x00180088, spacing, 1, err));
}

static bool put_grid(const struct ivx_derivation *derivation, struct ivx_item *root,
                     struct ivx_err *err)
{
    const struct ivx_grid *grid = derivation->grid;
    double orientation[6];
    memcpy(orientation, grid->axis[0], sizeof grid->axis[0]);
    memcpy(orientation + 3, grid->axis[1], sizeof grid->axis[1]);
    const double spacing[2] = { grid->spacing[1], grid->spacing[0] };
    return ivx_ds_put(root, 0x00200037, orientation, 6, err)
           && ivx_ds_put(root, 0x00280030, spacing, 2, err)
           && put_depth(derivation, root, err)
           && ivx_item_put_u16(root, 0x00280010, (uint16_t)grid->count[1], err)
           && ivx_item_put_u16(root, 0x00280011, (uint16_t)grid->count[0], err);
}

/* PS3.3 C.8.9.1.1.6 and C.8.9.4.1.9 count slices, time slices and their images. */
static bool put_pet_counts(const struct ivx_derivation *derivation, struct ivx_item *root,
                           struct ivx_err *err)
{
    /* Number of R-R Intervals, Time Slots, Time Slices: the result is one of them. */
    static const uint32_t ones[] = { 0x00540061, 0x00540071, 0x00540101 };
    for (size_t n = 0; n < IVX_COUNT(ones); n++)
        if (ivx_item_has(root, ones[n]) && !ivx_item_put_u16(root, ones[n], 1, err))
            return false;
    return ivx_item_put_u16(root, 0x00540081, (uint16_t)derivation->grid->count[2], err);
}

static bool put_words(bool is_signed, struct ivx_item *root, struct ivx_err *err)
{
    return ivx_item_put_u16(root, 0x00280100, 16, err)
           && ivx_item_put_u16(root, 0x00280101, 16, err)
           && ivx_item_put_u16(root, 0x00280102, 15, err)
           && ivx_item_put_u16(root, 0x00280103, is_signed, err);
}

/* A PET image must have slope and intercept, the intercept 0; an MR image has them where its
 * source had. */
static bool put_stored(const struct ivx_derivation *derivation, struct ivx_item *root,
                       struct ivx_err *err)
{
    const struct ivx_stored *stored = derivation->stored;
    if (!put_words(stored->is_signed, root, err))
        return false;
    return !stored->rescaled
           || (ivx_item_put_text(root, 0x00281052, stored->intercept_text, err)
               && ivx_item_put_text(root, 0x00281053, stored->slope_text, err));
}

/* CT: signed 16 bits of Hounsfield units, PS3.3 C.8.2.1.1.2. */
static bool put_pixel_module(const struct ivx_derivation *derivation, struct ivx_item *root,
                             struct ivx_err *err)
{
    if (ivx_derive_kind(derivation) == IVX_KIND_MR)
        return put_stored(derivation, root, err);
    if (ivx_derive_kind(derivation) == IVX_KIND_PET)
        return put_stored(derivation, root, err) && put_pet_counts(derivation, root, err);
    return put_words(true, root, err)
           && ivx_item_put_text(root, 0x00281052, "0", err)
           && ivx_item_put_text(root, 0x00281053, "1", err)
           && ivx_item_put_text(root, 0x00281054, "HU", err);
}

/* Letters, digits and a few signs: a name that every file system takes. */
static void make_folder(struct ivx_item *root, char *out, size_t room)
{
    const char *number = "", *description = "";
    ivx_item_text(root, 0x00200011, &number);
    ivx_item_text(root, 0x0008103e, &description);
    snprintf(out, room, "%s_%s", number, description);
    for (char *c = out; *c != '\0'; c++) {
        const bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        const bool digit = *c >= '0' && *c <= '9';
        if (!letter && !digit && strchr(" ._-+", *c) == NULL)
            *c = '_';
    }
}

static bool fill(struct ivx_derive *derive, struct ivx_err *err)
{
    struct ivx_item *root = ivx_dataset_root(derive->dataset);
    if (!put_identity(derive, root, err) || !put_grid(&derive->derivation, root, err)
        || !put_pixel_module(&derive->derivation, root, err)
        || !ivx_series_put(&derive->derivation, root, err)
        || !ivx_lineage_put(&derive->derivation, root, err)
        || !ivx_private_put(&derive->derivation, root, err)
        || (derive->derivation.enhanced && !ivx_enhanced_fill(derive, root, err)))
        return false;
    make_folder(root, derive->folder, sizeof derive->folder);
    return true;
}

static bool check(const struct ivx_derivation *derivation, struct ivx_err *err)
{
    const struct ivx_instance *first = derivation->source->slices[0];
    const enum ivx_kind kind = ivx_instance_kind(first);
    if (kind != IVX_KIND_CT && derivation->stored == NULL)
        return ivx_fail(err, IVX_BUG, "derive: nothing says how values are stored");
    if (kind == IVX_KIND_OTHER)
        return ivx_fail(err, IVX_REFUSED, "derive: SOP class %s is not derived yet",
                        first->sop_class);
    for (int n = 0; n < 3; n++)
        if (derivation->grid->count[n] > UINT16_MAX)
            return ivx_fail(err, IVX_REFUSED,
                            "derive: %d voxels do not fit into Rows, Columns",
                            derivation->grid->count[n]);
    return true;
}

/* What put_instance() writes. */
static bool settle(struct ivx_derive *derive, struct ivx_err *err)
{
    static const uint32_t changing[] = { 0x00080018, 0x00082112, 0x00200013,
                                         0x00200032, 0x00201041, 0x00541330 };
    return ivx_dataset_settle(derive->dataset, changing, IVX_COUNT(changing), err);
}

bool ivx_derive_new(const struct ivx_derivation *derivation, struct ivx_derive **out,
                    struct ivx_err *err)
{
    if (!check(derivation, err))
        return false;
    IVX_AUTO(ivx_derive_free) struct ivx_derive *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "derive: no memory");

    made->derivation = *derivation;
    make_uid(made->digest, "series", made->series_uid);
    if (!ivx_template_load(&made->derivation, &made->dataset, err))
        return false;
    if (!fill(made, err) || (!derivation->enhanced && !settle(made, err)))
        return false;
    *out = IVX_STEAL(made);
    return true;
}

bool ivx_derive_identify(struct ivx_derive *derive, const char *const *source_sha256,
                         const char *pixel_sha256, struct ivx_err *err)
{
    uint8_t sources[IVX_SHA256_SIZE];
    if (!digest_sources(&derive->derivation, source_sha256, sources, err)
        || !make_digest(&derive->derivation, sources, derive->digest, err))
        return false;
    ivx_text_hex(sources, sizeof sources, derive->source_sha256);
    ivx_text_copy(derive->pixel_sha256, sizeof derive->pixel_sha256, pixel_sha256);
    make_uid(derive->digest, "series", derive->series_uid);
    return true;
}

void ivx_derive_uid(const struct ivx_derive *derive, const char *what, char out[65])
{
    make_uid(derive->digest, what, out);
}

void ivx_derive_free(struct ivx_derive **derive)
{
    if (*derive == NULL)
        return;
    ivx_dataset_free(&(*derive)->dataset);
    free(*derive);
    *derive = NULL;
}

const char *ivx_derive_series_uid(const struct ivx_derive *derive)
{
    return derive->series_uid;
}

const char *ivx_derive_sop_class(const struct ivx_derive *derive)
{
    static const char *const classic[] = {
        [IVX_KIND_CT] = IVX_CT_IMAGE_STORAGE,
        [IVX_KIND_MR] = IVX_MR_IMAGE_STORAGE,
        [IVX_KIND_PET] = IVX_PET_IMAGE_STORAGE,
    };
    const enum ivx_kind kind = ivx_derive_kind(&derive->derivation);
    return derive->derivation.enhanced ? ivx_enhanced_class(kind) : classic[kind];
}

void ivx_derive_sop_uid(const struct ivx_derive *derive, int32_t m, char out[65])
{
    char what[32];
    snprintf(what, sizeof what, "%s %d", derive->derivation.enhanced ? "part" : "instance", m);
    make_uid(derive->digest, what, out);
}

void ivx_derive_folder(const struct ivx_derive *derive, char *out, size_t room)
{
    ivx_text_copy(out, room, derive->folder);
}

static bool put_instance(const struct ivx_derive *derive, int32_t m,
                         struct ivx_item *root, struct ivx_err *err)
{
    const struct ivx_grid *grid = derive->derivation.grid;
    const double index[3] = { 0, 0, m };
    double position[3], along = 0;
    ivx_grid_position(grid, index, position);
    for (int n = 0; n < 3; n++)
        along += position[n] * grid->axis[2][n];

    if (ivx_derive_kind(&derive->derivation) == IVX_KIND_PET
        && !ivx_item_put_u16(root, 0x00541330, (uint16_t)(m + 1), err)) /* Image Index */
        return false;
    char uid[65], number[16];
    ivx_derive_sop_uid(derive, m, uid);
    snprintf(number, sizeof number, "%d", m + 1);
    return ivx_item_put_text(root, 0x00080018, uid, err)
           && ivx_item_put_text(root, 0x00200013, number, err)
           && ivx_ds_put(root, 0x00200032, position, 3, err)
           && ivx_ds_put(root, 0x00201041, &along, 1, err)
           && ivx_lineage_sources(&derive->derivation, root, m, err);
}

bool ivx_derive_write(struct ivx_derive *derive, int32_t m, const int16_t *voxels, int fd,
                      struct ivx_err *err)
{
    const struct ivx_grid *grid = derive->derivation.grid;
    if (!put_instance(derive, m, ivx_dataset_root(derive->dataset), err))
        return false;
    const size_t count = (size_t)grid->count[0] * (size_t)grid->count[1];
    return ivx_dataset_write(derive->dataset, (const uint16_t *)voxels, count, fd, err);
}
