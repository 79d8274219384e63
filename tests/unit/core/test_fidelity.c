/* What the kernels do to images of which the truth is known in closed form, with figures
 * (VERBOSE=1 prints them; docs/RESAMPLING.md holds them). Limits are computed from the
 * kernels' definitions in the table of that page, never from results. */
#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "subject.h"

static const double cube[3] = { 1, 1, 1 };

__attribute__((format(printf, 1, 2))) static void figure(const char *format, ...)
{
    if (getenv("VERBOSE") == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

static struct ivx_resample_options real_options(enum ivx_kernel kernel)
{
    struct ivx_resample_options options = subject_options(kernel);
    options.result = IVX_FLOAT32;
    return options;
}

/* mm from the first voxel of the source. */
static void place(const struct subject *subject, const struct outcome *outcome,
                  const int32_t at[3], double mm_out[3])
{
    ivx_grid_position(&outcome->grid, (double[]){ at[0], at[1], at[2] }, mm_out);
    for (int a = 0; a < 3; a++)
        mm_out[a] -= subject->stack.origin[a];
}

/* Calls visit() for every result voxel at least `margin` mm inside the outermost samples;
 * returns how many. */
static int inside(const struct subject *subject, const struct outcome *outcome,
                  double margin, void (*visit)(void *, const double[3], double),
                  void *context)
{
    const struct ivx_stack *s = &subject->stack;
    const double far[3] = { (s->columns - 1) * s->column_spacing,
                            (s->rows - 1) * s->row_spacing, s->t[s->slices - 1] };
    const int32_t *n = outcome->grid.count;
    int seen = 0;
    for (int32_t p = 0; p < n[0] * n[1] * n[2]; p++) {
        const int32_t at[3] = { p % n[0], p / n[0] % n[1], p / n[0] / n[1] };
        double mm[3];
        bool within = true;
        place(subject, outcome, at, mm);
        for (int a = 0; a < 3; a++)
            within = within && mm[a] >= margin && mm[a] <= far[a] - margin;
        if (within)
            visit(context, mm, outcome_at(outcome, at[0], at[1], at[2]));
        seen += within;
    }
    return seen;
}

/* A sum of three 3-D sinusoids, amplitude 1000 in all; the highest frequency along any
 * axis is 0.1 cycles per sample of 1 mm, so the table's column f = 0.1 bounds the error
 * that each axis brings: 1000 * (1 - (1 - e)^3) <= 3000 e. */
static const double waves[3][5] = {
    { 500, 0.10, 0.03, 0.07, 0.2 },
    { 300, 0.02, 0.10, 0.05, 1.1 },
    { 200, 0.06, 0.01, 0.10, 2.3 },
};

static double sines(double u, double v, double w)
{
    double sum = 0;
    for (int n = 0; n < 3; n++)
        sum += waves[n][0]
               * sin(2 * M_PI * (waves[n][1] * u + waves[n][2] * v + waves[n][3] * w)
                     + waves[n][4]);
    return sum;
}

/* exp(-r^2 / (2 sigma^2)), sigma = 3 samples: beyond 0.25 cycles per sample nothing is
 * left (1e-5). */
static double blob(double u, double v, double w)
{
    const double r2 = pow(u - 15.3, 2) + pow(v - 14.6, 2) + pow(w - 15.9, 2);
    return 1000 * exp(-r2 / 18);
}

struct errors {
    double (*truth)(double, double, double);
    double most, square, sum;
};

static void compare(void *context, const double mm[3], double is)
{
    struct errors *errors = context;
    const double error = is - errors->truth(mm[0], mm[1], mm[2]);
    errors->most = fmax(errors->most, fabs(error));
    errors->square += error * error;
    errors->sum += error;
}

START_TEST(a_band_limited_phantom_comes_back)
{
    /* Worst error of a sampled sinusoid of f = 0.1, per axis (table of 2.2); nearest is
     * half a sample off: 2 sin(pi f / 2). */
    static const double at_tenth[IVX_KERNEL_COUNT] = {
        [IVX_BSPLINE3] = 0.0004, [IVX_LINEAR] = 0.049, [IVX_CATMULL_ROM] = 0.0044,
        [IVX_LANCZOS3] = 0.0057, [IVX_NEAREST] = 0.3129,
    };
    const enum ivx_kernel kernel = (enum ivx_kernel)(_i / 2);
    IVX_AUTO(subject_free) struct subject *subject = subject_new(32, 31, 33, cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = real_options(kernel);
    struct errors errors = { .truth = _i % 2 ? blob : sines };
    subject_fill(subject, errors.truth);

    subject_run(subject, 0.45, &options, &outcome);
    const int seen = inside(subject, &outcome, 7, compare, &errors);

    ck_assert_int_gt(seen, 50000);
    /* Rounded to two digits in the table: half a unit of the last one is allowed. */
    const double limit = 3000 * at_tenth[kernel] * 1.1 + 0.15;
    figure("%-12s %-5s worst %8.3f of 1000, rms %7.3f, limit %7.2f\n",
           ivx_kernel_name(kernel), _i % 2 ? "blob" : "sines", errors.most,
           sqrt(errors.square / seen), limit);
    ck_assert_msg(errors.most <= limit, "%g instead of at most %g", errors.most, limit);
    ck_assert_double_le(fabs(errors.sum / seen), 0.02 * limit);
}
END_TEST

/* A zone plate cos(a r^2), of which the frequency r / REACH comes to the source's Nyquist
 * frequency at r = REACH / 2. Resampled at 1.4 times the spacing, the new Nyquist frequency
 * is 0.357 and what the source can hold ends at 1.4 of that. */
enum { PLATE = 401, REACH = 380 };

static double plate(double u, double v, double w)
{
    (void)w;
    const double a = u - (PLATE - 1) / 2.0, b = v - (PLATE - 1) / 2.0;
    return 1000 * cos(M_PI / REACH * (a * a + b * b));
}

struct band {
    double from, to; /* cycles per source sample, along u and v alone */
    double square;
    int seen;
};

static void collect(void *context, const double mm[3], double is)
{
    struct band *band = context;
    const double u = fabs(mm[0] - (PLATE - 1) / 2.0) / REACH;
    const double v = fabs(mm[1] - (PLATE - 1) / 2.0) / REACH;
    const double most = fmax(u, v), least = fmin(u, v);
    if (most < band->from || most > band->to || least > 0.3)
        return;
    band->square += is * is;
    band->seen++;
}

START_TEST(a_zone_plate_does_not_alias)
{
    const bool stretched = _i == 0;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(PLATE, PLATE, 1, cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options = real_options(IVX_LANCZOS3);
    struct band alias = { .from = 0.49, .to = 0.5 }, pass = { .from = 0, .to = 0.15 };
    struct band above = { .from = 0.357, .to = 0.5 };
    options.antialias = stretched ? IVX_ANTIALIAS_AUTO : IVX_ANTIALIAS_OFF;
    subject_fill(subject, plate);

    subject_run(subject, 1.4, &options, &outcome);
    inside(subject, &outcome, 0, collect, &alias);
    inside(subject, &outcome, 0, collect, &pass);
    inside(subject, &outcome, 0, collect, &above);

    const double kept = 20 * log10(sqrt(pass.square / pass.seen) / (1000 / sqrt(2)));
    const double left = 20 * log10(sqrt(alias.square / alias.seen) / (1000 / sqrt(2)));
    figure("zone plate, lanczos3 %s: to 0.4 of the new Nyquist frequency %+.2f dB, above "
           "it %+.1f dB, at 1.4 of it %+.1f dB\n",
           stretched ? "stretched" : "as it is", kept,
           20 * log10(sqrt(above.square / above.seen) / (1000 / sqrt(2))), left);
    ck_assert_double_eq_tol(kept, 0, 0.5);
    if (stretched)
        ck_assert_double_le(left, -30);
    else
        ck_assert_double_ge(left, -6); /* the test sees an alias where there is one */
}
END_TEST

/* The response to a wire (one sample of 1, drawn finely) is the kernel itself; its Fourier
 * transform the MTF. 10 and 50 % in cycles per sample, by bisection, along each axis.
 * Truth: the transforms in closed form (the interpolating B-spline: sinc^4 over that of its
 * samples); of Keys and Lanczos by quadrature of their definitions. */
enum { FINE = 16, WIRE = 61 };

static double sinc(double x)
{
    return fabs(x) < 1e-12 ? 1 : sin(M_PI * x) / (M_PI * x);
}

static double keys(double x) /* Keys 1981, a = -1/2 */
{
    return x < 1   ? 1 - 2.5 * x * x + 1.5 * x * x * x
           : x < 2 ? 2 - 4 * x + 2.5 * x * x - 0.5 * x * x * x
                   : 0;
}

static double mtf_truth(enum ivx_kernel kernel, double f)
{
    const double s = sinc(f);
    if (kernel == IVX_NEAREST)
        return s;
    if (kernel == IVX_LINEAR)
        return s * s;
    if (kernel == IVX_BSPLINE3)
        return pow(s, 4) / (2.0 / 3 + cos(2 * M_PI * f) / 3);
    double sum = 0;
    for (int n = 0; n < 3000; n++) {
        const double x = (n + 0.5) / 1000;
        const double at = kernel == IVX_LANCZOS3 ? sinc(x) * sinc(x / 3) : keys(x);
        sum += 2 * at * cos(2 * M_PI * f * x) / 1000;
    }
    return sum;
}

static double mtf_of(const double *wire, int count, double centre, double f)
{
    double sum = 0, all = 0;
    for (int n = 0; n < count; n++) {
        sum += wire[n] * cos(2 * M_PI * f * ((n - centre) / FINE));
        all += wire[n];
    }
    return sum / all;
}

struct response {
    const double *wire; /* NULL: the truth */
    int count;
    double centre;
    enum ivx_kernel kernel;
};

static double where(const struct response *response, double level)
{
    double low = 0, high = 0.9;
    for (int n = 0; n < 50; n++) {
        const double f = (low + high) / 2;
        const double at =
            response->wire == NULL
                ? mtf_truth(response->kernel, f)
                : mtf_of(response->wire, response->count, response->centre, f);
        *(at > level ? &low : &high) = f;
    }
    return low;
}

START_TEST(the_mtf_is_that_of_the_kernel)
{
    const enum ivx_kernel kernel = (enum ivx_kernel)(_i / 3);
    const int axis = _i % 3;
    int32_t n[3] = { 3, 3, 3 };
    n[axis] = WIRE;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(n[0], n[1], n[2], cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = real_options(kernel);
    double wire[WIRE * FINE];
    for (int32_t p = 0; p < 9 * WIRE; p++) {
        const int32_t at[3] = { p % n[0], p / n[0] % n[1], p / n[0] / n[1] };
        subject->voxel[p] = at[axis] == WIRE / 2 ? 1000 : 0;
    }

    subject_run(subject, 1.0 / FINE, &options, &outcome);
    for (int p = 0; p < WIRE * FINE; p++) {
        int32_t at[3] = { FINE + 3, FINE + 3, FINE + 3 };
        at[axis] = p;
        wire[p] = outcome_at(&outcome, at[0], at[1], at[2]);
    }

    const struct response is = { wire, WIRE * FINE, (WIRE * FINE - 1) / 2.0, kernel };
    const struct response truth = { .kernel = kernel };
    const double half = where(&is, 0.5), tenth = where(&is, 0.1);
    figure("%-12s axis %d: MTF 50 %% at %.3f (%.3f), 10 %% at %.3f (%.3f) cycles/sample\n",
           ivx_kernel_name(kernel), axis, half, where(&truth, 0.5), tenth,
           where(&truth, 0.1));
    /* Sampled at 1/16: a frequency is known to about its share of aliasing. */
    ck_assert_double_eq_tol(half, where(&truth, 0.5), 0.005);
    ck_assert_double_eq_tol(tenth, where(&truth, 0.1), 0.01);
}
END_TEST

/* 0.5 mm and back: every second sample of the finer lattice lies a quarter beside one of
 * the source, so nothing is merely copied. Band below 0.1: the way back is stretched. */
START_TEST(there_and_back_again)
{
    static const double limits[IVX_KERNEL_COUNT] = {
        [IVX_BSPLINE3] = 20, [IVX_LINEAR] = 160, [IVX_CATMULL_ROM] = 40,
        [IVX_LANCZOS3] = 20, [IVX_NEAREST] = 320,
    };
    static const double half[3] = { 0.5, 0.5, 0.5 };
    const enum ivx_kernel kernel = (enum ivx_kernel)_i;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(33, 32, 31, cube);
    IVX_AUTO(subject_free) struct subject *fine = subject_new(66, 64, 62, half);
    IVX_AUTO(outcome_free) struct outcome there = { 0 }, back = { 0 };
    const struct ivx_resample_options options = real_options(kernel);
    struct errors errors = { .truth = sines };
    subject_fill(subject, sines);

    subject_run(subject, 0.5, &options, &there);
    ck_assert_uint_eq(there.voxels, 66 * 64 * 62);
    for (size_t p = 0; p < there.voxels; p++)
        fine->voxel[p] = ((const float *)there.voxel)[p];
    for (int a = 0; a < 3; a++)
        fine->stack.origin[a] = there.grid.origin[a];
    subject_run(fine, 1, &options, &back);

    for (int a = 0; a < 3; a++)
        ck_assert_double_eq_tol(back.grid.origin[a], subject->stack.origin[a], 1e-9);
    const int seen = inside(subject, &back, 7, compare, &errors);
    const double rms = sqrt(errors.square / seen);
    figure("%-12s there and back: rms %.3f, worst %.3f of 1000\n",
           ivx_kernel_name(kernel), rms, errors.most);
    ck_assert_double_le(rms, limits[kernel]);
}
END_TEST

/* The grid of the source, moved by whole voxels: the same values, moved; every kernel. */
START_TEST(whole_voxels_are_moved_exactly)
{
    IVX_AUTO(subject_free) struct subject *subject = subject_new(19, 17, 23, cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = real_options((enum ivx_kernel)_i);
    struct ivx_err err = { 0 };
    struct ivx_grid grid;
    subject_noise(subject, -1000, 3000, 9);
    for (int p = 0; p < 19 * 17 * 23; p++)
        subject->voxel[p] /= 7.3f;
    ck_assert(ivx_target_grid(&subject->stack, 1, IVX_ALIGN_CENTER, &grid, &err));
    grid.origin[0] += 3;
    grid.origin[1] -= 2;
    grid.origin[2] += 5;

    subject_run_on(subject, &grid, &options, &outcome);

    for (int32_t m = 0; m < 23; m++)
        for (int32_t j = 0; j < 17; j++)
            for (int32_t i = 0; i < 19; i++) {
                const bool there = i + 3 < 19 && j >= 2 && m + 5 < 23;
                const size_t from = ((size_t)(m + 5) * 17 + j - 2) * 19 + i + 3;
                ck_assert_double_eq(outcome_at(&outcome, i, j, m),
                                    there ? subject->voxel[from] : -1024);
            }
}
END_TEST

/* A ball of radius 12.4 mm, its border as soft (sigma 1.6 mm) as slices every 1.25 mm can
 * hold; thresholded half-way, it has the volume of the ball. */
static const double heart[3] = { 20.3, 19.1, 21.7 };

static double ball(double u, double v, double w)
{
    const double r =
        sqrt(pow(u - heart[0], 2) + pow(v - heart[1], 2) + pow(w - heart[2], 2));
    return 500 * erfc((r - 12.4) / 2.3) - 1000;
}

struct moments {
    double weight, first[3];
    int above;
};

static void weigh(void *context, const double mm[3], double is)
{
    struct moments *moments = context;
    moments->above += is > -500;
    moments->weight += is + 1000;
    for (int a = 0; a < 3; a++)
        moments->first[a] += (is + 1000) * mm[a];
}

START_TEST(a_sphere_keeps_its_place_and_volume)
{
    static const double spacing[3] = { 0.7, 0.9, 1.25 };
    static const double targets[] = { 0.5, 1.0 };
    const enum ivx_kernel kernel = (enum ivx_kernel)(_i / 2);
    const double target = targets[_i % 2];
    IVX_AUTO(subject_free) struct subject *subject = subject_new(61, 45, 36, spacing);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = subject_options(kernel); /* int16 */
    struct moments moments = { .weight = 0 };
    subject_fill(subject, ball);

    subject_run(subject, target, &options, &outcome);
    inside(subject, &outcome, 0, weigh, &moments);

    double worst = 0;
    for (int a = 0; a < 3; a++)
        worst = fmax(worst, fabs(moments.first[a] / moments.weight - heart[a]) / target);
    const double volume = moments.above * pow(target, 3);
    const double truth = 4.0 / 3 * M_PI * pow(12.4, 3);
    figure("%-12s %g mm: centroid %.5f voxel off, volume %+.2f %%\n",
           ivx_kernel_name(kernel), target, worst, 100 * (volume / truth - 1));
    /* Nearest: positions half-way between slices take the lower one. */
    const double allowed = kernel == IVX_NEAREST ? 1.25 / 2 / target : 1e-3;
    ck_assert_double_le(worst, allowed);
    ck_assert_double_eq_tol(volume / truth, 1, 0.01);
}
END_TEST

/* A flat region of -37 HU with noise of 12 HU: its mean stays, at the source's own mean. */
START_TEST(a_flat_region_has_no_bias)
{
    static const double coarse[3] = { 0.7, 0.7, 2.5 };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(70, 70, 40, coarse);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = subject_options((enum ivx_kernel)_i);
    double before = 0, after = 0;
    subject_noise(subject, -49, -25, 31);
    subject_whole(subject);
    const size_t count = 70 * 70 * 40;
    for (size_t p = 0; p < count; p++)
        before += subject->whole[p] / (double)count;

    subject_run(subject, 0.35, &options, &outcome);

    for (size_t p = 0; p < outcome.voxels; p++)
        after += ((const int16_t *)outcome.voxel)[p] / (double)outcome.voxels;
    figure("%-12s mean %.4f before, %.4f after\n",
           ivx_kernel_name((enum ivx_kernel)_i), before, after);
    ck_assert_double_eq_tol(after, before, 0.01);
}
END_TEST

/* The corner of a block of 1000 in -1000: where one axis overshoots by the fraction o of the
 * step, three do by (1 + o)^3 - 1. */
START_TEST(the_corner_overshoots_as_the_table_says)
{
    static const struct {
        enum ivx_kernel kernel;
        double least, most; /* per cent of the step */
    } table[] = {
        { IVX_LINEAR, 0, 0 },        { IVX_NEAREST, 0, 0 },
        { IVX_CATMULL_ROM, 23, 25 }, { IVX_BSPLINE3, 35, 37 },
        { IVX_LANCZOS3, 38, 41 },
    };
    IVX_AUTO(subject_free) struct subject *subject = subject_new(24, 24, 24, cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    const struct ivx_resample_options options = subject_options(table[_i].kernel);
    double most = -1e9;
    for (int p = 0; p < 24 * 24 * 24; p++)
        subject->voxel[p] =
            p % 24 >= 12 && p / 24 % 24 >= 12 && p / 24 / 24 >= 12 ? 1000 : -1000;

    subject_run(subject, 0.1, &options, &outcome);

    for (size_t p = 0; p < outcome.voxels; p++)
        most = fmax(most, ((const int16_t *)outcome.voxel)[p]);
    const double percent = (most - 1000) / 2000 * 100;
    figure("%-12s overshoot at a corner %.1f %%\n", ivx_kernel_name(table[_i].kernel),
           percent);
    ck_assert_msg(percent >= table[_i].least && percent <= table[_i].most, "%s: %.2f %%",
                  ivx_kernel_name(table[_i].kernel), percent);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/fidelity");
    TCase *tests = tcase_create("fidelity");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_band_limited_phantom_comes_back, 0,
                        2 * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, a_zone_plate_does_not_alias, 0, 2);
    tcase_add_loop_test(tests, the_mtf_is_that_of_the_kernel, 0, 3 * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, there_and_back_again, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, whole_voxels_are_moved_exactly, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, a_sphere_keeps_its_place_and_volume, 0,
                        2 * IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, a_flat_region_has_no_bias, 0, IVX_KERNEL_COUNT);
    tcase_add_loop_test(tests, the_corner_overshoots_as_the_table_says, 0, 5);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
