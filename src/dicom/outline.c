#include "outline.h"

#include <string.h>

#include "isovox/dicom/scan.h"

/* The parser keeps all of it in memory, functional groups too: no more of them than of
 * everything else. */
static const struct ivx_scan_limits limits = {
    .depth = 64, .elements = 200000, .header = UINT64_C(64) << 20,
    .frames = 65536, .group_elements = 200000, .groups = UINT64_C(64) << 20,
};

bool ivx_outline_read(const struct ivx_blob *blob, struct ivx_outline *out, struct ivx_err *err)
{
    struct ivx_scan scan;
    enum ivx_reason reason;
    if (!ivx_scan(blob, &limits, NULL, NULL, &scan, &reason, err))
        return false;
    memcpy(out->syntax, scan.syntax, sizeof out->syntax);
    out->start = scan.start;
    out->data_set = scan.data_set;
    return true;
}
