"""Derived objects: valid, consistent and honest. Two validators that are not ours say so."""

import json
import re
import subprocess
from pathlib import Path

import numpy
import pydicom

import harness


def messages(program, files):
    """The errors of dicom3tools, without what names an instance."""
    done = subprocess.run([program, *map(str, files)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300 * harness.SLOW)
    lines = done.stdout.decode(errors="replace").splitlines()
    return {re.sub(r"[0-9.]{10,}|/[^ ]*", "*", line) for line in lines
            if line.startswith("Error") or line.startswith("Abort")}


def errors_of_each(files):
    return set().union(*(messages("dciodvfy", [each]) for each in files))


# Each with what it must not break.
SERIES = {
    "plain": [],
    "padded, 12 bits": ["--bits", "12", "--unsigned", "--padding", "0"],
    "padded, signed": ["--padding", "-2000"],
    "tilted": ["--tilt", "20"],
    "irregular": ["--irregular", "0,2,4.5,6.5,9,11,13.5,15.5"],
    "oblique, implicit": ["--implicit", "--oblique", "0.9,0.3,0.1,-0.25,0.9,0.35"],
    "a third of a millimetre": ["--origin", "0.3333333333,0.6666666667,-1000.123456"],
}
COMMON = ["--dims", "18,16,8", "--spacing", "0.9,1.1,2.3"]
SPACINGS = {"a third of a millimetre": "0.3333333333333"}


class DerivedSeries(harness.Case):
    def derive(self, source, *options):
        out = self.new_folder("out")
        harness.run_tool("convert", source, "-o", out, *options, check=True)
        files = harness.dicom_files(out)
        self.assertTrue(files)
        return files

    def check_valid(self, source, files):
        # Instances of a series differ in their numbers only: some stand for all.
        some = sorted({*files[:: max(1, len(files) // 20)], files[-1]})
        self.assertEqual(errors_of_each(some) - errors_of_each(source), set())
        self.assertEqual(messages("dcentvfy", files) - messages("dcentvfy", source), set())

    def check_geometry(self, files, spacing):
        """From the decimal strings as they are written."""
        datasets = sorted((pydicom.dcmread(each, stop_before_pixels=True) for each in files),
                          key=lambda each: int(each.InstanceNumber))
        self.assertEqual([int(each.InstanceNumber) for each in datasets],
                         list(range(1, len(files) + 1)))
        at = numpy.array([[float(str(v)) for v in each.ImagePositionPatient]
                          for each in datasets])
        steps = numpy.diff(at, axis=0)
        iop = numpy.array(datasets[0].ImageOrientationPatient, float)
        wanted = numpy.cross(iop[:3], iop[3:]) * spacing
        self.assertLess(numpy.abs(steps - wanted).max(), 1e-3)
        self.assertLess(numpy.abs(at - (at[0] + numpy.outer(range(len(at)), wanted))).max(), 1e-3)
        for each in datasets:
            for element in each.iterall():
                if element.VR == "DS" and element.value is not None:
                    values = element.value if element.VM > 1 else [element.value]
                    self.assertTrue(all(len(getattr(v, "original_string", str(v))) <= 16
                                        for v in values), element)
            self.assertEqual([float(v) for v in each.PixelSpacing], 2 * [float(spacing)])
            self.assertEqual(float(each.SliceThickness), float(spacing))

    def check_lineage(self, source, files):
        known = {str(pydicom.dcmread(each).SOPInstanceUID) for each in source}
        named = set()
        for path in files:
            each = pydicom.dcmread(path)
            uids = {str(item.ReferencedSOPInstanceUID) for item in each.SourceImageSequence}
            self.assertTrue(uids)
            self.assertLessEqual(uids, known)
            named |= uids
            self.assertNotIn(str(each.SOPInstanceUID), known)
            self.assertEqual(list(each.ImageType)[0], "DERIVED")
        self.assertEqual(named, known)

    def test_phantoms(self):
        for name, options in SERIES.items():
            with self.subTest(name):
                source = harness.phantom(self.folder / name.replace(" ", "_"), *COMMON, *options)
                spacing = SPACINGS.get(name, "1")
                files = self.derive(source[0].parent, "--spacing", spacing)
                self.check_valid(source, files)
                self.check_geometry(files, float(spacing))
                self.check_lineage(source, files)

    def test_more_than_64_sources_are_named_by_their_series(self):
        source = harness.phantom(self.folder / "p", "--dims", "16,16,150", "--spacing",
                                 "1,1,0.2")
        files = self.derive(source[0].parent, "--spacing", "5")
        self.check_valid(source, files)
        middle = pydicom.dcmread(files[len(files) // 2])
        self.assertNotIn("SourceImageSequence", middle)
        self.assertEqual(middle.RelatedSeriesSequence[0].SeriesInstanceUID,
                         pydicom.dcmread(source[0]).SeriesInstanceUID)

    def check_shared(self, name):
        source = [each for each in harness.dicom_files(harness.shared_data(name))
                  if "ImagePositionPatient" in pydicom.dcmread(each)]
        files = self.derive(source[0].parent)
        self.check_valid(source, files)
        self.check_geometry(files, 1)
        self.check_lineage(source, files)

    def test_a_patient(self):
        self.check_shared("sts_001/CT")

    def test_a_real_tilted_series(self):
        self.check_shared("ct_philips_tilt_negative")

    def test_every_ct_of_the_public_data(self):
        top = harness.shared_data("sts_001").parent
        report = json.loads(harness.run_tool("convert", top, "-o", self.folder / "out",
                                             "--json").stdout)
        self.assertGreater(len(report["volumes"]), 5)
        place = {}
        for path in harness.dicom_files(top):
            uid = pydicom.dcmread(path, stop_before_pixels=True, force=True).get("SOPInstanceUID")
            place[str(uid)] = path
        for volume in report["volumes"]:
            folder = Path(volume["output"]["path"])
            manifest = json.loads((folder / "manifest.json").read_text())
            source = [place[each["sop_uid"]] for each in manifest["source"]["instances"]]
            with self.subTest(folder.name):
                self.check_valid(source, harness.dicom_files(folder))

    def test_what_identifies_patient_and_study_is_unchanged(self):
        source = harness.phantom(self.folder / "p", *COMMON, "--patient", "DOE^JANE=\u5c71\u7530")
        before = pydicom.dcmread(source[0])
        after = pydicom.dcmread(self.derive(source[0].parent)[0])
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex",
                        "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID",
                        "AccessionNumber", "FrameOfReferenceUID", "Modality", "SeriesDate",
                        "SeriesTime", "AcquisitionDate", "AcquisitionTime", "Manufacturer",
                        "SpecificCharacterSet", "WindowCenter", "WindowWidth",
                        "ConvolutionKernel", "KVP", "PatientPosition", "BodyPartExamined"):
            self.assertEqual(before.get(keyword), after.get(keyword), keyword)
        for keyword in ("SeriesInstanceUID", "SOPInstanceUID", "SeriesNumber",
                        "SeriesDescription"):
            self.assertNotEqual(before.get(keyword), after.get(keyword), keyword)

    def test_validators_see_what_is_broken(self):
        """The test of the tests: a missing attribute and a second patient are seen."""
        source = harness.phantom(self.folder / "p", *COMMON)
        files = self.derive(source[0].parent)
        broken = pydicom.dcmread(files[0])
        del broken.FrameOfReferenceUID
        broken.PatientName = "SOMEBODY^ELSE"
        broken.save_as(files[0])
        self.assertTrue(errors_of_each(files[:1]) - errors_of_each(source))
        self.assertTrue(messages("dcentvfy", files) - messages("dcentvfy", source))


if __name__ == "__main__":
    import unittest
    unittest.main()
