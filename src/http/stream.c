#include "stream.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"

enum { STREAMS_MOST = 16, BLOCK = 4096, PENDING_MOST = 1 << 20 };
#define KEEP_ALIVE_US INT64_C(5000000) /* a peer that has gone is found by writing to it */

struct stream {
    struct ivx_streams *all;
    struct MHD_Connection *connection;
    struct ivx_text pending;
    size_t sent;
    bool is_suspended;
    struct stream *next;
};
struct ivx_streams {
    struct stream *first;
    int count;
    bool is_stopping;
    struct ivx_text last; /* the event that was sent last */
    int64_t last_us;
};

bool ivx_streams_new(struct ivx_streams **out, struct ivx_err *err)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL || ivx_fail(err, IVX_FULL, "http: no memory");
}

void ivx_streams_free(struct ivx_streams **streams)
{
    if (*streams == NULL)
        return;
    ivx_text_free(&(*streams)->last);
    free(*streams);
    *streams = NULL;
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t room)
{
    struct stream *stream = context;
    (void)position;
    if (stream->sent == stream->pending.used) {
        if (stream->all->is_stopping || stream->pending.failed)
            return MHD_CONTENT_READER_END_OF_STREAM;
        stream->is_suspended = true;
        MHD_suspend_connection(stream->connection);
        return 0;
    }
    const size_t left = stream->pending.used - stream->sent;
    const size_t size = left < room ? left : room;
    memcpy(out, stream->pending.data + stream->sent, size);
    stream->sent += size;
    if (stream->sent == stream->pending.used)
        stream->sent = stream->pending.used = 0;
    return (ssize_t)size;
}

static void close_stream(void *context)
{
    struct stream *stream = context;
    struct stream **at = &stream->all->first;
    while (*at != stream)
        at = &(*at)->next;
    *at = stream->next;
    stream->all->count--;
    ivx_text_free(&stream->pending);
    free(stream);
}

struct MHD_Response *ivx_stream_open(struct ivx_streams *streams,
                                     struct MHD_Connection *connection)
{
    if (streams->is_stopping || streams->count >= STREAMS_MOST)
        return NULL;
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    stream->all = streams;
    stream->connection = connection;
    /* The state as it is, and how soon to come back when the connection is lost. */
    ivx_text_add(&stream->pending, "retry: 2000\n\n");
    if (streams->last.used > 0)
        ivx_text_add_bytes(&stream->pending, streams->last.data, streams->last.used);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, close_stream);
    if (response == NULL) {
        ivx_text_free(&stream->pending);
        free(stream);
        return NULL;
    }
    stream->next = streams->first;
    streams->first = stream;
    streams->count++;
    return response;
}

static void resume(struct stream *stream)
{
    if (!stream->is_suspended)
        return;
    stream->is_suspended = false;
    MHD_resume_connection(stream->connection);
}

static void send_all(struct ivx_streams *streams, const char *bytes, size_t size)
{
    streams->last_us = ivx_clock_steady_us();
    for (struct stream *each = streams->first; each != NULL; each = each->next) {
        /* Who reads nothing misses events; the next one has everything anyway. */
        if (each->pending.used < PENDING_MOST)
            ivx_text_add_bytes(&each->pending, bytes, size);
        resume(each);
    }
}

void ivx_streams_turn(struct ivx_streams *streams, struct ivx_site *site)
{
    if (streams->first == NULL) {
        ivx_text_free(&streams->last);
        return;
    }
    IVX_AUTO(ivx_text_free) struct ivx_text status = { 0 }, event = { 0 };
    if (ivx_status_text(site, &status))
        ivx_text_add(&event, "event: status\ndata: %s\n\n", status.data);
    if (event.used > 0 && !event.failed
        && (event.used != streams->last.used
            || memcmp(event.data, streams->last.data, event.used) != 0)) {
        ivx_text_free(&streams->last);
        streams->last = event;
        event = (struct ivx_text){ 0 };
        send_all(streams, streams->last.data, streams->last.used);
    } else if (ivx_clock_steady_us() - streams->last_us > KEEP_ALIVE_US) {
        send_all(streams, ":\n\n", 3);
    }
}

void ivx_streams_stop(struct ivx_streams *streams)
{
    streams->is_stopping = true;
    for (struct stream *each = streams->first; each != NULL; each = each->next)
        resume(each);
}
