/* limit.h - results within the range of the input. */
#ifndef IVX_CORE_LIMIT_H
#define IVX_CORE_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/* Limits value[] to [least, most] and returns how many were not in it. Where share[] is
 * below 1/2 stands the background, which is left alone; NULL: nowhere. */
static inline uint64_t ivx_limit(float *value, const float *share, float least, float most,
                                 size_t width)
{
    uint32_t count = 0;
    for (size_t x = 0; x < width; x++) {
        const float is = value[x];
        float in = is > least ? is : least;
        in = in < most ? in : most;
        in = share != NULL && !(share[x] >= 0.5F) ? is : in;
        count += in != is;
        value[x] = in;
    }
    return count;
}

#endif
