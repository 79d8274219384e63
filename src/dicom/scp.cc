#include "isovox/dicom/scp.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dul.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/dicom.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"

#include "barrier.h"
#include "served.h"

namespace
{

const char *const classes[] = {
    "1.2.840.10008.5.1.4.1.1.2",     /* CT Image */
    "1.2.840.10008.5.1.4.1.1.2.1",   /* Enhanced CT Image */
    "1.2.840.10008.5.1.4.1.1.2.2",   /* Legacy Converted Enhanced CT Image */
    "1.2.840.10008.5.1.4.1.1.4",     /* MR Image */
    "1.2.840.10008.5.1.4.1.1.4.1",   /* Enhanced MR Image */
    "1.2.840.10008.5.1.4.1.1.4.4",   /* Legacy Converted Enhanced MR Image */
    "1.2.840.10008.5.1.4.1.1.128",   /* Positron Emission Tomography Image */
    "1.2.840.10008.5.1.4.1.1.128.1", /* Legacy Converted Enhanced PET Image */
    "1.2.840.10008.5.1.4.1.1.130",   /* Enhanced PET Image */
    nullptr,
};
/* The best first: of several that a peer proposes for one context, it is taken. */
const char *const syntaxes[] = {
    "1.2.840.10008.1.2.1",    /* Explicit VR Little Endian */
    "1.2.840.10008.1.2",      /* Implicit VR Little Endian */
    "1.2.840.10008.1.2.2",    /* Explicit VR Big Endian */
    "1.2.840.10008.1.2.1.99", /* Deflated Explicit VR Little Endian */
    /* Compressed, lossless before lossy: what ivx_decode() reads. */
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.55",
    "1.2.840.10008.1.2.4.53",
    nullptr,
};
const char verification_class[] = "1.2.840.10008.1.1";
const char application_context[] = "1.2.840.10008.3.1.1.1";

/* PS3.5 6.2, AE: printable ASCII, leading and trailing spaces are not significant. Titles go
 * into logs and records, so that foreign characters and quotes become '?'. */
void copy_title(char (&out)[17], const char *from)
{
    while (*from == ' ')
        from++;
    size_t length = strnlen(from, 16);
    while (length > 0 && from[length - 1] == ' ')
        length--;
    for (size_t i = 0; i < length; i++) {
        const char c = from[i];
        out[i] = c < ' ' || c > '~' || c == '\\' || c == '"' ? '?' : c;
    }
    out[length] = '\0';
}

void read_address(int fd, char (&out)[64])
{
    struct sockaddr_storage from = {};
    socklen_t length = sizeof from;
    auto *address = reinterpret_cast<struct sockaddr *>(&from);
    char text[64] = "?";
    if (getpeername(fd, address, &length) == 0)
        getnameinfo(address, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST);

    /* An IPv4 peer of a socket that listens on both. */
    const char *mapped = "::ffff:";
    const bool is_mapped = strncmp(text, mapped, strlen(mapped)) == 0;
    ivx_text_copy(out, sizeof out, text + (is_mapped ? strlen(mapped) : 0));
}

/* ---- association ------------------------------------------------------------------- */

bool receive_request(ivx_served &on, struct ivx_err *err)
{
    read_address(on.fd, on.peer.address);
    dcmExternalSocketHandle.set(on.fd);
    dcmSocketSendTimeout.set(on.limits->dimse_seconds);
    OFCondition done = ASC_initializeNetwork(NET_ACCEPTOR, 0, on.limits->acse_seconds,
                                             &on.wire.network);
    if (done.good())
        done = ASC_setTransportLayer(on.wire.network, &on.wire.transport, 0);
    if (done.bad())
        return ivx_fail(err, IVX_RETRY, "network: %s", done.text());

    on.wire.allow(on.limits->acse_seconds);
    done = ASC_receiveAssociation(on.wire.network, &on.wire.association, on.limits->max_pdu,
                                  nullptr, nullptr, OFFalse, DUL_NOBLOCK,
                                  on.limits->acse_seconds);
    if (done.bad())
        return ivx_fail(err, IVX_DAMAGED, "no association request: %s", done.text());

    char calling[DUL_LEN_TITLE + 1] = "", called[DUL_LEN_TITLE + 1] = "";
    ASC_getAPTitles(on.wire.association->params, calling, sizeof calling, called, sizeof called,
                    nullptr, 0);
    copy_title(on.peer.calling_ae, calling);
    copy_title(on.peer.called_ae, called);
    return true;
}

bool reject(ivx_served &on, T_ASC_RejectParametersResult result,
            T_ASC_RejectParametersSource source, T_ASC_RejectParametersReason reason,
            struct ivx_err *err)
{
    const T_ASC_RejectParameters parameters = { result, source, reason };
    const OFCondition sent = ASC_rejectAssociation(on.wire.association, &parameters);
    if (sent.bad())
        return ivx_fail(err, IVX_RETRY, "rejection: %s", sent.text());
    return true;
}

bool reject_as(ivx_served &on, enum ivx_scp_verdict verdict, struct ivx_err *err)
{
    switch (verdict) {
    case IVX_SCP_CALLING_AE_UNKNOWN:
        return reject(on, ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER,
                      ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED, err);
    case IVX_SCP_CALLED_AE_UNKNOWN:
        return reject(on, ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER,
                      ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED, err);
    case IVX_SCP_BUSY:
    case IVX_SCP_WELCOME:
        break;
    }
    return reject(on, ASC_RESULT_REJECTEDTRANSIENT,
                  ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
                  ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED, err);
}

/* Contexts are accepted one by one; with none the association stands all the same (PS3.8
 * 7.1.1.14 has no reason for a rejection), and the peer sees why. */
bool accept(ivx_served &on, struct ivx_err *err)
{
    const char *offered[IVX_COUNT(classes)];
    std::copy(classes, classes + IVX_COUNT(classes) - 1, offered);
    offered[IVX_COUNT(classes) - 1] = verification_class;
    const char *wanted[IVX_COUNT(syntaxes) - 1];
    std::copy(syntaxes, syntaxes + IVX_COUNT(wanted), wanted);

    OFCondition done = ASC_acceptContextsWithPreferredTransferSyntaxes(
        on.wire.association->params, offered, static_cast<int>(IVX_COUNT(offered)), wanted,
        static_cast<int>(IVX_COUNT(wanted)));
    if (done.good()) {
        T_ASC_Parameters *params = on.wire.association->params;
        ivx_served_accept_commitment(on);
        ivx_served_accept_performed(on);
        ivx_text_copy(params->ourImplementationClassUID,
                      sizeof params->ourImplementationClassUID, IVX_IMPLEMENTATION_UID);
        ivx_text_copy(params->ourImplementationVersionName,
                      sizeof params->ourImplementationVersionName, IVX_IMPLEMENTATION_NAME);
        done = ASC_acknowledgeAssociation(on.wire.association);
    }
    if (done.bad())
        return ivx_fail(err, IVX_RETRY, "acceptance: %s", done.text());
    return true;
}

/* ---- messages ---------------------------------------------------------------------- */

/* Between commands: until something is there, asking now and then whether to stop; also when
 * the peer never pauses. */
ivx_step wait_for_command(ivx_served &on, struct ivx_err *err)
{
    const int64_t until = ivx_clock_steady_us() + on.limits->dimse_seconds * ivx_second_us;
    do {
        if (on.handler->stop_wanted(on.handler->context)) {
            ivx_fail(err, IVX_RETRY, "stopping: the association was aborted");
            return ivx_step::broken;
        }
        if (!ivx_served_report(on, err))
            return ivx_step::broken;
        const int64_t soon = ivx_clock_steady_us() + ivx_second_us / 4;
        if (ivx_transport_wait(on.fd, std::min(until, soon))) {
            on.wire.allow(on.limits->dimse_seconds);
            return ivx_step::next;
        }
    } while (ivx_clock_steady_us() < until);

    ivx_fail(err, IVX_RETRY, "silent for %d seconds", on.limits->dimse_seconds);
    return ivx_step::broken;
}

ivx_step drop_data_set(ivx_served &on, struct ivx_err *err)
{
    uint64_t dropped = 0;
    const uint64_t most = 2 * on.limits->max_instance;
    const auto drop = [&](const struct ivx_fragment &pdv) {
        dropped += pdv.length;
        return dropped <= most;
    };
    return ivx_served_data_set(on, drop, err);
}

ivx_step answer_failure(ivx_served &on, uint8_t context, const struct ivx_command &to,
                        const struct ivx_err &why, struct ivx_err *err)
{
    on.handler->refused(on.handler->context, &why);
    const auto status = static_cast<uint16_t>(ivx_code_dimse(why.code));
    return ivx_served_answer(on, context, to, status, why.text, err);
}

/* ---- C-STORE ----------------------------------------------------------------------- */

/* One instance on its way to the handler. */
struct storing {
    ivx_served &on;
    uint8_t context;
    struct ivx_scp_store store = {};
    struct ivx_err err = {};
    bool begun = false, wanted = false;
    uint64_t bytes = 0;

    bool take(const struct ivx_fragment &pdv);
    void begin(const struct ivx_command &command, const T_ASC_PresentationContext &agreed);
    void refuse(enum ivx_code code, const char *why)
    {
        ivx_fail(&err, code, "%s", why);
        wanted = false;
    }
};

void storing::begin(const struct ivx_command &command, const T_ASC_PresentationContext &agreed)
{
    if (!command.sop_uid.legal || command.sop_uid.text[0] == '\0')
        return refuse(IVX_DAMAGED, "Affected SOP Instance UID is no UID");
    if (!command.sop_class.legal || command.sop_class.text[0] == '\0')
        return refuse(IVX_DAMAGED, "Affected SOP Class UID is no UID");
    if (strcmp(command.sop_class.text, agreed.abstractSyntax) != 0)
        return refuse(IVX_REFUSED, "SOP class is not that of the presentation context");
    if (!ivx_scp_stores(command.sop_class.text))
        return refuse(IVX_REFUSED, "not a storage SOP class");

    memcpy(store.sop_class, command.sop_class.text, sizeof store.sop_class);
    memcpy(store.sop_uid, command.sop_uid.text, sizeof store.sop_uid);
    ivx_text_copy(store.syntax, sizeof store.syntax, agreed.acceptedTransferSyntax);
    store.peer = &on.peer;
    const struct ivx_scp_handler *to = on.handler;
    wanted = begun = to->store_begin(to->context, &store, &err);
    if (!begun)
        return;

    uint8_t meta[IVX_META_ROOM];
    const size_t length = ivx_meta_write(store.sop_class, store.sop_uid, store.syntax,
                                         meta);
    wanted = to->store_data(to->context, meta, length, &err);
}

/* False only when the peer has sent far more than anybody would. */
bool storing::take(const struct ivx_fragment &pdv)
{
    bytes += pdv.length;
    if (wanted && pdv.context != context)
        refuse(IVX_MISMATCH, "data set in another presentation context");
    if (wanted && bytes > on.limits->max_instance)
        refuse(IVX_DAMAGED, "data set is larger than the limit");
    if (wanted && pdv.length > 0)
        wanted = on.handler->store_data(on.handler->context, pdv.bytes, pdv.length,
                                        &err);
    return wanted || bytes / 2 <= on.limits->max_instance;
}

ivx_step serve_store(ivx_served &on, uint8_t context, const struct ivx_command &command,
                 const T_ASC_PresentationContext &agreed, struct ivx_err *err)
{
    if (command.data_set_type == IVX_COMMAND_NO_DATA)
        return answer_failure(on, context, command,
                              { IVX_DAMAGED, "C-STORE without a data set" }, err);

    storing one{ on, context };
    one.begin(command, agreed);
    const auto take = [&](const struct ivx_fragment &pdv) { return one.take(pdv); };
    const ivx_step got = ivx_served_data_set(on, take, err);
    const bool whole = got == ivx_step::next;
    if (whole && one.wanted && one.bytes == 0)
        one.refuse(IVX_DAMAGED, "empty data set");

    bool stored = whole && one.wanted;
    if (one.begun) {
        struct ivx_err *to = stored ? &one.err : nullptr;
        const bool ended = on.handler->store_end(on.handler->context, stored, to);
        stored = stored && ended;
    }
    if (!whole)
        return got;
    if (stored)
        return ivx_served_answer(on, context, command, 0x0000, nullptr, err);
    return answer_failure(on, context, command, one.err, err);
}

/* ---- commands ---------------------------------------------------------------------- */

ivx_step serve_other(ivx_served &on, uint8_t context, const struct ivx_command &command,
                 struct ivx_err *err)
{
    if (command.data_set_type != IVX_COMMAND_NO_DATA) {
        const ivx_step dropped = drop_data_set(on, err);
        if (dropped != ivx_step::next)
            return dropped;
    }
    if (command.field == IVX_COMMAND_CANCEL)
        return ivx_step::next;
    if (command.field == IVX_COMMAND_ECHO)
        return ivx_served_answer(on, context, command, 0x0000, nullptr, err);
    return ivx_served_answer(on, context, command, 0x0211, "unrecognized operation", err);
}

ivx_step serve_command(ivx_served &on, struct ivx_err *err)
{
    uint8_t context = 0;
    struct ivx_command command = {};
    ivx_step got = wait_for_command(on, err);
    if (got == ivx_step::next)
        got = ivx_wire_command(&on.wire, &context, &command, err);
    if (got != ivx_step::next)
        return got;

    T_ASC_PresentationContext agreed = {};
    if (ASC_findAcceptedPresentationContext(on.wire.association->params, context, &agreed).bad())
        return ivx_wire_bad(err, "a presentation context that was not accepted");
    if ((command.field & IVX_COMMAND_RESPONSE) != 0)
        return ivx_served_report_answer(on, command, err);
    if (command.field == IVX_COMMAND_STORE)
        return serve_store(on, context, command, agreed, err);
    if (command.field == IVX_COMMAND_ACTION || command.field == IVX_COMMAND_EVENT_REPORT)
        return ivx_served_commitment(on, agreed, command, err);
    if (command.field == IVX_COMMAND_CREATE || command.field == IVX_COMMAND_SET)
        return ivx_served_performed(on, agreed, command, err);
    return serve_other(on, context, command, err);
}

bool serve_association(ivx_served &on, struct ivx_err *err)
{
    ivx_step last = ivx_step::next;
    while (last == ivx_step::next)
        last = serve_command(on, err);

    const bool released = last == ivx_step::over;
    on.handler->ended(on.handler->context, released);
    on.wire.allow(1); /* for the peer to close; then we do */
    if (released)
        ASC_acknowledgeRelease(on.wire.association);
    else
        ASC_abortAssociation(on.wire.association);
    return released;
}

bool serve(ivx_served &on, struct ivx_err *err)
{
    if (!receive_request(on, err))
        return false;

    char context_name[DUL_LEN_NAME + 1] = "";
    ASC_getApplicationContextName(on.wire.association->params, context_name, sizeof context_name);
    if (strcmp(context_name, application_context) != 0) {
        return reject(on, ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER,
                      ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED, err);
    }
    const enum ivx_scp_verdict verdict =
        on.handler->associate(on.handler->context, &on.peer);
    if (verdict != IVX_SCP_WELCOME)
        return reject_as(on, verdict, err);
    return accept(on, err) && serve_association(on, err);
}

} // namespace

bool ivx_scp_serve(int fd, const struct ivx_scp_limits *limits,
                   const struct ivx_scp_handler *handler, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        ivx_served on(fd, limits, handler);
        return serve(on, err);
    });
}

const char *const *ivx_scp_classes(void)
{
    return classes;
}

bool ivx_scp_stores(const char *sop_class)
{
    for (const char *const *at = classes; *at != nullptr; at++)
        if (strcmp(*at, sop_class) == 0)
            return true;
    return false;
}

const char *const *ivx_scp_syntaxes(void)
{
    return syntaxes;
}
