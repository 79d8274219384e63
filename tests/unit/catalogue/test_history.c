/* A catalogue that is used for years: what is over is forgotten, what is not never. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "rig.h"

#include "isovox/catalogue/commitment.h"
#include "isovox/catalogue/inquiry.h"

enum { SLICES = 3, TABLES_MOST = 40 };
static const int64_t day_us = INT64_C(86400000000);

/* Rows of each table, by its name. */
struct census {
    char name[TABLES_MOST][48];
    int64_t rows[TABLES_MOST];
    size_t count;
};

static int64_t count_rows(sqlite3 *db, const char *table)
{
    char sql[128];
    sqlite3_stmt *row = NULL;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\"", table);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    const int64_t count = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return count;
}

static struct census take_census(void)
{
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    struct census made = { .count = 0 };
    snprintf(path, sizeof path, "%s/catalogue.db", state_dir);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type = 'table'"
                                            " ORDER BY name", -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        ck_assert_uint_lt(made.count, TABLES_MOST);
        snprintf(made.name[made.count], sizeof *made.name, "%s",
                 (const char *)sqlite3_column_text(row, 0));
        made.rows[made.count] = count_rows(db, made.name[made.count]);
        made.count++;
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    return made;
}

/* Its instances in a segment of its own. */
static int64_t arrive(int series)
{
    char association[16];
    IVX_AUTO(ivx_memory_free) struct ivx_series_row *rows = NULL;
    size_t count = 0;
    snprintf(association, sizeof association, "A%d", series);
    rig_segment = (uint64_t)series;
    for (int n = 1; n <= SLICES; n++)
        rig_arrive(series, n, series * 1000 + n, association, now_us);
    rig_arrive(series, 1, 9999, association, now_us); /* another content of the first one */
    rig_ended(association, true);
    OK(ivx_catalogue_index_begin(cat, &err));
    OK(ivx_catalogue_index_mark(cat, rig_segment, 8192, &err));
    OK(ivx_catalogue_index_end(cat, &err));
    OK(ivx_catalogue_list_series(cat, 0, -1, &rows, &count, &err));
    return rows[count - 1].id;
}

static void ask_source(int64_t series)
{
    const struct ivx_inquiry answer = { .state = IVX_INQUIRY_ANSWERED, .expected = SLICES,
                                        .source = "archive", .note = "all are here" };
    OK(ivx_catalogue_inquiry_want(cat, series, "archive", SLICES, &err));
    OK(ivx_catalogue_inquiry_end(cat, series, &answer, 0, &err));
}

/* The sender asks for commitment of the first instance, and is told. */
static void commit_to_sender(int series)
{
    char uid[32], transaction[32];
    int64_t id = 0;
    size_t count = 0;
    IVX_AUTO(ivx_memory_free) struct ivx_commitment_check *checks = NULL;
    struct ivx_reference item = { .sop_class = "1.2.840.10008.5.1.4.1.1.2" };
    snprintf(uid, sizeof uid, "%d.001", series);
    snprintf(item.sop_uid, sizeof item.sop_uid, "%s", uid);
    snprintf(transaction, sizeof transaction, "2.25.7%d", series);
    const struct ivx_commitment_request request = {
        .transaction_uid = transaction, .calling_ae = "CT1", .called_ae = "ISOVOX",
        .peer = "127.0.0.1", .association = "A", .items = &item, .count = 1 };
    OK(ivx_catalogue_commitment_ask(cat, &request, 0, &id, &err));
    OK(ivx_catalogue_commitment_unjudged(cat, id, 10, &checks, &count, &err));
    ck_assert_uint_eq(count, 1);
    OK(ivx_catalogue_commitment_judge(cat, checks, count, 1, &err));
    OK(ivx_catalogue_commitment_reported(cat, id, 1, &err));
}

static void convert_and_send(int64_t series, const char *key)
{
    char transaction[32];
    struct ivx_delivery_row row;
    enum ivx_delivery_state state;
    rig_plan(series, key, "pacs");
    rig_convert(2);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "s", 60, &row, &err));
    snprintf(transaction, sizeof transaction, "2.25.8%lld", (long long)row.id);
    OK(ivx_catalogue_delivery_asks(cat, row.id, row.epoch, transaction, &err));
    OK(rig_answer(&row, 1, 2, 0, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0, "", false, 0, &state, &err));
    ck_assert_int_eq(state, IVX_DELIVERY_SENT);
}

/* Everything that can happen to a series, to its good end. */
static int64_t live(int series)
{
    char key[16];
    snprintf(key, sizeof key, "k%d", series);
    const int64_t id = arrive(series);
    ask_source(id);
    commit_to_sender(series);
    convert_and_send(id, key);
    ck_assert_int_eq(rig_state(id), IVX_SERIES_DONE);
    return id;
}

/* plan.keep is over: result and instances. */
static void remove_files(int series)
{
    IVX_AUTO(ivx_memory_free) struct ivx_old_result *rows = NULL;
    struct ivx_segment_loss loss;
    size_t count = 0;
    OK(ivx_catalogue_old_results(cat, now_us, 10, &rows, &count, &err));
    for (size_t n = 0; n < count; n++)
        OK(ivx_catalogue_result_removed(cat, rows[n].job_id, &err));
    OK(ivx_catalogue_segment_goes(cat, (uint64_t)series, now_us, &loss, &err));
    ck_assert_int_eq(loss.instances, SLICES);
    OK(ivx_catalogue_segment_removed(cat, (uint64_t)series, &err));
}

static size_t forget(int64_t before_us)
{
    size_t count = 99;
    rig_forgets = true;
    OK(ivx_catalogue_forget(cat, before_us, 100, &count, &err));
    return count;
}

START_TEST(of_what_is_forgotten_no_row_is_left)
{
    live(2);
    const struct census alone = take_census();
    rig_end();
    rig_start();
    const int64_t old = live(1);
    now_us += day_us;
    remove_files(1);
    now_us += day_us;
    live(2);
    struct ivx_counts before, after;
    OK(ivx_catalogue_counts(cat, &before, &err));

    ck_assert_uint_eq(forget(now_us - day_us), 1);

    const struct census left = take_census();
    ck_assert_uint_eq(left.count, alone.count);
    for (size_t n = 0; n < left.count; n++)
        ck_assert_msg(left.rows[n] == alone.rows[n], "%s: %d rows, not %d", left.name[n],
                      (int)left.rows[n], (int)alone.rows[n]);
    FAILS(IVX_ABSENT, ivx_catalogue_get_series(cat, old, &(struct ivx_series_row){ 0 }, &err));
    OK(ivx_catalogue_counts(cat, &after, &err));
    ck_assert_int_eq(after.instances, before.instances);
    ck_assert_int_eq(after.bytes, before.bytes);
    ck_assert_int_eq(after.conflicts, before.conflicts);
    ck_assert_int_eq(after.derived_instances, before.derived_instances);
    ck_assert_int_eq(after.instances, 2 * SLICES);
}
END_TEST

START_TEST(what_is_there_or_young_is_remembered)
{
    live(1);
    live(2);
    now_us += day_us;
    ck_assert_uint_eq(forget(now_us), 0); /* its files are there */
    remove_files(1);
    ck_assert_uint_eq(forget(now_us - day_us), 0);
    ck_assert_uint_eq(forget(now_us - day_us + 1), 1);
}
END_TEST

/* Its ids would be given to others, and people have seen them. */
START_TEST(the_newest_is_remembered)
{
    const int64_t id = live(1);
    now_us += day_us;
    remove_files(1);

    ck_assert_uint_eq(forget(now_us), 0);

    ck_assert_int_eq(rig_series_row(id).gone, SLICES);
}
END_TEST

START_TEST(what_is_not_over_is_remembered_however_old)
{
    const int64_t open = arrive(1), given_up = arrive(2);
    struct ivx_delivery_row row;
    enum ivx_delivery_state state;
    rig_plan(given_up, "k2", "pacs");
    rig_convert(2);
    OK(ivx_catalogue_delivery_claim(cat, "pacs", "s", 60, &row, &err));
    OK(ivx_catalogue_delivery_end(cat, row.id, row.epoch, 0xA700, "full", true, 0, &state,
                                  &err));
    live(3);
    now_us += 10000 * day_us;

    ck_assert_uint_eq(forget(now_us), 0);

    ck_assert_int_eq(rig_state(open), IVX_SERIES_RECEIVING);
    ck_assert_int_eq(rig_state(given_up), IVX_SERIES_FAILED);
}
END_TEST

START_TEST(what_comes_again_after_it_was_forgotten_is_new)
{
    live(1);
    live(2);
    now_us += day_us;
    remove_files(1);
    ck_assert_uint_eq(forget(now_us), 1);

    rig_segment = 9;
    ck_assert_int_eq(rig_arrive(1, 1, 1001, "Z", now_us), IVX_ARRIVAL_NEW);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: history");
    TCase *tests = tcase_create("history");
    tcase_add_checked_fixture(tests, rig_start, rig_end);
    tcase_add_test(tests, of_what_is_forgotten_no_row_is_left);
    tcase_add_test(tests, what_is_there_or_young_is_remembered);
    tcase_add_test(tests, the_newest_is_remembered);
    tcase_add_test(tests, what_is_not_over_is_remembered_however_old);
    tcase_add_test(tests, what_comes_again_after_it_was_forgotten_is_new);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
