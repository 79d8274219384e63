"""Disks that fail: the n-th read, write, sync, rename, close, truncation, mkdir or removal
below state_dir fails in whatever process it happens, for every n that a series' way reaches,
or all of them fail for a while. What was acknowledged is kept, and when the fault is over the
series is delivered, once, without anybody's help.

The short form takes a sample of the n (ISOVOX_SEED chooses another). The full form takes an hour
and a half, most of it waiting: ISOVOX_PART=K/N is the K-th of N parts (1/N to N/N), to be run
beside the others."""

import errno
import mmap
import os
import shutil
import struct
import subprocess
import time
import unittest
from pathlib import Path

import chaos
import harness

KINDS = ("write", "sync", "rename", "close", "truncate", "mkdir", "remove", "read")
SHORT_WRITE, HANG = -1, -2
ERRORS = {"write": (errno.ENOSPC, errno.EIO, errno.EINTR, SHORT_WRITE),
          "sync": (errno.EIO, errno.ENOSPC), "rename": (errno.EIO, errno.ENOSPC),
          "close": (errno.EIO, errno.ENOSPC), "truncate": (errno.ENOSPC, errno.EIO),
          "mkdir": (errno.ENOSPC, errno.EROFS), "remove": (errno.EIO, errno.EROFS),
          "read": (errno.EIO,)}
NAMES = {**errno.errorcode, SHORT_WRITE: "short"}
SAMPLE = 8
PART, PARTS = map(int, os.environ.get("ISOVOX_PART", "1/1").split("/"))
ALWAYS = 0xffffffff


class Page:
    """The page of faults.c."""

    def __init__(self, path):
        path.write_bytes(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), 0)

    def arm(self, kind, first, last, error):
        struct.pack_into("<IIIiII", self.bytes, 0, KINDS.index(kind) + 1, first, last, error, 0, 0)

    def disarm(self):
        struct.pack_into("<I", self.bytes, 0, 0)

    def count(self):
        return struct.unpack_from("<I", self.bytes, 16)[0]

    def fired(self):
        return struct.unpack_from("<I", self.bytes, 20)[0]

    def delay(self, microseconds):
        struct.pack_into("<I", self.bytes, 24, microseconds)

    def set_clock(self, seconds):
        struct.pack_into("<q", self.bytes, 32, seconds)


def shim():
    """faults.so, from the build folder or made now."""
    made = harness.BUILD / "tests/chaos/faults.so"
    source = Path(__file__).with_name("faults.c")
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        made.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-fPIC", "-shared",
                        "-o", made, source, "-ldl"], check=True)
    return made


def with_faults(server, below):
    """The page that decides about the calls of a server that has not been started yet."""
    path = Path(server.folder).parent / f"{Path(server.folder).name}.faults"
    page = Page(path)
    server.environment = {**os.environ, "LD_PRELOAD": str(shim()),
                          "ISOVOX_FAULT_PAGE": str(path), "ISOVOX_FAULT_BELOW": str(below)}
    return page


class ABrokenDisk(chaos.Case):
    SETTINGS = {"plan": {"quiet": 3, "quiet_released": 0}, "convert": {"workers": 1}}

    def setUp(self):
        super().setUp()
        self.pixels, self.pacs_ = self.expected_pixels(), self.pacs()
        self.number = 0

    def empty_pacs(self):
        for series in self.pacs_.series():
            harness.http("DELETE", f"{self.pacs_.url}/series/{series['ID']}")

    def begin(self):
        daemon = self.daemon(self.pacs_, start=False, settings=self.SETTINGS)
        page = with_faults(daemon, daemon.state)
        daemon.start()
        return daemon, page

    def send(self, daemon):
        self.number += 1
        files = self.phantom(*chaos.SHAPE, "--seed", f"fault {self.number}")
        self.ledger = chaos.Ledger()
        sender = chaos.Sender(daemon, [files], self.ledger)
        sender.start()
        return sender

    def end(self, daemon, sender):
        sender.finish()
        self.drained(daemon, 1, 60)
        self.check_kept(daemon.state, self.ledger.before())
        self.check_decided_once(daemon, 1)
        self.check_pacs(self.pacs_, 1, self.pixels)
        self.empty_pacs()
        daemon.stop()
        shutil.rmtree(daemon.state)  # thousands of them do not fit beside one another

    def trial(self, kind, number, error):
        """How many calls there were, and whether the one fell."""
        daemon, page = self.begin()
        page.arm(kind, number, number, error)
        self.end(daemon, self.send(daemon))
        return page.count(), page.fired()

    def calls(self):
        """(kind, n, error) of everything that one series' way reaches."""
        for kind in KINDS:
            count, _ = self.trial(kind, 0, 0)
            chaos.tell(f"{kind}: {count} calls")
            for error in ERRORS[kind]:
                yield from ((kind, number, error) for number in range(1, count + 1))

    def test_one_failure_anywhere_is_survived(self):
        every = list(self.calls())
        chosen = ([call for call in every if call[1] % PARTS == PART - 1] if chaos.LONG
                  else self.chance.sample(every, SAMPLE))
        fallen = 0
        for kind, number, error in chosen:
            with self.subTest(call=kind, number=number, error=NAMES[error]):
                fallen += self.trial(kind, number, error)[1]
        self.assertGreater(fallen, len(chosen) / 2)
        chaos.tell(f"{fallen} failures, of {len(every)} possible ones")

    def test_a_disk_that_fails_for_a_while_is_waited_for(self):
        cases = (("write", errno.EIO), ("sync", errno.EIO), ("write", errno.ENOSPC),
                 ("rename", errno.EROFS), ("mkdir", errno.EROFS), ("read", errno.EIO))
        for kind, error in cases if chaos.LONG else self.chance.sample(cases, 2):
            with self.subTest(call=kind, error=NAMES[error]):
                daemon, page = self.begin()
                page.arm(kind, 1, ALWAYS, error)
                sender = self.send(daemon)
                time.sleep(4)
                page.disarm()
                self.end(daemon, sender)
                self.assertGreater(page.fired(), 0)


class AConversion(chaos.Case):
    """That hangs, as a decoder in an endless loop would."""

    LEASE = 2
    LIMIT = 10 * LEASE + 1  # man isovoxd.conf

    def test_that_hangs_is_made_by_another_worker_and_ended(self):
        pixels, pacs = self.expected_pixels(), self.pacs()
        daemon = self.daemon(pacs, start=False, settings={
            **ABrokenDisk.SETTINGS, "convert": {"workers": 2, "lease": self.LEASE}})
        page = with_faults(daemon, daemon.state / "outbox")
        daemon.start()
        page.arm("write", 3, 3, HANG)

        sender = chaos.Sender(daemon, self.many_series(3), self.ledger)
        sender.start()
        sender.finish()
        self.drained(daemon, 3, 20)

        attempts = sorted(each["attempts"] for each in daemon.list("jobs"))
        self.assertEqual(attempts, [1, 1, 2])
        self.check_pacs(pacs, 3, pixels)
        harness.wait_until(lambda: 'why="killed by signal 14"' in daemon.log.read_text(),
                           self.LIMIT + 20, lambda: "the worker is ended\n"
                           + harness.tail(daemon.log))
        harness.wait_until(lambda: len(daemon.pids("convert")) == 2, 20, "and replaced")


if __name__ == "__main__":
    unittest.main()
