#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server.h"

/* A web page anywhere can make a browser inside the hospital talk to us. Two doors:
 * DNS rebinding (the page's own name now points here), shut by the Host rule: names of
 * strangers are refused, and addresses cannot be rebound; and requests across sites, shut
 * by the rules for POST and by never sending CORS fields. */

/* The host part of "name:port" or "[v6]:port", without brackets. */
static bool host_of(const char *field, char out[128])
{
    const char *end;
    if (*field == '[') {
        field++;
        end = strchr(field, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
    } else {
        end = field + strcspn(field, ":");
    }
    const size_t length = (size_t)(end - field);
    if (length == 0 || length >= 128)
        return false;
    memcpy(out, field, length);
    out[length] = '\0';
    return true;
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool is_loopback_address(const char *host)
{
    unsigned char bytes[16];
    return (inet_pton(AF_INET, host, bytes) == 1 && bytes[0] == 127)
           || strcmp(host, "::1") == 0;
}

static bool is_ours(const struct ivx_config *config, const char *field)
{
    char host[128];
    const char *address = config->http.address;
    if (field == NULL || !host_of(field, host))
        return false;
    if (strcasecmp(host, "localhost") == 0 || is_loopback_address(host)
        || strcasecmp(host, address) == 0)
        return true;
    const bool everywhere = strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
    return everywhere && is_address(host);
}

/* "http://host:port" must be the host that was asked for. */
static bool is_same_origin(const char *origin, const char *host)
{
    static const char scheme[] = "http://";
    return strncmp(origin, scheme, sizeof scheme - 1) == 0
           && strcasecmp(origin + sizeof scheme - 1, host) == 0;
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    const size_t length = sizeof json - 1;
    return type != NULL && strncasecmp(type, json, length) == 0
           && (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

static bool guard_post(const struct ivx_request *request, struct ivx_reply *reply)
{
    const char *site = request->fetch_site;
    if (!request->is_loopback) {
        ivx_reply_problem(reply, 403, "from other hosts this interface is read-only");
        return false;
    }
    if ((site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        || (request->origin != NULL && !is_same_origin(request->origin, request->host))) {
        ivx_reply_problem(reply, 403, "requests from other sites are refused");
        return false;
    }
    if (!is_json(request->content_type)) {
        ivx_reply_problem(reply, 415, "a POST needs Content-Type: application/json");
        return false;
    }
    return true;
}

bool ivx_guard(const struct ivx_config *config, const struct ivx_request *request,
               struct ivx_reply *reply)
{
    if (!is_ours(config, request->host)) {
        ivx_reply_problem(reply, 403, "this host name is not ours; use an address");
        return false;
    }
    return strcmp(request->method, "POST") != 0 || guard_post(request, reply);
}
