/* Storage commitment on an association that a peer has requested: PS3.4 annex J. It may ask us
 * (N-ACTION) and get our report (N-EVENT-REPORT) while the association lasts; or, as SCP by
 * role selection, it reports on what we have asked on another association. */
#include <cstdlib>
#include <cstring>
#include <memory>

#include "isovox/base/text.h"

#include "served.h"

namespace
{

const char explicit_little[] = "1.2.840.10008.1.2.1";
const char implicit_little[] = "1.2.840.10008.1.2";

bool proposes(const T_ASC_PresentationContext &context, const char *syntax)
{
    for (int n = 0; n < context.transferSyntaxCount; n++)
        if (strcmp(context.proposedTransferSyntaxes[n], syntax) == 0)
            return true;
    return false;
}

/* PS3.7 D.3.3.4: the requestor is SCU unless it proposes otherwise. */
bool is_offered(const ivx_served &on, T_ASC_SC_ROLE role)
{
    const int offered = on.handler->commitment(on.handler->context);
    const bool is_scp = role == ASC_SC_ROLE_SCP;
    return (offered & (is_scp ? IVX_SCP_HEARS : IVX_SCP_COMMITS)) != 0;
}

bool is_scp_role(const T_ASC_PresentationContext &agreed)
{
    return agreed.acceptedRole == ASC_SC_ROLE_SCP;
}

struct cleared {
    struct ivx_commitment held = {};
    ~cleared() { ivx_commitment_clear(&held); }
};

/* PS3.7 annex C: what is wrong with the request before its data set is looked at; 0: nothing. */
uint16_t find_fault(const T_ASC_PresentationContext &agreed, const struct ivx_command &command)
{
    const bool is_action = command.field == IVX_COMMAND_ACTION;
    if (strcmp(agreed.abstractSyntax, IVX_COMMITMENT_CLASS) != 0 ||
        is_action == is_scp_role(agreed))
        return 0x0211; /* unrecognized operation */
    if (strcmp(command.sop_class.text, IVX_COMMITMENT_CLASS) != 0)
        return 0x0118; /* no such SOP class */
    if (strcmp(command.sop_uid.text, IVX_COMMITMENT_INSTANCE) != 0)
        return 0x0112; /* no such SOP instance */
    if (is_action && command.kind != IVX_COMMITMENT_ACTION)
        return 0x0123; /* no such action type */
    if (!is_action && command.kind != IVX_COMMITMENT_ALL && command.kind != IVX_COMMITMENT_SOME)
        return 0x0113; /* no such event type */
    return 0;
}

uint16_t status_of(const struct ivx_err &why)
{
    return why.code == IVX_FULL || why.code == IVX_RETRY ? 0x0213 /* resource limitation */
                                                         : 0x0115 /* invalid argument value */;
}

uint16_t take_request(ivx_served &on, const T_ASC_PresentationContext &agreed,
                      const struct ivx_command &command, const ivx_served_bytes &data,
                      struct ivx_err &why)
{
    cleared read;
    if (data.is_full) {
        ivx_fail(&why, IVX_FULL, "a list of more than %d bytes", IVX_COMMITMENT_BYTES);
        return status_of(why);
    }
    if (!ivx_commitment_read(data.bytes.data(), data.bytes.size(),
                             agreed.acceptedTransferSyntax, &read.held, &why))
        return status_of(why);
    const struct ivx_scp_handler *to = on.handler;
    if (command.field == IVX_COMMAND_EVENT_REPORT)
        return to->report_came(to->context, &read.held, &why);

    on.commitment_context = agreed.presentationContextID;
    ivx_text_copy(on.commitment_syntax, sizeof on.commitment_syntax,
                  agreed.acceptedTransferSyntax);
    return to->commitment_asked(to->context, &read.held, &why);
}

bool send_report(ivx_served &on, const struct ivx_commitment &report, struct ivx_err *err)
{
    uint8_t *bytes = nullptr;
    size_t length = 0;
    if (!ivx_commitment_write(&report, on.commitment_syntax, &bytes, &length, err))
        return false;
    const std::unique_ptr<uint8_t, decltype(&free)> owned(bytes, &free);

    struct ivx_command request = {};
    request.field = IVX_COMMAND_EVENT_REPORT;
    request.kind = ivx_commitment_failures(&report) == 0 ? IVX_COMMITMENT_ALL
                                                         : IVX_COMMITMENT_SOME;
    request.message_id = ++on.reports;
    ivx_text_copy(request.sop_class.text, sizeof request.sop_class.text, IVX_COMMITMENT_CLASS);
    ivx_text_copy(request.sop_uid.text, sizeof request.sop_uid.text, IVX_COMMITMENT_INSTANCE);
    on.report_id = request.message_id;
    return ivx_wire_message(&on.wire, on.commitment_context, request, bytes, length, err);
}

} // namespace

void ivx_served_accept_commitment(ivx_served &on)
{
    if (on.handler->commitment == nullptr)
        return;
    T_ASC_Parameters *params = on.wire.association->params;
    const int count = ASC_countPresentationContexts(params);
    for (int n = 0; n < count; n++) {
        T_ASC_PresentationContext context = {};
        if (ASC_getPresentationContext(params, n, &context).bad() ||
            strcmp(context.abstractSyntax, IVX_COMMITMENT_CLASS) != 0 ||
            !is_offered(on, context.proposedRole))
            continue;
        const char *syntax = proposes(context, explicit_little)   ? explicit_little
                             : proposes(context, implicit_little) ? implicit_little
                                                                  : nullptr;
        const T_ASC_SC_ROLE role = context.proposedRole == ASC_SC_ROLE_SCUSCP
                                       ? ASC_SC_ROLE_SCU
                                       : context.proposedRole;
        if (syntax != nullptr)
            ASC_acceptPresentationContext(params, context.presentationContextID, syntax, role);
    }
}

ivx_step ivx_served_commitment(ivx_served &on, const T_ASC_PresentationContext &agreed,
                               const struct ivx_command &command, struct ivx_err *err)
{
    ivx_served_bytes data(IVX_COMMITMENT_BYTES);
    uint16_t status = find_fault(agreed, command);
    if (command.data_set_type != IVX_COMMAND_NO_DATA) {
        const auto take = [&](const struct ivx_fragment &pdv) { return data.take(pdv); };
        const ivx_step got = ivx_served_data_set(on, take, err);
        if (got != ivx_step::next)
            return got;
    }

    struct ivx_err why = {};
    if (status == 0)
        status = take_request(on, agreed, command, data, why);
    if (status != 0 && why.code == IVX_OK)
        ivx_fail(&why, IVX_REFUSED, "storage commitment was answered with %04x", status);
    if (status != 0)
        on.handler->refused(on.handler->context, &why);
    return ivx_served_answer(on, agreed.presentationContextID, command, status,
                             status == 0 ? nullptr : why.text, err);
}

bool ivx_served_report(ivx_served &on, struct ivx_err *err)
{
    cleared report;
    const struct ivx_scp_handler *of = on.handler;
    if (on.commitment_context == 0 || on.report_id != 0 ||
        !of->report_due(of->context, &report.held))
        return true;
    return send_report(on, report.held, err);
}

ivx_step ivx_served_report_answer(ivx_served &on, const struct ivx_command &answer,
                                  struct ivx_err *err)
{
    const bool ours = answer.field == (IVX_COMMAND_EVENT_REPORT | IVX_COMMAND_RESPONSE) &&
                      on.report_id != 0 && answer.answered_id == on.report_id &&
                      answer.data_set_type == IVX_COMMAND_NO_DATA;
    if (!ours)
        return ivx_wire_bad(err, "a response to nothing");
    on.report_id = 0;
    on.handler->report_answered(on.handler->context, answer.status);
    return ivx_step::next;
}

ivx_step ivx_served_answer(ivx_served &on, uint8_t context, const struct ivx_command &to,
                           uint16_t status, const char *comment, struct ivx_err *err)
{
    uint8_t bytes[IVX_COMMAND_ROOM];
    const size_t length = ivx_command_answer(&to, status, comment, bytes);
    const bool sent =
        ivx_wire_send(&on.wire, context, DUL_COMMANDPDV, bytes, length, true, err);
    return sent ? ivx_step::next : ivx_step::broken;
}
