/* window.h - a sliding 64 KiB view of a blob, so that nobody reads what nobody needs. */
#ifndef IVX_DICOM_WINDOW_H
#define IVX_DICOM_WINDOW_H

#include <stdint.h>

#include "isovox/sys/file.h"

enum { IVX_WINDOW_ROOM = 65536 };

struct ivx_window {
    const struct ivx_blob *blob;
    int fd;
    uint64_t start; /* of what is in bytes[], within the blob */
    size_t used;
    uint8_t bytes[IVX_WINDOW_ROOM];
};

bool ivx_window_open(const struct ivx_blob *blob, struct ivx_window **out, struct ivx_err *err);
void ivx_window_free(struct ivx_window **window);

/* Bytes [at, at + length) of the blob, length <= IVX_WINDOW_ROOM; the caller has checked
 * that they are inside. Borrowed until the next call. NULL on a read error. */
const uint8_t *ivx_window_get(struct ivx_window *window, uint64_t at, size_t length,
                              struct ivx_err *err);

#endif
