/* What waits for its time costs nothing: what is due is found by hops through indexes. */
#include <stdio.h>

#include "db.h"
#include "rig.h"

/* So many deliveries to each of three destinations, every other one urgent. state and next_us:
 * SQL, of n. */
static void fill(int count, const char *state, const char *next_us)
{
    char sql[2048];
    snprintf(sql, sizeof sql,
             "BEGIN;"
             "WITH RECURSIVE k (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM k WHERE n < %d)"
             "INSERT INTO job (series_id, key, generation, priority, recipe_name, recipe_json,"
             " route, volume, state, next_us, created_us)"
             " SELECT 1, 'k' || n, 1, n %% 2, 'iso', '{}', 'ct', '', 2, 0, 1 FROM k;"
             "INSERT INTO delivery (job_id, destination, state, next_us, created_us, priority)"
             " SELECT j.id, p.column1, %s, %s, 1, j.priority FROM"
             " (SELECT id AS n, * FROM job) j, (VALUES ('a'), ('b'), ('c')) p;"
             "COMMIT;", count, state, next_us);
    rig_arrive(1, 1, 1, "A", 1);
    rig_sql(sql);
}

/* Of SQLite's machine, by all that was asked since the last call. */
static int steps(void)
{
    int sum = 0;
    for (sqlite3_stmt *each = NULL; (each = sqlite3_next_stmt(cat->db, each)) != NULL;)
        sum += sqlite3_stmt_status(each, SQLITE_STMTSTATUS_VM_STEP, 1);
    return sum;
}

static size_t due(void)
{
    IVX_AUTO(ivx_memory_free) char (*names)[65] = NULL;
    size_t count = 0;
    OK(ivx_catalogue_delivery_due(cat, &names, &count, &err));
    return count;
}

/* A poll of the role, and what a sender asks when nothing is due. */
static int look(void)
{
    struct ivx_delivery_row row;
    bool outranked = true;
    steps();
    ck_assert_uint_eq(due(), 0);
    FAILS(IVX_ABSENT, ivx_catalogue_delivery_claim(cat, "b", "w", 60, &row, &err));
    OK(ivx_catalogue_delivery_outranked(cat, "b", IVX_PRIORITY_ROUTINE, &outranked, &err));
    ck_assert(!outranked);
    return steps();
}

/* Failed until later; some of them queued until later; sent, and asked about later. */
static const char *const waits[] = { "4", "4 * (n % 3 > 0)", "2" };

START_TEST(what_waits_for_later_is_not_looked_at)
{
    fill(10, waits[_i], "1000000000000");
    rig_sql("UPDATE delivery SET commitment = 1 WHERE state = 2");
    const int few = look();
    rig_end();
    rig_start();
    fill(2000, waits[_i], "1000000000000");
    rig_sql("UPDATE delivery SET commitment = 1 WHERE state = 2");

    const int many = look();

    ck_assert_msg(many <= few + few / 10, "%d steps of 30, %d of 6000", few, many);
}
END_TEST

/* Of the urgent ones, that which has been due for longest: n = 1999. */
static int take(int count)
{
    struct ivx_delivery_row row;
    rig_end();
    rig_start();
    fill(count, "4 * (n % 3 > 0)", "1000 - n / 2");
    steps();
    ck_assert_uint_eq(due(), 3);
    OK(ivx_catalogue_delivery_claim(cat, "b", "w", 60, &row, &err));
    ck_assert_int_eq(row.job_id, count - 1);
    ck_assert_int_eq(row.priority, IVX_PRIORITY_STAT);
    return steps();
}

START_TEST(what_is_due_is_taken_without_a_look_at_the_rest)
{
    const int few = take(10), many = take(2000);
    ck_assert_msg(many <= few + few / 10, "%d steps of 30, %d of 6000", few, many);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: queue");
    TCase *cases = tcase_create("queue");
    tcase_add_checked_fixture(cases, rig_start, rig_end);
    tcase_add_loop_test(cases, what_waits_for_later_is_not_looked_at, 0, (int)IVX_COUNT(waits));
    tcase_add_test(cases, what_is_due_is_taken_without_a_look_at_the_rest);
    suite_add_tcase(suite, cases);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
