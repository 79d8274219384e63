#include <check.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "scanned.h"

enum nesting { DEFINED, UNDEFINED, UNKNOWN_VR };

/* `depth` sequences of one item each, innermost empty. */
static void write_nested(struct bytes *bytes, int depth, enum nesting how, uint32_t tag)
{
    const uint32_t header = bytes->explicit_vr ? 12 : 8;
    const char *vr = how == UNKNOWN_VR ? "UN" : "SQ";
    for (int n = 0; n < depth; n++) {
        const uint32_t inside = (uint32_t)(depth - 1 - n) * (header + 8);
        bytes_header(bytes, tag, vr, how == DEFINED ? inside + 8 : BYTES_UNDEFINED);
        bytes_mark(bytes, ITEM, how == DEFINED ? inside : BYTES_UNDEFINED);
        if (how == UNKNOWN_VR)
            bytes->explicit_vr = false;
    }
    for (int n = 0; how != DEFINED && n < depth; n++) {
        bytes_mark(bytes, ITEM_END, 0);
        bytes_mark(bytes, SEQUENCE_END, 0);
    }
}

static const struct bomb {
    const char *syntax;
    enum nesting how;
    uint32_t tag;
} bombs[] = {
    { EXPLICIT, DEFINED, 0x00082112 },     { EXPLICIT, UNDEFINED, 0x00082112 },
    { EXPLICIT, UNKNOWN_VR, 0x00091010 },  { EXPLICIT_BIG, UNDEFINED, 0x00082112 },
    { IMPLICIT, DEFINED, 0x00082112 },     { IMPLICIT, UNDEFINED, 0x00082112 },
    { IMPLICIT, DEFINED, 0x00091010 },
};

START_TEST(nesting_ends_at_64)
{
    const struct bomb *bomb = &bombs[_i];
    static const int depths[] = { 64, 65, 20000 };
    for (int n = 0; n < 3; n++) {
        struct bytes bytes = { 0 };
        bytes_start(&bytes, bomb->syntax);
        write_nested(&bytes, depths[n], bomb->how, bomb->tag);

        const struct outcome out = scanned(&bytes);

        ck_assert_msg(out.passed == (n == 0), "depth %d: %s", depths[n], out.err.text);
        ck_assert_int_eq(out.reason, n == 0 ? IVX_REASON_NONE : IVX_REASON_TOO_LARGE);
        if (n == 0)
            ck_assert_int_eq(out.scan.depth, 64);
        bytes_free(&bytes);
    }
}
END_TEST

START_TEST(a_million_empty_elements_are_too_many)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, EXPLICIT);
    for (uint32_t n = 0; n < 1000000; n++)
        bytes_header(&bytes, 0x00091000 + n % 0x1000, "LO", 0);

    const struct outcome out = scanned(&bytes);

    ck_assert(!out.passed);
    ck_assert_int_eq(out.reason, IVX_REASON_TOO_LARGE);
    ck_assert_int_le(out.seen.count, 200000);
    bytes_free(&bytes);
}
END_TEST

START_TEST(a_length_beyond_the_record_is_damage)
{
    static const uint32_t lengths[] = { 1000, 0x7FFFFFFF, 0xFFFFFFFE };
    struct bytes bytes = { 0 };
    bytes_start(&bytes, _i % 2 == 0 ? EXPLICIT : IMPLICIT);
    bytes_header(&bytes, 0x00091010, "OB", lengths[_i / 2]);
    bytes_raw(&bytes, "a hundred bytes at most", 23);

    const struct outcome out = scanned(&bytes);

    ck_assert(!out.passed);
    ck_assert_int_eq(out.reason, IVX_REASON_DAMAGED);
    ck_assert_int_eq(out.seen.count, 0);
    bytes_free(&bytes);
}
END_TEST

START_TEST(four_gigabytes_of_claimed_pixels_are_truncated_pixels)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, EXPLICIT);
    bytes_header(&bytes, 0x7FE00010, "OW", 0xFFFFFFFE);
    bytes_raw(&bytes, "only these", 10);

    const struct outcome out = scanned(&bytes);

    ck_assert_msg(out.passed, "%s", out.err.text);
    ck_assert(out.scan.pixel_truncated);
    ck_assert_uint_eq(out.scan.pixel_length, 0xFFFFFFFE);
    bytes_free(&bytes);
}
END_TEST

START_TEST(a_header_over_the_limit_is_too_large)
{
    const struct ivx_scan_limits limits = { .depth = 64, .elements = 100, .header = 1000 };
    struct bytes bytes = { 0 };
    struct outcome out;
    static const uint8_t zero[1000];
    bytes_start(&bytes, EXPLICIT);
    bytes_header(&bytes, 0x00420011, "OB", sizeof zero);
    bytes_raw(&bytes, zero, sizeof zero);
    bytes_text(&bytes, 0x00420012, "LO", "end");

    scan_with(&bytes, &limits, &out);

    ck_assert(!out.passed);
    ck_assert_int_eq(out.reason, IVX_REASON_TOO_LARGE);
    bytes_free(&bytes);
}
END_TEST

/* `frames` items of Per-frame Functional Groups with `each` elements, then Pixel Data. */
static void write_groups(struct bytes *bytes, uint32_t frames, uint32_t each)
{
    bytes_start(bytes, EXPLICIT);
    bytes_header(bytes, 0x52009230, "SQ", BYTES_UNDEFINED);
    for (uint32_t frame = 0; frame < frames; frame++) {
        bytes_mark(bytes, ITEM, BYTES_UNDEFINED);
        for (uint32_t n = 0; n < each; n++)
            bytes_header(bytes, 0x00091000 + n, "LO", 0);
        bytes_mark(bytes, ITEM_END, 0);
    }
    bytes_mark(bytes, SEQUENCE_END, 0);
    bytes_header(bytes, 0x7FE00010, "OW", 0);
}

START_TEST(functional_groups_have_limits_of_their_own)
{
    static const struct {
        uint32_t frames, each;
        bool passes;
    } cases[] = {
        { 65536, 0, true },   { 65537, 0, false }, /* frames */
        { 10000, 48, true },  { 10000, 49, false }, /* elements, item and delimiter counted */
        { 5000, 98, true },   { 4000, 124, false },  /* bytes: 8 for each of both */
    };
    const struct ivx_scan_limits limits = {
        .depth = 64, .elements = 10, .header = 1000, .frames = 65536,
        .group_elements = _i < 4 ? 500001 : 1000000, .groups = 4000016,
    };
    struct bytes bytes = { 0 };
    struct outcome out;
    write_groups(&bytes, cases[_i].frames, cases[_i].each);

    scan_with(&bytes, &limits, &out);

    ck_assert_msg(out.passed == cases[_i].passes, "%s", out.err.text);
    ck_assert_int_eq(out.reason, cases[_i].passes ? IVX_REASON_NONE : IVX_REASON_TOO_LARGE);
    bytes_free(&bytes);
}
END_TEST

/* The parser that comes after the scanner would keep them all: not by default. */
START_TEST(elements_outside_of_functional_groups_are_still_counted)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, EXPLICIT);
    bytes_header(&bytes, 0x52009229, "SQ", BYTES_UNDEFINED);
    bytes_mark(&bytes, ITEM, BYTES_UNDEFINED);
    for (uint32_t n = 0; n < 200001; n++)
        bytes_header(&bytes, 0x00091000 + n % 0x1000, "LO", 0);

    const struct outcome out = scanned(&bytes);

    ck_assert(!out.passed);
    ck_assert_int_eq(out.reason, IVX_REASON_TOO_LARGE);
    bytes_free(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bombs");
    TCase *wrong = tcase_create("bombs");
    tcase_set_timeout(wrong, 60);
    tcase_add_loop_test(wrong, nesting_ends_at_64, 0, (int)IVX_COUNT(bombs));
    tcase_add_test(wrong, a_million_empty_elements_are_too_many);
    tcase_add_loop_test(wrong, a_length_beyond_the_record_is_damage, 0, 6);
    tcase_add_test(wrong, four_gigabytes_of_claimed_pixels_are_truncated_pixels);
    tcase_add_test(wrong, a_header_over_the_limit_is_too_large);
    tcase_add_loop_test(wrong, functional_groups_have_limits_of_their_own, 0, 6);
    tcase_add_test(wrong, elements_outside_of_functional_groups_are_still_counted);
    suite_add_tcase(suite, wrong);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
