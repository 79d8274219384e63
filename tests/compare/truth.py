"""What the files themselves say, read by pydicom and numpy alone: for every slice its position,
directions, spacing and values. The measure of everything that a converter makes of them."""

import subprocess
import tempfile
from pathlib import Path

import numpy
import pydicom

CLASSES = {"1.2.840.10008.5.1.4.1.1.2": "CT", "1.2.840.10008.5.1.4.1.1.4": "MR",
           "1.2.840.10008.5.1.4.1.1.128": "PET"}
FRAMES = {"1.2.840.10008.5.1.4.1.1.2.1": "enhanced CT", "1.2.840.10008.5.1.4.1.1.2.2": "legacy CT",
          "1.2.840.10008.5.1.4.1.1.4.1": "enhanced MR", "1.2.840.10008.5.1.4.1.1.4.4": "legacy MR",
          "1.2.840.10008.5.1.4.1.1.130": "enhanced PET",
          "1.2.840.10008.5.1.4.1.1.128.1": "legacy PET"}
NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
          "1.2.840.10008.1.2.1.99"}


class Slice:
    """One image: its corners in mm, and its values on demand."""

    def __init__(self, path, data, frame=None):
        self.path, self.data, self.frame = path, data, frame
        self.position = numpy.array(data.ImagePositionPatient, float)
        plane = numpy.array(data.ImageOrientationPatient, float)
        self.row, self.column = plane[:3], plane[3:]
        self.normal = numpy.cross(self.row, self.column)
        self.spacing = [float(v) for v in data.PixelSpacing]  # between rows, columns
        self.shape = (int(data.Rows), int(data.Columns))
        self.t = self.position @ self.normal

    def corners(self):
        down = (self.shape[0] - 1) * self.spacing[0] * self.column
        across = (self.shape[1] - 1) * self.spacing[1] * self.row
        return numpy.array([self.position, self.position + across, self.position + down,
                            self.position + across + down])

    def values(self):
        """Rows by columns, after rescale; NaN where the padding value stands."""
        stored = stored_values(self.path)
        if self.frame is not None and stored.ndim == 3:
            stored = stored[self.frame]
        real = stored * float(self.data.get("RescaleSlope", 1)) + float(
            self.data.get("RescaleIntercept", 0))
        if "PixelPaddingValue" in self.data:
            padding = int(self.data.PixelPaddingValue)
            if self.data.PixelRepresentation == 1 and padding > 32767:
                padding -= 65536
            real = numpy.where(stored == padding, numpy.nan, real)
        return real


def stored_values(path):
    """Masked and sign-extended by the header, PS3.5 8.1; compressed ones by GDCM first."""
    data = pydicom.dcmread(path, force=True)
    with tempfile.TemporaryDirectory() as folder:
        if data.file_meta.TransferSyntaxUID not in NATIVE:
            made = Path(folder) / "raw.dcm"
            subprocess.run(["gdcmconv", "--raw", path, made], check=True, capture_output=True)
            data = pydicom.dcmread(made)
        return stored_of(data)


def stored_of(data):
    big = data.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2"
    words = numpy.frombuffer(data.PixelData, (">" if big else "<") + f"u{data.BitsAllocated // 8}",
                             count=int(data.get("NumberOfFrames", 1)) * data.Rows * data.Columns)
    bits = int(data.BitsStored)
    stored = words.astype(numpy.int64) >> (int(data.HighBit) + 1 - bits) & (1 << bits) - 1
    if data.PixelRepresentation == 1:
        stored = (stored ^ 1 << (bits - 1)) - (1 << (bits - 1))
    shape = (data.Rows, data.Columns)
    if int(data.get("NumberOfFrames", 1)) > 1:
        shape = (int(data.NumberOfFrames),) + shape
    return stored.reshape(shape)


def usable(data):
    return (data.get("SOPClassUID") in CLASSES and "PixelSpacing" in data
            and "ImagePositionPatient" in data and "ImageOrientationPatient" in data
            and "LOCALIZER" not in data.get("ImageType", []))


MACROS = {"PlanePositionSequence": ["ImagePositionPatient"],
          "PlaneOrientationSequence": ["ImageOrientationPatient"],
          "PixelMeasuresSequence": ["PixelSpacing"],
          "PixelValueTransformationSequence": ["RescaleSlope", "RescaleIntercept"]}


def frames(path, data):
    """The slices of a multi-frame image; none where a frame has no geometry."""
    found = []
    shared = (data.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()])[0]
    for number, own in enumerate(data.get("PerFrameFunctionalGroupsSequence") or []):
        flat = pydicom.Dataset()
        for keyword in ("Rows", "Columns", "PixelRepresentation", "PixelPaddingValue"):
            if keyword in data:
                setattr(flat, keyword, data.get(keyword))
        for macro, keywords in MACROS.items():
            item = (own.get(macro) or shared.get(macro) or [pydicom.Dataset()])[0]
            for keyword in keywords:
                if item.get(keyword) is not None:
                    setattr(flat, keyword, item.get(keyword))
        if not all(k in flat for k in ("ImagePositionPatient", "ImageOrientationPatient",
                                       "PixelSpacing")):
            return []
        found.append(Slice(path, flat, number))
    return found


def slices_of(members):
    """Of one series: [(path, header)] to slices."""
    found = []
    for path, data in members:
        if usable(data):
            found.append(Slice(path, data))
        elif data.get("SOPClassUID") in FRAMES:
            found += frames(path, data)
    return found


def groups(slices):
    """Slices of one shape, spacing and direction, in ascending position."""
    found = []
    for each in slices:
        for group in found:
            first = group[0]
            if (each.shape == first.shape
                    and numpy.allclose(each.spacing, first.spacing, rtol=1e-4)
                    and numpy.abs(each.row - first.row).max() < 1e-3
                    and numpy.abs(each.column - first.column).max() < 1e-3):
                group.append(each)
                break
        else:
            found.append([each])
    for group in found:
        normal = group[0].normal
        group.sort(key=lambda each: each.position @ normal)
    return found


def positions(group):
    t = sorted(each.position @ group[0].normal for each in group)
    return 1 + sum(b - a >= 0.01 for a, b in zip(t, t[1:]))


def series(root):
    """{(folder, series UID): [path]} of everything under root that has pixels of an image
    class, however it is named; folders apart, because some sets hold one series many times."""
    found = {}
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.suffix in (".gz", ".json", ".txt", ".md"):
            continue
        try:
            data = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception:  # no DICOM file, or a broken one: systems are asked elsewhere
            continue
        if "SeriesInstanceUID" in data and "Rows" in data:
            found.setdefault((path.parent, data.SeriesInstanceUID), []).append((path, data))
    return found
