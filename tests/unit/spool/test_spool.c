/* What the journal promises when nothing fails. */
#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "rig.h"

/* Lengths around the block, the page and the end mark. */
static const size_t lengths[] = {
    1,      479,    3552,       3553,       3584,   4096,
    261632, 261633, 262144 - 1, 262144 + 1, 526198, 3000000
};

START_TEST(a_committed_record_is_read_back_bit_for_bit)
{
    struct ivx_err err = { 0 };
    const size_t length = lengths[_i];
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);

    rig_must_write(writer, 7, length);
    rig_must_write(writer, 8, 100);

    ck_assert_msg(rig_scan(NULL, 0, seen, &err), "%s", err.text);
    ck_assert_uint_eq(seen->count, 2);
    const struct ivx_record *record = &seen->record[0];
    ck_assert_uint_eq(record->length, length);
    ck_assert_str_eq(record->sop_uid, "1.2.7");
    ck_assert_str_eq(record->sop_class, "1.2.840.10008.5.1.4.1.1.2");
    ck_assert_str_eq(record->syntax, "1.2.840.10008.1.2.1");
    ck_assert_str_eq(record->calling_ae, "CT1");
    ck_assert_str_eq(record->called_ae, "ISOVOX");
    ck_assert_str_eq(record->peer, "127.0.0.1");
    ck_assert_str_eq(record->association, "a-1");
    ck_assert_int_eq(record->received_us, 1007);

    char path[4096];
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    IVX_AUTO(ivx_memory_free) uint8_t *wanted = rig_payload(7, length);
    ck_assert(ivx_spool_path(spool, record->segment, path, sizeof path, &err));
    const struct ivx_blob blob = { path, record->offset, record->length };
    ck_assert_msg(ivx_blob_read(&blob, &bytes, &err), "%s", err.text);
    ck_assert_mem_eq(bytes, wanted, length);
    uint8_t digest[IVX_SHA256_SIZE];
    ivx_hash_once(wanted, length, digest);
    ck_assert_mem_eq(record->sha256, digest, sizeof digest);
}
END_TEST

START_TEST(commit_tells_where_the_record_is)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    struct ivx_record record, told;
    rig_record(1, &record);

    ck_assert(ivx_spool_begin(writer, &record, &err));
    ck_assert(ivx_spool_append(writer, "bytes", 5, &err));
    ck_assert(ivx_spool_commit(writer, &told, &err));

    ck_assert(rig_scan(NULL, 0, seen, &err));
    ck_assert_uint_eq(seen->count, 1);
    ck_assert_uint_eq(told.segment, seen->record[0].segment);
    ck_assert_uint_eq(told.offset, seen->record[0].offset);
    ck_assert_uint_eq(told.length, 5);
    ck_assert_mem_eq(told.sha256, seen->record[0].sha256, IVX_SHA256_SIZE);
}
END_TEST

START_TEST(nothing_is_visible_before_commit_or_after_abort)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = rig_payload(1, 600000);
    struct ivx_record record;
    rig_record(1, &record);
    rig_must_write(writer, 0, 1000);

    ck_assert(ivx_spool_begin(writer, &record, &err));
    ck_assert(ivx_spool_append(writer, bytes, 600000, &err));
    rig_expect(0, 0);
    ivx_spool_abort(writer);

    rig_expect(0, 0);
    rig_must_write(writer, 1, 2000);
    rig_must_write(writer, 2, 700000);
    rig_expect(0, 2);
}
END_TEST

START_TEST(a_scan_goes_on_after_its_marks)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    for (int n = 0; n < 10; n++)
        rig_must_write(writer, n, 5000);
    ck_assert(rig_scan(NULL, 0, seen, &err));
    ck_assert_uint_eq(seen->count, 10);
    const struct ivx_spool_mark mark = seen->after[6], end = seen->after[9];

    ck_assert(rig_scan(&mark, 1, seen, &err));
    ck_assert_uint_eq(seen->count, 3);
    ck_assert_int_eq(seen->n[0], 7);

    ck_assert(rig_scan(&end, 1, seen, &err));
    ck_assert_uint_eq(seen->count, 0);
    rig_must_write(writer, 10, 5000);
    ck_assert(rig_scan(&end, 1, seen, &err));
    ck_assert_uint_eq(seen->count, 1);
    ck_assert_int_eq(seen->n[0], 10);
}
END_TEST

START_TEST(marks_of_many_segments_come_in_any_order)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    struct ivx_spool_mark marks[16];
    size_t count = 0;
    for (int n = 0; n < 20; n++)
        rig_must_write(writer, n, 300000);
    ck_assert(rig_scan(NULL, 0, seen, &err));
    for (size_t k = seen->count; k-- > 0;)
        if (count == 0 || marks[count - 1].segment != seen->after[k].segment)
            marks[count++] = seen->after[k];
    ck_assert_uint_ge(count, 5);

    ck_assert(rig_scan(marks, count, seen, &err));
    ck_assert_uint_eq(seen->count, 0);
    rig_must_write(writer, 20, 300000);
    ck_assert(rig_scan(marks, count, seen, &err));
    ck_assert_uint_eq(seen->count, 1);
    ck_assert_int_eq(seen->n[0], 20);
    /* Without the mark of a full segment in the middle, its four come again. */
    marks[3] = marks[count - 1];
    ck_assert(rig_scan(marks, count - 1, seen, &err));
    ck_assert_uint_eq(seen->count, 5);
    marks[0].offset += 512;
    ck_assert(!rig_scan(marks, count, seen, &err));
    ck_assert_int_eq(err.code, IVX_BUG);
}
END_TEST

START_TEST(a_visitor_that_fails_stops_the_scan_with_its_error)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    for (int n = 0; n < 5; n++)
        rig_must_write(writer, n, 10);
    seen->stop_at = 3;

    ck_assert(!rig_scan(NULL, 0, seen, &err));

    ck_assert_uint_eq(seen->count, 2);
    ck_assert_str_eq(err.text, "the visitor had enough");
}
END_TEST

START_TEST(the_end_of_an_association_is_a_record_without_payload)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    struct ivx_record record = { .kind = IVX_RECORD_RELEASED, .association = "a-9" };
    rig_must_write(writer, 0, 10);

    ck_assert(ivx_spool_begin(writer, &record, &err));
    ck_assert(ivx_spool_commit(writer, NULL, &err));
    record.kind = IVX_RECORD_BROKEN;
    ck_assert(ivx_spool_begin(writer, &record, &err));
    ck_assert(ivx_spool_commit(writer, NULL, &err));
    rig_must_write(writer, 1, 10);

    ck_assert(rig_scan(NULL, 0, seen, &err));
    ck_assert_uint_eq(seen->count, 4);
    ck_assert_int_eq(seen->record[1].kind, IVX_RECORD_RELEASED);
    ck_assert_int_eq(seen->record[2].kind, IVX_RECORD_BROKEN);
    ck_assert_str_eq(seen->record[1].association, "a-9");
    ck_assert_uint_eq(seen->record[1].length, 0);
}
END_TEST

START_TEST(a_record_may_be_larger_than_a_segment)
{
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();

    rig_must_write(writer, 0, 40 << 20);
    rig_must_write(writer, 1, 100);

    rig_expect(0, 1);
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    ck_assert(ivx_spool_segments(spool, &numbers, &count, NULL));
    ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(full_segments_give_back_what_they_do_not_need)
{
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    struct stat status;
    char path[4096];
    for (int n = 0; n < 4; n++)
        rig_must_write(writer, n, 526198);

    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    ck_assert(ivx_spool_segments(spool, &numbers, &count, NULL));
    ck_assert_uint_eq(count, 2);
    ck_assert(ivx_spool_path(spool, numbers[0], path, sizeof path, NULL));
    ck_assert_int_eq(stat(path, &status), 0);
    /* the first pages and two records of 512 + 526198 + 32 bytes, each rounded up to 4096
     */
    ck_assert_int_eq(status.st_size, 2 * 4096 + 2 * 528384);
    ck_assert_int_eq(status.st_mode & 0777, 0400);
    rig_expect(0, 3);
}
END_TEST

START_TEST(a_freed_segment_is_taken_again_and_two_writers_never_share_one)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *first = rig_writer();
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *second = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);

    rig_must_write(first, 0, 100);
    rig_must_write(second, 1, 100);
    ivx_spool_writer_free(&first);
    first = rig_writer();
    rig_must_write(first, 2, 100);

    ck_assert(rig_scan(NULL, 0, seen, &err));
    ck_assert_uint_eq(seen->count, 3);
    ck_assert_uint_eq(seen->record[0].segment, seen->record[1].segment);
    ck_assert_uint_ne(seen->record[0].segment, seen->record[2].segment);
    ck_assert_int_eq(seen->n[1], 2);
}
END_TEST

static bool refuse(void *context, struct ivx_err *err)
{
    ++*(int *)context;
    return ivx_fail(err, IVX_STALE, "no");
}

START_TEST(a_segment_with_a_record_that_nobody_has_read_is_kept)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    int asked = 0;
    rig_must_write(writer, 0, 100);
    ck_assert(rig_scan(NULL, 0, seen, &err));
    const struct ivx_spool_mark mark = seen->after[0];
    rig_must_write(writer, 1, 100); /* by whoever took it between scan and reclaim */
    ivx_spool_writer_free(&writer);

    ck_assert(!ivx_spool_reclaim(spool, &mark, refuse, &asked, &err));
    ck_assert_int_eq(err.code, IVX_RETRY);
    ck_assert_int_eq(asked, 0);
    rig_expect(0, 1);

    err = (struct ivx_err){ 0 };
    ck_assert(rig_scan(NULL, 0, seen, &err));
    ck_assert(!ivx_spool_reclaim(spool, &seen->after[1], refuse, &asked, &err));
    ck_assert_int_eq(err.code, IVX_STALE);
    ck_assert_int_eq(asked, 1);
    rig_expect(0, 1);
}
END_TEST

START_TEST(a_segment_that_is_written_cannot_be_reclaimed)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    rig_must_write(writer, 0, 100);
    ck_assert(ivx_spool_segments(spool, &numbers, &count, &err));
    ck_assert_uint_eq(count, 1);

    const struct ivx_spool_mark beyond = { numbers[0], UINT64_C(1) << 40 };
    ck_assert(!ivx_spool_reclaim(spool, &beyond, NULL, NULL, &err));
    ck_assert_int_eq(err.code, IVX_RETRY);
    ivx_spool_writer_free(&writer);
    err = (struct ivx_err){ 0 };
    ck_assert_msg(ivx_spool_reclaim(spool, &beyond, NULL, NULL, &err), "%s", err.text);

    rig_expect(0, -1);
    ck_assert(!ivx_spool_reclaim(spool, &beyond, NULL, NULL, &err));
    ck_assert_int_eq(err.code, IVX_ABSENT);
    /* The number does not come back: marks that are left over must hide nothing. */
    IVX_AUTO(ivx_memory_free) uint64_t *again = NULL;
    writer = rig_writer();
    ck_assert(ivx_spool_segments(spool, &again, &count, NULL));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_gt(again[0], numbers[0]);
}
END_TEST

START_TEST(a_thousand_records_over_many_segments_are_all_there)
{
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    for (int n = 0; n < 1000; n++)
        rig_must_write(writer, n, 3000 + (size_t)n * 17 % 9000);

    rig_expect(0, 999);
}
END_TEST

START_TEST(calls_out_of_order_are_refused)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    struct ivx_record record;
    rig_record(0, &record);

    ck_assert(!ivx_spool_append(writer, "x", 1, &err));
    ck_assert_int_eq(err.code, IVX_BUG);
    err = (struct ivx_err){ 0 };
    ck_assert(!ivx_spool_commit(writer, NULL, &err));
    ck_assert_int_eq(err.code, IVX_BUG);
    err = (struct ivx_err){ 0 };
    ck_assert(ivx_spool_begin(writer, &record, &err));
    ck_assert(!ivx_spool_begin(writer, &record, &err));
    ck_assert_int_eq(err.code, IVX_BUG);
    ivx_spool_abort(writer);
    rig_must_write(writer, 0, 1);
    rig_expect(0, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool");
    TCase *tests = tcase_create("journal");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, rig_start, rig_end);
    tcase_add_loop_test(tests, a_committed_record_is_read_back_bit_for_bit, 0,
                        (int)IVX_COUNT(lengths));
    tcase_add_test(tests, commit_tells_where_the_record_is);
    tcase_add_test(tests, nothing_is_visible_before_commit_or_after_abort);
    tcase_add_test(tests, a_scan_goes_on_after_its_marks);
    tcase_add_test(tests, marks_of_many_segments_come_in_any_order);
    tcase_add_test(tests, a_visitor_that_fails_stops_the_scan_with_its_error);
    tcase_add_test(tests, the_end_of_an_association_is_a_record_without_payload);
    tcase_add_test(tests, a_record_may_be_larger_than_a_segment);
    tcase_add_test(tests, full_segments_give_back_what_they_do_not_need);
    tcase_add_test(tests, a_freed_segment_is_taken_again_and_two_writers_never_share_one);
    tcase_add_test(tests, a_segment_that_is_written_cannot_be_reclaimed);
    tcase_add_test(tests, a_segment_with_a_record_that_nobody_has_read_is_kept);
    tcase_add_test(tests, a_thousand_records_over_many_segments_are_all_there);
    tcase_add_test(tests, calls_out_of_order_are_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
