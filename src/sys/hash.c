#include "isovox/sys/hash.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "isovox/base/text.h"

struct ivx_hash {
    EVP_MD_CTX *context;
};

/* SHA-256 of OpenSSL cannot fail once its context exists; if it does all the same, going
 * on would record a wrong digest. */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

bool ivx_hash_new(struct ivx_hash **out, struct ivx_err *err)
{
    struct ivx_hash *made = calloc(1, sizeof *made);
    if (made != NULL)
        made->context = EVP_MD_CTX_new();
    if (made == NULL || made->context == NULL
        || EVP_DigestInit_ex(made->context, EVP_sha256(), NULL) != 1) {
        ivx_hash_free(&made);
        return ivx_fail(err, IVX_FULL, "hash: no memory");
    }
    *out = made;
    return true;
}

void ivx_hash_free(struct ivx_hash **hash)
{
    if (*hash == NULL)
        return;
    EVP_MD_CTX_free((*hash)->context);
    free(*hash);
    *hash = NULL;
}

void ivx_hash_add(struct ivx_hash *hash, const void *bytes, size_t length)
{
    must(EVP_DigestUpdate(hash->context, bytes, length));
}

void ivx_hash_add_text(struct ivx_hash *hash, const char *text)
{
    ivx_hash_add(hash, text, strlen(text) + 1);
}

void ivx_hash_finish(struct ivx_hash *hash, uint8_t out[IVX_SHA256_SIZE])
{
    must(EVP_DigestFinal_ex(hash->context, out, NULL));
    must(EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL));
}

void ivx_hash_finish_hex(struct ivx_hash *hash, char out[IVX_SHA256_HEX])
{
    uint8_t digest[IVX_SHA256_SIZE];
    ivx_hash_finish(hash, digest);
    ivx_text_hex(digest, sizeof digest, out);
}

void ivx_hash_once(const void *bytes, size_t length, uint8_t out[IVX_SHA256_SIZE])
{
    must(EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL));
}
