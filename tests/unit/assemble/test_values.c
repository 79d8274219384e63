/* R9 to R12, R17 and the reader: what stored words mean. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "series.h"

#define SET(field, ...) snprintf(field, sizeof field, __VA_ARGS__)
enum { PIXELS = SERIES_ROWS * SERIES_COLUMNS };

static void no_slope(struct ivx_instance *i) { i->has_slope = false; }
static void no_intercept(struct ivx_instance *i) { i->has_intercept = false; }
static void zero_slope(struct ivx_instance *i) { i->slope = 0; }
static void endless_slope(struct ivx_instance *i) { i->slope = INFINITY; }
static void lookup_table(struct ivx_instance *i) { i->has_modality_lut = true; }
static void no_pixels(struct ivx_instance *i) { i->has_pixels = false; }
static void float_pixels(struct ivx_instance *i) { i->float_pixels = true; }
static void jpeg(struct ivx_instance *i) { SET(i->syntax, "1.2.840.10008.1.2.4.70"); }
static void video(struct ivx_instance *i) { SET(i->syntax, "1.2.840.10008.1.2.4.100"); }
static void encapsulated(struct ivx_instance *i) { i->encapsulated = true; }
static void packed(struct ivx_instance *i) { i->bits_allocated = i->bits_stored = 12; }
static void one_bit(struct ivx_instance *i) { i->bits_allocated = i->bits_stored = 1; }
static void more_stored(struct ivx_instance *i) { i->bits_stored = 17; }
static void no_stored(struct ivx_instance *i) { i->bits_stored = 0; }
static void high_bit(struct ivx_instance *i) { i->high_bit = 16; }
static void low_high_bit(struct ivx_instance *i) { i->high_bit = 11; }
static void representation(struct ivx_instance *i) { i->pixel_representation = 2; }
static void two_frames(struct ivx_instance *i) { i->frames = 2; }
static void short_by_two(struct ivx_instance *i) { i->pixel_length -= 2; }
static void long_by_two(struct ivx_instance *i) { i->pixel_length += 2; }
static void cut_off(struct ivx_instance *i) { i->pixels_truncated = true; }

static const struct bad_row {
    void (*spoil)(struct ivx_instance *);
    enum ivx_reason reason;
} bad[] = {
    { no_slope, IVX_REASON_NO_RESCALE },          { no_intercept, IVX_REASON_NO_RESCALE },
    { zero_slope, IVX_REASON_NO_RESCALE },        { endless_slope, IVX_REASON_NO_RESCALE },
    { lookup_table, IVX_REASON_NO_RESCALE },      { no_pixels, IVX_REASON_UNSUPPORTED_PIXELS },
    { float_pixels, IVX_REASON_UNSUPPORTED_PIXELS }, { video, IVX_REASON_UNSUPPORTED_SYNTAX },
    { jpeg, IVX_REASON_DAMAGED },
    { encapsulated, IVX_REASON_DAMAGED },         { packed, IVX_REASON_UNSUPPORTED_PIXELS },
    { one_bit, IVX_REASON_UNSUPPORTED_PIXELS },   { more_stored, IVX_REASON_UNSUPPORTED_PIXELS },
    { no_stored, IVX_REASON_UNSUPPORTED_PIXELS }, { high_bit, IVX_REASON_UNSUPPORTED_PIXELS },
    { low_high_bit, IVX_REASON_UNSUPPORTED_PIXELS },
    { representation, IVX_REASON_UNSUPPORTED_PIXELS },
    { two_frames, IVX_REASON_UNSUPPORTED_PIXELS }, { short_by_two, IVX_REASON_DAMAGED },
    { long_by_two, IVX_REASON_DAMAGED },          { cut_off, IVX_REASON_DAMAGED },
};

/* Without the slice the volume would be cut short, and nobody would see it. */
START_TEST(one_unreadable_slice_refuses_its_group)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 6, 2);
    bad[_i].spoil(series.all[5]);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, bad[_i].reason);
    ck_assert_int_eq(ivx_assembly_refusal(assembly, 0)->instances, 6);
}
END_TEST

static void all(struct series *series, void (*change)(struct ivx_instance *))
{
    for (int n = 0; n < series->count; n++)
        change(series->all[n]);
}

static void colour(struct ivx_instance *i)
{
    i->samples_per_pixel = 3;
    SET(i->photometric, "RGB");
}
static void huge(struct ivx_instance *i)
{
    i->rows = i->columns = 65535;
    i->pixel_length = UINT64_C(65535) * 65535 * 2;
}
static void claims_four_gigabytes(struct ivx_instance *i)
{
    i->rows = 65535;
    i->columns = 32768;
}
static void no_rows(struct ivx_instance *i) { i->rows = 0; }

static const struct bad_row all_bad[] = {
    { colour, IVX_REASON_UNSUPPORTED_PIXELS }, { huge, IVX_REASON_TOO_LARGE },
    { claims_four_gigabytes, IVX_REASON_TOO_LARGE }, { no_rows, IVX_REASON_DAMAGED },
};

START_TEST(claims_that_the_bytes_do_not_bear_out_are_refused)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 6, 2);
    all(&series, all_bad[_i].spoil);

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    series_refused(assembly, all_bad[_i].reason);
}
END_TEST

START_TEST(one_padding_byte_is_allowed)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 6, 2);
    series.all[2]->pixel_length++;

    IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = series_decide(&series);

    ck_assert_int_eq(series_only(assembly)->stack.slices, 6);
}
END_TEST

/* One slice of a series of four, read. */
struct read {
    struct ivx_assembly *assembly;
    struct ivx_reader *reader;
    struct ivx_slice slice;
    struct ivx_reader_report report;
};

static void read_free(struct read *read)
{
    ivx_reader_free(&read->reader);
    ivx_assembly_free(&read->assembly);
}

static void read_slice(const struct series *series, int32_t k, struct read *out)
{
    struct ivx_err err = { 0 };
    memset(out, 0, sizeof *out);
    out->assembly = series_decide(series);
    ck_assert_msg(ivx_reader_new(series_only(out->assembly), &out->reader, &err), "%s", err.text);
    ck_assert_msg(ivx_reader_slice(out->reader, k, &out->slice, &err), "%s", err.text);
    ivx_reader_report(out->reader, &out->report);
}

static double value(const struct read *read, int n)
{
    return read->slice.sample == IVX_INT16 ? ((const int16_t *)read->slice.voxel)[n]
                                           : (double)((const float *)read->slice.voxel)[n];
}

/* All pixels are `word`, in a format; rescale 1 and 0, float result by a slope of 0.5. */
static const struct format_row {
    int allocated, stored, high, representation;
    bool big_endian, words;
    uint8_t bytes[4];
    double stored_value;
} formats[] = {
    { 16, 16, 15, 0, false, true, { 0x34, 0x12 }, 0x1234 },
    { 16, 16, 15, 1, false, true, { 0xFE, 0xFF }, -2 },
    { 16, 12, 11, 0, false, true, { 0xFF, 0xFF }, 4095 },  /* overlay bits on top */
    { 16, 12, 11, 1, false, true, { 0x01, 0x08 }, -2047 },
    { 16, 12, 11, 1, false, true, { 0xFF, 0xF7 }, 2047 },
    { 16, 12, 15, 0, false, true, { 0x4F, 0x12 }, 0x124 }, /* stored in the upper bits */
    { 16, 12, 15, 1, false, true, { 0x0F, 0x80 }, -2048 },
    { 16, 9, 8, 1, false, true, { 0x00, 0x01 }, -256 },
    { 16, 16, 15, 1, true, true, { 0xFF, 0xFE }, -2 },
    { 16, 12, 11, 0, true, true, { 0xF1, 0x23 }, 0x123 },
    { 8, 8, 7, 0, false, false, { 200 }, 200 },
    { 8, 8, 7, 1, false, false, { 200 }, -56 },
    { 8, 7, 6, 0, false, false, { 0xFF }, 127 },
    { 32, 32, 31, 1, false, true, { 0xFE, 0xFF, 0xFF, 0xFF }, -2 },
    { 32, 24, 23, 0, false, true, { 0x01, 0x02, 0x03, 0xFF }, 0x030201 },
    { 32, 24, 31, 1, true, true, { 0xFF, 0xFF, 0xFE, 0x55 }, -2 },
};

static void set_format(struct series *series, const struct format_row *row)
{
    const size_t size = (size_t)row->allocated / 8;
    for (int k = 0; k < series->count; k++) {
        struct ivx_instance *i = series->all[k];
        i->bits_allocated = row->allocated;
        i->bits_stored = row->stored;
        i->high_bit = row->high;
        i->pixel_representation = row->representation;
        i->big_endian = row->big_endian;
        i->pixel_bytes = !row->words;
        SET(i->syntax, row->big_endian ? "1.2.840.10008.1.2.2" : "1.2.840.10008.1.2.1");
        i->slope = 0.5;
        i->intercept = 0;
        i->pixel_offset = series->used;
        i->pixel_length = PIXELS * size;
        for (int n = 0; n < PIXELS; n++, series->used += size)
            ck_assert_int_eq(pwrite(series->fd, row->bytes, size, (off_t)series->used),
                             (ssize_t)size);
    }
}

START_TEST(stored_bits_are_masked_and_sign_extended)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    set_format(&series, &formats[_i]);

    IVX_AUTO(read_free) struct read read;
    read_slice(&series, 2, &read);

    const double real = fmax(-1024, 0.5 * formats[_i].stored_value);
    ck_assert_int_eq(read.slice.sample, IVX_FLOAT32);
    for (int n = 0; n < PIXELS; n++)
        ck_assert_msg(value(&read, n) == real, "row %d: %g", _i, value(&read, n));
    ck_assert_ptr_null(read.slice.missing);
}
END_TEST

/* HU = slope * stored + intercept of words of 16 bits, the floor apart: PS3.3 C.11.1.1.2. */
static const struct integer_row {
    int stored, high, representation, slope, intercept;
    uint16_t word[2];
    int hu[2];
} integers[] = {
    { 12, 11, 0, 1, -1024, { 0, 0xFFFF }, { -1024, 3071 } },
    { 15, 14, 0, 1, 0, { 0x8001, 0x7FFF }, { 1, 32767 } },
    { 12, 15, 0, 2, -1024, { 0x100F, 0xFFF0 }, { -512, 7166 } },
    { 16, 15, 1, 1, -1024, { 0, 0x7FFF }, { -1024, 31743 } }, /* some words would not fit */
    { 16, 15, 1, 1, -1024, { 0x8000, 0x7FFF }, { -1024, 31743 } }, /* and this one is floored */
    { 12, 11, 1, -3, 6, { 0x0FFF, 0x0002 }, { 9, 0 } },
    { 8, 7, 0, 100, -500, { 0x00FF, 0xFF00 }, { 25000, -500 } },
};

START_TEST(integer_hu_are_right_in_every_format)
{
    const struct integer_row *row = &integers[_i];
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    uint16_t words[PIXELS];
    for (int n = 0; n < PIXELS; n++)
        words[n] = row->word[n % 2];
    for (int k = 0; k < series.count; k++) {
        struct ivx_instance *i = series.all[k];
        i->bits_stored = row->stored, i->high_bit = row->high;
        i->pixel_representation = row->representation;
        i->slope = row->slope, i->intercept = row->intercept;
        series_pixels(&series, i, words);
    }
    IVX_AUTO(read_free) struct read read;
    read_slice(&series, 1, &read);

    ck_assert_int_eq(read.slice.sample, IVX_INT16);
    for (int n = 0; n < PIXELS; n++)
        if (read.slice.missing == NULL || !read.slice.missing[n])
            ck_assert_msg(value(&read, n) == row->hu[n % 2], "row %d: %g", _i, value(&read, n));
    const bool missing = read.slice.missing != NULL; /* words of the guard, in the corners */
    ck_assert_int_eq(missing, row->word[0] == 0x8000);
    ck_assert_double_eq(read.report.least,
                        missing ? row->hu[1] : fmin(row->hu[0], row->hu[1]));
    ck_assert_double_eq(read.report.most, fmax(row->hu[0], row->hu[1]));
}
END_TEST

/* The same pixel sits in another half of a pair when bytes are stored as big-endian words. */
START_TEST(bytes_in_big_endian_words_change_places)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    const struct format_row row = { 8, 8, 7, 0, true, _i == 0, { 0 }, 0 };
    set_format(&series, &row);
    for (int n = 0; n < PIXELS; n++) {
        const uint8_t byte = (uint8_t)(2 * n);
        ck_assert_int_eq(pwrite(series.fd, &byte, 1, (off_t)series.all[0]->pixel_offset + n), 1);
    }

    IVX_AUTO(read_free) struct read read;
    read_slice(&series, 0, &read);

    for (int n = 0; n < PIXELS; n++)
        ck_assert_double_eq(value(&read, n), _i == 0 ? n ^ 1 : n);
}
END_TEST

START_TEST(every_slice_is_read_with_its_own_bits)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    uint16_t words[PIXELS];
    for (int n = 0; n < PIXELS; n++)
        words[n] = 4868; /* 3844 HU; in 12 bits it would wrap to -252 */
    for (int k = 0; k < 4; k++) {
        series.all[k]->bits_stored = k == 1 ? 13 : 12;
        series.all[k]->high_bit = series.all[k]->bits_stored - 1;
        if (k == 1)
            series_pixels(&series, series.all[k], words);
    }

    IVX_AUTO(read_free) struct read read;
    read_slice(&series, 1, &read);

    ck_assert(series_warned(series_only(read.assembly), IVX_REASON_BITS_DIFFER));
    for (int n = 0; n < PIXELS; n++)
        ck_assert_double_eq(value(&read, n), 3844);
}
END_TEST

START_TEST(integer_rescale_stays_integer_and_is_each_slices_own)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    for (int k = 0; k < 4; k++) {
        series.all[k]->bits_stored = 12;
        series.all[k]->high_bit = 11;
    }
    series.all[2]->slope = 2;
    series.all[2]->intercept = -2000;

    IVX_AUTO(read_free) struct read plain;
    IVX_AUTO(read_free) struct read doubled;
    read_slice(&series, 1, &plain);
    read_slice(&series, 2, &doubled);

    ck_assert_int_eq(plain.slice.sample, IVX_INT16);
    ck_assert_int_eq(doubled.slice.sample, IVX_INT16);
    for (int n = 0; n < PIXELS; n++) {
        ck_assert_double_eq(value(&plain, n), 1000 + 7 * n + 13 * 1 - 1024);
        ck_assert_double_eq(value(&doubled, n), 2 * (1000 + 7 * n + 13 * 2) - 2000);
    }
    ck_assert_double_eq(doubled.report.least, 52);
    ck_assert_double_eq(doubled.report.most, 52 + 14 * (PIXELS - 1));
}
END_TEST

START_TEST(hu_that_might_not_fit_16_bits_are_floats)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    uint16_t words[PIXELS] = { 65535, 1024 };
    series_pixels(&series, series.all[3], words);

    IVX_AUTO(read_free) struct read read;
    read_slice(&series, 3, &read);

    ck_assert_int_eq(read.slice.sample, IVX_FLOAT32);
    ck_assert_double_eq(value(&read, 0), 64511);
    ck_assert_double_eq(value(&read, 1), 0);
}
END_TEST

static const struct padding_row {
    int representation;
    bool limited;
    int32_t padding, limit;
    int least, most; /* stored values that are missing */
} paddings[] = {
    { 1, false, -2000, 0, -2000, -2000 },
    { 1, true, -2000, -1990, -2000, -1990 },
    { 1, true, -1990, -2000, -2000, -1990 },
    { 0, false, 63536, 0, 63536, 63536 },
    { 0, true, 0, 5, 0, 5 },
};

/* Stored values around the padding, in one row of pixels. */
START_TEST(padding_takes_no_part)
{
    const struct padding_row *row = &paddings[_i];
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    const int from = row->least - (row->least > 0 ? 10 : 0);
    uint16_t words[PIXELS];
    for (int n = 0; n < PIXELS; n++)
        words[n] = (uint16_t)(from + n);
    for (int k = 0; k < 4; k++) {
        struct ivx_instance *i = series.all[k];
        i->pixel_representation = row->representation;
        i->has_padding = true;
        i->padding = row->padding;
        i->has_padding_limit = row->limited;
        i->padding_limit = row->limit;
        i->slope = 0.25;
        i->intercept = 0;
    }
    series_pixels(&series, series.all[1], words);

    IVX_AUTO(read_free) struct read read;
    read_slice(&series, 1, &read);

    ck_assert(series_warned(series_only(read.assembly), IVX_REASON_PADDING));
    ck_assert_ptr_nonnull(read.slice.missing);
    int missing = 0;
    for (int n = 0; n < PIXELS; n++) {
        const bool expected = from + n >= row->least && from + n <= row->most;
        ck_assert_msg((read.slice.missing[n] != 0) == expected, "pixel %d", n);
        ck_assert_double_eq(value(&read, n), expected ? -1024 : 0.25 * (from + n));
        missing += expected;
    }
    ck_assert_uint_eq(read.report.padded, (uint64_t)missing);
}
END_TEST

START_TEST(ct_values_end_at_minus_1024)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    uint16_t words[PIXELS];
    for (int n = 0; n < PIXELS; n++)
        words[n] = 1000;
    words[20] = 100; /* -1100 HU, in the middle: noise, not padding */
    for (int k = 0; k < 4; k++)
        series.all[k]->intercept = -1200;
    series_pixels(&series, series.all[1], words);

    IVX_AUTO(read_free) struct read read;
    read_slice(&series, 1, &read);

    ck_assert_double_eq(value(&read, 20), -1024);
    ck_assert_double_eq(value(&read, 21), -200);
    ck_assert_ptr_null(read.slice.missing);
    ck_assert_uint_eq(read.report.floored, 1);
    ck_assert_uint_eq(read.report.padded, 0);
    ck_assert_double_eq(read.report.least, -1024);
    ck_assert_double_eq(read.report.most, -200);
}
END_TEST

/* Corners full of the lowest value, -3024 HU, and no padding attribute. */
START_TEST(corners_under_the_floor_are_padding_without_saying_so)
{
    IVX_AUTO(series_free) struct series series;
    series_start(&series, 4, 2);
    uint16_t words[PIXELS];
    for (int n = 0; n < PIXELS; n++)
        words[n] = 1500;
    words[0] = words[SERIES_COLUMNS - 1] = words[PIXELS - 1] = (uint16_t)-2000;
    words[20] = (uint16_t)-2000;
    for (int k = 0; k < 4; k++)
        series.all[k]->pixel_representation = 1;
    series_pixels(&series, series.all[1], words);

    IVX_AUTO(read_free) struct read read;
    read_slice(&series, 1, &read);

    ck_assert_ptr_nonnull(read.slice.missing);
    ck_assert_uint_eq(read.report.padded, 4);
    ck_assert_uint_eq(read.report.floored, 0);
    ck_assert_double_eq(value(&read, 20), -1024);
    ck_assert_double_eq(value(&read, 21), 476);
    ck_assert_double_eq(read.report.least, 476);
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("values");
    TCase *rules = tcase_create("rules");
    tcase_add_loop_test(rules, one_unreadable_slice_refuses_its_group, 0, (int)IVX_COUNT(bad));
    tcase_add_loop_test(rules, claims_that_the_bytes_do_not_bear_out_are_refused, 0,
                        (int)IVX_COUNT(all_bad));
    tcase_add_test(rules, one_padding_byte_is_allowed);
    suite_add_tcase(made, rules);

    TCase *reader = tcase_create("reader");
    tcase_add_loop_test(reader, stored_bits_are_masked_and_sign_extended, 0,
                        (int)IVX_COUNT(formats));
    tcase_add_loop_test(reader, integer_hu_are_right_in_every_format, 0,
                        (int)IVX_COUNT(integers));
    tcase_add_loop_test(reader, bytes_in_big_endian_words_change_places, 0, 2);
    tcase_add_test(reader, every_slice_is_read_with_its_own_bits);
    tcase_add_test(reader, integer_rescale_stays_integer_and_is_each_slices_own);
    tcase_add_test(reader, hu_that_might_not_fit_16_bits_are_floats);
    tcase_add_loop_test(reader, padding_takes_no_part, 0, (int)IVX_COUNT(paddings));
    tcase_add_test(reader, ct_values_end_at_minus_1024);
    tcase_add_test(reader, corners_under_the_floor_are_padding_without_saying_so);
    suite_add_tcase(made, reader);
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
