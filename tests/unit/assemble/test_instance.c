/* The header as it stands in the bytes becomes rule R0's record. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dicom/bytes.h"
#include "isovox/assemble/assembly.h"
#include "isovox/base/auto.h"
#include "series.h"

static const char *const syntaxes[] = {
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
};

enum { ROWS = 4, COLUMNS = 6 };

/* A slice as a scanner writes it; k moves it and numbers it. */
static void write_slice(struct bytes *bytes, const char *syntax, int k)
{
    char text[64];
    bytes_start(bytes, syntax);
    bytes_text(bytes, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL");
    bytes_text(bytes, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    snprintf(text, sizeof text, "2.25.1%03d", k);
    bytes_text(bytes, 0x00080018, "UI", text);
    bytes_text(bytes, 0x00080032, "TM", "101500.25");
    bytes_text(bytes, 0x00080060, "CS", "CT");
    bytes_text(bytes, 0x00080070, "LO", "Maker ");
    bytes_text(bytes, 0x00081010, "SH", "CT01");
    bytes_text(bytes, 0x00180050, "DS", "2.5");
    bytes_text(bytes, 0x00180081, "DS", "12.5");
    bytes_text(bytes, 0x00180086, "IS", "2");
    bytes_text(bytes, 0x00181120, "DS", "-3.25");
    bytes_text(bytes, 0x00181210, "SH", "B30f");
    bytes_text(bytes, 0x0020000D, "UI", "2.25.3");
    bytes_text(bytes, 0x0020000E, "UI", "2.25.2");
    bytes_text(bytes, 0x00200012, "IS", "7");
    snprintf(text, sizeof text, "%d", k + 1);
    bytes_text(bytes, 0x00200013, "IS", text);
    snprintf(text, sizeof text, "-1.5\\0.1234567890123\\%d", 3 * k);
    bytes_text(bytes, 0x00200032, "DS", text);
    bytes_text(bytes, 0x00200037, "DS", "1\\0\\0\\0\\1\\0");
    bytes_text(bytes, 0x00200052, "UI", "2.25.4");
    bytes_short(bytes, 0x00280002, 1);
    bytes_text(bytes, 0x00280004, "CS", "MONOCHROME2");
    bytes_short(bytes, 0x00280010, ROWS);
    bytes_short(bytes, 0x00280011, COLUMNS);
    bytes_text(bytes, 0x00280030, "DS", "0.75\\0.5");
    bytes_short(bytes, 0x00280100, 16);
    bytes_short(bytes, 0x00280101, 12);
    bytes_short(bytes, 0x00280102, 11);
    bytes_short(bytes, 0x00280103, 1);
    bytes_short(bytes, 0x00280120, 63536);
    bytes_short(bytes, 0x00280121, 63546);
    bytes_text(bytes, 0x00281052, "DS", "-1024");
    bytes_text(bytes, 0x00281053, "DS", "1");
    bytes_text(bytes, 0x00282110, "CS", "01");
    bytes_header(bytes, 0x7FE00010, "OW", ROWS * COLUMNS * 2);
    for (int n = 0; n < ROWS * COLUMNS; n++)
        bytes_u16(bytes, (uint16_t)(n + k));
}

static bool read_bytes(const struct bytes *bytes, struct ivx_instance **out,
                       enum ivx_reason *reason_out)
{
    char path[64];
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_fd_close) int fd = bytes_file(bytes, path);
    const struct ivx_blob blob = { path, 0, bytes->used };
    const bool done = ivx_instance_read(&blob, out, reason_out, &err);
    ck_assert_int_eq(done, err.code == IVX_OK);
    ck_assert_int_eq(done, *reason_out == IVX_REASON_NONE);
    return done;
}

START_TEST(every_attribute_arrives_in_every_native_syntax)
{
    IVX_AUTO(bytes_free) struct bytes bytes = { 0 };
    write_slice(&bytes, syntaxes[_i], 8);
    IVX_AUTO(ivx_instance_free) struct ivx_instance *i = NULL;
    enum ivx_reason reason;

    ck_assert(read_bytes(&bytes, &i, &reason));

    ck_assert_str_eq(i->sop_class, "1.2.840.10008.5.1.4.1.1.2");
    ck_assert_str_eq(i->sop_uid, "2.25.1008");
    ck_assert_str_eq(i->series_uid, "2.25.2");
    ck_assert_str_eq(i->study_uid, "2.25.3");
    ck_assert_str_eq(i->frame_uid, "2.25.4");
    ck_assert_str_eq(i->syntax, syntaxes[_i]);
    ck_assert_str_eq(i->modality, "CT");
    ck_assert_str_eq(i->manufacturer, "Maker");
    ck_assert_str_eq(i->station_name, "CT01");
    ck_assert_str_eq(i->image_type, "ORIGINAL\\PRIMARY\\AXIAL");
    ck_assert_str_eq(i->acquisition_time, "101500.25");
    ck_assert_str_eq(i->acquisition_number, "7");
    ck_assert_str_eq(i->echo, "12.5/2/");
    ck_assert_str_eq(i->convolution_kernel, "B30f");
    ck_assert_str_eq(i->photometric, "MONOCHROME2");
    ck_assert_int_eq(i->instance_number, 9);
    ck_assert(i->has_position && i->has_orientation && i->has_spacing && i->has_slope
              && i->has_intercept && i->has_thickness && i->has_tilt && i->has_padding
              && i->has_padding_limit && i->has_pixels && i->lossy);
    ck_assert(!i->has_modality_lut && !i->geometry_malformed && !i->pixels_truncated
              && !i->encapsulated);
    ck_assert_double_eq(i->position[1], 0.1234567890123);
    ck_assert_double_eq(i->position[2], 24);
    ck_assert_double_eq(i->orientation[4], 1);
    ck_assert_double_eq(i->spacing[0], 0.75);
    ck_assert_double_eq(i->spacing[1], 0.5);
    ck_assert_double_eq(i->thickness, 2.5);
    ck_assert_double_eq(i->tilt_deg, -3.25);
    ck_assert_double_eq(i->intercept, -1024);
    ck_assert_int_eq(i->rows, ROWS);
    ck_assert_int_eq(i->columns, COLUMNS);
    ck_assert_int_eq(i->bits_allocated, 16);
    ck_assert_int_eq(i->bits_stored, 12);
    ck_assert_int_eq(i->high_bit, 11);
    ck_assert_int_eq(i->pixel_representation, 1);
    ck_assert_int_eq(i->padding, -2000); /* written as the unsigned short 63536 */
    ck_assert_int_eq(i->padding_limit, -1990);
    ck_assert_int_eq(i->big_endian, _i == 2);
    ck_assert_uint_eq(i->pixel_length, ROWS * COLUMNS * 2);
    ck_assert_uint_eq(i->pixel_offset, bytes.used - ROWS * COLUMNS * 2);
}
END_TEST

START_TEST(nested_attributes_are_not_the_instances_own)
{
    IVX_AUTO(bytes_free) struct bytes bytes = { 0 };
    bytes_start(&bytes, syntaxes[1]);
    bytes_text(&bytes, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    bytes_text(&bytes, 0x00080018, "UI", "2.25.1");
    bytes_header(&bytes, 0x00081140, "SQ", BYTES_UNDEFINED);
    bytes_mark(&bytes, 0xFFFEE000, BYTES_UNDEFINED);
    bytes_text(&bytes, 0x00080018, "UI", "2.25.666");
    bytes_text(&bytes, 0x00200032, "DS", "6\\6\\6");
    bytes_mark(&bytes, 0xFFFEE00D, 0);
    bytes_mark(&bytes, 0xFFFEE0DD, 0);
    bytes_text(&bytes, 0x0020000D, "UI", "2.25.3");
    bytes_text(&bytes, 0x0020000E, "UI", "2.25.2");
    IVX_AUTO(ivx_instance_free) struct ivx_instance *i = NULL;
    enum ivx_reason reason;

    ck_assert(read_bytes(&bytes, &i, &reason));

    ck_assert_str_eq(i->sop_uid, "2.25.1");
    ck_assert(!i->has_position && !i->has_pixels);
}
END_TEST

static const struct number_row {
    uint32_t tag;
    const char *text;
    bool malformed;
} numbers[] = {
    { 0x00200032, "1\\2", true },            { 0x00200032, "1\\2\\north", true },
    { 0x00200032, "", false },               { 0x00200037, "1\\0\\0\\0\\1", true },
    { 0x00280030, "0.5\\nan", true },        { 0x00281053, "1,0", true },
    { 0x00281052, "-1024\\5", false },       { 0x00180050, "thick", false },
};

START_TEST(a_position_that_is_no_number_is_noticed)
{
    IVX_AUTO(bytes_free) struct bytes bytes = { 0 };
    bytes_start(&bytes, syntaxes[1]);
    bytes_text(&bytes, 0x00080016, "UI", "1.2");
    bytes_text(&bytes, 0x00080018, "UI", "2.25.1");
    bytes_text(&bytes, 0x0020000D, "UI", "2.25.3");
    bytes_text(&bytes, 0x0020000E, "UI", "2.25.2");
    bytes_text(&bytes, numbers[_i].tag, "DS", numbers[_i].text);
    IVX_AUTO(ivx_instance_free) struct ivx_instance *i = NULL;
    enum ivx_reason reason;

    ck_assert(read_bytes(&bytes, &i, &reason));

    ck_assert_int_eq(i->geometry_malformed, numbers[_i].malformed);
    ck_assert(!i->has_position);
}
END_TEST

START_TEST(an_object_without_its_uids_is_damaged)
{
    static const uint32_t needed[] = { 0x00080016, 0x00080018, 0x0020000D, 0x0020000E };
    IVX_AUTO(bytes_free) struct bytes bytes = { 0 };
    bytes_start(&bytes, syntaxes[1]);
    for (int n = 0; n < 4; n++)
        if (n != _i)
            bytes_text(&bytes, needed[n], "UI", "2.25.1");
    IVX_AUTO(ivx_instance_free) struct ivx_instance *i = NULL;
    enum ivx_reason reason;

    ck_assert(!read_bytes(&bytes, &i, &reason));

    ck_assert_int_eq(reason, IVX_REASON_DAMAGED);
    ck_assert_ptr_null(i);
}
END_TEST

START_TEST(a_uid_that_is_none_is_damaged)
{
    static const uint32_t uids[] = { 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00200052 };
    IVX_AUTO(bytes_free) struct bytes bytes = { 0 };
    bytes_start(&bytes, syntaxes[1]);
    for (int n = 0; n < 5; n++)
        bytes_text(&bytes, uids[n], "UI", n == _i ? "1.2\x1b[31m" : "2.25.1");
    IVX_AUTO(ivx_instance_free) struct ivx_instance *i = NULL;
    enum ivx_reason reason;

    ck_assert_int_eq(read_bytes(&bytes, &i, &reason), _i == 5);

    ck_assert_int_eq(reason, _i == 5 ? IVX_REASON_NONE : IVX_REASON_DAMAGED);
}
END_TEST

START_TEST(a_uid_that_could_move_a_cursor_is_damage)
{
    static const char *const bad[] = { "2.25.1\x1b[2J", "2.25.\n1", "2.25 1", "2.25.\xff" };
    IVX_AUTO(bytes_free) struct bytes bytes = { 0 };
    bytes_start(&bytes, syntaxes[1]);
    bytes_text(&bytes, 0x00080016, "UI", "1.2");
    bytes_text(&bytes, 0x00080018, "UI", "2.25.1");
    bytes_text(&bytes, 0x0020000D, "UI", "2.25.3");
    bytes_text(&bytes, 0x0020000E, "UI", bad[_i]);
    IVX_AUTO(ivx_instance_free) struct ivx_instance *i = NULL;
    enum ivx_reason reason;

    ck_assert(!read_bytes(&bytes, &i, &reason));

    ck_assert_int_eq(reason, IVX_REASON_DAMAGED);
}
END_TEST

START_TEST(a_file_that_is_gone_may_come_back)
{
    const struct ivx_blob blob = { "/nonexistent/slice", 0, 1000 };
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_instance_free) struct ivx_instance *i = NULL;
    enum ivx_reason reason = IVX_REASON_DAMAGED;

    ck_assert(!ivx_instance_read(&blob, &i, &reason, &err));

    ck_assert_int_eq(reason, IVX_REASON_NONE);
}
END_TEST

static uint64_t hash(const void *voxel, size_t bytes)
{
    const uint8_t *at = voxel;
    uint64_t made = 0xcbf29ce484222325;
    for (size_t n = 0; n < bytes; n++)
        made = (made ^ at[n]) * 0x100000001b3;
    return made;
}

/* Headers flipped at random: whatever comes out is a volume that can be read or a refusal. */
START_TEST(damaged_headers_make_no_trouble)
{
    enum { SLICES = 5 };
    static struct bytes good[SLICES];
    uint64_t state = 20260102, volumes = 0, sum = 0;
    printf("damaged_headers: seed %llu\n", (unsigned long long)state);
    for (int k = 0; k < SLICES; k++)
        write_slice(&good[k], syntaxes[_i], k);

    for (int round = 0; round < 4000; round++) {
        struct ivx_instance *made[SLICES] = { 0 };
        int fds[SLICES], count = 0;
        for (int k = 0; k < SLICES; k++) {
            struct bytes bytes = { 0 };
            bytes_raw(&bytes, good[k].data, good[k].used);
            for (uint64_t flips = next_random(&state) % 3; k % 2 == 0 && flips > 0; flips--)
                bytes.data[132 + next_random(&state) % (bytes.used - 132)] =
                    (uint8_t)next_random(&state);
            char path[64];
            fds[k] = bytes_file(&bytes, path);
            const struct ivx_blob blob = { path, 0, bytes.used };
            enum ivx_reason reason;
            count += ivx_instance_read(&blob, &made[count], &reason, NULL);
            bytes_free(&bytes);
        }
        struct ivx_err err = { 0 };
        const struct ivx_assemble_options options = { IVX_GAP_INTERPOLATE, true, false };
        IVX_AUTO(ivx_assembly_free) struct ivx_assembly *assembly = NULL;
        ck_assert_msg(ivx_assemble((const struct ivx_instance *const *)made, (size_t)count,
                                   &options, &assembly, &err),
                      "round %d: %s", round, err.text);
        for (int n = 0; n < ivx_assembly_volumes(assembly); n++, volumes++) {
            const struct ivx_source_volume *volume = ivx_assembly_volume(assembly, n);
            IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
            ck_assert_msg(ivx_reader_new(volume, &reader, &err), "%s", err.text);
            for (int k = 0; k < volume->stack.slices; k++) {
                struct ivx_slice slice;
                ck_assert_msg(ivx_reader_slice(reader, k, &slice, &err), "%s", err.text);
                const size_t each = slice.sample == IVX_INT16 ? 2 : 4;
                sum += hash(slice.voxel, (size_t)volume->stack.rows
                                             * (size_t)volume->stack.columns * each);
            }
        }
        for (int k = 0; k < SLICES; k++) {
            ivx_instance_free(&made[k]);
            close(fds[k]);
        }
    }
    printf("damaged_headers: %llu volumes, sum %llx\n", (unsigned long long)volumes,
           (unsigned long long)sum);
    ck_assert_uint_gt(volumes, 100);
    for (int k = 0; k < SLICES; k++)
        bytes_free(&good[k]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("instance");
    TCase *cases = tcase_create("instance");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, every_attribute_arrives_in_every_native_syntax, 0, 3);
    tcase_add_test(cases, nested_attributes_are_not_the_instances_own);
    tcase_add_loop_test(cases, a_position_that_is_no_number_is_noticed, 0,
                        (int)IVX_COUNT(numbers));
    tcase_add_loop_test(cases, an_object_without_its_uids_is_damaged, 0, 4);
    tcase_add_loop_test(cases, a_uid_that_is_none_is_damaged, 0, 6);
    tcase_add_loop_test(cases, a_uid_that_could_move_a_cursor_is_damage, 0, 4);
    tcase_add_test(cases, a_file_that_is_gone_may_come_back);
    tcase_add_loop_test(cases, damaged_headers_make_no_trouble, 0, 3);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
