/* Texts by characters, in whatever character set the source has: PS3.5 6.1.1, 6.1.2. */
#include <string.h>

#include "internal.h"
#include "isovox/base/text.h"

enum { ESCAPE = 0x1b };

/* What bytes mean at a place of a text: how many of them make a character. G0: under 0x80,
 * G1: above (ISO 2022, PS3.5 6.1.2.3). */
struct sets {
    int g0, g1;
};

static bool is_lead(unsigned char byte)
{
    return byte >= 0x80;
}

/* UTF-8: what follows a first byte begins with the bits 10. */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = 1;
    while ((text[length] & 0xc0) == 0x80)
        length++;
    return length;
}

/* GB 18030 table 1, of which GBK is the part with two bytes. */
static size_t gb_length(const unsigned char *text)
{
    if (text[0] <= 0x80 || text[1] == '\0')
        return 1;
    const bool four = text[1] >= '0' && text[1] <= '9' && text[2] != '\0' && text[3] != '\0';
    return four ? 4 : 2;
}

static size_t sets_length(const unsigned char *text, const struct sets *sets)
{
    const int wanted = is_lead(text[0]) ? sets->g1 : sets->g0;
    /* Blanks and other controls are one byte in all sets. */
    return wanted == 2 && text[0] > ' ' && text[1] != '\0' ? 2 : 1;
}

/* ESC, intermediate bytes, a final one (ISO 2022 clause 13.2): '$' first means several bytes
 * per character; ')' or '-' that they go to G1. 0: no escape sequence. */
static size_t escape_length(const unsigned char *text, struct sets *sets)
{
    if (text[0] != ESCAPE)
        return 0;
    size_t length = 1;
    while (text[length] >= 0x20 && text[length] <= 0x2f)
        length++;
    if (text[length] < 0x30 || length == 1)
        return 0;
    const int bytes = text[1] == '$' ? 2 : 1;
    const unsigned char where = text[length - 1];
    if (where == ')' || where == '-')
        sets->g1 = bytes;
    else
        sets->g0 = bytes;
    return length + 1;
}

enum encoding { ONE_BYTE, UTF8, GB, CODE_EXTENSIONS, NOT_KNOWN };

/* Specific Character Set, PS3.3 C.12.1.1.2; several values, or one of ISO 2022: escapes. */
static enum encoding encoding_of(const char *charset)
{
    char name[64];
    if (charset == NULL)
        return ONE_BYTE;
    if (!ivx_text_copy(name, sizeof name, charset) || strchr(name, '\\') != NULL
        || strncmp(name, "ISO 2022 IR ", 12) == 0)
        return CODE_EXTENSIONS;
    for (size_t n = strlen(name); n > 0 && name[n - 1] == ' '; n--)
        name[n - 1] = '\0';
    if (strcmp(name, "ISO_IR 192") == 0)
        return UTF8;
    if (strcmp(name, "GB18030") == 0 || strcmp(name, "GBK") == 0)
        return GB;
    return strncmp(name, "ISO_IR ", 7) == 0 ? ONE_BYTE : NOT_KNOWN;
}

/* A text ends with the first character set in G0: JIS X 0201 (IR 13) or ISO 646. */
static const char *closing(const char *charset, const struct sets *sets)
{
    if (sets->g0 == 1)
        return "";
    const size_t first = strcspn(charset, "\\");
    return first >= 2 && strncmp(charset + first - 2, "13", 2) == 0 ? "\x1b(J" : "\x1b(B";
}

static size_t fit_extended(const unsigned char *text, const char *charset, size_t most,
                           const char **closing_out)
{
    struct sets sets = { 1, 1 }, at_end = sets;
    size_t end = 0, at = 0;
    for (size_t characters = 0; text[at] != '\0';) {
        const size_t escape = escape_length(text + at, &sets);
        if (escape > 0) {
            at += escape;
            continue;
        }
        if (characters++ == most)
            break;
        at += sets_length(text + at, &sets);
        end = at;
        at_end = sets;
    }
    if (text[at] == '\0') { /* all of it, with the escapes that end it */
        end = at;
        at_end = sets;
    }
    *closing_out = closing(charset, &at_end);
    return end;
}

size_t ivx_text_fit(const char *text, const char *charset, size_t most,
                    const char **closing_out)
{
    const unsigned char *bytes = (const unsigned char *)text;
    const enum encoding encoding = encoding_of(charset);
    size_t at = 0;
    *closing_out = "";
    if (encoding == CODE_EXTENSIONS)
        return fit_extended(bytes, charset, most, closing_out);
    for (size_t characters = 0; bytes[at] != '\0' && characters < most; characters++)
        at += encoding == UTF8 ? utf8_length(bytes + at)
              : encoding == GB ? gb_length(bytes + at)
                               : 1;
    if (encoding != NOT_KNOWN || bytes[at] == '\0')
        return at;
    /* A set that nobody knows: a text in it is left out rather than cut in a character. */
    for (const unsigned char *c = bytes; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            return 0;
    return at;
}
