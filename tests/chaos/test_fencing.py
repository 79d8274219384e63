"""Convert workers that are killed, or stopped for longer than their lease and then go on as if
nothing had happened: no job is made twice, none is missing. Leases alone make two of a hundred
twice (a worker that wakes up publishes what another one has made meanwhile); here a job ends in
the transaction that checks its epoch."""

import collections
import os
import re
import signal
import threading
import time
import unittest

import chaos
import harness

JOBS = int(os.environ.get("ISOVOX_JOBS", chaos.scale(80, 10000)))
SMALL = ("--shape", "sines", "--dims", "8,8,3", "--spacing", "1,1,2")
LEASE = 2


class Workers(chaos.Case):
    SETTINGS = {"plan": {"quiet": 20, "quiet_released": 0, "keep": 0},
                "convert": {"workers": 4, "lease": LEASE, "attempts": 100},
                ("recipe", "iso-1mm"): {"kernel": "linear"}}

    def mischief(self):
        """Kills a worker, or stops it past its lease, about three times a second."""
        sleeping = []
        while not self.over.is_set():
            time.sleep(self.chance.uniform(0.1, 0.5))
            workers = [pid for pid, role in chaos.processes(self.daemon_) if role == "convert"]
            asleep = {pid for _, pid in sleeping}
            awake = [pid for pid in workers if pid not in asleep]
            if len(awake) > 1:
                pid = self.chance.choice(awake)
                if self.chance.random() < 0.3:
                    self.killed += chaos.strike(pid, signal.SIGKILL)
                elif chaos.strike(pid, signal.SIGSTOP):
                    sleeping.append((time.monotonic() + LEASE + 0.5, pid))
            while sleeping and sleeping[0][0] < time.monotonic():
                self.woken += chaos.strike(sleeping.pop(0)[1], signal.SIGCONT)
        for _, pid in sleeping:
            chaos.strike(pid, signal.SIGCONT)

    def all_done(self):
        self.daemon_.must_run()
        counts = self.daemon_.get("/api/v1/status")["jobs"]
        return counts.get("done", 0) == JOBS

    def test_that_are_killed_or_fall_asleep_make_nothing_twice(self):
        # A destination that never answers: results stay in the outbox, to be counted.
        self.daemon_ = self.daemon(self.pacs(start=False), settings=self.SETTINGS,
                                   roles="receive,plan,convert,http")
        self.killed = self.woken = 0
        self.over = threading.Event()
        mischief = threading.Thread(target=self.mischief, daemon=True)
        sender = chaos.Sender(self.daemon_, self.many_series(JOBS, SMALL), self.ledger)
        mischief.start()
        try:
            sender.start()
            sender.finish(60 + JOBS)
            harness.wait_until(self.all_done, 60 + JOBS,
                               lambda: f"{self.daemon_.get('/api/v1/status')['jobs']}\n"
                               + harness.tail(self.daemon_.log))
        finally:
            self.over.set()
            mischief.join()

        done = collections.Counter(re.findall(r"event=job\.done job=(\d+)",
                                              self.daemon_.log.read_text()))
        results = list((self.daemon_.state / "outbox/ready").iterdir())
        self.assertEqual(len(done), JOBS)
        self.assertEqual([job for job, times in done.items() if times > 1], [])
        self.assertEqual(len(results), JOBS)
        self.assertEqual({len(list(each.iterdir())) for each in results}, {6 + 1})
        chaos.tell(f"{JOBS} jobs, {self.killed} workers killed, {self.woken} stopped past their "
                   "lease: none twice, none missing")


if __name__ == "__main__":
    unittest.main()
