/* commitment.h - the data sets of the Storage Commitment Push Model, PS3.4 tables J.3-1 and
 * J.3-2: a Transaction UID and references, as bytes. A request lists what is to be committed,
 * a report what is and what is not. */
#ifndef IVX_DICOM_COMMITMENT_H
#define IVX_DICOM_COMMITMENT_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"
#include "isovox/base/reference.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IVX_COMMITMENT_CLASS "1.2.840.10008.1.20.1"
#define IVX_COMMITMENT_INSTANCE "1.2.840.10008.1.20.1.1" /* well known, the only one */

enum {
    IVX_COMMITMENT_ACTION = 1,   /* Action Type ID: request storage commitment */
    IVX_COMMITMENT_ALL = 1,      /* Event Type ID: all are committed */
    IVX_COMMITMENT_SOME = 2,     /* Event Type ID: there are failures */
    IVX_COMMITMENT_MOST = 20000, /* references of one transaction; plan takes as many slices */
    IVX_COMMITMENT_BYTES = 6 << 20, /* of a data set */
};

struct ivx_commitment {
    char transaction_uid[65];
    struct ivx_reference *references; /* owned */
    size_t count;
};
void ivx_commitment_clear(struct ivx_commitment *commitment); /* frees what it owns */
/* How many have a reason. */
size_t ivx_commitment_failures(const struct ivx_commitment *commitment);

/* Implicit or Explicit VR Little Endian. Read by the bounded scanner. IVX_DAMAGED: no
 * Transaction UID, a reference without its UIDs or a UID that is none; IVX_FULL: more than
 * IVX_COMMITMENT_MOST references, or no memory. */
bool ivx_commitment_read(const uint8_t *bytes, size_t length, const char *syntax,
                         struct ivx_commitment *out, struct ivx_err *err);
/* References without a reason in Referenced SOP Sequence, the others in Failed SOP Sequence
 * (an empty sequence is left out). The caller frees *bytes_out. */
bool ivx_commitment_write(const struct ivx_commitment *commitment, const char *syntax,
                          uint8_t **bytes_out, size_t *length_out, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
