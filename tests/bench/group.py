#!/usr/bin/python3
"""Grouping many instances, against dcm2niix scanning them.

    group.py [--build DIR] [--folder DIR] [--series N] [--slices N] [--rounds N] [--json]

`isovox inspect` and `dcm2niix -n -1` (which lists the series of a folder and converts nothing)
over the same files of N phantom series, in turns, on a tmpfs and with a warm cache. When
strace is installed: how often isovox opens each file, and how many bytes it reads of all.
Medians of seconds and of processor seconds.
"""

import argparse
import collections
import json
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import pydicom

TOP = Path(__file__).resolve().parents[2]


def processor():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(command):
    started, before = time.monotonic(), processor()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return time.monotonic() - started, processor() - before, done.stdout.decode()


def make(build, folder, series, slices):
    """One phantom, written again and again under UIDs of other series."""
    subprocess.run([build / "tests/phantom/isovox-phantom", "--dims", f"128,128,{slices}",
                    "--output", folder / "0"], check=True, stdout=subprocess.DEVNULL)
    first = sorted(p for p in (folder / "0").rglob("*") if p.is_file())
    for number in range(1, series):
        place = folder / str(number)
        place.mkdir()
        for k, path in enumerate(first):
            data = pydicom.dcmread(path)
            data.SeriesInstanceUID, data.SeriesNumber = f"2.25.1{number}", number
            data.SOPInstanceUID = f"2.25.2{number:04}{k:04}"
            data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
            data.save_as(place / f"{k:04}.dcm")


def traced(isovox, folder):
    """(most often that a file was opened, bytes read of files, bytes of all files)"""
    if shutil.which("strace") is None:
        return None
    with tempfile.NamedTemporaryFile("r") as log:
        subprocess.run(["strace", "-f", "-qq", "-y", "-e", "trace=openat,read,pread64", "-o",
                        log.name, isovox, "inspect", folder], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        opened, read = collections.Counter(), 0
        for line in log:
            if str(folder) not in line or "O_DIRECTORY" in line:
                continue
            done = re.search(r"(openat|read|pread64)\(.*<(.*?)>.* = (\d+)|openat\(.*\"(.*?)\"",
                             line)
            if " openat(" in line or line.split()[1].startswith("openat("):
                opened[re.search(r'"(.*?)"', line).group(1)] += 1
            elif done and done.group(3):
                read += int(done.group(3))
    whole = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    return max(opened.values()), read, whole


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=TOP / ".build" / "gcc")
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--series", type=int, default=20)
    parser.add_argument("--slices", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    isovox = options.build / "isovox"
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="isovox-group-") as root:
        folder = Path(root)
        make(options.build, folder, options.series, options.slices)
        times = {"isovox": [], "dcm2niix": []}
        for _ in range(options.rounds):
            times["isovox"].append(timed([isovox, "inspect", folder]))
            times["dcm2niix"].append(timed(["dcm2niix", "-n", "-1", folder]))
        volumes = times["isovox"][0][2].count("  series ")
        trace = traced(isovox, folder)
    result = {"instances": options.series * options.slices, "volumes": volumes, "opens": trace}
    for name, each in times.items():
        result[name] = {"seconds": statistics.median(e[0] for e in each),
                        "processor": statistics.median(e[1] for e in each)}
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['instances']} instances, {volumes} volumes")
    for name in times:
        print(f"{name:10s} {result[name]['seconds']:6.2f} s, "
              f"{result[name]['processor']:6.2f} s of processor")
    if trace:
        print(f"isovox opened each file {trace[0]} times at most, and read {trace[1]} of "
              f"{trace[2]} bytes")


if __name__ == "__main__":
    main()
