/* scanned.h - scan some bytes and keep what was seen. */
#ifndef IVX_TEST_SCANNED_H
#define IVX_TEST_SCANNED_H

#include "bytes.h"
#include "isovox/dicom/scan.h"

#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define EXPLICIT_BIG "1.2.840.10008.1.2.2"
enum { ITEM = 0xFFFEE000, ITEM_END = 0xFFFEE00D, SEQUENCE_END = 0xFFFEE0DD };
enum { MOST_SEEN = 64 };

struct seen {
    struct ivx_scan_element element[MOST_SEEN];
    char text[MOST_SEEN][32];
    int count;
};

struct outcome {
    bool passed;
    enum ivx_reason reason;
    struct ivx_scan scan;
    struct ivx_err err;
    struct seen seen;
};

void scan_with(const struct bytes *bytes, const struct ivx_scan_limits *limits,
               struct outcome *out);
struct outcome scanned(const struct bytes *bytes);
/* The visitor of both; the context is a struct seen. */
bool note(void *context, const struct ivx_scan_element *element, struct ivx_err *err);

#endif
