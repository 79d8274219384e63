#!/usr/bin/python3
"""Runs the end-to-end tests in a fixed order, a line each.

    run.py [NAME...]    only tests whose file, class or method contains one of the names

Exit status 0 when none failed. The last line counts them: N passed, N failed, N skipped.
"""

import os
import shutil
import signal
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


def main(names):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tests = list(every(unittest.defaultTestLoader.discover(str(HERE), "test_*.py")))
    tests.sort(key=lambda each: each.id())
    if names:
        tests = [each for each in tests if any(name in each.id() for name in names)]
    result = Lines()
    # One folder for all: what a test that was interrupted leaves goes with it.
    tempfile.tempdir = tempfile.mkdtemp(prefix="isovox-e2e-")
    try:
        unittest.TestSuite(tests).run(result)
    finally:
        if not os.environ.get("ISOVOX_KEEP"):
            harness.stop_all()
            shutil.rmtree(tempfile.tempdir, ignore_errors=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in result.count.items()))
    return 1 if result.count["failed"] or not tests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
