"""isovox convert: files in, files out. Values against a second opinion and closed forms,
geometry against nibabel and dcm2niix, and what scripts rely on: names, exit statuses, JSON."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import nibabel
import numpy
import pydicom
from scipy import ndimage

import harness
import oracle


class ConvertCase(harness.Case):
    def convert(self, *arguments, status=0, output=None, **options):
        """Runs it; returns the report of --json and the folder."""
        folder = output or self.new_folder("out")
        done = harness.run_tool("convert", "--json", *arguments, "-o", folder, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout), Path(folder)

    def convert_one(self, *arguments):
        """A conversion of one volume: its report, and its instances by position."""
        report, _ = self.convert(*arguments)
        self.assertEqual(len(report["volumes"]), 1, report)
        made = report["volumes"][0]
        files = harness.dicom_files(made["output"]["path"])
        return made, sorted((pydicom.dcmread(each) for each in files),
                            key=lambda each: int(each.InstanceNumber))

    def read(self, folder):
        """The images of a folder that have a place in the patient."""
        found = [pydicom.dcmread(each) for each in harness.dicom_files(folder)]
        return [each for each in found if "ImagePositionPatient" in each]

    def check_values(self, source, spacing, kernel):
        _, derived = self.convert_one(source, "--spacing", spacing, "--kernel", kernel)
        made = oracle.Volume(derived)
        wanted, origin = oracle.resample(oracle.Volume(self.read(source)), spacing, kernel)
        self.assertEqual(made.values.shape, wanted.shape)
        numpy.testing.assert_allclose(made.origin, origin, atol=1e-6)
        numpy.testing.assert_allclose(made.spacing, 3 * [spacing], atol=1e-9)
        self.assertLess(oracle.beyond_rounding(made.values, wanted).max(), 1e-3)

    def check_planes(self, source, spacing, kernel, step):
        """The same of every `step`-th plane, first and last ones included: the whole of it
        in float64 would take gigabytes."""
        report, folder = self.convert(source, "--spacing", spacing, "--kernel", kernel)
        volume = oracle.Volume(self.read(source))
        values = volume.values
        along_i, along_j, along_k = (oracle.operator(n, s, spacing, kernel)
                                     for n, s in zip(volume.dims, volume.spacing))
        files = harness.dicom_files(folder)
        self.assertEqual(len(files), len(along_k))
        for k in sorted({*range(0, len(files), step), 1, 2, len(files) - 2, len(files) - 1}):
            plane = numpy.tensordot(along_k[k], values, 1)
            wanted = along_j @ plane @ along_i.T
            made = values_of([pydicom.dcmread(files[k])])[0]
            self.assertEqual(made.shape, wanted.shape)
            self.assertLess(oracle.beyond_rounding(made, wanted).max(), 1e-3)


class ValuesAgreeWithASecondOpinion(ConvertCase):
    def test_of_a_phantom(self):
        self.phantom("--shape", "noise", "--dims", "33,29,17", "--spacing", "0.7,0.9,2.5")
        for spacing in (0.5, 1.0, 2.0, 2.5):
            for kernel in ("bspline3", "linear"):
                with self.subTest(spacing=spacing, kernel=kernel):
                    self.check_values(self.folder / "phantom", spacing, kernel)

    def test_equal_spacing_is_the_identity(self):
        self.phantom("--shape", "noise", "--dims", "21,19,11", "--spacing", "1,1,1")
        wanted = oracle.Volume(self.read(self.folder / "phantom"))
        for kernel in ("bspline3", "linear", "catmull-rom", "lanczos3", "nearest"):
            with self.subTest(kernel):
                _, derived = self.convert_one(self.folder / "phantom", "--kernel", kernel)
                made = oracle.Volume(derived)
                numpy.testing.assert_array_equal(made.values, wanted.values)
                numpy.testing.assert_allclose(made.positions, wanted.positions, atol=1e-9)

    def test_of_a_patient(self):
        source = harness.shared_data("sts_001/CT")
        for spacing in (1.0, 2.0):
            for kernel in ("bspline3", "linear"):
                with self.subTest(spacing=spacing, kernel=kernel):
                    self.check_values(source, spacing, kernel)

    def test_of_a_patient_at_half_a_millimetre(self):
        source = harness.shared_data("sts_001/CT")
        for kernel in ("bspline3", "linear"):
            with self.subTest(kernel=kernel):
                self.check_planes(source, 0.5, kernel, 37)


def sines(p):
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    turn = 2 * numpy.pi
    return (300 * numpy.sin(turn * (0.031 * x + 0.017 * y + 0.011 * z))
            + 200 * numpy.sin(turn * (-0.013 * x + 0.037 * y + 0.019 * z) + 1)
            + 150 * numpy.sin(turn * (0.009 * x - 0.021 * y + 0.041 * z) + 2))


def positions_of(datasets):
    """Every voxel centre, [k, j, i, xyz], from what is written in each instance."""
    result = []
    for each in datasets:
        iop = numpy.array(each.ImageOrientationPatient, float)
        ipp = numpy.array(each.ImagePositionPatient, float)
        rows, columns = (float(value) for value in each.PixelSpacing)
        j, i = numpy.mgrid[0:each.Rows, 0:each.Columns]
        result.append(ipp + i[..., None] * columns * iop[:3] + j[..., None] * rows * iop[3:])
    return numpy.array(result)


def values_of(datasets):
    return numpy.array([each.pixel_array * float(each.RescaleSlope)
                        + float(each.RescaleIntercept) for each in datasets])


GEOMETRIES = {
    "plain": [],
    "tilted": ["--tilt", "-18.5"],
    "tilted the other way, without the tag": ["--tilt", "25", "--no-tilt-tag"],
    "oblique": ["--oblique", "0.9,0.3,0.1,-0.25,0.9,0.35"],
    "normal downwards": ["--flip-normal"],
    "sagittal": ["--oblique", "0,1,0,0,0,-1"],
    "irregular": ["--irregular",
                  ",".join(str(2 * k + (0.4 if k % 3 == 1 else 0)) for k in range(30))],
    "irregular and tilted": ["--tilt", "12", "--irregular",
                             ",".join(str(2 * k + (0.4 if k % 3 == 1 else 0)) for k in range(30))],
    "12 bits, unsigned, slope 0.5": ["--bits", "12", "--unsigned", "--slope", "0.5",
                                     "--intercept", "-1024"],
    "implicit and shuffled": ["--implicit", "--shuffle"],
}


class ValuesAgreeWithTheTruth(ConvertCase):
    """A band-limited phantom: what a voxel must hold is known at every point of the patient.
    Under 0.1 cycles per sample the cubic B-spline errs by at most 0.0004 of the amplitude
    (650 HU), rounding source and result by 0.5 HU each, with up to 1.6 of the former."""

    LIMIT = 0.5 + 0.8 + 0.3 + 0.2

    def check_truth(self, name, extra):
        folder = self.folder / name.replace(" ", "_").replace(",", "")
        harness.phantom(folder, "--shape", "sines", "--dims", "48,44,30", "--spacing",
                        "0.9,1,2", *extra)
        made, derived = self.convert_one(folder, "--spacing", "0.8")
        points, values = positions_of(derived), values_of(derived)
        source = self.read(folder)
        inside = self.interior(points, source)
        self.assertGreater(inside.mean(), 0.2)
        worst = numpy.abs(values - sines(points))[inside].max()
        limit = self.LIMIT * (2 if "irregular" in name else 1)
        self.assertLess(worst, limit)
        return made

    def interior(self, points, source):
        """Ten source samples from every face: the replicated edge is no sine."""
        volume = oracle.Volume(source)
        reach = [4 * 0.9, 4 * 1.0, 6 * 2.0]
        t = (points - volume.origin) @ volume.normal
        shift = (volume.positions - volume.origin)
        along_row = numpy.interp(t, volume.t, shift @ volume.row)
        along_column = numpy.interp(t, volume.t, shift @ volume.column)
        i = (points - volume.origin) @ volume.row - along_row
        j = (points - volume.origin) @ volume.column - along_column
        return ((t > reach[2]) & (t < volume.t[-1] - reach[2])
                & (i > reach[0]) & (i < (volume.dims[0] - 1) * 0.9 - reach[0])
                & (j > reach[1]) & (j < (volume.dims[1] - 1) * 1.0 - reach[1]))

    def test_in_every_geometry(self):
        for name, extra in GEOMETRIES.items():
            with self.subTest(name):
                self.check_truth(name, extra)

    def test_a_sphere_stays_where_it_is(self):
        self.phantom("--shape", "sphere", "--dims", "80,80,30", "--spacing", "0.8,0.8,2.5",
                     "--origin", "-31.6,-30.2,-36", "--tilt", "10")
        _, derived = self.convert_one(self.folder / "phantom")
        points, values = positions_of(derived), values_of(derived)
        weights = numpy.clip(values + 1000, 0, None)
        near = numpy.linalg.norm(points, axis=-1) < 26
        centre = (points[near] * weights[near][:, None]).sum(0) / weights[near].sum()
        numpy.testing.assert_allclose(centre, 0, atol=0.01)

    def test_a_real_tilted_series_is_sampled_back(self):
        source = harness.shared_data("ct_philips_tilt_negative")
        made, derived = self.convert_one(source)
        self.assertAlmostEqual(made["tilt_deg"], -18.5, delta=0.6)
        target = oracle.Volume(derived)
        coefficients = ndimage.spline_filter(target.values, 3, mode="nearest")
        worst = []
        for each in self.read(source):
            iop = numpy.array(each.ImageOrientationPatient, float)
            points = positions_of([each])[0] - target.origin
            index = [points @ axis for axis in (target.normal, iop[3:], iop[:3])]
            stored = each.pixel_array * float(each.RescaleSlope) + float(each.RescaleIntercept)
            back = ndimage.map_coordinates(coefficients, index, order=3, mode="nearest",
                                           prefilter=False)
            worst.append(numpy.abs(back - stored)[8:-8, 8:-8].mean())
        # Per slice, first and last included. At 1 mm half of the source's resolution is
        # gone: 2.5 HU in the mean; half a millimetre of displacement would make 16.
        self.assertEqual(len(worst), 54)
        self.assertLess(max(worst), 5)


class AsNifti(ConvertCase):
    def setUp(self):
        super().setUp()
        self.phantom("--shape", "sines", "--dims", "30,26,14", "--spacing", "0.9,1.1,2.5",
                     "--oblique", "0.9,0.3,0.1,-0.25,0.9,0.35", "--origin", "12,-34,56")
        self.source = self.folder / "phantom"
        _, self.derived = self.convert_one(self.source)

    def check_image(self, image):
        points = positions_of(self.derived)
        values = numpy.asarray(image.dataobj)
        self.assertEqual(values.shape, points.shape[2::-1])
        k, j, i = numpy.indices(points.shape[:3])
        index = numpy.stack([i, j, k, numpy.ones_like(i)], -1)
        world = index @ image.affine.T
        numpy.testing.assert_allclose(world[..., :3], points * [-1, -1, 1], atol=1e-3)
        numpy.testing.assert_array_equal(values.transpose(), values_of(self.derived))

    def test_nibabel_sees_the_same_voxels_at_the_same_places(self):
        for name in ("v.nii", "v.nii.gz"):
            self.convert(self.source, "--format", "nifti", output=self.folder / name)
            image = nibabel.load(self.folder / name)
            self.check_image(image)
            self.assertEqual(image.header.get_data_dtype(), numpy.int16)
            self.assertEqual(image.header.get_xyzt_units()[0], "mm")
            self.assertEqual((int(image.header["qform_code"]), int(image.header["sform_code"])),
                             (1, 1))
            numpy.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-5)
            self.assertTrue((self.folder / (name + ".manifest.json")).exists())

    def test_dcm2niix_reads_our_series_as_we_write_it(self):
        folder = harness.dicom_files(self.folder / "out")[0].parent
        target = self.folder / "dcm2niix"
        target.mkdir()
        harness.run(["dcm2niix", "-o", target, "-f", "v", "-z", "n", folder], check=True)
        theirs = nibabel.load(target / "v.nii")
        ours = numpy.array([each.pixel_array for each in self.derived]).transpose()
        # Its rows run the other way: compare by place.
        to_index = numpy.linalg.inv(self.affine())
        index = numpy.indices(theirs.shape).reshape(3, -1)
        world = theirs.affine @ numpy.vstack([index, numpy.ones(index.shape[1])])
        place = (to_index @ world)[:3]
        self.assertLess(numpy.abs(place - place.round()).max(), 1e-3)
        i, j, k = place.round().astype(int)
        numpy.testing.assert_array_equal(numpy.asarray(theirs.dataobj).ravel(), ours[i, j, k])

    def affine(self):
        self.convert(self.source, "--format", "nifti", output=self.folder / "affine.nii")
        return nibabel.load(self.folder / "affine.nii").affine

    def test_raw_is_float_with_its_geometry_beside_it(self):
        self.convert(self.source, "--format", "raw", output=self.folder / "v.raw")
        about = json.loads((self.folder / "v.raw.json").read_text())
        values = numpy.fromfile(self.folder / "v.raw", "<f4").reshape(about["dims"][::-1])
        wanted = values_of(self.derived)
        self.assertLessEqual(numpy.abs(values - wanted).max(), 0.5 + 1e-4)
        first = positions_of(self.derived)[0, 0, 0]
        numpy.testing.assert_allclose(about["origin_lps"], first, atol=1e-9)

    def test_a_folder_gets_a_folder_per_series(self):
        report, folder = self.convert(self.source, "--format", "nifti")
        path = Path(report["volumes"][0]["output"]["path"])
        self.assertEqual(path.parent, folder)
        self.assertEqual(sorted(each.name for each in path.iterdir()),
                         ["manifest.json", "volume.nii.gz"])


def content(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(folder).rglob("*")) if path.is_file()}


class WhatIsWritten(ConvertCase):
    def test_the_same_input_gives_the_same_bytes(self):
        self.phantom("--tilt", "9", "--dims", "24,20,12")
        known = None
        for extra in ([], ["--threads", "3"], ["--simd", "base"], ["--progress"]):
            folder = self.new_folder("out")
            harness.run_tool("convert", self.folder / "phantom", "-o", folder, *extra, check=True,
                             env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
            known = known or content(folder)
            self.assertGreater(len(known), 20)
            self.assertEqual(content(folder), known, extra)

    def test_names_and_numbers_of_the_files_change_nothing(self):
        hashes = set()
        for extra in ([], ["--shuffle"]):
            folder = self.new_folder("phantom")
            harness.phantom(folder, "--dims", "20,20,10", *extra)
            report, _ = self.convert(folder)
            hashes.add(report["volumes"][0]["output"]["voxel_sha256"])
        self.assertEqual(len(hashes), 1)

    def test_the_digest_is_that_of_the_voxels(self):
        self.phantom("--dims", "20,20,10")
        made, derived = self.convert_one(self.folder / "phantom")
        voxels = b"".join(each.PixelData for each in derived)
        self.assertEqual(hashlib.sha256(voxels).hexdigest(), made["output"]["voxel_sha256"])

    def test_a_second_run_replaces_the_first(self):
        self.phantom("--dims", "20,20,10")
        folder = self.folder / "out"
        harness.run_tool("convert", self.folder / "phantom", "-o", folder, check=True)
        before = sorted(content(folder))
        (next(folder.iterdir()) / "stale").write_text("x")
        harness.run_tool("convert", self.folder / "phantom", "-o", folder, check=True)
        self.assertEqual(sorted(content(folder)), before)

    def test_what_is_not_ours_is_left_alone(self):
        self.phantom("--dims", "20,20,10", "--description", "Head",
                     "--spacing", "1,1,2")
        theirs = self.folder / "out" / "1001_Head ISO 1.0 mm cubic"
        theirs.mkdir(parents=True)
        (theirs / "thesis").write_text("do not lose me")
        done = harness.run_tool("convert", self.folder / "phantom", "-o", self.folder / "out")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(list(content(self.folder / "out")),
                         ["1001_Head ISO 1.0 mm cubic/thesis"])

    def test_an_interrupted_run_leaves_nothing(self):
        self.phantom("--dims", "256,256,200", "--spacing", "0.5,0.5,1")
        folder = self.folder / "out"
        with subprocess.Popen([harness.program("isovox"), "convert", "--threads", "1",
                               "--spacing", "0.3", self.folder / "phantom", "-o", folder],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            harness.wait_until(lambda: list(folder.rglob("*.dcm")), 30, "the first file")
            running.send_signal(signal.SIGINT)
            self.assertEqual(running.wait(30), 1)
        self.assertEqual(list(folder.rglob("*")), [])

    def test_a_killed_run_leaves_nothing_under_the_final_name(self):
        self.phantom("--dims", "256,256,200", "--spacing", "0.5,0.5,1")
        folder = self.folder / "out"
        with subprocess.Popen([harness.program("isovox"), "convert", "--threads", "1",
                               "--spacing", "0.3", self.folder / "phantom", "-o", folder],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            harness.wait_until(lambda: list(folder.rglob("*.dcm")), 30, "the first file")
            running.kill()
        self.assertEqual([each for each in folder.iterdir() if each.name[0] != "."], [])

    def test_two_volumes_of_one_series_have_two_folders(self):
        # Two phases: the same positions twice, told apart by the acquisition number.
        first, second = self.folder / "a", self.folder / "b"
        harness.phantom(first, "--dims", "20,20,10", "--value", "100", "--shape", "constant")
        harness.phantom(second, "--dims", "20,20,10", "--value", "200", "--shape", "constant")
        for path in harness.dicom_files(second):
            each = pydicom.dcmread(path)
            each.AcquisitionNumber = 2
            each.SOPInstanceUID += ".2"
            each.file_meta.MediaStorageSOPInstanceUID = each.SOPInstanceUID
            each.save_as(path)
        report, folder = self.convert(first, second)
        self.assertEqual(len(report["volumes"]), 2)
        self.assertEqual(sorted(each.name for each in folder.iterdir()),
                         ["1001_Phantom ISO 1.0 mm cubic ANISO_",
                          "1001_Phantom ISO 1.0 mm cubic ANISO__2"])
        uids = {each["output"]["series_uid"] for each in report["volumes"]}
        self.assertEqual(len(uids), 2)

    def test_the_manifest_names_sources_and_result(self):
        files = self.phantom("--dims", "20,20,10")
        made, derived = self.convert_one(self.folder / "phantom")
        manifest = json.loads((Path(made["output"]["path"]) / "manifest.json").read_text())
        self.assertEqual({each["sop_uid"] for each in manifest["source"]["instances"]},
                         {str(pydicom.dcmread(each).SOPInstanceUID) for each in files})
        self.assertEqual(manifest["output"]["series_uid"], str(derived[0].SeriesInstanceUID))
        self.assertEqual(manifest["output"]["voxel_sha256"], made["output"]["voxel_sha256"])
        self.assertEqual(manifest["recipe"]["kernel"], "bspline3")


class TheCommandLine(ConvertCase):
    def test_nothing_to_convert_is_said(self):
        other = self.folder / "notes.txt"
        other.write_text("no image")
        told = harness.run_tool("convert", other, "-o", self.folder / "nothing")
        self.assertEqual(told.returncode, 3)
        self.assertIn("nothing to convert: 0 DICOM objects, 1 other files", told.stderr)

    def refused(self, done, code):
        lines = done.stderr.splitlines()
        self.assertTrue(any(line.startswith(f"refused: {code}: ") and "(series " in line
                            for line in lines), done.stderr)

    def test_nothing_to_convert_is_3(self):
        for extra, code in ((["--no-position"], "NO_GEOMETRY"), (["--no-rescale"], "NO_RESCALE"),
                            (["--gap", "5"], "GAP")):
            with self.subTest(code):
                folder = self.new_folder("phantom")
                harness.phantom(folder, "--dims", "20,20,12", *extra)
                done = harness.run_tool("convert", folder, "-o", self.new_folder("out"))
                self.assertEqual(done.returncode, 3)
                self.refused(done, code)

    def test_something_refused_is_4(self):
        harness.phantom(self.folder / "in/a", "--dims", "20,20,12")
        harness.phantom(self.folder / "in/b", "--dims", "20,20,12", "--series", "2",
                        "--no-rescale")
        done = harness.run_tool("convert", self.folder / "in", "-o", self.folder / "out")
        self.assertEqual(done.returncode, 4)
        self.refused(done, "NO_RESCALE")
        self.assertEqual(len(list((self.folder / "out").iterdir())), 1)

    def test_a_scout_beside_a_volume_is_no_failure(self):
        self.phantom("--dims", "20,20,12", "--scout")
        report, _ = self.convert(self.folder / "phantom")
        self.assertEqual(len(report["volumes"]), 1)
        self.assertEqual([each["code"] for each in report["refused"]], ["LOCALIZER"])

    def test_a_result_is_not_converted_again(self):
        """A PACS may send everything of a study to us, what we sent it among it."""
        self.phantom("--dims", "20,20,12")
        _, results = self.convert(self.folder / "phantom")
        stripped = self.folder / "stripped"
        stripped.mkdir()
        for path in harness.dicom_files(results):
            each = pydicom.dcmread(path)
            each.remove_private_tags()
            each.save_as(stripped / path.name)
        for folder in (results, stripped):
            with self.subTest(folder.name):
                done = harness.run_tool("convert", folder, "-o", self.folder / "again")
                self.assertEqual(done.returncode, 3)
                self.refused(done, "OWN_RESULT")

    def test_usage_is_2_and_says_what_is_wrong(self):
        out = ["-o", str(self.folder / "out")]
        for arguments, text in (
                ([], "no INPUT"),
                (["x"], "-o is missing"),
                (["x", "--spacing", "0", *out], "--spacing 0"),
                (["x", "--spacing", "1mm", *out], "--spacing 1mm"),
                (["x", "--spacing", "nan", *out], "--spacing nan"),
                (["x", "--spacing", "native", "--orientation", "patient", *out],
                 "keeps the acquired axes"),
                (["x", "--orientation", "sideways", *out], "--orientation sideways"),
                (["x", "--format", "tiff", *out], "--format tiff"),
                (["x", "--kernel", "cubic", *out], "--kernel cubic"),
                (["x", "--align", "left", *out], "--align left"),
                (["x", "--threads", "0", *out], "--threads 0"),
                (["x", "--max-memory", "lots", *out], "--max-memory lots"),
                (["x", "--bogus", *out], "bogus")):
            with self.subTest(arguments):
                done = harness.run_tool("convert", *arguments)
                self.assertEqual(done.returncode, 2)
                self.assertIn(text, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_what_does_not_fit_is_refused(self):
        self.phantom("--dims", "200,200,12")
        for extra in (["--max-memory", "1M"], ["--spacing", "0.01"]):
            with self.subTest(extra):
                done = harness.run_tool("convert", self.folder / "phantom", "-o",
                                        self.folder / "out", *extra)
                self.assertEqual(done.returncode, 3)
                self.refused(done, "TOO_LARGE")

    def test_an_instruction_set_that_is_not_here_is_2(self):
        if os.uname().machine != "x86_64":
            self.skipTest("neon is here")
        done = harness.run_tool("convert", "--simd", "neon", "x", "-o", self.folder / "out")
        self.assertEqual(done.returncode, 2)
        self.assertIn("neon", done.stderr)

    def test_a_missing_input_is_1(self):
        done = harness.run_tool("convert", self.folder / "nothing", "-o", self.folder / "out")
        self.assertEqual(done.returncode, 1)
        self.assertFalse((self.folder / "out").exists())

    def test_a_wrong_configuration_is_78(self):
        conf = self.folder / "c.conf"
        for text, name in (("recipe \"r\" { spacing = -3 }", "r"), ("recipe {", "r"),
                           ("recipe \"r\" { spacing = 2 }", "other")):
            with self.subTest(text):
                conf.write_text(text + "\n")
                done = harness.run_tool("convert", "--recipe", name, "-c", conf, "x", "-o",
                                        self.folder / "out")
                self.assertEqual(done.returncode, 78)
                self.assertTrue(done.stderr)

    def test_a_recipe_of_the_configuration_is_used_and_overridden(self):
        conf = self.folder / "c.conf"
        conf.write_text('recipe "mine" { spacing = 2.0 kernel = "linear" }\n')
        self.phantom("--dims", "20,20,12")
        report, _ = self.convert("--recipe", "mine", "-c", conf, self.folder / "phantom")
        output = report["volumes"][0]["output"]
        self.assertEqual((output["spacing_mm"], output["kernel"]), ([2, 2, 2], "linear"))
        report, _ = self.convert("--recipe", "mine", "-c", conf, "--kernel", "nearest",
                                 self.folder / "phantom")
        output = report["volumes"][0]["output"]
        self.assertEqual((output["spacing_mm"], output["kernel"]), ([2, 2, 2], "nearest"))

    def test_two_volumes_do_not_fit_into_one_file(self):
        harness.phantom(self.folder / "in/a", "--dims", "20,20,12")
        harness.phantom(self.folder / "in/b", "--dims", "20,20,12", "--series", "2")
        done = harness.run_tool("convert", self.folder / "in", "--format", "nifti", "-o",
                                self.folder / "v.nii.gz")
        self.assertEqual(done.returncode, 1)
        self.assertIn("2 volumes", done.stderr)

    def test_spacing_min_is_the_smallest_acquired_distance(self):
        self.phantom("--dims", "20,20,12", "--spacing", "0.75,0.9,2")
        report, _ = self.convert(self.folder / "phantom", "--spacing", "min")
        self.assertEqual(report["volumes"][0]["output"]["spacing_mm"], [0.75, 0.75, 0.75])

    def test_a_pacs_stores_the_result(self):
        self.phantom("--dims", "30,30,12", "--spacing", "0.9,0.9,2.5")
        _, folder = self.convert(self.folder / "phantom")
        pacs = self.pacs()
        harness.storescu(harness.dicom_files(self.folder / "phantom"), pacs.port, aec=pacs.aet)
        harness.storescu(harness.dicom_files(folder), pacs.port, aec=pacs.aet)
        self.assertEqual(len(pacs.get("/studies")), 1)
        series = pacs.derived()
        self.assertEqual(len(series), 1)
        stored = pacs.datasets(series[0])
        sent = {path.read_bytes() for path in harness.dicom_files(folder)}
        self.assertEqual(len(stored), len(sent))
        self.assertEqual([float(v) for v in stored[0].PixelSpacing], [1, 1])


if __name__ == "__main__":
    import unittest
    unittest.main()
