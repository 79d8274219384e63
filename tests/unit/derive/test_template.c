/* What all slices agree on is carried, whichever of them is the one that does not. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/dataset.h"
#include "isovox/dicom/dicom.h"
#include "made.h"

/* One of these of one slice; what: SAME, and slice: none. */
enum what { VALUE, NESTED, MISSING, MORE, WHATS, SAME };
static enum what what;
static int odd;

static bool differs(enum what one, int k)
{
    return what == one && odd == k;
}

static void one_differs(struct ivx_item *root, int k)
{
    struct ivx_err err = { 0 };
    struct ivx_item *item = NULL;
    char time[32];
    snprintf(time, sizeof time, "12000%d.%.*s", SERIES_SLICES - k, k, "000000");
    series_put(root, 0x00080022, "20200102");
    series_put(root, 0x00080032, time);
    series_put(root, 0x00180060, differs(VALUE, k) ? "140" : "120");
    ck_assert(ivx_item_append(root, 0x00081140, &item, &err));
    series_put(item, 0x00081150, "1.2.840.10008.5.1.4.1.1.2");
    series_put(item, 0x00081155, differs(NESTED, k) ? "2.25.78" : "2.25.77");
    if (!differs(MISSING, k))
        series_put(root, 0x00180022, "HELIX");
    if (differs(MORE, k))
        series_put(root, 0x00181030, "THORAX");
}

static bool has(struct ivx_dataset *back, uint32_t tag)
{
    return ivx_item_has(ivx_dataset_root(back), tag);
}

START_TEST(one_slice_is_enough_to_disagree)
{
    struct made made;
    what = (enum what)(_i % WHATS);
    odd = _i / WHATS;
    made_new(&made, one_differs, 1.0);
    made_derive(&made);

    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 0);

    const char *text = NULL;
    ck_assert(has(back, 0x00180060)); /* Type 2: emptied */
    ck_assert_int_eq(ivx_item_text(ivx_dataset_root(back), 0x00180060, &text), what != VALUE);
    ck_assert_int_eq(has(back, 0x00081140), what != NESTED);
    ck_assert_int_eq(has(back, 0x00180022), what != MISSING);
    ck_assert(!has(back, 0x00181030));
    /* The last slice was acquired first. */
    ck_assert_str_eq(text_of(back, 0x00080022), "20200102");
    ck_assert_str_eq(text_of(back, 0x00080032), "120001.00000");
    made_free(&made);
}
END_TEST

START_TEST(what_all_say_is_carried)
{
    struct made made;
    what = SAME;
    made_new(&made, one_differs, 1.0);
    made_derive(&made);

    IVX_AUTO(ivx_dataset_free) struct ivx_dataset *back = read_back(&made, 0);

    ck_assert_str_eq(text_of(back, 0x00180060), "120");
    ck_assert_str_eq(text_of(back, 0x00180022), "HELIX");
    struct ivx_item *item = ivx_item_at(ivx_dataset_root(back), 0x00081140, 0);
    const char *uid = NULL;
    ck_assert(item != NULL && ivx_item_text(item, 0x00081155, &uid));
    ck_assert_str_eq(uid, "2.25.77");
    made_free(&made);
}
END_TEST

int main(void)
{
    ivx_dicom_start();
    Suite *suite = suite_create("template");
    TCase *tests = tcase_create("template");
    tcase_add_loop_test(tests, one_slice_is_enough_to_disagree, 0,
                        SERIES_SLICES * WHATS);
    tcase_add_test(tests, what_all_say_is_carried);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
