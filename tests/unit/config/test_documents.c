/* What people read about the settings is what the tables say. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/config/config.h"
#include "isovox/sys/file.h"
#include "settings.h"

static char path[] = "/tmp/isovox-documents-XXXXXX";

static struct ivx_config *loaded(const char *text)
{
    struct ivx_err err = { 0 };
    struct ivx_config *config = NULL;
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_msg(ivx_config_load(path, &config, &err), "%s", err.text);
    return config;
}

static char *document(const char *name)
{
    const char *top = getenv("top_srcdir");
    char file[4096];
    snprintf(file, sizeof file, "%s/%s", top == NULL ? "." : top, name);
    struct ivx_err err = { 0 };
    char *text = NULL;
    size_t length;
    ck_assert_msg(ivx_file_read(file, 1 << 20, &text, &length, &err), "%s", err.text);
    return text;
}

/* "name = value" as the file has it, commented out or not. */
static void line_for(const struct ivx_setting *setting, char *out, size_t room)
{
    const bool quoted = setting->kind == IVX_SETTING_TEXT;
    const char *quote = quoted ? "\"" : "";
    snprintf(out, room, "%s = %s%s%s", setting->name, quote, setting->fallback, quote);
}

START_TEST(etc_isovoxd_conf_shows_every_setting_with_its_default)
{
    IVX_AUTO(ivx_memory_free) char *text = document("etc/isovoxd.conf");
    for (size_t n = 0; n < ivx_section_count; n++) {
        const struct ivx_section *section = &ivx_sections[n];
        char head[64], line[128];
        snprintf(head, sizeof head, "%s%s", section->name, section->title ? " \"" : " {");
        const char *from = n == 0 ? text : strstr(text, head);
        ck_assert_msg(from != NULL, "etc/isovoxd.conf: no section %s", section->name);
        for (size_t k = 0; k < section->setting_count; k++) {
            const struct ivx_setting *setting = &section->settings[k];
            if (setting->fallback == NULL)
                snprintf(line, sizeof line, "%s = ", setting->name);
            else
                line_for(setting, line, sizeof line);
            ck_assert_msg(strstr(from, line) != NULL, "etc/isovoxd.conf: %s: no '%s'",
                          section->name, line);
        }
    }
}
END_TEST

START_TEST(etc_isovoxd_conf_is_good)
{
    IVX_AUTO(ivx_memory_free) char *text = document("etc/isovoxd.conf");

    IVX_AUTO(ivx_config_free) struct ivx_config *config = loaded(text);

    ck_assert_int_eq(config->route_count, 0);
}
END_TEST

/* "# recipe "x" {" and what follows up to "# }", without the marks. */
static void uncomment(const char *text, struct ivx_text *out)
{
    bool inside = false;
    while (*text != '\0') {
        const size_t length = strcspn(text, "\n");
        const size_t indent = strspn(text, " ");
        const bool marked = strncmp(text + indent, "# ", 2) == 0;
        inside = inside || (marked && text[length - 1] == '{');
        const size_t skip = inside && marked ? indent + 2 : 0;
        ivx_text_add(out, "%.*s\n", (int)(length - skip), text + skip);
        if (inside && marked && text[indent + 2] == '}')
            inside = false;
        text += length + (text[length] == '\n');
    }
}

START_TEST(the_examples_in_etc_isovoxd_conf_are_good)
{
    IVX_AUTO(ivx_memory_free) char *text = document("etc/isovoxd.conf");
    IVX_AUTO(ivx_text_free) struct ivx_text bare = { 0 };
    uncomment(text, &bare);

    IVX_AUTO(ivx_config_free) struct ivx_config *config = loaded(bare.data);

    ck_assert_int_eq(config->receive.allow_count, 1);
    ck_assert_int_eq(config->recipe_count, 1);
    ck_assert_int_eq(config->destination_count, 1);
    ck_assert_int_eq(config->route_count, 1);
}
END_TEST

/* The manual has one paragraph per setting:
 *   .It Ic port Ns = Ns Ar 11112
 *   1 to 65535 port. Where the Storage SCP listens. */
START_TEST(the_manual_has_every_setting_with_default_and_range)
{
    IVX_AUTO(ivx_memory_free) char *text = document("docs/man/isovoxd.conf.5");
    const char *from = text;
    for (size_t n = 0; n < ivx_section_count; n++)
        for (size_t k = 0; k < ivx_sections[n].setting_count; k++) {
            const struct ivx_setting *setting = &ivx_sections[n].settings[k];
            char item[400];
            if (setting->kind == IVX_SETTING_LONG)
                snprintf(item, sizeof item, ".It Ic %s Ns = Ns Ar %s\n%ld to %ld%s%s.\n%s\n",
                         setting->name, setting->fallback, setting->least, setting->most,
                         setting->unit[0] == '\0' ? "" : " ", setting->unit, setting->help);
            else if (setting->fallback == NULL || strcmp(setting->fallback, "{}") == 0)
                snprintf(item, sizeof item, ".It Ic %s\n", setting->name);
            else
                snprintf(item, sizeof item, ".It Ic %s Ns = Ns Ar %s\n", setting->name,
                         setting->fallback);
            from = strstr(from, item);
            ck_assert_msg(from != NULL, "isovoxd.conf(5): %s: missing or out of order: %s",
                          ivx_sections[n].name, item);
        }
}
END_TEST

int main(void)
{
    const int fd = mkstemp(path);
    if (fd == -1)
        return 1;
    close(fd);

    Suite *suite = suite_create("config documents");
    TCase *documents = tcase_create("documents");
    tcase_add_test(documents, etc_isovoxd_conf_shows_every_setting_with_its_default);
    tcase_add_test(documents, etc_isovoxd_conf_is_good);
    tcase_add_test(documents, the_examples_in_etc_isovoxd_conf_are_good);
    tcase_add_test(documents, the_manual_has_every_setting_with_default_and_range);
    suite_add_tcase(suite, documents);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    unlink(path);
    return failed == 0 ? 0 : 1;
}
