#!/bin/bash
# cross.sh CC [RUNNER] - builds the engine and hashes.c with CC alone, no configure, and
# compares the bits with those that every build must give. RUNNER runs what this machine
# cannot: tests/golden/cross.sh aarch64-linux-gnu-gcc "qemu-aarch64 -L /usr/aarch64-linux-gnu"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cc=${1:?usage: cross.sh CC [RUNNER]}
read -ra runner <<<"${2-}"
version=$(sed -n "s/^#define IVX_ENGINE_VERSION //p" include/isovox/core/resample.h)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

flags=(-std=c11 -O2 -ffp-contract=off -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude
    -Isrc/core)
loops=(-ftree-vectorize -fno-math-errno -fno-trapping-math)

number=0
compile() { # FLAG... SOURCE
    number=$((number + 1))
    $cc "${flags[@]}" "$@" -c -o "$folder/$number.o"
}
for source in src/base/*.c src/core/*.c src/core/kernel/pick.c tests/golden/*.c; do
    compile "$source"
done
for source in src/core/kernel/{loops,lines,points}.c; do
    compile "${loops[@]}" -DIVX_SET=base "$source"
    [ "$($cc -dumpmachine | cut -d- -f1)" = x86_64 ] || continue
    compile "${loops[@]}" -DIVX_SET=avx2 -mavx2 "$source"
    compile "${loops[@]}" -DIVX_SET=avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq \
        "$source"
done
$cc "$folder"/*.o -o "$folder/hashes" -lpthread -lm
once=()
[ -z "${2-}" ] || once=(--once)
"${runner[@]}" "$folder/hashes" "${once[@]}" "tests/golden/engine-$version.txt"
echo "$($cc -dumpmachine): the bits of engine $version"
