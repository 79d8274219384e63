/* performed.h - procedure steps that modalities perform, as rows. Part of the catalogue; see
 * catalogue.h for transactions and errors. */
#ifndef IVX_CATALOGUE_PERFORMED_H
#define IVX_CATALOGUE_PERFORMED_H

#include "isovox/catalogue/catalogue.h"

enum ivx_step_state { IVX_STEP_OPEN, IVX_STEP_COMPLETED, IVX_STEP_DISCONTINUED };

struct ivx_step_image { /* texts are borrowed; sop_uid "": a series without images */
    const char *series_uid, *sop_uid;
};
/* Steps of one calling AE title, and what they list in all; more are IVX_FULL. */
enum { IVX_STEPS_MOST = 10000, IVX_STEP_IMAGES_MOST = 1000000 };

/* Durable when they return true. IVX_STALE: there is such a step already. */
bool ivx_catalogue_step_create(struct ivx_catalogue *catalogue, const char *sop_uid,
                               const char *calling_ae, const struct ivx_step_image *images,
                               size_t count, struct ivx_err *err);
/* `lists`: the images replace those that were listed before. IVX_ABSENT: there is no such
 * step; IVX_REFUSED: it is over, and may not be changed any more. */
bool ivx_catalogue_step_set(struct ivx_catalogue *catalogue, const char *sop_uid,
                            enum ivx_step_state state, bool lists,
                            const struct ivx_step_image *images, size_t count,
                            struct ivx_err *err);
/* Steps that nobody has changed since are forgotten. */
bool ivx_catalogue_steps_forget(struct ivx_catalogue *catalogue, int64_t before_us,
                                struct ivx_err *err);

#endif
