#include "isovox/sys/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t ivx_clock_wall_us(void)
{
    return now_us(CLOCK_REALTIME);
}

int64_t ivx_clock_steady_us(void)
{
    return now_us(CLOCK_BOOTTIME);
}

void ivx_clock_sleep_ms(int milliseconds)
{
    const struct timespec span = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    nanosleep(&span, NULL);
}

void ivx_clock_iso(int64_t wall_us, char out[32])
{
    const time_t seconds = (time_t)(wall_us / 1000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    const size_t used = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + used, 32 - used, ".%03dZ", (int)(wall_us % 1000000 / 1000));
}
