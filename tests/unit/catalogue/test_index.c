/* Opening, the index of the journal, and what series know of themselves. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "db.h"
#include "rig.h"

#include "isovox/catalogue/inquiry.h"

START_TEST(a_newer_schema_is_left_alone)
{
    struct ivx_catalogue *other = NULL;
    rig_sql("PRAGMA user_version = 1000");

    FAILS(IVX_REFUSED, ivx_catalogue_open(state_dir, &other, &err));
    FAILS(IVX_REFUSED, ivx_catalogue_open_read(state_dir, &other, &err));
    ck_assert_ptr_null(other);
}
END_TEST

START_TEST(a_damaged_file_is_refused_with_what_to_do)
{
    char path[128];
    struct ivx_err err = { 0 };
    ivx_catalogue_free(&cat);
    snprintf(path, sizeof path, "%s/catalogue.db", state_dir);
    const int fd = open(path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(
        (int)write(fd, "this is no database, and it is longer than a header ....", 56),
        56);
    close(fd);

    ck_assert(!ivx_catalogue_open(state_dir, &cat, &err));

    ck_assert_int_eq(err.code, IVX_DAMAGED);
    ck_assert_ptr_nonnull(strstr(err.text, "is damaged. Move it away and start again"));
}
END_TEST

START_TEST(two_processes_may_make_the_catalogue_at_the_same_time)
{
    rig_end();
    snprintf(state_dir, sizeof state_dir, "/tmp/isovox-catalogue-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(state_dir));
    pid_t children[4];
    for (int n = 0; n < 4; n++) {
        children[n] = fork();
        if (children[n] == 0) {
            struct ivx_catalogue *mine = NULL;
            _exit(ivx_catalogue_open(state_dir, &mine, NULL) ? 0 : 1);
        }
    }
    for (int n = 0; n < 4; n++) {
        int status = 0;
        waitpid(children[n], &status, 0);
        ck_assert_int_eq(status, 0);
    }
    OK(ivx_catalogue_open(state_dir, &cat, &err));
    rig_series(1, 1);
}
END_TEST

START_TEST(a_reader_waits_for_a_catalogue_that_is_not_made_yet)
{
    struct ivx_catalogue *reader = NULL;

    FAILS(IVX_RETRY,
          ivx_catalogue_open_read("/tmp/isovox-no-such-directory", &reader, &err));
    rig_sql("PRAGMA user_version = 0");
    FAILS(IVX_RETRY, ivx_catalogue_open_read(state_dir, &reader, &err));
}
END_TEST

START_TEST(a_reader_reads_while_a_writer_writes_and_cannot_write)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *reader = NULL;
    struct ivx_counts counts;
    const struct ivx_role_row role = { .name = "plan", .state = "running" };
    rig_series(1, 2);
    OK(ivx_catalogue_open_read(state_dir, &reader, &err));
    OK(ivx_catalogue_index_begin(cat, &err));

    OK(ivx_catalogue_counts(reader, &counts, &err));
    ck_assert_int_eq(counts.instances, 2);
    FAILS(IVX_BUG, ivx_catalogue_role_report(reader, &role, &err));
    FAILS(IVX_BUG, ivx_catalogue_job_cancel(reader, 1, &err));

    OK(ivx_catalogue_index_end(cat, &err));
    rig_series(2, 3);
    OK(ivx_catalogue_counts(reader, &counts, &err));
    ck_assert_int_eq(counts.instances, 5);
}
END_TEST

START_TEST(a_reader_reads_when_nobody_writes)
{
    IVX_AUTO(ivx_catalogue_free) struct ivx_catalogue *reader = NULL;
    struct ivx_counts counts;
    rig_series(1, 2);
    ivx_catalogue_free(&cat); /* the last writer takes the write-ahead log along */

    OK(ivx_catalogue_open_read(state_dir, &reader, &err));

    OK(ivx_catalogue_counts(reader, &counts, &err));
    ck_assert_int_eq(counts.instances, 2);
    OK(ivx_catalogue_open(state_dir, &cat, &err));
    rig_series(2, 1);
    OK(ivx_catalogue_counts(reader, &counts, &err));
    ck_assert_int_eq(counts.instances, 3);
}
END_TEST

START_TEST(an_instance_is_kept_once_and_a_conflict_aside)
{
    ck_assert_int_eq(rig_arrive(1, 1, 10, "A", 100), IVX_ARRIVAL_NEW);
    ck_assert_int_eq(rig_arrive(1, 1, 10, "B", 200), IVX_ARRIVAL_DUPLICATE);
    ck_assert_int_eq(rig_arrive(1, 1, 11, "B", 300), IVX_ARRIVAL_CONFLICT);
    rig_reopen();

    struct ivx_counts counts;
    OK(ivx_catalogue_counts(cat, &counts, &err));
    ck_assert_int_eq(counts.instances, 1);
    ck_assert_int_eq(counts.bytes, 100);
    ck_assert_int_eq(counts.duplicates, 1);
    ck_assert_int_eq(counts.conflicts, 1);
    ck_assert_int_eq(counts.aside, 0);
    IVX_AUTO(ivx_memory_free) struct ivx_instance_row *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_series_instances(cat, 1, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(rows[0].sha256_hex, "c10");
    IVX_AUTO(ivx_memory_free) char *aside = NULL;
    OK(ivx_catalogue_series_aside(cat, 1, &aside, &err));
    ck_assert_str_eq(aside, "[{\"sop_uid\":\"1.001\",\"kind\":\"conflict\","
                            "\"code\":\"UID_CONFLICT\",\"text\":\"another content under a"
                            " known SOP Instance UID\",\"at\":300}]");
}
END_TEST

START_TEST(indexing_the_same_records_again_changes_nothing)
{
    const struct ivx_arrival arrivals[] = {
        { .sop_uid = "1",
          .series_uid = "S",
          .sha256_hex = "a",
          .segment = 5,
          .offset = 512,
          .length = 9,
          .received_us = 50,
          .association = "A" },
        { .sop_uid = "1",
          .series_uid = "S",
          .sha256_hex = "b",
          .segment = 5,
          .offset = 9000,
          .length = 9,
          .received_us = 60,
          .association = "A" },
        { .sop_uid = "2",
          .series_uid = "S",
          .sha256_hex = "c",
          .segment = 5,
          .offset = 19000,
          .length = 9,
          .received_us = 70,
          .association = "A",
          .aside_code = "DAMAGED",
          .aside_text = "cut short" },
    };
    const enum ivx_arrival_fate fates[2][3] = {
        { IVX_ARRIVAL_NEW, IVX_ARRIVAL_CONFLICT, IVX_ARRIVAL_ASIDE },
        { IVX_ARRIVAL_DUPLICATE, IVX_ARRIVAL_CONFLICT, IVX_ARRIVAL_ASIDE }
    };

    for (int round = 0; round < 2; round++)
        for (int n = 0; n < 3; n++) {
            enum ivx_arrival_fate fate;
            OK(ivx_catalogue_index_begin(cat, &err));
            OK(ivx_catalogue_index_arrival(cat, &arrivals[n], &fate, &err));
            OK(ivx_catalogue_index_end(cat, &err));
            ck_assert_int_eq(fate, fates[round][n]);
        }

    /* Nobody need send again what was set aside. */
    for (int n = 1; n <= 3; n++) {
        bool has = false;
        const char uid[] = { (char)('0' + n), '\0' };
        OK(ivx_catalogue_has(cat, uid, &has, &err));
        ck_assert_int_eq(has, n < 3);
    }
    struct ivx_counts counts;
    OK(ivx_catalogue_counts(cat, &counts, &err));
    ck_assert_int_eq(counts.instances, 1);
    ck_assert_int_eq(counts.duplicates, 0);
    ck_assert_int_eq(counts.conflicts, 1);
    ck_assert_int_eq(counts.aside, 1);
}
END_TEST

START_TEST(what_was_not_ended_was_not_indexed)
{
    enum ivx_arrival_fate fate;
    const struct ivx_arrival arrival = { .sop_uid = "1",
                                         .series_uid = "S",
                                         .sha256_hex = "a",
                                         .segment = 5,
                                         .offset = 512,
                                         .length = 9 };
    OK(ivx_catalogue_index_begin(cat, &err));
    OK(ivx_catalogue_index_arrival(cat, &arrival, &fate, &err));
    OK(ivx_catalogue_index_mark(cat, 5, 4096, &err));

    ivx_catalogue_index_abandon(cat);

    struct ivx_counts counts;
    uint64_t(*marks)[2] = NULL;
    size_t count = 1;
    OK(ivx_catalogue_counts(cat, &counts, &err));
    ck_assert_int_eq(counts.instances, 0);
    OK(ivx_catalogue_marks(cat, &marks, &count, &err));
    ck_assert_uint_eq(count, 0);
    FAILS(IVX_BUG, ivx_catalogue_index_arrival(cat, &arrival, &fate, &err));
    FAILS(IVX_BUG, ivx_catalogue_index_end(cat, &err));
}
END_TEST

START_TEST(a_full_disk_undoes_the_whole_transaction)
{
    struct ivx_err err = { 0 };
    struct ivx_counts counts;
    bool ok = true;
    rig_series(1, 2);
    sqlite3_exec(cat->db, "PRAGMA max_page_count = 60", NULL, NULL, NULL);
    ck_assert(ivx_catalogue_index_begin(cat, &err));
    for (int n = 0; ok && n < 5000; n++) {
        char uid[16];
        enum ivx_arrival_fate fate;
        snprintf(uid, sizeof uid, "9.%d", n);
        const struct ivx_arrival arrival = { .sop_uid = uid,
                                             .series_uid = "S9",
                                             .sha256_hex = "a",
                                             .segment = 9,
                                             .offset = 4096u * (unsigned)n + 512 };
        ok = ivx_catalogue_index_arrival(cat, &arrival, &fate, &err);
    }
    ck_assert(!ok);
    ck_assert_int_eq(err.code, IVX_FULL);
    ivx_catalogue_index_abandon(cat);
    err = (struct ivx_err){ 0 };

    ck_assert(ivx_catalogue_counts(cat, &counts, &err));
    ck_assert_int_eq(counts.instances, 2);
    ck_assert_int_eq(counts.series[IVX_SERIES_RECEIVING], 1);
    sqlite3_exec(cat->db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
    rig_series(2, 3);
    ck_assert(ivx_catalogue_counts(cat, &counts, &err));
    ck_assert_int_eq(counts.instances, 5);
}
END_TEST

START_TEST(a_catalogue_that_is_locked_for_long_says_try_again)
{
    char path[128];
    sqlite3 *other = NULL;
    const struct ivx_role_row role = { .name = "plan", .state = "running" };
    snprintf(path, sizeof path, "%s/catalogue.db", state_dir);
    ck_assert_int_eq(sqlite3_open(path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_timeout(cat->db, 50);

    FAILS(IVX_RETRY, ivx_catalogue_role_report(cat, &role, &err));

    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    OK(ivx_catalogue_role_report(cat, &role, &err));
    sqlite3_close(other);
}
END_TEST

START_TEST(marks_survive_and_never_go_back)
{
    IVX_AUTO(ivx_memory_free) uint64_t(*marks)[2] = NULL;
    size_t count = 0;
    OK(ivx_catalogue_index_begin(cat, &err));
    OK(ivx_catalogue_index_mark(cat, 7, 4096, &err));
    OK(ivx_catalogue_index_mark(cat, 0x61b0000000000, 8192, &err));
    OK(ivx_catalogue_index_mark(cat, 7, 12288, &err));
    OK(ivx_catalogue_index_mark(cat, 7, 8192, &err));
    OK(ivx_catalogue_index_end(cat, &err));
    rig_reopen();

    OK(ivx_catalogue_marks(cat, &marks, &count, &err));
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(marks[0][0], 7);
    ck_assert_uint_eq(marks[0][1], 12288);
    ck_assert_uint_eq(marks[1][0], 0x61b0000000000);
    ck_assert_uint_eq(marks[1][1], 8192);
}
END_TEST

START_TEST(released_needs_the_release_of_every_association)
{
    rig_arrive(1, 1, 1, "A", 100);
    ck_assert(!rig_series_row(1).all_released);
    rig_ended("A", true);
    ck_assert(rig_series_row(1).all_released);
    rig_arrive(1, 2, 2, "B", 200);
    ck_assert(!rig_series_row(1).all_released);
    rig_ended("B", false);
    ck_assert(!rig_series_row(1).all_released);
    rig_ended("B", true);
    ck_assert(rig_series_row(1).all_released);
    /* A duplicate shows that its association is still at this series. */
    rig_arrive(1, 1, 1, "C", 300);
    ck_assert(!rig_series_row(1).all_released);
    rig_reopen();
    ck_assert(!rig_series_row(1).all_released);
    rig_ended("C", true);
    ck_assert(rig_series_row(1).all_released);
}
END_TEST

START_TEST(an_end_may_be_indexed_before_what_it_ends)
{
    rig_ended("A", true);
    rig_arrive(1, 1, 1, "A", 100);
    ck_assert(rig_series_row(1).all_released);
}
END_TEST

START_TEST(series_know_when_they_began_and_last_grew)
{
    rig_arrive(1, 1, 1, "A", 300);
    rig_arrive(1, 2, 2, "A", 100);
    rig_arrive(1, 3, 3, "A", 200);
    rig_arrive(1, 3, 3, "A", 400); /* a repetition: the sender is still at it */

    const struct ivx_series_row row = rig_series_row(1);
    ck_assert_str_eq(row.series_uid, "S1");
    ck_assert_str_eq(row.study_uid, "ST");
    ck_assert_str_eq(row.modality, "CT");
    ck_assert_str_eq(row.calling_ae, "CT1");
    ck_assert_int_eq(row.first_us, 100);
    ck_assert_int_eq(row.last_us, 400);
    ck_assert_int_eq(row.instances, 3);
    ck_assert_int_eq(row.state, IVX_SERIES_RECEIVING);
    ck_assert_int_eq(row.generation, 0);
}
END_TEST

START_TEST(what_waits_says_for_what)
{
    rig_arrive(1, 1, 1, "A", 300);
    rig_arrive(2, 1, 3, "A", 200);
    OK(ivx_catalogue_series_waits(cat, 1, "GAP", "a hole at 12 mm", &err));
    ck_assert_int_eq(rig_state(1), IVX_SERIES_WAITING);
    ck_assert_str_eq(rig_series_row(1).code, "GAP");
    ck_assert_str_eq(rig_series_row(1).note, "a hole at 12 mm");
    rig_plan(2, "k", NULL);
    FAILS(IVX_STALE, ivx_catalogue_series_waits(cat, 2, "GAP", "", &err));
    /* More of it arrives: it is receiving again. */
    rig_arrive(1, 2, 4, "A", 500);
    ck_assert_int_eq(rig_state(1), IVX_SERIES_RECEIVING);
    ck_assert_str_eq(rig_series_row(1).code, "");
}
END_TEST

START_TEST(an_operator_completes_an_open_series_only)
{
    rig_series(1, 2);
    ck_assert(!rig_series_row(1).forced);

    OK(ivx_catalogue_series_complete(cat, 1, &err));

    ck_assert(rig_series_row(1).forced);
    IVX_AUTO(ivx_memory_free) char *evidence = NULL;
    OK(ivx_catalogue_series_evidence(cat, 1, &evidence, &err));
    ck_assert_str_eq(evidence, "[{\"kind\":\"operator\",\"source\":\"\",\"value\":0,"
                               "\"text\":\"complete by order\",\"at\":1000000}]");
    rig_plan(1, "k", NULL);
    ck_assert(!rig_series_row(1).forced);
    FAILS(IVX_REFUSED, ivx_catalogue_series_complete(cat, 1, &err));
    FAILS(IVX_ABSENT, ivx_catalogue_series_complete(cat, 99, &err));
}
END_TEST

START_TEST(texts_of_peers_are_only_texts)
{
    const struct ivx_arrival hostile = { .sop_uid = "1'); DROP TABLE series; --",
                                         .series_uid = "S\"'",
                                         .study_uid = "%s%n",
                                         .modality =
                                             "a text that is far too long for a CS",
                                         .calling_ae = "\x01\xff",
                                         .sha256_hex = "a",
                                         .segment = 5,
                                         .offset = 512,
                                         .length = 9 };
    enum ivx_arrival_fate fate;
    OK(ivx_catalogue_index_begin(cat, &err));
    OK(ivx_catalogue_index_arrival(cat, &hostile, &fate, &err));
    OK(ivx_catalogue_index_end(cat, &err));

    const struct ivx_series_row row = rig_series_row(1);
    ck_assert_str_eq(row.series_uid, "S\"'");
    ck_assert_str_eq(row.study_uid, "%s%n");
    ck_assert_str_eq(row.modality, "a text that is f");
    IVX_AUTO(ivx_memory_free) struct ivx_instance_row *rows = NULL;
    size_t count = 0;
    OK(ivx_catalogue_series_instances(cat, 1, &rows, &count, &err));
    ck_assert_str_eq(rows[0].sop_uid, "1'); DROP TABLE series; --");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: index and series");
    TCase *tests = tcase_create("index");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, rig_start, rig_end);
    tcase_add_test(tests, a_newer_schema_is_left_alone);
    tcase_add_test(tests, a_damaged_file_is_refused_with_what_to_do);
    tcase_add_test(tests, two_processes_may_make_the_catalogue_at_the_same_time);
    tcase_add_test(tests, a_reader_waits_for_a_catalogue_that_is_not_made_yet);
    tcase_add_test(tests, a_reader_reads_while_a_writer_writes_and_cannot_write);
    tcase_add_test(tests, a_reader_reads_when_nobody_writes);
    tcase_add_test(tests, an_instance_is_kept_once_and_a_conflict_aside);
    tcase_add_test(tests, indexing_the_same_records_again_changes_nothing);
    tcase_add_test(tests, what_was_not_ended_was_not_indexed);
    tcase_add_test(tests, a_full_disk_undoes_the_whole_transaction);
    tcase_add_test(tests, a_catalogue_that_is_locked_for_long_says_try_again);
    tcase_add_test(tests, marks_survive_and_never_go_back);
    tcase_add_test(tests, released_needs_the_release_of_every_association);
    tcase_add_test(tests, an_end_may_be_indexed_before_what_it_ends);
    tcase_add_test(tests, series_know_when_they_began_and_last_grew);
    tcase_add_test(tests, what_waits_says_for_what);
    tcase_add_test(tests, an_operator_completes_an_open_series_only);
    tcase_add_test(tests, texts_of_peers_are_only_texts);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
