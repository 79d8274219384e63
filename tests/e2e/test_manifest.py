"""The manifest: complete, of the published schema, and true. Every figure is computed again here
from the source, the result and the definitions; none is taken from the program."""

import hashlib
import json
import math
import re
import zlib
from pathlib import Path

import jsonschema
import numpy
import pydicom

import harness
import multiframe
import oracle
import rawscu

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = jsonschema.Draft202012Validator(json.loads((DOCS / "manifest.schema.json").read_text()))
MOMENT = {"nearest": 1 / 12, "linear": 1 / 6, "catmull-rom": 0, "bspline3": 0, "lanczos3": 0}
FWHM = 2 * math.sqrt(2 * math.log(2))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# Pixel Data (7FE0,0010) in each encoding: what stands before the value.
PIXELS = re.compile(rb"\xe0\x7f\x10\0(?:O[BW]\0\0)?(?P<length>....)"
                    rb"|\x7f\xe0\0\x10O[BW]\0\0(?P<big>....)", re.DOTALL)


def digests(path):
    """Contents and pixels of an object, as docs/MANIFEST.md defines them."""
    data, syntax = rawscu.payload(path)
    if syntax == "1.2.840.10008.1.2.1.99":
        data = zlib.decompress(data, -15)
    for found in PIXELS.finditer(data):
        big = found["length"] is None
        length = int.from_bytes(found["big"] if big else found["length"],
                                "big" if big else "little")
        rest = len(data) - found.end()
        length = rest if length == 0xFFFFFFFF else length
        if length == rest: # nothing stands behind the pixels of these
            break
    else:
        raise AssertionError(f"{path} has no Pixel Data")
    header = hashlib.sha256(syntax.encode() + b"\0" + data[:found.end()]).digest()
    pixels = hashlib.sha256(data[found.end():]).digest()
    return sha256(header + pixels), pixels.hex()


def check_digests(test, files, said):
    """Of `files`, by SOP Instance UID, against a manifest's `source`."""
    wanted = {str(pydicom.dcmread(each, stop_before_pixels=True).SOPInstanceUID): digests(each)
              for each in files}
    lines = ""
    for each in said["instances"]:
        contents, pixels = wanted[each["sop_uid"]]
        test.assertEqual(each["contents_sha256"], contents)
        lines += pixels + (f" {each['frame']}" if "frame" in each else "") + "\n"
    test.assertEqual(said["pixel_sha256"], sha256(lines.encode()))


class ManifestCase(harness.Case):
    def converted(self, source, *options):
        """Source, result (its folder when it is not classic DICOM) and manifest."""
        out = self.new_folder("out")
        harness.run_tool("convert", *options, source, "-o", out, check=True)
        manifests = list(out.rglob("manifest.json"))
        self.assertEqual(len(manifests), 1)
        manifest = json.loads(manifests[0].read_text())
        SCHEMA.validate(manifest)
        made = [pydicom.dcmread(each) for each in harness.dicom_files(manifests[0].parent)]
        before = oracle.Volume([pydicom.dcmread(each) for each in harness.dicom_files(source)])
        classic = made and "NumberOfFrames" not in made[0]
        return before, oracle.Volume(made) if classic else manifests[0].parent, manifest

    def source(self, *options):
        return self.phantom("--shape", "head", *options)[0].parent


class Manifest(ManifestCase):
    def test_a_plain_series(self):
        source = self.source("--dims", "23,19,9", "--spacing", "0.8,0.9,2.5",
                             "--thickness", "3.5")
        for kernel in MOMENT:
            with self.subTest(kernel=kernel):
                before, after, manifest = self.converted(source, "--kernel", kernel)
                self.check_source(before, manifest["source"])
                self.check_grid(before, after, manifest)
                self.check_sampling(before, kernel, manifest)
                self.check_counts(before, after, manifest["counts"])
                self.check_block(after, manifest)

    def check_source(self, before, said):
        self.assertEqual(said["dims"], list(before.dims))
        numpy.testing.assert_allclose(said["spacing_mm"], before.spacing, rtol=1e-9)
        numpy.testing.assert_allclose(
            said["positions_mm"], before.positions @ before.normal, atol=1e-9)
        self.assertEqual([each["sop_uid"] for each in said["instances"]],
                         [each.SOPInstanceUID for each in before.datasets])
        check_digests(self, [each.filename for each in before.datasets], said)
        self.assertEqual(said["value_type"], "int16")
        self.assertEqual(said["least_value"], before.values.min())
        self.assertEqual(said["most_value"], before.values.max())

    def check_grid(self, before, after, manifest):
        grid, output = manifest["grid"], manifest["output"]
        self.assertEqual(grid["dims"], list(after.dims))
        self.assertEqual(grid["dims"], [max(1, math.ceil(n * s / 1.0 - 1e-3))
                                        for n, s in zip(before.dims, before.spacing)])
        self.assertEqual(grid["spacing_mm"], [1, 1, 1])
        numpy.testing.assert_allclose(grid["origin_lps"], after.origin, atol=1e-9)
        numpy.testing.assert_allclose(grid["axes_lps"],
                                      [after.row, after.column, after.normal], atol=1e-9)
        self.assertEqual(output["voxel_sha256"],
                         sha256(b"".join(each.PixelData for each in after.datasets)))
        headers = [Path(each.filename).read_bytes()[:-len(each.PixelData)]
                   for each in after.datasets]
        self.assertEqual(output["header_sha256"], sha256(b"".join(headers)))
        self.assertEqual(output["series_uid"], after.datasets[0].SeriesInstanceUID)
        self.assertEqual(output["files"], len(after.datasets))

    def check_sampling(self, before, kernel, manifest):
        sampling = manifest["sampling"]
        self.assertEqual(sampling["kernel"]["name"], kernel)
        native = [0.5, 0.5, 3.5 / math.sqrt(12)]
        for axis, sigma, spacing in zip(sampling["source_axes"], native, before.spacing):
            stretch = 1 / spacing if spacing < 1 and kernel != "nearest" else 1
            after = math.sqrt(sigma ** 2 + MOMENT[kernel] * (stretch * spacing) ** 2)
            blur = axis["blur"]
            self.assertAlmostEqual(axis["stretch"], stretch, places=9)
            self.assertEqual(axis["antialias"], "stretch" if stretch > 1 else "none")
            self.assertAlmostEqual(blur["before_sigma_mm"], sigma, places=9)
            self.assertAlmostEqual(blur["before_fwhm_mm"], FWHM * sigma, places=9)
            self.assertAlmostEqual(blur["after_sigma_mm"], after, places=9)
            self.assertAlmostEqual(blur["after_fwhm_mm"], FWHM * after, places=9)

    def check_counts(self, before, after, counts):
        """Beyond the outermost sample: those that are not within on all three axes."""
        inner = 1
        for n, s, m in zip(before.dims, before.spacing, after.dims):
            at = (n - 1) / 2 + (numpy.arange(m) - (m - 1) / 2) / s
            inner *= int(((at >= 0) & (at <= n - 1)).sum())
        voxels = math.prod(after.dims)
        self.assertEqual(counts["voxels"], voxels)
        self.assertEqual(counts["extrapolated"]["count"], voxels - inner)
        self.assertEqual(counts["extrapolated"]["fraction"], (voxels - inner) / voxels)
        for name in ("outside", "padded", "saturated", "clamped", "source_padded"):
            self.assertEqual(counts[name], {"count": 0, "fraction": 0}, name)
        self.assertEqual(counts["source_pixels"], math.prod(before.dims))

    def check_block(self, after, manifest):
        """Each instance says the essentials too: docs/DERIVED.md."""
        for each in after.datasets:
            block = each.private_block(0x0099, "ISOVOX 1.0")
            axes = [axis["blur"] for axis in manifest["sampling"]["source_axes"]]
            recipe = json.dumps(manifest["recipe"], separators=(",", ":"))
            self.assertEqual(block[0x01].value, recipe)
            self.assertEqual(block[0x02].value, sha256(recipe.encode()))
            self.assertEqual(block[0x02].value, manifest["recipe_sha256"])
            self.assertEqual(block[0x0A].value, manifest["source"]["anisotropy"].upper())
            self.assertEqual(block[0x10].value, manifest["source"]["pixel_sha256"])
            self.assertEqual(block[0x11].value, manifest["output"]["voxel_sha256"])
            numpy.testing.assert_allclose(
                numpy.array(block[0x12].value, float),
                [axis["before_sigma_mm"] for axis in axes], atol=1e-9)
            numpy.testing.assert_allclose(
                numpy.array(block[0x13].value, float),
                [axis["after_sigma_mm"] for axis in axes], atol=1e-9)
            counts = manifest["counts"]
            for element, name in ((0x14, "outside"), (0x15, "padded"), (0x16, "extrapolated")):
                self.assertAlmostEqual(float(block[element].value), counts[name]["fraction"])
            self.assertEqual(int(block[0x17].value), counts["saturated"]["count"])
            self.assertEqual(int(block[0x18].value), counts["clamped"]["count"])

    def test_a_tilted_series_says_where_its_slices_were(self):
        source = self.source("--dims", "24,24,9", "--tilt", "17")
        before, after, manifest = self.converted(source, "--kernel", "linear")
        shifts = (before.positions - before.origin) @ before.column
        numpy.testing.assert_allclose(manifest["source"]["shifts_column_mm"], shifts, atol=1e-6)
        self.assertEqual(manifest["source"]["shifts_row_mm"], [0] * 9)
        self.assertAlmostEqual(manifest["source"]["tilt_deg"], 17, places=6)
        self.assertEqual(manifest["warnings"][0]["code"], "TILTED")
        # The wedges: voxels that lie more than half a pixel beside every slice's rows.
        values = numpy.stack([each.pixel_array for each in after.datasets])
        outside = manifest["counts"]["outside"]["count"]
        self.assertEqual(outside, int((values == -1024).sum()))
        self.assertGreater(outside, 0)

    def test_sources_in_every_encoding(self):
        files = self.phantom("--dims", "18,17,5", "--bits", "12")
        for program in (["dcmconv", "+ti"], ["dcmconv", "+tb"], ["dcmconv", "+td"], ["dcmcrle"]):
            with self.subTest(program=program):
                folder = self.new_folder("encoded")
                folder.mkdir()
                for each in files:
                    harness.run([*program, each, folder / each.name], check=True)
                out = self.new_folder("out")
                harness.run_tool("convert", folder, "-o", out, check=True)
                manifest = json.loads(next(out.rglob("manifest.json")).read_text())
                check_digests(self, harness.dicom_files(folder), manifest["source"])

    def test_frames_are_told_apart(self):
        files = self.phantom("--dims", "20,20,9")
        multi = self.new_folder("multi")
        multi.mkdir()
        multiframe.pack([pydicom.dcmread(each) for each in files], multi / "object.dcm", seed=1)
        out = self.new_folder("out")
        harness.run_tool("convert", multi, "-o", out, check=True)
        said = json.loads(next(out.rglob("manifest.json")).read_text())["source"]
        self.assertEqual(sorted(each["frame"] for each in said["instances"]),
                         list(range(1, 10)))
        check_digests(self, [multi / "object.dcm"], said)

    def test_padding_is_counted_and_takes_the_background(self):
        source = self.source("--dims", "32,32,6", "--padding", "-2000")
        before, after, manifest = self.converted(source)
        gone = numpy.stack([each.pixel_array == -2000 for each in before.datasets])
        self.assertEqual(manifest["counts"]["source_padded"]["count"], int(gone.sum()))
        self.assertGreater(manifest["counts"]["padded"]["count"], 0)
        said = float(after.datasets[0].private_block(0x0099, "ISOVOX 1.0")[0x15].value)
        self.assertAlmostEqual(said, manifest["counts"]["padded"]["fraction"])

    def check_frames(self, files, manifest):
        read = [pydicom.dcmread(each) for each in files]
        digest = sha256(b"".join(each.PixelData for each in read))
        headers = b"".join(each.read_bytes()[:-len(data.PixelData)]
                           for each, data in zip(files, read))
        self.assertEqual(manifest["output"]["voxel_sha256"], digest)
        self.assertEqual(manifest["output"]["header_sha256"], sha256(headers))
        for each in read:
            self.assertEqual(each.private_block(0x0099, "ISOVOX 1.0")[0x11].value, digest)

    def test_every_kind_of_result_has_one(self):
        source = self.source("--dims", "12,12,6")
        for options in (["--format", "nifti"], ["--format", "raw"], ["--spacing", "native"],
                        ["--orientation", "patient"], ["--spacing", "min"],
                        ["--antialias", "off", "--boundary", "background"],
                        ["--format", "enhanced"], ["--boundary", "mirror"],
                        ["--antialias", "gauss-mirp", "--spacing", "2"]):
            with self.subTest(options=options):
                _, after, manifest = self.converted(source, *options)
                self.assertEqual(manifest["sampling"]["interpolations_applied"],
                                 0 if "native" in options else 1)
                if "enhanced" in options:
                    self.check_frames(harness.dicom_files(after), manifest)
                if "raw" in options:
                    data = (after / "volume.raw").read_bytes()
                    self.assertEqual(manifest["output"]["voxel_sha256"], sha256(data))
                    self.assertEqual(manifest["sampling"]["rounding"], "none")

    def test_results_limited_to_the_range_of_the_source(self):
        source = self.source("--dims", "24,24,9", "--spacing", "1.3,1.3,2.6")
        before, after, manifest = self.converted(source, "--clamp", "input-range")
        _, free, _ = self.converted(source)
        least, most = before.values.min(), before.values.max()
        self.assertEqual(manifest["sampling"]["clamped_to"], [least, most])
        values = numpy.stack([each.pixel_array for each in after.datasets])
        loose = numpy.stack([each.pixel_array for each in free.datasets])
        self.assertEqual((values.min(), values.max()), (least, most))
        # At least those that stood outside after rounding: half a unit may round back.
        outside = int(((loose < least) | (loose > most)).sum())
        self.assertGreater(outside, 0)
        self.assertGreaterEqual(manifest["counts"]["clamped"]["count"], outside)

    def test_a_gaussian_adds_its_own_blur(self):
        source = self.source("--dims", "24,24,9", "--spacing", "0.8,0.8,2.5")
        before, _, manifest = self.converted(source, "--antialias", "gauss-cardoso",
                                             "--spacing", "2", "--kernel", "linear")
        for axis, spacing in zip(manifest["sampling"]["source_axes"], before.spacing):
            ratio = max(1, 2 / spacing)
            sigma = math.sqrt((ratio ** 2 - 1) / (8 * math.log(2)))
            total = (axis["blur"]["before_sigma_mm"] ** 2 + spacing ** 2 / 6
                     + (sigma * spacing) ** 2)
            self.assertEqual(axis["antialias"], "gaussian" if ratio > 1 else "none")
            self.assertAlmostEqual(axis["gaussian_sigma_samples"], sigma, places=9)
            self.assertAlmostEqual(axis["blur"]["after_sigma_mm"], math.sqrt(total), places=9)

    def test_an_oblique_source_to_patient_axes(self):
        source = self.source("--dims", "16,16,8", "--oblique", "1,0.2,0,0,1,0.1")
        _, _, manifest = self.converted(source, "--orientation", "patient", "--kernel", "linear")
        self.assertEqual(manifest["grid"]["axes_lps"], [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
        self.assertGreater(manifest["counts"]["outside"]["count"], 0)
