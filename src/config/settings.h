/* settings.h - the tables behind the parser, `isovoxd -t` and the free function: every
 * section, every setting, how its text is checked and where it is kept. */
#ifndef IVX_CONFIG_SETTINGS_H
#define IVX_CONFIG_SETTINGS_H

#include "isovox/config/config.h"

enum ivx_setting_kind {
    IVX_SETTING_LONG,    /* long */
    IVX_SETTING_TEXT,    /* char *, NULL when not given and without default */
    IVX_SETTING_LIST,    /* struct ivx_globs */
    IVX_SETTING_SPACING, /* double; "min" is -1, "native" -2 */
    IVX_SETTING_BOOL,    /* bool */
};

struct ivx_setting {
    const char *name;
    enum ivx_setting_kind kind;
    size_t offset;        /* in struct ivx_config, or in one element of a titled section */
    const char *fallback; /* the default as it would stand in the file; NULL: none */
    long least, most;     /* IVX_SETTING_LONG */
    const char *unit;     /* LONG: unit; else what it must be, for messages and people */
    const char *help;
    bool (*good)(const char *text, const char *unit); /* the others */
    bool required;        /* no default, and the section is wrong without it */
};

struct ivx_section {
    const char *name, *title; /* "" for the file itself; title: what it is, or NULL */
    const char *parent;       /* the section that it stands in; NULL: the file */
    bool (*good_title)(const char *text, const char *unit);
    size_t array, count, size;  /* titled: where the elements are kept */
    size_t title_offset;
    const struct ivx_setting *settings;
    size_t setting_count;
    const char *help;
};

/* Two numbers of one section: `less` is never above `more`, which 0 turns off. */
struct ivx_order {
    const char *section, *less, *more;
};

extern const struct ivx_order ivx_orders[];
extern const size_t ivx_order_count;
extern const struct ivx_section ivx_sections[];
extern const size_t ivx_section_count;

/* The elements of a section: an untitled one has one, the configuration itself. */
size_t ivx_section_elements(const struct ivx_section *section, const struct ivx_config *config);
void *ivx_section_element(const struct ivx_section *section, const struct ivx_config *config,
                          size_t n);

/* check.c: is this text good? `unit` is the setting's. */
bool ivx_check_word(const char *text, const char *unit); /* one of "a, b or c" */
bool ivx_check_ae(const char *text, const char *unit);
bool ivx_check_name(const char *text, const char *unit);
bool ivx_check_path(const char *text, const char *unit);
bool ivx_check_address(const char *text, const char *unit);
bool ivx_check_network(const char *text, const char *unit);
bool ivx_check_host(const char *text, const char *unit);
bool ivx_check_glob(const char *text, const char *unit);
bool ivx_check_spacing(const char *text, const char *unit);
bool ivx_check_antialias(const char *text, const char *unit);
bool ivx_check_bool(const char *text, const char *unit);
double ivx_spacing_of(const char *good_text);
bool ivx_bool_of(const char *good_text);

/* 16 bytes of IPv6 (IPv4 as ::ffff:a.b.c.d) and how many leading bits count; a single
 * address has all 128. False when it is none. */
bool ivx_network_parse(const char *text, unsigned char bytes_out[16], int *bits_out);
bool ivx_network_has(const unsigned char network[16], int bits,
                     const unsigned char address[16]);

#endif
