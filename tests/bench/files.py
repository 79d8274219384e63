#!/usr/bin/python3
"""A conversion on files against copying the same bytes.

    files.py [--build DIR] [--folder DIR] [--slices N] [--rounds N] [--kernel NAME] [--json]

`isovox convert` of a 512 x 512 x N phantom head (0.7 x 0.7 x 1.25 mm) to 1 mm DICOM on two threads,
and, in the same rounds, `cp -r` of its input and of its output: the bytes that have to be
read and written. The conversion ends with a syncfs, so DIR should be a tmpfs (the default
is /dev/shm): that measures the work and not the disk. Medians of seconds and of processor
seconds (which other jobs on the machine distort less), and the stages that the conversion
reports itself.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def processor():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(command):
    """Seconds, processor seconds, standard output."""
    started, before = time.monotonic(), processor()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return time.monotonic() - started, processor() - before, done.stdout


def size(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def copy(source, target):
    shutil.rmtree(target, ignore_errors=True)
    return timed(["cp", "-r", source, target])[:2]


def stages_of(report):
    """The `stages` of the one conversion in the report, wherever it stands."""
    if isinstance(report, dict):
        if "hash_ms" in report:
            return report
        report = list(report.values())
    if isinstance(report, list):
        for part in report:
            found = stages_of(part)
            if found:
                return found
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=TOP)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kernel", default="bspline3")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        spare_in, spare_out = Path(folder, "in2"), Path(folder, "out2")
        subprocess.run(
            [arguments.build / "tests/phantom/isovox-phantom", "--dims",
             f"512,512,{arguments.slices}", "--spacing", "0.7,0.7,1.25", "--output", source],
            check=True)
        converted, copied, stages = [], [], []
        for _ in range(arguments.rounds):
            shutil.rmtree(target, ignore_errors=True)
            seconds, work, output = timed(
                [arguments.build / "isovox", "convert", source, "-o", target, "--spacing",
                 "1", "--kernel", arguments.kernel, "--threads", arguments.threads, "--json",
                 "--no-progress"])
            converted.append((seconds, work))
            stages.append(stages_of(json.loads(output)) or {})
            one, two = copy(source, spare_in), copy(target, spare_out)
            copied.append((one[0] + two[0], one[1] + two[1]))
        result = {
            "input_bytes": size(source), "output_bytes": size(target),
            "convert_s": statistics.median(c[0] for c in converted),
            "cp_s": statistics.median(k[0] for k in copied),
            "ratio": statistics.median(c[0] / k[0] for c, k in zip(converted, copied)),
            "convert_cpu_s": statistics.median(c[1] for c in converted),
            "cp_cpu_s": statistics.median(k[1] for k in copied),
            "stages_ms": {key: statistics.median(s[key] for s in stages)
                          for key in stages[0] if key.endswith("_ms")},
        }
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{result['input_bytes'] / 1e6:.0f} MB in, {result['output_bytes'] / 1e6:.0f} MB out")
    print(f"convert {result['convert_s']:.2f} s, cp {result['cp_s']:.2f} s, "
          f"ratio {result['ratio']:.2f} (median of {arguments.rounds} rounds)")
    print(f"processor: convert {result['convert_cpu_s']:.2f} s, cp {result['cp_cpu_s']:.2f} s")
    print("  ".join(f"{key} {value:.0f}" for key, value in result["stages_ms"].items()))


if __name__ == "__main__":
    main()
