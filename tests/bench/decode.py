"""How much faster two threads decode than one: JPEG-LS and JPEG 2000, the acquired grid as raw
floats, so that little is left but decoding. Interleaved; the least of the rounds of each.

    /usr/bin/python3 tests/bench/decode.py [--rounds 5] [--slices 40]
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import pydicom

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e"))
import harness  # noqa: E402

ENCODERS = {"JPEG-LS": ["dcmcjpls"], "JPEG 2000": ["gdcmconv", "--j2k"]}


def make(folder, slices):
    """A head with the noise of a CT, in each syntax."""
    plain = harness.phantom(folder / "plain", "--dims", f"512,512,{slices}", "--bits", "12",
                            "--spacing", "0.7,0.7,2", "--shape", "head", "--unsigned")
    random = numpy.random.default_rng(1)
    for path in plain:
        data = pydicom.dcmread(path)
        noisy = data.pixel_array + random.normal(0, 12, data.pixel_array.shape)
        data.PixelData = numpy.clip(noisy.round(), 0, 4095).astype("<u2").tobytes()
        data.save_as(path)
    for name, program in ENCODERS.items():
        (folder / name).mkdir()
        for path in plain:
            subprocess.run([*program, str(path), str(folder / name / path.name)], check=True)


def read_ms(source, threads, scratch):
    out = Path(tempfile.mkdtemp(dir=scratch)) / "out"
    done = harness.run_tool("convert", "--json", "--spacing", "native", "--format", "raw",
                            "--threads", threads, source, "-o", out, check=True)
    shutil.rmtree(out.parent)
    return json.loads(done.stdout)["volumes"][0]["output"]["stages"]["read_ms"]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--slices", type=int, default=40)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        make(scratch, wanted.slices)
        best = {}
        for _ in range(wanted.rounds):
            for codec in ENCODERS:
                for threads in (1, 2):
                    ms = read_ms(scratch / codec, str(threads), scratch)
                    best[codec, threads] = min(ms, best.get((codec, threads), ms))
        for codec in ENCODERS:
            one, two = best[codec, 1], best[codec, 2]
            print(f"{codec}: {one / wanted.slices:.1f} ms a slice with one thread, "
                  f"{two / wanted.slices:.1f} with two: {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
