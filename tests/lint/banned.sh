#!/bin/sh
# banned.sh - calls that have no place here, outside comments and text.
# (Variable-length arrays and alloca are refused by the compiler: -Wvla.)
root=${top_srcdir:-.}
banned='strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|sscanf|gets'
banned="$banned|localtime|gmtime|ctime|asctime|system|popen|alloca|tmpnam|mktemp"

# shellcheck disable=SC2016
found=$(find "$root/src" "$root/include" "$root/tests" -name '*.[ch]' -o -name '*.cc' |
    sort | xargs awk -v banned="(^|[^A-Za-z0-9_.>])($banned)[[:space:]]*[(]" '
    FNR == 1 { comment = 0 }
    {
        line = $0
        gsub(/\\./, "", line)
        gsub(/"[^"]*"/, "\"\"", line)
        gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, " ", line)
        sub(/\/\/.*/, "", line)
        if (comment) {
            if (!sub(/^.*\*\//, "", line)) next
            comment = 0
        }
        if (sub(/\/\*.*/, "", line)) comment = 1
        if (line ~ banned || line ~ /(^|[^A-Za-z0-9_])goto[[:space:]]/)
            print FILENAME ":" FNR ": " $0
    }')
test -z "$found" && exit 0
printf '%s\n' "$found" >&2
exit 1
