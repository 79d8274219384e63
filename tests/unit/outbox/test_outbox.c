/* Results are published whole, in an order that a power cut cannot undo. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/outbox/outbox.h"
#include "isovox/sys/file.h"

static char state_dir[64], stage[4096], ready[4096];
static struct ivx_outbox *outbox;

/* What was synced and renamed, by last name: "000001.dcm key.e1 > ready ". */
static char trace[1024];
static int calls, fail_at;

int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);

static bool faulty(const char *what)
{
    snprintf(trace + strlen(trace), sizeof trace - strlen(trace), "%s ", what);
    if (++calls != fail_at)
        return false;
    errno = EIO;
    return true;
}

int __wrap_fsync(int fd)
{
    char link[64], path[4096] = { 0 };
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ck_assert_int_gt((int)readlink(link, path, sizeof path - 1), 0);
    return faulty(strrchr(path, '/') + 1) ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    return faulty(">") ? -1 : __real_rename(from, to);
}

#define OK(call)                                                                         \
    do {                                                                                 \
        struct ivx_err err = { 0 };                                                      \
        ck_assert_msg((call), "%s: %s", #call, err.text);                                \
    } while (0)

static void put(const char *name, const char *text)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", stage, name);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ne(fd, -1);
    OK(ivx_fd_write(fd, text, strlen(text), path, &err));
}

static bool holds(const char *directory, const char *name, const char *text)
{
    char path[8192];
    IVX_AUTO(ivx_memory_free) char *bytes = NULL;
    size_t length = 0;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return ivx_file_read(path, 1000, &bytes, &length, NULL) && strcmp(bytes, text) == 0;
}

static void start(void)
{
    snprintf(state_dir, sizeof state_dir, "/tmp/isovox-outbox-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(state_dir));
    calls = fail_at = 0;
    OK(ivx_outbox_open(state_dir, &outbox, &err));
    OK(ivx_outbox_stage(outbox, "key", 1, stage, &err));
    ivx_outbox_path(outbox, "key", ready);
    trace[0] = '\0';
    calls = 0;
}

static void end(void)
{
    ivx_outbox_free(&outbox);
    ivx_tree_remove(state_dir, NULL);
}

START_TEST(a_published_result_is_ready_and_no_longer_staged)
{
    put("000001.dcm", "one");
    put("manifest.json", "{}");
    ck_assert_int_eq(access(ready, F_OK), -1);

    OK(ivx_outbox_publish(outbox, "key", 1, &err));

    ck_assert(holds(ready, "000001.dcm", "one"));
    ck_assert(holds(ready, "manifest.json", "{}"));
    ck_assert_int_eq(access(stage, F_OK), -1);
}
END_TEST

START_TEST(contents_then_names_then_the_result_then_its_directory)
{
    put("000001.dcm", "one");

    OK(ivx_outbox_publish(outbox, "key", 1, &err));

    ck_assert_str_eq(trace, "000001.dcm key.e1 > ready ");
}
END_TEST

START_TEST(every_file_is_synced_before_the_directory)
{
    put("000001.dcm", "one");
    put("000002.dcm", "two");
    put("manifest.json", "{}");

    OK(ivx_outbox_publish(outbox, "key", 1, &err));

    const char *directory = strstr(trace, "key.e1 > ready ");
    ck_assert_ptr_nonnull(directory);
    ck_assert_int_eq(calls, 6);
    ck_assert(strstr(trace, "000001.dcm ") < directory);
    ck_assert(strstr(trace, "000002.dcm ") < directory);
    ck_assert(strstr(trace, "manifest.json ") < directory);
}
END_TEST

/* Call n fails: 1 file, 2 staging, 3 rename, 4 ready. */
START_TEST(a_failure_publishes_nothing_that_is_not_whole)
{
    struct ivx_err why = { 0 };
    put("000001.dcm", "one");
    fail_at = _i;

    ck_assert(!ivx_outbox_publish(outbox, "key", 1, &why));

    ck_assert_int_eq(why.code, IVX_RETRY);
    ck_assert_int_eq(calls, _i); /* and nothing after it, least of all the rename */
    ck_assert_int_eq(access(ready, F_OK), _i < 4 ? -1 : 0);

    /* The next attempt starts afresh and succeeds, published before or not. */
    fail_at = 0;
    OK(ivx_outbox_stage(outbox, "key", 2, stage, &err));
    put("000001.dcm", "one");
    trace[0] = '\0';
    OK(ivx_outbox_publish(outbox, "key", 2, &err));
    ck_assert(holds(ready, "000001.dcm", "one"));
    ck_assert_ptr_nonnull(strstr(trace, "> ready "));
    ck_assert_int_eq(access(stage, F_OK), -1);
}
END_TEST

START_TEST(the_first_result_under_a_key_stays)
{
    put("000001.dcm", "one");
    OK(ivx_outbox_publish(outbox, "key", 1, &err));
    OK(ivx_outbox_stage(outbox, "key", 2, stage, &err));
    put("000001.dcm", "two");

    OK(ivx_outbox_publish(outbox, "key", 2, &err));

    ck_assert(holds(ready, "000001.dcm", "one"));
    ck_assert_int_eq(access(stage, F_OK), -1);
}
END_TEST

START_TEST(a_stage_is_empty_and_its_own)
{
    char other[4096];
    put("000001.dcm", "left over");
    OK(ivx_outbox_stage(outbox, "key", 2, other, &err));
    ck_assert_str_ne(stage, other);

    OK(ivx_outbox_stage(outbox, "key", 1, stage, &err));

    ck_assert(!holds(stage, "000001.dcm", "left over"));
    ivx_outbox_drop_stage(outbox, "key", 1);
    ck_assert_int_eq(access(stage, F_OK), -1);
    ck_assert_int_eq(access(other, F_OK), 0);
}
END_TEST

START_TEST(what_is_no_result_is_not_published)
{
    struct ivx_err why = { 0 };
    char path[8192];
    ck_assert(!ivx_outbox_publish(outbox, "key", 1, &why)); /* empty */
    ck_assert_int_eq(why.code, IVX_BUG);

    put("000001.dcm", "one");
    snprintf(path, sizeof path, "%s/link", stage);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    why = (struct ivx_err){ 0 };
    ck_assert(!ivx_outbox_publish(outbox, "key", 1, &why));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    why = (struct ivx_err){ 0 };
    ck_assert(!ivx_outbox_publish(outbox, "key", 1, &why));
    ck_assert_int_eq(why.code, IVX_BUG);
    ck_assert_int_eq(access(ready, F_OK), -1);
    why = (struct ivx_err){ 0 };
    ck_assert(!ivx_outbox_publish(outbox, "key", 9, &why)); /* never staged */
    ck_assert_int_eq(why.code, IVX_ABSENT);
}
END_TEST

START_TEST(no_key_leads_out_of_the_outbox)
{
    static const char *const keys[] = { "",    ".",   "..",       "../x",
                                        "a/b", "a b", "\xc3\xa4", ".e1" };
    for (size_t n = 0; n < IVX_COUNT(keys); n++) {
        struct ivx_err why = { 0 };
        ck_assert(!ivx_outbox_stage(outbox, keys[n], 1, stage, &why));
        ck_assert_int_eq(why.code, IVX_BUG);
        why = (struct ivx_err){ 0 };
        ck_assert(!ivx_outbox_remove(outbox, keys[n], &why));
        ck_assert_int_eq(why.code, IVX_BUG);
    }
    OK(ivx_outbox_stage(outbox, "0f-A.9", 1, stage, &err));
}
END_TEST

START_TEST(a_removed_result_is_gone_at_once)
{
    put("000001.dcm", "one");
    OK(ivx_outbox_publish(outbox, "key", 1, &err));
    trace[0] = '\0';

    OK(ivx_outbox_remove(outbox, "key", &err));

    ck_assert_str_eq(trace, "> ready "); /* moved away whole, for good, then removed */
    ck_assert_int_eq(access(ready, F_OK), -1);
    OK(ivx_outbox_remove(outbox, "key", &err));
}
END_TEST

static const struct timespec then[2] = { { 1000, 0 }, { 1000, 0 } };

/* The clock may have been set since it was written to. */
START_TEST(a_stage_is_not_swept_while_its_process_lives)
{
    IVX_AUTO(ivx_outbox_free) struct ivx_outbox *worker = NULL;
    char made[4096];
    OK(ivx_outbox_open(state_dir, &worker, &err));
    OK(ivx_outbox_stage(worker, "made", 1, made, &err));
    ck_assert_int_eq(utimensat(AT_FDCWD, made, then, 0), 0);

    ivx_outbox_sweep(outbox, 60);
    ck_assert_int_eq(access(made, F_OK), 0);

    ivx_outbox_free(&worker);
    ivx_outbox_sweep(outbox, 60);
    ck_assert_int_eq(access(made, F_OK), -1);
}
END_TEST

START_TEST(only_old_stages_are_swept)
{
    char old[4096];
    OK(ivx_outbox_stage(outbox, "old", 3, old, &err));
    ivx_outbox_free(&outbox);
    OK(ivx_outbox_open(state_dir, &outbox, &err));
    ck_assert_int_eq(utimensat(AT_FDCWD, old, then, 0), 0);
    put("000001.dcm", "one");

    ivx_outbox_sweep(outbox, 60);

    ck_assert_int_eq(access(old, F_OK), -1);
    ck_assert(holds(stage, "000001.dcm", "one"));
    OK(ivx_outbox_publish(outbox, "key", 1, &err));
    ck_assert_int_eq(utimensat(AT_FDCWD, ready, then, 0), 0);
    ivx_outbox_sweep(outbox, 60);
    ck_assert(holds(ready, "000001.dcm", "one"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outbox");
    TCase *tests = tcase_create("outbox");
    tcase_add_checked_fixture(tests, start, end);
    tcase_add_test(tests, a_published_result_is_ready_and_no_longer_staged);
    tcase_add_test(tests, contents_then_names_then_the_result_then_its_directory);
    tcase_add_test(tests, every_file_is_synced_before_the_directory);
    tcase_add_loop_test(tests, a_failure_publishes_nothing_that_is_not_whole, 1, 5);
    tcase_add_test(tests, the_first_result_under_a_key_stays);
    tcase_add_test(tests, a_stage_is_empty_and_its_own);
    tcase_add_test(tests, what_is_no_result_is_not_published);
    tcase_add_test(tests, no_key_leads_out_of_the_outbox);
    tcase_add_test(tests, a_removed_result_is_gone_at_once);
    tcase_add_test(tests, a_stage_is_not_swept_while_its_process_lives);
    tcase_add_test(tests, only_old_stages_are_swept);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
