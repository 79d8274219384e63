#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/derive/derive.h"
#include "isovox/dicom/dicom.h"
#include "made.h"

static void put_everything(struct ivx_item *root, int k)
{
    struct ivx_err err = { 0 };
    char text[32];
    snprintf(text, sizeof text, "1000%02d.5", 30 - k);
    series_put(root, 0x00080022, "20200102");
    series_put(root, 0x00080032, text); /* Acquisition Time: the last slice came first */
    snprintf(text, sizeof text, "%d", 100 + k);
    series_put(root, 0x00181152, text); /* Exposure */
    snprintf(text, sizeof text, "%d", 110 + k);
    series_put(root, 0x00180060, text); /* KVP */
    series_put(root, 0x00181030, "Routine");
    series_put(root, 0x00181120, "3.5");
    series_put(root, 0x00120063, "scrubbed");
    series_put(root, 0x00280301, "NO");
    series_put(root, 0x00280a02, "GEOMETRY");
    ck_assert(ivx_item_put_u16(root, 0x00280106, 1, &err));
    ck_assert(ivx_item_put_u16(root, 0x00280120, 5000, &err));
    ck_assert(ivx_item_put_text_as(root, 0x00290010, "LO", "SIEMENS CSA HEADER", &err));
    ck_assert(ivx_item_put_text_as(root, 0x00291010, "UT", "positions", &err));
    ck_assert(ivx_item_put_u16(root, 0x60000010, 4, &err));
    struct ivx_item *item = NULL;
    ck_assert(ivx_item_append(root, 0x0018a001, &item, &err)); /* an earlier machine */
    series_put(item, 0x00080070, "Anonymiser");
    ck_assert(ivx_item_append(root, 0x00081140, &item, &err)); /* Referenced Image */
    series_put(item, 0x00081155, "2.25.77");
    ck_assert(ivx_item_append(root, 0x00880200, &item, &err)); /* Icon Image */
    ck_assert(
        ivx_item_append(root, 0x00409096, &item, &err)); /* Real World Value Mapping */
}

static const struct {
    uint32_t tag;
    const char *text;
} wanted[] = {
    { 0x00080008, "DERIVED\\SECONDARY\\AXIAL\\RESAMPLED" },
    { 0x00080012, "20200229" },
    { 0x00080013, "000000.000000" },
    { 0x00080016, "1.2.840.10008.5.1.4.1.1.2" },
    { 0x00080020, "20200102" },
    { 0x00080022, "20200102" },
    { 0x00080032, "100025.5" }, /* the earliest */
    { 0x00080023, "20200229" },
    { 0x00080033, "000000.000000" },
    { 0x00080070, "Somebody" },
    { 0x0008103e,
      "Head ISO 1.0 mm cubic ANISO!" }, /* 2.5 mm is over three times 0.7 mm */
    { 0x00100010, "PHANTOM^ISOVOX" },
    { 0x00120063, "scrubbed" },
    { 0x00180050, "1" },
    { 0x00180088, "1" },
    { 0x00181030, "Routine" },
    { 0x0020000d, "2.25.1" },
    { 0x00200011, "2001" },
    { 0x00200012, "1" },
    { 0x00200037, "0.8\\0.6\\0\\-0.6\\0.8\\0" },
    { 0x00200052, "2.25.3" },
    { 0x00280030, "1\\1" },
    { 0x00280301, "NO" },
    { 0x00280a02, "GEOMETRY" },
    { 0x00281050, "40" },
    { 0x00281051, "400" },
    { 0x00281052, "0" },
    { 0x00281053, "1" },
    { 0x00281054, "HU" },
};
static const uint32_t unwanted[] = { 0x00181120, 0x00181152, 0x00290010, 0x00291010,
                                     0x00280106, 0x00280120, 0x00409096, 0x00880200,
                                     0x60000010, 0x7fe00010 };

START_TEST(an_instance_carries_what_it_may_and_no_more)
{
    struct made made;
    made_new(&made, put_everything, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 3);

    for (size_t n = 0; n < IVX_COUNT(wanted); n++)
        ck_assert_msg(strcmp(text_of(back, wanted[n].tag), wanted[n].text) == 0,
                      "%08x is %s, not %s", wanted[n].tag, text_of(back, wanted[n].tag),
                      wanted[n].text);
    struct ivx_item *root = ivx_dataset_root(back);
    for (size_t n = 0; n < IVX_COUNT(unwanted); n++)
        ck_assert_msg(!ivx_item_has(root, unwanted[n]), "%08x", unwanted[n]);
    ck_assert_msg(ivx_item_has(root, 0x00180060), "KVP is Type 2: empty, not absent");
    ck_assert_str_eq(text_of(back, 0x00180060), "(none)");
    ck_assert_uint_eq(ivx_item_count(root, 0x00081140), 1);
    ck_assert_uint_eq(ivx_item_count(root, 0x0018a001), 2);
    made_free(&made);
}
END_TEST

static void code_is(struct ivx_item *root, uint32_t tag, size_t n, const char *code)
{
    const char *text = NULL;
    ck_assert(ivx_item_text(ivx_item_at(root, tag, n), 0x00080100, &text));
    ck_assert_str_eq(text, code);
}

START_TEST(an_instance_names_its_sources)
{
    struct made made;
    made_new(&made, NULL, 1.0);
    made_derive(&made);
    const int32_t m = made.grid.count[2] / 2;
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, m);
    struct ivx_item *root = ivx_dataset_root(back);

    int32_t first, last;
    ivx_resample_support(&made.series.volume->stack, &made.grid, &made.options, m, &first,
                         &last);
    ck_assert_uint_eq(ivx_item_count(root, 0x00082112), (size_t)(last - first + 1));
    for (int32_t k = first; k <= last; k++) {
        struct ivx_item *item = ivx_item_at(root, 0x00082112, (size_t)(k - first));
        const char *uid = NULL, *preserved = NULL;
        ck_assert(ivx_item_text(item, 0x00081155, &uid));
        ck_assert_str_eq(uid, made.series.volume->slices[k]->sop_uid);
        ck_assert(ivx_item_text(item, 0x0028135a, &preserved));
        ck_assert_str_eq(preserved, "NO");
        code_is(item, 0x0040a170, 0, "121322");
    }
    /* Both in-plane axes are reduced: resampling, then smoothing. */
    ck_assert_uint_eq(ivx_item_count(root, 0x00089215), 2);
    code_is(root, 0x00089215, 0, "113085");
    code_is(root, 0x00089215, 1, "113087");
    struct ivx_item *related = ivx_item_at(root, 0x00081250, 0);
    const char *series = NULL;
    ck_assert(ivx_item_text(related, 0x0020000e, &series));
    ck_assert_str_eq(series, "2.25.2");
    made_free(&made);
}
END_TEST

START_TEST(written_positions_are_equidistant_and_right)
{
    struct made made;
    made_new(&made, NULL, 1.0 / 3);
    made_derive(&made);
    double before[3] = { 0 }, first[3] = { 0 };
    for (int32_t m = 0; m < made.grid.count[2]; m++) {
        IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, m);
        double at[3];
        char *rest = (char *)text_of(back, 0x00200032);
        for (int n = 0; n < 3; n++)
            at[n] = strtod(rest + (n > 0), &rest);
        if (m == 0)
            memcpy(first, at, sizeof first);
        const double step[3] = { at[0] - before[0], at[1] - before[1],
                                 at[2] - before[2] };
        const double distance =
            sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2]);
        if (m > 0)
            ck_assert(fabs(distance - 1.0 / 3) < 1e-9);
        memcpy(before, at, sizeof before);
        char number[16];
        snprintf(number, sizeof number, "%d", m + 1);
        ck_assert_str_eq(text_of(back, 0x00200013), number);
    }
    /* Six slices 2.5 mm apart, half a gap beyond each end: the centre stays where it was. */
    ck_assert(fabs((first[2] + before[2]) / 2 - 6.25) < 1e-9);
    made_free(&made);
}
END_TEST

static void uids(series_edit *edit, const char *recipe, const char *digest,
                 char series[65], char instance[65])
{
    struct made made;
    made_new(&made, edit, 1.0);
    if (recipe != NULL)
        made.derivation.recipe_json = recipe;
    if (digest != NULL)
        made.series.sha256[3] = digest;
    made.derivation.created_us += rand();
    made_derive(&made);
    made_identify(&made);
    snprintf(series, 65, "%s", ivx_derive_series_uid(made.derive));
    ivx_derive_sop_uid(made.derive, 0, instance);
    char other[65];
    ivx_derive_sop_uid(made.derive, 1, other);
    ck_assert_str_ne(instance, other);
    ck_assert_str_ne(instance, series);
    made_free(&made);
}

static void another_uid(struct ivx_item *root, int k)
{
    if (k == 2)
        series_put(root, 0x00080018, "2.25.999");
}

START_TEST(uids_follow_sources_contents_and_recipe_alone)
{
    char series[65], instance[65], again[65], once_more[65];
    uids(NULL, NULL, NULL, series, instance);
    ck_assert_int_eq(strncmp(series, "2.25.", 5), 0);

    uids(NULL, NULL, NULL, again, once_more); /* another creation time */
    ck_assert_str_eq(again, series);
    ck_assert_str_eq(once_more, instance);
    uids(another_uid, NULL, NULL, again, once_more);
    ck_assert_str_ne(again, series);
    uids(NULL, "{\"spacing\":2}", NULL, again, once_more);
    ck_assert_str_ne(again, series);
    uids(NULL, NULL, "00", again, once_more);
    ck_assert_str_ne(again, series);
    ck_assert_str_ne(once_more, instance);
}
END_TEST

START_TEST(the_same_input_gives_the_same_bytes)
{
    uint8_t *bytes[2] = { NULL, NULL };
    uint64_t length[2];
    for (int n = 0; n < 2; n++) {
        struct made made;
        struct ivx_err err = { 0 };
        char path[128];
        made_new(&made, put_everything, 1.0);
        made_derive(&made);
        for (int32_t m = n == 0 ? 0 : 4; m < 5; m++) /* whatever was written before */
            write_instance(&made, m);
        path_of(&made, 4, path);
        IVX_AUTO(ivx_fd_close) int fd = open(path, O_RDONLY);
        length[n] = (uint64_t)lseek(fd, 0, SEEK_END);
        const struct ivx_blob blob = { path, 0, length[n] };
        ck_assert(ivx_blob_read(&blob, &bytes[n], &err));
        made_free(&made);
    }
    ck_assert_uint_eq(length[0], length[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], length[0]);
    free(bytes[0]);
    free(bytes[1]);
}
END_TEST

/* 60 characters of two bytes each; ours are 29: 34 and a space are left for theirs. */
static void long_description(struct ivx_item *root, int k)
{
    (void)k;
    char text[121];
    for (int n = 0; n < 60; n++)
        memcpy(text + 2 * n, "\xce\xb1", 2);
    text[120] = '\0';
    series_put(root, 0x0008103e, text);
    series_put(root, 0x00080201, "-0330");
}

START_TEST(a_long_description_is_cut_by_characters)
{
    struct made made;
    made_new(&made, long_description, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 0);

    const char *text = text_of(back, 0x0008103e);
    size_t characters = 0;
    for (const char *c = text; *c != '\0'; c++)
        characters += (*c & 0xc0) != 0x80;
    ck_assert_uint_eq(characters, 64);
    ck_assert_ptr_nonnull(strstr(text, "\xce\xb1 ISO 1.0 mm cubic ANISO!"));
    char folder[128];
    ivx_derive_folder(made.derive, folder, sizeof folder);
    ck_assert_int_eq(strncmp(folder, "2001____", 8), 0);
    for (const char *c = folder; *c != '\0'; c++)
        ck_assert(*c > 0x1f && *c < 0x7f && *c != '/');
    made_free(&made);
}
END_TEST

START_TEST(creation_is_written_at_the_source_s_timezone)
{
    struct made made;
    made_new(&made, long_description, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 0);

    ck_assert_str_eq(text_of(back, 0x00080012), "20200228");
    ck_assert_str_eq(text_of(back, 0x00080013), "203000.000000");
    ck_assert_str_eq(text_of(back, 0x00080201), "-0330");
    made_free(&made);
}
END_TEST

static void lossy(struct ivx_item *root, int k)
{
    if (k == 4 || k == 2) {
        series_put(root, 0x00282110, "01");
        series_put(root, 0x00282112, k == 4 ? "3\\12" : "7.5");
        series_put(root, 0x00282114, k == 4 ? "ISO_10918_1\\ISO_15444_1" : "ISO_14495_1");
    } else {
        series_put(root, 0x00282110, "00");
    }
}

START_TEST(once_lossy_always_lossy)
{
    struct made made;
    made_new(&made, lossy, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 0);
    ck_assert_str_eq(text_of(back, 0x00282110), "01");
    /* Of the slice that lost most, step by step. */
    ck_assert_str_eq(text_of(back, 0x00282112), "3\\12");
    ck_assert_str_eq(text_of(back, 0x00282114), "ISO_10918_1\\ISO_15444_1");
    made_free(&made);
}
END_TEST

static void no_number(struct ivx_item *root, int k)
{
    (void)k;
    series_put(root, 0x00200011, "");
    series_put(root, 0x0008103e, "");
}

START_TEST(a_series_without_number_or_name_gets_ours)
{
    struct made made;
    made_new(&made, no_number, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 0);
    ck_assert_str_eq(text_of(back, 0x00200011), "301");
    ck_assert_str_eq(text_of(back, 0x0008103e), "ISO 1.0 mm cubic ANISO!");
    made_free(&made);
}
END_TEST

static void derived_before(struct ivx_item *root, int k)
{
    struct ivx_err err = { 0 };
    struct ivx_item *item = NULL;
    (void)k;
    series_put(root, 0x00082111, "made by somebody else");
    ck_assert(ivx_item_append(root, 0x00089215, &item, &err));
    series_put(item, 0x00080100, "113040");
}

START_TEST(an_earlier_derivation_is_not_forgotten)
{
    struct made made;
    made_new(&made, derived_before, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 0);
    ck_assert_ptr_nonnull(strstr(text_of(back, 0x00082111), "made by somebody else"));
    struct ivx_item *root = ivx_dataset_root(back);
    ck_assert_uint_eq(ivx_item_count(root, 0x00089215), 3);
    code_is(root, 0x00089215, 0, "113040");
    code_is(root, 0x00089215, 1, "113085");
    made_free(&made);
}
END_TEST

START_TEST(the_private_block_holds_the_recipe)
{
    struct made made;
    made_new(&made, NULL, 1.0);
    made_derive(&made);
    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 0);

    ck_assert_str_eq(text_of(back, 0x00990010), "ISOVOX 1.0");
    ck_assert_str_eq(text_of(back, 0x00991001), RECIPE);
    ck_assert_uint_eq(strlen(text_of(back, 0x00991002)), 64);
    ck_assert_str_eq(text_of(back, 0x00991005), "0.7\\0.8\\2.5");
    ck_assert_str_eq(text_of(back, 0x00991006), "3");
    struct ivx_item *block = ivx_item_at(ivx_dataset_root(back), 0x00080300, 0);
    uint16_t group = 0;
    ck_assert(ivx_item_u16(block, 0x00080301, &group));
    ck_assert_int_eq(group, 0x0099);
    ck_assert_uint_eq(ivx_item_count(block, 0x00080310), 19);
    made_free(&made);
}
END_TEST

int main(void)
{
    ivx_dicom_start();
    Suite *suite = suite_create("derive");
    TCase *tests = tcase_create("derive");
    tcase_add_test(tests, an_instance_carries_what_it_may_and_no_more);
    tcase_add_test(tests, an_instance_names_its_sources);
    tcase_add_test(tests, written_positions_are_equidistant_and_right);
    tcase_add_test(tests, uids_follow_sources_contents_and_recipe_alone);
    tcase_add_test(tests, the_same_input_gives_the_same_bytes);
    tcase_add_test(tests, a_long_description_is_cut_by_characters);
    tcase_add_test(tests, creation_is_written_at_the_source_s_timezone);
    tcase_add_test(tests, once_lossy_always_lossy);
    tcase_add_test(tests, a_series_without_number_or_name_gets_ours);
    tcase_add_test(tests, an_earlier_derivation_is_not_forgotten);
    tcase_add_test(tests, the_private_block_holds_the_recipe);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
