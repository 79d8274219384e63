/* Equal bits whatever runs them; limits, errors, and the caller's own settings. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "isovox/base/auto.h"
#include "subject.h"

static const double coarse[3] = { 0.7, 0.8, 2.5 };

/* Target = source, float noise with all bits in use: the very same bits come out. */
START_TEST(the_same_grid_gives_the_same_bits)
{
    const double cube[3] = { 0.7, 0.7, 0.7 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(19, 23, 37, cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options = subject_options((enum ivx_kernel)_i);
    options.result = IVX_FLOAT32;
    subject_noise(subject, -1000000, 3000000, 5);
    for (int p = 0; p < 19 * 23 * 37; p++)
        subject->voxel[p] /= 1000.7f;

    subject_run(subject, 0.7, &options, &outcome);

    ck_assert_uint_eq(outcome.voxels, 19 * 23 * 37);
    ck_assert_mem_eq(outcome.voxel, subject->voxel, outcome.voxels * sizeof(float));
}
END_TEST

/* A mirrored volume gives the mirrored result, bit for bit, along every axis; nearest
 * only because no position here is half-way between samples. */
START_TEST(mirrored_in_is_mirrored_out)
{
    static const double spacings[] = { 0.37, 1.0, 1.87, 1.87, 0.37 };
    static const enum ivx_antialias methods[] = {
        IVX_ANTIALIAS_AUTO, IVX_ANTIALIAS_AUTO, IVX_ANTIALIAS_AUTO,
        IVX_ANTIALIAS_GAUSS_CARDOSO, IVX_ANTIALIAS_GAUSS_MIRP
    };
    const int axis = _i % 3;
    const bool mirror = _i / 3 % 2;
    const enum ivx_kernel kernel = (enum ivx_kernel)(_i / 6);
    const char *name = ivx_kernel_name(kernel);
    for (size_t n = 0; n < IVX_COUNT(spacings); n++) {
        IVX_AUTO(subject_free) struct subject *subject = subject_new(21, 19, 41, coarse);
        IVX_AUTO(outcome_free) struct outcome straight = { 0 }, mirrored = { 0 };
        struct ivx_resample_options options = subject_options(kernel);
        options.result = IVX_FLOAT32;
        options.antialias = methods[n];
        options.boundary = mirror ? IVX_BOUNDARY_MIRROR : IVX_BOUNDARY_NEAREST;
        subject_noise(subject, -1000, 2000, 11);

        subject_run(subject, spacings[n], &options, &straight);
        subject_flip(subject, axis);
        subject_run(subject, spacings[n], &options, &mirrored);

        const int32_t *count = straight.grid.count;
        for (int32_t m = 0; m < count[2]; m++)
            for (int32_t j = 0; j < count[1]; j++)
                for (int32_t i = 0; i < count[0]; i++) {
                    int32_t at[3] = { i, j, m };
                    at[axis] = count[axis] - 1 - at[axis];
                    ck_assert_msg(outcome_at(&straight, i, j, m)
                                      == outcome_at(&mirrored, at[0], at[1], at[2]),
                                  "%s, axis %d, %g mm: %d %d %d", name, axis, spacings[n],
                                  i, j, m);
                }
    }
}
END_TEST

/* Odd sizes, every kind of geometry, float results: sets and crews give the same bits. */
START_TEST(sets_and_crews_give_the_same_bits)
{
    static const char *const sets[] = { "avx2", "avx512" };
    static const int crews[] = { 1, 2, 7 };
    const enum ivx_kernel kernel = (enum ivx_kernel)(_i / 8);
    const bool tilted = _i & 1, irregular = _i & 2, padded = _i & 4;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(37, 53, 41, coarse);
    IVX_AUTO(outcome_free) struct outcome truth = { 0 };
    struct ivx_resample_options options = subject_options(kernel);
    options.result = _i & 1 ? IVX_FLOAT32 : IVX_INT16;
    options.simd = "base";
    for (int k = 0; irregular && k < 41; k++)
        subject->t[k] += 0.4 * sin(7.0 * k);
    if (tilted)
        subject_tilt(subject, 8);
    subject_noise(subject, -1000, 3000, (uint32_t)_i);
    if (padded)
        subject->missing = calloc(37 * 53 * 41, 1);
    for (int p = 0; padded && p < 37 * 53 * 41; p++)
        subject->missing[p] = p % 37 + p / 37 % 53 < 9;
    subject_whole(subject);
    subject_run(subject, 0.9, &options, &truth);

    for (int n = 0; n < 9; n++) {
        struct ivx_grid grid = truth.grid;
        struct outcome other;
        options.simd = n / 3 == 0 ? "base" : sets[n / 3 - 1];
        options.crew.run = n % 2 ? crew_threads : crew_backwards;
        options.crew.size = crews[n % 3];
        if (n / 3 == 1 && !__builtin_cpu_supports("avx2"))
            continue;
        if (n / 3 == 2 && !__builtin_cpu_supports("avx512vl"))
            continue;
        subject_run_on(subject, &grid, &options, &other);
        ck_assert_str_eq(other.report.simd, options.simd);
        ck_assert_uint_eq(other.report.table_digest, truth.report.table_digest);
        ck_assert_uint_eq(other.report.background, truth.report.background);
        ck_assert_uint_eq(other.report.edge, truth.report.edge);
        ck_assert_uint_eq(other.report.saturated, truth.report.saturated);
        ck_assert_msg(memcmp(other.voxel, truth.voxel,
                             truth.voxels * (options.result == IVX_INT16 ? 2 : 4))
                          == 0,
                      "%s with %s, crew of %d", ivx_kernel_name(kernel), options.simd,
                      options.crew.size);
        outcome_free(&other);
    }
}
END_TEST

/* A limit that still fits changes how many results are made at a time and no bit; one that
 * does not is IVX_REFUSED: it would be the same the next time. */
START_TEST(memory_is_limited_and_bits_do_not_care)
{
    IVX_AUTO(subject_free) struct subject *subject = subject_new(64, 64, 200, coarse);
    IVX_AUTO(outcome_free) struct outcome roomy = { 0 }, tight = { 0 };
    struct ivx_resample_options options = subject_options(IVX_BSPLINE3);
    struct ivx_err err = { 0 };
    subject_noise(subject, -1000, 1000, 1);

    subject_run(subject, 0.7, &options, &roomy);
    const size_t plane = 4 * (size_t)roomy.grid.count[0] * roomy.grid.count[1];
    options.memory_limit = roomy.report.memory - 16 * plane;
    subject_run(subject, 0.7, &options, &tight);

    ck_assert_uint_le(tight.report.memory, options.memory_limit);
    ck_assert_mem_eq(roomy.voxel, tight.voxel, 2 * roomy.voxels);
    /* A slab and a group of result slices, not the 714 planes. */
    ck_assert_uint_lt(roomy.report.memory, 120 * plane + (8 << 20));
    options.memory_limit = 20 * plane;
    ck_assert(!ivx_resample(&subject->stack, &roomy.grid, &options, NULL, NULL, NULL,
                            NULL, NULL, &err));
    ck_assert_int_eq(err.code, IVX_REFUSED);
}
END_TEST

static bool broken_source(void *context, int32_t k, struct ivx_slice *out,
                          struct ivx_err *err)
{
    static const int16_t voxel[16 * 16];
    if (k == *(int32_t *)context)
        return ivx_fail(err, IVX_DAMAGED, "slice %d: unreadable", k);
    *out = (struct ivx_slice){ IVX_INT16, voxel, NULL };
    return true;
}

static bool broken_sink(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    (void)voxel;
    return m < *(int32_t *)context || ivx_fail(err, IVX_FULL, "disk full at %d", m);
}

START_TEST(errors_of_source_and_sink_are_passed_on)
{
    const double cube[3] = { 1, 1, 1 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(16, 16, 40, cube);
    struct ivx_resample_options options = subject_options(IVX_BSPLINE3);
    struct ivx_err read = { 0 }, write = { 0 }, none = { 0 };
    struct ivx_grid grid;
    int32_t bad = 25, never = 1000;
    options.crew.run = _i ? crew_threads : NULL;
    options.crew.size = 3;
    ck_assert(ivx_target_grid(&subject->stack, 1, IVX_ALIGN_CENTER, &grid, &none));

    ck_assert(!ivx_resample(&subject->stack, &grid, &options, broken_source, &bad,
                            broken_sink, &never, NULL, &read));
    ck_assert(!ivx_resample(&subject->stack, &grid, &options, broken_source, &never,
                            broken_sink, &bad, NULL, &write));

    ck_assert_str_eq(read.text, "slice 25: unreadable");
    ck_assert_str_eq(write.text, "disk full at 25");
}
END_TEST

#ifdef __x86_64__
static bool mode_source(void *context, int32_t k, struct ivx_slice *out,
                        struct ivx_err *err)
{
    ck_assert_uint_eq(_mm_getcsr() & 0xffc0, *(unsigned *)context);
    int32_t never = -1;
    return broken_source(&never, k, out, err);
}

static bool mode_sink(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    (void)m, (void)voxel, (void)err;
    ck_assert_uint_eq(_mm_getcsr() & 0xffc0, *(unsigned *)context);
    return true;
}

/* The caller's rounding and subnormal modes are his own, in callbacks and afterwards. */
START_TEST(the_callers_floating_point_mode_comes_back)
{
    const double cube[3] = { 1, 1, 1 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(16, 16, 5, cube);
    const struct ivx_resample_options options = subject_options(IVX_LINEAR);
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    unsigned mode = 0x3f80; /* everything masked, rounding down */
    ck_assert(ivx_target_grid(&subject->stack, 0.5, IVX_ALIGN_CENTER, &grid, &err));
    _mm_setcsr(mode);

    const bool done = ivx_resample(&subject->stack, &grid, &options, mode_source, &mode,
                                   mode_sink, &mode, NULL, &err);
    const unsigned after = _mm_getcsr() & 0xffc0;
    _mm_setcsr(0x1f80);

    ck_assert_msg(done, "%s", err.text);
    ck_assert_uint_eq(after, mode);
}
END_TEST
#endif

START_TEST(the_sources_of_a_slice_are_named)
{
    IVX_AUTO(subject_free) struct subject *subject = subject_new(8, 8, 30, coarse);
    struct ivx_resample_options options = subject_options(IVX_LINEAR);
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    int32_t first, last;
    /* 75 planes of 1 mm; plane m lies at 0.5 + m - 1.25 mm above slice 0. */
    ck_assert(ivx_target_grid(&subject->stack, 1.0, IVX_ALIGN_CENTER, &grid, &err));

    ivx_resample_support(&subject->stack, &grid, &options, 12, &first,
                         &last); /* 11.25 mm */
    ck_assert_int_eq(first, 4);
    ck_assert_int_eq(last, 5);
    options.kernel = IVX_BSPLINE3;
    ivx_resample_support(&subject->stack, &grid, &options, 12, &first, &last);
    ck_assert_int_eq(first, 3);
    ck_assert_int_eq(last, 6);
    ivx_resample_support(&subject->stack, &grid, &options, 0, &first, &last);
    ck_assert_int_eq(first, 0);
    ck_assert_int_le(last, 1);
    options.kernel = IVX_NEAREST;
    ivx_resample_support(&subject->stack, &grid, &options, 74, &first, &last);
    ck_assert_int_eq(first, 29);
    ck_assert_int_eq(last, 29);
}
END_TEST

/* Refused before anything is read. */
static bool runs(const struct subject *subject, const struct ivx_grid *grid,
                 const struct ivx_resample_options *options, struct ivx_err *err)
{
    return ivx_resample(&subject->stack, grid, options, NULL, NULL, NULL, NULL, NULL,
                        err);
}

START_TEST(what_cannot_be_is_refused)
{
    IVX_AUTO(subject_free) struct subject *subject = subject_new(8, 8, 8, coarse);
    struct ivx_resample_options options = subject_options(IVX_LINEAR);
    struct ivx_err unknown = { 0 }, turned = { 0 }, far = { 0 }, slightly = { 0 };
    struct ivx_grid grid;
    ck_assert(ivx_target_grid(&subject->stack, 1, IVX_ALIGN_CENTER, &grid, &unknown));

    options.simd = "z80";
    ck_assert(!runs(subject, &grid, &options, &unknown));
    options.simd = NULL;
    grid.origin[0] = 1e12;
    ck_assert(!runs(subject, &grid, &options, &far));
    grid.origin[0] = 0;
    grid.axis[0][1] = 1e-3; /* half a voxel at the border of 500 */
    ck_assert(!runs(subject, &grid, &options, &slightly));
    grid.axis[0][0] = 0;
    grid.axis[0][1] = 1;
    ck_assert(!runs(subject, &grid, &options, &turned));

    ck_assert_str_eq(unknown.text, "resample: this machine has no z80");
    ck_assert_str_eq(far.text, "resample: the grid lies too far from the slices");
    ck_assert_str_eq(turned.text,
                     "resample: the grid does not share the axes of the slices");
    ck_assert_str_eq(slightly.text, turned.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/bits");
    TCase *tests = tcase_create("bits");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, the_same_grid_gives_the_same_bits, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, mirrored_in_is_mirrored_out, 0, 6 * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, sets_and_crews_give_the_same_bits, 0,
                        8 * IVX_KERNEL_COUNT);
    tcase_add_test(tests, memory_is_limited_and_bits_do_not_care);
    tcase_add_loop_test(tests, errors_of_source_and_sink_are_passed_on, 0, 2);
#ifdef __x86_64__
    tcase_add_test(tests, the_callers_floating_point_mode_comes_back);
#endif
    tcase_add_test(tests, the_sources_of_a_slice_are_named);
    tcase_add_test(tests, what_cannot_be_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
