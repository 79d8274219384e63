/* What the source is, by the crew: one task per object, however many of its frames are slices.
 * docs/MANIFEST.md defines both digests. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/base/text.h"
#include "isovox/dicom/inflate.h"
#include "isovox/sys/file.h"
#include "isovox/sys/hash.h"
#include "parts.h"

/* Stays in the inner caches between reading and hashing. */
enum { PIECE = 1 << 16 };

struct one {
    const struct ivx_instance *object;
    uint8_t contents[IVX_SHA256_SIZE], pixels[IVX_SHA256_SIZE];
    bool shown; /* pixels is known */
    bool done;
    struct ivx_err err;
};

struct ivx_digests {
    const struct ivx_source_volume *source;
    int objects;
    struct one *one;       /* by address of the object */
    const char **contents; /* one allocation with its texts */
};

/* An object's bytes; a deflated data set is inflated in its place (isovox/dicom/scan.h). */
struct bytes {
    const struct ivx_instance *object;
    int fd;
    struct ivx_inflate *inflate;
    uint64_t length;
};

static void bytes_close(struct bytes *bytes)
{
    ivx_inflate_free(&bytes->inflate);
    ivx_fd_close(&bytes->fd);
}

static bool bytes_open(const struct ivx_instance *object, struct bytes *out, struct ivx_err *err)
{
    out->object = object;
    out->length = object->blob.length;
    out->fd = open(object->blob.path, O_RDONLY | O_CLOEXEC);
    if (out->fd == -1)
        return ivx_fail_errno(err, "open", object->blob.path);
    if (object->deflated_at == 0)
        return true;
    uint64_t inflated;
    if (!ivx_inflate_new(out->fd, &object->blob, object->deflated_at, &out->inflate, err)
        || !ivx_inflate_measure(out->inflate, &inflated, err))
        return false;
    out->length = object->deflated_at + inflated;
    return true;
}

static bool bytes_read(struct bytes *bytes, uint64_t at, void *out, size_t size,
                       struct ivx_err *err)
{
    const struct ivx_instance *object = bytes->object;
    if (bytes->inflate != NULL)
        return ivx_inflate_read(bytes->inflate, at - object->deflated_at, out, size, err);
    return ivx_fd_pread(bytes->fd, out, size, object->blob.offset + at, object->blob.path, err);
}

static bool hash_range(struct bytes *bytes, uint64_t from, uint64_t to, struct ivx_hash *hash,
                       struct ivx_err *err)
{
    uint8_t piece[PIECE];
    for (uint64_t at = from; at < to;) {
        const size_t size = to - at < PIECE ? (size_t)(to - at) : PIECE;
        if (!bytes_read(bytes, at, piece, size, err))
            return false;
        ivx_hash_add(hash, piece, size);
        at += size;
    }
    return true;
}

static bool hash_pixels(struct bytes *bytes, struct one *one, struct ivx_err *err)
{
    IVX_AUTO(ivx_hash_free) struct ivx_hash *pixels = NULL;
    const uint64_t from = one->object->pixel_offset, to = from + one->object->pixel_length;
    if (one->shown)
        return true;
    if (!ivx_hash_new(&pixels, err) || !hash_range(bytes, from, to, pixels, err))
        return false;
    ivx_hash_finish(pixels, one->pixels);
    return true;
}

/* The meta header is not in it, but for the syntax: the same instance has another one in every
 * place where it is kept. */
static bool hash_object(struct bytes *bytes, struct one *one, struct ivx_err *err)
{
    IVX_AUTO(ivx_hash_free) struct ivx_hash *header = NULL;
    const struct ivx_instance *object = one->object;
    const uint64_t from = object->pixel_offset, to = from + object->pixel_length;
    uint8_t parts[2][IVX_SHA256_SIZE];
    if (from < object->data_set || to < from || to > bytes->length)
        return ivx_fail(err, IVX_DAMAGED, "convert: %s ends too early", object->sop_uid);
    if (!ivx_hash_new(&header, err))
        return false;
    ivx_hash_add_text(header, object->syntax);
    if (!hash_range(bytes, object->data_set, from, header, err)
        || !hash_pixels(bytes, one, err)
        || !hash_range(bytes, to, bytes->length, header, err))
        return false;
    ivx_hash_finish(header, parts[0]);
    memcpy(parts[1], one->pixels, sizeof parts[1]);
    ivx_hash_once(parts, sizeof parts, one->contents);
    return true;
}

static void hash_one(void *argument, int n)
{
    struct one *one = (struct one *)argument + n;
    IVX_AUTO(bytes_close) struct bytes bytes = { .fd = -1 };
    one->done = bytes_open(one->object, &bytes, &one->err)
                && hash_object(&bytes, one, &one->err);
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

static struct one *find(const struct ivx_digests *digests, int32_t k)
{
    const struct one key = { .object = ivx_instance_object(digests->source->slices[k]) };
    return bsearch(&key, digests->one, (size_t)digests->objects, sizeof key, by_object);
}

/* Lines of "<digest>\n", or "<digest> <frame number>\n". */
static bool join_pixels(const struct ivx_digests *digests, char out[IVX_SHA256_HEX],
                        struct ivx_err *err)
{
    IVX_AUTO(ivx_hash_free) struct ivx_hash *hash = NULL;
    if (!ivx_hash_new(&hash, err))
        return false;
    for (int32_t k = 0; k < digests->source->stack.slices; k++) {
        const int frame = digests->source->slices[k]->frame_number;
        char hex[IVX_SHA256_HEX], line[IVX_SHA256_HEX + 16];
        ivx_text_hex(find(digests, k)->pixels, IVX_SHA256_SIZE, hex);
        const int length = frame > 0 ? snprintf(line, sizeof line, "%s %d\n", hex, frame)
                                     : snprintf(line, sizeof line, "%s\n", hex);
        ivx_hash_add(hash, line, (size_t)length);
    }
    ivx_hash_finish_hex(hash, out);
    return true;
}

static bool list_contents(struct ivx_digests *digests, struct ivx_err *err)
{
    /* One allocation: the pointers, then the texts that they point to. */
    const int32_t count = digests->source->stack.slices;
    const char **made = calloc((size_t)count, sizeof(char *) + IVX_SHA256_HEX);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    char *text = (char *)(made + count);
    for (int32_t k = 0; k < count; k++, text += IVX_SHA256_HEX) {
        ivx_text_hex(find(digests, k)->contents, IVX_SHA256_SIZE, text);
        made[k] = text;
    }
    digests->contents = made;
    return true;
}

bool ivx_digests_new(const struct ivx_source_volume *source, struct ivx_digests **out,
                     struct ivx_err *err)
{
    IVX_AUTO(ivx_digests_free) struct ivx_digests *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    made->source = source;
    made->one = calloc((size_t)source->stack.slices, sizeof *made->one);
    if (made->one == NULL)
        return ivx_fail(err, IVX_FULL, "convert: no memory");
    made->objects = list_objects(source, made->one);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_digests_tap(void *digests, int32_t k, const uint8_t *bytes, size_t length)
{
    struct one *one = find(digests, k);
    if (one->shown)
        return;
    ivx_hash_once(bytes, length, one->pixels);
    one->shown = true;
}

bool ivx_digests_finish(struct ivx_digests *digests, const struct ivx_crew *crew,
                        char pixels_out[IVX_SHA256_HEX], struct ivx_err *err)
{
    crew->run(crew->crew, hash_one, digests->one, digests->objects);
    for (int n = 0; n < digests->objects; n++)
        if (!digests->one[n].done)
            return ivx_fail(err, digests->one[n].err.code, "%s", digests->one[n].err.text);
    return join_pixels(digests, pixels_out, err) && list_contents(digests, err);
}

const char *const *ivx_digests_contents(const struct ivx_digests *digests)
{
    return digests->contents;
}

void ivx_digests_free(struct ivx_digests **digests)
{
    struct ivx_digests *old = *digests;
    if (old == NULL)
        return;
    free(old->one);
    free(old->contents);
    free(old);
    *digests = NULL;
}
