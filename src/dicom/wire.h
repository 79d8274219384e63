/* wire.h - DIMSE messages over an established association, for both sides of it.
 *
 * PDVs are exchanged with DCMTK's upper layer and not with its DIMSE functions: in 3.6.7
 * DIMSE_receiveDataSetInFile() waits for one PDV too many when the last one could not be
 * written, and DIMSE_receiveCommand() parses a hostile command set by recursion. A PDU is
 * taken apart here too: DUL_NextPDV() loses its way, and then reads beyond its buffer, when
 * a PDU holds three PDVs of different lengths. */
#ifndef IVX_DICOM_WIRE_H
#define IVX_DICOM_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dul.h>

#include "isovox/base/err.h"

#include "command.h"
#include "transport.h"

enum class ivx_step {
    next,   /* done: go on */
    over,   /* the peer asks for release */
    broken, /* nothing more can be exchanged; the error says why */
};

constexpr int64_t ivx_second_us = 1000000;

/* What DCMTK made is dropped with it, whichever way it ended. */
struct ivx_wire {
    struct ivx_pace pace = {};
    ivx_transport transport{ &pace };
    T_ASC_Network *network = nullptr;
    T_ASC_Association *association = nullptr;
    const uint8_t *rest = nullptr; /* of a PDU: PDVs that were not asked for yet */
    size_t left = 0;
    bool inside = false; /* of a message: a release is no orderly end then */

    explicit ivx_wire(int dimse_seconds) { pace.silence_us = dimse_seconds * ivx_second_us; }
    ~ivx_wire();
    ivx_wire(const ivx_wire &) = delete;
    ivx_wire &operator=(const ivx_wire &) = delete;

    /* The peer has that long from now on. */
    void allow(int seconds);
};

/* A fragment of a message; the bytes stay until the next call. PS3.8 9.3.5.1 and annex E.2. */
struct ivx_fragment {
    uint8_t context;
    bool is_command, is_last;
    const uint8_t *bytes;
    size_t length;
};
ivx_step ivx_wire_pdv(struct ivx_wire *wire, struct ivx_fragment *out, struct ivx_err *err);
/* For protocol errors: sets the error, and is always `broken`. */
ivx_step ivx_wire_bad(struct ivx_err *err, const char *what);

ivx_step ivx_wire_command(struct ivx_wire *wire, uint8_t *context_out,
                          struct ivx_command *out, struct ivx_err *err);

/* A request and its data set, in pieces that the peer takes. The request has its message id. */
bool ivx_wire_message(struct ivx_wire *wire, uint8_t context, const struct ivx_command &request,
                      uint8_t *data, size_t length, struct ivx_err *err);

bool ivx_wire_send(struct ivx_wire *wire, uint8_t context, DUL_DATAPDV type, void *bytes,
                   size_t length, bool last, struct ivx_err *err);

#endif
