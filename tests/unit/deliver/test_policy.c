#include <check.h>
#include <stdlib.h>

#include "policy.h"

static const struct {
    int status;
    enum ivx_outcome outcome;
} answers[] = {
    { 0x0000, IVX_ACCEPTED }, { 0xb000, IVX_ACCEPTED }, { 0xb006, IVX_ACCEPTED },
    { 0xb007, IVX_ACCEPTED }, { 0x0001, IVX_ACCEPTED }, { 0x0107, IVX_ACCEPTED },
    { 0x0111, IVX_ACCEPTED }, { 0x0116, IVX_ACCEPTED }, { 0xa700, IVX_LATER },
    { 0xa7ff, IVX_LATER },    { -1, IVX_LATER },        { 0xa900, IVX_PARK },
    { 0xc000, IVX_PARK },     { 0xcfff, IVX_PARK },     { 0x0110, IVX_PARK },
    { 0x0122, IVX_PARK },     { 0x0124, IVX_PARK },     { 0x0211, IVX_PARK },
    { 0xff00, IVX_PARK },     { 0xfe00, IVX_PARK },
};

START_TEST(an_answer_means_what_the_standard_says)
{
    ck_assert_int_eq(ivx_outcome_of(answers[_i].status), answers[_i].outcome);
}
END_TEST

static const struct {
    long first, longest;
    int64_t attempt, seconds;
} waits[] = {
    { 5, 900, 1, 5 },    { 5, 900, 2, 10 },        { 5, 900, 8, 640 },
    { 5, 900, 9, 900 },  { 5, 900, INT64_MAX, 900 }, { 900, 5, 1, 5 },
    { 86400, 86400, 3, 86400 },
};

START_TEST(waits_double_up_to_the_longest_and_spread_by_a_fifth)
{
    const long first = waits[_i].first, longest = waits[_i].longest;
    const int64_t attempt = waits[_i].attempt, micro = waits[_i].seconds * 1000000;

    const int64_t least = ivx_backoff_us(first, longest, attempt, 0);
    const int64_t middle = ivx_backoff_us(first, longest, attempt, UINT32_C(1) << 31);
    const int64_t most = ivx_backoff_us(first, longest, attempt, UINT32_MAX);

    ck_assert_int_eq(least, micro / 10 * 8);
    ck_assert_int_eq(middle, micro);
    ck_assert_int_ge(most, micro / 10 * 12 - 1000);
    ck_assert_int_le(most, micro / 10 * 12);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("policy");
    TCase *tests = tcase_create("policy");
    tcase_add_loop_test(tests, an_answer_means_what_the_standard_says, 0,
                        sizeof answers / sizeof *answers);
    tcase_add_loop_test(tests, waits_double_up_to_the_longest_and_spread_by_a_fifth, 0,
                        sizeof waits / sizeof *waits);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
