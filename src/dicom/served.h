/* served.h - an association that a peer has requested, as scp.cc and scp_commitment.cc share
 * it. */
#ifndef IVX_DICOM_SERVED_H
#define IVX_DICOM_SERVED_H

#include <vector>

#include "isovox/dicom/scp.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"

#include "wire.h"

/* A data set that comes slower than this holds its process too long. */
constexpr uint64_t ivx_least_bytes_per_second = 4096;

struct ivx_served {
    int fd;
    const struct ivx_scp_limits *limits;
    const struct ivx_scp_handler *handler;
    struct ivx_scp_peer peer;
    struct ivx_wire wire;
    /* Reports on storage commitment: where the peer asked, in which syntax, and which of our
     * messages it has not answered; 0: none. */
    uint8_t commitment_context = 0;
    char commitment_syntax[65] = "";
    uint16_t reports = 0, report_id = 0;

    ivx_served(int socket, const struct ivx_scp_limits *of, const struct ivx_scp_handler *to)
        : fd(socket), limits(of), handler(to), peer{}, wire(of->dimse_seconds)
    {
    }
    /* DCMTK closes the socket with its association; before that it is ours. */
    ~ivx_served()
    {
        if (wire.association == nullptr)
            ivx_fd_close(&fd);
    }
};

/* Reads the data set that follows a command, giving each piece to take(pdv). */
template <class Take>
ivx_step ivx_served_data_set(ivx_served &on, Take take, struct ivx_err *err)
{
    const int64_t start = ivx_clock_steady_us();
    const uint64_t before = on.wire.pace.received;
    struct ivx_fragment pdv = {};
    do {
        const auto earned = static_cast<int64_t>((on.wire.pace.received - before) /
                                                 ivx_least_bytes_per_second);
        const int64_t seconds = 2 * on.limits->dimse_seconds + earned;
        on.wire.pace.until_us = start + seconds * ivx_second_us;
        const ivx_step got = ivx_wire_pdv(&on.wire, &pdv, err);
        if (got != ivx_step::next)
            return got;
        if (pdv.is_command)
            return ivx_wire_bad(err, "a command inside a data set");
        if (pdv.length % 2 != 0)
            return ivx_wire_bad(err, "a fragment of odd length");
        if (!take(pdv))
            return ivx_wire_bad(err, "a data set without end");
    } while (!pdv.is_last);
    return ivx_step::next;
}

/* The data set of a request, up to `most` bytes; too much of it is read and dropped up to a
 * bound. */
struct ivx_served_bytes {
    size_t most;
    std::vector<uint8_t> bytes = {};
    bool is_full = false;
    uint64_t dropped = 0;

    explicit ivx_served_bytes(size_t limit) : most(limit) {}
    bool take(const struct ivx_fragment &pdv)
    {
        if (bytes.size() + pdv.length > most)
            is_full = true;
        if (!is_full)
            bytes.insert(bytes.end(), pdv.bytes, pdv.bytes + pdv.length);
        dropped += pdv.length;
        return dropped <= 4 * uint64_t{ most };
    }
};

/* A response without a data set; comment may be NULL. */
ivx_step ivx_served_answer(ivx_served &on, uint8_t context, const struct ivx_command &to,
                           uint16_t status, const char *comment, struct ivx_err *err);

/* ---- scp_performed.cc -------------------------------------------------------------- */

/* Accepts the contexts of Modality Performed Procedure Step, if the handler takes it. */
void ivx_served_accept_performed(ivx_served &on);
/* N-CREATE-RQ and N-SET-RQ, their data set included. */
ivx_step ivx_served_performed(ivx_served &on, const T_ASC_PresentationContext &agreed,
                              const struct ivx_command &command, struct ivx_err *err);

/* ---- scp_commitment.cc ------------------------------------------------------------- */

/* Accepts the contexts of the Storage Commitment Push Model that the handler offers. */
void ivx_served_accept_commitment(ivx_served &on);
/* N-ACTION-RQ and N-EVENT-REPORT-RQ, their data set included. */
ivx_step ivx_served_commitment(ivx_served &on, const T_ASC_PresentationContext &agreed,
                               const struct ivx_command &command, struct ivx_err *err);
/* Sends a report when one is due and none is unanswered. False: the association is lost. */
bool ivx_served_report(ivx_served &on, struct ivx_err *err);
/* A response, which can be to our report only. */
ivx_step ivx_served_report_answer(ivx_served &on, const struct ivx_command &answer,
                                  struct ivx_err *err);

#endif
