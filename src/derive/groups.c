/* Functional groups of a multi-frame result: PS3.3 C.7.6.16.2, C.8.15.3, C.8.13.5, C.8.22.5. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "isovox/base/auto.h"

static bool put_measures(struct ivx_item *root, struct ivx_item *group, struct ivx_err *err)
{
    /* Spacing Between Slices is no attribute of the macro, and where readers look for it. */
    static const uint32_t tags[] = { 0x00280030, 0x00180050, 0x00180088 };
    struct ivx_item *item = NULL;
    if (!ivx_item_append(group, 0x00289110, &item, err))
        return false;
    for (size_t n = 0; n < IVX_COUNT(tags); n++)
        if (!ivx_item_move(root, tags[n], item, err))
            return false;
    return true;
}

static bool put_orientation(struct ivx_item *root, struct ivx_item *group,
                            struct ivx_err *err)
{
    struct ivx_item *item = NULL;
    return ivx_item_append(group, 0x00209116, &item, err)
           && ivx_item_move(root, 0x00200037, item, err);
}

/* CT is in Hounsfield units; of MR and PET the standard wants US, unspecified. An MR without
 * a rescale has its own units. */
static bool put_transformation(const struct ivx_derivation *derivation,
                               struct ivx_item *root, struct ivx_item *group,
                               struct ivx_err *err)
{
    const bool ct = ivx_derive_kind(derivation) == IVX_KIND_CT;
    const struct ivx_stored *stored = derivation->stored;
    const bool rescaled = !ct && stored->rescaled;
    struct ivx_item *item = NULL;
    ivx_item_remove(root, 0x00281052);
    ivx_item_remove(root, 0x00281053);
    ivx_item_remove(root, 0x00281054);
    return ivx_item_append(group, 0x00289145, &item, err)
           && ivx_item_put_text(item, 0x00281052, rescaled ? stored->intercept_text : "0", err)
           && ivx_item_put_text(item, 0x00281053, rescaled ? stored->slope_text : "1", err)
           && ivx_item_put_text(item, 0x00281054, ct ? "HU" : "US", err);
}

static bool put_window(struct ivx_item *root, struct ivx_item *group, struct ivx_err *err)
{
    static const uint32_t tags[] = { 0x00281050, 0x00281051, 0x00281055, 0x00281056 };
    const char *center = NULL, *width = NULL;
    struct ivx_item *item = NULL;
    const bool known = ivx_item_text(root, 0x00281050, &center)
                       && ivx_item_text(root, 0x00281051, &width);
    if (known && !ivx_item_append(group, 0x00289132, &item, err))
        return false;
    for (size_t n = 0; n < IVX_COUNT(tags); n++) {
        if (known && !ivx_item_move(root, tags[n], item, err))
            return false;
        ivx_item_remove(root, tags[n]);
    }
    return true;
}

static bool put_frame_type(const struct ivx_derivation *derivation, struct ivx_item *root,
                           struct ivx_item *group, struct ivx_err *err)
{
    static const uint32_t sequences[] = { [IVX_KIND_CT] = 0x00189329,
                                          [IVX_KIND_MR] = 0x00189226,
                                          [IVX_KIND_PET] = 0x00189751 };
    struct ivx_item *item = NULL;
    return ivx_item_append(group, sequences[ivx_derive_kind(derivation)], &item, err)
           && ivx_item_put_text(item, 0x00089007, ivx_enhanced_type(derivation), err)
           && ivx_enhanced_describe(derivation, root, item, err);
}

/* The group is mandatory for CT (A.38.1.4). An event that its scanner has not named gets a
 * name, the same in all that is made of its series: an identifier, and no statement. */
static void name_event(const struct ivx_derivation *derivation, char out[65])
{
    const struct ivx_instance *first = derivation->source->slices[0];
    char text[256];
    uint8_t digest[IVX_SHA256_SIZE];
    const int length = snprintf(text, sizeof text, "irradiation event %s %s",
                                first->series_uid, first->acquisition_number);
    ivx_hash_once(text, (size_t)length, digest);
    ivx_uid_write(digest, out);
}

static bool put_irradiation(const struct ivx_derivation *derivation, struct ivx_item *root,
                            struct ivx_item *group, struct ivx_err *err)
{
    struct ivx_item *item = NULL;
    const char *known = NULL;
    char uid[65];
    if (!ivx_item_append(group, 0x00189477, &item, err))
        return false;
    if (ivx_item_text(root, 0x00083010, &known))
        return ivx_item_move(root, 0x00083010, item, err);
    name_event(derivation, uid);
    return ivx_item_put_text(item, 0x00083010, uid, err);
}

bool ivx_groups_shared(const struct ivx_derivation *derivation, struct ivx_item *root,
                       struct ivx_err *err)
{
    struct ivx_item *group = NULL, *item = NULL;
    const enum ivx_kind kind = ivx_derive_kind(derivation);
    if (!ivx_item_append(root, 0x52009229, &group, err) || !put_measures(root, group, err)
        || !put_orientation(root, group, err)
        || !ivx_item_append(group, 0x00209071, &item, err)
        || !ivx_anatomy_put(root, item, err) || !put_window(root, group, err)
        || !put_transformation(derivation, root, group, err)
        || !put_frame_type(derivation, root, group, err))
        return false;
    if (kind == IVX_KIND_CT)
        return put_irradiation(derivation, root, group, err);
    return kind != IVX_KIND_PET || ivx_enhanced_pet_groups(derivation, root, group, err);
}

/* ---- of one frame --------------------------------------------------------------------- */

static bool put_content(const struct ivx_derivation *derivation, int32_t m,
                        struct ivx_item *group, struct ivx_err *err)
{
    char index[16], both[24];
    struct ivx_item *item = NULL;
    snprintf(index, sizeof index, "%d", m + 1);
    snprintf(both, sizeof both, "1\\%d", m + 1);
    return ivx_item_append(group, 0x00209111, &item, err)
           && ivx_item_put_text(item, 0x00209056, "1", err)
           && ivx_item_put_text(item, 0x00209057, index, err)
           && ivx_item_put_text(item, 0x00209157, both, err)
           && (ivx_derive_kind(derivation) != IVX_KIND_PET
               || ivx_item_put_text(item, 0x00209128, "1", err)); /* Temporal Position */
}

static bool put_position(const struct ivx_derivation *derivation, int32_t m,
                         struct ivx_item *group, struct ivx_err *err)
{
    const double index[3] = { 0, 0, m };
    double position[3];
    struct ivx_item *item = NULL;
    ivx_grid_position(derivation->grid, index, position);
    return ivx_item_append(group, 0x00209113, &item, err)
           && ivx_ds_put(item, 0x00200032, position, 3, err);
}

/* Codes of PS3.16 CID 7203. On the acquired grid no voxel is new. */
static bool put_derivation(const struct ivx_derivation *derivation, int32_t m,
                           struct ivx_item *group, struct ivx_err *err)
{
    static const struct ivx_code_item extracted = {
        "113094", "DCM", "Spatially-related frames extracted from the volume"
    };
    struct ivx_item *item = NULL;
    return ivx_item_append(group, 0x00089124, &item, err)
           && (derivation->native ? ivx_code_append(item, 0x00089215, &extracted, err)
                                  : ivx_lineage_codes(derivation, item, err))
           && ivx_item_put_text(item, 0x00082112, "", err) /* Type 2 */
           && ivx_lineage_sources(derivation, item, m, err);
}

bool ivx_groups_frame(const struct ivx_derivation *derivation, int32_t m,
                      struct ivx_item *group, struct ivx_err *err)
{
    return put_content(derivation, m, group, err) && put_position(derivation, m, group, err)
           && put_derivation(derivation, m, group, err);
}
