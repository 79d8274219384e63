/* transcode.h - a result as it would be in another transfer syntax: the same data set, UIDs and
 * pixel values, encoded without loss. For our own Part 10 files in Explicit VR Little Endian. */
#ifndef IVX_DICOM_TRANSCODE_H
#define IVX_DICOM_TRANSCODE_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "jpeg-ls", "jpeg-lossless", "jpeg-2000", "rle", "deflated": their UIDs. NULL for
 * "uncompressed", and for what is no name. */
const char *ivx_transcode_syntax(const char *name);

struct ivx_transcode; /* opaque: one file, open */

/* IVX_REFUSED when this object cannot be written in this syntax: it has no Pixel Data, or
 * pixels that are not encoded (several samples, bits that are not stored, floats). Deflated
 * can be all. */
bool ivx_transcode_open(const char *path, const char *syntax, struct ivx_transcode **out,
                        struct ivx_err *err);
void ivx_transcode_free(struct ivx_transcode **transcode);

/* Takes the data set piece by piece, in order; pieces have any length. */
typedef bool ivx_transcode_sink(void *context, const uint8_t *bytes, size_t length,
                                struct ivx_err *err);
/* The whole data set, of even length. One frame is in memory at a time. */
bool ivx_transcode_run(struct ivx_transcode *transcode, ivx_transcode_sink *sink,
                       void *context, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
