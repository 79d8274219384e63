/* internal.h - what the files of derive share. */
#ifndef IVX_DERIVE_INTERNAL_H
#define IVX_DERIVE_INTERNAL_H

#include "isovox/derive/derive.h"
#include "isovox/dicom/dataset.h"
#include "isovox/dicom/dicom.h"
#include "isovox/sys/hash.h"

/* Raised when what is written into an instance changes for the same input: enters UIDs, so
 * that one UID never names two contents. */
#define IVX_DERIVE_VERSION "5"

struct ivx_derive {
    struct ivx_derivation derivation;
    struct ivx_dataset *dataset;     /* what is shared, and what the last instance left */
    uint8_t digest[IVX_SHA256_SIZE]; /* of everything that UIDs depend on; 0 until identified */
    char source_sha256[IVX_SHA256_HEX], pixel_sha256[IVX_SHA256_HEX];
    char series_uid[65], folder[128];
};
/* what: "series", or "instance 12". */
void ivx_derive_uid(const struct ivx_derive *derive, const char *what, char out[65]);

/* The grid is another series'. */
static inline bool ivx_has_reference(const struct ivx_derivation *derivation)
{
    return derivation->reference_uid != NULL && derivation->reference_uid[0] != '\0';
}

/* What the modality changes. */
enum ivx_kind ivx_derive_kind(const struct ivx_derivation *derivation);

/* Decimal String: at most 16 bytes, no exponent, no negative zero, as exact as they allow. */
void ivx_ds_write(double value, char out[17]);
bool ivx_ds_put(struct ivx_item *item, uint32_t tag, const double *values, int count,
                struct ivx_err *err);
/* The number that a spacing goes by in texts: "1.0", "0.683". */
void ivx_ds_label(double mm, char out[17]);

/* How many bytes of `text` make at most `most` characters, never cutting a character in
 * two; escape sequences do not count. `charset` is Specific Character Set, or NULL.
 * *closing_out has to stand behind them: the escape sequence back to the first character set
 * where the cut leaves another one active (PS3.5 6.1.2.5.3), else "". */
size_t ivx_text_fit(const char *text, const char *charset, size_t most,
                    const char **closing_out);

/* 2.25.<decimal of 128 bits of the digest, with a UUID's version and variant bits>; the first
 * bit is set, which a UUID of version 8 leaves to us: all have the same length. */
void ivx_uid_write(const uint8_t digest[IVX_SHA256_SIZE], char out[65]);

/* Dates and times of one instant, shifted by a Timezone Offset From UTC ("+0130"; NULL or
 * nonsense: UTC). */
struct ivx_moment {
    char date[9], time[14], datetime[27];
};
void ivx_moment_make(int64_t wall_us, const char *offset, struct ivx_moment *out);

/* Of the slices: whether one was compressed with loss, and ratio and method of the one that
 * lost most. */
struct ivx_lossy {
    bool any;
    double most;
    char ratio[64], method[64];
};
void ivx_lossy_note(struct ivx_item *root, const struct ivx_instance *instance,
                    struct ivx_lossy *lossy);
bool ivx_lossy_put(const struct ivx_lossy *lossy, struct ivx_item *root, struct ivx_err *err);

/* The header that all results share: what the source's slices agree on and a derived image
 * may say, and nothing that describes their pixel grid. */
bool ivx_template_load(const struct ivx_derivation *derivation, struct ivx_dataset **out,
                       struct ivx_err *err);

/* The header of one slice; that of a frame as a single-frame image would have it. */
bool ivx_flat_load(const struct ivx_instance *slice, struct ivx_dataset **out,
                   struct ivx_err *err);
/* For that: a number in FD under another name, if that is not there yet; what PET needs. */
bool ivx_flat_number(struct ivx_item *root, uint32_t from, uint32_t to, bool whole,
                     struct ivx_err *err);
bool ivx_flat_pet(struct ivx_item *root, struct ivx_err *err);
/* Radionuclide Total Dose of every agent: Bq in classic PET (PS3.3 C.8.9.2), MBq in Enhanced
 * PET (C.8.22.4). What is no number becomes empty. */
bool ivx_pet_dose(struct ivx_item *root, bool to_mega, struct ivx_err *err);

/* A code sequence item: PS3.3 8.8. */
struct ivx_code_item {
    const char *value, *scheme, *meaning;
};
bool ivx_code_append(struct ivx_item *item, uint32_t tag,
                     const struct ivx_code_item *code, struct ivx_err *err);

/* Derivation, related series, contributing equipment: what was done, by what, from what. */
bool ivx_lineage_put(const struct ivx_derivation *derivation, struct ivx_item *root,
                     struct ivx_err *err);
/* Derivation Code Sequence: of the image, or of a frame. */
bool ivx_lineage_codes(const struct ivx_derivation *derivation, struct ivx_item *item,
                       struct ivx_err *err);
/* Source Image Sequence of slice m; none with more than 64 sources: Related Series says. */
bool ivx_lineage_sources(const struct ivx_derivation *derivation, struct ivx_item *root,
                         int32_t m, struct ivx_err *err);
/* The private block "ISOVOX 1.0" in group 0099 and its declaration. */
static inline uint32_t ivx_private_tag(unsigned element)
{
    return IVX_TAG(0x0099, 0x1000 | element);
}
bool ivx_private_put(const struct ivx_derivation *derivation, struct ivx_item *root,
                     struct ivx_err *err);

/* Of the template: Series Number and Series Description of the result. */
bool ivx_series_put(const struct ivx_derivation *derivation, struct ivx_item *root,
                    struct ivx_err *err);

/* The classic header becomes that of multi-frame instances: enhanced.c; and its parts. */
bool ivx_enhanced_fill(struct ivx_derive *derive, struct ivx_item *root, struct ivx_err *err);
const char *ivx_enhanced_class(enum ivx_kind kind);
const char *ivx_enhanced_type(const struct ivx_derivation *derivation); /* Image, Frame Type */
bool ivx_enhanced_describe(const struct ivx_derivation *derivation, struct ivx_item *root,
                           struct ivx_item *item, struct ivx_err *err);
bool ivx_enhanced_missing(const struct ivx_derivation *derivation, const char *what,
                          struct ivx_err *err);
bool ivx_enhanced_pet(const struct ivx_derivation *derivation, struct ivx_item *root,
                      struct ivx_err *err);
bool ivx_enhanced_pet_groups(const struct ivx_derivation *derivation, struct ivx_item *root,
                             struct ivx_item *group, struct ivx_err *err);
/* Attributes move from `root` into the groups. */
bool ivx_groups_shared(const struct ivx_derivation *derivation, struct ivx_item *root,
                       struct ivx_err *err);
bool ivx_groups_frame(const struct ivx_derivation *derivation, int32_t m,
                      struct ivx_item *group, struct ivx_err *err);
bool ivx_anatomy_put(struct ivx_item *root, struct ivx_item *item, struct ivx_err *err);

/* Kernel stretch per target axis, as options say: 1 where nothing is reduced. */
void ivx_stretch(const struct ivx_derivation *derivation, double out[3]);

#endif
