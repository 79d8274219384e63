"""What lies on discs: a DICOMDIR and what can be wrong with it, files without a preamble or meta
header, names of any kind. Truth: the files themselves, and the same phantom undisturbed."""

import json
import shutil
from pathlib import Path

import pydicom

import harness

VARIANTS = ("DICOMDIR", "DICOMDIR-implicit", "DICOMDIR-bigEnd", "DICOMDIR-reordered")


def inspect(*inputs):
    done = harness.run_tool("inspect", "--json", *inputs)
    report = json.loads(done.stdout)
    return report["volumes"], sorted(r["code"] for r in report["refused"]), done.returncode


class Medium(harness.Case):
    def make(self):
        """A disc with ten slices in two folders, and the volume they are."""
        files = self.phantom("--dims", "16,16,10")
        disc = self.new_folder("disc")
        for number, path in enumerate(files):
            place = disc / f"PAT{number % 2}"
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place / f"IM{number:03}")
        names = [str(p.relative_to(disc)) for p in sorted(disc.rglob("IM*"))]
        harness.run(["dcmmkdir", "-Pgp", "-I", *names], cwd=disc, check=True)
        volumes, codes, status = inspect(files[0].parent)
        self.assertEqual((len(volumes), codes, status), (1, [], 0))
        return disc, volumes

    def edit(self, disc, change):
        data = pydicom.dcmread(disc / "DICOMDIR")
        change([r for r in data.DirectoryRecordSequence if "ReferencedFileID" in r], data)
        pydicom.dcmwrite(disc / "DICOMDIR", data)

    def test_a_dicomdir_stands_for_the_files_it_lists(self):
        disc, expected = self.make()
        (disc / "STRAY").mkdir()
        for number, path in enumerate(self.phantom("--dims", "8,8,4")):
            data = pydicom.dcmread(path)
            data.SeriesInstanceUID, data.SOPInstanceUID = "2.25.1", f"2.25.1{number}"
            data.save_as(disc / "STRAY" / str(number))
        self.assertEqual(inspect(disc / "DICOMDIR"), (expected, [], 0))
        self.assertEqual(len(inspect(disc)[0]), 2)

    def test_case_and_versions_of_names_do_not_matter(self):
        disc, expected = self.make()
        for number, path in enumerate(sorted(disc.rglob("IM*"))):
            path.rename(path.with_name(path.name.lower() + ("", ";1", ".", ".;1")[number % 4]))
        (disc / "PAT1").rename(disc / "pat1")
        (disc / "DICOMDIR").rename(disc / "dicomdir")
        self.assertEqual(inspect(disc / "dicomdir"), (expected, [], 0))

    def test_a_missing_file_is_said_to_be_missing(self):
        disc, _ = self.make()
        (disc / "PAT0" / "IM004").unlink()
        done = harness.run_tool("inspect", disc / "DICOMDIR")
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r"refused: DAMAGED: PAT0/IM004: .*not there")
        self.assertIn("refused: GAP", done.stderr)

    def test_nothing_outside_the_folder_is_read(self):
        for bad in (["..", "secret"], ["", "etc", "passwd"], ["PAT0", "..", "..", "secret"],
                    ["/etc/passwd"], ["PAT0/../../secret"]):
            with self.subTest(bad):
                disc, expected = self.make()
                secret = self.phantom("--dims", "8,8,1")[0]
                shutil.copy(secret, disc.parent / "secret")

                def lead_out(records, data):
                    extra = pydicom.Dataset()
                    extra.update(records[0])
                    extra.ReferencedFileID = bad
                    data.DirectoryRecordSequence.append(extra)

                self.edit(disc, lead_out)
                volumes, codes, status = inspect(disc / "DICOMDIR")
                self.assertEqual((volumes, codes, status), (expected, ["DAMAGED"], 4))

    def test_offsets_that_run_in_circles_are_not_followed(self):
        disc, expected = self.make()

        def circle(records, data):
            for record in data.DirectoryRecordSequence:
                record.OffsetOfTheNextDirectoryRecord = 400
                record.OffsetOfReferencedLowerLevelDirectoryEntity = 400

        self.edit(disc, circle)
        self.assertEqual(inspect(disc / "DICOMDIR"), (expected, [], 0))

    def test_a_damaged_dicomdir_is_reported_and_its_folder_searched(self):
        for length in (50, 300, 2000):
            with self.subTest(length):
                disc, expected = self.make()
                whole = (disc / "DICOMDIR").read_bytes()
                (disc / "DICOMDIR").write_bytes(whole[:length])
                volumes, codes, _ = inspect(disc / "DICOMDIR")
                self.assertEqual(volumes, expected)
                self.assertIn("DAMAGED", codes)

    def test_public_dicomdirs_of_every_kind(self):
        source = harness.shared_data("pydicom_test_files/dicomdirtests")
        folder = self.new_folder("disc")
        shutil.copytree(source, folder)
        # copytree keeps the modes, and public data may be read-only
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        listed = [Path(*map(str, r.ReferencedFileID if not isinstance(r.ReferencedFileID, str)
                            else [r.ReferencedFileID]))
                  for r in pydicom.dcmread(source / "DICOMDIR").DirectoryRecordSequence
                  if "ReferencedFileID" in r]
        self.assertEqual(len(listed), 31)
        expected = inspect(*[source / name for name in listed])
        for variant in VARIANTS:
            with self.subTest(variant):
                shutil.copyfile(source / variant, folder / "DICOMDIR")
                self.assertEqual(inspect(folder / "DICOMDIR"), expected)


class Bare(harness.Case):
    """Objects as a network gave them, saved without what a file begins with."""

    def test_without_preamble_or_meta_header_and_under_any_name(self):
        for option in ((), ("--implicit",)):
            with self.subTest(option):
                files = self.phantom("--dims", "16,16,9", *option)
                expected = inspect(files[0].parent)
                folder = self.new_folder("bare")
                folder.mkdir()
                for number, path in enumerate(files):
                    whole = path.read_bytes()
                    meta = 144 + int.from_bytes(whole[140:144], "little")
                    cut = (whole[meta:], whole[132:], whole, whole[128:])[number % 4]
                    name = ("x.jpg", "IMG", "a b.txt", "y")[number % 4]
                    (folder / f"{number}{name}").write_bytes(cut)
                self.assertEqual(inspect(folder), expected)
                self.assertEqual(self.voxels(folder), self.voxels(files[0].parent))

    def voxels(self, folder):
        done = harness.run_tool("convert", "--json", folder, "-o", self.new_folder("out"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["volumes"][0]["output"]["voxel_sha256"]
