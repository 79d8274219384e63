#include "table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"

enum { CELL = 160, COLUMNS_MOST = 12 };

/* Texts come from other machines: nothing of them may steer the terminal. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if (iscntrl((unsigned char)*text))
            *text = '?';
}

/* "2026-11-22T12:44:43.839Z" becomes "2026-11-22 12:44:43Z". */
static void shorten_time(char *text)
{
    const size_t length = strlen(text);
    if (length == 24 && text[10] == 'T' && text[19] == '.' && text[23] == 'Z') {
        text[10] = ' ';
        text[19] = 'Z';
        text[20] = '\0';
    }
}

static void say(const cJSON *value, char out[CELL])
{
    out[0] = '\0';
    if (cJSON_IsString(value))
        ivx_text_copy(out, CELL, value->valuestring);
    else if (cJSON_IsBool(value))
        ivx_text_copy(out, CELL, cJSON_IsTrue(value) ? "yes" : "no");
    else if (cJSON_IsNumber(value))
        snprintf(out, CELL, "%.15g", value->valuedouble);
    make_printable(out);
    shorten_time(out);
}

/* "state", or "breaker.state": the member of a member. */
static const cJSON *member_of(const cJSON *row, const char *key)
{
    char outer[64];
    const char *dot = strchr(key, '.');
    if (dot == NULL)
        return cJSON_GetObjectItemCaseSensitive(row, key);
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - key), key);
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(row, outer),
                                            dot + 1);
}

static void say_cell(const cJSON *row, const struct ivx_column *column, char out[CELL])
{
    char key[64], first[CELL];
    const char *slash = strchr(column->key, '/');
    if (slash == NULL) {
        say(member_of(row, column->key), first);
        snprintf(out, CELL, "%s%.150s", first[0] == '\0' ? "" : column->prefix, first);
    } else {
        char second[CELL];
        snprintf(key, sizeof key, "%.*s", (int)(slash - column->key), column->key);
        say(cJSON_GetObjectItemCaseSensitive(row, key), first);
        say(cJSON_GetObjectItemCaseSensitive(row, slash + 1), second);
        snprintf(out, CELL, "%.70s/%.70s", first, second);
    }
    if (out[0] == '\0')
        ivx_text_copy(out, CELL, "-");
}

/* Columns of characters, not of bytes: UTF-8 continuation bytes have no width. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static const char *colour_of(const char *key, const char *value)
{
    static const char *const bad[] = { "failed", "dead", "refused", "restarting", "open",
                                       "away" };
    static const char *const good[] = { "done", "sent", "committed", "running", "closed" };
    if (strcmp(key, "state") != 0 && strcmp(key, "breaker.state") != 0)
        return NULL;
    for (size_t n = 0; n < IVX_COUNT(bad); n++)
        if (strcmp(value, bad[n]) == 0)
            return "\033[31m";
    for (size_t n = 0; n < IVX_COUNT(good); n++)
        if (strcmp(value, good[n]) == 0)
            return "\033[32m";
    return "\033[33m";
}

static void print_cell(const char *text, size_t width, bool is_last, const char *colour, FILE *to)
{
    const size_t used = width_of(text);
    fprintf(to, "%s%s%s", colour == NULL ? "" : colour, text, colour == NULL ? "" : "\033[0m");
    if (!is_last)
        fprintf(to, "%*s", (int)(width > used ? width - used : 0) + 2, "");
}

void ivx_table_print(const cJSON *rows, const struct ivx_column *columns, size_t count,
                     FILE *to)
{
    size_t widths[COLUMNS_MOST];
    char cell[CELL];
    const cJSON *row;
    const bool is_coloured = isatty(fileno(to)) && getenv("NO_COLOR") == NULL;
    for (size_t n = 0; n < count; n++)
        widths[n] = width_of(columns[n].title);
    cJSON_ArrayForEach(row, rows)
    {
        for (size_t n = 0; n < count; n++) {
            say_cell(row, &columns[n], cell);
            widths[n] = width_of(cell) > widths[n] ? width_of(cell) : widths[n];
        }
    }
    for (size_t n = 0; n < count; n++)
        print_cell(columns[n].title, widths[n], n + 1 == count, NULL, to);
    fputc('\n', to);
    cJSON_ArrayForEach(row, rows)
    {
        for (size_t n = 0; n < count; n++) {
            say_cell(row, &columns[n], cell);
            print_cell(cell, widths[n], n + 1 == count,
                       is_coloured ? colour_of(columns[n].key, cell) : NULL, to);
        }
        fputc('\n', to);
    }
}

static void print_row(const cJSON *object, int indent, FILE *to)
{
    char value[CELL];
    const cJSON *member;
    const char *before = "- ";
    fprintf(to, "%*s", indent, "");
    cJSON_ArrayForEach(member, object)
    {
        say(member, value);
        if (value[0] == '\0')
            continue;
        fprintf(to, "%s%s=%s", before, member->string == NULL ? "" : member->string, value);
        before = " ";
    }
    fputc('\n', to);
}

void ivx_members_print(const cJSON *object, int indent, FILE *to)
{
    char value[CELL];
    const cJSON *member, *each;
    cJSON_ArrayForEach(member, object)
    {
        if (cJSON_IsObject(member)) {
            fprintf(to, "%*s%s\n", indent, "", member->string);
            ivx_members_print(member, indent + 2, to);
        } else if (cJSON_IsArray(member) && member->child != NULL) {
            fprintf(to, "%*s%s\n", indent, "", member->string);
            cJSON_ArrayForEach(each, member) print_row(each, indent + 2, to);
        } else if (say(member, value), value[0] != '\0') {
            fprintf(to, "%*s%-*s %s\n", indent, "", 22 - indent, member->string, value);
        }
    }
}
