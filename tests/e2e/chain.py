"""What the tests of the whole chain ask of a derived series."""

import hashlib
from pathlib import Path

import numpy as np
import pydicom

import oracle


class Expected:
    """The oracle's answer for these files: hu[k, j, i] in float64, and the first voxel's place."""

    def __init__(self, files, spacing, kernel):
        self.spacing = spacing
        self.source = oracle.Volume([pydicom.dcmread(path) for path in files])
        self.hu, self.origin = oracle.resample(self.source, spacing, kernel)


class Derived:
    """A derived CT series, by the decimal strings that it was written with."""

    def __init__(self, datasets):
        self.datasets = sorted(datasets, key=lambda each: int(each.InstanceNumber))
        first = self.datasets[0]
        orientation = np.array([float(str(x)) for x in first.ImageOrientationPatient])
        self.row, self.column = orientation[:3], orientation[3:]
        self.normal = np.cross(self.row, self.column)
        self.position = np.array([[float(str(x)) for x in each.ImagePositionPatient]
                                  for each in self.datasets])
        self.spacing = [float(str(x)) for x in first.PixelSpacing]
        self.t = self.position @ self.normal

    def hu(self):
        return np.stack([each.pixel_array.astype(np.int64) * int(each.RescaleSlope)
                         + int(each.RescaleIntercept) for each in self.datasets])

    def pixels(self):
        """A digest of every stored pixel, in order."""
        digest = hashlib.sha256()
        for each in self.datasets:
            digest.update(each.PixelData)
        return digest.hexdigest()


def read_folder(folder):
    """The series in a folder that `isovox convert` made."""
    return Derived([pydicom.dcmread(path) for path in Path(folder).rglob("*.dcm")])


def fetch(pacs, series):
    return Derived([pacs.dataset(instance) for instance in series["Instances"]])


def check_geometry(test, derived, expected):
    """Counts, spacing, directions and positions are the computed ones, and equidistant."""
    nz, ny, nx = expected.hu.shape
    first = derived.datasets[0]
    test.assertEqual((first.Columns, first.Rows, len(derived.datasets)), (nx, ny, nz))
    test.assertEqual(derived.spacing, [expected.spacing] * 2)
    test.assertEqual([int(each.InstanceNumber) for each in derived.datasets],
                     list(range(1, nz + 1)))
    np.testing.assert_allclose(derived.position[0], expected.origin, atol=1e-3)
    np.testing.assert_allclose(derived.row, expected.source.row, atol=1e-5)
    np.testing.assert_allclose(derived.column, expected.source.column, atol=1e-5)
    np.testing.assert_allclose(np.diff(derived.t), expected.spacing, atol=1e-3)
    drift = derived.position - derived.position[0] - np.outer(derived.t - derived.t[0],
                                                              derived.normal)
    test.assertLess(np.abs(drift).max(), 1e-3)


def check_values(test, derived, expected):
    """Every voxel is the exact value rounded, up to 1e-3 HU beside a rounding boundary."""
    for k, (made, exact) in enumerate(zip(derived.hu(), expected.hu)):
        worst = oracle.beyond_rounding(made, exact)
        test.assertLess(worst.max(), 1e-3,
                        f"slice {k} at {np.unravel_index(worst.argmax(), worst.shape)}")
