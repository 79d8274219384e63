/* manifest.h - who has named the instances of a series, and which of them are here. Part of
 * the catalogue; see catalogue.h for transactions and errors. */
#ifndef IVX_CATALOGUE_MANIFEST_H
#define IVX_CATALOGUE_MANIFEST_H

#include "isovox/catalogue/catalogue.h"

enum ivx_manifest_by {
    IVX_MANIFEST_NONE,
    IVX_MANIFEST_COMMITMENT, /* requests for storage commitment, taken together */
};
struct ivx_manifest {
    enum ivx_manifest_by by;
    int64_t here, missing;   /* of the named: received, and not */
};
bool ivx_catalogue_manifest(struct ivx_catalogue *catalogue, int64_t series_id,
                            struct ivx_manifest *out, struct ivx_err *err);
/* Grows with every manifest that comes or changes. */
bool ivx_catalogue_manifest_newest(struct ivx_catalogue *catalogue, int64_t *out,
                                   struct ivx_err *err);

#endif
