/* commitment.h - storage commitment on one association: what its peer asks becomes a row
 * before it is answered, and its report goes out on this association while that is open. */
#ifndef IVX_RECEIVE_COMMITMENT_H
#define IVX_RECEIVE_COMMITMENT_H

#include "isovox/catalogue/commitment.h"
#include "isovox/config/config.h"
#include "isovox/dicom/scp.h"

struct ivx_commitments {
    const struct ivx_config *config;
    const char *association;            /* its name */
    const struct ivx_scp_peer *peer;
    struct ivx_catalogue *catalogue;    /* opened when it is needed */
    int64_t waiting;                    /* asked here, and not reported here */
    int64_t reporting;                  /* sent, not answered; 0: none */
    int64_t held_us, looked_us;         /* steady clock */
};
void ivx_commitments_end(struct ivx_commitments *self); /* for IVX_AUTO */

int ivx_commitments_offered(const struct ivx_commitments *self);
/* These are the handler's: see scp.h. */
uint16_t ivx_commitments_ask(struct ivx_commitments *self, const struct ivx_commitment *asked,
                             struct ivx_err *why);
bool ivx_commitments_due(struct ivx_commitments *self, struct ivx_commitment *out);
void ivx_commitments_answered(struct ivx_commitments *self, uint16_t status);
/* The peer reports on what deliver has asked of it. */
uint16_t ivx_commitments_report(struct ivx_commitments *self,
                                const struct ivx_commitment *report, struct ivx_err *why);
/* The association is over: what was not reported is deliver's now. */
void ivx_commitments_let_go(struct ivx_commitments *self);

#endif
