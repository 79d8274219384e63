/* table.h - JSON for people: tables and lists of members. */
#ifndef IVX_TOOL_TABLE_H
#define IVX_TOOL_TABLE_H

#include <cjson/cJSON.h>
#include <stdio.h>

struct ivx_column {
    const char *title;
    const char *key;    /* member; "a.b" is b of member a; "a/b" is "a of b" as two members */
    const char *prefix; /* before the value: "j" makes ids that retry takes */
};
/* One line per object of `rows`, columns as wide as their widest value. */
void ivx_table_print(const cJSON *rows, const struct ivx_column *columns, size_t count,
                     FILE *to);
/* One line per member; objects and lists are indented. */
void ivx_members_print(const cJSON *object, int indent, FILE *to);

#endif
