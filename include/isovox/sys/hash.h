/* hash.h - SHA-256 (OpenSSL). */
#ifndef IVX_SYS_HASH_H
#define IVX_SYS_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "isovox/base/err.h"

enum { IVX_SHA256_SIZE = 32, IVX_SHA256_HEX = 65 };

struct ivx_hash; /* opaque; not thread-safe */

bool ivx_hash_new(struct ivx_hash **out, struct ivx_err *err);
void ivx_hash_free(struct ivx_hash **hash);
void ivx_hash_add(struct ivx_hash *hash, const void *bytes, size_t length);
/* Adds the text and a terminating NUL, so that {"ab","c"} and {"a","bc"} differ. */
void ivx_hash_add_text(struct ivx_hash *hash, const char *text);
/* The digest; afterwards the hash is empty and may be used again. */
void ivx_hash_finish(struct ivx_hash *hash, uint8_t out[IVX_SHA256_SIZE]);
void ivx_hash_finish_hex(struct ivx_hash *hash, char out[IVX_SHA256_HEX]);

void ivx_hash_once(const void *bytes, size_t length, uint8_t out[IVX_SHA256_SIZE]);

#endif
