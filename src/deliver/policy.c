#include "policy.h"

#include <sys/random.h>

#include "isovox/sys/clock.h"

enum ivx_outcome ivx_outcome_of(int status)
{
    if (status == -1 || (status & 0xff00) == 0xa700)
        return IVX_LATER;

    const bool warning = (status & 0xf000) == 0xb000 || status == 0x0001 || status == 0x0107
                         || status == 0x0116;
    /* "Duplicate SOP Instance": UIDs are digests of contents, so it is the same one. */
    const bool duplicate = status == 0x0111;
    return status == 0x0000 || warning || duplicate ? IVX_ACCEPTED : IVX_PARK;
}

int64_t ivx_backoff_us(long first, long longest, int64_t attempt, uint32_t random)
{
    int64_t seconds = first;
    for (int64_t n = 1; n < attempt && seconds < longest; n++)
        seconds *= 2;
    if (seconds > longest)
        seconds = longest;

    const int64_t spread_ms = seconds * 200; /* a fifth */
    const int64_t random_ms = (int64_t)((uint64_t)random * (uint64_t)(2 * spread_ms) >> 32);
    return (seconds * 1000 - spread_ms + random_ms) * 1000;
}

uint32_t ivx_random_bits(void)
{
    uint32_t bits = 0;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits)
        bits = (uint32_t)ivx_clock_wall_us() * 2654435761u;
    return bits;
}
