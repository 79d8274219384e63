#include "attempt.h"

#include <inttypes.h>
#include <stdio.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/clock.h"
#include "isovox/sys/log.h"

void ivx_attempt_clear(struct ivx_attempt *attempt)
{
    ivx_memory_free(&attempt->items);
}

void ivx_attempt_note(struct ivx_attempt *attempt, enum ivx_outcome outcome, int status,
                      const char *comment)
{
    if (outcome < attempt->worst)
        return;
    attempt->worst = outcome;
    attempt->status = status;
    ivx_text_copy(attempt->comment, sizeof attempt->comment, comment);
}

bool ivx_attempt_lost(struct ivx_attempt *attempt, const struct ivx_err *err)
{
    attempt->lost = true;
    ivx_log(IVX_WARNING, "delivery.lost", "delivery=%" PRId64 " text=\"%s\"", attempt->row.id,
            err->text);
    return false;
}

static bool is_final(const struct ivx_attempt *attempt, const struct ivx_config *config)
{
    const struct ivx_delivery_row *row = &attempt->row;
    const int64_t budget_us = config->deliver.budget * INT64_C(3600000000);
    /* No status: it is not the peer's answer that stands in the way, but our file, or what
     * was agreed on. */
    const bool again = attempt->status == -1
                       || ivx_outcome_of((int)row->last_status) == IVX_PARK;
    /* A peer that takes some of it each time may take the rest. */
    const bool parked = attempt->worst == IVX_PARK && again && attempt->accepted == 0
                        && row->attempts >= IVX_PARK_ATTEMPTS;
    return row->age_us >= budget_us || parked;
}

/* Until the next. One that got something through starts the waiting anew. */
static int64_t wait_us(const struct ivx_attempt *attempt, const struct ivx_config *config,
                       const struct ivx_destination *destination)
{
    if (attempt->asked)
        return destination->commitment_timeout * INT64_C(1000000);
    return ivx_backoff_us(config->deliver.first_retry, config->deliver.longest_retry,
                          attempt->accepted > 0 ? 1 : attempt->row.attempts, ivx_random_bits());
}

static void report(const struct ivx_attempt *attempt, enum ivx_delivery_state state)
{
    const struct ivx_delivery_row *row = &attempt->row;
    char said[8] = "-";
    if (attempt->status != -1)
        snprintf(said, sizeof said, "%04x", (unsigned)attempt->status & 0xffff);
    const bool good = state == IVX_DELIVERY_SENT || state == IVX_DELIVERY_COMMITTED;
    ivx_log(good ? IVX_INFO : state == IVX_DELIVERY_DEAD ? IVX_ERROR : IVX_WARNING,
            "delivery.end",
            "delivery=%" PRId64 " destination=\"%s\" state=%s attempt=%" PRId64
            " accepted=%" PRId64 " of=%zu status=%s text=\"%s\"",
            row->id, row->destination, ivx_delivery_state_name(state), row->attempts,
            attempt->accepted, attempt->item_count, said, attempt->comment);
}

void ivx_attempt_finish(const struct ivx_attempt *attempt, struct ivx_catalogue *catalogue,
                        const struct ivx_config *config,
                        const struct ivx_destination *destination)
{
    struct ivx_err err = { 0 };
    const struct ivx_delivery_row *row = &attempt->row;
    enum ivx_delivery_state state = IVX_DELIVERY_FAILED;
    const int64_t next_us =
        ivx_catalogue_now_us(catalogue) + wait_us(attempt, config, destination);
    if (ivx_catalogue_delivery_end(catalogue, row->id, row->epoch, attempt->status,
                                   attempt->comment, is_final(attempt, config), next_us, &state,
                                   &err))
        report(attempt, state);
    else
        ivx_log(IVX_WARNING, "delivery.unrecorded", "delivery=%" PRId64 " text=\"%s\"",
                row->id, err.text);
}

void ivx_attempt_give_back(struct ivx_attempt *attempt, struct ivx_catalogue *catalogue,
                           const char *event)
{
    struct ivx_err err = { 0 };
    const struct ivx_delivery_row *row = &attempt->row;
    if (!ivx_catalogue_delivery_yield(catalogue, row->id, row->epoch, &err))
        ivx_attempt_lost(attempt, &err);
    else
        ivx_log(IVX_INFO, event,
                "delivery=%" PRId64 " destination=\"%s\" accepted=%" PRId64 " of=%zu", row->id,
                row->destination, attempt->accepted, attempt->item_count);
}
