#include "network_rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(an_echo_is_answered)
{
    struct ivx_err err = { 0 };
    start_server();
    struct ivx_scu *scu = open_well();

    const bool echoed = ivx_scu_echo(scu, &err);

    ck_assert_msg(echoed, "%s", err.text);
    ivx_scu_free(&scu);
    ck_assert_ptr_null(scu);
    ck_assert_str_eq(events(), "associate CT1 ISOVOX 127.0.0.1\nended 1\nserved 1 \n");
}
END_TEST

/* Around the length of a PDV (max_pdu 16384), and of many. */
static const size_t lengths[] = { 2, 16370, 16372, 16374, 16378, 16380, 32744, 500000 };

START_TEST(a_file_arrives_bit_for_bit)
{
    struct ivx_scu_answer answer;
    start_server();
    struct ivx_scu *scu = open_well();
    const char *sent = make_file(ct_class, "2.25.1", lengths[_i]);

    ck_assert_uint_eq(store(scu, sent, &answer), 0x0000);

    ivx_scu_free(&scu);
    ck_assert_str_eq(events(), "associate CT1 ISOVOX 127.0.0.1\n"
                               "begin 1.2.840.10008.5.1.4.1.1.2 2.25.1 1.2.840.10008.1.2.1\n"
                               "end 1\nended 1\nserved 1 \n");
    check_arrived(0, sent);
}
END_TEST

static const struct {
    enum trouble trouble;
    uint16_t status;
    const char *comment, *events;
} troubles[] = {
    { AT_BEGIN, 0xa700, "no room", "refused no room\n" },
    { AT_DATA, 0xa700, "disk is slow", "end 0\nrefused disk is slow\n" },
    { AT_END, 0x0110, "flush failed", "end 1\nrefused flush failed\n" },
};

START_TEST(a_failure_is_answered_and_the_next_instance_is_taken)
{
    char expected[400];
    struct ivx_scu_answer answer;
    plan.trouble = troubles[_i].trouble;
    start_server();
    struct ivx_scu *scu = open_well();
    const char *sent = make_file(ct_class, "2.25.1", 200000);

    ck_assert_uint_eq(store(scu, sent, &answer), troubles[_i].status);
    ck_assert_str_eq(answer.comment, troubles[_i].comment);
    ck_assert_uint_eq(store(scu, sent, &answer), 0x0000);
    ck_assert_str_eq(answer.comment, "");

    ivx_scu_free(&scu);
    const char *begin = "begin 1.2.840.10008.5.1.4.1.1.2 2.25.1 1.2.840.10008.1.2.1\n";
    snprintf(expected, sizeof expected,
             "associate CT1 ISOVOX 127.0.0.1\n%s%s%send 1\nended 1\nserved 1 \n", begin,
             troubles[_i].events, begin);
    ck_assert_str_eq(events(), expected);
    check_arrived(1, sent);
}
END_TEST

START_TEST(an_instance_over_the_limit_is_refused)
{
    struct ivx_scu_answer answer;
    plan.limits.max_instance = 100000;
    start_server();
    struct ivx_scu *scu = open_well();

    ck_assert_uint_eq(store(scu, make_file(ct_class, "2.25.1", 100002), &answer), 0xc000);
    ck_assert_str_eq(answer.comment, "data set is larger than the limit");
    ck_assert_uint_eq(store(scu, make_file(ct_class, "2.25.2", 100000), &answer), 0x0000);

    ivx_scu_free(&scu);
    ck_assert_ptr_nonnull(strstr(events(), "end 0\nrefused data set is larger"));
}
END_TEST

static const struct {
    enum ivx_scp_verdict verdict;
    enum ivx_code code;
    const char *text;
} verdicts[] = {
    { IVX_SCP_CALLING_AE_UNKNOWN, IVX_REFUSED,
      "association rejected (permanent): calling AE title not recognized" },
    { IVX_SCP_CALLED_AE_UNKNOWN, IVX_REFUSED,
      "association rejected (permanent): called AE title not recognized" },
    { IVX_SCP_BUSY, IVX_RETRY, "association rejected (transient): local limit exceeded" },
};

START_TEST(a_peer_that_may_not_associate_is_told_why)
{
    struct ivx_err err = { 0 };
    plan.verdict = verdicts[_i].verdict;
    start_server();

    ck_assert_int_eq(open_badly(&err), verdicts[_i].code);

    ck_assert_str_eq(err.text, verdicts[_i].text);
    ck_assert_str_eq(events(), "associate CT1 ISOVOX 127.0.0.1\nserved 1 \n");
}
END_TEST

START_TEST(a_class_that_was_not_agreed_on_is_not_sent)
{
    struct ivx_err err = { 0 };
    struct ivx_scu_answer answer;
    start_server();
    struct ivx_scu *scu = open_well();

    ck_assert(!ivx_scu_store(scu, make_file("1.2.840.10008.5.1.4.1.1.7", "2.25.1", 100),
                             &answer, &err));

    ck_assert_int_eq(err.code, IVX_REFUSED);
    ck_assert_str_eq(err.text, "the peer accepted no context for class "
                               "1.2.840.10008.5.1.4.1.1.7, 1.2.840.10008.1.2.1");
    ck_assert_uint_eq(store(scu, make_file(ct_class, "2.25.1", 100), &answer), 0x0000);
    ivx_scu_free(&scu);
    events();
}
END_TEST

START_TEST(a_file_that_is_none_is_our_fault)
{
    struct ivx_err err = { 0 };
    struct ivx_scu_answer answer;
    start_server();
    struct ivx_scu *scu = open_well();
    const char *path = make_file(ct_class, "2.25.1", 0);

    ck_assert(!ivx_scu_store(scu, path, &answer, &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);
    err = (struct ivx_err){ 0 };
    ck_assert(!ivx_scu_store(scu, "/nonexistent/1.dcm", &answer, &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);

    ck_assert_uint_eq(store(scu, make_file(ct_class, "2.25.1", 100), &answer), 0x0000);
    ivx_scu_free(&scu);
    events();
}
END_TEST

START_TEST(a_peer_that_dies_in_mid_transfer_asks_for_a_retry)
{
    struct ivx_err err = { 0 };
    struct ivx_scu_answer answer;
    plan.trouble = DIES;
    start_server();
    struct ivx_scu *scu = open_well();

    ck_assert(!ivx_scu_store(scu, make_file(ct_class, "2.25.1", 800000), &answer, &err));

    ck_assert_int_eq(err.code, IVX_RETRY);
    err = (struct ivx_err){ 0 };
    ck_assert(!ivx_scu_store(scu, make_file(ct_class, "2.25.1", 100), &answer, &err));
    ck_assert_str_eq(err.text, "the association is lost");
    ivx_scu_free(&scu);
    events();
}
END_TEST

START_TEST(nobody_there_is_worth_a_retry)
{
    struct ivx_err err = { 0 };
    const int listener = listen_somewhere();
    close(listener);

    ck_assert_int_eq(open_badly(&err), IVX_RETRY);
}
END_TEST

START_TEST(a_server_that_says_nothing_costs_a_second)
{
    struct ivx_err err = { 0 };
    const int listener = listen_somewhere();
    const int64_t start = ivx_clock_steady_us();

    ck_assert_int_eq(open_badly(&err), IVX_RETRY);

    const double seconds = (double)(ivx_clock_steady_us() - start) * 1e-6;
    ck_assert_msg(seconds > 0.9 && seconds < 3.0, "%g s", seconds);
    close(listener);
}
END_TEST

static int connect_raw(void)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                         .sin_port = htons((uint16_t)port) };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A byte every 0.2 s: each read succeeds, the request never ends. */
START_TEST(a_dripping_peer_has_acse_seconds_and_no_more)
{
    plan.limits.acse_seconds = 1;
    start_server();
    const int fd = connect_raw();
    const int64_t start = ivx_clock_steady_us();
    const uint8_t head[] = { 1, 0, 0, 0, 4, 0 };
    char ignored[64];
    ck_assert_int_eq(send(fd, head, sizeof head, MSG_NOSIGNAL), sizeof head);

    while (recv(fd, ignored, sizeof ignored, MSG_DONTWAIT) == -1
           && ivx_clock_steady_us() - start < 4000000) {
        ivx_clock_sleep_ms(200);
        send(fd, "", 1, MSG_NOSIGNAL);
    }

    const double seconds = (double)(ivx_clock_steady_us() - start) * 1e-6;
    ck_assert_msg(seconds > 0.9 && seconds < 2.5, "%g s", seconds);
    close(fd);
    events();
}
END_TEST

START_TEST(a_silent_association_ends_after_dimse_seconds)
{
    plan.limits.dimse_seconds = 1;
    start_server();
    struct ivx_scu *scu = open_well();
    const int64_t start = ivx_clock_steady_us();

    const char *happened = events();

    const double seconds = (double)(ivx_clock_steady_us() - start) * 1e-6;
    ck_assert_str_eq(happened, "associate CT1 ISOVOX 127.0.0.1\nended 0\n"
                               "served 0 silent for 1 seconds\n");
    ck_assert_msg(seconds > 0.8 && seconds < 3.0, "%g s", seconds);
    ivx_scu_free(&scu);
}
END_TEST

START_TEST(an_association_ends_when_asked_to_stop)
{
    plan.trouble = STOPS;
    start_server();
    struct ivx_scu *scu = open_well();

    ck_assert_str_eq(events(), "associate CT1 ISOVOX 127.0.0.1\nended 0\n"
                               "served 0 stopping: the association was aborted\n");
    ivx_scu_free(&scu);
}
END_TEST

START_TEST(what_is_accepted_is_listed)
{
    size_t classes = 0, syntaxes = 0;
    while (ivx_scp_classes()[classes] != NULL)
        classes++;
    while (ivx_scp_syntaxes()[syntaxes] != NULL)
        syntaxes++;

    ck_assert_uint_eq(classes, 9);
    ck_assert_str_eq(ivx_scp_classes()[0], ct_class);
    ck_assert_uint_ge(syntaxes, 2);
    ck_assert_str_eq(ivx_scp_syntaxes()[0], explicit_little);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("network");
    TCase *tests = tcase_create("network");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_echo_is_answered);
    tcase_add_loop_test(tests, a_file_arrives_bit_for_bit, 0, (int)IVX_COUNT(lengths));
    tcase_add_loop_test(tests, a_failure_is_answered_and_the_next_instance_is_taken, 0,
                        (int)IVX_COUNT(troubles));
    tcase_add_test(tests, an_instance_over_the_limit_is_refused);
    tcase_add_loop_test(tests, a_peer_that_may_not_associate_is_told_why, 0,
                        (int)IVX_COUNT(verdicts));
    tcase_add_test(tests, a_class_that_was_not_agreed_on_is_not_sent);
    tcase_add_test(tests, a_file_that_is_none_is_our_fault);
    tcase_add_test(tests, a_peer_that_dies_in_mid_transfer_asks_for_a_retry);
    tcase_add_test(tests, nobody_there_is_worth_a_retry);
    tcase_add_test(tests, a_server_that_says_nothing_costs_a_second);
    tcase_add_test(tests, a_dripping_peer_has_acse_seconds_and_no_more);
    tcase_add_test(tests, a_silent_association_ends_after_dimse_seconds);
    tcase_add_test(tests, an_association_ends_when_asked_to_stop);
    tcase_add_test(tests, what_is_accepted_is_listed);
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
