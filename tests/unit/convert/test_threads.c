/* The threads of a conversion: rounds of the engine, and what else there is between them. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/convert/threads.h"
#include "isovox/sys/clock.h"

static struct ivx_threads *threads;

static void start(int count)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_threads_new(count, &threads, &err), "%s", err.text);
}

static void teardown(void)
{
    ivx_threads_free(&threads);
}

enum { TASKS = 1000 };
static void count_task(void *argument, int n)
{
    atomic_int *done = argument;
    atomic_fetch_add(&done[n], 1);
}

START_TEST(the_crew_does_every_task_once)
{
    start(_i);
    const struct ivx_crew crew = ivx_threads_crew(threads);
    ck_assert_int_eq(crew.size, _i);
    for (int round = 0; round < 50; round++) {
        atomic_int done[TASKS] = { 0 };
        const int count = round % 3 == 0 ? TASKS : round % 4;
        crew.run(crew.crew, count_task, done, count);
        for (int n = 0; n < TASKS; n++)
            ck_assert_int_eq(atomic_load(&done[n]), n < count ? 1 : 0);
    }
}
END_TEST

/* So many steps, of some microseconds each, one at a time as a queue's are. */
struct chore {
    atomic_int left, inside, together;
    int sleep_us;
};

static bool chore_step(void *context)
{
    struct chore *chore = context;
    if (atomic_fetch_sub(&chore->left, 1) <= 0) {
        atomic_fetch_add(&chore->left, 1);
        return false;
    }
    atomic_fetch_add(&chore->together, atomic_fetch_add(&chore->inside, 1));
    usleep((useconds_t)chore->sleep_us);
    atomic_fetch_sub(&chore->inside, 1);
    ivx_threads_tell(threads);
    return true;
}

static bool is_done(void *context)
{
    struct chore *chore = context;
    return atomic_load(&chore->left) <= 0 && atomic_load(&chore->inside) == 0;
}

START_TEST(who_waits_takes_the_steps_if_nobody_else_does)
{
    struct chore first = { .left = 50 }, second = { .left = 70, .sleep_us = 10 };
    start(_i);
    ivx_threads_add(threads, chore_step, &first);
    ivx_threads_add(threads, chore_step, &second);
    ivx_threads_help_until(threads, is_done, &second);
    ivx_threads_help_until(threads, is_done, &first);
    ck_assert_int_eq(atomic_load(&first.left), 0);
    ck_assert_int_eq(atomic_load(&second.left), 0);
    ivx_threads_remove(threads, &first);
    ivx_threads_remove(threads, &second);
}
END_TEST

/* Threads that have nothing to do look again when they are told. */
START_TEST(steps_that_come_later_are_taken_without_the_owner)
{
    struct chore chore = { 0 };
    start(2);
    ivx_threads_add(threads, chore_step, &chore);
    for (int n = 0; n < 20; n++) {
        const int64_t until_us = ivx_clock_steady_us() + 20 * INT64_C(1000000);
        usleep(1000); /* it sleeps */
        atomic_store(&chore.left, 3);
        ivx_threads_tell(threads);
        while (!is_done(&chore) && ivx_clock_steady_us() < until_us)
            usleep(100);
        ck_assert(is_done(&chore));
    }
    ivx_threads_remove(threads, &chore);
}
END_TEST

/* Two threads are in a task at the same time. One of them (the owner, or the other) finds a chore
 * there and stays until it is done: by the one that waits for the end of the round, or for the
 * next one. */
struct pair {
    struct chore *chore;
    pthread_t owner;
    bool owner_stays;
    atomic_int entered;
    atomic_bool done;
};

static bool both_have_entered(const struct pair *pair)
{
    return atomic_load(&pair->entered) == 2;
}

static void stay_task(void *argument, int n)
{
    struct pair *pair = argument;
    const int64_t until_us = ivx_clock_steady_us() + 20 * INT64_C(1000000);
    const bool is_owner = pthread_equal(pthread_self(), pair->owner) != 0;
    (void)n;
    atomic_fetch_add(&pair->entered, 1);
    while (!both_have_entered(pair) && ivx_clock_steady_us() < until_us)
        usleep(100);
    if (is_owner != pair->owner_stays)
        return;
    atomic_store(&pair->chore->left, 30);
    ivx_threads_tell(threads);
    while (!is_done(pair->chore) && ivx_clock_steady_us() < until_us)
        usleep(100);
    atomic_store(&pair->done, is_done(pair->chore));
}

START_TEST(who_waits_for_a_round_takes_steps)
{
    struct chore chore = { .left = 0 };
    struct pair pair = { .chore = &chore, .owner = pthread_self(), .owner_stays = _i == 1 };
    start(2);
    const struct ivx_crew crew = ivx_threads_crew(threads);
    ivx_threads_add(threads, chore_step, &chore);
    crew.run(crew.crew, stay_task, &pair, 2);
    ck_assert(both_have_entered(&pair));
    ck_assert(atomic_load(&pair.done));
    ivx_threads_remove(threads, &chore);
}
END_TEST

START_TEST(nobody_is_in_a_step_that_was_removed)
{
    start(4);
    for (int n = 0; n < 20; n++) {
        struct chore chore = { .left = 1000000, .sleep_us = 300 };
        ivx_threads_add(threads, chore_step, &chore);
        usleep(2000);
        ivx_threads_remove(threads, &chore);
        const int left = atomic_load(&chore.left);
        ck_assert_int_eq(atomic_load(&chore.inside), 0);
        usleep(1000);
        ck_assert_int_eq(atomic_load(&chore.left), left);
    }
}
END_TEST

START_TEST(steps_do_not_wait_for_one_another)
{
    struct chore chore = { .left = 100, .sleep_us = 2000 };
    start(4);
    ivx_threads_add(threads, chore_step, &chore);
    ivx_threads_help_until(threads, is_done, &chore);
    ck_assert_int_gt(atomic_load(&chore.together), 0);
    ivx_threads_remove(threads, &chore);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_crew_does_every_task_once, 1, 5);
    tcase_add_loop_test(tests, who_waits_takes_the_steps_if_nobody_else_does, 1, 4);
    tcase_add_test(tests, steps_that_come_later_are_taken_without_the_owner);
    tcase_add_loop_test(tests, who_waits_for_a_round_takes_steps, 0, 2);
    tcase_add_test(tests, nobody_is_in_a_step_that_was_removed);
    tcase_add_test(tests, steps_do_not_wait_for_one_another);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
