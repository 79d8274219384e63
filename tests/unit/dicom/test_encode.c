/* Frames that we encode: every decoder gives back the words. Decoders that are not in this
 * house: tests/e2e/test_transfer_syntax.py. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dataset.h"
#include "isovox/dicom/dicom.h"
#include "isovox/dicom/encode.h"
#include "isovox/dicom/inflate.h"
#include "isovox/dicom/transcode.h"

#define RLE "1.2.840.10008.1.2.5"

static const char *const syntaxes[] = { RLE, "1.2.840.10008.1.2.4.70",
                                        "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90" };
static const int32_t sizes[][2] = { { 37, 51 }, { 1, 1 },   { 1, 300 },
                                    { 300, 1 }, { 64, 64 }, { 2, 3 } };

enum pattern { CONSTANT, NOISE, RAMP, EXTREMES, HOUNSFIELD, PATTERNS };

static uint16_t word_of(enum pattern pattern, size_t n)
{
    const uint32_t noise = (uint32_t)n * 2654435761u;
    switch (pattern) {
    case CONSTANT: return 0x8000;
    case NOISE: return (uint16_t)(noise >> 16);
    case RAMP: return (uint16_t)(n * 257);
    case EXTREMES: return n % 2 == 0 ? 0x7fff : 0x8000; /* differences of 2^16 - 1 */
    default: return (uint16_t)(int16_t)((int)(n % 97) * 40 - 1024);
    }
}

static struct ivx_frame frame_of(const char *syntax, const int32_t size[2], int bits,
                                 int has_sign)
{
    return (struct ivx_frame){
        .syntax = syntax, .rows = size[0], .columns = size[1], .bits_allocated = bits,
        .bits_stored = bits, .high_bit = bits - 1, .pixel_representation = has_sign,
    };
}

static void round_trip(const struct ivx_frame *frame, enum pattern pattern)
{
    const size_t count = (size_t)frame->rows * (size_t)frame->columns;
    const size_t bytes = count * (size_t)frame->bits_allocated / 8;
    IVX_AUTO(ivx_memory_free) uint8_t *raw = malloc(bytes);
    IVX_AUTO(ivx_memory_free) uint8_t *back = calloc(1, bytes);
    IVX_AUTO(ivx_codestream_free) struct ivx_codestream made = { .bytes = NULL };
    struct ivx_err err = { 0 };
    for (size_t n = 0; n < bytes; n++)
        raw[n] = (uint8_t)(word_of(pattern, n * 8 / (size_t)frame->bits_allocated)
                           >> (frame->bits_allocated == 16 && n % 2 == 1 ? 8 : 0));

    ck_assert_msg(ivx_encode(frame, raw, &made, &err), "%s", err.text);
    ck_assert_uint_eq(made.length % 2, 0);
    ck_assert_msg(ivx_decode(frame, made.bytes, made.length, back, &err), "%s", err.text);

    ck_assert_msg(memcmp(raw, back, bytes) == 0, "%s: %dx%d, %d bits, sign %d, pattern %d",
                  frame->syntax, (int)frame->rows, (int)frame->columns,
                  (int)frame->bits_allocated, (int)frame->pixel_representation, pattern);
}

START_TEST(what_is_encoded_comes_back_to_the_bit)
{
    const char *syntax = syntaxes[_i];
    for (size_t size = 0; size < IVX_COUNT(sizes); size++)
        for (int pattern = 0; pattern < PATTERNS; pattern++)
            for (int has_sign = 0; has_sign < 2; has_sign++)
                for (int bits = 8; bits <= 16; bits += 8) {
                    const struct ivx_frame frame =
                        frame_of(syntax, sizes[size], bits, has_sign);
                    round_trip(&frame, pattern);
                }
}
END_TEST

START_TEST(the_same_words_give_the_same_bytes)
{
    const struct ivx_frame frame = frame_of(syntaxes[_i], sizes[0], 16, 1);
    uint8_t raw[37 * 51 * 2];
    for (size_t n = 0; n < sizeof raw; n++)
        raw[n] = (uint8_t)(n * 7);
    IVX_AUTO(ivx_codestream_free) struct ivx_codestream one = { .bytes = NULL };
    IVX_AUTO(ivx_codestream_free) struct ivx_codestream two = { .bytes = NULL };
    struct ivx_err err = { 0 };

    ck_assert(ivx_encode(&frame, raw, &one, &err));
    ck_assert(ivx_encode(&frame, raw, &two, &err));

    ck_assert_uint_eq(one.length, two.length);
    ck_assert(memcmp(one.bytes, two.bytes, one.length) == 0);
}
END_TEST

/* PS3.5 G.3.1 and G.5, worked out by hand: two segments, the high bytes first, rows apart. */
START_TEST(runs_are_packed_as_the_standard_says)
{
    static const uint8_t raw[] = { 1, 0, 1, 0, 1, 0, 1, 0, 5, 0, /* row 0 */
                                   5, 0, 6, 0, 6, 0, 7, 0, 8, 9 };
    static const uint8_t high[] = { 0xfc, 0, 0xfd, 0, 0, 9 };      /* 5 of 0; 4 of 0, 9 */
    static const uint8_t low[] = { 0xfd, 1, 0, 5, 4, 5, 6, 6, 7, 8 }; /* 4 of 1, 5; five */
    const struct ivx_frame frame = frame_of(RLE, (const int32_t[2]){ 2, 5 }, 16, 0);
    IVX_AUTO(ivx_codestream_free) struct ivx_codestream made = { .bytes = NULL };
    struct ivx_err err = { 0 };

    ck_assert(ivx_encode(&frame, raw, &made, &err));

    static const uint8_t header[12] = { 2, 0, 0, 0, 64, 0, 0, 0, 70, 0, 0, 0 };
    ck_assert_uint_eq(made.length, 64 + sizeof high + sizeof low);
    ck_assert_mem_eq(made.bytes, header, sizeof header);
    ck_assert_mem_eq(made.bytes + 64, high, sizeof high);
    ck_assert_mem_eq(made.bytes + 70, low, sizeof low);
}
END_TEST

START_TEST(bits_that_are_not_stored_are_not_encoded)
{
    struct ivx_frame frame = frame_of(syntaxes[_i], sizes[0], 16, 1);
    static const uint8_t raw[37 * 51 * 2];
    IVX_AUTO(ivx_codestream_free) struct ivx_codestream made = { .bytes = NULL };
    struct ivx_err err = { 0 };
    frame.bits_stored = 12;
    frame.high_bit = 11;

    ck_assert(!ivx_encode(&frame, raw, &made, &err));

    ck_assert_int_eq(err.code, IVX_REFUSED);
}
END_TEST

/* ---- whole objects ------------------------------------------------------------------ */

enum { SIDE = 8, FRAMES = 3 };
static char path[64];

static void make_object(int bits_stored, const char *frames, size_t words)
{
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *made = NULL;
    struct ivx_err err = { 0 };
    uint16_t pixels[SIDE * SIDE * FRAMES];
    for (size_t n = 0; n < IVX_COUNT(pixels); n++)
        pixels[n] = (uint16_t)(n * 11);
    ck_assert(ivx_dataset_new(&made, &err));
    struct ivx_item *root = ivx_dataset_root(made);
    ck_assert(ivx_item_put_text(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.2", &err));
    ck_assert(ivx_item_put_text(root, 0x00080018, "1.2.3", &err));
    ck_assert(ivx_item_put_u16(root, 0x00280002, 1, &err));
    ck_assert(ivx_item_put_text(root, 0x00280008, frames, &err));
    ck_assert(ivx_item_put_u16(root, 0x00280010, SIDE, &err));
    ck_assert(ivx_item_put_u16(root, 0x00280011, SIDE, &err));
    ck_assert(ivx_item_put_u16(root, 0x00280100, 16, &err));
    ck_assert(ivx_item_put_u16(root, 0x00280101, (uint16_t)bits_stored, &err));
    ck_assert(ivx_item_put_u16(root, 0x00280102, (uint16_t)(bits_stored - 1), &err));
    ck_assert(ivx_item_put_u16(root, 0x00280103, 1, &err));
    snprintf(path, sizeof path, "/tmp/isovox-encode-XXXXXX");
    IVX_AUTO(ivx_fd_close) int fd = mkstemp(path);
    ck_assert_int_ne(fd, -1);
    ck_assert_msg(ivx_dataset_write(made, words == 0 ? NULL : pixels, words, fd, &err), "%s",
                  err.text);
}

static bool gather(void *context, const uint8_t *bytes, size_t length, struct ivx_err *err)
{
    struct ivx_codestream *all = context;
    (void)err;
    all->bytes = realloc(all->bytes, all->length + length);
    memcpy(all->bytes + all->length, bytes, length);
    all->length += length;
    return true;
}

static bool transcode(const char *syntax, struct ivx_codestream *out, struct ivx_err *err)
{
    IVX_AUTO(ivx_transcode_free) struct ivx_transcode *transcode = NULL;
    const bool done = ivx_transcode_open(path, syntax, &transcode, err)
                      && ivx_transcode_run(transcode, gather, out, err);
    unlink(path);
    return done;
}

START_TEST(each_frame_becomes_one_fragment)
{
    make_object(16, "3", SIDE * SIDE * FRAMES);
    IVX_AUTO(ivx_codestream_free) struct ivx_codestream made = { .bytes = NULL };
    struct ivx_err err = { 0 };

    ck_assert_msg(transcode(RLE, &made, &err), "%s", err.text);

    int items = 0;
    for (size_t n = 0; n + 4 <= made.length; n += 2)
        items += memcmp(made.bytes + n, "\xfe\xff\x00\xe0", 4) == 0;
    ck_assert_int_eq(items, 1 + FRAMES); /* and the offset table */
    ck_assert_uint_eq(made.length % 2, 0);
    ck_assert_mem_eq(made.bytes + made.length - 8, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
}
END_TEST

static const struct {
    const char *what;
    int bits_stored;
    const char *frames;
    size_t words;
} unfit[] = {
    { "12 bits of 16 stored", 12, "3", SIDE * SIDE * FRAMES },
    { "more frames than pixels", 16, "4", SIDE * SIDE * FRAMES },
    { "frames beyond all bounds", 16, "9223372036854775807", SIDE * SIDE * FRAMES },
    { "no frames", 16, "0", SIDE * SIDE * FRAMES },
    { "no pixels", 16, "1", 0 },
};

START_TEST(what_cannot_be_encapsulated_is_refused_and_can_be_deflated)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_codestream_free) struct ivx_codestream made = { .bytes = NULL };
    make_object(unfit[_i].bits_stored, unfit[_i].frames, unfit[_i].words);
    ck_assert(!transcode(RLE, &made, &err));
    ck_assert_msg(err.code == IVX_REFUSED, "%s: %s", unfit[_i].what, err.text);

    make_object(unfit[_i].bits_stored, unfit[_i].frames, unfit[_i].words);
    ck_assert_msg(transcode(IVX_SYNTAX_DEFLATED, &made, &err), "%s: %s", unfit[_i].what,
                  err.text);
    ck_assert_uint_eq(made.length % 2, 0);
}
END_TEST

START_TEST(names_are_those_of_the_configuration)
{
    ck_assert_str_eq(ivx_transcode_syntax("jpeg-ls"), syntaxes[2]);
    ck_assert_str_eq(ivx_transcode_syntax("deflated"), IVX_SYNTAX_DEFLATED);
    ck_assert_ptr_null(ivx_transcode_syntax("uncompressed"));
}
END_TEST

int main(void)
{
    ivx_dicom_start();
    TCase *tests = tcase_create("encode");
    const int count = (int)IVX_COUNT(syntaxes);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, what_is_encoded_comes_back_to_the_bit, 0, count);
    tcase_add_loop_test(tests, the_same_words_give_the_same_bytes, 0, count);
    tcase_add_test(tests, runs_are_packed_as_the_standard_says);
    tcase_add_loop_test(tests, bits_that_are_not_stored_are_not_encoded, 0, count);
    tcase_add_test(tests, each_frame_becomes_one_fragment);
    tcase_add_loop_test(tests, what_cannot_be_encapsulated_is_refused_and_can_be_deflated, 0,
                        (int)IVX_COUNT(unfit));
    tcase_add_test(tests, names_are_those_of_the_configuration);
    Suite *suite = suite_create("encode");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
