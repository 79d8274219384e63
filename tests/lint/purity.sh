#!/bin/sh
# purity.sh - the arithmetic floors call the allocator and memcpy's kin, and nothing else:
# no file, socket, clock, lock, thread, environment, log or libm. Checked on symbols. (sqrt is
# correctly rounded everywhere, IEEE 754 5.4.1: it may be called. Recipes parse JSON.)
pure='^(ivx_[a-z0-9_]+|sqrt|malloc|calloc|realloc|aligned_alloc|free|mem(cpy|set|move|cmp|chr)'
pure="$pure|str(len|n?cmp|n?cpy|chr|tod|toll?|toull?)|tolower|__ctype_[a-z_]+|__errno_location|v?snprintf"
pure="$pure|__isoc[0-9]+_[a-z]+|__(mem|str|vsn)[a-z]+_chk|__(assert_fail|stack_chk_fail|cpu_model|cpu_indicator_init)"
pure="$pure|_GLOBAL_OFFSET_TABLE_|__(a|ub|t)san_.*|_Unwind_Resume|__gcc_personality_v0)$"

cd "${top_builddir:-.}" || exit 1
for library in libbase.a libcore.a librecipes.a; do
    test -f $library || { echo "purity: $library is not built"; exit 1; }
done
impure=$({ nm -u libbase.a libcore.a; nm -u librecipes.a | grep -v " cJSON_"; } | awk '/ U /{print $2}' |
         sort -u | grep -vE "$pure")
test -z "$impure" && exit 0
echo "arithmetic calls: $impure" >&2
exit 1
