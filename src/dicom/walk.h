/* walk.h - the state of a bounded walk over one object. Private to scan.c and scan_start.c. */
#ifndef IVX_DICOM_WALK_H
#define IVX_DICOM_WALK_H

#include "isovox/dicom/scan.h"
#include "window.h"

enum { IVX_WALK_DEPTH = 64, IVX_WALK_FRAMES = 2 * IVX_WALK_DEPTH + 2 };

enum ivx_walk_kind { IVX_IN_DATA_SET, IVX_IN_ITEM, IVX_IN_SEQUENCE, IVX_IN_FRAGMENTS };

/* What we are inside of. A stack of these stands in for recursion. */
struct ivx_walk_frame {
    enum ivx_walk_kind kind;
    bool undefined;   /* ends at its delimiter, and before `bound` at the latest */
    bool explicit_vr, big_endian;
    uint32_t tag;     /* of the sequence */
    uint32_t item;    /* sequence: items so far. item: its own number */
    uint64_t begin;   /* of the value */
    uint64_t bound;   /* end when defined, else that of the parent */
};

/* Implicit VR, private element: taken for a sequence by its first bytes. If what follows is
 * no sequence after all, we come back to where the value ends. */
struct ivx_walk_guess {
    bool active;
    int top, depth;
    uint64_t end;
};

struct ivx_walk {
    struct ivx_window *window;
    struct ivx_scan_limits limits;
    ivx_scan_visit *visit;
    void *context;
    struct ivx_scan *out;
    enum ivx_reason *reason;
    struct ivx_err *err;
    uint64_t at, start;
    struct ivx_walk_frame frames[IVX_WALK_FRAMES];
    int top;
    int depth;
    struct ivx_walk_guess guess;
    /* Of the Per-frame Functional Groups, which have limits of their own. */
    uint32_t group_elements;
    uint64_t group_bytes; /* of those that have ended */
    bool done;
};

/* An element header as it stands in the bytes. */
struct ivx_walk_header {
    uint32_t tag, length;
    char vr[3];
    size_t size;
};

/* Always false; the byte is where the walk stands. */
bool ivx_walk_blame(struct ivx_walk *walk, enum ivx_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The next `length` bytes, which must lie in what we are inside of; NULL otherwise. */
const uint8_t *ivx_walk_need(struct ivx_walk *walk, size_t length);
bool ivx_walk_header(struct ivx_walk *walk, struct ivx_walk_header *out);

/* scan_start.c: preamble, meta header and syntax; walk->at is then at the data set. */
bool ivx_walk_start(struct ivx_walk *walk);

#endif
