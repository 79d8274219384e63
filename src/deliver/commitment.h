/* commitment.h - storage commitment asked of a destination, over an association that a sender
 * holds. */
#ifndef IVX_DELIVER_COMMITMENT_H
#define IVX_DELIVER_COMMITMENT_H

#include "isovox/catalogue/commitment.h"
#include "isovox/config/config.h"
#include "isovox/dicom/scu.h"

enum ivx_asking {
    IVX_ASKED,       /* and a report will come, on this association or on another */
    IVX_ASK_NOTHING, /* all of it is committed */
    IVX_ASK_NOBODY,  /* the peer has no such service */
    IVX_ASK_LATER,   /* it refused, *answer_out, or the error says why there was no answer */
};

/* For everything that is accepted and not committed yet, under a new Transaction UID. */
enum ivx_asking ivx_commitment_ask(struct ivx_catalogue *catalogue, struct ivx_scu *scu,
                                   const struct ivx_delivery_row *row,
                                   struct ivx_scu_answer *answer_out, struct ivx_err *err);

/* Waits that long for a report, records it, answers it. False when the association is lost;
 * *came_out says whether one came. */
bool ivx_commitment_listen(struct ivx_catalogue *catalogue, const struct ivx_config *config,
                           struct ivx_scu *scu, int milliseconds, bool *came_out);

#endif
