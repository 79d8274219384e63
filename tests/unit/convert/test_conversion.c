#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../derive/series.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/dicom.h"
#include "isovox/sys/hash.h"
#include "parts.h"

static struct series series;
static struct ivx_recipe_settings recipe;

static void set_up(void)
{
    series_make(&series, NULL);
    ivx_recipe_default(&recipe);
}

static void tear_down(void)
{
    series_remove(&series);
}

static struct ivx_conversion conversion(enum ivx_format format, const char *name)
{
    const struct ivx_conversion made = { .source = series.volume,
                                         .recipe = &recipe,
                                         .format = format,
                                         .directory = series.folder,
                                         .file_name = name,
                                         .created_us = 1582934400000000,
                                         .threads = 1 };
    return made;
}

static void run(const struct ivx_conversion *conversion,
                struct ivx_conversion_result *out)
{
    struct ivx_err err = { 0 };
    *out = (struct ivx_conversion_result){ .files = 0 };
    ck_assert_msg(ivx_conversion_run(conversion, out, &err), "%s", err.text);
}

static char *read_result(const char *name, size_t *length_out)
{
    struct ivx_err err = { 0 };
    char path[256];
    char *bytes = NULL;
    snprintf(path, sizeof path, "%s/%s", series.folder, name);
    ck_assert_msg(ivx_file_read(path, 1 << 26, &bytes, length_out, &err), "%s", err.text);
    return bytes;
}

static void digest_of(const void *bytes, size_t length, char hex[IVX_SHA256_HEX])
{
    uint8_t digest[IVX_SHA256_SIZE];
    ivx_hash_once(bytes, length, digest);
    ivx_text_hex(digest, sizeof digest, hex);
}

START_TEST(the_voxels_of_a_nifti_are_those_of_the_digest)
{
    struct ivx_conversion_result result;
    const struct ivx_conversion wanted = conversion(IVX_FORMAT_NIFTI, "v.nii");
    run(&wanted, &result);

    size_t length = 0;
    IVX_AUTO(ivx_memory_free) char *bytes = read_result("v.nii", &length);
    const int32_t *count = result.grid.count;
    ck_assert_uint_eq(length, 352 + 2 * (size_t)(count[0] * count[1] * count[2]));
    char hex[IVX_SHA256_HEX];
    digest_of(bytes + 352, length - 352, hex);
    ck_assert_str_eq(hex, result.voxel_sha256);
    ivx_conversion_result_free(&result);
}
END_TEST

static float float_at(const char *bytes, size_t at)
{
    float value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

/* nifti1.h: the quaternion must describe the same axes as the matrix. */
START_TEST(both_forms_of_a_nifti_agree)
{
    struct ivx_conversion_result result;
    const struct ivx_conversion wanted = conversion(IVX_FORMAT_NIFTI, "v.nii");
    run(&wanted, &result);
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) char *h = read_result("v.nii", &length);

    const double b = float_at(h, 256), c = float_at(h, 260), d = float_at(h, 264);
    const double a = sqrt(fmax(0, 1 - b * b - c * c - d * d));
    const double r[3][3] = {
        { a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c) },
        { 2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b) },
        { 2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c }
    };
    static const double lps_to_ras[3] = { -1, -1, 1 };
    for (size_t row = 0; row < 3; row++) {
        for (size_t n = 0; n < 3; n++) {
            const double matrix = float_at(h, 280 + 16 * row + 4 * n);
            ck_assert(fabs(matrix - r[row][n] * result.grid.spacing[n]) < 1e-6);
            ck_assert(fabs(matrix
                           - lps_to_ras[row] * result.grid.axis[n][row]
                                 * result.grid.spacing[n])
                      < 1e-6);
        }
        ck_assert(
            fabs(float_at(h, 292 + 16 * row) - lps_to_ras[row] * result.grid.origin[row])
            < 1e-5);
        ck_assert(float_at(h, 268 + 4 * row) == float_at(h, 292 + 16 * row));
    }
    ivx_conversion_result_free(&result);
}
END_TEST

START_TEST(the_number_of_threads_changes_no_byte)
{
    char first[IVX_SHA256_HEX] = "", text[IVX_SHA256_HEX];
    for (int threads = 1; threads <= 5; threads += 2) {
        struct ivx_conversion_result result;
        struct ivx_conversion wanted = conversion(IVX_FORMAT_NIFTI, "v.nii.gz");
        wanted.threads = threads;
        run(&wanted, &result);
        size_t length = 0;
        IVX_AUTO(ivx_memory_free) char *bytes = read_result("v.nii.gz", &length);
        digest_of(bytes, length, text);
        if (threads == 1)
            memcpy(first, text, sizeof first);
        ck_assert_str_eq(text, first);
        ivx_conversion_result_free(&result);
    }
}
END_TEST

/* Values are 10 k + i: 4 HU per mm along the normal, 1/0.7 along the row; the B-spline
 * reproduces a plane, far from the replicated edge. */
START_TEST(a_ramp_stays_a_ramp)
{
    struct ivx_conversion_result result;
    recipe.spacing_mm = 0.5;
    const struct ivx_conversion wanted = conversion(IVX_FORMAT_RAW, "v.raw");
    run(&wanted, &result);
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) char *bytes = read_result("v.raw", &length);
    const int32_t *count = result.grid.count;
    ck_assert_uint_eq(length, 4 * (size_t)(count[0] * count[1] * count[2]));

    const double centre[3] = { (count[0] - 1) / 2.0, (count[1] - 1) / 2.0,
                               (count[2] - 1) / 2.0 };
    const int at[3] = { count[0] / 2, count[1] / 2, count[2] / 2 };
    const size_t n = ((size_t)at[2] * (size_t)count[1] + (size_t)at[1]) * (size_t)count[0]
                     + (size_t)at[0];
    const double wanted_value = 10 * 2.5 + 2 + (at[2] - centre[2]) * 0.5 * 10 / 2.5
                                + (at[0] - centre[0]) * 0.5 / 0.7;
    ck_assert_msg(fabs(float_at(bytes, 4 * n) - wanted_value) < 0.2, "%g, not %g",
                  (double)float_at(bytes, 4 * n), wanted_value);
    ivx_conversion_result_free(&result);
}
END_TEST

START_TEST(a_dicom_result_has_a_file_per_slice_and_a_manifest)
{
    struct ivx_conversion_result result;
    const struct ivx_conversion wanted = conversion(IVX_FORMAT_DICOM, NULL);
    run(&wanted, &result);

    ck_assert_int_eq(result.files, result.grid.count[2]);
    for (int m = 1; m <= result.files; m++) {
        char name[32];
        size_t length = 0;
        snprintf(name, sizeof name, "%06d.dcm", m);
        IVX_AUTO(ivx_memory_free) char *bytes = read_result(name, &length);
        ck_assert_uint_gt(length,
                          2 * (size_t)(result.grid.count[0] * result.grid.count[1]));
    }
    size_t length = 0;
    IVX_AUTO(ivx_memory_free) char *text = read_result("manifest.json", &length);
    cJSON *manifest = cJSON_Parse(text);
    const cJSON *output = cJSON_GetObjectItem(manifest, "output");
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(output, "series_uid")),
                     result.series_uid);
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(output, "voxel_sha256")),
                     result.voxel_sha256);
    const cJSON *source = cJSON_GetObjectItem(manifest, "source");
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(source, "instances")), 6);
    cJSON_Delete(manifest);
    cJSON *stages = cJSON_Parse(result.stages_json);
    ck_assert_ptr_nonnull(cJSON_GetObjectItem(stages, "resample_ms"));
    cJSON_Delete(stages);
    ivx_conversion_result_free(&result);
}
END_TEST

static bool stop_at_two(void *context, int32_t done, int32_t all)
{
    *(int *)context = done;
    return done < 2 && all > 0;
}

START_TEST(a_conversion_can_be_cancelled)
{
    struct ivx_err err = { 0 };
    int last = 0;
    struct ivx_conversion wanted = conversion(IVX_FORMAT_RAW, "v.raw");
    wanted.progress = stop_at_two;
    wanted.progress_context = &last;
    struct ivx_conversion_result result = { .files = 7 };

    ck_assert(!ivx_conversion_run(&wanted, &result, &err));
    ck_assert_int_eq(err.code, IVX_STALE);
    ck_assert_int_eq(last, 2);
    ck_assert_int_eq(result.files, 7);
}
END_TEST

START_TEST(a_missing_folder_is_an_error)
{
    struct ivx_err err = { 0 };
    struct ivx_conversion wanted = conversion(IVX_FORMAT_DICOM, NULL);
    wanted.threads = _i;
    wanted.directory = "/nonexistent/isovox";
    struct ivx_conversion_result result;
    ck_assert(!ivx_conversion_run(&wanted, &result, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/isovox/000001.dcm"));
}
END_TEST

/* docs/MANIFEST.md: the syntax and all of the data set but the pixels, which are the last 40
 * bytes here; those; and both digests together. PS3.10 7.1: the meta header's length. */
static void digests_of_file(const char *bytes, size_t length, char contents[IVX_SHA256_HEX],
                            char pixels[IVX_SHA256_HEX])
{
    static const char syntax[] = "1.2.840.10008.1.2.1";
    const size_t words = 2 * SERIES_ROWS * SERIES_COLUMNS;
    const size_t start = 144 + (uint8_t)bytes[140] + 256U * (uint8_t)bytes[141];
    const size_t header = length - start - words;
    char joined[4096] = "";
    uint8_t parts[2][IVX_SHA256_SIZE];
    ck_assert(sizeof syntax + header < sizeof joined);
    memcpy(joined, syntax, sizeof syntax);
    memcpy(joined + sizeof syntax, bytes + start, header);
    ivx_hash_once(joined, sizeof syntax + header, parts[0]);
    ivx_hash_once(bytes + length - words, words, parts[1]);
    digest_of(parts, sizeof parts, contents);
    ivx_text_hex(parts[1], sizeof parts[1], pixels);
}

/* Slices that were read for the engine, which is as good. */
static int show_slices(struct ivx_digests *digests)
{
    struct ivx_err err = { 0 };
    struct ivx_slice slice;
    IVX_AUTO(ivx_reader_free) struct ivx_reader *reader = NULL;
    ck_assert(ivx_reader_new(series.volume, &reader, &err));
    ivx_reader_watch(reader, ivx_digests_tap, digests);
    for (int k = 1; k < SERIES_SLICES; k++)
        ck_assert_msg(ivx_reader_slice(reader, k, &slice, &err), "%s", err.text);
    return SERIES_SLICES - 1;
}

/* Read by the crew alone (0), or most of them on the way (1). */
START_TEST(digests_are_those_of_data_sets_and_pixels)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    ck_assert(ivx_threads_new(3, &threads, &err));
    const struct ivx_crew crew = ivx_threads_crew(threads);
    IVX_AUTO(ivx_digests_free) struct ivx_digests *made = NULL;
    char all[IVX_SHA256_HEX], hex[IVX_SHA256_HEX], lines[SERIES_SLICES * IVX_SHA256_HEX + 1] = "";
    ck_assert(ivx_digests_new(series.volume, &made, &err));
    ck_assert_int_eq(_i == 1 ? show_slices(made) : 0, _i * (SERIES_SLICES - 1));
    ck_assert_msg(ivx_digests_finish(made, &crew, all, &err), "%s", err.text);
    const char *const *digests = ivx_digests_contents(made);
    for (int k = 0; k < SERIES_SLICES; k++) {
        char name[16], pixels[IVX_SHA256_HEX];
        size_t length = 0;
        snprintf(name, sizeof name, "%d.dcm", k);
        IVX_AUTO(ivx_memory_free) char *bytes = read_result(name, &length);
        digests_of_file(bytes, length, hex, pixels);
        ck_assert_str_eq(digests[k], hex);
        snprintf(lines + k * IVX_SHA256_HEX, IVX_SHA256_HEX + 1, "%s\n", pixels);
    }
    digest_of(lines, strlen(lines), hex);
    ck_assert_str_eq(all, hex);
}
END_TEST

struct written {
    int32_t next, fail_at;
    int sleep_us;
    bool closed; /* it cannot be opened */
    atomic_int opened;
};

static bool check_open(void *context, struct ivx_err *err)
{
    struct written *written = context;
    ck_assert_int_eq(written->next, 0);
    ck_assert_int_eq(atomic_fetch_add(&written->opened, 1), 0);
    return !written->closed || ivx_fail(err, IVX_REFUSED, "the shop is closed");
}

static bool check_order(void *context, int32_t m, const void *voxel, struct ivx_err *err)
{
    struct written *written = context;
    int32_t value;
    memcpy(&value, voxel, sizeof value);
    ck_assert_int_eq(atomic_load(&written->opened), 1);
    ck_assert_int_eq(m, written->next);
    ck_assert_int_eq(value, 7 * m);
    if (m == written->fail_at)
        return ivx_fail(err, IVX_FULL, "the disk is full at %d", m);
    written->next++;
    usleep((useconds_t)written->sleep_us);
    return true;
}

static bool put(struct ivx_pipe *pipe, int32_t m, struct ivx_err *err)
{
    const int32_t value = 7 * m;
    return ivx_pipe_put(pipe, &value, err);
}

static void pipe_of(struct ivx_threads **threads, struct written *written,
                    struct ivx_pipe **out)
{
    struct ivx_err err = { 0 };
    ck_assert(ivx_threads_new(2, threads, &err));
    ck_assert(ivx_pipe_new(*threads, sizeof(int32_t), check_open, check_order, written, out,
                           &err));
}

START_TEST(a_pipe_keeps_the_order)
{
    struct ivx_err err = { 0 };
    struct written written = { .fail_at = -1, .sleep_us = _i * 100 };
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    IVX_AUTO(ivx_pipe_free) struct ivx_pipe *pipe = NULL;
    pipe_of(&threads, &written, &pipe);
    for (int32_t m = 0; m < 500; m++)
        ck_assert(put(pipe, m, &err));
    ck_assert(ivx_pipe_finish(pipe, &err));
    ck_assert_int_eq(written.next, 500);
}
END_TEST

START_TEST(a_pipe_hands_a_failure_back)
{
    struct ivx_err err = { 0 }, again = { 0 };
    struct written written = { .fail_at = 3 };
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    IVX_AUTO(ivx_pipe_free) struct ivx_pipe *pipe = NULL;
    pipe_of(&threads, &written, &pipe);
    int32_t m = 0;
    while (m < 100 && put(pipe, m, &err))
        m++;
    ck_assert_int_lt(m, 100);
    ck_assert_int_eq(err.code, IVX_FULL);
    ck_assert_str_eq(err.text, "the disk is full at 3");
    ck_assert(!ivx_pipe_finish(pipe, &again));
    ck_assert_str_eq(again.text, "the disk is full at 3");
}
END_TEST

/* What the writer prepares is ready, or has failed, before the engine has a first slice. */
START_TEST(a_pipe_opens_without_a_slice)
{
    struct ivx_err err = { 0 };
    struct written written = { .fail_at = -1 };
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    IVX_AUTO(ivx_pipe_free) struct ivx_pipe *pipe = NULL;
    pipe_of(&threads, &written, &pipe);
    ck_assert(ivx_pipe_finish(pipe, &err));
    ck_assert_int_eq(atomic_load(&written.opened), 1);
    ck_assert(put(pipe, 0, &err));
    ck_assert(ivx_pipe_finish(pipe, &err));
    ck_assert_int_eq(written.next, 1);
}
END_TEST

START_TEST(a_pipe_that_cannot_be_opened_takes_nothing)
{
    struct ivx_err err = { 0 }, later = { 0 };
    struct written written = { .fail_at = -1, .closed = true };
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    IVX_AUTO(ivx_pipe_free) struct ivx_pipe *pipe = NULL;
    pipe_of(&threads, &written, &pipe);
    ck_assert(!ivx_pipe_finish(pipe, &err));
    ck_assert_int_eq(err.code, IVX_REFUSED);
    ck_assert_str_eq(err.text, "the shop is closed");
    ck_assert(!put(pipe, 0, &later));
    ck_assert_str_eq(later.text, "the shop is closed");
    ck_assert_int_eq(written.next, 0);
}
END_TEST

START_TEST(a_pipe_that_is_given_up_ends)
{
    struct ivx_err err = { 0 };
    struct written written = { .fail_at = -1, .sleep_us = 1000 };
    IVX_AUTO(ivx_threads_free) struct ivx_threads *threads = NULL;
    IVX_AUTO(ivx_pipe_free) struct ivx_pipe *pipe = NULL;
    pipe_of(&threads, &written, &pipe);
    for (int32_t m = 0; m < 5; m++)
        ck_assert(put(pipe, m, &err));
    ivx_pipe_free(&pipe);
    ck_assert_int_lt(written.next, 6);
}
END_TEST

int main(void)
{
    ivx_dicom_start();
    Suite *suite = suite_create("conversion");
    TCase *tests = tcase_create("conversion");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_voxels_of_a_nifti_are_those_of_the_digest);
    tcase_add_test(tests, both_forms_of_a_nifti_agree);
    tcase_add_test(tests, the_number_of_threads_changes_no_byte);
    tcase_add_test(tests, a_ramp_stays_a_ramp);
    tcase_add_test(tests, a_dicom_result_has_a_file_per_slice_and_a_manifest);
    tcase_add_test(tests, a_conversion_can_be_cancelled);
    tcase_add_loop_test(tests, a_missing_folder_is_an_error, 1, 4);
    tcase_add_loop_test(tests, a_pipe_keeps_the_order, 0, 2);
    tcase_add_test(tests, a_pipe_hands_a_failure_back);
    tcase_add_test(tests, a_pipe_opens_without_a_slice);
    tcase_add_test(tests, a_pipe_that_cannot_be_opened_takes_nothing);
    tcase_add_test(tests, a_pipe_that_is_given_up_ends);
    tcase_add_loop_test(tests, digests_are_those_of_data_sets_and_pixels, 0, 2);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
