"""--align reference: the grid of another series, in the same frame of reference only."""

import json

import numpy
import pydicom
from scipy import ndimage

import harness
from test_convert import positions_of, sines

OBLIQUE = "0.9397,0.2962,0.1710,-0.3420,0.8138,0.4698"  # 20 degrees, then 30


class Reference(harness.Case):
    def source(self):
        return self.phantom("--shape", "sines", "--dims", "60,56,30", "--spacing", "0.9,0.9,2",
                            "--study", "one")[0].parent

    def reference(self, *options, dims="31,29,23", spacing="1.3,1.1,1.7"):
        return self.phantom("--shape", "constant", "--dims", dims, "--spacing", spacing,
                            "--study", "one", "--series", "2", *options)[0].parent

    def convert(self, source, reference, *options):
        out = self.new_folder("out")
        done = harness.run_tool("convert", "--align", "reference", "--reference", reference,
                                *options, source, "-o", out)
        return done, out

    def check_on_grid_of(self, reference, out, least_inside):
        """The result has the reference's geometry, and the closed form's values there."""
        made = [pydicom.dcmread(f) for f in sorted(out.rglob("*.dcm"))]
        grid = [pydicom.dcmread(f) for f in harness.dicom_files(reference)]
        grid.sort(key=lambda d: numpy.array(d.ImagePositionPatient, float) @ numpy.cross(
            numpy.array(d.ImageOrientationPatient[:3], float),
            numpy.array(d.ImageOrientationPatient[3:], float)))
        self.assertEqual(len(made), len(grid))
        self.assertLess(numpy.abs(positions_of(made) - positions_of(grid)).max(), 2e-3)
        for one, other in zip(made, grid):
            self.assertEqual(one.FrameOfReferenceUID, other.FrameOfReferenceUID)
            self.assertEqual(list(one.PixelSpacing), list(other.PixelSpacing))
            self.assertNotEqual(one.SeriesInstanceUID, other.SeriesInstanceUID)
            self.assertIn("REF GRID", one.SeriesDescription)
            self.assertIn(f"grid of series {other.SeriesInstanceUID}", one.DerivationDescription)
        values = numpy.stack([d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept)
                              for d in made])
        truth = sines(positions_of(made))
        inside = values > -1000
        self.assertGreater(inside.sum(), least_inside)
        # The rim of the source is replicated, which is no sine.
        core = ndimage.binary_erosion(inside, iterations=4)
        self.assertGreater(core.sum(), 1000)
        self.assertLess(numpy.abs(values - truth)[core].max(), 2.0)
        return inside

    def test_the_same_axes(self):
        reference = self.reference()
        done, out = self.convert(self.source(), reference, "--antialias", "off")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(self.check_on_grid_of(reference, out, 15000).all())

    def test_other_axes_and_what_lies_outside_is_background(self):
        reference = self.reference("--oblique", OBLIQUE, dims="41,43,37", spacing="1.9,1.7,2.1")
        done, out = self.convert(self.source(), reference, "--antialias", "off")
        self.assertEqual(done.returncode, 0, done.stderr)
        inside = self.check_on_grid_of(reference, out, 8000)
        self.assertLess(inside.mean(), 0.6)

    def test_a_manifest_repeats_it_without_the_reference(self):
        source = self.source()
        done, out = self.convert(source, self.reference("--oblique", OBLIQUE))
        self.assertEqual(done.returncode, 0, done.stderr)
        manifest = next(out.rglob("manifest.json"))
        recipe = json.loads(manifest.read_text())["recipe"]
        self.assertEqual(recipe["reference"]["dims"], [31, 29, 23])
        again = harness.run_tool("replay", manifest, source)
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_another_frame_of_reference_is_refused(self):
        other = self.phantom("--shape", "constant", "--study", "two")[0].parent
        done, out = self.convert(self.source(), other)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("refused: OTHER_FRAME: another frame of reference", done.stderr)
        self.assertFalse(list(out.rglob("*.dcm")))

    def test_a_grid_wholly_outside_is_refused(self):
        done, _ = self.convert(self.source(), self.reference("--origin", "500,0,0"))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("refused: OUTSIDE_REFERENCE: nothing of it lies within", done.stderr)

    def test_slices_without_a_grid_are_no_reference(self):
        done, _ = self.convert(self.source(), self.reference("--tilt", "12"))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("--reference: the acquired grid cannot be kept", done.stderr)

    def test_a_result_is_a_reference_too(self):
        source, first = self.source(), self.new_folder("out")
        harness.run_tool("convert", "--spacing", "2", source, "-o", first, check=True)
        done, out = self.convert(source, first)
        self.assertEqual(done.returncode, 0, done.stderr)
        same = [pydicom.dcmread(next(f.rglob("000007.dcm"))).PixelData for f in (first, out)]
        self.assertEqual(*same)

    def test_what_does_not_go_together_is_a_usage_error(self):
        source = self.source()
        for words in (("--align", "reference"), ("--reference", source),
                      ("--align", "reference", "--reference", source, "--spacing", "1"),
                      ("--align", "reference", "--reference", source, "--orientation",
                       "patient")):
            done = harness.run_tool("convert", *words, source, "-o", self.new_folder("out"))
            self.assertEqual(done.returncode, 2, words)
