"""The wall clock is set while everything is under way: a series arrives, a job is converted, and
what is done waits for a PACS that is away. Nothing is decided by that, no job is begun twice, no
delivery is given up, and when the PACS is back nothing waits for longer than it would have."""

import datetime
import hashlib
import signal
import time
import unittest

import chaos
import harness
import rawscu
import scripted
from test_faults import with_faults

HOUR = 3600
BUDGET = 72 * HOUR
# By so much, one after the other, while one job is under way; then the PACS comes back.
SETTINGS = ([(HOUR, -2 * HOUR, 81 * HOUR)] if not chaos.LONG else
            [(HOUR,), (-HOUR,), (-HOUR, HOUR), (80 * HOUR,), (-80 * HOUR,), (80 * HOUR, -80 * HOUR),
             (3,), (-3,), (500 * 24 * HOUR,), (HOUR, -2 * HOUR, 81 * HOUR)])
# 40 slices make 80, each synced before the result is published.
LONG_SHAPE = ("--shape", "sines", "--dims", "24,24,40", "--spacing", "1,1,2")
LONG_RESULTS, SYNC_US = 80, 150000


class AClockThatIsSet(chaos.Case):
    SETTINGS = {"plan": {"quiet": 60, "quiet_released": 0, "keep": 24},
                "convert": {"workers": 2, "attempts": 2}}

    def states(self, name):
        return [each["state"] for each in self.daemon_.list(name)]

    def wait_for(self, what, seconds=30):
        return harness.wait_until(what, seconds, lambda: harness.tail(self.daemon_.log, 30))

    def send(self, files):
        sender = chaos.Sender(self.daemon_, [files], self.ledger)
        sender.start()
        sender.finish()

    def begin_series(self, files):
        """An association that stays open."""
        association = rawscu.Association(self.daemon_.port, calling="SLOW",
                                         syntax=rawscu.payload(files[0])[1])
        self.go_on(association, files)
        return association

    def go_on(self, association, files):
        for path in files:
            uid, (data, _) = chaos.sop_uid(path), rawscu.payload(path)
            self.assertEqual(association.store(uid, data)[0], 0)
            self.ledger.add(uid, hashlib.sha256(data).digest())

    def deliver_begins_anew(self):
        """It looks at once for what has waited for too long."""
        for pid, role in chaos.processes(self.daemon_):
            if role == "deliver":
                chaos.strike(pid, signal.SIGKILL)

    def check_nothing_is_over(self):
        """What waits is shown by the new time, and not as later than it will be tried."""
        now = moment(self.daemon_.get("/api/v1/status")["time"])
        waiting = [each for each in self.daemon_.list("deliveries") if each["state"] != "sent"]
        self.assertEqual([each["state"] for each in waiting], ["failed"])
        self.assertLess(abs((moment(waiting[0]["next_at"]) - now).total_seconds()), 60)

    def set_clock(self, by):
        self.set_s += by
        self.page.set_clock(self.set_s)
        if by > BUDGET:
            self.deliver_begins_anew()
        time.sleep(1.5)
        self.assertEqual(self.states("jobs").count("running"), 1)
        self.assertEqual(self.states("series").count("receiving"), 1)
        self.check_nothing_is_over()

    def round(self, number, settings):
        self.pacs_.stop()
        self.send(self.phantom(*chaos.SHAPE, "--seed", f"waits {number}"))
        files = self.phantom(*chaos.SHAPE, "--seed", f"open {number}")
        opened = self.begin_series(files[:4])
        self.wait_for(lambda: "failed" in self.states("deliveries"))
        work = self.begin_series(self.phantom(*LONG_SHAPE, "--seed", f"work {number}"))
        self.page.delay(SYNC_US)
        work.release()
        self.wait_for(lambda: "running" in self.states("jobs"))

        for by in settings:
            with self.subTest(set_by_hours=by / HOUR):
                self.set_clock(by)

        self.page.delay(0)
        self.go_on(opened, files[4:])
        opened.release()
        begun = time.monotonic()
        self.pacs_.start()
        self.drained(self.daemon_, 3 * number + 3, 30)
        chaos.tell(f"set by {[round(by / HOUR, 1) for by in settings]} h: drained within "
                   f"{time.monotonic() - begun:.1f} s of the PACS' return")

    def test_ends_nothing_and_holds_nothing_up(self):
        self.pacs_ = scripted.Scp()
        self.addCleanup(self.pacs_.stop)
        self.daemon_ = self.daemon(self.pacs_, start=False, settings=self.SETTINGS)
        self.page, self.set_s = with_faults(self.daemon_, self.daemon_.state), 0
        self.daemon_.start()

        for number, settings in enumerate(SETTINGS):
            self.round(number, settings)

        jobs = self.daemon_.list("jobs")
        self.assertEqual([(each["state"], each["attempts"]) for each in jobs],
                         [("done", 1)] * 3 * len(SETTINGS))
        self.check_kept(self.daemon_.state, self.ledger.before())
        results = 2 * chaos.RESULTS + LONG_RESULTS
        self.assertEqual((len(self.pacs_.kept), self.pacs_.stored),
                         (results * len(SETTINGS),) * 2)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


if __name__ == "__main__":
    unittest.main()
