/* libisovox as others use it: without memory, and from several threads at the same time. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "subject.h"

/* The linker sends every allocation of this program through here (-Wl,--wrap). Counting is
 * on only while a test of memory runs, in one thread. */
static bool counting;
static long allowed, asked, kept;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

/* Is this the allocation that fails? All later ones fail, too: memory is exhausted. */
static bool refused(void)
{
    return counting && asked++ >= allowed;
}

static void *given(void *memory)
{
    if (counting && memory != NULL)
        kept++;
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : given(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : given(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (refused())
        return NULL;
    void *memory = __real_realloc(old, size);
    return old == NULL ? given(memory) : memory;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return refused() ? NULL : given(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *memory)
{
    if (counting && memory != NULL)
        kept--;
    __real_free(memory);
}

static bool source(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    const struct subject *from = context;
    const size_t at = (size_t)from->stack.columns * (size_t)from->stack.rows * (size_t)k;
    (void)err;
    *out = (struct ivx_slice){ IVX_FLOAT32, from->voxel + at,
                               from->missing == NULL ? NULL : from->missing + at };
    return true;
}

/* FNV-1a of all that came. */
struct digest {
    size_t bytes;
    uint64_t value;
};

static bool sink(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct digest *digest = context;
    (void)m, (void)err;
    for (size_t n = 0; n < digest->bytes; n++)
        digest->value = (digest->value ^ ((const uint8_t *)voxel)[n]) * 0x100000001b3u;
    return true;
}

/* Every way through the library. */
enum way { STRAIGHT, TILTED, IRREGULAR, PADDED, SHRUNK, TURNED, OBLIQUE, OBLIQUE_PADDED,
           OBLIQUE_SHRUNK, OBLIQUE_IRREGULAR, WAYS };
static const char *const way_names[] = { "straight", "tilted", "irregular", "padded",
                                         "shrunk", "turned", "oblique", "oblique padded",
                                         "oblique shrunk", "oblique irregular" };

struct conversion {
    struct subject *subject;
    struct ivx_grid grid;
    struct ivx_resample_options options;
};

static void aim(struct subject *subject, const double axis[3][3])
{
    memcpy(subject->stack.row, axis[0], sizeof subject->stack.row);
    memcpy(subject->stack.column, axis[1], sizeof subject->stack.column);
    memcpy(subject->stack.normal, axis[2], sizeof subject->stack.normal);
}

static void conversion_make(enum way way, enum ivx_kernel kernel, int crew,
                            struct conversion *out)
{
    static const double turned[3][3] = { { 0, 1, 0 }, { 0, 0, -1 }, { -1, 0, 0 } };
    static const double oblique[3][3] = { { 0.6, 0.8, 0 },
                                          { -48.0 / 65, 36.0 / 65, 25.0 / 65 },
                                          { 20.0 / 65, -15.0 / 65, 60.0 / 65 } };
    const double spacing[3] = { 0.7, 0.8, 2.5 };
    const bool padded = way == PADDED || way == OBLIQUE_PADDED;
    const bool shrunk = way == SHRUNK || way == OBLIQUE_SHRUNK;
    struct ivx_err err = { 0 };
    struct subject *subject = subject_new(13, 11, 37, spacing);
    subject_noise(subject, -1000, 3000, 77 + (uint32_t)kernel);
    for (int k = 0; k < 37; k++)
        subject->t[k] +=
            way == IRREGULAR || way == OBLIQUE_IRREGULAR ? k * 7 % 11 * 0.0625 : 0;
    if (way == TILTED)
        subject_tilt(subject, 9);
    if (padded)
        subject->missing = calloc(13 * 11 * 37, 1);
    for (int p = 0; padded && p < 13 * 11 * 37; p++)
        subject->missing[p] = p % 13 < 4;
    if (way == TURNED)
        aim(subject, turned);
    if (way >= OBLIQUE)
        aim(subject, oblique);
    out->subject = subject;
    ck_assert_msg(ivx_target_grid_patient(&subject->stack, shrunk ? 4 : 1,
                                          IVX_ALIGN_CENTER, &out->grid, &err),
                  "%s", err.text);
    out->options = subject_options(kernel);
    out->options.crew = (struct ivx_crew){ crew_backwards, NULL, crew };
}

static bool conversion_run(const struct conversion *conversion, uint64_t *digest_out,
                           struct ivx_err *err)
{
    struct digest digest = { .bytes = 2 * (size_t)conversion->grid.count[0]
                                      * (size_t)conversion->grid.count[1],
                             .value = 0xcbf29ce484222325u };
    const bool done = ivx_resample_any(&conversion->subject->stack, &conversion->grid,
                                       &conversion->options, source, conversion->subject,
                                       sink, &digest, NULL, err);
    *digest_out = digest.value;
    return done;
}

/* The n-th allocation and all after it fail, for every n until the conversion succeeds. */
START_TEST(exhausted_memory_is_an_error_and_no_leak)
{
    const enum way way = (enum way)(_i % WAYS);
    struct conversion conversion;
    uint64_t truth, digest;
    struct ivx_err none = { 0 };
    conversion_make(way, (enum ivx_kernel)(_i / WAYS), 3, &conversion);
    ck_assert_msg(conversion_run(&conversion, &truth, &none), "%s", none.text);

    bool done = false;
    long n = 0;
    for (; !done && n < 1000; n++) {
        struct ivx_err err = { 0 };
        counting = true;
        allowed = n;
        asked = kept = 0;
        done = conversion_run(&conversion, &digest, &err);
        counting = false;
        ck_assert_msg(kept == 0, "%s, allocation %ld: %ld are kept", way_names[way], n, kept);
        ck_assert_msg(done || err.code == IVX_FULL, "%s, allocation %ld: code %d, %s",
                      way_names[way], n, (int)err.code, err.text);
    }

    ck_assert_msg(done, "%s: never done", way_names[way]);
    ck_assert_int_gt(n, 5); /* some did fail */
    ck_assert_uint_eq(digest, truth);
    subject_free(&conversion.subject);
}
END_TEST

/* Memory of the caller's, with a pattern in it; nothing is there once `left` are out. */
struct pool {
    long left, out;
};

static void *pool_take(void *context, size_t bytes)
{
    struct pool *pool = context;
    if (pool->left == 0)
        return NULL;
    pool->left--;
    pool->out++;
    void *memory = __real_malloc(bytes);
    memset(memory, 0xf3, bytes); /* as float: huge and negative; as a pointer: none */
    return memory;
}

static void pool_give(void *context, void *memory)
{
    struct pool *pool = context;
    pool->out--;
    __real_free(memory);
}

static uint64_t run_once(const struct conversion *conversion)
{
    uint64_t digest;
    struct ivx_err err = { 0 };
    ck_assert_msg(conversion_run(conversion, &digest, &err), "%s", err.text);
    return digest;
}

START_TEST(a_second_job_takes_no_memory)
{
    const enum way way = (enum way)(_i % WAYS);
    struct conversion conversion;
    struct ivx_workspace *workspace = NULL;
    struct ivx_err err = { 0 };
    conversion_make(way, (enum ivx_kernel)(_i / WAYS), 3, &conversion);
    const uint64_t truth = run_once(&conversion);
    ck_assert(ivx_workspace_new(NULL, &workspace, &err));
    conversion.options.workspace = workspace;
    ck_assert_uint_eq(run_once(&conversion), truth);
    const size_t held = ivx_workspace_bytes(workspace);

    uint64_t again = 0;
    counting = true;
    allowed = 0;
    asked = kept = 0;
    conversion_run(&conversion, &again, &err);
    counting = false;

    ck_assert_msg(asked == 0, "%s: %ld allocations", way_names[way], asked);
    ck_assert_msg(kept == 0, "%s: %ld freed", way_names[way], -kept);
    ck_assert_uint_eq(again, truth);
    ck_assert_uint_eq(ivx_workspace_bytes(workspace), held);
    ivx_workspace_free(&workspace);
    subject_free(&conversion.subject);
}
END_TEST

/* Whatever stood in the memory, and whatever ran before: the same bits. And when the
 * caller's memory is at its end the call fails, gives nothing away, and the next one works. */
START_TEST(all_memory_comes_from_the_caller)
{
    struct conversion first, conversion;
    struct pool pool = { -1, 0 };
    const struct ivx_allocator allocator = { pool_take, pool_give, &pool };
    struct ivx_workspace *workspace = NULL;
    struct ivx_err err = { 0 };
    uint64_t digest[3] = { 0 };
    conversion_make((enum way)((_i + 3) % WAYS), IVX_BSPLINE3, 2, &first);
    conversion_make((enum way)(_i % WAYS), (enum ivx_kernel)(_i / WAYS), 3, &conversion);
    const uint64_t truth = run_once(&conversion);
    ck_assert(ivx_workspace_new(&allocator, &workspace, &err));
    first.options.workspace = conversion.options.workspace = workspace;

    counting = true; /* nothing of Check's until it is off again */
    allowed = asked = 0;
    bool done = conversion_run(&first, &digest[0], &err);
    const size_t before = ivx_workspace_bytes(workspace);
    done = conversion_run(&conversion, &digest[1], &err) && done;
    pool.left = 1;
    first.options.memory_limit = before; /* what the other left must go first */
    struct ivx_err full = { 0 };
    const bool possible = conversion_run(&first, &digest[0], &full);
    pool.left = -1;
    first.options.memory_limit = 0;
    done = conversion_run(&first, &digest[0], &err) && done;
    done = conversion_run(&conversion, &digest[2], &err) && done;
    counting = false;

    ck_assert_msg(done, "%s", err.text);
    ck_assert(possible || full.code == IVX_FULL || full.code == IVX_REFUSED);
    ck_assert_uint_eq(digest[1], truth);
    ck_assert_uint_eq(digest[2], truth);
    ck_assert_msg(asked == 0, "%ld from the C library", asked);
    ivx_workspace_free(&workspace);
    ck_assert_int_eq(pool.out, 0);
    subject_free(&first.subject);
    subject_free(&conversion.subject);
}
END_TEST

struct worker {
    struct conversion conversion;
    uint64_t alone, together;
    bool done;
};

static void *work(void *context)
{
    struct worker *worker = context;
    struct ivx_err err = { 0 };
    worker->done = true;
    for (int turn = 0; turn < 8; turn++) {
        worker->done &= conversion_run(&worker->conversion, &worker->together, &err);
        worker->done &= worker->together == worker->alone;
    }
    return NULL;
}

/* Eight different conversions at the same time, each with a crew: each as when alone. */
START_TEST(threads_do_not_disturb_each_other)
{
    enum { MANY = 8 };
    struct worker worker[MANY];
    pthread_t thread[MANY];
    for (int n = 0; n < MANY; n++) {
        struct ivx_err err = { 0 };
        conversion_make((enum way)((n + _i) % WAYS), (enum ivx_kernel)(n % IVX_KERNEL_COUNT),
                        2, &worker[n].conversion);
        if (n % 2)
            worker[n].conversion.options.crew.run = crew_threads;
        ck_assert(conversion_run(&worker[n].conversion, &worker[n].alone, &err));
    }

    for (int n = 0; n < MANY; n++)
        ck_assert_int_eq(pthread_create(&thread[n], NULL, work, &worker[n]), 0);
    for (int n = 0; n < MANY; n++)
        pthread_join(thread[n], NULL);

    for (int n = 0; n < MANY; n++) {
        ck_assert_msg(worker[n].done, "conversion %d gave other bits", n);
        subject_free(&worker[n].conversion.subject);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/library");
    TCase *tests = tcase_create("library");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, exhausted_memory_is_an_error_and_no_leak, 0,
                        WAYS * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, a_second_job_takes_no_memory, 0, WAYS * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, all_memory_comes_from_the_caller, 0, WAYS * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, threads_do_not_disturb_each_other, 0, 3);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
