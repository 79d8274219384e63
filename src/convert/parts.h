/* parts.h - what the files of one conversion share. The role's files use worker.h. */
#ifndef IVX_CONVERT_PARTS_H
#define IVX_CONVERT_PARTS_H

#include <cJSON.h>

#include "isovox/convert/conversion.h"
#include "isovox/convert/threads.h"
#include "isovox/derive/derive.h"

/* How many of `each` bytes a queue holds: what fits into `bytes`, within limits. */
static inline int32_t ivx_queue_room(size_t each, int32_t least, int32_t most, size_t bytes)
{
    const size_t fit = bytes / each;
    return fit < (size_t)least ? least : fit > (size_t)most ? most : (int32_t)fit;
}

/* Source slices are read ahead of the engine, by whichever of the threads has nothing else to do.
 * The reader is borrowed, and nobody else's until it is freed. Slices are asked for in order; one
 * is lent until the next is asked for. finish(): all of them have been read. */
struct ivx_feed; /* opaque */
bool ivx_feed_new(struct ivx_reader *reader, const struct ivx_stack *stack,
                  struct ivx_threads *threads, struct ivx_feed **out, struct ivx_err *err);
bool ivx_feed_slice(struct ivx_feed *feed, int32_t k, struct ivx_slice *out,
                     struct ivx_err *err);
bool ivx_feed_finish(struct ivx_feed *feed, struct ivx_err *err);
void ivx_feed_free(struct ivx_feed **feed);

/* Result slices are written in the same way while the engine goes on: in order, one at a time.
 * `open` is called at once, before there is a slice. put() copies the slice and writes earlier
 * ones while too many stand in line; the first failure of `open` or `write` is that of every
 * later put() and of finish(). */
typedef bool ivx_pipe_open(void *context, struct ivx_err *err);
typedef bool ivx_pipe_write(void *context, int32_t m, const void *voxel,
                            struct ivx_err *err);
struct ivx_pipe; /* opaque */
bool ivx_pipe_new(struct ivx_threads *threads, size_t bytes, ivx_pipe_open *open,
                  ivx_pipe_write *write, void *context, struct ivx_pipe **out,
                  struct ivx_err *err);
bool ivx_pipe_put(struct ivx_pipe *pipe, const void *voxel, struct ivx_err *err);
bool ivx_pipe_finish(struct ivx_pipe *pipe, struct ivx_err *err);
/* What has not been written by then is dropped. */
void ivx_pipe_free(struct ivx_pipe **pipe);

/* Where result slices go, in order. Opened by one of those below. */
struct ivx_output {
    bool (*slice)(void *state, int32_t m, const void *voxel, struct ivx_err *err);
    bool (*finish)(void *state, struct ivx_err *err);
    /* After finish: what is known by then of source and result goes into its files, and UIDs and
     * header_sha256 into `result`. NULL: nothing. */
    bool (*seal)(void *state, const struct ivx_outcome *outcome,
                 struct ivx_conversion_result *result, struct ivx_err *err);
    void (*close)(void *state);
    void *state;
    int32_t files;
};
void ivx_output_close(struct ivx_output *output); /* may be called twice */

struct ivx_plan {
    const struct ivx_conversion *conversion;
    bool native;              /* the acquired grid */
    bool rounds;              /* floats of the engine become the words of `stored` */
    struct ivx_stored stored; /* MR and PET as DICOM */
    struct ivx_grid grid;
    struct ivx_resample_options options;
    const char *recipe_json;
    /* When the source has been read: of contents, per slice; and of all Pixel Data. */
    const char *const *source_sha256;
    const char *pixel_sha256;
};
bool ivx_output_dicom(const struct ivx_plan *plan, struct ivx_conversion_result *result,
                      struct ivx_output *out, struct ivx_err *err);
bool ivx_output_enhanced(const struct ivx_plan *plan, struct ivx_conversion_result *result,
                         struct ivx_output *out, struct ivx_err *err);
bool ivx_output_nifti(const struct ivx_plan *plan, struct ivx_output *out,
                      struct ivx_err *err);
bool ivx_output_raw(const struct ivx_plan *plan, struct ivx_output *out,
                    struct ivx_err *err);

/* dicom.c, for both forms of DICOM: what is derived, and what it is called. */
void ivx_plan_derivation(const struct ivx_plan *plan, struct ivx_derivation *out);
void ivx_plan_name(const struct ivx_derive *derive, struct ivx_conversion_result *out);

/* ivx_derive_seal() by the crew for 000001.dcm and so on, `files` of them, once the source's
 * digests are known. */
bool ivx_parts_seal(const struct ivx_plan *plan, struct ivx_derive *derive, int32_t files,
                    const struct ivx_outcome *outcome, struct ivx_conversion_result *result,
                    struct ivx_err *err);

/* MR and PET as 16-bit words: what is known before a voxel is; what the least and largest
 * result decide; and the rounding, which returns how many did not fit. */
void ivx_storing_plan(const struct ivx_source_volume *source, struct ivx_stored *out);
bool ivx_storing_measured(double least, double most, struct ivx_stored *stored,
                          struct ivx_err *err);
uint64_t ivx_storing_round(const struct ivx_stored *stored, const float *values,
                           size_t count, uint16_t *out);

/* Of what takes part in the conversion; least > most: nothing does. */
bool ivx_source_range(const struct ivx_source_volume *source, const struct ivx_crew *crew,
                      double *least_out, double *most_out, struct ivx_err *err);

/* In place of the engine where the acquired grid is kept. */
bool ivx_native_copy(const struct ivx_stack *stack, enum ivx_sample result,
                     ivx_slice_source *source, void *source_context, ivx_slice_sink *sink,
                     void *sink_context, struct ivx_resample_report *report_out,
                     struct ivx_err *err);

/* Creates <directory>/<name>, or <directory>/<name><suffix>. */
bool ivx_part_create(const struct ivx_conversion *conversion, const char *name,
                     const char *suffix, int *fd_out, struct ivx_err *err);
bool ivx_part_write_text(const struct ivx_conversion *conversion, const char *name,
                         const char *suffix, const char *text, struct ivx_err *err);

/* {"dims":..,"spacing_mm":..,"origin_lps":..,"axes_lps":..}; NULL without memory. */
cJSON *ivx_grid_to_json(const struct ivx_grid *grid);
cJSON *ivx_numbers_to_json(const double *values, int count);

/* Everything needed to repeat the conversion, and to judge its result. */
bool ivx_manifest_make(const struct ivx_plan *plan,
                       const struct ivx_conversion_result *result, char **json_out,
                       struct ivx_err *err);

/* What the source contains; docs/MANIFEST.md defines the digests. tap(): Pixel Data of slice k,
 * when it happens to be in memory; one thread at a time. finish(): the crew reads what was not
 * shown. contents: hex per slice of its object. */
struct ivx_digests; /* opaque; the source is borrowed */
bool ivx_digests_new(const struct ivx_source_volume *source, struct ivx_digests **out,
                     struct ivx_err *err);
void ivx_digests_tap(void *digests, int32_t k, const uint8_t *bytes, size_t length);
bool ivx_digests_finish(struct ivx_digests *digests, const struct ivx_crew *crew,
                        char pixels_out[IVX_SHA256_HEX], struct ivx_err *err);
const char *const *ivx_digests_contents(const struct ivx_digests *digests);
void ivx_digests_free(struct ivx_digests **digests);

#endif
