/* R9 to R13 and R17: can the values of every slice be read, and what do they mean? One
 * slice that cannot refuses its group: without it the volume would be cut short. */
#include <math.h>
#include <string.h>

#include "group.h"
#include "isovox/base/auto.h"
#include "isovox/dicom/decode.h"
#include "isovox/dicom/inflate.h"
#include "pixels.h"

/* Of one image; the daemon takes no instance over 2 GiB either. */
#define MOST_BYTES (UINT64_C(1) << 31)

/* R17: uncompressed, the data set deflated or not. */
static bool native_syntax(const char *uid)
{
    static const char *const native[] = {
        "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", IVX_SYNTAX_DEFLATED,
    };
    for (size_t n = 0; n < IVX_COUNT(native); n++)
        if (strcmp(uid, native[n]) == 0)
            return true;
    return false;
}

static bool rule_pixels_there(const struct ivx_instance *slice, struct ivx_verdict *why)
{
    if (!slice->has_pixels)
        return ivx_verdict_no(why, IVX_REASON_UNSUPPORTED_PIXELS, "there is no Pixel Data");
    const bool compressed = ivx_decode_knows(slice->syntax);
    if (!compressed && !native_syntax(slice->syntax))
        return ivx_verdict_no(why, IVX_REASON_UNSUPPORTED_SYNTAX,
                              "transfer syntax %s is not decoded", slice->syntax);
    if (slice->encapsulated != compressed)
        return ivx_verdict_no(why, IVX_REASON_DAMAGED,
                              compressed
                                  ? "Pixel Data is not encapsulated in a compressed syntax"
                                  : "Pixel Data is encapsulated in an uncompressed syntax");
    return true;
}

/* R10. */
static bool rule_format(const struct ivx_instance *slice, struct ivx_verdict *why)
{
    if (slice->float_pixels)
        return ivx_verdict_no(why, IVX_REASON_UNSUPPORTED_PIXELS, "floating-point Pixel Data");
    if (slice->samples_per_pixel != 1
        || (strcmp(slice->photometric, "MONOCHROME2") != 0
            && strcmp(slice->photometric, "MONOCHROME1") != 0))
        return ivx_verdict_no(why, IVX_REASON_UNSUPPORTED_PIXELS, "%d samples per pixel, %s",
                              (int)slice->samples_per_pixel, slice->photometric);
    if (slice->frames != 1)
        return ivx_verdict_no(why, IVX_REASON_UNSUPPORTED_PIXELS,
                              "%d frames in a single-frame class", (int)slice->frames);
    if (!ivx_pixels_format_known(slice))
        return ivx_verdict_no(why, IVX_REASON_UNSUPPORTED_PIXELS,
                              "%d bits allocated, %d stored, high bit %d, representation %d",
                              (int)slice->bits_allocated, (int)slice->bits_stored,
                              (int)slice->high_bit, (int)slice->pixel_representation);
    return true;
}

/* What the codestream holds is for the decoder to say, in a convert worker. */
static bool rule_compressed_size(const struct ivx_instance *slice, uint64_t bytes,
                                 struct ivx_verdict *why)
{
    if (bytes > IVX_DECODE_MOST || slice->pixel_length > IVX_DECODE_MOST)
        return ivx_verdict_no(why, IVX_REASON_TOO_LARGE,
                              "one compressed image claims %llu bytes in %llu",
                              (unsigned long long)bytes,
                              (unsigned long long)slice->pixel_length);
    if (slice->pixels_truncated)
        return ivx_verdict_no(why, IVX_REASON_DAMAGED,
                              "Pixel Data's fragments are malformed or cut off");
    if (slice->frame_number > 0 && slice->pixel_length == 0)
        return ivx_verdict_no(why, IVX_REASON_DAMAGED,
                              "which of Pixel Data's fragments are which frame is not said");
    return true;
}

/* One padding byte is allowed; nothing else may be missing or left over. */
static bool rule_native_size(const struct ivx_instance *slice, uint64_t bytes,
                             struct ivx_verdict *why)
{
    const struct ivx_instance *object = ivx_instance_object(slice);
    uint64_t all;
    if (__builtin_mul_overflow(bytes, (uint64_t)object->frames, &all))
        all = UINT64_MAX;
    if (bytes > MOST_BYTES)
        return ivx_verdict_no(why, IVX_REASON_TOO_LARGE, "one image claims %llu bytes",
                              (unsigned long long)bytes);
    if (slice->pixels_truncated)
        return ivx_verdict_no(why, IVX_REASON_DAMAGED, "Pixel Data is cut off");
    if (object->pixel_length < all || object->pixel_length - all > 1)
        return ivx_verdict_no(why, IVX_REASON_DAMAGED,
                              "Pixel Data has %llu bytes; rows, columns and frames need %llu",
                              (unsigned long long)object->pixel_length,
                              (unsigned long long)all);
    return true;
}

static bool rule_size(const struct ivx_instance *slice, struct ivx_verdict *why)
{
    uint64_t bytes;
    if (!ivx_pixels_size(slice, &bytes))
        return ivx_verdict_no(why, IVX_REASON_DAMAGED, "%d rows, %d columns",
                              (int)slice->rows, (int)slice->columns);
    return slice->encapsulated ? rule_compressed_size(slice, bytes, why)
                               : rule_native_size(slice, bytes, why);
}

/* R13. Where the IOD has slope and intercept, a table stands in the wrong place; and both
 * together would be two answers to one question (PS3.3 C.11.1). */
static bool rule_lut(const struct ivx_instance *slice, struct ivx_verdict *why)
{
    if (ivx_instance_kind(slice) != IVX_KIND_MR)
        return ivx_verdict_no(why, IVX_REASON_NO_RESCALE,
                              "a Modality LUT stands where slope and intercept must be");
    if (slice->has_slope || slice->has_intercept)
        return ivx_verdict_no(why, IVX_REASON_NO_RESCALE,
                              "a Modality LUT and a rescale: one of them must be wrong");
    if (!ivx_lut_sensible(slice))
        return ivx_verdict_no(why, IVX_REASON_NO_RESCALE,
                              "a Modality LUT of %d entries of %d bits in %llu bytes",
                              (int)slice->lut.entries, (int)slice->lut.bits,
                              (unsigned long long)slice->lut.length);
    return true;
}

/* R9 and R13. The IODs of CT and PET demand slope and intercept; that of MR has none, and
 * where a scanner writes them all the same they count. */
static bool rule_rescale(const struct ivx_instance *slice, struct ivx_verdict *why)
{
    const bool mr = ivx_instance_kind(slice) == IVX_KIND_MR;
    if (slice->has_modality_lut)
        return rule_lut(slice, why);
    if (!mr && (!slice->has_slope || !slice->has_intercept))
        return ivx_verdict_no(why, IVX_REASON_NO_RESCALE, "no%s%s",
                              slice->has_slope ? "" : " Rescale Slope",
                              slice->has_intercept ? "" : " Rescale Intercept");
    if (slice->slope == 0.0 || !(fabs(slice->slope) <= 1e6)
        || !(fabs(slice->intercept) <= 1e9))
        return ivx_verdict_no(why, IVX_REASON_NO_RESCALE, "Rescale Slope %g, Intercept %g",
                              slice->slope, slice->intercept);
    return true;
}

bool ivx_rule_readable(const struct ivx_instance *slice, struct ivx_verdict *why)
{
    return rule_pixels_there(slice, why) && rule_format(slice, why) && rule_size(slice, why);
}

bool ivx_rule_values(const struct ivx_group *group, struct ivx_verdict *why)
{
    for (int k = 0; k < group->count; k++) {
        const struct ivx_instance *slice = group->slice[k];
        if (!ivx_rule_readable(slice, why) || !rule_rescale(slice, why))
            return false;
    }
    return true;
}

/* PS3.3 C.8.9.1.1.5: with NONE every slice holds the activity of its own time. */
static void warn_decay(struct ivx_group *group)
{
    int differing = 0;
    const struct ivx_instance *first = group->slice[0];
    if (ivx_instance_kind(first) != IVX_KIND_PET
        || strcmp(first->decay_correction, "NONE") != 0)
        return;
    for (int k = 1; k < group->count; k++)
        differing += strcmp(group->slice[k]->acquisition_time, first->acquisition_time) != 0;
    if (differing > 0)
        ivx_group_warn(group, IVX_REASON_DECAY_DIFFERS,
                       "no decay correction, and %d slices have another acquisition time",
                       differing);
}

void ivx_rule_value_warnings(struct ivx_group *group)
{
    const struct ivx_instance *first = group->slice[0];
    int least = first->bits_stored, most = least, padded = 0, lossy = 0, padding = 0;
    for (int k = 0; k < group->count; k++) {
        const struct ivx_instance *slice = group->slice[k];
        least = slice->bits_stored < least ? slice->bits_stored : least;
        most = slice->bits_stored > most ? slice->bits_stored : most;
        lossy += slice->lossy;
        if (slice->has_padding && padded++ == 0)
            padding = slice->padding;
    }
    warn_decay(group);
    if (least != most)
        ivx_group_warn(group, IVX_REASON_BITS_DIFFER, "Bits Stored runs from %d to %d", least,
                       most);
    if (padded > 0)
        ivx_group_warn(group, IVX_REASON_PADDING,
                       "pixels with the padding value %d take no part", padding);
    if (lossy > 0)
        ivx_group_warn(group, IVX_REASON_LOSSY_SOURCE, "%d images were lossily compressed",
                       lossy);
}
