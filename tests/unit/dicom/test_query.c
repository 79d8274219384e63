/* The data sets of C-FIND and C-MOVE: bytes by the tables of PS3.5 chapter 7, answers that are
 * no answers. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "identifier.h"

#include "isovox/base/auto.h"

static const char implicit[] = "1.2.840.10008.1.2", explicit_little[] = "1.2.840.10008.1.2.1";
static const struct ivx_query_series series = { "1.2.3", "1.2.3.44" };

static void written(bool images, const char *const *uids, size_t count, const char *syntax,
                    const char *expected, size_t expected_length)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    size_t length = 0;
    ck_assert(ivx_identifier_write(&series, images, uids, count, syntax, &bytes, &length, &err));
    ck_assert_uint_eq(length, expected_length);
    ck_assert_mem_eq(bytes, expected, length);
}

START_TEST(a_series_is_asked_for_its_number)
{
    static const char expected[] = "\x08\0\x52\0\x06\0\0\0SERIES"
                                   "\x20\0\x0d\0\x06\0\0\0" "1.2.3\0"
                                   "\x20\0\x0e\0\x08\0\0\0" "1.2.3.44"
                                   "\x20\0\x09\x12\0\0\0\0";
    written(false, NULL, 0, implicit, expected, sizeof expected - 1);
}
END_TEST

START_TEST(images_are_asked_for_their_class_and_uid)
{
    static const char expected[] = "\x08\0\x16\0UI\0\0\x08\0\x18\0UI\0\0\x08\0\x52\0CS\x06\0IMAGE "
                                   "\x20\0\x0d\0UI\x06\0" "1.2.3\0"
                                   "\x20\0\x0e\0UI\x08\0" "1.2.3.44";
    written(true, NULL, 0, explicit_little, expected, sizeof expected - 1);
}
END_TEST

START_TEST(images_are_named_in_one_list)
{
    static const char *const uids[] = { "1.5", "1.66" };
    static const char expected[] = "\x08\0\x18\0UI\x08\0" "1.5\\1.66\x08\0\x52\0CS\x06\0IMAGE "
                                   "\x20\0\x0d\0UI\x06\0" "1.2.3\0"
                                   "\x20\0\x0e\0UI\x08\0" "1.2.3.44";
    written(true, uids, 2, explicit_little, expected, sizeof expected - 1);
}
END_TEST

#define READ(bytes, syntax, out, err) \
    ivx_identifier_read((const uint8_t *)(bytes), sizeof(bytes) - 1, syntax, out, err)

START_TEST(an_answer_is_read)
{
    static const char answer[] = "\x08\0\x16\0\x04\0\0\0" "1.9\0"
                                 "\x08\0\x18\0\x04\0\0\0" "1.66"
                                 "\x20\0\x0e\0\x08\0\0\0" "1.2.3.44"
                                 "\x20\0\x09\x12\x04\0\0\0 60 ";
    struct ivx_err err = { 0 };
    struct ivx_identifier found;
    ck_assert_msg(READ(answer, implicit, &found, &err), "%s", err.text);
    ck_assert_str_eq(found.sop_class, "1.9");
    ck_assert_str_eq(found.sop_uid, "1.66");
    ck_assert_str_eq(found.series_uid, "1.2.3.44");
    ck_assert_int_eq(found.related, 60);
}
END_TEST

START_TEST(a_number_that_is_none_is_not_said)
{
    static const char minus[] = "\x20\0\x09\x12\x02\0\0\0-1", word[] = "\x20\0\x09\x12\x02\0\0\0no",
                      empty[] = "\x20\0\x09\x12\0\0\0\0";
    struct ivx_err err = { 0 };
    struct ivx_identifier found;
    ck_assert(READ(minus, implicit, &found, &err));
    ck_assert_int_eq(found.related, -1);
    ck_assert(READ(word, implicit, &found, &err));
    ck_assert_int_eq(found.related, -1);
    ck_assert(READ(empty, implicit, &found, &err));
    ck_assert_int_eq(found.related, -1);
}
END_TEST

static bool is_damaged(const char *bytes, size_t length)
{
    struct ivx_err err = { 0 };
    struct ivx_identifier found;
    return !ivx_identifier_read((const uint8_t *)bytes, length, implicit, &found, &err)
           && err.code == IVX_DAMAGED;
}

START_TEST(answers_that_are_malformed_are_refused)
{
    static const char quote[] = "\x08\0\x18\0\x04\0\0\0'1;1";
    static const char endless[] = "\x08\0\x18\0\xfe\xff\xff\xff";
    static const char cut[] = "\x08\0\x18\0\x08\0\0\0" "1.2";
    ck_assert(is_damaged(quote, sizeof quote - 1));
    ck_assert(is_damaged(endless, sizeof endless - 1));
    ck_assert(is_damaged(cut, sizeof cut - 1));
}
END_TEST

/* 20 000 nested sequences: the scanner's limit, not the stack's. */
START_TEST(a_deep_answer_is_refused)
{
    enum { DEPTH = 20000 };
    struct ivx_err err = { 0 };
    struct ivx_identifier found;
    IVX_AUTO(ivx_memory_free) char *bytes = malloc(DEPTH * 16);
    for (size_t n = 0; n < DEPTH; n++)
        memcpy(bytes + 16 * n, "\x08\0\x40\x11\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff", 16);
    ck_assert(!ivx_identifier_read((const uint8_t *)bytes, DEPTH * 16, implicit, &found, &err));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dicom: query");
    TCase *tcase = tcase_create("query");
    tcase_add_test(tcase, a_series_is_asked_for_its_number);
    tcase_add_test(tcase, images_are_asked_for_their_class_and_uid);
    tcase_add_test(tcase, images_are_named_in_one_list);
    tcase_add_test(tcase, an_answer_is_read);
    tcase_add_test(tcase, a_number_that_is_none_is_not_said);
    tcase_add_test(tcase, answers_that_are_malformed_are_refused);
    tcase_add_test(tcase, a_deep_answer_is_refused);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
