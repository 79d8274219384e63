/* Destinations in trouble: who may be tried, what waits, and how that ends. */
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

#include "isovox/catalogue/breaker.h"

enum { SECOND = 1000000 };
#define HOUR INT64_C(3600000000)

/* The breaker of "pacs", as another process would see it. */
static struct ivx_breaker_row breaker(void)
{
    struct ivx_breaker_row *rows = NULL;
    size_t count = 0;
    rig_reopen();
    OK(ivx_catalogue_list_breakers(cat, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    const struct ivx_breaker_row row = rows[0];
    free(rows);
    return row;
}

/* A delivery to "pacs" whose last attempt ended with this status, to be repeated in an hour. */
static int64_t failed(int status)
{
    struct ivx_delivery_row row = { 0 };
    enum ivx_delivery_state state = IVX_DELIVERY_QUEUED;
    const int64_t id = rig_series(1, 1);
    rig_plan(id, "k", "pacs");
    rig_convert(1);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "d", 60, &row, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, status, "why", false, now_us + HOUR,
                                  &state, &err));
    return row.id;
}

static bool is_due(void)
{
    char(*names)[65] = NULL;
    size_t count = 0;
    OK(ivx_catalogue_delivery_due(cat, &names, &count, &err));
    free(names);
    return count == 1;
}

static void trip(enum ivx_breaker_state state)
{
    OK(ivx_catalogue_breaker_trip(cat, "pacs", state, "no route", now_us + 9 * SECOND, &err));
}

START_TEST(trouble_is_counted_until_something_is_accepted)
{
    int64_t failures = 9;
    OK(ivx_catalogue_breaker_failures(cat, "pacs", &failures, &err));
    ck_assert_int_eq(failures, 0);
    trip(IVX_BREAKER_OPEN);
    const int64_t since_us = now_us;
    now_us += SECOND;
    trip(IVX_BREAKER_OPEN);

    ck_assert_int_eq(breaker().state, IVX_BREAKER_OPEN);
    ck_assert_int_eq(breaker().failures, 2);
    ck_assert_int_eq(breaker().since_us, since_us);
    ck_assert_int_eq(breaker().next_us, now_us + 9 * SECOND);
    ck_assert_str_eq(breaker().note, "no route");
    ck_assert(!breaker().wanted);
    OK(ivx_catalogue_breaker_try(cat, "pacs", &err));
    ck_assert_int_eq(breaker().state, IVX_BREAKER_HALF_OPEN);
    ck_assert_int_eq(breaker().failures, 2);
    OK(ivx_catalogue_breaker_close(cat, "pacs", &err));
    ck_assert_int_eq(breaker().state, IVX_BREAKER_CLOSED);
    ck_assert_int_eq(breaker().failures, 0);
}
END_TEST

START_TEST(what_waits_for_a_peer_that_was_away_is_due_when_it_is_back)
{
    failed(-1);
    trip(IVX_BREAKER_AWAY);
    ck_assert(breaker().wanted);
    ck_assert(!is_due());

    OK(ivx_catalogue_breaker_try(cat, "pacs", &err));

    ck_assert(is_due());
}
END_TEST

/* _i 0: it was there all the time; 1: it has answered. */
START_TEST(what_it_refused_waits_for_its_own_time)
{
    failed(_i == 0 ? -1 : 0xA700);
    trip(_i == 0 ? IVX_BREAKER_OPEN : IVX_BREAKER_AWAY);

    OK(ivx_catalogue_breaker_try(cat, "pacs", &err));

    ck_assert(!is_due());
}
END_TEST

START_TEST(an_operators_retry_looks_at_the_peer_at_once)
{
    const int64_t id = failed(-1);
    trip(IVX_BREAKER_AWAY);

    OK(ivx_catalogue_delivery_retry(cat, id, &err));

    ck_assert_int_eq(breaker().next_us, 0);
    ck_assert(is_due());
}
END_TEST

START_TEST(waiting_for_a_peer_has_an_end)
{
    int64_t count = 9;
    const int64_t id = failed(-1);
    const int64_t age_us = now_us - rig_delivery(id).created_us;
    trip(IVX_BREAKER_AWAY);
    OK(ivx_catalogue_delivery_expire(cat, age_us, &count, &err));
    ck_assert_int_eq(count, 0);

    now_us++;
    OK(ivx_catalogue_delivery_expire(cat, age_us, &count, &err));

    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(rig_delivery(id).state, IVX_DELIVERY_DEAD);
    ck_assert_str_eq(rig_delivery(id).last_comment, "given up after deliver.budget: no route");
    ck_assert_int_eq(rig_state(1), IVX_SERIES_FAILED);
    ck_assert(!breaker().wanted);
}
END_TEST

START_TEST(who_can_be_tried_is_not_given_up_untried)
{
    int64_t count = 9;
    failed(-1);
    trip(IVX_BREAKER_AWAY);
    OK(ivx_catalogue_breaker_try(cat, "pacs", &err));

    OK(ivx_catalogue_delivery_expire(cat, -HOUR, &count, &err));

    ck_assert_int_eq(count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: breakers");
    TCase *tcase = tcase_create("breakers");
    tcase_add_checked_fixture(tcase, rig_start, rig_end);
    tcase_add_test(tcase, trouble_is_counted_until_something_is_accepted);
    tcase_add_test(tcase, what_waits_for_a_peer_that_was_away_is_due_when_it_is_back);
    tcase_add_loop_test(tcase, what_it_refused_waits_for_its_own_time, 0, 2);
    tcase_add_test(tcase, an_operators_retry_looks_at_the_peer_at_once);
    tcase_add_test(tcase, waiting_for_a_peer_has_an_end);
    tcase_add_test(tcase, who_can_be_tried_is_not_given_up_untried);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed_tests = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed_tests == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
