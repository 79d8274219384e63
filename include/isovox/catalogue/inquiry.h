/* inquiry.h - what sources are asked about open series, and what they say. Part of the
 * catalogue; see catalogue.h for transactions and errors. */
#ifndef IVX_CATALOGUE_INQUIRY_H
#define IVX_CATALOGUE_INQUIRY_H

#include "isovox/catalogue/catalogue.h"

enum ivx_inquiry_state {
    IVX_INQUIRY_NONE,     /* nobody has been asked */
    IVX_INQUIRY_WANTED,   /* no answer yet */
    IVX_INQUIRY_ANSWERED,
    IVX_INQUIRY_FAILED,   /* no answer could be had; it is tried again */
};
struct ivx_inquiry {
    enum ivx_inquiry_state state;
    int64_t instances, expected; /* here when it was wanted; at the source, -1: unknown */
    char source[65], note[IVX_NOTE_ROOM];
};
/* ---- plan -------------------------------------------------------------------------------- */

/* A series that has no inquiry has state NONE. */
bool ivx_catalogue_inquiry(struct ivx_catalogue *catalogue, int64_t series_id,
                           struct ivx_inquiry *out, struct ivx_err *err);
/* The source is to be asked, now that so many instances are here; it is once per number. The
 * inquiry ends with the next decision. */
bool ivx_catalogue_inquiry_want(struct ivx_catalogue *catalogue, int64_t series_id,
                                const char *source, int64_t instances, struct ivx_err *err);

/* ---- query ------------------------------------------------------------------------------- */

/* Sources with something to be asked now. Names are 65 bytes each; the caller frees. */
bool ivx_catalogue_inquiry_due(struct ivx_catalogue *catalogue, char (**names_out)[65],
                               size_t *count_out, struct ivx_err *err);
struct ivx_inquiry_work {
    int64_t series_id, instances, attempts; /* here now; answers and failures so far */
    char series_uid[65], study_uid[65];
};
/* The next one for this source; IVX_ABSENT when there is none. */
bool ivx_catalogue_inquiry_next(struct ivx_catalogue *catalogue, const char *source,
                                struct ivx_inquiry_work *out, struct ivx_err *err);
/* Has this instance been received, and is it still here? Also one that was set aside: sent again
 * it would be no other. */
bool ivx_catalogue_has(struct ivx_catalogue *catalogue, const char *sop_uid, bool *out,
                       struct ivx_err *err);
/* state ANSWERED or FAILED. next_us: when to ask again, 0: when plan wants it. It is evidence. */
bool ivx_catalogue_inquiry_end(struct ivx_catalogue *catalogue, int64_t series_id,
                               const struct ivx_inquiry *end, int64_t next_us,
                               struct ivx_err *err);

#endif
