#include "association.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/scp.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/disk.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "isovox/sys/wake.h"

#include "commitment.h"
#include "performed.h"

/* A wake-up per instance would cost more than it brings. */
enum { WAKE_EVERY_US = 100000 };
/* After SIGTERM, a peer that is silent for this long is between two series. */
enum { IDLE_US = 1000000 };

struct association {
    struct ivx_association_place place;
    const struct ivx_config *config;
    size_t owner;                    /* in the counters */
    struct ivx_spool_writer *writer; /* taken with the first instance */
    struct ivx_record record;        /* what all records of this association share */
    struct ivx_scp_peer peer;
    enum ivx_scp_verdict verdict;
    bool accepted, released;
    bool low; /* on room: why it was rejected as busy */
    int64_t instances, failed;
    uint64_t bytes, instance_bytes;
    int64_t woken_us, last_us; /* steady clock */
    struct ivx_err first_failure;
    struct ivx_commitments commitments;
};

static bool is_low(const struct ivx_config *config)
{
    return ivx_disk_look(config->state_dir, config->receive.low_water, 0).level
           != IVX_DISK_OK;
}

static void count(struct association *self, enum ivx_receive_counter number, uint64_t n)
{
    ivx_counters_add(self->place.counters, self->owner, number, n);
}

static void count_verdict(struct association *self)
{
    switch (self->verdict) {
    case IVX_SCP_WELCOME:
        count(self, IVX_RECEIVE_ACCEPTED, 1);
        break;
    case IVX_SCP_CALLING_AE_UNKNOWN:
        count(self, IVX_RECEIVE_UNKNOWN_CALLING, 1);
        break;
    case IVX_SCP_CALLED_AE_UNKNOWN:
        count(self, IVX_RECEIVE_UNKNOWN_CALLED, 1);
        break;
    case IVX_SCP_BUSY:
        count(self, self->low ? IVX_RECEIVE_NO_ROOM : IVX_RECEIVE_BUSY, 1);
        break;
    }
}

static enum ivx_scp_verdict on_associate(void *context, const struct ivx_scp_peer *peer)
{
    struct association *self = context;
    const struct ivx_config *config = self->config;
    self->peer = *peer;
    self->owner = ivx_counters_find(self->place.counters,
                                    ivx_config_calling_name(config, peer->calling_ae));
    if (strcmp(peer->called_ae, config->receive.ae_title) != 0)
        self->verdict = IVX_SCP_CALLED_AE_UNKNOWN;
    else if (!ivx_config_allows(config, peer->calling_ae, peer->address))
        self->verdict = IVX_SCP_CALLING_AE_UNKNOWN;
    else if ((self->low = is_low(config))
             || !ivx_slots_associate(self->place.slots, self->place.slot,
                                     (size_t)config->receive.max_associations,
                                     (size_t)config->receive.max_per_peer))
        self->verdict = IVX_SCP_BUSY;
    self->accepted = self->verdict == IVX_SCP_WELCOME;
    count_verdict(self);
    return self->verdict;
}

static void fill_record(struct association *self, enum ivx_record_kind kind)
{
    struct ivx_record *record = &self->record;
    record->kind = kind;
    record->received_us = ivx_clock_wall_us();
    ivx_text_copy(record->calling_ae, sizeof record->calling_ae, self->peer.calling_ae);
    ivx_text_copy(record->called_ae, sizeof record->called_ae, self->peer.called_ae);
    ivx_text_copy(record->peer, sizeof record->peer, self->peer.address);
}

/* A writer that failed once may have lost its file: the next instance takes another. */
static bool give_up_writer(struct association *self)
{
    if (self->writer != NULL)
        ivx_spool_abort(self->writer);
    ivx_spool_writer_free(&self->writer);
    return false;
}

static bool begin(struct association *self, struct ivx_err *err)
{
    if (self->writer == NULL && !ivx_spool_writer_new(self->place.spool, &self->writer, err))
        return false;
    if (!ivx_spool_begin(self->writer, &self->record, err))
        return give_up_writer(self);
    return true;
}

static void count_failure(struct association *self, const struct ivx_err *err)
{
    if (self->failed++ == 0)
        self->first_failure = *err;
}

static bool on_begin(void *context, const struct ivx_scp_store *store, struct ivx_err *err)
{
    struct association *self = context;
    const struct ivx_disk disk = ivx_disk_look(self->config->state_dir, 0,
                                               self->config->receive.high_water);
    if (disk.level == IVX_DISK_FULL)
        return ivx_fail(err, IVX_FULL, "disk full: %llu MiB left",
                        (unsigned long long)(disk.free_bytes >> 20));
    fill_record(self, IVX_RECORD_INSTANCE);
    ivx_text_copy(self->record.sop_class, sizeof self->record.sop_class, store->sop_class);
    ivx_text_copy(self->record.sop_uid, sizeof self->record.sop_uid, store->sop_uid);
    ivx_text_copy(self->record.syntax, sizeof self->record.syntax, store->syntax);
    self->instance_bytes = 0;
    return begin(self, err);
}

static bool on_data(void *context, const void *bytes, size_t length, struct ivx_err *err)
{
    struct association *self = context;
    self->instance_bytes += length;
    return ivx_spool_append(self->writer, bytes, length, err);
}

static void wake_plan(struct association *self, bool now)
{
    const int64_t clock = ivx_clock_steady_us();
    if (!now && clock - self->woken_us < WAKE_EVERY_US)
        return;
    self->woken_us = clock;
    ivx_wake_send(self->config->state_dir, "plan");
}

static bool on_end(void *context, bool keep, struct ivx_err *err)
{
    struct association *self = context;
    self->last_us = ivx_clock_steady_us();
    if (!keep) {
        ivx_spool_abort(self->writer);
        return true;
    }
    if (!ivx_spool_commit(self->writer, NULL, err))
        return give_up_writer(self);

    self->instances++;
    self->bytes += self->instance_bytes;
    count(self, IVX_RECEIVE_STORED, 1);
    count(self, IVX_RECEIVE_BYTES, self->instance_bytes);
    wake_plan(self, false);
    return true;
}

static enum ivx_receive_counter refusal_of(enum ivx_code code)
{
    switch (code) {
    case IVX_RETRY:
        return IVX_RECEIVE_REFUSED_RETRY;
    case IVX_FULL:
        return IVX_RECEIVE_REFUSED_FULL;
    case IVX_DAMAGED:
        return IVX_RECEIVE_REFUSED_DAMAGED;
    case IVX_MISMATCH:
        return IVX_RECEIVE_REFUSED_MISMATCH;
    default:
        return IVX_RECEIVE_REFUSED_OTHER;
    }
}

static void on_refused(void *context, const struct ivx_err *why)
{
    count_failure(context, why);
    count(context, refusal_of(why->code), 1);
}

/* How it ended is evidence for whether its series are complete; losing it costs waiting time
 * and nothing else. */
static void on_ended(void *context, bool released)
{
    struct association *self = context;
    self->released = released;
    if (!released)
        count(self, IVX_RECEIVE_BROKEN, 1);
    ivx_commitments_let_go(&self->commitments);
    if (self->instances == 0)
        return;

    struct ivx_err err = { 0 };
    self->record.sop_class[0] = self->record.sop_uid[0] = self->record.syntax[0] = '\0';
    fill_record(self, released ? IVX_RECORD_RELEASED : IVX_RECORD_BROKEN);
    if (!begin(self, &err) || !ivx_spool_commit(self->writer, NULL, &err))
        ivx_log(IVX_WARNING, "association.end_not_recorded", "code=\"%s\" text=\"%s\"",
                ivx_code_text(err.code), err.text);
    wake_plan(self, true);
}

static int on_commitment(void *context)
{
    return ivx_commitments_offered(&((struct association *)context)->commitments);
}

static uint16_t on_asked(void *context, const struct ivx_commitment *asked,
                         struct ivx_err *why)
{
    struct association *self = context;
    self->last_us = ivx_clock_steady_us();
    return ivx_commitments_ask(&self->commitments, asked, why);
}

static uint16_t on_report_came(void *context, const struct ivx_commitment *report,
                               struct ivx_err *why)
{
    struct association *self = context;
    self->last_us = ivx_clock_steady_us();
    return ivx_commitments_report(&self->commitments, report, why);
}

static bool on_report_due(void *context, struct ivx_commitment *out)
{
    return ivx_commitments_due(&((struct association *)context)->commitments, out);
}

static uint16_t on_performed(void *context, bool creates, const char *sop_uid,
                             const struct ivx_performed *said, struct ivx_err *why)
{
    struct association *self = context;
    self->last_us = ivx_clock_steady_us();
    return ivx_performed_take(self->config, &self->peer, creates, sop_uid, said, why);
}

static void on_report_answered(void *context, uint16_t status)
{
    ivx_commitments_answered(&((struct association *)context)->commitments, status);
}

/* Asked between commands: a peer that goes on has shutdown_grace. */
static bool on_stop_wanted(void *context)
{
    struct association *self = context;
    if (!ivx_stop_wanted())
        return false;

    const int64_t now = ivx_clock_steady_us();
    const int64_t grace_us = self->config->general.shutdown_grace * INT64_C(1000000);
    return now - self->last_us >= IDLE_US || now - ivx_stop_wanted_us() >= grace_us;
}

static const char *how_it_ended(const struct association *self)
{
    switch (self->verdict) {
    case IVX_SCP_BUSY:
        return self->low ? "rejected-disk" : "rejected-limit";
    case IVX_SCP_CALLED_AE_UNKNOWN:
        return "rejected-called-ae";
    case IVX_SCP_CALLING_AE_UNKNOWN:
        return "rejected-calling-ae";
    case IVX_SCP_WELCOME:
        break;
    }
    if (!self->accepted)
        return "no-request";
    return self->released ? "released" : "broken";
}

static void report(const struct association *self, int64_t started_us,
                   const struct ivx_err *err)
{
    /* Health checks connect and say nothing. */
    const bool nobody = !self->accepted && self->verdict == IVX_SCP_WELCOME;
    const bool bad = self->failed > 0 || !self->released;
    ivx_log(nobody ? IVX_DEBUG : bad ? IVX_WARNING : IVX_INFO, "association.end",
            "association=%s ae=\"%s\" called=\"%s\" address=%s end=%s instances=%" PRId64
            " failed=%" PRId64 " bytes=%" PRIu64 " ms=%" PRId64 "%s%s%s%s%s%s",
            self->record.association, self->peer.calling_ae, self->peer.called_ae,
            self->peer.address[0] == '\0' ? "-" : self->peer.address, how_it_ended(self),
            self->instances, self->failed, self->bytes,
            (ivx_clock_steady_us() - started_us) / 1000,
            err->text[0] == '\0' ? "" : " why=\"", err->text,
            err->text[0] == '\0' ? "" : "\"",
            self->failed == 0 ? "" : " first_failure=\"", self->first_failure.text,
            self->failed == 0 ? "" : "\"");
}

void ivx_association_serve(const struct ivx_association_place *place, int fd)
{
    const struct ivx_config *config = place->config;
    const int64_t started_us = ivx_clock_steady_us();
    struct association self = { .place = *place, .config = config, .last_us = started_us };
    snprintf(self.record.association, sizeof self.record.association, "%" PRIx64 "-%lx",
             (uint64_t)ivx_clock_wall_us(), (unsigned long)getpid());

    self.commitments = (struct ivx_commitments){ .config = config, .peer = &self.peer,
                                                 .association = self.record.association };

    const struct ivx_scp_limits limits = {
        .acse_seconds = (int)config->receive.acse_timeout,
        .dimse_seconds = (int)config->receive.dimse_timeout,
        .max_pdu = (uint32_t)config->receive.max_pdu,
        .max_instance = (uint64_t)config->receive.max_instance << 20,
    };
    const struct ivx_scp_handler handler = {
        .context = &self, .associate = on_associate, .store_begin = on_begin,
        .store_data = on_data, .store_end = on_end, .refused = on_refused,
        .ended = on_ended, .stop_wanted = on_stop_wanted, .commitment = on_commitment,
        .commitment_asked = on_asked, .report_due = on_report_due,
        .report_answered = on_report_answered, .report_came = on_report_came,
        .performed = on_performed,
    };
    struct ivx_err err = { 0 };
    ivx_scp_serve(fd, &limits, &handler, &err);
    ivx_spool_writer_free(&self.writer);
    ivx_commitments_end(&self.commitments);
    report(&self, started_us, &err);
}
