/* manifest.h - manifest.json, as text: docs/MANIFEST.md. */
#ifndef IVX_CONVERT_MANIFEST_FILE_H
#define IVX_CONVERT_MANIFEST_FILE_H

#include "isovox/base/err.h"

/* Raised with every member that is added, removed or means something else. */
#define IVX_MANIFEST_VERSION 2

/* Every member that a manifest must have is there and of its type. IVX_REFUSED for another
 * version, IVX_DAMAGED otherwise; the text names the first member that is not right. */
bool ivx_manifest_check(const char *json, struct ivx_err *err);

#endif
