/* query.h - what a source has of a series, and fetching it: C-FIND and C-MOVE of the Study
 * Root model (PS3.4 annex C) on an association that was opened with IVX_QUERY_FIND and
 * IVX_QUERY_MOVE among its contexts. */
#ifndef IVX_DICOM_QUERY_H
#define IVX_DICOM_QUERY_H

#include "isovox/dicom/scu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IVX_QUERY_FIND "1.2.840.10008.5.1.4.1.2.2.1"
#define IVX_QUERY_MOVE "1.2.840.10008.5.1.4.1.2.2.2"

enum {
    IVX_QUERY_MOST = 20000, /* instances of one series; plan takes as many slices */
    IVX_QUERY_MOVED = 200,  /* instances of one C-MOVE */
};

struct ivx_query_series {
    const char *study_uid, *series_uid;
};
/* Number of Series Related Instances (0020,1209). *out is 0 when the source has no such series,
 * and -1 when it has and does not say how many instances. True only with an answer; IVX_RETRY:
 * the association is lost; IVX_REFUSED: the source does not answer such questions. */
bool ivx_scu_find_count(struct ivx_scu *scu, const struct ivx_query_series *series,
                        int64_t *out, struct ivx_err *err);

/* Every instance of the series, in the source's order; those of other series that the source
 * lists all the same are passed over; sop_class is "" when it does not say.
 * False ends the answer. */
typedef bool ivx_query_found(void *context, const char *sop_class, const char *sop_uid,
                             struct ivx_err *err);
bool ivx_scu_find_instances(struct ivx_scu *scu, const struct ivx_query_series *series,
                            ivx_query_found *found, void *context, struct ivx_err *err);

struct ivx_query_moved {
    int completed, failed; /* as the source counts them */
    struct ivx_scu_answer answer;
};
/* Has the source send `count` (1 to IVX_QUERY_MOVED) instances to the AE title `to`, which it
 * must know. True when the source answered, whatever it answered. */
bool ivx_scu_move(struct ivx_scu *scu, const struct ivx_query_series *series,
                  const char *const *sop_uids, size_t count, const char *to,
                  struct ivx_query_moved *out, struct ivx_err *err);

#ifdef __cplusplus
}
#endif
#endif
