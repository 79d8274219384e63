#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "parts.h"

/* Enough that neither side waits for the other's slower slices; little of what an engine needs. */
enum { LEAST_ROOM = 4, MOST_ROOM = 24, MOST_BYTES = 8 << 20 };

/* One mutex guards the counters; a buffer belongs to the filler while filled - written <
 * room, and to the thread once it is counted in `filled`. */
struct ivx_pipe {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, opened, closing, failed;
    int32_t filled, written;
    struct ivx_err err;
    ivx_pipe_open *open;
    ivx_pipe_write *write;
    void *context;
    size_t bytes;
    int32_t room;
    unsigned char *buffer; /* room slices */
};

static unsigned char *place(struct ivx_pipe *pipe, int32_t m)
{
    return pipe->buffer + (size_t)(m % pipe->room) * pipe->bytes;
}

/* The mutex is held. */
static void settle(struct ivx_pipe *pipe, bool done, const struct ivx_err *err)
{
    if (!done) {
        pipe->failed = true;
        pipe->err = *err;
    }
    pthread_cond_broadcast(&pipe->changed);
}

/* The mutex is held on entry and on return. */
static void write_next(struct ivx_pipe *pipe)
{
    struct ivx_err err = { 0 };
    const int32_t m = pipe->written;
    pthread_mutex_unlock(&pipe->mutex);
    const bool done = pipe->write(pipe->context, m, place(pipe, m), &err);
    pthread_mutex_lock(&pipe->mutex);
    pipe->written++;
    settle(pipe, done, &err);
}

static void *thread_main(void *argument)
{
    struct ivx_pipe *pipe = argument;
    struct ivx_err err = { 0 };
    const bool done = pipe->open(pipe->context, &err);
    pthread_mutex_lock(&pipe->mutex);
    pipe->opened = true;
    settle(pipe, done, &err);
    while (!pipe->closing && !pipe->failed) {
        if (pipe->written < pipe->filled)
            write_next(pipe);
        else
            pthread_cond_wait(&pipe->changed, &pipe->mutex);
    }
    pthread_mutex_unlock(&pipe->mutex);
    return NULL;
}

bool ivx_pipe_new(size_t bytes, ivx_pipe_open *open, ivx_pipe_write *write, void *context,
                  struct ivx_pipe **out, struct ivx_err *err)
{
    struct ivx_pipe *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->open = open;
    made->write = write;
    made->context = context;
    made->bytes = bytes;
    made->room = ivx_queue_room(bytes, LEAST_ROOM, MOST_ROOM, MOST_BYTES);
    made->buffer = calloc((size_t)made->room, bytes);
    if (made->buffer == NULL) {
        ivx_pipe_free(&made);
        return ivx_fail(err, IVX_FULL, "convert: no memory for slices that wait");
    }
    made->started = pthread_create(&made->thread, NULL, thread_main, made) == 0;
    if (!made->started) {
        ivx_pipe_free(&made);
        return ivx_fail(err, IVX_RETRY, "convert: cannot start a thread");
    }
    *out = made;
    return true;
}

static bool verdict(struct ivx_pipe *pipe, struct ivx_err *err)
{
    return !pipe->failed || ivx_fail(err, pipe->err.code, "%s", pipe->err.text);
}

bool ivx_pipe_put(struct ivx_pipe *pipe, const void *voxel, struct ivx_err *err)
{
    pthread_mutex_lock(&pipe->mutex);
    while (!pipe->failed && pipe->filled - pipe->written == pipe->room)
        pthread_cond_wait(&pipe->changed, &pipe->mutex);
    const bool open = !pipe->failed;
    const int32_t m = pipe->filled;
    pthread_mutex_unlock(&pipe->mutex);
    if (!open)
        return verdict(pipe, err);

    memcpy(place(pipe, m), voxel, pipe->bytes);
    pthread_mutex_lock(&pipe->mutex);
    pipe->filled++;
    pthread_cond_broadcast(&pipe->changed);
    pthread_mutex_unlock(&pipe->mutex);
    return true;
}

bool ivx_pipe_finish(struct ivx_pipe *pipe, struct ivx_err *err)
{
    pthread_mutex_lock(&pipe->mutex);
    while (!pipe->failed && (!pipe->opened || pipe->written < pipe->filled))
        pthread_cond_wait(&pipe->changed, &pipe->mutex);
    pthread_mutex_unlock(&pipe->mutex);
    return verdict(pipe, err);
}

void ivx_pipe_free(struct ivx_pipe **owner)
{
    struct ivx_pipe *pipe = *owner;
    if (pipe == NULL)
        return;
    pthread_mutex_lock(&pipe->mutex);
    pipe->closing = true;
    pthread_cond_broadcast(&pipe->changed);
    pthread_mutex_unlock(&pipe->mutex);
    if (pipe->started)
        pthread_join(pipe->thread, NULL);
    pthread_cond_destroy(&pipe->changed);
    pthread_mutex_destroy(&pipe->mutex);
    free(pipe->buffer);
    free(pipe);
    *owner = NULL;
}
