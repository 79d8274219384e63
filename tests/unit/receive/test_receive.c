/* The receive role as a process, with our own SCU in front of it and its journal behind. */
#include "rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(what_is_acknowledged_is_in_the_journal)
{
    char first[100];
    start_role("");
    struct ivx_scu *scu = open_well();
    snprintf(first, sizeof first, "%s", make_file("2.25.1", 262144));
    const int64_t before = ivx_clock_wall_us();

    ck_assert_uint_eq(store(scu, first), 0x0000);
    const struct journal early = read_journal();
    ck_assert_uint_eq(store(scu, make_file("2.25.2", 10)), 0x0000);
    ivx_scu_free(&scu);
    stop_role();

    ck_assert_uint_eq(early.count, 1);
    const struct journal journal = read_journal();
    ck_assert_uint_eq(journal.count, 3);
    const struct ivx_record *record = &journal.records[0];
    ck_assert_int_eq(record->kind, IVX_RECORD_INSTANCE);
    ck_assert_str_eq(record->sop_class, ct_class);
    ck_assert_str_eq(record->sop_uid, "2.25.1");
    ck_assert_str_eq(record->syntax, explicit_little);
    ck_assert_str_eq(record->calling_ae, "CT1");
    ck_assert_str_eq(record->called_ae, "ISOVOX");
    ck_assert_str_eq(record->peer, "127.0.0.1");
    ck_assert(record->received_us >= before && record->received_us <= ivx_clock_wall_us());
    check_payload(record, first);
    ck_assert_str_eq(journal.records[1].sop_uid, "2.25.2");
    ck_assert_str_eq(journal.records[1].association, record->association);
    ck_assert_int_eq(journal.records[2].kind, IVX_RECORD_RELEASED);
    ck_assert_str_eq(journal.records[2].association, record->association);
}
END_TEST

START_TEST(the_plan_role_is_woken)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_fd_close) int wake = -1;
    good(ivx_wake_open(folder, "plan", &wake, &err), &err);
    start_role("");
    struct ivx_scu *scu = open_well();
    const char *path = make_file("2.25.1", 10);
    const int64_t start = ivx_clock_steady_us();

    ck_assert_uint_eq(store(scu, path), 0x0000);
    ivx_wake_wait(wake, 5000);

    ck_assert_int_lt(ivx_clock_steady_us() - start, 2000000);
    ivx_scu_free(&scu);
}
END_TEST

/* The peer's process is gone, in the middle of nothing. */
START_TEST(a_lost_association_is_recorded_as_broken)
{
    start_role("");
    const char *path = make_file("2.25.1", 10);
    const pid_t peer = fork();
    if (peer == 0) {
        struct ivx_scu *scu = open_well();
        _exit(store(scu, path) == 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(peer, &status, 0);
    ck_assert_int_eq(status, 0);
    stop_role();

    const struct journal journal = read_journal();

    ck_assert_uint_eq(journal.count, 2);
    ck_assert_int_eq(journal.records[1].kind, IVX_RECORD_BROKEN);
}
END_TEST

START_TEST(an_association_without_instances_leaves_no_record)
{
    struct ivx_err err = { 0 };
    start_role("");
    struct ivx_scu *scu = open_well();
    good(ivx_scu_echo(scu, &err), &err);
    ivx_scu_free(&scu);
    stop_role();

    ck_assert_uint_eq(read_journal().count, 0);
}
END_TEST

static const struct {
    const char *more, *calling, *called, *answer;
} rules[] = {
    { "", "ANY", "ISOVOX", "" },
    { "", "ANY", "isovox", "association rejected (permanent): called AE title not recognized" },
    { "allow \"CT1\" { address = \"127.0.0.0/8\" }", "CT1", "ISOVOX", "" },
    { "allow \"CT1\" { address = \"127.0.0.0/8\" }", "CT2", "ISOVOX",
      "association rejected (permanent): calling AE title not recognized" },
    { "allow \"CT1\" { address = \"10.1.0.0/16\" }", "CT1", "ISOVOX",
      "association rejected (permanent): calling AE title not recognized" },
};

START_TEST(only_known_peers_associate)
{
    struct ivx_err err = { 0 };
    struct ivx_scu *scu = NULL;
    start_role(rules[_i].more);

    open_as(rules[_i].calling, rules[_i].called, &scu, &err);

    ck_assert_str_eq(err.text, rules[_i].answer);
    ivx_scu_free(&scu);
}
END_TEST

START_TEST(the_allow_list_is_read_again_on_sighup)
{
    struct ivx_err err = { 0 };
    struct ivx_scu *scu = NULL;
    start_role("allow \"CT1\" { address = \"127.0.0.0/8\" }");
    ck_assert(!open_as("CT2", "ISOVOX", &scu, &err));
    write_config("allow \"CT2\" { address = \"127.0.0.0/8\" }");

    kill(role, SIGHUP);

    const int64_t until = ivx_clock_steady_us() + 5000000;
    bool opened = false;
    while (!(opened = open_as("CT2", "ISOVOX", &scu, NULL)) && ivx_clock_steady_us() < until)
        ivx_clock_sleep_ms(50);
    ck_assert(opened);
    ivx_scu_free(&scu);
}
END_TEST

START_TEST(a_wrong_configuration_is_not_taken_over)
{
    struct ivx_scu *scu = NULL;
    start_role("");
    write_config("max_pdu = 1");

    kill(role, SIGHUP);
    ivx_clock_sleep_ms(300);

    scu = open_well();
    ivx_scu_free(&scu);
    ck_assert_int_eq(stop_role(), 0);
}
END_TEST

/* A limit of 2: the third is told so, the fifth is hung up on. The process of an association
 * that has ended makes room. */
START_TEST(more_than_the_limit_is_rejected_as_transient)
{
    struct ivx_scu *held[2], *more = NULL;
    struct ivx_err err = { 0 };
    start_role("max_associations = 2");
    ivx_clock_sleep_ms(200); /* the connection of start_role() is gone by then */
    held[0] = open_well();
    held[1] = open_well();

    ck_assert(!open_as("CT1", "ISOVOX", &more, &err));
    ck_assert_int_eq(err.code, IVX_RETRY);
    ck_assert_str_eq(err.text, "association rejected (transient): local limit exceeded");

    ivx_clock_sleep_ms(200); /* its process is gone by then */
    const int silent[2] = { connect_raw(), connect_raw() };
    ivx_clock_sleep_ms(200);
    IVX_AUTO(ivx_fd_close) int over = connect_raw();
    char byte;
    const int64_t start = ivx_clock_steady_us();
    ck_assert_int_le(recv(over, &byte, 1, 0), 0);
    ck_assert_int_lt(ivx_clock_steady_us() - start, 1000000);
    close(silent[0]);
    close(silent[1]);
    ivx_scu_free(&held[0]);
    ivx_clock_sleep_ms(300);
    held[0] = open_well();
    ivx_scu_free(&held[0]);
    ivx_scu_free(&held[1]);
}
END_TEST

/* From one address, and more of them than it may have associations. */
START_TEST(silent_peers_hold_nobody)
{
    int silent[40];
    start_role("max_per_peer = 32");
    for (size_t i = 0; i < IVX_COUNT(silent) / 2; i++)
        silent[i] = connect_raw();
    for (size_t i = IVX_COUNT(silent) / 2; i < IVX_COUNT(silent); i++) {
        silent[i] = connect_raw(); /* and those that send half a request */
        ck_assert_int_eq(send(silent[i], "\1\0\0\0\1\0\0\1\0\0", 10, MSG_NOSIGNAL), 10);
    }
    const char *path = make_file("2.25.1", 1000);
    const int64_t start = ivx_clock_steady_us();

    struct ivx_scu *scu = open_well();
    const uint16_t status = store(scu, path);

    const double seconds = (double)(ivx_clock_steady_us() - start) * 1e-6;
    ck_assert_uint_eq(status, 0x0000);
    ck_assert_msg(seconds < 1.0, "%g s", seconds);
    ivx_scu_free(&scu);
    for (size_t i = 0; i < IVX_COUNT(silent); i++)
        close(silent[i]);
}
END_TEST

/* A peer that goes on sending is given shutdown_grace; what it was told stays told. */
START_TEST(a_stop_lets_an_association_finish)
{
    start_role("");
    struct ivx_scu *scu = open_well();
    ck_assert_uint_eq(store(scu, make_file("2.25.1", 10)), 0x0000);

    kill(role, SIGTERM);
    ivx_clock_sleep_ms(100);
    ck_assert_int_eq(connect_raw(), -1);
    ck_assert_uint_eq(store(scu, make_file("2.25.2", 10)), 0x0000);
    ivx_scu_free(&scu);

    int status = -1;
    waitpid(role, &status, 0);
    role = 0;
    ck_assert_int_eq(status, 0);
    const struct journal journal = read_journal();
    ck_assert_uint_eq(journal.count, 3);
    ck_assert_int_eq(journal.records[2].kind, IVX_RECORD_RELEASED);
}
END_TEST

START_TEST(a_stop_ends_a_peer_that_never_pauses)
{
    start_role("");
    const char *path = make_file("2.25.1", 10);
    const pid_t peer = fork();
    if (peer == 0) {
        struct ivx_scu_answer answer;
        struct ivx_scu *scu = open_well();
        while (ivx_scu_store(scu, path, &answer, NULL))
            continue;
        _exit(0);
    }
    ivx_clock_sleep_ms(200);
    const int64_t start = ivx_clock_steady_us();

    ck_assert_int_eq(kill(role, SIGKILL), 0); /* its children are on their own */
    waitpid(role, NULL, 0);
    role = 0;
    waitpid(peer, NULL, 0);

    const double seconds = (double)(ivx_clock_steady_us() - start) * 1e-6;
    ck_assert_msg(seconds > 1.0 && seconds < 6.0, "%g s", seconds);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_idle_peers)
{
    start_role("");
    struct ivx_scu *scu = open_well();
    const int64_t start = ivx_clock_steady_us();

    ck_assert_int_eq(stop_role(), 0);

    ck_assert_int_lt(ivx_clock_steady_us() - start, 4500000);
    ivx_scu_free(&scu);
}
END_TEST

START_TEST(a_port_in_use_is_said)
{
    start_role("");
    const pid_t first = role;
    role = fork();
    if (role == 0)
        run_role();
    int status = -1;
    waitpid(role, &status, 0);
    role = first;

    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

/* ---- a disk that fails: the role's process inherits what is set here before it starts ---- */

static int fail_number; /* this call of fdatasync() fails, from 1; 0: none */
static int fail_errno;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    static int calls;
    if (++calls != fail_number)
        return __real_fdatasync(fd);
    errno = fail_errno;
    return -1;
}

static const int disk_errors[] = { ENOSPC, EIO };

START_TEST(a_failed_sync_is_answered_with_out_of_resources)
{
    struct ivx_err err = { 0 };
    struct ivx_scu_answer answer;
    fail_number = 2;
    fail_errno = disk_errors[_i];
    start_role("");
    fail_number = 0; /* reading the journal syncs too */
    struct ivx_scu *scu = open_well();

    ck_assert_uint_eq(store(scu, make_file("2.25.1", 1000)), 0x0000);
    good(ivx_scu_store(scu, make_file("2.25.2", 1000), &answer, &err), &err);
    ck_assert_uint_eq(answer.status, 0xa700);
    ck_assert_str_ne(answer.comment, "");
    ck_assert_uint_eq(store(scu, make_file("2.25.3", 1000)), 0x0000);
    ivx_scu_free(&scu);
    stop_role();

    const struct journal journal = read_journal();
    ck_assert_uint_eq(journal.count, 3);
    ck_assert_str_eq(journal.records[0].sop_uid, "2.25.1");
    ck_assert_str_eq(journal.records[1].sop_uid, "2.25.3");
    ck_assert_int_eq(journal.records[2].kind, IVX_RECORD_RELEASED);
}
END_TEST

START_TEST(under_low_water_new_associations_are_rejected_as_transient)
{
    struct ivx_scu *scu = NULL;
    struct ivx_err err = { 0 };
    start_role("low_water = 1073741824");

    ck_assert(!open_as("CT1", "ISOVOX", &scu, &err));

    ck_assert_int_eq(err.code, IVX_RETRY);
    ck_assert_str_eq(err.text, "association rejected (transient): local limit exceeded");
}
END_TEST

/* An association that is open stands, and so does C-ECHO. */
START_TEST(under_high_water_instances_are_answered_with_out_of_resources)
{
    struct ivx_err err = { 0 };
    struct ivx_scu_answer answer;
    start_role("low_water = 0");
    struct ivx_scu *scu = open_well();
    ck_assert_uint_eq(store(scu, make_file("2.25.1", 1000)), 0x0000);
    ivx_scu_free(&scu);
    stop_role();
    start_role("low_water = 0 high_water = 1073741824");
    scu = open_well();

    const int64_t start = ivx_clock_steady_us();
    good(ivx_scu_store(scu, make_file("2.25.2", 1000), &answer, &err), &err);
    ck_assert_int_lt(ivx_clock_steady_us() - start, 100000);
    ck_assert_uint_eq(answer.status, 0xa700);
    ck_assert_ptr_nonnull(strstr(answer.comment, "disk full"));
    good(ivx_scu_echo(scu, &err), &err);
    ivx_scu_free(&scu);
    stop_role();

    const struct journal journal = read_journal();
    ck_assert_uint_eq(journal.count, 2); /* the first instance, and its release */
    ck_assert_str_eq(journal.records[0].sop_uid, "2.25.1");
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("receive");
    TCase *tests = tcase_create("receive");
    tcase_set_timeout(tests, 40);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_acknowledged_is_in_the_journal);
    tcase_add_test(tests, the_plan_role_is_woken);
    tcase_add_test(tests, a_lost_association_is_recorded_as_broken);
    tcase_add_test(tests, an_association_without_instances_leaves_no_record);
    tcase_add_loop_test(tests, only_known_peers_associate, 0, (int)IVX_COUNT(rules));
    tcase_add_test(tests, the_allow_list_is_read_again_on_sighup);
    tcase_add_test(tests, a_wrong_configuration_is_not_taken_over);
    tcase_add_test(tests, more_than_the_limit_is_rejected_as_transient);
    tcase_add_test(tests, under_low_water_new_associations_are_rejected_as_transient);
    tcase_add_test(tests, under_high_water_instances_are_answered_with_out_of_resources);
    tcase_add_test(tests, silent_peers_hold_nobody);
    tcase_add_test(tests, a_stop_lets_an_association_finish);
    tcase_add_test(tests, a_stop_ends_a_peer_that_never_pauses);
    tcase_add_test(tests, a_stop_does_not_wait_for_idle_peers);
    tcase_add_loop_test(tests, a_failed_sync_is_answered_with_out_of_resources, 0,
                        (int)IVX_COUNT(disk_errors));
    tcase_add_test(tests, a_port_in_use_is_said);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
