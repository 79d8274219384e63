#include "sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/catalogue/catalogue.h"
#include "isovox/dicom/scu.h"
#include "isovox/dicom/transcode.h"
#include "isovox/outbox/outbox.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"

#include "attempt.h"
#include "commitment.h"
#include "policy.h"
#include "probe.h"

enum {
    IDLE_US = 5000000,    /* an association that carries nothing is released after this */
    IDLE_POLL_MS = 200,
    BATCH_US = 250000,    /* no answer waits longer than this to be recorded */
    BEAT_US = 2000000,    /* leases are longer: see lease_seconds() */
    LOOK_US = 500000,     /* how often a sender asks for something more urgent */
    REPORT_US = 15000000, /* for this long after asking, a report may come the same way */
};

struct sender {
    const struct ivx_config *config;
    const struct ivx_destination *destination;
    const char *owner;
    struct ivx_counters *counters;
    struct ivx_catalogue *catalogue;
    struct ivx_outbox *outbox;
    struct ivx_scu *scu;                  /* NULL: no association */
    char sop_class[65], syntax[65];       /* proposed for it */
    int64_t asked_us;                     /* steady clock; 0: no report is expected on it */
    int64_t asked_id;                     /* the last delivery that was asked for on it */
    bool proven;                          /* the peer has accepted something from us */
    bool away;                            /* it could not be reached */
    int64_t carried;                      /* instances accepted over this association */
};

static void sender_end(struct sender *sender)
{
    ivx_scu_free(&sender->scu);
    ivx_outbox_free(&sender->outbox);
    ivx_catalogue_free(&sender->catalogue);
}

/* ---- recording --------------------------------------------------------------------- */

/* Between two heartbeats lie, at the worst, an association and an answer. */
static int lease_seconds(const struct sender *sender)
{
    return (int)(sender->config->deliver.lease + sender->destination->connect_timeout
                 + sender->destination->dimse_timeout);
}

/* Records what was answered, and keeps the lease. */
static bool record(struct sender *sender, struct ivx_attempt *attempt)
{
    struct ivx_err err = { 0 };
    const struct ivx_delivery_row *row = &attempt->row;
    const int64_t now = ivx_clock_steady_us();
    if (attempt->answer_count > 0
        && !ivx_catalogue_delivery_answers(sender->catalogue, row->id, row->epoch,
                                           attempt->answers, attempt->answer_count,
                                           attempt->comment, &err))
        return ivx_attempt_lost(attempt, &err);
    attempt->answer_count = 0;
    attempt->recorded_us = now;

    if (now - attempt->beaten_us < BEAT_US)
        return true;
    attempt->beaten_us = now;
    sender->proven = false; /* another sender may have tripped the breaker since */
    return ivx_catalogue_delivery_heartbeat(sender->catalogue, row->id, row->epoch,
                                            lease_seconds(sender), &err)
           || ivx_attempt_lost(attempt, &err);
}

/* The destination's breaker is closed by what it does, not by what it says. */
static void prove(struct sender *sender)
{
    struct ivx_err err = { 0 };
    if (sender->proven)
        return;
    sender->proven =
        ivx_catalogue_breaker_close(sender->catalogue, sender->destination->name, &err);
}

static void count(struct sender *sender, enum ivx_deliver_counter number)
{
    ivx_counters_add(sender->counters,
                     ivx_counters_find(sender->counters, sender->destination->name), number, 1);
}

static bool record_answer(struct sender *sender, struct ivx_attempt *attempt, int64_t n,
                          int status)
{
    static const enum ivx_deliver_counter of_outcome[] = {
        [IVX_ACCEPTED] = IVX_DELIVER_SENT,
        [IVX_LATER] = IVX_DELIVER_RESOURCES,
        [IVX_PARK] = IVX_DELIVER_REFUSED,
    };
    const bool accepted = ivx_outcome_of(status) == IVX_ACCEPTED;
    count(sender, status == -1 ? IVX_DELIVER_NO_ANSWER : of_outcome[ivx_outcome_of(status)]);
    attempt->answers[attempt->answer_count++] =
        (struct ivx_delivery_answer){ .n = n, .status = status, .accepted = accepted };
    attempt->accepted += accepted;
    if (accepted)
        prove(sender);
    const bool full = attempt->answer_count == IVX_ATTEMPT_BATCH;
    const bool old = ivx_clock_steady_us() - attempt->recorded_us >= BATCH_US;
    return (full || old) ? record(sender, attempt) : true;
}

/* ---- sending ----------------------------------------------------------------------- */

static bool connect_for(struct sender *sender, const struct ivx_delivery_row *row,
                        struct ivx_err *err)
{
    const bool urgent = row->priority >= IVX_PRIORITY_STAT;
    if (sender->scu != NULL && strcmp(sender->sop_class, row->sop_class) == 0
        && strcmp(sender->syntax, row->syntax) == 0) {
        ivx_scu_set_urgent(sender->scu, urgent);
        return true;
    }
    ivx_scu_free(&sender->scu);
    const struct ivx_destination *to = sender->destination;
    const struct ivx_scu_peer peer = {
        .calling_ae = to->calling_ae, .called_ae = to->ae_title, .address = to->address,
        .port = (int)to->port, .connect_seconds = (int)to->connect_timeout,
        .dimse_seconds = (int)to->dimse_timeout,
        .preferred_syntax = ivx_transcode_syntax(to->transfer_syntax),
    };
    const struct ivx_scu_context contexts[] = {
        { row->sop_class, row->syntax },
        { IVX_COMMITMENT_CLASS, "1.2.840.10008.1.2.1" },
    };
    sender->asked_us = sender->carried = 0;
    ivx_text_copy(sender->sop_class, sizeof sender->sop_class, row->sop_class);
    ivx_text_copy(sender->syntax, sizeof sender->syntax, row->syntax);
    sender->away = !ivx_scu_open(&peer, contexts, to->commitment ? 2 : 1, &sender->scu, err);
    if (sender->away)
        count(sender, IVX_DELIVER_AWAY);
    else
        ivx_scu_set_urgent(sender->scu, urgent);
    return !sender->away;
}

static bool path_of(const struct sender *sender, const struct ivx_delivery_row *row,
                    const char *file, char *out, size_t room)
{
    char folder[4096];
    ivx_outbox_path(sender->outbox, row->outbox_key, folder);
    const int length = snprintf(out, room, "%s/%s", folder, file);
    return length > 0 && (size_t)length < room;
}

/* Takes a report if one comes within that time. False: the association is lost. */
static bool listen_for(struct sender *sender, int milliseconds)
{
    bool came = false;
    const int64_t now = ivx_clock_steady_us();
    if (sender->scu == NULL || (sender->asked_us == 0 && !ivx_scu_holds_report(sender->scu)))
        return true;
    if (now - sender->asked_us > REPORT_US)
        sender->asked_us = 0;
    if (ivx_commitment_listen(sender->catalogue, sender->config, sender->scu, milliseconds,
                              &came))
        return true;
    ivx_scu_free(&sender->scu);
    return false;
}

/* It went away without an answer. Peers that close after each instance, or break off now and
 * then, are gone on with at once, as long as every association carries something. */
static bool reconnect(struct sender *sender, struct ivx_attempt *attempt, struct ivx_err *err)
{
    struct ivx_err why = { 0 };
    ivx_scu_free(&sender->scu);
    if (sender->carried == 0 || ivx_stop_wanted())
        return false;
    if (connect_for(sender, &attempt->row, &why))
        return true;
    *err = why;
    return false;
}

/* False: the association is lost, or sending more makes no sense now. An instance without an
 * answer is recorded, so that the others go before it the next time. */
static bool send_item(struct sender *sender, struct ivx_attempt *attempt,
                      const struct ivx_delivery_item *item)
{
    char path[4200];
    struct ivx_err err = { 0 };
    struct ivx_scu_answer answer = { 0 };
    if (!path_of(sender, &attempt->row, item->file, path, sizeof path)) {
        ivx_attempt_note(attempt, IVX_PARK, -1, "the name of the file is too long");
        return false;
    }
    while (!ivx_scu_store(sender->scu, path, &answer, &err)) {
        const bool gone = err.code == IVX_RETRY || err.code == IVX_FULL;
        if (gone && reconnect(sender, attempt, &err)) {
            err = (struct ivx_err){ 0 };
            continue;
        }
        ivx_attempt_note(attempt, gone ? IVX_LATER : IVX_PARK, -1, err.text);
        return record_answer(sender, attempt, item->n, -1) && !gone;
    }
    const enum ivx_outcome outcome = ivx_outcome_of(answer.status);
    sender->carried += outcome == IVX_ACCEPTED;
    ivx_attempt_note(attempt, outcome, answer.status, answer.comment);
    return record_answer(sender, attempt, item->n, answer.status) && outcome != IVX_LATER
           && (listen_for(sender, 0) || connect_for(sender, &attempt->row, &err));
}

/* Something urgent goes first; what is left of this one is sent after it. */
static bool is_outranked(struct sender *sender, struct ivx_attempt *attempt)
{
    struct ivx_err err = { 0 };
    const int64_t now = ivx_clock_steady_us();
    if (now - attempt->looked_us < LOOK_US)
        return false;
    attempt->looked_us = now;
    return ivx_catalogue_delivery_outranked(sender->catalogue, sender->destination->name,
                                            attempt->row.priority, &attempt->yields, &err)
           && attempt->yields;
}

static void send_items(struct sender *sender, struct ivx_attempt *attempt)
{
    for (size_t i = 0; i < attempt->item_count && !ivx_stop_wanted(); i++)
        if (is_outranked(sender, attempt) || !send_item(sender, attempt, &attempt->items[i]))
            break;
    if (!attempt->lost)
        record(sender, attempt);
}

/* ---- storage commitment ------------------------------------------------------------ */

static void set_wanted(struct sender *sender, struct ivx_attempt *attempt,
                       enum ivx_commitment_wanted wanted)
{
    struct ivx_err err = { 0 };
    if (attempt->row.commitment == wanted)
        return;
    if (!ivx_catalogue_delivery_wants(sender->catalogue, attempt->row.id, attempt->row.epoch,
                                      wanted, &err))
        ivx_attempt_lost(attempt, &err);
    attempt->row.commitment = wanted;
}

static void no_service(struct sender *sender, struct ivx_attempt *attempt)
{
    ivx_log(IVX_WARNING, "delivery.no_commitment",
            "delivery=%" PRId64 " destination=\"%s\""
            " text=\"the peer offers no storage commitment: sent is the end\"",
            attempt->row.id, attempt->row.destination);
    set_wanted(sender, attempt, IVX_COMMITMENT_NOT_OFFERED);
}

/* Everything has been accepted. */
static void ask_commitment(struct sender *sender, struct ivx_attempt *attempt)
{
    struct ivx_err err = { 0 };
    struct ivx_scu_answer answer = { 0 };
    if (!connect_for(sender, &attempt->row, &err)) {
        ivx_attempt_note(attempt, IVX_LATER, -1, err.text);
        return;
    }
    switch (ivx_commitment_ask(sender->catalogue, sender->scu, &attempt->row, &answer, &err)) {
    case IVX_ASKED:
        attempt->asked = true;
        sender->asked_us = ivx_clock_steady_us();
        sender->asked_id = attempt->row.id;
        prove(sender);
        break;
    case IVX_ASK_NOTHING:
        break;
    case IVX_ASK_NOBODY:
        no_service(sender, attempt);
        break;
    case IVX_ASK_LATER:
        ivx_attempt_note(attempt, IVX_LATER, err.code == IVX_OK ? answer.status : -1,
                         err.code == IVX_OK ? "storage commitment is refused for now" : err.text);
        if (err.code == IVX_RETRY)
            ivx_scu_free(&sender->scu);
    }
}

/* False: the peer is in trouble; better ask again later than for every delivery. */
static bool deliver(struct sender *sender, struct ivx_attempt *attempt)
{
    struct ivx_err err = { 0 };
    const struct ivx_delivery_row *row = &attempt->row;
    attempt->recorded_us = attempt->beaten_us = ivx_clock_steady_us();
    attempt->looked_us = attempt->recorded_us;
    if (!ivx_catalogue_delivery_pending(sender->catalogue, row->id, &attempt->items,
                                        &attempt->item_count, &err)) {
        ivx_log(IVX_WARNING, "delivery.unreadable", "delivery=%" PRId64 " text=\"%s\"",
                row->id, err.text);
        return false;
    }
    const bool commits = sender->destination->commitment;
    set_wanted(sender, attempt, commits ? IVX_COMMITMENT_AWAITED : IVX_COMMITMENT_UNASKED);
    if (attempt->lost)
        return true;
    if (attempt->item_count == 0)
        ivx_attempt_note(attempt, IVX_ACCEPTED, 0x0000, ""); /* only the end was missing */
    else if (connect_for(sender, row, &err))
        send_items(sender, attempt);
    else if (!ivx_stop_wanted())
        ivx_attempt_note(attempt, IVX_LATER, -1, err.text);

    const bool all_sent = attempt->accepted == (int64_t)attempt->item_count;
    const bool asks = commits && all_sent && !attempt->lost && !ivx_stop_wanted();
    if (asks)
        ask_commitment(sender, attempt);
    /* What the peer has refused, or left without an answer, is an attempt, stop or not. */
    const bool stopped = ivx_stop_wanted() && attempt->worst == IVX_ACCEPTED
                         && (!all_sent || (commits && !asks));
    if (!attempt->lost && (stopped || (attempt->yields && !all_sent)))
        ivx_attempt_give_back(attempt, sender->catalogue,
                              stopped ? "delivery.stopped" : "delivery.yields");
    else if (!attempt->lost)
        ivx_attempt_finish(attempt, sender->catalogue, sender->config, sender->destination);
    if (attempt->worst == IVX_LATER && !ivx_stop_wanted())
        ivx_probe_trip(sender->catalogue, sender->destination->name,
                       sender->away ? IVX_BREAKER_AWAY : IVX_BREAKER_OPEN, attempt->comment);
    return attempt->worst != IVX_LATER;
}

/* Nothing to send: waits, and hears a report if one is expected. True: an association that
 * is worth keeping open. */
static bool wait_idle(struct sender *sender)
{
    struct ivx_err err = { 0 };
    struct ivx_delivery_row row = { 0 };
    if (sender->asked_us == 0 || sender->scu == NULL) {
        ivx_clock_sleep_ms(IDLE_POLL_MS);
        return false;
    }
    /* Told by another way already: through receive. */
    if (ivx_catalogue_get_delivery(sender->catalogue, sender->asked_id, &row, &err)
        && row.state != IVX_DELIVERY_SENT)
        sender->asked_us = 0;
    return listen_for(sender, IDLE_POLL_MS) && sender->asked_us != 0;
}

static bool claim(struct sender *sender, struct ivx_attempt *out, struct ivx_err *err)
{
    return ivx_catalogue_delivery_claim(sender->catalogue, sender->destination->name,
                                        sender->owner, lease_seconds(sender), &out->row, err);
}

static enum ivx_sender_end send_until_idle(struct sender *sender)
{
    int64_t idle_since = ivx_clock_steady_us();
    while (!ivx_stop_wanted() && ivx_clock_steady_us() - idle_since < IDLE_US) {
        struct ivx_err err = { 0 };
        IVX_AUTO(ivx_attempt_clear) struct ivx_attempt attempt = { .status = -1 };
        if (!claim(sender, &attempt, &err)) {
            if (err.code != IVX_ABSENT && err.code != IVX_RETRY)
                return IVX_SENDER_TROUBLE;
            if (wait_idle(sender))
                idle_since = ivx_clock_steady_us();
            continue;
        }
        if (!deliver(sender, &attempt))
            return ivx_stop_wanted() ? IVX_SENDER_STOPPED : IVX_SENDER_TROUBLE;
        idle_since = ivx_clock_steady_us();
    }
    return IVX_SENDER_IDLE;
}

enum ivx_sender_end ivx_sender_run(const struct ivx_config *config,
                                   const struct ivx_destination *destination,
                                   const char *owner, struct ivx_counters *counters)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(sender_end)
    struct sender sender = { .config = config, .destination = destination, .owner = owner,
                             .counters = counters };
    if (!ivx_outbox_open(config->state_dir, &sender.outbox, &err)
        || !ivx_catalogue_open(config->state_dir, &sender.catalogue, &err)) {
        ivx_log(IVX_ERROR, "sender.start", "destination=\"%s\" text=\"%s\"",
                destination->name, err.text);
        return IVX_SENDER_TROUBLE;
    }
    return send_until_idle(&sender);
}
