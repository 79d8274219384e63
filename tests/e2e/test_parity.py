"""Options for parity with other systems, against scipy, which those systems are built on:
mirrored edges, Gaussians before the interpolation, and results limited to the source's
range. Float results, so that nothing is rounded away."""

import json

import numpy
import pydicom
from scipy import ndimage

import harness
import oracle

BEYOND = 60  # edge samples written out before scipy smooths: its rows end, ours do not


def sigma_cardoso(ratio):
    """Cardoso et al., MICCAI 2015: difference of two squared widths at half maximum."""
    width = 2 * numpy.sqrt(2 * numpy.log(2))
    return numpy.sqrt(ratio ** 2 - 1) / width if ratio > 1 else 0


def sigma_mirp(ratio, beta):
    return numpy.sqrt(-8 * ratio ** 2 * numpy.log(beta))


class Parity(harness.Case):
    def convert(self, folder, *options):
        """The result as floats [k, j, i]."""
        out = self.new_folder("out")
        harness.run_tool("convert", *options, "--format", "raw", folder, "-o", out / "v.raw",
                         check=True)
        dims = json.loads((out / "v.raw.json").read_text())["dims"]
        return numpy.fromfile(out / "v.raw", "<f4").reshape(dims[::-1])

    def source(self):
        files = self.phantom("--shape", "noise", "--dims", "23,19,17", "--spacing", "0.9,0.8,2.5")
        return files[0].parent, oracle.Volume([pydicom.dcmread(f) for f in files])

    def test_mirrored_edges_are_those_of_scipy(self):
        folder, volume = self.source()
        for kernel, order in (("bspline3", 3), ("linear", 1)):
            made = self.convert(folder, "--kernel", kernel, "--boundary", "mirror",
                                   "--spacing", "0.7")
            at = numpy.meshgrid(*[oracle.axis(n, s, 0.7) for n, s in
                                  zip(volume.dims[::-1], volume.spacing[::-1])], indexing="ij")
            truth = ndimage.map_coordinates(volume.values, at, order=order, mode="mirror")
            self.assertEqual(made.shape, truth.shape)
            # Along the slices the spline's sums are cut: 1.3e-9 of the steps; floats: 1e-4.
            self.assertLess(numpy.abs(made - truth).max(), 2e-3)

    def smoothed_truth(self, volume, target, sigma_of):
        ratios = [target / s for s in volume.spacing[::-1]]
        values = numpy.pad(volume.values, BEYOND, mode="edge")
        values = ndimage.gaussian_filter(values, [sigma_of(r) for r in ratios], mode="nearest")
        at = numpy.meshgrid(*[oracle.axis(n, s, target) + BEYOND for n, s in
                              zip(volume.dims[::-1], volume.spacing[::-1])], indexing="ij")
        return ndimage.map_coordinates(values, at, order=3, mode="nearest")

    def test_gaussians_are_those_of_scipy(self):
        folder, volume = self.source()
        sharp = self.convert(folder, "--antialias", "off", "--spacing", "2")
        for option, sigma_of in (("gauss-cardoso", sigma_cardoso),
                                 ("gauss-mirp", lambda r: sigma_mirp(r, 0.98)),
                                 ("gauss-mirp:0.9", lambda r: sigma_mirp(r, 0.9))):
            made = self.convert(folder, "--antialias", option, "--spacing", "2")
            truth = self.smoothed_truth(volume, 2.0, sigma_of)
            self.assertEqual(made.shape, truth.shape)
            self.assertLess(numpy.abs(made - truth).max(), 2e-3, option)
            self.assertGreater(numpy.abs(made - sharp).max(), 20, option)

    def test_results_stay_within_the_range_of_the_source(self):
        folder, volume = self.source()
        least, most = volume.values.min(), volume.values.max()
        free = self.convert(folder, "--spacing", "0.6")
        kept = self.convert(folder, "--spacing", "0.6", "--clamp", "input-range")
        self.assertGreater((free > most).sum(), 0)
        self.assertGreater((free < least).sum(), 0)
        numpy.testing.assert_array_equal(kept, numpy.clip(free, least, most))

    def test_what_is_no_option_is_refused(self):
        folder, _ = self.source()
        for words in (("--antialias", "gauss-mirp:2"), ("--boundary", "reflect"),
                      ("--clamp", "yes")):
            done = harness.run_tool("convert", *words, folder, "-o", self.new_folder("out"))
            self.assertEqual(done.returncode, 2, words)
