/* What instances say when the last voxel is known, and the model of blur behind it. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dicom.h"
#include "isovox/dicom/scan.h"
#include "made.h"

#define A16 "aaaaaaaaaaaaaaaa"
#define B16 "bbbbbbbbbbbbbbbb"

static struct ivx_dataset *seal_and_read(struct made *made, const struct ivx_blur *blur)
{
    struct ivx_err err = { 0 };
    const struct ivx_resample_report report = {
        .voxels = 1000, .background = 250, .padded = 125, .edge = 1, .saturated = 4294967296,
        .clamped = 7,
    };
    const struct ivx_outcome outcome = { B16 B16 B16 B16, blur, &report };
    char path[128];
    write_instance(made, 0);
    made_identify(made);
    path_of(made, 0, path);
    IVX_AUTO(ivx_memory_free) uint8_t *header = NULL;
    size_t header_length = 0;
    ck_assert_msg(ivx_derive_seal(made->derive, 0, &outcome, path, &header, &header_length, &err),
                  "%s", err.text);

    struct stat about;
    struct ivx_dataset *back = NULL;
    ck_assert_int_eq(stat(path, &about), 0);
    const struct ivx_blob blob = { path, 0, (uint64_t)about.st_size };
    ck_assert_msg(ivx_dataset_load_header(&blob, &back, &err), "%s", err.text);
    return back;
}

/* Text without the spaces that fill its room. */
static void value_is(struct ivx_dataset *back, uint32_t tag, const char *meant)
{
    const char *text = text_of(back, tag);
    const size_t length = strlen(meant);
    ck_assert_msg(strncmp(text, meant, length) == 0
                      && strspn(text + length, " ") == strlen(text + length),
                  "%x: '%s', not '%s'", tag, text, meant);
}

START_TEST(what_is_known_at_the_end_is_sealed_into_the_instance)
{
    const struct ivx_blur blur = { .known = true,
                                   .native_mm = { 0.5, 0.25, 1.5 },
                                   .result_mm = { 1, 2, 3.125 } };
    struct made made;
    made_new(&made, NULL, 1.0);
    made_derive(&made);

    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = seal_and_read(&made, &blur);

    value_is(back, 0x0099100a, "SEVERE"); /* 2.5 by 0.7 mm */
    ck_assert_uint_eq(strspn(text_of(back, 0x00991003), "0123456789abcdef"), 64);
    value_is(back, 0x00991010, A16 A16 A16 A16);
    value_is(back, 0x00991011, B16 B16 B16 B16);
    value_is(back, 0x00991012, "0.5\\0.25\\1.5");
    value_is(back, 0x00991013, "1\\2\\3.125");
    value_is(back, 0x00991014, "0.125");
    value_is(back, 0x00991015, "0.125");
    value_is(back, 0x00991016, "0.001");
    value_is(back, 0x00991017, "4294967296");
    value_is(back, 0x00991018, "7");
    made_free(&made);
}
END_TEST

/* What has room in an instance is filled: dashes stand for what is not known yet. */
START_TEST(nothing_is_left_open)
{
    const struct ivx_blur blur = { .known = true };
    struct made made;
    made_new(&made, NULL, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = seal_and_read(&made, &blur);
    for (uint32_t element = 0x00991001; element <= 0x009910ff; element++)
        ck_assert_msg(strncmp(text_of(back, element), "--", 2) != 0, "%x", element);
    made_free(&made);
}
END_TEST

START_TEST(a_blur_that_nobody_knows_stays_empty)
{
    const struct ivx_blur blur = { .known = false };
    struct made made;
    made_new(&made, NULL, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = seal_and_read(&made, &blur);
    const char *text = NULL;
    if (ivx_item_text(ivx_dataset_root(back), 0x00991012, &text))
        ck_assert_uint_eq(strspn(text, " "), strlen(text));
    made_free(&made);
}
END_TEST

/* PS3.10 7.1: the meta header says the instance's UID once more. */
static void media_uid(const char *path, char out[65])
{
    struct ivx_err err = { 0 };
    struct ivx_scan scan;
    enum ivx_reason reason;
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    const struct ivx_blob blob = { path, 0, (uint64_t)about.st_size };
    ck_assert(ivx_scan(&blob, NULL, NULL, NULL, &scan, &reason, &err));
    IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDONLY);
    ck_assert(ivx_fd_pread(fd, out, 44, scan.media_uid_at, path, &err));
    out[44] = '\0';
}

START_TEST(instances_get_their_uids_when_the_source_has_been_read)
{
    const struct ivx_blur blur = { .known = false };
    struct made made;
    char before[65], after[65], media[65], path[128];
    made_new(&made, NULL, 1.0);
    made_derive(&made);
    ivx_derive_sop_uid(made.derive, 0, before);

    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = seal_and_read(&made, &blur);

    ivx_derive_sop_uid(made.derive, 0, after);
    path_of(&made, 0, path);
    media_uid(path, media);
    ck_assert_str_ne(before, after);
    ck_assert_str_eq(text_of(back, 0x00080018), after);
    ck_assert_str_eq(media, after);
    ck_assert_str_eq(text_of(back, 0x0020000e), ivx_derive_series_uid(made.derive));
    made_free(&made);
}
END_TEST

START_TEST(only_our_own_instances_are_sealed)
{
    const struct ivx_blur blur = { .known = false };
    const struct ivx_resample_report report = { .voxels = 1 };
    const struct ivx_outcome outcome = { B16 B16 B16 B16, &blur, &report };
    struct ivx_err err = { 0 };
    struct made made;
    uint8_t *header = NULL;
    size_t length = 0;
    made_new(&made, NULL, 1.0);
    made_derive(&made);
    made_identify(&made);
    ck_assert(!ivx_derive_seal(made.derive, 0, &outcome, made.series.volume->slices[0]->path,
                               &header, &length, &err));
    ck_assert_int_eq(err.code, IVX_BUG);
    made_free(&made);
}
END_TEST

/* v of each kernel is the integral of x^2 k(x): closed form for the two that are no
 * interpolation of quadratics. FWHM of 5 mm slices at 5 mm: 5.9 mm linear, 3.4 mm spline. */
START_TEST(blur_adds_by_second_moments)
{
    struct made made;
    made_new(&made, NULL, 1.0);
    struct ivx_source_volume source = *made.series.volume;
    struct ivx_sampling sampling = { true, IVX_LINEAR, { 2, 1, 1 }, { 0, 0.5, 0 } };
    struct ivx_blur blur;

    ivx_blur_find(&source, &sampling, &blur); /* 0.7 by 0.8 by 2.5 mm, 3 mm thick */

    ck_assert(blur.known);
    ck_assert_double_eq_tol(blur.native_mm[0], 0.5, 1e-12);
    ck_assert_double_eq_tol(blur.native_mm[2], 0.8660254037844386, 1e-12);
    ck_assert_double_eq_tol(blur.result_mm[0], sqrt(0.25 + 1.96 / 6), 1e-12);
    ck_assert_double_eq_tol(blur.result_mm[1], sqrt(0.25 + 0.64 / 6 + 0.16), 1e-12);
    ck_assert_double_eq_tol(blur.result_mm[2], sqrt(0.75 + 6.25 / 6), 1e-12);
    sampling.kernel = IVX_NEAREST;
    ivx_blur_find(&source, &sampling, &blur);
    ck_assert_double_eq_tol(blur.result_mm[2], sqrt(0.75 + 6.25 / 12), 1e-12);
    sampling.kernel = IVX_BSPLINE3;
    ivx_blur_find(&source, &sampling, &blur);
    ck_assert_double_eq_tol(blur.result_mm[2], blur.native_mm[2], 1e-12);
    sampling.interpolated = false;
    ivx_blur_find(&source, &sampling, &blur);
    ck_assert_double_eq_tol(blur.result_mm[1], 0.5, 1e-12);
    made_free(&made);
}
END_TEST

static const struct {
    double spacing; /* of slices, by 0.7 and 0.8 mm, 3 mm thick */
    const char *name;
} anisotropies[] = {
    { 0.75, "mild" }, { 2.0, "moderate" }, { 2.5, "severe" }, { 6, "extreme" },
};

/* 6 mm thick: 1.7 mm of blur along the normal, 0.5 in the plane. */
static void thick(struct ivx_item *root, int k)
{
    (void)k;
    series_put(root, 0x00180050, "6");
}

START_TEST(thick_slices_in_thin_steps_are_severe)
{
    struct made made;
    made_new(&made, thick, 1.0);
    struct ivx_source_volume source = *made.series.volume;
    source.spacing_mm = 0.75;
    ck_assert_str_eq(ivx_anisotropy(&source), "severe");
    made_free(&made);
}
END_TEST

START_TEST(an_anisotropy_has_a_class)
{
    struct made made;
    made_new(&made, NULL, 1.0);
    struct ivx_source_volume source = *made.series.volume;
    source.spacing_mm = anisotropies[_i].spacing;
    ck_assert_str_eq(ivx_anisotropy(&source), anisotropies[_i].name);
    made_free(&made);
}
END_TEST

int main(void)
{
    ivx_dicom_start();
    Suite *suite = suite_create("seal");
    TCase *tests = tcase_create("seal");
    tcase_add_test(tests, what_is_known_at_the_end_is_sealed_into_the_instance);
    tcase_add_test(tests, nothing_is_left_open);
    tcase_add_test(tests, a_blur_that_nobody_knows_stays_empty);
    tcase_add_test(tests, instances_get_their_uids_when_the_source_has_been_read);
    tcase_add_test(tests, only_our_own_instances_are_sealed);
    tcase_add_test(tests, blur_adds_by_second_moments);
    tcase_add_test(tests, thick_slices_in_thin_steps_are_severe);
    tcase_add_loop_test(tests, an_anisotropy_has_a_class, 0, IVX_COUNT(anisotropies));
    suite_add_tcase(suite, tests);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
