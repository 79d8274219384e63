#!/bin/sh
# vectors.sh - did the compiler really use the vectors we asked it for, and nothing fused?
case "$CFLAGS" in *-O0* | *sanitize* | *-O1*) echo "skipped: not an optimised build"; exit 77 ;; esac
cd "${top_builddir:-.}" || exit 1
test -f libcore.a || { echo "vectors: libcore.a is not built"; exit 1; }

fused=$(objdump -d libcore.a | grep -cE 'vfn?m(add|sub)|\bfmadd|\bfmla|\bfmsub|\bfmls')
test "$fused" = 0 ||
    { echo "$fused fused multiply-adds in the core: results depend on the machine" >&2; exit 1; }

# Loop $3 of set $1 uses register $2.
uses() {
    objdump -d "$(ls src/core/kernel/libcore_"$1"_a-loops.o)" |
        awk -v name="<$3>:" '/^[0-9a-f]+ </ { inside = ($2 ~ name) } inside' |
        grep -q "$2" || { echo "$1: $3 has no $2" >&2; return 1; }
}

status=0
case $(uname -m) in
x86_64)
    for loop in taps taps_int16 slopes slope_even across round_row; do
        uses base 'mulps\|addps\|subps' "$loop" || status=1
        uses avx2 ymm "$loop" || status=1
        uses avx512 zmm "$loop" || status=1
    done ;;
*) echo "skipped: no list for $(uname -m)"; exit 77 ;;
esac
exit $status
