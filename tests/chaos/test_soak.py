"""Traffic of every kind without a pause: what grows, and what gets slower. Memory, descriptors
and files of the daemon in the last third of the time are those of the second third; so are the
times of a C-STORE. Results are delivered and, with keep = 0, removed all the while. Senders
wait when too much waits for workers: the rate is that of the whole way."""

import itertools
import os
import random
import shutil
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

import chaos
import harness
import rawscu

SECONDS = int(os.environ.get("ISOVOX_SECONDS", chaos.scale(24, 1800)))
REMOVAL = 60  # seconds: what is delivered goes once a minute
BACKLOG = 40  # series
# A worker keeps the buffers of the largest series that it has had: within minutes both have had
# one of the largest here.
MEMORY_SLACK = chaos.scale(48 << 20, 4 << 20)
# Many small series, some of a usual size, one of them in another transfer syntax and tilted.
SHAPES = {
    "SMALL1": chaos.SHAPE, "SMALL2": chaos.SHAPE,
    "MIDDLE": ("--dims", "256,256,30", "--spacing", "0.9,0.9,2"),
    "TILTED": ("--dims", "96,96,20", "--spacing", "0.8,0.8,1.5", "--tilt", "12", "--implicit",
               "--shuffle"),
}
VIDEO = "1.2.840.10008.5.1.4.1.1.77.1.4.1"  # never accepted
PAGES = ("/", "/metrics", "/api/v1/status", "/api/v1/series", "/api/v1/deliveries")


def memory(pid):
    """Bytes that this process has for itself."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            yield int(line.split()[1]) * 1024


class Visitor(threading.Thread):
    """Whoever else comes along: verification, people who look, peers that misbehave; and who
    keeps the PACS from filling."""

    def __init__(self, daemon, pacs, over, sample):
        super().__init__(daemon=True)
        self.daemon_, self.pacs, self.over, self.sample = daemon, pacs, over, sample
        self.count, self.problem = 0, None
        self.chance = random.Random(chaos.SEED)

    def run(self):
        try:
            for kind in itertools.cycle((self.verifies, self.looks, self.abandons, self.is_refused,
                                         self.talks_nonsense, self.says_nothing, self.clears)):
                if self.over.wait(0.1):
                    break
                kind()
                self.count += 1
        except Exception as problem:  # told by the test
            self.problem = problem

    def verifies(self):
        subprocess.run(["echoscu", "-aec", "ISOVOX", harness.HOST, str(self.daemon_.port)],
                       check=True, timeout=30, stdout=subprocess.DEVNULL)

    def looks(self):
        for page in PAGES:
            status, _ = harness.http("GET", self.daemon_.url + page)
            if status != 200:
                raise AssertionError(f"{page}: {status}")

    def abandons(self):
        """In the middle of an instance."""
        data, _ = rawscu.payload(self.sample)
        association = rawscu.Association(self.daemon_.port, calling="ABANDONS")
        association.begin("2.25.1")
        association.data(data[:len(data) // 2], False)
        association.sock.close()

    def is_refused(self):
        rawscu.Association(self.daemon_.port, calling="VIDEO", sop_class=VIDEO).sock.close()

    def talks_nonsense(self):
        with socket.create_connection((harness.HOST, self.daemon_.port), 10) as peer:
            peer.sendall(self.chance.randbytes(300))

    def says_nothing(self):
        with socket.create_connection((harness.HOST, self.daemon_.port), 10):
            self.over.wait(0.5)

    def clears(self):
        for series in self.pacs.get("/series"):
            harness.http("DELETE", f"{self.pacs.url}/series/{series}")


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
        """The first instance of each comes twice."""
        for number in itertools.count():
            files = self.phantom(*SHAPES[name], "--seed", f"{name} {number}")
            yield [*files, files[0]]
            shutil.rmtree(Path(files[0]).parent)
            while self.waiting > BACKLOG and not self.over.is_set():
                time.sleep(0.05)
            if self.over.is_set():
                return

    def begin(self):
        pacs = self.pacs()
        self.daemon_ = self.daemon(pacs, settings=self.SETTINGS)
        self.over, self.waiting = threading.Event(), 0
        self.addCleanup(self.over.set)
        self.senders = [chaos.Sender(self.daemon_, self.series(name), self.ledger, name)
                        for name in SHAPES]
        example, *_ = self.phantom(*chaos.SHAPE, "--seed", "example")
        self.visitor = Visitor(self.daemon_, pacs, self.over, example)
        for each in (*self.senders, self.visitor):
            each.start()

    def sent(self):
        return sum(len(each.complete) for each in self.senders)

    def end(self):
        self.over.set()
        for each in self.senders:
            each.finish()
        self.visitor.join()
        if self.visitor.problem:
            raise self.visitor.problem
        self.drained(self.daemon_, self.sent())

    def thirds(self, values, part):
        """`part` of the way up in the second third, and in the last."""
        n = len(values) // 3
        return [sorted(each)[int(len(each) * part)] for each in (values[n:2 * n], values[2 * n:])]

    def test_lets_nothing_grow(self):
        self.begin()
        samples, end = [], time.monotonic() + SECONDS
        due = itertools.count(time.monotonic() + SECONDS / 240, SECONDS / 240)
        next_due = next(due)
        while time.monotonic() < end:
            time.sleep(0.2)
            delivered = self.daemon_.get("/api/v1/status")["deliveries"]
            self.waiting = self.sent() - delivered["sent"] - delivered["committed"]
            if time.monotonic() > next_due:
                samples.append(self.sample())
                next_due = next(due)
        self.end()

        figures, grown = [], []
        for what, slack in (("memory", MEMORY_SLACK), ("descriptors", 8), ("files", 1000)):
            before, after = self.thirds([each[what] for each in samples], 0.5)
            figures.append(f"{what} {before} -> {after}")
            if after >= 1.1 * before + slack and (what != "files" or SECONDS > 10 * REMOVAL):
                grown.append(what)
        for each in self.senders:
            for part, name in ((0.5, "p50"), (0.99, "p99")):
                before, after = self.thirds(each.latencies, part)
                figures.append(f"{each.aet} {name} {1000 * before:.1f} -> {1000 * after:.1f} ms")
        chaos.tell(f"{SECONDS} s, {self.sent()} series, {len(self.ledger.before())} instances, "
                   f"{self.visitor.count} visits: " + ", ".join(figures))
        self.assertEqual(grown, [])


if __name__ == "__main__":
    unittest.main()
