/* Multi-frame headers: what a classic source does not say, and results that take several
 * instances. Whether they are valid: tests/e2e/test_enhanced.py. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/derive/derive.h"
#include "isovox/dicom/dicom.h"
#include "series.h"

struct made {
    struct series series;
    struct ivx_grid grid;
    struct ivx_resample_options options;
    struct ivx_derivation derivation;
    struct ivx_derive *derive;
    enum ivx_reason reason;
};

static void made_new(struct made *made, series_edit *edit)
{
    struct ivx_err err = { 0 };
    *made = (struct made){ .options.kernel = IVX_LINEAR };
    series_make(&made->series, edit);
    ck_assert(ivx_target_grid(&made->series.volume->stack, 1, IVX_ALIGN_CENTER, &made->grid,
                              &err));
    made->derivation = (struct ivx_derivation){
        .source = made->series.volume,
        .grid = &made->grid, .options = &made->options, .spacing_mm = 1,
        .recipe_name = "frames", .recipe_json = "{\"format\":\"enhanced\"}",
        .enhanced = true, .reason_out = &made->reason,
    };
}

static void made_derive(struct made *made)
{
    struct ivx_err err = { 0 };
    ck_assert_msg(ivx_derive_new(&made->derivation, &made->derive, &err), "%s", err.text);
}

static void made_free(struct made *made)
{
    ivx_derive_free(&made->derive);
    series_remove(&made->series);
}

/* The header of a part, with its pixels behind it. */
static struct ivx_dataset *part_of(struct made *made, int32_t part)
{
    struct ivx_err err = { 0 };
    char path[128];
    int32_t first, count;
    snprintf(path, sizeof path, "%s/part%d.dcm", made->series.folder, part);
    ivx_derive_part(made->derive, part, &first, &count);
    const size_t bytes =
        2 * (size_t)made->grid.count[0] * (size_t)made->grid.count[1] * (size_t)count;
    IVX_AUTO(ivx_memory_free) uint8_t *pixels = calloc(1, bytes);
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_msg(ivx_derive_begin(made->derive, part, fd, &err), "%s", err.text);
    ck_assert(ivx_fd_write(fd, pixels, bytes, "part", &err));
    const struct ivx_blob blob = { path, 0, (uint64_t)lseek(fd, 0, SEEK_END) };
    struct ivx_dataset *back = NULL;
    ck_assert_msg(ivx_dataset_load_header(&blob, &back, &err), "%s", err.text);
    return back;
}

/* The same, once everything is known. */
static struct ivx_dataset *sealed_part_of(struct made *made, int32_t part)
{
    const struct ivx_blur blur = { .known = false };
    const struct ivx_resample_report report = { .voxels = 1 };
    const struct ivx_outcome outcome = { made->series.sha256[1], &blur, &report };
    struct ivx_err err = { 0 };
    char path[128];
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) uint8_t *header = NULL;
    snprintf(path, sizeof path, "%s/part%d.dcm", made->series.folder, part);
    ck_assert_msg(ivx_derive_seal(made->derive, part, &outcome, path, &header, &length, &err),
                  "%s", err.text);
    const struct ivx_blob blob = { path, 0, length };
    struct ivx_dataset *back = NULL;
    ck_assert_msg(ivx_dataset_load_header(&blob, &back, &err), "%s", err.text);
    return back;
}

static const char *text_in(struct ivx_item *item, uint32_t tag)
{
    const char *text = NULL;
    return ivx_item_text(item, tag, &text) ? text : "(none)";
}

static const char *text_of(struct ivx_dataset *dataset, uint32_t tag)
{
    return text_in(ivx_dataset_root(dataset), tag);
}

static long long number_of(struct ivx_dataset *dataset, uint32_t tag)
{
    char text[32];
    long long number = -1;
    snprintf(text, sizeof text, "%.*s", (int)strcspn(text_of(dataset, tag), " "),
             text_of(dataset, tag));
    return ivx_text_to_int64(text, &number) ? number : -1;
}

static struct ivx_item *frame_of(struct ivx_dataset *dataset, size_t n, uint32_t macro)
{
    struct ivx_item *group = ivx_item_at(ivx_dataset_root(dataset), 0x52009230, n);
    ck_assert_ptr_nonnull(group);
    return ivx_item_at(group, macro, 0);
}

static void copy_text(struct ivx_item *item, uint32_t tag, char out[80])
{
    snprintf(out, 80, "%s", text_in(item, tag));
}

/* PS3.3 C.7.6.16.2.2.4, C.7.6.17: what the parts share, and what each has of its own. */
START_TEST(parts_are_named_when_the_source_has_been_read)
{
    static const uint32_t shared[] = { 0x0020000e, 0x00209161, 0x00200242 };
    struct ivx_err err = { 0 };
    struct made made;
    char first[IVX_COUNT(shared)][80], before[80], text[80], sop[65];
    made_new(&made, NULL);
    made.derivation.part_bytes = 8 * (uint64_t)made.grid.count[0] * (uint64_t)made.grid.count[1];
    made_derive(&made);
    ck_assert_int_gt(ivx_derive_parts(made.derive), 1);
    for (int32_t part = 0; part < 2; part++) {
        IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = part_of(&made, part);
        copy_text(ivx_dataset_root(back), 0x00209161, before);
    }
    ck_assert(ivx_derive_identify(made.derive, made.series.sha256, made.series.sha256[0], &err));

    for (int32_t part = 0; part < 2; part++) {
        IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = sealed_part_of(&made, part);
        struct ivx_item *root = ivx_dataset_root(back);
        ivx_derive_sop_uid(made.derive, part, sop);
        ck_assert_str_eq(text_in(root, 0x00080018), sop);
        for (size_t n = 0; n < IVX_COUNT(shared); n++) {
            copy_text(root, shared[n], part == 0 ? first[n] : text);
            ck_assert(part == 0 || strcmp(first[n], text) == 0);
        }
        copy_text(ivx_item_at(root, 0x00209221, 0), 0x00209164, text);
        ck_assert_int_eq(strncmp(text, "2.25.", 5), 0);
        for (size_t n = 0; n < 2; n++)
            ck_assert_str_eq(text_in(ivx_item_at(root, 0x00209222, n), 0x00209164), text);
    }
    ck_assert_str_eq(first[0], ivx_derive_series_uid(made.derive));
    ck_assert_str_ne(first[1], before);
    ck_assert_str_ne(first[1], first[2]);
    made_free(&made);
}
END_TEST

START_TEST(what_is_too_long_for_one_instance_is_a_concatenation)
{
    struct made made;
    made_new(&made, NULL);
    const uint64_t frame = 2 * (uint64_t)made.grid.count[0] * (uint64_t)made.grid.count[1];
    made.derivation.part_bytes = 4 * frame + frame / 2; /* four frames each */
    made_derive(&made);
    const int32_t frames = made.grid.count[2], parts = (frames + 3) / 4;
    ck_assert_int_gt(parts, 1);
    ck_assert_int_ne(frames % 4, 0); /* the last one is shorter */

    ck_assert_int_eq(ivx_derive_parts(made.derive), parts);
    char uids[16][80];
    for (int32_t part = 0; part < parts; part++) {
        IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = part_of(&made, part);
        const int32_t count = part < parts - 1 ? 4 : frames % 4;
        uint16_t number = 0;
        ck_assert_int_eq(number_of(back, 0x00280008), count);
        ck_assert_uint_eq(ivx_item_count(ivx_dataset_root(back), 0x52009230), (size_t)count);
        ck_assert(ivx_item_u16(ivx_dataset_root(back), 0x00209162, &number));
        ck_assert_int_eq(number, part + 1);
        ck_assert(ivx_item_u16(ivx_dataset_root(back), 0x00209163, &number));
        ck_assert_int_eq(number, parts);
        uint32_t offset = 0, place = 0;
        ck_assert(ivx_item_u32(ivx_dataset_root(back), 0x00209228, &offset));
        ck_assert_uint_eq(offset, (uint32_t)(4 * part));
        ck_assert(ivx_item_u32(frame_of(back, 0, 0x00209111), 0x00209057, &place));
        ck_assert_uint_eq(place, (uint32_t)(4 * part + 1));
        ck_assert_int_eq(number_of(back, 0x00200013), part + 1);
        snprintf(uids[part], sizeof uids[part], "%s", text_of(back, 0x00080018));
        for (int32_t other = 0; other < part; other++)
            ck_assert_str_ne(uids[part], uids[other]);
        ck_assert_str_ne(text_of(back, 0x00200242), "(none)");
        ck_assert_str_ne(text_of(back, 0x00200242), text_of(back, 0x00209161));
    }
    made_free(&made);
}
END_TEST

START_TEST(one_instance_is_no_concatenation)
{
    struct made made;
    made_new(&made, NULL);
    made_derive(&made);

    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = part_of(&made, 0);

    ck_assert_int_eq(ivx_derive_parts(made.derive), 1);
    ck_assert_str_eq(text_of(back, 0x00209161), "(none)");
    ck_assert_int_eq(number_of(back, 0x00280008), made.grid.count[2]);
    made_free(&made);
}
END_TEST

/* A frame of 65535 x 65535 words is longer than any instance may be. */
START_TEST(a_part_has_a_frame_at_least)
{
    struct made made;
    made_new(&made, NULL);
    made.derivation.part_bytes = 1;
    made_derive(&made);

    ck_assert_int_eq(ivx_derive_parts(made.derive), made.grid.count[2]);
    made_free(&made);
}
END_TEST

START_TEST(what_equipment_is_silent_about_is_unknown)
{
    struct made made;
    made_new(&made, NULL);
    made_derive(&made);

    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = part_of(&made, 0);

    ck_assert_str_eq(text_of(back, 0x00080070), "Somebody");
    ck_assert_str_eq(text_of(back, 0x00081090), "UNKNOWN");
    ck_assert_str_eq(text_of(back, 0x00181000), "UNKNOWN");
    ck_assert_str_eq(text_of(back, 0x00181020), "UNKNOWN");
    ck_assert_str_eq(text_of(back, 0x00282110), "00");
    made_free(&made);
}
END_TEST

static void put_known(struct ivx_item *root, int k)
{
    (void)k;
    series_put(root, 0x00181000, "4711");
    series_put(root, 0x00083010, "2.25.99");
    series_put(root, 0x00282110, "01");
    series_put(root, 0x00282112, "12.5");
}

START_TEST(what_the_source_says_stays)
{
    struct made made;
    made_new(&made, put_known);
    made_derive(&made);

    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = part_of(&made, 0);

    struct ivx_item *shared = ivx_item_at(ivx_dataset_root(back), 0x52009229, 0);
    ck_assert_str_eq(text_of(back, 0x00181000), "4711");
    ck_assert_str_eq(text_in(ivx_item_at(shared, 0x00189477, 0), 0x00083010), "2.25.99");
    ck_assert_str_eq(text_of(back, 0x00083010), "(none)");
    ck_assert_str_eq(text_of(back, 0x00282110), "01");
    ck_assert_str_eq(text_of(back, 0x00282112), "12.5");
    made_free(&made);
}
END_TEST

/* Two results of one series are of one irradiation. */
START_TEST(an_unnamed_irradiation_gets_one_name)
{
    struct made made;
    char uid[2][80];
    for (int n = 0; n < 2; n++) {
        made_new(&made, NULL);
        made.derivation.recipe_json = n == 0 ? "{}" : "{\"other\":1}";
        made_derive(&made);
        IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = part_of(&made, 0);
        struct ivx_item *shared = ivx_item_at(ivx_dataset_root(back), 0x52009229, 0);
        snprintf(uid[n], sizeof uid[n], "%s",
                 text_in(ivx_item_at(shared, 0x00189477, 0), 0x00083010));
        made_free(&made);
    }
    ck_assert_str_eq(uid[0], uid[1]);
    ck_assert_int_eq(strncmp(uid[0], "2.25.", 5), 0);
}
END_TEST

static void burn(struct ivx_item *root, int k)
{
    (void)k;
    series_put(root, 0x00280301, "YES");
}

START_TEST(burned_in_text_is_refused_with_the_reason)
{
    struct made made;
    struct ivx_err err = { 0 };
    made_new(&made, burn);

    ck_assert(!ivx_derive_new(&made.derivation, &made.derive, &err));

    ck_assert_int_eq(err.code, IVX_REFUSED);
    ck_assert_int_eq(made.reason, IVX_REASON_MISSING_VALUE);
    made_free(&made);
}
END_TEST

int main(void)
{
    ivx_dicom_start();
    Suite *suite = suite_create("derive: enhanced");
    TCase *tests = tcase_create("enhanced");
    tcase_add_test(tests, what_is_too_long_for_one_instance_is_a_concatenation);
    tcase_add_test(tests, parts_are_named_when_the_source_has_been_read);
    tcase_add_test(tests, one_instance_is_no_concatenation);
    tcase_add_test(tests, a_part_has_a_frame_at_least);
    tcase_add_test(tests, what_equipment_is_silent_about_is_unknown);
    tcase_add_test(tests, what_the_source_says_stays);
    tcase_add_test(tests, an_unnamed_irradiation_gets_one_name);
    tcase_add_test(tests, burned_in_text_is_refused_with_the_reason);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
