/* The order of calls, and every call failing once. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"
#include "isovox/base/auto.h"
#include "rig.h"

static void start(void)
{
    faults_start();
    rig_start();
    faults_start();
}

START_TEST(a_segment_is_durable_before_it_has_its_name)
{
    struct ivx_spool_writer *writer = rig_writer();
    ivx_spool_writer_free(&writer);

    /* allocate, first pages, file; name; directory */
    ck_assert_str_eq(trace, "awslS");
}
END_TEST

START_TEST(a_record_costs_one_sync_and_its_header_comes_last)
{
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    faults_start();

    /* The first one: payload and end mark, zeros ahead (1 MiB, as this segment is short),
     * the header. */
    rig_must_write(writer, 0, 100);
    ck_assert_str_eq(trace, "wwwwwwd");
    ck_assert_uint_eq(written_at[0], 2 * 4096 + 512);
    ck_assert_uint_eq(written_at[1], 3 * 4096);
    ck_assert_uint_eq(written_at[5], 2 * 4096);

    faults_start();
    rig_must_write(writer, 1, 100);
    ck_assert_str_eq(trace, "wwd");
    ck_assert_uint_eq(written_at[0], 3 * 4096 + 512);
    ck_assert_uint_eq(written_at[1], 3 * 4096);

    /* Two whole blocks of 256 KiB, the rest with its end mark, the header. */
    faults_start();
    rig_must_write(writer, 2, 600000);
    ck_assert_str_eq(trace, "wwwwd");
    ck_assert_uint_eq(written_at[1], 4 * 4096 + 262144);
    ck_assert_uint_eq(written_at[3], 4 * 4096);
}
END_TEST

START_TEST(pages_that_were_never_written_are_written_ahead)
{
    ivx_spool_tune(spool, 16 << 20);
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    int ahead = 0;
    for (int n = 0; n < 100; n++) {
        if (n == 50) { /* whoever takes the segment over finds what is written already */
            ivx_spool_writer_free(&writer);
            writer = rig_writer();
        }
        faults_start();
        rig_must_write(writer, n, 100000); /* 25 pages */
        ahead += strcmp(trace, "wwd") != 0;
    }
    /* 100 records of 102400 bytes, 4 MiB less one record at a time */
    ck_assert_int_eq(ahead, 3);
}
END_TEST

START_TEST(the_end_of_an_association_costs_no_sync)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    const struct ivx_record record = { .kind = IVX_RECORD_RELEASED, .association = "a" };
    rig_must_write(writer, 0, 100);
    faults_start();

    ck_assert(ivx_spool_begin(writer, &record, &err));
    ck_assert(ivx_spool_commit(writer, NULL, &err));

    ck_assert_str_eq(trace, "ww");
}
END_TEST

static size_t syncs_at_first_visit;
static bool first_visit(void *context, const struct ivx_record *record,
                        const struct ivx_spool_mark *after, struct ivx_err *err)
{
    (void)record;
    (void)err;
    if (syncs_at_first_visit == SIZE_MAX)
        syncs_at_first_visit = strlen(trace);
    *(struct ivx_spool_mark *)context = *after;
    return true;
}

START_TEST(a_reader_syncs_once_before_it_visits_and_not_without_need)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    struct ivx_spool_mark mark = { 0 };
    for (int n = 0; n < 5; n++)
        rig_must_write(writer, n, 100);
    faults_start();
    syncs_at_first_visit = SIZE_MAX;

    ck_assert(ivx_spool_scan(spool, NULL, 0, first_visit, &mark, NULL, &err));
    ck_assert_str_eq(trace, "d");
    ck_assert_uint_eq(syncs_at_first_visit, 1);

    faults_start();
    ck_assert(ivx_spool_scan(spool, &mark, 1, first_visit, &mark, NULL, &err));
    ck_assert_str_eq(trace, "");
}
END_TEST

START_TEST(a_reader_whose_sync_fails_visits_nothing)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    rig_must_write(writer, 0, 100);
    faults_fail(1, EIO);

    ck_assert(!rig_scan(NULL, 0, seen, &err));

    ck_assert(faults_hit());
    ck_assert_int_eq(err.code, IVX_RETRY);
    ck_assert_uint_eq(seen->count, 0);
}
END_TEST

START_TEST(a_read_error_is_not_an_end)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    rig_must_write(writer, 0, 100);
    faults_fail_reads(true);

    ck_assert(!rig_scan(NULL, 0, seen, &err));

    faults_fail_reads(false);
    ck_assert_int_eq(err.code, IVX_RETRY);
    rig_expect(0, 0);
}
END_TEST

START_TEST(a_segment_that_cannot_be_read_stops_nobody_from_writing)
{
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    rig_must_write(writer, 0, 100);
    ivx_spool_writer_free(&writer);
    faults_fail_reads(true);

    writer = rig_writer();
    rig_must_write(writer, 1, 100);

    faults_fail_reads(false);
    ck_assert(rig_scan(NULL, 0, seen, NULL));
    ck_assert_uint_eq(seen->count, 2);
    ck_assert_uint_ne(seen->record[0].segment, seen->record[1].segment);
}
END_TEST

START_TEST(short_writes_are_continued)
{
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    faults_short_writes(true);
    for (int n = 0; n < 3; n++)
        rig_must_write(writer, n, 300000);
    faults_short_writes(false);

    rig_expect(0, 2);
}
END_TEST

/* Records 0 .. 3 through one writer, as receive does it: a failure is answered, the
 * writer is given up and another one takes its place. Returns a bit per record committed.
 */
static unsigned receive_all(struct ivx_err *last)
{
    static const size_t lengths[] = { 100, 600000, 700000, 5000 };
    struct ivx_spool_writer *writer = NULL;
    unsigned committed = 0;
    for (int n = 0; n < 4; n++) {
        struct ivx_err err = { 0 };
        if ((writer != NULL || ivx_spool_writer_new(spool, &writer, &err))
            && rig_write(writer, n, lengths[n], &err)) {
            committed |= 1u << n;
            continue;
        }
        *last = err;
        if (writer != NULL)
            ivx_spool_abort(writer);
        ivx_spool_writer_free(&writer);
    }
    ivx_spool_writer_free(&writer);
    return committed;
}

static unsigned visible(void)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    unsigned found = 0;
    ck_assert_msg(rig_scan(NULL, 0, seen, &err), "%s", err.text);
    for (size_t k = 0; k < seen->count; k++)
        found |= 1u << seen->n[k];
    return found;
}

static void every_call_fails_once(int with_errno, enum ivx_code wanted)
{
    int n = 1;
    for (bool hit = true; hit; n++) {
        struct ivx_err err = { 0 };
        rig_end();
        faults_start();
        rig_start();
        faults_start();
        faults_fail(n, with_errno);

        const unsigned committed = receive_all(&err);
        hit = faults_hit();
        faults_start();

        /* What was answered with Success is there, and nothing else is. */
        ck_assert_msg(visible() == committed, "call %d (%s)", n, trace);
        if (!hit) {
            ck_assert_uint_eq(committed, 15);
            continue;
        }
        ck_assert_msg(committed != 15 && err.code == wanted, "call %d: code %d: %s", n,
                      err.code, err.text);
        /* And the journal goes on. */
        IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
        rig_must_write(writer, 9, 1000);
        ck_assert_uint_eq(visible(), committed | 1u << 9);
    }
    /* 5 calls make a segment (there are two), and 3 to 5 write a record. */
    ck_assert_int_ge(n, 20);
}

START_TEST(any_call_may_fail_for_input_and_output)
{
    every_call_fails_once(EIO, IVX_RETRY);
}
END_TEST

START_TEST(a_signal_interrupts_nothing)
{
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    faults_fail(1, EINTR);
    rig_must_write(writer, 0, 100);
    ck_assert(faults_hit());
    rig_expect(0, 0);
}
END_TEST

/* plan and the workers open the spool, and sweep it, while receive begins its first segment. */
START_TEST(a_draft_that_is_swept_at_the_wrong_moment_is_made_again)
{
    faults_sweep();
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    ck_assert_ptr_ne(strchr(trace, 'l'), strrchr(trace, 'l')); /* two of them */
    rig_must_write(writer, 0, 100);
    rig_expect(0, 0);
}
END_TEST

START_TEST(a_full_disk_is_reported_as_full)
{
    /* fallocate that meets ENOSPC tries a smaller segment: none below 1 MiB, as here. */
    struct ivx_err err = { 0 };
    struct ivx_spool_writer *writer = NULL;
    faults_fail(1, ENOSPC);
    ck_assert(!ivx_spool_writer_new(spool, &writer, &err));
    ck_assert_int_eq(err.code, IVX_FULL);
    ck_assert_str_eq(trace, "a");

    for (int n = 1; n <= 2; n++) { /* the payload, the header */
        writer = rig_writer();
        err = (struct ivx_err){ 0 };
        faults_start();
        faults_fail(n, ENOSPC);
        ck_assert(!rig_write(writer, 0, 100, &err));
        ck_assert_int_eq(err.code, IVX_FULL);
        ck_assert_uint_eq(visible(), 0);
        ivx_spool_writer_free(&writer);
    }
}
END_TEST

START_TEST(a_growing_segment_may_meet_a_full_disk)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    const char *grow = NULL;
    rig_must_write(writer, 0, 100);
    faults_start();
    rig_must_write(writer, 1, 3 << 20);
    grow = strchr(trace, 'a');
    ck_assert_ptr_nonnull(grow);
    const int n = (int)(grow - trace) + 1;
    rig_end();
    faults_start();
    rig_start();
    ivx_spool_writer_free(&writer);
    writer = rig_writer();
    rig_must_write(writer, 0, 100);

    /* No 16 MiB are left, but as much as is needed: it goes on. */
    faults_start();
    faults_fail(n, ENOSPC);
    rig_must_write(writer, 1, 3 << 20);
    ck_assert(faults_hit());
    rig_expect(0, 1);

    /* Any other failure: this record is gone, the next one finds its place. */
    faults_start();
    ivx_spool_writer_free(&writer);
    writer = rig_writer();
    rig_must_write(writer, 2, 100);
    faults_fail(n, EIO);
    ck_assert(!rig_write(writer, 3, 3 << 20, &err));
    ck_assert(faults_hit());
    ivx_spool_abort(writer);
    rig_must_write(writer, 3, 100);
    rig_expect(0, 3);
}
END_TEST

START_TEST(the_last_of_a_disk_is_left_to_others)
{
    enum { MIB = 1 << 20 };
    struct ivx_err err = { 0 };
    struct ivx_spool_writer *writer = NULL;
    faults_disk(256 * MIB + MIB - 4096);
    ck_assert(!ivx_spool_writer_new(spool, &writer, &err));
    ck_assert_int_eq(err.code, IVX_FULL);
    ck_assert_str_eq(trace, "");
    faults_disk(256 * MIB + MIB);
    writer = rig_writer();
    rig_must_write(writer, 0, 100);

    /* A segment that would have to grow is no exception, and room that comes is used. */
    err = (struct ivx_err){ 0 };
    faults_disk(256 * MIB);
    ck_assert(!rig_write(writer, 1, 3 * MIB, &err));
    ck_assert_int_eq(err.code, IVX_FULL);
    ivx_spool_abort(writer);
    rig_must_write(writer, 1, 200);
    faults_disk(256 * MIB + 4 * MIB);
    rig_must_write(writer, 2, 3 * MIB);
    ivx_spool_writer_free(&writer);
    rig_expect(0, 2);
}
END_TEST

START_TEST(a_failed_sync_is_never_tried_again)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    struct ivx_record record;
    struct stat status;
    char path[4096];
    size_t count = 0;
    rig_record(0, &record);
    rig_must_write(writer, 0, 100);
    faults_start();
    faults_fail(3, EIO);

    ck_assert(!rig_write(writer, 1, 100, &err));
    ck_assert_int_eq(err.code, IVX_RETRY);
    ck_assert_str_eq(trace, "wwdw"); /* the last one hides the record again */

    err = (struct ivx_err){ 0 };
    ivx_spool_abort(writer);
    ck_assert(!ivx_spool_begin(writer, &record, &err));
    ck_assert_int_eq(err.code, IVX_RETRY);
    ck_assert_ptr_nonnull(strstr(err.text, "out of use after a failed sync"));
    err = (struct ivx_err){ 0 };
    ck_assert(!ivx_spool_commit(writer, NULL, &err));
    ivx_spool_writer_free(&writer);
    ck_assert_ptr_null(strchr(trace + 3, 'd'));

    /* Nobody appends to that segment any more. */
    ck_assert(ivx_spool_segments(spool, &numbers, &count, NULL));
    ck_assert_uint_eq(count, 1);
    ck_assert(ivx_spool_path(spool, numbers[0], path, sizeof path, NULL));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0400);
    writer = rig_writer();
    rig_must_write(writer, 1, 100);
    rig_expect(0, 1);
    free(IVX_STEAL(numbers));
    ck_assert(ivx_spool_segments(spool, &numbers, &count, NULL));
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(drafts_that_nobody_makes_any_more_are_swept)
{
    char path[128], name[128];
    struct ivx_err err = { 0 };
    snprintf(path, sizeof path, "%s/spool/0000000000000001.new", state_dir);
    snprintf(name, sizeof name, "%s/spool/0000000000000001.seg", state_dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    ivx_spool_free(&spool);

    ck_assert(ivx_spool_open(state_dir, &spool, &err));

    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(access(name, F_OK), -1);
    rig_expect(0, -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool: faults");
    TCase *tests = tcase_create("faults");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, start, rig_end);
    tcase_add_test(tests, a_segment_is_durable_before_it_has_its_name);
    tcase_add_test(tests, a_record_costs_one_sync_and_its_header_comes_last);
    tcase_add_test(tests, pages_that_were_never_written_are_written_ahead);
    tcase_add_test(tests, the_end_of_an_association_costs_no_sync);
    tcase_add_test(tests, a_reader_syncs_once_before_it_visits_and_not_without_need);
    tcase_add_test(tests, a_reader_whose_sync_fails_visits_nothing);
    tcase_add_test(tests, a_read_error_is_not_an_end);
    tcase_add_test(tests, a_segment_that_cannot_be_read_stops_nobody_from_writing);
    tcase_add_test(tests, short_writes_are_continued);
    tcase_add_test(tests, any_call_may_fail_for_input_and_output);
    tcase_add_test(tests, a_signal_interrupts_nothing);
    tcase_add_test(tests, a_draft_that_is_swept_at_the_wrong_moment_is_made_again);
    tcase_add_test(tests, a_full_disk_is_reported_as_full);
    tcase_add_test(tests, a_growing_segment_may_meet_a_full_disk);
    tcase_add_test(tests, the_last_of_a_disk_is_left_to_others);
    tcase_add_test(tests, a_failed_sync_is_never_tried_again);
    tcase_add_test(tests, drafts_that_nobody_makes_any_more_are_swept);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
