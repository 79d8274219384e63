/* outline.h - what the parser needs to know before it may look. For C++: scan.h has a
 * function and a struct of one name, of which it does not approve. */
#ifndef IVX_DICOM_OUTLINE_H
#define IVX_DICOM_OUTLINE_H

#include <stdint.h>

#include "isovox/sys/file.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ivx_outline {
    char syntax[65];
    uint64_t start;    /* of the meta header, or of the data set when there is none */
    uint64_t data_set; /* where it starts */
};

/* By ivx_scan(): the default limits, which include the functional groups here. */
bool ivx_outline_read(const struct ivx_blob *blob, struct ivx_outline *out, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
