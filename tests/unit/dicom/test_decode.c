/* Compressed frames: what an independent encoder made comes back, what is broken is refused. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/dicom.h"

enum { ROWS = 37, COLUMNS = 51, PIXELS = ROWS * COLUMNS };

/* 12 bits stored of 16, unsigned or signed: a smooth field with noise, all of the range. */
static struct ivx_frame frame_of(const char *syntax, int with_sign)
{
    return (struct ivx_frame){
        .syntax = syntax, .rows = ROWS, .columns = COLUMNS, .bits_allocated = 16,
        .bits_stored = 12, .high_bit = 11, .pixel_representation = with_sign,
    };
}

static int32_t value_at(size_t n, int with_sign)
{
    const uint32_t noise = (uint32_t)n * 2654435761u >> 25; /* 0 .. 127 */
    const int32_t smooth = (int32_t)(n % COLUMNS * 60 + n / COLUMNS * 20);
    const int32_t value = n == 7 ? 4095 : n == 8 ? 0 : smooth + (int32_t)noise;
    return value - 2048 * with_sign;
}

static void fill(int with_sign, int32_t *values, uint16_t *words)
{
    for (size_t n = 0; n < PIXELS; n++) {
        values[n] = value_at(n, with_sign);
        words[n] = (uint16_t)(values[n] & 0xFFF);
    }
}

static uint16_t word_at(const uint8_t *raw, size_t n)
{
    return (uint16_t)(raw[2 * n] | raw[2 * n + 1] << 8);
}

static const struct {
    const char *syntax;
    int tolerance;
} syntaxes_of_others[] = {
    { "1.2.840.10008.1.2.5", 0 },    { "1.2.840.10008.1.2.4.57", 0 },
    { "1.2.840.10008.1.2.4.70", 0 }, { "1.2.840.10008.1.2.4.80", 0 },
    { "1.2.840.10008.1.2.4.51", 80 },
};

START_TEST(what_was_encoded_comes_back)
{
    const int with_sign = _i % 2;
    const int tolerance = syntaxes_of_others[_i / 2].tolerance;
    if (with_sign == 1 && tolerance > 0)
        return;
    const struct ivx_frame frame = frame_of(syntaxes_of_others[_i / 2].syntax, with_sign);
    int32_t values[PIXELS];
    uint16_t words[PIXELS];
    uint8_t raw[PIXELS * 2];
    fill(with_sign, values, words);
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) uint8_t *value = encode_words(&frame, words, &length);
    ck_assert_ptr_nonnull(value);
    struct ivx_err err = { 0 };

    ck_assert_msg(ivx_fragments_join(value, length, &length, &err), "%s", err.text);
    ck_assert_msg(ivx_decode(&frame, value, length, raw, &err), "%s", err.text);

    for (size_t n = 0; n < PIXELS; n++)
        ck_assert_msg(abs((word_at(raw, n) & 0xFFF) - words[n]) <= tolerance,
                      "pixel %zu: %u, not %u", n, (unsigned)word_at(raw, n),
                      (unsigned)words[n]);
}
END_TEST

#define J2K "1.2.840.10008.1.2.4.90"

/* Precision and flag of the codestream, Bits Stored and Pixel Representation of the header,
 * what is added to every value, and whether that can be read. */
static const struct {
    int precision, flag, stored, representation, add;
    bool right;
} traps[] = {
    { 12, 0, 12, 0, 0, true },  { 12, 1, 12, 1, 0, true },
    { 12, 0, 12, 1, 0, true },  /* the flag was forgotten: the header is right */
    { 16, 1, 12, 1, 0, true },  /* the container's precision */
    { 16, 0, 12, 0, 0, true },  { 16, 1, 12, 0, 0, true },
    { 16, 0, 12, 1, 0, true },  { 12, 1, 16, 1, 0, true },
    { 12, 0, 16, 0, 0, true },  { 12, 0, 16, 1, 0, false }, /* who is wrong? */
    { 16, 1, 12, 1, 9000, false }, { 16, 0, 12, 0, 9000, false },
    { 16, 1, 12, 0, -9000, false },
};

START_TEST(sign_and_precision_of_jpeg_2000_are_settled_or_refused)
{
    struct ivx_frame frame = frame_of(J2K, traps[_i].representation);
    frame.bits_stored = traps[_i].stored;
    frame.high_bit = frame.bits_stored - 1;
    int32_t values[PIXELS], written[PIXELS];
    uint16_t words[PIXELS];
    uint8_t raw[PIXELS * 2];
    fill(traps[_i].representation, values, words);
    for (size_t n = 0; n < PIXELS; n++) {
        values[n] += traps[_i].add;
        const bool wraps = !traps[_i].flag && traps[_i].representation == 1;
        written[n] = wraps ? values[n] & ((1 << traps[_i].precision) - 1) : values[n];
    }
    const struct j2k_options options = {
        .precision = traps[_i].precision, .has_sign = traps[_i].flag != 0,
    };
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) uint8_t *stream = encode_j2k(&frame, written, &options, &length);
    ck_assert_ptr_nonnull(stream);
    struct ivx_err err = { 0 };

    ck_assert_msg(ivx_decode(&frame, stream, length, raw, &err) == traps[_i].right, "%s",
                  err.text);

    if (!traps[_i].right)
        ck_assert_int_eq(err.code, IVX_REFUSED);
    const int mask = (1 << frame.bits_stored) - 1;
    for (size_t n = 0; n < PIXELS && traps[_i].right; n++)
        ck_assert_int_eq(word_at(raw, n) & mask, values[n] & mask);
}
END_TEST

START_TEST(irreversible_and_tiled_jpeg_2000_is_read)
{
    const struct ivx_frame frame = frame_of("1.2.840.10008.1.2.4.91", 0);
    int32_t values[PIXELS];
    uint16_t words[PIXELS];
    uint8_t raw[PIXELS * 2];
    fill(0, values, words);
    const struct j2k_options options = { .precision = 12, .lossy = _i == 0, .tile = _i * 16 };
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) uint8_t *stream = encode_j2k(&frame, values, &options, &length);
    ck_assert_ptr_nonnull(stream);
    struct ivx_err err = { 0 };

    ck_assert_msg(ivx_decode(&frame, stream, length, raw, &err), "%s", err.text);

    double squares = 0;
    for (size_t n = 0; n < PIXELS; n++)
        squares += (word_at(raw, n) - values[n]) * (double)(word_at(raw, n) - values[n]);
    ck_assert_double_lt(squares / PIXELS, _i == 0 ? 80.0 * 80.0 : 1e-9);
}
END_TEST

/* PS3.5 G.3.1 by hand: two segments, high bytes first; literal, run, and a no-op. */
START_TEST(rle_is_read_as_the_standard_says)
{
    struct ivx_frame frame = frame_of("1.2.840.10008.1.2.5", 0);
    frame.rows = 1;
    frame.columns = 4;
    uint8_t stream[64 + 9] = { 2, 0, 0, 0, 64, 0, 0, 0, 68, 0, 0, 0 };
    const uint8_t segments[9] = { 0xFD, 0x0A, 0x80, 0x00, 3, 1, 2, 3, 4 };
    memcpy(stream + 64, segments, sizeof segments);
    uint8_t raw[8];
    struct ivx_err err = { 0 };

    ck_assert_msg(ivx_decode(&frame, stream, sizeof stream, raw, &err), "%s", err.text);

    for (size_t n = 0; n < 4; n++)
        ck_assert_uint_eq(word_at(raw, n), 0x0A01 + n);
}
END_TEST

START_TEST(fragments_are_joined_whatever_the_offset_table)
{
    uint8_t with[] = { 0xFE, 0xFF, 0, 0xE0, 4, 0, 0, 0, 0, 0, 0, 0,      /* offset table */
                       0xFE, 0xFF, 0, 0xE0, 2, 0, 0, 0, 'a', 'b',        /* fragments */
                       0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0,                  /* an empty one */
                       0xFE, 0xFF, 0, 0xE0, 8, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
                       0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0 };
    size_t length = 0;
    struct ivx_err err = { 0 };

    ck_assert(ivx_fragments_join(with, sizeof with, &length, &err));

    ck_assert_uint_eq(length, 10);
    ck_assert_mem_eq(with, "ab\xFE\xFF\xDD\xE0\0\0\0\0", 10);
}
END_TEST

/* Joining asks nothing of the codestream; decoding does. */
START_TEST(fragments_of_nothing_are_no_image)
{
    uint8_t value[] = { 0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0, 0xE0, 0, 0,
                        0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0 };
    const struct ivx_frame frame = { .syntax = "1.2.840.10008.1.2.5", .rows = 1, .columns = 1,
                                     .bits_allocated = 8, .bits_stored = 8, .high_bit = 7 };
    struct ivx_err err = { 0 };
    size_t length = 1;
    uint8_t raw[1];

    ck_assert(ivx_fragments_join(value, sizeof value, &length, &err));
    ck_assert_uint_eq(length, 0);
    ck_assert(!ivx_decode(&frame, value, length, raw, &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);
}
END_TEST

START_TEST(cut_fragments_are_refused_at_every_length)
{
    const uint8_t whole[] = { 0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0, 0xE0, 2, 0,
                              0, 0, 'a', 'b', 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0 };
    for (size_t length = 0; length < sizeof whole; length++) {
        IVX_AUTO(ivx_memory_free) uint8_t *cut = malloc(length + 1);
        memcpy(cut, whole, length);
        size_t joined;
        struct ivx_err err = { 0 };

        ck_assert(!ivx_fragments_join(cut, length, &joined, &err));
        ck_assert_int_eq(err.code, IVX_DAMAGED);
    }
}
END_TEST

static const char *const attacked[] = {
    "1.2.840.10008.1.2.5",    "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.80", J2K,
};

/* A codestream in memory of exactly its size, so that a sanitizer sees every step beyond. */
static uint8_t *codestream(const struct ivx_frame *frame, size_t *length_out)
{
    int32_t values[PIXELS];
    uint16_t words[PIXELS];
    fill(0, values, words);
    struct ivx_err err = { 0 };
    uint8_t *made;
    if (strcmp(frame->syntax, J2K) == 0) {
        const struct j2k_options options = { .precision = 12 };
        made = encode_j2k(frame, values, &options, length_out);
        ck_assert_ptr_nonnull(made);
        return made;
    }
    made = encode_words(frame, words, length_out);
    ck_assert_ptr_nonnull(made);
    ck_assert(ivx_fragments_join(made, *length_out, length_out, &err));
    return made;
}

START_TEST(a_truncated_codestream_is_an_error)
{
    const struct ivx_frame frame = frame_of(attacked[_i], 0);
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) uint8_t *whole = codestream(&frame, &length);
    uint8_t raw[PIXELS * 2];
    /* The last bytes are the end marker and padding: the image is there without them. */
    for (size_t cut = 1; cut + 64 < length; cut += cut < 700 ? 1 : 61) {
        IVX_AUTO(ivx_memory_free) uint8_t *part = malloc(cut);
        memcpy(part, whole, cut);
        struct ivx_err err = { 0 };

        ck_assert_msg(!ivx_decode(&frame, part, cut, raw, &err), "%zu of %zu bytes pass", cut,
                      length);
        ck_assert_int_eq(err.code, IVX_DAMAGED);
    }
}
END_TEST

/* Any answer is right but a crash or bytes outside of raw. */
START_TEST(a_flipped_bit_harms_nobody)
{
    const struct ivx_frame frame = frame_of(attacked[_i], 0);
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) uint8_t *whole = codestream(&frame, &length);
    IVX_AUTO(ivx_memory_free) uint8_t *raw = malloc(PIXELS * 2 + 16);
    uint64_t state = 20261122;
    int refused = 0;
    for (int n = 0; n < 1500; n++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        /* Half of them in the headers. */
        const size_t reach = n % 2 == 0 && length > 160 ? 160 : length;
        const size_t at = (size_t)(state >> 33) % reach;
        const uint8_t bit = (uint8_t)(1u << (state >> 30 & 7));
        whole[at] ^= bit;
        memset(raw + PIXELS * 2, 0xA5, 16);
        struct ivx_err err = { 0 };

        if (!ivx_decode(&frame, whole, length, raw, &err)) {
            refused++;
            ck_assert(err.code == IVX_DAMAGED || err.code == IVX_REFUSED);
        }

        for (int guard = 0; guard < 16; guard++)
            ck_assert_uint_eq(raw[PIXELS * 2 + guard], 0xA5);
        whole[at] ^= bit;
    }
    ck_assert_int_gt(refused, 50);
}
END_TEST

START_TEST(another_size_than_the_headers_is_refused)
{
    struct ivx_frame frame = frame_of(attacked[_i / 2], 0);
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) uint8_t *whole = codestream(&frame, &length);
    IVX_AUTO(ivx_memory_free) uint8_t *raw = malloc(PIXELS * 4);
    frame.rows += _i % 2;
    frame.columns += 1 - _i % 2;
    struct ivx_err err = { 0 };

    ck_assert(!ivx_decode(&frame, whole, length, raw, &err));
    ck_assert_int_eq(err.code, IVX_DAMAGED);
}
END_TEST

START_TEST(a_frame_that_claims_too_much_is_refused_before_decoding)
{
    struct ivx_frame frame = frame_of(attacked[_i], 0);
    frame.rows = frame.columns = UINT16_MAX;
    uint8_t raw[1], stream[128] = { 0 };
    struct ivx_err err = { 0 };

    ck_assert(!ivx_decode(&frame, stream, sizeof stream, raw, &err));
    ck_assert_int_eq(err.code, IVX_REFUSED);
}
END_TEST

static void add_attacks(Suite *made)
{
    TCase *wrong = tcase_create("wrong");
    const int syntaxes = (int)IVX_COUNT(attacked);
    tcase_set_timeout(wrong, 120);
    tcase_add_test(wrong, fragments_of_nothing_are_no_image);
    tcase_add_test(wrong, cut_fragments_are_refused_at_every_length);
    tcase_add_loop_test(wrong, a_truncated_codestream_is_an_error, 0, syntaxes);
    tcase_add_loop_test(wrong, a_flipped_bit_harms_nobody, 0, syntaxes);
    tcase_add_loop_test(wrong, another_size_than_the_headers_is_refused, 0, 2 * syntaxes);
    tcase_add_loop_test(wrong, a_frame_that_claims_too_much_is_refused_before_decoding, 0,
                        syntaxes);
    suite_add_tcase(made, wrong);
}

static Suite *suite(void)
{
    Suite *made = suite_create("decode");
    TCase *right = tcase_create("right");
    tcase_add_loop_test(right, what_was_encoded_comes_back, 0,
                        2 * (int)IVX_COUNT(syntaxes_of_others));
    tcase_add_loop_test(right, sign_and_precision_of_jpeg_2000_are_settled_or_refused, 0,
                        (int)IVX_COUNT(traps));
    tcase_add_loop_test(right, irreversible_and_tiled_jpeg_2000_is_read, 0, 2);
    tcase_add_test(right, rle_is_read_as_the_standard_says);
    tcase_add_test(right, fragments_are_joined_whatever_the_offset_table);
    suite_add_tcase(made, right);
    add_attacks(made);
    return made;
}

int main(void)
{
    ivx_dicom_start();
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
