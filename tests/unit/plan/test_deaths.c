/* What ends plan twice is passed over the third time, and nothing else is. A death is what it
 * leaves behind: a note that something was begun. */
#include <check.h>
#include <stdlib.h>

#include "rig.h"

#include "isovox/base/auto.h"
#include "isovox/sys/log.h"

static void die_over(enum ivx_trying_what what, uint64_t a, uint64_t b)
{
    ck_assert(ivx_trying_begin(planner.trying, what, a, b));
    stop_plan();
    start_plan();
}

static struct ivx_instance_row an_instance(size_t n)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_instance_row *rows = NULL;
    size_t count = 0;
    ck_assert(ivx_catalogue_series_instances(planner.catalogue, the_series().id, &rows,
                                             &count, &err));
    ck_assert_uint_lt(n, count);
    return rows[n];
}

/* Where the fourth record will lie is learned from a run that did not die. */
static struct ivx_instance_row fourth_of_a_healthy_run(void)
{
    receive_all(16);
    turn();
    const struct ivx_instance_row row = an_instance(3);
    return row;
}

static struct ivx_counts counts(void)
{
    struct ivx_err err = { 0 };
    struct ivx_counts found;
    ck_assert(ivx_catalogue_counts(planner.catalogue, &found, &err));
    return found;
}

START_TEST(an_instance_that_ends_plan_twice_is_set_aside)
{
    const struct ivx_instance_row row = fourth_of_a_healthy_run();
    forget_catalogue(); /* the journal is read from its start again */
    die_over(IVX_TRYING_RECORD, row.segment, row.offset);
    die_over(IVX_TRYING_RECORD, row.segment, row.offset);

    turn();

    ck_assert_int_eq(counts().aside, 1);
    ck_assert_int_eq(counts().instances, SLICES - 1);
}
END_TEST

START_TEST(one_death_is_no_reason)
{
    const struct ivx_instance_row row = fourth_of_a_healthy_run();
    forget_catalogue();
    die_over(IVX_TRYING_RECORD, row.segment, row.offset);

    turn();

    ck_assert_int_eq(counts().aside, 0);
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(a_series_that_ends_plan_twice_is_refused)
{
    receive_all(1);
    turn();
    CHECK_SERIES("receiving", "");
    die_over(IVX_TRYING_SERIES, (uint64_t)the_series().id, SLICES);
    die_over(IVX_TRYING_SERIES, (uint64_t)the_series().id, SLICES);

    turn();

    CHECK_SERIES("refused", "DAMAGED");
    ck_assert_str_eq(the_series().note, "looking at it has ended the plan role twice");
}
END_TEST

/* With one more instance it is another series to look at. */
START_TEST(what_arrives_later_gives_it_another_chance)
{
    receive_all(40);
    ck_assert(ivx_plan_index(&planner, NULL));
    die_over(IVX_TRYING_SERIES, (uint64_t)the_series().id, SLICES);
    die_over(IVX_TRYING_SERIES, (uint64_t)the_series().id, SLICES);
    turn();
    CHECK_SERIES("refused", "DAMAGED");

    receive_slice(SLICES, 16);
    turn();

    CHECK_SERIES("planned", "");
}
END_TEST

int main(void)
{
    ivx_log_start("test", IVX_ERROR);
    Suite *suite = suite_create("plan: deaths");
    TCase *tcase = tcase_create("deaths");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_instance_that_ends_plan_twice_is_set_aside);
    tcase_add_test(tcase, one_death_is_no_reason);
    tcase_add_test(tcase, a_series_that_ends_plan_twice_is_refused);
    tcase_add_test(tcase, what_arrives_later_gives_it_another_chance);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
