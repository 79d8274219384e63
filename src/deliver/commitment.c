#include "commitment.h"

#include <inttypes.h>
#include <sys/random.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/base/uid.h"
#include "isovox/sys/log.h"

static bool new_transaction(char out[65], struct ivx_err *err)
{
    unsigned char bits[16];
    if (getrandom(bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        return ivx_fail(err, IVX_RETRY, "no random numbers for a Transaction UID");
    ivx_uid_of_bits(bits, 4, out);
    return true;
}

/* PS3.7 annex C: no such class, no such instance, class not supported, no such action,
 * unrecognized operation. The context was accepted, and nobody is behind it. */
static bool is_no_service(uint16_t status)
{
    return status == 0x0118 || status == 0x0112 || status == 0x0122 || status == 0x0123
           || status == 0x0211;
}

enum ivx_asking ivx_commitment_ask(struct ivx_catalogue *catalogue, struct ivx_scu *scu,
                                   const struct ivx_delivery_row *row,
                                   struct ivx_scu_answer *answer_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment request = { 0 };
    if (!ivx_catalogue_delivery_uncommitted(catalogue, row->id, &request.references,
                                            &request.count, err))
        return IVX_ASK_LATER;
    if (request.count == 0)
        return IVX_ASK_NOTHING;
    if (!ivx_scu_has_commitment(scu))
        return IVX_ASK_NOBODY;
    if (!new_transaction(request.transaction_uid, err)
        || !ivx_catalogue_delivery_asks(catalogue, row->id, row->epoch,
                                        request.transaction_uid, err)
        || !ivx_scu_commit(scu, &request, answer_out, err))
        return IVX_ASK_LATER;
    if (is_no_service(answer_out->status))
        return IVX_ASK_NOBODY;
    if (answer_out->status != 0)
        return IVX_ASK_LATER;
    ivx_log(IVX_INFO, "delivery.asked",
            "delivery=%" PRId64 " destination=\"%s\" instances=%zu", row->id, row->destination,
            request.count);
    return IVX_ASKED;
}

static void log_outcome(const struct ivx_commitment_outcome *outcome)
{
    ivx_log(outcome->refused == 0 ? IVX_INFO : IVX_WARNING, "delivery.commitment",
            "delivery=%" PRId64 " destination=\"%s\" state=%s committed=%" PRId64
            " refused=%" PRId64 " reason=%04x",
            outcome->delivery_id, outcome->destination,
            ivx_delivery_state_name(outcome->state), outcome->committed, outcome->refused,
            (unsigned)outcome->reason);
}

/* PS3.7 annex C: invalid argument value, for a transaction that is not ours. */
static uint16_t record(struct ivx_catalogue *catalogue, const struct ivx_config *config,
                       const struct ivx_commitment *report)
{
    struct ivx_commitment_outcome outcome = { 0 };
    struct ivx_err err = { 0 };
    if (ivx_catalogue_delivery_report(catalogue, report->transaction_uid, report->references,
                                      report->count, config->deliver.first_retry,
                                      config->deliver.longest_retry, &outcome, &err)) {
        log_outcome(&outcome);
        return 0x0000;
    }
    ivx_log(IVX_WARNING, "delivery.commitment", "code=\"%s\" text=\"%s\"",
            ivx_code_text(err.code), err.text);
    return err.code == IVX_ABSENT ? 0x0115 : 0x0110;
}

bool ivx_commitment_listen(struct ivx_catalogue *catalogue, const struct ivx_config *config,
                           struct ivx_scu *scu, int milliseconds, bool *came_out)
{
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment report = { 0 };
    struct ivx_err err = { 0 };
    *came_out = ivx_scu_await_report(scu, milliseconds, &report, &err);
    if (!*came_out)
        return err.code == IVX_ABSENT || err.code == IVX_DAMAGED;
    const uint16_t status = record(catalogue, config, &report);
    return ivx_scu_answer_report(scu, status, &err);
}
