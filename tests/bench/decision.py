#!/usr/bin/python3
"""How long a complete series waits for its decision: seconds from the last instance to the
decision, as the daemon's own rows have them, with the settings' defaults.

    ISOVOX_BUILD=BUILD tests/bench/decision.py [SERIES]"""

import datetime
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import harness  # noqa: E402
import pydicom  # noqa: E402


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def measure(folder, count, announce):
    daemon = harness.Daemon(folder / "daemon", settings={
        "plan": {"quiet": 15, "quiet_full": 1, "quiet_released": 2}}).start()
    try:
        for n in range(count):
            files = harness.phantom(folder / f"series{n}", "--dims", "32,32,60",
                                    "--seed", str(n))
            for path in files if announce else []:
                dataset = pydicom.dcmread(path)
                dataset.AcquisitionNumber, dataset.ImagesInAcquisition = 1, len(files)
                dataset.save_as(path)
            daemon.send(files)

        def decided():
            rows = daemon.list("series")
            return len(rows) == count and all(each["decided_at"] for each in rows) and rows
        rows = harness.wait_until(decided, 60, "everything is decided")
        return sorted(seconds(each["decided_at"]) - seconds(each["last_at"]) for each in rows)
    finally:
        daemon.stop()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for name, announce in (("count, release, geometry", True), ("release, geometry", False)):
        with tempfile.TemporaryDirectory(prefix="isovox-bench-") as folder:
            waits = measure(Path(folder), count, announce)
        print(f"{name:26} {count} series of 60: median {statistics.median(waits):.2f} s, "
              f"longest {waits[-1]:.2f} s")


if __name__ == "__main__":
    main()
