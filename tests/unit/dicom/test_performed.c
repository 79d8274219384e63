/* What a modality says of a procedure step: data sets made byte by byte, right ones and wrong
 * ones. PS3.4 table F.7.2-1. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/performed.h"

static const char *const syntaxes[] = { "1.2.840.10008.1.2", "1.2.840.10008.1.2.1" };

static void image(struct bytes *bytes, const char *uid)
{
    bytes_mark(bytes, 0xFFFEE000, BYTES_UNDEFINED);
    bytes_text(bytes, 0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2");
    if (uid != NULL)
        bytes_text(bytes, 0x00081155, "UI", uid);
    bytes_mark(bytes, 0xFFFEE00D, 0);
}

/* A series of `count` images "<uid>.1", ...; uid NULL: without its UID. */
static void performed_series(struct bytes *bytes, const char *uid, int count)
{
    bytes_mark(bytes, 0xFFFEE000, BYTES_UNDEFINED);
    bytes_text(bytes, 0x0008103E, "LO", "Thorax");
    bytes_header(bytes, 0x00081140, "SQ", BYTES_UNDEFINED);
    for (int n = 1; n <= count; n++) {
        char one[80];
        snprintf(one, sizeof one, "%s.%d", uid == NULL ? "1" : uid, n);
        image(bytes, one);
    }
    bytes_mark(bytes, 0xFFFEE0DD, 0);
    bytes_text(bytes, 0x00181030, "LO", "Protocol");
    if (uid != NULL)
        bytes_text(bytes, 0x0020000E, "UI", uid);
    /* What is not an image is not counted as one. */
    bytes_header(bytes, 0x00400220, "SQ", BYTES_UNDEFINED);
    image(bytes, "9.9");
    bytes_mark(bytes, 0xFFFEE0DD, 0);
    bytes_mark(bytes, 0xFFFEE00D, 0);
}

static void begin(struct bytes *bytes, int which, const char *status)
{
    *bytes = (struct bytes){ .explicit_vr = which == 1 };
    bytes_text(bytes, 0x00080060, "CS", "CT");
    if (status != NULL)
        bytes_text(bytes, 0x00400252, "CS", status);
}

static bool read(const struct bytes *bytes, int which, struct ivx_performed *out,
                 struct ivx_err *err)
{
    *err = (struct ivx_err){ 0 };
    return ivx_performed_read(bytes->data, bytes->used, syntaxes[which], out, err);
}

START_TEST(images_belong_to_the_series_behind_them)
{
    struct ivx_err err;
    struct bytes bytes;
    IVX_AUTO(ivx_performed_clear) struct ivx_performed said = { 0 };
    begin(&bytes, _i, "COMPLETED");
    bytes_header(&bytes, 0x00400340, "SQ", BYTES_UNDEFINED);
    performed_series(&bytes, "1.2.3", 2);
    performed_series(&bytes, "1.2.4", 0);
    performed_series(&bytes, "1.2.5", 1);
    bytes_mark(&bytes, 0xFFFEE0DD, 0);

    ck_assert_msg(read(&bytes, _i, &said, &err), "%s", err.text);

    ck_assert_int_eq(said.status, IVX_PERFORMED_COMPLETED);
    ck_assert(said.lists);
    ck_assert_uint_eq(said.count, 4);
    ck_assert_str_eq(said.image[0].series_uid, "1.2.3");
    ck_assert_str_eq(said.image[0].sop_uid, "1.2.3.1");
    ck_assert_str_eq(said.image[1].series_uid, "1.2.3");
    ck_assert_str_eq(said.image[1].sop_uid, "1.2.3.2");
    ck_assert_str_eq(said.image[2].series_uid, "1.2.4");
    ck_assert_str_eq(said.image[2].sop_uid, "");
    ck_assert_str_eq(said.image[3].series_uid, "1.2.5");
    ck_assert_str_eq(said.image[3].sop_uid, "1.2.5.1");
    bytes_free(&bytes);
}
END_TEST

START_TEST(statuses_are_what_the_standard_names)
{
    static const struct {
        const char *text;
        enum ivx_performed_status status;
        bool good;
    } cases[] = {
        { "IN PROGRESS", IVX_PERFORMED_IN_PROGRESS, true },
        { "COMPLETED", IVX_PERFORMED_COMPLETED, true },
        { "DISCONTINUED", IVX_PERFORMED_DISCONTINUED, true },
        { NULL, IVX_PERFORMED_UNSAID, true },
        { "DONE", 0, false },
        { "", 0, false },
    };
    struct ivx_err err;
    struct bytes bytes;
    IVX_AUTO(ivx_performed_clear) struct ivx_performed said = { 0 };
    begin(&bytes, 1, cases[_i].text);
    ck_assert(read(&bytes, 1, &said, &err) == cases[_i].good);
    ck_assert_int_eq(said.status, cases[_i].status);
    ck_assert(!said.lists);
    bytes_free(&bytes);
}
END_TEST

static bool is_damaged(struct bytes *bytes)
{
    struct ivx_err err;
    struct ivx_performed said = { 0 };
    const bool good = read(bytes, 1, &said, &err);
    ivx_performed_clear(&said);
    bytes_free(bytes);
    return !good && err.code == IVX_DAMAGED;
}

START_TEST(what_is_malformed_is_refused)
{
    struct bytes bytes;
    begin(&bytes, 1, "COMPLETED"); /* a series without its UID, the last one or another */
    bytes_header(&bytes, 0x00400340, "SQ", BYTES_UNDEFINED);
    performed_series(&bytes, NULL, 1);
    if (_i == 1)
        performed_series(&bytes, "1.2.3", 1);
    if (_i != 2) /* cut off */
        bytes_mark(&bytes, 0xFFFEE0DD, 0);
    ck_assert(is_damaged(&bytes));
    begin(&bytes, 1, "COMPLETED");
    bytes_header(&bytes, 0x00400340, "SQ", BYTES_UNDEFINED);
    performed_series(&bytes, "1.2;DROP", 1);
    bytes_mark(&bytes, 0xFFFEE0DD, 0);
    ck_assert(is_damaged(&bytes));
}
END_TEST

START_TEST(a_list_has_an_end)
{
    struct ivx_err err;
    struct bytes bytes;
    struct ivx_performed said = { 0 };
    begin(&bytes, 1, "COMPLETED");
    bytes_header(&bytes, 0x00400340, "SQ", BYTES_UNDEFINED);
    performed_series(&bytes, "1.2.3", IVX_PERFORMED_MOST + 1);
    bytes_mark(&bytes, 0xFFFEE0DD, 0);
    ck_assert(!read(&bytes, 1, &said, &err));
    ck_assert_int_eq(err.code, IVX_FULL);
    bytes_free(&bytes);
}
END_TEST

START_TEST(a_bomb_of_sequences_is_refused)
{
    struct bytes bytes;
    begin(&bytes, 1, "COMPLETED");
    for (int n = 0; n < 20000; n++) {
        bytes_header(&bytes, 0x00400340, "SQ", BYTES_UNDEFINED);
        bytes_mark(&bytes, 0xFFFEE000, BYTES_UNDEFINED);
    }
    struct ivx_err err;
    struct ivx_performed said = { 0 };
    ck_assert(!read(&bytes, 1, &said, &err));
    bytes_free(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dicom: performed");
    TCase *tcase = tcase_create("performed");
    tcase_add_loop_test(tcase, images_belong_to_the_series_behind_them, 0, 2);
    tcase_add_loop_test(tcase, statuses_are_what_the_standard_names, 0, 6);
    tcase_add_loop_test(tcase, what_is_malformed_is_refused, 0, 3);
    tcase_add_test(tcase, a_list_has_an_end);
    tcase_add_test(tcase, a_bomb_of_sequences_is_refused);
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
