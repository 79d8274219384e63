/* SHA-256 of every source file, by the crew: one task per file, however many of its frames
 * are slices. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/sys/file.h"
#include "isovox/sys/hash.h"
#include "parts.h"

/* Stays in the inner caches between reading and hashing. */
enum { PIECE = 1 << 16 };

struct one {
    const struct ivx_instance *object;
    char hex[IVX_SHA256_HEX];
    bool done;
    struct ivx_err err;
};

static bool hash_blob(const struct ivx_blob *blob, uint8_t out[IVX_SHA256_SIZE],
                      struct ivx_err *err)
{
    IVX_AUTO(ivx_hash_free) struct ivx_hash *hash = NULL;
    uint8_t bytes[PIECE];
    IVX_AUTO(ivx_fd_close) int fd = open(blob->path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return ivx_fail_errno(err, "open", blob->path);
    if (!ivx_hash_new(&hash, err))
        return false;
    for (uint64_t at = 0; at < blob->length;) {
        const uint64_t rest = blob->length - at;
        const size_t size = rest < PIECE ? (size_t)rest : PIECE;
        if (!ivx_fd_pread(fd, bytes, size, blob->offset + at, blob->path, err))
            return false;
        ivx_hash_add(hash, bytes, size);
        at += size;
    }
    ivx_hash_finish(hash, out);
    return true;
}

static void hash_one(void *argument, int n)
{
    struct one *one = (struct one *)argument + n;
    uint8_t digest[IVX_SHA256_SIZE];
    if (!hash_blob(&one->object->blob, digest, &one->err))
        return;
    ivx_text_hex(digest, sizeof digest, one->hex);
    one->done = true;
}

static int by_object(const void *a, const void *b)
{
    const uintptr_t left = (uintptr_t)((const struct one *)a)->object;
    const uintptr_t right = (uintptr_t)((const struct one *)b)->object;
    return (left > right) - (left < right);
}

static int list_objects(const struct ivx_source_volume *source, struct one *one)
{
    const int slices = source->stack.slices;
    for (int k = 0; k < slices; k++)
        one[k].object = ivx_instance_object(source->slices[k]);
    qsort(one, (size_t)slices, sizeof *one, by_object);
    int count = 1;
    for (int k = 1; k < slices; k++)
        if (one[k].object != one[count - 1].object)
            one[count++].object = one[k].object;
    return count;
}

static bool collect(const struct ivx_source_volume *source, const struct one *one, int objects,
                    const char ***out, struct ivx_err *err)
{
    /* One allocation: the pointers, then the texts that they point to. */
    const size_t count = (size_t)source->stack.slices, each = sizeof(char *) + IVX_SHA256_HEX;
    const char **made = calloc(count, each);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    char *text = (char *)(made + count);
    for (size_t k = 0; k < count; k++) {
        const struct one key = { .object = ivx_instance_object(source->slices[k]) };
        const struct one *found = bsearch(&key, one, (size_t)objects, sizeof key, by_object);
        made[k] = text + k * IVX_SHA256_HEX;
        ivx_text_copy(text + k * IVX_SHA256_HEX, IVX_SHA256_HEX, found->hex);
    }
    *out = made;
    return true;
}

bool ivx_sources_hash(const struct ivx_source_volume *source, const struct ivx_crew *crew,
                      const char ***out, struct ivx_err *err)
{
    const size_t slices = (size_t)source->stack.slices;
    IVX_AUTO(ivx_memory_free) struct one *one = calloc(slices, sizeof *one);
    if (one == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    const int count = list_objects(source, one);
    crew->run(crew->crew, hash_one, one, count);
    for (int n = 0; n < count; n++)
        if (!one[n].done)
            return ivx_fail(err, one[n].err.code, "%s", one[n].err.text);
    return collect(source, one, count, out, err);
}
