#include "encoding.h"

#include <string.h>

#include "isovox/dicom/inflate.h"

uint16_t ivx_get16(const uint8_t *bytes, bool big_endian)
{
    const int first = bytes[!big_endian], second = bytes[big_endian];
    return (uint16_t)(first << 8 | second);
}

uint32_t ivx_get32(const uint8_t *bytes, bool big_endian)
{
    const uint32_t first = ivx_get16(bytes, big_endian), second = ivx_get16(bytes + 2, big_endian);
    return big_endian ? first << 16 | second : second << 16 | first;
}

uint32_t ivx_get_tag(const uint8_t *bytes, bool big_endian)
{
    return (uint32_t)ivx_get16(bytes, big_endian) << 16 | ivx_get16(bytes + 2, big_endian);
}

bool ivx_vr_is_short(const char *vr)
{
    static const char list[] = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US ";
    for (const char *known = list; *known != '\0'; known += 3)
        if (known[0] == vr[0] && known[1] == vr[1])
            return true;
    return false;
}

bool ivx_vr_is_letters(const uint8_t *vr)
{
    return vr[0] >= 'A' && vr[0] <= 'Z' && vr[1] >= 'A' && vr[1] <= 'Z';
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

bool ivx_syntax_encoding(const char *uid, bool *explicit_vr_out, bool *big_endian_out)
{
    *explicit_vr_out = strcmp(uid, IVX_SYNTAX_IMPLICIT) != 0;
    *big_endian_out = strcmp(uid, IVX_SYNTAX_EXPLICIT_BIG) == 0;
    /* All encapsulated syntaxes of the standard (JPEG family, MPEG: .4; RLE: .5) have an
     * Explicit VR Little Endian data set: PS3.5 A.4. */
    return !*explicit_vr_out || *big_endian_out || strcmp(uid, IVX_SYNTAX_EXPLICIT) == 0
           || strcmp(uid, IVX_SYNTAX_DEFLATED) == 0 || starts(uid, "1.2.840.10008.1.2.4.")
           || strcmp(uid, "1.2.840.10008.1.2.5") == 0;
}
