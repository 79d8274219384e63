#!/usr/bin/python3
"""The demonstration behind ./quickstart: a CT arrives, becomes isotropic, reaches a PACS.

usage: demo.py [--once] [FOLDER]

Without a folder: the head of Debian's package invesalius-examples, a real CT. Everything
runs on free ports of the loopback interface, in a folder under $TMPDIR, and is gone after.
"""

import argparse
import os
import plistlib
import re
import shutil
import signal
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))

import numpy  # noqa: E402

import harness  # noqa: E402
import oracle  # noqa: E402
import pydicom  # noqa: E402

EXAMPLE = Path("/usr/share/doc/invesalius-examples/examples/Cranium.inv3")
TARGET = 1.0
KERNEL = "bspline3"
TIMEOUT = 600


def say(text):
    print(text, flush=True)


def head_ct(folder):
    """The example's matrix (int16 HU; rows from posterior to anterior, slices from the
    skull base up) as a CT series."""
    with tarfile.open(EXAMPLE) as archive:
        names = {Path(name).name: name for name in archive.getnames()}
        project = plistlib.loads(archive.extractfile(names["main.plist"]).read())
        matrix = folder / "matrix.dat"
        data = archive.extractfile(names[project["matrix"]["filename"]])
        with open(matrix, "wb") as file:
            shutil.copyfileobj(data, file)
    if project["matrix"]["dtype"] != "int16":
        raise SystemExit("the example is not what it was: int16 expected")
    slices, rows, columns = project["matrix"]["shape"]
    return harness.phantom(
        folder / "ct", "--from", matrix, "--dims", f"{columns},{rows},{slices}",
        "--spacing", ",".join(str(each) for each in project["spacing"]), "--flip-rows",
        "--seed", "cranium", "--patient", "DEMO^HEAD", "--description", "Head")


def geometry(volume):
    spacing = [f"{each:.3f}" if each else "?" for each in volume.spacing]
    return (f"{' x '.join(str(each) for each in volume.dims)} voxels of "
            f"{' x '.join(spacing)} mm")


def instances_in(folder):
    """Files of the folder that belong to a series: no DICOMDIR, nothing else."""
    found = []
    for path in harness.dicom_files(folder):
        try:
            if pydicom.dcmread(path, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID:
                found.append(path)
        except (AttributeError, pydicom.errors.InvalidDicomError):
            pass
    return found


def sources_of(files):
    """The series sent, as volumes, by their UID. Pixels are read when they are needed."""
    series = {}
    for path in files:
        dataset = pydicom.dcmread(path, defer_size="1 KB")
        series.setdefault(str(dataset.SeriesInstanceUID), []).append(dataset)
    volumes = {}
    for uid, datasets in series.items():
        try:
            volumes[uid] = oracle.Volume(datasets)
        except (AttributeError, IndexError, TypeError, ValueError):
            volumes[uid] = None
    return volumes


def send(daemon, files):
    """C-STORE of everything; what the sender cannot send or isovoxd does not take is told."""
    say("[3/5] sending to isovoxd by C-STORE")
    before = time.monotonic()
    done = daemon.send(files, aet="CT1", options=["-nh"], check=False)
    stored = time.monotonic()
    accepted = re.search(r"with status SUCCESS *: *(\d+)", done.stdout + done.stderr)
    accepted = int(accepted.group(1)) if accepted else 0
    say(f"      {accepted} of {len(files)} instances acknowledged in {stored - before:.2f} s")
    if accepted == 0:
        say(done.stderr[-2000:])
        raise SystemExit("nothing was accepted")
    return stored


def follow(daemon, pacs):
    """Waits until everything that arrived is decided, converted and delivered; returns the
    moment of the last arrival at the PACS and the series as the daemon has them."""
    shown, count, last = None, -1, None
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        daemon.must_run()
        pacs.must_run()
        now = pacs.get("/statistics")["CountInstances"]
        if now != count:
            count, last = now, time.monotonic()
        series = daemon.list("series")
        states = [str(each["state"]) for each in series]
        if states != shown:
            say("      " + (", ".join(f"{states.count(each)} {each}"
                                      for each in sorted(set(states))) or "none yet"))
            shown = states
        if states and all(each in ("done", "refused", "failed") for each in states):
            open_jobs = [each for each in daemon.list("jobs")
                         if each["state"] not in ("done", "dead", "cancelled")]
            unsent = [each for each in daemon.list("deliveries") if each["state"] not in (
                "sent", "committed", "dead", "cancelled")]
            if not open_jobs and not unsent:
                return last, series
        time.sleep(0.02)
    raise SystemExit(f"not finished after {TIMEOUT} s\n{harness.tail(daemon.log)}")


def checked(derived, source):
    """What the PACS holds, against geometry and an independent computation."""
    say(f"    before  {geometry(source)}")
    say(f"    after   {geometry(derived)}")
    problems = []
    if not derived.uniform() or not numpy.allclose(derived.spacing, TARGET, atol=1e-9):
        problems.append("the slices are not equidistant")
    one = derived.datasets[0]
    if str(one.StudyInstanceUID) != str(source.datasets[0].StudyInstanceUID):
        problems.append("another study")
    if not source.uniform(0.01) or "PixelPaddingValue" in source.datasets[0]:
        say("    values  not compared: tilted, irregular or padded series have tests of their own")
        return problems
    exact, origin = oracle.resample(source, TARGET, KERNEL)
    values = derived.values
    if values.shape != exact.shape:
        return problems + [f"{values.shape} voxels, {exact.shape} expected"]
    away = numpy.abs(derived.origin - origin).max()
    if away > 1e-3:
        problems.append(f"the first voxel is {away:.4f} mm from where it should be")
    excess = oracle.beyond_rounding(values, exact).max()
    say(f"    values  {values.size} voxels against numpy/scipy in float64: at most "
        f"{excess:.5f} HU beyond rounding")
    if not excess <= 1e-3:
        problems.append(f"values differ by {excess:.5f} HU beyond rounding")
    return problems


def report(pacs, sources):
    """Prints and checks every derived series; returns what is wrong."""
    found = pacs.derived()
    problems = []
    for series in found:
        datasets = pacs.datasets(series)
        derived = oracle.Volume(datasets)
        uid = str(datasets[0].SourceImageSequence[0].ReferencedSOPInstanceUID)
        source = next((each for each in sources.values() if each is not None and any(
            str(one.SOPInstanceUID) == uid for one in each.datasets)), None)
        say(f"\n  {datasets[0].get('SeriesDescription', '')!s:.60}")
        if source is None:
            problems.append("a derived series names no source that was sent")
            continue
        problems += checked(derived, source)
    return problems


def demonstrate(folder, arguments):
    begun = time.monotonic()
    if arguments.folder:
        files = instances_in(arguments.folder)
        if not files:
            raise SystemExit(f"no DICOM files in {arguments.folder}")
        say(f"[1/5] your folder: {len(files)} DICOM files")
    else:
        files = head_ct(folder)
        say(f"[1/5] a real CT of a head (Debian's invesalius-examples): {len(files)} slices")
    sources = sources_of(files)

    pacs = harness.Pacs(folder / "pacs", DicomAlwaysAllowStore=False,
                        DicomCheckModalityHost=True, DicomModalities={
                            name.lower(): [name, harness.HOST, 104]
                            for name in ("ISOVOX", "STORESCU")})
    pacs.start()
    say(f"[2/5] a PACS (Orthanc) listens on {harness.HOST}:{pacs.port}")
    daemon = harness.Daemon(folder / "isovox", pacs, {
        "plan": {"quiet": None, "quiet_released": None}, "deliver": None})
    daemon.start()
    say(f"      isovoxd listens on {harness.HOST}:{daemon.port}, AE title {daemon.aet}")

    # The acquired series as well, so that the PACS shows both side by side.
    harness.storescu(files, pacs.port, aec=pacs.aet, check=False)
    stored = send(daemon, files)

    say("[4/5] waiting for the isotropic series at the PACS")
    last, series = follow(daemon, pacs)
    for each in series:
        if each["state"] != "done":
            say(f"      {each['modality']} series of {each['instances']} instances is "
                f"{each['state']}: {each['code']} {each['text']}")
    say(f"      last C-STORE in to last derived instance in the PACS: {last - stored:.2f} s")

    say("[5/5] asking the PACS what it holds")
    problems = report(pacs, sources)
    wanted = sum(each["state"] == "done" for each in daemon.list("jobs"))
    if wanted != len(pacs.derived()) or (wanted == 0 and not arguments.folder):
        problems.append(f"{wanted} conversions, {len(pacs.derived())} series at the PACS")
    for each in problems:
        say(f"\n  WRONG: {each}")
    if problems:
        say(harness.tail(daemon.log))
        return 1
    say(f"\nDone in {time.monotonic() - begun:.0f} s.")
    say(f"    status page   {daemon.url}/")
    say(f"    PACS          {pacs.url}/app/explorer.html")
    say(f"    send your own dcmsend -aec {daemon.aet} {harness.HOST} {daemon.port} FILES...")
    if not arguments.once:
        say("\nCtrl-C ends it and removes everything.")
        while pacs.running() and daemon.running():
            time.sleep(0.5)
        say("a server ended by itself")
        return 1
    return 0


def main():
    parser = argparse.ArgumentParser(prog="quickstart", description=__doc__.split("\n")[0])
    parser.add_argument("--once", action="store_true", help="stop after success")
    parser.add_argument("folder", nargs="?", help="your own DICOM files instead of the head")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):  # or the terminal is closed
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="isovox-demo-"))
    try:
        return demonstrate(folder, arguments)
    except KeyboardInterrupt:
        say("\nending")
        return 130 if arguments.once else 0
    except AssertionError as error:
        say(f"FAILED: {error}")
        return 1
    finally:
        harness.stop_all()
        if not os.environ.get("ISOVOX_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
