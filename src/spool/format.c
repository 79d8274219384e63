#include "format.h"

#include <assert.h>
#include <string.h>

static const char page_magic[8] = "IVXSEG\r\n";
static const char slot_magic[8] = "IVXREC\r\n";
static const char end_magic[8] = "IVXEND\r\n";

/* Offsets within page 0 and within a header; the digest comes last. */
enum {
    PAGE_VERSION = 8,
    PAGE_NUMBER = 16,
    PAGE_KEY = 24,
    PAGE_BOOT = 40,
    PAGE_DIGEST = 56
};
enum {
    AT_VERSION = 8,
    AT_KIND = 10,
    AT_SLOT = 16,
    AT_LENGTH = 24,
    AT_RECEIVED = 32,
    AT_SHA = 40,
    AT_TEXTS = 72,
    AT_DIGEST = IVX_HEADER_SIZE - IVX_SHA256_SIZE
};
_Static_assert(AT_TEXTS + 3 * IVX_UID_ROOM + 2 * IVX_AE_ROOM + 64 + 48 <= AT_DIGEST,
               "the texts of a record fit its header");

/* A longer payload is no instance: 2^40 keeps every sum of offsets far from overflow. */
static const uint64_t longest_payload = UINT64_C(1) << 40;

static void put(uint8_t *out, uint64_t value, int bytes)
{
    for (int n = 0; n < bytes; n++)
        out[n] = (uint8_t)(value >> (8 * n));
}

static uint64_t get(const uint8_t *in, int bytes)
{
    uint64_t value = 0;
    for (int n = 0; n < bytes; n++)
        value |= (uint64_t)in[n] << (8 * n);
    return value;
}

void ivx_page_encode(const struct ivx_page *page, uint8_t out[IVX_SLOT_ALIGN])
{
    memset(out, 0, IVX_SLOT_ALIGN);
    memcpy(out, page_magic, sizeof page_magic);
    put(out + PAGE_VERSION, IVX_FORMAT_VERSION, 8);
    put(out + PAGE_NUMBER, page->number, 8);
    memcpy(out + PAGE_KEY, page->key, IVX_KEY_SIZE);
    memcpy(out + PAGE_BOOT, page->boot, IVX_BOOT_SIZE);
    ivx_hash_once(out, PAGE_DIGEST, out + PAGE_DIGEST);
}

bool ivx_page_decode(const uint8_t bytes[IVX_SLOT_ALIGN], struct ivx_page *out)
{
    uint8_t digest[IVX_SHA256_SIZE];
    ivx_hash_once(bytes, PAGE_DIGEST, digest);
    if (memcmp(bytes, page_magic, sizeof page_magic) != 0
        || memcmp(bytes + PAGE_DIGEST, digest, sizeof digest) != 0
        || get(bytes + PAGE_VERSION, 8) != IVX_FORMAT_VERSION)
        return false;
    out->number = get(bytes + PAGE_NUMBER, 8);
    memcpy(out->key, bytes + PAGE_KEY, IVX_KEY_SIZE);
    memcpy(out->boot, bytes + PAGE_BOOT, IVX_BOOT_SIZE);
    return true;
}

static void keyed_digest(const uint8_t key[IVX_KEY_SIZE], const uint8_t *bytes,
                         size_t length, uint8_t out[IVX_SHA256_SIZE])
{
    uint8_t keyed[IVX_KEY_SIZE + IVX_HEADER_SIZE];
    assert(length <= IVX_HEADER_SIZE);
    memcpy(keyed, key, IVX_KEY_SIZE);
    memcpy(keyed + IVX_KEY_SIZE, bytes, length);
    ivx_hash_once(keyed, IVX_KEY_SIZE + length, out);
}

/* The texts in the order in which they stand in a header. */
static struct field {
    char *text;
    size_t room;
} field_of(struct ivx_record *record, int n)
{
    const struct field fields[] = {
        { record->sop_class, sizeof record->sop_class },
        { record->sop_uid, sizeof record->sop_uid },
        { record->syntax, sizeof record->syntax },
        { record->calling_ae, sizeof record->calling_ae },
        { record->called_ae, sizeof record->called_ae },
        { record->peer, sizeof record->peer },
        { record->association, sizeof record->association },
    };
    return fields[n];
}
enum { FIELD_COUNT = 7 };

void ivx_header_encode(const struct ivx_record *record, uint64_t slot,
                       const uint8_t key[IVX_KEY_SIZE], uint8_t out[IVX_HEADER_SIZE])
{
    struct ivx_record copy = *record;
    memset(out, 0, IVX_HEADER_SIZE);
    memcpy(out, slot_magic, sizeof slot_magic);
    put(out + AT_VERSION, IVX_FORMAT_VERSION, 2);
    put(out + AT_KIND, (uint64_t)record->kind, 2);
    put(out + AT_SLOT, slot, 8);
    put(out + AT_LENGTH, record->length, 8);
    put(out + AT_RECEIVED, (uint64_t)record->received_us, 8);
    memcpy(out + AT_SHA, record->sha256, IVX_SHA256_SIZE);

    uint8_t *next = out + AT_TEXTS;
    for (int n = 0; n < FIELD_COUNT; n++) {
        const struct field field = field_of(&copy, n);
        memcpy(next, field.text, strnlen(field.text, field.room - 1));
        next += field.room;
    }
    keyed_digest(key, out, AT_DIGEST, out + AT_DIGEST);
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
    for (size_t n = 0; n < length; n++)
        if (bytes[n] != 0)
            return false;
    return true;
}

enum ivx_slot_state ivx_header_decode(const uint8_t header[IVX_HEADER_SIZE],
                                      uint64_t slot, const uint8_t key[IVX_KEY_SIZE],
                                      struct ivx_record *out)
{
    if (memcmp(header, slot_magic, sizeof slot_magic) != 0)
        return all_zero(header, IVX_HEADER_SIZE) ? IVX_SLOT_EMPTY : IVX_SLOT_BAD;

    uint8_t digest[IVX_SHA256_SIZE];
    keyed_digest(key, header, AT_DIGEST, digest);
    const uint64_t kind = get(header + AT_KIND, 2);
    if (memcmp(header + AT_DIGEST, digest, sizeof digest) != 0
        || get(header + AT_VERSION, 2) != IVX_FORMAT_VERSION
        || get(header + AT_SLOT, 8) != slot
        || get(header + AT_LENGTH, 8) > longest_payload || kind < IVX_RECORD_INSTANCE
        || kind > IVX_RECORD_BROKEN)
        return IVX_SLOT_BAD;

    *out = (struct ivx_record){
        .kind = (enum ivx_record_kind)kind,
        .received_us = (int64_t)get(header + AT_RECEIVED, 8),
        .offset = slot + IVX_HEADER_SIZE,
        .length = get(header + AT_LENGTH, 8),
    };
    memcpy(out->sha256, header + AT_SHA, IVX_SHA256_SIZE);
    const uint8_t *next = header + AT_TEXTS;
    for (int n = 0; n < FIELD_COUNT; n++) {
        const struct field field = field_of(out, n);
        memcpy(field.text, next, field.room - 1);
        next += field.room;
    }
    return IVX_SLOT_RECORD;
}

void ivx_end_encode(const struct ivx_record *record, uint64_t slot,
                    const uint8_t key[IVX_KEY_SIZE], uint8_t out[IVX_END_SIZE])
{
    uint8_t covered[16 + IVX_SHA256_SIZE], digest[IVX_SHA256_SIZE];
    put(covered, slot, 8);
    put(covered + 8, record->length, 8);
    memcpy(covered + 16, record->sha256, IVX_SHA256_SIZE);
    keyed_digest(key, covered, sizeof covered, digest);
    memcpy(out, end_magic, sizeof end_magic);
    memcpy(out + sizeof end_magic, digest, IVX_END_SIZE - sizeof end_magic);
}

uint64_t ivx_slot_after(uint64_t slot, uint64_t length)
{
    const uint64_t end = slot + IVX_HEADER_SIZE + length + IVX_END_SIZE;
    return (end + IVX_SLOT_ALIGN - 1) / IVX_SLOT_ALIGN * IVX_SLOT_ALIGN;
}
