#!/bin/sh
# library.sh - does libisovox export what isovox.sym lists, and nothing else? And does its
# example do what it says: three slices 2 mm apart become five or six, 1 mm apart?
build=${top_builddir:-.}
lib=$build/.libs/libisovox.so
case $CFLAGS in *sanitize*) exit 77 ;; esac
test -f "$lib" || exit 77

exported=$(nm -D --defined-only "$lib" | awk '{ print $3 }' | sort)
listed=$(sort "${top_srcdir:-.}/src/core/isovox.sym")
test "$exported" = "$listed" || {
    echo "libisovox exports: $exported" >&2
    exit 1
}

# 2 x 2 x 3 voxels of 42, 1 x 1 x 2 mm: 6 mm deep, so 2 x 2 x 6 voxels of 42 at 1 mm.
volume() { for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do printf '\052\000'; done; }
result=$(volume | "$build/docs/example/resample_raw" 2 2 3 1 1 2 1 2>/dev/null |
         od -An -v -td2 | tr -s ' \n' '\n' | sed '/^$/d' | sort | uniq -c | tr -s ' ')
test "$result" = " 24 42" || {
    echo "resample_raw gave: $result" >&2
    exit 1
}
