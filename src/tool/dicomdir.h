/* dicomdir.h - the files that a DICOMDIR lists (PS3.10 chapter 8, PS3.3 annex F). */
#ifndef IVX_TOOL_DICOMDIR_H
#define IVX_TOOL_DICOMDIR_H

#include "isovox/base/reason.h"
#include "isovox/sys/file.h"

/* Names relative to the DICOMDIR's folder, parts joined by '/', ascending, each once. */
struct ivx_dicomdir {
    char **name; /* owned */
    size_t count, room;
    size_t outside; /* file IDs that are none, or would leave the folder: not in name[] */
};
void ivx_dicomdir_free(struct ivx_dicomdir *listed);

/* Reads the records one after another, as they stand in the file: their offsets, which may
 * be wrong or run in circles, are not followed. out starts as { 0 } and is freed by the caller
 * in any case. False: *reason_out says why it is no usable DICOMDIR, or NONE. */
bool ivx_dicomdir_read(const struct ivx_blob *blob, struct ivx_dicomdir *out,
                       enum ivx_reason *reason_out, struct ivx_err *err);

/* The path of a listed file under `folder`, part by part: as it is written, else whatever the
 * case, and with the version that ISO 9660 may show (";1", a dot at the end). *path_out is
 * NULL when there is none; the caller frees. IVX_FULL is the only failure. */
bool ivx_dicomdir_find(const char *folder, const char *name, char **path_out,
                       struct ivx_err *err);

#endif
