/* How the reader treats files, whatever their words mean (test_values). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "series.h"

START_TEST(a_lost_file_is_an_error_and_not_a_black_slice)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    ck_assert(ivx_reader_new(series_only(assembly), &reader, &err));
    struct ivx_slice slice;
    ck_assert(ivx_reader_slice(reader, 0, &slice, &err));
    ck_assert_int_eq(ftruncate(series.fd, (off_t)series.all[2]->pixel_offset + 5), 0);

    ck_assert(!ivx_reader_slice(reader, 2, &slice, &err));

    ck_assert_int_eq(err.code, IVX_DAMAGED);
}
END_TEST

struct shown {
    const struct series *series;
    int count;
};

static void compare_shown(void *context, int32_t k, const uint8_t *bytes, size_t length)
{
    struct shown *shown = context;
    const struct ivx_instance *slice = shown->series->all[k];
    uint8_t stored[4096];
    struct ivx_err err = { 0 };
    ck_assert_uint_eq(length, slice->pixel_length);
    ck_assert(length <= sizeof stored
              && ivx_fd_pread(shown->series->fd, stored, length,
                              slice->blob.offset + slice->pixel_offset, "series", &err));
    ck_assert_int_eq(memcmp(bytes, stored, length), 0);
    shown->count++;
}

/* With a byte more than its pixels take, Pixel Data was not read in one piece. */
START_TEST(who_watches_is_shown_pixel_data_as_it_is)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    series.all[3]->pixel_length++;
    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    struct shown shown = { .series = &series };
    struct ivx_slice slice;
    ck_assert(ivx_reader_new(series_only(assembly), &reader, &err));
    ivx_reader_watch(reader, compare_shown, &shown);

    for (int k = 0; k < 4; k++)
        ck_assert_msg(ivx_reader_slice(reader, k, &slice, &err), "%s", err.text);

    ck_assert_int_eq(shown.count, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader");
    TCase *tests = tcase_create("reader");
    tcase_add_test(tests, a_lost_file_is_an_error_and_not_a_black_slice);
    tcase_add_test(tests, who_watches_is_shown_pixel_data_as_it_is);
    suite_add_tcase(suite, tests);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
