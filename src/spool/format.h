/* format.h - the bytes of a segment. Integers are little-endian.
 *
 *   page 0, 1   twice the same: magic, version, number, key, boot, digest
 *   slots       each at a multiple of 4096: header (512), payload, end mark (32)
 *
 * A slot begins a page of its own, so that writing a record never touches the pages of
 * the one before it, which has been acknowledged. Header and end mark carry a digest that
 * is keyed with the segment's secret and covers the slot's offset: bytes that a peer puts
 * into a payload can never pass for a record, nor can a record at another place. */
#ifndef IVX_SPOOL_FORMAT_H
#define IVX_SPOOL_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "isovox/spool/spool.h"

enum {
    IVX_SLOT_ALIGN = 4096,
    IVX_FIRST_SLOT = 2 * IVX_SLOT_ALIGN,
    IVX_HEADER_SIZE = 512,
    IVX_END_SIZE = 32,
    IVX_KEY_SIZE = 16,
    IVX_BOOT_SIZE = 16,
    IVX_FORMAT_VERSION = 1
};

enum ivx_slot_state {
    IVX_SLOT_EMPTY,  /* zeros, or beyond the end of the file */
    IVX_SLOT_RECORD, /* a whole header of ours */
    IVX_SLOT_BAD     /* anything else */
};

struct ivx_page {
    uint64_t number;
    uint8_t key[IVX_KEY_SIZE];   /* the segment's secret */
    uint8_t boot[IVX_BOOT_SIZE]; /* in which it was made */
};
void ivx_page_encode(const struct ivx_page *page, uint8_t out[IVX_SLOT_ALIGN]);
/* Is this a first page of ours, in a version that we read? */
bool ivx_page_decode(const uint8_t bytes[IVX_SLOT_ALIGN], struct ivx_page *out);

/* record->length and ->sha256 are those of the payload. */
void ivx_header_encode(const struct ivx_record *record, uint64_t slot,
                       const uint8_t key[IVX_KEY_SIZE], uint8_t out[IVX_HEADER_SIZE]);
/* *out is written for IVX_SLOT_RECORD only; out->segment is left to the caller. */
enum ivx_slot_state ivx_header_decode(const uint8_t header[IVX_HEADER_SIZE],
                                      uint64_t slot, const uint8_t key[IVX_KEY_SIZE],
                                      struct ivx_record *out);

void ivx_end_encode(const struct ivx_record *record, uint64_t slot,
                    const uint8_t key[IVX_KEY_SIZE], uint8_t out[IVX_END_SIZE]);

/* Where the slot after a payload of `length` bytes in `slot` begins. */
uint64_t ivx_slot_after(uint64_t slot, uint64_t length);

#endif
