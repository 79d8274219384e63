/* identifier.h - the data sets of C-FIND and C-MOVE, PS3.4 C.4, as bytes. */
#ifndef IVX_DICOM_IDENTIFIER_H
#define IVX_DICOM_IDENTIFIER_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/dicom/query.h"

#ifdef __cplusplus
extern "C" {
#endif

/* SERIES level asks for Number of Series Related Instances; IMAGE level for the UIDs of all
 * (count 0), or of those that are named. The caller frees *bytes_out. */
bool ivx_identifier_write(const struct ivx_query_series *series, bool images,
                          const char *const *sop_uids, size_t count, const char *syntax,
                          uint8_t **bytes_out, size_t *length_out, struct ivx_err *err);

struct ivx_identifier {
    char series_uid[65], sop_class[65], sop_uid[65]; /* "": not in the answer */
    int64_t related;                  /* -1: not in the answer, or no number */
};
bool ivx_identifier_read(const uint8_t *bytes, size_t length, const char *syntax,
                         struct ivx_identifier *out, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
