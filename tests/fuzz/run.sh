#!/bin/sh
# Fuzzes what reads bytes from the network, with ASan and UBSan. Needs clang.
#   tests/fuzz/run.sh [TARGET [SECONDS [CORPUS [LIBFUZZER OPTION...]]]]
# TARGET: instance (default), frames, assembly, dicomdir, inflate, message, rle, jpeg, jpegls, jpeg2000,
# htj2k. Seeds are public images (ISOVOX_SHARED, default ../shared/data) when they are there, tiny images
# encoded by whatever encoders are installed, and the corpus of finds.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
target=${1:-instance}
seconds=${2:-60}
corpus=${3:-$(mktemp -d)}
if [ $# -gt 3 ]; then shift 3; else shift $#; fi
shared=${ISOVOX_SHARED:-$top/../shared/data}
mkdir -p "$corpus"
corpus=$(cd "$corpus" && pwd)
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

source=codec only=
case $target in
instance | assembly | inflate | dicomdir | message) source=$target ;;
frames) source=instance ;;
rle) only=0 ;;
jpeg) only=1 ;;
jpegls) only=2 ;;
jpeg2000) only=3 ;;
htj2k) only=4 ;;
*)
    echo "run.sh: no target $target" >&2
    exit 2
    ;;
esac

# All of these floors go into an archive; the target takes what it needs of it.
flags="-g -O1 -D_GNU_SOURCE -I$top/include -fsanitize=address,undefined -fno-sanitize-recover=undefined"
(
    cd "$objects"
    # Flags are words.
    # shellcheck disable=SC2046,SC2086
    ${CLANG:-clang} $flags -std=c11 -fsanitize=fuzzer-no-link -c "$top"/src/assemble/*.c \
        "$top"/src/dicom/*.c "$top"/src/base/*.c "$top/src/sys/file.c" "$top/src/sys/hash.c" \
        "$top/src/core/stack.c" "$top/src/tool/dicomdir.c" $(pkg-config --cflags libopenjp2 charls)
    # shellcheck disable=SC2086
    ${CLANG:-clang}++ $flags -std=c++17 -fno-sanitize=vptr -c "$top"/src/dicom/jpeg*.cc
    ar rcs libfuzzed.a ./*.o
)
# shellcheck disable=SC2046,SC2086
${CLANG:-clang} $flags -std=c11 -fsanitize=fuzzer ${only:+-DFUZZ_ONLY=$only} \
    -I"$top/src/tool" -I"$top/src/dicom" "$top/tests/fuzz/fuzz_$source.c" "$top/tests/fuzz/check.c" "$objects/libfuzzed.a" \
    -ldcmjpeg -lijg8 -lijg12 -lijg16 -ldcmdata -loflog -lofstd -lcharls -lopenjp2 -lz \
    -lcrypto -lm -lstdc++ -o "$objects/fuzz"

/usr/bin/python3 "$top/tests/fuzz/seeds.py" "$target" "$corpus" "$shared"
cp "$top/tests/fuzz/corpus/$source"/* "$corpus"
echo "corpus: $corpus"
cd "$corpus"
"$objects/fuzz" -max_len=65536 -timeout=10 -rss_limit_mb=1500 -max_total_time="$seconds" \
    -print_final_stats=1 "$@" "$corpus"
