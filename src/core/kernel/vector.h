/* vector.h - the width of a set, as GNU vectors: lowered by gcc and clang for any target.
 */
#ifndef IVX_CORE_VECTOR_H
#define IVX_CORE_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#if defined __SSE2__
#include <immintrin.h>
#endif

#define IVX_INLINE static inline __attribute__((always_inline))

#if defined __AVX512F__
enum { IVX_VECTOR = 16, IVX_TILE = 16 };
#elif defined __AVX__
enum { IVX_VECTOR = 8, IVX_TILE = 4 };
#else
enum { IVX_VECTOR = 4, IVX_TILE = 4 };
#endif

typedef float ivx_vector __attribute__((vector_size(4 * IVX_VECTOR)));
typedef float ivx_vector_at
    __attribute__((vector_size(4 * IVX_VECTOR), aligned(4), may_alias));
typedef float ivx_quad __attribute__((vector_size(16)));
typedef float ivx_quad_at __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t ivx_ints __attribute__((vector_size(4 * IVX_VECTOR)));
typedef int16_t ivx_shorts_at
    __attribute__((vector_size(2 * IVX_VECTOR), aligned(2), may_alias));

IVX_INLINE ivx_vector ivx_load(const float *at)
{
    return *(const ivx_vector_at *)at;
}

IVX_INLINE void ivx_store(float *at, ivx_vector value)
{
    *(ivx_vector_at *)at = value;
}

/* int16 to float; written per set, compilers go through halves of halves. */
IVX_INLINE ivx_vector ivx_load_int16(const int16_t *at)
{
#if defined __AVX512F__
    return (ivx_vector)_mm512_cvtepi32_ps(
        _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)at)));
#elif defined __AVX2__
    return (ivx_vector)_mm256_cvtepi32_ps(
        _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)at)));
#elif defined __SSE2__
    const __m128i half = _mm_loadl_epi64((const __m128i *)at);
    return (ivx_vector)_mm_cvtepi32_ps(
        _mm_srai_epi32(_mm_unpacklo_epi16(half, half), 16));
#else
    const ivx_ints whole = __builtin_convertvector(*(const ivx_shorts_at *)at, ivx_ints);
    return __builtin_convertvector(whole, ivx_vector);
#endif
}

/* The range of int16. */
#define IVX_LEAST (-32768.0f)
#define IVX_MOST 32767.0f

/* One value: 1.5 * 2^23 leaves what is rounded half to even in the last bits. */
IVX_INLINE int ivx_store_int16_one(int16_t *to, float value)
{
    float in_range = value > IVX_LEAST ? value : IVX_LEAST;
    in_range = in_range < IVX_MOST ? in_range : IVX_MOST;
    *to = (int16_t)((in_range + 12582912.0f) - 12582912.0f);
    return in_range != value;
}

/* Two vectors to int16: half to even (the mode of this thread), saturated, NaN to the
 * least; not 0 when any was out of range. Written per set: compilers make three times as
 * many instructions of the plain form at the end. */
#if defined __AVX512F__
IVX_INLINE int ivx_store_int16(int16_t *to, ivx_vector a, ivx_vector b)
{
    const __m512 least = _mm512_set1_ps(IVX_LEAST), most = _mm512_set1_ps(IVX_MOST);
    const __m512 x = _mm512_min_ps(_mm512_max_ps((__m512)a, least), most);
    const __m512 y = _mm512_min_ps(_mm512_max_ps((__m512)b, least), most);
    const __mmask16 off = _mm512_cmp_ps_mask(x, (__m512)a, _CMP_NEQ_UQ)
                          | _mm512_cmp_ps_mask(y, (__m512)b, _CMP_NEQ_UQ);
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x)));
    _mm256_storeu_si256((__m256i *)(to + 16),
                        _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(y)));
    return off;
}
#elif defined __AVX2__
IVX_INLINE int ivx_store_int16(int16_t *to, ivx_vector a, ivx_vector b)
{
    const __m256 least = _mm256_set1_ps(IVX_LEAST), most = _mm256_set1_ps(IVX_MOST);
    const __m256 x = _mm256_min_ps(_mm256_max_ps((__m256)a, least), most);
    const __m256 y = _mm256_min_ps(_mm256_max_ps((__m256)b, least), most);
    const __m256 off = _mm256_or_ps(_mm256_cmp_ps(x, (__m256)a, _CMP_NEQ_UQ),
                                    _mm256_cmp_ps(y, (__m256)b, _CMP_NEQ_UQ));
    const __m256i both = _mm256_packs_epi32(_mm256_cvtps_epi32(x), _mm256_cvtps_epi32(y));
    _mm256_storeu_si256((__m256i *)to, _mm256_permute4x64_epi64(both, 0xd8));
    return _mm256_movemask_ps(off);
}
#elif defined __SSE2__
IVX_INLINE int ivx_store_int16(int16_t *to, ivx_vector a, ivx_vector b)
{
    const __m128 least = _mm_set1_ps(IVX_LEAST), most = _mm_set1_ps(IVX_MOST);
    const __m128 x = _mm_min_ps(_mm_max_ps((__m128)a, least), most);
    const __m128 y = _mm_min_ps(_mm_max_ps((__m128)b, least), most);
    const __m128 off =
        _mm_or_ps(_mm_cmpneq_ps(x, (__m128)a), _mm_cmpneq_ps(y, (__m128)b));
    _mm_storeu_si128((__m128i *)to,
                     _mm_packs_epi32(_mm_cvtps_epi32(x), _mm_cvtps_epi32(y)));
    return _mm_movemask_ps(off);
}
#else
IVX_INLINE int ivx_store_int16(int16_t *to, ivx_vector a, ivx_vector b)
{
    int off = 0;
    for (size_t n = 0; n < IVX_VECTOR; n++) {
        off |= ivx_store_int16_one(to + n, a[n]);
        off |= ivx_store_int16_one(to + IVX_VECTOR + n, b[n]);
    }
    return off;
}
#endif

/* 4 x 4 floats. */
IVX_INLINE void ivx_transpose_quads(float *to, size_t to_pitch, const float *from, size_t pitch)
{
    const ivx_quad a = *(const ivx_quad_at *)from;
    const ivx_quad b = *(const ivx_quad_at *)(from + pitch);
    const ivx_quad c = *(const ivx_quad_at *)(from + 2 * pitch);
    const ivx_quad d = *(const ivx_quad_at *)(from + 3 * pitch);
    const ivx_quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const ivx_quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const ivx_quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const ivx_quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);

    *(ivx_quad_at *)to = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    *(ivx_quad_at *)(to + to_pitch) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    *(ivx_quad_at *)(to + 2 * to_pitch) =
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(ivx_quad_at *)(to + 3 * to_pitch) =
        __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#if defined __AVX512F__
#define IVX_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define IVX_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

/* Interleaving the halves of a 16 x 16 block four times transposes it. */
IVX_INLINE void ivx_transpose(float *to, size_t to_pitch, const float *from, size_t pitch)
{
    ivx_vector a[16], b[16];
    for (size_t n = 0; n < 16; n++)
        a[n] = ivx_load(from + n * pitch);
#pragma GCC unroll 2
    for (int stage = 0; stage < 2; stage++) {
#pragma GCC unroll 8
        for (size_t n = 0; n < 8; n++) {
            b[2 * n] = __builtin_shufflevector(a[n], a[n + 8], IVX_LOW);
            b[2 * n + 1] = __builtin_shufflevector(a[n], a[n + 8], IVX_HIGH);
        }
#pragma GCC unroll 8
        for (size_t n = 0; n < 8; n++) {
            a[2 * n] = __builtin_shufflevector(b[n], b[n + 8], IVX_LOW);
            a[2 * n + 1] = __builtin_shufflevector(b[n], b[n + 8], IVX_HIGH);
        }
    }
    for (size_t n = 0; n < 16; n++)
        ivx_store(to + n * to_pitch, a[n]);
}
#else
IVX_INLINE void ivx_transpose(float *to, size_t to_pitch, const float *from, size_t pitch)
{
    ivx_transpose_quads(to, to_pitch, from, pitch);
}
#endif
#endif
