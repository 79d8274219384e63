#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/config/config.h"

static char path[] = "/tmp/isovox-config-XXXXXX";

static bool load(const char *text, struct ivx_config **out, struct ivx_err *err)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    return ivx_config_load(path, out, err);
}

static struct ivx_config *loaded(const char *text)
{
    struct ivx_err err = { 0 };
    struct ivx_config *config = NULL;
    ck_assert_msg(load(text, &config, &err), "%s", err.text);
    return config;
}

/* The example of docs/INTERFACE 3, as it stands there. */
static const char example[] =
    "state_dir = \"/srv/isovox\"\n"
    "receive {\n"
    "  ae_title = \"ISOVOX\"          # called AE title\n"
    "  address = \"0.0.0.0\"\n"
    "  port = 11112\n"
    "  allow \"CT1\" { address = \"10.1.0.0/16\" }   # calling AE titles\n"
    "}\n"
    "plan {\n"
    "  quiet = 20\n"
    "  deadline = 900\n"
    "}\n"
    "convert { workers = 0 }        # 0: one per core\n"
    "http { address = \"127.0.0.1\"  port = 8081 }\n"
    "\n"
    "recipe \"iso-1mm\" { spacing = 1.0  kernel = \"bspline3\" }\n"
    "destination \"pacs\" { ae_title = \"ORTHANC\"  address = \"127.0.0.1\"  port = 4242\n"
    "  commitment = true }\n"
    "route \"ct\" {\n"
    "  modality = {\"CT\"}\n"
    "  series_description = {\"*thin*\", \"*1mm*\"}\n"
    "  recipes = {\"iso-1mm\"}\n"
    "  destinations = {\"pacs\"}\n"
    "  on_gap = \"refuse\"\n"
    "}\n";

START_TEST(without_a_file_the_defaults_hold)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_config_free) struct ivx_config *config = NULL;

    ck_assert_msg(ivx_config_load(NULL, &config, &err), "%s", err.text);

    ck_assert_ptr_null(config->file);
    ck_assert_str_eq(config->state_dir, "/var/lib/isovox");
    ck_assert_str_eq(config->receive.ae_title, "ISOVOX");
    ck_assert_int_eq(config->receive.port, 11112);
    ck_assert_int_eq(config->plan.quiet, 15);
    ck_assert_int_eq(config->plan.deadline, 900);
    ck_assert_str_eq(config->http.address, "127.0.0.1");
    ck_assert_int_eq(config->http.port, 8080);
    ck_assert_int_eq(config->recipe_count, 1);
    ck_assert_str_eq(config->recipes[0].name, "iso-1mm");
    ck_assert_double_eq(config->recipes[0].spacing_mm, 1.0);
    ck_assert_str_eq(config->recipes[0].kernel, "bspline3");
    ck_assert_int_eq(config->destination_count, 0);
    ck_assert_int_eq(config->route_count, 0);
}
END_TEST

START_TEST(an_empty_file_is_the_defaults)
{
    IVX_AUTO(ivx_config_free) struct ivx_config *config = loaded("");

    ck_assert_str_eq(config->file, path);
    ck_assert_int_eq(config->receive.port, 11112);
    ck_assert_str_eq(config->recipes[0].name, "iso-1mm");
}
END_TEST

START_TEST(the_documented_example_is_read_as_it_says)
{
    IVX_AUTO(ivx_config_free) struct ivx_config *config = loaded(example);

    ck_assert_str_eq(config->state_dir, "/srv/isovox");
    ck_assert_int_eq(config->plan.quiet, 20);
    ck_assert_int_eq(config->http.port, 8081);
    ck_assert_int_eq(config->receive.allow_count, 1);
    ck_assert_str_eq(config->receive.allow[0].ae_title, "CT1");
    ck_assert_int_eq(config->receive.allow[0].address.count, 1);
    ck_assert_int_eq(config->destination_count, 1);
    const struct ivx_destination *pacs = ivx_config_destination_find(config, "pacs");
    ck_assert_ptr_nonnull(pacs);
    ck_assert_str_eq(pacs->ae_title, "ORTHANC");
    ck_assert_str_eq(pacs->calling_ae, "ISOVOX");
    ck_assert_int_eq(pacs->port, 4242);
    ck_assert_int_eq(pacs->associations, 2);
    ck_assert(pacs->commitment);
    ck_assert_ptr_null(ivx_config_destination_find(config, "PACS"));
    ck_assert_int_eq(config->route_count, 1);
    const struct ivx_route *route = &config->routes[0];
    ck_assert_str_eq(route->name, "ct");
    ck_assert_int_eq(route->modality.count, 1);
    ck_assert_str_eq(route->series_description.value[1], "*1mm*");
    ck_assert_int_eq(route->body_part.count, 0);
    ck_assert_str_eq(route->recipes.value[0], "iso-1mm");
    ck_assert_str_eq(route->on_gap, "refuse");
    ck_assert_ptr_nonnull(ivx_config_recipe_find(config, "iso-1mm"));
}
END_TEST

#define PACS "destination \"p\" { ae_title = \"A\"  address = \"127.0.0.1\" }\n"

/* What stands in the file, and the whole message after "FILE:". */
static const struct wrong {
    const char *text, *message;
} wrong[] = {
    { "\nreceive {\n  port = 70000\n}\n", "3: receive.port must be 1 to 65535, not 70000" },
    { "receive { port = 0 }", "1: receive.port must be 1 to 65535, not 0" },
    { "receive { port = eleven }", "1: receive.port must be 1 to 65535, not eleven" },
    { "receive { port = 11112x }", "1: receive.port must be 1 to 65535, not 11112x" },
    { "receive { port = 99999999999999999999 }",
      "1: receive.port must be 1 to 65535, not 99999999999999999999" },
    { "plan { quiet = 0 }", "1: plan.quiet must be 1 to 86400 seconds, not 0" },
    { "receive {\n  low_water = 100\n}",
      "3: receive.high_water (256 MiB) must not be above receive.low_water (100 MiB)" },
    { "plan { quiet_full = 20 }",
      "1: plan.quiet_full (20 seconds) must not be above plan.quiet (15 seconds)" },
    { "plan { quiet = 1 }",
      "1: plan.quiet_released (2 seconds) must not be above plan.quiet (1 seconds)" },
    { "plan { quiet = 30 deadline = 20 }",
      "1: plan.quiet (30 seconds) must not be above plan.deadline (20 seconds)" },
    { "\ndeliver { first_retry = 1000 }",
      "2: deliver.first_retry (1000 seconds) must not be above deliver.longest_retry "
      "(900 seconds)" },
    { "shutdown_grace = -1", "1: shutdown_grace must be 1 to 3600 seconds, not -1" },
    { "\n\nrecieve { port = 1 }", "3: no such option 'recieve'" },
    { "receive {\n prot = 11112 }", "2: no such option 'prot'" },
    { "receive { port = 1 port = 2 }", "1: receive.port is given twice" },
    { "receive { port = 1 }\nreceive { ae_title = \"X\" }", "2: receive is given twice" },
    { "state_dir = \"var/lib\"", "1: state_dir must be an absolute path, not \"var/lib\"" },
    { "receive { ae_title = \"SEVENTEENLETTERSX\" }",
      "1: receive.ae_title must be 1 to 16 characters without backslash and control "
      "characters, not \"SEVENTEENLETTERSX\"" },
    { "receive { ae_title = \"A\\\\B\" }",
      "1: receive.ae_title must be 1 to 16 characters without backslash and control "
      "characters, not \"A\\B\"" },
    { "receive { ae_title = \"\" }",
      "1: receive.ae_title must be 1 to 16 characters without backslash and control "
      "characters, not \"\"" },
    { "receive { address = \"localhost\" }",
      "1: receive.address must be an IPv4 or IPv6 address, not \"localhost\"" },
    { "receive { allow \"CT1\" { address = \"10.1.0.0/33\" } }",
      "1: allow \"CT1\": address must be an address or a network like 10.1.0.0/16, not "
      "\"10.1.0.0/33\"" },
    { "receive { allow \"CT1\" { address = \"10.1.2.3/16\" } }",
      "1: allow \"CT1\": address must be an address or a network like 10.1.0.0/16, not "
      "\"10.1.2.3/16\"" },
    { "receive {\nallow \"CT1\" { }\n}", "2: allow \"CT1\" needs address" },
    { "receive { allow \"SEVENTEENLETTERSX\" { address = \"::1\" } }",
      "1: allow \"SEVENTEENLETTERSX\": that is no good AE title" },
    { "recipe \"a\" { spacing = 0 }",
      "1: recipe \"a\": spacing must be 0.01 to 100 mm, min or native, not \"0\"" },
    { "recipe \"a\" { spacing = nan }",
      "1: recipe \"a\": spacing must be 0.01 to 100 mm, min or native, not \"nan\"" },
    { "recipe \"a\" { spacing = \"native\" orientation = \"patient\" }",
      "1: recipe \"a\": spacing native keeps the acquired axes too" },
    { "recipe \"a\" { kernel = \"cubic\" }",
      "1: recipe \"a\": kernel must be bspline3, linear, catmull-rom, lanczos3 or nearest, "
      "not \"cubic\"" },
    { "recipe \"a\" { kernel = \"or\" }",
      "1: recipe \"a\": kernel must be bspline3, linear, catmull-rom, lanczos3 or nearest, "
      "not \"or\"" },
    { "recipe \"a\" { kernel = \"linear, catmull-rom\" }",
      "1: recipe \"a\": kernel must be bspline3, linear, catmull-rom, lanczos3 or nearest, "
      "not \"linear, catmull-rom\"" },
    { "recipe \"a\" { }\nrecipe \"a\" { }", "2: found duplicate title 'a'" },
    { "recipe \"\" { }", "1: recipe \"\": that is no good name" },
    { "recipe 'a\"b' { }", "1: recipe \"a\"b\": that is no good name" },
    { "recipe \"m\xc3\xa9\" { }", "1: recipe \"m\xc3\xa9\": that is no good name" },
    { "destination \"p\" {\n address = \"::1\"\n}", "3: destination \"p\" needs ae_title" },
    { "destination \"p\" { ae_title = \"A\"  address = \"-pacs\" }",
      "1: destination \"p\": address must be an address or a host name, not \"-pacs\"" },
    { "destination \"p\" { ae_title = \"A\"  address = \"1.2.3\" }",
      "1: destination \"p\": address must be an address or a host name, not \"1.2.3\"" },
    { "destination \"p\" { commitment = maybe }",
      "1: destination \"p\": commitment must be true or false, not \"maybe\"" },
    { PACS "route \"r\" { destinations = {\"p\"} }", "2: route \"r\" needs recipes" },
    { PACS "route \"r\" {\n recipes = {\"iso-1mm\",\n \"iso-2mm\"} }",
      "4: route \"r\": there is no recipe \"iso-2mm\"" },
    { "recipe \"other\" {}\nroute \"r\" { recipes = {\"iso-1mm\"} }",
      "2: route \"r\": there is no recipe \"iso-1mm\"" },
    { PACS "route \"r\" { recipes = {\"iso-1mm\"}\n\n destinations = {\"q\"} }",
      "4: route \"r\": there is no destination \"q\"" },
    { "route \"r\" { on_gap = \"bridge\" }",
      "1: route \"r\": on_gap must be refuse, interpolate or split, not \"bridge\"" },
    { "receive {\n port = 1\n", "2: premature end of file" },
    { "receive { ae_title = \"ISO\n", "1: premature end of file" },
    { PACS "route \"r\" { recipes = {\"iso-1mm\"}\n", "2: premature end of file" },
    { "receive { allow \"A\" { address = \"::1\"\n }",
      "2: premature end of file" },
    { "state_dir =", "1: premature end of file" },
    { "state_dir = \"/x\"\n/* port = 1\n", "2: premature end of file" },
    { "route \"r\" { modality = {\"CT\",\n", "1: premature end of file" },
    { "receive port = 1 }", "1: missing opening brace for section 'receive'" },
};

START_TEST(a_wrong_setting_is_named_with_file_line_and_reason)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_config_free) struct ivx_config *config = NULL;
    char expected[400];
    snprintf(expected, sizeof expected, "%s:%s", path, wrong[_i].message);

    const bool good = load(wrong[_i].text, &config, &err);

    ck_assert_msg(!good, "accepted: %s", wrong[_i].text);
    ck_assert_str_eq(err.text, expected);
    ck_assert_int_eq(err.code, IVX_REFUSED);
    ck_assert_ptr_null(config);
}
END_TEST

START_TEST(a_list_has_at_most_32_values)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_config_free) struct ivx_config *config = NULL;
    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    ivx_text_add(&text, "route \"r\" { recipes = {\"iso-1mm\"} modality = {\"M0\"");
    for (int n = 1; n < 33; n++)
        ivx_text_add(&text, ", \"M%d\"", n);
    ivx_text_add(&text, "} }");

    ck_assert(!load(text.data, &config, &err));

    ck_assert_ptr_nonnull(strstr(err.text, "route \"r\": modality has more than 32 values"));
}
END_TEST

START_TEST(a_missing_file_is_named)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_config_free) struct ivx_config *config = NULL;

    ck_assert(!ivx_config_load("/nowhere/isovoxd.conf", &config, &err));

    ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/isovoxd.conf"));
    ck_assert_ptr_nonnull(strstr(err.text, "No such file or directory"));
}
END_TEST

START_TEST(a_file_with_zero_bytes_is_refused)
{
    struct ivx_err err = { 0 };
    IVX_AUTO(ivx_config_free) struct ivx_config *config = NULL;
    FILE *file = fopen(path, "w");
    fwrite("state_dir\0= \"/x\"", 1, 16, file);
    fclose(file);

    ck_assert(!ivx_config_load(path, &config, &err));

    ck_assert_ptr_nonnull(strstr(err.text, "not a text file"));
}
END_TEST

static char *printed(const struct ivx_config *config)
{
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    ivx_config_print(config, to);
    fclose(to);
    return text;
}

/* Values that would hurt if they were printed without care. */
static const char awkward[] =
    "receive { ae_title = \"A\\\"B $x\" allow \"*\" { address = {\"10.0.0.0/8\", \"::1\"} } }\n"
    "recipe \"min\" { spacing = \"min\" }\n"
    "recipe \"odd # { }\" { spacing = 0.7 }\n"
    "recipe \"as it is\" { spacing = \"native\" }\n"
    "destination \"d\" { ae_title = \"D\" address = \"pacs.example.org\" calling_ae = \"ME\" }\n"
    "route \"r\" { station_name = {\"a,b\", \"c'\\$\\{HOME}\"} recipes = {\"odd # { }\"} }\n";

START_TEST(what_is_printed_reads_back_as_the_same)
{
    static const char *const texts[] = { "", example, awkward };
    IVX_AUTO(ivx_config_free) struct ivx_config *first = loaded(texts[_i]);
    IVX_AUTO(ivx_memory_free) char *once = printed(first);

    IVX_AUTO(ivx_config_free) struct ivx_config *second = loaded(once);
    IVX_AUTO(ivx_memory_free) char *twice = printed(second);

    ck_assert_str_eq(once, twice);
}
END_TEST

START_TEST(awkward_values_survive_printing)
{
    IVX_AUTO(ivx_config_free) struct ivx_config *first = loaded(awkward);
    IVX_AUTO(ivx_memory_free) char *text = printed(first);
    IVX_AUTO(ivx_config_free) struct ivx_config *config = loaded(text);

    ck_assert_str_eq(config->receive.ae_title, "A\"B $x");
    ck_assert_double_eq(config->recipes[0].spacing_mm, -1.0);
    ck_assert_str_eq(config->recipes[1].name, "odd # { }");
    ck_assert_double_eq(config->recipes[1].spacing_mm, 0.7);
    ck_assert_double_eq(config->recipes[2].spacing_mm, -2.0);
    ck_assert_str_eq(config->routes[0].station_name.value[0], "a,b");
    ck_assert_str_eq(config->routes[0].station_name.value[1], "c'${HOME}");
    ck_assert_str_eq(config->destinations[0].calling_ae, "ME");
}
END_TEST

/* Calling AE titles and addresses against an allow list. */
static const struct visitor {
    const char *list, *ae, *address;
    bool welcome;
} visitors[] = {
    { "", "ANY", "127.0.0.1", true },
    { "", "ANY", "127.9.9.9", true },
    { "", "ANY", "::1", true },
    { "", "ANY", "::ffff:127.0.0.1", true },
    { "", "ANY", "128.0.0.1", false },
    { "", "ANY", "10.1.2.3", false },
    { "", "ANY", "::2", false },
    { "", "ANY", "not an address", false },
    { "allow \"CT1\" { address = \"10.1.0.0/16\" }", "CT1", "10.1.255.255", true },
    { "allow \"CT1\" { address = \"10.1.0.0/16\" }", "CT1", "::ffff:10.1.0.0", true },
    { "allow \"CT1\" { address = \"10.1.0.0/16\" }", "CT1", "10.2.0.0", false },
    { "allow \"CT1\" { address = \"10.1.0.0/16\" }", "CT1", "10.0.255.255", false },
    { "allow \"CT1\" { address = \"10.1.0.0/16\" }", "CT2", "10.1.2.3", false },
    { "allow \"CT1\" { address = \"10.1.0.0/16\" }", "CT1", "127.0.0.1", false },
    { "allow \"CT?\" { address = \"10.1.2.3\" }", "CT2", "10.1.2.3", true },
    { "allow \"CT?\" { address = \"10.1.2.3\" }", "CT2", "10.1.2.4", false },
    { "allow \"CT?\" { address = \"10.1.2.3\" }", "CT22", "10.1.2.3", false },
    { "allow \"*\" { address = {\"10.1.2.3\", \"2001:db8::/32\"} }", "X", "2001:db8:9::1", true },
    { "allow \"*\" { address = {\"10.1.2.3\", \"2001:db8::/32\"} }", "X", "2001:db9::1", false },
    { "allow \"*\" { address = \"0.0.0.0/0\" }", "X", "8.8.8.8", true },
    { "allow \"*\" { address = \"0.0.0.0/0\" }", "X", "2001:db8::1", false },
    { "allow \"*\" { address = \"10.128.0.0/9\" }", "X", "10.127.255.255", false },
    { "allow \"*\" { address = \"10.128.0.0/9\" }", "X", "10.255.0.1", true },
    { "allow \"A\" { address = \"10.0.0.1\" } allow \"B\" { address = \"10.0.0.2\" }",
      "B", "10.0.0.2", true },
    { "allow \"A\" { address = \"10.0.0.1\" } allow \"B\" { address = \"10.0.0.2\" }",
      "A", "10.0.0.2", false },
};

START_TEST(the_allow_list_decides_by_title_and_address)
{
    char text[256];
    snprintf(text, sizeof text, "receive { %s }", visitors[_i].list);
    IVX_AUTO(ivx_config_free) struct ivx_config *config = loaded(text);

    const bool welcome = ivx_config_allows(config, visitors[_i].ae, visitors[_i].address);

    ck_assert_int_eq(welcome, visitors[_i].welcome);
}
END_TEST

int main(void)
{
    const int fd = mkstemp(path);
    if (fd == -1)
        return 1;
    close(fd);

    Suite *suite = suite_create("config");
    TCase *reading = tcase_create("reading");
    tcase_add_test(reading, without_a_file_the_defaults_hold);
    tcase_add_test(reading, an_empty_file_is_the_defaults);
    tcase_add_test(reading, the_documented_example_is_read_as_it_says);
    tcase_add_loop_test(reading, a_wrong_setting_is_named_with_file_line_and_reason, 0,
                        (int)IVX_COUNT(wrong));
    tcase_add_test(reading, a_list_has_at_most_32_values);
    tcase_add_test(reading, a_missing_file_is_named);
    tcase_add_test(reading, a_file_with_zero_bytes_is_refused);
    tcase_add_loop_test(reading, what_is_printed_reads_back_as_the_same, 0, 3);
    tcase_add_test(reading, awkward_values_survive_printing);
    tcase_add_loop_test(reading, the_allow_list_decides_by_title_and_address, 0,
                        (int)IVX_COUNT(visitors));
    suite_add_tcase(suite, reading);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    unlink(path);
    return failed == 0 ? 0 : 1;
}
