#!/bin/sh
# floors.sh - does every #include obey docs/FLOORS?
root=${top_srcdir:-.}
status=0
climbs='climbs out of its floor'

complain() {
    echo "$*" >&2
    status=1
}

# The floors that floor $1 may include; fails when FLOORS does not know it.
allowed() {
    awk -F: -v floor="$1" '
        !/^#/ && (" " $1 " ") ~ (" " floor " ") { print $2; known = 1 }
        END { exit !known }' "$root/docs/FLOORS"
}

# Complains about every line of folder $1 that matches $2, with the reason $3.
forbid() {
    found=$(grep -rnE --include='*.[ch]' --include='*.cc' "$2" "$1") || return 0
    complain "$found"
    complain "$1: $3"
}

check_floor() {
    folder=$1
    floor=$(basename "$folder")
    may=$(allowed "$floor") || complain "$folder: not in docs/FLOORS"
    uses=$(grep -rhoE '#[[:space:]]*include[[:space:]]*["<]isovox/[a-z]+' "$folder" |
        sed 's,.*/,,' | sort -u)
    for used in $uses; do
        case " $floor $may " in
        *" $used "* | *' * '*) ;;
        *) complain "$folder: may not include isovox/$used" ;;
        esac
    done
    forbid "$folder" '#[[:space:]]*include[[:space:]]*["<](\.\./\.\./|src/)' "$climbs"
    for file in "$folder"/*.[ch] "$folder"/*.cc; do
        test ! -f "$file" ||
            forbid "$file" '#[[:space:]]*include[[:space:]]*["<]\.\./' "$climbs"
    done
    test "$floor" = dicom && return
    forbid "$folder" '#[[:space:]]*include[[:space:]]*["<]dcmtk/' 'DCMTK belongs to dicom/'
    found=$(find "$folder" -name '*.cc' -o -name '*.cpp' -o -name '*.cxx' -o -name '*.hpp')
    test -z "$found" || complain "$found: C++ belongs to dicom/"
}

for folder in "$root"/src/*/ "$root"/include/isovox/*/; do
    check_floor "${folder%/}"
done
exit $status
