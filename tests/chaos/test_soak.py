"""Traffic without a pause: what grows, and what gets slower. Memory, descriptors and files of
the daemon in the last third of the time are those of the second third; so are the times of a
C-STORE. Results are delivered and, with keep = 0, removed all the while."""

import os
import threading
import time
import unittest
from pathlib import Path

import chaos

SECONDS = int(os.environ.get("ISOVOX_SECONDS", chaos.scale(24, 1800)))
SENDERS = 3
REMOVAL = 60  # seconds: what is delivered goes once a minute


def memory(pid):
    """Bytes that this process has for itself."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            yield int(line.split()[1]) * 1024


class TrafficWithoutAPause(chaos.Case):
    SETTINGS = {"plan": {"quiet": 5, "quiet_released": 0, "keep": 0}, "convert": {"workers": 2}}

    def sample(self):
        """Of the roles (associations come and go): bytes, descriptors; and files on disk."""
        total = {"memory": 0, "descriptors": 0}
        for pid, role in chaos.processes(self.daemon_):
            if "child" not in role:
                try:
                    total["memory"] += sum(memory(pid))
                    total["descriptors"] += len(os.listdir(f"/proc/{pid}/fd"))
                except OSError:
                    pass  # it has just ended
        total["files"] = sum(len(files) for _, _, files in os.walk(self.daemon_.state))
        return total

    def series(self, name):
        number = 0
        while not self.over.is_set():
            yield self.phantom(*chaos.SHAPE, "--seed", f"{name} {number}")
            number += 1

    def thirds(self, values):
        """The median of the second and of the last third."""
        n = len(values) // 3
        return sorted(values[n:2 * n])[n // 2], sorted(values[2 * n:3 * n])[n // 2]

    def test_lets_nothing_grow(self):
        pacs = self.pacs()
        self.daemon_ = self.daemon(pacs, settings=self.SETTINGS)
        self.over = threading.Event()
        senders = [chaos.Sender(self.daemon_, self.series(f"S{n}"), self.ledger, f"S{n}")
                   for n in range(SENDERS)]
        for each in senders:
            each.start()
        samples, end = [], time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(SECONDS / 240)
            samples.append(self.sample())
        self.over.set()
        for each in senders:
            each.finish()
        sent = sum(len(each.complete) for each in senders)
        self.drained(self.daemon_, sent)

        figures = []
        for what, slack in (("memory", 8 << 20), ("descriptors", 8), ("files", 1000)):
            before, after = self.thirds([each[what] for each in samples])
            figures.append(f"{what} {before} -> {after}")
            if what != "files" or SECONDS > 10 * REMOVAL:
                self.assertLess(after, 1.2 * before + slack, what)
        for each in senders:
            times = [sorted(part) for part in (each.latencies[len(each.latencies) // 3:][::2],
                                               each.latencies[2 * len(each.latencies) // 3:])]
            p99 = [part[len(part) * 99 // 100] * 1000 for part in times]
            figures.append(f"p99 {p99[0]:.1f} -> {p99[1]:.1f} ms")
        chaos.tell(f"{SECONDS} s, {sent} series, {len(self.ledger.before())} instances: "
                   + ", ".join(figures))


if __name__ == "__main__":
    unittest.main()
