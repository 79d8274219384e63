/* Power cuts, damage, hostile payloads, processes that are killed and that compete. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"
#include "isovox/base/auto.h"
#include "rig.h"

/* The only segment's file: its bytes, and where records 0, 1, 2, ... stand. */
static struct {
    char path[4096];
    uint8_t *bytes;
    size_t length;
    uint64_t slot[8];
    uint64_t end;
} file;

static void start(void)
{
    faults_start();
    rig_start();
    faults_skip_syncs(true);
}

static void end(void)
{
    free(file.bytes);
    file.bytes = NULL;
    rig_end();
}

/* Writes `count` records of `length` bytes, gives the segment up, and takes a copy. */
static void prepare(int count, size_t length)
{
    ivx_spool_tune(spool, 1 << 17);
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    char *bytes = NULL;
    for (int n = 0; n < count; n++)
        rig_must_write(writer, n, length);
    ivx_spool_writer_free(&writer);
    ck_assert(rig_scan(NULL, 0, seen, NULL));
    ck_assert_uint_eq(seen->count, (size_t)count);
    for (int n = 0; n < count; n++)
        file.slot[n] = seen->record[n].offset - IVX_HEADER_SIZE;
    file.end = seen->after[count - 1].offset;
    ck_assert(ivx_spool_path(spool, seen->record[0].segment, file.path, 4096, NULL));
    ck_assert(ivx_file_read(file.path, 64 << 20, &bytes, &file.length, NULL));
    file.bytes = (uint8_t *)bytes;
}

/* The segment as it was, except for [from, to), which holds `bytes`. */
static void restore(const uint8_t *bytes, uint64_t from, uint64_t to)
{
    chmod(file.path, 0600);
    IVX_AUTO(ivx_fd_close) int fd = open(file.path, O_WRONLY);
    ck_assert_int_ne(fd, -1);
    ck_assert(ivx_fd_pwrite(fd, file.bytes, file.length, 0, "restore", NULL));
    ck_assert(ivx_fd_pwrite(fd, bytes, to - from, from, "restore", NULL));
    ck_assert_int_eq(ftruncate(fd, (off_t)file.length), 0);
}

/* Removes every segment but the one under test, so that each round begins alike. */
static void remove_others(void)
{
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    ck_assert(ivx_spool_segments(spool, &numbers, &count, NULL));
    for (size_t n = 1; n < count; n++) {
        const struct ivx_spool_mark beyond = { numbers[n], UINT64_C(1) << 40 };
        ck_assert(ivx_spool_reclaim(spool, &beyond, NULL, NULL, NULL));
    }
}

/* Another record is written, and a scan from the start as well as one from where the last
 * scan had ended sees it: nothing is ever lost behind a torn tail. */
static void goes_on(int had)
{
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    struct ivx_spool_mark mark = { 0 };
    ck_assert(rig_scan(NULL, 0, seen, NULL));
    ck_assert_int_eq((int)seen->count, had);
    if (had > 0)
        mark = seen->after[had - 1];
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    rig_must_write(writer, 77, 900);
    ck_assert(rig_scan(&mark, had > 0, seen, NULL));
    ck_assert_uint_eq(seen->count, 1);
    ck_assert_int_eq(seen->n[0], 77);
    ck_assert(rig_scan(NULL, 0, seen, NULL));
    ck_assert_int_eq((int)seen->count, had + 1);
}

/* Bytes from `k` on of the last record never reached the disk. */
START_TEST(a_record_that_is_torn_at_any_byte_is_no_record)
{
    prepare(3, 1000);
    const size_t whole = IVX_HEADER_SIZE + 1000 + IVX_END_SIZE;
    IVX_AUTO(ivx_memory_free) uint8_t *zeros = calloc(1, 8192);

    for (size_t k = 0; k <= whole; k++) {
        restore(zeros, file.slot[2] + k, file.end);
        goes_on(k == whole ? 3 : 2);
        remove_others();
    }
}
END_TEST

/* The other way round: the first bytes are those that are missing. */
START_TEST(a_record_whose_beginning_is_missing_is_no_record)
{
    prepare(3, 1000);
    const size_t whole = IVX_HEADER_SIZE + 1000 + IVX_END_SIZE;
    IVX_AUTO(ivx_memory_free) uint8_t *zeros = calloc(1, 8192);

    for (size_t k = 1; k <= whole; k += k < 600 ? 1 : 37) {
        restore(zeros, file.slot[2], file.slot[2] + k);
        goes_on(2);
        remove_others();
    }
}
END_TEST

START_TEST(any_subset_of_pages_may_be_lost)
{
    prepare(3, 30000);
    const int pages = (int)((file.end - file.slot[2]) / 4096);
    ck_assert_int_eq(pages, 8);
    IVX_AUTO(ivx_memory_free) uint8_t *lost = malloc(8 * 4096);

    for (int pages_kept = 0; pages_kept < 256; pages_kept++) {
        memcpy(lost, file.bytes + file.slot[2], 8 * 4096);
        for (int page = 0; page < 8; page++)
            if ((pages_kept >> page & 1) == 0)
                memset(lost + 4096 * page, 0, 4096);
        restore(lost, file.slot[2], file.end);
        goes_on(pages_kept == 255 ? 3 : 2);
        remove_others();
    }
}
END_TEST

START_TEST(no_byte_of_a_record_may_change)
{
    prepare(3, 1000);
    const size_t whole = IVX_HEADER_SIZE + 1000 + IVX_END_SIZE;
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);

    for (size_t k = 0; k < whole; k++) {
        const uint64_t at = file.slot[1] + k;
        const uint8_t changed = file.bytes[at] ^ 0x40;
        restore(&changed, at, at + 1);
        /* The record is not served, and hides none of its neighbours. */
        ck_assert(rig_scan(NULL, 0, seen, NULL));
        ck_assert_uint_eq(seen->count, 2);
        ck_assert_int_eq(seen->n[0], 0);
        ck_assert_int_eq(seen->n[1], 2);
    }
}
END_TEST

START_TEST(whatever_is_damaged_only_what_was_written_is_read)
{
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    prepare(4, 9000);
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = malloc(file.length);
    ck_assert(rig_scan(NULL, 0, seen, NULL));
    uint8_t digest[4][IVX_SHA256_SIZE];
    for (int n = 0; n < 4; n++)
        memcpy(digest[n], seen->record[n].sha256, IVX_SHA256_SIZE);
    uint32_t state = 1;

    for (int round = 0; round < 400; round++) {
        memcpy(bytes, file.bytes, file.length);
        for (int k = 0; k <= round % 20; k++) {
            state = state * 1664525u + 1013904223u;
            const size_t at = (state >> 4) % file.end;
            bytes[at] = (uint8_t)(bytes[at] + 1 + state % 255);
        }
        restore(bytes, 0, file.length);
        ck_assert(rig_scan(NULL, 0, seen, NULL));
        for (size_t k = 0; k < seen->count; k++) {
            ck_assert(k == 0 || seen->n[k] > seen->n[k - 1]);
            ck_assert_mem_eq(seen->record[k].sha256, digest[seen->n[k]], IVX_SHA256_SIZE);
        }
    }
}
END_TEST

START_TEST(damage_among_good_records_is_never_written_over)
{
    static const struct {
        int record;
        uint64_t from, to; /* relative to its slot; zeros there */
    } damage[] = { { 1, 0, 512 },     { 1, 8, 9 },   { 1, 600, 700 }, { 1, 0, 4096 },
                   { 1, 1513, 1520 }, { 0, 0, 512 }, { 0, 0, 4096 },  { 2, 600, 601 } };
    uint8_t zeros[4096] = { 0 };
    prepare(4, 1000);

    for (size_t n = 0; n < IVX_COUNT(damage); n++) {
        const uint64_t from = file.slot[damage[n].record] + damage[n].from;
        const uint64_t to = file.slot[damage[n].record] + damage[n].to;
        restore(zeros, from, to);
        IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
        rig_must_write(writer, 77, 1000);
        ivx_spool_writer_free(&writer);

        IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
        ck_assert(rig_scan(NULL, 0, seen, NULL));
        ck_assert_msg(seen->count == 4, "case %zu: %zu", n, seen->count);
        for (size_t k = 0, wanted = 0; k < 3; k++, wanted++) {
            wanted += wanted == (size_t)damage[n].record;
            ck_assert_int_eq(seen->n[k], (int)wanted);
        }
        ck_assert_int_eq(seen->n[3], 77);
        remove_others();
    }
}
END_TEST

START_TEST(one_of_the_first_pages_may_be_lost)
{
    uint8_t zeros[2 * 4096] = { 0 };
    prepare(2, 1000);
    restore(zeros, 0, 4096);
    rig_expect(0, 1);
    restore(zeros, 4096, 2 * 4096);
    rig_expect(0, 1);
    /* Both: nothing can be told from a peer's bytes any more. */
    restore(zeros, 0, 2 * 4096);
    rig_expect(0, -1);
    goes_on(0);
}
END_TEST

/* A mark may lie beyond the tail that the disk has kept, when it had lied about a sync.
 */
START_TEST(after_a_restart_nothing_is_appended_before_a_mark)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    IVX_AUTO(ivx_memory_free) uint8_t *zeros = calloc(1, 1 << 20);
    prepare(3, 1000);
    ck_assert(rig_scan(NULL, 0, seen, &err));
    const struct ivx_spool_mark mark = seen->after[2];
    restore(zeros, file.slot[1], file.length);
    spool->boot[0] ^= 1;

    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    rig_must_write(writer, 77, 1000);

    ck_assert(rig_scan(&mark, 1, seen, &err));
    ck_assert_uint_eq(seen->count, 1);
    ck_assert_int_eq(seen->n[0], 77);
    ck_assert_uint_ne(seen->record[0].segment, mark.segment);
}
END_TEST

/* A peer sends, page-aligned within its payload, a record of this very segment, and one
 * for exactly that place that lacks only the key. */
START_TEST(bytes_of_a_peer_never_pass_for_a_record)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint8_t *payload = calloc(1, 300000);
    static const uint8_t no_key[IVX_KEY_SIZE];
    struct ivx_record record, forged;
    prepare(2, 1000);
    const uint64_t slot = file.end;
    rig_record(66, &forged);
    forged.length = 100;
    for (int page = 1; page < 4; page++) {
        uint8_t *at = payload + 4096 * page - IVX_HEADER_SIZE;
        if (page == 2)
            memcpy(at, file.bytes + file.slot[1], 4096);
        else
            ivx_header_encode(&forged, slot + 4096 * (uint64_t)page, no_key, at);
    }
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = rig_writer();
    rig_record(2, &record);

    /* While it arrives; after it was given up; when a search through damage comes by. */
    ck_assert(ivx_spool_begin(writer, &record, &err));
    ck_assert(ivx_spool_append(writer, payload, 300000, &err));
    rig_expect(0, 1);
    ivx_spool_abort(writer);
    ivx_spool_writer_free(&writer);
    rig_expect(0, 1);
    IVX_AUTO(ivx_fd_close) int fd = open(file.path, O_WRONLY);
    ck_assert(ivx_fd_pwrite(fd, "bad", 3, slot, "test", NULL));
    rig_expect(0, 1);
    ck_assert(ivx_fd_pwrite(fd, "\0\0", 3, slot, "test", NULL));

    /* Behind a shorter record in its place: the segment is as good as ever. */
    for (int n = 2; n < 5; n++) {
        writer = rig_writer();
        rig_must_write(writer, n, 10);
        ivx_spool_writer_free(&writer);
        rig_expect(0, n);
    }
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    ck_assert(ivx_spool_segments(spool, &numbers, &count, &err));
    ck_assert_uint_eq(count, 1);
}
END_TEST

/* Writes until it is killed; tells the parent each number after its commit. */
static void write_for_ever(int first, int pipe_end)
{
    struct ivx_spool_writer *writer = NULL;
    struct ivx_err err = { 0 };
    if (!ivx_spool_writer_new(spool, &writer, &err))
        _exit(1);
    for (int n = first;; n++) {
        if (!rig_write(writer, n, 1000 + (size_t)n * 7919 % 300000, &err))
            _exit(2);
        if (write(pipe_end, &n, sizeof n) != sizeof n)
            _exit(3);
    }
}

static int last_acknowledged(int pipe_end)
{
    int n, last = -1;
    while (read(pipe_end, &n, sizeof n) == sizeof n)
        last = n;
    return last;
}

START_TEST(what_was_acknowledged_survives_kill_9)
{
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    bool acknowledged[10000] = { false };
    faults_start();
    for (int round = 0; round < 20; round++) {
        int ends[2];
        ck_assert_int_eq(pipe(ends), 0);
        const pid_t child = fork();
        if (child == 0)
            write_for_ever(500 * round, ends[1]);
        close(ends[1]);
        int n = -1;
        ck_assert_int_eq((int)read(ends[0], &n, sizeof n), (int)sizeof n);
        acknowledged[n] = true;
        const struct timespec pause = { 0, 200000 + 737000L * round };
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        ck_assert(WIFSIGNALED(status));
        const int last = last_acknowledged(ends[0]);
        close(ends[0]);
        for (; n <= last; n++)
            acknowledged[n] = true;
    }

    ck_assert(rig_scan(NULL, 0, seen, NULL));
    int unasked = 0, found = 0;
    for (size_t k = 0; k < seen->count; k++) {
        if (acknowledged[seen->n[k]])
            acknowledged[seen->n[k]] = false, found++;
        else
            unasked++; /* whole, but killed before it could say so */
    }
    for (int n = 0; n < 10000; n++)
        ck_assert_msg(!acknowledged[n], "record %d is lost", n);
    ck_assert_int_ge(found, 20);
    ck_assert_int_le(unasked, 20);
}
END_TEST

START_TEST(writers_in_processes_of_their_own_do_not_meet)
{
    enum { WRITERS = 4, EACH = 60 };
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    bool there[WRITERS * EACH] = { false };
    pid_t children[WRITERS];
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        if (children[w] != 0)
            continue;
        for (int n = 0; n < EACH; n++) { /* an association each, as some modalities do */
            struct ivx_spool_writer *writer = NULL;
            if (!ivx_spool_writer_new(spool, &writer, NULL)
                || !rig_write(writer, w * EACH + n, 1000 + (size_t)n * 911, NULL))
                _exit(1);
            ivx_spool_writer_free(&writer);
        }
        _exit(0);
    }
    for (int w = 0; w < WRITERS; w++) {
        int status = 0;
        waitpid(children[w], &status, 0);
        ck_assert_int_eq(status, 0);
    }

    ck_assert(rig_scan(NULL, 0, seen, NULL));
    ck_assert_uint_eq(seen->count, WRITERS * EACH);
    for (size_t k = 0; k < seen->count; k++) {
        ck_assert(!there[seen->n[k]]);
        there[seen->n[k]] = true;
    }
    /* No more segments than writers at once, but for those that are full. */
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    size_t count = 0;
    ck_assert(ivx_spool_segments(spool, &numbers, &count, NULL));
    ck_assert_uint_le(count, 2 * WRITERS + 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool: crashes");
    TCase *tests = tcase_create("crashes");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, end);
    tcase_add_test(tests, a_record_that_is_torn_at_any_byte_is_no_record);
    tcase_add_test(tests, a_record_whose_beginning_is_missing_is_no_record);
    tcase_add_test(tests, any_subset_of_pages_may_be_lost);
    tcase_add_test(tests, no_byte_of_a_record_may_change);
    tcase_add_test(tests, whatever_is_damaged_only_what_was_written_is_read);
    tcase_add_test(tests, damage_among_good_records_is_never_written_over);
    tcase_add_test(tests, one_of_the_first_pages_may_be_lost);
    tcase_add_test(tests, after_a_restart_nothing_is_appended_before_a_mark);
    tcase_add_test(tests, bytes_of_a_peer_never_pass_for_a_record);
    tcase_add_test(tests, what_was_acknowledged_survives_kill_9);
    tcase_add_test(tests, writers_in_processes_of_their_own_do_not_meet);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
