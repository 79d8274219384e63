#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "parts.h"

/* Enough that neither side waits for the other's slower slices; little of what an engine needs. */
enum { LEAST_ROOM = 4, MOST_ROOM = 24, MOST_BYTES = 8 << 20 };

/* The mutex guards the counters; a buffer belongs to the filler while filled - written <
 * room, and to who writes once it is counted in `filled`. One thread opens or writes at a time. */
struct ivx_pipe {
    pthread_mutex_t mutex;
    struct ivx_threads *threads;
    bool added, opened, writing, failed;
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

/* There is something to open or to write, and nobody does. */
static bool begin_writing(struct ivx_pipe *pipe)
{
    pthread_mutex_lock(&pipe->mutex);
    const bool can = !pipe->writing && !pipe->failed
                     && (!pipe->opened || pipe->written < pipe->filled);
    pipe->writing |= can;
    pthread_mutex_unlock(&pipe->mutex);
    return can;
}

static bool write_step(void *context)
{
    struct ivx_pipe *pipe = context;
    struct ivx_err err = { 0 };
    if (!begin_writing(pipe))
        return false;
    const int32_t m = pipe->written;
    const bool opens = !pipe->opened;
    const bool done = opens ? pipe->open(pipe->context, &err)
                            : pipe->write(pipe->context, m, place(pipe, m), &err);
    pthread_mutex_lock(&pipe->mutex);
    pipe->writing = false;
    pipe->opened = true;
    pipe->written += !opens;
    pipe->failed = !done;
    pipe->err = err;
    pthread_mutex_unlock(&pipe->mutex);
    ivx_threads_tell(pipe->threads);
    return true;
}

bool ivx_pipe_new(struct ivx_threads *threads, size_t bytes, ivx_pipe_open *open,
                  ivx_pipe_write *write, void *context, struct ivx_pipe **out,
                  struct ivx_err *err)
{
    struct ivx_pipe *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    pthread_mutex_init(&made->mutex, NULL);
    made->threads = threads;
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
    ivx_threads_add(threads, write_step, made);
    made->added = true;
    *out = made;
    return true;
}

static bool verdict(struct ivx_pipe *pipe, struct ivx_err *err)
{
    return !pipe->failed || ivx_fail(err, pipe->err.code, "%s", pipe->err.text);
}

static bool has_room(void *context)
{
    struct ivx_pipe *pipe = context;
    pthread_mutex_lock(&pipe->mutex);
    const bool room = pipe->failed || pipe->filled - pipe->written < pipe->room;
    pthread_mutex_unlock(&pipe->mutex);
    return room;
}

static bool is_empty(void *context)
{
    struct ivx_pipe *pipe = context;
    pthread_mutex_lock(&pipe->mutex);
    const bool empty = pipe->failed || (pipe->opened && pipe->written == pipe->filled);
    pthread_mutex_unlock(&pipe->mutex);
    return empty;
}

bool ivx_pipe_put(struct ivx_pipe *pipe, const void *voxel, struct ivx_err *err)
{
    ivx_threads_help_until(pipe->threads, has_room, pipe);
    pthread_mutex_lock(&pipe->mutex);
    const bool open = !pipe->failed;
    pthread_mutex_unlock(&pipe->mutex);
    if (!open)
        return verdict(pipe, err);

    memcpy(place(pipe, pipe->filled), voxel, pipe->bytes);
    pthread_mutex_lock(&pipe->mutex);
    pipe->filled++;
    pthread_mutex_unlock(&pipe->mutex);
    ivx_threads_tell(pipe->threads);
    return true;
}

bool ivx_pipe_finish(struct ivx_pipe *pipe, struct ivx_err *err)
{
    ivx_threads_help_until(pipe->threads, is_empty, pipe);
    return verdict(pipe, err);
}

void ivx_pipe_free(struct ivx_pipe **owner)
{
    struct ivx_pipe *pipe = *owner;
    if (pipe == NULL)
        return;
    if (pipe->added)
        ivx_threads_remove(pipe->threads, pipe);
    pthread_mutex_destroy(&pipe->mutex);
    free(pipe->buffer);
    free(pipe);
    *owner = NULL;
}
