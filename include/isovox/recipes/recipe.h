/* recipe.h - the settings of a conversion, and their canonical text. The text enters the UIDs
 * of results, the keys of jobs and the manifest: one place writes it and reads it. */
#ifndef IVX_RECIPES_RECIPE_H
#define IVX_RECIPES_RECIPE_H

#include "isovox/base/gap.h"
#include "isovox/core/resample.h"

/* spacing_mm: > 0, or one of these. */
#define IVX_SPACING_MIN (-1.0)    /* the smallest distance acquired */
#define IVX_SPACING_NATIVE (-2.0) /* the acquired grid, no interpolation */
#define IVX_SPACING_REFERENCE (-3.0) /* that of the reference: with IVX_ALIGN_REFERENCE only */

/* The result's axes: those of the slices, or the patient's (LPS). */
enum ivx_orientation { IVX_ORIENTATION_ACQUIRED, IVX_ORIENTATION_PATIENT };

/* One instance per slice, or multi-frame ones. Files of other formats are the tool's. */
enum ivx_recipe_format { IVX_RECIPE_DICOM, IVX_RECIPE_ENHANCED };
/* What becomes of results that the kernel made larger or smaller than anything acquired:
 * nothing, or they are limited to the range of the source and counted. */
enum ivx_clamp { IVX_CLAMP_OFF, IVX_CLAMP_INPUT_RANGE };

/* With IVX_ALIGN_REFERENCE: the grid that the result gets, of another series in the same
 * frame of reference. In the recipe, so that its text says all that decides the result. */
struct ivx_recipe_reference {
    char series_uid[65], frame_uid[65];
    struct ivx_grid grid;
};

/* docs/INTERFACE 2. The words of each, and whether they are always written: recipe.c. */
struct ivx_recipe_settings {
    char name[65];
    double spacing_mm;
    enum ivx_kernel kernel;
    enum ivx_align align;
    enum ivx_antialias antialias;
    enum ivx_boundary boundary;
    enum ivx_orientation orientation;
    enum ivx_gap gap;
    enum ivx_recipe_format format;
    enum ivx_clamp clamp;
    struct ivx_recipe_reference reference; /* zeros without IVX_ALIGN_REFERENCE */
    double mirp_beta; /* of IVX_ANTIALIAS_GAUSS_MIRP: "gauss-mirp:0.98"; else 0 */
};

/* 1.0 mm, bspline3, center, auto, nearest, acquired, refuse. */
void ivx_recipe_default(struct ivx_recipe_settings *settings);

/* One setting by its name in interfaces: "spacing" (0.01 to 100, "min", "native"), "kernel",
 * ... Fails with IVX_REFUSED; the text says what the value must be: "must be auto, off". */
bool ivx_recipe_set(struct ivx_recipe_settings *settings, const char *key, const char *value,
                    struct ivx_err *err);

/* The word of a setting that is one: "kernel", "boundary", ...; "" for another key. */
const char *ivx_recipe_word(const struct ivx_recipe_settings *settings, const char *key);

/* Everything but the name is the same. */
bool ivx_recipe_same(const struct ivx_recipe_settings *a, const struct ivx_recipe_settings *b);

/* Canonical JSON: keys in a fixed order, numbers with the fewest digits that read back as the
 * same double. The caller frees. */
bool ivx_recipe_json(const struct ivx_recipe_settings *settings, char **json_out,
                     struct ivx_err *err);
/* IVX_DAMAGED where a setting is missing or not known; *out is written on success only. */
bool ivx_recipe_parse(const char *json, struct ivx_recipe_settings *out, struct ivx_err *err);

#endif
