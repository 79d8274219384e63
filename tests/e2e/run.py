#!/usr/bin/python3
"""Runs the end-to-end tests, a line each.

    run.py [-j LANES] [--in FOLDER] [NAME...]
        only tests whose file, class or method contains one of the names; those of this
        folder, or of FOLDER

A class of tests runs in a process of its own, LANES of them at a time (1 if not given:
everything in this process, in the order of the names). Exit status 0 when none failed. The
last line counts them: N passed, N failed, N skipped.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import harness  # noqa: E402


class Lines(unittest.TestResult):
    """One line per test; the reason of a failure or a skip below it."""

    def __init__(self):
        super().__init__()
        self.count = {"passed": 0, "failed": 0, "skipped": 0}

    def startTest(self, test):
        super().startTest(test)
        self.started, self.verdict, self.reason = time.monotonic(), "passed", ""

    def note(self, verdict, reason):
        if self.verdict != "failed":
            self.verdict, self.reason = verdict, reason
        elif verdict == "failed":
            self.reason += "\n" + reason

    def addError(self, test, err):
        text = self._exc_info_to_string(err, test)
        if isinstance(test, unittest.TestCase):
            self.note("failed", text)
        else:
            self.outside(test, "failed", text)

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note("failed", f"{subtest._subDescription()}\n"
                                + self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        if isinstance(test, unittest.TestCase):
            self.note("skipped", reason)
        else:
            self.outside(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        self.note("failed", "expected failures are not used here")

    def addUnexpectedSuccess(self, test):
        self.note("failed", "expected failures are not used here")

    def stopTest(self, test):
        self.tell(test.id(), time.monotonic() - self.started, self.verdict, self.reason)

    def outside(self, what, verdict, reason):
        """Something around the tests failed: loading a file, setUpClass."""
        self.tell(str(what), 0, verdict, reason)

    def tell(self, name, seconds, verdict, reason):
        self.count[verdict] += 1
        print(f"{verdict:8} {seconds:6.1f} s  {name}", flush=True)
        for line in reason.rstrip().splitlines():
            print(f"    {line}", flush=True)


def every(suite):
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from every(each)
        else:
            yield each


def chosen(folder, names):
    tests = list(every(unittest.TestLoader().discover(str(folder), "test_*.py")))
    tests.sort(key=lambda each: each.id())
    if names:
        tests = [each for each in tests if any(name in each.id() for name in names)]
    return tests


def run_here(tests):
    result = Lines()
    unittest.TestSuite(tests).run(result)
    return result.count


class Lane:
    """Runs one class of tests in a process of its own; `number` keeps its ports apart."""

    def __init__(self, number, source, folder):
        self.number, self.source, self.folder = number, source, folder
        self.process = self.output = None

    def start(self, names):
        self.output = tempfile.TemporaryFile("w+", dir=self.folder)
        self.process = subprocess.Popen(
            [sys.executable, "-u", __file__, "--in", self.source, *names], stdin=subprocess.DEVNULL,
            stdout=self.output, stderr=subprocess.STDOUT,
            env=os.environ | {"ISOVOX_LANE": str(self.number), "TMPDIR": str(self.folder)})

    def free(self):
        return self.process is None

    def ended(self):
        return self.process is not None and self.process.poll() is not None

    def collect(self):
        """Prints what the process printed, and returns its counts."""
        self.output.seek(0)
        *lines, last = self.output.read().splitlines() or [""]
        self.output.close()
        self.process = None
        counted = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", last)
        if counted is None:
            lines += [last, "failed   this process of tests ended without its count"]
        print("\n".join(lines), flush=True)
        return [int(n) for n in counted.groups()] if counted else [0, 1, 0]

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


def run_in_lanes(tests, count, source, folder):
    """Every test once; the classes with many tests begin first."""
    classes = {}
    for each in tests:
        if isinstance(each, unittest.TestCase):
            classes.setdefault(each.id().rsplit(".", 1)[0], []).append(each.id())
        else:
            classes[each.id()] = [each.id()]  # a file that could not be loaded
    waiting = sorted(classes.values(), key=lambda ids: (-len(ids), ids))
    lanes = [Lane(number, source, folder) for number in range(count)]
    total = [0, 0, 0]
    try:
        while waiting or not all(lane.free() for lane in lanes):
            for lane in lanes:
                if lane.ended():
                    total = [a + b for a, b in zip(total, lane.collect())]
                if lane.free() and waiting:
                    lane.start(waiting.pop(0))
            time.sleep(0.05)
    finally:
        for lane in lanes:
            lane.stop()
    return dict(zip(("passed", "failed", "skipped"), total))


def main(arguments):
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("-j", dest="lanes", type=int, default=1)
    parser.add_argument("--in", dest="source", type=Path, default=HERE)
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tests = chosen(wanted.source, wanted.names)
    # One folder for all: what a test that was interrupted leaves goes with it.
    folder = tempfile.tempdir = tempfile.mkdtemp(prefix="isovox-e2e-")
    try:
        if wanted.lanes > 1:
            count = run_in_lanes(tests, wanted.lanes, wanted.source, folder)
        else:
            count = run_here(tests)
    finally:
        if not os.environ.get("ISOVOX_KEEP"):
            harness.stop_all()
            shutil.rmtree(folder, ignore_errors=True)
    print(", ".join(f"{number} {verdict}" for verdict, number in count.items()))
    return 1 if count["failed"] or not tests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
