/* mode.h - how this thread computes while it works for us: rounded to nearest, subnormals
 * flushed to zero, no trap. What the caller had set comes back afterwards. */
#ifndef IVX_CORE_MODE_H
#define IVX_CORE_MODE_H

#include <stdint.h>

#if defined __x86_64__
#include <xmmintrin.h>

static inline uint64_t ivx_mode_enter(void)
{
    const uint64_t before = _mm_getcsr();
    _mm_setcsr(0x1f80 | 0x8000 | 0x0040); /* masked, nearest, FTZ, DAZ */
    return before;
}

static inline void ivx_mode_leave(uint64_t before)
{
    _mm_setcsr((unsigned)before);
}

#elif defined __aarch64__

static inline uint64_t ivx_mode_enter(void)
{
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"((uint64_t)1 << 24)); /* FZ */
    return before;
}

static inline void ivx_mode_leave(uint64_t before)
{
    __asm__ volatile("msr fpcr, %0" ::"r"(before));
}

#else
#error "state how this processor flushes subnormals"
#endif
#endif
