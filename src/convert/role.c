/* role.c - the convert role's loop: claim a job, run it, say how it ended. */
#include "isovox/convert/convert.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sandbox.h"
#include "worker.h"

#include "isovox/base/auto.h"
#include "isovox/catalogue/clock.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "isovox/sys/wake.h"

enum {
    POLL_MS = 1000,
    SWEEP_US = 60 * 1000000,
    FIRST_RETRY_S = 2,
    LONGEST_RETRY_S = 300,
    /* Code, libraries, dictionaries, headers and stacks, beside the voxels. */
    ADDRESS_SPACE_MIB = 1024,
};

static void worker_clear(struct ivx_worker *worker)
{
    ivx_workspace_free(&worker->workspace);
    ivx_outbox_free(&worker->outbox);
    ivx_spool_free(&worker->spool);
    ivx_catalogue_free(&worker->catalogue);
    ivx_config_free(&worker->reread);
}

/* Voxels come from the network: a decoder that is fooled must not take the machine along,
 * nor leave patient data in a core file. A limit that cannot be set is no failure. */
static void set_limits(const struct ivx_config *config)
{
    const struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) == -1)
        ivx_log(IVX_WARNING, "convert.limit", "text=\"core files stay enabled\"");
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    const rlim_t most = (rlim_t)(config->convert.max_memory + ADDRESS_SPACE_MIB
                                 + config->convert.threads * 16)
                        << 20;
    const struct rlimit memory = { most, most };
    if (setrlimit(RLIMIT_AS, &memory) == -1)
        ivx_log(IVX_WARNING, "convert.limit", "text=\"memory stays unlimited\"");
#else
    (void)config;
#endif
    if (setpriority(PRIO_PROCESS, 0, 5) == -1)
        ivx_log(IVX_WARNING, "convert.limit", "text=\"priority stays as it is\"");
}

static bool open_all(struct ivx_worker *worker, const char *name, int *wake_out,
                     struct ivx_err *err)
{
    const char *state_dir = worker->config->state_dir;
    char before[48];
    snprintf(worker->owner, sizeof worker->owner, "%s:%ld", name, (long)getpid());
    snprintf(before, sizeof before, "%s:", name);
    return ivx_wake_open(state_dir, name, wake_out, err)
           && ivx_spool_open(state_dir, &worker->spool, err)
           && ivx_outbox_open(state_dir, &worker->outbox, err)
           && ivx_catalogue_open(state_dir, &worker->catalogue, err)
           && ivx_catalogue_release_owner(worker->catalogue, before, err);
}

static void reread(struct ivx_worker *worker)
{
    struct ivx_err err = { 0 };
    struct ivx_config *fresh = NULL;
    if (!ivx_config_load(worker->config->file, &fresh, &err)) {
        ivx_log(IVX_ERROR, "config.kept", "text=\"%s\"", err.text);
        return;
    }
    ivx_config_free(&worker->reread);
    worker->reread = fresh;
    worker->config = fresh;
}

static const char *code_name(enum ivx_code code)
{
    static const char *const names[] = {
        [IVX_OK] = "OK",
#define X(id, text, dimse, http) [id] = &#id[4],
        IVX_CODES(X)
#undef X
    };
    return names[code];
}

static bool is_final(enum ivx_code code)
{
    return code != IVX_RETRY && code != IVX_FULL;
}

static int64_t retry_after_us(int64_t attempt)
{
    int64_t seconds = FIRST_RETRY_S;
    for (int64_t n = 1; n < attempt && seconds < LONGEST_RETRY_S; n++)
        seconds *= 2;
    if (seconds > LONGEST_RETRY_S)
        seconds = LONGEST_RETRY_S;
    return seconds * 1000000;
}

/* The rows say how it ended; a catalogue that cannot be written leaves the lease to run
 * out, and the job is taken again. */
static void end_badly(struct ivx_worker *worker, const struct ivx_claim *claim,
                      const struct ivx_lease *lease, const char *reason,
                      const struct ivx_err *why)
{
    struct ivx_err err = { 0 };
    const long long job = (long long)claim->job_id;
    if (lease->stopped) {
        ivx_log(IVX_INFO, "job.released", "job=%lld", job);
        ivx_catalogue_job_release(worker->catalogue, claim->job_id, claim->epoch, &err);
        return;
    }
    if (why->code == IVX_STALE) {
        ivx_log(IVX_WARNING, "job.lost", "job=%lld epoch=%lld text=\"%s\"", job,
                (long long)claim->epoch, why->text);
        return;
    }
    const char *code = reason[0] == '\0' ? code_name(why->code) : reason;
    ivx_log(IVX_ERROR, "job.failed", "job=%lld attempt=%lld code=%s text=\"%s\"", job,
            (long long)claim->attempt, code, why->text);
    if (!ivx_catalogue_job_failed(worker->catalogue, claim->job_id, claim->epoch, code,
                                  why->text, is_final(why->code),
                                  (int)worker->config->convert.attempts,
                                  ivx_catalogue_now_us(worker->catalogue)
                                      + retry_after_us(claim->attempt),
                                  &err))
        ivx_log(IVX_WARNING, "job.unrecorded", "job=%lld text=\"%s\"", job, err.text);
}

/* What was staged goes first, which makes room for the row that says why; but at a shutdown
 * the job is given back first, because gigabytes take longer to go than the grace may last. */
static void give_up(struct ivx_worker *worker, const struct ivx_claim *claim,
                    const struct ivx_lease *lease, const char *reason,
                    const struct ivx_err *why)
{
    if (lease->stopped)
        end_badly(worker, claim, lease, reason, why);
    ivx_outbox_drop_stage(worker->outbox, claim->key, claim->epoch);
    if (!lease->stopped)
        end_badly(worker, claim, lease, reason, why);
}

/* Ten leases, and a second for each 256 KiB: far more than any conversion takes. A worker
 * that hangs for longer is ended by SIGALRM, and the attempt counts. */
unsigned ivx_worker_most_seconds(const struct ivx_config *config,
                                 const struct ivx_claim *claim)
{
    const uint64_t most = 7 * 24 * 3600;
    uint64_t bytes = 0;
    for (size_t n = 0; n < claim->instance_count; n++)
        if (__builtin_add_overflow(bytes, claim->instances[n].length, &bytes))
            return (unsigned)most;
    const uint64_t seconds = 10 * (uint64_t)config->convert.lease + (bytes >> 18);
    return (unsigned)(seconds < most ? seconds : most);
}

static void run_job(struct ivx_worker *worker, const struct ivx_claim *claim)
{
    const int64_t begun_us = ivx_clock_steady_us();
    struct ivx_lease lease = {
        .catalogue = worker->catalogue,
        .job_id = claim->job_id,
        .epoch = claim->epoch,
        .seconds = (int)worker->config->convert.lease,
        .grace_us = ivx_config_drain_us(worker->config),
        .next_beat_us = begun_us + worker->config->convert.lease * 250000,
    };
    char reason[32];
    struct ivx_err err = { 0 };
    alarm(ivx_worker_most_seconds(worker->config, claim));
    const bool done = ivx_worker_run(worker, claim, &lease, reason, &err);
    alarm(0);
    if (!done) {
        give_up(worker, claim, &lease, reason, &err);
        return;
    }
    ivx_log(IVX_INFO, "job.done", "job=%lld recipe=%s slices=%zu attempt=%lld ms=%lld",
            (long long)claim->job_id, claim->recipe_name, claim->instance_count,
            (long long)claim->attempt,
            (long long)(ivx_clock_steady_us() - begun_us) / 1000);
    ivx_wake_send(worker->config->state_dir, "deliver");
}

/* False: nothing to do now. */
static bool take_job(struct ivx_worker *worker, enum ivx_code *last)
{
    IVX_AUTO(ivx_claim_free) struct ivx_claim claim = { .job_id = 0 };
    struct ivx_err err = { 0 };
    const bool taken = ivx_catalogue_claim(worker->catalogue, worker->owner,
                                           (int)worker->config->convert.lease,
                                           (int)worker->config->convert.attempts, &claim,
                                           &err);
    const enum ivx_code now = err.code == IVX_ABSENT ? IVX_OK : err.code;
    if (now != *last && now != IVX_OK)
        ivx_log(IVX_ERROR, "convert.stuck", "text=\"%s\"", err.text);
    *last = now;
    if (!taken) { /* nobody waits: the memory is of more use elsewhere */
        ivx_workspace_free(&worker->workspace);
        return false;
    }
    if (worker->workspace == NULL) /* without one a job takes memory of its own */
        (void)ivx_workspace_new(NULL, &worker->workspace, NULL);
    run_job(worker, &claim);
    return true;
}

static void sweep(struct ivx_worker *worker, int64_t *next_us)
{
    const int64_t now = ivx_clock_steady_us();
    if (now < *next_us)
        return;
    /* Nobody holds it, and nobody is about to. */
    ivx_outbox_sweep(worker->outbox, 2 * (int)worker->config->convert.lease + 60);
    *next_us = now + SWEEP_US;
}

int ivx_convert_run(const struct ivx_config *config, const char *name)
{
    IVX_AUTO(worker_clear) struct ivx_worker worker = { .config = config };
    IVX_AUTO(ivx_fd_close) int wake = -1;
    struct ivx_err opening = { 0 };
    set_limits(config);
    if (!open_all(&worker, name, &wake, &opening)) {
        ivx_log(IVX_ERROR, "convert.failed", "text=\"%s\"", opening.text);
        return 1;
    }

    ivx_sandbox_enter(config->state_dir);
    enum ivx_code last = IVX_OK;
    int64_t sweep_us = 0;
    while (!ivx_stop_wanted()) {
        if (ivx_reload_wanted())
            reread(&worker);
        sweep(&worker, &sweep_us);
        if (!take_job(&worker, &last))
            ivx_wake_wait(wake, POLL_MS);
    }
    return 0;
}
