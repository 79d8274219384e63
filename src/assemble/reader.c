/* R9 to R11: stored values to real-world values, one slice at a time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "group.h"
#include "isovox/base/auto.h"
#include "pixels.h"

#define CT_FLOOR (-1024)

enum { BLOCK = 4096 }; /* pixels */

struct ivx_reader {
    const struct ivx_source_volume *volume;
    struct ivx_pixel_file file;
    size_t count;       /* pixels of a slice */
    bool ct;
    enum ivx_sample sample;
    uint8_t *raw;
    int32_t *stored;
    void *voxel;        /* int16_t or float by `sample` */
    uint8_t *missing;
    uint16_t *lut;      /* R13; NULL until one is met */
    struct ivx_ahead *ahead; /* NULL: every slice is decoded when it is asked for */
    ivx_reader_tap *tap; /* NULL: nobody watches */
    void *tap_context;
    struct ivx_reader_report report;
};

/* Values that are not there: a range of stored values (R11), and the guard's. */
struct absent {
    bool range, guard;
    int32_t least, most, guarded;
};

static double largest_stored(const struct ivx_instance *slice)
{
    return ldexp(1.0, slice->bits_stored - (slice->pixel_representation == 1)) - 1.0;
}

static double smallest_stored(const struct ivx_instance *slice)
{
    return slice->pixel_representation == 1 ? -ldexp(1.0, slice->bits_stored - 1) : 0.0;
}

/* HU of every stored value are integers, and fit once the floor is applied. */
static bool fits_int16(const struct ivx_instance *slice)
{
    const double low = slice->slope * smallest_stored(slice) + slice->intercept;
    const double high = slice->slope * largest_stored(slice) + slice->intercept;
    return slice->slope == rint(slice->slope) && slice->intercept == rint(slice->intercept)
           && fmax(low, high) <= INT16_MAX && fmin(low, high) >= INT32_MIN;
}

static enum ivx_sample choose_sample(const struct ivx_source_volume *volume)
{
    for (int32_t k = 0; k < volume->stack.slices; k++)
        if (!ivx_is_ct(volume->slices[k]) || !fits_int16(volume->slices[k]))
            return IVX_FLOAT32;
    return IVX_INT16;
}

/* The group agreed on rows and columns; bits allocated may differ between slices. */
static size_t most_bytes(const struct ivx_source_volume *volume)
{
    uint64_t most = 1, bytes;
    for (int32_t k = 0; k < volume->stack.slices; k++)
        if (ivx_pixels_size(volume->slices[k], &bytes) && bytes > most)
            most = bytes;
    return (size_t)most;
}

bool ivx_reader_new(const struct ivx_source_volume *volume, struct ivx_reader **out,
                    struct ivx_err *err)
{
    IVX_AUTO(ivx_reader_free) struct ivx_reader *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ivx_fail(err, IVX_FULL, "reader: no memory");
    made->file.fd = -1;
    made->volume = volume;
    made->count = (size_t)volume->stack.rows * (size_t)volume->stack.columns;
    made->ct = ivx_is_ct(volume->slices[0]);
    made->sample = choose_sample(volume);
    made->report.least = INFINITY;
    made->report.most = -INFINITY;

    made->raw = malloc(most_bytes(volume));
    made->stored = calloc(made->count, sizeof *made->stored);
    made->voxel = calloc(made->count, sizeof(float)); /* whatever the sample: they are swapped */
    made->missing = calloc(made->count, sizeof *made->missing);
    if (made->raw == NULL || made->stored == NULL || made->voxel == NULL
        || made->missing == NULL)
        return ivx_fail(err, IVX_FULL, "reader: no memory for slices of %zu pixels",
                        made->count);
    *out = IVX_STEAL(made);
    return true;
}

void ivx_reader_free(struct ivx_reader **reader)
{
    struct ivx_reader *old = *reader;
    if (old == NULL)
        return;
    ivx_pixel_file_close(&old->file);
    free(old->raw);
    free(old->stored);
    free(old->voxel);
    free(old->missing);
    free(old->lut);
    ivx_ahead_free(&old->ahead);
    free(old);
    *reader = NULL;
}

bool ivx_reader_use(struct ivx_reader *reader, const struct ivx_crew *crew, struct ivx_err *err)
{
    bool compressed = false;
    for (int32_t k = 0; k < reader->volume->stack.slices; k++)
        compressed = compressed || reader->volume->slices[k]->encapsulated;
    return !compressed || crew->run == NULL || crew->size < 2 || reader->ahead != NULL
           || ivx_ahead_new(reader->volume, crew, most_bytes(reader->volume), &reader->ahead,
                            err);
}

void ivx_reader_watch(struct ivx_reader *reader, ivx_reader_tap *tap, void *context)
{
    reader->tap = tap;
    reader->tap_context = context;
}

static void show_tap(const struct ivx_reader *reader, int32_t k, const uint8_t *raw)
{
    const struct ivx_instance *slice = reader->volume->slices[k];
    uint64_t bytes;
    if (reader->tap != NULL && slice->frame_number == 0 && !slice->encapsulated
        && slice->deflated_at == 0 && ivx_pixels_size(slice, &bytes)
        && bytes == slice->pixel_length)
        reader->tap(reader->tap_context, k, raw, (size_t)bytes);
}

static int32_t least_stored(const struct ivx_reader *reader)
{
    int32_t least = INT32_MAX;
    for (size_t n = 0; n < reader->count; n++)
        least = reader->stored[n] < least ? reader->stored[n] : least;
    return least;
}

static int32_t most_stored(const struct ivx_reader *reader)
{
    int32_t most = INT32_MIN;
    for (size_t n = 0; n < reader->count; n++)
        most = reader->stored[n] > most ? reader->stored[n] : most;
    return most;
}

/* Does `what` fill more than 1 % of the four corner squares, an eighth of the side each?
 * Outside the reconstruction circle there is nothing else to be. */
static bool fills_corners(const struct ivx_reader *reader, int32_t what)
{
    const int32_t rows = reader->volume->stack.rows, columns = reader->volume->stack.columns;
    const int32_t high = rows / 8 > 0 ? rows / 8 : 1, wide = columns / 8 > 0 ? columns / 8 : 1;
    uint64_t seen = 0, equal = 0;
    for (int32_t j = 0; j < rows; j++) {
        if (j >= high && j < rows - high)
            continue;
        const int32_t *row = reader->stored + (size_t)j * (size_t)columns;
        for (int32_t i = 0; i < columns; i++) {
            const bool corner = i < wide || i >= columns - wide;
            seen += corner;
            equal += corner && row[i] == what;
        }
    }
    return equal * 100 > seen;
}

static struct absent find_absent(const struct ivx_reader *reader,
                                 const struct ivx_instance *slice)
{
    struct absent absent = { .range = slice->has_padding };
    if (slice->has_padding) {
        const int32_t limit = slice->has_padding_limit ? slice->padding_limit : slice->padding;
        absent.least = slice->padding < limit ? slice->padding : limit;
        absent.most = slice->padding < limit ? limit : slice->padding;
    }
    if (!reader->ct)
        return absent;
    /* The tag can lie or lack: the lowest HU under the floor, all over the corners. */
    absent.guarded = slice->slope > 0 ? least_stored(reader) : most_stored(reader);
    absent.guard = slice->slope * absent.guarded + slice->intercept < CT_FLOOR
                   && fills_corners(reader, absent.guarded);
    return absent;
}

static uint64_t mark_missing(struct ivx_reader *reader, const struct absent *absent)
{
    uint64_t marked = 0;
    if (!absent->range && !absent->guard)
        return 0;
    for (size_t n = 0; n < reader->count; n++) {
        const int32_t v = reader->stored[n];
        const bool is = (absent->range && v >= absent->least && v <= absent->most)
                        || (absent->guard && v == absent->guarded);
        reader->missing[n] = is;
        marked += is;
    }
    return marked;
}

static void take_range(struct ivx_reader_report *report, double least, double most)
{
    report->least = fmin(report->least, least);
    report->most = fmax(report->most, most);
}

struct range {
    int32_t least, most;
    uint32_t floored;
};

/* The sum fits int32_t (fits_int16), so arithmetic modulo 2^32 gets it right even where the
 * product does not. Inlined with and without `missing`: the usual one vectorises. */
static inline __attribute__((always_inline)) struct range
rescale_row(const int32_t *restrict stored, size_t count, uint32_t slope, uint32_t intercept,
            const uint8_t *restrict missing, int16_t *restrict out)
{
    struct range range = { INT32_MAX, INT32_MIN, 0 };
    for (size_t n = 0; n < count; n++) {
        const bool gone = missing != NULL && missing[n] != 0;
        const int32_t hu = (int32_t)(slope * (uint32_t)stored[n] + intercept);
        const int32_t real = gone || hu < CT_FLOOR ? CT_FLOOR : hu;
        range.floored += !gone && hu < CT_FLOOR;
        out[n] = (int16_t)real;
        range.least = !gone && real < range.least ? real : range.least;
        range.most = !gone && real > range.most ? real : range.most;
    }
    return range;
}

static void rescale_int16(struct ivx_reader *reader, const struct ivx_instance *slice,
                          const uint8_t *missing)
{
    const uint32_t slope = (uint32_t)(int64_t)slice->slope;
    const uint32_t intercept = (uint32_t)(int64_t)slice->intercept;
    const struct range range =
        missing == NULL
            ? rescale_row(reader->stored, reader->count, slope, intercept, NULL, reader->voxel)
            : rescale_row(reader->stored, reader->count, slope, intercept, missing,
                          reader->voxel);
    reader->report.floored += range.floored;
    if (range.least <= range.most)
        take_range(&reader->report, range.least, range.most);
}

static void rescale_float(struct ivx_reader *reader, const struct ivx_instance *slice,
                          const uint8_t *missing)
{
    float *out = reader->voxel;
    const float background = ivx_source_background(reader->volume);
    const double lowest = reader->ct ? CT_FLOOR : -INFINITY;
    double least = INFINITY, most = -INFINITY;
    for (size_t n = 0; n < reader->count; n++) {
        const bool gone = missing != NULL && missing[n] != 0;
        const double real = slice->slope * reader->stored[n] + slice->intercept;
        const double raised = real < lowest ? lowest : real;
        out[n] = gone ? background : (float)raised;
        if (gone)
            continue;
        reader->report.floored += real < lowest;
        least = raised < least ? raised : least;
        most = raised > most ? raised : most;
    }
    take_range(&reader->report, least, most);
}

/* After padding, which is compared with stored values. */
static bool apply_lut(struct ivx_reader *reader, const struct ivx_instance *slice,
                      struct ivx_err *err)
{
    if (reader->lut == NULL && (reader->lut = calloc(65536, sizeof *reader->lut)) == NULL)
        return ivx_fail(err, IVX_FULL, "reader: no memory");
    if (!ivx_lut_read(&reader->file, slice, reader->lut, err))
        return false;
    ivx_lut_apply(slice, reader->lut, reader->count, reader->stored);
    return true;
}

struct short_range {
    int16_t least, most;
};

/* In place; of the stored values. What fits in the end is right modulo 2^16 on the way. */
static struct short_range rescale_short(size_t count, uint16_t slope, uint16_t intercept,
                                        int16_t *values)
{
    struct short_range range = { INT16_MAX, INT16_MIN };
    for (size_t n = 0; n < count; n++) {
        const int16_t v = values[n];
        range.least = v < range.least ? v : range.least;
        range.most = v > range.most ? v : range.most;
        values[n] = (int16_t)(uint16_t)((uint32_t)slope * (uint16_t)v + intercept);
    }
    return range;
}

/* The usual slice in one go, in blocks that stay in the inner caches: integers, no table,
 * no padding said, nothing under the floor that could be the guard's. False: it is not that. */
static bool rescale_plain(struct ivx_reader *reader, const struct ivx_instance *slice,
                          const uint8_t *raw)
{
    if (reader->sample != IVX_INT16 || slice->has_padding || slice->has_modality_lut
        || !ivx_pixels_are_short(slice))
        return false;
    int16_t *out = reader->voxel;
    struct short_range all = { INT16_MAX, INT16_MIN };
    for (size_t from = 0; from < reader->count; from += BLOCK) {
        const size_t rest = reader->count - from, count = rest < BLOCK ? rest : BLOCK;
        ivx_pixels_decode_short(slice, raw, from, count, out + from);
        const struct short_range range =
            rescale_short(count, (uint16_t)(int64_t)slice->slope,
                          (uint16_t)(int64_t)slice->intercept, out + from);
        all.least = range.least < all.least ? range.least : all.least;
        all.most = range.most > all.most ? range.most : all.most;
    }
    const double a = slice->slope * all.least + slice->intercept;
    const double b = slice->slope * all.most + slice->intercept;
    if (fmin(a, b) < CT_FLOOR) /* the other end fits: fits_int16() */
        return false;
    take_range(&reader->report, fmin(a, b), fmax(a, b));
    return true;
}

static bool rescale_any(struct ivx_reader *reader, const struct ivx_instance *slice,
                        const uint8_t *raw, uint64_t *marked_out, struct ivx_err *err)
{
    ivx_pixels_decode(slice, raw, reader->stored);
    const struct absent absent = find_absent(reader, slice);
    const uint64_t marked = mark_missing(reader, &absent);
    const uint8_t *missing = marked > 0 ? reader->missing : NULL;
    reader->report.padded += marked;
    *marked_out = marked;
    if (slice->has_modality_lut && !apply_lut(reader, slice, err))
        return false;
    if (reader->sample == IVX_INT16)
        rescale_int16(reader, slice, missing);
    else
        rescale_float(reader, slice, missing);
    return true;
}

bool ivx_reader_slice(void *context, int32_t k, struct ivx_slice *out, struct ivx_err *err)
{
    struct ivx_reader *reader = context;
    if (k < 0 || k >= reader->volume->stack.slices)
        return ivx_fail(err, IVX_BUG, "reader: there is no slice %d", (int)k);
    const struct ivx_instance *slice = reader->volume->slices[k];
    const uint8_t *raw = reader->raw;
    if (!(reader->ahead != NULL ? ivx_ahead_slice(reader->ahead, k, &raw, err)
                                : ivx_pixels_read(&reader->file, slice, reader->raw, err)))
        return false;
    show_tap(reader, k, raw);
    uint64_t marked = 0;
    if (!rescale_plain(reader, slice, raw) && !rescale_any(reader, slice, raw, &marked, err))
        return false;
    out->sample = reader->sample;
    out->voxel = reader->voxel;
    out->missing = marked > 0 ? reader->missing : NULL;
    return true;
}

void ivx_reader_swap(struct ivx_reader *reader, void **voxel, uint8_t **missing)
{
    void *const values = reader->voxel;
    uint8_t *const marks = reader->missing;
    reader->voxel = *voxel;
    reader->missing = *missing;
    *voxel = values;
    *missing = marks;
}

void ivx_reader_report(const struct ivx_reader *reader, struct ivx_reader_report *out)
{
    *out = reader->report;
    if (!(out->least <= out->most))
        out->least = out->most = ivx_source_background(reader->volume);
}

float ivx_source_background(const struct ivx_source_volume *volume)
{
    return ivx_is_ct(volume->slices[0]) ? (float)CT_FLOOR : 0.0F;
}
