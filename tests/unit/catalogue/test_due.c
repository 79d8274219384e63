/* Which open series are to be looked at, and totals that need no counting. */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "rig.h"

#include "isovox/catalogue/commitment.h"
#include "isovox/catalogue/inquiry.h"
#include "isovox/catalogue/performed.h"

/* The ids of the series that are due at a time, in order: "2 1". */
static const char *due_at(int64_t at_us)
{
    static char text[64];
    IVX_AUTO(ivx_memory_free) int64_t *ids = NULL;
    size_t count = 0, used = 0;
    OK(ivx_catalogue_due(cat, at_us, &ids, &count, &err));
    text[0] = '\0';
    for (size_t n = 0; n < count; n++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld",
                                 n == 0 ? "" : " ", (long long)ids[n]);
    return text;
}

static void put_off(int64_t id, int64_t until_us)
{
    struct ivx_waiting waiting = { .series_id = id, .limit_us = 7, .due_us = until_us,
                                   .seen_us = rig_series_row(id).due_us, .why = "released" };
    OK(ivx_catalogue_series_why(cat, &waiting, 1, &err));
}

START_TEST(an_open_series_is_due_until_it_is_put_off_and_then_when_its_time_comes)
{
    int64_t next = -1;
    rig_arrive(1, 1, 1, "A", 300);
    rig_arrive(2, 1, 2, "A", 100);
    ck_assert_str_eq(due_at(0), "1 2");
    put_off(1, 5000);
    put_off(2, 4000);
    ck_assert_str_eq(rig_series_row(1).why, "released");

    ck_assert_str_eq(due_at(3999), "");
    ck_assert_str_eq(due_at(5000), "2 1");
    OK(ivx_catalogue_due_next(cat, 4000, &next, &err));
    ck_assert_int_eq(next, 5000);
    rig_plan(1, "k", NULL);
    ck_assert_str_eq(due_at(5000), "2");
    OK(ivx_catalogue_due_next(cat, 4000, &next, &err));
    ck_assert_int_eq(next, 0);
    put_off(2, 9000);
    OK(ivx_catalogue_due_all(cat, &err));
    ck_assert_str_eq(due_at(0), "2");
}
END_TEST

/* Whatever others say of a series while it waits. */
START_TEST(what_is_new_makes_a_series_due)
{
    struct ivx_reference item = { .sop_class = "1.2", .sop_uid = "1.001" };
    const struct ivx_commitment_request request = { "9.1", "SCU", "ISOVOX", "127.0.0.1", "A",
                                                    &item, 1 };
    const struct ivx_step_image image = { .series_uid = "S1", .sop_uid = "" };
    const struct ivx_inquiry end = { .state = IVX_INQUIRY_ANSWERED, .expected = 3 };
    int64_t id = 0;
    for (int n = 0; n < 8; n++) {
        if (n == 0)
            rig_arrive(1, 1, 1, "A", 300);
        put_off(1, 5000);
        put_off(1, 5000);
        ck_assert_str_eq(due_at(4999), "");
        switch (n) {
        case 0: rig_arrive(1, 2, 2, "A", 300); break;
        case 1: rig_arrive(1, 2, 2, "A", 301); break; /* again */
        case 2: rig_ended("A", true); break;
        case 3: OK(ivx_catalogue_commitment_ask(cat, &request, 0, &id, &err)); break;
        case 4: OK(ivx_catalogue_step_create(cat, "8.1", "SCU", &image, 1, &err)); break;
        case 5: OK(ivx_catalogue_step_set(cat, "8.1", IVX_STEP_COMPLETED, false, NULL, 0, &err));
                break;
        case 6: OK(ivx_catalogue_inquiry_want(cat, 1, "archive", 2, &err));
                OK(ivx_catalogue_inquiry_end(cat, 1, &end, 0, &err)); break;
        default: OK(ivx_catalogue_series_complete(cat, 1, &err));
        }
        ck_assert_msg(strcmp(due_at(0), "1") == 0, "case %d", n);
    }
    ck_assert(rig_series_row(1).forced);
}
END_TEST

/* Between the look at a series and the note of it, something else may come. */
START_TEST(what_comes_after_the_look_is_not_put_off)
{
    rig_arrive(1, 1, 1, "A", 300);
    struct ivx_waiting waiting = { .series_id = 1, .due_us = 5000,
                                   .seen_us = rig_series_row(1).due_us };
    rig_arrive(1, 2, 2, "A", 300);
    OK(ivx_catalogue_series_why(cat, &waiting, 1, &err));
    ck_assert_str_eq(due_at(0), "1");
}
END_TEST

#define UNCOUNTED(table)                                                                 \
    "DROP TRIGGER " table "_made; DROP TRIGGER " table "_gone; DROP TRIGGER " table "_moved;"

START_TEST(totals_are_those_of_the_rows_and_outlive_a_migration)
{
    struct ivx_counts before, after;
    rig_arrive(1, 1, 1, "A", 100);
    rig_arrive(1, 1, 1, "A", 200); /* a repetition */
    rig_arrive(1, 1, 9, "A", 200); /* another content */
    rig_arrive(2, 1, 2, "A", 100);
    OK(ivx_catalogue_counts(cat, &before, &err));
    ck_assert_int_eq(before.instances, 2);
    ck_assert_int_eq(before.duplicates, 1);
    ck_assert_int_eq(before.conflicts, 1);

    /* As version 7 left it: what came since is not there. */
    rig_sql(UNCOUNTED("series") UNCOUNTED("job") UNCOUNTED("delivery") UNCOUNTED("commitment")
        "DROP TRIGGER job_derived; DROP TABLE total; DROP TABLE unread; DROP TABLE tally;"
        "CREATE TABLE news (id INTEGER PRIMARY KEY, number INTEGER);"
        "DROP INDEX series_due; ALTER TABLE series DROP COLUMN due_us;"
        "ALTER TABLE series DROP COLUMN new_us; DROP INDEX carried_by_association;"
        "DROP INDEX job_waiting; DROP INDEX delivery_next; DROP INDEX delivery_awaited;"
        "DROP INDEX delivery_waiting; DROP INDEX delivery_backlog;"
        "ALTER TABLE delivery DROP COLUMN priority; DROP INDEX job_instance_by_instance;"
        "DROP TABLE clock;"
        "PRAGMA user_version = 7");
    rig_reopen();

    OK(ivx_catalogue_counts(cat, &after, &err));
    ck_assert_mem_eq(&before, &after, sizeof before);
    ck_assert_str_eq(due_at(0), "1 2");
    ck_assert_int_eq(rig_series_row(1).new_us, rig_series_row(1).last_us);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: due");
    TCase *cases = tcase_create("due");
    tcase_add_checked_fixture(cases, rig_start, rig_end);
    tcase_add_test(cases,
                   an_open_series_is_due_until_it_is_put_off_and_then_when_its_time_comes);
    tcase_add_test(cases, what_is_new_makes_a_series_due);
    tcase_add_test(cases, what_comes_after_the_look_is_not_put_off);
    tcase_add_test(cases, totals_are_those_of_the_rows_and_outlive_a_migration);
    suite_add_tcase(suite, cases);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
