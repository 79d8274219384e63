#include "syntax.h"

#include <string.h>

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
           || starts(uid, "1.2.840.10008.1.2.4.") || strcmp(uid, "1.2.840.10008.1.2.5") == 0;
}
