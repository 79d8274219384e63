#include "isovox/sys/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isovox/base/text.h"
#include "isovox/sys/clock.h"
#include "isovox/sys/hash.h"

/* The process's log settings: written once at start, read everywhere. */
static enum ivx_level threshold = IVX_INFO;
static char role_name[24] = "isovox";
static char secret[65];

void ivx_log_start(const char *role, enum ivx_level most)
{
    ivx_text_copy(role_name, sizeof role_name, role);
    threshold = most;
}

void ivx_log_key(const char *key)
{
    ivx_text_copy(secret, sizeof secret, key);
}

void ivx_log_uid(const char *uid, char out[13])
{
    char keyed[160];
    uint8_t digest[IVX_SHA256_SIZE];
    const int length = snprintf(keyed, sizeof keyed, "%s|%s", secret, uid);
    const size_t used = length < (int)sizeof keyed ? (size_t)length : sizeof keyed - 1;
    ivx_hash_once(keyed, used, digest);
    ivx_text_hex(digest, 6, out);
}

/* One event is one line, whatever a peer has put into it. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

void ivx_log(enum ivx_level level, const char *event, const char *fields, ...)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    if (level > threshold)
        return;

    char when[32], text[1024], line[1200];
    ivx_clock_iso(ivx_clock_wall_us(), when);
    va_list args;
    va_start(args, fields);
    vsnprintf(text, sizeof text, fields, args);
    va_end(args);
    make_printable(text);

    const int length = snprintf(line, sizeof line - 1, "time=%s level=%s role=%s event=%s%s%s",
                                when, names[level], role_name, event,
                                text[0] == '\0' ? "" : " ", text);
    size_t used = length < (int)sizeof line - 1 ? (size_t)length : sizeof line - 2;
    line[used++] = '\n';
    /* One write, so that lines of several processes do not mix. A log that cannot be
     * written is nobody's to report. */
    if (write(STDERR_FILENO, line, used) == -1)
        return;
}
