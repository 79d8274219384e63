/* performed.h - what a modality says of a procedure step that it performs (MPPS, PS3.4 annex
 * F.7): its status, and the images of each series that it has made. */
#ifndef IVX_DICOM_PERFORMED_H
#define IVX_DICOM_PERFORMED_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IVX_PERFORMED_CLASS "1.2.840.10008.3.1.2.3.3"

enum {
    IVX_PERFORMED_MOST = 50000,     /* images of one step */
    IVX_PERFORMED_BYTES = 16 << 20, /* of a data set */
};
/* Performed Procedure Step Status (0040,0252). */
enum ivx_performed_status {
    IVX_PERFORMED_UNSAID, /* not in the data set */
    IVX_PERFORMED_IN_PROGRESS,
    IVX_PERFORMED_COMPLETED,
    IVX_PERFORMED_DISCONTINUED,
};
struct ivx_performed_image {
    char series_uid[65], sop_uid[65]; /* sop_uid "": a series without images */
};
struct ivx_performed {
    enum ivx_performed_status status;
    bool lists;                        /* Performed Series Sequence is there, be it empty */
    struct ivx_performed_image *image; /* owned */
    size_t count;
};
void ivx_performed_clear(struct ivx_performed *performed); /* frees what it owns */

/* Implicit or Explicit VR Little Endian. Read by the bounded scanner. IVX_DAMAGED: a status that
 * is none, a series or image without its UID, a UID that is none; IVX_FULL: more than
 * IVX_PERFORMED_MOST images, or no memory. */
bool ivx_performed_read(const uint8_t *bytes, size_t length, const char *syntax,
                        struct ivx_performed *out, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
