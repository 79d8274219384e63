/* The private block: the recipe and what a reader of the voxels must know of their origin.
 * Declared as PS3.3 C.12.1.1.7 asks, so that archives can tell that it identifies nobody. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "internal.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

#define CREATOR "ISOVOX 1.0"

/*  element  VR    VM  keyword                 meaning */
#define ELEMENTS(X) \
  X(0x01,    "UT", 1, "IsovoxRecipe",          "Recipe, canonical JSON") \
  X(0x02,    "LO", 1, "IsovoxRecipeDigest",    "SHA-256 of the recipe") \
  X(0x04,    "LO", 1, "IsovoxEngine",          "Software and engine version") \
  X(0x05,    "DS", 3, "IsovoxNativeSpacing",   "Source column, row and slice spacing, mm") \
  X(0x06,    "DS", 1, "IsovoxNativeThickness", "Source slice thickness, mm") \
  X(0x07,    "DS", 3, "IsovoxStretch",         "Anti-alias kernel stretch per axis, 1: none") \
  X(0x08,    "DS", 1, "IsovoxTilt",            "Source gantry tilt from its positions, degrees") \
  X(0x09,    "CS", 1, "IsovoxUniform",         "YES when source slices were equidistant") \
  X(0x0a,    "CS", 1, "IsovoxAnisotropy",      "How unlike the source's axes are")

/* Known when the last voxel is, and written into the room that each instance has for them. */
#define SEALED(X) \
  X(0x03,    "LO", 1, "IsovoxSourceDigest",    "SHA-256 over source UIDs and contents") \
  X(0x10,    "LO", 1, "IsovoxSourcePixelDigest", "SHA-256 of the source's Pixel Data") \
  X(0x11,    "LO", 1, "IsovoxVoxelDigest",     "SHA-256 of the voxels of the series") \
  X(0x12,    "DS", 3, "IsovoxNativeBlur",      "Blur of source axes before, sigma in mm") \
  X(0x13,    "DS", 3, "IsovoxBlur",            "Blur of source axes after, sigma in mm") \
  X(0x14,    "DS", 1, "IsovoxOutsideFraction", "Voxels outside the scanned region") \
  X(0x15,    "DS", 1, "IsovoxPaddedFraction",  "Voxels that are mostly padding") \
  X(0x16,    "DS", 1, "IsovoxEdgeFraction",    "Voxels beyond the outermost sample") \
  X(0x17,    "DS", 1, "IsovoxSaturatedCount",  "Voxels outside what 16 bits hold") \
  X(0x18,    "DS", 1, "IsovoxClampedCount",    "Voxels limited to the source's range")

static const struct {
    uint16_t element;
    const char *vr;
    int multiplicity;
    const char *keyword, *meaning;
} elements[] = {
#define X(element, vr, vm, keyword, meaning) { element, vr, vm, keyword, meaning },
    ELEMENTS(X) SEALED(X)
#undef X
};

/* Bytes of a value: 64 of LO, 16 of each DS and what stands between them; even. */
static size_t room_of(const char *vr, int multiplicity)
{
    return strcmp(vr, "LO") == 0 ? 64 : (size_t)(17 * multiplicity) / 2 * 2;
}

static bool put_room(struct ivx_item *root, struct ivx_err *err)
{
    static const struct { uint16_t element; const char *vr; int multiplicity; } sealed[] = {
#define X(element, vr, vm, keyword, meaning) { element, vr, vm },
        SEALED(X)
#undef X
    };
    for (size_t n = 0; n < IVX_COUNT(sealed); n++) {
        char text[65] = ""; /* no spaces: DCMTK does not write those at the end */
        memset(text, '-', room_of(sealed[n].vr, sealed[n].multiplicity));
        if (!ivx_item_put_text_as(root, ivx_private_tag(sealed[n].element), sealed[n].vr, text,
                                  err))
            return false;
    }
    return true;
}

static bool put_definition(struct ivx_item *block, size_t n, struct ivx_err *err)
{
    struct ivx_item *item = NULL;
    char multiplicity[4];
    snprintf(multiplicity, sizeof multiplicity, "%d", elements[n].multiplicity);
    return ivx_item_append(block, 0x00080310, &item, err)
           && ivx_item_put_u16(item, 0x00080308, elements[n].element, err)
           && ivx_item_put_text(item, 0x00080309, multiplicity, err)
           && ivx_item_put_text(item, 0x0008030a, elements[n].vr, err)
           && ivx_item_put_text(item, 0x0008030c, elements[n].meaning, err)
           && ivx_item_put_text(item, 0x0008030d, elements[n].keyword, err);
}

static bool put_declaration(struct ivx_item *root, struct ivx_err *err)
{
    struct ivx_item *block = NULL;
    if (!ivx_item_append(root, 0x00080300, &block, err)
        || !ivx_item_put_u16(block, 0x00080301, 0x0099, err)
        || !ivx_item_put_text(block, 0x00080302, CREATOR, err)
        || !ivx_item_put_text(block, 0x00080303, "SAFE", err))
        return false;
    for (size_t n = 0; n < IVX_COUNT(elements); n++)
        if (!put_definition(block, n, err))
            return false;
    return true;
}

/* Numbers as one private DS element. */
static bool put_numbers(struct ivx_item *root, unsigned element, const double *values,
                        int count, struct ivx_err *err)
{
    char text[64], one[17];
    size_t used = 0;
    for (int n = 0; n < count; n++) {
        ivx_ds_write(values[n], one);
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", n ? "\\" : "", one);
    }
    return ivx_item_put_text_as(root, ivx_private_tag(element), "DS", text, err);
}

static bool put_recipe(const struct ivx_derivation *derivation, struct ivx_item *root,
                       struct ivx_err *err)
{
    uint8_t digest[IVX_SHA256_SIZE];
    char recipe[IVX_SHA256_HEX];
    ivx_hash_once(derivation->recipe_json, strlen(derivation->recipe_json), digest);
    ivx_text_hex(digest, sizeof digest, recipe);
    return ivx_item_put_text_as(root, ivx_private_tag(0x01), "UT", derivation->recipe_json, err)
           && ivx_item_put_text_as(root, ivx_private_tag(0x02), "LO", recipe, err);
}

static bool put_source_facts(const struct ivx_source_volume *source,
                             struct ivx_item *root, struct ivx_err *err)
{
    const double spacing[3] = { source->stack.column_spacing, source->stack.row_spacing,
                                source->spacing_mm };
    const struct ivx_instance *first = source->slices[0];
    if (first->has_thickness && !put_numbers(root, 0x06, &first->thickness, 1, err))
        return false;
    return put_numbers(root, 0x05, spacing, 3, err)
           && put_numbers(root, 0x08, &source->tilt_deg, 1, err)
           && ivx_item_put_text_as(root, ivx_private_tag(0x09), "CS",
                                   source->uniform ? "YES" : "NO", err);
}

/* Code strings have capitals only. */
static void upper_case(const char *text, char out[17])
{
    size_t n = 0;
    for (; n < 16 && text[n] != '\0'; n++)
        out[n] = (char)(text[n] >= 'a' && text[n] <= 'z' ? text[n] - 'a' + 'A' : text[n]);
    out[n] = '\0';
}

bool ivx_private_put(const struct ivx_derivation *derivation, struct ivx_item *root,
                     struct ivx_err *err)
{
    double stretch[3];
    ivx_stretch(derivation, stretch);
    char engine[64], anisotropy[17];
    upper_case(ivx_anisotropy(derivation->source), anisotropy);
    snprintf(engine, sizeof engine, "isovox %s engine %d", PACKAGE_VERSION,
             IVX_ENGINE_VERSION);
    return put_declaration(root, err)
           && ivx_item_put_text_as(root, IVX_TAG(0x0099, 0x0010), "LO", CREATOR, err)
           && put_recipe(derivation, root, err)
           && ivx_item_put_text_as(root, ivx_private_tag(0x04), "LO", engine, err)
           && put_source_facts(derivation->source, root, err)
           && put_numbers(root, 0x07, stretch, 3, err)
           && ivx_item_put_text_as(root, ivx_private_tag(0x0a), "CS", anisotropy, err)
           && put_room(root, err);
}
