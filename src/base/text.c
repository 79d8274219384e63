#include "isovox/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"

void ivx_memory_free(void *pointer_to_pointer)
{
    void *owned;
    memcpy(&owned, pointer_to_pointer, sizeof owned);
    free(owned);
    owned = NULL;
    memcpy(pointer_to_pointer, &owned, sizeof owned);
}

static bool make_room(struct ivx_text *text, size_t extra)
{
    size_t need;
    if (text->failed || __builtin_add_overflow(text->used, extra, &need)
        || __builtin_add_overflow(need, 1, &need)) {
        text->failed = true;
        return false;
    }
    if (need <= text->room)
        return true;

    size_t room = text->room < 256 ? 256 : text->room;
    while (room < need)
        if (__builtin_mul_overflow(room, 2, &room)) {
            text->failed = true;
            return false;
        }
    char *grown = realloc(text->data, room);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->data = grown;
    text->room = room;
    return true;
}

void ivx_text_add_bytes(struct ivx_text *text, const void *bytes, size_t length)
{
    if (!make_room(text, length))
        return;
    memcpy(text->data + text->used, bytes, length);
    text->used += length;
    text->data[text->used] = '\0';
}

void ivx_text_add(struct ivx_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);

    if (length < 0)
        text->failed = true;
    else if (make_room(text, (size_t)length)) {
        vsnprintf(text->data + text->used, (size_t)length + 1, format, again);
        text->used += (size_t)length;
    }
    va_end(again);
}

void ivx_text_free(struct ivx_text *text)
{
    free(text->data);
    *text = (struct ivx_text){ 0 };
}

bool ivx_text_copy(char *out, size_t room, const char *from)
{
    const size_t length = strlen(from);
    const size_t kept = length < room ? length : room - 1;
    memcpy(out, from, kept);
    out[kept] = '\0';
    return kept == length;
}

bool ivx_text_to_int64(const char *from, long long *out)
{
    if (!isdigit((unsigned char)*from) && *from != '-' && *from != '+')
        return false;
    char *end;
    errno = 0;
    const long long value = strtoll(from, &end, 10);
    if (errno != 0 || end == from || *end != '\0')
        return false;
    *out = value;
    return true;
}

bool ivx_text_to_double(const char *from, double *out)
{
    if (*from == '\0' || isspace((unsigned char)*from))
        return false;
    char *end;
    errno = 0;
    const double value = strtod(from, &end);
    if (end == from || *end != '\0' || !isfinite(value))
        return false;
    *out = value;
    return true;
}

bool ivx_text_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?'
                   || (*pattern != '\0'
                       && tolower((unsigned char)*pattern) == tolower((unsigned char)*text))) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

void ivx_text_hex(const unsigned char *bytes, size_t length, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t n = 0; n < length; n++) {
        out[2 * n] = digits[bytes[n] >> 4];
        out[2 * n + 1] = digits[bytes[n] & 15];
    }
    out[2 * length] = '\0';
}
