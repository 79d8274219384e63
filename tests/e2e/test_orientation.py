"""--orientation patient: the axes of the patient, exact copies where the slices run along
them, one interpolation where they are oblique; against closed forms."""

import numpy
import pydicom
import scipy.ndimage

import harness
from test_convert import sines

OBLIQUE = "0.9397,0.2962,0.1710,-0.3420,0.8138,0.4698"  # 20 degrees, then 30


def series(folder):
    """Datasets in order, voxels (k,j,i) in HU, and the patient position of each voxel."""
    files = sorted(folder.rglob("*.dcm"))
    read = [pydicom.dcmread(f) for f in files]
    voxels = numpy.stack([d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept)
                          for d in read])
    k, j, i = numpy.indices(voxels.shape).astype(float)
    row, column = (numpy.array(read[0].ImageOrientationPatient[n:n + 3], float) for n in (0, 3))
    spacing = float(read[0].PixelSpacing[0])
    origins = numpy.array([d.ImagePositionPatient for d in read], float)
    mm = (origins[k.astype(int)] + i[..., None] * spacing * row
          + j[..., None] * spacing * column)
    return read, voxels, mm


def away_from_edges(voxels):
    """Seven voxels from every face of what was scanned: the replicated edge is no sine."""
    scanned = numpy.pad(voxels > -1000, 1)
    return scipy.ndimage.binary_erosion(scanned, iterations=7)[1:-1, 1:-1, 1:-1]


class Orientation(harness.Case):
    def converted(self, source, *options):
        out = self.new_folder("out")
        harness.run_tool("convert", *options, source, "-o", out, check=True)
        return series(out)

    def check_truth(self, voxels, mm):
        inside = away_from_edges(voxels)
        self.assertGreater(inside.sum(), 5000)
        self.assertLess(numpy.abs(voxels - sines(mm))[inside].max(), 2.0)

    def test_oblique_slices_come_out_along_the_patient(self):
        source = self.phantom("--shape", "sines", "--dims", "60,56,30", "--spacing", "0.9,0.9,2",
                              "--oblique", OBLIQUE)[0].parent
        read, voxels, mm = self.converted(source, "--orientation", "patient")

        for one in read:
            self.assertEqual([float(v) for v in one.ImageOrientationPatient],
                             [1, 0, 0, 0, 1, 0])
        positions = numpy.array([d.ImagePositionPatient for d in read], float)
        self.assertTrue((numpy.abs(numpy.diff(positions, axis=0) - [0, 0, 1]) < 1e-3).all())
        inside = voxels > -1000
        self.assertGreater(inside.mean(), 0.2)
        self.assertLess(inside.mean(), 0.9)
        self.check_truth(voxels, mm)

    def test_sagittal_slices_are_copied_exactly(self):
        source = self.phantom("--shape", "head", "--dims", "40,36,20", "--spacing", "1,1,2.4",
                              "--oblique", "0,1,0,0,0,-1")[0].parent
        _, own, own_mm = self.converted(source)
        _, turned, mm = self.converted(source, "--orientation", "patient")

        self.assertEqual(sorted(own.shape), sorted(turned.shape))
        places = [tuple(p) for p in numpy.round(own_mm.reshape(-1, 3), 2)]
        where = dict(zip(places, own.ravel()))
        for place, value in zip(numpy.round(mm.reshape(-1, 3), 2), turned.ravel()):
            self.assertEqual(where[tuple(place)], value)

    def test_a_tilted_series_keeps_its_place(self):
        source = self.phantom("--shape", "sines", "--dims", "64,64,32", "--spacing", "0.9,0.9,2",
                              "--tilt", "-17")[0].parent
        _, voxels, mm = self.converted(source, "--orientation", "patient")
        self.check_truth(voxels, mm)

    def test_too_much_for_the_memory_is_refused(self):
        source = self.phantom("--shape", "sines", "--dims", "128,128,64",
                              "--oblique", OBLIQUE)[0].parent
        told = harness.run_tool("convert", "--orientation", "patient", "--max-memory", "4M",
                                source, "-o", self.new_folder("out"))
        self.assertEqual(told.returncode, 1)
        self.assertIn("needs more than 4 MiB of working memory", told.stderr)
