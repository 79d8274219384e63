/* What must hold exactly, or to a stated bound: closed forms, symmetries, equal bits. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "subject.h"

static const double coarse[3] = { 0.7, 0.8, 2.5 };

static double constant(double u, double v, double w)
{
    (void)u, (void)v, (void)w;
    return 1234;
}

static double ramp(double u, double v, double w)
{
    return -300 + 5 * u - 3.5 * v + 2.25 * w;
}

static double cubic(double u, double v, double w)
{
    const double a = (u - 9) / 9, b = (v - 9) / 9, c = (w - 60) / 60;
    return 200 * (a * a * a - b * b * b + c * c * c) + 100 * a * b * c + 50 * a * a;
}

static double quadratic(double u, double v, double w)
{
    const double a = (u - 9) / 9, b = (v - 9) / 9, c = (w - 60) / 60;
    return 300 * a * a - 200 * b * b + 150 * c * c + 80 * a * b;
}

/* The largest difference to value() at result voxels at least `margin` mm inside. */
static double worst_inside(const struct subject *subject, const struct outcome *outcome,
                           double (*value)(double, double, double),
                           const double margin[3])
{
    const struct ivx_stack *s = &subject->stack;
    const double end[3] = { (s->columns - 1) * s->column_spacing,
                            (s->rows - 1) * s->row_spacing,
                            s->t[s->slices - 1] - s->t[0] };
    double most = 0;
    for (int32_t m = 0; m < outcome->grid.count[2]; m++)
        for (int32_t j = 0; j < outcome->grid.count[1]; j++)
            for (int32_t i = 0; i < outcome->grid.count[0]; i++) {
                double p[3];
                ivx_grid_position(&outcome->grid, (double[]){ i, j, m }, p);
                bool inside = true;
                for (int a = 0; a < 3; a++) {
                    p[a] -= s->origin[a];
                    inside = inside && p[a] >= margin[a] && p[a] <= end[a] - margin[a];
                }
                if (inside)
                    most = fmax(most, fabs(outcome_at(outcome, i, j, m)
                                           - value(p[0], p[1], p[2])));
            }
    return most;
}

static void field_is_kept(enum ivx_kernel kernel, double (*value)(double, double, double),
                          double spacing, enum ivx_antialias antialias, double samples,
                          double tolerance)
{
    IVX_AUTO(subject_free) struct subject *subject = subject_new(27, 25, 49, coarse);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options = subject_options(kernel);
    const double margin[3] = { samples * coarse[0], samples * coarse[1],
                               samples * coarse[2] };
    options.result = IVX_FLOAT32;
    options.antialias = antialias;
    subject_fill(subject, value);

    subject_run(subject, spacing, &options, &outcome);

    const double worst = worst_inside(subject, &outcome, value, margin);
    ck_assert_msg(worst <= tolerance, "%s at %g mm: %g", ivx_kernel_name(kernel), spacing,
                  worst);
    ck_assert_uint_eq(outcome.report.background, 0);
}

START_TEST(a_constant_stays_constant)
{
    const enum ivx_kernel kernel = (enum ivx_kernel)_i;
    field_is_kept(kernel, constant, 0.37, IVX_ANTIALIAS_AUTO, -1, 5e-4);
    field_is_kept(kernel, constant, 3.1, IVX_ANTIALIAS_AUTO, -1, 5e-4);
}
END_TEST

/* Every kernel but nearest, stretched or not; edges apart, where values are replicated.
 */
START_TEST(a_ramp_stays_a_ramp)
{
    const enum ivx_kernel kernel = (enum ivx_kernel)_i;
    if (kernel == IVX_NEAREST)
        return;
    field_is_kept(kernel, ramp, 0.37, IVX_ANTIALIAS_AUTO, 9, 5e-4);
    field_is_kept(kernel, ramp, 1.0, IVX_ANTIALIAS_AUTO, 9, 5e-4);
    field_is_kept(kernel, ramp, 1.9, IVX_ANTIALIAS_AUTO, 9, 1e-3);
}
END_TEST

/* Margin: the replicated edge fades by 0.268 per sample. */
START_TEST(the_spline_keeps_cubics)
{
    field_is_kept(IVX_BSPLINE3, cubic, 0.37, IVX_ANTIALIAS_OFF, 11, 1e-3);
    field_is_kept(IVX_BSPLINE3, cubic, 1.0, IVX_ANTIALIAS_OFF, 11, 1e-3);
}
END_TEST

START_TEST(keys_keeps_quadratics)
{
    field_is_kept(IVX_CATMULL_ROM, quadratic, 0.37, IVX_ANTIALIAS_OFF, 2, 1e-3);
    field_is_kept(IVX_CATMULL_ROM, quadratic, 1.0, IVX_ANTIALIAS_OFF, 2, 1e-3);
}
END_TEST

/* The exact spline of a row that is really continued by 60 copies of its end values has
 * the values that the engine gives up to the border: a step of 4000 HU beside the edge.
 */
START_TEST(the_edge_is_that_of_a_row_continued_for_ever)
{
    const int axis = _i;
    enum { BEYOND = 60 };
    const double cube[3] = { 1, 1, 1 };
    int32_t n[3] = { 2, 2, 2 };
    n[axis] = 9;
    const int32_t size = n[axis] + 2 * BEYOND;
    double x[200], c[200], d[200];
    IVX_AUTO(subject_free) struct subject *subject = subject_new(n[0], n[1], n[2], cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options = subject_options(IVX_BSPLINE3);
    options.result = IVX_FLOAT32;
    for (int32_t p = 0; p < n[0] * n[1] * n[2]; p++) {
        const int32_t at[3] = { p % n[0], p / n[0] % n[1], p / n[0] / n[1] };
        subject->voxel[p] = at[axis] == 0   ? 3000
                            : at[axis] == 1 ? -1000
                                            : (float)(100 * at[axis]);
    }

    subject_run(subject, 0.3, &options, &outcome);

    /* B-spline coefficients by elimination, the row continued; evaluated at 0.3 mm steps.
     */
    for (int32_t k = 0; k < size; k++) {
        const int32_t at = k < BEYOND              ? 0
                           : k - BEYOND >= n[axis] ? n[axis] - 1
                                                   : k - BEYOND;
        x[k] = at == 0 ? 3000 : at == 1 ? -1000 : 100.0 * at;
        d[k] = 4 - (k > 0 ? 1 / d[k - 1] : 0);
        c[k] = 6 * x[k] - (k > 0 ? c[k - 1] / d[k - 1] : 0);
    }
    for (int32_t k = size - 1; k >= 0; k--)
        c[k] = (c[k] - (k < size - 1 ? c[k + 1] : 0)) / d[k];
    for (int32_t i = 0; i < outcome.grid.count[axis]; i++) {
        const double u =
            (n[axis] - 1) / 2.0 + (i - (outcome.grid.count[axis] - 1) / 2.0) * 0.3;
        double expected = 0;
        for (int32_t k = 2; k < size - 2; k++) {
            const double a = fabs(u - (k - BEYOND));
            expected += c[k]
                        * (a < 1   ? 2.0 / 3 - a * a + a * a * a / 2
                           : a < 2 ? pow(2 - a, 3) / 6
                                   : 0);
        }
        int32_t at[3] = { 1, 1, 1 };
        at[axis] = i;
        ck_assert_double_eq_tol(outcome_at(&outcome, at[0], at[1], at[2]), expected,
                                1e-3);
    }
}
END_TEST

/* Slices of one ramp field, moved by tilt and lying where they like: still that ramp,
 * where every slice that counts is inside the image. */
START_TEST(tilt_and_irregular_slices_keep_the_ramp)
{
    static const enum ivx_kernel kernels[] = { IVX_LINEAR, IVX_BSPLINE3 };
    const bool irregular = _i / 2;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(27, 151, 49, coarse);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options = subject_options(kernels[_i % 2]);
    const double margin[3] = { 8, 58, 25 };
    options.result = IVX_FLOAT32;
    for (int k = 0; irregular && k < 49; k++)
        subject->t[k] += (k > 20) * 4.5 + (k > 30) * -1.4 + 0.2 * sin(7.0 * k);
    subject_tilt(subject, -20);
    subject_fill(subject, ramp);

    subject_run(subject, 1.0, &options, &outcome);

    ck_assert_double_le(worst_inside(subject, &outcome, ramp, margin), 1e-3);
    ck_assert_uint_gt(outcome.report.background, 0); /* the wedges */
    ck_assert_uint_eq(outcome.report.padded, 0);
}
END_TEST

/* Padding beside tissue: no voxel lies outside the range of what was measured (linear),
 * and the constant field stays constant wherever there is a result (every kernel). */
START_TEST(padding_takes_no_part)
{
    const enum ivx_kernel kernel = (enum ivx_kernel)_i;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(31, 29, 20, coarse);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options = subject_options(kernel);
    subject->missing = calloc(31 * 29 * 20, 1);
    subject_fill(subject, constant);
    uint64_t padded = 0;
    for (int p = 0; p < 31 * 29 * 20; p++) { /* outside a circle, as GE writes it */
        const double i = p % 31 - 15, j = p / 31 % 29 - 14;
        subject->missing[p] = i * i + j * j > 13 * 13;
        if (subject->missing[p])
            subject->voxel[p] = -3024;
        padded += subject->missing[p];
    }
    subject_whole(subject);

    subject_run(subject, 0.5, &options, &outcome);

    uint64_t background = 0;
    for (size_t p = 0; p < outcome.voxels; p++) {
        const int16_t is = ((const int16_t *)outcome.voxel)[p];
        ck_assert_msg(is == 1234 || is == -1024, "%d", is);
        background += is == -1024;
    }
    ck_assert_uint_eq(background, outcome.report.background);
    ck_assert_uint_eq(background, outcome.report.padded); /* nothing lies outside */
    const double share = (double)background / (double)outcome.voxels;
    ck_assert_double_eq_tol(share, (double)padded / (31 * 29 * 20), 0.02);
}
END_TEST

START_TEST(what_is_not_a_number_is_padding)
{
    IVX_AUTO(subject_free) struct subject *subject = subject_new(11, 11, 7, coarse);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options = subject_options(IVX_BSPLINE3);
    options.result = IVX_FLOAT32;
    subject_fill(subject, constant);
    subject->voxel[300] = NAN;
    subject->voxel[400] = INFINITY;

    subject_run(subject, 1.0, &options, &outcome);

    for (size_t p = 0; p < outcome.voxels; p++) {
        const float is = ((const float *)outcome.voxel)[p];
        ck_assert(is == -1024 || fabsf(is - 1234) < 1e-2f);
    }
}
END_TEST

/* The rim between the outermost samples and the border is counted, or background. */
START_TEST(the_rim_is_replicated_or_background)
{
    const double cube[3] = { 2, 2, 2 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(5, 6, 7, cube);
    IVX_AUTO(outcome_free) struct outcome kept = { 0 }, cut = { 0 };
    struct ivx_resample_options options = subject_options(IVX_LINEAR);
    subject_fill(subject, constant);
    /* 0.5 mm: 20 x 24 x 28 voxels; between the outermost samples 16 x 20 x 24. */
    const uint64_t rim = 20 * 24 * 28 - 16 * 20 * 24;

    subject_run(subject, 0.5, &options, &kept);
    options.boundary = IVX_BOUNDARY_BACKGROUND;
    subject_run(subject, 0.5, &options, &cut);

    ck_assert_uint_eq(kept.report.edge, rim);
    ck_assert_uint_eq(kept.report.background, 0);
    ck_assert_uint_eq(cut.report.edge, 0);
    ck_assert_uint_eq(cut.report.background, rim);
    ck_assert_double_eq(outcome_at(&kept, 0, 0, 0), 1234);
    ck_assert_double_eq(outcome_at(&cut, 1, 12, 12), -1024);
    ck_assert_double_eq(outcome_at(&cut, 2, 12, 12), 1234);
}
END_TEST

START_TEST(int16_is_rounded_half_to_even_and_saturated)
{
    static const float in[] = { 0.5f,  1.5f,  -0.5f,  -1.5f,     2.5f,  32767.4f,
                                32768, 40000, -32768, -32768.5f, -1e9f, 1e30f };
    static const int16_t out[] = { 0,     2,     0,      -2,     2,      32767,
                                   32767, 32767, -32768, -32768, -32768, 32767 };
    const double cube[3] = { 1, 1, 1 };
    IVX_AUTO(subject_free)
    struct subject *subject = subject_new(IVX_COUNT(in), 1, 1, cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = subject_options(IVX_LINEAR);
    memcpy(subject->voxel, in, sizeof in);

    subject_run(subject, 1, &options, &outcome);

    ck_assert_mem_eq(outcome.voxel, out, sizeof out);
    ck_assert_uint_eq(outcome.report.saturated, 6); /* 32767.4 lies outside, too */
}
END_TEST

/* Flat regions with noise: rounding has no bias (truncation has up to 0.5 HU). */
START_TEST(the_mean_has_no_bias)
{
    IVX_AUTO(subject_free) struct subject *subject = subject_new(63, 61, 40, coarse);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = subject_options((enum ivx_kernel)_i);
    double wanted = 0, found = 0;
    subject_noise(subject, -130, 50, 3);
    subject_whole(subject);

    /* The same lattice in float32 is the truth for the mean. */
    struct ivx_resample_options real = options;
    real.result = IVX_FLOAT32;
    IVX_AUTO(outcome_free) struct outcome exact = { 0 };
    subject_run(subject, 0.45, &options, &outcome);
    subject_run(subject, 0.45, &real, &exact);

    for (size_t p = 0; p < outcome.voxels; p++) {
        wanted += ((const float *)exact.voxel)[p];
        found += ((const int16_t *)outcome.voxel)[p];
    }
    ck_assert_double_eq_tol((found - wanted) / (double)outcome.voxels, 0, 0.01);
}
END_TEST

static double ball(double u, double v, double w)
{
    const double r = sqrt(pow(u - 20.3, 2) + pow(v - 19.1, 2) + pow(w - 21.7, 2));
    return 1000 / (1 + exp((r - 10) / 0.9)); /* soft enough for the sampling */
}

START_TEST(a_ball_stays_where_it_is)
{
    const double spacing[3] = { 0.9, 0.8, 1.3 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(46, 50, 34, spacing);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = subject_options((enum ivx_kernel)_i);
    static const double truth[3] = { 20.3, 19.1, 21.7 };
    double sum = 0, centre[3] = { 0 };
    subject_fill(subject, ball);

    subject_run(subject, _i == IVX_NEAREST ? 0.1 : 0.7, &options, &outcome);

    for (int32_t m = 0; m < outcome.grid.count[2]; m++)
        for (int32_t j = 0; j < outcome.grid.count[1]; j++)
            for (int32_t i = 0; i < outcome.grid.count[0]; i++) {
                double p[3];
                const double is = outcome_at(&outcome, i, j, m);
                ivx_grid_position(&outcome.grid, (double[]){ i, j, m }, p);
                sum += is;
                for (int a = 0; a < 3; a++)
                    centre[a] += is * (p[a] - subject->stack.origin[a]);
            }
    for (int a = 0; a < 3; a++)
        ck_assert_double_eq_tol(centre[a] / sum, truth[a],
                                _i == IVX_NEAREST ? 0.02 : 1e-3);
}
END_TEST

/* Beside a step from -1000 to 1000, along each axis: computed in 1-D from the kernels'
 * definitions. */
START_TEST(overshoot_is_that_of_the_table)
{
    static const struct {
        enum ivx_kernel kernel;
        double least, most;
    } table[] = {
        { IVX_LINEAR, 0, 0 },          { IVX_NEAREST, 0, 0 },
        { IVX_CATMULL_ROM, 7.2, 7.5 }, { IVX_BSPLINE3, 10.6, 10.9 },
        { IVX_LANCZOS3, 11.2, 12.1 },
    };
    const double cube[3] = { 1, 1, 1 };
    const int axis = _i % 3;
    int32_t n[3] = { 3, 3, 3 };
    n[axis] = 48;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(n[0], n[1], n[2], cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = subject_options(table[_i / 3].kernel);
    for (int32_t p = 0; p < 9 * 48; p++) {
        const int32_t at[3] = { p % n[0], p / n[0] % n[1], p / n[0] / n[1] };
        subject->voxel[p] = at[axis] < 24 ? -1000 : 1000;
    }

    subject_run(subject, 0.02, &options, &outcome);

    double most = -1e9;
    for (size_t p = 0; p < outcome.voxels; p++)
        most = fmax(most, ((const int16_t *)outcome.voxel)[p]);
    const double percent = (most - 1000) / 2000 * 100;
    ck_assert_msg(percent >= table[_i / 3].least - 1e-9
                      && percent <= table[_i / 3].most + 1e-9,
                  "%s: %.2f %%", ivx_kernel_name(table[_i / 3].kernel), percent);
}
END_TEST

/* Stretched Lanczos-3 at 0.7 -> 1.0 mm: what lies above the new Nyquist frequency falls
 * by 30 dB (measured at 1.4 times the new Nyquist), what lies at half of it stays. */
START_TEST(what_would_alias_is_suppressed)
{
    static const struct {
        double relative, least, most;
    } table[] = {
        { 0.5, 0.97, 1.03 },
        { 1.4, 0, 0.0316 },
    };
    const double cube[3] = { 0.7, 0.7, 0.7 };
    const int axis = _i % 3;
    int32_t n[3] = { 3, 3, 3 };
    n[axis] = 400;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(n[0], n[1], n[2], cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options =
        subject_options(_i / 6 ? IVX_BSPLINE3 : IVX_LANCZOS3);
    options.result = IVX_FLOAT32;
    const double cycles = table[_i / 3 % 2].relative * 0.5 * 0.7; /* per source sample */
    for (int32_t p = 0; p < 9 * 400; p++) {
        const int32_t at[3] = { p % n[0], p / n[0] % n[1], p / n[0] / n[1] };
        subject->voxel[p] = (float)(1000 * sin(2 * M_PI * cycles * at[axis] + 0.3));
    }

    subject_run(subject, 1.0, &options, &outcome);

    double square = 0;
    int count = 0;
    for (int32_t i = 20; i < outcome.grid.count[axis] - 20; i++, count++) {
        int32_t at[3] = { 1, 1, 1 };
        at[axis] = i;
        square += pow(outcome_at(&outcome, at[0], at[1], at[2]), 2);
    }
    const double gain = sqrt(square / count) / (1000 / sqrt(2));
    ck_assert_msg(gain >= table[_i / 3 % 2].least && gain <= table[_i / 3 % 2].most,
                  "gain %g", gain);
    ck_assert_double_eq_tol(outcome.report.stretch[axis], 1 / 0.7, 1e-9);
}
END_TEST

static void fields(TCase *tests)
{
    tcase_add_loop_test(tests, a_constant_stays_constant, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, a_ramp_stays_a_ramp, 0, IVX_KERNEL_COUNT);
    tcase_add_test(tests, the_spline_keeps_cubics);
    tcase_add_test(tests, keys_keeps_quadratics);
    tcase_add_loop_test(tests, the_edge_is_that_of_a_row_continued_for_ever, 0, 3);
    tcase_add_loop_test(tests, tilt_and_irregular_slices_keep_the_ramp, 0, 4);
    tcase_add_loop_test(tests, padding_takes_no_part, 0, IVX_KERNEL_COUNT);
    tcase_add_test(tests, what_is_not_a_number_is_padding);
    tcase_add_test(tests, the_rim_is_replicated_or_background);
    tcase_add_test(tests, int16_is_rounded_half_to_even_and_saturated);
    tcase_add_loop_test(tests, the_mean_has_no_bias, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, a_ball_stays_where_it_is, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, overshoot_is_that_of_the_table, 0, 3 * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, what_would_alias_is_suppressed, 0, 12);
}

int main(void)
{
    Suite *suite = suite_create("core/exact");
    TCase *tests = tcase_create("exact");
    tcase_set_timeout(tests, 120);
    fields(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
