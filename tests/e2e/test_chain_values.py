"""A series arrives, becomes isotropic, and reaches a real PACS: count, spacing, position and
values agree with an independent computation."""

import unittest

import numpy as np

import chain
import harness

OBLIQUE = "0.98,0.17,0.1,-0.2,0.95,0.2"


class AnArrivingSeries(harness.Case):
    def through(self, *phantom, send=harness.dcmsend):
        """The derived series at the PACS, its record there, and the files that were sent."""
        pacs = self.pacs()
        daemon = self.daemon(pacs)
        files = self.phantom(*phantom)
        send(files, daemon.port)
        found = pacs.wait_derived(series=1, alive=[daemon])[0]
        self.assertEqual(len(pacs.series()), 1, "only what was derived is sent on")
        return chain.fetch(pacs, found), (pacs, found), files

    def test_is_isotropic_at_the_pacs(self):
        derived, (pacs, found), files = self.through(
            "--shape", "sines", "--dims", "48,40,24", "--spacing", "0.9,0.8,2.5",
            "--oblique", OBLIQUE)

        expected = chain.Expected(files, 1.0, "bspline3")
        chain.check_geometry(self, derived, expected)
        chain.check_values(self, derived, expected)
        first, study = derived.datasets[0], expected.source.datasets[0]
        self.assertEqual(first.StudyInstanceUID, study.StudyInstanceUID)
        self.assertEqual(first.FrameOfReferenceUID, study.FrameOfReferenceUID)
        self.assertNotEqual(first.SeriesInstanceUID, study.SeriesInstanceUID)

        # As the PACS itself tells it, by its REST interface.
        self.assertEqual(len(found["Instances"]), len(expected.hu))
        tags = [pacs.get(f"/instances/{each}/simplified-tags") for each in found["Instances"]]
        positions = np.array([each["ImagePositionPatient"].split("\\") for each in tags], float)
        self.assertEqual({each["PixelSpacing"] for each in tags}, {r"1\1"})
        np.testing.assert_allclose(positions[np.argmin(positions @ derived.normal)],
                                   expected.origin, atol=1e-3)

    def test_keeps_a_ramp_where_it_is(self):
        """2x + 3y + 5z is reproduced by every kernel away from the edges: 0.02 HU in the mean
        are 0.01 mm, whatever was rounded on the way."""
        derived, _, _ = self.through("--shape", "ramp", "--dims", "40,44,20",
                                     "--spacing", "0.7,0.7,3", send=harness.storescu)
        hu = derived.hu()
        k, j, i = np.meshgrid(*(np.arange(n) for n in hu.shape), indexing="ij")
        place = (derived.position[k] + i[..., None] * derived.row
                 + j[..., None] * derived.column)
        error = (hu - place @ np.array([2.0, 3.0, 5.0]))[8:-8, 6:-6, 6:-6]
        self.assertLess(abs(error.mean()), 0.02)
        self.assertLess(np.abs(error).max(), 1.5)

    def test_has_true_positions_where_slices_are_irregular(self):
        """A field that is linear along the normal does not care where its samples lie, if
        their true positions are used."""
        positions = [0, 2, 4.5, 6.5, 9, 11.5, 13.5, 16, 18, 20.5, 23, 25, 27, 29.5, 32, 34]
        derived, _, _ = self.through(
            "--shape", "ramp", "--dims", "32,32,16", "--spacing", "1,1,2",
            "--irregular", ",".join(map(str, positions)))
        hu = derived.hu()
        place = derived.position[:, 2]
        middle = hu[:, 16, 16] - 2 * (derived.position[:, 0] + 16) \
            - 3 * (derived.position[:, 1] + 16) - 5 * place
        self.assertLess(np.abs(middle[4:-4]).max(), 1.5)
        self.assertAlmostEqual(derived.t[-1] - derived.t[0], len(derived.t) - 1, delta=1e-3)

    def test_comes_back_to_the_pacs_that_routed_it_here(self):
        """Orthanc as the sender: an archive that forwards a series and receives its result."""
        pacs = self.pacs(start=False)
        daemon = self.daemon(pacs, start=False)
        pacs.settings["DicomModalities"] = {"isovox": [daemon.aet, harness.HOST, daemon.port]}
        pacs.start()
        daemon.start()
        files = self.phantom("--shape", "sines", "--dims", "40,40,16", "--spacing", "1,1,3")
        for path in files:
            self.assertEqual(harness.http("POST", pacs.url + "/instances",
                                          path.read_bytes())[0], 200)
        source = pacs.series()[0]
        self.assertEqual(harness.http("POST", pacs.url + "/modalities/isovox/store",
                                      source["ID"])[0], 200)

        found = pacs.wait_derived(series=1, instances=48, alive=[daemon])[0]

        self.assertEqual(found["ParentStudy"], source["ParentStudy"])
        expected = chain.Expected(files, 1.0, "bspline3")
        chain.check_geometry(self, chain.fetch(pacs, found), expected)
        chain.check_values(self, chain.fetch(pacs, found), expected)


if __name__ == "__main__":
    unittest.main()
