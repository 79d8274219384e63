"""When a series is complete: holes, operators, series that go on, a catalogue that is lost."""

import unittest

import chain
import harness
import pydicom

SHAPE = ("--shape", "sines", "--dims", "40,40,16", "--spacing", "1,1,3")  # 48 results
SETTINGS = {"plan": {"quiet": 1, "quiet_released": 0}}


class Decisions(harness.Case):
    def begin(self, changes=None):
        self.pacs_ = self.pacs()
        self.daemon_ = self.daemon(self.pacs_, settings=harness.merged(SETTINGS, changes or {}))

    def one(self, name, question, what):
        """The only series, job or delivery, when the question about it is answered."""
        def found():
            rows = self.daemon_.list(name)
            return rows if rows and question(rows[-1]) else None
        return harness.wait_until(found, 30, lambda: f"{what}: {self.daemon_.list(name)}\n"
                                  + harness.tail(self.daemon_.log))[-1]

    def wait_state(self, state):
        return self.one("series", lambda each: each["state"] == state, f"series {state}")

    def check_complete(self, files, series=1):
        """`series` derived series, the last one made of all files."""
        found = self.pacs_.wait_derived(series=series, alive=[self.daemon_])
        longest = max((chain.fetch(self.pacs_, each) for each in found),
                      key=lambda each: len(each.datasets))
        expected = chain.Expected(files, 1.0, "bspline3")
        chain.check_geometry(self, longest, expected)
        chain.check_values(self, longest, expected)
        return longest

    def test_a_hole_waits_until_it_is_filled(self):
        self.begin()
        files = self.phantom(*SHAPE)
        self.daemon_.send(files[:7] + files[8:])
        waiting = self.wait_state("waiting")
        self.assertEqual(waiting["code"], "GAP")
        self.assertIn("1 slice missing", waiting["text"])

        self.daemon_.send(files[7:8])

        self.check_complete(files)
        self.assertEqual(len(self.daemon_.list("jobs")), 1)

    def test_a_hole_is_refused_at_the_deadline(self):
        self.begin({"plan": {"deadline": 3}})
        files = self.phantom(*SHAPE, "--gap", "7")
        self.daemon_.send(files)
        self.assertEqual(self.wait_state("refused")["code"], "GAP")
        self.assertEqual(self.daemon_.list("jobs"), [])

    def test_a_hole_is_bridged_at_the_deadline_if_the_route_says_so(self):
        self.begin({"plan": {"deadline": 3}, ("route", "ct"): {"on_gap": "interpolate"}})
        self.daemon_.send(self.phantom(*SHAPE, "--gap", "7"))
        found = self.pacs_.wait_derived(series=1, instances=48, alive=[self.daemon_])
        text = self.pacs_.dataset(found[0]["Instances"][0]).DerivationDescription
        self.assertIn("GAP_INTERPOLATED", text)

    def test_an_operator_decides(self):
        self.begin({"plan": {"quiet": 600, "quiet_released": 600}})
        files = self.phantom(*SHAPE)
        self.daemon_.send(files)
        series = self.wait_state("receiving")
        self.daemon_.tool("complete", series["id"], check=True)
        self.check_complete(files)

    def test_a_series_that_goes_on_is_converted_again(self):
        self.begin()
        files = self.phantom(*SHAPE)
        self.daemon_.send(files[:10])
        self.pacs_.wait_derived(series=1, instances=30, alive=[self.daemon_])

        self.daemon_.send(files[10:])

        self.check_complete(files, series=2)
        self.assertEqual(self.wait_state("done")["generation"], 2)

    def test_what_somebody_else_sends_again_is_the_same_instance(self):
        self.begin()
        files = self.phantom(*SHAPE)
        self.daemon_.send(files, aet="MODALITY")
        self.pacs_.wait_derived(series=1, instances=48, alive=[self.daemon_])

        self.daemon_.send(files, aet="ARCHIVE")

        def counted():
            totals = self.daemon_.get("/api/v1/status")["totals"]
            return totals if totals["duplicates"] + totals["conflicts"] == len(files) else None
        totals = harness.wait_until(counted, 20, "all that came again is counted")
        self.assertEqual(totals["conflicts"], 0)

    def test_two_series_in_one_association_do_not_mix(self):
        self.begin()
        one = self.phantom(*SHAPE, "--seed", "one", "--study", "same")
        two = self.phantom(*SHAPE, "--seed", "two", "--study", "same", "--slope", "2")
        self.daemon_.send([path for pair in zip(one, two) for path in pair])
        found = self.pacs_.wait_derived(series=2, instances=48, alive=[self.daemon_])
        expected = chain.Expected(one, 1.0, "bspline3")
        for each in found:
            chain.check_geometry(self, chain.fetch(self.pacs_, each), expected)

    def test_a_lost_catalogue_is_rebuilt_and_nothing_is_doubled(self):
        self.begin()
        files = self.phantom(*SHAPE)
        self.daemon_.send(files)
        before = self.check_complete(files)
        self.daemon_.stop()
        for path in self.daemon_.state.glob("catalogue.db*"):
            path.unlink()

        self.daemon_.start()

        self.one("deliveries", lambda each: each["state"] == "sent", "delivered again")
        after = self.check_complete(files)
        self.assertEqual(before.pixels(), after.pixels())
        self.assertEqual(len(self.pacs_.instances()), 48)

    def test_its_own_results_are_not_converted_again(self):
        self.begin()
        self.daemon_.send(self.phantom(*SHAPE))
        found = self.pacs_.wait_derived(series=1, instances=48, alive=[self.daemon_])[0]
        back = self.new_folder("back")
        back.mkdir()
        for instance in found["Instances"]:
            (back / instance).write_bytes(self.pacs_.file(instance))
        uid = str(pydicom.dcmread(back / instance).SeriesInstanceUID)

        self.daemon_.send(back)

        own = self.one("series", lambda each: each["series_uid"] == uid
                       and each["state"] == "done", "the result is seen")
        self.assertEqual(own["code"], "OWN_RESULT")
        self.assertEqual(len(self.daemon_.list("jobs")), 1)


if __name__ == "__main__":
    unittest.main()
