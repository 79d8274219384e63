/* scan.h - a bounded walk over one DICOM object, before any parser sees it. Plain C.
 *
 * What passes has: nesting within `depth`, at most `elements` elements, every length inside
 * its parent and the blob, every sequence closed. Undefined lengths are followed without
 * recursion. Pixel Data is located, never read;
 * of its fragments only the lengths. PS3.5 chapter 7, PS3.10 chapter 7. */
#ifndef IVX_DICOM_SCAN_H
#define IVX_DICOM_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"
#include "isovox/base/reason.h"
#include "isovox/sys/file.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ivx_scan_limits {
    int depth;         /* sequences inside sequences, at most 64 */
    uint32_t elements; /* items and delimiters included */
    uint64_t header;   /* bytes before Pixel Data */
    /* Per-frame Functional Groups (5200,9230), which the three above do not count. */
    uint32_t frames;         /* items */
    uint32_t group_elements;
    uint64_t groups;         /* bytes */
    bool items;              /* show an item too, when it ends */
};
/* 64, 200 000, 64 MiB; 65 536, 8 000 000, 512 MiB; false. */
extern const struct ivx_scan_limits ivx_scan_default;

/* The longest value that is handed to the visitor; longer ones have value == NULL. */
enum { IVX_SCAN_VALUE = 4096 };

/* One element. Values are raw: padding still there, numbers in the object's byte order. */
struct ivx_scan_element {
    uint32_t tag;
    char vr[3];             /* "" in Implicit VR */
    int depth;              /* 0: the data set itself; n: inside n sequences */
    uint32_t parent;        /* tag of the innermost sequence, 0 at depth 0 */
    uint32_t item;          /* which item of it, from 0 */
    uint64_t offset;        /* of the value, within the blob */
    uint64_t length;        /* of the value; 0 when undefined */
    bool undefined;         /* undefined length: a sequence or fragments follow */
    bool big_endian;
    const uint8_t *value;   /* borrowed during the call; NULL: see IVX_SCAN_VALUE */
};

/* Called for each element of the data set in order, Pixel Data included, the meta header
 * not. With limits.items also for each item where it ends: tag FFFEE000, offset and length
 * of what is in it, parent and item as for its elements. Returning false ends the scan with
 * that error. */
typedef bool ivx_scan_visit(void *context, const struct ivx_scan_element *element,
                            struct ivx_err *err);

struct ivx_scan {
    char syntax[65];      /* from the meta header; guessed from the bytes when there is none */
    char media_class[65]; /* Media Storage SOP Class UID, from the meta header */
    uint64_t media_uid_at; /* where the value of Media Storage SOP Instance UID is; 0: none */
    bool has_meta;
    bool explicit_vr, big_endian, encapsulated;
    uint32_t elements;
    int depth;            /* deepest */
    uint64_t start;       /* after preamble and "DICM": 132, or 4, or 0 without them */
    uint64_t data_set;    /* where it starts, after the meta header */
    uint32_t pixel_tag;   /* 7FE00010, 7FE00008 or 7FE00009 at depth 0; else 0 */
    /* The length as claimed; encapsulated: of all items with their headers. */
    uint64_t pixel_offset, pixel_length;
    bool pixel_truncated; /* claimed beyond the end of the object; fragments malformed, empty */
    uint32_t fragments;   /* when encapsulated; the offset table does not count */
    /* Not 0: the data set is deflated and starts there. All offsets are those of the object
     * as it would be with the data set inflated in its place. */
    uint64_t deflated_at;
};

/* Walks up to and including Pixel Data's own length field, or its fragments' lengths.
 * limits NULL: the defaults. False: *reason_out is DAMAGED, TOO_LARGE or
 * UNSUPPORTED_SYNTAX when the object is to blame, and NONE when reading failed or the
 * visitor said no. */
bool ivx_scan(const struct ivx_blob *blob, const struct ivx_scan_limits *limits,
              ivx_scan_visit *visit, void *context, struct ivx_scan *out,
              enum ivx_reason *reason_out, struct ivx_err *err);

/* Do the first bytes look like DICOM, with or without preamble and meta header? For telling
 * a damaged object from a file that never was one. False too when it cannot be read. */
bool ivx_scan_looks_like_dicom(const struct ivx_blob *blob);

/* Text of a value into room bytes: trailing and leading spaces and NULs removed, cut at an
 * embedded NUL. False when it was cut to the room. */
bool ivx_scan_text(const struct ivx_scan_element *element, char *out, size_t room);
/* Decimal strings (PS3.5 6.2, DS): up to `most` values separated by '\'. The number of
 * values, or -1 when one of them is no finite number. */
int ivx_scan_decimals(const struct ivx_scan_element *element, double *out, int most);
/* The nth 16-bit number of a value; false when it is not there. */
bool ivx_scan_u16(const struct ivx_scan_element *element, int n, uint16_t *out);

#ifdef __cplusplus
}
#endif
#endif
