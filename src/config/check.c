#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "isovox/base/text.h"
#include "settings.h"

/* unit: "a, b or c" */
bool ivx_check_word(const char *text, const char *unit)
{
    const size_t length = strlen(text);
    if (length == 0 || strpbrk(text, ", ") != NULL)
        return false;
    for (const char *at = unit; (at = strstr(at, text)) != NULL; at += length) {
        const char after = at[length];
        if ((at == unit || at[-1] == ' ') && (after == ',' || after == ' ' || after == '\0'))
            return strcmp(text, "or") != 0;
    }
    return false;
}

static bool is_printable(const char *text, size_t most)
{
    const size_t length = strlen(text);
    if (length == 0 || length > most)
        return false;
    for (size_t n = 0; n < length; n++)
        if (iscntrl((unsigned char)text[n]))
            return false;
    return strspn(text, " ") < length;
}

/* PS3.5 table 6.2-1, VR AE. */
bool ivx_check_ae(const char *text, const char *unit)
{
    (void)unit;
    return is_printable(text, 16) && strchr(text, '\\') == NULL;
}

/* Names go into JSON, results and their header, whatever character set that has. */
bool ivx_check_name(const char *text, const char *unit)
{
    (void)unit;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c > 0x7e || *c == '"' || *c == '\\')
            return false;
    return is_printable(text, 64);
}

bool ivx_check_glob(const char *text, const char *unit)
{
    (void)unit;
    return is_printable(text, 64);
}

bool ivx_check_path(const char *text, const char *unit)
{
    (void)unit;
    return text[0] == '/' && is_printable(text, 3000);
}

bool ivx_network_parse(const char *text, unsigned char bytes_out[16], int *bits_out)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    const size_t length = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (length >= sizeof address)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';

    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    int shift = 0;
    if (inet_pton(AF_INET6, address, bytes_out) != 1) {
        if (inet_pton(AF_INET, address, bytes_out + 12) != 1)
            return false;
        memcpy(bytes_out, mapped, sizeof mapped);
        shift = 96;
    }
    long long bits = 128 - shift;
    if (slash != NULL && (!isdigit((unsigned char)slash[1])
                          || !ivx_text_to_int64(slash + 1, &bits) || bits > 128 - shift))
        return false;
    *bits_out = (int)bits + shift;
    return true;
}

bool ivx_network_has(const unsigned char network[16], int bits,
                     const unsigned char address[16])
{
    const int whole = bits / 8, rest = bits % 8;
    if (memcmp(network, address, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((network[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

bool ivx_check_network(const char *text, const char *unit)
{
    (void)unit;
    unsigned char bytes[16], masked[16] = { 0 };
    int bits;
    if (!ivx_network_parse(text, bytes, &bits))
        return false;
    /* 10.1.2.3/16 is a slip: bits beyond the prefix must be 0. */
    for (int n = 0; n < bits; n++)
        masked[n / 8] = (unsigned char)(masked[n / 8] | (bytes[n / 8] & (0x80 >> (n % 8))));
    return memcmp(bytes, masked, sizeof masked) == 0;
}

bool ivx_check_address(const char *text, const char *unit)
{
    unsigned char bytes[16];
    int bits;
    (void)unit;
    return strchr(text, '/') == NULL && ivx_network_parse(text, bytes, &bits);
}

/* RFC 1123 2.1; what consists of digits and dots is an address or nothing. */
bool ivx_check_host(const char *text, const char *unit)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (ivx_check_address(text, unit))
        return true;
    const size_t length = strlen(text);
    if (length == 0 || length > 253 || strpbrk(text, letters) == NULL)
        return false;
    for (const char *label = text; *label != '\0';) {
        const size_t size = strcspn(label, ".");
        if (size == 0 || size > 63 || label[0] == '-' || label[size - 1] == '-')
            return false;
        for (size_t n = 0; n < size; n++)
            if (!isalnum((unsigned char)label[n]) && label[n] != '-')
                return false;
        label += size;
        if (*label == '.' && *++label == '\0')
            return false;
    }
    return true;
}

bool ivx_check_antialias(const char *text, const char *unit)
{
    static const char mirp[] = "gauss-mirp:";
    double beta;
    if (strncmp(text, mirp, sizeof mirp - 1) != 0)
        return ivx_check_word(text, unit);
    return ivx_text_to_double(text + sizeof mirp - 1, &beta) && beta >= 0.01 && beta <= 1;
}

bool ivx_check_spacing(const char *text, const char *unit)
{
    (void)unit;
    double mm;
    return strcmp(text, "min") == 0 || strcmp(text, "native") == 0
           || (ivx_text_to_double(text, &mm) && mm >= 0.01 && mm <= 100.0);
}

double ivx_spacing_of(const char *good_text)
{
    double mm = strcmp(good_text, "native") == 0 ? -2.0 : -1.0; /* else "min" */
    (void)ivx_text_to_double(good_text, &mm);
    return mm;
}

bool ivx_check_bool(const char *text, const char *unit)
{
    (void)unit;
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || strcmp(text, "yes") == 0
           || strcmp(text, "no") == 0 || strcmp(text, "on") == 0 || strcmp(text, "off") == 0;
}

bool ivx_bool_of(const char *good_text)
{
    return good_text[0] == 't' || good_text[0] == 'y' || strcmp(good_text, "on") == 0;
}
