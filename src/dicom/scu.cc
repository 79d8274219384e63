#include "isovox/dicom/scu.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/cond.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/dicom.h"

#include "barrier.h"
#include "outgoing.h"
#include "requested.h"

namespace
{

const char verification_class[] = "1.2.840.10008.1.1";

/* ---- association ------------------------------------------------------------------- */

using proposal = std::pair<std::string, std::string>;

/* One context per pair, so that the peer's choice among syntaxes cannot cost a conversion. */
void propose(std::vector<proposal> &list, const char *sop_class, const char *syntax)
{
    const proposal one(sop_class, syntax);
    if (std::find(list.begin(), list.end(), one) == list.end())
        list.push_back(one);
}

bool is_commitment(const char *sop_class)
{
    return strcmp(sop_class, IVX_COMMITMENT_CLASS) == 0;
}

std::vector<proposal> proposals(const std::string &preferred,
                                const struct ivx_scu_context *contexts, size_t count)
{
    std::vector<proposal> list;
    propose(list, verification_class, ivx_implicit_little);
    for (size_t i = 0; i < count; i++) {
        propose(list, contexts[i].sop_class, contexts[i].syntax);
        if (is_commitment(contexts[i].sop_class))
            continue;
        if (ivx_syntax_is_native(contexts[i].syntax)) {
            if (!preferred.empty())
                propose(list, contexts[i].sop_class, preferred.c_str());
            propose(list, contexts[i].sop_class, ivx_explicit_little);
            propose(list, contexts[i].sop_class, ivx_implicit_little);
        }
    }
    return list;
}

/* PS3.8 9.3.2: identifiers are odd, 1 to 255. Roles are negotiated per SOP class (PS3.7
 * D.3.3.4), so storage commitment has one context, in whatever syntax the peer likes. */
bool add_contexts(T_ASC_Parameters *params, const std::vector<proposal> &list,
                  T_ASC_SC_ROLE commitment_role, struct ivx_err *err)
{
    if (list.size() > 128)
        return ivx_fail(err, IVX_BUG, "%zu presentation contexts", list.size());
    for (size_t i = 0; i < list.size(); i++) {
        const bool commits = is_commitment(list[i].first.c_str());
        const char *both[] = { ivx_explicit_little, ivx_implicit_little };
        const char *one[] = { list[i].second.c_str() };
        const auto id = static_cast<T_ASC_PresentationContextID>(2 * i + 1);
        const OFCondition added = ASC_addPresentationContext(
            params, id, list[i].first.c_str(), commits ? both : one, commits ? 2 : 1,
            commits ? commitment_role : ASC_SC_ROLE_DEFAULT);
        if (added.bad())
            return ivx_fail(err, IVX_BUG, "presentation context: %s", added.text());
    }
    return true;
}

const char *rejection_text(const T_ASC_RejectParameters &rejected)
{
    switch (rejected.reason) {
    case ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED:
        return "calling AE title not recognized";
    case ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED:
        return "called AE title not recognized";
    case ASC_REASON_SP_PRES_TEMPORARYCONGESTION:
        return "temporary congestion";
    case ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED:
        return "local limit exceeded";
    case ASC_REASON_SU_APPCONTEXTNAMENOTSUPPORTED:
        return "application context not supported";
    case ASC_REASON_SP_ACSE_PROTOCOLVERSIONNOTSUPPORTED:
        return "protocol version not supported";
    default:
        return "no reason given";
    }
}

bool not_associated(T_ASC_Parameters *params, const OFCondition &why, struct ivx_err *err)
{
    if (why != DUL_ASSOCIATIONREJECTED)
        return ivx_fail(err, IVX_RETRY, "cannot associate: %s", why.text());

    T_ASC_RejectParameters rejected = {};
    ASC_getRejectParameters(params, &rejected);
    const bool for_good = rejected.result == ASC_RESULT_REJECTEDPERMANENT;
    return ivx_fail(err, for_good ? IVX_REFUSED : IVX_RETRY, "association rejected (%s): %s",
                    for_good ? "permanent" : "transient", rejection_text(rejected));
}

bool describe(T_ASC_Parameters *params, const struct ivx_scu_peer *peer, struct ivx_err *err)
{
    char address[300];
    const int length = snprintf(address, sizeof address, "%s:%d", peer->address, peer->port);
    if (length < 0 || length >= 64)
        return ivx_fail(err, IVX_REFUSED, "address is too long: %s", peer->address);

    ASC_setAPTitles(params, peer->calling_ae, peer->called_ae, nullptr);
    ASC_setPresentationAddresses(params, "localhost", address);
    ivx_text_copy(params->ourImplementationClassUID, sizeof params->ourImplementationClassUID,
                  IVX_IMPLEMENTATION_UID);
    ivx_text_copy(params->ourImplementationVersionName,
                  sizeof params->ourImplementationVersionName, IVX_IMPLEMENTATION_NAME);
    return true;
}

struct parameters {
    T_ASC_Parameters *held = nullptr;
    ~parameters()
    {
        if (held != nullptr)
            ASC_destroyAssociationParameters(&held);
    }
};

bool associate(struct ivx_scu &scu, const struct ivx_scu_peer *peer,
               const std::vector<proposal> &list, struct ivx_err *err)
{
    struct ivx_wire &wire = scu.wire;
    dcmConnectionTimeout.set(peer->connect_seconds);
    dcmSocketSendTimeout.set(peer->dimse_seconds);
    OFCondition done =
        ASC_initializeNetwork(NET_REQUESTOR, 0, peer->connect_seconds, &wire.network);
    if (done.good())
        done = ASC_setTransportLayer(wire.network, &wire.transport, 0);
    parameters params;
    if (done.good())
        done = ASC_createAssociationParameters(&params.held, ASC_MAXIMUMPDUSIZE);
    if (done.bad())
        return ivx_fail(err, IVX_RETRY, "network: %s", done.text());
    const T_ASC_SC_ROLE role = peer->reports ? ASC_SC_ROLE_SCP : ASC_SC_ROLE_DEFAULT;
    if (!describe(params.held, peer, err) || !add_contexts(params.held, list, role, err))
        return false;

    /* With the association made, or half made, the parameters are part of it. */
    T_ASC_Parameters *lent = IVX_STEAL(params.held);
    wire.allow(peer->connect_seconds);
    done = ASC_requestAssociation(wire.network, lent, &wire.association, nullptr, nullptr,
                                  DUL_NOBLOCK, peer->connect_seconds);
    if (wire.association == nullptr)
        params.held = lent;
    if (done.bad())
        return not_associated(lent, done, err);
    if (ASC_countAcceptedPresentationContexts(lent) == 0)
        return ivx_fail(err, IVX_MISMATCH, "the peer accepts no presentation context");
    return true;
}

/* ---- sending ----------------------------------------------------------------------- */

bool ask(struct ivx_scu &scu, uint8_t context, struct ivx_command &request,
         struct ivx_err *err)
{
    uint8_t bytes[IVX_COMMAND_ROOM];
    request.message_id = ++scu.message_id;
    const size_t length = ivx_command_request(&request, bytes);
    return ivx_wire_send(&scu.wire, context, DUL_COMMANDPDV, bytes, length, true, err) ||
           ivx_requested_lost(scu);
}

bool store(struct ivx_scu &scu, const char *path, struct ivx_scu_answer *out,
           struct ivx_err *err)
{
    if (scu.useless)
        return ivx_fail(err, IVX_RETRY, "the association is lost");
    ivx_outgoing file(path);
    ivx_way way;
    if (!file.open(err) || !ivx_way_find(scu.wire, scu.preferred, file, way, err))
        return false;

    struct ivx_command request = {}, answer = {};
    request.field = IVX_COMMAND_STORE;
    request.priority = scu.urgent ? 1 : 0; /* PS3.7 9.1.1.1.7 */
    request.sop_class = file.meta.sop_class;
    request.sop_uid = file.meta.sop_uid;
    if (!ask(scu, way.context, request, err))
        return false;
    /* A message that cannot be finished costs the association. */
    if (!ivx_way_send(scu.wire, file, way, err))
        return ivx_requested_lost(scu);
    if (!ivx_requested_await(scu, request, answer, err))
        return false;

    out->status = answer.status;
    ivx_text_copy(out->comment, sizeof out->comment, answer.comment);
    return true;
}

bool echo(struct ivx_scu &scu, struct ivx_err *err)
{
    const T_ASC_PresentationContextID context = ASC_findAcceptedPresentationContextID(
        scu.wire.association, verification_class, ivx_implicit_little);
    if (context == 0)
        return ivx_fail(err, IVX_REFUSED, "the peer does not accept Verification");

    struct ivx_command request = {}, answer = {};
    request.field = IVX_COMMAND_ECHO;
    ivx_text_copy(request.sop_class.text, sizeof request.sop_class.text, verification_class);
    if (!ask(scu, context, request, err) || !ivx_requested_await(scu, request, answer, err))
        return false;
    if (answer.status != 0)
        return ivx_fail(err, IVX_REFUSED, "C-ECHO was answered with %04x", answer.status);
    return true;
}

} // namespace

ivx_requested_context ivx_requested_find(const struct ivx_scu &scu, const char *sop_class)
{
    T_ASC_Parameters *params = scu.wire.association->params;
    const int count = ASC_countPresentationContexts(params);
    for (int n = 0; n < count; n++) {
        T_ASC_PresentationContext each = {};
        if (ASC_getPresentationContext(params, n, &each).bad() ||
            each.resultReason != ASC_P_ACCEPTANCE || strcmp(each.abstractSyntax, sop_class) != 0)
            continue;
        const bool is_explicit = strcmp(each.acceptedTransferSyntax, ivx_explicit_little) == 0;
        return { each.presentationContextID,
                 is_explicit ? ivx_explicit_little : ivx_implicit_little };
    }
    return {};
}

bool ivx_requested_lost(struct ivx_scu &scu)
{
    scu.useless = true;
    return false;
}

bool ivx_requested_await(struct ivx_scu &scu, const struct ivx_command &request,
                         struct ivx_command &out, struct ivx_err *err)
{
    uint8_t context = 0;
    do {
        scu.wire.allow(scu.dimse_seconds);
        const ivx_step got = ivx_wire_command(&scu.wire, &context, &out, err);
        if (got == ivx_step::broken)
            return ivx_requested_lost(scu);
        if (got == ivx_step::over) {
            ivx_fail(err, IVX_RETRY, "the peer asked for release instead of answering");
            return ivx_requested_lost(scu);
        }
        if (out.field == IVX_COMMAND_EVENT_REPORT &&
            !ivx_requested_hold(scu, context, out, err))
            return ivx_requested_lost(scu);
    } while (out.field == IVX_COMMAND_EVENT_REPORT);
    if (out.field != (request.field | IVX_COMMAND_RESPONSE) ||
        out.answered_id != request.message_id) {
        ivx_fail(err, IVX_RETRY, "answer %04x to message %u, expected %04x to %u", out.field,
                 out.answered_id, request.field | IVX_COMMAND_RESPONSE, request.message_id);
        return ivx_requested_lost(scu);
    }
    return true;
}

bool ivx_scu_open(const struct ivx_scu_peer *peer, const struct ivx_scu_context *contexts,
                  size_t count, struct ivx_scu **out, struct ivx_err *err)
{
    return ivx_barrier(err, [&] {
        auto made = std::make_unique<ivx_scu>(*peer);
        if (!associate(*made, peer, proposals(made->preferred, contexts, count), err))
            return false;
        *out = made.release();
        return true;
    });
}

void ivx_scu_free(struct ivx_scu **scu)
{
    if (*scu == nullptr)
        return;
    ivx_barrier(nullptr, [&] {
        struct ivx_wire &wire = (*scu)->wire;
        wire.allow(5);
        if ((*scu)->useless || ASC_releaseAssociation(wire.association).bad())
            ASC_abortAssociation(wire.association);
        delete *scu;
        return true;
    });
    *scu = nullptr;
}

void ivx_scu_set_urgent(struct ivx_scu *scu, bool urgent)
{
    scu->urgent = urgent;
}

bool ivx_scu_echo(struct ivx_scu *scu, struct ivx_err *err)
{
    return ivx_barrier(err, [&] { return echo(*scu, err); });
}

bool ivx_scu_store(struct ivx_scu *scu, const char *path, struct ivx_scu_answer *out,
                   struct ivx_err *err)
{
    return ivx_barrier(err, [&] { return store(*scu, path, out, err); });
}
