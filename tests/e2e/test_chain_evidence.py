"""Completeness by evidence: what is announced, what is late, and what people are told."""

import datetime
import signal
import time
import unittest

import chain
import harness
import pydicom
import rawscu

SHAPE = ("--shape", "sines", "--dims", "40,40,16", "--spacing", "1,1,3")  # 48 results
# Only what the instances say can decide within the time of a test.
PATIENT = {"plan": {"quiet": 600, "quiet_released": 600}}


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Evidence(harness.Case):
    def begin(self, changes):
        self.pacs_ = self.pacs()
        self.daemon_ = self.daemon(self.pacs_, settings=changes)

    def announced(self, total, *options):
        """A phantom whose slices say that there are `total` of them."""
        files = self.phantom(*SHAPE, *options)
        for path in files:
            dataset = pydicom.dcmread(path)
            dataset.AcquisitionNumber = 1
            dataset.ImagesInAcquisition = total
            dataset.save_as(path)
        return files

    def wait_series(self, question, what):
        def found():
            rows = self.daemon_.list("series")
            return rows[-1] if rows and question(rows[-1]) else None
        return harness.wait_until(found, 30, lambda: f"{what}: {self.daemon_.list('series')}\n"
                                  + harness.tail(self.daemon_.log))

    def check_values(self, files, series=1):
        found = self.pacs_.wait_derived(series=series, alive=[self.daemon_])
        longest = max((chain.fetch(self.pacs_, each) for each in found),
                      key=lambda each: len(each.datasets))
        expected = chain.Expected(files, 1.0, "bspline3")
        chain.check_geometry(self, longest, expected)
        chain.check_values(self, longest, expected)

    def test_full_evidence_decides_within_two_seconds(self):
        self.begin(PATIENT)
        files = self.announced(16)
        self.daemon_.send(files)
        series = self.wait_series(lambda each: each["decided_at"], "decided")
        self.assertLess(seconds(series["decided_at"]) - seconds(series["last_at"]),
                        2 * harness.SLOW)
        self.assertIn("decided by: count", series["text"])
        self.check_values(files)

    def test_release_and_geometry_decide_within_fifteen(self):
        self.begin({"plan": {"quiet": 600, "quiet_released": 2}})  # 2: the default
        self.daemon_.send(self.phantom(*SHAPE))
        series = self.wait_series(lambda each: each["decided_at"], "decided")
        self.assertLess(seconds(series["decided_at"]) - seconds(series["last_at"]),
                        15 * harness.SLOW)
        self.assertIn("decided by: released", series["text"])

    def test_a_missing_tail_is_waited_for_and_people_are_told(self):
        self.begin({"plan": {"quiet": 1, "quiet_released": 0, "quiet_full": 0}})
        files = self.announced(16)
        self.daemon_.send(files[:10])  # no hole: only the count knows

        series = self.wait_series(lambda each: each["state"] == "waiting"
                                  and "900" in each["waiting_for"], "waiting")

        self.assertEqual(series["code"], "INCOMPLETE")
        self.assertEqual(series["text"], "10 of 16 by Images in Acquisition")
        self.assertRegex(series["waiting_for"], r"^10 of 16 by Images in Acquisition; released; "
                                                r"quiet \d+ s of 900 s$")
        self.assertAlmostEqual(seconds(series["decides_at"]) - seconds(series["last_at"]), 900,
                               delta=1)
        self.assertIn("10 of 16 by Images in Acquisition; released; quiet",
                      self.daemon_.tool("series", check=True).stdout)
        self.daemon_.restart()
        self.assertEqual(self.daemon_.list("jobs"), [])
        self.daemon_.send(files[10:])
        self.check_values(files)
        self.assertEqual(len(self.daemon_.list("jobs")), 1)

    def test_half_a_series_is_not_decided_because_we_were_away(self):
        quiet = int(4 * harness.SLOW)
        self.begin({"plan": {"quiet": quiet, "quiet_released": quiet}})
        files = self.phantom(*SHAPE)
        self.daemon_.send(files[:10])
        self.daemon_.kill()
        time.sleep(quiet + 1)  # nobody could send anything

        self.daemon_.start()
        self.daemon_.send(files[10:])

        series = self.wait_series(lambda each: each["decided_at"], "decided")
        self.assertEqual(series["generation"], 1)
        self.check_values(files)
        self.assertEqual(len(self.daemon_.list("jobs")), 1)

    def without_receive(self, seconds):
        """For that long the role is killed whenever the supervisor has started it again: it is
        left alone in one of the supervisor's pauses."""
        begun, killed = time.monotonic(), set()
        while time.monotonic() - begun < seconds:
            killed |= set(self.daemon_.kill_role("receive"))
            time.sleep(0.02)
        self.assertGreater(len(killed), 2)

    def send_when_it_listens(self, files):
        """What a modality does that was turned away."""
        def taken():
            return self.daemon_.send(files, check=False).returncode == 0
        harness.wait_until(taken, 60, lambda: "taken\n" + harness.tail(self.daemon_.log))

    def test_a_series_whose_receiver_died_between_its_slices_is_decided_whole(self):
        quiet = int(3 * harness.SLOW)
        self.begin({"plan": {"quiet": quiet, "quiet_released": quiet}})
        files = self.phantom(*SHAPE)
        sender = rawscu.Association(self.daemon_.port)
        for path in files[:10]:
            dataset, _ = rawscu.payload(path)
            uid = str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
            self.assertEqual(sender.store(uid, dataset)[0], 0)
        others = {name: pids for name, pids in self.daemon_.pids().items() if name != "receive"}

        self.without_receive(quiet + 1)
        waiting = self.wait_series(lambda each: "receive was away" in each["waiting_for"],
                                   "it is said that receive was away")
        self.assertEqual((waiting["instances"], self.daemon_.list("jobs")), (10, []))
        sender.sock.close()
        self.send_when_it_listens(files[10:])

        series = self.wait_series(lambda each: each["decided_at"], "decided")
        self.assertEqual((series["generation"], series["instances"]), (1, len(files)))
        self.check_values(files)
        self.assertEqual(len(self.daemon_.list("jobs")), 1)
        self.assertNotIn("series.late", self.daemon_.log.read_text())
        self.assertEqual(others, {name: pids for name, pids in self.daemon_.pids().items()
                                  if name != "receive"})

    def test_another_deadline_counts_at_once_for_what_waits(self):
        self.begin({"plan": {"quiet": 1, "quiet_released": 0, "quiet_full": 0}})
        self.daemon_.send(self.announced(16)[:10])
        self.wait_series(lambda each: each["state"] == "waiting", "waiting")

        self.daemon_.settings = harness.merged(self.daemon_.settings, {"plan": {"deadline": 2}})
        self.daemon_.config.write_text(harness.conf_text(self.daemon_.settings))
        self.daemon_.signal(signal.SIGHUP)

        series = self.wait_series(lambda each: each["decided_at"], "decided")
        self.assertIn("decided by: deadline", series["text"])
        whole = self.daemon_.get(f"/api/v1/series/{series['id']}")
        self.assertIn({"code": "INCOMPLETE", "text": "10 of 16 by Images in Acquisition"},
                      whole["warnings"])

    def test_a_late_slice_makes_a_revision_and_it_is_said(self):
        self.begin({"plan": {"quiet": 1, "quiet_released": 0, "quiet_full": 0}})
        files = self.phantom(*SHAPE)
        self.daemon_.send(files[:10])
        first = self.wait_series(lambda each: each["state"] == "done", "the first is done")
        self.assertEqual(first["generation"], 1)

        self.daemon_.send(files[10:])

        self.check_values(files, series=2)
        second = self.wait_series(lambda each: each["state"] == "done", "the second is done")
        self.assertEqual(second["generation"], 2)
        whole = self.daemon_.get(f"/api/v1/series/{second['id']}")
        late = [each for each in whole["evidence"] if each["kind"] == "late"]
        self.assertEqual([each["value"] for each in late], [1])
        self.assertEqual([(job["generation"], job["superseded"]) for job in whole["jobs"]],
                         [(1, True), (2, False)])
        log = self.daemon_.log.read_text()
        self.assertIn("event=series.late", log)
        self.assertIn("revision=2", log)


if __name__ == "__main__":
    unittest.main()
