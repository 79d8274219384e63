#include "reporter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/clock.h"
#include "isovox/catalogue/commitment.h"
#include "isovox/dicom/scu.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"

#include "policy.h"

/* A report of thousands of instances is answered at once: nothing is stored for it. */
enum { CONNECT_S = 10, ANSWER_S = 30, HOLD_S = 2 * (CONNECT_S + ANSWER_S) };

struct reporter {
    const struct ivx_config *config;
    struct ivx_catalogue *catalogue;
    struct ivx_scu *scu;
    char ae_title[17]; /* of the sender that it leads to */
};

static void reporter_end(struct reporter *reporter)
{
    ivx_scu_free(&reporter->scu);
    ivx_catalogue_free(&reporter->catalogue);
}

/* The sender asked us by the title that we report as. */
static bool connect_to(struct reporter *reporter, const struct ivx_commitment_row *row,
                       struct ivx_err *err)
{
    if (reporter->scu != NULL)
        return true;
    const struct ivx_sender *sender = ivx_config_sender_find(reporter->config, row->calling_ae);
    if (sender == NULL)
        return ivx_fail(err, IVX_REFUSED, "there is no sender \"%s\" in the configuration",
                        row->calling_ae);
    const struct ivx_scu_peer peer = {
        .calling_ae = row->called_ae, .called_ae = row->calling_ae, .address = sender->address,
        .port = (int)sender->port, .connect_seconds = CONNECT_S, .dimse_seconds = ANSWER_S,
        .reports = true,
    };
    const struct ivx_scu_context context = { IVX_COMMITMENT_CLASS, "1.2.840.10008.1.2.1" };
    ivx_text_copy(reporter->ae_title, sizeof reporter->ae_title, row->calling_ae);
    return ivx_scu_open(&peer, &context, 1, &reporter->scu, err);
}

/* The sender that does not know the transaction any more (0115H and the like) is told again
 * all the same: only its Success ends it, or the budget. */
static bool tell(struct reporter *reporter, const struct ivx_commitment_row *row,
                 struct ivx_err *err)
{
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment report = { 0 };
    struct ivx_scu_answer answer = { 0 };
    ivx_text_copy(report.transaction_uid, sizeof report.transaction_uid, row->transaction_uid);
    if (!ivx_catalogue_commitment_items(reporter->catalogue, row->id, &report.references,
                                        &report.count, err)
        || !ivx_scu_report(reporter->scu, &report, &answer, err))
        return false;
    if (answer.status != 0)
        return ivx_fail(err, IVX_MISMATCH, "answered with %04x %s", answer.status,
                        answer.comment);
    return ivx_catalogue_commitment_reported(reporter->catalogue, row->id,
                                             reporter->config->plan.keep_committed, err);
}

static void postpone(struct reporter *reporter, const struct ivx_commitment_row *row, bool away,
                     const struct ivx_err *why)
{
    const struct ivx_config *config = reporter->config;
    struct ivx_err err = { 0 };
    const bool final = row->age_us >= config->deliver.budget * INT64_C(3600000000);
    const int64_t wait_us =
        ivx_backoff_us(config->deliver.first_retry, config->deliver.longest_retry,
                       row->attempts, ivx_random_bits());
    ivx_log(final ? IVX_ERROR : IVX_WARNING, "commitment.unreported",
            "commitment=%" PRId64 " ae=\"%s\" attempt=%" PRId64 "%s text=\"%s\"", row->id,
            row->calling_ae, row->attempts, final ? " state=dead" : "", why->text);
    if (!ivx_catalogue_commitment_unreported(reporter->catalogue, row->id, why->text, away,
                                             final,
                                             ivx_catalogue_now_us(reporter->catalogue)
                                                 + wait_us,
                                             &err))
        ivx_log(IVX_WARNING, "commitment.catalogue", "text=\"%s\"", err.text);
}

static void report(struct reporter *reporter, const struct ivx_commitment_row *row)
{
    struct ivx_err err = { 0 };
    const bool there = connect_to(reporter, row, &err);
    if (there && tell(reporter, row, &err)) {
        ivx_log(IVX_INFO, "commitment.reported",
                "commitment=%" PRId64 " ae=\"%s\" instances=%" PRId64 " refused=%" PRId64,
                row->id, row->calling_ae, row->instances, row->refused);
        return;
    }
    postpone(reporter, row, !there, &err);
    if (err.code != IVX_MISMATCH)
        ivx_scu_free(&reporter->scu);
}

void ivx_reporter_run(const struct ivx_config *config)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(reporter_end) struct reporter reporter = { .config = config };
    if (!ivx_catalogue_open(config->state_dir, &reporter.catalogue, &err)) {
        ivx_log(IVX_WARNING, "commitment.catalogue", "text=\"%s\"", err.text);
        return;
    }
    while (!ivx_stop_wanted()) {
        struct ivx_commitment_row row = { 0 };
        struct ivx_err none = { 0 };
        const char *same = reporter.scu != NULL ? reporter.ae_title : NULL;
        if (ivx_catalogue_commitment_claim(reporter.catalogue, same, HOLD_S, &row, &none))
            report(&reporter, &row);
        else if (same == NULL || none.code != IVX_ABSENT)
            return;
        else
            ivx_scu_free(&reporter.scu); /* and on to the next sender */
    }
}
