"""Random series whose pixels hold a closed-form field, linear in the patient's coordinates,
there and back: the result's voxels, placed by its own headers alone, hold the field of the
places where they lie. On the acquired grid every pixel centre has its own value again.
Whatever mixes up axes, spacings, signs, slices, shifts, rescales or padding moves values by
many times what is allowed. ISOVOX_SEED repeats a run that failed."""

import os
import random
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom

import harness
import part10
from test_convert import ConvertCase

CT, MR, PET = (f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("2", "4", "128"))
SEED = int(os.environ.get("ISOVOX_SEED", "20260102"))
RUNS = 60 if os.environ.get("ISOVOX_LONG") else 5
SERIES = 25  # in one run of the tool
PLANES = ([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1],   # supine
          [-1, 0, 0, 0, -1, 0], [0, 1, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0],  # prone, on the side
          [1, 0, 0, 0, -1, 0], [0, 1, 0, 1, 0, 0])                         # normal to the feet
# Samples that a result depends on, on either side, without stretching.
RADIUS = {"linear": 1, "catmull-rom": 2, "lanczos3": 3, "bspline3": 3}
PHASE_TAGS = ("TemporalPositionIdentifier", "AcquisitionNumber", "TriggerTime", "EchoNumbers",
              "FrameReferenceTime", "AcquisitionTime", "ContentTime")


def rounded(vector, digits):
    return np.round(np.asarray(vector, float), digits)


@dataclass
class Series:
    """The truth: where each slice lies, and the field of each phase, f(p) = constant + g.p."""
    number: int
    modality: str
    row: np.ndarray
    column: np.ndarray
    spacing: tuple     # between columns, between rows: mm along row, along column
    origins: np.ndarray
    size: tuple        # columns, rows
    gradient: np.ndarray
    constants: list
    padded: int = 0    # so many columns at the left of every slice
    kinds: set = field(default_factory=set)
    quantum: float = 0.0   # of the stored values, in real-world units
    stored: dict = field(default_factory=dict, repr=False)  # (phase, k): rescaled values as stored

    @property
    def normal(self):
        return np.cross(self.row, self.column)

    @property
    def t(self):
        return (self.origins - self.origins[0]) @ self.normal

    @property
    def uid(self):
        return f"2.25.7{self.number:06d}"

    def places(self, k):
        i, j = np.meshgrid(*(np.arange(n) for n in self.size))
        return (self.origins[k] + i[..., None] * self.spacing[0] * self.row
                + j[..., None] * self.spacing[1] * self.column)

    def samples(self, places):
        """Columns, rows and slices, counted in fractions, of points in the patient."""
        w = (places - self.origins[0]) @ self.normal
        k = np.interp(w, self.t, np.arange(len(self.t)), left=-99, right=99 + len(self.t))
        across = (self.origins - self.origins[0]) @ self.row
        down = (self.origins - self.origins[0]) @ self.column
        relative = places - self.origins[0]
        i = (relative @ self.row - np.interp(w, self.t, across)) / self.spacing[0]
        j = (relative @ self.column - np.interp(w, self.t, down)) / self.spacing[1]
        return i, j, k

    def value(self, phase, places):
        return self.constants[phase] + places @ self.gradient


def random_axes(rng):
    if rng.random() < 0.5:
        plane = rng.choice(PLANES)
        return np.array(plane[:3], float), np.array(plane[3:], float)
    q, _ = np.linalg.qr(np.array([[rng.gauss(0, 1) for _ in range(3)] for _ in range(3)]))
    return q[0], q[1]  # either handedness: normal = row x column follows


def random_origins(rng, count, row, column, kinds):
    normal = np.cross(row, column)
    step = rng.uniform(0.8, 5)
    gaps = np.full(count - 1, step)
    tilt = jitter = 0
    if rng.random() < 0.3:
        kinds.add("irregular")
        gaps *= np.array([rng.uniform(0.85, 1.2) for _ in gaps])
    if rng.random() < 0.4:
        kinds.add("tilt")
        tilt = rng.uniform(0.2, 1.0) / step * rng.choice((-1, 1))  # mm from slice to slice
    if rng.random() < 0.2:
        kinds.add("jitter")
        jitter = 0.04
    t = np.concatenate([[0], np.cumsum(gaps)])
    along = column if rng.random() < 0.7 else row
    start = np.array([rng.uniform(-200, 200) for _ in range(3)])
    return np.array([start + each * normal + each * tilt * along
                     + rng.uniform(-jitter, jitter) * row
                     + rng.uniform(-jitter, jitter) * column for each in t])


def random_series(rng, number):
    kinds = set()
    row, column = random_axes(rng)
    row, column = rounded(row, 10), rounded(column, 10)
    count = rng.randint(9, 14)
    made = Series(number, rng.choice((CT, CT, MR, PET)), row, column,
                  (round(rng.uniform(0.6, 1.4), 4), round(rng.uniform(0.6, 1.4), 4)),
                  rounded(random_origins(rng, count, row, column, kinds), 6),
                  (rng.randint(30, 36), rng.randint(30, 36)),
                  np.array([rng.gauss(0, 1) for _ in range(3)]), [0.0], kinds=kinds)
    if rng.random() < 0.25:
        made.padded = rng.randint(4, 7)
        kinds.add("padded")
    if rng.random() < 0.25:
        made.constants.append(0.0)
        kinds.add("phases")
    scale_field(rng, made)
    return made


def scale_field(rng, series):
    """Into the room of the modality: HU -900 to 2500, or 50 to 3000."""
    least, most = (-900, 2500) if series.modality == CT else (50, 3000)
    corners = np.array([series.places(k)[j, i] for k in (0, -1) for j in (0, -1) for i in (0, -1)])
    raw = corners @ series.gradient
    series.gradient *= 0.8 * (most - least) / (raw.max() - raw.min())
    raw = corners @ series.gradient
    series.constants[0] = float(least + 0.02 * (most - least) - raw.min())
    for phase in range(1, len(series.constants)):
        series.constants[phase] = series.constants[0] + rng.uniform(0.1, 0.15) * (most - least)


def random_rescale(rng, series):
    """Slope, intercept, stored bits and sign of one slice."""
    if series.modality == PET:
        return rng.uniform(0.1, 0.5), 0, 16, rng.random() < 0.5
    if series.modality == MR:
        signed = rng.random() < 0.5
        return rng.choice((1.0, 1.25) if signed else (0.5, 1.0)), rng.choice((0, -7)), 13, signed
    bits = rng.choice((12, 13, 16))
    signed = rng.random() < 0.5
    slope = 0.5 if bits == 16 and series.number % 3 == 0 else 1
    if signed and bits == 12:
        return slope, 800, bits, True
    return slope, 0 if signed else rng.choice((-1024, -1000)), bits, signed


def words_of(rng, stored, bits):
    """Stored Bits low in their words; what stands above them is somebody's overlay."""
    words = stored.astype(np.int64) & (1 << bits) - 1
    if bits < 16:
        words |= rng.randrange(1 << 16 - bits) << bits
    return words.astype("<u2").tobytes()


def write_slice(rng, series, folder, phase, k, tag, number):
    slope, intercept, bits, signed = random_rescale(rng, series)
    slope = float(part10.decimal(slope))
    places = series.places(k)
    stored = np.rint((series.value(phase, places) - intercept) / slope)
    least, most = (-1 << bits - 1, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    assert least < stored.min() and stored.max() <= most, (series, bits, stored.max())
    series.quantum = max(series.quantum, slope)
    series.stored[phase, k] = stored * slope + intercept
    uid = f"{series.uid}.{rng.randrange(1 << 60)}"
    attributes = {
        "SOPClassUID": series.modality, "SOPInstanceUID": uid, "SeriesInstanceUID": series.uid,
        "StudyInstanceUID": "2.25.8", "FrameOfReferenceUID": "2.25.9", "PatientID": "P",
        "PatientName": "Field^Linear", "StudyDate": "20200102", "StudyTime": "100000",
        "SeriesNumber": series.number, "InstanceNumber": number, "PatientPosition": "HFS",
        "Modality": {CT: "CT", MR: "MR", PET: "PT"}[series.modality],
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "SliceThickness": 1.0,
        "ImagePositionPatient": [float(each) for each in series.origins[k]],
        "ImageOrientationPatient": [float(e) for e in (*series.row, *series.column)],
        "PixelSpacing": [series.spacing[1], series.spacing[0]],
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": series.size[1], "Columns": series.size[0], "BitsAllocated": 16,
        "BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": int(signed),
        "RescaleIntercept": intercept, "RescaleSlope": slope,
    }
    if series.modality == PET:
        attributes |= {"Units": "BQML", "DecayCorrection": "START",
                       "SeriesType": ["STATIC", "IMAGE"], "FrameReferenceTime": 0,
                       "AcquisitionTime": "100000"}
    if tag is not None:
        clock = tag in ("AcquisitionTime", "ContentTime")
        attributes[tag] = f"1000{phase:02d}" if clock else phase + 1
    if series.padded:
        stored[:, :series.padded] = least
        attributes["PixelPaddingValue"] = least
    attributes["PixelData"] = words_of(rng, stored, bits)
    part10.write(folder / f"{rng.randrange(1 << 60)}", attributes)


def write_series(rng, series, folder):
    numbers = list(range(1, 1 + len(series.origins) * len(series.constants)))
    rng.shuffle(numbers)
    tag = rng.choice(PHASE_TAGS[:-1 if series.modality == PET else None]) \
        if len(series.constants) > 1 else None
    if series.modality == PET and tag == "FrameReferenceTime":
        tag = "TemporalPositionIdentifier"
    for phase in range(len(series.constants)):
        for k in range(len(series.origins)):
            write_slice(rng, series, folder, phase, k, tag, numbers.pop())


def read(folder):
    """Values and places of a derived series, by its headers alone: arrays of slices."""
    values, places = [], []
    for path in harness.dicom_files(folder):
        data = pydicom.dcmread(path)
        orientation = np.array(data.ImageOrientationPatient, float)
        i, j = np.meshgrid(np.arange(data.Columns), np.arange(data.Rows))
        down, across = (float(each) for each in data.PixelSpacing)
        places.append(np.array(data.ImagePositionPatient, float)
                      + i[..., None] * across * orientation[:3]
                      + j[..., None] * down * orientation[3:])
        kind = "<i2" if data.PixelRepresentation else "<u2"
        stored = np.frombuffer(data.PixelData, kind, data.Rows * data.Columns)
        values.append(stored.reshape(data.Rows, data.Columns) * float(data.RescaleSlope)
                      + float(data.RescaleIntercept))
    return np.array(values), np.array(places), float(data.RescaleSlope)


class AFieldThereAndBack(ConvertCase):
    def setUp(self):
        super().setUp()
        if os.access("/dev/shm", os.W_OK):
            self.folder = Path(tempfile.mkdtemp(prefix="isovox-e2e-", dir="/dev/shm"))
            self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_cases(self, seed, *options, status=0):
        """So many random series through the tool at once: [(series, [output folder])], and
        the refusals. In memory where that can be: the tool syncs after every series."""
        rng = random.Random(seed)
        folder = self.new_folder("in")
        folder.mkdir()
        made = [random_series(rng, n) for n in range(SERIES)]
        for series in made:
            write_series(rng, series, folder)
        report, _ = self.convert(folder, *options, status=status)
        outputs = {series.uid: [] for series in made}
        for volume in report["volumes"]:
            outputs[volume["series_uid"]].append(volume["output"]["path"])
        return [(series, outputs[series.uid]) for series in made], report["refused"]

    def phase_of(self, series, values, places, inside):
        """Which field these are of: by the mean, which is the only thing that differs."""
        off = [np.abs(np.median((values - series.value(n, places))[inside]))
               for n in range(len(series.constants))]
        return int(np.argmin(off))

    def test_every_voxel_holds_the_field_of_its_place(self):
        worst, count = 0.0, 0
        for run in range(RUNS):
            seed = SEED + run
            rng = random.Random(seed)
            kernel, spacing = rng.choice(list(RADIUS)), round(rng.uniform(0.7, 1.6), 3)
            print(f"backprojection: ISOVOX_SEED={seed} {kernel} {spacing} mm", flush=True)
            with self.subTest(seed=seed, kernel=kernel, spacing=spacing):
                cases, _ = self.run_cases(seed, "--spacing", spacing, "--kernel", kernel)
                for series, paths in cases:
                    found = self.check_series(series, paths, kernel, spacing)
                    if found is not None:
                        worst, count = max(worst, found), count + 1
        print(f"backprojection: {count} series, worst error {worst:.3f} of what is allowed")
        self.assertGreater(count, 0.7 * RUNS * SERIES, "too few had an inside")

    def check_series(self, series, paths, kernel, spacing):
        """The worst error, 1 is allowed; None where the kernel sees an edge from everywhere."""
        self.assertEqual(len(paths), len(series.constants), (series.number, series.kinds))
        phases, worst = set(), 0.0
        for path in paths:
            values, places, slope = read(path)
            inside, allowed = self.allowed(series, places, kernel, spacing, slope)
            if inside.sum() < 50:
                return None
            phase = self.phase_of(series, values, places, inside)
            phases.add(phase)
            error = np.abs(values - series.value(phase, places))
            worst = max(worst, float((error / allowed)[inside].max()))
            self.assertLess(worst, 1, (series.number, series.kinds, phase))
            if series.padded:
                self.check_padding(series, values, places, kernel, spacing)
        self.assertEqual(len(phases), len(series.constants), (series.number, series.kinds))
        return worst

    def stretch(self, series, spacing):
        steps = (*series.spacing, np.diff(series.t).min())
        return [max(1.0, spacing / step) for step in steps]

    def is_spline(self, series, kernel, axis):
        """Between slices that are not equidistant every kernel but linear is a spline."""
        return kernel == "bspline3" or (axis == 2 and "irregular" in series.kinds
                                        and kernel != "linear")

    def sheared(self, series, kernel, spacing):
        """How many columns and rows the slices that a result depends on lie apart."""
        reach = 5 if self.is_spline(series, kernel, 2) else RADIUS[kernel]
        reach *= self.stretch(series, spacing)[2]
        return [reach * (np.abs(np.diff(series.origins, axis=0) @ axis)).max() / each
                for axis, each in ((series.row, series.spacing[0]),
                                   (series.column, series.spacing[1]))] + [0.0]

    def allowed(self, series, places, kernel, spacing, slope):
        """Where the kernel sees acquired samples only, and how far a value may be off: half a
        stored step times what a kernel's weights add up to, half of one at the result; at the
        edges a spline fades by 0.268 per sample."""
        weights = {"linear": 1.0, "catmull-rom": 1.25, "lanczos3": 1.5, "bspline3": 1.55}[kernel]
        allowed = np.full(places.shape[:-1], series.quantum / 2 * weights ** 3 + slope / 2 + 0.01)
        inside = np.full(places.shape[:-1], True)
        counts = (*series.size, len(series.t))
        steps = (np.abs(series.gradient @ series.row) * series.spacing[0],
                 np.abs(series.gradient @ series.column) * series.spacing[1],
                 np.abs(np.diff(series.origins, axis=0) @ series.gradient).max())
        sheared = self.sheared(series, kernel, spacing)
        for axis, u in enumerate(series.samples(places)):
            first = series.padded if axis == 0 else 0
            beside = np.minimum(u - first, counts[axis] - 1 - u) - sheared[axis]
            stretched = self.stretch(series, spacing)[axis]
            if self.is_spline(series, kernel, axis) and stretched == 1.0:
                inside &= beside >= 2
                allowed += steps[axis] * 0.5 * 0.35 ** np.clip(beside, 0, 40)
            else:
                inside &= beside >= RADIUS[kernel] * stretched + 0.01
        return inside, allowed

    def check_padding(self, series, values, places, kernel, spacing):
        """Deep in the padding is background, and no value that somebody stored there."""
        i, j, k = series.samples(places)
        margin = RADIUS[kernel] * self.stretch(series, spacing)[0]
        margin += self.sheared(series, kernel, spacing)[0]
        deep = ((i < series.padded - 1 - margin)
                & (i > 0) & (j > 0) & (j < series.size[1] - 1) & (k > 0) & (k < len(series.t) - 1))
        background = -1024 if series.modality == CT else 0
        self.assertEqual(set(np.unique(values[deep])) | {background}, {background})

    def test_on_the_acquired_grid_every_pixel_has_its_own_value(self):
        # Jitter may be near a straight line, which is a tilt of some hundredths of a degree.
        refused = {"tilt": {"TILTED"}, "irregular": {"IRREGULAR_SPACING"},
                   "jitter": {"JITTER", "TILTED"}}
        kept = 0
        for run in range(RUNS // 2):
            seed = SEED + 5000 + run
            print(f"backprojection: ISOVOX_SEED={seed - 5000} native", flush=True)
            with self.subTest(seed=seed):
                cases, refusals = self.run_cases(seed, "--spacing", "native", status=4)
                codes = {each["series_uid"]: each["code"] for each in refusals}
                for series, paths in cases:
                    reasons = set().union(*(refused.get(kind, ()) for kind in series.kinds))
                    if not paths:
                        self.assertIn(codes[series.uid], reasons, (series.number, series.kinds))
                        continue
                    self.assertNotIn("tilt", series.kinds)
                    self.assertEqual(len(paths), len(series.constants))
                    phases = {self.check_native(series, path) for path in paths}
                    self.assertEqual(len(phases), len(paths))
                    kept += 1
        self.assertGreater(kept, 4 * (RUNS // 2))

    def check_native(self, series, path):
        values, places, slope = read(path)
        self.assertEqual(len(values), len(series.origins))
        wanted_places = np.array([series.places(k) for k in range(len(series.origins))])
        order = np.argsort([(each[0, 0] - series.origins[0]) @ series.normal for each in places])
        values, places = values[order], places[order]
        self.assertLess(np.abs(places - wanted_places).max(), 0.06)
        inside = np.full(values.shape, True)
        inside[:, :, :series.padded] = False
        phase = self.phase_of(series, values, places, inside)
        wanted = np.array([series.stored[phase, k] for k in range(len(values))])
        if series.modality == CT:
            wanted = np.maximum(np.rint(wanted), -1024)
        exact = 0 if series.modality == CT else slope / 2 + 3000 * 2 ** -23
        self.assertLessEqual(np.abs(values - wanted)[inside].max(), exact,
                             (series.number, series.kinds))
        background = -1024 if series.modality == CT else 0
        self.assertEqual(set(np.unique(values[~inside])) | {background}, {background})
        return phase
