/* What the catalogue opens: convert workers use it where nothing else may be opened. */
#include <sqlite3.h>
#include <string.h>

#include "rig.h"

static sqlite3_vfs vfs;
static int (*open_file)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);
static int others; /* files that are not the database or its write-ahead log */

static int note_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                     int *flags_out)
{
    (void)self;
    others += (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) == 0;
    return open_file(sqlite3_vfs_find("unix"), name, file, flags, flags_out);
}

/* Statement journals are files from their first byte, which a large catalogue needs anyway. */
static void watch(void)
{
    ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, 0), SQLITE_OK);
    ck_assert_int_eq(sqlite3_initialize(), SQLITE_OK);
    vfs = *sqlite3_vfs_find("unix");
    vfs.zName = "watched";
    open_file = vfs.xOpen;
    vfs.xOpen = note_open;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
    rig_start();
}

START_TEST(no_file_is_opened_but_its_own)
{
    const int64_t series = rig_series(1, 3);
    rig_plan(series, "key", "pacs");
    const int64_t job = rig_convert(4);
    ck_assert_int_eq(rig_job(job).state, IVX_JOB_DONE);
    ck_assert_int_gt(rig_only_delivery(job), 0);
    ck_assert_int_eq(others, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue: files");
    TCase *cases = tcase_create("files");
    tcase_add_checked_fixture(cases, watch, rig_end);
    tcase_add_test(cases, no_file_is_opened_but_its_own);
    suite_add_tcase(suite, cases);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
