/* Modality Performed Procedure Step on an association that a peer has requested: PS3.4 F.7. */
#include <cstring>

#include "isovox/base/text.h"

#include "served.h"

namespace
{

struct cleared {
    struct ivx_performed held = {};
    ~cleared() { ivx_performed_clear(&held); }
};

/* PS3.7 annex C: what is wrong with the request before its data set is looked at; 0: nothing. */
uint16_t find_fault(const T_ASC_PresentationContext &agreed, const struct ivx_command &command)
{
    if (strcmp(agreed.abstractSyntax, IVX_PERFORMED_CLASS) != 0)
        return 0x0211; /* unrecognized operation */
    if (strcmp(command.sop_class.text, IVX_PERFORMED_CLASS) != 0)
        return 0x0118; /* no such SOP class */
    if (!command.sop_uid.legal || command.sop_uid.text[0] == '\0')
        return 0x0117; /* invalid SOP instance */
    return command.data_set_type == IVX_COMMAND_NO_DATA ? 0x0120 /* missing attribute */ : 0;
}

uint16_t take(ivx_served &on, const T_ASC_PresentationContext &agreed,
              const struct ivx_command &command, const ivx_served_bytes &data,
              struct ivx_err &why)
{
    cleared read;
    const struct ivx_scp_handler *to = on.handler;
    const bool creates = command.field == IVX_COMMAND_CREATE;
    if (data.is_full) {
        ivx_fail(&why, IVX_FULL, "a data set of more than %d bytes", IVX_PERFORMED_BYTES);
        return 0x0213; /* resource limitation */
    }
    if (!ivx_performed_read(data.bytes.data(), data.bytes.size(),
                            agreed.acceptedTransferSyntax, &read.held, &why))
        return why.code == IVX_DAMAGED ? 0x0106 /* invalid attribute value */ : 0x0213;
    /* PS3.4 table F.7.2-1: a step begins with IN PROGRESS. */
    if (creates && read.held.status == IVX_PERFORMED_UNSAID)
        return 0x0120;
    if (creates && read.held.status != IVX_PERFORMED_IN_PROGRESS)
        return 0x0106;
    return to->performed(to->context, creates, command.sop_uid.text, &read.held, &why);
}

} // namespace

void ivx_served_accept_performed(ivx_served &on)
{
    const char *classes[] = { IVX_PERFORMED_CLASS };
    const char *syntaxes[] = { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2" };
    if (on.handler->performed != nullptr)
        ASC_acceptContextsWithPreferredTransferSyntaxes(on.wire.association->params, classes, 1,
                                                        syntaxes, 2);
}

ivx_step ivx_served_performed(ivx_served &on, const T_ASC_PresentationContext &agreed,
                              const struct ivx_command &command, struct ivx_err *err)
{
    ivx_served_bytes data(IVX_PERFORMED_BYTES);
    uint16_t status = find_fault(agreed, command);
    if (command.data_set_type != IVX_COMMAND_NO_DATA) {
        const auto each = [&](const struct ivx_fragment &pdv) { return data.take(pdv); };
        const ivx_step got = ivx_served_data_set(on, each, err);
        if (got != ivx_step::next)
            return got;
    }

    struct ivx_err why = {};
    if (status == 0)
        status = take(on, agreed, command, data, why);
    if (status != 0 && why.code == IVX_OK)
        ivx_fail(&why, IVX_REFUSED, "a procedure step was answered with %04x", status);
    if (status != 0)
        on.handler->refused(on.handler->context, &why);
    return ivx_served_answer(on, agreed.presentationContextID, command, status,
                             status == 0 ? nullptr : why.text, err);
}
