/* sha256.h - FIPS 180-4, for a program that is cross-compiled without any library.
 * tests/golden/hashes.c checks it against the standard's example before it is used. */
#ifndef TESTS_GOLDEN_SHA256_H
#define TESTS_GOLDEN_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint8_t block[64];
    uint64_t length; /* bytes */
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t length);
void sha256_finish(struct sha256 *hash, char hex_out[65]);

#endif
