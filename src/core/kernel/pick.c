#include <stdbool.h>
#include <string.h>

#include "kernel.h"

static bool wanted(const struct ivx_kernels *set, const char *force)
{
    return force == NULL || strcmp(force, "auto") == 0 || strcmp(force, set->name) == 0;
}

#ifdef __x86_64__
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
           && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

const struct ivx_kernels *ivx_kernels_pick(const char *force)
{
#ifdef __x86_64__
    if (wanted(&ivx_kernels_avx512, force) && has_avx512())
        return &ivx_kernels_avx512;
    if (wanted(&ivx_kernels_avx2, force) && __builtin_cpu_supports("avx2"))
        return &ivx_kernels_avx2;
#endif
#ifdef __aarch64__
    if (force != NULL && strcmp(force, "neon") == 0) /* part of the base set there */
        return &ivx_kernels_base;
#endif
    return wanted(&ivx_kernels_base, force) ? &ivx_kernels_base : NULL;
}
