/* assembly.h - from a bag of instances to volumes, or to reasons why not: rules R0 to R19 of
 * docs/ASSEMBLY.md. Positions only; never file order, numbers, names or thickness. */
#ifndef IVX_ASSEMBLE_ASSEMBLY_H
#define IVX_ASSEMBLE_ASSEMBLY_H

#include "isovox/assemble/instance.h"
#include "isovox/base/gap.h"
#include "isovox/core/resample.h"
#include "isovox/core/stack.h"
#include "isovox/sys/hash.h"

struct ivx_warning {
    enum ivx_reason reason;
    char text[160]; /* with figures; no patient data */
};

/* One volume: slices in ascending position along the normal. The instances are borrowed
 * from the caller of ivx_assemble() and must outlive the assembly. */
struct ivx_source_volume {
    struct ivx_stack stack;
    const struct ivx_instance *const *slices; /* stack.slices of them */
    double tilt_deg;     /* 0 when untilted; from the positions; sign: dy/dt */
    double tilt_max_mm;  /* largest in-plane shift */
    bool uniform;
    double spacing_mm;   /* fitted slice distance when uniform, else the median: a label */
    struct ivx_warning warnings[16];
    int warning_count;
};
struct ivx_refusal {
    char series_uid[65];
    enum ivx_reason reason;
    char text[160];
    int instances;
    bool passed_over; /* true: never meant to be a volume (localizer, SR, ...); no failure */
};

struct ivx_assembly; /* opaque */

struct ivx_assemble_options {
    enum ivx_gap gap;
    bool series_complete; /* false: a hole is always refused with GAP: a reason to wait */
    bool chosen; /* those of one volume that was found before: parts of a concatenation that
                  * gave none of its slices need not be there */
};

/* Never fails for what the instances contain: that is a refusal. Fails with IVX_FULL. The
 * result does not depend on the order of `instances`. */
bool ivx_assemble(const struct ivx_instance *const *instances, size_t count,
                  const struct ivx_assemble_options *options, struct ivx_assembly **out,
                  struct ivx_err *err);
void ivx_assembly_free(struct ivx_assembly **assembly);
int ivx_assembly_volumes(const struct ivx_assembly *assembly);
const struct ivx_source_volume *ivx_assembly_volume(const struct ivx_assembly *assembly, int n);
int ivx_assembly_refusals(const struct ivx_assembly *assembly);
const struct ivx_refusal *ivx_assembly_refusal(const struct ivx_assembly *assembly, int n);

/* Was there a hole between slices of any volume, whatever the policy made of it? Together
 * with volumes and refusals this is the evidence of completeness. */
bool ivx_assembly_has_hole(const struct ivx_assembly *assembly);

/* The voxels of one volume as slices for ivx_resample(): decoded, masked and sign-extended
 * (R10), rescaled per instance (R9), padding marked (R11), CT floor applied. CT with
 * integer rescale gives IVX_INT16, all else IVX_FLOAT32. Slices are asked for in ascending
 * order; one slice is in memory at a time. */
struct ivx_reader; /* opaque; the volume is borrowed */
bool ivx_reader_new(const struct ivx_source_volume *volume, struct ivx_reader **out,
                    struct ivx_err *err);
void ivx_reader_free(struct ivx_reader **reader);
/* Compressed slices are then decoded by the crew, as many at a time as it has threads (and as
 * fit into 64 MiB). The reader must not be asked from inside one of the crew's tasks. */
bool ivx_reader_use(struct ivx_reader *reader, const struct ivx_crew *crew, struct ivx_err *err);
/* `tap` is shown Pixel Data as it lies in the object whenever it has been read in one piece: of
 * objects that are one slice, neither compressed nor deflated. */
typedef void ivx_reader_tap(void *context, int32_t k, const uint8_t *bytes, size_t length);
void ivx_reader_watch(struct ivx_reader *reader, ivx_reader_tap *tap, void *context);
bool ivx_reader_slice(void *reader, int32_t k, struct ivx_slice *out, struct ivx_err *err);
/* Gives away the last slice's voxels and missing marks, for others of the same room (malloc;
 * floats and bytes): what was lent stays. */
void ivx_reader_swap(struct ivx_reader *reader, void **voxel, uint8_t **missing);
struct ivx_reader_report {
    uint64_t padded, floored; /* source pixels */
    double least, most;       /* of what took part */
};
void ivx_reader_report(const struct ivx_reader *reader, struct ivx_reader_report *out);

/* Background for what lies outside: -1024 for CT, 0 otherwise. */
float ivx_source_background(const struct ivx_source_volume *volume);

/* Hex digest of every slice in the volume's order, its UID, its frame and what it is from
 * (sha256: hex, per slice), and of the recipe: the same work has the same key, over restarts
 * and resends. One job's instances may hold several volumes, if they have several frames. */
bool ivx_volume_key(const struct ivx_source_volume *volume, const char *const *sha256,
                    const char *recipe_json, char out[IVX_SHA256_HEX], struct ivx_err *err);

/* One line of figures for people and job rows: "512x512x300, 0.7x0.7x2.5 mm, tilt -18.5". */
void ivx_source_text(const struct ivx_source_volume *volume, char *out, size_t room);

#endif
