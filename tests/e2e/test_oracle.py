"""The second opinion itself: where the answer is known in closed form, it gives it."""

import unittest

import numpy
from scipy import ndimage

import oracle


class TheOracle(unittest.TestCase):
    def test_grid_of_the_definition(self):
        # 300 slices of 2.5000002 mm make 1500 of 0.5 mm, not 1501.
        self.assertEqual(len(oracle.axis(300, 2.5000002, 0.5)), 1500)
        self.assertEqual(len(oracle.axis(300, 2.51, 0.5)), 1506)
        at = oracle.axis(108, 1.5, 1.0)
        self.assertAlmostEqual(at[0] + at[-1], 107)
        self.assertAlmostEqual((at[1] - at[0]) * 1.5, 1.0)

    def test_rows_sum_to_one(self):
        for kernel in ("bspline3", "linear"):
            for spacing in (0.4, 1.0, 2.5):
                rows = oracle.operator(50, spacing, 1.0, kernel).sum(axis=1)
                numpy.testing.assert_allclose(rows, 1, atol=1e-12)

    def test_ramps_stay_ramps_away_from_the_edge(self):
        for kernel in ("bspline3", "linear"):
            for spacing in (0.4, 0.957, 2.5):
                u = oracle.axis(200, spacing, 1.0)
                made = oracle.operator(200, spacing, 1.0, kernel) @ numpy.arange(200)
                inner = (u > 30) & (u < 169)
                numpy.testing.assert_allclose(made[inner], u[inner], atol=1e-9)

    def test_equal_spacing_is_the_identity(self):
        numpy.testing.assert_allclose(oracle.operator(20, 1.0, 1.0, "bspline3"),
                                      numpy.eye(20), atol=1e-12)

    def test_the_spline_is_scipys_away_from_the_edge(self):
        signal = numpy.random.default_rng(1).uniform(-1000, 1000, 150)
        u = oracle.axis(150, 2.5, 1.0)
        inner = u[(u > 40) & (u < 109)]

        made = oracle.operator(150, 2.5, 1.0, "bspline3") @ signal

        numpy.testing.assert_allclose(
            made[(u > 40) & (u < 109)],
            ndimage.map_coordinates(signal, [inner], order=3, mode="nearest"), atol=1e-8)

    def test_a_wrong_integer_is_seen(self):
        numpy.testing.assert_allclose(
            oracle.beyond_rounding(numpy.array([10, 10, 10]), numpy.array([10.5, 9.6, 11])),
            [0, 0, 0.5])
