#include "probe.h"

#include <inttypes.h>

#include "isovox/base/auto.h"
#include "isovox/catalogue/clock.h"
#include "isovox/dicom/scu.h"
#include "isovox/sys/log.h"
#include "isovox/sys/wake.h"

#include "policy.h"

enum { FIRST_S = 1, LONGEST_S = 12 };

/* Said when it begins, and then less and less often: a night without a PACS is no flood. */
static bool is_worth_a_line(int64_t failures)
{
    return (failures & (failures - 1)) == 0;
}

void ivx_probe_trip(struct ivx_catalogue *catalogue, const char *destination,
                    enum ivx_breaker_state state, const char *why)
{
    struct ivx_err err = { 0 };
    int64_t failures = 0;
    if (!ivx_catalogue_breaker_failures(catalogue, destination, &failures, &err)
        || !ivx_catalogue_breaker_trip(
            catalogue, destination, state, why,
            ivx_catalogue_now_us(catalogue)
                + ivx_backoff_us(FIRST_S, LONGEST_S, failures + 1, ivx_random_bits()),
            &err)) {
        ivx_log(IVX_WARNING, "deliver.catalogue", "text=\"%s\"", err.text);
        return;
    }
    if (is_worth_a_line(failures + 1))
        ivx_log(IVX_WARNING, "destination.trouble",
                "destination=\"%s\" state=%s failures=%" PRId64 " text=\"%s\"", destination,
                ivx_breaker_state_name(state), failures + 1, why);
}

/* A peer that associates and does not know Verification is there all the same. */
static bool answers(const struct ivx_destination *to, struct ivx_err *err)
{
    IVX_AUTO(ivx_scu_free) struct ivx_scu *scu = NULL;
    const struct ivx_scu_peer peer = {
        .calling_ae = to->calling_ae, .called_ae = to->ae_title, .address = to->address,
        .port = (int)to->port, .connect_seconds = (int)to->connect_timeout,
        .dimse_seconds = (int)to->dimse_timeout,
    };
    if (!ivx_scu_open(&peer, NULL, 0, &scu, err))
        return err->code == IVX_MISMATCH;
    return ivx_scu_echo(scu, err) || err->code == IVX_REFUSED;
}

void ivx_probe_run(const struct ivx_config *config, const struct ivx_destination *destination)
{
    struct ivx_err err = { 0 }, why = { 0 };
    const bool there = answers(destination, &why);
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    if (!ivx_catalogue_open(config->state_dir, &catalogue, &err)) {
        ivx_log(IVX_WARNING, "deliver.catalogue", "text=\"%s\"", err.text);
        return;
    }
    if (!there) {
        ivx_probe_trip(catalogue, destination->name, IVX_BREAKER_AWAY, why.text);
        return;
    }
    if (ivx_catalogue_breaker_try(catalogue, destination->name, &err))
        ivx_log(IVX_INFO, "destination.answers", "destination=\"%s\"", destination->name);
    else
        ivx_log(IVX_WARNING, "deliver.catalogue", "text=\"%s\"", err.text);
    ivx_wake_send(config->state_dir, "deliver");
}
