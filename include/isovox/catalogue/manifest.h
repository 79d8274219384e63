/* manifest.h - who has named the instances of a series, and which of them are here. Part of
 * the catalogue; see catalogue.h for transactions and errors. */
#ifndef IVX_CATALOGUE_MANIFEST_H
#define IVX_CATALOGUE_MANIFEST_H

#include "isovox/catalogue/performed.h"

enum ivx_manifest_by {
    IVX_MANIFEST_NONE,
    IVX_MANIFEST_COMMITMENT, /* requests for storage commitment, taken together */
    IVX_MANIFEST_STEP,       /* procedure steps that list images of the series */
};
struct ivx_manifest {
    enum ivx_manifest_by by;
    int64_t here, missing;   /* of the named: received, and not */
    enum ivx_step_state step; /* OPEN unless every step is over; one that was given up counts */
};
bool ivx_catalogue_manifest_of_steps(struct ivx_catalogue *catalogue, int64_t series_id,
                                     struct ivx_manifest *out, struct ivx_err *err);
bool ivx_catalogue_manifest(struct ivx_catalogue *catalogue, int64_t series_id,
                            struct ivx_manifest *out, struct ivx_err *err);

#endif
