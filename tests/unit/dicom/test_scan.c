#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "scanned.h"

/* A sequence of two items, one of defined and one of undefined length; the second holds a
 * sequence of undefined length. Then text, then Pixel Data. */
static void write_body(struct bytes *bytes)
{
    struct bytes item = { .explicit_vr = bytes->explicit_vr, .big_endian = bytes->big_endian };
    bytes_text(&item, 0x00081155, "UI", "1.2.3");
    bytes_text(bytes, 0x00080018, "UI", "2.25.1");
    bytes_header(bytes, 0x00082112, "SQ", BYTES_UNDEFINED);
    bytes_mark(bytes, ITEM, (uint32_t)item.used);
    bytes_raw(bytes, item.data, item.used);
    bytes_mark(bytes, ITEM, BYTES_UNDEFINED);
    bytes_header(bytes, 0x0040A170, "SQ", BYTES_UNDEFINED);
    bytes_mark(bytes, ITEM, BYTES_UNDEFINED);
    bytes_text(bytes, 0x00080100, "SH", "code");
    bytes_mark(bytes, ITEM_END, 0);
    bytes_mark(bytes, SEQUENCE_END, 0);
    bytes_mark(bytes, ITEM_END, 0);
    bytes_mark(bytes, SEQUENCE_END, 0);
    bytes_text(bytes, 0x00200032, "DS", "1.5\\-2\\3e1");
    bytes_short(bytes, 0x00280010, 258);
    bytes_header(bytes, 0x7FE00010, "OW", 4);
    bytes_raw(bytes, "abcd", 4);
    bytes_free(&item);
}

static const struct expected {
    uint32_t tag, parent, item;
    int depth;
    const char *text;
} body[] = {
    { 0x00080018, 0, 0, 0, "2.25.1" },
    { 0x00082112, 0, 0, 0, "" },
    { 0x00081155, 0x00082112, 0, 1, "1.2.3" },
    { 0x0040A170, 0x00082112, 1, 1, "" },
    { 0x00080100, 0x0040A170, 0, 2, "code" },
    { 0x00200032, 0, 0, 0, "1.5\\-2\\3e1" },
    { 0x00280010, 0, 0, 0, NULL },
    { 0x7FE00010, 0, 0, 0, "" },
};

static void check_body(const struct outcome *out, size_t end)
{
    ck_assert_msg(out->passed, "%s", out->err.text);
    ck_assert_int_eq(out->seen.count, (int)IVX_COUNT(body));
    for (size_t n = 0; n < IVX_COUNT(body); n++) {
        const struct ivx_scan_element *element = &out->seen.element[n];
        ck_assert_uint_eq(element->tag, body[n].tag);
        ck_assert_uint_eq(element->parent, body[n].parent);
        ck_assert_uint_eq(element->item, body[n].item);
        ck_assert_int_eq(element->depth, body[n].depth);
        if (body[n].text != NULL)
            ck_assert_str_eq(out->seen.text[n], body[n].text);
    }
    ck_assert_uint_eq(out->scan.pixel_tag, 0x7FE00010);
    ck_assert_uint_eq(out->scan.pixel_offset, end - 4);
    ck_assert_uint_eq(out->scan.pixel_length, 4);
    ck_assert_int_eq(out->scan.depth, 2);
    ck_assert(!out->scan.encapsulated && !out->scan.pixel_truncated);
}

static const char *const walkable[] = { IMPLICIT, EXPLICIT, EXPLICIT_BIG };

START_TEST(elements_come_in_order_with_their_place_in_every_native_syntax)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, walkable[_i]);
    write_body(&bytes);

    const struct outcome out = scanned(&bytes);

    check_body(&out, bytes.used);
    ck_assert(out.scan.has_meta);
    ck_assert_str_eq(out.scan.syntax, walkable[_i]);
    ck_assert_int_eq(out.scan.big_endian, _i == 2);
    bytes_free(&bytes);
}
END_TEST

START_TEST(without_a_meta_header_the_syntax_is_told_by_the_bytes)
{
    struct bytes bytes = { .explicit_vr = _i > 0, .big_endian = _i == 2 };
    write_body(&bytes);

    const struct outcome out = scanned(&bytes);

    check_body(&out, bytes.used);
    ck_assert(!out.scan.has_meta);
    ck_assert_str_eq(out.scan.syntax, walkable[_i]);
    bytes_free(&bytes);
}
END_TEST

START_TEST(the_mark_may_come_without_a_preamble)
{
    struct bytes inner = { 0 }, outer = { 0 };
    bytes_start(&inner, walkable[_i]);
    write_body(&inner);
    bytes_raw(&outer, inner.data + 128, inner.used - 128);

    const struct outcome out = scanned(&outer);

    check_body(&out, outer.used);
    ck_assert(out.scan.has_meta);
    ck_assert_uint_eq(out.scan.start, 4);
    ck_assert_str_eq(out.scan.syntax, walkable[_i]);
    bytes_free(&inner);
    bytes_free(&outer);
}
END_TEST

START_TEST(a_record_inside_a_larger_file_is_walked_alone)
{
    struct bytes inner = { 0 }, outer = { 0 };
    bytes_start(&inner, EXPLICIT);
    write_body(&inner);
    bytes_raw(&outer, "0123456789", 10);
    bytes_raw(&outer, inner.data, inner.used);
    bytes_raw(&outer, "\xFE\xFF\x00\xE0garbage", 11);
    char path[64];
    IVX_AUTO(ivx_fd_close) int fd = bytes_file(&outer, path);
    const struct ivx_blob blob = { path, 10, inner.used };
    struct outcome out = { 0 };

    out.passed = ivx_scan(&blob, NULL, note, &out.seen, &out.scan, &out.reason, &out.err);

    check_body(&out, inner.used);
    bytes_free(&inner);
    bytes_free(&outer);
}
END_TEST

static bool starts_an_element(const struct outcome *whole, size_t at)
{
    for (int n = 0; n < whole->seen.count; n++) {
        const struct ivx_scan_element *element = &whole->seen.element[n];
        const bool wide = strcmp(element->vr, "SQ") == 0 || strcmp(element->vr, "OW") == 0;
        if (element->depth == 0 && element->offset - (wide ? 12 : 8) == at)
            return true;
    }
    return false;
}

/* A cut inside an element is damage; a cut between two elements of the data set cannot be
 * told from a shorter object; a cut in Pixel Data's value is reported as that. */
START_TEST(truncation_at_every_byte_is_seen)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, walkable[_i]);
    const size_t start = bytes.used;
    write_body(&bytes);
    const struct outcome whole = scanned(&bytes);
    const size_t full = bytes.used;

    for (size_t length = 1; length < full; length++) {
        bytes.used = length;
        const struct outcome out = scanned(&bytes);

        const bool between = starts_an_element(&whole, length);
        if (whole.scan.pixel_offset <= length)
            ck_assert_msg(out.passed && out.scan.pixel_truncated, "cut to %zu", length);
        else if (between)
            ck_assert_int_eq(out.passed, length != start);
        else if (length > start)
            ck_assert_msg(!out.passed && out.reason == IVX_REASON_DAMAGED, "cut to %zu",
                          length);
    }
    bytes.used = full;
    bytes_free(&bytes);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

START_TEST(flipped_bytes_never_lead_outside)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, walkable[_i]);
    write_body(&bytes);
    IVX_AUTO(ivx_memory_free) uint8_t *good = malloc(bytes.used);
    ck_assert_ptr_nonnull(good);
    memcpy(good, bytes.data, bytes.used);
    const uint64_t seed = 0x1505 + (uint64_t)_i;
    printf("flipped_bytes: seed %llu\n", (unsigned long long)seed);
    uint64_t state = seed;

    for (int round = 0; round < 20000; round++) {
        memcpy(bytes.data, good, bytes.used);
        for (uint64_t flips = 1 + next_random(&state) % 8; flips > 0; flips--)
            bytes.data[128 + next_random(&state) % (bytes.used - 128)] =
                (uint8_t)next_random(&state);
        const struct outcome out = scanned(&bytes);

        for (int n = 0; out.passed && n < out.seen.count && n < MOST_SEEN; n++) {
            const struct ivx_scan_element *element = &out.seen.element[n];
            ck_assert_int_le(element->depth, 64);
            ck_assert_uint_le(element->offset, bytes.used);
            if (element->value != NULL)
                ck_assert_uint_le(element->length, bytes.used - element->offset);
        }
    }
    bytes_free(&bytes);
}
END_TEST

/* What is wrong with each is in its name. */
static void unclosed_sequence(struct bytes *bytes)
{
    bytes_header(bytes, 0x00082112, "SQ", BYTES_UNDEFINED);
    bytes_mark(bytes, ITEM, 0);
}
static void stray_item_end(struct bytes *bytes)
{
    bytes_mark(bytes, ITEM_END, 0);
    bytes_text(bytes, 0x00080018, "UI", "1");
}
static void item_longer_than_its_sequence(struct bytes *bytes)
{
    bytes_header(bytes, 0x00082112, "SQ", 16);
    bytes_mark(bytes, ITEM, 40);
    bytes_text(bytes, 0x00080018, "UI", "1.2.3.4.5.6.7.8.9.10.11.12.13.14");
}
static void element_in_place_of_an_item(struct bytes *bytes)
{
    bytes_header(bytes, 0x00082112, "SQ", 16);
    bytes_text(bytes, 0x00080018, "UI", "1.2.3.45");
}
static void no_value_representation(struct bytes *bytes)
{
    bytes_header(bytes, 0x00080018, "\1\2", 0);
}
static void icon_with_a_long_fragment(struct bytes *bytes)
{
    bytes_header(bytes, 0x00880200, "SQ", BYTES_UNDEFINED);
    bytes_mark(bytes, ITEM, BYTES_UNDEFINED);
    bytes_header(bytes, 0x7FE00010, "OB", BYTES_UNDEFINED);
    bytes_mark(bytes, ITEM, 5000);
}

static void (*const malformed[])(struct bytes *) = {
    unclosed_sequence, stray_item_end, item_longer_than_its_sequence,
    element_in_place_of_an_item, no_value_representation, icon_with_a_long_fragment,
};

START_TEST(malformed_structure_is_damage)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, EXPLICIT);
    malformed[_i](&bytes);

    const struct outcome out = scanned(&bytes);

    ck_assert_msg(!out.passed, "case %d passed", _i);
    ck_assert_int_eq(out.reason, IVX_REASON_DAMAGED);
    bytes_free(&bytes);
}
END_TEST

START_TEST(an_encapsulated_icon_is_walked_and_is_not_the_image)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, EXPLICIT);
    bytes_header(&bytes, 0x00880200, "SQ", BYTES_UNDEFINED);
    bytes_mark(&bytes, ITEM, BYTES_UNDEFINED);
    bytes_header(&bytes, 0x7FE00010, "OB", BYTES_UNDEFINED);
    bytes_mark(&bytes, ITEM, 0);
    bytes_mark(&bytes, ITEM, 6);
    bytes_raw(&bytes, "\xFE\xFF\xDD\xE0--", 6);
    bytes_mark(&bytes, SEQUENCE_END, 0);
    bytes_mark(&bytes, ITEM_END, 0);
    bytes_mark(&bytes, SEQUENCE_END, 0);
    bytes_header(&bytes, 0x7FE00010, "OB", BYTES_UNDEFINED);
    const size_t value = bytes.used;

    const struct outcome out = scanned(&bytes);

    ck_assert_msg(out.passed, "%s", out.err.text);
    ck_assert(out.scan.encapsulated);
    ck_assert_uint_eq(out.scan.pixel_offset, value);
    bytes_free(&bytes);
}
END_TEST

/* Explicit VR items that somebody stored as an unknown private element: bytes to us. */
START_TEST(a_private_value_that_only_looks_like_a_sequence_is_skipped)
{
    struct bytes bytes = { 0 }, value = { .explicit_vr = true };
    bytes_mark(&value, ITEM, 16);
    bytes_text(&value, 0x00091011, "LO", "12345678");
    bytes_start(&bytes, IMPLICIT);
    bytes_header(&bytes, 0x00091010, "UN", (uint32_t)value.used);
    bytes_raw(&bytes, value.data, value.used);
    bytes_text(&bytes, 0x00200032, "DS", "1\\2\\3");

    const struct outcome out = scanned(&bytes);

    ck_assert_msg(out.passed, "%s", out.err.text);
    const int last = out.seen.count - 1;
    ck_assert_uint_eq(out.seen.element[last].tag, 0x00200032);
    ck_assert_int_eq(out.seen.element[last].depth, 0);
    ck_assert_str_eq(out.seen.text[last], "1\\2\\3");
    bytes_free(&bytes);
    bytes_free(&value);
}
END_TEST

START_TEST(a_syntax_that_cannot_be_walked_is_named)
{
    static const char *const others[] = { "1.2.840.10008.1.2.7", "1.2.840.113619.5.2" };
    struct bytes bytes = { 0 };
    bytes_start(&bytes, others[_i]);
    bytes_raw(&bytes, "whatever", 8);

    const struct outcome out = scanned(&bytes);

    ck_assert(!out.passed);
    ck_assert_int_eq(out.reason, IVX_REASON_UNSUPPORTED_SYNTAX);
    ck_assert_ptr_nonnull(strstr(out.err.text, others[_i]));
    bytes_free(&bytes);
}
END_TEST

static unsigned long long characters_read(void)
{
    FILE *io = fopen("/proc/self/io", "r");
    unsigned long long count = 0;
    ck_assert_ptr_nonnull(io);
    ck_assert_int_eq(fscanf(io, "rchar: %llu", &count), 1);
    fclose(io);
    return count;
}

START_TEST(pixel_data_is_not_read)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, EXPLICIT);
    bytes_header(&bytes, 0x00420011, "OB", 20 << 20);
    char path[64];
    IVX_AUTO(ivx_fd_close) int fd = bytes_file(&bytes, path);
    const off_t value = (off_t)bytes.used + (20 << 20);
    bytes.used = 0;
    bytes_header(&bytes, 0x7FE00010, "OW", 1u << 30);
    ck_assert_int_eq(pwrite(fd, bytes.data, 12, value), 12);
    ck_assert_int_eq(ftruncate(fd, value + 12 + (1 << 30)), 0);
    const struct ivx_blob blob = { path, 0, (uint64_t)value + 12 + (1u << 30) };
    struct outcome out = { 0 };

    const unsigned long long before = characters_read();
    out.passed = ivx_scan(&blob, NULL, note, &out.seen, &out.scan, &out.reason, &out.err);
    const unsigned long long after = characters_read();

    ck_assert_msg(out.passed, "%s", out.err.text);
    ck_assert_uint_eq(out.scan.pixel_length, 1u << 30);
    ck_assert_uint_lt(after - before, 3 * 65536 + 4096);
    bytes_free(&bytes);
}
END_TEST

static bool decline(void *context, const struct ivx_scan_element *element, struct ivx_err *err)
{
    (void)context;
    (void)element;
    return ivx_fail(err, IVX_FULL, "the visitor said no");
}

START_TEST(the_visitor_can_end_it)
{
    struct bytes bytes = { 0 };
    bytes_start(&bytes, EXPLICIT);
    write_body(&bytes);
    char path[64];
    IVX_AUTO(ivx_fd_close) int fd = bytes_file(&bytes, path);
    const struct ivx_blob blob = { path, 0, bytes.used };
    struct ivx_scan scan;
    enum ivx_reason reason;
    struct ivx_err err = { 0 };

    ck_assert(!ivx_scan(&blob, NULL, decline, NULL, &scan, &reason, &err));

    ck_assert_str_eq(err.text, "the visitor said no");
    ck_assert_int_eq(reason, IVX_REASON_NONE);
    bytes_free(&bytes);
}
END_TEST

START_TEST(items_are_shown_where_they_end_when_asked_for)
{
    struct ivx_scan_limits limits = ivx_scan_default;
    limits.items = true;
    struct bytes bytes = { 0 };
    struct outcome out;
    bytes_start(&bytes, EXPLICIT);
    write_body(&bytes);

    scan_with(&bytes, &limits, &out);

    static const struct {
        int place, depth;
        uint32_t parent, item, length;
    } items[] = {
        { 3, 1, 0x00082112, 0, 14 }, /* UI of 1.2.3, padded */
        { 6, 2, 0x0040A170, 0, 12 },
        { 7, 1, 0x00082112, 1, 12 + 8 + 12 + 8 + 8 }, /* its own delimiter is outside */
    };
    ck_assert_int_eq(out.seen.count, (int)(IVX_COUNT(body) + IVX_COUNT(items)));
    for (size_t n = 0; n < IVX_COUNT(items); n++) {
        const struct ivx_scan_element *element = &out.seen.element[items[n].place];
        ck_assert_uint_eq(element->tag, ITEM);
        ck_assert_int_eq(element->depth, items[n].depth);
        ck_assert_uint_eq(element->parent, items[n].parent);
        ck_assert_uint_eq(element->item, items[n].item);
        ck_assert_uint_eq(element->length, items[n].length);
    }
    /* What an item holds begins with its first element's header. */
    ck_assert_uint_eq(out.seen.element[3].offset, out.seen.element[2].offset - 8);
    bytes_free(&bytes);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("scan");
    TCase *right = tcase_create("right");
    tcase_add_loop_test(right, elements_come_in_order_with_their_place_in_every_native_syntax, 0,
                        3);
    tcase_add_loop_test(right, without_a_meta_header_the_syntax_is_told_by_the_bytes, 0, 3);
    tcase_add_loop_test(right, the_mark_may_come_without_a_preamble, 0, 3);
    tcase_add_test(right, items_are_shown_where_they_end_when_asked_for);
    tcase_add_test(right, a_record_inside_a_larger_file_is_walked_alone);
    tcase_add_test(right, an_encapsulated_icon_is_walked_and_is_not_the_image);
    tcase_add_test(right, a_private_value_that_only_looks_like_a_sequence_is_skipped);
    tcase_add_test(right, pixel_data_is_not_read);
    tcase_add_test(right, the_visitor_can_end_it);
    suite_add_tcase(made, right);

    TCase *wrong = tcase_create("wrong");
    tcase_set_timeout(wrong, 60);
    tcase_add_loop_test(wrong, truncation_at_every_byte_is_seen, 0, 3);
    tcase_add_loop_test(wrong, flipped_bytes_never_lead_outside, 0, 3);
    tcase_add_loop_test(wrong, malformed_structure_is_damage, 0, (int)IVX_COUNT(malformed));
    tcase_add_loop_test(wrong, a_syntax_that_cannot_be_walked_is_named, 0, 2);
    suite_add_tcase(made, wrong);
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
