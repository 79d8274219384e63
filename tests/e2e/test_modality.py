"""MR and PET, and the acquired grid: values against NIfTIs that others made, the second
opinion and closed arithmetic; attributes against the source; refusals by their codes."""

import json
import random
import shutil
from pathlib import Path

import nibabel
import numpy
import pydicom
from pydicom.sequence import Sequence

import harness
import oracle
from test_derived import errors_of_each, messages

MR, PET = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"


def code(value, scheme, meaning):
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def change_class(data, sop_class, modality):
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = sop_class
    data.Modality = modality
    for keyword in ("KVP", "XRayTubeCurrent", "Exposure", "ConvolutionKernel"):
        if keyword in data:
            delattr(data, keyword)


def make_mr(data, k):
    change_class(data, MR, "MR")
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    data.ScanningSequence, data.SequenceVariant, data.ScanOptions = "GR", "SP", ""
    data.MRAcquisitionType, data.RepetitionTime, data.EchoTime = "2D", "500", "10"
    data.EchoTrainLength, data.PositionReferenceIndicator = "1", ""
    data.Laterality = ""
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
        if keyword in data:
            delattr(data, keyword)


def pet_slope(k):
    return f"{0.011 * (1 + 7 * (k % 4)):.10g}"


def make_pet(data, k):
    change_class(data, PET, "PT")
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.SeriesType, data.Units, data.CountsSource = ["STATIC", "IMAGE"], "BQML", "EMISSION"
    data.CorrectedImage, data.DecayCorrection = ["DECY", "ATTN"], "START"
    data.CollimatorType, data.NumberOfSlices, data.ImageIndex = "NONE", 999, k + 1
    data.FrameReferenceTime, data.ActualFrameDuration = str(1000 + 10 * (k // 4)), "60000"
    data.DecayFactor, data.Laterality = f"{1 + 0.01 * (k // 4):.4f}", ""
    data.AcquisitionTime = f"1006{k // 4:02d}"
    tracer = pydicom.Dataset()
    tracer.Radiopharmaceutical, tracer.RadionuclideTotalDose = "FDG", "370000000"
    tracer.RadiopharmaceuticalStartTime = "090000"
    tracer.RadionuclideCodeSequence = Sequence([code("C-111A1", "SRT", "^18^Fluorine")])
    data.RadiopharmaceuticalInformationSequence = Sequence([tracer])
    data.PatientOrientationCodeSequence = Sequence([code("102538003", "SCT", "recumbent")])
    data.PatientGantryRelationshipCodeSequence = Sequence([code("102540008", "SCT", "headfirst")])
    del data.PatientPosition
    data.RescaleSlope, data.RescaleIntercept = pet_slope(k), "0"
    del data.RescaleType
    block = data.private_block(0x0009, "GEMS_PETD_01", create=True)
    block.add_new(0x0D, "DT", "20200102100600")
    block.add_new(0x3B, "DT", "20200102090000")
    block.add_new(0x40, "LO", "of the pixel grid that was")
    other = data.private_block(0x0019, "SOMEBODY", create=True)
    other.add_new(0x01, "LO", "elsewhere")


class ModalityCase(harness.Case):
    def make(self, change, *options, then=None):
        """A phantom of another modality: its folder, and its instances in order."""
        files = self.phantom("--dims", "20,18,12", "--spacing", "0.9,1.1,2.3", "--shape", "head",
                             "--intercept", "0", *options)
        read = sorted((pydicom.dcmread(each) for each in files),
                      key=lambda d: float(d.ImagePositionPatient[2]))
        for k, data in enumerate(read):
            change(data, k)
            if then is not None:
                then(data, k)
            data.save_as(data.filename)
        return files[0].parent, read

    def convert(self, *arguments, status=0):
        out = self.new_folder("out")
        done = harness.run_tool("convert", "--json", *arguments, "-o", out)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def one(self, *arguments):
        report = self.convert(*arguments)
        self.assertEqual(len(report["volumes"]), 1, report)
        folder = Path(report["volumes"][0]["output"]["path"])
        read = sorted((pydicom.dcmread(each) for each in harness.dicom_files(folder)),
                      key=lambda each: int(each.InstanceNumber))
        return read, json.loads((folder / "manifest.json").read_text()), folder

    def codes(self, *arguments):
        report = self.convert(*arguments, status=3)
        return [each["code"] for each in report["refused"]]

    def source(self, folder):
        return [each for each in map(pydicom.dcmread, harness.dicom_files(folder))
                if "ImagePositionPatient" in each]

    def equals_nifti(self, source, patient, part, error):
        report = self.convert(source, "--spacing", "native", "--format", "nifti")
        made = nibabel.load(Path(report["volumes"][0]["output"]["path"]) / "volume.nii.gz")
        known = nibabel.load(harness.shared_data(f"{patient}_nifti/{part}_image.nii.gz"))
        made, known = map(nibabel.as_closest_canonical, (made, known))
        numpy.testing.assert_allclose(made.affine, known.affine, atol=1e-5)
        values = known.get_fdata()
        self.assertGreater(values.max(), 1)
        self.assertLessEqual(numpy.abs(made.get_fdata() - values).max(), error * values.max())


# Of the largest value: what the rounding of float32 may do to a PET.
PARTS = {"CT": 0, "MR_T1": 0, "PET": 2.0 ** -23}


class NativeGrid(ModalityCase):
    def check_nifti(self, patient, part, error):
        """The same voxels at the same places as in the NIfTI that others made."""
        source = self.new_folder("shuffled")
        source.mkdir()
        files = harness.dicom_files(harness.shared_data(f"{patient}/{part}/image"))
        self.assertGreater(len(files), 20)
        for number, each in zip(random.Random(part).sample(range(10000), len(files)), files):
            shutil.copy(each, source / f"{number:05d}")
        self.equals_nifti(source, patient, part, error)

    def test_ct_mr_and_pet_equal_the_niftis_of_others(self):
        for patient in ("sts_001", "sts_002"):
            for part, error in PARTS.items():
                with self.subTest(patient=patient, part=part):
                    self.check_nifti(patient, part, error)

    def check_dicom(self, source, error):
        wanted = oracle.Volume(self.source(source))
        made, manifest, folder = self.one(source, "--spacing", "native")
        after = oracle.Volume(made)
        self.assertEqual(after.dims, wanted.dims)
        numpy.testing.assert_allclose(after.positions, wanted.positions, atol=1e-3)
        numpy.testing.assert_allclose(after.spacing, wanted.spacing, atol=1e-6)
        step = float(made[0].get("RescaleSlope", 1))
        self.assertLessEqual(numpy.abs(after.values - wanted.values).max(), error * step)
        self.assertEqual(manifest["sampling"]["interpolations_applied"], 0)
        self.assertEqual(manifest["recipe"]["spacing"], "native")
        for each in made:
            self.assertNotIn("RESAMPLED", each.ImageType)
            self.assertEqual(len(each.SourceImageSequence), 1)
            self.assertEqual(each.SourceImageSequence[0].SpatialLocationsPreserved, "YES")
            self.assertNotIn("DerivationCodeSequence", each)
        files = [each.filename for each in wanted.datasets]
        self.assertEqual(errors_of_each(harness.dicom_files(folder)[::20])
                         - errors_of_each(files), set())

    def test_dicom_keeps_places_and_values(self):
        for part, error in (("CT", 0), ("MR_T1", 0), ("PET", 0.5001)):
            with self.subTest(part):
                self.check_dicom(harness.shared_data(f"sts_001/{part}/image"), error)

    def test_raw_keeps_values(self):
        source, _ = self.make(make_pet)
        report = self.convert(source, "--spacing", "native", "--format", "raw")
        path = Path(report["volumes"][0]["output"]["path"]) / "volume.raw"
        wanted = oracle.Volume(self.source(source)).values
        made = numpy.fromfile(path, "<f4").reshape(wanted.shape)
        numpy.testing.assert_allclose(made, wanted, rtol=2.0 ** -23)

    def test_what_has_no_grid_is_refused_with_the_reason(self):
        tilted = self.phantom("--dims", "16,16,8", "--tilt", "10")[0].parent
        uneven = self.phantom("--dims", "16,16,8",
                              "--irregular", "0,2,4.5,6.5,9,11,13.5,15.5")[0].parent
        self.assertEqual(self.codes(tilted, "--spacing", "native"), ["TILTED"])
        self.assertEqual(self.codes(uneven, "--spacing", "native"), ["IRREGULAR_SPACING"])
        done = harness.run_tool("convert", tilted, "-o", self.new_folder("out"), "--spacing",
                                "native", "--orientation", "patient")
        self.assertEqual(done.returncode, 2)


class Values(ModalityCase):
    def check(self, source, spacing, kernel="bspline3"):
        made, manifest, _ = self.one(source, "--spacing", str(spacing), "--kernel", kernel)
        wanted, origin = oracle.resample(oracle.Volume(self.source(source)), spacing, kernel)
        after = oracle.Volume(made)
        self.assertEqual(after.values.shape, wanted.shape)
        numpy.testing.assert_allclose(after.origin, origin, atol=1e-6)
        slope = float(made[0].get("RescaleSlope", 1))
        error = numpy.abs(after.values - wanted).max()
        self.assertLessEqual(error, slope / 2 + 2e-6 * numpy.abs(wanted).max())
        self.assertEqual(manifest["counts"]["saturated"]["count"], 0)
        return made, manifest, wanted

    def check_scale(self, made, manifest, wanted):
        """One slope, as small as 16 bits allow, intercept 0; the error is on record."""
        slopes = {str(each.RescaleSlope) for each in made}
        self.assertEqual(len(slopes), 1)
        slope = float(slopes.pop())
        self.assertTrue(all(float(each.RescaleIntercept) == 0 for each in made))
        finest = max(wanted.max() / 32767, -wanted.min() / 32768)
        self.assertLess(abs(slope / finest - 1), 1e-5)
        stored = max(int(numpy.abs(each.pixel_array.astype(int)).max()) for each in made)
        self.assertIn(stored, (32766, 32767, 32768))
        self.assertEqual(manifest["output"]["scale"]["slope"], slope)
        self.assertAlmostEqual(manifest["output"]["scale"]["largest_rounding_error"], slope / 2)

    def test_pet_of_patients(self):
        for patient in ("sts_001", "sts_002"):
            for spacing in (1.0, 4.0):
                with self.subTest(patient=patient, spacing=spacing):
                    self.check_scale(*self.check(harness.shared_data(f"{patient}/PET/image"),
                                                 spacing))

    def test_mr_of_patients(self):
        for name in ("sts_001/MR_T1/image", "sts_002/MR_T1/image", "mr_decubitus/hfdl"):
            with self.subTest(name):
                made, _, _ = self.check(harness.shared_data(name), 1.5)
                for each in made:
                    self.assertNotIn("RescaleSlope", each)

    def test_every_slice_of_a_pet_has_its_own_slope(self):
        source, _ = self.make(make_pet)
        for kernel in ("bspline3", "linear"):
            self.check_scale(*self.check(source, 1.0, kernel))

    def test_a_rescale_that_all_mr_slices_share_is_kept(self):
        def share(data, k):
            data.RescaleSlope, data.RescaleIntercept = "2.4737484737", "-3.5"
        source, _ = self.make(make_mr, then=share)
        made, manifest, _ = self.check(source, 1.0)
        for each in made:
            self.assertEqual(str(each.RescaleSlope), "2.4737484737")
            self.assertEqual(float(each.RescaleIntercept), -3.5)
        self.assertTrue(manifest["output"]["scale"]["as_in_source"])

    def test_mr_slices_with_scales_of_their_own_get_one(self):
        def own(data, k):
            data.RescaleSlope, data.RescaleIntercept = f"{1 + 0.3 * k:.10g}", f"{k}"
            data.WindowCenter = str(100 + k)
        source, _ = self.make(make_mr, then=own)
        made, manifest, wanted = self.check(source, 1.0)
        self.check_scale(made, manifest, wanted)
        self.assertFalse(manifest["output"]["scale"]["as_in_source"])
        self.assertNotIn("WindowCenter", made[0])

    def test_an_mr_of_16_unsigned_bits_stays_unsigned(self):
        def high(data, k):
            bright = numpy.full((data.Rows, data.Columns), 1000, "<u2")
            bright[4:14, 4:14] = 60000 + k
            data.PixelData, data.PixelRepresentation = bright.tobytes(), 0
        source, _ = self.make(make_mr, then=high)
        made, manifest, folder = self.one(source, "--kernel", "linear")
        self.assertTrue(all(each.PixelRepresentation == 0 for each in made))
        wanted, _ = oracle.resample(oracle.Volume(self.source(source)), 1.0, "linear")
        self.assertGreater(wanted.max(), 60000)
        exact = oracle.Volume(made).values
        self.assertLessEqual(numpy.abs(exact - wanted).max(), 0.51)
        self.assertEqual(manifest["output"]["voxel_type"], "uint16")

    def test_the_same_input_gives_the_same_bytes(self):
        source, _ = self.make(make_pet)
        seen = []
        for threads in ("1", "2"):
            out = self.new_folder("out")
            harness.run_tool("convert", source, "-o", out, "--threads", threads, check=True,
                             env={"SOURCE_DATE_EPOCH": "1577959200", "PATH": "/usr/bin:/bin"})
            seen.append({each.name: each.read_bytes() for each in out.rglob("*.*")
                         if each.is_file()})
        self.assertGreater(len(seen[0]), 10)
        self.assertEqual(seen[0], seen[1])


class Attributes(ModalityCase):
    def gate(self, source, folder):
        files = harness.dicom_files(folder)
        some = sorted({*files[:: max(1, len(files) // 8)], files[-1]})
        before = [each.filename for each in self.source(source)]
        self.assertEqual(errors_of_each(some) - errors_of_each(before), set())
        self.assertEqual(messages("dcentvfy", files) - messages("dcentvfy", before), set())

    def test_validators_find_nothing_new_in_real_series(self):
        for name in ("sts_001/MR_T1/image", "sts_002/MR_T1/image", "sts_001/PET/image",
                     "sts_002/PET/image", "mr_decubitus/hfs", "mr_decubitus/hfdl",
                     "stub_philips", "stub_ge"):
            with self.subTest(name):
                source = harness.shared_data(name)
                _, _, folder = self.one(source, "--spacing", "2")
                self.gate(source, folder)

    def test_validators_find_nothing_new_in_phantoms(self):
        for change in (make_mr, make_pet):
            with self.subTest(change.__name__):
                source, before = self.make(change)
                self.assertFalse([each for each in errors_of_each(
                    [before[0].filename]) if "Image>" in each])
                _, _, folder = self.one(source)
                self.gate(source, folder)

    def test_what_pet_quantification_needs_is_unchanged(self):
        source, before = self.make(make_pet)
        made, _, _ = self.one(source)
        first = before[0]
        for number, each in enumerate(made):
            for keyword in ("Units", "SeriesType", "CountsSource", "CorrectedImage",
                            "DecayCorrection", "RadiopharmaceuticalInformationSequence",
                            "PatientOrientationCodeSequence", "ActualFrameDuration",
                            "SeriesTime", "FrameOfReferenceUID"):
                self.assertEqual(each.get(keyword), first.get(keyword), keyword)
            # The bed positions differ: all times are those of the one that came first.
            for keyword in ("AcquisitionTime", "FrameReferenceTime", "DecayFactor"):
                self.assertEqual(each.get(keyword), first.get(keyword), keyword)
            self.assertEqual(list(each.ImageType), ["DERIVED", "PRIMARY", "RESAMPLED"])
            self.assertEqual((each.NumberOfSlices, each.ImageIndex), (len(made), number + 1))
            self.assertNotIn("SpacingBetweenSlices", each)
            self.assertEqual((each.BitsAllocated, each.BitsStored, each.HighBit,
                              each.PixelRepresentation), (16, 16, 15, 1))
            block = each.private_block(0x0009, "GEMS_PETD_01")
            self.assertEqual(str(block[0x0D].value), "20200102100600")
            self.assertEqual(str(block[0x3B].value), "20200102090000")
            self.assertNotIn(0x40, block)
            self.assertFalse([tag for tag in each.keys() if tag.group == 0x0019])

    def test_mr_says_which_part_of_the_signal_it_shows(self):
        source, before = self.make(make_mr)
        made, _, _ = self.one(source)
        for each in made:
            self.assertEqual(list(each.ImageType),
                             ["DERIVED", "SECONDARY", "OTHER", "RESAMPLED", "M"])
            for keyword in ("EchoTime", "RepetitionTime", "ScanningSequence", "WindowCenter"):
                self.assertEqual(each.get(keyword), before[0].get(keyword), keyword)
            self.assertFalse([tag for tag in each.keys()
                              if tag.is_private and tag.group != 0x0099])


class Grouping(ModalityCase):
    def test_magnitude_and_phase_are_two_volumes(self):
        types = {"Siemens": ("M", "P"), "Philips": ("M_FFE", "PHASE MAP"), "words": (
            "REAL", "IMAGINARY")}
        for name, (one, other) in types.items():
            def part(data, k):
                data.ImageType = ["ORIGINAL", "PRIMARY", one if k % 2 else other, "X"]
            with self.subTest(name):
                source, read = self.make(make_mr, then=part)
                report = self.convert(source)
                self.assertEqual([v["dims"][2] for v in report["volumes"]], [6, 6])

    def test_ge_says_it_in_a_private_element(self):
        def part(data, k):
            data.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
            block = data.private_block(0x0043, "GEMS_PARM_01", create=True)
            block.add_new(0x2F, "SS", k % 2)
        source, _ = self.make(make_mr, then=part)
        self.assertEqual([v["dims"][2] for v in self.convert(source)["volumes"]], [6, 6])

    def test_pet_in_two_units_is_two_volumes(self):
        def unit(data, k):
            data.Units = "BQML" if k % 2 else "CNTS"
        source, _ = self.make(make_pet, then=unit)
        self.assertEqual([v["dims"][2] for v in self.convert(source)["volumes"]], [6, 6])

    def test_refusals(self):
        def no_slope(data, k):
            if k == 5:
                del data.RescaleSlope

        def projection(data, k):
            data.SeriesType = ["STATIC", "REPROJECTION"]

        def lut(data, k):
            table = pydicom.Dataset()
            table.LUTDescriptor, table.LUTData = [4, 0, 16], bytes(8)
            data.ModalityLUTSequence = Sequence([table])

        def lut_and_slope(data, k):
            lut(data, k)
            data.RescaleSlope, data.RescaleIntercept = "1", "0"

        def short_lut(data, k):
            lut(data, k)
            data.ModalityLUTSequence[0].LUTData = bytes(6)

        for change, then, wanted in ((make_pet, no_slope, "NO_RESCALE"),
                                     (make_pet, projection, "NOT_A_VOLUME"),
                                     (make_pet, lut, "NO_RESCALE"),
                                     (make_mr, lut_and_slope, "NO_RESCALE"),
                                     (make_mr, short_lut, "NO_RESCALE")):
            with self.subTest(then.__name__):
                source, _ = self.make(change, then=then)
                self.assertEqual(self.codes(source), [wanted])

    def test_a_modality_lut_of_an_mr_is_applied(self):
        """PS3.3 C.11.1.1: stored values before and behind the table are its first and last
        entry; each slice has a table of its own, of 8 to 16 bits."""
        def table(data, k):
            first = -3 if data.PixelRepresentation else 5
            bits = (8, 12, 16)[k % 3]
            self.tables[k] = numpy.random.default_rng(k).integers(0, 2 ** bits, 400)
            item = pydicom.Dataset()
            item.add_new(0x00283002, "SS" if data.PixelRepresentation else "US",
                         [400, first, bits])
            item.ModalityLUTType = "US"
            words = self.tables[k].astype("<u1" if k % 6 == 0 else "<u2").tobytes()
            item.add_new(0x00283006, "OW", words)
            data.ModalityLUTSequence = Sequence([item])
            self.wanted[k] = self.tables[k][
                numpy.clip(data.pixel_array.astype(int) - first, 0, 399)]

        for sign in ("--signed", "--unsigned"):
            with self.subTest(sign):
                self.tables, self.wanted = {}, {}
                source, _ = self.make(make_mr, sign, "--bits", "12", then=table)
                report = self.convert(source, "--spacing", "native", "--format", "raw")
                path = Path(report["volumes"][0]["output"]["path"])
                raw = numpy.fromfile(next(path.rglob("*.raw")), "<f4").reshape(12, 18, 20)
                for k in range(12):
                    numpy.testing.assert_array_equal(raw[k], self.wanted[k])

    def test_an_mr_without_rescale_is_itself(self):
        source, _ = self.make(make_mr)
        report = json.loads(harness.run_tool("inspect", "--json", source, check=True).stdout)
        self.assertEqual(report["volumes"][0]["modality"], "MR")
        self.assertEqual(report["volumes"][0]["dims"], [20, 18, 12])


class ThroughTheDaemon(ModalityCase):
    def test_pet_and_mr_reach_the_pacs_as_the_tool_makes_them(self):
        pacs = self.pacs()
        daemon = self.daemon(pacs, settings={("route", "ct"): {"modality": ["MR", "PT"]}})
        def counted(data, k):  # a series that says how many it has is waited for
            make_pet(data, k)
            data.NumberOfSlices = 12
        folders = [self.make(counted)[0], self.make(make_mr, "--seed", "other")[0]]
        for folder in folders:
            daemon.send(harness.dicom_files(folder))
        derived = pacs.wait_derived(2, seconds=90, alive=[daemon])
        found = {}
        for series in derived:
            read = sorted(pacs.datasets(series), key=lambda each: int(each.InstanceNumber))
            found[read[0].Modality] = b"".join(each.PixelData for each in read)
        for folder in folders:
            made, _, _ = self.one(folder)
            self.assertEqual(b"".join(each.PixelData for each in made),
                             found[made[0].Modality])


if __name__ == "__main__":
    import unittest
    unittest.main()
