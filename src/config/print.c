#include <string.h>

#include "isovox/base/text.h"
#include "settings.h"

/* In quotes, so that libconfuse reads back what it was: $ would begin a variable. */
static void print_quoted(const char *text, FILE *to)
{
    fputc('"', to);
    for (; *text != '\0'; text++) {
        if (strchr("\"\\$", *text) != NULL)
            fputc('\\', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

static void print_list(const struct ivx_globs *list, FILE *to)
{
    fputc('{', to);
    for (size_t n = 0; n < list->count; n++) {
        fputs(n == 0 ? "" : ", ", to);
        print_quoted(list->value[n], to);
    }
    fputc('}', to);
}

/* The fewest digits that read back as the same number. */
static void print_number(double value, FILE *to)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        double back = 0.0;
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (ivx_text_to_double(text, &back) && back == value)
            break;
    }
    fputs(text, to);
}

static void print_value(const struct ivx_setting *setting, const char *field, FILE *to)
{
    long number;
    double mm;
    bool yes;
    const char *text;
    switch (setting->kind) {
    case IVX_SETTING_LONG:
        memcpy(&number, field, sizeof number);
        fprintf(to, "%ld", number);
        break;
    case IVX_SETTING_SPACING:
        memcpy(&mm, field, sizeof mm);
        if (mm < 0.0)
            fputs(mm < -1.0 ? "\"native\"" : "\"min\"", to);
        else
            print_number(mm, to);
        break;
    case IVX_SETTING_BOOL:
        memcpy(&yes, field, sizeof yes);
        fputs(yes ? "true" : "false", to);
        break;
    case IVX_SETTING_TEXT:
        memcpy(&text, field, sizeof text);
        print_quoted(text, to);
        break;
    case IVX_SETTING_LIST:
        print_list((const struct ivx_globs *)(const void *)field, to);
        break;
    }
}

static void print_element(const struct ivx_section *section, const char *element, int indent,
                          FILE *to)
{
    for (size_t n = 0; n < section->setting_count; n++) {
        const struct ivx_setting *setting = &section->settings[n];
        fprintf(to, "%*s%s = ", indent, "", setting->name);
        print_value(setting, element + setting->offset, to);
        if (setting->kind == IVX_SETTING_LONG && setting->unit[0] != '\0')
            fprintf(to, "  # %s", setting->unit);
        fputc('\n', to);
    }
}

static void print_section(const struct ivx_section *section, const struct ivx_config *config,
                          int indent, FILE *to)
{
    const size_t count = ivx_section_elements(section, config);
    for (size_t n = 0; n < count; n++) {
        const char *element = ivx_section_element(section, config, n);
        fprintf(to, "%*s%s ", indent, "", section->name);
        if (section->title != NULL) {
            const char *title;
            memcpy(&title, element + section->title_offset, sizeof title);
            print_quoted(title, to);
            fputc(' ', to);
        }
        fputs("{\n", to);
        print_element(section, element, indent + 2, to);
        for (size_t k = 0; k < ivx_section_count; k++)
            if (ivx_sections[k].parent != NULL
                && strcmp(ivx_sections[k].parent, section->name) == 0)
                print_section(&ivx_sections[k], config, indent + 2, to);
        fprintf(to, "%*s}\n", indent, "");
    }
}

void ivx_config_print(const struct ivx_config *config, FILE *to)
{
    fprintf(to, "# %s\n", config->file == NULL ? "built-in defaults" : config->file);
    print_element(&ivx_sections[0], (const char *)config, 0, to);
    for (size_t n = 1; n < ivx_section_count; n++)
        if (ivx_sections[n].parent == NULL)
            print_section(&ivx_sections[n], config, 0, to);
}
