#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dataset.h"
#include "isovox/dicom/dicom.h"

enum {
    SOP_CLASS = 0x00080016,
    SOP_UID = 0x00080018,
    DESCRIPTION = 0x0008103e,
    SOURCES = 0x00082112,
    REFERENCED_UID = 0x00081155,
    SAMPLES = 0x00280002,
    ROWS = 0x00280010,
    PADDING = 0x00280120,
    POSITION = 0x00200032
};

static char path[64];

static void make_path(void)
{
    snprintf(path, sizeof path, "/tmp/isovox-dataset-XXXXXX");
    const int fd = mkstemp(path);
    ck_assert_int_ne(fd, -1);
    close(fd);
}

static void remove_path(void)
{
    unlink(path);
}

static struct ivx_dataset *small(void)
{
    struct ivx_err err = { 0 };
    struct ivx_dataset *made = NULL;
    ck_assert_msg(ivx_dataset_new(&made, &err), "%s", err.text);
    struct ivx_item *root = ivx_dataset_root(made);
    ck_assert(ivx_item_put_text(root, SOP_CLASS, "1.2.840.10008.5.1.4.1.1.2", &err));
    ck_assert(ivx_item_put_text(root, SOP_UID, "2.25.7", &err));
    ck_assert(ivx_item_put_text(root, POSITION, "1.5\\-2\\3", &err));
    ck_assert(ivx_item_put_u16(root, ROWS, 2, &err));
    struct ivx_item *item = NULL;
    ck_assert(ivx_item_append(root, SOURCES, &item, &err));
    ck_assert(ivx_item_put_text(item, REFERENCED_UID, "2.25.8", &err));
    return made;
}

static size_t write_to(const char *to, struct ivx_dataset *dataset,
                       const uint16_t *pixels, size_t count, bool implicit)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_fd_close) int fd = open(to, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    const bool done = implicit
                          ? ivx_dataset_write_implicit(dataset, pixels, count, fd, &err)
                          : ivx_dataset_write(dataset, pixels, count, fd, &err);
    ck_assert_msg(done, "%s", err.text);
    struct stat about;
    ck_assert_int_eq(fstat(fd, &about), 0);
    return (size_t)about.st_size;
}

static const uint16_t four[4] = { 1, 2, 3, 0xfffe };

/* PS3.10 7.1 and PS3.5 7.1, by hand. */
static const uint8_t expected_start[] = {
    'D',  'I', 'C', 'M', 0x02, 0,   0,   0,   'U', 'L', 4,   0,   160, 0,   0,    0,
    0x02, 0,   1,   0,   'O',  'B', 0,   0,   2,   0,   0,   0,   0,   1,   0x02, 0,
    2,    0,   'U', 'I', 26,   0,   '1', '.', '2', '.', '8', '4', '0', '.', '1',  '0',
    '0',  '0', '8', '.', '5',  '.', '1', '.', '4', '.', '1', '.', '1', '.', '2',  0,
    0x02, 0,   3,   0,   'U',  'I', 6,   0,   '2', '.', '2', '5', '.', '7',
};
static const uint8_t expected_end[] = { 0xe0, 0x7f, 0x10, 0, 'O', 'W', 0, 0, 8,    0,
                                        0,    0,    1,    0, 2,   0,   3, 0, 0xfe, 0xff };

START_TEST(an_object_is_written_as_part_10_says)
{
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    const size_t length = write_to(path, dataset, four, 4, false);

    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    const struct ivx_blob blob = { path, 0, length };
    ck_assert(ivx_blob_read(&blob, &bytes, &err));
    for (int n = 0; n < 128; n++)
        ck_assert_int_eq(bytes[n], 0);
    ck_assert_mem_eq(bytes + 128, expected_start, sizeof expected_start);
    ck_assert_mem_eq(bytes + length - sizeof expected_end, expected_end,
                     sizeof expected_end);
}
END_TEST

START_TEST(what_was_put_is_read_back)
{
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    const size_t length = write_to(path, dataset, four, 4, _i == 1);

    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = NULL;
    const struct ivx_blob blob = { path, 0, length };
    ck_assert_msg(ivx_dataset_load_header(&blob, &back, &err), "%s", err.text);

    struct ivx_item *root = ivx_dataset_root(back);
    const char *text = NULL;
    uint16_t rows = 0;
    ck_assert(ivx_item_text(root, POSITION, &text));
    ck_assert_str_eq(text, "1.5\\-2\\3");
    ck_assert(ivx_item_u16(root, ROWS, &rows));
    ck_assert_int_eq(rows, 2);
    ck_assert(ivx_item_text(root, SOP_UID, &text));
    ck_assert_str_eq(text, "2.25.7");
    ck_assert_uint_eq(ivx_item_count(root, SOURCES), 1);
    ck_assert(ivx_item_text(ivx_item_at(root, SOURCES, 0), REFERENCED_UID, &text));
    ck_assert_str_eq(text, "2.25.8");
    ck_assert(!ivx_item_has(root, 0x7fe00010));
    ck_assert(!ivx_item_text(root, DESCRIPTION, &text));
}
END_TEST

/* What one instance changes: the first and the last element of all, a sequence, one that comes
 * (k = 2), one that goes. */
static void change(struct ivx_dataset *dataset, int k)
{
    struct ivx_err err = { 0 };
    struct ivx_item *root = ivx_dataset_root(dataset), *item = NULL;
    char uid[32];
    snprintf(uid, sizeof uid, "2.25.%d", 1000 * k + 7);
    ck_assert(ivx_item_put_text(root, SOP_UID, uid, &err));
    ivx_item_remove(root, SOURCES);
    for (int n = 0; n < k; n++)
        ck_assert(ivx_item_append(root, SOURCES, &item, &err)
                  && ivx_item_put_text(item, REFERENCED_UID, uid, &err));
    if (k == 2)
        ck_assert(ivx_item_put_u16(root, SAMPLES, 5, &err));
    else
        ivx_item_remove(root, SAMPLES);
}

static size_t write_whole(int k, struct ivx_dataset *dataset, uint8_t **bytes_out)
{
    struct ivx_err err = { 0 };
    change(dataset, k);
    const struct ivx_blob blob = { path, 0, write_to(path, dataset, four, 4, false) };
    ck_assert(ivx_blob_read(&blob, bytes_out, &err));
    return (size_t)blob.length;
}

START_TEST(what_is_settled_is_written_as_if_it_were_not)
{
    static const uint32_t changing[] = { SAMPLES, SOURCES, SOP_UID };
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *plain = small();
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *settled = small();
    ck_assert_msg(ivx_dataset_settle(settled, changing, IVX_COUNT(changing), &err), "%s",
                  err.text);
    for (int k = 0; k < 4; k++) {
        IVX_AUTO(ivx_memory_free) uint8_t *one = NULL;
        IVX_AUTO(ivx_memory_free) uint8_t *other = NULL;
        const size_t length = write_whole(k, plain, &one);
        ck_assert_uint_eq(write_whole(k, settled, &other), length);
        ck_assert_mem_eq(one, other, length);
    }
}
END_TEST

/* A header longer than one read, at an offset of a file that goes on after it. */
START_TEST(a_blob_inside_a_segment_is_read)
{
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    struct ivx_err err = { 0 };
    for (int n = 0; n < 3000; n++) {
        struct ivx_item *item = NULL;
        ck_assert(ivx_item_append(ivx_dataset_root(dataset), SOURCES, &item, &err));
        ck_assert(
            ivx_item_put_text(item, REFERENCED_UID, "2.25.123456789012345678901", &err));
    }
    const size_t length = write_to(path, dataset, _i == 0 ? four : NULL, 4, false);
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    const struct ivx_blob whole = { path, 0, length };
    ck_assert(ivx_blob_read(&whole, &bytes, &err));
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_WRONLY | O_TRUNC);
    ck_assert(ivx_fd_write(fd, "before", 6, "test", &err));
    ck_assert(ivx_fd_write(fd, bytes, length, "test", &err));
    ck_assert(ivx_fd_write(fd, bytes, length, "test", &err));

    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = NULL;
    const struct ivx_blob inside = { path, 6, length };
    ck_assert_msg(ivx_dataset_load_header(&inside, &back, &err), "%s", err.text);

    ck_assert_uint_eq(ivx_item_count(ivx_dataset_root(back), SOURCES), 3001);
}
END_TEST

START_TEST(a_text_file_is_damaged)
{
    FILE *file = fopen(path, "w");
    for (int n = 0; n < 100; n++)
        fputs("this is not DICOM, not at all, whatever the name may say\n", file);
    fclose(file);

    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = NULL;
    const struct ivx_blob blob = { path, 0, 5700 };
    ck_assert(!ivx_dataset_load_header(&blob, &dataset, &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(a_header_that_is_cut_short_is_damaged)
{
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    const size_t length = write_to(path, dataset, NULL, 0, false);

    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = NULL;
    const struct ivx_blob blob = { path, 0, length - 3 };
    ck_assert(!ivx_dataset_load_header(&blob, &back, &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);
}
END_TEST

START_TEST(what_differs_is_told_apart)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *copy = small();
    ck_assert(ivx_item_same(ivx_dataset_root(dataset), ivx_dataset_root(copy), SOURCES));

    struct ivx_item *inner = ivx_item_at(ivx_dataset_root(copy), SOURCES, 0);
    ck_assert(ivx_item_put_text(inner, REFERENCED_UID, "2.25.9", &err));
    ivx_item_remove(ivx_dataset_root(copy), ROWS);

    ck_assert(!ivx_item_same(ivx_dataset_root(dataset), ivx_dataset_root(copy), SOURCES));
    ck_assert(!ivx_item_same(ivx_dataset_root(dataset), ivx_dataset_root(copy), ROWS));
    ck_assert(
        ivx_item_same(ivx_dataset_root(dataset), ivx_dataset_root(copy), DESCRIPTION));
}
END_TEST

START_TEST(an_ambiguous_vr_takes_the_sign_that_was_meant)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    ck_assert(ivx_item_put_s16(ivx_dataset_root(dataset), PADDING, -2000, &err));
    const size_t length = write_to(path, dataset, four, 4, false);

    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    const struct ivx_blob blob = { path, 0, length };
    ck_assert(ivx_blob_read(&blob, &bytes, &err));
    static const uint8_t wanted[] = { 0x28, 0, 0x20, 1, 'S', 'S', 2, 0, 0x30, 0xf8 };
    ck_assert_ptr_nonnull(memmem(bytes, length, wanted, sizeof wanted));
}
END_TEST

START_TEST(a_private_element_keeps_its_vr)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    struct ivx_item *root = ivx_dataset_root(dataset);
    ck_assert(ivx_item_put_text_as(root, 0x00990010, "LO", "ISOVOX 1.0", &err));
    ck_assert_msg(ivx_item_put_text_as(root, 0x00991001, "UT", "{}", &err), "%s",
                  err.text);
    const size_t length = write_to(path, dataset, four, 4, false);

    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    const struct ivx_blob blob = { path, 0, length };
    ck_assert(ivx_blob_read(&blob, &bytes, &err));
    static const uint8_t wanted[] = { 0x99, 0, 1, 0x10, 'U', 'T', 0,
                                      0,    2, 0, 0,    0,   '{', '}' };
    ck_assert_ptr_nonnull(memmem(bytes, length, wanted, sizeof wanted));
}
END_TEST

static bool is_group_8(void *context, uint32_t tag)
{
    ++*(int *)context;
    return tag >> 16 == 8;
}

START_TEST(a_filter_removes_what_it_answers_for)
{
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    int asked = 0;

    ivx_item_remove_if(ivx_dataset_root(dataset), is_group_8, &asked);

    ck_assert_int_eq(asked, 5);
    ck_assert(!ivx_item_has(ivx_dataset_root(dataset), SOURCES));
    ck_assert(ivx_item_has(ivx_dataset_root(dataset), POSITION));
}
END_TEST

START_TEST(an_object_without_a_uid_is_not_written)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *dataset = small();
    ivx_item_remove(ivx_dataset_root(dataset), SOP_UID);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_WRONLY);
    ck_assert(!ivx_dataset_write(dataset, four, 4, fd, &err));
    ck_assert_str_eq(err.text, "dicom: write: no SOP Class or Instance UID");
}
END_TEST

int main(void)
{
    ivx_dicom_start();
    Suite *suite = suite_create("dataset");
    TCase *tests = tcase_create("dataset");
    tcase_add_checked_fixture(tests, make_path, remove_path);
    tcase_add_test(tests, an_object_is_written_as_part_10_says);
    tcase_add_loop_test(tests, what_was_put_is_read_back, 0, 2);
    tcase_add_loop_test(tests, a_blob_inside_a_segment_is_read, 0, 2);
    tcase_add_test(tests, a_text_file_is_damaged);
    tcase_add_test(tests, a_header_that_is_cut_short_is_damaged);
    tcase_add_test(tests, what_differs_is_told_apart);
    tcase_add_test(tests, an_ambiguous_vr_takes_the_sign_that_was_meant);
    tcase_add_test(tests, a_private_element_keeps_its_vr);
    tcase_add_test(tests, a_filter_removes_what_it_answers_for);
    tcase_add_test(tests, what_is_settled_is_written_as_if_it_were_not);
    tcase_add_test(tests, an_object_without_a_uid_is_not_written);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
