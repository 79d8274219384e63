/* scan_bytes.h - the bounded scanner over a data set that came in a message. */
#ifndef IVX_DICOM_SCAN_BYTES_H
#define IVX_DICOM_SCAN_BYTES_H

#include "isovox/dicom/scan.h"

/* ivx_scan() over a data set in memory, in Implicit or Explicit VR Little Endian. IVX_DAMAGED
 * and the like when the bytes are to blame. limits: the header is the whole data set. */
bool ivx_scan_bytes(const uint8_t *bytes, size_t length, const char *syntax,
                    const struct ivx_scan_limits *limits, ivx_scan_visit *visit,
                    void *context, struct ivx_err *err);

#endif
