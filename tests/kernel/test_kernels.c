/* Every instruction set returns the bits of the base set, at every width, and writes
 * nothing beyond its end. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "mode.h"
#include "point.h"

enum {
    FIELD_SIDE = 9,
    FIELD_SLICES = 6,
    FIELD_PITCH = FIELD_SIDE + IVX_FIELD_LOW + IVX_FIELD_HIGH
};
enum { MOST = 67, GUARD = 16, ROWS = 2 * IVX_REACH + 1, TURNS = 12 };

/* Any bit pattern that is a number: huge, tiny, subnormal, negative zero. */
static float any_float(void)
{
    for (;;) {
        const uint32_t bits = ((uint32_t)rand() << 16) ^ (uint32_t)rand();
        float value;
        memcpy(&value, &bits, sizeof value);
        if (value - value == 0)
            return value;
    }
}

static void any_floats(float *out, size_t count, bool tame)
{
    for (size_t n = 0; n < count; n++)
        out[n] = tame ? (float)(rand() % 4001 - 2000) / 7 : any_float();
}

/* Inputs of one turn, and what two sets made of them. */
struct turn {
    float row[ROWS][MOST], w[ROWS];
    int16_t whole[ROWS][MOST];
    const float *rows[ROWS];
    const int16_t *wholes[ROWS];
    size_t width;
    int32_t count;
};

union result {
    float real[ROWS * MOST + GUARD];
    int16_t whole[MOST + GUARD];
};

typedef void use(const struct ivx_kernels *set, const struct turn *turn,
                 union result *out);

static void use_taps(const struct ivx_kernels *set, const struct turn *t,
                     union result *out)
{
    set->taps(out->real, t->rows, t->w, t->count, t->width);
}

static void use_taps_int16(const struct ivx_kernels *set, const struct turn *t,
                           union result *out)
{
    set->taps_int16(out->real, t->wholes, t->w, t->count, t->width);
}

static void use_add_taps(const struct ivx_kernels *set, const struct turn *t,
                         union result *out)
{
    memcpy(out->real, t->row[ROWS - 1], t->width * sizeof(float));
    set->add_taps(out->real, t->rows, t->w, t->count, t->width);
}

static void use_slopes(const struct ivx_kernels *set, const struct turn *t,
                       union result *out)
{
    set->slopes(out->real, MOST, t->row[0], MOST, t->count, t->width);
}

static void use_slopes_int16(const struct ivx_kernels *set, const struct turn *t,
                             union result *out)
{
    set->slopes_int16(out->real, MOST, t->whole[0], MOST, t->count, t->width);
}

/* ROWS = 2 * IVX_REACH + 1 rows: one slope. */
static void use_slope_even(const struct ivx_kernels *set, const struct turn *t,
                           union result *out)
{
    float *const to[1] = { out->real };
    set->slope_even(to, t->rows, 1, t->width);
}

static void use_slope_odd(const struct ivx_kernels *set, const struct turn *t,
                          union result *out)
{
    set->slope_odd(out->real, t->rows, t->w, t->width);
}

static void use_lanes(const struct ivx_kernels *set, const struct turn *t,
                      union result *out)
{
    static float lanes[IVX_LANES * MOST];
    set->to_lanes(lanes, t->row[0], MOST, t->width);
    for (size_t x = 0; x < t->width; x++)
        for (size_t l = 0; l < IVX_LANES; l++)
            ck_assert(memcmp(&lanes[x * IVX_LANES + l], &t->row[l][x], sizeof(float))
                      == 0);
    set->from_lanes(out->real, MOST, lanes, t->width);
}

static void use_round(const struct ivx_kernels *set, const struct turn *t,
                      union result *out)
{
    const uint64_t outside = set->round(out->whole, t->row[0], t->width);
    uint64_t counted = 0;
    for (size_t x = 0; x < t->width; x++)
        counted += t->row[0][x] < -32768 || t->row[0][x] > 32767;
    ck_assert_uint_eq(outside, counted);
}

/* Whatever the weights: two values and two slopes. */
static void use_round_spline(const struct ivx_kernels *set, const struct turn *t,
                             union result *out)
{
    const uint64_t outside =
        set->round_spline(out->whole, t->rows, t->w, t->rows + 2, t->w + 2, t->width);
    for (size_t x = 0; x < t->width && outside == 0; x++)
        ck_assert(out->whole[x] >= INT16_MIN && out->whole[x] <= INT16_MAX);
}

/* What one place has by itself: point.h. */
static float value_alone(const struct ivx_points *points, int i)
{
    const struct ivx_field field = {
        FIELD_SIDE,
        FIELD_SIDE,
        FIELD_SLICES,
        points->pitch,
        points->plane,
        (float *)points->value - IVX_FIELD_LOW * (points->pitch + 1),
        (float *)points->slope - IVX_FIELD_LOW * (points->pitch + 1),
        false
    };
    const bool spline = points->kernel == IVX_BSPLINE3;
    struct ivx_point_axis x, y;
    struct ivx_point_planes z;
    ivx_point_axis(points->kernel, spline, points->u[0][i], NULL, &x);
    ivx_point_axis(points->kernel, spline, points->u[1][i], NULL, &y);
    ivx_point_planes(&field, points->kernel, spline, points->u[2][i], 1, NULL, &z);
    return ivx_point_value(&field, &x, &y, &z);
}

static void use_points(const struct ivx_kernels *set, const struct turn *t,
                       union result *out)
{
    static const enum ivx_kernel kernels[] = { IVX_BSPLINE3, IVX_LINEAR,
                                               IVX_CATMULL_ROM };
    static float values[FIELD_SLICES * FIELD_PITCH * FIELD_PITCH];
    static float slopes[FIELD_SLICES * FIELD_PITCH * FIELD_PITCH];
    const size_t corner = IVX_FIELD_LOW * (FIELD_PITCH + 1);
    struct ivx_points points = { .kernel = kernels[t->count % 3],
                                 .value = values + corner,
                                 .slope = slopes + corner,
                                 .pitch = FIELD_PITCH,
                                 .plane = FIELD_PITCH * FIELD_PITCH };
    const int count = t->width < IVX_POINTS ? (int)t->width : IVX_POINTS;
    for (int n = 0; n < FIELD_SLICES * FIELD_PITCH * FIELD_PITCH; n++) {
        values[n] = (float)t->whole[n % ROWS][n % MOST];
        slopes[n] = (float)t->whole[n % 7][n % 31];
    }
    set->places(points.u[0], -0.5, 0.37, 0, 3.1, count);
    set->places(points.u[1], 17.2, -0.21, 1, 2.2, count);
    set->places(points.u[2], 4.01, 0.11, 2, 3.3, count); /* 1 to 4 */
    set->points(out->real, &points, count);
    for (int i = 0; i < count; i++) {
        const float alone = value_alone(&points, i);
        ck_assert(memcmp(&alone, &out->real[i], sizeof alone) == 0);
    }
}

static void use_share(const struct ivx_kernels *set, const struct turn *t,
                      union result *out)
{
    memcpy(out->real, t->row[0], t->width * sizeof(float));
    const uint64_t missing = set->share(out->real, t->row[1], -1024, t->width);
    uint64_t counted = 0;
    for (size_t x = 0; x < t->width; x++)
        counted += !(t->row[1][x] >= 0.5f);
    ck_assert_uint_eq(missing, counted);
}

static const struct {
    const char *name;
    use *use;
} loops[] = {
    { "taps", use_taps },
    { "taps_int16", use_taps_int16 },
    { "add_taps", use_add_taps },
    { "slopes", use_slopes },
    { "slopes_int16", use_slopes_int16 },
    { "slope_even", use_slope_even },
    { "slope_odd", use_slope_odd },
    { "lanes", use_lanes },
    { "round", use_round },
    { "round_spline", use_round_spline },
    { "share", use_share },
    { "points", use_points },
};

static void new_turn(struct turn *turn, size_t width, int n)
{
    any_floats(turn->row[0], ROWS * MOST, n % 2);
    any_floats(turn->w, ROWS, true);
    for (int r = 0; r < ROWS; r++) {
        turn->rows[r] = turn->row[r];
        turn->wholes[r] = turn->whole[r];
        for (int x = 0; x < MOST; x++)
            turn->whole[r][x] = (int16_t)rand();
    }
    turn->width = width;
    turn->count = 1 + n % 12;
}

/* NaN made of infinities may have either sign; all else is compared bit by bit. */
static void forget_nans(union result *result)
{
    for (size_t n = 0; n < ROWS * MOST; n++)
        if (result->real[n] != result->real[n])
            result->real[n] = 0;
}

static bool is_whole(use *loop)
{
    return loop == use_round || loop == use_round_spline;
}

static void compare(const struct ivx_kernels *subject, size_t loop, bool real)
{
    static struct turn turn;
    static union result expect, actual;

    for (size_t width = 0; width <= MOST; width++)
        for (int n = 0; n < TURNS; n++) {
            new_turn(&turn, width, n);
            memset(&expect, 0x5a, sizeof expect);
            memset(&actual, 0x5a, sizeof actual);
            const uint64_t mode = ivx_mode_enter();
            loops[loop].use(&ivx_kernels_base, &turn, &expect);
            loops[loop].use(subject, &turn, &actual);
            ivx_mode_leave(mode);
            if (real) {
                forget_nans(&expect);
                forget_nans(&actual);
            }
            ck_assert_msg(memcmp(&expect, &actual, sizeof expect) == 0,
                          "%s, %s: width %zu", subject->name, loops[loop].name, width);
        }
}

START_TEST(every_set_returns_the_same_bits)
{
    static const char *const sets[] = { "base", "avx2", "avx512" };
    const int count = (int)(sizeof loops / sizeof *loops);
    const struct ivx_kernels *subject = ivx_kernels_pick(sets[_i / count]);
    if (subject == NULL)
        return;
    compare(subject, (size_t)(_i % count), !is_whole(loops[_i % count].use));
}
END_TEST

/* The one order of additions: from both ends inwards, a middle tap last. */
START_TEST(taps_are_added_from_both_ends_inwards)
{
    static const char *const sets[] = { "base", "avx2", "avx512" };
    static struct turn turn;
    const struct ivx_kernels *subject = ivx_kernels_pick(sets[_i]);
    float out[MOST];

    for (int n = 0; subject != NULL && n < 50; n++) {
        new_turn(&turn, MOST, 1 + 2 * n);
        turn.count = 1 + n % 15;
        subject->taps(out, turn.rows, turn.w, turn.count, MOST);
        for (int x = 0; x < MOST; x++) {
            const int last = turn.count - 1;
            float sum = 0;
            for (int a = 0; a < turn.count / 2; a++) {
                const float here = turn.w[a] * turn.row[a][x];
                const float there = turn.w[last - a] * turn.row[last - a][x];
                sum = a == 0 ? here + there : sum + (here + there);
            }
            if (turn.count == 1)
                sum = turn.w[0] * turn.row[0][x];
            else if (turn.count % 2)
                sum = sum + turn.w[last / 2] * turn.row[last / 2][x];
            ck_assert_msg(sum == out[x], "%d taps: %.9g, not %.9g", turn.count, out[x],
                          sum);
        }
    }
}
END_TEST

START_TEST(the_choice_can_be_forced)
{
    ck_assert_str_eq(ivx_kernels_pick("base")->name, "base");
    ck_assert_ptr_eq(ivx_kernels_pick("auto"), ivx_kernels_pick(NULL));
    ck_assert_ptr_null(ivx_kernels_pick("z80"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/kernel");
    TCase *tests = tcase_create("kernel");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, every_set_returns_the_same_bits, 0,
                        3 * (int)(sizeof loops / sizeof *loops));
    tcase_add_loop_test(tests, taps_are_added_from_both_ends_inwards, 0, 3);
    tcase_add_test(tests, the_choice_can_be_forced);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
