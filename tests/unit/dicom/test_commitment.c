/* The data sets of storage commitment, written down by hand from PS3.4 J.3-1 and PS3.5 7. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/commitment.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"

/* Transaction UID 2.25.7; failed: class 1.2, instance 1.3.4, 0112H; kept: 1.2, 1.3. */
static const uint8_t explicit_report[] =
    "\x08\0\x95\x11UI\6\0" "2.25.7"
    "\x08\0\x98\x11SQ\0\0\x2c\0\0\0"
    "\xfe\xff\0\xe0\x24\0\0\0"
    "\x08\0\x50\x11UI\4\0" "1.2\0"
    "\x08\0\x55\x11UI\6\0" "1.3.4\0"
    "\x08\0\x97\x11US\2\0\x12\1"
    "\x08\0\x99\x11SQ\0\0\x20\0\0\0"
    "\xfe\xff\0\xe0\x18\0\0\0"
    "\x08\0\x50\x11UI\4\0" "1.2\0"
    "\x08\0\x55\x11UI\4\0" "1.3\0";
/* The request, with undefined lengths and something private that nobody knows. */
static const uint8_t implicit_request[] =
    "\x08\0\x95\x11\6\0\0\0" "2.25.7"
    "\x08\0\x99\x11\xff\xff\xff\xff"
    "\xfe\xff\0\xe0\xff\xff\xff\xff"
    "\x08\0\x50\x11\4\0\0\0" "1.2\0"
    "\x08\0\x55\x11\4\0\0\0" "1.3\0"
    "\xfe\xff\x0d\xe0\0\0\0\0"
    "\xfe\xff\0\xe0\x1c\0\0\0"
    "\x08\0\x50\x11\4\0\0\0" "1.2 "
    "\x08\0\x55\x11\x08\0\0\0" "1.3.456\0"
    "\xfe\xff\xdd\xe0\0\0\0\0"
    "\x09\0\1\x10\4\0\0\0" "????";

static void load(const uint8_t *bytes, size_t length, const char *syntax,
                 struct ivx_commitment *out)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_commitment_read(bytes, length, syntax, out, &err), "%s", err.text);
}

START_TEST(a_report_is_understood)
{
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment read = { 0 };

    load(explicit_report, sizeof explicit_report - 1, EXPLICIT, &read);

    ck_assert_str_eq(read.transaction_uid, "2.25.7");
    ck_assert_uint_eq(read.count, 2);
    ck_assert_str_eq(read.references[0].sop_uid, "1.3.4");
    ck_assert_uint_eq(read.references[0].reason, 0x0112);
    ck_assert_str_eq(read.references[1].sop_class, "1.2");
    ck_assert_uint_eq(read.references[1].reason, 0);
    ck_assert_uint_eq(ivx_commitment_failures(&read), 1);
}
END_TEST

START_TEST(a_request_with_undefined_lengths_is_understood)
{
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment read = { 0 };

    load(implicit_request, sizeof implicit_request - 1, IMPLICIT, &read);

    ck_assert_uint_eq(read.count, 2);
    ck_assert_str_eq(read.references[0].sop_uid, "1.3");
    ck_assert_str_eq(read.references[1].sop_class, "1.2");
    ck_assert_str_eq(read.references[1].sop_uid, "1.3.456");
    ck_assert_uint_eq(ivx_commitment_failures(&read), 0);
}
END_TEST

START_TEST(a_report_is_written_as_the_standard_has_it)
{
    struct ivx_reference references[] = { { "1.2", "1.3", 0 }, { "1.2", "1.3.4", 0x0112 } };
    const struct ivx_commitment report = { "2.25.7", references, 2 };
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    size_t length = 0;

    ck_assert(ivx_commitment_write(&report, EXPLICIT, &bytes, &length, &err));

    ck_assert_uint_eq(length, sizeof explicit_report - 1);
    ck_assert_mem_eq(bytes, explicit_report, length);
}
END_TEST

START_TEST(what_is_written_in_implicit_vr_is_read_back)
{
    struct ivx_reference references[] = { { "1.2", "1.3", 0 }, { "1.2.3", "1.3.4", 0x0213 } };
    const struct ivx_commitment report = { "2.25.70", references, 2 };
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment read = { 0 };
    size_t length = 0;
    ck_assert(ivx_commitment_write(&report, IMPLICIT, &bytes, &length, &err));

    load(bytes, length, IMPLICIT, &read);

    ck_assert_str_eq(read.transaction_uid, "2.25.70");
    ck_assert_uint_eq(read.count, 2);
    ck_assert_str_eq(read.references[0].sop_class, "1.2.3");
    ck_assert_uint_eq(read.references[0].reason, 0x0213);
    ck_assert_str_eq(read.references[1].sop_uid, "1.3");
}
END_TEST

/* Every way to cut it short, and every byte turned over: refused or read, never worse. */
START_TEST(damage_is_survived)
{
    uint8_t bytes[sizeof explicit_report];
    for (size_t n = 0; n < sizeof explicit_report - 1; n++) {
        struct ivx_err err = { 0 }, other = { 0 };
        IVX_AUTO(ivx_commitment_clear) struct ivx_commitment cut = { 0 }, turned = { 0 };
        memcpy(bytes, explicit_report, sizeof bytes);
        ck_assert(!ivx_commitment_read(bytes, n, EXPLICIT, &cut, &err) || cut.count > 0);
        bytes[n] ^= 0xff;
        ck_assert(!ivx_commitment_read(bytes, sizeof bytes - 1, EXPLICIT, &turned, &other)
                  || turned.count > 0);
    }
}
END_TEST

static void refuses(const struct ivx_commitment *written, enum ivx_code code, const char *text)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment read = { 0 };
    size_t length = 0;
    ck_assert(ivx_commitment_write(written, EXPLICIT, &bytes, &length, &err));

    ck_assert(!ivx_commitment_read(bytes, length, EXPLICIT, &read, &err));

    ck_assert_int_eq(err.code, code);
    ck_assert_str_eq(err.text, text);
}

START_TEST(what_lacks_its_uids_is_refused)
{
    struct ivx_reference good = { "1.2", "1.3", 0 }, path = { "1.2", "../x", 0 };
    const struct ivx_commitment none = { "2.25.7", NULL, 0 }, nameless = { "", &good, 1 },
                                foreign = { "2.25.7", &path, 1 };
    refuses(&none, IVX_DAMAGED, "no reference");
    refuses(&nameless, IVX_DAMAGED, "(0008,1195) is no UID");
    refuses(&foreign, IVX_DAMAGED, "(0008,1155) is no UID");
}
END_TEST

START_TEST(references_are_bounded)
{
    const size_t count = IVX_COMMITMENT_MOST + 1;
    IVX_AUTO(ivx_memory_free) struct ivx_reference *many = calloc(count, sizeof *many);
    for (size_t n = 0; n < count; n++) {
        snprintf(many[n].sop_class, sizeof many[n].sop_class, "1.2");
        snprintf(many[n].sop_uid, sizeof many[n].sop_uid, "1.3.%zu", n);
    }
    const struct ivx_commitment most = { "2.25.7", many, count - 1 };
    const struct ivx_commitment more = { "2.25.7", many, count };
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    IVX_AUTO(ivx_commitment_clear) struct ivx_commitment read = { 0 };
    size_t length = 0;
    ck_assert(ivx_commitment_write(&most, EXPLICIT, &bytes, &length, &err));

    load(bytes, length, EXPLICIT, &read);

    ck_assert_uint_eq(read.count, count - 1);
    ck_assert_str_eq(read.references[19999].sop_uid, "1.3.19999");
    refuses(&more, IVX_FULL, "more than 20000 references");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dicom: storage commitment");
    TCase *tcase = tcase_create("data sets");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_report_is_understood);
    tcase_add_test(tcase, a_request_with_undefined_lengths_is_understood);
    tcase_add_test(tcase, a_report_is_written_as_the_standard_has_it);
    tcase_add_test(tcase, what_is_written_in_implicit_vr_is_read_back);
    tcase_add_test(tcase, damage_is_survived);
    tcase_add_test(tcase, what_lacks_its_uids_is_refused);
    tcase_add_test(tcase, references_are_bounded);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
