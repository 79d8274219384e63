#include <confuse.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/file.h"
#include "settings.h"

/* libconfuse knows the syntax, the lines and the titles. All values are texts to it: types,
 * ranges and messages come from the tables of settings.c, in the callbacks below. */

enum { SECTIONS = 16, OPTIONS = 24, FILE_MOST = 1 << 20 };

/* The option in every section under which the callbacks find the reading that they belong
 * to; no file can name it. */
#define HIDDEN "\001"
/* libconfuse takes the end of the file for the end of an open section; to us such a file has
 * been cut. So a last setting is added that only the top level has: met anywhere else, the
 * file ended too early. */
#define THE_END "\002"
/* Our mark in cfg_opt_t.flags: this option has been given. */
#define GIVEN (1 << 24)

/* A name in a route, to be looked up when everything has been read. */
struct reference {
    char *route, *name;
    bool is_recipe;
    int line;
};

struct reading {
    const char *path;
    struct ivx_err *err;
    bool failed;
    bool seen[SECTIONS];
    int last_line;
    struct reference *references;
    size_t reference_count;
    cfg_opt_t options[SECTIONS][OPTIONS];
    cfg_t *cfg;
};

static void reading_free(struct reading **reading)
{
    struct reading *r = *reading;
    if (r == NULL)
        return;
    for (size_t n = 0; n < r->reference_count; n++) {
        free(r->references[n].route);
        free(r->references[n].name);
    }
    free(r->references);
    if (r->cfg != NULL)
        cfg_free(r->cfg);
    free(r);
    *reading = NULL;
}

static struct reading *reading_of(cfg_t *cfg)
{
    return (struct reading *)(void *)cfg_getopt(cfg, HIDDEN)->simple_value.ptr;
}

/* Always returns -1, which ends the parsing. Only the first complaint is kept. */
static int complain(struct reading *r, int line, const char *text)
{
    if (line > r->last_line)
        line = r->last_line;
    if (strstr(text, THE_END) != NULL)
        text = "premature end of file";
    if (!r->failed)
        ivx_fail(r->err, IVX_REFUSED, "%s:%d: %s", r->path, line, text);
    r->failed = true;
    return -1;
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
    char text[200];
    vsnprintf(text, sizeof text, format, args);
    complain(reading_of(cfg), cfg->line, text);
}

static const struct ivx_section *section_of(const char *name)
{
    for (size_t n = 0; n < ivx_section_count; n++)
        if (strcmp(ivx_sections[n].name, name) == 0)
            return &ivx_sections[n];
    return &ivx_sections[0]; /* "root" */
}

static const struct ivx_setting *setting_of(const struct ivx_section *section, const char *name)
{
    for (size_t n = 0; n < section->setting_count; n++)
        if (strcmp(section->settings[n].name, name) == 0)
            return &section->settings[n];
    return NULL;
}

/* "receive.port", "state_dir", `destination "pacs": port` */
static void say_where(cfg_t *cfg, const char *setting, char *out, size_t room)
{
    if (cfg->title != NULL)
        snprintf(out, room, "%s \"%.64s\": %s", cfg->name, cfg->title, setting);
    else if (section_of(cfg->name)->name[0] == '\0')
        snprintf(out, room, "%s", setting);
    else
        snprintf(out, room, "%s.%s", cfg->name, setting);
}

static bool is_good(const struct ivx_setting *setting, const char *value)
{
    long long number;
    if (setting->kind != IVX_SETTING_LONG)
        return setting->good(value, setting->unit);
    return ivx_text_to_int64(value, &number) && number >= setting->least
           && number <= setting->most;
}

static int complain_value(cfg_t *cfg, const struct ivx_setting *setting, const char *value)
{
    char where[128], text[240];
    say_where(cfg, setting->name, where, sizeof where);
    if (setting->kind != IVX_SETTING_LONG) {
        snprintf(text, sizeof text, "%s must be %s, not \"%.40s\"", where, setting->unit, value);
    } else {
        const bool plain = setting->unit[0] == '\0' || strcmp(setting->unit, "port") == 0;
        snprintf(text, sizeof text, "%s must be %ld to %ld%s%s, not %.40s", where,
                 setting->least, setting->most, plain ? "" : " ", plain ? "" : setting->unit,
                 value);
    }
    return complain(reading_of(cfg), cfg->line, text);
}

static int remember_reference(cfg_t *cfg, const char *name, bool is_recipe)
{
    struct reading *r = reading_of(cfg);
    struct reference *grown = realloc(r->references,
                                      (r->reference_count + 1) * sizeof *grown);
    if (grown == NULL)
        return complain(r, cfg->line, "no memory");
    r->references = grown;
    grown[r->reference_count++] = (struct reference){
        strdup(cfg->title == NULL ? "" : cfg->title), strdup(name), is_recipe, cfg->line
    };
    return 0;
}

/* libconfuse calls this after each value, also after each of a list. */
static int on_value(cfg_t *cfg, cfg_opt_t *option)
{
    const struct ivx_section *section = section_of(cfg->name);
    const struct ivx_setting *setting = setting_of(section, option->name);
    const char *value = cfg_opt_getnstr(option, option->nvalues - 1);
    const bool is_list = setting->kind == IVX_SETTING_LIST;
    char where[128], text[200];

    say_where(cfg, setting->name, where, sizeof where);
    if (!is_list && (option->flags & GIVEN) != 0) {
        snprintf(text, sizeof text, "%s is given twice", where);
        return complain(reading_of(cfg), cfg->line, text);
    }
    option->flags |= GIVEN;
    if (is_list && option->nvalues > IVX_CONFIG_LIST) {
        snprintf(text, sizeof text, "%s has more than %d values", where, IVX_CONFIG_LIST);
        return complain(reading_of(cfg), cfg->line, text);
    }
    if (value == NULL || !is_good(setting, value))
        return complain_value(cfg, setting, value == NULL ? "" : value);
    if (strcmp(section->name, "route") == 0 && strcmp(setting->name, "recipes") == 0)
        return remember_reference(cfg, value, true);
    if (strcmp(section->name, "route") == 0 && strcmp(setting->name, "destinations") == 0)
        return remember_reference(cfg, value, false);
    return 0;
}

static int check_titled(const struct ivx_section *section, cfg_t *cfg, cfg_t *made)
{
    char text[200];
    if (!section->good_title(made->title, "")) {
        snprintf(text, sizeof text, "%s \"%.64s\": that is no good %s", section->name,
                 made->title, section->title);
        return complain(reading_of(cfg), cfg->line, text);
    }
    for (size_t n = 0; n < section->setting_count; n++)
        if (section->settings[n].required
            && cfg_size(made, section->settings[n].name) == 0) {
            snprintf(text, sizeof text, "%s \"%s\" needs %s", section->name, made->title,
                     section->settings[n].name);
            return complain(reading_of(cfg), cfg->line, text);
        }
    return 0;
}

/* libconfuse calls this at the end of each section; cfg is what it stands in. */
static int on_section(cfg_t *cfg, cfg_opt_t *option)
{
    struct reading *r = reading_of(cfg);
    const struct ivx_section *section = section_of(option->name);
    if (section->title != NULL)
        return check_titled(section, cfg, cfg_opt_getnsec(option, option->nvalues - 1));

    if (r->seen[section - ivx_sections]) {
        char text[100];
        snprintf(text, sizeof text, "%s is given twice", section->name);
        return complain(r, cfg->line, text);
    }
    r->seen[section - ivx_sections] = true;
    return 0;
}

/* Fills options[index] with the settings of a section and the sections inside it. */
static void make_options(struct reading *r, size_t index)
{
    const struct ivx_section *section = &ivx_sections[index];
    cfg_opt_t *option = r->options[index];
    for (size_t n = 0; n < section->setting_count; n++) {
        const struct ivx_setting *setting = &section->settings[n];
        const int list = setting->kind == IVX_SETTING_LIST ? CFGF_LIST : 0;
        *option++ = (cfg_opt_t){ .name = setting->name, .type = CFGT_STR,
                                 .flags = CFGF_NODEFAULT | list, .validcb = on_value };
    }
    for (size_t n = 1; n < ivx_section_count; n++) {
        const char *parent = ivx_sections[n].parent == NULL ? "" : ivx_sections[n].parent;
        if (strcmp(parent, section->name) != 0)
            continue;
        make_options(r, n);
        *option++ = (cfg_opt_t){
            .name = ivx_sections[n].name, .type = CFGT_SEC, .subopts = r->options[n],
            .flags = ivx_sections[n].title == NULL
                         ? CFGF_NONE : CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES,
            .validcb = on_section
        };
    }
    if (index == 0)
        *option++ = (cfg_opt_t){ .name = THE_END, .type = CFGT_STR, .flags = CFGF_NODEFAULT };
    *option++ = (cfg_opt_t){ .name = HIDDEN, .type = CFGT_INT, .flags = CFGF_NODEFAULT,
                             .simple_value.ptr = (void **)(void *)r };
    *option = (cfg_opt_t)CFG_END();
}

/* Tabs, line ends and printable characters; anything may be said in UTF-8. */
static bool is_text(const char *bytes, size_t length)
{
    for (size_t n = 0; n < length; n++)
        if (((unsigned char)bytes[n] < 0x20 && strchr("\t\n\r\f", bytes[n]) == NULL)
            || bytes[n] == '\0')
            return false;
    return true;
}

static int count_lines(const char *text)
{
    int lines = 1;
    for (; *text != '\0'; text++)
        lines += *text == '\n' && text[1] != '\0';
    return lines;
}

static bool parse(struct reading *r, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) char *bytes = NULL;
    size_t length;
    if (!ivx_file_read(r->path, FILE_MOST, &bytes, &length, err))
        return false;
    if (!is_text(bytes, length))
        return ivx_fail(err, IVX_REFUSED, "%s:1: not a text file", r->path);

    IVX_AUTO(ivx_text_free) struct ivx_text text = { 0 };
    ivx_text_add_bytes(&text, bytes, length);
    ivx_text_add(&text, "\n" THE_END " = " THE_END "\n");
    if (text.failed)
        return ivx_fail(err, IVX_FULL, "config: no memory");
    r->last_line = count_lines(bytes);
    if (cfg_parse_buf(r->cfg, text.data) != CFG_SUCCESS)
        return complain(r, r->cfg->line, "syntax error") == 0;
    if (cfg_size(r->cfg, THE_END) == 0) /* it stands in a comment that never ends */
        return complain(r, r->last_line, THE_END) == 0;
    return !r->failed;
}

static bool references_exist(struct reading *r)
{
    for (size_t n = 0; n < r->reference_count; n++) {
        const struct reference *at = &r->references[n];
        const char *kind = at->is_recipe ? "recipe" : "destination";
        if (at->name == NULL || at->route == NULL)
            return complain(r, at->line, "no memory") == 0;
        /* Without any recipe in the file there is the built-in one. */
        if (cfg_gettsec(r->cfg, kind, at->name) != NULL
            || (at->is_recipe && cfg_size(r->cfg, kind) == 0
                && strcmp(at->name, "iso-1mm") == 0))
            continue;
        char text[200];
        snprintf(text, sizeof text, "route \"%s\": there is no %s \"%s\"", at->route, kind,
                 at->name);
        return complain(r, at->line, text) == 0;
    }
    return true;
}

/* The acquired grid has the acquired axes. */
static bool recipes_agree(struct reading *r)
{
    for (unsigned int n = 0; n < cfg_size(r->cfg, "recipe"); n++) {
        cfg_t *recipe = cfg_getnsec(r->cfg, "recipe", n);
        const char *spacing = cfg_getstr(recipe, "spacing");
        const char *orientation = cfg_getstr(recipe, "orientation");
        if (spacing == NULL || orientation == NULL || strcmp(spacing, "native") != 0
            || strcmp(orientation, "patient") != 0)
            continue;
        char text[200];
        snprintf(text, sizeof text,
                 "recipe \"%.64s\": spacing native keeps the acquired axes too",
                 cfg_title(recipe));
        return complain(r, recipe->line, text) == 0;
    }
    return true;
}

/* ---- from texts to the structure ------------------------------------------------------ */

static bool set_list(struct ivx_globs *list, cfg_opt_t *option)
{
    const unsigned int count = option == NULL ? 0 : option->nvalues;
    list->value = calloc(count + 1, sizeof *list->value);
    if (list->value == NULL)
        return false;
    for (; list->count < count; list->count++) {
        list->value[list->count] = strdup(cfg_opt_getnstr(option, (unsigned int)list->count));
        if (list->value[list->count] == NULL)
            return false;
    }
    return true;
}

static bool set_value(const struct ivx_setting *setting, char *field, const char *text)
{
    long long number = 0;
    char *copy = NULL;
    double mm;
    switch (setting->kind) {
    case IVX_SETTING_LONG:
        (void)ivx_text_to_int64(text, &number);
        memcpy(field, &(long){ (long)number }, sizeof(long));
        return true;
    case IVX_SETTING_SPACING:
        mm = ivx_spacing_of(text);
        memcpy(field, &mm, sizeof mm);
        return true;
    case IVX_SETTING_BOOL:
        memcpy(field, &(bool){ ivx_bool_of(text) }, sizeof(bool));
        return true;
    case IVX_SETTING_TEXT:
        copy = text == NULL ? NULL : strdup(text);
        memcpy(field, &copy, sizeof copy);
        return copy != NULL || text == NULL;
    case IVX_SETTING_LIST:
        break;
    }
    return true;
}

/* cfg NULL: the defaults. */
static bool set_element(const struct ivx_section *section, char *element, cfg_t *cfg)
{
    for (size_t n = 0; n < section->setting_count; n++) {
        const struct ivx_setting *setting = &section->settings[n];
        cfg_opt_t *option = cfg == NULL ? NULL : cfg_getopt(cfg, setting->name);
        char *field = element + setting->offset;
        const bool given = option != NULL && option->nvalues > 0;
        if (setting->kind == IVX_SETTING_LIST
                ? !set_list((struct ivx_globs *)(void *)field, option)
                : !set_value(setting, field,
                             given ? cfg_opt_getnstr(option, 0) : setting->fallback))
            return false;
    }
    return true;
}

static bool set_title(const struct ivx_section *section, char *element, const char *title)
{
    char *copy = strdup(title);
    memcpy(element + section->title_offset, &copy, sizeof copy);
    return copy != NULL;
}

static bool set_section(const struct ivx_section *section, struct ivx_config *config,
                        cfg_t *parent)
{
    const unsigned int found = cfg_size(parent, section->name);
    if (section->title == NULL)
        return set_element(section, (char *)config, cfg_getnsec(parent, section->name, 0));

    const bool built_in = found == 0 && strcmp(section->name, "recipe") == 0;
    const size_t count = built_in ? 1 : found;
    char *array = calloc(count + 1, section->size);
    memcpy((char *)config + section->array, &array, sizeof array);
    if (array == NULL)
        return false;
    memcpy((char *)config + section->count, &count, sizeof count);
    for (unsigned int n = 0; n < count; n++) {
        cfg_t *cfg = built_in ? NULL : cfg_getnsec(parent, section->name, n);
        char *element = array + n * section->size;
        if (!set_title(section, element, built_in ? "iso-1mm" : cfg_title(cfg))
            || !set_element(section, element, cfg))
            return false;
    }
    return true;
}

/* Who gives no name of his own calls himself what others call him. */
static bool set_calling(char **calling_ae, const struct ivx_config *config)
{
    return *calling_ae != NULL || (*calling_ae = strdup(config->receive.ae_title)) != NULL;
}

static bool set_all(struct reading *r, struct ivx_config *config)
{
    for (size_t n = 0; n < ivx_section_count; n++) {
        const struct ivx_section *section = &ivx_sections[n];
        if (n == 0) {
            if (!set_element(section, (char *)config, r->cfg))
                return false;
            continue;
        }
        cfg_t *parent = section->parent == NULL ? r->cfg : cfg_getsec(r->cfg, section->parent);
        if (!set_section(section, config, parent))
            return false;
    }
    for (size_t n = 0; n < config->destination_count; n++)
        if (!set_calling(&config->destinations[n].calling_ae, config))
            return false;
    for (size_t n = 0; n < config->source_count; n++)
        if (!set_calling(&config->sources[n].calling_ae, config))
            return false;
    return true;
}

static long number_of(const struct ivx_config *config, const struct ivx_setting *setting)
{
    long number;
    memcpy(&number, (const char *)config + setting->offset, sizeof number);
    return number;
}

/* The defaults are in order, so one of the two has been given, and its section is there. */
static bool numbers_agree(struct reading *r, const struct ivx_config *config)
{
    for (size_t n = 0; n < ivx_order_count; n++) {
        const struct ivx_order *order = &ivx_orders[n];
        const struct ivx_section *section = section_of(order->section);
        const struct ivx_setting *less = setting_of(section, order->less);
        const struct ivx_setting *more = setting_of(section, order->more);
        const long small = number_of(config, less), large = number_of(config, more);
        if (large == 0 || small <= large)
            continue;
        char text[200];
        snprintf(text, sizeof text, "%s.%s (%ld %s) must not be above %s.%s (%ld %s)",
                 section->name, less->name, small, less->unit, section->name, more->name,
                 large, more->unit);
        return complain(r, cfg_getsec(r->cfg, section->name)->line, text) == 0;
    }
    return true;
}

bool ivx_config_load(const char *path, struct ivx_config **out, struct ivx_err *err)
{
    IVX_AUTO(reading_free) struct reading *r = calloc(1, sizeof *r);
    IVX_AUTO(ivx_config_free) struct ivx_config *made = calloc(1, sizeof *made);
    if (r == NULL || made == NULL)
        return ivx_fail(err, IVX_FULL, "config: no memory");
    r->path = path;
    r->err = err;
    make_options(r, 0);
    r->cfg = cfg_init(r->options[0], CFGF_NONE);
    if (r->cfg == NULL)
        return ivx_fail(err, IVX_FULL, "config: no memory");
    cfg_set_error_function(r->cfg, on_error);

    if (path != NULL && !(parse(r, err) && references_exist(r) && recipes_agree(r)))
        return false;
    if (!set_all(r, made) || (path != NULL && (made->file = strdup(path)) == NULL))
        return ivx_fail(err, IVX_FULL, "config: no memory");
    if (!numbers_agree(r, made))
        return false;
    *out = IVX_STEAL(made);
    return true;
}
