/* Source slices are read, and their values hashed, by threads of their own while the engine
 * works on earlier ones. */
#include <pthread.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "parts.h"

enum { ROOM = 6 };

struct slot {
    enum ivx_sample sample;
    void *voxel;      /* room for floats */
    uint8_t *missing;
    bool padded;      /* missing counts */
};

/* One mutex guards the counters. Slot k % ROOM belongs to the reading thread while read == k,
 * then to whoever looks at slice k, until the engine has asked for the next one and the hash
 * has had it. */
struct ivx_feed {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t reading, hashing;
    bool reads, hashes; /* the threads run */
    bool stop, failed;
    int32_t slices, read, hashed, done; /* done: what the engine has left behind */
    struct ivx_err err;
    struct ivx_reader *reader;
    struct ivx_hash *hash; /* NULL: nothing is hashed */
    size_t pixels;
    struct slot slot[ROOM];
};

static struct slot *slot_of(struct ivx_feed *feed, int32_t k)
{
    return &feed->slot[k % ROOM];
}

static size_t sample_size(enum ivx_sample sample)
{
    return sample == IVX_INT16 ? sizeof(int16_t) : sizeof(float);
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

static bool has_room(const struct ivx_feed *feed)
{
    const int32_t free_from =
        feed->hash != NULL && feed->hashed < feed->done ? feed->hashed : feed->done;
    return feed->read - free_from < ROOM;
}

static void *reading_main(void *argument)
{
    struct ivx_feed *feed = argument;
    pthread_mutex_lock(&feed->mutex);
    while (!feed->stop && !feed->failed && feed->read < feed->slices) {
        if (!has_room(feed)) {
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

static void *hashing_main(void *argument)
{
    struct ivx_feed *feed = argument;
    pthread_mutex_lock(&feed->mutex);
    while (!feed->stop && feed->hashed < feed->slices) {
        if (feed->hashed == feed->read) {
            if (feed->failed)
                break;
            pthread_cond_wait(&feed->changed, &feed->mutex);
            continue;
        }
        const struct slot *slot = slot_of(feed, feed->hashed);
        pthread_mutex_unlock(&feed->mutex);
        ivx_hash_add(feed->hash, slot->voxel, feed->pixels * sample_size(slot->sample));
        pthread_mutex_lock(&feed->mutex);
        feed->hashed++;
        pthread_cond_broadcast(&feed->changed);
    }
    pthread_mutex_unlock(&feed->mutex);
    return NULL;
}

static bool start(struct ivx_feed *feed, struct ivx_err *err)
{
    feed->reads = pthread_create(&feed->reading, NULL, reading_main, feed) == 0;
    feed->hashes = feed->hash != NULL
                    && pthread_create(&feed->hashing, NULL, hashing_main, feed) == 0;
    if (feed->reads && (feed->hashes || feed->hash == NULL))
        return true;
    return ivx_fail(err, IVX_RETRY, "convert: cannot start a thread");
}

bool ivx_feed_new(struct ivx_reader *reader, const struct ivx_stack *stack,
                   struct ivx_hash *hash, struct ivx_feed **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_feed_free) struct ivx_feed *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->reader = reader;
    made->hash = hash;
    made->slices = stack->slices;
    made->pixels = (size_t)stack->columns * (size_t)stack->rows;
    for (int n = 0; n < ROOM; n++) {
        made->slot[n].voxel = calloc(made->pixels, sizeof(float));
        made->slot[n].missing = calloc(made->pixels, 1);
        if (made->slot[n].voxel == NULL || made->slot[n].missing == NULL)
            return ivx_fail(err, IVX_FULL, "convert: no memory for %d slices", ROOM);
    }
    if (!start(made, err))
        return false;
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
    while (!feed->failed
           && (feed->read < feed->slices
               || (feed->hash != NULL && feed->hashed < feed->slices)))
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
    if (old->reads)
        pthread_join(old->reading, NULL);
    if (old->hashes)
        pthread_join(old->hashing, NULL);
    pthread_cond_destroy(&old->changed);
    pthread_mutex_destroy(&old->mutex);
    for (int n = 0; n < ROOM; n++) {
        free(old->slot[n].voxel);
        free(old->slot[n].missing);
    }
    free(old);
    *feed = NULL;
}
