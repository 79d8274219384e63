/* Counted by several processes, read by another. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/sys/counters.h"
#include "isovox/sys/file.h"

static char folder[64], path[96];
static struct ivx_counters *counters;
static struct ivx_err err;

#define OK(call) ck_assert_msg((call), "%s", err.text)

static void set_up(void)
{
    char run[80];
    memset(&err, 0, sizeof err);
    snprintf(folder, sizeof folder, "/tmp/isovox-counters-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(run, sizeof run, "%s/run", folder);
    ck_assert_int_eq(mkdir(run, 0700), 0);
    snprintf(path, sizeof path, "%s/run/receive.counters", folder);
    OK(ivx_counters_new(3, &counters, &err));
}

static void tear_down(void)
{
    ivx_counters_free(&counters);
    ivx_tree_remove(folder, NULL);
}

static uint64_t shown(const char *owner, size_t number)
{
    IVX_AUTO(ivx_memory_free) struct ivx_counter_row *rows = NULL;
    size_t count = 0;
    OK(ivx_counters_read(folder, "receive", 3, &rows, &count, &err));
    for (size_t n = 0; n < count; n++)
        if (strcmp(rows[n].owner, owner) == 0)
            return rows[n].value[number];
    ck_abort_msg("no %s", owner);
    return 0;
}

START_TEST(processes_count_together)
{
    ivx_counters_declare(counters, "CT 1");
    for (int child = 0; child < 4; child++)
        if (fork() == 0) {
            const size_t owner = ivx_counters_find(counters, "CT 1");
            for (int n = 0; n < 20000; n++)
                ivx_counters_add(counters, owner, 2, 3);
            _exit(0);
        }
    while (wait(NULL) > 0)
        continue;

    OK(ivx_counters_write(counters, folder, "receive", &err));

    ck_assert_uint_eq(shown("CT 1", 2), 4 * 20000 * 3);
    ck_assert_uint_eq(shown("CT 1", 0), 0);
    ck_assert_uint_eq(shown("other", 2), 0);
}
END_TEST

START_TEST(who_is_not_declared_is_other)
{
    char name[16];
    ivx_counters_add(counters, ivx_counters_find(counters, "STRANGER"), 0, 1);
    ivx_counters_add(counters, ivx_counters_find(counters, NULL), 0, 1);
    for (int n = 0; n < 2 * IVX_COUNTER_OWNERS; n++) {
        snprintf(name, sizeof name, "AE%d", n);
        ivx_counters_declare(counters, name);
        ivx_counters_declare(counters, name);
        ivx_counters_add(counters, ivx_counters_find(counters, name), 0, 1);
    }

    OK(ivx_counters_write(counters, folder, "receive", &err));

    ck_assert_uint_eq(shown("AE254", 0), 1);
    ck_assert_uint_eq(shown("other", 0), 2 + IVX_COUNTER_OWNERS + 1);
}
END_TEST

START_TEST(what_has_not_changed_is_not_written_again)
{
    OK(ivx_counters_write(counters, folder, "receive", &err));
    ck_assert_int_eq(unlink(path), 0);

    OK(ivx_counters_write(counters, folder, "receive", &err));
    ck_assert_int_eq(access(path, F_OK), -1);

    ivx_counters_add(counters, 0, 0, 1);
    OK(ivx_counters_write(counters, folder, "receive", &err));
    ck_assert_uint_eq(shown("other", 0), 1);
}
END_TEST

START_TEST(a_name_cannot_become_another_line_or_label)
{
    ivx_counters_declare(counters, "a\nb\"c\\d");
    OK(ivx_counters_write(counters, folder, "receive", &err));
    ck_assert_uint_eq(shown("a?b?c?d", 0), 0);
}
END_TEST

static const char *const damaged[] = {
    "", "isovox-counters 2\n1 2 CT1\n", "isovox-counters 3\n1 2 CT1\n",
    "isovox-counters 3\n1 2 -3 CT1\n", "isovox-counters 3\n1 2 x CT1\n",
    "isovox-counters 3\n1 2 3 \n",
};

START_TEST(what_is_no_list_of_these_counters_is_absent)
{
    IVX_AUTO(ivx_memory_free) struct ivx_counter_row *rows = NULL;
    size_t count = 0;
    ck_assert(!ivx_counters_read(folder, "receive", 3, &rows, &count, &err));
    ck_assert_int_eq(err.code, IVX_ABSENT);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(damaged[_i], file);
    ck_assert_int_eq(fclose(file), 0);
    struct ivx_err why = { 0 };

    ck_assert(!ivx_counters_read(folder, "receive", 3, &rows, &count, &why));

    ck_assert_int_eq(why.code, IVX_ABSENT);
    ck_assert_ptr_null(rows);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_is_said)
{
    ck_assert(!ivx_counters_write(counters, "/proc/nowhere", "receive", &err));
    ck_assert_str_ne(err.text, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sys: counters");
    TCase *tests = tcase_create("counters");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, processes_count_together);
    tcase_add_test(tests, who_is_not_declared_is_other);
    tcase_add_test(tests, what_has_not_changed_is_not_written_again);
    tcase_add_test(tests, a_name_cannot_become_another_line_or_label);
    tcase_add_loop_test(tests, what_is_no_list_of_these_counters_is_absent, 0,
                        (int)IVX_COUNT(damaged));
    tcase_add_test(tests, a_folder_that_cannot_be_written_is_said);
    suite_add_tcase(suite, tests);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
