/* engine.c - how fast the engine is, beside memcpy in the same run.
 *
 *   tests/bench/engine [RUNS] [SET] [KERNEL] [TASK] [THREADS]
 *       RUNS: 5; SET: auto, base, avx2, avx512; KERNEL, TASK (1.0, 0.5, oblique), THREADS
 *       (1, 2): only this one
 *
 * The tasks of the peers' programs: 512 x 512 x 300 int16 at 0.7 x 0.7 x 2.5 mm to 1.0 mm
 * and to 0.5 mm, and the same slices turned by 15 degrees to 1.0 mm along the patient's
 * axes; int16 slices out, one and two threads. The floor is the time that memcpy takes
 * for as many bytes as the task reads and writes, measured between the runs. Medians. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "rig.h"

/* Spin for a while, then let others run. */
static void await(const unsigned *place, unsigned value)
{
    for (int n = 0; __atomic_load_n(place, __ATOMIC_ACQUIRE) != value; n++)
        if (n > 5000)
            sched_yield();
}

/* A second thread that waits, spinning for a while, for what there is to do. */
struct second {
    void (*task)(void *, int);
    void *argument;
    unsigned asked, done;
};

static void *wait_for_tasks(void *argument)
{
    struct second *second = argument;
    for (unsigned turn = 1;; turn++) {
        await(&second->asked, turn);
        if (second->task == NULL)
            return NULL;
        second->task(second->argument, 1);
        __atomic_store_n(&second->done, turn, __ATOMIC_RELEASE);
    }
}

static void run_two(void *crew, void (*task)(void *, int), void *argument, int count)
{
    struct second *second = crew;
    (void)count;
    second->task = task;
    second->argument = argument;
    const unsigned turn = __atomic_add_fetch(&second->asked, 1, __ATOMIC_RELEASE);
    task(argument, 0);
    await(&second->done, turn);
}

static const struct task {
    const char *name;
    double spacing;
    bool oblique;
} tasks[] = { { "1.0", 1.0, false }, { "0.5", 0.5, false }, { "oblique", 1.0, true } };

struct job {
    struct rig_volume volume;
    const char *set;
    int runs;
};

static void must(bool done, const struct ivx_err *err)
{
    if (done)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static void make_grid(const struct ivx_stack *stack, const struct task *task,
                      struct ivx_grid *out)
{
    struct ivx_err err = { 0 };
    must(task->oblique
             ? ivx_target_grid_patient(stack, task->spacing, IVX_ALIGN_CENTER, out, &err)
             : ivx_target_grid(stack, task->spacing, IVX_ALIGN_CENTER, out, &err),
         &err);
}

static void run_one(struct job *job, const struct task *task,
                    const struct ivx_resample_options *options)
{
    const struct ivx_stack *stack =
        task->oblique ? &job->volume.oblique : &job->volume.stack;
    struct rig_time took[RIG_MOST_RUNS], floors[RIG_MOST_RUNS];
    struct ivx_resample_report report = { 0 };
    struct ivx_grid grid;
    int64_t sum = 0;

    make_grid(stack, task, &grid);
    for (int n = 0; n < job->runs; n++) {
        struct ivx_err err = { 0 };
        floors[n] = rig_floor(rig_bytes(&grid));
        const struct rig_time start = rig_now();
        must(ivx_resample_any(stack, &grid, options, rig_give, &job->volume, rig_take,
                              &sum, &report, &err),
             &err);
        took[n] = rig_since(start);
    }
    const struct rig_time time = rig_median(took, job->runs);
    const struct rig_time floor = rig_median(floors, job->runs);
    printf("%-11s %-7s %-6s %d thr  %7.4f s = %5.1f floors  cpu %7.4f s = %5.1f floors "
           " %4zu MiB\n",
           ivx_kernel_name(options->kernel), task->name, report.simd,
           options->crew.run == NULL ? 1 : 2, time.wall, time.wall / floor.wall, time.cpu,
           time.cpu / floor.cpu, report.memory >> 20);
    fflush(stdout);
}

static void time_one(struct job *job, const struct task *task, enum ivx_kernel kernel,
                     int threads)
{
    struct ivx_resample_options options = {
        .kernel = kernel, .result = IVX_INT16, .background = -1024, .simd = job->set
    };
    struct second second = { 0 };
    pthread_t thread;

    if (threads == 2) {
        pthread_create(&thread, NULL, wait_for_tasks, &second);
        options.crew = (struct ivx_crew){ run_two, &second, 2 };
    }
    run_one(job, task, &options);
    if (threads == 2) {
        second.task = NULL;
        __atomic_add_fetch(&second.asked, 1, __ATOMIC_RELEASE);
        pthread_join(thread, NULL);
    }
}

static bool is_asked(int count, char **word, enum ivx_kernel kernel,
                     const struct task *task, int threads)
{
    if (count > 5 && strtol(word[5], NULL, 10) != threads)
        return false;
    if (count > 3 && strcmp(word[3], ivx_kernel_name(kernel)) != 0)
        return false;
    return count <= 4 || strcmp(word[4], task->name) == 0;
}

int main(int count, char **word)
{
    static const enum ivx_kernel kernels[] = { IVX_LINEAR, IVX_CATMULL_ROM, IVX_LANCZOS3,
                                               IVX_BSPLINE3, IVX_NEAREST };
    static struct job job;
    job.runs = count > 1 ? (int)strtol(word[1], NULL, 10) : 5;
    job.runs = job.runs < 1 ? 1 : job.runs > RIG_MOST_RUNS ? RIG_MOST_RUNS : job.runs;
    job.set = count > 2 ? word[2] : NULL;
    rig_volume_make(&job.volume);
    for (size_t t = 0; t < IVX_COUNT(tasks); t++)
        for (size_t k = 0; k < IVX_COUNT(kernels); k++)
            for (int threads = 1; threads <= 2; threads++)
                if (is_asked(count, word, kernels[k], &tasks[t], threads))
                    time_one(&job, &tasks[t], kernels[k], threads);
    rig_volume_free(&job.volume);
    return 0;
}
