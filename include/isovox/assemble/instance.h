/* instance.h - what assembly needs to know of one image: rule R0's record. An image is an
 * instance, or one frame of a multi-frame one. */
#ifndef IVX_ASSEMBLE_INSTANCE_H
#define IVX_ASSEMBLE_INSTANCE_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"
#include "isovox/base/reason.h"
#include "isovox/sys/file.h"

#define IVX_CT_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.2"
#define IVX_MR_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.4"
#define IVX_PET_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.128"

/* Frames of one object: what has more is refused. A record takes some 2 kB. */
enum { IVX_MOST_FRAMES = 65536 };

/* Texts are the data set's, padding removed, cut to the room. Numbers are doubles parsed
 * with full precision. Nothing that identifies a patient is kept. */
/* Modality LUT (0028,3000): stored values from `first` on become entries of LUT Data. */
struct ivx_lut {
    int32_t items; /* of the sequence: 1 is right */
    int32_t entries, first, bits;
    uint64_t offset, length; /* of LUT Data's value within the object */
};

struct ivx_instance {
    char *path;             /* owned; blob.path borrows it */
    struct ivx_blob blob;
    char sop_class[65], sop_uid[65], series_uid[65], study_uid[65], frame_uid[65], syntax[65];
    char modality[17], image_type[129], series_description[65], study_description[65];
    char station_name[17], body_part[17], manufacturer[65], patient_position[17];
    char acquisition_number[17], acquisition_time[33], content_time[33], echo[33];
    char convolution_kernel[65], temporal[33], trigger_time[33], b_value[33], frame_time[33];
    char acquisition_datetime[33], gradient[97];
    /* Of classic instances, only to tell images at one position apart: Sequence Name, times and
     * angles of the excitation, Corrected Image; and what vendors write of diffusion. */
    char contrast[129], vendor_diffusion[161];
    char units[17], series_type[33], decay_correction[17], protocol[65];
    char component; /* MR: 'M'agnitude, 'P'hase, 'R'eal, 'I'maginary; 0: not said */
    /* How many images there are to be, as the object says; 0: it does not. PS3.3 C.7.6.1,
     * C.8.9.1, C.7.6.16: per acquisition, per volume, per series, per concatenation. */
    int64_t images_in_acquisition, temporal_positions;
    int32_t slices_in_volume, time_slices, rr_intervals, time_slots;
    int32_t in_concatenation, concatenation_total;
    char concatenation[65];
    int64_t instance_number; /* INT64_MIN when absent: never used for geometry */
    int32_t rows, columns, frames, samples_per_pixel;
    int32_t bits_allocated, bits_stored, high_bit, pixel_representation;
    char photometric[17];
    bool has_position, has_orientation, has_spacing, has_slope, has_intercept;
    bool has_padding, has_padding_limit, has_tilt, has_thickness, has_pixels;
    bool has_modality_lut;   /* Modality LUT Sequence (0028,3000) */
    struct ivx_lut lut;
    bool float_pixels;       /* Float or Double Float Pixel Data */
    bool pixel_bytes;        /* Pixel Data is OB, not OW */
    bool pixels_truncated;   /* Pixel Data claims more bytes than the object has */
    bool geometry_malformed; /* a position, orientation, spacing or rescale is no number */
    bool own_result;         /* Isovox made it: private creator, or contributing equipment */
    bool lossy;              /* Lossy Image Compression (0028,2110) is 01, or a lossy syntax */
    double position[3], orientation[6], spacing[2]; /* spacing: [0] between rows, [1] columns */
    double slope, intercept; /* 1 and 0 where an MR, whose IOD has none, says nothing */
    double thickness, tilt_deg;
    int32_t padding, padding_limit; /* as stored values, sign by pixel_representation */
    /* Pixel Data's value within the object: with all item headers when encapsulated, and
     * with the data set inflated in its place when `deflated_at` is not 0 (see scan.h). */
    uint64_t pixel_offset, pixel_length, deflated_at;
    bool big_endian, encapsulated;
    char stack_id[17];
    uint32_t dimension[5]; /* Dimension Index Values: tell images apart, say nothing of place */

    /* Multi-frame. The object's own record is never a slice: `frame` has frame_count of them,
     * owned. In that of a frame, frame_number counts from 1, `object` is where it is from,
     * `path` is borrowed from there, frames is 1, and pixel_offset and pixel_length are its
     * own: of an encapsulated one the items without the table. */
    struct ivx_instance *frame;
    int32_t frame_count, frame_number;
    const struct ivx_instance *object;
    bool groups_disagree; /* not one functional group for each frame, or not in order */
    uint64_t data_set, groups_offset;    /* of the object: it, and (5200,9230), begin there */
    uint64_t group_offset, group_length; /* of the frame: what its item of that holds */
};

/* What was received: the object of a frame, else the instance itself. */
const struct ivx_instance *ivx_instance_object(const struct ivx_instance *slice);

enum ivx_kind { IVX_KIND_OTHER, IVX_KIND_CT, IVX_KIND_MR, IVX_KIND_PET };
/* By SOP class, never by Modality; the same for classic, enhanced and legacy converted. */
enum ivx_kind ivx_instance_kind(const struct ivx_instance *instance);

/* Reads the header through the bounded scanner (isovox/dicom/scan.h). False: it is no usable
 * DICOM object; *reason_out says which kind (DAMAGED, UNSUPPORTED_SYNTAX, TOO_LARGE,
 * UNSUPPORTED_MODALITY for a DICOMDIR) and err the rest; NONE: it could not be read (I/O,
 * memory), and another attempt may succeed.
 * Missing geometry and truncated pixels are no error here: assembly decides. */
bool ivx_instance_read(const struct ivx_blob *blob, struct ivx_instance **out,
                       enum ivx_reason *reason_out, struct ivx_err *err);
void ivx_instance_free(struct ivx_instance **instance);

#endif
