/* derive.h - a result as a classic CT, MR or PET series: docs/DERIVED.md. */
#ifndef IVX_DERIVE_DERIVE_H
#define IVX_DERIVE_DERIVE_H

#include "isovox/assemble/assembly.h"
#include "isovox/core/grid.h"
#include "isovox/core/resample.h"
#include "isovox/derive/blur.h"
#include "isovox/sys/hash.h"

/* How the 16-bit words of an MR or PET result make values: value = slope * word + intercept.
 * CT has none of it: its words are Hounsfield units. */
struct ivx_stored {
    double slope, intercept; /* what the texts say, to the last digit */
    char slope_text[17], intercept_text[17];
    bool rescaled;  /* the texts are written; an MR that had no rescale gets none */
    bool is_signed; /* int16 or uint16 */
    bool kept;      /* the source's own units: its words would mean the same here */
    bool new_scale; /* one scale in place of the source's */
    bool measured;  /* depends on the least and the largest result */
    bool integers;  /* the engine can round by itself */
};

/* Everything that enters a derived object besides its voxels. Borrowed. */
struct ivx_derivation {
    const struct ivx_source_volume *source;
    const struct ivx_grid *grid;
    const struct ivx_resample_options *options;
    double spacing_mm;
    const char *reference_uid; /* series whose grid it is; "" or NULL: a grid of its own */
    const char *recipe_name, *recipe_json; /* json: canonical, enters the UIDs */
    int64_t created_us;                    /* the job's creation time */
    const struct ivx_stored *stored;       /* MR and PET; not read for CT */
    bool native;                           /* the acquired grid: nothing was resampled */
    bool enhanced;                         /* multi-frame instances, not one per slice */
    uint64_t part_bytes; /* enhanced: most Pixel Data of an instance; 0: just under 2 GiB */
    enum ivx_reason *reason_out; /* set when what the source says is in the way; or NULL */
};

struct ivx_derive; /* opaque */

/* Loads the template (a source header) and sets what all instances share. */
bool ivx_derive_new(const struct ivx_derivation *derivation, struct ivx_derive **out,
                    struct ivx_err *err);
void ivx_derive_free(struct ivx_derive **derive);
/* What the source contains, known when all of it has been read: hex per slice of its object,
 * and of all Pixel Data. Makes the UIDs: 2.25.<hash of source UIDs and contents, recipe, engine
 * version, output index>. Those written before stand for them, of the same length. */
bool ivx_derive_identify(struct ivx_derive *derive, const char *const *source_sha256,
                         const char *pixel_sha256, struct ivx_err *err);
const char *ivx_derive_series_uid(const struct ivx_derive *derive);
const char *ivx_derive_sop_class(const struct ivx_derive *derive);
/* out has room for 65. m: 0 .. grid count[2]-1; Instance Number is m+1. Enhanced: which part. */
void ivx_derive_sop_uid(const struct ivx_derive *derive, int32_t m, char out[65]);
/* "2001_Thorax ISO 1.0 mm cubic": series number and description, safe as a file name. */
void ivx_derive_folder(const struct ivx_derive *derive, char *out, size_t room);
/* Enhanced: how many instances the result takes (a concatenation, PS3.3 C.7.6.16.2.2.4, when
 * one would be too long), and which slices of the grid one holds. */
int32_t ivx_derive_parts(const struct ivx_derive *derive);
void ivx_derive_part(const struct ivx_derive *derive, int32_t part, int32_t *first_out,
                     int32_t *count_out);
/* Everything of that instance before its pixels to fd; the caller writes the words of its
 * frames behind it, in order and little endian. */
bool ivx_derive_begin(struct ivx_derive *derive, int32_t part, int fd, struct ivx_err *err);
/* Classic: writes instance m as Part 10 to fd; voxels: count[0]*count[1] words, int16 HU for
 * CT, else as `stored` says. */
bool ivx_derive_write(struct ivx_derive *derive, int32_t m, const int16_t *voxels, int fd,
                      struct ivx_err *err);

/* What is known when the last voxel is. Instances are written with room for it and for what
 * ivx_derive_identify() takes, so that nothing is read or written twice. Borrowed. */
struct ivx_outcome {
    const char *voxel_sha256; /* hex */
    const struct ivx_blur *blur;
    const struct ivx_resample_report *report;
};
/* Fills it, and the UIDs, into instance (or part) m as it was written to `path`: in place. What
 * stands before the pixels afterwards is handed over (ivx_memory_free()). Several threads may
 * seal instances of one derivation. */
bool ivx_derive_seal(const struct ivx_derive *derive, int32_t m,
                     const struct ivx_outcome *outcome, const char *path, uint8_t **header_out,
                     size_t *length_out, struct ivx_err *err);

#endif
