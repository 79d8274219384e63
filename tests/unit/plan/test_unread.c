/* A disk that cannot read some of its sectors costs what lies there, and nothing else. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db.h"
#include "rig.h"

#include "isovox/base/auto.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/log.h"

/* Reads of these bytes of this file fail. */
static ino_t bad_file;
static off_t bad_from, bad_to;
static int refused;

ssize_t __real_pread(int fd, void *bytes, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *bytes, size_t length, off_t offset)
{
    struct stat status;
    if (offset < bad_to && offset + (off_t)length > bad_from && fstat(fd, &status) == 0
        && status.st_ino == bad_file) {
        refused++;
        errno = EIO;
        return -1;
    }
    return __real_pread(fd, bytes, length, offset);
}

static void heal(void)
{
    bad_from = bad_to = 0;
}

static void begin(void)
{
    heal();
    setup();
}

/* The segment that was made first. */
static const char *first_segment(void)
{
    static char path[4096];
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    ck_assert(ivx_spool_segments(planner.spool, &numbers, &count, &err));
    ck_assert_uint_ge(count, 1);
    ck_assert(ivx_spool_path(planner.spool, numbers[0], path, sizeof path, &err));
    return path;
}

/* src/spool/format.h: slice k has the slot 2 + k, a page: a header of 512 bytes, the payload. */
static off_t payload_of(int k)
{
    return 4096 * (2 + k) + 512;
}

static void lose(off_t from, off_t to)
{
    struct stat status;
    ck_assert_int_eq(stat(first_segment(), &status), 0);
    bad_file = status.st_ino;
    bad_from = from;
    bad_to = to;
}

static struct ivx_counts counts(void)
{
    struct ivx_counts out;
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_catalogue_counts(planner.catalogue, &out, &err), "%s", err.text);
    return out;
}

/* When that what cannot be read is tried again, and then that it is now. */
static int64_t make_due(void)
{
    char path[4096];
    sqlite3 *db = NULL;
    sqlite3_stmt *next = NULL;
    snprintf(path, sizeof path, "%s/catalogue.db", config.state_dir);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT next_us FROM unread", -1, &next, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(next), SQLITE_ROW);
    const int64_t next_us = sqlite3_column_int64(next, 0);
    sqlite3_finalize(next);
    ck_assert_int_eq(sqlite3_exec(db, "UPDATE unread SET next_us = 1", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    return next_us;
}

START_TEST(a_record_that_cannot_be_read_holds_up_no_other)
{
    receive_all(1);
    lose(payload_of(3), payload_of(3) + 1);
    turn();
    ck_assert_int_eq(counts().unread, 1);
    ck_assert_int_eq(the_series().instances, SLICES - 1);
    CHECK_SERIES("receiving", "");

    /* Not for ever either: what comes later, and in other segments. */
    make_due();
    stop_receiving();
    receive_again();
    receive_slice(SLICES, 1);
    turn();

    ck_assert_int_eq(counts().unread, 1);
    ck_assert_int_eq(the_series().instances, SLICES);
}
END_TEST

START_TEST(it_is_taken_when_it_can_be_read)
{
    receive_all(16);
    lose(payload_of(3), payload_of(3) + 1);
    turn();
    CHECK_SERIES("waiting", "GAP");
    stop_plan(); /* which records these were is in rows */
    start_plan();
    heal();
    make_due();

    turn();

    ck_assert_int_eq(counts().unread, 0);
    ck_assert_int_eq(the_series().instances, SLICES);
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(what_is_damaged_by_then_is_passed_over)
{
    receive_all(16);
    lose(payload_of(3), payload_of(3) + 1);
    turn();
    heal();
    const int fd = open(first_segment(), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "not what it was", 15, payload_of(3)), 15);
    close(fd);
    make_due();

    turn();

    ck_assert_int_eq(counts().unread, 0);
    ck_assert_int_eq(the_series().instances, SLICES - 1);
}
END_TEST

/* Where not even a header can be read, nobody knows where the next one is. */
START_TEST(a_segment_that_cannot_be_read_on_holds_up_no_other)
{
    for (int k = 0; k < 4; k++)
        receive_slice(k, 16);
    lose(4096 * 2, 4096 * 2 + 1);
    struct ivx_spool_writer *second = NULL;
    struct ivx_err err = { 0 };
    ck_assert(ivx_spool_writer_new(planner.spool, &second, &err)); /* the first is taken */
    unsigned char bytes[PART10_ROOM];
    const struct slice slice = { .sop_uid = "2.25.2009", .series_uid = "2.25.7", .z = 18 };
    const size_t length = part10_make(&slice, bytes);
    const struct ivx_record record = record_of(slice.sop_uid, 16);
    ck_assert(ivx_spool_begin(second, &record, &err)
              && ivx_spool_append(second, bytes, length, &err)
              && ivx_spool_commit(second, NULL, &err));
    ivx_spool_writer_free(&second);

    turn();

    ck_assert_int_eq(counts().unread, 1);
    ck_assert_int_eq(the_series().instances, 1);
    heal();
    make_due();
    turn();
    ck_assert_int_eq(counts().unread, 0);
    ck_assert_int_eq(the_series().instances, 5);
}
END_TEST

static const int steps[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };

/* After the first attempt, which began then. However many turns and processes. */
static void check_steps(int64_t begun_us)
{
    for (size_t n = 0; n < IVX_COUNT(steps); n++) {
        const int64_t seconds = steps[n] * (int64_t)SECOND;
        ck_assert_int_eq(refused, (int)n + 1);
        if (steps[n] >= 8) {
            stop_plan();
            start_plan();
            turn();
            ck_assert_int_eq(refused, (int)n + 1);
        }
        const int64_t next_us = make_due();
        ck_assert_int_ge(next_us, begun_us + seconds);
        ck_assert_int_le(next_us, ivx_clock_wall_us() + seconds);
        ck_assert_int_eq(counts().unread, 1);
        begun_us = ivx_clock_wall_us();
        turn();
    }
}

START_TEST(a_segment_that_cannot_be_read_on_is_tried_again_later_each_time)
{
    receive_slice(0, 1);
    receive_slice(1, 1);
    lose(payload_of(1) - 512, payload_of(1) - 511);
    refused = 0;
    const int64_t begun_us = ivx_clock_wall_us();

    turn();

    check_steps(begun_us);
    ck_assert_int_eq(the_series().instances, 1);
}
END_TEST

/* Its two first pages are the same. */
START_TEST(a_segment_can_be_read_when_half_of_its_head_cannot)
{
    receive_slice(0, 1);
    lose(0, 1);
    turn();
    ck_assert_int_eq(counts().unread, 0);
    ck_assert_int_eq(the_series().instances, 1);

    lose(0, 4097);
    receive_slice(1, 1);
    turn();
    ck_assert_int_eq(counts().unread, 1);
    ck_assert_int_eq(the_series().instances, 1);
}
END_TEST

START_TEST(a_segment_that_is_gone_is_not_waited_for)
{
    receive_slice(0, 1);
    lose(0, 4097);
    turn();
    ck_assert_int_eq(counts().unread, 1);
    ck_assert_int_eq(unlink(first_segment()), 0);
    make_due();

    turn();

    ck_assert_int_eq(counts().unread, 0);
}
END_TEST

/* What plan knows of the headers is lost; then slice 3 cannot be read. Returns the series. */
static struct ivx_series_row lose_what_was_indexed(void)
{
    struct ivx_err err = { 0 };
    receive_all(1);
    turn();
    ck_assert_int_eq(the_series().instances, SLICES);
    stop_plan();
    start_plan();
    lose(payload_of(3), payload_of(3) + 1);
    ck_assert(ivx_catalogue_series_complete(planner.catalogue, 1, &err));
    refused = 0;
    turn();
    return the_series();
}

START_TEST(a_series_that_cannot_be_read_any_more_is_put_off)
{
    const int64_t before_us = ivx_clock_wall_us();
    const struct ivx_series_row series = lose_what_was_indexed();

    CHECK_SERIES("receiving", "");
    ck_assert_int_eq(counts().unread, 1);
    ck_assert_int_eq(refused, 1);
    ck_assert_ptr_nonnull(strstr(series.why, "an instance cannot be read now: "));
    ck_assert_int_eq(series.limit_us, 0);
    ck_assert_int_ge(series.due_us, before_us + 2 * SECOND);
    ck_assert_int_le(series.due_us, ivx_clock_wall_us() + 2 * SECOND);
}
END_TEST

/* What is logged from now on, until stop_log() returns it. */
static int log_before, log_now;
static void start_log(void)
{
    log_before = dup(STDERR_FILENO);
    log_now = memfd_create("log", MFD_CLOEXEC);
    dup2(log_now, STDERR_FILENO);
}

static const char *stop_log(void)
{
    static char text[8192];
    dup2(log_before, STDERR_FILENO);
    close(log_before);
    const ssize_t length = __real_pread(log_now, text, sizeof text - 1, 0);
    close(log_now);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

/* And each step is told once. */
START_TEST(it_is_tried_again_later_each_time)
{
    char wanted[24];
    start_log();
    const int64_t begun_us = ivx_clock_wall_us();
    lose_what_was_indexed();
    check_steps(begun_us);

    const char *found = stop_log();

    for (size_t n = 0; n + 1 < IVX_COUNT(steps); n++) {
        snprintf(wanted, sizeof wanted, " again_s=%d ", steps[n]);
        found = strstr(found, wanted);
        ck_assert_msg(found != NULL, "%s", wanted);
    }
    ck_assert_ptr_null(strstr(found, "record.unread"));
}
END_TEST

static int refuse(void *context)
{
    (void)context;
    return 1;
}

/* As on a full disk. */
START_TEST(what_cannot_be_written_is_told_once_it_is)
{
    receive_all(16);
    turn();
    receive_slice(SLICES, 1);
    start_log();
    sqlite3_commit_hook(planner.catalogue->db, refuse, NULL);
    for (int n = 0; n < 3; n++) {
        struct ivx_err err = { 0 };
        ck_assert(!ivx_plan_index(&planner, &err));
    }
    ck_assert_ptr_null(strstr(stop_log(), "series.late"));
    sqlite3_commit_hook(planner.catalogue->db, NULL, NULL);
    start_log();

    turn();

    ck_assert_ptr_nonnull(strstr(stop_log(), "series.late"));
    ck_assert_int_eq(the_series().instances, SLICES + 1);
}
END_TEST

/* SQLite's authorizer: SQLITE_AUTH is to us what a read error is. */
static int hide_unread(void *context, int action, const char *table, const char *column,
                       const char *database, const char *trigger)
{
    (void)context, (void)column, (void)database, (void)trigger;
    return action == SQLITE_READ && strcmp(table, "unread") == 0 ? SQLITE_DENY : SQLITE_OK;
}

START_TEST(a_catalogue_that_fails_is_an_error_of_the_turn_and_of_no_series)
{
    struct ivx_err err = { 0 };
    int again_ms = 0;
    receive_all(16);
    ck_assert(ivx_plan_index(&planner, &err));
    sqlite3_set_authorizer(planner.catalogue->db, hide_unread, NULL);

    ck_assert(!ivx_plan_series(&planner, &again_ms, &err));

    ck_assert_int_eq(err.code, IVX_RETRY);
    CHECK_SERIES("receiving", "");
    sqlite3_set_authorizer(planner.catalogue->db, NULL, NULL);
    turn();
    CHECK_SERIES("planned", "");
}
END_TEST

START_TEST(another_series_is_decided_meanwhile)
{
    struct ivx_series_row other;
    struct ivx_err err = { 0 };
    lose_what_was_indexed();
    announce("2.25.8", 0, SLICES, NULL, 16);

    turn();

    ck_assert(ivx_catalogue_get_series(planner.catalogue, 2, &other, &err));
    ck_assert_str_eq(ivx_series_state_name(other.state), "planned");
    ck_assert_int_eq(counts().unread, 1);
}
END_TEST

START_TEST(it_is_decided_when_it_can_be_read)
{
    lose_what_was_indexed();
    stop_plan(); /* that it waits, and for what, is in rows */
    start_plan();
    heal();
    make_due();

    turn();

    ck_assert_int_eq(counts().unread, 0);
    ck_assert_int_eq(counts().duplicates, 0);
    CHECK_SERIES("planned", "");
}
END_TEST

int main(void)
{
    ivx_log_start("test", IVX_WARNING);
    Suite *suite = suite_create("plan: unread");
    TCase *cases = tcase_create("unread");
    tcase_add_checked_fixture(cases, begin, teardown);
    tcase_add_test(cases, a_record_that_cannot_be_read_holds_up_no_other);
    tcase_add_test(cases, it_is_taken_when_it_can_be_read);
    tcase_add_test(cases, what_is_damaged_by_then_is_passed_over);
    tcase_add_test(cases, a_segment_that_cannot_be_read_on_holds_up_no_other);
    tcase_add_test(cases, a_segment_that_cannot_be_read_on_is_tried_again_later_each_time);
    tcase_add_test(cases, a_segment_can_be_read_when_half_of_its_head_cannot);
    tcase_add_test(cases, a_segment_that_is_gone_is_not_waited_for);
    tcase_add_test(cases, a_series_that_cannot_be_read_any_more_is_put_off);
    tcase_add_test(cases, it_is_tried_again_later_each_time);
    tcase_add_test(cases, what_cannot_be_written_is_told_once_it_is);
    tcase_add_test(cases, a_catalogue_that_fails_is_an_error_of_the_turn_and_of_no_series);
    tcase_add_test(cases, another_series_is_decided_meanwhile);
    tcase_add_test(cases, it_is_decided_when_it_can_be_read);
    suite_add_tcase(suite, cases);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
