/* dataset.h - one DICOM object to edit and write. The C face of DCMTK: no C++ type,
 * exception or OFCondition crosses this line, and no decision is taken below it. */
#ifndef IVX_DICOM_DATASET_H
#define IVX_DICOM_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"
#include "isovox/sys/file.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ivx_dataset; /* opaque: owns everything in it */
struct ivx_item;    /* opaque: the data set itself or an item of a sequence; borrowed */

bool ivx_dataset_new(struct ivx_dataset **out, struct ivx_err *err);
/* Everything before Pixel Data (and its variants). The blob goes through ivx_scan()
 * first: the parser underneath trusts depth and lengths. */
bool ivx_dataset_load_header(const struct ivx_blob *blob, struct ivx_dataset **out,
                             struct ivx_err *err);

/* Where one frame of a multi-frame object says what is its own. Offsets as ivx_scan() gives
 * them, with limits.items: the caller has scanned the object. */
struct ivx_frame_place {
    const char *syntax;
    uint64_t data_set, deflated_at;
    uint64_t groups_offset;              /* of the header of (5200,9230) */
    uint64_t group_offset, group_length; /* of what the frame's item of it holds */
};
/* The functional groups of one frame: 4 MiB. */
#define IVX_FRAME_GROUP_MOST (UINT64_C(4) << 20)
/* Everything before (5200,9230), and that with the one item of this frame: as much memory as
 * a single-frame object takes, however many frames there are. */
bool ivx_dataset_load_frame(const struct ivx_blob *blob, const struct ivx_frame_place *place,
                            struct ivx_dataset **out, struct ivx_err *err);

void ivx_dataset_free(struct ivx_dataset **dataset);
struct ivx_item *ivx_dataset_root(struct ivx_dataset *dataset);

/* Text as it is in the data set, values joined by '\' (numbers may end with a space); false
 * without an error when the attribute is absent, empty, or of a binary VR. Borrowed until
 * changed. */
bool ivx_item_text(struct ivx_item *item, uint32_t tag, const char **out);
bool ivx_item_has(struct ivx_item *item, uint32_t tag);
/* The first value of a US or SS attribute, as it is written; false when it is none. */
bool ivx_item_u16(struct ivx_item *item, uint32_t tag, uint16_t *out);
/* The first value of a UL attribute. */
bool ivx_item_u32(struct ivx_item *item, uint32_t tag, uint32_t *out);
/* The first value of an FD or FL attribute; false when it is none. */
bool ivx_item_f64(struct ivx_item *item, uint32_t tag, double *out);
/* Items of a sequence: 0 when it is absent or no sequence. item n is 0 .. count-1. */
size_t ivx_item_count(struct ivx_item *item, uint32_t sequence_tag);
struct ivx_item *ivx_item_at(struct ivx_item *item, uint32_t sequence_tag, size_t n);
/* Both have the attribute with the same value (sequences: recursively), or neither has it. */
bool ivx_item_same(struct ivx_item *item, struct ivx_item *other, uint32_t tag);

/* Set (replace) a value; the VR is the dictionary's. An empty text makes an empty value. */
bool ivx_item_put_text(struct ivx_item *item, uint32_t tag, const char *text,
                       struct ivx_err *err);
bool ivx_item_put_u16(struct ivx_item *item, uint32_t tag, uint16_t value, struct ivx_err *err);
bool ivx_item_put_s16(struct ivx_item *item, uint32_t tag, int16_t value, struct ivx_err *err);
/* Values of FD, FL attributes. */
bool ivx_item_put_double(struct ivx_item *item, uint32_t tag, double value, struct ivx_err *err);
/* Private elements and others whose VR the dictionary does not know: vr is two letters. */
bool ivx_item_put_text_as(struct ivx_item *item, uint32_t tag, const char *vr,
                          const char *text, struct ivx_err *err);
/* Copies every element of `from` into `to`, in place of what is there. */
bool ivx_item_lift(struct ivx_item *to, struct ivx_item *from, struct ivx_err *err);
/* Appends an item to the sequence (made when missing). */
bool ivx_item_append(struct ivx_item *item, uint32_t sequence_tag, struct ivx_item **out,
                     struct ivx_err *err);
void ivx_item_remove(struct ivx_item *item, uint32_t tag);
/* From one item to another, replacing what is there; nothing where there is none. */
bool ivx_item_move(struct ivx_item *from, uint32_t tag, struct ivx_item *to, struct ivx_err *err);
/* Removes every element for which the answer is true; at this level only. */
typedef bool ivx_item_filter(void *context, uint32_t tag);
void ivx_item_remove_if(struct ivx_item *item, ivx_item_filter *filter, void *context);

/* Writes a Part 10 object in Explicit VR Little Endian to fd: zero preamble, meta header
 * with our implementation UID, then the data set with `pixels` (little-endian words of 16
 * bits) as Pixel Data OW. Defined bytes: no clock, no group lengths, no padding. SOP Class
 * and Instance UID must be in the data set. pixels NULL: no Pixel Data. */
bool ivx_dataset_write(struct ivx_dataset *dataset, const uint16_t *pixels, size_t count,
                       int fd, struct ivx_err *err);
/* The same up to the first pixel, for `count` words that the caller writes behind it. */
bool ivx_dataset_write_header(struct ivx_dataset *dataset, uint64_t count, int fd,
                              struct ivx_err *err);
/* The same in Implicit VR Little Endian: for test objects. */
bool ivx_dataset_write_implicit(struct ivx_dataset *dataset, const uint16_t *pixels,
                                size_t count, int fd, struct ivx_err *err);

/* From here on only these attributes of the data set itself change: what all others are written
 * as is kept, and whatever becomes of them is not looked at again. For many instances that
 * differ in little. */
bool ivx_dataset_settle(struct ivx_dataset *dataset, const uint32_t *changing, size_t count,
                        struct ivx_err *err);

/* "3.6.7": the version of DCMTK that is linked. */
const char *ivx_dataset_library(void);

#ifdef __cplusplus
}
#endif
#endif
