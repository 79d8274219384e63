/* The recipes of the configuration as the text that jobs carry. */
#include <check.h>
#include <stdlib.h>

#include "route.h"

#include "isovox/base/auto.h"
#include "isovox/recipes/recipe.h"

static const struct ivx_config_recipe recipes[] = {
    { "iso-1mm", 1, "bspline3", "center", "auto", "nearest", "acquired", "dicom", "off" },
    { "a \"quoted\" name\\", 0.1, "linear", "origin", "off", "background", "patient", "dicom",
      "off" },
    { "third", 1.0 / 3, "nearest", "corner", "auto", "nearest", "acquired", "dicom", "off" },
    { "as it is", -2, "bspline3", "center", "auto", "nearest", "acquired", "dicom", "off" },
    { "frames", 1, "bspline3", "center", "auto", "nearest", "acquired", "enhanced", "off" },
    { "min", -1, "lanczos3", "center", "auto", "nearest", "patient", "dicom", "off" },
    { "parity", 2, "linear", "center", "gauss-mirp:0.9", "mirror", "acquired", "dicom",
      "input-range" },
};

START_TEST(a_jobs_text_is_the_conversions_own)
{
    struct ivx_err err = { 0 };
    struct ivx_recipe_settings settings;
    for (int bridged = 0; bridged < 2; bridged++) {
        IVX_AUTO(ivx_memory_free) char *planned = NULL;
        IVX_AUTO(ivx_memory_free) char *canonical = NULL;
        ck_assert(ivx_plan_recipe_json(&recipes[_i], bridged, &planned, &err));

        ck_assert_msg(ivx_recipe_parse(planned, &settings, &err), "%s", err.text);
        ck_assert(ivx_recipe_json(&settings, &canonical, &err));

        ck_assert_str_eq(planned, canonical);
        ck_assert_str_eq(settings.name, recipes[_i].name);
        ck_assert(settings.spacing_mm == recipes[_i].spacing_mm);
        ck_assert_int_eq(settings.gap, bridged ? IVX_GAP_INTERPOLATE : IVX_GAP_REFUSE);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan: recipe");
    TCase *tcase = tcase_create("recipe");
    tcase_add_loop_test(tcase, a_jobs_text_is_the_conversions_own, 0, IVX_COUNT(recipes));
    suite_add_tcase(suite, tcase);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
