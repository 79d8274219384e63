#include "worker.h"

#include "isovox/sys/clock.h"
#include "isovox/sys/stop.h"

enum { SECOND_US = 1000000 };

static bool may_go_on(struct ivx_lease *lease, int64_t now)
{
    if (!ivx_stop_wanted())
        return true;
    lease->stopped = now - ivx_stop_wanted_us() >= lease->grace_us;
    return !lease->stopped;
}

bool ivx_lease_hold(struct ivx_lease *lease, struct ivx_err *err)
{
    return ivx_lease_hold_for(lease, lease->seconds, err);
}

bool ivx_lease_hold_for(struct ivx_lease *lease, int seconds, struct ivx_err *err)
{
    const int64_t now = ivx_clock_steady_us();
    if (!may_go_on(lease, now))
        return ivx_fail(err, IVX_STALE, "job %lld: stopped by shutdown",
                        (long long)lease->job_id);
    if (now < lease->next_beat_us)
        return true;

    struct ivx_err why = { 0 };
    lease->next_beat_us = now + (int64_t)lease->seconds * SECOND_US / 4;
    if (ivx_catalogue_heartbeat(lease->catalogue, lease->job_id, lease->epoch, seconds, &why))
        return true;
    /* A busy catalogue is no reason to stop: the finish is fenced. */
    if (why.code != IVX_STALE)
        return true;
    lease->lost = true;
    return ivx_fail(err, IVX_STALE, "%s", why.text);
}
