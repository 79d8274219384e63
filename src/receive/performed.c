#include "performed.h"

#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/catalogue/performed.h"
#include "isovox/sys/log.h"
#include "isovox/sys/wake.h"

/* PS3.7 annex C; a step that is over is a processing failure (PS3.4 F.7.2.2.2). */
static uint16_t status_of(enum ivx_code code)
{
    switch (code) {
    case IVX_STALE:
        return 0x0111; /* duplicate SOP instance */
    case IVX_ABSENT:
        return 0x0112; /* no such SOP instance */
    case IVX_FULL:
        return 0x0213; /* resource limitation */
    default:
        return 0x0110; /* processing failure */
    }
}

static enum ivx_step_state state_of(enum ivx_performed_status status)
{
    if (status == IVX_PERFORMED_COMPLETED)
        return IVX_STEP_COMPLETED;
    return status == IVX_PERFORMED_DISCONTINUED ? IVX_STEP_DISCONTINUED : IVX_STEP_OPEN;
}

static bool record(const struct ivx_config *config, const struct ivx_scp_peer *peer,
                   bool creates, const char *sop_uid, const struct ivx_performed *said,
                   struct ivx_err *err)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *catalogue = NULL;
    IVX_AUTO(ivx_memory_free)
    struct ivx_step_image *images = calloc(said->count + 1, sizeof *images);
    if (images == NULL)
        return ivx_fail(err, IVX_FULL, "no memory for %zu images", said->count);
    for (size_t n = 0; n < said->count; n++)
        images[n] = (struct ivx_step_image){ said->image[n].series_uid,
                                             said->image[n].sop_uid };
    if (!ivx_catalogue_open(config->state_dir, &catalogue, err))
        return false;
    if (creates)
        return ivx_catalogue_step_create(catalogue, sop_uid, peer->calling_ae, images,
                                         said->count, err);
    return ivx_catalogue_step_set(catalogue, sop_uid, state_of(said->status), said->lists,
                                  images, said->count, err);
}

uint16_t ivx_performed_take(const struct ivx_config *config, const struct ivx_scp_peer *peer,
                            bool creates, const char *sop_uid,
                            const struct ivx_performed *said, struct ivx_err *why)
{
    static const char *const words[] = { "", "in progress", "completed", "discontinued" };
    char uid[13];
    if (!record(config, peer, creates, sop_uid, said, why))
        return status_of(why->code);
    ivx_log_uid(sop_uid, uid);
    ivx_log(IVX_INFO, "step.performed", "step=%s ae=\"%s\" status=\"%s\" images=%zu", uid,
            peer->calling_ae, words[said->status], said->count);
    ivx_wake_send(config->state_dir, "plan");
    return 0x0000;
}
