"""Multi-frame results: valid, and the same voxels in the same places as the classic ones, for
readers that are not ours."""

import shutil

import nibabel
import numpy
import pydicom

import harness
from test_derived import errors_of_each, messages
from test_modality import MR, PET, code, make_mr, make_pet

CLASSES = {"1.2.840.10008.5.1.4.1.1.2": "1.2.840.10008.5.1.4.1.1.2.1",
           MR: "1.2.840.10008.5.1.4.1.1.4.1", PET: "1.2.840.10008.5.1.4.1.1.130"}
PHANTOM = ("--shape", "sines", "--dims", "22,18,9", "--spacing", "0.9,1.1,2.3")
SERIES = {
    "plain": [],
    "padded": ["--bits", "12", "--unsigned", "--padding", "0"],
    "tilted": ["--tilt", "15"],
    "irregular": ["--irregular", "0,2,4.5,6.5,9,11,13.5,15.5,18"],
    "oblique, implicit": ["--implicit", "--oblique", "0.9,0.3,0.1,-0.25,0.9,0.35"],
}


def make_whole_pet(data, k):
    """With what the classic IOD does not ask for, and the enhanced one does."""
    make_pet(data, k)
    data.TableMotion, data.TimeOfFlightInformationUsed = "STATIC", "FALSE"
    data.AttenuationCorrectionSource = "CT"
    data.AttenuationCorrectionTemporalRelationship = "SEPARATE"
    tracer = data.RadiopharmaceuticalInformationSequence[0]
    tracer.RadiopharmaceuticalRoute = "IV"
    tracer.RadionuclideHalfLife, tracer.RadionuclidePositronFraction = "6586.2", "0.97"
    tracer.RadiopharmaceuticalCodeSequence = [code("35321007", "SCT", "Fluorodeoxyglucose F^18^")]


def values(data, frame=None):
    """Real-world values: by the classic header, or by the frame's groups."""
    if frame is None:
        return (data.pixel_array * float(data.get("RescaleSlope", 1))
                + float(data.get("RescaleIntercept", 0)))
    scale = group(data, frame, "PixelValueTransformationSequence")
    return data.pixel_array[frame] * float(scale.RescaleSlope) + float(scale.RescaleIntercept)


def group(data, frame, keyword):
    """The item of a functional group macro that holds for a frame: PS3.3 C.7.6.16.1.1."""
    own = data.PerFrameFunctionalGroupsSequence[frame]
    shared = data.SharedFunctionalGroupsSequence[0]
    return (own if keyword in own else shared)[keyword].value[0]


class EnhancedCase(harness.Case):
    def convert(self, source, *options):
        """The datasets and their files; the classic ones sorted by number."""
        out = self.new_folder("out")
        harness.run_tool("convert", source, "-o", out, *options, check=True)
        files = harness.dicom_files(out)
        datasets = sorted((pydicom.dcmread(each) for each in files),
                          key=lambda each: int(each.InstanceNumber))
        return datasets, files

    def source(self, change=None, *options):
        files = self.phantom(*PHANTOM, *options)
        for k, path in enumerate(files):
            if change:
                data = pydicom.dcmread(path)
                change(data, k)
                data.save_as(path, write_like_original=False)
        return files

    def check_same(self, enhanced, classic):
        """Every frame is the classic instance of its number: values, place, grid, sources."""
        self.assertEqual(int(enhanced.NumberOfFrames), len(classic))
        for n, one in enumerate(classic):
            numpy.testing.assert_array_equal(values(enhanced, n), values(one))
            for macro, keyword in (("PlanePositionSequence", "ImagePositionPatient"),
                                   ("PlaneOrientationSequence", "ImageOrientationPatient"),
                                   ("PixelMeasuresSequence", "PixelSpacing"),
                                   ("PixelMeasuresSequence", "SliceThickness")):
                self.assertEqual(group(enhanced, n, macro)[keyword].value, one[keyword].value)
            content = group(enhanced, n, "FrameContentSequence")
            self.assertEqual(content.InStackPositionNumber, n + 1)
            self.assertEqual(list(content.DimensionIndexValues), [1, n + 1])
            derivation = group(enhanced, n, "DerivationImageSequence")
            self.assertEqual([each.ReferencedSOPInstanceUID
                              for each in derivation.SourceImageSequence],
                             [each.ReferencedSOPInstanceUID for each in one.SourceImageSequence])
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID",
                        "SeriesNumber", "SeriesDescription", "Modality", "PixelRepresentation"):
            self.assertEqual(enhanced.get(keyword), classic[0].get(keyword), keyword)
        self.assertNotEqual(enhanced.SeriesInstanceUID, classic[0].SeriesInstanceUID)
        self.assertEqual(enhanced.SOPClassUID, CLASSES[classic[0].SOPClassUID])

    def check_valid(self, source, files):
        some = source[:: max(1, len(source) // 9)]
        self.assertEqual(errors_of_each(files) - errors_of_each(some), set())
        self.assertEqual(messages("dcentvfy", files) - messages("dcentvfy", some), set())

    def nifti(self, files, name):
        """What dcm2niix makes of it."""
        folder, out = self.new_folder("in"), self.new_folder("nifti")
        for each in (folder, out):
            each.mkdir()
        for n, each in enumerate(files):
            shutil.copy(each, folder / f"{n:04d}.dcm")
        harness.run(["dcm2niix", "-b", "n", "-z", "n", "-f", name, "-o", out, folder], check=True)
        made, = out.glob("*.nii")
        return nibabel.load(made)

    def check_readers(self, enhanced, classic):
        one, many = self.nifti(enhanced, "one"), self.nifti(classic, "many")
        numpy.testing.assert_allclose(one.affine, many.affine, atol=1e-4)
        numpy.testing.assert_array_equal(one.get_fdata(), many.get_fdata())
        first = pydicom.dcmread(classic[0])
        said = harness.run(["gdcminfo", enhanced[0]], check=True).stdout
        figures = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
        numbers = lambda name: [float(x) for x in figures[name].strip(" ()").split(",")]
        self.assertEqual(numbers("Dimensions"), [first.Columns, first.Rows, len(classic)])
        numpy.testing.assert_allclose(numbers("Spacing"), 3 * [first.SliceThickness], rtol=1e-5)
        numpy.testing.assert_allclose(numbers("Origin"), first.ImagePositionPatient, rtol=1e-4)


class Enhanced(EnhancedCase):
    def check(self, source, *options):
        one, files = self.convert(source[0].parent, "--format", "enhanced", *options)
        classic, _ = self.convert(source[0].parent, *options)
        self.assertEqual(len(one), 1)
        self.check_same(one[0], classic)
        self.check_valid(source, files)
        return one[0], files, classic

    def test_ct_is_the_classic_series(self):
        for name, options in SERIES.items():
            with self.subTest(name):
                made, files, classic = self.check(self.source(None, *options))
                self.assertEqual(list(made.ImageType),
                                 ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"])
                self.assertEqual(made.VolumetricProperties, "VOLUME")
                self.assertEqual(made.ContentQualification, "RESEARCH")
                self.assertEqual(made.KVP, classic[0].KVP)

    def test_readers_find_the_same_volume(self):
        _, files, classic = self.check(self.source(None, *SERIES["oblique, implicit"]))
        self.check_readers(files, [each.filename for each in classic])

    def test_the_acquired_grid(self):
        made, _, _ = self.check(self.source(), "--spacing", "native")
        self.assertEqual(made.ImageType[3], "NONE")
        code = group(made, 0, "DerivationImageSequence").DerivationCodeSequence[0]
        self.assertEqual(code.CodeValue, "113094")

    def test_axes_of_the_patient_are_a_reformat(self):
        made, _, _ = self.check(self.source(None, *SERIES["oblique, implicit"]),
                                "--orientation", "patient")
        self.assertEqual(made.VolumeBasedCalculationTechnique, "MPR")

    def test_mr_with_one_scale_and_without(self):
        def phase(data, k):
            make_mr(data, k)
            data.ImageType = ["ORIGINAL", "PRIMARY", "P", "ND"]
            data.RescaleSlope, data.RescaleIntercept = "2", "-4096"
            data.RescaleType = "US"
        for change, component in ((make_mr, "MAGNITUDE"), (phase, "PHASE")):
            with self.subTest(component):
                made, _, _ = self.check(self.source(change, "--unsigned"))
                self.assertEqual(made.ComplexImageComponent, component)

    def test_what_a_classic_pet_does_not_say_is_not_invented(self):
        source = self.source(make_pet, "--unsigned")
        done = harness.run_tool("convert", source[0].parent, "-o", self.new_folder("out"),
                                "--format", "enhanced")
        self.assertEqual(done.returncode, 3)
        self.assertIn("refused: MISSING_VALUE", done.stderr)

        for name in ("Table Motion", "Attenuation Correction Source", "Administration Route"):
            self.assertIn(name, done.stderr)

    def test_pet_that_says_all_of_it(self):
        made, files, classic = self.check(self.source(make_whole_pet, "--unsigned"))
        first = classic[0]
        self.assertEqual(made[0x0009, 0x1000 | 0x0D].value, first[0x0009, 0x1000 | 0x0D].value)
        self.assertEqual([made.DecayCorrected, made.AttenuationCorrected, made.ScatterCorrected],
                         ["YES", "YES", "NO"])
        # Given at 9:00, acquired from 10:06 on, corrected to the start of that.
        tracer = made.RadiopharmaceuticalInformationSequence[0]
        self.assertEqual(tracer.RadiopharmaceuticalStartDateTime[:14],
                         first.AcquisitionDate + "090000")
        # Bq in the classic module (C.8.9.2), MBq in the enhanced one (C.8.22.4).
        self.assertEqual(float(tracer.RadionuclideTotalDose), 370)
        told = first.RadiopharmaceuticalInformationSequence[0]
        self.assertEqual(float(told.RadionuclideTotalDose), 370e6)
        self.assertEqual(made.DecayCorrectionDateTime[:8], first.AcquisitionDate)
        mapping = group(made, 0, "RealWorldValueMappingSequence")
        self.assertEqual(mapping.RealWorldValueSlope, float(first.RescaleSlope))
        self.assertEqual(mapping.MeasurementUnitsCodeSequence[0].CodeValue, "Bq/ml")
        self.assertEqual(made.ViewCodeSequence[0].CodeMeaning, "Axial")
        self.check_readers(files, [each.filename for each in classic])

    def test_burned_in_annotation_has_no_place(self):
        def burn(data, k):
            data.BurnedInAnnotation = "YES"
        source = self.source(burn)
        done = harness.run_tool("convert", source[0].parent, "-o", self.new_folder("out"),
                                "--format", "enhanced")
        self.assertEqual(done.returncode, 3)

    def test_anatomy_is_the_sources(self):
        for part, side, code, laterality in (("CHEST", "", "51185008", "U"),
                                             ("KNEE", "R", "72696002", "R"),
                                             ("KNEE", "", "123037004", "U"),
                                             ("", "", "123037004", "U")):
            def change(data, k):
                data.BodyPartExamined, data.Laterality = part, side
            with self.subTest(part=part, side=side):
                made, _, _ = self.check(self.source(change))
                item = group(made, 0, "FrameAnatomySequence")
                self.assertEqual(item.AnatomicRegionSequence[0].CodeValue, code)
                self.assertEqual(item.FrameLaterality, laterality)

    def test_the_same_bytes_again(self):
        source = self.source()
        files = [self.convert_fixed(source) for _ in range(2)]
        self.assertEqual(files[0].read_bytes(), files[1].read_bytes())

    def convert_fixed(self, source):
        out = self.new_folder("fixed")
        harness.run_tool("convert", source[0].parent, "-o", out, "--format", "enhanced",
                         check=True, env={"SOURCE_DATE_EPOCH": "1700000000"})
        made, = harness.dicom_files(out)
        return made

    def test_real_series(self):
        for part in ("CT", "MR_T1"):
            with self.subTest(part):
                source = [each for each in harness.dicom_files(
                    harness.shared_data(f"sts_001/{part}/image"))]
                _, files, classic = self.check(source, "--spacing", "2.5")
                self.check_readers(files, [each.filename for each in classic])

    def test_real_multi_frame_sources(self):
        """Vendors' Enhanced MR: sources are named by frame, and what only an original may say
        is gone. The volumes of both forms have the same folders."""
        source = harness.dicom_files(harness.shared_data("mr_enhanced_qa"))
        made = {}
        for form in ("dicom", "enhanced"):
            out = self.new_folder(form)
            harness.run_tool("convert", source[0].parent, "-o", out, "--format", form,
                             "--spacing", "2", check=True)
            made[form] = {each.parent.name: each.parent for each in harness.dicom_files(out)}
        self.assertGreater(len(made["dicom"]), 1)
        self.assertEqual(set(made["dicom"]), set(made["enhanced"]))
        for name, folder in made["enhanced"].items():
            files = harness.dicom_files(folder)
            one = pydicom.dcmread(files[0])
            classic = sorted(map(pydicom.dcmread, harness.dicom_files(made["dicom"][name])),
                             key=lambda each: int(each.InstanceNumber))
            self.assertEqual(int(one.NumberOfFrames), len(classic))
            for n, each in enumerate(classic):
                numpy.testing.assert_array_equal(values(one, n), values(each))
            for item in group(one, 0, "DerivationImageSequence").SourceImageSequence:
                self.assertGreater(int(item.ReferencedFrameNumber), 0)
            self.check_valid(source, files)


class Delivered(EnhancedCase):
    """Through the daemon to a PACS, plain and compressed."""

    def test_as_recipe_and_in_another_syntax(self):
        source = self.source()
        wanted, _ = self.convert(source[0].parent)
        plain, packed = self.pacs(), self.pacs()
        daemon = self.daemon([plain, packed], settings={
            ("recipe", "frames"): {"spacing": 1.0, "format": "enhanced"},
            ("destination", "pacs2"): {"transfer_syntax": "jpeg-ls"},
            ("route", "ct"): {"recipes": ["frames"]}})
        daemon.send(source)
        uids = []
        for pacs, syntax in ((plain, "1.2.840.10008.1.2.1"), (packed, "1.2.840.10008.1.2.4.80")):
            found = pacs.wait_derived(series=1, instances=1, alive=[daemon])
            folder = self.new_folder("stored")
            folder.mkdir()
            (folder / "one.dcm").write_bytes(pacs.file(found[0]["Instances"][0]))
            self.assertEqual(pydicom.dcmread(folder / "one.dcm").file_meta.TransferSyntaxUID,
                             syntax)
            harness.run(["gdcmconv", "--raw", folder / "one.dcm", folder / "raw.dcm"],
                        check=True)
            made = pydicom.dcmread(folder / "raw.dcm")
            self.check_same(made, wanted)
            uids.append(made.SOPInstanceUID)
        self.assertEqual(uids[0], uids[1])


if __name__ == "__main__":
    import unittest
    unittest.main()
