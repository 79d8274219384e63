"""A recipe of the daemon that keeps the acquired grid: the source's own places and values
arrive at the PACS, and what has no grid is a job that says why."""

import unittest

import numpy
import pydicom

import harness
import oracle

SETTINGS = {("recipe", "as-it-is"): {"spacing": "native"},
            ("route", "ct"): {"recipes": ["as-it-is"]}}


class TheAcquiredGrid(harness.Case):
    def test_arrives_as_it_was(self):
        files = self.phantom("--shape", "sines", "--dims", "30,26,9", "--spacing", "0.9,0.7,2.5",
                             "--oblique", "0.9,0.3,0.1,-0.25,0.9,0.35")
        source = oracle.Volume([pydicom.dcmread(each) for each in files])
        pacs = self.pacs()
        daemon = self.daemon(pacs, settings=SETTINGS)
        daemon.send(files)
        series, = pacs.wait_derived(series=1, instances=9, alive=[daemon])

        made = oracle.Volume([pacs.dataset(each) for each in series["Instances"]])
        self.assertEqual(made.dims, source.dims)
        numpy.testing.assert_allclose(made.positions, source.positions, atol=1e-3)
        numpy.testing.assert_allclose(made.spacing, source.spacing, atol=1e-6)
        numpy.testing.assert_array_equal(made.values, source.values)
        known = {str(each.SOPInstanceUID) for each in source.datasets}
        for each in made.datasets:
            self.assertEqual(list(each.ImageType), ["DERIVED", "SECONDARY", "AXIAL"])
            self.assertTrue(each.SeriesDescription.endswith("NATIVE GRID"))
            self.assertIn(str(each.SourceImageSequence[0].ReferencedSOPInstanceUID), known)
            self.assertNotIn("DerivationCodeSequence", each)
        job, = daemon.list("jobs")
        manifest = daemon.get(f"/api/v1/jobs/{job['id']}/manifest")
        self.assertEqual(manifest["recipe"]["spacing"], "native")
        self.assertEqual(manifest["sampling"]["interpolations_applied"], 0)

    def test_that_is_none_is_refused_with_the_reason(self):
        tilted = self.phantom("--dims", "16,16,8", "--tilt", "10")
        daemon = self.daemon(self.pacs(), settings=SETTINGS)
        daemon.send(tilted)
        harness.wait_until(lambda: [each["state"] for each in daemon.list("jobs")] == ["dead"],
                           60, lambda: str(daemon.list("jobs")))
        job, = daemon.list("jobs")
        self.assertEqual(job["code"], "TILTED", job)


if __name__ == "__main__":
    unittest.main()
