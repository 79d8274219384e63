#include "commitment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"
#include "isovox/sys/wake.h"

/* The row says for how long nobody else reports: longer than a look takes to come round,
 * and short, for when this process is killed. */
enum { HOLD_S = 8, RENEW_US = 2 * 1000000, LOOK_US = 100000 };

void ivx_commitments_end(struct ivx_commitments *self)
{
    ivx_catalogue_free(&self->catalogue);
}

static struct ivx_catalogue *open_catalogue(struct ivx_commitments *self, struct ivx_err *err)
{
    if (self->catalogue == NULL
        && !ivx_catalogue_open(self->config->state_dir, &self->catalogue, err))
        return NULL;
    return self->catalogue;
}

static void log_trouble(const char *association, struct ivx_err err)
{
    ivx_log(IVX_WARNING, "commitment.catalogue", "association=%s code=\"%s\" text=\"%s\"",
            association, ivx_code_text(err.code), err.text);
}

int ivx_commitments_offered(const struct ivx_commitments *self)
{
    const struct ivx_config *config = self->config;
    int offered = 0;
    if (ivx_config_sender_find(config, self->peer->calling_ae) != NULL)
        offered |= IVX_SCP_COMMITS;
    for (size_t n = 0; n < config->destination_count; n++)
        if (config->destinations[n].commitment)
            offered |= IVX_SCP_HEARS;
    return offered;
}

/* ---- the peer asks ------------------------------------------------------------------- */

static bool record(struct ivx_commitments *self, const struct ivx_commitment *asked,
                   int64_t *id_out, struct ivx_err *err)
{
    struct ivx_catalogue *catalogue = open_catalogue(self, err);
    if (catalogue == NULL)
        return false;
    const struct ivx_commitment_request request = {
        .transaction_uid = asked->transaction_uid, .calling_ae = self->peer->calling_ae,
        .called_ae = self->peer->called_ae, .peer = self->peer->address,
        .association = self->association, .items = asked->references, .count = asked->count };
    return ivx_catalogue_commitment_ask(catalogue, &request, HOLD_S, id_out, err);
}

/* PS3.7 annex C and PS3.4 J.3.2.1.3. */
static uint16_t status_of(enum ivx_code code)
{
    if (code == IVX_STALE)
        return IVX_FAILURE_DUPLICATE_TRANSACTION;
    return code == IVX_FULL ? IVX_FAILURE_RESOURCES : IVX_FAILURE_PROCESSING;
}

uint16_t ivx_commitments_ask(struct ivx_commitments *self, const struct ivx_commitment *asked,
                             struct ivx_err *why)
{
    int64_t id = 0;
    if (ivx_commitment_failures(asked) > 0) {
        ivx_fail(why, IVX_REFUSED, "a request with failures in it");
        return 0x0115; /* invalid argument value */
    }
    if (!record(self, asked, &id, why))
        return status_of(why->code);
    self->waiting++;
    self->held_us = ivx_clock_steady_us();
    ivx_log(IVX_INFO, "commitment.asked",
            "commitment=%" PRId64 " ae=\"%s\" association=%s instances=%zu", id,
            self->peer->calling_ae, self->association, asked->count);
    ivx_wake_send(self->config->state_dir, "plan");
    return 0x0000;
}

/* ---- and is told --------------------------------------------------------------------- */

static bool load_report(struct ivx_commitments *self, const struct ivx_commitment_row *row,
                        struct ivx_commitment *out, struct ivx_err *err)
{
    ivx_text_copy(out->transaction_uid, sizeof out->transaction_uid, row->transaction_uid);
    return ivx_catalogue_commitment_items(self->catalogue, row->id, &out->references,
                                          &out->count, err);
}

static bool renew(struct ivx_commitments *self, int64_t now, struct ivx_err *err)
{
    if (now - self->held_us < RENEW_US)
        return true;
    self->held_us = now;
    return ivx_catalogue_commitment_hold(self->catalogue, self->association, HOLD_S, err);
}

bool ivx_commitments_due(struct ivx_commitments *self, struct ivx_commitment *out)
{
    struct ivx_err err = { 0 };
    struct ivx_commitment_row row = { 0 };
    const int64_t now = ivx_clock_steady_us();
    if (self->waiting == 0 || now - self->looked_us < LOOK_US)
        return false;
    self->looked_us = now;
    if (renew(self, now, &err)
        && ivx_catalogue_commitment_of(self->catalogue, self->association, &row, &err)
        && load_report(self, &row, out, &err)) {
        self->reporting = row.id;
        return true;
    }
    if (err.code != IVX_ABSENT)
        log_trouble(self->association, err);
    return false;
}

/* Another status than Success: tried again, on an association of its own. */
void ivx_commitments_answered(struct ivx_commitments *self, uint16_t status)
{
    struct ivx_err err = { 0 };
    const int64_t id = self->reporting;
    self->reporting = 0;
    ivx_log(status == 0 ? IVX_INFO : IVX_WARNING, "commitment.reported",
            "commitment=%" PRId64 " ae=\"%s\" association=%s status=%04x", id,
            self->peer->calling_ae, self->association, status);
    if (status != 0) {
        self->waiting = 0;
        ivx_commitments_let_go(self);
        return;
    }
    self->waiting--;
    if (!ivx_catalogue_commitment_reported(self->catalogue, id,
                                           self->config->plan.keep_committed, &err))
        log_trouble(self->association, err);
}

/* Whoever may send and knows the Transaction UID, 122 random bits, is the one we have asked:
 * many archives report under another AE title. */
uint16_t ivx_commitments_report(struct ivx_commitments *self,
                                const struct ivx_commitment *report, struct ivx_err *why)
{
    struct ivx_commitment_outcome outcome = { 0 };
    const struct ivx_config *config = self->config;
    struct ivx_catalogue *catalogue = open_catalogue(self, why);
    if (catalogue == NULL
        || !ivx_catalogue_delivery_report(catalogue, report->transaction_uid,
                                          report->references, report->count,
                                          config->deliver.first_retry,
                                          config->deliver.longest_retry, &outcome, why))
        return why->code == IVX_ABSENT ? 0x0115 : IVX_FAILURE_PROCESSING;
    ivx_log(outcome.refused == 0 ? IVX_INFO : IVX_WARNING, "delivery.commitment",
            "delivery=%" PRId64 " destination=\"%s\" ae=\"%s\" state=%s committed=%" PRId64
            " refused=%" PRId64 " reason=%04x",
            outcome.delivery_id, outcome.destination, self->peer->calling_ae,
            ivx_delivery_state_name(outcome.state), outcome.committed, outcome.refused,
            (unsigned)outcome.reason);
    ivx_wake_send(config->state_dir, "deliver");
    return 0x0000;
}

void ivx_commitments_let_go(struct ivx_commitments *self)
{
    struct ivx_err err = { 0 };
    if (self->catalogue == NULL)
        return;
    if (!ivx_catalogue_commitment_hold(self->catalogue, self->association, 0, &err))
        log_trouble(self->association, err);
    ivx_wake_send(self->config->state_dir, "deliver");
}
