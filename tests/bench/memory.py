#!/usr/bin/python3
"""How much memory a conversion takes, and whether its time grows with the slices alone.

    memory.py [--build DIR] [--folder DIR] [--slices N,N,...] [--kernels K,K,...] [--json]

Converts a phantom head of 512 x 512 x N at 0.7 x 0.7 x 0.8 mm to 0.5 mm DICOM on two threads
and prints the peak resident set (ru_maxrss of the process, from wait4), seconds, and
seconds per result slice. The engine holds a slab, so what grows with N may only be what is
kept per slice: its headers.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def timed(command):
    """Seconds, peak RSS in MiB and standard output of a command that must succeed."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {process.returncode}")
    return time.monotonic() - started, usage.ru_maxrss / 1024, output


def phantom(build, folder, slices):
    subprocess.run(
        [build / "tests/phantom/isovox-phantom", "--dims", f"512,512,{slices}",
         "--spacing", "0.7,0.7,0.8", "--output", folder],
        check=True)


def convert(build, source, target, kernel):
    shutil.rmtree(target, ignore_errors=True)
    seconds, peak, output = timed(
        [build / "isovox", "convert", source, "-o", target, "--spacing", "0.5",
         "--kernel", kernel, "--format", "dicom", "--threads", "2", "--json",
         "--no-progress"])
    files = sum(1 for _ in target.rglob("*.dcm"))
    shutil.rmtree(target)
    return {"seconds": seconds, "peak_mib": peak, "files": files,
            "report": json.loads(output)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=TOP)
    parser.add_argument("--folder", help="where the files go (3.5 GB for 2000 slices)")
    parser.add_argument("--slices", default="100,300,1000,2000")
    parser.add_argument("--kernels", default="linear,bspline3")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        for slices in map(int, arguments.slices.split(",")):
            phantom(arguments.build, source, slices)
            for kernel in arguments.kernels.split(","):
                row = convert(arguments.build, source, target, kernel)
                row.update(slices=slices, kernel=kernel)
                rows.append(row)
                if not arguments.json:
                    print(f"{slices:5} slices {kernel:10} {row['peak_mib']:7.1f} MiB "
                          f"{row['seconds']:7.2f} s {row['files']:5} files "
                          f"{1e3 * row['seconds'] / row['files']:6.2f} ms each", flush=True)
            shutil.rmtree(source)
    if arguments.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
