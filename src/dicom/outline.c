#include "outline.h"

#include <string.h>

#include "isovox/dicom/scan.h"

bool ivx_outline_read(const struct ivx_blob *blob, struct ivx_outline *out, struct ivx_err *err)
{
    struct ivx_scan scan;
    enum ivx_reason reason;
    if (!ivx_scan(blob, NULL, NULL, NULL, &scan, &reason, err))
        return false;
    memcpy(out->syntax, scan.syntax, sizeof out->syntax);
    out->data_set = scan.data_set;
    return true;
}
