#!/bin/sh
# functions.sh - functions up to 60 lines, files up to 500, lines up to 90 columns
# (tables of X(...) may be wider).
# A function is what stands between a brace alone on its line and the next brace
# at the same indent: .clang-format puts them there.
root=${top_srcdir:-.}

# shellcheck disable=SC2016
found=$(find "$root/src" "$root/include" "$root/tests" -name '*.[ch]' -o -name '*.cc' |
    sort | xargs awk '
    function over() {
        if (last > 500) print file ":" last ": file of more than 500 lines"
    }
    FNR == 1 { over(); file = FILENAME; start = 0; before = "" }
    {
        last = FNR
        if (length($0) > 100 && !/^ *X\(/) print FILENAME ":" FNR ": " length($0) " columns"
        if (/\t/) print FILENAME ":" FNR ": tab"
        if (!start && /^ *\{$/ && before !~ /^ *(namespace|class|struct|extern)/) {
            start = FNR
            match($0, /^ */)
            indent = RLENGTH
        } else if (start && match($0, /^ *\}/) && RLENGTH == indent + 1) {
            if (FNR - start + 1 > 60)
                print FILENAME ":" start ": function of " FNR - start + 1 " lines"
            start = 0
        }
        before = $0
    }
    END { over() }')
test -z "$found" && exit 0
printf '%s\n' "$found" >&2
exit 1
