#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* C-STORE-RQ, written down by hand from PS3.7 table 9.3-1 and E.1. */
static const uint8_t store_request[] =
    "\0\0\0\0\4\0\0\0\x58\0\0\0"
    "\0\0\2\0\x1a\0\0\0" "1.2.840.10008.5.1.4.1.1.2\0"
    "\0\0\0\1\2\0\0\0\1\0"
    "\0\0\x10\1\2\0\0\0\7\0"
    "\0\0\0\7\2\0\0\0\0\0"
    "\0\0\0\x08\2\0\0\0\1\0"
    "\0\0\0\x10\6\0\0\0" "2.25.9";
enum { STORE_REQUEST = sizeof store_request - 1 };

static struct ivx_command read_well(const uint8_t *bytes, size_t length)
{
    struct ivx_err err = { 0 };
    struct ivx_command command;
    ck_assert_msg(ivx_command_read(bytes, length, &command, &err), "%s", err.text);
    return command;
}

START_TEST(a_store_request_is_understood)
{
    const struct ivx_command command = read_well(store_request, STORE_REQUEST);

    ck_assert_uint_eq(command.field, IVX_COMMAND_STORE);
    ck_assert_uint_eq(command.message_id, 7);
    ck_assert_uint_ne(command.data_set_type, IVX_COMMAND_NO_DATA);
    ck_assert_str_eq(command.sop_class.text, "1.2.840.10008.5.1.4.1.1.2");
    ck_assert_str_eq(command.sop_uid.text, "2.25.9");
    ck_assert(command.sop_class.legal && command.sop_uid.legal);
}
END_TEST

START_TEST(a_store_request_is_made)
{
    uint8_t bytes[IVX_COMMAND_ROOM];
    const struct ivx_command command = {
        .field = IVX_COMMAND_STORE, .message_id = 7,
        .sop_class.text = "1.2.840.10008.5.1.4.1.1.2", .sop_uid.text = "2.25.9" };

    const size_t length = ivx_command_request(&command, bytes);

    ck_assert_uint_eq(length, STORE_REQUEST);
    ck_assert_mem_eq(bytes, store_request, length);
}
END_TEST

START_TEST(an_answer_says_what_and_why)
{
    static const uint8_t expected[] =
        "\0\0\0\0\4\0\0\0\x68\0\0\0"
        "\0\0\2\0\x1a\0\0\0" "1.2.840.10008.5.1.4.1.1.2\0"
        "\0\0\0\1\2\0\0\0\1\x80"
        "\0\0\x20\1\2\0\0\0\7\0"
        "\0\0\0\x08\2\0\0\0\1\1"
        "\0\0\0\x09\2\0\0\0\0\xa7"
        "\0\0\2\x09\x08\0\0\0" "no?disk "
        "\0\0\0\x10\6\0\0\0" "2.25.9";
    uint8_t bytes[IVX_COMMAND_ROOM];
    const struct ivx_command command = read_well(store_request, STORE_REQUEST);

    const size_t length = ivx_command_answer(&command, 0xa700, "no\\disk", bytes);

    ck_assert_uint_eq(length, sizeof expected - 1);
    ck_assert_mem_eq(bytes, expected, length);
}
END_TEST

START_TEST(an_answer_is_understood_with_its_comment)
{
    uint8_t bytes[IVX_COMMAND_ROOM];
    const struct ivx_command request = read_well(store_request, STORE_REQUEST);
    const size_t length = ivx_command_answer(&request, 0xc000, "why not", bytes);

    const struct ivx_command answer = read_well(bytes, length);

    ck_assert_uint_eq(answer.field, 0x8001);
    ck_assert_uint_eq(answer.answered_id, 7);
    ck_assert_uint_eq(answer.status, 0xc000);
    ck_assert_str_eq(answer.comment, "why not");
}
END_TEST

START_TEST(a_long_comment_is_cut_to_what_lo_holds)
{
    char comment[200];
    uint8_t bytes[IVX_COMMAND_ROOM];
    memset(comment, 'x', sizeof comment - 1);
    comment[sizeof comment - 1] = '\0';
    const struct ivx_command request = read_well(store_request, STORE_REQUEST);

    const size_t length = ivx_command_answer(&request, 0xc000, comment, bytes);

    const struct ivx_command answer = read_well(bytes, length);
    ck_assert_uint_eq(strlen(answer.comment), 64);
}
END_TEST

static const struct {
    const char *value;
    bool legal;
    const char *text;
} uids[] = {
    { "1.2.3", true, "1.2.3" },
    { "1.2.3 ", true, "1.2.3" },
    { "", true, "" },
    { "1.2/../../etc", false, "" },
    { "1.2.x", false, "" },
    { "1.2\n3", false, "" },
    { "1234567890123456789012345678901234567890123456789012345678901234", true,
      "1234567890123456789012345678901234567890123456789012345678901234" },
    { "12345678901234567890123456789012345678901234567890123456789012345", false, "" },
};

START_TEST(only_uids_are_uids)
{
    const char *value = uids[_i].value;
    const size_t length = strlen(value);
    uint8_t bytes[128] = "\0\0\0\1\2\0\0\0\1\0\0\0\0\x10";
    bytes[14] = (uint8_t)length;
    memcpy(bytes + 18, value, length);

    const struct ivx_command command = read_well(bytes, 18 + length);

    ck_assert_int_eq(command.sop_uid.legal, uids[_i].legal);
    ck_assert_str_eq(command.sop_uid.text, uids[_i].text);
}
END_TEST

/* In memory of its own size, so that reading on is seen by the sanitizer. */
static bool reads_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, length);
    uint8_t *exact = realloc(copy, length > 0 ? length : 1);
    ck_assert_ptr_nonnull(exact);
    struct ivx_command command;
    const bool read = ivx_command_read(exact, length, &command, NULL);
    free(exact);
    return read;
}

START_TEST(a_cut_command_set_is_refused_or_ends_between_elements)
{
    static const size_t ends[] = { 12, 46, 56, 66, 76, 86, STORE_REQUEST };
    for (size_t length = 0; length <= STORE_REQUEST; length++) {
        bool expected = false;
        for (size_t i = 2; i < sizeof ends / sizeof *ends; i++)
            expected = expected || ends[i] == length;

        ck_assert_msg(reads_copy(store_request, length) == expected, "at %zu", length);
    }
}
END_TEST

static const struct {
    const char *bytes;
    size_t length;
    const char *why;
} damaged[] = {
    { "\0\0\0\1\xff\xff\xff\xff\1\0", 10, "command set: (0000,0100) of 4294967295 bytes" },
    { "\x08\0\0\1\2\0\0\0\1\0", 10, "command set: element of group 0008" },
    { "\0\0\0\1\0\0\0\0", 8, "command set: no command field" },
    { "\0\0\0\1", 4, "command set: cut inside an element" },
};

START_TEST(what_is_no_command_set_is_refused)
{
    struct ivx_err err = { 0 };
    struct ivx_command command;

    ck_assert(!ivx_command_read((const uint8_t *)damaged[_i].bytes, damaged[_i].length,
                                &command, &err));

    ck_assert_int_eq(err.code, IVX_DAMAGED);
    ck_assert_str_eq(err.text, damaged[_i].why);
}
END_TEST

/* PS3.10 table 7.1-1, by hand. */
static const uint8_t meta[] =
    "DICM"
    "\2\0\0\0UL\4\0\x8c\0\0\0"
    "\2\0\1\0OB\0\0\2\0\0\0\0\1"
    "\2\0\2\0UI\x1a\0" "1.2.840.10008.5.1.4.1.1.2\0"
    "\2\0\3\0UI\6\0" "2.25.9"
    "\2\0\x10\0UI\x12\0" "1.2.840.10008.1.2\0"
    "\2\0\x12\0UI\x2c\0" "2.25.228406370530925468838349029166013741083";
enum { META = sizeof meta - 1 };

START_TEST(a_meta_header_is_that_of_the_standard)
{
    uint8_t bytes[IVX_META_ROOM];
    static const uint8_t zeros[128];

    const size_t length = ivx_meta_write("1.2.840.10008.5.1.4.1.1.2", "2.25.9",
                                         "1.2.840.10008.1.2", bytes);

    ck_assert_uint_eq(length, 128 + META);
    ck_assert_mem_eq(bytes, zeros, 128);
    ck_assert_mem_eq(bytes + 128, meta, META);
}
END_TEST

START_TEST(the_longest_meta_header_has_room)
{
    const char *uid = "1234567890123456789012345678901234567890123456789012345678901234";
    uint8_t bytes[IVX_META_ROOM];

    const size_t length = ivx_meta_write(uid, uid, uid, bytes);

    ck_assert_uint_le(length, IVX_META_ROOM);
}
END_TEST

static void whole_file(uint8_t out[128 + META + 8])
{
    memset(out, 0, 128 + META + 8);
    memcpy(out + 128, meta, META);
    memcpy(out + 128 + META, "\x08\0\x16\0UI\0\0", 8);
}

START_TEST(a_meta_header_says_where_the_data_set_starts)
{
    struct ivx_err err = { 0 };
    struct ivx_meta read;
    uint8_t file[128 + META + 8];
    whole_file(file);

    ck_assert_msg(ivx_meta_read(file, sizeof file, &read, &err), "%s", err.text);

    ck_assert_uint_eq(read.data_set_at, 128 + META);
    ck_assert_str_eq(read.sop_class.text, "1.2.840.10008.5.1.4.1.1.2");
    ck_assert_str_eq(read.sop_uid.text, "2.25.9");
    ck_assert_str_eq(read.syntax.text, "1.2.840.10008.1.2");
}
END_TEST

START_TEST(a_cut_meta_header_is_refused)
{
    uint8_t file[128 + META + 8];
    whole_file(file);
    const size_t syntax_end = 128 + 4 + 12 + 14 + 34 + 14 + 26;
    for (size_t length = 0; length < syntax_end; length++) {
        struct ivx_err err = { 0 };
        struct ivx_meta read;
        uint8_t *exact = malloc(length > 0 ? length : 1);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, file, length);

        ck_assert_msg(!ivx_meta_read(exact, length, &read, &err), "at %zu", length);

        ck_assert_int_eq(err.code, IVX_DAMAGED);
        free(exact);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("command");
    TCase *tests = tcase_create("command");
    tcase_add_test(tests, a_store_request_is_understood);
    tcase_add_test(tests, a_store_request_is_made);
    tcase_add_test(tests, an_answer_says_what_and_why);
    tcase_add_test(tests, an_answer_is_understood_with_its_comment);
    tcase_add_test(tests, a_long_comment_is_cut_to_what_lo_holds);
    tcase_add_loop_test(tests, only_uids_are_uids, 0, sizeof uids / sizeof *uids);
    tcase_add_test(tests, a_cut_command_set_is_refused_or_ends_between_elements);
    tcase_add_loop_test(tests, what_is_no_command_set_is_refused, 0,
                        sizeof damaged / sizeof *damaged);
    tcase_add_test(tests, a_meta_header_is_that_of_the_standard);
    tcase_add_test(tests, the_longest_meta_header_has_room);
    tcase_add_test(tests, a_meta_header_says_where_the_data_set_starts);
    tcase_add_test(tests, a_cut_meta_header_is_refused);
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
