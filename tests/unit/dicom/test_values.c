#include <check.h>
#include <string.h>

#include "bytes.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/scan.h"

static struct ivx_scan_element valued(const char *value)
{
    return (struct ivx_scan_element){ .value = (const uint8_t *)value, .length = strlen(value) };
}

START_TEST(decimal_strings_keep_every_digit)
{
    static const struct {
        const char *text;
        int count;
        double value[3];
    } rows[] = {
        { "1\\2\\3", 3, { 1, 2, 3 } },
        { " -1.5 \\ 2e-3\\+3. ", 3, { -1.5, 2e-3, 3 } },
        { "0.123456789012345678", 1, { 0.123456789012345678 } },
        { "", 0, { 0 } },
        { "   ", -1, { 0 } },
        { "1\\\\3", -1, { 0 } },
        { "1,5", -1, { 0 } },
        { "nan", -1, { 0 } },
        { "1e999", -1, { 0 } },
        { "12 34", -1, { 0 } },
    };
    for (size_t n = 0; n < IVX_COUNT(rows); n++) {
        const struct ivx_scan_element element = valued(rows[n].text);
        double value[3] = { 0 };
        ck_assert_msg(ivx_scan_decimals(&element, value, 3) == rows[n].count, "\"%s\"",
                      rows[n].text);
        for (int v = 0; v < rows[n].count; v++)
            ck_assert_msg(value[v] == rows[n].value[v], "\"%s\" value %d", rows[n].text, v);
    }
}
END_TEST

START_TEST(text_loses_its_padding_and_nothing_else)
{
    char out[6];
    struct ivx_scan_element element = valued("  a b  ");
    ck_assert(ivx_scan_text(&element, out, sizeof out));
    ck_assert_str_eq(out, "a b");

    element = valued("abcdefgh");
    ck_assert(!ivx_scan_text(&element, out, sizeof out));
    ck_assert_str_eq(out, "abcde");

    element = (struct ivx_scan_element){ .value = (const uint8_t *)"ab\0cd", .length = 5 };
    ck_assert(ivx_scan_text(&element, out, sizeof out));
    ck_assert_str_eq(out, "ab");
}
END_TEST

START_TEST(dicom_is_told_from_other_files)
{
    static const struct {
        const char *bytes;
        size_t length;
        bool dicom;
    } rows[] = {
        { "\x08\x00\x05\x00\x43\x53\x0a\x00", 8, true },  /* Explicit VR, no preamble */
        { "\x08\x00\x05\x00\x0a\x00\x00\x00", 8, true },  /* Implicit VR */
        { "\x00\x08\x00\x05\x43\x53\x00\x0a", 8, true },  /* big endian */
        { "DICM\x02\x00\x00\x00UL\x04\x00", 12, true },   /* the mark without a preamble */
        { "%PDF-1.4 not an image", 21, false },
        { "\x89PNG\r\n\x1a\n", 8, false },
        { "\x08", 1, false },
    };
    for (size_t n = 0; n < IVX_COUNT(rows); n++) {
        struct bytes bytes = { 0 };
        bytes_raw(&bytes, rows[n].bytes, rows[n].length);
        char path[64];
        IVX_AUTO(ivx_fd_close) int fd = bytes_file(&bytes, path);
        const struct ivx_blob blob = { path, 0, bytes.used };
        ck_assert_msg(ivx_scan_looks_like_dicom(&blob) == rows[n].dicom, "row %zu", n);
        bytes_free(&bytes);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *values = tcase_create("values");
    tcase_add_test(values, decimal_strings_keep_every_digit);
    tcase_add_test(values, text_loses_its_padding_and_nothing_else);
    tcase_add_test(values, dicom_is_told_from_other_files);
    suite_add_tcase(suite, values);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
