/* window.h - a sliding 64 KiB view of a blob, so that nobody reads what nobody needs. */
#ifndef IVX_DICOM_WINDOW_H
#define IVX_DICOM_WINDOW_H

#include <stdint.h>

#include "isovox/base/reason.h"
#include "isovox/dicom/inflate.h"
#include "isovox/sys/file.h"

enum { IVX_WINDOW_ROOM = 65536 };

struct ivx_window {
    const struct ivx_blob *blob;
    int fd;
    uint64_t length;              /* of the object: the blob's, or more when it is deflated */
    struct ivx_inflate *inflated; /* from `deflated_at` on; NULL: the blob as it is */
    uint64_t deflated_at;
    uint64_t start; /* of what is in bytes[], within the blob */
    size_t used;
    uint8_t bytes[IVX_WINDOW_ROOM];
};

bool ivx_window_open(const struct ivx_blob *blob, struct ivx_window **out, struct ivx_err *err);
void ivx_window_free(struct ivx_window **window);

/* From `at` on, the object is what the blob's bytes inflate to; offsets count on from there.
 * False: *reason_out is DAMAGED or TOO_LARGE when the bytes are to blame. */
bool ivx_window_inflate(struct ivx_window *window, uint64_t at, enum ivx_reason *reason_out,
                        struct ivx_err *err);

/* Bytes [at, at + length) of the object, length <= IVX_WINDOW_ROOM; the caller checked
 * that they are inside. Borrowed until the next call. NULL on a read error. */
const uint8_t *ivx_window_get(struct ivx_window *window, uint64_t at, size_t length,
                              struct ivx_err *err);
/* The same into out, without reading more than that from a file. */
bool ivx_window_peek(struct ivx_window *window, uint64_t at, void *out, size_t length,
                     struct ivx_err *err);

#endif
