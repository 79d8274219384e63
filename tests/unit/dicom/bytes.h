/* bytes.h - DICOM objects made byte by byte, right ones and wrong ones, independent of the
 * library that writes ours. PS3.5 chapter 7. */
#ifndef IVX_TEST_BYTES_H
#define IVX_TEST_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BYTES_UNDEFINED 0xFFFFFFFFu

struct bytes {
    uint8_t *data; /* owned */
    size_t used, room;
    bool explicit_vr, big_endian; /* how the next elements are written */
};

void bytes_free(struct bytes *bytes);
void bytes_raw(struct bytes *bytes, const void *from, size_t length);
void bytes_u16(struct bytes *bytes, uint16_t value);
void bytes_u32(struct bytes *bytes, uint32_t value);

/* Tag, value representation and length; the value is up to the caller. */
void bytes_header(struct bytes *bytes, uint32_t tag, const char *vr, uint32_t length);
/* A whole element; an odd text is padded. */
void bytes_text(struct bytes *bytes, uint32_t tag, const char *vr, const char *value);
void bytes_short(struct bytes *bytes, uint32_t tag, uint16_t value);
/* Item and delimiters: no value representation in any syntax. */
void bytes_mark(struct bytes *bytes, uint32_t tag, uint32_t length);

/* Preamble, DICM and a meta header with the syntax; then elements follow in its encoding. */
void bytes_start(struct bytes *bytes, const char *syntax);

/* The bytes as a file in memory; path has room for 64. */
int bytes_file(const struct bytes *bytes, char *path);

#endif
