#include "isovox/base/auto.h"
#include "server.h"

void ivx_site_end(struct ivx_site *site)
{
    ivx_catalogue_free(&site->catalogue);
    ivx_histograms_free(&site->histograms);
    ivx_text_free(&site->page);
}

struct ivx_catalogue *ivx_site_catalogue(struct ivx_site *site, struct ivx_err *err)
{
    if (site->catalogue == NULL)
        (void)ivx_catalogue_open_read(site->config->state_dir, &site->catalogue, err);
    return site->catalogue;
}

void ivx_answer_page(struct ivx_site *site, const struct ivx_request *request, int64_t id,
                     struct ivx_reply *reply)
{
    (void)request, (void)id;
    ivx_text_free(&reply->body);
    ivx_text_add_bytes(&reply->body, site->page.data, site->page.used);
    reply->status = reply->body.failed ? 507 : 200;
    reply->type = "text/html; charset=utf-8";
    reply->policy = site->policy;
}

void ivx_answer_events(struct ivx_site *site, const struct ivx_request *request, int64_t id,
                       struct ivx_reply *reply)
{
    (void)site, (void)request, (void)id;
    ivx_reply_text(reply, 200, "text/event-stream", "");
    reply->is_stream = true;
}
