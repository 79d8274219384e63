#include "transport.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "isovox/sys/clock.h"

namespace
{

class connection final : public DcmTCPConnection
{
public:
    connection(int fd, struct ivx_pace *pace) : DcmTCPConnection(fd), pace_(pace)
    {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (pace_ != nullptr)
            pace_->fd = fd;
    }

    ssize_t read(void *bytes, size_t room) override;
    ssize_t write(void *bytes, size_t length) override;
    OFBool networkDataAvailable(int seconds) override;

private:
    bool wait_for_peer();

    struct ivx_pace *pace_;
};

/* The deadline is the pace's own: a signal does not end the wait. */
bool connection::wait_for_peer()
{
    const int64_t silent = ivx_clock_steady_us() + pace_->silence_us;
    const int64_t until = std::min(pace_->until_us, silent);
    while (!ivx_transport_wait(getSocket(), until)) {
        if (errno != EINTR) {
            errno = ETIMEDOUT;
            return false;
        }
    }
    return true;
}

ssize_t connection::read(void *bytes, size_t room)
{
    ssize_t got = -1;
    while ((got = recv(getSocket(), bytes, room, pace_ ? MSG_DONTWAIT : 0)) == -1) {
        if (errno == EINTR)
            continue;
        const bool empty = pace_ != nullptr && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (!empty || !wait_for_peer())
            return -1;
    }
    const int on = 1;
    setsockopt(getSocket(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    if (pace_ != nullptr) {
        pace_->received += static_cast<uint64_t>(got);
        pace_->pdu.count(static_cast<const uint8_t *>(bytes), static_cast<size_t>(got));
    }
    return got;
}

/* All of it, or an error: what is above takes a short count for a lost peer. */
ssize_t connection::write(void *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        const char *rest = static_cast<const char *>(bytes) + done;
        const ssize_t sent = send(getSocket(), rest, length - done, MSG_NOSIGNAL);
        if (sent == -1 && errno == EINTR)
            continue;
        if (sent <= 0)
            return -1;
        done += static_cast<size_t>(sent);
    }
    return static_cast<ssize_t>(done);
}

OFBool connection::networkDataAvailable(int seconds)
{
    /* read() waits by the pace, and saves a poll() when bytes are there already. */
    if (pace_ != nullptr && seconds > 0)
        return OFTrue;

    const int64_t until = ivx_clock_steady_us() + std::max(seconds, 0) * INT64_C(1000000);
    while (!ivx_transport_wait(getSocket(), until)) {
        if (errno != EINTR)
            return OFFalse;
    }
    return OFTrue;
}

} // namespace

uint32_t ivx_pdu_track::length() const
{
    return static_cast<uint32_t>(header[2]) << 24 | static_cast<uint32_t>(header[3]) << 16 |
           static_cast<uint32_t>(header[4]) << 8 | header[5];
}

void ivx_pdu_track::count(const uint8_t *bytes, size_t length_read)
{
    while (length_read > 0) {
        if (is_whole())
            header_used = 0;
        size_t used = 1;
        if (header_used < sizeof header) {
            header[header_used++] = *bytes;
            body_left = header_used == sizeof header ? length() : 0;
        } else {
            used = std::min<size_t>(length_read, body_left);
            body_left -= static_cast<uint32_t>(used);
        }
        bytes += used;
        length_read -= used;
    }
}

DcmTransportConnection *ivx_transport::createConnection(DcmNativeSocketType fd, OFBool secure)
{
    return secure ? nullptr : new connection(fd, pace_);
}

bool ivx_transport_wait(int fd, int64_t until_us)
{
    const int64_t left = until_us - ivx_clock_steady_us();
    const int64_t milliseconds = left <= 0 ? 0 : (left + 999) / 1000;
    struct pollfd poller = { fd, POLLIN, 0 };
    errno = 0;
    return poll(&poller, 1, static_cast<int>(std::min<int64_t>(milliseconds, 3600000))) > 0;
}
