#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/http/http.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "server.h"
#include "stream.h"

enum {
    BODY_MOST = 64 * 1024,
    CONNECTION_MEMORY = 32 * 1024,
    IDLE_SECONDS = 10,
    TURN_MS = 500,
    BACKLOG = 128,
    GOODBYE_TURNS = 3
};

struct http {
    struct ivx_site site;
    struct ivx_config *reloaded; /* owned; NULL: the one we were started with */
    struct MHD_Daemon *daemon;
    struct ivx_streams *streams;
};

/* What one request has uploaded so far; we only count it. */
struct upload {
    size_t size;
};

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static bool is_loopback(struct MHD_Connection *connection)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL)
        return false;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    switch (info->client_addr->sa_family) {
    case AF_INET:
        memcpy(&v4, info->client_addr, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
        memcpy(&v6, info->client_addr, sizeof v6);
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)
               || (memcmp(&v6.sin6_addr, mapped, sizeof mapped) == 0
                   && v6.sin6_addr.s6_addr[12] == 127);
    default:
        return false;
    }
}

static struct MHD_Response *make_response(struct http *http, struct MHD_Connection *connection,
                                          struct ivx_reply *reply)
{
    if (reply->is_stream) {
        struct MHD_Response *stream = ivx_stream_open(http->streams, connection);
        if (stream != NULL)
            return stream;
        ivx_reply_problem(reply, 503, "too many event streams are open");
    }
    if (reply->body.data == NULL || reply->body.failed || reply->failed)
        return NULL;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.used, reply->body.data, MHD_RESPMEM_MUST_FREE);
    if (response != NULL)
        reply->body = (struct ivx_text){ 0 }; /* theirs now */
    return response;
}

static enum MHD_Result queue(struct http *http, struct MHD_Connection *connection,
                             struct ivx_reply *reply)
{
    struct MHD_Response *response = make_response(http, connection, reply);
    if (response == NULL)
        return MHD_NO; /* closes the connection */
    static const char *const always[][2] = {
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Cache-Control", "no-store" },
    };
    for (size_t n = 0; n < IVX_COUNT(always); n++)
        MHD_add_response_header(response, always[n][0], always[n][1]);
    MHD_add_response_header(response, "Content-Type", reply->type);
    MHD_add_response_header(response, "Content-Security-Policy",
                            reply->policy != NULL
                                ? reply->policy
                                : "default-src 'none'; frame-ancestors 'none'");
    if (reply->allow != NULL)
        MHD_add_response_header(response, "Allow", reply->allow);
    const enum MHD_Result result = MHD_queue_response(connection, (unsigned int)reply->status,
                                                      response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection,
                              const char *method, const char *path)
{
    IVX_AUTO(ivx_reply_free) struct ivx_reply reply = { 0 };
    const struct ivx_request request = {
        .method = method,
        .path = path,
        .host = header(connection, "Host"),
        .origin = header(connection, "Origin"),
        .fetch_site = header(connection, "Sec-Fetch-Site"),
        .content_type = header(connection, "Content-Type"),
        .limit = argument(connection, "limit"),
        .after = argument(connection, "after"),
        .order = argument(connection, "order"),
        .series = argument(connection, "series"),
        .job = argument(connection, "job"),
        .is_loopback = is_loopback(connection),
    };
    ivx_site_answer(&http->site, &request, &reply);
    ivx_log(IVX_DEBUG, "http.request", "method=%s path=\"%.200s\" status=%d", method, path,
            reply.status);
    return queue(http, connection, &reply);
}

static enum MHD_Result refuse_body(struct http *http, struct MHD_Connection *connection)
{
    IVX_AUTO(ivx_reply_free) struct ivx_reply reply = { 0 };
    ivx_reply_problem(&reply, 413, "a body has at most %d bytes here", BODY_MOST);
    return queue(http, connection, &reply);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *size, void **upload_slot)
{
    struct http *http = context;
    struct upload *upload = *upload_slot;
    (void)version, (void)data;
    if (upload == NULL) {
        const char *length = header(connection, "Content-Length");
        long long announced = 0;
        *upload_slot = calloc(1, sizeof *upload);
        if (*upload_slot == NULL)
            return MHD_NO;
        if (length != NULL && (!ivx_text_to_int64(length, &announced) || announced > BODY_MOST))
            return refuse_body(http, connection);
        return MHD_YES;
    }
    if (*size > 0) {
        upload->size += *size;
        *size = 0;
        return upload->size > BODY_MOST ? MHD_NO : MHD_YES;
    }
    return answer(http, connection, method, path);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **upload_slot,
                         enum MHD_RequestTerminationCode code)
{
    (void)context, (void)connection, (void)code;
    free(*upload_slot);
    *upload_slot = NULL;
}

static void on_message(void *context, const char *format, va_list args)
{
    char text[240];
    (void)context;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    ivx_log(IVX_DEBUG, "http.library", "text=\"%s\"", text);
}

/* ---- start and end ------------------------------------------------------------------------ */

static bool listen_at(const char *address, long port, int *fd_out, struct ivx_err *err)
{
    char service[16], name[128];
    snprintf(service, sizeof service, "%ld", port);
    snprintf(name, sizeof name, "%s port %ld", address, port);
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                    .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    const int status = getaddrinfo(address, service, &hints, &found);
    if (status != 0)
        return ivx_fail(err, IVX_REFUSED, "%s: %s", name, gai_strerror(status));
    const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool good = fd != -1
                      && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) == 0
                      && bind(fd, found->ai_addr, found->ai_addrlen) == 0
                      && listen(fd, BACKLOG) == 0;
    if (!good)
        ivx_fail_errno(err, "listen at", name);
    freeaddrinfo(found);
    if (good)
        *fd_out = fd;
    else if (fd != -1)
        close(fd);
    return good;
}

static bool start(struct http *http, struct ivx_err *err)
{
    const struct ivx_config *config = http->site.config;
    int fd = -1;
    if (!ivx_page_make(&http->site.page, http->site.policy, err)
        || !ivx_streams_new(&http->streams, err)
        || !listen_at(config->http.address, config->http.port, &fd, err))
        return false;
    const unsigned int connections = (unsigned int)config->http.connections;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        http, MHD_OPTION_EXTERNAL_LOGGER, on_message, NULL, /* first: it is used at once */
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, connections > 1 ? connections / 2 : 1,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_END);
    if (http->daemon != NULL)
        return true;
    close(fd);
    return ivx_fail(err, IVX_FULL, "http: libmicrohttpd does not start");
}

static void reload(struct http *http)
{
    struct ivx_err err = { 0 };
    struct ivx_config *fresh = NULL;
    const char *file = http->site.config->file;
    if (file == NULL || !ivx_config_load(file, &fresh, &err)) {
        ivx_log(IVX_WARNING, "config.kept", "reason=\"%s\"", err.text);
        return;
    }
    http->site.config = fresh;
    ivx_config_free(&http->reloaded);
    http->reloaded = fresh;
}

static void end(struct http *http)
{
    if (http->streams != NULL)
        ivx_streams_stop(http->streams);
    if (http->daemon != NULL) {
        for (int turn = 0; turn < GOODBYE_TURNS; turn++)
            MHD_run_wait(http->daemon, 10); /* the streams' last chunks */
        MHD_stop_daemon(http->daemon);
    }
    ivx_streams_free(&http->streams);
    ivx_site_end(&http->site);
    ivx_config_free(&http->reloaded);
}

int ivx_http_run(const struct ivx_config *config, const char *name)
{
    struct ivx_err err = { 0 };
    struct http http = { .site = { .config = config, .started_us = ivx_clock_wall_us() } };
    (void)name;
    if (!start(&http, &err)) {
        ivx_log(IVX_ERROR, "http.start", "reason=\"%s\"", err.text);
        end(&http);
        return EXIT_FAILURE;
    }
    ivx_log(IVX_INFO, "http.listening", "url=http://%s:%ld/", config->http.address,
            config->http.port);
    int64_t next_us = 0;
    while (!ivx_stop_wanted()) {
        MHD_run_wait(http.daemon, TURN_MS);
        if (ivx_reload_wanted())
            reload(&http);
        const int64_t now = ivx_clock_steady_us();
        if (now < next_us)
            continue;
        ivx_site_disk(&http.site); /* since when it is what it is */
        ivx_streams_turn(http.streams, &http.site);
        /* In a large catalogue the question is dear: it may cost one part in twenty. */
        const int64_t took = ivx_clock_steady_us() - now;
        next_us = now + (took * 20 > TURN_MS * 1000 ? took * 20 : TURN_MS * 1000);
    }
    end(&http);
    return EXIT_SUCCESS;
}
