/* inflate.h - the data set of a Deflated Explicit VR Little Endian object (PS3.5 A.5), read
 * as if it were there. 128 KiB of memory and 45 KiB for every 4 MiB that were read, at most
 * 12 MiB in all, whatever the object claims. */
#ifndef IVX_DICOM_INFLATE_H
#define IVX_DICOM_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/sys/file.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IVX_SYNTAX_DEFLATED "1.2.840.10008.1.2.1.99"

/* A data set that inflates to more is refused: 1 GiB. */
#define IVX_INFLATE_MOST (UINT64_C(1) << 30)

struct ivx_inflate; /* opaque */

/* The compressed bytes run from `start` to the end of the blob. fd is the blob's file, open
 * for reading; fd and blob are borrowed until the end. */
bool ivx_inflate_new(int fd, const struct ivx_blob *blob, uint64_t start,
                     struct ivx_inflate **out, struct ivx_err *err);
void ivx_inflate_free(struct ivx_inflate **inflate);

/* How long the data set is, by inflating all of it. IVX_DAMAGED when it is malformed or cut
 * off, IVX_REFUSED when it is longer than IVX_INFLATE_MOST. */
bool ivx_inflate_measure(struct ivx_inflate *inflate, uint64_t *length_out, struct ivx_err *err);
/* Bytes [at, at + length) of the data set. Cheap in ascending order; going
 * back, and over what has been seen, costs at most 4 MiB of inflating. */
bool ivx_inflate_read(struct ivx_inflate *inflate, uint64_t at, void *out, size_t length,
                      struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
