/* SHA-256 of every source file, by the crew: one task per slice. */
#include <stdlib.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/file.h"
#include "isovox/sys/hash.h"
#include "parts.h"

struct one {
    char hex[IVX_SHA256_HEX];
    bool done;
    struct ivx_err err;
};

struct all {
    const struct ivx_source_volume *source;
    struct one *one;
};

static void hash_one(void *argument, int k)
{
    const struct all *all = argument;
    struct one *one = &all->one[k];
    const struct ivx_blob *blob = &all->source->slices[k]->blob;
    IVX_AUTO(ivx_memory_free) uint8_t *bytes = NULL;
    if (!ivx_blob_read(blob, &bytes, &one->err))
        return;
    uint8_t digest[IVX_SHA256_SIZE];
    ivx_hash_once(bytes, (size_t)blob->length, digest);
    ivx_text_hex(digest, sizeof digest, one->hex);
    one->done = true;
}

static bool collect(const struct one *one, int count, const char ***out,
                    struct ivx_err *err)
{
    /* One allocation: the pointers, then the texts that they point to. */
    const size_t each = sizeof(char *) + IVX_SHA256_HEX;
    const char **made = calloc((size_t)count, each);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    char *text = (char *)(made + count);
    for (int k = 0; k < count; k++) {
        made[k] = text + (size_t)k * IVX_SHA256_HEX;
        ivx_text_copy(text + (size_t)k * IVX_SHA256_HEX, IVX_SHA256_HEX, one[k].hex);
    }
    *out = made;
    return true;
}

bool ivx_sources_hash(const struct ivx_source_volume *source, const struct ivx_crew *crew,
                      const char ***out, struct ivx_err *err)
{
    const int count = source->stack.slices;
    IVX_AUTO(ivx_memory_free) struct one *one = calloc((size_t)count, sizeof *one);
    if (one == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    struct all all = { source, one };
    crew->run(crew->crew, hash_one, &all, count);
    for (int k = 0; k < count; k++)
        if (!one[k].done)
            return ivx_fail(err, one[k].err.code, "%s", one[k].err.text);
    return collect(one, count, out, err);
}
