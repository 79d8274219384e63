/* Storage commitment on an association that we have requested: PS3.4 annex J. We ask a
 * destination, or, as SCP by role selection, report to a sender that has asked us. */
#include <cstdlib>
#include <cstring>
#include <memory>

#include "isovox/base/text.h"
#include "isovox/dicom/dicom.h"
#include "isovox/sys/clock.h"

#include "barrier.h"
#include "requested.h"

namespace
{

/* Reports that wait for their turn: so many, and altogether no more bytes than one may have.
 * As often a peer may be told to come back with one. */
enum { REPORTS_MOST = 64, REPORTS_BYTES = IVX_COMMITMENT_BYTES };

ivx_requested_context find_context(const struct ivx_scu &scu)
{
    return ivx_requested_find(scu, IVX_COMMITMENT_CLASS);
}

bool send(struct ivx_scu &scu, struct ivx_command &request,
          const struct ivx_commitment &commitment, struct ivx_scu_answer *out,
          struct ivx_err *err)
{
    if (scu.useless)
        return ivx_fail(err, IVX_RETRY, "the association is lost");
    const ivx_requested_context context = find_context(scu);
    if (context.id == 0)
        return ivx_fail(err, IVX_REFUSED, "the peer does not accept storage commitment");
    uint8_t *bytes = nullptr;
    size_t length = 0;
    if (!ivx_commitment_write(&commitment, context.syntax, &bytes, &length, err))
        return false;
    const std::unique_ptr<uint8_t, decltype(&free)> owned(bytes, &free);

    struct ivx_command answer = {};
    ivx_text_copy(request.sop_class.text, sizeof request.sop_class.text, IVX_COMMITMENT_CLASS);
    ivx_text_copy(request.sop_uid.text, sizeof request.sop_uid.text, IVX_COMMITMENT_INSTANCE);
    request.message_id = ++scu.message_id;
    if (!ivx_wire_message(&scu.wire, context.id, request, bytes, length, err))
        return ivx_requested_lost(scu);
    if (!ivx_requested_await(scu, request, answer, err))
        return false;
    out->status = answer.status;
    ivx_text_copy(out->comment, sizeof out->comment, answer.comment);
    return true;
}

/* Waits for a message that nobody has asked for. */
bool listen(struct ivx_scu &scu, int milliseconds, struct ivx_err *err)
{
    struct ivx_wire &wire = scu.wire;
    const int64_t until = ivx_clock_steady_us() + milliseconds * INT64_C(1000);
    if (wire.left == 0 && !ivx_transport_wait(wire.pace.fd, until))
        return ivx_fail(err, IVX_ABSENT, "no report has come");

    uint8_t context = 0;
    struct ivx_command command = {};
    wire.allow(scu.dimse_seconds);
    const ivx_step got = ivx_wire_command(&wire, &context, &command, err);
    if (got == ivx_step::over)
        ivx_fail(err, IVX_RETRY, "the peer released the association");
    if (got != ivx_step::next)
        return ivx_requested_lost(scu);
    if (command.field != IVX_COMMAND_EVENT_REPORT) {
        ivx_fail(err, IVX_RETRY, "the peer sent %04x unasked", command.field);
        return ivx_requested_lost(scu);
    }
    return ivx_requested_hold(scu, context, command, err) || ivx_requested_lost(scu);
}

bool answer_to(struct ivx_scu &scu, const ivx_held_report &report, uint16_t status,
               struct ivx_err *err)
{
    uint8_t bytes[IVX_COMMAND_ROOM];
    const size_t length = ivx_command_answer(&report.command, status, nullptr, bytes);
    return ivx_wire_send(&scu.wire, report.context, DUL_COMMANDPDV, bytes, length, true, err);
}

bool answer_report(struct ivx_scu &scu, uint16_t status, struct ivx_err *err)
{
    if (scu.reports.empty())
        return ivx_fail(err, IVX_BUG, "there is no report to be answered");
    const ivx_held_report report = std::move(scu.reports.front());
    scu.reports.pop_front();
    return answer_to(scu, report, status, err) || ivx_requested_lost(scu);
}

/* Its data set, of which nothing is kept once there is no room for it. */
bool take_report(struct ivx_scu &scu, ivx_held_report &report, bool *fits_out,
                 struct ivx_err *err)
{
    size_t room = REPORTS_BYTES, length = 0;
    for (const ivx_held_report &each : scu.reports)
        room -= each.data.size();
    struct ivx_fragment pdv = {};
    pdv.is_last = report.command.data_set_type == IVX_COMMAND_NO_DATA;
    *fits_out = scu.reports.size() < REPORTS_MOST;
    while (!pdv.is_last) {
        const ivx_step got = ivx_wire_pdv(&scu.wire, &pdv, err);
        if (got == ivx_step::over)
            return ivx_fail(err, IVX_RETRY, "the peer released the association");
        if (got != ivx_step::next)
            return false;
        length += pdv.length;
        if (pdv.is_command || length > IVX_COMMITMENT_BYTES)
            return ivx_fail(err, IVX_DAMAGED, "protocol: a report without end");
        *fits_out = *fits_out && length <= room;
        if (*fits_out)
            report.data.insert(report.data.end(), pdv.bytes, pdv.bytes + pdv.length);
        else
            report.data = {};
    }
    return true;
}

/* Later: it is repeated, or we ask again. */
bool turn_away(struct ivx_scu &scu, const ivx_held_report &report, struct ivx_err *err)
{
    if (++scu.turned_away > REPORTS_MOST)
        return ivx_fail(err, IVX_FULL, "reports without end");
    return answer_to(scu, report, IVX_FAILURE_RESOURCES, err);
}

bool await_report(struct ivx_scu &scu, int milliseconds, struct ivx_commitment *out,
                  struct ivx_err *err)
{
    if (scu.useless)
        return ivx_fail(err, IVX_RETRY, "the association is lost");
    if (scu.reports.empty() && !listen(scu, milliseconds, err))
        return false;

    const ivx_held_report &report = scu.reports.front();
    const ivx_requested_context context = find_context(scu);
    if (context.id == report.context &&
        ivx_commitment_read(report.data.data(), report.data.size(), context.syntax, out, err))
        return true;
    if (err->code == IVX_OK)
        ivx_fail(err, IVX_DAMAGED, "a report in a context of something else");
    answer_report(scu, 0x0110, nullptr); /* processing failure */
    return false;
}

} // namespace

bool ivx_requested_hold(struct ivx_scu &scu, uint8_t context, const struct ivx_command &command,
                        struct ivx_err *err)
{
    ivx_held_report report{ context, command, {} };
    bool fits = false;
    if (!take_report(scu, report, &fits, err))
        return false;
    if (!fits)
        return turn_away(scu, report, err);
    scu.reports.push_back(std::move(report));
    return true;
}

bool ivx_scu_has_commitment(const struct ivx_scu *scu)
{
    return find_context(*scu).id != 0;
}

bool ivx_scu_commit(struct ivx_scu *scu, const struct ivx_commitment *request,
                    struct ivx_scu_answer *out, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        struct ivx_command command = {};
        command.field = IVX_COMMAND_ACTION;
        command.kind = IVX_COMMITMENT_ACTION;
        return send(*scu, command, *request, out, err);
    });
}

bool ivx_scu_report(struct ivx_scu *scu, const struct ivx_commitment *report,
                    struct ivx_scu_answer *out, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        struct ivx_command command = {};
        command.field = IVX_COMMAND_EVENT_REPORT;
        command.kind = ivx_commitment_failures(report) == 0 ? IVX_COMMITMENT_ALL
                                                            : IVX_COMMITMENT_SOME;
        return send(*scu, command, *report, out, err);
    });
}

bool ivx_scu_holds_report(const struct ivx_scu *scu)
{
    return !scu->useless && !scu->reports.empty();
}

bool ivx_scu_await_report(struct ivx_scu *scu, int milliseconds, struct ivx_commitment *out,
                          struct ivx_err *err)
{
    return ivx_barrier(err, [&] { return await_report(*scu, milliseconds, out, err); });
}

bool ivx_scu_answer_report(struct ivx_scu *scu, uint16_t status, struct ivx_err *err)
{
    return ivx_barrier(err, [&] { return answer_report(*scu, status, err); });
}
