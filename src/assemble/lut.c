/* R13: the Modality LUT of an MR image, PS3.3 C.11.1. */
#include <stdlib.h>
#include <string.h>

#include "isovox/base/auto.h"
#include "pixels.h"

bool ivx_lut_sensible(const struct ivx_instance *instance)
{
    const uint64_t entries = instance->lut.entries, length = instance->lut.length;
    const bool bytes =
        instance->lut.bits == 8 && (length == entries || length == entries + 1);
    return instance->lut.items == 1 && instance->lut.bits >= 8 && instance->lut.bits <= 16
           && entries >= 1 && entries <= 65536 && (bytes || length == 2 * entries);
}

static uint16_t entry(const struct ivx_instance *instance, const uint8_t *raw, size_t n)
{
    /* Eight bits may stand one in a word or two: the length tells. Two: the first is the
     * lower half, which in big endian comes second. */
    if (instance->lut.length < 2 * (uint64_t)instance->lut.entries)
        return raw[instance->big_endian ? n ^ 1 : n];
    return instance->big_endian ? (uint16_t)(raw[2 * n] << 8 | raw[2 * n + 1])
                                : (uint16_t)(raw[2 * n + 1] << 8 | raw[2 * n]);
}

bool ivx_lut_read(struct ivx_pixel_file *file, const struct ivx_instance *instance,
                  uint16_t *out, struct ivx_err *err)
{
    if (!ivx_lut_sensible(instance))
        return ivx_fail(err, IVX_DAMAGED, "pixels: %s has a malformed LUT",
                        instance->sop_uid);
    const size_t length = (size_t)instance->lut.length;
    IVX_AUTO(ivx_memory_free) uint8_t *raw = calloc(length + 1, 1);
    if (raw == NULL)
        return ivx_fail(err, IVX_FULL, "pixels: no memory");
    if (!ivx_pixels_read_at(file, instance, instance->lut.offset, raw, length, err))
        return false;
    const uint32_t mask = (UINT32_C(1) << instance->lut.bits) - 1;
    for (size_t n = 0; n < (size_t)instance->lut.entries; n++)
        out[n] = (uint16_t)(entry(instance, raw, n) & mask);
    return true;
}

void ivx_lut_apply(const struct ivx_instance *instance, const uint16_t *lut, size_t count,
                   int32_t *values)
{
    const int64_t first = instance->lut.first, last = instance->lut.entries - 1;
    for (size_t n = 0; n < count; n++) {
        const int64_t at = values[n] - first;
        values[n] = lut[at < 0 ? 0 : at > last ? last : at];
    }
}
