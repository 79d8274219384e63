#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/recipes/recipe.h"

#define DEFAULT_JSON                                                                     \
    "{\"name\":\"iso-1mm\",\"spacing\":1,\"kernel\":\"bspline3\",\"align\":\"center\","  \
    "\"antialias\":\"auto\",\"boundary\":\"nearest\",\"orientation\":\"acquired\","      \
    "\"gap\":\"refuse\"}"

START_TEST(the_default_is_that_of_the_interface)
{
    struct ivx_err err = { 0 };
    struct ivx_recipe_settings settings;
    IVX_AUTO(ivx_memory_free) char *json = NULL;
    ivx_recipe_default(&settings);
    ck_assert_msg(ivx_recipe_json(&settings, &json, &err), "%s", err.text);
    ck_assert_str_eq(json, DEFAULT_JSON);
}
END_TEST

static const char *const texts[] = {
    DEFAULT_JSON,
    "{\"name\":\"a "
    "\\\"b\\\"\",\"spacing\":0.7,\"kernel\":\"lanczos3\",\"align\":\"corner\","
    "\"antialias\":\"off\",\"boundary\":\"background\",\"orientation\":\"patient\","
    "\"gap\":\"split\"}",
    "{\"name\":\"parity\",\"spacing\":2,\"kernel\":\"bspline3\",\"align\":\"center\","
    "\"antialias\":\"gauss-mirp:0.98\",\"boundary\":\"mirror\",\"orientation\":\"acquired\","
    "\"gap\":\"refuse\",\"clamp\":\"input-range\"}",
    "{\"name\":\"custom\",\"spacing\":\"reference\",\"kernel\":\"linear\","
    "\"align\":\"reference\",\"antialias\":\"off\",\"boundary\":\"nearest\","
    "\"orientation\":\"acquired\",\"gap\":\"refuse\",\"reference\":{"
    "\"series_uid\":\"1.2.3\",\"frame_of_reference_uid\":\"1.2.4\",\"dims\":[31,29,23],"
    "\"spacing_mm\":[1.3,1.1,1.7],\"origin_lps\":[-20.125,3,0.1],"
    "\"axes_lps\":[[0.6,0.8,0],[-0.8,0.6,0],[0,0,1]]}}",
    "{\"name\":\"m\",\"spacing\":\"min\",\"kernel\":\"linear\",\"align\":\"origin\","
    "\"antialias\":\"auto\",\"boundary\":\"nearest\",\"orientation\":\"acquired\","
    "\"gap\":\"interpolate\"}",
    "{\"name\":\"m\",\"spacing\":0.9570311999999999,\"kernel\":\"nearest\",\"align\":"
    "\"origin\","
    "\"antialias\":\"auto\",\"boundary\":\"nearest\",\"orientation\":\"acquired\","
    "\"gap\":\"interpolate\"}",
};

START_TEST(a_recipe_survives_its_text)
{
    struct ivx_err err = { 0 };
    struct ivx_recipe_settings settings;
    IVX_AUTO(ivx_memory_free) char *json = NULL;
    ck_assert_msg(ivx_recipe_parse(texts[_i], &settings, &err), "%s", err.text);
    ck_assert(ivx_recipe_json(&settings, &json, &err));
    ck_assert_str_eq(json, texts[_i]);
}
END_TEST

#define REST                                                                             \
    ",\"align\":\"center\",\"antialias\":\"auto\",\"boundary\":\"nearest\","             \
    "\"orientation\":\"acquired\","                                                      \
    "\"gap\":\"refuse\"}"
#define REFERRING                                                                        \
    "{\"name\":\"a\",\"spacing\":\"reference\",\"kernel\":\"linear\","                    \
    "\"align\":\"reference\",\"antialias\":\"auto\",\"boundary\":\"nearest\","            \
    "\"orientation\":\"acquired\",\"gap\":\"refuse\""
#define UIDS "\"series_uid\":\"1.2\",\"frame_of_reference_uid\":\"1.3\""
#define PLACE                                                                            \
    "\"spacing_mm\":[1,1,1],\"origin_lps\":[0,0,0],\"axes_lps\":[[1,0,0],[0,1,0],"
static const struct {
    const char *json, *error;
} bad[] = {
    { "", "recipe: not a JSON object" },
    { "[1]", "recipe: not a JSON object" },
    { "{\"name\":\"a\",\"spacing\":0,\"kernel\":\"linear\"" REST,
      "recipe: spacing must be above 0, \"min\" or \"native\"" },
    { "{\"name\":\"a\",\"spacing\":-1,\"kernel\":\"linear\"" REST,
      "recipe: spacing must be above 0, \"min\" or \"native\"" },
    { "{\"name\":\"a\",\"spacing\":1e999,\"kernel\":\"linear\"" REST,
      "recipe: spacing must be above 0, \"min\" or \"native\"" },
    { "{\"name\":\"a\",\"spacing\":1,\"kernel\":\"liner\"" REST,
      "recipe: no kernel 'liner'" },
    { "{\"name\":\"a\",\"spacing\":1,\"kernel\":\"linear\"}", "recipe: no align ''" },
    { "{\"name\":\"a\",\"spacing\":\"reference\",\"kernel\":\"linear\"" REST,
      "recipe: align and spacing are both of a reference" },
    { REFERRING "}", "recipe: the reference has no UIDs" },
    { REFERRING ",\"reference\":{\"series_uid\":\"../x\",\"frame_of_reference_uid\":\"1\"}}",
      "recipe: the reference has no UIDs" },
    { REFERRING ",\"reference\":{" UIDS ",\"dims\":[1,1]}}", "recipe: the reference has no grid" },
    { REFERRING ",\"reference\":{" UIDS ",\"dims\":[1,1,1e9]," PLACE "[0,0,1]]}}",
      "recipe: the reference has no grid" },
    { REFERRING ",\"reference\":{" UIDS ",\"dims\":[1,1,1]," PLACE "[0,0,-1]]}}",
      "grid: the axes are left-handed" },
};

START_TEST(a_recipe_that_is_none_is_refused)
{
    struct ivx_err err = { 0 };
    struct ivx_recipe_settings settings;
    ck_assert(!ivx_recipe_parse(bad[_i].json, &settings, &err));
    ck_assert_str_eq(err.text, bad[_i].error);
    ck_assert_int_eq(err.code, IVX_DAMAGED);
}
END_TEST

static const struct {
    const char *key, *value, *error;
} values[] = {
    { "spacing", "0.01", NULL },
    { "spacing", "min", NULL },
    { "spacing", "native", NULL },
    { "spacing", "0.009", "must be 0.01 to 100 millimetres, 'min' or 'native'" },
    { "spacing", "nan", "must be 0.01 to 100 millimetres, 'min' or 'native'" },
    { "spacing", "1mm", "must be 0.01 to 100 millimetres, 'min' or 'native'" },
    { "kernel", "lanczos3", NULL },
    { "kernel", "cubic", "must be bspline3, linear, catmull-rom, lanczos3, nearest" },
    { "gap", "split", NULL },
    { "boundary", "mirror", NULL },
    { "antialias", "gauss-cardoso", NULL },
    { "antialias", "gauss-mirp", NULL },
    { "antialias", "gauss-mirp:0.9", NULL },
    { "antialias", "gauss-mirp:1.1", "must be auto, off, gauss-cardoso, gauss-mirp" },
    { "antialias", "gauss-mirp:", "must be auto, off, gauss-cardoso, gauss-mirp" },
    { "antialias", "gauss-mirpy", "must be auto, off, gauss-cardoso, gauss-mirp" },
    { "antialias", "gauss-cardoso:2", "must be auto, off, gauss-cardoso, gauss-mirp" },
    { "clamp", "input-range", NULL },
    { "clamp", "on", "must be off, input-range" },
    { "gap", "", "must be refuse, interpolate, split" },
    { "name", "a", "is no setting of a recipe" },
};

START_TEST(a_setting_takes_its_words_alone)
{
    struct ivx_err err = { 0 };
    struct ivx_recipe_settings before, settings;
    ivx_recipe_default(&before);
    settings = before;

    const bool taken = ivx_recipe_set(&settings, values[_i].key, values[_i].value, &err);

    ck_assert(taken == (values[_i].error == NULL));
    ck_assert(ivx_recipe_same(&before, &settings) == !taken);
    if (!taken)
        ck_assert_str_eq(err.text, values[_i].error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recipe");
    TCase *tests = tcase_create("recipe");
    tcase_add_test(tests, the_default_is_that_of_the_interface);
    tcase_add_loop_test(tests, a_recipe_survives_its_text, 0, IVX_COUNT(texts));
    tcase_add_loop_test(tests, a_recipe_that_is_none_is_refused, 0, IVX_COUNT(bad));
    tcase_add_loop_test(tests, a_setting_takes_its_words_alone, 0, IVX_COUNT(values));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures == 0 ? 0 : 1;
}
