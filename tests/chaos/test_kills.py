"""kill -9 of any process, of all of them at once and of the PACS, at random moments, while
series flow in and results flow out. What was acknowledged is kept byte for byte, every series
is decided once, and the PACS ends with exactly the expected results."""

import os
import signal
import time
import unittest

import chaos
import harness

KILLS = int(os.environ.get("ISOVOX_KILLS", chaos.scale(30, 1000)))
VICTIMS = ("receive", "receive child", "plan", "convert", "deliver", "deliver child", "query",
           "query child", "http", "supervisor", "everything")
PACS_EVERY = 20


class EverythingIsMortal(chaos.Case):
    # What kills a worker is not its job: none may run out of attempts. The series say how long
    # they are, because a sender may find the daemon away for 30 s (a role that dies again and
    # again), and half a series would be decided meanwhile: rightly, but it is not counted here.
    SETTINGS = {**chaos.Case.SETTINGS, "convert": {"workers": 2, "attempts": 100}}

    def series(self, name):
        """Until the killing is over."""
        number = 0
        while not self.over:
            yield self.phantom(*chaos.SHAPE, "--announce", "--seed", f"{name} {number}")
            number += 1

    def sender(self, name):
        return chaos.Sender(self.daemon_, self.series(name), self.ledger, name)

    def strike(self, victim):
        """How many processes were hit: an association may be over."""
        if victim == "everything":
            self.daemon_.kill()
        alive = chaos.processes(self.daemon_) if self.daemon_.running() else []
        hit = [pid for pid, role in alive if role == victim
               and chaos.strike(pid, signal.SIGKILL)]
        if victim in ("everything", "supervisor"):
            self.daemon_.process.wait()
            self.daemon_.start()
        return len(hit) or victim == "everything"

    def kill_for_long(self):
        count, hits = 0, dict.fromkeys((*VICTIMS, "pacs"), 0)
        while count < KILLS:
            time.sleep(self.chance.uniform(0.02, 0.5))
            victim = self.chance.choice(VICTIMS)
            if count % PACS_EVERY == PACS_EVERY - 1:
                self.pacs_.kill()
                self.pacs_.start()
                victim, struck = "pacs", 1
            else:
                struck = self.strike(victim)
            hits[victim] += bool(struck)
            count += bool(struck)
        return hits

    def test_nothing_is_lost_and_nothing_is_made_twice(self):
        pixels = self.expected_pixels()
        self.pacs_ = self.pacs(DicomAlwaysAllowFind=True)
        # It is asked about every series, knows none of them, and is away now and then.
        self.daemon_ = self.daemon(self.pacs_, settings={
            **self.SETTINGS, ("source", "archive"): {
                "ae_title": self.pacs_.aet, "address": harness.HOST, "port": self.pacs_.port,
                "senders": ["*"], "connect_timeout": 2}})
        self.over = False
        senders = [self.sender(name) for name in ("ONE", "TWO")]
        for each in senders:
            each.start()

        hits = self.kill_for_long()
        self.over = True
        for each in senders:
            each.finish()
        complete = sum(len(each.complete) for each in senders)
        self.drained(self.daemon_, complete)

        self.check_kept(self.daemon_.state, self.ledger.before())
        self.check_decided_once(self.daemon_, complete)
        self.check_pacs(self.pacs_, complete, pixels)
        chaos.tell(f"{sum(hits.values())} kills ({hits}), {complete} series, "
                   f"{len(self.ledger.before())} instances acknowledged, "
                   f"{sum(each.broken for each in senders)} associations broken; 0 lost, "
                   "0 made twice")


if __name__ == "__main__":
    unittest.main()
