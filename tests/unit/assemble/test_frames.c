/* R16: frames of multi-frame objects are slices like any others. Objects are written byte
 * by byte; what comes out is compared with what was put in. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/assemble/assembly.h"
#include "isovox/base/auto.h"
#include "frames.h"
#include "series.h"

/* Objects that were written, read and assembled. */
struct read {
    struct bytes bytes[3];
    int fd[3];
    struct ivx_instance *instance[3];
    int count;
    struct ivx_assembly *assembly;
};

static void read_clear(struct read *read)
{
    ivx_assembly_free(&read->assembly);
    for (int n = 0; n < read->count; n++) {
        ivx_instance_free(&read->instance[n]);
        bytes_free(&read->bytes[n]);
        close(read->fd[n]);
    }
}

static void take(struct read *read)
{
    char path[64];
    const int n = read->count++;
    read->fd[n] = bytes_file(&read->bytes[n], path);
    const struct ivx_blob blob = { path, 0, read->bytes[n].used };
    enum ivx_reason reason;
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_instance_read(&blob, &read->instance[n], &reason, &err), "%s",
                  err.text);
}

static void take_object(struct read *read, const struct object *object)
{
    write_object(&read->bytes[read->count], object);
    write_native(&read->bytes[read->count], object);
    take(read);
}

static void assemble(struct read *read, bool chosen)
{
    const struct ivx_assemble_options options = { IVX_GAP_REFUSE, true, chosen };
    struct ivx_err err = { 0 };
    const struct ivx_instance *all[3] = { read->instance[0], read->instance[1],
                                          read->instance[2] };
    ck_assert(ivx_assemble(all, (size_t)read->count, &options, &read->assembly, &err));
}

/* Slice k of the volume holds slope * stored - 1000 of frame `from[k]`. */
static void check_values(const struct ivx_source_volume *volume, const int *from,
                         const int *slope)
{
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    struct ivx_err err = { 0 };
    struct ivx_slice slice;
    ck_assert(ivx_reader_new(volume, &reader, &err));
    for (int k = 0; k < volume->stack.slices; k++) {
        ck_assert_msg(ivx_reader_slice(reader, k, &slice, &err), "%s", err.text);
        ck_assert_int_eq(slice.sample, IVX_INT16);
        for (int p = 0; p < PIXELS; p++) {
            const int hu = slope[from[k]] * (100 * from[k] + p) - 1000;
            ck_assert_int_eq(((const int16_t *)slice.voxel)[p], hu);
        }
    }
}

/* Fisher and Yates. */
static void shuffle_frames(struct object *object, uint64_t *state, int *place)
{
    for (int n = 0; n < object->frames; n++)
        place[n] = n;
    for (int n = object->frames - 1; n > 0; n--) {
        const int other = (int)(next_random(state) % (uint64_t)(n + 1));
        const int kept = place[n];
        place[n] = place[other];
        place[other] = kept;
    }
    for (int n = 0; n < object->frames; n++)
        object->z[n] = 2.5 * place[n];
}

START_TEST(frames_are_slices_wherever_they_stand_in_the_file)
{
    static const char *const syntaxes[] = { "1.2.840.10008.1.2", EXPLICIT,
                                            "1.2.840.10008.1.2.2" };
    uint64_t state = (uint64_t)_i + 1;
    struct object object = object_of(12);
    int place[12], from[12], slope[12];
    object.syntax = syntaxes[_i % 3];
    object.shared = _i % 2 == 0;
    shuffle_frames(&object, &state, place);
    for (int n = 0; n < 12; n++) {
        from[place[n]] = n;
        object.slope[n] = !object.shared || n % 3 == 0 ? 1 + n % 4 : 0;
        slope[n] = object.slope[n] != 0 ? object.slope[n] : 1;
    }
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    take_object(&read, &object);

    assemble(&read, false);

    const struct ivx_source_volume *volume = series_only(read.assembly);
    ck_assert_int_eq(volume->stack.slices, 12);
    ck_assert_double_eq(volume->stack.column_spacing, 0.5);
    ck_assert_double_eq(volume->stack.origin[0], -1.5);
    for (int k = 0; k < 12; k++) {
        ck_assert_double_eq(volume->stack.t[k], 2.5 * k);
        ck_assert_int_eq(volume->slices[k]->frame_number, from[k] + 1);
        ck_assert_ptr_eq(ivx_instance_object(volume->slices[k]), read.instance[0]);
        ck_assert_double_eq(volume->slices[k]->thickness, 2.5);
    }
    check_values(volume, from, slope);
}
END_TEST

static const struct wrong {
    int claimed, items;
    bool no_slope, tag_after;
    enum ivx_reason reason;
} wrongs[] = {
    { 6, 5, false, false, IVX_REASON_DAMAGED },
    { 6, 7, false, false, IVX_REASON_DAMAGED },
    { 5, 6, false, false, IVX_REASON_DAMAGED },
    { 2000000000, 6, false, false, IVX_REASON_TOO_LARGE },
    { 6, 0, false, false, IVX_REASON_NO_GEOMETRY },
    { 6, 6, true, false, IVX_REASON_NO_RESCALE },
    { -1, 6, false, false, IVX_REASON_DAMAGED },
    { 6, 6, false, true,
      IVX_REASON_DAMAGED }, /* what follows would not reach the frames */
};

START_TEST(what_does_not_say_it_of_each_frame_is_refused)
{
    struct object object = object_of(6);
    object.claimed = wrongs[_i].claimed;
    object.items = wrongs[_i].items;
    object.shared_slope = !wrongs[_i].no_slope;
    object.tag_after = wrongs[_i].tag_after;
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    take_object(&read, &object);

    assemble(&read, false);

    series_refused(read.assembly, wrongs[_i].reason);
}
END_TEST

START_TEST(missing_and_left_over_pixels_refuse_all_frames)
{
    struct object object = object_of(6);
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    write_object(&read.bytes[0], &object);
    object.frames = _i == 0 ? 5 : 7;
    write_native(&read.bytes[0], &object);
    take(&read);

    assemble(&read, false);

    series_refused(read.assembly, IVX_REASON_DAMAGED);
    ck_assert_int_eq(ivx_assembly_refusal(read.assembly, 0)->instances, 6);
}
END_TEST

static const struct no_slices {
    const char *image_type;
    enum ivx_reason reason;
} no_slices[] = {
    { "ORIGINAL\\PRIMARY\\M\\MOSAIC", IVX_REASON_UNSUPPORTED_PIXELS },
    { "ORIGINAL\\PRIMARY\\LOCALIZER\\NONE", IVX_REASON_LOCALIZER },
};

START_TEST(frames_that_are_no_slices_are_counted_one_by_one)
{
    struct object object = object_of(6);
    object.image_type = no_slices[_i].image_type;
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    take_object(&read, &object);

    assemble(&read, false);

    series_refused(read.assembly, no_slices[_i].reason);
    ck_assert_int_eq(ivx_assembly_refusal(read.assembly, 0)->instances, 6);
}
END_TEST

START_TEST(phases_and_signals_in_one_object_are_volumes_of_their_own)
{
    struct object object = object_of(12);
    object.sop_class = ENHANCED_MR;
    for (int n = 0; n < 12; n++) {
        object.z[n] = 2.5 * (n / 2);
        object.phase[n] = _i == 0 ? 1 + n % 2 : 0;
        object.type[n] = _i == 0      ? NULL
                         : n % 2 == 0 ? "ORIGINAL\\PRIMARY\\M\\NONE"
                                      : "ORIGINAL\\PRIMARY\\P\\NONE";
    }
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    take_object(&read, &object);

    assemble(&read, false);

    ck_assert_int_eq(ivx_assembly_volumes(read.assembly), 2);
    for (int v = 0; v < 2; v++) {
        const struct ivx_source_volume *volume = ivx_assembly_volume(read.assembly, v);
        ck_assert_int_eq(volume->stack.slices, 6);
        for (int k = 0; k < 6; k++)
            ck_assert_int_eq(volume->slices[k]->frame_number, 2 * k + 1 + v);
    }
}
END_TEST

START_TEST(an_object_sent_twice_changes_nothing)
{
    struct object object = object_of(5);
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    take_object(&read, &object);
    take_object(&read, &object);

    assemble(&read, false);

    ck_assert_int_eq(series_only(read.assembly)->stack.slices, 5);
    ck_assert(series_warned(series_only(read.assembly), IVX_REASON_DUPLICATES_DROPPED));
}
END_TEST

/* Which of three parts have come, and what total they say. */
static const struct whole {
    bool came[3];
    int total;
    bool is_whole;
} wholes[] = {
    { { true, true, true }, 3, true },   { { true, true, false }, 3, false },
    { { false, true, true }, 3, false }, { { true, false, true }, 3, false },
    { { true, true, true }, 0, true },   { { true, false, true }, 0, false },
    { { false, true, true }, 0, false }, { { true, true, true }, 4, false },
};

START_TEST(a_concatenation_waits_for_all_of_its_parts)
{
    static const char *const uids[] = { "2.25.13", "2.25.12", "2.25.11" };
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    for (int part = 0; part < 3; part++) {
        struct object object = object_of(4);
        object.sop_uid = uids[part];
        object.concatenation = "2.25.9";
        object.part = part + 1;
        object.parts = wholes[_i].total;
        for (int n = 0; n < 4; n++)
            object.z[n] = 2.5 * (4 * part + n);
        if (wholes[_i].came[part])
            take_object(&read, &object);
    }

    assemble(&read, false);

    ck_assert_int_eq(ivx_assembly_has_hole(read.assembly), !wholes[_i].is_whole);
    if (wholes[_i].is_whole)
        ck_assert_int_eq(series_only(read.assembly)->stack.slices, 12);
    else
        series_refused(read.assembly, IVX_REASON_GAP);
}
END_TEST

START_TEST(what_was_chosen_before_need_not_be_whole)
{
    struct object object = object_of(4);
    object.concatenation = "2.25.9";
    object.part = 2;
    object.parts = 3;
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    take_object(&read, &object);

    assemble(&read, true);

    ck_assert_int_eq(series_only(read.assembly)->stack.slices, 4);
}
END_TEST

enum tables { NO_TABLE, BASIC, EXTENDED };

/* Codestreams of frame n: it begins with a start marker, and has n % 3 + 1 fragments when
 * `several`. Their lengths tell them apart. */
static void write_fragments(struct bytes *bytes, const struct object *object,
                            bool several, bool markers, enum tables tables)
{
    struct bytes items = { .explicit_vr = true };
    uint64_t offset[MOST_FRAMES];
    for (int n = 0; n < object->frames; n++) {
        const uint8_t start[8] = { 0xFF, markers ? 0xD8 : 0, 0xFF, 0xF7, 0, 0,
                                   0,    (uint8_t)n };
        offset[n] = items.used;
        for (int part = 0; part <= (several ? n % 3 : 0); part++) {
            bytes_mark(&items, ITEM, 8);
            bytes_raw(&items, part == 0 ? start : (const uint8_t *)"fragment", 8);
        }
    }
    if (tables == EXTENDED) {
        bytes_header(bytes, 0x7FE00001, "OV", (uint32_t)object->frames * 8);
        bytes_raw(bytes, offset, (size_t)object->frames * 8);
    }
    bytes_header(bytes, 0x7FE00010, "OB", BYTES_UNDEFINED);
    bytes_mark(bytes, ITEM, tables == BASIC ? (uint32_t)object->frames * 4 : 0);
    for (int n = 0; tables == BASIC && n < object->frames; n++)
        bytes_u32(bytes, (uint32_t)offset[n]);
    bytes_raw(bytes, items.data, items.used);
    bytes_mark(bytes, SEQUENCE_END, 0);
    bytes_free(&items);
}

static const struct packed {
    bool several, markers;
    enum tables tables;
    bool found;
} packed[] = {
    { false, false, NO_TABLE, true }, /* one fragment each needs nothing else */
    { false, true, BASIC, true },     { true, true, NO_TABLE, true },
    { true, false, BASIC, true },     { true, false, EXTENDED, true },
    { true, false, NO_TABLE, false }, /* nothing says where a frame begins */
};

START_TEST(fragments_belong_to_the_frame_that_they_are_of)
{
    struct object object = object_of(7);
    object.syntax = JPEG_LS;
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    write_object(&read.bytes[0], &object);
    write_fragments(&read.bytes[0], &object, packed[_i].several, packed[_i].markers,
                    packed[_i].tables);
    take(&read);

    assemble(&read, false);

    if (!packed[_i].found) {
        series_refused(read.assembly, IVX_REASON_DAMAGED);
        return;
    }
    const struct ivx_source_volume *volume = series_only(read.assembly);
    for (int k = 0; k < 7; k++) {
        const struct ivx_instance *slice = volume->slices[k];
        const uint8_t *at = read.bytes[0].data + slice->pixel_offset;
        const int fragments = packed[_i].several ? k % 3 + 1 : 1;
        ck_assert_int_eq(at[15], k);
        ck_assert_uint_eq(slice->pixel_length, 16 * (uint64_t)fragments);
    }
}
END_TEST

START_TEST(a_table_that_points_beside_a_fragment_is_damage)
{
    struct object object = object_of(3);
    object.syntax = JPEG_LS;
    IVX_AUTO(read_clear) struct read read = { .count = 0 };
    write_object(&read.bytes[0], &object);
    write_fragments(&read.bytes[0], &object, true, false, BASIC);
    /* The last entry: one byte too far. 3 frames of 1 + 2 + 3 fragments, then the end. */
    read.bytes[0].data[read.bytes[0].used - 8 - 6 * 16 - 4] ^= 1;
    take(&read);

    assemble(&read, false);

    series_refused(read.assembly, IVX_REASON_DAMAGED);
}
END_TEST

/* Assembled if it could be read. */
static void take_bytes_of(struct read *read, const uint8_t *data, size_t length)
{
    char path[64];
    bytes_raw(&read->bytes[0], data, length);
    read->fd[0] = bytes_file(&read->bytes[0], path);
    read->count = 1;
    const struct ivx_blob blob = { path, 0, length };
    enum ivx_reason reason;
    struct ivx_err err = { 0 };
    if (ivx_instance_read(&blob, &read->instance[0], &reason, &err))
        assemble(read, false);
}

/* However an object is cut off or its bytes are changed: it is refused, or all of its
 * frames are there, and nothing reads beyond what there is. */
START_TEST(what_is_cut_off_is_never_a_shorter_volume)
{
    struct object object = object_of(4);
    struct bytes whole = { 0 };
    write_object(&whole, &object);
    write_native(&whole, &object);
    for (size_t length = 1; length <= whole.used; length++) {
        IVX_AUTO(read_clear) struct read read = { .count = 0 };
        take_bytes_of(&read, whole.data, length);
        if (read.assembly != NULL)
            ck_assert_int_eq(ivx_assembly_volumes(read.assembly), length == whole.used);
    }
    bytes_free(&whole);
}
END_TEST

START_TEST(changed_bytes_are_survived)
{
    uint64_t state = 20260401 + (uint64_t)_i;
    struct object object = object_of(4);
    struct bytes bytes = { 0 };
    object.syntax = _i % 2 == 0 ? EXPLICIT : JPEG_LS;
    write_object(&bytes, &object);
    if (_i % 2 == 0)
        write_native(&bytes, &object);
    else
        write_fragments(&bytes, &object, true, true, BASIC);
    const uint8_t first = bytes.data[200];
    for (int n = 0; n < 400; n++) {
        IVX_AUTO(read_clear) struct read read = { .count = 0 };
        const size_t at = 132 + (size_t)(next_random(&state) % (bytes.used - 132));
        const uint8_t was = bytes.data[at];
        bytes.data[at] = (uint8_t)next_random(&state);
        take_bytes_of(&read, bytes.data, bytes.used);
        for (int v = 0; read.assembly != NULL && v < ivx_assembly_volumes(read.assembly);
             v++)
            ck_assert_int_ge(ivx_assembly_volume(read.assembly, v)->stack.slices, 3);
        bytes.data[at] = was;
    }
    ck_assert_int_eq(bytes.data[200], first);
    bytes_free(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("R16");
    TCase *frames = tcase_create("frames");
    tcase_add_loop_test(frames, frames_are_slices_wherever_they_stand_in_the_file, 0, 60);
    tcase_add_loop_test(frames, what_does_not_say_it_of_each_frame_is_refused, 0,
                        (int)IVX_COUNT(wrongs));
    tcase_add_loop_test(frames, missing_and_left_over_pixels_refuse_all_frames, 0, 2);
    tcase_add_loop_test(frames, frames_that_are_no_slices_are_counted_one_by_one, 0,
                        (int)IVX_COUNT(no_slices));
    tcase_add_loop_test(frames, phases_and_signals_in_one_object_are_volumes_of_their_own,
                        0, 2);
    tcase_add_test(frames, an_object_sent_twice_changes_nothing);
    tcase_add_loop_test(frames, a_concatenation_waits_for_all_of_its_parts, 0,
                        (int)IVX_COUNT(wholes));
    tcase_add_test(frames, what_was_chosen_before_need_not_be_whole);
    tcase_add_loop_test(frames, fragments_belong_to_the_frame_that_they_are_of, 0,
                        (int)IVX_COUNT(packed));
    tcase_add_test(frames, a_table_that_points_beside_a_fragment_is_damage);
    tcase_add_test(frames, what_is_cut_off_is_never_a_shorter_volume);
    tcase_add_loop_test(frames, changed_bytes_are_survived, 0, 10);
    tcase_set_timeout(frames, 60);
    suite_add_tcase(suite, frames);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
