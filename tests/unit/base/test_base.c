#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/err.h"
#include "isovox/base/reason.h"
#include "isovox/base/text.h"

START_TEST(a_failure_is_recorded_and_false)
{
    struct ivx_err err = { 0 };

    ck_assert(!ivx_fail(&err, IVX_DAMAGED, "slice %d: no position", 7));

    ck_assert_int_eq(err.code, IVX_DAMAGED);
    ck_assert_str_eq(err.text, "slice 7: no position");
    ck_assert(!ivx_fail(NULL, IVX_BUG, "nobody listens"));
}
END_TEST

/* PS3.4 Table B.2-1; PS3.7 annex C. */
START_TEST(codes_have_the_standards_dimse_status)
{
    ck_assert_int_eq(ivx_code_dimse(IVX_OK), 0x0000);
    ck_assert_int_eq(ivx_code_dimse(IVX_FULL), 0xA700);
    ck_assert_int_eq(ivx_code_dimse(IVX_MISMATCH), 0xA900);
    ck_assert_int_eq(ivx_code_dimse(IVX_DAMAGED), 0xC000);
    ck_assert_int_eq(ivx_code_dimse(IVX_REFUSED), 0x0122);
    ck_assert_int_eq(ivx_code_http(IVX_ABSENT), 404);
}
END_TEST

START_TEST(reason_names_are_the_contract)
{
    ck_assert_str_eq(ivx_reason_name(IVX_REASON_NOT_A_VOLUME), "NOT_A_VOLUME");
    ck_assert_str_eq(ivx_reason_name(IVX_REASON_TOO_LARGE), "TOO_LARGE");
    ck_assert_str_eq(ivx_reason_name(IVX_REASON_NONE), "");
    for (int n = 1; n < IVX_REASON_COUNT; n++)
        ck_assert_int_gt(strlen(ivx_reason_text((enum ivx_reason)n)), 0);
}
END_TEST

START_TEST(text_grows)
{
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    char expected[3001] = "";

    for (int n = 0; n < 1000; n++) {
        ivx_text_add(&text, "%03d", n);
        snprintf(expected + 3 * n, 4, "%03d", n);
    }

    ck_assert(!text.failed);
    ck_assert_uint_eq(text.used, 3000);
    ck_assert_str_eq(text.data, expected);
}
END_TEST

START_TEST(a_size_that_overflows_fails_and_stays_failed)
{
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    ivx_text_add(&text, "abc");

    ivx_text_add_bytes(&text, "x", (size_t)-2);
    ivx_text_add(&text, "def");

    ck_assert(text.failed);
    ck_assert_str_eq(text.data, "abc");
}
END_TEST

START_TEST(a_copy_is_cut_and_terminated)
{
    char room[4];
    ck_assert(ivx_text_copy(room, sizeof room, "abc"));
    ck_assert(!ivx_text_copy(room, sizeof room, "abcd"));
    ck_assert_str_eq(room, "abc");
}
END_TEST

static const struct number {
    const char *text;
    bool whole, real;
} numbers[] = {
    { "0", true, true },      { "-12", true, true }, { "9223372036854775807", true, true },
    { "", false, false },     { " 1", false, false }, { "1 ", false, false },
    { "1x", false, false },   { "1.5", false, true }, { "9223372036854775808", false, true },
    { "nan", false, false },  { "inf", false, false }, { "1e400", false, false },
    { "--1", false, false },  { "-2.5e-3", false, true },
};

START_TEST(numbers_are_whole_strings)
{
    const struct number *n = &numbers[_i];
    long long whole;
    double real;
    ck_assert_msg(ivx_text_to_int64(n->text, &whole) == n->whole, "'%s'", n->text);
    ck_assert_msg(ivx_text_to_double(n->text, &real) == n->real, "'%s'", n->text);
}
END_TEST

static const struct glob {
    const char *pattern, *text;
    bool match;
} globs[] = {
    { "CT", "CT", true },      { "ct", "CT", true },        { "C?", "CT", true },
    { "C?", "C", false },      { "*", "", true },           { "*head*", "CT Head 1mm", true },
    { "a*b*c", "aXbXbc", true }, { "a*b*c", "aXbXb", false }, { "", "", true },
    { "", "x", false },        { "**x", "yyx", true },
};

START_TEST(globs_match_as_a_shell_does)
{
    const struct glob *g = &globs[_i];
    ck_assert_msg(ivx_text_glob(g->pattern, g->text) == g->match, "'%s' on '%s'",
                  g->pattern, g->text);
}
END_TEST

START_TEST(hexadecimal_is_lower_case)
{
    char out[9];
    ivx_text_hex((const unsigned char[]){ 0x00, 0x9f, 0xAB, 0xff }, 4, out);
    ck_assert_str_eq(out, "009fabff");
}
END_TEST

static void free_number(int **number)
{
    free(*number);
    *number = NULL;
}

START_TEST(stealing_leaves_nothing_to_free)
{
    int *kept;
    {
        IVX_AUTO(free_number) int *owned = malloc(sizeof *owned);
        *owned = 42;
        kept = IVX_STEAL(owned);
        ck_assert_ptr_null(owned);
    }
    ck_assert_int_eq(*kept, 42);
    free(kept);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tests = tcase_create("base");
    tcase_add_test(tests, a_failure_is_recorded_and_false);
    tcase_add_test(tests, codes_have_the_standards_dimse_status);
    tcase_add_test(tests, reason_names_are_the_contract);
    tcase_add_test(tests, text_grows);
    tcase_add_test(tests, a_size_that_overflows_fails_and_stays_failed);
    tcase_add_test(tests, a_copy_is_cut_and_terminated);
    tcase_add_loop_test(tests, numbers_are_whole_strings, 0, IVX_COUNT(numbers));
    tcase_add_loop_test(tests, globs_match_as_a_shell_does, 0, IVX_COUNT(globs));
    tcase_add_test(tests, hexadecimal_is_lower_case);
    tcase_add_test(tests, stealing_leaves_nothing_to_free);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
