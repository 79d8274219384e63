"""A second opinion on the conversion: float64, a matrix per axis, numpy and scipy. It shares
nothing with the engine but the definitions:

    grid      N' = max(1, ceil(N s / t - 1e-3)) per axis, centred on the source's box
    bspline3  interpolating cubic B-spline of the edge-replicated signal
    coarser   axes on which t > s are anti-aliased: for bspline3 Lanczos-3, for linear the
              triangle, stretched by t / s, normalised, with the first moment corrected by
              the least change (weighted by a tent), the edge replicated
    integers  rounded half to even; int16

Axis-aligned, untilted, uniformly spaced series without padding; float64 throughout.
"""

import numpy
from scipy import ndimage
from scipy.sparse import csr_matrix

# How far beyond the ends a signal is written out: 0.268^40 is below 1e-22.
REACH = 40


class Volume:
    """A series as an array in real-world units, with its place in the patient (LPS, mm)."""

    def __init__(self, datasets):
        first = datasets[0]
        iop = numpy.array(first.ImageOrientationPatient, float)
        self.row, self.column = iop[:3], iop[3:]
        self.normal = numpy.cross(self.row, self.column)
        at = [numpy.array(each.ImagePositionPatient, float) for each in datasets]
        order = numpy.argsort([self.normal @ position for position in at])
        self.datasets = [datasets[n] for n in order]
        self.positions = numpy.array([at[n] for n in order])
        self.origin = self.positions[0]
        self.t = (self.positions - self.origin) @ self.normal
        between_rows, between_columns = (float(each) for each in first.PixelSpacing)
        along = (self.t[-1] / (len(self.t) - 1)) if len(self.t) > 1 else None
        self.spacing = (between_columns, between_rows, along)  # of i, j, k

    @property
    def dims(self):
        return (int(self.datasets[0].Columns), int(self.datasets[0].Rows), len(self.datasets))

    @property
    def values(self):
        """[k, j, i], float64: Modality LUT applied."""
        return numpy.stack([each.pixel_array * float(each.get("RescaleSlope", 1))
                            + float(each.get("RescaleIntercept", 0))
                            for each in self.datasets]).astype(numpy.float64)

    def uniform(self, tolerance=1e-3):
        """Equidistant slices straight above one another, to so many millimetres."""
        if len(self.t) < 2:
            return False
        ideal = self.origin + numpy.outer(numpy.arange(len(self.t)) * self.spacing[2],
                                          self.normal)
        return bool(numpy.abs(self.positions - ideal).max() <= tolerance)


def axis(count, spacing, target):
    """Source positions, in samples, of the target's samples on one axis."""
    made = max(1, int(numpy.ceil(count * spacing / target - 1e-3)))
    return (count - 1) / 2 + (numpy.arange(made) - (made - 1) / 2) * (target / spacing)


def _lanczos3(x):
    return numpy.where(numpy.abs(x) < 3, numpy.sinc(x) * numpy.sinc(x / 3), 0.0)


def _triangle(x):
    return numpy.maximum(0.0, 1 - numpy.abs(x))


def _bspline(x):
    a = numpy.abs(x)
    return numpy.where(a < 1, 2 / 3 - a * a + a ** 3 / 2,
                       numpy.where(a < 2, (2 - a) ** 3 / 6, 0.0))


def _folded(count, weights, first):
    """One row over `count` samples: what lies beyond an end falls on the last sample."""
    row = numpy.zeros(count)
    numpy.add.at(row, numpy.clip(first + numpy.arange(len(weights)), 0, count - 1), weights)
    return row


def _stretched(count, u, kernel, radius, stretch):
    rows = []
    for at in u:
        taps = numpy.arange(int(numpy.floor(at - radius * stretch)) + 1,
                            int(numpy.ceil(at + radius * stretch)))
        weights = kernel((at - taps) / stretch)
        weights /= weights.sum()
        if stretch > 1:
            # The change that keeps the sum and makes sum(w * taps) = at, the least in the
            # norm weighted by a tent over the support.
            tent = 1 - numpy.abs(at - taps) / (radius * stretch)
            arms = taps - tent @ taps / tent.sum()
            weights -= tent * arms * (weights @ taps - at) / (tent @ arms ** 2)
        rows.append(_folded(count, weights, taps[0]))
    return numpy.array(rows)


def _spline(count, u):
    """Interpolation as a matrix: each unit sample, replicated beyond the ends, prefiltered
    by scipy and summed with the B-spline's own shape."""
    signals = numpy.pad(numpy.eye(count), ((REACH, REACH), (0, 0)), mode="edge")
    coefficients = ndimage.spline_filter1d(signals, 3, axis=0, mode="mirror")
    at = u + REACH
    base = numpy.floor(at).astype(int) - 1
    return sum(_bspline(at - (base + n))[:, None] * coefficients[base + n] for n in range(4))


def operator(count, spacing, target, kernel, antialias=True):
    """The conversion of one axis, as a matrix (target samples x source samples)."""
    u = axis(count, spacing, target)
    stretch = target / spacing if antialias and target / spacing > 1.0001 else 1.0
    if kernel == "bspline3":
        if stretch > 1:
            return _stretched(count, u, _lanczos3, 3, stretch)
        return _spline(count, u)
    if kernel == "linear":
        return _stretched(count, u, _triangle, 1, stretch)
    raise ValueError(kernel)


def resample(source, target, kernel, antialias=True):
    """Values [k, j, i] in float64, and the position of the first voxel."""
    operators = [operator(n, s, target, kernel, antialias)  # of i, j, k
                 for n, s in zip(source.dims, source.spacing)]
    values = source.values
    for dimension, matrix in zip((2, 1, 0), operators):
        moved = numpy.moveaxis(values, dimension, 0)
        # What is below 1e-16 cannot change a sum of HU; without it the rows are short.
        made = csr_matrix(numpy.where(numpy.abs(matrix) > 1e-16, matrix, 0)) @ moved.reshape(
            len(moved), -1)
        values = numpy.moveaxis(made.reshape(-1, *moved.shape[1:]), 0, dimension)
    starts = [axis(n, s, target)[0] * s for n, s in zip(source.dims, source.spacing)]
    origin = (source.origin + starts[0] * source.row + starts[1] * source.column
              + starts[2] * source.normal)
    return values, origin


def beyond_rounding(integers, exact):
    """How far each integer is from being the rounding of the exact value: 0 where it is
    one of the nearest, else the distance of the exact value from the rounding boundary."""
    exact = numpy.clip(exact, -32768, 32767)
    return numpy.maximum(0.0, numpy.abs(integers - exact) - 0.5)
