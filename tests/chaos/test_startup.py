"""How long a start takes when there is a past: a journal with many records, all indexed, and
many series that still wait. From the start of the process to the answer of the first C-STORE,
and how fast the status is told then. The figures are printed; the limits are generous, because
a test machine is busy with other tests."""

import os
import time
import unittest
from pathlib import Path

import chaos
import harness
import rawscu
import spool

RECORDS = int(os.environ.get("ISOVOX_RECORDS", chaos.scale(1000, 1_000_000)))
PER_SERIES, PER_SEGMENT = 10, 16000
CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
SECONDS, MILLISECONDS = 20, 1000  # promised: 0.3 s or 5 s, and 50 ms
IDLE_SECONDS, BUSY = 3, 0.2  # of a core; it is nearly none


class ALongPast(chaos.Case):
    SETTINGS = {"plan": {"quiet": 86400, "quiet_released": 86400, "deadline": 604800},
                "receive": {"low_water": 0, "high_water": 0}}

    def uids(self, number):
        """As long as those of the phantom, so that they can take their place."""
        return tuple(f"2.25.{kind}{n:0{self.digits}d}".encode()
                     for kind, n in ((1, number), (2, number // PER_SERIES)))

    def instances(self, numbers):
        for number in numbers:
            sop, series = self.uids(number)
            yield (sop.decode(), f"past-{number // 1000}",
                   self.bytes.replace(self.sop, sop).replace(self.series, series))

    def make_past(self, state):
        path = self.phantom("--dims", "8,8,1", "--spacing", "1,1,1", "--seed", "past")[0]
        import pydicom
        data = pydicom.dcmread(path)
        self.bytes = path.read_bytes()
        self.sop, self.series = data.SOPInstanceUID.encode(), data.SeriesInstanceUID.encode()
        self.digits = len(self.sop) - len("2.25.1")
        self.assertEqual(len(self.sop), len(self.series))
        (state / "spool").mkdir(parents=True)
        for first in range(0, RECORDS, PER_SEGMENT):
            numbers = range(first, min(first + PER_SEGMENT, RECORDS))
            spool.write_segment(state / "spool" / f"{first + 1:016x}.seg", first + 1,
                                self.instances(numbers), CT, EXPLICIT)

    def start_and_store(self, daemon, number):
        """Seconds until the first instance is acknowledged."""
        [(uid, _, payload)] = self.instances([RECORDS + number])
        data = spool.data_set(payload)
        begun = time.monotonic()
        super(harness.Daemon, daemon).start()
        while True:
            try:
                association = rawscu.Association(daemon.port)
                status, comment = association.store(uid, data)
                self.assertEqual(status, 0, comment)
                return time.monotonic() - begun
            except OSError:
                time.sleep(0.005)
                daemon.must_run()

    def cpu(self, daemon):
        """Seconds of a core that plan has used: user and system time, fields 14 and 15 of
        proc(5) stat."""
        [role] = [role for role in daemon.get("/api/v1/status")["roles"]
                  if role["name"] == "plan"]
        fields = Path(f"/proc/{role['pid']}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def idles(self, daemon):
        before = self.cpu(daemon)
        time.sleep(1)
        return self.cpu(daemon) - before < BUSY

    def test_does_not_make_a_start_long(self):
        daemon = self.daemon(self.pacs(start=False), start=False, settings=self.SETTINGS)
        self.make_past(daemon.state)
        begun = time.monotonic()
        daemon.start()
        harness.wait_until(
            lambda: daemon.get("/api/v1/status")["totals"]["instances"] == RECORDS,
            30 + RECORDS / 500, lambda: f"all is indexed: {daemon.get('/api/v1/status')}\n"
            + harness.tail(daemon.log))
        indexed = time.monotonic() - begun
        harness.wait_until(lambda: self.idles(daemon), 30 + RECORDS / 2000, "it is idle")
        busy = self.cpu(daemon)
        time.sleep(IDLE_SECONDS)
        busy = (self.cpu(daemon) - busy) / IDLE_SECONDS
        daemon.kill()

        seconds = self.start_and_store(daemon, 0)
        harness.wait_until(daemon._ready, 60, "it is ready")
        times = []
        for _ in range(20):
            asked = time.monotonic()
            status = daemon.get("/api/v1/status")
            times.append(time.monotonic() - asked)
        self.assertGreaterEqual(status["totals"]["instances"], RECORDS)
        self.assertGreaterEqual(status["series"]["receiving"], RECORDS // PER_SERIES)
        chaos.tell(f"{RECORDS} records, {RECORDS // PER_SERIES} series waiting: indexed in "
                   f"{indexed:.1f} s, {100 * busy:.1f} % of a core when nothing comes, first "
                   f"C-STORE {seconds:.2f} s after a start, status "
                   f"in {sorted(times)[10] * 1000:.0f} ms")
        self.assertLess(busy, BUSY * harness.SLOW)
        self.assertLess(seconds, SECONDS * harness.SLOW)
        self.assertLess(sorted(times)[10] * 1000, MILLISECONDS * harness.SLOW)


if __name__ == "__main__":
    unittest.main()
