/* Source slices are read by whichever thread has nothing else to do, ahead of the engine. */
#include <pthread.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "parts.h"

/* The engine takes sixteen at a time, then computes: meanwhile as many are read. */
enum { LEAST_ROOM = 6, MOST_ROOM = 24, MOST_BYTES = 32 << 20 };

struct slot {
    enum ivx_sample sample;
    void *voxel;      /* room for floats */
    uint8_t *missing;
    bool padded;      /* missing counts */
};

/* The mutex guards the counters. Slot k % room belongs to who reads while read == k, then to the
 * engine, until that has asked for the next one. One thread reads at a time. */
struct ivx_feed {
    pthread_mutex_t mutex;
    struct ivx_threads *threads;
    bool added, reading, failed;
    int32_t slices, read, done; /* done: what the engine has left behind */
    int32_t room, wanted;       /* wanted: the slice that the engine waits for */
    struct ivx_err err;
    struct ivx_reader *reader;
    struct slot slot[MOST_ROOM];
};

static struct slot *slot_of(struct ivx_feed *feed, int32_t k)
{
    return &feed->slot[k % feed->room];
}

static bool read_into(struct ivx_feed *feed, int32_t k, struct ivx_err *err)
{
    struct slot *slot = slot_of(feed, k);
    struct ivx_slice slice;
    if (!ivx_reader_slice(feed->reader, k, &slice, err))
        return false;
    slot->sample = slice.sample;
    slot->padded = slice.missing != NULL;
    ivx_reader_swap(feed->reader, &slot->voxel, &slot->missing);
    return true;
}

/* There is something to read, and room for it, and nobody reads. */
static bool begin_reading(struct ivx_feed *feed)
{
    pthread_mutex_lock(&feed->mutex);
    const bool can = !feed->reading && !feed->failed && feed->read < feed->slices
                     && feed->read - feed->done < feed->room;
    feed->reading |= can;
    pthread_mutex_unlock(&feed->mutex);
    return can;
}

static bool read_step(void *context)
{
    struct ivx_feed *feed = context;
    struct ivx_err err = { 0 };
    if (!begin_reading(feed))
        return false;
    const bool done = read_into(feed, feed->read, &err);
    pthread_mutex_lock(&feed->mutex);
    feed->reading = false;
    feed->read += done;
    feed->failed = !done;
    feed->err = err;
    pthread_mutex_unlock(&feed->mutex);
    ivx_threads_tell(feed->threads);
    return true;
}

bool ivx_feed_new(struct ivx_reader *reader, const struct ivx_stack *stack,
                  struct ivx_threads *threads, struct ivx_feed **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_feed_free) struct ivx_feed *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    pthread_mutex_init(&made->mutex, NULL);
    made->threads = threads;
    made->reader = reader;
    made->slices = stack->slices;
    const size_t pixels = (size_t)stack->columns * (size_t)stack->rows;
    made->room = ivx_queue_room(pixels * (sizeof(float) + 1), LEAST_ROOM, MOST_ROOM, MOST_BYTES);
    for (int n = 0; n < made->room; n++) {
        made->slot[n].voxel = calloc(pixels, sizeof(float));
        made->slot[n].missing = calloc(pixels, 1);
        if (made->slot[n].voxel == NULL || made->slot[n].missing == NULL)
            return ivx_fail(err, IVX_FULL, "convert: no memory for %d slices", made->room);
    }
    ivx_threads_add(threads, read_step, made);
    made->added = true;
    *out = IVX_STEAL(made);
    return true;
}

static bool is_there(void *context)
{
    struct ivx_feed *feed = context;
    pthread_mutex_lock(&feed->mutex);
    const bool there = feed->failed || feed->read > feed->wanted;
    pthread_mutex_unlock(&feed->mutex);
    return there;
}

/* Waits until slice k has been read; those before `done` are not wanted any more. */
static bool await(struct ivx_feed *feed, int32_t k, int32_t done, struct ivx_err *err)
{
    pthread_mutex_lock(&feed->mutex);
    feed->done = done;
    feed->wanted = k;
    pthread_mutex_unlock(&feed->mutex);
    ivx_threads_tell(feed->threads);
    ivx_threads_help_until(feed->threads, is_there, feed);
    pthread_mutex_lock(&feed->mutex);
    const bool there = feed->read > k;
    pthread_mutex_unlock(&feed->mutex);
    return there || ivx_fail(err, feed->err.code, "%s", feed->err.text);
}

bool ivx_feed_slice(struct ivx_feed *feed, int32_t k, struct ivx_slice *out,
                     struct ivx_err *err)
{
    if (!await(feed, k, k, err))
        return false;
    const struct slot *slot = slot_of(feed, k);
    *out = (struct ivx_slice){ slot->sample, slot->voxel, slot->padded ? slot->missing : NULL };
    return true;
}

bool ivx_feed_finish(struct ivx_feed *feed, struct ivx_err *err)
{
    return await(feed, feed->slices - 1, feed->slices, err);
}

void ivx_feed_free(struct ivx_feed **feed)
{
    struct ivx_feed *old = *feed;
    if (old == NULL)
        return;
    if (old->added)
        ivx_threads_remove(old->threads, old);
    pthread_mutex_destroy(&old->mutex);
    for (int n = 0; n < MOST_ROOM; n++) {
        free(old->slot[n].voxel);
        free(old->slot[n].missing);
    }
    free(old);
    *feed = NULL;
}
