/* conversion.h - one volume, one recipe, one result: what the convert role and
 * `isovox convert` both do. No catalogue, no network. */
#ifndef IVX_CONVERT_CONVERSION_H
#define IVX_CONVERT_CONVERSION_H

#include "isovox/assemble/assembly.h"
#include "isovox/derive/blur.h"
#include "isovox/recipes/recipe.h"

enum ivx_format { IVX_FORMAT_DICOM, IVX_FORMAT_NIFTI, IVX_FORMAT_RAW, IVX_FORMAT_ENHANCED };
/* "dicom", "nifti", "raw", "enhanced"; the other way round false for what is none. */
const char *ivx_format_name(enum ivx_format format);
bool ivx_format_find(const char *name, enum ivx_format *out);
/* One instance per slice, or multi-frame ones: words of 16 bits. */
bool ivx_format_is_dicom(enum ivx_format format);

struct ivx_conversion {
    const struct ivx_source_volume *source;
    const struct ivx_recipe_settings *recipe;
    enum ivx_format format;
    const char *directory;            /* exists; files are made inside */
    const char *file_name;            /* nifti, raw: name inside directory */
    int64_t created_us;
    int threads;
    const char *simd;
    size_t memory_limit;
    struct ivx_workspace *workspace; /* of the engine's buffers; NULL: of this call's own */
    /* After each result slice; false cancels (IVX_STALE). May be NULL. */
    bool (*progress)(void *context, int32_t done, int32_t all);
    void *progress_context;
    enum ivx_reason *reason_out; /* set when what the source says is in the way; or NULL */
};
/* The grid of IVX_SPACING_NATIVE: uniform untilted slices, else IVX_REFUSED with the code. */
bool ivx_native_grid(const struct ivx_source_volume *source, struct ivx_grid *out,
                     enum ivx_reason *reason_out, struct ivx_err *err);

/* The grid of IVX_ALIGN_REFERENCE: IVX_REFUSED with the code where the source lies in another
 * frame of reference (what relates two frames is never guessed), or wholly outside. */
bool ivx_reference_grid(const struct ivx_source_volume *source,
                        const struct ivx_recipe_settings *recipe, struct ivx_grid *out,
                        enum ivx_reason *reason_out, struct ivx_err *err);

struct ivx_conversion_result {
    struct ivx_grid grid;
    char series_uid[65], sop_class[65], syntax[65], folder[128];
    char voxel_sha256[65];  /* little-endian result voxels in order */
    char header_sha256[65]; /* dicom: what stands before the pixels of each file, in order */
    char pixel_sha256[65];  /* the source's Pixel Data: docs/MANIFEST.md */
    enum ivx_sample source_sample;
    int32_t files;
    char *manifest_json;    /* owned */
    char *stages_json;      /* owned: {"read_ms":..,"resample_ms":..,"write_ms":..,"total_ms":..} */
    struct ivx_resample_report resample;
    struct ivx_reader_report reader;
    struct ivx_sampling sampling; /* of the report, along the source's axes */
    struct ivx_blur blur;
};
/* Files are <directory>/000001.dcm ... (dicom), or file_name (+ .json for raw), and
 * manifest.json. Nothing is synced or renamed here: the caller publishes the directory. */
bool ivx_conversion_run(const struct ivx_conversion *conversion,
                        struct ivx_conversion_result *out, struct ivx_err *err);
void ivx_conversion_result_free(struct ivx_conversion_result *result); /* what it owns */

#endif
