/* mirror.c - slopes of a row that is mirrored at its ends, out of those of one that goes on
 * with its outermost values: there the sums of increments start at 0, here with what the
 * mirrored increments come to, which fades by the pole per sample. */
#include "engine.h"

enum {
    TERMS = 24, /* the pole to this power is 2e-14 */
    AT_ONCE = 64
};

static float sample(const struct pixels *in, int32_t k, size_t x)
{
    const size_t at = (size_t)ivx_mirror(k, in->rows) * in->pitch + x;
    return in->sample == IVX_INT16 ? (float)((const int16_t *)in->voxel)[at]
                                   : ((const float *)in->voxel)[at];
}

/* What both sums start with, below and above; they start at the samples 0 and rows - 1. */
static void starts(const struct pixels *in, size_t x, float *low_out, float *high_out)
{
    const float pole = (float)IVX_SPLINE_POLE;
    float low = 0, high = 0;
    for (int32_t m = TERMS - 1; m >= 0; m--) {
        low = (sample(in, m, x) - sample(in, m + 1, x)) + pole * low;
        high = (sample(in, in->rows - 2 - m, x) - sample(in, in->rows - 1 - m, x))
               + pole * high;
    }
    *low_out = low;
    *high_out = high;
}

static void add_starts(float *slopes, const struct pixels *in, const float *fade, size_t from,
                       size_t to)
{
    const float gain = (float)IVX_SPLINE_GAIN;
    const int32_t last = in->rows - 1;
    float low[AT_ONCE], high[AT_ONCE];
    for (size_t x = from; x < to; x++)
        starts(in, x, &low[x - from], &high[x - from]);
    for (int32_t k = 0; k <= last; k++) {
        const float below = k < TERMS ? fade[k] : 0;
        const float above = last - k < TERMS ? fade[last - k] : 0;
        if (below == 0 && above == 0) {
            k = last - TERMS;
            continue;
        }
        float *row = slopes + (size_t)k * in->pitch;
        for (size_t x = from; x < to; x++)
            row[x] = row[x] + gain * (below * low[x - from] + above * high[x - from]);
    }
}

void ivx_mirror_slopes(float *slopes, const struct pixels *in)
{
    float fade[TERMS] = { 1 };
    for (int n = 1; n < TERMS; n++)
        fade[n] = fade[n - 1] * (float)IVX_SPLINE_POLE;
    for (size_t x = 0; x < in->width; x += AT_ONCE)
        add_starts(slopes, in, fade, x, x + AT_ONCE < in->width ? x + AT_ONCE : in->width);
}
