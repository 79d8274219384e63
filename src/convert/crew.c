#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "parts.h"

struct job {
    ivx_threads_step *step;
    void *context;
};

/* One mutex guards all of it. A call to run() is a round: every thread takes task numbers
 * until none is left; the caller takes part and waits for the last. Rounds come first, then
 * steps of jobs. `told` counts what may have made a step possible: who has found nothing to do
 * sleeps only when it has not changed since. */
struct ivx_threads {
    pthread_mutex_t mutex;
    pthread_cond_t begin, done; /* for the threads; for the owner */
    void (*task)(void *argument, int n);
    void *argument;
    int next, count, unfinished;
    struct job job[IVX_THREADS_JOBS];
    int jobs, stepping; /* stepping: threads that are in a step */
    uint64_t told;
    bool stop;
    int size, started; /* size counts the caller */
    pthread_t thread[];
};

/* The mutex is held on entry and on return. */
static void work(struct ivx_threads *threads)
{
    while (threads->next < threads->count) {
        const int n = threads->next++;
        void (*task)(void *argument, int n) = threads->task;
        void *argument = threads->argument;
        pthread_mutex_unlock(&threads->mutex);
        task(argument, n);
        pthread_mutex_lock(&threads->mutex);
        if (--threads->unfinished == 0)
            pthread_cond_signal(&threads->done);
    }
}

/* One step of the first job that has one. The mutex is held on entry and on return. */
static bool take_step(struct ivx_threads *threads)
{
    struct job job[IVX_THREADS_JOBS];
    const int jobs = threads->jobs;
    bool done = false;
    if (jobs == 0)
        return false;
    memcpy(job, threads->job, sizeof job);
    threads->stepping++;
    pthread_mutex_unlock(&threads->mutex);
    for (int n = 0; n < jobs && !done; n++)
        done = job[n].step(job[n].context);
    pthread_mutex_lock(&threads->mutex);
    if (--threads->stepping == 0)
        pthread_cond_signal(&threads->done);
    return done;
}

static void *thread_main(void *argument)
{
    struct ivx_threads *threads = argument;
    pthread_mutex_lock(&threads->mutex);
    while (!threads->stop) {
        work(threads);
        const uint64_t told = threads->told;
        if (take_step(threads))
            continue;
        if (!threads->stop && threads->told == told && threads->next >= threads->count)
            pthread_cond_wait(&threads->begin, &threads->mutex);
    }
    pthread_mutex_unlock(&threads->mutex);
    return NULL;
}

/* The mutex is held. */
static bool no_task_is_left(void *context)
{
    return ((struct ivx_threads *)context)->unfinished == 0;
}

/* The mutex is held on entry and on return. */
static void help_until(struct ivx_threads *threads, bool (*is_over)(void *context),
                       void *context)
{
    while (!is_over(context)) {
        const uint64_t told = threads->told;
        if (!take_step(threads) && threads->told == told && !is_over(context))
            pthread_cond_wait(&threads->done, &threads->mutex);
    }
}

static void run(void *crew, void (*task)(void *argument, int n), void *argument,
                int count)
{
    struct ivx_threads *threads = crew;
    pthread_mutex_lock(&threads->mutex);
    threads->task = task;
    threads->argument = argument;
    threads->next = 0;
    threads->count = count;
    threads->unfinished = count;
    pthread_cond_broadcast(&threads->begin);
    work(threads);
    help_until(threads, no_task_is_left, threads);
    pthread_mutex_unlock(&threads->mutex);
}

void ivx_threads_help_until(struct ivx_threads *threads, bool (*is_over)(void *context),
                            void *context)
{
    pthread_mutex_lock(&threads->mutex);
    help_until(threads, is_over, context);
    pthread_mutex_unlock(&threads->mutex);
}

void ivx_threads_tell(struct ivx_threads *threads)
{
    pthread_mutex_lock(&threads->mutex);
    threads->told++;
    pthread_cond_signal(&threads->begin);
    pthread_cond_signal(&threads->done);
    pthread_mutex_unlock(&threads->mutex);
}

void ivx_threads_add(struct ivx_threads *threads, ivx_threads_step *step, void *context)
{
    pthread_mutex_lock(&threads->mutex);
    threads->job[threads->jobs++] = (struct job){ step, context };
    threads->told++;
    pthread_cond_signal(&threads->begin);
    pthread_mutex_unlock(&threads->mutex);
}

void ivx_threads_remove(struct ivx_threads *threads, const void *context)
{
    int left = 0;
    pthread_mutex_lock(&threads->mutex);
    for (int n = 0; n < threads->jobs; n++)
        if (threads->job[n].context != context)
            threads->job[left++] = threads->job[n];
    threads->jobs = left;
    while (threads->stepping > 0)
        pthread_cond_wait(&threads->done, &threads->mutex);
    pthread_mutex_unlock(&threads->mutex);
}

bool ivx_threads_new(int count, struct ivx_threads **out, struct ivx_err *err)
{
    const int size = count < 1 ? 1 : count > 256 ? 256 : count;
    IVX_AUTO(ivx_threads_free)
    struct ivx_threads *made =
        calloc(1, sizeof *made + (size_t)size * sizeof made->thread[0]);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory for threads");
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->begin, NULL);
    pthread_cond_init(&made->done, NULL);
    made->size = size;
    for (; made->started < size - 1; made->started++)
        if (pthread_create(&made->thread[made->started], NULL, thread_main, made) != 0)
            return ivx_fail(err, IVX_RETRY, "convert: cannot start thread %d",
                            made->started);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_threads_free(struct ivx_threads **crew)
{
    struct ivx_threads *threads = *crew;
    if (threads == NULL)
        return;
    pthread_mutex_lock(&threads->mutex);
    threads->stop = true;
    pthread_cond_broadcast(&threads->begin);
    pthread_mutex_unlock(&threads->mutex);
    for (int n = 0; n < threads->started; n++)
        pthread_join(threads->thread[n], NULL);
    pthread_cond_destroy(&threads->begin);
    pthread_cond_destroy(&threads->done);
    pthread_mutex_destroy(&threads->mutex);
    free(threads);
    *crew = NULL;
}

struct ivx_crew ivx_threads_crew(struct ivx_threads *threads)
{
    const struct ivx_crew crew = { run, threads, threads->size };
    return crew;
}
