"""What the tests of this folder share: traffic that remembers what was acknowledged,
victims, and the audit afterwards.

ISOVOX_LONG=1 is the full form; ISOVOX_SEED chooses other chances."""

import collections
import contextlib
import hashlib
import os
import random
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import pydicom  # noqa: E402

import chain  # noqa: E402
import harness  # noqa: E402
import rawscu  # noqa: E402
import spool  # noqa: E402

LONG = bool(os.environ.get("ISOVOX_LONG"))
SEED = int(os.environ.get("ISOVOX_SEED", "1"))
ROLES = ("receive", "plan", "convert", "deliver", "http")
# 8 slices, 2 mm apart, make 16 at 1 mm.
SHAPE = ("--shape", "sines", "--dims", "24,24,8", "--spacing", "1,1,2")
SOURCES, RESULTS = 8, 16


def scale(short, long):
    return long if LONG else short


def tell(text):
    """A figure of this run, for people; beside the line of the test."""
    print(f"    {text}", flush=True)


def children(pid):
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [(int(each), Path(f"/proc/{each}/comm").read_text().strip())
                for each in text.split()]
    except OSError:
        return []


def processes(daemon):
    """(pid, role) of everything isovoxd has started, itself included, from /proc: nothing of
    it needs to answer."""
    found, waiting = [], [(daemon.process.pid, "supervisor")]
    while waiting:
        pid, role = waiting.pop()
        found.append((pid, role))
        for child, name in children(pid):
            own = role == "supervisor"
            waiting.append((child, name.removeprefix("ivx:").split(".")[0] if own else role + " child"))
    return found


def strike(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


class Ledger:
    """What was acknowledged, and when (CLOCK_MONOTONIC)."""

    def __init__(self):
        self._lock = threading.Lock()
        self._rows = {}

    def add(self, sop_uid, digest):
        with self._lock:
            self._rows[sop_uid] = (digest, time.monotonic())

    def before(self, moment=float("inf")):
        with self._lock:
            return {uid: digest for uid, (digest, at) in self._rows.items() if at < moment}


class Sender(threading.Thread):
    """Sends one series after another, each instance until it is acknowledged, which is the
    sender's half of the bargain. Bytes leave as they are in the file."""

    def __init__(self, daemon, series, ledger, name="SENDER"):
        super().__init__(daemon=True)
        self.daemon_, self.series, self.ledger, self.aet = daemon, series, ledger, name
        self.complete, self.problem, self.over = [], None, threading.Event()
        self.refused, self.broken, self.latencies = 0, 0, []

    def run(self):
        try:
            for files in self.series:
                if self.over.is_set():
                    break
                self.send(files)
                self.complete.append(files)
        except Exception as problem:  # told by finish()
            self.problem = problem

    def send(self, files):
        waiting = [(rawscu.payload(path), path) for path in files]
        end = time.monotonic() + 120 * harness.SLOW
        while waiting:
            try:
                (_, syntax), _ = waiting[0]
                association = rawscu.Association(self.daemon_.port, calling=self.aet,
                                                 syntax=syntax)
                while waiting:
                    self.store(association, waiting[0])
                    waiting.pop(0)
                association.release()
            except (OSError, rawscu.Gone, rawscu.Rejected, Refused):
                self.broken += 1
                time.sleep(0.05)
            if time.monotonic() > end:
                raise AssertionError(f"{len(waiting)} instances were not taken in time")

    def store(self, association, item):
        (data, _), path = item
        uid = sop_uid(path)
        begun = time.monotonic()
        status, _ = association.store(uid, data)
        self.latencies.append(time.monotonic() - begun)
        if status != 0:
            self.refused += 1
            raise Refused(status)
        self.ledger.add(uid, hashlib.sha256(data).digest())

    def finish(self, seconds=180):
        self.join(seconds * harness.SLOW)
        if self.problem:
            raise self.problem
        if self.is_alive():
            raise AssertionError("the sender does not come to an end")


class Refused(Exception):
    """Not Success: the status."""


_uids = {}


def sop_uid(path):
    if path not in _uids:
        _uids[path] = str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"],
                                          stop_before_pixels=True).SOPInstanceUID)
    return _uids[path]


class Case(harness.Case):
    SETTINGS = {"plan": {"quiet": 5, "quiet_released": 1}, "convert": {"workers": 2}}

    def setUp(self):
        super().setUp()
        self.chance = random.Random(SEED)
        self.ledger = Ledger()

    def many_series(self, count, shape=SHAPE, prefix="series"):
        """Makes them one by one, as they are sent."""
        for number in range(count):
            yield self.phantom(*shape, "--seed", f"{prefix} {number}")

    def expected_pixels(self, shape=SHAPE):
        """The digest that every derived series has: all phantoms differ in their UIDs only.
        From another way through the program; its arithmetic has its own oracles."""
        folder = self.new_folder("expected")
        harness.run_tool("convert", "--spacing", "1.0", "--kernel", "bspline3", "-o", folder,
                         Path(self.phantom(*shape, "--seed", "expected")[0]).parent, check=True)
        return chain.read_folder(folder).pixels()

    def check_kept(self, state, acknowledged):
        """Every acknowledged instance is in the journal, byte for byte."""
        kept = spool.digests(state)
        lost = [uid for uid, digest in acknowledged.items() if digest not in kept.get(uid, ())]
        self.assertEqual(lost, [], f"of {len(acknowledged)} acknowledged")

    def drained(self, daemon, count, seconds=120):
        """Every one of `count` series is delivered, by the daemon's own account; none in
        `seconds` is too few."""
        states, most, since = collections.Counter(), 0, time.monotonic()

        def delivered():
            return states["sent"] + states["committed"]

        while delivered() < count or delivered() < sum(states.values()):
            daemon.must_run()
            if delivered() > most:
                most, since = delivered(), time.monotonic()
            if time.monotonic() > since + seconds * harness.SLOW:
                self.fail(f"of {count} series are delivered: {states}\n"
                          + harness.tail(daemon.log, 30))
            time.sleep(0.2)
            with contextlib.suppress(OSError, AssertionError):
                states = collections.Counter(daemon.get("/api/v1/status")["deliveries"])

    def check_decided_once(self, daemon, count):
        jobs = daemon.list("jobs")
        self.assertEqual(len(jobs), count)
        self.assertEqual({each["state"] for each in jobs}, {"done"})

    def check_pacs(self, pacs, count, pixels, results=RESULTS):
        """The PACS holds exactly the derived series, complete, each with the right voxels."""
        found = pacs.derived()
        self.assertEqual(len(found), count)
        self.assertEqual({len(each["Instances"]) for each in found}, {results})
        self.assertEqual({chain.fetch(pacs, each).pixels() for each in found}, {pixels})
