/* Reading ahead changes when slices are read, and nothing else. */
#include <check.h>
#include <unistd.h>

#include "../derive/series.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/dicom.h"
#include "parts.h"

enum { PIXELS = SERIES_COLUMNS * SERIES_ROWS };

static void feed_of(const struct series *series, struct ivx_threads **threads,
                    struct ivx_reader **reader, struct ivx_feed **out)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_threads_new(2, threads, &err), "%s", err.text);
    ck_assert_msg(ivx_reader_new(series->volume, reader, &err), "%s", err.text);
    ck_assert_msg(ivx_feed_new(*reader, &series->volume->stack, *threads, out, &err),
                  "%s", err.text);
}

START_TEST(slices_are_those_of_a_plain_reader)
{
    struct ivx_err err = { 0 };
    struct series series;
    series_make(&series, NULL);
    IVX_AUTO(ivx_reader_free) struct ivx_reader *plain = NULL;
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    IVX_AUTO(ivx_feed_free) struct ivx_feed *feed = NULL;
    ck_assert(ivx_reader_new(series.volume, &plain, &err));
    feed_of(&series, &threads, &reader, &feed);

    for (int32_t k = 0; k < SERIES_SLICES; k++) {
        struct ivx_slice one, other;
        ck_assert_msg(ivx_feed_slice(feed, k, &one, &err), "%s", err.text);
        ck_assert(ivx_reader_slice(plain, k, &other, &err));
        ck_assert_int_eq(one.sample, other.sample);
        ck_assert_mem_eq(one.voxel, other.voxel, PIXELS * (one.sample == IVX_INT16 ? 2 : 4));
    }
    ck_assert_msg(ivx_feed_finish(feed, &err), "%s", err.text);
    series_remove(&series);
}
END_TEST

/* HU are 10 k + i: what is counted does not depend on what the engine wanted. */
START_TEST(slices_that_the_engine_does_not_want_are_reported_too)
{
    struct ivx_err err = { 0 };
    struct series series;
    series_make(&series, NULL);
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    IVX_AUTO(ivx_feed_free) struct ivx_feed *feed = NULL;
    feed_of(&series, &threads, &reader, &feed);
    struct ivx_slice slice;
    for (int32_t k = 0; k < _i; k++)
        ck_assert(ivx_feed_slice(feed, k, &slice, &err));

    ck_assert(ivx_feed_finish(feed, &err));

    struct ivx_reader_report report;
    ivx_reader_report(reader, &report);
    ck_assert_double_eq(report.least, 0);
    ck_assert_double_eq(report.most, 10 * (SERIES_SLICES - 1) + SERIES_COLUMNS - 1);
    series_remove(&series);
}
END_TEST

START_TEST(a_slice_that_cannot_be_read_fails_when_it_is_asked_for)
{
    struct ivx_err err = { 0 };
    struct series series;
    series_make(&series, NULL);
    ck_assert_int_eq(truncate(series.volume->slices[3]->path, 200), 0);
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    IVX_AUTO(ivx_feed_free) struct ivx_feed *feed = NULL;
    feed_of(&series, &threads, &reader, &feed);

    struct ivx_slice slice;
    for (int32_t k = 0; k < 3; k++)
        ck_assert_msg(ivx_feed_slice(feed, k, &slice, &err), "%s", err.text);
    ck_assert(!ivx_feed_slice(feed, 3, &slice, &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);
    struct ivx_err again = { 0 };
    ck_assert(!ivx_feed_finish(feed, &again));
    ck_assert_str_eq(again.text, err.text);
    series_remove(&series);
}
END_TEST

START_TEST(what_nobody_asks_for_any_more_ends)
{
    struct ivx_err err = { 0 };
    struct series series;
    series_make(&series, NULL);
    for (int wanted = 0; wanted < 3; wanted++) {
        IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
        IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
        IVX_AUTO(ivx_feed_free) struct ivx_feed *feed = NULL;
        feed_of(&series, &threads, &reader, &feed);
        struct ivx_slice slice;
        for (int32_t k = 0; k < wanted; k++)
            ck_assert(ivx_feed_slice(feed, k, &slice, &err));
    }
    series_remove(&series);
}
END_TEST

int main(void)
{
    ivx_dicom_start();
    Suite *suite = suite_create("feed");
    TCase *tests = tcase_create("feed");
    tcase_add_test(tests, slices_are_those_of_a_plain_reader);
    tcase_add_loop_test(tests, slices_that_the_engine_does_not_want_are_reported_too, 0,
                        SERIES_SLICES);
    tcase_add_test(tests, a_slice_that_cannot_be_read_fails_when_it_is_asked_for);
    tcase_add_test(tests, what_nobody_asks_for_any_more_ends);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
