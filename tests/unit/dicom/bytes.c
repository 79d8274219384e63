#include "bytes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){ 0 };
}

void bytes_raw(struct bytes *bytes, const void *from, size_t length)
{
    if (length == 0)
        return;
    while (bytes->room - bytes->used < length) {
        bytes->room = bytes->room == 0 ? 1024 : bytes->room * 2;
        bytes->data = realloc(bytes->data, bytes->room);
        ck_assert_ptr_nonnull(bytes->data);
    }
    memcpy(bytes->data + bytes->used, from, length);
    bytes->used += length;
}

void bytes_u16(struct bytes *bytes, uint16_t value)
{
    const uint8_t low = (uint8_t)value, high = (uint8_t)(value >> 8);
    const uint8_t out[2] = { bytes->big_endian ? high : low, bytes->big_endian ? low : high };
    bytes_raw(bytes, out, sizeof out);
}

void bytes_u32(struct bytes *bytes, uint32_t value)
{
    const uint16_t low = (uint16_t)value, high = (uint16_t)(value >> 16);
    bytes_u16(bytes, bytes->big_endian ? high : low);
    bytes_u16(bytes, bytes->big_endian ? low : high);
}

static bool long_form(const char *vr)
{
    return strstr("OB OD OF OL OV OW SQ SV UC UN UR UT UV", vr) != NULL;
}

void bytes_header(struct bytes *bytes, uint32_t tag, const char *vr, uint32_t length)
{
    bytes_u16(bytes, (uint16_t)(tag >> 16));
    bytes_u16(bytes, (uint16_t)tag);
    if (!bytes->explicit_vr) {
        bytes_u32(bytes, length);
        return;
    }
    bytes_raw(bytes, vr, 2);
    if (!long_form(vr)) {
        bytes_u16(bytes, (uint16_t)length);
        return;
    }
    bytes_u16(bytes, 0);
    bytes_u32(bytes, length);
}

void bytes_text(struct bytes *bytes, uint32_t tag, const char *vr, const char *value)
{
    const size_t length = strlen(value), padded = length + length % 2;
    bytes_header(bytes, tag, vr, (uint32_t)padded);
    bytes_raw(bytes, value, length);
    if (padded != length)
        bytes_raw(bytes, strcmp(vr, "UI") == 0 ? "\0" : " ", 1);
}

void bytes_short(struct bytes *bytes, uint32_t tag, uint16_t value)
{
    bytes_header(bytes, tag, "US", 2);
    bytes_u16(bytes, value);
}

void bytes_mark(struct bytes *bytes, uint32_t tag, uint32_t length)
{
    bytes_u16(bytes, (uint16_t)(tag >> 16));
    bytes_u16(bytes, (uint16_t)tag);
    bytes_u32(bytes, length);
}

void bytes_start(struct bytes *bytes, const char *syntax)
{
    static const uint8_t preamble[128];
    bytes->explicit_vr = true;
    bytes->big_endian = false;
    bytes_raw(bytes, preamble, sizeof preamble);
    bytes_raw(bytes, "DICM", 4);
    bytes_text(bytes, 0x00020010, "UI", syntax);
    bytes->explicit_vr = strcmp(syntax, "1.2.840.10008.1.2") != 0;
    bytes->big_endian = strcmp(syntax, "1.2.840.10008.1.2.2") == 0;
}

int bytes_file(const struct bytes *bytes, char *path)
{
    const int fd = memfd_create("isovox-test", MFD_CLOEXEC);
    ck_assert_int_ne(fd, -1);
    ck_assert_int_eq(pwrite(fd, bytes->data, bytes->used, 0), (ssize_t)bytes->used);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}
