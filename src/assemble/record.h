/* record.h - a record while it is read: an object, or one frame of it. Private to assemble. */
#ifndef IVX_ASSEMBLE_RECORD_H
#define IVX_ASSEMBLE_RECORD_H

#include "isovox/assemble/instance.h"
#include "isovox/dicom/frames.h"
#include "isovox/dicom/scan.h"

struct ivx_record {
    struct ivx_instance *made;
    uint16_t padding, padding_limit, lut_first;
    char complex[17];    /* Complex Image Component (0008,9208) */
    bool has_ge_type;    /* (0043,102F) of GEMS_PARM_01 */
    uint16_t ge_type;
    char ge_creator[17]; /* (0043,0010) */
    bool never_lossy;    /* Lossy Image Compression is there and says no */
};

/* An attribute of the data set itself. */
void ivx_record_take(struct ivx_record *record, const struct ivx_scan_element *element);
/* One of an item of the Modality LUT Sequence, or that item's end. */
void ivx_record_take_lut(struct ivx_record *record, const struct ivx_scan_element *element);
/* An attribute in a functional group: one that may be said of a single frame, under its own
 * name or that of the enhanced classes; everything else is passed over. */
void ivx_record_take_group(struct ivx_record *record, const struct ivx_scan_element *element);
/* What follows from several attributes at once. */
void ivx_record_finish(struct ivx_record *record);
/* What the walk found out about Pixel Data. */
void ivx_record_set_pixels(struct ivx_record *record, const struct ivx_scan *scan);

/* Functional groups while they are walked: groups.c. */
struct ivx_groups {
    struct ivx_record *object;
    struct ivx_record frame;   /* the one that we are in */
    struct ivx_instance *made; /* owned: a record for each frame */
    uint32_t count, room;
    bool open;                 /* frame is not finished */
    uint32_t inside;           /* 52009229, 52009230 or 0 */
    uint32_t macro;            /* the one that we are in, if it is read; else 0 */
    bool ended;                /* per-frame groups were there */
    bool disordered;           /* something of the object comes behind them */
    struct ivx_span extended;  /* the value of Extended Offset Table */
};

/* Every element of the scan, in order. IVX_FULL is the only failure. */
bool ivx_groups_take(struct ivx_groups *groups, const struct ivx_scan_element *element,
                     struct ivx_err *err);
/* After the scan: the object has its frames, and each its pixels. */
bool ivx_groups_finish(struct ivx_groups *groups, const struct ivx_scan *scan,
                       struct ivx_err *err);

#endif
