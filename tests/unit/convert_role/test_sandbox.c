/* Each claim is tried in a process that is in the sandbox: there is no way out of it. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "worker.h"

#include "isovox/base/auto.h"
#include "isovox/sys/file.h"
#include "isovox/sys/wake.h"

static char root[64], segment[128], outside[80];
static struct ivx_catalogue *catalogue;
static struct ivx_outbox *outbox;

static void set_up(void)
{
    struct ivx_err err = { 0 };
    struct ivx_spool *spool = NULL;
    snprintf(root, sizeof root, "/tmp/isovox-sandbox-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(outside, sizeof outside, "%s.outside", root);
    ck_assert(ivx_spool_open(root, &spool, &err));
    ivx_spool_free(&spool);
    snprintf(segment, sizeof segment, "%s/spool/0000000000000001.seg", root);
    const int fd = open(segment, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ne(fd, -1);
    close(fd);
    ck_assert(ivx_outbox_open(root, &outbox, &err));
    ck_assert(ivx_catalogue_open(root, &catalogue, &err));
}

static void tear_down(void)
{
    ivx_catalogue_free(&catalogue);
    ivx_outbox_free(&outbox);
    unlink(outside);
    ck_assert(ivx_tree_remove(root, NULL));
}

/* 0, or the errno that the deed ended with, within the sandbox. */
static int tried(int (*deed)(void))
{
    const pid_t pid = fork();
    if (pid == 0) {
        ivx_sandbox_enter(root);
        errno = 0;
        _exit(deed() == 0 ? 0 : errno);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool has_landlock(void)
{
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 2)
        return true;
    printf("skipped: this kernel has no Landlock\n");
    return false;
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM, 0) == -1 ? -1 : 0;
}
static int socket_4(void)
{
    return open_socket(AF_INET);
}
static int socket_6(void)
{
    return open_socket(AF_INET6);
}
static int socket_raw(void)
{
    return open_socket(AF_PACKET);
}
static int socket_local(void)
{
    return open_socket(AF_UNIX);
}
static int run_program(void)
{
    char *const words[] = { "/bin/true", NULL };
    return execv(words[0], words);
}
static int look_into_another(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == -1 ? -1 : 0;
}
static int open_to(const char *path, int flags)
{
    return open(path, flags, 0600) == -1 ? -1 : 0;
}
static int write_outside(void)
{
    return open_to(outside, O_WRONLY | O_CREAT);
}
static int write_segment(void)
{
    return open_to(segment, O_WRONLY);
}
static int read_segment(void)
{
    return open_to(segment, O_RDONLY);
}
static int shorten_segment(void)
{
    return truncate(segment, 0);
}
static int remove_segment(void)
{
    return unlink(segment);
}

START_TEST(no_network_no_programs_no_other_process)
{
    ck_assert_int_eq(tried(socket_4), EPERM);
    ck_assert_int_eq(tried(socket_6), EPERM);
    ck_assert_int_eq(tried(socket_raw), EPERM);
    ck_assert_int_eq(tried(run_program), EPERM);
#if !defined __SANITIZE_ADDRESS__
    ck_assert_int_eq(tried(look_into_another), EPERM);
#endif
    ck_assert_int_eq(tried(socket_local), 0); /* to wake the deliver role */
}
END_TEST

START_TEST(the_journal_is_read_and_never_written)
{
    if (!has_landlock())
        return;
    ck_assert_int_eq(tried(read_segment), 0);
    ck_assert_int_eq(tried(write_segment), EACCES);
    ck_assert_int_eq(tried(remove_segment), EACCES);
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 3)
        ck_assert_int_eq(tried(shorten_segment), EACCES);
    ck_assert_int_eq(tried(write_outside), EACCES);
    ck_assert_int_eq(access(outside, F_OK), -1);
}
END_TEST

static int publish(void)
{
    struct ivx_err err = { 0 };
    char path[4096], name[4128];
    if (!ivx_outbox_stage(outbox, "k1", 1, path, &err))
        return -1;
    snprintf(name, sizeof name, "%s/000001.dcm", path);
    return open_to(name, O_WRONLY | O_CREAT) == 0 && ivx_outbox_publish(outbox, "k1", 1, &err)
               && ivx_outbox_remove(outbox, "k1", &err)
           ? 0 : -1;
}
/* A handle is not taken over a fork: one is opened here, as the role opens its own. */
static int record(void)
{
    struct ivx_err err = { 0 };
    const struct ivx_role_row row = { .name = "convert.0", .state = "running" };
    return ivx_catalogue_role_report(catalogue, &row, &err) ? 0 : -1;
}

START_TEST(results_are_published_in_it)
{
    ck_assert_int_eq(tried(publish), 0);
}
END_TEST

START_TEST(the_catalogue_is_written_in_it)
{
    struct ivx_err err = { 0 };
    const pid_t pid = fork();
    if (pid == 0) {
        struct ivx_catalogue *own = NULL;
        if (!ivx_catalogue_open(root, &own, &err))
            _exit(1);
        ivx_sandbox_enter(root);
        catalogue = own;
        for (int n = 0; n < 100; n++)
            if (record() != 0)
                _exit(2);
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);

    IVX_AUTO(ivx_memory_free) struct ivx_role_row *rows = NULL;
    size_t count = 0;
    ck_assert(ivx_catalogue_list_roles(catalogue, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(the_time_of_a_job_is_limited_by_its_size)
{
    struct ivx_config config = { .convert.lease = 60 };
    struct ivx_instance_row rows[2] = { { .length = 1 << 20 }, { .length = 3 << 20 } };
    struct ivx_claim claim = { .instances = rows, .instance_count = 2 };
    ck_assert_uint_eq(ivx_worker_most_seconds(&config, &claim), 10 * 60 + 4 * 4);
    rows[0].length = UINT64_MAX;
    ck_assert_uint_eq(ivx_worker_most_seconds(&config, &claim), 7 * 24 * 3600);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("convert: sandbox");
    TCase *tests = tcase_create("sandbox");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, no_network_no_programs_no_other_process);
    tcase_add_test(tests, the_journal_is_read_and_never_written);
    tcase_add_test(tests, results_are_published_in_it);
    tcase_add_test(tests, the_catalogue_is_written_in_it);
    tcase_add_test(tests, the_time_of_a_job_is_limited_by_its_size);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
