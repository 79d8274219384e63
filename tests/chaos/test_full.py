"""A small disk that really fills: first with the watermarks, which refuse in time and honestly,
then without them, so that every process meets ENOSPC. Nothing that was acknowledged is missing
or cut short, questions are answered all the while, and with room again all goes on, in the same
processes. Needs root for a tmpfs; skipped without, which is said."""

import datetime
import os
import subprocess
import time
import unittest

import chaos
import harness
import peer
import rawscu

SIZE = 48  # MiB
LATER = 0xA700
LARGE = ("--shape", "noise", "--dims", "256,256,24", "--spacing", "1,1,2")  # 3 MB


class ASmallDisk(chaos.Case):
    def begin(self, low, high):
        if os.geteuid() != 0:
            self.skipTest("mounting needs root")
        self.disk = self.new_folder("disk")
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "none",
                                  self.disk], stderr=subprocess.PIPE, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no tmpfs can be mounted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=False)
        self.pacs_ = self.pacs()
        settings = {"state_dir": self.disk / "state", "convert": {"workers": 1, "attempts": 50},
                    "plan": {"quiet": 4, "quiet_released": 0, "keep": 0},
                    "receive": {"low_water": low, "high_water": high}}
        self.daemon_ = self.daemon(self.pacs_, settings=settings)
        self.daemon_.state = self.disk / "state"
        self.filler = self.disk / "somebody-elses"

    def occupy(self, leave):
        """Somebody else fills the disk but for `leave` bytes."""
        status = os.statvfs(self.disk)
        with open(self.filler, "ab") as file:
            os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size,
                               max(1, status.f_bavail * status.f_frsize - leave))

    def store(self, association, path):
        data, _ = rawscu.payload(path)
        begun = time.monotonic()
        status, comment = association.store(chaos.sop_uid(path), data)
        if status == 0:
            self.ledger.add(chaos.sop_uid(path), chaos.hashlib.sha256(data).digest())
        return status, comment, time.monotonic() - begun

    def echoes(self):
        with peer.Association(self.daemon_.port, [(peer.VERIFICATION, [peer.IMPLICIT])]) as it:
            return it.echo(1)

    def delivered(self, count):
        self.drained(self.daemon_, count, 90)
        self.check_kept_or_gone()
        self.assertEqual(len(self.pacs_.derived()), count)

    def check_kept_or_gone(self):
        """keep is 0: what was delivered may be removed by now."""
        if not any(each["removed"] for each in self.daemon_.list("series")):
            self.check_kept(self.daemon_.state, self.ledger.before())

    def wait_told(self, level, text):
        """On every way that people look: what is wrong, since when, until when."""
        begun = time.time()
        disk = harness.wait_until(lambda: [each for each in [self.daemon_.get(
            "/api/v1/status")["disk"]] if each["level"] == level], 10, f"disk {level}")[0]
        ready, body = harness.http("GET", self.daemon_.url + "/readyz")
        told = self.daemon_.tool("status", check=True).stdout
        self.assertLess(abs(datetime.datetime.fromisoformat(
            disk["since"].replace("Z", "+00:00")).timestamp() - begun), 15)
        self.assertIn(f" MiB free, {level}\n", told)
        if level == "ok":
            self.assertEqual(ready, 200)
            self.assertNotIn("until there are", told + disk["text"])
            return
        self.assertEqual(ready, 503)
        for said in (body.decode(), disk["text"], told):
            self.assertIn(text, said)
            self.assertIn("What was acknowledged is kept", said)
            self.assertIn("Make room on the disk", said)
        self.assertIn(f"since {disk['since']}", told)

    def test_is_refused_in_time_and_goes_on_with_room(self):
        self.begin(low=12, high=6)
        files = self.phantom(*chaos.SHAPE, "--seed", "full")
        association = rawscu.Association(self.daemon_.port)
        self.assertEqual(self.store(association, files[0])[0], 0)

        self.occupy(leave=8 << 20)
        self.wait_told("low", "no new association is accepted until there are 12")
        with self.assertRaises(rawscu.Rejected) as rejected:
            rawscu.Association(self.daemon_.port)
        self.assertEqual(rejected.exception.args, (2, 3, 2))  # transient: local limit exceeded

        self.filler.unlink()
        self.occupy(leave=4 << 20)
        status, comment, seconds = self.store(association, files[1])
        self.assertEqual(status, LATER, comment)
        self.assertLess(seconds, harness.SLOW)  # promised: 100 ms
        self.wait_told("full", "no instance is accepted (A700) until there are ")
        chaos.tell(f"A700 after {seconds * 1000:.1f} ms on a full disk")

        time.sleep(5)  # longer than plan.quiet
        self.assertEqual([each["state"] for each in self.daemon_.list("series")], ["receiving"],
                         "half a series was decided meanwhile")
        self.filler.unlink()
        self.assertEqual([self.store(association, path)[0] for path in files[1:]], [0] * 7)
        self.wait_told("ok", "")
        association.release()
        self.delivered(1)

    def test_that_fills_to_the_last_byte_loses_nothing(self):
        self.begin(low=0, high=0)
        self.occupy(leave=2 << 20)
        files = self.phantom(*LARGE, "--seed", "last byte")
        sender = chaos.Sender(self.daemon_, [files], self.ledger)
        sender.start()
        harness.wait_until(lambda: sender.refused > 3 or sender.complete, 60, "it is refused")
        refused = sender.refused
        self.check_kept(self.daemon_.state, self.ledger.before())
        self.assertEqual(harness.http("GET", self.daemon_.url + "/healthz")[0], 200)
        self.occupy(leave=64 << 10)
        self.wait_told("full", "nothing more can be written")
        self.filler.unlink()

        sender.finish()
        self.delivered(1)
        self.assertGreater(refused, 3)


if __name__ == "__main__":
    unittest.main()
