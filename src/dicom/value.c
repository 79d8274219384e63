#include "isovox/dicom/scan.h"

#include <fcntl.h>
#include <string.h>

#include "encoding.h"
#include "isovox/base/auto.h"
#include "isovox/base/text.h"

static bool padding(uint8_t byte)
{
    return byte == ' ' || byte == '\0';
}

bool ivx_scan_text(const struct ivx_scan_element *element, char *out, size_t room)
{
    const uint8_t *from = element->value;
    size_t length = from != NULL ? (size_t)element->length : 0;
    while (length > 0 && padding(*from)) {
        from++;
        length--;
    }
    const uint8_t *end = length > 0 ? memchr(from, '\0', length) : NULL;
    if (end != NULL)
        length = (size_t)(end - from);
    while (length > 0 && padding(from[length - 1]))
        length--;

    const size_t kept = length < room ? length : room - 1;
    if (kept > 0)
        memcpy(out, from, kept);
    out[kept] = '\0';
    return kept == length;
}

static bool one_decimal(const uint8_t *from, size_t length, double *out)
{
    char text[65]; /* DS allows 16; files with full doubles are seen */
    const struct ivx_scan_element part = { .value = from, .length = length };
    return ivx_scan_text(&part, text, sizeof text) && ivx_text_to_double(text, out);
}

int ivx_scan_decimals(const struct ivx_scan_element *element, double *out, int most)
{
    const uint8_t *from = element->value;
    size_t left = from != NULL ? (size_t)element->length : 0;
    int count = 0;
    while (left > 0 && count < most) {
        const uint8_t *stop = memchr(from, '\\', left);
        const size_t length = stop != NULL ? (size_t)(stop - from) : left;
        if (!one_decimal(from, length, &out[count++]))
            return -1;
        const size_t used = stop != NULL ? length + 1 : length;
        from += used;
        left -= used;
    }
    return count;
}

bool ivx_scan_u16(const struct ivx_scan_element *element, int n, uint16_t *out)
{
    const size_t at = (size_t)n * 2;
    if (element->value == NULL || element->length < at + 2)
        return false;
    *out = ivx_get16(element->value + at, element->big_endian);
    return true;
}

/* Without a preamble: the group of the first element is 0002, 0004 or 0008, whose elements
 * come first, with a length or a value representation that makes sense. */
static bool raw_data_set(const uint8_t *bytes, size_t length)
{
    if (length < 8)
        return false;
    const bool big_endian = bytes[0] == 0;
    const uint8_t group = big_endian ? bytes[1] : bytes[0];
    const uint8_t zero = big_endian ? bytes[0] : bytes[1];
    if (zero != 0 || (group != 2 && group != 4 && group != 8))
        return false;
    const bool letters = bytes[4] >= 'A' && bytes[4] <= 'Z' && bytes[5] >= 'A'
                         && bytes[5] <= 'Z';
    return letters || (!big_endian && bytes[6] == 0 && bytes[7] == 0);
}

bool ivx_scan_looks_like_dicom(const struct ivx_blob *blob)
{
    uint8_t bytes[132];
    const size_t length = blob->length < sizeof bytes ? (size_t)blob->length : sizeof bytes;
    IVX_AUTO(ivx_fd_close) int fd = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 || !ivx_fd_pread(fd, bytes, length, blob->offset, "sniff", NULL))
        return false;
    return (length == sizeof bytes && memcmp(bytes + 128, "DICM", 4) == 0)
           || (length >= 4 && memcmp(bytes, "DICM", 4) == 0) || raw_data_set(bytes, length);
}
