#include "wire.h"

#include <cstring>

#include <dcmtk/dcmnet/cond.h>

#include "isovox/sys/clock.h"

ivx_wire::~ivx_wire()
{
    allow(1);
    if (association != nullptr) {
        ASC_dropAssociation(association);
        ASC_destroyAssociation(&association);
    }
    if (network != nullptr)
        ASC_dropNetwork(&network);
}

void ivx_wire::allow(int seconds)
{
    pace.until_us = ivx_clock_steady_us() + seconds * ivx_second_us;
}

ivx_step ivx_wire_bad(struct ivx_err *err, const char *what)
{
    ivx_fail(err, IVX_DAMAGED, "protocol: %s", what);
    return ivx_step::broken;
}

/* A PDU of PDVs is in DCMTK's buffer: where it starts is where its first PDV is, and its
 * length is what the connection has counted. */
static bool take_pdu(struct ivx_wire *wire, DUL_ASSOCIATIONKEY **key)
{
    DUL_PDV first = {};
    const struct ivx_pdu_track &pdu = wire->pace.pdu;
    if (DUL_NextPDV(key, &first).bad() || pdu.type() != DUL_TYPEDATA || !pdu.is_whole())
        return false;
    wire->rest = static_cast<const uint8_t *>(first.data) - 6;
    wire->left = pdu.length();
    return true;
}

static ivx_step read_pdu(struct ivx_wire *wire, struct ivx_err *err)
{
    DUL_ASSOCIATIONKEY **key = &wire->association->DULassociation;
    /* The pace limits the time; the number here only keeps DCMTK from asking for none. */
    const OFCondition read = DUL_ReadPDVs(key, nullptr, DUL_NOBLOCK, 3600);
    if (read == DUL_PEERREQUESTEDRELEASE && !wire->inside)
        return ivx_step::over;
    if (read == DUL_PDATAPDUARRIVED && take_pdu(wire, key))
        return ivx_step::next;

    ivx_fail(err, IVX_RETRY, "%s", read.text());
    return ivx_step::broken;
}

ivx_step ivx_wire_pdv(struct ivx_wire *wire, struct ivx_fragment *out, struct ivx_err *err)
{
    if (wire->left == 0) {
        const ivx_step read = read_pdu(wire, err);
        if (read != ivx_step::next)
            return read;
    }
    const uint8_t *at = wire->rest;
    if (wire->left < 6)
        return ivx_wire_bad(err, "a PDU that ends inside a PDV");
    const size_t length = static_cast<size_t>(at[0]) << 24 | static_cast<size_t>(at[1]) << 16 |
                          static_cast<size_t>(at[2]) << 8 | at[3];
    if (length < 2 || length > wire->left - 4)
        return ivx_wire_bad(err, "a PDV that is longer than its PDU");

    *out = { at[4], (at[5] & 1) != 0, (at[5] & 2) != 0, at + 6, length - 2 };
    wire->rest += 4 + length;
    wire->left -= 4 + length;
    return ivx_step::next;
}

ivx_step ivx_wire_command(struct ivx_wire *wire, uint8_t *context_out,
                          struct ivx_command *out, struct ivx_err *err)
{
    uint8_t bytes[IVX_COMMAND_MOST];
    size_t used = 0;
    struct ivx_fragment pdv = {};
    wire->inside = false;
    do {
        const ivx_step got = ivx_wire_pdv(wire, &pdv, err);
        if (got != ivx_step::next)
            return got;
        if (!pdv.is_command)
            return ivx_wire_bad(err, "data without a command");
        if (wire->inside && pdv.context != *context_out)
            return ivx_wire_bad(err, "a command in two presentation contexts");
        if (pdv.length > sizeof bytes - used)
            return ivx_wire_bad(err, "a command set that is too long");

        memcpy(bytes + used, pdv.bytes, pdv.length);
        used += pdv.length;
        *context_out = pdv.context;
        wire->inside = true;
    } while (!pdv.is_last);

    return ivx_command_read(bytes, used, out, err) ? ivx_step::next : ivx_step::broken;
}

bool ivx_wire_message(struct ivx_wire *wire, uint8_t context, const struct ivx_command &request,
                      uint8_t *data, size_t length, struct ivx_err *err)
{
    uint8_t bytes[IVX_COMMAND_ROOM];
    const size_t used = ivx_command_request(&request, bytes);
    if (!ivx_wire_send(wire, context, DUL_COMMANDPDV, bytes, used, true, err))
        return false;
    const size_t most = wire->association->sendPDVLength & ~1UL;
    for (size_t at = 0; at < length;) {
        const size_t piece = length - at < most ? length - at : most;
        if (!ivx_wire_send(wire, context, DUL_DATASETPDV, data + at, piece,
                           at + piece == length, err))
            return false;
        at += piece;
    }
    return true;
}

bool ivx_wire_send(struct ivx_wire *wire, uint8_t context, DUL_DATAPDV type, void *bytes,
                   size_t length, bool last, struct ivx_err *err)
{
    DUL_PDV pdv = {};
    pdv.fragmentLength = length;
    pdv.presentationContextID = context;
    pdv.pdvType = type;
    pdv.lastPDV = last;
    pdv.data = bytes;
    DUL_PDVLIST list = {};
    list.count = 1;
    list.pdv = &pdv;
    const OFCondition sent = DUL_WritePDVs(&wire->association->DULassociation, &list);
    if (sent.bad())
        return ivx_fail(err, IVX_RETRY, "%s", sent.text());
    return true;
}
