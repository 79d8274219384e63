/* text.h - text that grows, and text that must fit. No system call. */
#ifndef IVX_BASE_TEXT_H
#define IVX_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts as { 0 }. When memory runs out `failed` is set, nothing more is
 * appended, and the owner asks once, at the end. */
struct ivx_text {
    char *data; /* always terminated once something was appended */
    size_t used, room;
    bool failed;
};

void ivx_text_add(struct ivx_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ivx_text_add_bytes(struct ivx_text *text, const void *bytes, size_t length);
void ivx_text_free(struct ivx_text *text);

/* Copy with termination into room bytes; false when it was cut. */
bool ivx_text_copy(char *out, size_t room, const char *from);

/* Whole-string conversions: no leading space, no trailing garbage, in range. */
bool ivx_text_to_int64(const char *from, long long *out);
bool ivx_text_to_double(const char *from, double *out);

/* Does `text` match the glob `pattern` (* and ?), case ignored? */
bool ivx_text_glob(const char *pattern, const char *text);

/* 2n lower-case hexadecimal digits and a terminator into out. */
void ivx_text_hex(const unsigned char *bytes, size_t length, char *out);

#ifdef __cplusplus
}
#endif
#endif
