#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "isovox/base/auto.h"

static const struct {
    double value;
    const char *text;
} decimals[] = {
    { 0, "0" },
    { -0.0, "0" },
    { -1e-15, "0" },
    { 1, "1" },
    { -123.5, "-123.5" },
    { 0.9570312, "0.9570312" },
    { 1.0 / 3, "0.3333333333333" },
    { -200.0 / 3, "-66.666666666667" },
    { 1e5 / 3, "33333.3333333333" },
    { 1e15, "1000000000000000" },
    { 100, "100" },
};

START_TEST(a_decimal_string_is_exact_within_16_bytes)
{
    char text[17];
    ivx_ds_write(decimals[_i].value, text);
    ck_assert_str_eq(text, decimals[_i].text);
}
END_TEST

START_TEST(every_decimal_string_fits_and_reads_back)
{
    srand(1);
    for (int n = 0; n < 100000; n++) {
        const double value = (rand() - RAND_MAX / 2) / (double)RAND_MAX * pow(10, n % 8);
        char text[17];
        ivx_ds_write(value, text);
        ck_assert_uint_le(strlen(text), 16);
        ck_assert_ptr_null(strpbrk(text, "eE "));
        ck_assert(fabs(strtod(text, NULL) - value) < 1e-6);
    }
}
END_TEST

static const struct {
    double mm;
    const char *label;
} labels[] = {
    { 1, "1.0" }, { 0.5, "0.5" }, { 0.9570312, "0.957" }, { 2, "2.0" }, { 10, "10.0" }
};

START_TEST(a_spacing_is_named_with_a_decimal)
{
    char text[17];
    ivx_ds_label(labels[_i].mm, text);
    ck_assert_str_eq(text, labels[_i].label);
}
END_TEST

/* Two kanji in JIS X 0208 (IR 87), two hangul in KS X 1001 (IR 149), Greek alpha in UTF-8 and
 * ISO 8859-7 (IR 126), a character of two and one of four bytes in GB 18030. */
#define KANJI "\x1b$B;3ED\x1b(B"
#define HANGUL "\x1b$)C\xb1\xe8\xc8\xf1"
#define ALPHAS "\xce\xb1\xce\xb1\xce\xb1"
static const struct {
    const char *text, *charset;
    size_t most, bytes;
    const char *closing;
} fits[] = {
    { "abc", NULL, 3, 3, "" },
    { "abcd", NULL, 3, 3, "" },
    { ALPHAS, "ISO_IR 192", 2, 4, "" },
    { ALPHAS, "ISO_IR 192 ", 3, 6, "" },
    { ALPHAS, "ISO_IR 192", 5, 6, "" },
    { "\xe1\xe1\xe1", "ISO_IR 126", 2, 2, "" },
    { KANJI, "\\ISO 2022 IR 87", 0, 0, "" },
    { KANJI, "\\ISO 2022 IR 87", 1, 5, "\x1b(B" },
    { KANJI, "ISO 2022 IR 13\\ISO 2022 IR 87", 1, 5, "\x1b(J" },
    { KANJI, "\\ISO 2022 IR 87", 2, 10, "" },
    { KANJI, "\\ISO 2022 IR 87", 20, 10, "" },
    { "ab" KANJI "cd", "ISO 2022 IR 6\\ISO 2022 IR 87", 3, 7, "\x1b(B" },
    { "ab" KANJI "cd", "ISO 2022 IR 6\\ISO 2022 IR 87", 5, 13, "" },
    { "\x1b$(D0d\x1b(B!", "\\ISO 2022 IR 159", 1, 6, "\x1b(B" },
    { HANGUL "x", "\\ISO 2022 IR 149", 1, 6, "" },
    { HANGUL "x", "\\ISO 2022 IR 149", 2, 8, "" },
    { HANGUL "x", "\\ISO 2022 IR 149", 3, 9, "" },
    { "\x1b-F\xe1\xe1", "ISO 2022 IR 100\\ISO 2022 IR 126", 1, 4, "" },
    { "plain", "\\ISO 2022 IR 87", 4, 4, "" },
    { "\xcd\xf5\x81\x30\x81\x30x", "GB18030", 1, 2, "" },
    { "\xcd\xf5\x81\x30\x81\x30x", "GB18030", 2, 6, "" },
    { "\xcd\xf5\x81\x30\x81\x30x", "GB18030", 3, 7, "" },
    { "\x81\x5c\xb0\xa1", "GBK", 1, 2, "" }, /* a backslash as second byte */
    { "\xb0\xa1\xb0", "GBK", 3, 3, "" },      /* cut off by its writer */
    { "\x1b$", "\\ISO 2022 IR 87", 1, 1, "" },
    { "", "GBK", 3, 0, "" },
    { "\xb0\xa1\xb0\xa1", "KOI-8", 3, 0, "" },
    { "plain", "KOI-8", 4, 4, "" },
};

START_TEST(a_text_is_cut_between_characters)
{
    const char *closing = NULL;
    ck_assert_uint_eq(
        ivx_text_fit(fits[_i].text, fits[_i].charset, fits[_i].most, &closing),
        fits[_i].bytes);
    ck_assert_str_eq(closing, fits[_i].closing);
}
END_TEST

/* The number by Python: the integer of the 16 bytes with version 8, variant 10, first bit 1. */
START_TEST(a_uid_is_a_uuid_in_decimal)
{
    uint8_t digest[IVX_SHA256_SIZE];
    char uid[65];
    memset(digest, 0xff, sizeof digest);
    ivx_uid_write(digest, uid);
    ck_assert_str_eq(uid, "2.25.340282366920937934553716840013076889599");
    memset(digest, 0, sizeof digest);
    ivx_uid_write(digest, uid);
    ck_assert_str_eq(uid, "2.25.170141183460469836203820483067326234624");
}
END_TEST

static const struct {
    int64_t us;
    const char *offset, *date, *time, *datetime;
} moments[] = {
    { 0, NULL, "19700101", "000000.000000", "19700101000000.000000+0000" },
    { 1582934399999999, NULL, "20200228", "235959.999999", "20200228235959.999999+0000" },
    { 1582934399999999, "+0130", "20200229", "012959.999999",
      "20200229012959.999999+0130" },
    { 1582934400000000, "-0500", "20200228", "190000.000000",
      "20200228190000.000000-0500" },
    { 0, "0130", "19700101", "000000.000000", "19700101000000.000000+0000" },
    { 0, "+9999", "19700101", "000000.000000", "19700101000000.000000+0000" },
    { -1, NULL, "19691231", "235959.999999", "19691231235959.999999+0000" },
};

START_TEST(a_moment_is_written_at_the_source_s_offset)
{
    struct ivx_moment moment;
    ivx_moment_make(moments[_i].us, moments[_i].offset, &moment);
    ck_assert_str_eq(moment.date, moments[_i].date);
    ck_assert_str_eq(moment.time, moments[_i].time);
    ck_assert_str_eq(moment.datetime, moments[_i].datetime);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("value");
    TCase *tests = tcase_create("value");
    tcase_add_loop_test(tests, a_decimal_string_is_exact_within_16_bytes, 0,
                        IVX_COUNT(decimals));
    tcase_add_test(tests, every_decimal_string_fits_and_reads_back);
    tcase_add_loop_test(tests, a_spacing_is_named_with_a_decimal, 0, IVX_COUNT(labels));
    tcase_add_loop_test(tests, a_text_is_cut_between_characters, 0, IVX_COUNT(fits));
    tcase_add_test(tests, a_uid_is_a_uuid_in_decimal);
    tcase_add_loop_test(tests, a_moment_is_written_at_the_source_s_offset, 0,
                        IVX_COUNT(moments));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
