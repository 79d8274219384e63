#!/bin/sh
# headers.sh - every public header stands alone: in C, and in C++ when it says extern "C".
root=${top_srcdir:-.}
status=0

compile() { # language standard compiler header
    printf '#include "%s"\n' "$4" |
        $3 -x "$1" -std="$2" -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only \
            -I"$root/include" - || { echo "$4: does not compile alone as $1" >&2; status=1; }
}

for path in $(find "$root/include" -name '*.h' | sort); do
    header=${path#"$root/include/"}
    compile c c11 "${CC:-cc}" "$header"
    if grep -q 'extern "C"' "$path"; then
        compile c++ c++17 "${CXX:-c++}" "$header"
    fi
done
exit $status
