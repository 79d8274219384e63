#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"
#include "isovox/sys/hash.h"
#include "isovox/sys/log.h"
#include "isovox/sys/stop.h"
#include "isovox/sys/wake.h"

static char root[64];

/* The linker sends these here (-Wl,--wrap): one letter per call, and an errno to fail with. */
static char calls[32];
static int fsync_errno, rename_errno;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    struct stat status;
    fstat(fd, &status);
    strncat(calls, S_ISDIR(status.st_mode) ? "d" : "f", sizeof calls - strlen(calls) - 1);
    errno = fsync_errno;
    return fsync_errno != 0 ? -1 : __real_fsync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    strncat(calls, "r", sizeof calls - strlen(calls) - 1);
    errno = rename_errno;
    return rename_errno != 0 ? -1 : __real_rename(from, to);
}

static void in_fresh_directory(void)
{
    calls[0] = '\0';
    fsync_errno = rename_errno = 0;
    snprintf(root, sizeof root, "/tmp/isovox-sys-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chdir(root), 0);
}

static void remove_directory(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert(ivx_tree_remove(root, NULL));
}

START_TEST(publishing_is_contents_then_name_then_directory)
{
    struct ivx_err err = { 0 };

    ck_assert_msg(ivx_file_publish("result", "abc", 3, &err), "%s", err.text);

    ck_assert_str_eq(calls, "frd");
    IVX_AUTO(ivx_memory_free) char *bytes = NULL;
    size_t length;
    ck_assert(ivx_file_read("result", 10, &bytes, &length, &err));
    ck_assert_uint_eq(length, 3);
    ck_assert_str_eq(bytes, "abc");
    ck_assert_int_eq(access("result.tmp", F_OK), -1);
}
END_TEST

START_TEST(a_failed_sync_leaves_the_old_file)
{
    struct ivx_err err = { 0 };
    ck_assert(ivx_file_publish("result", "old", 3, &err));
    calls[0] = '\0';
    fsync_errno = ENOSPC;

    ck_assert(!ivx_file_publish("result", "new", 3, &err));

    ck_assert_int_eq(err.code, IVX_FULL);
    ck_assert_str_eq(calls, "f");
    IVX_AUTO(ivx_memory_free) char *bytes = NULL;
    size_t length;
    struct ivx_err again = { 0 };
    ck_assert(ivx_file_read("result", 10, &bytes, &length, &again));
    ck_assert_str_eq(bytes, "old");
}
END_TEST

START_TEST(every_new_directory_is_synced_into_its_parent)
{
    struct ivx_err err = { 0 };

    ck_assert_msg(ivx_directory_make("a/b/c", &err), "%s", err.text);
    ck_assert_str_eq(calls, "ddd");

    ck_assert(ivx_directory_make("a/b/c", &err));
    ck_assert_str_eq(calls, "ddd");
}
END_TEST

START_TEST(a_file_in_the_way_is_an_error)
{
    struct ivx_err err = { 0 };
    close(open("a", O_CREAT | O_WRONLY, 0600));

    ck_assert(!ivx_directory_make("a", &err));
    ck_assert_str_eq(err.text, "mkdir a: File exists");
}
END_TEST

START_TEST(removing_a_tree_does_not_follow_links)
{
    struct ivx_err err = { 0 };
    ck_assert(ivx_directory_make("keep", &err) && ivx_directory_make("tree/sub", &err));
    ck_assert_int_eq(symlink("../keep", "tree/link"), 0);

    ck_assert_msg(ivx_tree_remove("tree", &err), "%s", err.text);

    ck_assert_int_eq(access("tree", F_OK), -1);
    ck_assert_int_eq(access("keep", F_OK), 0);
    ck_assert(ivx_tree_remove("tree", &err));
}
END_TEST

START_TEST(a_short_file_is_damaged_and_a_long_one_full)
{
    struct ivx_err err = { 0 };
    char three[4];
    ck_assert(ivx_file_publish("file", "ab", 2, &err));
    IVX_AUTO(ivx_fd_close) int fd = open("file", O_RDONLY);

    ck_assert(!ivx_fd_pread(fd, three, 3, 0, "file", &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);

    struct ivx_err full = { 0 };
    char *bytes;
    size_t length;
    ck_assert(!ivx_file_read("file", 1, &bytes, &length, &full));
    ck_assert_int_eq(full.code, IVX_FULL);
}
END_TEST

/* FIPS 180-2, B.1 and B.2. */
START_TEST(sha256_is_the_standards)
{
    uint8_t digest[IVX_SHA256_SIZE];
    char hex[IVX_SHA256_HEX];
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_hash_free) struct ivx_hash *hash = NULL;
    ck_assert(ivx_hash_new(&hash, &err));

    ivx_hash_add(hash, "a", 1);
    ivx_hash_add(hash, "bc", 2);
    ivx_hash_finish(hash, digest);
    ivx_text_hex(digest, sizeof digest, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    ivx_hash_once(two, strlen(two), digest);
    ivx_text_hex(digest, sizeof digest, hex);
    ck_assert_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

START_TEST(hashed_texts_keep_their_borders)
{
    uint8_t one[IVX_SHA256_SIZE], other[IVX_SHA256_SIZE];
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_hash_free) struct ivx_hash *hash = NULL;
    ck_assert(ivx_hash_new(&hash, &err));

    ivx_hash_add_text(hash, "ab");
    ivx_hash_add_text(hash, "c");
    ivx_hash_finish(hash, one);
    ivx_hash_add_text(hash, "a");
    ivx_hash_add_text(hash, "bc");
    ivx_hash_finish(hash, other);

    ck_assert(memcmp(one, other, sizeof one) != 0);
}
END_TEST

START_TEST(a_wake_up_ends_the_wait)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_fd_close) int first = -1;
    IVX_AUTO(ivx_fd_close) int second = -1;
    ck_assert_msg(ivx_wake_open(root, "convert.0", &first, &err), "%s", err.text);
    ck_assert_msg(ivx_wake_open(root, "convert.1", &second, &err), "%s", err.text);

    ivx_wake_send(root, "convert");

    const int64_t before = ivx_clock_steady_us();
    ivx_wake_wait(first, 5000);
    ivx_wake_wait(second, 5000);
    ck_assert_int_lt(ivx_clock_steady_us() - before, 2000000);
}
END_TEST

START_TEST(nobody_to_wake_is_no_error_and_never_blocks)
{
    struct ivx_err err = { 0 };
    ivx_wake_send(root, "plan");
    IVX_AUTO(ivx_fd_close) int fd = -1;
    ck_assert(ivx_wake_open(root, "plan", &fd, &err));

    for (int n = 0; n < 10000; n++)
        ivx_wake_send(root, "plan");
    ivx_wake_wait(fd, 1000);

    const int64_t before = ivx_clock_steady_us();
    ivx_wake_wait(fd, 20);
    ck_assert_int_ge(ivx_clock_steady_us() - before, 15000);
}
END_TEST

START_TEST(a_long_state_directory_can_be_woken_too)
{
    struct ivx_err err = { 0 };
    char deep[300];
    memset(deep, 'x', sizeof deep);
    memcpy(deep, root, strlen(root));
    deep[strlen(root)] = '/';
    deep[200] = '/';
    deep[299] = '\0';
    IVX_AUTO(ivx_fd_close) int fd = -1;
    ck_assert_msg(ivx_wake_open(deep, "plan", &fd, &err), "%s", err.text);

    ivx_wake_send(deep, "plan");

    const int64_t before = ivx_clock_steady_us();
    ivx_wake_wait(fd, 5000);
    ck_assert_int_lt(ivx_clock_steady_us() - before, 2000000);
}
END_TEST

START_TEST(a_log_line_is_one_line)
{
    IVX_AUTO(ivx_fd_close) int saved = dup(STDERR_FILENO);
    const int file = open("log", O_CREAT | O_RDWR, 0600);
    dup2(file, STDERR_FILENO);
    close(file);
    ivx_log_start("receive", IVX_INFO);
    ivx_log(IVX_INFO, "association.open", "ae=\"%s\"", "EVIL\nlevel=error\x1b[0m");
    ivx_log(IVX_DEBUG, "hidden", "secret=1");
    dup2(saved, STDERR_FILENO);

    IVX_AUTO(ivx_memory_free) char *text = NULL;
    size_t length;
    ck_assert(ivx_file_read("log", 4096, &text, &length, NULL));
    ck_assert_ptr_eq(strchr(text, '\n'), text + length - 1);
    ck_assert_ptr_nonnull(strstr(text, "level=info role=receive event=association.open "
                                       "ae=\"EVIL?level=error?[0m\"\n"));
    ck_assert_ptr_null(strstr(text, "secret"));
}
END_TEST

START_TEST(a_uid_in_the_log_depends_on_the_key)
{
    char one[13], again[13], other[13];
    ivx_log_key("first");
    ivx_log_uid("1.2.3", one);
    ivx_log_uid("1.2.3", again);
    ivx_log_key("second");
    ivx_log_uid("1.2.3", other);

    ck_assert_str_eq(one, again);
    ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(time_is_written_as_iso_8601)
{
    char text[32];
    ivx_clock_iso(1000000000123456, text);
    ck_assert_str_eq(text, "2001-09-09T01:46:40.123Z");
}
END_TEST

START_TEST(signals_set_flags)
{
    ivx_stop_start();
    ck_assert(!ivx_stop_wanted() && !ivx_reload_wanted());

    raise(SIGHUP);
    ck_assert(ivx_reload_wanted());
    ck_assert(!ivx_reload_wanted());

    const int64_t before_us = ivx_clock_steady_us();
    raise(SIGTERM);
    const int64_t asked_us = ivx_stop_wanted_us(), after_us = ivx_clock_steady_us();
    ck_assert(ivx_stop_wanted());
    ck_assert_int_ge(asked_us, before_us);
    ck_assert_int_le(asked_us, after_us);
    ivx_clock_sleep_ms(2);
    raise(SIGTERM);
    ck_assert_int_eq(ivx_stop_wanted_us(), asked_us);
}
END_TEST

START_TEST(a_child_ends_with_its_parent)
{
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    const pid_t middle = fork();
    if (middle == 0) {
        const pid_t self = getpid();
        if (fork() == 0) {
            signal(SIGTERM, SIG_DFL);
            ivx_stop_with_parent((int)self);
            const pid_t pid = getpid();
            ck_assert_int_eq(write(pipes[1], &pid, sizeof pid), sizeof pid);
            for (;;)
                pause();
        }
        for (;;)
            pause();
    }
    close(pipes[1]);
    pid_t child;
    ck_assert_int_eq(read(pipes[0], &child, sizeof child), sizeof child);

    kill(middle, SIGKILL);
    waitpid(middle, NULL, 0);

    /* The grandchild holds the pipe open until it is gone. */
    char end;
    ck_assert_int_eq(read(pipes[0], &end, 1), 0);
    close(pipes[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sys");
    TCase *tests = tcase_create("sys");
    tcase_add_checked_fixture(tests, in_fresh_directory, remove_directory);
    tcase_add_test(tests, publishing_is_contents_then_name_then_directory);
    tcase_add_test(tests, a_failed_sync_leaves_the_old_file);
    tcase_add_test(tests, every_new_directory_is_synced_into_its_parent);
    tcase_add_test(tests, a_file_in_the_way_is_an_error);
    tcase_add_test(tests, removing_a_tree_does_not_follow_links);
    tcase_add_test(tests, a_short_file_is_damaged_and_a_long_one_full);
    tcase_add_test(tests, sha256_is_the_standards);
    tcase_add_test(tests, hashed_texts_keep_their_borders);
    tcase_add_test(tests, a_wake_up_ends_the_wait);
    tcase_add_test(tests, nobody_to_wake_is_no_error_and_never_blocks);
    tcase_add_test(tests, a_long_state_directory_can_be_woken_too);
    tcase_add_test(tests, a_log_line_is_one_line);
    tcase_add_test(tests, a_uid_in_the_log_depends_on_the_key);
    tcase_add_test(tests, time_is_written_as_iso_8601);
    tcase_add_test(tests, signals_set_flags);
    tcase_add_test(tests, a_child_ends_with_its_parent);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
