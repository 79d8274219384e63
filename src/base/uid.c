#include "isovox/base/uid.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void ivx_uid_of_bits(const unsigned char bits[16], int version, char out[65])
{
    unsigned char bytes[16];
    memcpy(bytes, bits, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);

    char digits[40];
    size_t first = sizeof digits;
    digits[--first] = '\0';
    for (bool more = true; more;) { /* long division by ten */
        unsigned rest = 0;
        more = false;
        for (int n = 0; n < 16; n++) {
            rest = rest << 8 | bytes[n];
            bytes[n] = (unsigned char)(rest / 10);
            rest %= 10;
            more = more || bytes[n] != 0;
        }
        digits[--first] = (char)('0' + rest);
    }
    snprintf(out, 65, "2.25.%s", digits + first);
}
