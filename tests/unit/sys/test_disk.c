/* Marks that no disk can meet, and marks that every disk meets. */
#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/disk.h"
#include "isovox/sys/file.h"

enum { PETABYTE = 1 << 30 }; /* in MiB */
static char folder[64], ballast[80];

/* In place of the real disk: one of 8 GiB on which only so much is left. */
static bool is_another;
static uint64_t left;

int __real_statvfs(const char *path, struct statvfs *out);
int __wrap_statvfs(const char *path, struct statvfs *out);
int __wrap_statvfs(const char *path, struct statvfs *out)
{
    if (!is_another)
        return __real_statvfs(path, out);
    *out = (struct statvfs){ .f_frsize = 4096, .f_blocks = 2 << 20, .f_bavail = left / 4096 };
    return 0;
}

static void set_up(void)
{
    is_another = false;
    snprintf(folder, sizeof folder, "/tmp/isovox-disk-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(ballast, sizeof ballast, "%s/ballast", folder);
}

static void tear_down(void)
{
    ivx_tree_remove(folder, NULL);
}

/* One of that size, without room of its own. */
static void put_ballast(long bytes)
{
    FILE *file = fopen(ballast, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(ftruncate(fileno(file), bytes), 0);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(the_level_follows_the_marks)
{
    struct statvfs asked;
    ck_assert_int_eq(statvfs(folder, &asked), 0);
    const struct ivx_disk disk = ivx_disk_look(folder, 0, 0);
    ck_assert_uint_eq(disk.total_bytes, (uint64_t)asked.f_blocks * asked.f_frsize);
    ck_assert_int_eq(disk.level, IVX_DISK_OK);
    ck_assert_uint_eq(disk.enough_bytes, 0);
    ck_assert_int_eq(ivx_disk_look(folder, PETABYTE, 0).level, IVX_DISK_LOW);
    ck_assert_uint_ge(ivx_disk_look(folder, PETABYTE, 0).enough_bytes, UINT64_C(1) << 50);
    ck_assert_int_eq(ivx_disk_look(folder, PETABYTE, PETABYTE).level, IVX_DISK_FULL);
    ck_assert_int_eq(ivx_disk_look("/nowhere/at/all", PETABYTE, PETABYTE).level, IVX_DISK_OK);
}
END_TEST

/* Whatever the marks are: writes fail there. */
START_TEST(the_last_of_a_disk_is_full_without_marks)
{
    struct ivx_disk disk;
    is_another = true;
    left = 1 << 20;
    ck_assert_int_eq(ivx_disk_look(folder, 0, 0).level, IVX_DISK_OK);
    left -= 4096;
    disk = ivx_disk_look(folder, 0, 0);
    ck_assert_int_eq(disk.level, IVX_DISK_FULL);
    ck_assert_uint_eq(disk.enough_bytes, 0);
    disk = ivx_disk_look(folder, 1000, 0);
    ck_assert_int_eq(disk.level, IVX_DISK_FULL);
    ck_assert_uint_eq(disk.enough_bytes, 0);

    put_ballast(64 << 20);
    disk = ivx_disk_look(folder, 1000, 500);
    ck_assert_int_eq(disk.level, IVX_DISK_FULL);
    ck_assert_uint_eq(disk.enough_bytes, 500 << 20);
}
END_TEST

#define TO_BE_DONE " Make room on the disk of state_dir, enlarge it, or lower plan.keep"
#define KEPT ". What was acknowledged is kept, and "
#define HERE "what is here is converted and delivered."
static const struct {
    struct ivx_disk disk;
    const char *text;
} told[] = {
    { { .free_bytes = 30 << 20 }, "30 MiB free" },
    { { .free_bytes = (19 << 20) - 1, .level = IVX_DISK_LOW, .enough_bytes = 24 << 20 },
      "18 MiB free: no new association is accepted until there are 24" KEPT HERE TO_BE_DONE },
    { { .free_bytes = 7 << 20, .level = IVX_DISK_FULL, .enough_bytes = (12 << 20) + 1 },
      "7 MiB free: no instance is accepted (A700) until there are 13" KEPT HERE TO_BE_DONE },
    { { .level = IVX_DISK_FULL }, "0 MiB free: nothing more can be written" KEPT
      "all goes on when there is room." TO_BE_DONE },
};

START_TEST(it_is_told_what_is_wrong_until_when_and_what_to_do)
{
    char text[320];
    ivx_disk_text(&told[_i].disk, text, sizeof text);
    ck_assert_str_eq(text, told[_i].text);
}
END_TEST

START_TEST(the_ballast_takes_room_and_gives_it_back_when_the_disk_is_full)
{
    struct stat status;
    struct ivx_disk disk = ivx_disk_look(folder, 0, 0);
    if (disk.free_bytes < (UINT64_C(1) << 30)) {
        printf("skipped: less than 1 GiB is free in /tmp\n");
        return;
    }
    ck_assert(!disk.has_ballast);
    ivx_disk_tend_ballast(folder, &disk);
    ck_assert_int_eq(stat(ballast, &status), 0);
    ck_assert_int_gt(status.st_blocks * 512, 1 << 20);

    disk = ivx_disk_look(folder, PETABYTE, 0);
    ck_assert(disk.has_ballast);
    ivx_disk_tend_ballast(folder, &disk);
    ck_assert_int_eq(stat(ballast, &status), 0); /* low is not full */

    disk = ivx_disk_look(folder, PETABYTE, PETABYTE);
    ivx_disk_tend_ballast(folder, &disk);
    ck_assert_int_eq(stat(ballast, &status), -1);
    disk = ivx_disk_look(folder, PETABYTE, 0);
    ivx_disk_tend_ballast(folder, &disk); /* there is no room for it yet */
    ck_assert_int_eq(stat(ballast, &status), -1);
}
END_TEST

/* Otherwise what the ballast gave would be received into. */
START_TEST(without_its_ballast_a_disk_is_full_earlier)
{
    struct ivx_disk disk = ivx_disk_look(folder, 0, 0);
    if (disk.free_bytes < (UINT64_C(1) << 30) || disk.total_bytes < (UINT64_C(8) << 30)) {
        printf("skipped: /tmp is too small\n");
        return;
    }
    const long mark = (long)(disk.free_bytes >> 20) - 32; /* 64 MiB are missing */
    ck_assert_int_eq(ivx_disk_look(folder, 0, mark).level, IVX_DISK_FULL);
    put_ballast(64 << 20);
    ck_assert_int_eq(ivx_disk_look(folder, 0, mark).level, IVX_DISK_OK);
}
END_TEST

START_TEST(a_ballast_that_a_crash_left_unfinished_is_finished_or_given_up)
{
    struct stat status;
    put_ballast(1);
    struct ivx_disk disk = ivx_disk_look(folder, 0, 0);
    if (disk.free_bytes < (UINT64_C(1) << 30)) {
        printf("skipped: less than 1 GiB is free in /tmp\n");
        return;
    }
    ck_assert(!disk.has_ballast);
    ivx_disk_tend_ballast(folder, &disk);
    ck_assert(ivx_disk_look(folder, 0, 0).has_ballast);
    ck_assert_int_eq(stat(ballast, &status), 0);
    ck_assert_int_gt(status.st_blocks * 512, 1 << 20);

    put_ballast(1);
    disk = ivx_disk_look(folder, PETABYTE, PETABYTE);
    ivx_disk_tend_ballast(folder, &disk);
    ck_assert_int_eq(stat(ballast, &status), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disk");
    TCase *tests = tcase_create("disk");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_level_follows_the_marks);
    tcase_add_test(tests, the_last_of_a_disk_is_full_without_marks);
    tcase_add_loop_test(tests, it_is_told_what_is_wrong_until_when_and_what_to_do, 0,
                        (int)IVX_COUNT(told));
    tcase_add_test(tests, the_ballast_takes_room_and_gives_it_back_when_the_disk_is_full);
    tcase_add_test(tests, without_its_ballast_a_disk_is_full_earlier);
    tcase_add_test(tests, a_ballast_that_a_crash_left_unfinished_is_finished_or_given_up);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
