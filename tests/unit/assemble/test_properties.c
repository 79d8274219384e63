/* What must hold for every series, tried on thousands of random ones. ISOVOX_SEED repeats a
 * run that failed. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "series.h"

#define SET(field, ...) snprintf(field, sizeof field, __VA_ARGS__)
enum { ROUNDS = 1500 };

static uint64_t seed(void)
{
    long long given = 0;
    const char *text = getenv("ISOVOX_SEED");
    if (text == NULL || !ivx_text_to_int64(text, &given) || given == 0)
        given = 20260101;
    printf("properties: ISOVOX_SEED=%lld\n", given);
    return (uint64_t)given;
}

/* A rotation from a random unit quaternion; sometimes one of the three usual planes. */
static void random_axes(uint64_t *state, double row[3], double column[3])
{
    static const double planes[3][6] = {
        { 1, 0, 0, 0, 1, 0 }, { 1, 0, 0, 0, 0, -1 }, { 0, 1, 0, 0, 0, -1 },
    };
    if (next_random(state) % 2 == 0) {
        const double *plane = planes[next_random(state) % 3];
        memcpy(row, plane, 3 * sizeof *row);
        memcpy(column, plane + 3, 3 * sizeof *column);
    } else {
        double q[4], sum = 0;
        for (int n = 0; n < 4; n++) {
            q[n] = random_between(state, -1, 1);
            sum += q[n] * q[n];
        }
        for (int n = 0; n < 4; n++)
            q[n] /= sqrt(sum);
        row[0] = 1 - 2 * (q[2] * q[2] + q[3] * q[3]);
        row[1] = 2 * (q[1] * q[2] + q[3] * q[0]);
        row[2] = 2 * (q[1] * q[3] - q[2] * q[0]);
        column[0] = 2 * (q[1] * q[2] - q[3] * q[0]);
        column[1] = 1 - 2 * (q[1] * q[1] + q[3] * q[3]);
        column[2] = 2 * (q[2] * q[3] + q[1] * q[0]);
    }
    if (next_random(state) % 3 == 0) /* rows from posterior to anterior: the normal turns */
        for (int n = 0; n < 3; n++)
            column[n] = -column[n];
}

/* As a decimal string of 16 characters would hold it. */
static double rounded(double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.6f", value);
    return strtod(text, NULL);
}

struct shape {
    double row[3], column[3], normal[3], origin[3], spacing[2];
    double step, uneven, tilt_row, tilt_column, jitter;
    int count;
};

static struct shape random_shape(uint64_t *state)
{
    struct shape made = { .count = 5 + (int)(next_random(state) % 30) };
    random_axes(state, made.row, made.column);
    for (int n = 0; n < 3; n++) {
        const int a = (n + 1) % 3, b = (n + 2) % 3;
        made.normal[n] = made.row[a] * made.column[b] - made.row[b] * made.column[a];
        made.origin[n] = random_between(state, -500, 500);
    }
    made.spacing[0] = random_between(state, 0.2, 1.5);
    made.spacing[1] = random_between(state, 0.2, 1.5);
    made.step = random_between(state, 0.5, 6);
    made.uneven = next_random(state) % 2 == 0 ? 0 : random_between(state, 0, 0.1);
    if (next_random(state) % 2 == 0)
        made.tilt_column = tan(random_between(state, -0.5, 0.5));
    if (next_random(state) % 4 == 0)
        made.tilt_row = tan(random_between(state, -0.2, 0.2));
    made.jitter = next_random(state) % 2 == 0 ? 0 : 0.02;
    return made;
}

static void place(struct series *series, const struct shape *shape, uint64_t *state)
{
    double t = 0;
    for (int k = 0; k < shape->count; k++) {
        struct ivx_instance *slice = series->all[k];
        const double across = shape->tilt_row * t
                              + random_between(state, -shape->jitter, shape->jitter);
        const double down = shape->tilt_column * t
                            + random_between(state, -shape->jitter, shape->jitter);
        for (int n = 0; n < 3; n++) {
            slice->position[n] = rounded(shape->origin[n] + across * shape->row[n]
                                         + down * shape->column[n] + t * shape->normal[n]);
            slice->orientation[n] = rounded(shape->row[n]);
            slice->orientation[3 + n] = rounded(shape->column[n]);
        }
        slice->spacing[0] = shape->spacing[0];
        slice->spacing[1] = shape->spacing[1];
        slice->thickness = 0.8 * shape->step;
        t += shape->step * (1 + random_between(state, -0.5, 1) * shape->uneven);
    }
}

static void random_series(struct series *series, uint64_t *state)
{
    const struct shape shape = random_shape(state);
    series_start(series, shape.count, 1);
    place(series, &shape, state);
}

/* Where the volume says a pixel is, against where its own header says it is. */
static double worst_pixel(const struct ivx_source_volume *volume)
{
    const struct ivx_stack *s = &volume->stack;
    double worst = 0;
    for (int k = 0; k < s->slices; k++)
        for (int corner = 0; corner < 4; corner++) {
            const struct ivx_instance *own = volume->slices[k];
            const double i = corner & 1 ? 511 : 0, j = corner & 2 ? 511 : 0;
            double off = 0;
            for (int n = 0; n < 3; n++) {
                const double here =
                    s->origin[n] + (s->shift_row[k] + i * s->column_spacing) * s->row[n]
                    + (s->shift_column[k] + j * s->row_spacing) * s->column[n]
                    + (s->t[k] - s->t[0]) * s->normal[n];
                const double there = own->position[n] + own->orientation[n] * own->spacing[1] * i
                                     + own->orientation[3 + n] * own->spacing[0] * j;
                off += (here - there) * (here - there);
            }
            worst = fmax(worst, sqrt(off));
        }
    return worst;
}

/* The one volume, of every image, each where it says. */
static const struct ivx_source_volume *only_whole(const struct series *series,
                                                  const struct ivx_assembly *assembly,
                                                  int round)
{
    const struct ivx_source_volume *volume = series_only(assembly);
    const double worst = worst_pixel(volume);
    ck_assert_int_eq(volume->stack.slices, series->count);
    /* 1e-3: shifts up to there are taken for rounding; the rest: cosines of six digits
     * over 512 pixels of up to 1.5 mm. */
    ck_assert_msg(worst < 4e-3, "round %d: %g mm", round, worst);
    return volume;
}

START_TEST(every_pixel_lies_where_its_header_says)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

        const struct ivx_source_volume *volume = only_whole(&series, assembly, round);
        for (int k = 1; k < volume->stack.slices; k++)
            ck_assert_double_gt(volume->stack.t[k], volume->stack.t[k - 1]);
    }
}
END_TEST

START_TEST(the_order_of_arrival_changes_nothing)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        if (round % 3 == 0)
            series_remove(&series, (int)(next_random(&state) % (uint64_t)series.count));
        if (round % 5 == 0)
            series_add(&series, (int)(next_random(&state) % (uint64_t)series.count));
        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *before = series_decide(&series);
        IVX_AUTO(ivx_memory_free) char *expected = series_text(before, true);

        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *after = series_decide(&series);
        IVX_AUTO(ivx_memory_free) char *found = series_text(after, true);
        ck_assert_str_eq(found, expected);
    }
}
END_TEST

START_TEST(uids_and_instance_numbers_change_nothing)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *before = series_decide(&series);
        IVX_AUTO(ivx_memory_free) char *expected = series_text(before, false);

        for (int n = 0; n < series.count; n++) {
            series.all[n]->instance_number = (int64_t)(next_random(&state) % 1000);
            SET(series.all[n]->sop_uid, "2.25.%llu.%d",
                (unsigned long long)next_random(&state), n);
        }
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *after = series_decide(&series);
        IVX_AUTO(ivx_memory_free) char *found = series_text(after, false);
        ck_assert_str_eq(found, expected);
    }
}
END_TEST

static void drop_line(char *text, const char *with)
{
    char *at = strstr(text, with);
    ck_assert_ptr_nonnull(at);
    const char *end = strchr(at, '\n') + 1;
    memmove(at, end, strlen(end) + 1);
}

START_TEST(sending_again_changes_nothing)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *before = series_decide(&series);
        IVX_AUTO(ivx_memory_free) char *expected = series_text(before, false);

        const int sent = series.count;
        for (uint64_t n = 0; n <= next_random(&state) % 4; n++) {
            struct ivx_instance *again =
                series_resend(&series, (int)(next_random(&state) % (uint64_t)sent));
            if (round % 2 == 0) /* as a new instance with old contents */
                SET(again->sop_uid, "2.25.77.%d", (int)n);
        }
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *after = series_decide(&series);
        IVX_AUTO(ivx_memory_free) char *found = series_text(after, false);
        drop_line(found, "DUPLICATES_DROPPED");
        ck_assert_str_eq(found, expected);
    }
}
END_TEST

/* In the middle it is a hole; at the end nobody can know, and nothing else moves. */
START_TEST(a_removed_slice_is_missed_and_moves_nothing)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *whole = series_decide(&series);
        const struct ivx_stack *all = &series_only(whole)->stack;
        IVX_AUTO(ivx_memory_free) double *t = calloc((size_t)all->slices, sizeof *t);
        memcpy(t, all->t, (size_t)all->slices * sizeof *t);
        const int last = series.count - 1;
        const int removed = round % 2 == 0 ? last
                                           : 1 + (int)(next_random(&state) % (uint64_t)(last - 1));
        const struct ivx_instance *gone = series_only(whole)->slices[removed];
        for (int n = 0; n <= last; n++)
            if (series.all[n] == gone) {
                series_remove(&series, n);
                break;
            }

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *thin = series_decide(&series);

        ck_assert_int_eq(ivx_assembly_has_hole(thin), removed != last);
        if (removed != last)
            series_refused(thin, IVX_REASON_GAP);
        else
            for (int k = 0; k < last; k++)
                ck_assert_double_eq(series_only(thin)->stack.t[k], t[k]);
    }
}
END_TEST

START_TEST(interleaved_phases_come_out_whole)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS / 3; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        const int slices = series.count, phases = 2 + (int)(next_random(&state) % 3);
        for (int phase = 1; phase < phases; phase++)
            for (int n = 0; n < slices; n++)
                SET(series_add(&series, n)->temporal, "%d", phase);
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

        ck_assert_int_eq(ivx_assembly_refusals(assembly), 0);
        ck_assert_int_eq(ivx_assembly_volumes(assembly), phases);
        for (int phase = 0; phase < phases; phase++) {
            const struct ivx_source_volume *volume = ivx_assembly_volume(assembly, phase);
            ck_assert_int_eq(volume->stack.slices, slices);
            ck_assert_mem_eq(volume->stack.t, ivx_assembly_volume(assembly, 0)->stack.t,
                             (size_t)slices * sizeof(double));
            for (int k = 0; k < slices; k++)
                ck_assert_str_eq(volume->slices[k]->temporal, volume->slices[0]->temporal);
        }
    }
}
END_TEST

/* A head on an old scanner: blocks of thin and thick slices, any step between, tilted. */
static void place_blocks(struct series *series, const struct shape *shape, uint64_t *state)
{
    double t = 0, thickness = 0;
    int left = 0;
    for (int k = 0; k < shape->count; k++) {
        const bool turn = left == 0;
        if (turn) {
            thickness = random_between(state, 1, 8);
            left = 6 + (int)(next_random(state) % 10);
        }
        if (k > 0)
            t += turn ? random_between(state, 0.3, 1.2) * thickness : thickness;
        struct ivx_instance *slice = series->all[k];
        for (int n = 0; n < 3; n++)
            slice->position[n] = rounded(shape->origin[n]
                                         + shape->tilt_column * t * shape->column[n]
                                         + t * shape->normal[n]);
        for (int n = 0; n < 3; n++) {
            slice->orientation[n] = rounded(shape->row[n]);
            slice->orientation[3 + n] = rounded(shape->column[n]);
        }
        slice->thickness = thickness;
        left--;
    }
}

START_TEST(blocks_of_other_thickness_are_taken_as_they_are)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        struct shape shape = random_shape(&state);
        shape.count += 12;
        series_start(&series, shape.count, 1);
        place_blocks(&series, &shape, &state);
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

        only_whole(&series, assembly, round);
    }
}
END_TEST

/* Beside the line of the others: never part of a volume, wherever it stands. */
START_TEST(a_slice_pushed_aside_is_refused)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        const int which = 1 + (int)(next_random(&state) % (uint64_t)(series.count - 2));
        struct ivx_instance *slice = series.all[which];
        const double far = random_between(&state, 6, 50);
        const int axis = next_random(&state) % 2 == 0 ? 0 : 3;
        for (int n = 0; n < 3; n++)
            slice->position[n] += far * slice->orientation[axis + n];
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

        series_refused(assembly, IVX_REASON_OFF_LINE);
    }
}
END_TEST

START_TEST(images_side_by_side_at_one_height_are_refused)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        const int which = (int)(next_random(&state) % (uint64_t)series.count);
        struct ivx_instance *again = series_add(&series, which);
        const double far = random_between(&state, 0.05, 50);
        for (int n = 0; n < 3; n++)
            again->position[n] += far * again->orientation[n];
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

        series_refused(assembly, IVX_REASON_IN_PLANE_SHIFT);
    }
}
END_TEST

/* The route allows it: the slices on both sides stay where they are. */
START_TEST(a_bridged_hole_moves_nothing)
{
    const struct ivx_assemble_options bridge = {
        .gap = IVX_GAP_INTERPOLATE, .series_complete = true,
    };
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        const int middle = 1 + (int)(next_random(&state) % (uint64_t)(series.count - 2));
        series_remove(&series, middle);
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly =
            series_assemble(&series, &bridge);

        ck_assert(ivx_assembly_has_hole(assembly));
        const struct ivx_source_volume *volume = only_whole(&series, assembly, round);
        ck_assert(series_warned(volume, IVX_REASON_GAP_INTERPOLATED));
    }
}
END_TEST

START_TEST(scouts_and_reports_change_nothing)
{
    uint64_t state = seed();
    for (int round = 0; round < ROUNDS; round++) {
        IVX_AUTO(series_free) struct series series;
        random_series(&series, &state);
        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *before = series_decide(&series);
        const struct ivx_stack *alone = &series_only(before)->stack;

        for (uint64_t n = 0; n <= next_random(&state) % 3; n++) {
            struct ivx_instance *other = series_add(&series, (int)n);
            if (next_random(&state) % 2 == 0)
                SET(other->image_type, "ORIGINAL\\PRIMARY\\LOCALIZER");
            else
                SET(other->sop_class, "1.2.840.10008.5.1.4.1.1.88.67");
        }
        series_shuffle(&series, &state);

        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *after = series_decide(&series);
        const struct ivx_source_volume *volume = series_only(after);
        ck_assert_int_eq(volume->stack.slices, alone->slices);
        ck_assert_mem_eq(volume->stack.t, alone->t, (size_t)alone->slices * sizeof(double));
        ck_assert(series_warned(volume, IVX_REASON_SLICES_PASSED_OVER));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("properties");
    TCase *properties = tcase_create("properties");
    tcase_set_timeout(properties, 300);
    tcase_add_test(properties, every_pixel_lies_where_its_header_says);
    tcase_add_test(properties, the_order_of_arrival_changes_nothing);
    tcase_add_test(properties, uids_and_instance_numbers_change_nothing);
    tcase_add_test(properties, sending_again_changes_nothing);
    tcase_add_test(properties, a_removed_slice_is_missed_and_moves_nothing);
    tcase_add_test(properties, interleaved_phases_come_out_whole);
    tcase_add_test(properties, blocks_of_other_thickness_are_taken_as_they_are);
    tcase_add_test(properties, a_slice_pushed_aside_is_refused);
    tcase_add_test(properties, images_side_by_side_at_one_height_are_refused);
    tcase_add_test(properties, a_bridged_hole_moves_nothing);
    tcase_add_test(properties, scouts_and_reports_change_nothing);
    suite_add_tcase(suite, properties);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
