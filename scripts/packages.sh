#!/bin/bash
# packages.sh GROUP... - installs the Debian packages of these groups that are missing.
#   build   what configure and make need      demo   what ./quickstart needs besides
#   test    what ./check needs besides        arm    what ./check neon needs besides
#   --list prints instead of installing
# README.md says what each is for. Silent when all are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=(
    gcc g++ make autoconf automake libtool pkg-config
    libdcmtk-dev          # DICOM
    libcharls-dev         # JPEG-LS
    libopenjp2-7-dev      # JPEG 2000, HTJ2K
    libcjson-dev          # JSON
    libconfuse-dev        # configuration
    libcurl4-openssl-dev  # isovox asks a daemon
    libmicrohttpd-dev     # HTTP
    libsqlite3-dev        # catalogue
    libssl-dev            # SHA-256
    zlib1g-dev            # NIfTI
    check                 # unit tests
)
demo=(
    orthanc               # a PACS
    dcmtk                 # storescu, dcmsend
    invesalius-examples   # a CT of a head
    python3 python3-numpy python3-scipy python3-pydicom
)
test=(
    clang libclang-rt-14-dev
    binutils              # nm, objdump: lints of the core
    libgdcm-tools         # gdcmscu, gdcmconv: a sender and encoder that is not DCMTK
    libopenjp2-tools openjph-tools  # opj_compress, ojph_compress: encoders
    dicom3tools           # dciodvfy, dcentvfy
    dcm2niix python3-nibabel  # other readers of what we write
    python3-jsonschema    # the manifest against its schema
    strace                # the order of system calls
    xfsprogs e2fsprogs    # power cuts: copies of a disk by reference
    shellcheck
    xz-utils              # make dist
)
arm=(
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross  # the engine for ARM
    qemu-user             # runs it
)

wanted=()
list=no
for group in "$@"; do
    case $group in
    --list) list=yes ;;
    build) wanted+=("${build[@]}") ;;
    demo) wanted+=("${demo[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    arm) wanted+=("${arm[@]}") ;;
    *)
        echo "packages.sh: no group $group" >&2
        exit 2
        ;;
    esac
done
if [ "$list" = yes ]; then
    printf '%s\n' "${wanted[@]}"
    exit 0
fi

installed() { # package
    [ "$(dpkg-query -Wf '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "This is not a Debian: please install what corresponds to ${missing[*]}" >&2
    exit 1
fi
root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "Please run as root, or install: apt-get install ${missing[*]}" >&2
        exit 1
    }
    root=(sudo)
fi

mkdir -p .build
log=$PWD/.build/packages.log
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
echo "    (log: $log)"

# Installing a package must not start a service: the demo and the tests run a PACS of
# their own, on free ports, and nothing is left listening on this machine.
policy=/usr/sbin/policy-rc.d
quiet_services=no
fresh_orthanc=no
[[ " ${missing[*]} " == *" orthanc "* ]] && fresh_orthanc=yes
if [ ! -e "$policy" ]; then
    quiet_services=yes
    trap '"${root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
fi

apt_get() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Use-Pty=0 \
        -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 </dev/null
}
install_missing() { apt_get install --no-install-recommends "${missing[@]}"; }

: >"$log"
if ! install_missing; then
    echo "    refreshing the package lists"
    if ! { apt_get update && install_missing; }; then
        tail -n 15 "$log" >&2
        echo "apt-get failed; its whole log: $log" >&2
        exit 1
    fi
fi
if [ $fresh_orthanc = yes ] && [ $quiet_services = yes ]; then
    "${root[@]}" update-rc.d orthanc disable >>"$log" 2>&1 || true
fi
