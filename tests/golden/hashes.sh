#!/bin/sh
# hashes.sh - does the engine of this build give the bits of its version, with every
# instruction set and number of threads? tests/golden/engine-1.txt is what all compilers
# and processors agree on. It is no oracle (those are in tests/unit/core): when bits change
# on purpose, IVX_ENGINE_VERSION goes up, and the new listing is what `hashes` prints.
version=$(sed -n 's/^#define IVX_ENGINE_VERSION //p' \
    "${top_srcdir:-.}/include/isovox/core/resample.h")
# Instrumented code is slow, and other builds compare sets and crews.
case $CFLAGS in *sanitize*) once=--once ;; *) once= ;; esac
# shellcheck disable=SC2086 # no argument when empty
exec "${top_builddir:-.}/tests/golden/hashes" $once \
    "${top_srcdir:-.}/tests/golden/engine-$version.txt"
