"""Power cuts. state_dir is an ext4 file system in a file on XFS; at a random moment the file is
copied by reference, which takes two milliseconds and is what a disk would hold if the power
went then. The copy is mounted (ext4 replays its journal) and looked at, and a daemon is started
on it: every instance that was acknowledged before the cut is there, byte for byte, and is
indexed; every series that was complete is delivered, once.

Lenient in one respect: what the disk's own cache holds counts as kept. Needs root, loop devices
and a kernel with XFS and ext4; skipped where they are missing, which is said."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import unittest
from pathlib import Path

import chaos
import harness
import spool

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import ingest  # noqa: E402

TRIALS = int(os.environ.get("ISOVOX_TRIALS", chaos.scale(2, 200)))
PER_DISK = 10  # then a new, empty one
BACKLOG = 10   # the senders wait while more is under way
OVER = {"done", "refused", "sent"}


def command(*words):
    done = subprocess.run([str(each) for each in words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise OSError(f"{words[0]}: {done.stdout.strip()}")


class Rig:
    """An XFS with reflinks in a file; in it disk.img, an ext4 that is mounted at .disk."""

    def __init__(self, folder, megabytes):
        self.folder, self.mounted = folder, []
        self.host, self.disk, self.image = folder / "host", folder / "disk", None
        folder.mkdir(parents=True)
        with open(folder / "xfs.img", "wb") as file:
            file.truncate((megabytes * 3 + 400) << 20)
        command("mkfs.xfs", "-q", "-m", "reflink=1", folder / "xfs.img")
        self.mount(folder / "xfs.img", self.host)
        self.image = self.host / "disk.img"
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        command("mkfs.ext4", "-q", "-F", self.image)
        self.mount(self.image, self.disk)

    def mount(self, image, where):
        where.mkdir(exist_ok=True)
        command("mount", "-o", "loop", image, where)
        self.mounted.append(where)

    def cut(self, name):
        """The moment before which all that was promised is there, and the disk as it is left."""
        moment = time.monotonic()
        image = self.host / name
        command("cp", "--reflink=always", self.image, image)
        where = self.folder / name.removesuffix(".img")
        self.mount(image, where)
        return moment, where

    def drop(self, where):
        command("umount", where)
        self.mounted.remove(where)
        (self.host / f"{where.name}.img").unlink()

    def free(self):
        while self.mounted:
            subprocess.run(["umount", "-l", str(self.mounted.pop())], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class APowerCut(chaos.Case):
    SETTINGS = {"plan": {"quiet": 4, "quiet_released": 0}, "convert": {"workers": 1},
                "receive": {"low_water": 0, "high_water": 0}}

    def rig(self, megabytes):
        if os.geteuid() != 0:
            self.skipTest("mounting needs root")
        for tool in ("mkfs.xfs", "mkfs.ext4"):
            self.assertIsNotNone(shutil.which(tool), f"{tool}: see scripts/packages.sh")
        try:
            made = Rig(self.new_folder("rig"), megabytes)
        except OSError as problem:
            self.skipTest(f"no loop mounts of XFS and ext4 here: {problem}")
        self.addCleanup(made.free)
        return made

    def series(self, name):
        number = 0
        while True:
            yield self.phantom(*chaos.SHAPE, "--seed", f"{name} {number}")
            number += 1

    def paced(self, series):
        """As they are wanted: what waits would wait again after every cut."""
        for each in series:
            while True:
                with contextlib.suppress(OSError, AssertionError):
                    if sum(self.under_way(self.live).values()) < BACKLOG:
                        break
                time.sleep(0.1)
            yield each

    def begin(self):
        """A daemon on a disk of the rig, its PACS elsewhere, and two senders at work."""
        self.rig_ = self.rig(900)
        self.pacs_ = self.pacs()
        settings = harness.merged(self.SETTINGS, {"state_dir": self.rig_.disk / "state"})
        self.live = self.daemon(self.pacs_, settings=settings)
        self.live.state = self.rig_.disk / "state"
        self.ledger = chaos.Ledger()
        self.senders = [chaos.Sender(self.live, self.paced(self.series(name)), self.ledger, name)
                        for name in ("ONE", "TWO")]
        for each in self.senders:
            each.start()

    def end(self):
        for each in self.senders:
            each.over.set()
        for each in self.senders:
            each.finish()
        self.live.stop()
        self.pacs_.stop()
        self.rig_.free()

    def index_of(self, daemon):
        """SOP Instance UIDs in the catalogue, read beside the running daemon."""
        path = f"file:{daemon.state}/catalogue.db?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True)) as rows:
            return {uid for uid, in rows.execute("SELECT sop_uid FROM instance")}

    def after_the_cut(self, where, promised, complete):
        """On the disk that the cut left. The PACS may have seen some of it: the same UIDs."""
        self.check_kept(where / "state", promised)
        settings = harness.merged(self.SETTINGS, {"state_dir": where / "state"})
        daemon = self.daemon(self.pacs_, start=False, settings=settings)
        daemon.state = where / "state"
        try:
            daemon.start()
            harness.wait_until(lambda: set(promised) <= self.index_of(daemon), 60,
                               "what was acknowledged is indexed")
            harness.wait_until(lambda: self.all_over(daemon) >= complete, 90,
                               lambda: "all is done\n" + harness.tail(daemon.log))
            jobs = [(each["series_id"], each["generation"]) for each in daemon.list("jobs")]
            self.assertEqual(len(set(jobs)), len(jobs))
        finally:
            daemon.stop()

    def under_way(self, daemon):
        """By state, of series and deliveries: what still has something before it."""
        status = daemon.get("/api/v1/status")
        return {f"{kind} {state}": count for kind in ("series", "deliveries")
                for state, count in status[kind].items() if state not in OVER}

    def all_over(self, daemon):
        """How many series are done; -1 while something is still under way."""
        if any(self.under_way(daemon).values()):
            return -1
        return daemon.get("/api/v1/status")["series"]["done"]

    def trial(self, number):
        time.sleep(self.chance.uniform(0.5, 2.5))
        complete = sum(len(each.complete) for each in self.senders)
        moment, where = self.rig_.cut(f"cut{number}.img")
        promised = self.ledger.before(moment)
        with self.subTest(cut=number):
            self.after_the_cut(where, promised, complete)
        self.rig_.drop(where)
        return len(promised)

    def test_loses_nothing_that_was_acknowledged(self):
        promised = 0
        for number in range(TRIALS):
            if number % PER_DISK == 0:
                self.begin()
            promised += self.trial(number)
            if number % PER_DISK == PER_DISK - 1 or number == TRIALS - 1:
                self.end()
        chaos.tell(f"{TRIALS} power cuts, {promised} acknowledged instances: 0 lost")


class OtherServers(APowerCut):
    """What others keep in the same rig; printed for comparison, asserted of nobody."""

    test_loses_nothing_that_was_acknowledged = None
    TRIALS = 4

    def kept_in(self, files):
        found = {}
        for path in files:
            raw = path.read_bytes()
            if raw[128:132] == b"DICM":
                found[chaos.sop_uid(path)] = hashlib.sha256(spool.data_set(raw)).digest()
        return found

    def kept_by_storescp(self, where):
        return self.kept_in((where / "storescp").glob("files/*"))

    def kept_by_dcmqrscp(self, where):
        return self.kept_in((where / "dcmqrscp").glob("storage/*.dcm"))

    def kept_by_orthanc(self, where):
        pacs = harness.Pacs(where / "orthanc")
        self.addCleanup(pacs.stop)
        pacs.start()
        try:
            return {each["MainDicomTags"]["SOPInstanceUID"]:
                    hashlib.sha256(spool.data_set(pacs.file(each["ID"]))).digest()
                    for each in pacs.get("/instances?expand")}
        finally:
            pacs.stop()

    def loss(self, make, kept):
        """Of a server in the rig: how many were acknowledged before the cut, and lost by it."""
        self.rig_ = self.rig(900)
        self.live, self.ledger = make(self.rig_.disk), chaos.Ledger()
        self.addCleanup(self.live.stop)
        self.live.start()
        sender = chaos.Sender(self.live, self.series("OTHER"), self.ledger)
        sender.start()
        time.sleep(self.chance.uniform(6, 12))
        moment, where = self.rig_.cut("cut0.img")
        promised = self.ledger.before(moment)
        sender.over.set()
        sender.join(60)
        self.live.stop()
        found = kept(where)
        self.rig_.free()
        return len(promised), sum(found.get(uid) != digest for uid, digest in promised.items())

    @unittest.skipUnless(chaos.LONG, "says nothing about this program: ./check --chaos")
    def test_lose_what_they_have_acknowledged(self):
        for name, make, kept in (
                ("storescp", lambda disk: ingest.StoreScp(disk / "storescp"),
                 self.kept_by_storescp),
                ("dcmqrscp", lambda disk: harness.Dcmqrscp(disk / "dcmqrscp", aet="ISOVOX"),
                 self.kept_by_dcmqrscp),
                ("Orthanc", lambda disk: harness.Pacs(disk / "orthanc"), self.kept_by_orthanc)):
            trials = [self.loss(make, kept) for _ in range(self.TRIALS)]
            chaos.tell(f"{name}: of {[each[0] for each in trials]} acknowledged instances "
                       f"{[each[1] for each in trials]} lost by the power cut")


if __name__ == "__main__":
    unittest.main()
