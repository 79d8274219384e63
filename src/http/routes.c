#include <string.h>

#include "isovox/base/auto.h"
#include "server.h"

/* '#' stands for an id. */
static const struct route {
    const char *method, *path;
    ivx_answer *answer;
} routes[] = {
    { "GET", "/", ivx_answer_page },
    { "GET", "/healthz", ivx_answer_alive },
    { "GET", "/readyz", ivx_answer_ready },
    { "GET", "/metrics", ivx_answer_metrics },
    { "GET", "/api/v1/status", ivx_answer_status },
    { "GET", "/api/v1/events", ivx_answer_events },
    { "GET", "/api/v1/series", ivx_answer_series_list },
    { "GET", "/api/v1/series/#", ivx_answer_series },
    { "GET", "/api/v1/jobs", ivx_answer_job_list },
    { "GET", "/api/v1/jobs/#", ivx_answer_job },
    { "GET", "/api/v1/jobs/#/manifest", ivx_answer_manifest },
    { "GET", "/api/v1/deliveries", ivx_answer_delivery_list },
    { "GET", "/api/v1/deliveries/#", ivx_answer_delivery },
    { "GET", "/api/v1/commitments", ivx_answer_commitment_list },
    { "GET", "/api/v1/commitments/#", ivx_answer_commitment },
    { "POST", "/api/v1/series/#/complete", ivx_answer_complete },
    { "POST", "/api/v1/jobs/#/retry", ivx_answer_job_retry },
    { "POST", "/api/v1/jobs/#/cancel", ivx_answer_job_cancel },
    { "POST", "/api/v1/deliveries/#/retry", ivx_answer_delivery_retry },
    { "POST", "/api/v1/deliveries/#/cancel", ivx_answer_delivery_cancel },
    { "POST", "/api/v1/commitments/#/retry", ivx_answer_commitment_retry },
};

/* Up to 18 digits: the largest is still an int64_t. */
static bool matches(const char *pattern, const char *path, int64_t *id_out)
{
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '#') {
            if (*path++ != *pattern)
                return false;
            continue;
        }
        const size_t digits = strspn(path, "0123456789");
        if (digits == 0 || digits > 18 || *path == '0')
            return false;
        *id_out = 0;
        for (size_t n = 0; n < digits; n++)
            *id_out = *id_out * 10 + (path[n] - '0');
        path += digits;
    }
    return *path == '\0';
}

void ivx_site_answer(struct ivx_site *site, const struct ivx_request *request,
                     struct ivx_reply *reply)
{
    if (!ivx_guard(site->config, request, reply))
        return;
    const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
    const struct route *other = NULL;
    for (size_t n = 0; n < IVX_COUNT(routes); n++) {
        int64_t id = 0;
        if (!matches(routes[n].path, request->path, &id))
            continue;
        if (strcmp(routes[n].method, method) == 0) {
            routes[n].answer(site, request, id, reply);
            return;
        }
        other = &routes[n];
    }
    if (other == NULL) {
        ivx_reply_problem(reply, 404, "there is no such path");
        return;
    }
    ivx_reply_problem(reply, 405, "only %s is possible here", other->method);
    reply->allow = strcmp(other->method, "GET") == 0 ? "GET, HEAD" : "POST";
}
