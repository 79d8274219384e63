/* A power cut after every call of a writer. What was written since the last sync may have
 * reached the disk page by page, in any order, old or new; the journal must hold what was
 * acknowledged, and nothing that was never sent. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"
#include "isovox/base/auto.h"
#include "rig.h"

enum { PAGE = 4096, SAMPLES = 40 };

static struct {
    char path[4096];
    uint64_t segment;
    uint8_t *before; /* the segment before the first record */
    size_t length;
} made;
static uint32_t seed;

static uint32_t chance(uint32_t most)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % most;
}

static void end(void)
{
    faults_keep(true);
    free(made.before);
    made.before = NULL;
    rig_end();
}

/* Records of all kinds: small, of several blocks, given up, without payload, growing. */
static void write_all(struct ivx_spool_writer *writer)
{
    static const size_t lengths[] = { 100, 5000, 300000, 3552, 600000, 70000 };
    struct ivx_err err = { 0 };
    struct ivx_record ended = { .kind = IVX_RECORD_RELEASED, .sop_uid = "1.2.50" };
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = rig_payload(60, 400000);
    for (int n = 0; n < (int)IVX_COUNT(lengths); n++) {
        faults_note('b', n);
        rig_must_write(writer, n, lengths[n]);
        faults_note('a', n); /* acknowledged */
        if (n == 2) {        /* a peer that goes away */
            struct ivx_record record;
            rig_record(60, &record);
            ck_assert(ivx_spool_begin(writer, &record, &err));
            ck_assert(ivx_spool_append(writer, bytes, 400000, &err));
            ivx_spool_abort(writer);
        }
        if (n == 3) {
            faults_note('b', 50);
            ck_assert(ivx_spool_begin(writer, &ended, &err));
            ck_assert(ivx_spool_commit(writer, NULL, &err));
        }
    }
}

static void start(void)
{
    IVX_AUTO(ivx_spool_writer_free) struct ivx_spool_writer *writer = NULL;
    IVX_AUTO(ivx_memory_free) uint64_t *numbers = NULL;
    char *bytes = NULL;
    size_t count = 0;
    faults_start();
    rig_start();
    faults_skip_syncs(true);
    writer = rig_writer();
    ck_assert(ivx_spool_segments(spool, &numbers, &count, NULL));
    ck_assert_uint_eq(count, 1);
    made.segment = numbers[0];
    ck_assert(ivx_spool_path(spool, made.segment, made.path, sizeof made.path, NULL));
    ck_assert(ivx_file_read(made.path, 64 << 20, &bytes, &made.length, NULL));
    made.before = (uint8_t *)bytes;
    faults_keep(true);
    write_all(writer);
    faults_keep(false);
}

/* The disk: what each page holds when the power goes after call `cut`. For the pages of
 * calls after the last sync a choice is made among the versions that they went through.
 */
static void play(uint8_t *disk, size_t length, int cut, int sample)
{
    int synced = 0;
    for (int n = 0; n < cut; n++)
        if (kept[n].letter == 'd')
            synced = n + 1;
    for (int n = 0; n < cut; n++) {
        const struct call *call = &kept[n];
        for (size_t done = 0; call->letter == 'w' && done < call->length;) {
            const uint64_t at = call->offset + done;
            const size_t room = (size_t)(PAGE - at % PAGE);
            const size_t left = call->length - done;
            const size_t taken = left < room ? left : room;
            ck_assert_uint_le(at + taken, length);
            /* Sample 0: nothing since the sync has arrived; 1: all of it. */
            if (n < synced || sample == 1 || (sample > 1 && chance(2) == 0))
                memcpy(disk + at, call->bytes + done, taken);
            done += taken;
        }
    }
}

static void put_disk(const uint8_t *disk, size_t length)
{
    chmod(made.path, 0600);
    IVX_AUTO(ivx_fd_close) int fd = open(made.path, O_WRONLY);
    ck_assert_int_ne(fd, -1);
    ck_assert(ivx_fd_pwrite(fd, disk, length, 0, "disk", NULL));
    ck_assert_int_eq(ftruncate(fd, (off_t)length), 0);
}

/* Begun and acknowledged before the cut? */
static bool noted(char letter, int n, int cut)
{
    for (int k = 0; k < cut; k++)
        if (kept[k].letter == letter && kept[k].n == n)
            return true;
    return false;
}

static bool is_as_sent(const uint8_t *disk, const struct ivx_record *record, int n)
{
    IVX_AUTO(ivx_memory_free) uint8_t *sent = rig_payload(n, record->length);
    return memcmp(disk + record->offset, sent, record->length) == 0;
}

static void check_after(const uint8_t *disk, int cut, int sample)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct seen *seen = calloc(1, sizeof *seen);
    bool there[64] = { false };
    ck_assert_msg(rig_scan(NULL, 0, seen, &err), "%s", err.text);
    for (size_t k = 0; k < seen->count; k++) {
        const int n = seen->n[k];
        ck_assert_msg(n != 60 && !there[n] && noted('b', n, cut), "cut %d, sample %d: %d",
                      cut, sample, n);
        there[n] = true;
        ck_assert_msg(is_as_sent(disk, &seen->record[k], n),
                      "cut %d, sample %d: record %d", cut, sample, n);
    }
    for (int n = 0; n < 6; n++)
        ck_assert_msg(there[n] || !noted('a', n, cut),
                      "cut %d, sample %d: record %d is lost", cut, sample, n);
}

START_TEST(what_was_acknowledged_survives_a_power_cut_at_any_call)
{
    size_t length = made.length;
    for (int n = 0; n < kept_count; n++)
        if (kept[n].letter == 'w' && kept[n].offset + kept[n].length > length)
            length = kept[n].offset + kept[n].length;
    IVX_AUTO(ivx_memory_free) uint8_t *disk = malloc(length);
    ck_assert_ptr_nonnull(disk);
    ck_assert_int_gt(kept_count, 30);

    for (int cut = 0; cut <= kept_count; cut++)
        for (int sample = 0; sample < SAMPLES; sample++) {
            memset(disk, 0, length);
            memcpy(disk, made.before, made.length);
            play(disk, length, cut, sample);
            put_disk(disk, length);
            check_after(disk, cut, sample);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool: power cuts");
    TCase *tests = tcase_create("power cuts");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, end);
    tcase_add_test(tests, what_was_acknowledged_survives_a_power_cut_at_any_call);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
