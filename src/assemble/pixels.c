#include "pixels.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "isovox/dicom/decode.h"
#include "isovox/dicom/inflate.h"

bool ivx_pixels_size(const struct ivx_instance *instance, uint64_t *bytes_out)
{
    const int64_t rows = instance->rows, columns = instance->columns;
    if (rows < 1 || columns < 1 || instance->bits_allocated < 8 || instance->frames < 1)
        return false;
    uint64_t bytes;
    if (__builtin_mul_overflow((uint64_t)rows, (uint64_t)columns, &bytes)
        || __builtin_mul_overflow(bytes, (uint64_t)instance->bits_allocated / 8, &bytes)
        || __builtin_mul_overflow(bytes, (uint64_t)instance->frames, &bytes))
        return false;
    *bytes_out = bytes;
    return true;
}

/* Explicit VR Big Endian with 8 bits allocated and OW: bytes stand in pairs, the second
 * pixel first (PS3.5 D.3 and 8.1.2). */
static bool swapped_pairs(const struct ivx_instance *instance)
{
    return instance->big_endian && instance->bits_allocated == 8 && !instance->pixel_bytes;
}

bool ivx_pixels_format_known(const struct ivx_instance *instance)
{
    const int32_t allocated = instance->bits_allocated, stored = instance->bits_stored;
    const int32_t high = instance->high_bit;
    if (allocated != 8 && allocated != 16 && allocated != 32)
        return false;
    if (stored < 1 || stored > allocated || high < stored - 1 || high >= allocated)
        return false;
    if (instance->pixel_representation != 0 && instance->pixel_representation != 1)
        return false;
    const bool odd = (int64_t)instance->rows * instance->columns % 2 != 0;
    if (swapped_pairs(instance) && odd)
        return false;
    return stored < 32 || instance->pixel_representation == 1; /* must fit int32_t */
}

static void forget_inflated(struct ivx_pixel_file *file)
{
    ivx_inflate_free(&file->inflate);
    file->inflated_for = NULL;
}

void ivx_pixel_file_close(struct ivx_pixel_file *file)
{
    forget_inflated(file);
    ivx_fd_close(&file->fd);
    free(file->path);
    free(file->packed);
    file->path = NULL;
    file->packed = NULL;
    file->room = 0;
}

static bool open_for(struct ivx_pixel_file *file, const char *path, struct ivx_err *err)
{
    if (file->fd != -1 && file->path != NULL && strcmp(file->path, path) == 0)
        return true;
    forget_inflated(file);
    ivx_fd_close(&file->fd);
    free(file->path);
    file->path = strdup(path);
    if (file->path == NULL)
        return ivx_fail(err, IVX_FULL, "pixels: no memory");
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    return file->fd != -1 || ivx_fail_errno(err, "open", path);
}

static bool read_deflated(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                          uint64_t offset, uint8_t *out, size_t bytes, struct ivx_err *err)
{
    const struct ivx_instance *object = ivx_instance_object(instance);
    if (file->inflated_for != object) {
        forget_inflated(file);
        if (!ivx_inflate_new(file->fd, &object->blob, object->deflated_at, &file->inflate, err))
            return false;
        file->inflated_for = object;
    }
    return ivx_inflate_read(file->inflate, offset - instance->deflated_at, out, bytes, err);
}

bool ivx_pixels_read_at(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                        uint64_t offset, uint8_t *out, size_t bytes, struct ivx_err *err)
{
    if (!open_for(file, instance->blob.path, err))
        return false;
    if (instance->deflated_at != 0)
        return read_deflated(file, instance, offset, out, bytes, err);
    return ivx_fd_pread(file->fd, out, bytes, instance->blob.offset + offset,
                        instance->blob.path, err);
}

static bool read_value(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                       uint8_t *out, size_t bytes, struct ivx_err *err)
{
    return ivx_pixels_read_at(file, instance, instance->pixel_offset, out, bytes, err);
}

/* The whole encapsulated value into file->packed. */
static bool read_packed(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                        struct ivx_err *err)
{
    if (instance->pixel_length > IVX_DECODE_MOST)
        return ivx_fail(err, IVX_REFUSED, "pixels: %s has too many", instance->sop_uid);
    const size_t bytes = (size_t)instance->pixel_length;
    if (bytes > file->room) {
        free(file->packed);
        file->room = 0;
        file->packed = malloc(bytes);
        if (file->packed == NULL)
            return ivx_fail(err, IVX_FULL, "pixels: no memory for %zu bytes", bytes);
        file->room = bytes;
    }
    return read_value(file, instance, file->packed, bytes, err);
}

static bool join(const struct ivx_pixel_file *file, const struct ivx_instance *instance,
                 size_t *length_out, struct ivx_err *err)
{
    const size_t length = (size_t)instance->pixel_length;
    return instance->frame_number > 0
               ? ivx_fragments_join_frame(file->packed, length, length_out, err)
               : ivx_fragments_join(file->packed, length, length_out, err);
}

static bool read_compressed(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                            uint8_t *raw, struct ivx_err *err)
{
    const struct ivx_frame frame = {
        .syntax = instance->syntax,
        .rows = instance->rows,
        .columns = instance->columns,
        .bits_allocated = instance->bits_allocated,
        .bits_stored = instance->bits_stored,
        .high_bit = instance->high_bit,
        .pixel_representation = instance->pixel_representation,
    };
    size_t length;
    struct ivx_err why = { 0 };
    if (!read_packed(file, instance, err))
        return false;
    return (join(file, instance, &length, &why)
            && ivx_decode(&frame, file->packed, length, raw, &why))
           || ivx_fail(err, why.code, "pixels: %s: %s", instance->sop_uid, why.text);
}

bool ivx_pixels_read(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                     uint8_t *raw, struct ivx_err *err)
{
    uint64_t bytes;
    if (!ivx_pixels_size(instance, &bytes))
        return ivx_fail(err, IVX_DAMAGED, "pixels: %s has no size", instance->sop_uid);
    if (instance->encapsulated)
        return read_compressed(file, instance, raw, err);
    if (instance->pixel_length < bytes)
        return ivx_fail(err, IVX_DAMAGED, "pixels: %s has too few", instance->sop_uid);
    return read_value(file, instance, raw, (size_t)bytes, err);
}

/* Where the stored value sits in a word. */
struct layout {
    int shift;
    uint32_t mask, sign; /* sign: the value of the sign bit, 0 when unsigned */
};

static struct layout layout(const struct ivx_instance *instance)
{
    const int stored = instance->bits_stored;
    struct layout made = { .shift = instance->high_bit + 1 - stored };
    made.mask = stored == 32 ? UINT32_MAX : (UINT32_C(1) << stored) - 1;
    if (instance->pixel_representation == 1)
        made.sign = UINT32_C(1) << (stored - 1);
    return made;
}

/* (v ^ sign) - sign extends the sign bit; with sign 0 it is the identity. */
static inline int32_t value(uint32_t word, struct layout as)
{
    const uint32_t v = word >> as.shift & as.mask;
    return (int32_t)((v ^ as.sign) - as.sign);
}

/* Written twice so that the usual one has no branch and vectorises. */
static void decode16(const uint8_t *raw, size_t count, bool big, struct layout as, int32_t *out)
{
    const bool swap = big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    uint16_t word;
    if (swap) {
        for (size_t n = 0; n < count; n++) {
            memcpy(&word, raw + 2 * n, sizeof word);
            out[n] = value(__builtin_bswap16(word), as);
        }
        return;
    }
    for (size_t n = 0; n < count; n++) {
        memcpy(&word, raw + 2 * n, sizeof word);
        out[n] = value(word, as);
    }
}

static void decode32(const uint8_t *raw, size_t count, bool big, struct layout as, int32_t *out)
{
    for (size_t n = 0; n < count; n++, raw += 4) {
        const uint32_t word = big ? (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16
                                        | (uint32_t)raw[2] << 8 | raw[3]
                                  : (uint32_t)raw[3] << 24 | (uint32_t)raw[2] << 16
                                        | (uint32_t)raw[1] << 8 | raw[0];
        out[n] = value(word, as);
    }
}

static void decode8(const uint8_t *raw, size_t count, bool swapped, struct layout as,
                    int32_t *out)
{
    for (size_t n = 0; n < count; n++)
        out[n] = value(raw[n ^ swapped], as);
}

void ivx_pixels_decode(const struct ivx_instance *instance, const uint8_t *raw, int32_t *out)
{
    const struct layout as = layout(instance);
    const size_t count = (size_t)instance->rows * (size_t)instance->columns
                         * (size_t)instance->frames;
    if (instance->bits_allocated == 8)
        decode8(raw, count, swapped_pairs(instance), as, out);
    else if (instance->bits_allocated == 16)
        decode16(raw, count, instance->big_endian, as, out);
    else
        decode32(raw, count, instance->big_endian, as, out);
}

bool ivx_pixels_are_short(const struct ivx_instance *instance)
{
    return instance->bits_allocated == 16
           && (instance->pixel_representation == 1 || instance->bits_stored < 16)
           && instance->big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

void ivx_pixels_decode_short(const struct ivx_instance *instance, const uint8_t *raw, size_t from,
                             size_t count, int16_t *out)
{
    const struct layout as = layout(instance);
    const uint16_t mask = (uint16_t)as.mask, sign = (uint16_t)as.sign;
    uint16_t word;
    for (size_t n = 0; n < count; n++) {
        memcpy(&word, raw + 2 * (from + n), sizeof word);
        const uint16_t v = (uint16_t)(word >> as.shift) & mask;
        out[n] = (int16_t)(uint16_t)((v ^ sign) - sign);
    }
}

static bool load(const struct ivx_instance *instance, uint8_t **raw_out, struct ivx_err *err)
{
    IVX_AUTO(ivx_pixel_file_close) struct ivx_pixel_file file = { .fd = -1 };
    uint64_t bytes;
    if (!ivx_pixels_size(instance, &bytes))
        return ivx_fail(err, IVX_DAMAGED, "pixels: %s has no size", instance->sop_uid);
    IVX_AUTO(ivx_memory_free) uint8_t *raw = malloc((size_t)bytes);
    if (raw == NULL)
        return ivx_fail(err, IVX_FULL, "pixels: no memory for %llu bytes",
                        (unsigned long long)bytes);
    if (!ivx_pixels_read(&file, instance, raw, err))
        return false;
    *raw_out = IVX_STEAL(raw);
    return true;
}

static bool decode_all(const struct ivx_instance *instance, int32_t **out, struct ivx_err *err)
{
    IVX_AUTO(ivx_memory_free) uint8_t *raw = NULL;
    if (!load(instance, &raw, err))
        return false;
    int32_t *values = calloc((size_t)instance->rows * (size_t)instance->columns,
                             sizeof *values);
    if (values == NULL)
        return ivx_fail(err, IVX_FULL, "pixels: no memory");
    ivx_pixels_decode(instance, raw, values);
    *out = values;
    return true;
}

/* Equal codestreams with equal figures of the header decode to equal values. */
static bool digest_packed(const struct ivx_instance *instance, uint8_t out[IVX_SHA256_SIZE],
                          struct ivx_err *err)
{
    IVX_AUTO(ivx_pixel_file_close) struct ivx_pixel_file file = { .fd = -1 };
    size_t length;
    if (!read_packed(&file, instance, err)
        || !join(&file, instance, &length, err))
        return false;
    const int32_t figures[] = {
        instance->rows,        instance->columns,  instance->bits_allocated,
        instance->bits_stored, instance->high_bit, instance->pixel_representation,
    };
    uint8_t parts[2][IVX_SHA256_SIZE];
    ivx_hash_once(figures, sizeof figures, parts[0]);
    ivx_hash_once(file.packed, length, parts[1]);
    ivx_hash_once(parts, sizeof parts, out);
    return true;
}

static bool digest_values(const struct ivx_instance *instance, uint8_t out[IVX_SHA256_SIZE],
                       struct ivx_err *err)
{
    if (instance->encapsulated)
        return digest_packed(instance, out, err);
    IVX_AUTO(ivx_memory_free) int32_t *values = NULL;
    if (!decode_all(instance, &values, err))
        return false;
    const size_t count = (size_t)instance->rows * (size_t)instance->columns;
    ivx_hash_once(values, count * sizeof *values, out);
    return true;
}

static bool digest_lut(const struct ivx_instance *instance, uint8_t out[IVX_SHA256_SIZE],
                       struct ivx_err *err)
{
    IVX_AUTO(ivx_pixel_file_close) struct ivx_pixel_file file = { .fd = -1 };
    const size_t entries = (size_t)instance->lut.entries;
    IVX_AUTO(ivx_memory_free) uint16_t *lut = calloc(entries + 1, sizeof *lut);
    if (lut == NULL)
        return ivx_fail(err, IVX_FULL, "pixels: no memory");
    if (!ivx_lut_read(&file, instance, lut, err))
        return false;
    ivx_hash_once(lut, entries * sizeof *lut, out);
    return true;
}

bool ivx_pixels_digest(const struct ivx_instance *instance, uint8_t out[IVX_SHA256_SIZE],
                       struct ivx_err *err)
{
    uint8_t parts[2][IVX_SHA256_SIZE];
    if (!digest_values(instance, out, err))
        return false;
    if (!instance->has_modality_lut || !ivx_lut_sensible(instance))
        return true;
    memcpy(parts[0], out, sizeof parts[0]);
    if (!digest_lut(instance, parts[1], err))
        return false;
    ivx_hash_once(parts, sizeof parts, out);
    return true;
}
