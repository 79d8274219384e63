"""Series in the ways in which scanners write them, from made-up headers: what a volume is, what
is several, and what is refused, by the rules of docs/ASSEMBLY.md. All pixels hold 7x + 11y + 13z
of the patient and an offset for each phase; results are read back at the places they claim."""

import itertools
import math

import numpy as np
import pydicom

import harness
import part10
from test_convert import ConvertCase

CT, MR, PET, SC = (f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("2", "4", "128", "7"))
GRADIENT = np.array([7.0, 11.0, 13.0])
AXIAL, SIZE, SPACING = (1, 0, 0, 0, 1, 0), (24, 20), (1.5, 1.0)
NO_RESCALE = {"RescaleSlope": None, "RescaleIntercept": None}
OF = {CT: ("CT", "ORIGINAL\\PRIMARY\\AXIAL", -1024), MR: ("MR", "ORIGINAL\\PRIMARY\\M\\ND", 0),
      PET: ("PT", "ORIGINAL\\PRIMARY", 0), SC: ("OT", "DERIVED\\SECONDARY", 0)}
PET_SAYS = {"Units": "BQML", "DecayCorrection": "START", "SeriesType": ["STATIC", "IMAGE"],
            "AcquisitionTime": "100000", "FrameReferenceTime": 0.0}


def image(z=0.0, y=0.0, plane=AXIAL, kind=CT, offset=0, position=None, slope=1, spacing=SPACING,
          signed=False, private=(), **more):
    """The attributes of one; None: absent."""
    position = np.array((0.0, y, z) if position is None else position, float)
    row, column = np.array(plane[:3], float), np.array(plane[3:], float)
    i, j = np.meshgrid(*(np.arange(n) for n in SIZE))
    field = offset + GRADIENT @ position + (i * spacing[1] * (row @ GRADIENT)
                                            + j * spacing[0] * (column @ GRADIENT))
    modality, image_type, intercept = OF[kind]
    made = {
        "SOPClassUID": kind, "Modality": modality, "ImageType": image_type,
        "ImagePositionPatient": [float(each) for each in position],
        "ImageOrientationPatient": [float(each) for each in plane],
        "PixelSpacing": list(spacing), "SliceThickness": 3.0, "Rows": SIZE[1], "Columns": SIZE[0],
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16,
        "BitsStored": 16, "HighBit": 15, "PixelRepresentation": int(signed),
        "RescaleSlope": slope, "RescaleIntercept": intercept,
        "PixelData": np.rint((field - intercept) / slope).astype("<i2").tobytes(),
        **(PET_SAYS if kind == PET else {}), **more}
    made.update(private)
    return made


def stack(count=8, step=3.0, **more):
    return [image(z=k * step, **more) for k in range(count)]


def interleaved(*stacks):
    return list(itertools.chain(*zip(*stacks)))


def phases(count, change, **more):
    """Stacks that differ in what change(n) says, a slice of each after the other."""
    return interleaved(*(stack(offset=500 + 40 * n, **more, **change(n)) for n in range(count)))


def after(*stacks):
    return list(itertools.chain(*stacks))


def sheared(angle, plane=AXIAL, along=(0, 1), **more):
    return [image(y=k * 5 * math.tan(angle) * along[1], z=k * 5, plane=plane, **more)
            for k in range(10)]


def oblique(angle):
    return (1, 0, 0, 0, math.cos(angle), math.sin(angle))


def philips_b(n):
    return {"private": {(0x20010010, "LO"): b"Philips Imaging DD 001",
                        (0x20011003, "FL"): [500.0 * n]}}


def siemens_b(n):
    return {"private": {(0x00190010, "LO"): b"SIEMENS MR HEADER",
                        (0x0019100C, "IS"): b"%d" % (500 * n)}}


def ge_b(n):
    return {"private": {(0x00430010, "LO"): b"GEMS_PARM_01",
            (0x00431039, "IS"): b"%d\\8\\0\\0" % (1000000000 + 500 * n)}}


TWO, THREE = (500, 540), (500, 540, 580)
# name: (images, offsets of the volumes that are made, codes of what is refused, warnings)
CASES = {
    "MR, negative, no rescale": (stack(kind=MR, offset=-300, signed=True, **NO_RESCALE), (-300,),
                                 "", ""),
    "MR, a rescale of each slice": ([image(z=3 * k, kind=MR, offset=100, slope=1 + 0.25 * k)
                                     for k in range(8)], (100,), "", ""),
    "Siemens mosaics": (stack(kind=MR, ImageType="ORIGINAL\\PRIMARY\\M\\MOSAIC"), (),
                        "UNSUPPORTED_PIXELS", ""),
    "b-values by the standard": (phases(3, lambda n: {"DiffusionBValue": [500.0 * n]}, kind=MR,
                                        **NO_RESCALE), THREE, "", "SPLIT"),
    "b-values in the sequence name": (phases(3, lambda n: {"SequenceName": f"*ep_b{500 * n}"},
                                             kind=MR, **NO_RESCALE), THREE, "", "SPLIT"),
    "b-values of Philips": (phases(3, philips_b, kind=MR), THREE, "", "SPLIT"),
    "b-values of Siemens": (phases(3, siemens_b, kind=MR), THREE, "", "SPLIT"),
    "b-values of GE": (phases(3, ge_b, kind=MR), THREE, "", "SPLIT"),
    "echoes by their times alone": (phases(3, lambda n: {"EchoTime": 10.0 + n}, kind=MR), THREE,
                                    "", "SPLIT"),
    "inversion times": (phases(2, lambda n: {"InversionTime": 100.0 + n}, kind=MR), TWO, "",
                        "SPLIT"),
    "three directions of planes": (after(*([image(
        position=(0, 90 * n - 4 * k * math.sin(0.3 * n), 4 * k * math.cos(0.3 * n)), kind=MR,
        plane=oblique(0.3 * n), offset=500) for k in range(6)] for n in range(3))),
        (500, 500, 500), "", "SPLIT"),
    "MR, planes around an axis": ([image(plane=(math.cos(a), math.sin(a), 0, 0, 0, -1), kind=MR,
                                         offset=500) for a in np.arange(12) * math.pi / 12],
                                  (), "NOT_A_VOLUME", ""),
    "PET, a slope of each slice": ([image(z=3.27 * k, kind=PET, offset=500, slope=0.1 + 0.05 * k)
                                    for k in range(10)], (500,), "", ""),
    "PET with and without attenuation correction": (
        phases(2, lambda n: {"CorrectedImage": ["DECY", "ATTN"][:n + 1]}, kind=PET), TWO, "",
        "SPLIT"),
    "PET of several times": (phases(3, lambda n: {"FrameReferenceTime": 60000.0 * n}, kind=PET,
                                    SeriesType=["DYNAMIC", "IMAGE"]), THREE, "", "SPLIT"),
    "PET, gated": (phases(3, lambda n: {"TriggerTime": 100.0 * n}, kind=PET,
                          SeriesType=["GATED", "IMAGE"]), THREE, "", "SPLIT"),
    "PET of Philips in counts": (stack(kind=PET, offset=500, Units="CNTS"), (500,), "", ""),
    "PET in two units": (phases(2, lambda n: {"Units": ("BQML", "GML")[n]}, kind=PET), TWO, "",
                         "SPLIT"),
    "a scout inside": (after([image(plane=(1, 0, 0, 0, 0, -1),
                                    ImageType="ORIGINAL\\PRIMARY\\LOCALIZER")], stack()), (0,),
                       "LOCALIZER", "SLICES_PASSED_OVER"),
    "a scout inside that does not say so": (after([image(plane=(0, 1, 0, 0, 0, -1))], stack()),
                                            (0,), "NOT_A_VOLUME", "SLICES_PASSED_OVER"),
    "a screenshot inside": (after([image(kind=SC, ImagePositionPatient=None,
                                         ImageOrientationPatient=None)], stack()), (0,),
                            "UNSUPPORTED_MODALITY", "SLICES_PASSED_OVER"),
    "a tilt, its attribute 0": (sheared(0.2, GantryDetectorTilt=0.0), (0,), "",
                                "TILTED TILT_DISAGREES"),
    "a tilt in the planes": ([image(z=5 * k, plane=oblique(0.2), GantryDetectorTilt=11.459)
                              for k in range(10)], (0,), "", "TILTED"),
    "the other tilt, its sign wrong": ([image(z=5 * k, plane=oblique(-0.2),
                                              GantryDetectorTilt=11.459) for k in range(10)],
                                       (0,), "", "TILTED"),
    "an attribute without a tilt": (stack(GantryDetectorTilt=12.0), (0,), "", "TILT_DISAGREES"),
    "a tilt with uneven steps": ([image(y=0.2 * z, z=z, SliceThickness=4.0 if z <= 20 else 7.0)
                                  for z in (0, 4, 8, 12, 16, 20, 21.08, 28.08, 35.08, 42.08)],
                                 (0,), "", "TILTED IRREGULAR_SPACING"),
    "a table that was moved": (after(stack(), [image(z=24 + 3 * k, y=7) for k in range(8)]), (),
                               "OFF_LINE", ""),
    "thin slices, then thick ones": ([image(z=2.5 * k if k < 10 else 5.0 * k - 22.5,
                                            SliceThickness=2.5 if k < 10 else 5.0)
                                      for k in range(20)], (0,), "", "IRREGULAR_SPACING"),
    "slices that overlap": (stack(15, 1.5), (0,), "", ""),
    "a missing slice": ([image(z=3 * k) for k in range(15) if k != 6], (), "GAP", ""),
    "two kernels": (phases(2, lambda n: {"ConvolutionKernel": ("B30f", "B70f")[n]}), TWO, "",
                    "SPLIT"),
    "two reconstructions, one after the other": (after(stack(offset=500), stack(offset=540)), TWO,
                                                 "", "SPLIT"),
    "two reconstructions, nothing tells": (phases(2, lambda n: {}), (), "AMBIGUOUS_POSITIONS", ""),
    "two fields of view": (after(stack(), stack(spacing=(0.75, 0.5))), (0, 0), "", "SPLIT"),
    "CT of several phases": (phases(3, lambda n: {"AcquisitionNumber": n + 1}), THREE, "", "SPLIT"),
    "a phase that lacks a slice": (phases(3, lambda n: {"AcquisitionNumber": n + 1})[:-1], (),
                                   "AMBIGUOUS_POSITIONS", ""),
    "a single slice": (stack(1), (), "NOT_A_VOLUME", ""),
    "two slices": (stack(2), (), "NOT_A_VOLUME", ""),
    "towards the feet, on the left side": ([image(z=-3 * k, plane=(0, -1, 0, 1, 0, 0),
                                                  PatientPosition="HFDL") for k in range(8)],
                                           (0,), "", ""),
    "prone, feet first": ([image(z=-3 * k, plane=(-1, 0, 0, 0, -1, 0), PatientPosition="FFP")
                           for k in range(8)], (0,), "", ""),
    "a negative distance in words": (stack(SpacingBetweenSlices=-3.0), (0,), "", ""),
    "no frame of reference": (stack(FrameOfReferenceUID=None), (0,), "", ""),
    "Dixon": (phases(3, lambda n: {"ImageType": ["ORIGINAL", "PRIMARY", ("W", "F", "IP")[n]]},
                     kind=MR), THREE, "", "SPLIT"),
    "phase contrast": (phases(2, lambda n: {"ImageType": ["ORIGINAL", "PRIMARY", ("M_FFE",
                                            "PHASE MAP")[n], ("M", "P")[n]]}, kind=MR), TWO, "",
                       "SPLIT"),
    "echoes at several times": (interleaved(*(stack(
        kind=MR, offset=500 + 40 * n, TemporalPositionIdentifier=n // 2, EchoNumbers=n % 2)
        for n in range(4))), (500, 540, 580, 620), "", "SPLIT"),
    "odd slices, then even ones": (after([image(z=6 * k, AcquisitionNumber=1) for k in range(8)],
                                         [image(z=6 * k + 3, AcquisitionNumber=2)
                                          for k in range(8)]), (0,), "", ""),
    "two frames of reference": (after(stack(), [image(z=24 + 3 * k, FrameOfReferenceUID="2.25.6")
                                                for k in range(8)]), (0, 0), "", "SPLIT"),
    "a copy under another UID": (after(stack(), [image(z=6)]), (0,), "", "DUPLICATES_DROPPED"),
    "one slice without position": (after(stack(), [image(ImagePositionPatient=None)]), (),
                                   "NO_GEOMETRY", ""),
    "decimal commas": (after(stack(), [image(ImagePositionPatient="0,0\\0\\24")]), (),
                       "DAMAGED", ""),
    "exponents": ([image(z=3 * k, ImagePositionPatient=f"0.0e0\\+0\\{30 * k}e-1")
                   for k in range(8)], (0,), "", ""),
    "CT without rescale": (stack(**NO_RESCALE), (), "NO_RESCALE", ""),
}


class Vendors(ConvertCase):
    def write(self, images, folder):
        folder.mkdir()
        for n, attributes in enumerate(images):
            whole = {"StudyInstanceUID": "2.25.8", "SeriesInstanceUID": "2.25.5",
                     "FrameOfReferenceUID": "2.25.7", "PatientID": "P", "PatientName": "A^B",
                     "StudyDate": "20200102", "StudyTime": "100000", "SeriesNumber": 3,
                     "SOPInstanceUID": f"2.25.9{n:04d}", "InstanceNumber": n + 1, **attributes}
            part10.write(folder / f"{n:04d}", {name: value for name, value in whole.items()
                                              if value is not None})

    def offset(self, path):
        """Of the field, in the middle of a result, by its own headers."""
        every = sorted((pydicom.dcmread(each) for each in harness.dicom_files(path)),
                       key=lambda each: int(each.InstanceNumber))
        found = []
        for data in every[len(every) // 2 - 1:len(every) // 2 + 2]:
            plane = np.array(data.ImageOrientationPatient, float)
            down, across = (float(each) for each in data.PixelSpacing)
            j, i = np.mgrid[data.Rows // 2 - 1:data.Rows // 2 + 2,
                            data.Columns // 2 - 1:data.Columns // 2 + 2]
            places = (np.array(data.ImagePositionPatient, float)
                      + i[..., None] * across * plane[:3] + j[..., None] * down * plane[3:])
            values = (data.pixel_array[j, i] * float(data.get("RescaleSlope", 1))
                      + float(data.get("RescaleIntercept", 0)))
            found.append(values - places @ GRADIENT)
        self.assertLess(np.ptp(found), 3, "it is not the field")
        return float(np.mean(found))

    def check(self, name, images, offsets, codes, warnings):
        folder = self.new_folder(name)
        self.write(images, folder)
        failures = set(codes.split()) - {"LOCALIZER", "UNSUPPORTED_MODALITY"}
        status = 3 if not offsets else 4 if failures else 0
        report, _ = self.convert(folder, "--spacing", "1", "--kernel", "linear", status=status)
        self.assertEqual({each["code"] for each in report["refused"]}, set(codes.split()))
        found = sorted(self.offset(each["output"]["path"]) for each in report["volumes"])
        np.testing.assert_allclose(found, offsets, atol=1.5)
        for each in report["volumes"]:
            self.assertEqual(set(each["warnings"]), set(warnings.split()))

    def test_are_right_or_refused_with_a_reason(self):
        for name, case in CASES.items():
            with self.subTest(name):
                self.check(name, *case)
