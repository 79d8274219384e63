/* Source slices are read by a thread of its own while the engine works on earlier ones. */
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

/* One mutex guards the counters. Slot k % room belongs to the reading thread while read == k,
 * then to the engine, until that has asked for the next one. */
struct ivx_feed {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, stop, failed;
    int32_t slices, read, done; /* done: what the engine has left behind */
    int32_t room;
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

static void *thread_main(void *argument)
{
    struct ivx_feed *feed = argument;
    pthread_mutex_lock(&feed->mutex);
    while (!feed->stop && !feed->failed && feed->read < feed->slices) {
        if (feed->read - feed->done == feed->room) {
            pthread_cond_wait(&feed->changed, &feed->mutex);
            continue;
        }
        struct ivx_err err = { 0 };
        pthread_mutex_unlock(&feed->mutex);
        const bool done = read_into(feed, feed->read, &err);
        pthread_mutex_lock(&feed->mutex);
        feed->read += done;
        feed->failed = !done;
        feed->err = err;
        pthread_cond_broadcast(&feed->changed);
    }
    pthread_mutex_unlock(&feed->mutex);
    return NULL;
}

bool ivx_feed_new(struct ivx_reader *reader, const struct ivx_stack *stack,
                  struct ivx_feed **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_feed_free) struct ivx_feed *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
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
    made->started = pthread_create(&made->thread, NULL, thread_main, made) == 0;
    if (!made->started)
        return ivx_fail(err, IVX_RETRY, "convert: cannot start a thread");
    *out = IVX_STEAL(made);
    return true;
}

bool ivx_feed_slice(struct ivx_feed *feed, int32_t k, struct ivx_slice *out,
                     struct ivx_err *err)
{
    pthread_mutex_lock(&feed->mutex);
    feed->done = k;
    pthread_cond_broadcast(&feed->changed);
    while (feed->read <= k && !feed->failed)
        pthread_cond_wait(&feed->changed, &feed->mutex);
    const bool there = feed->read > k;
    pthread_mutex_unlock(&feed->mutex);
    if (!there)
        return ivx_fail(err, feed->err.code, "%s", feed->err.text);
    const struct slot *slot = slot_of(feed, k);
    *out = (struct ivx_slice){ slot->sample, slot->voxel, slot->padded ? slot->missing : NULL };
    return true;
}

bool ivx_feed_finish(struct ivx_feed *feed, struct ivx_err *err)
{
    pthread_mutex_lock(&feed->mutex);
    feed->done = feed->slices;
    pthread_cond_broadcast(&feed->changed);
    while (!feed->failed && feed->read < feed->slices)
        pthread_cond_wait(&feed->changed, &feed->mutex);
    const bool failed = feed->failed;
    pthread_mutex_unlock(&feed->mutex);
    return !failed || ivx_fail(err, feed->err.code, "%s", feed->err.text);
}

void ivx_feed_free(struct ivx_feed **feed)
{
    struct ivx_feed *old = *feed;
    if (old == NULL)
        return;
    pthread_mutex_lock(&old->mutex);
    old->stop = true;
    pthread_cond_broadcast(&old->changed);
    pthread_mutex_unlock(&old->mutex);
    if (old->started)
        pthread_join(old->thread, NULL);
    pthread_cond_destroy(&old->changed);
    pthread_mutex_destroy(&old->mutex);
    for (int n = 0; n < MOST_ROOM; n++) {
        free(old->slot[n].voxel);
        free(old->slot[n].missing);
    }
    free(old);
    *feed = NULL;
}
