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

ivx_step ivx_wire_pdv(struct ivx_wire *wire, DUL_PDV *out, struct ivx_err *err)
{
    DUL_ASSOCIATIONKEY **key = &wire->association->DULassociation;
    if (DUL_NextPDV(key, out).good())
        return ivx_step::next;

    /* The pace limits the time; the number here only keeps DCMTK from asking for none. */
    const OFCondition read = DUL_ReadPDVs(key, nullptr, DUL_NOBLOCK, 3600);
    if (read == DUL_PEERREQUESTEDRELEASE && !wire->inside)
        return ivx_step::over;
    if (read == DUL_PDATAPDUARRIVED && DUL_NextPDV(key, out).good())
        return ivx_step::next;

    ivx_fail(err, IVX_RETRY, "%s", read.text());
    return ivx_step::broken;
}

ivx_step ivx_wire_command(struct ivx_wire *wire, uint8_t *context_out,
                          struct ivx_command *out, struct ivx_err *err)
{
    uint8_t bytes[IVX_COMMAND_MOST];
    size_t used = 0;
    DUL_PDV pdv = {};
    wire->inside = false;
    do {
        const ivx_step got = ivx_wire_pdv(wire, &pdv, err);
        if (got != ivx_step::next)
            return got;
        if (pdv.pdvType != DUL_COMMANDPDV)
            return ivx_wire_bad(err, "data without a command");
        if (wire->inside && pdv.presentationContextID != *context_out)
            return ivx_wire_bad(err, "a command in two presentation contexts");
        if (pdv.fragmentLength > sizeof bytes - used)
            return ivx_wire_bad(err, "a command set that is too long");

        memcpy(bytes + used, pdv.data, pdv.fragmentLength);
        used += pdv.fragmentLength;
        *context_out = pdv.presentationContextID;
        wire->inside = true;
    } while (!pdv.lastPDV);

    return ivx_command_read(bytes, used, out, err) ? ivx_step::next : ivx_step::broken;
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
