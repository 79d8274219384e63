"""`isovox inspect` against pydicom and numpy: the positions in the files are the truth, and no
other converter is asked. Public images of several vendors, and phantoms."""

import copy
import json
import math
import random
import shutil
import types
from pathlib import Path

import numpy
import pydicom

import harness

# What each public folder gives: volumes as (columns, rows, slices), codes, exit status.
PUBLIC = {
    "ct_philips_tilt_negative": ([(512, 512, 54)], set(), 0),
    "ct_philips_scout": ([], {"LOCALIZER"}, 3),
    "ct_philips_exam_summary": ([], {"UNSUPPORTED_MODALITY"}, 3),
    "stub_gantry_tilt": ([(512, 512, 4)], set(), 0),
    "stub_not_a_volume": ([], {"NOT_A_VOLUME"}, 3),
    "stub_slice_increment": ([], {"GAP"}, 3),
    "ibsi2_orientation": ([(32, 48, 64)], set(), 0),
    "seg_ct_3slice": ([(512, 512, 3)], set(), 0),
    "seg_23x38x3": ([(23, 38, 3), (23, 38, 3)], {"UNSUPPORTED_MODALITY"}, 0),
    "stub_siemens_multiframe": ([(256, 256, 8)], set(), 0),
    "mr_enhanced_qa": ([(64, 64, 6)] * 4 + [(64, 64, 32)] * 2, set(), 0),
    "mr_agfa_siemens": ([(64, 64, 25)] * 4, set(), 0),
    "pydicom_data/eCT_Supplemental.dcm": ([], {"NOT_A_VOLUME"}, 3), # two frames
    "sts_001": ([(174, 158, 59), (198, 202, 59), (41, 43, 59)], {"UNSUPPORTED_MODALITY"}, 0),
    "sts_002": ([(115, 90, 35), (30, 27, 48), (161, 143, 48)], {"UNSUPPORTED_MODALITY"}, 0),
    "mr_decubitus": ([(256, 256, 35), (256, 256, 35)], set(), 0),
    "pydicom_test_files/dicomdirtests": (
        [(16, 16, 5)],
        {"LOCALIZER", "NO_GEOMETRY", "NOT_A_VOLUME", "UNSUPPORTED_MODALITY", "GAP", "DAMAGED"}, 4),
}


def inspect(*inputs, status=None):
    done = harness.run_tool("inspect", "--json", *inputs)
    if status is not None and done.returncode != status:
        raise AssertionError(f"exit status {done.returncode}, not {status}\n{done.stderr}")
    return json.loads(done.stdout) if done.stdout else None, done


CLASSES = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4",
           "1.2.840.10008.5.1.4.1.1.128")


def frames(data):
    """The planes of a multi-frame object: a frame's own groups before the shared ones."""
    shared = data.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
    for own in data.PerFrameFunctionalGroupsSequence:
        both = {**{e.keyword: e.value for e in shared[0]}, **{e.keyword: e.value for e in own}}
        yield types.SimpleNamespace(
            Rows=data.Rows, Columns=data.Columns,
            ImagePositionPatient=both["PlanePositionSequence"][0].ImagePositionPatient,
            ImageOrientationPatient=both["PlaneOrientationSequence"][0].ImageOrientationPatient,
            PixelSpacing=both["PixelMeasuresSequence"][0].PixelSpacing)


def headers(folder):
    """Every slice of CT, MR and PET under a folder, by series; one for each position."""
    found = {}
    for path in harness.dicom_files(folder):
        data = pydicom.dcmread(path, stop_before_pixels=True)
        series = found.setdefault(data.get("SeriesInstanceUID"), {})
        several = "PerFrameFunctionalGroupsSequence" in data and data.Modality != "SEG"
        slices = [data] if data.get("SOPClassUID") in CLASSES else []
        for one in frames(data) if several else slices:
            place = getattr(one, "ImagePositionPatient", None) or ()
            series.setdefault(tuple(map(float, place)), one)
    return {uid: list(series.values()) for uid, series in found.items()}


class Volumes(harness.Case):
    def check_geometry(self, volume, slices):
        """Everything that inspect says, computed again from the slices' own headers."""
        place = numpy.array([[float(v) for v in s.ImagePositionPatient] for s in slices])
        plane = numpy.array([float(v) for v in slices[0].ImageOrientationPatient])
        row, column = plane[:3], plane[3:]
        normal = numpy.cross(row, column)
        order = numpy.argsort(place @ normal)
        place = place[order]
        t = place @ normal

        numpy.testing.assert_allclose(volume["positions_mm"], t, atol=2e-5)
        numpy.testing.assert_allclose(volume["origin_lps"], place[0], atol=0)
        numpy.testing.assert_allclose(volume["row_lps"], row, atol=2e-6)
        numpy.testing.assert_allclose(volume["column_lps"], column, atol=2e-6)
        numpy.testing.assert_allclose(volume["normal_lps"], normal, atol=2e-6)
        spacing = [float(v) for v in slices[0].PixelSpacing]
        self.assertEqual(volume["spacing_mm"][:2], [spacing[1], spacing[0]])
        self.assertEqual(volume["dims"][:2], [slices[0].Columns, slices[0].Rows])
        if volume["uniform"]:
            fit = numpy.polyfit(numpy.arange(len(t)), t, 1)[0]
            self.assertAlmostEqual(volume["spacing_mm"][2], fit, places=5)
        else:
            self.assertIsNone(volume["spacing_mm"][2])
        shift = (place - place[0]) @ column
        tilt = 0
        if numpy.abs(shift).max() > 0.05:
            tilt = math.degrees(math.atan(numpy.polyfit(t, shift, 1)[0]))
        self.assertAlmostEqual(volume["tilt_deg"], tilt, places=3)

    def test_public_folders_give_what_their_headers_say(self):
        here = 0
        for name, (volumes, codes, status) in PUBLIC.items():
            if not (harness.SHARED / name).exists():
                continue
            here += 1
            with self.subTest(folder=name):
                report, _ = inspect(harness.SHARED / name, status=status)
                self.assertEqual([tuple(v["dims"]) for v in report["volumes"]], volumes)
                self.assertEqual({r["code"] for r in report["refused"]}, codes)
                series = headers(harness.SHARED / name)
                for volume in report["volumes"]:
                    self.check_geometry(volume, series[volume["series_uid"]])
        if here == 0:
            harness.shared_data("ct_philips_tilt_negative")

    def test_the_tilt_of_the_phantom_on_a_real_scanner(self):
        folder = harness.shared_data("ct_philips_tilt_negative")
        report, _ = inspect(folder, status=0)
        self.assertAlmostEqual(report["volumes"][0]["tilt_deg"], -18.5, places=2)
        self.assertEqual(report["volumes"][0]["warnings"], ["TILTED"])

    def test_values_are_those_of_the_pixels(self):
        """Least and most after rescale, by pydicom; what is padding counts apart."""
        for name in ("sts_001/PET/image", "sts_002/MR_T1/image", "seg_ct_3slice"):
            with self.subTest(name):
                folder = harness.shared_data(name)
                told = inspect("--values", folder, status=0)[0]["volumes"][0]["values"]
                real, padded = [], 0
                for path in harness.dicom_files(folder):
                    data = pydicom.dcmread(path)
                    stored = data.pixel_array.astype(float)
                    gone = numpy.zeros(stored.shape, bool)
                    if "PixelPaddingValue" in data:
                        gone = stored == numpy.uint16(data.PixelPaddingValue).astype("<i2")
                    padded += gone.sum()
                    real.append((stored * float(data.get("RescaleSlope", 1))
                                 + float(data.get("RescaleIntercept", 0)))[~gone])
                real = numpy.concatenate(real)
                self.assertAlmostEqual(told["least"], max(real.min(), -1024.0), places=3)
                self.assertAlmostEqual(told["most"], real.max(), places=3)
                self.assertEqual(told["padded"], padded)

    def test_people_see_the_profile_and_the_values(self):
        """A head CT: thin slices at the base, thick ones above, one step between."""
        steps = [4.0] * 5 + [1.08] + [7.0] * 4
        places = ",".join(f"{v:g}" for v in numpy.concatenate([[0], numpy.cumsum(steps)]))
        files = self.phantom("--dims", "16,16,11", "--irregular", places, "--tilt", "18.5",
                             "--shape", "constant", "--value", "40")
        for n, path in enumerate(sorted(files, key=lambda p: float(pydicom.dcmread(
                p, stop_before_pixels=True).ImagePositionPatient[2]))):
            data = pydicom.dcmread(path)
            data.SliceThickness = "4" if n < 6 else "7"
            data.save_as(path)
        said = harness.run_tool("inspect", "--values", files[0].parent)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("profile    5 x 4.000, 1 x 1.080, 4 x 7.000 mm", said.stdout)
        self.assertIn("slope 1; intercept -1024; room for", said.stdout)
        self.assertIn("values     40 to 40\n", said.stdout)
        self.assertIn("tilt       18.50 degrees", said.stdout)

    def test_order_and_names_of_the_files_change_nothing(self):
        files = harness.phantom(self.folder / "a", "--tilt", "12", "--dims", "20,24,15",
                                "--irregular", "0,2,4.1,6,8,10.1,12,14,16,18,20,22,24,26,28")
        expected, _ = inspect(self.folder / "a", status=0)
        mixed = self.folder / "b"
        random.Random(7).shuffle(files)
        for number, path in enumerate(files):
            place = mixed / f"{number % 4}" / "deep"
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place / f"{number}.bin")

        found, _ = inspect(mixed, status=0)

        self.assertEqual(found, expected)
        self.assertEqual(expected["volumes"][0]["warnings"], ["TILTED", "IRREGULAR_SPACING"])
        self.assertFalse(expected["volumes"][0]["uniform"])

    def test_phantoms_of_any_geometry(self):
        cases = {
            "oblique": ["--oblique", "0.8,0.6,0,-0.36,0.48,0.8"],
            "sagittal": ["--oblique", "0,1,0,0,0,-1"],
            "normal towards the feet": ["--flip-normal"],
            "tilt": ["--tilt", "-21.25"],
            "tilt without its tag": ["--tilt", "21.25", "--no-tilt-tag"],
            "implicit, shuffled": ["--implicit", "--shuffle"],
            "irregular": ["--irregular", "0,3,6.2,9,12.1,15,18,21,24,27"],
        }
        for name, options in cases.items():
            with self.subTest(name):
                folder = self.new_folder("phantom")
                harness.phantom(folder, "--dims", "18,22,10", *options)
                report, _ = inspect(folder, status=0)
                self.assertEqual(len(report["volumes"]), 1)
                self.check_geometry(report["volumes"][0], *headers(folder).values())


class RealSeriesChanged(harness.Case):
    """Accidents that happen to real series, made from real ones."""

    SOURCES = {"ct_philips_tilt_negative": 54, "ibsi2_orientation": 64, "sts_001": 59}

    def variants(self, change, status):
        """Yields report and the untouched volume for each source, changed by
        change(list of data sets in ascending position)."""
        here = 0
        for name in self.SOURCES:
            source = harness.SHARED / name
            if not source.exists():
                continue
            here += 1
            before, _ = inspect(source)
            volume = before["volumes"][0]
            slices = [pydicom.dcmread(path) for path in harness.dicom_files(source)]
            slices = [s for s in slices if s.get("SeriesInstanceUID") == volume["series_uid"]]
            normal = numpy.array(volume["normal_lps"])
            slices.sort(key=lambda s: numpy.array(s.ImagePositionPatient, float) @ normal)
            folder = self.new_folder(name)
            folder.mkdir()
            for number, data in enumerate(change(slices)):
                data.save_as(folder / f"{number * 7919 % 1000:03}-{number}.dcm")
            yield inspect(folder, status=status)[0], volume
        if here == 0:
            harness.shared_data("ibsi2_orientation")

    def codes(self, report):
        return [refusal["code"] for refusal in report["refused"]]

    def test_a_missing_slice(self):
        for report, _ in self.variants(lambda s: s[:20] + s[21:], 3):
            self.assertEqual(self.codes(report), ["GAP"])

    def test_the_last_slices_missing_move_nothing(self):
        for report, before in self.variants(lambda s: s[:-5], 0):
            after = report["volumes"][0]
            self.assertEqual(after["positions_mm"], before["positions_mm"][:-5])
            self.assertEqual(after["origin_lps"], before["origin_lps"])

    def test_numbers_and_uids_shuffled(self):
        def change(slices):
            numbers = list(range(len(slices)))
            random.Random(3).shuffle(numbers)
            for data, number in zip(slices, numbers):
                data.InstanceNumber = number
                data.SOPInstanceUID = f"2.25.{number + 1}"
                data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
            return slices

        for report, before in self.variants(change, 0):
            self.assertEqual(report["volumes"], [before])

    def again(self, data, **attributes):
        made = copy.deepcopy(data)
        for name, value in attributes.items():
            setattr(made, name, value)
        return made

    def test_a_slice_sent_twice(self):
        for report, before in self.variants(lambda s: s + [self.again(s[9])], 0):
            after = report["volumes"][0]
            self.assertEqual(after.pop("warnings"),
                             before["warnings"] + ["DUPLICATES_DROPPED"])
            before.pop("warnings")
            self.assertEqual(after, before)

    def test_two_phases_in_one_series(self):
        def change(slices):
            for data in slices:
                data.TemporalPositionIdentifier = "1"
            return slices + [
                self.again(data, SOPInstanceUID=f"2.25.{number + 1}",
                           TemporalPositionIdentifier="2",
                           PixelData=bytes(len(data.PixelData)))
                for number, data in enumerate(slices)]

        for report, before in self.variants(change, 0):
            self.assertEqual(len(report["volumes"]), 2)
            for after in report["volumes"]:
                self.assertEqual(after["positions_mm"], before["positions_mm"])
                self.assertIn("SPLIT", after["warnings"])

    def test_mixed_bits_stored(self):
        def change(slices):
            slices[5].BitsStored, slices[5].HighBit = 13, 12
            for data in slices:
                data.RescaleIntercept = data.get("RescaleIntercept", "-1024")
            return slices

        for report, before in self.variants(change, 0):
            after = report["volumes"][0]
            self.assertIn("BITS_DIFFER", after["warnings"])
            self.assertEqual(after["positions_mm"], before["positions_mm"])

    def test_mixed_pixel_spacing(self):
        def change(slices):
            for data in slices[30:]:
                data.PixelSpacing = ["0.9", "0.9"]
            return slices

        for report, before in self.variants(change, 0):
            self.assertEqual([v["dims"][2] for v in report["volumes"]],
                             [30, before["dims"][2] - 30]
                             if before["spacing_mm"][1] < 0.9
                             else [before["dims"][2] - 30, 30])

    def test_a_slice_pushed_aside(self):
        def change(slices):
            place = slices[8].ImagePositionPatient
            slices[8].ImagePositionPatient = [float(place[0]) + 3, place[1], place[2]]
            return slices

        for report, _ in self.variants(change, 3):
            self.assertEqual(self.codes(report), ["OFF_LINE"])


class Refusals(harness.Case):
    def refused(self, *options, damage=None):
        folder = self.new_folder("bad")
        files = harness.phantom(folder, "--dims", "16,16,8", *options)
        if damage is not None:
            damage(files)
        report, done = inspect(folder)
        return report, done

    def edit(self, path, change):
        data = pydicom.dcmread(path)
        change(data)
        data.save_as(path)

    def check(self, code, report, done, status=3):
        self.assertEqual([r["code"] for r in report["refused"]], [code], done.stderr)
        self.assertEqual(done.returncode, status)
        self.assertRegex(done.stderr, rf"(?m)^refused: {code}: .* \(series [0-9.]+\)$")

    def test_codes_and_lines_of_the_contract(self):
        def other_intercept(files):
            shutil.copy(files[3], files[3].with_suffix(".again.dcm"))
            self.edit(files[3], lambda d: setattr(d, "RescaleIntercept", "-1000"))

        def beside(files):
            self.edit(files[3], lambda d: d.ImagePositionPatient.__setitem__(0, 55.5))

        cases = {
            "NO_GEOMETRY": (["--no-position"], None),
            "NO_RESCALE": (["--no-rescale"], None),
            "GAP": (["--gap", "4"], None),
            "NOT_A_VOLUME": (["--irregular", "0,0.1,0.2,0.3,0.4,0.5,0.6,0.7"], None),
            "UID_CONFLICT": ([], other_intercept),
            "OFF_LINE": ([], beside),
        }
        for code, (options, damage) in cases.items():
            with self.subTest(code):
                self.check(code, *self.refused(*options, damage=damage))

    def test_a_truncated_last_slice_loses_the_volume_loudly(self):
        def cut(files):
            with open(files[-1], "r+b") as file:
                file.truncate(files[-1].stat().st_size - 100)

        self.check("DAMAGED", *self.refused(damage=cut))

    def test_claims_of_four_gigabytes_are_refused(self):
        def claim(data):
            data.Rows, data.Columns = 65535, 32768

        def all_claim(files):
            for path in files:
                self.edit(path, claim)

        self.check("TOO_LARGE", *self.refused(damage=all_claim))

    def test_a_secondary_capture_is_passed_over_by_name(self):
        report, done = inspect(harness.shared_data("pydicom_test_files/JPEG2000.dcm"))
        self.assertEqual(done.returncode, 3)
        self.assertEqual(report["volumes"], [])
        self.assertEqual([r["code"] for r in report["refused"]], ["UNSUPPORTED_MODALITY"])

    def test_a_copy_is_no_trouble(self):
        report, done = self.refused("--duplicate", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(report["volumes"][0]["dims"], [16, 16, 8])
        self.assertEqual(report["volumes"][0]["warnings"], ["DUPLICATES_DROPPED"])

    def test_a_scout_is_passed_over(self):
        report, done = self.refused("--scout")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(report["volumes"][0]["warnings"], ["SLICES_PASSED_OVER"])
        self.assertEqual([r["code"] for r in report["refused"]], ["LOCALIZER"])

    def test_gap_policies(self):
        folder = self.new_folder("gap")
        harness.phantom(folder, "--dims", "16,16,9", "--gap", "4")
        bridged, _ = inspect("--gap", "interpolate", folder, status=0)
        self.assertEqual(bridged["volumes"][0]["warnings"],
                         ["GAP_INTERPOLATED", "IRREGULAR_SPACING"])
        blocks, _ = inspect("--gap", "split", folder, status=0)
        self.assertEqual([v["dims"][2] for v in blocks["volumes"]], [4, 4])

    def test_exit_statuses(self):
        good, text = self.new_folder("good"), self.new_folder("text")
        harness.phantom(good, "--dims", "16,16,8")
        text.mkdir()
        (text / "report.pdf").write_bytes(b"%PDF-1.4\n")
        bad = self.new_folder("bad")
        harness.phantom(bad, "--dims", "16,16,8", "--gap", "4", "--seed", "other")
        self.assertEqual(inspect(good)[1].returncode, 0)
        self.assertEqual(inspect(text)[1].returncode, 3)
        self.assertEqual(inspect(good, bad)[1].returncode, 4)
        self.assertEqual(inspect(good, text)[1].returncode, 0)
        self.assertEqual(inspect(self.folder / "nowhere")[1].returncode, 1)
        self.assertEqual(harness.run_tool("inspect").returncode, 2)
        self.assertEqual(harness.run_tool("inspect", "--nonsense", good).returncode, 2)
        self.assertEqual(harness.run_tool("inspect", "--help").returncode, 0)

    def test_people_read_the_same(self):
        folder = self.new_folder("good")
        harness.phantom(folder, "--dims", "16,16,8", "--tilt", "10")
        Path(folder / "notes.txt").write_text("not DICOM")
        done = harness.run_tool("inspect", folder)
        self.assertIn("CT 16x16x8, 0.8x0.8x2.5 mm, tilt 10.0", done.stdout)
        self.assertIn("1 file skipped: not a DICOM object", done.stdout)
        self.assertIn("uniform, 2.5000 mm", done.stdout)
