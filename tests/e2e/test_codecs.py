"""Compressed series. Whatever lossless syntax a series arrives in, the derived voxels are
those of the uncompressed one; encoders are DCMTK's, GDCM's and OpenJPH's."""

import shutil

import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

import chain
import harness
from test_convert import ConvertCase

# name: the command that reads $1 and writes $2.
LOSSLESS = {
    "deflated": ["dcmconv", "+td"],
    "big endian": ["dcmconv", "+tb"],
    "RLE": ["dcmcrle"],
    "JPEG lossless 57": ["dcmcjpeg", "+el"],
    "JPEG lossless 70": ["dcmcjpeg", "+e1"],
    "JPEG-LS": ["dcmcjpls", "+el"],
    "RLE by GDCM": ["gdcmconv", "--rle"],
    "JPEG lossless by GDCM": ["gdcmconv", "--jpeg"],
    "JPEG-LS by GDCM": ["gdcmconv", "--jpegls"],
    "JPEG 2000 by GDCM": ["gdcmconv", "--j2k"],
    "JPEG-LS in fragments": ["dcmcjpls", "+el", "+fs", "1"],
    "JPEG without offset table": ["dcmcjpeg", "+e1", "-ot", "+fs", "1"],
}
HTJ2K = {"HTJ2K 201": ("1.2.840.10008.1.2.4.201", "LRCP"),
         "HTJ2K 202": ("1.2.840.10008.1.2.4.202", "RPCL")}
# pydicom 2 does not write HTJ2K; this UID of the same length is replaced in the file.
STAND_IN = "1.2.840.10008.1.2.4.100"
PHANTOM = ("--shape", "sines", "--dims", "40,36,8", "--spacing", "0.9,0.8,2.5")


def encode(files, folder, command):
    """Each file through the command; the new files."""
    made = []
    folder.mkdir(exist_ok=True)
    for path in files:
        harness.run([*command, path, folder / path.name], check=True)
        made.append(folder / path.name)
    return made


def encode_htj2k(files, folder, syntax, order):
    """By ojph_compress, which reads little-endian words. Always as unsigned (0.9 does not
    extend the sign of what it reads): the header says what they are."""
    made = []
    folder.mkdir(exist_ok=True)
    for path in files:
        data = pydicom.dcmread(path)
        words, stream = folder / "frame.yuv", folder / "frame.j2c"
        words.write_bytes(data.PixelData)
        harness.run(["ojph_compress", "-i", words, "-o", stream, "-reversible", "true",
                     "-dims", "{%d,%d}" % (data.Columns, data.Rows), "-num_comps", "1",
                     "-signed", "false",
                     "-bit_depth", data.BitsStored, "-downsamp", "{1,1}",
                     "-prog_order", order, "-num_decomps", "3"], check=True)
        data.PixelData = encapsulate([stream.read_bytes()])
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = STAND_IN
        data.is_little_endian, data.is_implicit_VR = True, False
        data.save_as(folder / path.name)
        whole = (folder / path.name).read_bytes()
        (folder / path.name).write_bytes(whole.replace(STAND_IN.encode(),
                                             syntax.encode(), 1))
        made.append(folder / path.name)
    words.unlink()
    stream.unlink()
    return made


class EveryLosslessSyntax(ConvertCase):
    def digest(self, source):
        report, _ = self.convert(source, "--spacing", 1)
        self.assertEqual(len(report["volumes"]), 1, report)
        return report["volumes"][0]["output"]["voxel_sha256"]

    def same_in_every_syntax(self, *phantom):
        files = self.phantom(*PHANTOM, *phantom)
        wanted = self.digest(files[0].parent)
        for name, command in LOSSLESS.items():
            with self.subTest(name):
                folder = self.new_folder(name.replace(" ", "-"))
                encode(files, folder, command)
                self.assertEqual(self.digest(folder), wanted)
        for name, (syntax, order) in HTJ2K.items():
            with self.subTest(name):
                folder = self.new_folder(name.replace(" ", "-"))
                encode_htj2k(files, folder, syntax, order)
                self.assertEqual(self.digest(folder), wanted)

    def test_gives_the_same_voxels(self):
        self.same_in_every_syntax()

    def test_gives_the_same_voxels_of_signed_pixels(self):
        self.same_in_every_syntax("--signed", "--intercept", "0")

    def test_may_be_mixed_in_one_series(self):
        files = self.phantom(*PHANTOM)
        folder = self.new_folder("mixed")
        for n, path in enumerate(files):
            encode([path], folder, list(LOSSLESS.values())[n % len(LOSSLESS)])
        self.assertEqual(self.digest(folder), self.digest(files[0].parent))

    def test_a_compressed_instance_twice_changes_nothing(self):
        files = self.phantom(*PHANTOM)
        folder = self.new_folder("twice")
        made = encode(files, folder, LOSSLESS["JPEG-LS"])
        wanted = self.digest(folder)
        shutil.copy(made[3], folder / "again.dcm")
        self.assertEqual(self.digest(folder), wanted)


def largest_ratio(files):
    """What the result has to say: of the slice that lost most."""
    return max(float(pydicom.dcmread(each).LossyImageCompressionRatio) for each in files)


class LossySources(ConvertCase):
    def flags(self, folder, *options):
        _, made = self.convert_one(folder, "--spacing", 1, *options)
        flags = {(each.LossyImageCompression, float(each.LossyImageCompressionRatio),
                  each.LossyImageCompressionMethod) for each in made}
        self.assertEqual(len(flags), 1)
        return flags.pop()

    def test_flags_ratio_and_method_stay_in_all_that_is_derived(self):
        for name, command, method in (("jpeg", ["dcmcjpeg", "+ee", "+q", "90"], "ISO_10918_1"),
                                      ("jpegls", ["dcmcjpls", "+en", "+md", "5"],
                                       "ISO_14495_1")):
            files = self.phantom(*PHANTOM, "--unsigned")
            folder = self.new_folder(name)
            made = encode(files, folder, command)
            wanted = ("01", largest_ratio(made), method)
            for options in ([], ["--format", "enhanced"], ["--spacing", "native"]):
                with self.subTest(name, options=options):
                    self.assertEqual(self.flags(folder, *options), wanted)

    def test_one_lossy_slice_is_enough_and_decoding_it_first_does_not_help(self):
        files = self.phantom(*PHANTOM)
        folder, plain = self.new_folder("one"), self.new_folder("plain")
        plain.mkdir()
        made, = encode(files[3:4], folder, ["dcmcjpeg", "+ee", "+q", "90"])
        wanted = ("01", largest_ratio([made]), "ISO_10918_1")
        for path in files:
            shutil.copy(path, plain)
        harness.run(["dcmdjpeg", made, plain / files[3].name], check=True)
        self.assertEqual(self.flags(plain), wanted)

    def test_a_header_that_forgot_is_put_right_by_its_syntax(self):
        files = self.phantom(*PHANTOM)
        folder = self.new_folder("silent")
        ratios = []
        for path in encode(files, folder, ["dcmcjpeg", "+ee", "+q", "90"]):
            data = pydicom.dcmread(path)
            stream = next(pydicom.encaps.generate_pixel_data_frame(data.PixelData, 1))
            ratios.append(data.Rows * data.Columns * 2 / len(stream))
            for keyword in ("LossyImageCompression", "LossyImageCompressionRatio",
                            "LossyImageCompressionMethod"):
                delattr(data, keyword)
            data.save_as(path)
        flag, ratio, method = self.flags(folder)
        self.assertEqual((flag, method), ("01", "ISO_10918_1"))
        self.assertAlmostEqual(ratio, max(ratios), delta=0.05 * max(ratios))

    def check(self, command, most):
        files = self.phantom(*PHANTOM)
        folder = self.new_folder("lossy")
        encode(files, folder, command)
        _, plain = self.convert_one(files[0].parent, "--spacing", 1, "--kernel", "linear")
        made, lossy = self.convert_one(folder, "--spacing", 1, "--kernel", "linear")
        self.assertIn("LOSSY_SOURCE", [each.get("code") if isinstance(each, dict) else each
                                       for each in made["warnings"]])
        for each in lossy:
            self.assertEqual(each.LossyImageCompression, "01")
        difference = chain.Derived(lossy).hu() - chain.Derived(plain).hu()
        self.assertGreater(np.abs(difference).max(), 0, "it was lossless")
        self.assertLess(np.abs(difference).max(), most)

    def test_jpeg_of_12_bits(self):
        self.check(["dcmcjpeg", "+ee", "+q", "98"], 60)

    def test_jpeg_2000(self):
        self.check(["gdcmconv", "--j2k", "--lossy", "--irreversible", "-q", "80"], 60)


class Broken(ConvertCase):
    def test_a_codestream_that_is_cut_or_of_another_size_is_refused_with_nothing_written(self):
        files = self.phantom(*PHANTOM)
        for name in ("JPEG-LS", "JPEG lossless 70", "RLE", "JPEG 2000 by GDCM"):
            with self.subTest(name):
                folder = self.new_folder("cut-" + name.replace(" ", "-"))
                made = encode(files, folder, LOSSLESS[name])
                data = pydicom.dcmread(made[4])
                stream = next(pydicom.encaps.generate_pixel_data_frame(data.PixelData, 1))
                data.PixelData = encapsulate([stream[:len(stream) // 2 & ~1]])
                data["PixelData"].is_undefined_length = True
                data.save_as(made[4])
                out = self.new_folder("nothing")
                done = harness.run_tool("convert", folder, "-o", out)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("decode", done.stderr + done.stdout)
                self.assertEqual(harness.dicom_files(out), [])

    def test_fragments_without_end_are_damaged(self):
        files = self.phantom(*PHANTOM)
        folder = self.new_folder("endless")
        made = encode(files, folder, LOSSLESS["RLE"])
        made[2].write_bytes(made[2].read_bytes()[:-20])
        report, _ = self.convert(folder, "--spacing", 1, status=3)
        self.assertEqual([each["code"] for each in report["refused"]], ["DAMAGED"])


def stack(data, folder):
    """A series of four from one slice, 3 mm apart: its pixels, with positions of our own."""
    series = generate_uid()
    folder.mkdir(exist_ok=True)
    for n in range(4):
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.SeriesInstanceUID = series
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.ImagePositionPatient = [0, 0, 3 * n]
        data.InstanceNumber = n + 1
        data.save_as(folder / f"{n}.dcm")


class ARealSlice(ConvertCase):
    """One slice of a scanner in fifteen syntaxes, made by somebody else."""

    def test_is_the_same_from_every_lossless_syntax(self):
        folder = harness.shared_data("ct_one_slice_15_syntaxes")
        plain = self.stacked(folder / "CTImage.dcm")
        for mark in ("1.2.2.", "1.2.1.99", "1.2.5", "4.57", "4.70", "4.80", "4.90"):
            with self.subTest(mark):
                found = [each for each in folder.glob("CTImage.dcm_*")
                         if each.name.endswith(mark.rstrip(".") + ".dcm")]
                self.assertEqual(len(found), 1)
                self.assertEqual(self.stacked(found[0]), plain)

    def stacked(self, path, status=0):
        folder = self.new_folder("stack")
        stack(pydicom.dcmread(path), folder)
        report, _ = self.convert(folder, "--spacing", 1, "--kernel", "linear", status=status)
        if status != 0:
            return [each["code"] for each in report["refused"]]
        return report["volumes"][0]["output"]["voxel_sha256"]

    def test_signs_that_a_codestream_forgot_are_those_of_the_header(self):
        """pydicom's trap: the header says signed, the codestream unsigned, 13 bits each."""
        path = harness.shared_data("pydicom_test_files/J2K_pixelrep_mismatch.dcm")
        folder = self.new_folder("stack")
        data = pydicom.dcmread(path)
        stack(data, folder)
        stream = folder / "frame.j2k"
        stream.write_bytes(next(pydicom.encaps.generate_pixel_data_frame(data.PixelData, 1)))
        harness.run(["opj_decompress", "-i", stream, "-o", folder / "frame.rawl"], check=True)
        words = np.fromfile(folder / "frame.rawl", "<u2").reshape(data.Rows, data.Columns)
        for rest in ("frame.j2k", "frame.rawl"):
            (folder / rest).unlink()
        stored = ((words.astype(int) ^ 0x1000) & 0x1FFF) - 0x1000
        self.assertLess(stored.min(), 0)
        spacing = float(data.PixelSpacing[0])
        _, derived = self.convert_one(folder, "--spacing", spacing, "--kernel", "linear",
                                      "--align", "origin")
        wanted = np.maximum(stored * float(data.RescaleSlope) + float(data.RescaleIntercept),
                            -1024)
        if "PixelPaddingValue" in data:
            wanted[stored == int(data.PixelPaddingValue)] = -1024
        np.testing.assert_array_equal(chain.Derived(derived).hu()[0], wanted)


class OverTheNetwork(harness.Case):
    def test_what_a_sender_proposes_compressed_arrives_and_is_converted(self):
        pacs = self.pacs()
        daemon = self.daemon(pacs)
        files = self.phantom(*PHANTOM)
        for count, name in enumerate(("JPEG lossless 70", "JPEG-LS", "RLE",
                                      "JPEG 2000 by GDCM", "deflated"), 1):
            folder = self.new_folder(name.replace(" ", "-"))
            series = generate_uid()
            for path in encode(files, folder, LOSSLESS[name]):
                harness.run(["dcmodify", "-nb", "-m", f"SeriesInstanceUID={series}", "-m",
                             f"SOPInstanceUID={generate_uid()}", path], check=True)
            harness.dcmsend(folder, daemon.port)
            found = pacs.wait_derived(series=count, alive=[daemon])
            self.assertEqual(len(found), count)
        voxels = [chain.fetch(pacs, each).pixels() for each in found]
        self.assertEqual(len(set(voxels)), 1)
        source = chain.Expected(files, 1.0, "bspline3")
        chain.check_values(self, chain.fetch(pacs, found[0]), source)
