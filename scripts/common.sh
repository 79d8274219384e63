# common.sh - what ./check and ./quickstart share. Sourced by bash in the checkout's top.
# shellcheck shell=bash disable=SC2034

build_root=$PWD/.build
mkdir -p "$build_root"
processors=$(nproc)

# A compiler cache is used when there is one; it stays inside the checkout.
export CCACHE_DIR=${CCACHE_DIR:-$build_root/ccache}
cache=
if command -v ccache >/dev/null; then
    cache="ccache "
fi

# configure and Makefile.in, when older than what they are made of.
bootstrap() {
    local newer
    mkdir -p build-aux
    if [ -e configure ] && [ -e Makefile.in ]; then
        newer=$(find configure.ac Makefile.am src tests -newer Makefile.in \
            \( -name configure.ac -o -name Makefile.am -o -name '*.mk' \))
        [ -n "$newer" ] || return 0
    fi
    autoreconf -fi
}

# configured NAME ARGUMENT...: .build/NAME, configured with these arguments.
configured() {
    local folder=$build_root/$1
    shift
    bootstrap || return 1
    mkdir -p "$folder"
    if [ -e "$folder/Makefile" ] && [ "$folder/config.status" -nt configure ] &&
        [ "$(cat "$folder/arguments" 2>/dev/null)" = "$*" ]; then
        return 0
    fi
    (cd "$folder" && ../../configure "$@" && echo "$*" >arguments)
}
