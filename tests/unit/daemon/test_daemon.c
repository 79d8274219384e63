#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/file.h"

/* The roles themselves are tested elsewhere, and by tests/e2e/test_daemon.py. */
static int no_role(const struct ivx_config *config, const char *name)
{
    (void)config, (void)name;
    return 0;
}

const struct ivx_role_kind ivx_role_kinds[IVX_ROLE_KINDS + 1] = {
    { "receive", no_role, false }, { "plan", no_role, false },
    { "convert", no_role, true },  { "deliver", no_role, false },
    { "http", no_role, false },    { NULL, NULL, false },
};

static char folder[64];
static struct ivx_config config;

static void start(void)
{
    snprintf(folder, sizeof folder, "/tmp/isovox-daemon-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    config = (struct ivx_config){ .state_dir = folder };
    config.general.shutdown_grace = 1;
    config.convert.workers = 3;
}

static void stop(void)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_tree_remove(folder, &err), "%s", err.text);
}

/* ---- roles -------------------------------------------------------------------------------- */

static const struct choice {
    const char *chosen, *names; /* names, or what the error says */
    bool is_good;
} choices[] = {
    { NULL, "receive plan convert.0 convert.1 convert.2 deliver http ", true },
    { "http", "http ", true },
    { "http,plan", "plan http ", true },
    { "convert,convert", "convert.0 convert.1 convert.2 ", true },
    { "recieve", "there is no role 'recieve'", false },
    { "", "there is no role ''", false },
    { "plan,", "there is no role ''", false },
    { "plan,htt", "there is no role 'htt'", false },
    { "planhttp", "there is no role 'planhttp'", false },
};

START_TEST(roles_are_those_that_were_chosen)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_role *roles = NULL;
    IVX_AUTO(ivx_text_free) struct ivx_text names = { 0 };
    size_t count = 0;

    const bool good = ivx_roles_make(&config, choices[_i].chosen, &roles, &count, &err);

    ck_assert_int_eq(good, choices[_i].is_good);
    ivx_text_add(&names, "%s", err.text);
    for (size_t n = 0; n < count; n++)
        ivx_text_add(&names, "%s ", roles[n].row.name);
    ck_assert_str_eq(names.data, choices[_i].names);
}
END_TEST

START_TEST(without_a_number_there_is_a_worker_per_core)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) struct ivx_role *roles = NULL;
    size_t count = 0;
    config.convert.workers = 0;

    ck_assert(ivx_roles_make(&config, "convert", &roles, &count, &err));

    ck_assert_int_eq((int)count, (int)sysconf(_SC_NPROCESSORS_ONLN));
}
END_TEST

/* ---- one daemon per role and state_dir ------------------------------------------------------ */

START_TEST(a_role_that_is_run_is_refused_at_once_with_the_process)
{
    struct ivx_err err = { 0 };
    char expected[128];
    IVX_AUTO(ivx_fd_close) int first = -1;
    int second = -1;
    ck_assert_msg(ivx_instance_lock(&config, "plan", &first, &err), "%s", err.text);
    const int64_t before = ivx_clock_steady_us();

    ck_assert(!ivx_instance_lock(&config, "plan", &second, &err));

    snprintf(expected, sizeof expected, "state_dir %s: plan is run by isovoxd, process %ld",
             folder, (long)getpid());
    ck_assert_str_eq(err.text, expected);
    ck_assert_int_lt(ivx_clock_steady_us() - before, 500000);
    ck_assert_int_eq(second, -1);
}
END_TEST

START_TEST(another_role_of_the_same_state_dir_is_free)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_fd_close) int first = -1;
    IVX_AUTO(ivx_fd_close) int second = -1;

    ck_assert_msg(ivx_instance_lock(&config, "plan", &first, &err), "%s", err.text);
    ck_assert_msg(ivx_instance_lock(&config, "http", &second, &err), "%s", err.text);
}
END_TEST

/* A daemon that was killed: the process that the file names is gone, but one of its role
 * processes still holds the lock, for `ms`. */
static void leave_a_role_behind(int ms)
{
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    const pid_t daemon = fork();
    if (daemon == 0) {
        struct ivx_err err = { 0 };
        int fd = -1;
        if (!ivx_instance_lock(&config, "plan", &fd, &err))
            _exit(1);
        if (fork() == 0) {
            close(ready[0]);
            close(ready[1]);
            ivx_clock_sleep_ms(ms);
            _exit(0);
        }
        _exit(write(ready[1], "x", 1) == 1 ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    waitpid(daemon, &status, 0);
    close(ready[0]);
    close(ready[1]);
}

START_TEST(what_a_killed_daemon_left_is_waited_for)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_fd_close) int fd = -1;
    const int64_t before = ivx_clock_steady_us();
    leave_a_role_behind(700);

    ck_assert_msg(ivx_instance_lock(&config, "plan", &fd, &err), "%s", err.text);

    ck_assert_int_ge(ivx_clock_steady_us() - before, 650000);
}
END_TEST

START_TEST(the_key_is_made_once_and_is_secret)
{
    struct ivx_err err = { 0 };
    char first[65], second[65], path[128];
    struct stat status;
    umask(077);

    ck_assert_msg(ivx_instance_key(folder, first, &err), "%s", err.text);
    ck_assert_msg(ivx_instance_key(folder, second, &err), "%s", err.text);

    ck_assert_str_eq(first, second);
    ck_assert_uint_eq(strspn(first, "0123456789abcdef"), 64);
    snprintf(path, sizeof path, "%s/log.key", folder);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
}
END_TEST

START_TEST(two_installations_have_two_keys)
{
    struct ivx_err err = { 0 };
    char first[65], second[65], path[128];
    ck_assert(ivx_instance_key(folder, first, &err));
    snprintf(path, sizeof path, "%s/log.key", folder);
    ck_assert_int_eq(unlink(path), 0);

    ck_assert(ivx_instance_key(folder, second, &err));

    ck_assert_str_ne(first, second);
}
END_TEST

/* ---- ports -------------------------------------------------------------------------------- */

static int listener(long *port_out)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port_out = ntohs(address.sin_port);
    return fd;
}

START_TEST(a_port_in_use_is_not_free)
{
    struct ivx_err err = { 0 };
    char expected[128];
    long port;
    const int fd = listener(&port);
    snprintf(expected, sizeof expected,
             "listen for http: 127.0.0.1 port %ld: Address already in use", port);

    ck_assert(ivx_instance_listens(port));
    ck_assert(!ivx_instance_port_free("http", "127.0.0.1", port, &err));
    ck_assert_str_eq(err.text, expected);

    close(fd);
    ck_assert(!ivx_instance_listens(port));
    ck_assert(ivx_instance_port_free("http", "127.0.0.1", port, &err));
}
END_TEST

START_TEST(an_address_of_another_machine_is_said)
{
    struct ivx_err err = { 0 };

    ck_assert(!ivx_instance_port_free("receive", "192.0.2.1", 11112, &err));

    ck_assert_str_eq(err.text, "listen for receive: 192.0.2.1 port 11112: "
                               "Cannot assign requested address");
}
END_TEST

/* ---- the service manager ------------------------------------------------------------------- */

static int manager(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    ck_assert(ivx_text_copy(address.sun_path, sizeof address.sun_path, path));
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
    return fd;
}

START_TEST(the_manager_is_told_on_both_kinds_of_socket)
{
    char path[128], got[64];
    if (_i == 0)
        snprintf(path, sizeof path, "%s/notify", folder);
    else
        snprintf(path, sizeof path, "@isovox-test-%ld", (long)getpid());
    IVX_AUTO(ivx_fd_close) int fd = manager(path);

    ivx_notify("STATUS=%d roles\nREADY=1", 5);

    const ssize_t size = recv(fd, got, sizeof got, 0);
    ck_assert_int_eq(size, 22);
    ck_assert_mem_eq(got, "STATUS=5 roles\nREADY=1", 22);
}
END_TEST

START_TEST(without_a_manager_nothing_happens)
{
    unsetenv("NOTIFY_SOCKET");
    ivx_notify("READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    ivx_notify("READY=1");
    setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    ivx_notify("READY=1");
}
END_TEST

/* sd_watchdog_enabled(3): half the time, and only for the process that is meant. */
static const struct watchdog {
    const char *usec;
    int pid; /* 0: not given, 1: ours, 2: another */
    int ms;
} watchdogs[] = {
    { NULL, 0, 0 },      { "60000000", 0, 30000 }, { "60000000", 1, 30000 },
    { "60000000", 2, 0 }, { "soon", 0, 0 },         { "-5", 0, 0 },
    { "400000", 0, 200 },
};

START_TEST(the_watchdog_is_answered_at_half_its_time)
{
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)getpid() + watchdogs[_i].pid - 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (watchdogs[_i].usec != NULL)
        setenv("WATCHDOG_USEC", watchdogs[_i].usec, 1);
    if (watchdogs[_i].pid != 0)
        setenv("WATCHDOG_PID", pid, 1);

    ck_assert_int_eq(ivx_notify_interval_ms(), watchdogs[_i].ms);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, start, stop);
    tcase_add_loop_test(all, roles_are_those_that_were_chosen, 0, (int)IVX_COUNT(choices));
    tcase_add_test(all, without_a_number_there_is_a_worker_per_core);
    tcase_add_test(all, a_role_that_is_run_is_refused_at_once_with_the_process);
    tcase_add_test(all, another_role_of_the_same_state_dir_is_free);
    tcase_add_test(all, what_a_killed_daemon_left_is_waited_for);
    tcase_add_test(all, the_key_is_made_once_and_is_secret);
    tcase_add_test(all, two_installations_have_two_keys);
    tcase_add_test(all, a_port_in_use_is_not_free);
    tcase_add_test(all, an_address_of_another_machine_is_said);
    tcase_add_loop_test(all, the_manager_is_told_on_both_kinds_of_socket, 0, 2);
    tcase_add_test(all, without_a_manager_nothing_happens);
    tcase_add_loop_test(all, the_watchdog_is_answered_at_half_its_time, 0,
                        (int)IVX_COUNT(watchdogs));
    suite_add_tcase(suite, all);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
