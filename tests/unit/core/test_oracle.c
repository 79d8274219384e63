/* The engine against the definition, evaluated directly in double precision. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "oracle.h"

enum shape {
    PLAIN,
    TILTED,
    JITTERED,
    IRREGULAR,
    TILTED_IRREGULAR,
    ONE_SLICE,
    THIN,
    LONG,
    SHAPES
};
static const char *const shape_names[] = {
    "plain",     "tilted",     "jittered", "irregular", "tilted and irregular",
    "one slice", "one column", "long"
};
static const double targets[] = { 0.5, 1.0, 2.0, 3.3 };

static struct subject *make(enum shape shape)
{
    static const double spacing[3] = { 0.7, 0.8, 2.5 };
    const int32_t columns = shape == THIN ? 1 : shape == LONG ? 3 : 13;
    const int32_t rows = shape == LONG ? 4 : 17, slices = shape == LONG ? 117 : 23;
    struct subject *made =
        subject_new(columns, rows, shape == ONE_SLICE ? 1 : slices, spacing);

    for (int32_t k = 0; k < made->stack.slices; k++) {
        if (shape == IRREGULAR
            || shape == TILTED_IRREGULAR) /* as a GE head: 4, 1.08, 7 mm */
            made->t[k] += (k > 5) * -1.4 + (k > 9) * 3 + 0.21 * sin(3.0 * k);
        if (shape == JITTERED && k > 0) {
            made->shift_row[k] = 0.3 * sin(5.0 * k);
            made->shift_column[k] = 0.25 * cos(3.0 * k);
        }
    }
    if (shape == TILTED || shape == TILTED_IRREGULAR)
        subject_tilt(made, shape == TILTED ? -17 : 9);
    subject_noise(made, -1000, 1500, (uint32_t)shape + 7);
    return made;
}

/* Padding as vendors write it: a corner, a lone pixel, most of one slice. */
static void pad(struct subject *subject)
{
    const struct ivx_stack *s = &subject->stack;
    subject->missing = calloc((size_t)s->columns * s->rows * s->slices, 1);
    for (int32_t k = 0; k < s->slices; k++)
        for (int32_t j = 0; j < s->rows; j++)
            for (int32_t i = 0; i < s->columns; i++) {
                const size_t p = ((size_t)k * s->rows + j) * s->columns + i;
                subject->missing[p] = (k > 3 && i + j < 7) || (k == 2 && i == 6 && j == 8)
                                      || (k == 12 && j > 4);
            }
    for (size_t p = 0; p < (size_t)s->columns * s->rows * s->slices; p++)
        if (subject->missing[p])
            subject->voxel[p] = -2000;
}

/* The worst distance beyond `allowed` around what the definition says, at some voxels. */
static double worst(const struct subject *subject,
                    const struct ivx_resample_options *options,
                    const struct outcome *outcome, const char *what, int voxels)
{
    const struct ivx_grid *grid = &outcome->grid;
    uint32_t seed = 99;
    double most = 0;

    for (int turn = 0; turn < voxels; turn++) {
        int32_t at[3];
        for (int a = 0; a < 3; a++) {
            seed = seed * 1664525u + 1013904223u;
            at[a] = (int32_t)((seed >> 9) % (uint32_t)grid->count[a]);
        }
        const struct verdict verdict =
            oracle_at(subject, grid, options, at[0], at[1], at[2]);
        const double is = outcome_at(outcome, at[0], at[1], at[2]);
        if (verdict.doubtful && is == options->background)
            continue;
        if (verdict.background)
            ck_assert_msg(is == options->background, "%s: %g at %d %d %d is background",
                          what, is, at[0], at[1], at[2]);
        const double allowed = options->result == IVX_INT16 ? 0.5 : 0;
        const double wanted = options->result == IVX_INT16
                                  ? fmin(fmax(verdict.value, -32768), 32767)
                                  : verdict.value;
        most = fmax(most, fabs(is - wanted) - allowed);
        ck_assert_msg(most < 1e-3, "%s: %.6f instead of %.6f at %d %d %d", what, is,
                      verdict.value, at[0], at[1], at[2]);
    }
    return most;
}

/* What is asked for besides kernel and shape. */
enum way { USUAL, MIRRORED, CARDOSO, MIRP, CLAMPED };
static const char *const way_names[] = { "", ", mirrored", ", gauss-cardoso", ", gauss-mirp",
                                         ", clamped" };

static struct ivx_resample_options options_of(enum ivx_kernel kernel, enum shape shape,
                                              enum way way, size_t n)
{
    struct ivx_resample_options options = subject_options(kernel);
    options.antialias = n % 3 == 2 ? IVX_ANTIALIAS_OFF : IVX_ANTIALIAS_AUTO;
    options.boundary = shape % 2 ? IVX_BOUNDARY_BACKGROUND : IVX_BOUNDARY_NEAREST;
    options.result = n % 2 ? IVX_FLOAT32 : IVX_INT16;
    if (way == MIRRORED || (way >= CARDOSO && (n + shape) % 2))
        options.boundary = IVX_BOUNDARY_MIRROR;
    if (way == CARDOSO)
        options.antialias = IVX_ANTIALIAS_GAUSS_CARDOSO;
    if (way == MIRP)
        options.antialias = IVX_ANTIALIAS_GAUSS_MIRP;
    if (way == MIRP && n % 2)
        options.mirp_beta = 0.9;
    options.clamp = way == CLAMPED;
    options.least = -900;
    options.most = 1300;
    return options;
}

static void compare(enum ivx_kernel kernel, enum shape shape, enum way way, bool padded)
{
    const int voxels = way == USUAL ? 250 : 30;
    IVX_AUTO(subject_free) struct subject *subject = make(shape);
    if (padded)
        pad(subject);
    for (size_t n = 0; n < IVX_COUNT(targets); n++) {
        const struct ivx_resample_options options = options_of(kernel, shape, way, n);
        IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
        char what[120];
        snprintf(what, sizeof what, "%s, %s%s%s, %g mm", ivx_kernel_name(kernel),
                 shape_names[shape], way_names[way], padded ? ", padded" : "", targets[n]);

        subject_run(subject, targets[n], &options, &outcome);

        const double most = worst(subject, &options, &outcome, what, voxels);
        if (getenv("VERBOSE") != NULL)
            printf("%-60s %.2e HU\n", what, most);
    }
}

START_TEST(every_voxel_is_what_the_definition_says)
{
    compare((enum ivx_kernel)(_i / SHAPES), (enum shape)(_i % SHAPES), USUAL, false);
}
END_TEST

START_TEST(and_so_it_is_with_padding)
{
    compare((enum ivx_kernel)(_i / SHAPES), (enum shape)(_i % SHAPES), USUAL, true);
}
END_TEST

START_TEST(with_mirrored_edges_too)
{
    compare((enum ivx_kernel)(_i / SHAPES), (enum shape)(_i % SHAPES), MIRRORED, false);
    compare((enum ivx_kernel)(_i / SHAPES), (enum shape)(_i % SHAPES), MIRRORED, true);
}
END_TEST

START_TEST(with_the_gaussians_of_other_systems_too)
{
    compare((enum ivx_kernel)(_i / SHAPES), (enum shape)(_i % SHAPES), CARDOSO, false);
    compare((enum ivx_kernel)(_i / SHAPES), (enum shape)(_i % SHAPES), MIRP, _i % 2);
}
END_TEST

START_TEST(and_limited_to_a_range)
{
    compare((enum ivx_kernel)(_i / SHAPES), (enum shape)(_i % SHAPES), CLAMPED, _i % 2);
}
END_TEST

/* Along the slices the spline's sums are cut after 16 increments at least: a slope is off by
 * at most 2 g p^16 / (1 - p) of the largest step, a value by a quarter of that
 * (docs/adr/0002-engine.md). Steps of two million, the worst signs, and none within 13
 * slices, so that float holds what they come to; a cut after 12 would be off by ten times. */
START_TEST(the_spline_along_the_slices_is_cut_within_its_bound)
{
    static const double cube[3] = { 1, 1, 1 };
    const int slices = 97 + _i, middle = 48;
    const double p = 2 - sqrt(3), g = (3 - sqrt(3)) / 2, step = 2e6;
    const double bound = 2 * g * pow(p, 16) / (1 - p) * step / 4;
    IVX_AUTO(subject_free) struct subject *subject = subject_new(1, 1, slices, cube);
    IVX_AUTO(outcome_free) struct outcome outcome = { 0 };
    struct ivx_resample_options options = subject_options(IVX_BSPLINE3);
    options.result = IVX_FLOAT32;
    options.boundary = _i % 2 ? IVX_BOUNDARY_MIRROR : IVX_BOUNDARY_NEAREST;
    for (int k = 0; k < slices; k++)
        if (abs(k - middle) > 13)
            subject->voxel[k] = k % 2 ? 1e6F : -1e6F;

    subject_run(subject, 0.125, &options, &outcome);

    double off = 0, most = 0;
    for (int m = 0; m < outcome.grid.count[2]; m++) {
        const double z = outcome.grid.origin[2] + m * 0.125 - 100;
        if (fabs(z - middle) > 0.5)
            continue;
        const struct verdict truth = oracle_at(subject, &outcome.grid, &options, 0, 0, m);
        off = fmax(off, fabs(outcome_at(&outcome, 0, 0, m) - truth.value));
        most = fmax(most, fabs(truth.value));
    }
    ck_assert_double_gt(most, 10 * bound); /* there is something to be cut */
    ck_assert_msg(off <= bound, "off by %g, at most %g", off, bound);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/oracle");
    TCase *tests = tcase_create("oracle");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, every_voxel_is_what_the_definition_says, 0,
                        IVX_KERNEL_COUNT * SHAPES);
    tcase_add_loop_test(tests, and_so_it_is_with_padding, 0, IVX_KERNEL_COUNT * SHAPES);
    tcase_add_loop_test(tests, with_mirrored_edges_too, 0, IVX_KERNEL_COUNT * SHAPES);
    tcase_add_loop_test(tests, with_the_gaussians_of_other_systems_too, 0,
                        IVX_NEAREST * SHAPES);
    tcase_add_loop_test(tests, the_spline_along_the_slices_is_cut_within_its_bound, 0, 16);
    tcase_add_loop_test(tests, and_limited_to_a_range, 0, IVX_KERNEL_COUNT * SHAPES);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
