/* transport.h - our TCP connections below DCMTK's upper layer.
 *
 * Stock senders run with Nagle's algorithm on, and a delayed acknowledgement then costs 40 ms
 * per message: TCP_NODELAY is set on our side and TCP_QUICKACK, which does not stick, is
 * armed again after every read. Reads keep an absolute deadline, so that a peer that sends
 * a byte now and then holds nothing for long. */
#ifndef IVX_DICOM_TRANSPORT_H
#define IVX_DICOM_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>

/* Where one PDU ends in what was read, and the next begins: PS3.8 9.3.1. */
struct ivx_pdu_track {
    uint8_t header[6] = {};
    size_t header_used = 0;
    uint32_t body_left = 0;

    void count(const uint8_t *bytes, size_t length);
    /* Of the PDU that was begun last. */
    uint8_t type() const { return header[0]; }
    uint32_t length() const;
    bool is_whole() const { return header_used == sizeof header && body_left == 0; }
};

/* How long a peer may take; owned by whoever serves it. Microseconds of
 * ivx_clock_steady_us(). */
struct ivx_pace {
    int64_t until_us = 0;   /* reads fail from then on */
    int64_t silence_us = 0; /* and after this long without a byte */
    uint64_t received = 0;  /* bytes, ever */
    int fd = -1;            /* the connection's socket, to wait for */
    struct ivx_pdu_track pdu;
};

class ivx_transport final : public DcmTransportLayer
{
public:
    /* pace is borrowed for the life of the connections made here; NULL: the time limits
     * are those that DCMTK asks for with each wait. */
    explicit ivx_transport(struct ivx_pace *pace) : pace_(pace) {}
    DcmTransportConnection *createConnection(DcmNativeSocketType fd, OFBool secure) override;

private:
    struct ivx_pace *pace_;
};

/* Waits until fd can be read. False when the time is over, or (errno EINTR) on a signal. */
bool ivx_transport_wait(int fd, int64_t until_us);

#endif
