#!/bin/sh
# Fuzzes what reads bytes from the network, with ASan and UBSan. Needs clang.
#   tests/fuzz/run.sh [SECONDS [CORPUS]]
# Seeds are small public images (ISOVOX_SHARED, default ../shared/data) when they are there.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-60}
corpus=${2:-$(mktemp -d)}
shared=${ISOVOX_SHARED:-$top/../shared/data}
program=$(mktemp)
trap 'rm -f "$program" "$program.o"' EXIT

clang++ -g -O1 -std=c++17 -D_GNU_SOURCE -I"$top/include" -fsanitize=address,undefined -fno-sanitize=vptr \
    -c "$top/src/dicom/jpeg.cc" -o "$program.o"
# Flags are words.
# shellcheck disable=SC2046
clang -g -O1 -std=c11 -D_GNU_SOURCE -I"$top/include" \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    "$top/tests/fuzz/fuzz_instance.c" "$top"/src/assemble/*.c \
    "$top/src/dicom/scan.c" "$top/src/dicom/encoding.c" "$top/src/dicom/value.c" \
    "$top/src/dicom/window.c" "$top/src/dicom/inflate.c" "$top/src/dicom/fragments.c" \
    "$top/src/dicom/decode.c" "$top/src/dicom/samples.c" "$top/src/dicom/rle.c" \
    "$top/src/dicom/jpegls.c" "$top/src/dicom/jpeg2000.c" "$program.o" \
    $(pkg-config --cflags libopenjp2 charls) "$top"/src/base/*.c "$top/src/sys/file.c" "$top/src/sys/hash.c" \
    "$top/src/core/stack.c" -lcrypto -lm -lstdc++ \
    -ldcmjpeg -ldcmdata -lofstd -lcharls -lopenjp2 -lz -o "$program"

if [ -d "$shared" ]; then
    find "$shared" -type f -size -40k -exec sh -c '
        head -c 132 "$2" | tail -c 4 | grep -q DICM && cp "$2" "$1/$(echo "$2" | tr / _)"' \
        sh "$corpus" {} \;
fi
echo "corpus: $corpus"
cd "$corpus"
"$program" -max_len=65536 -timeout=10 -rss_limit_mb=1024 -max_total_time="$seconds" \
    -print_final_stats=1 "$corpus"
