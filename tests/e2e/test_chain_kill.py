"""kill -9 of every process at random points of one series' way: the PACS ends with exactly
one complete derived series, each time. ISOVOX_SEED and ISOVOX_KILLS choose others."""

import itertools
import os
import random
import signal
import subprocess
import threading
import time
import unittest
from pathlib import Path

import chain
import harness
import rawscu

SEED = int(os.environ.get("ISOVOX_SEED", "2"))
KILLS = int(os.environ.get("ISOVOX_KILLS", "10"))
VICTIMS = ("receive", "plan", "convert", "deliver", "supervisor", "association", "http")
SHAPE = ("--shape", "sines", "--dims", "96,96,24", "--spacing", "0.9,0.9,2.5")
SETTINGS = {"plan": {"quiet": 2, "quiet_released": 0}, "convert": {"workers": 1}}


def children(pid):
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(each) for each in text.split()]


class EveryProcessIsMortal(harness.Case):
    def role_pids(self, role):
        """From the last answer of the status page: http may be down now."""
        if role == "supervisor":
            return [self.daemon_.process.pid]
        if role == "association":
            return [child for pid in self.role_pids("receive") for child in children(pid)]
        if role == "deliver":
            senders = self.pids["deliver"]
            return senders + [child for pid in senders for child in children(pid)]
        return [pid for name, pids in self.pids.items()
                if name.rstrip("0123456789-.") == role for pid in pids]

    def learn_pids(self):
        """Every role is running, and known by its process id."""
        def all_running():
            self.daemon_.must_run()
            try:
                self.pids = self.daemon_.pids()
            except (OSError, AssertionError):
                return False
            return all(any(os.path.exists(f"/proc/{pid}") for pid in self.role_pids(role))
                       for role in ("receive", "plan", "convert", "deliver", "http"))
        harness.wait_until(all_running, 60,
                           lambda: "all roles run\n" + harness.tail(self.daemon_.log))

    def start_sending(self, files):
        command = ["dcmsend", "-aec", self.daemon_.aet, "+sd", harness.HOST,
                   str(self.daemon_.port), str(Path(files[0]).parent)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def send_until_taken(self, files, sending):
        """A sender that saw no Success sends again: that is its half of the bargain."""
        def taken():
            if sending.wait(60) == 0:
                return True
            if not self.daemon_.running():
                self.daemon_.start()
            return self.daemon_.send(files, check=False).returncode == 0
        harness.wait_until(taken, 60, "the series is acknowledged")

    def kill(self, victim, number):
        """An association may be over; every other victim is there to be hit."""
        pids = self.role_pids(victim)
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        self.assertTrue(pids or victim in ("association", "nobody"), victim)
        if victim == "supervisor":
            self.daemon_.process.wait()
            self.daemon_.start()

    def finished(self, before):
        """One more derived series than before, complete by the daemon's own account."""
        def done():
            self.daemon_.must_run()
            try:
                states = [each["state"] for each in self.daemon_.list("deliveries")]
            except (OSError, AssertionError):
                return False
            return len(states) > before and all(each == "sent" for each in states)
        harness.wait_until(done, 90, lambda: f"delivery {before + 1} is sent\n"
                           + harness.tail(self.daemon_.log, 80))

    def trial(self, number, victim, delay):
        files = self.phantom(*SHAPE, "--seed", f"series {number}")
        self.learn_pids()
        sending = self.start_sending(files)
        time.sleep(delay)
        self.kill(victim, signal.SIGKILL)
        self.send_until_taken(files, sending)
        self.finished(number)

    def test_one_complete_series_each_time(self):
        chance = random.Random(SEED)
        pacs = self.pacs()
        self.daemon_ = self.daemon(pacs, settings=SETTINGS)
        begun = time.monotonic()
        self.trial(0, "nobody", 0)
        whole = time.monotonic() - begun
        for number in range(1, KILLS + 1):
            victim = VICTIMS[number % len(VICTIMS)]
            delay = chance.uniform(0, whole)
            with self.subTest(trial=number, victim=victim, delay=f"{delay:.2f}"):
                self.trial(number, victim, delay)

        found = pacs.derived()
        self.assertEqual(len(found), KILLS + 1)
        self.assertEqual({len(each["Instances"]) for each in found}, {60})
        self.assertEqual(len({chain.fetch(pacs, each).pixels() for each in found}), 1)


class AnOrderlyStop(harness.Case):
    GRACE = 6

    def go_on_sending(self, port):
        """Until the other side ends it."""
        sender = rawscu.Association(port)
        try:
            for number in itertools.count():
                sender.store(f"2.25.{number}", bytes(64))
                time.sleep(0.1)
        except (rawscu.Gone, OSError):
            sender.sock.close()

    def test_gives_the_job_back_and_costs_no_attempt(self):
        """Although a sender that is at it takes the quarter of the grace that receive has. To
        remove the gigabytes that are half done may take longer, and is no reason to wait."""
        daemon = self.daemon(self.pacs(start=False), settings={
            "shutdown_grace": self.GRACE, "convert": {"workers": 1, "attempts": 1},
            "plan": {"quiet": 1, "quiet_released": 0}, ("recipe", "iso-1mm"): {"spacing": 0.1}})
        # 10000 results of 460 kB: far more than the grace on any machine.
        daemon.send(self.phantom("--dims", "48,48,500", "--spacing", "1,1,2"))
        harness.wait_until(lambda: [each for each in daemon.list("jobs")
                                    if each["state"] == "running"], 30, "it is running")
        sender = threading.Thread(target=self.go_on_sending, args=(daemon.port,))
        sender.start()
        begun = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        took = time.monotonic() - begun
        sender.join()
        self.assertGreater(took, self.GRACE * 3 / 4)
        self.assertLess(took, 10 * harness.SLOW)
        self.assertIn("event=job.released", daemon.log.read_text(), harness.tail(daemon.log))

        daemon.start()

        job = harness.wait_until(
            lambda: [each for each in daemon.list("jobs") if each["state"] != "queued"], 30,
            lambda: "the job goes on\n" + harness.tail(daemon.log))[0]
        self.assertEqual((job["state"], job["attempts"]), ("running", 1))
        daemon.kill()


if __name__ == "__main__":
    unittest.main()
