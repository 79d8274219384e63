"""isovox replay: the same sources and manifest give the same bytes, and a difference is told."""

import json
import re

import harness


class Replay(harness.Case):
    def converted(self, *options):
        source = self.phantom("--shape", "head", "--tilt", "12",
                              "--dims", "40,40,16")[0].parent
        out = self.new_folder("out")
        harness.run_tool("convert", *options, source, "-o", out, check=True)
        manifests = list(out.rglob("*manifest.json"))
        self.assertEqual(len(manifests), 1)
        return source, manifests[0]

    def test_repeats_every_format(self):
        for options in (["--format", "dicom"], ["--format", "enhanced"],
                        ["--format", "nifti", "--kernel", "linear"],
                        ["--format", "raw", "--spacing", "0.7"]):
            with self.subTest(options=options):
                source, manifest = self.converted(*options)
                told = harness.run_tool("replay", manifest, source)
                self.assertEqual(told.returncode, 0, told.stderr)
                sha = json.loads(manifest.read_text())["output"]["voxel_sha256"]
                self.assertEqual(told.stdout, f"same: {sha}\n")

    def test_files_are_the_same_bytes(self):
        source, manifest = self.converted()
        again = self.new_folder("again")

        harness.run_tool("replay", manifest, source, "-o", again, check=True)

        first = sorted(manifest.parent.iterdir())
        second = sorted(next(again.iterdir()).iterdir())
        self.assertGreater(len(first), 30)
        self.assertEqual([f.name for f in first], [f.name for f in second])
        for one, other in zip(first, second):
            self.assertEqual(one.read_bytes(), other.read_bytes(), one.name)

    def test_a_changed_voxel_is_told(self):
        source, manifest = self.converted()
        file = sorted(source.iterdir())[5]
        data = bytearray(file.read_bytes())
        data[-1001] ^= 0x04
        file.write_bytes(data)

        told = harness.run_tool("replay", manifest, source)

        self.assertEqual(told.returncode, 1)
        self.assertIn("the voxels differ", told.stderr)
        self.assertIn("1 of 16 source instances have another content", told.stderr)

    def test_another_engine_version_is_told(self):
        source, manifest = self.converted()
        text = manifest.read_text()
        wrong = re.sub(r'("voxel_sha256":\s*")[0-9a-f]{8}', r"\g<1>00000000", text)
        wrong = re.sub(r'("engine_version":\s*)\d+', r"\g<1>0", wrong)
        self.assertNotEqual(wrong, text)
        manifest.write_text(wrong)

        told = harness.run_tool("replay", manifest, source)

        self.assertEqual(told.returncode, 1)
        self.assertIn("made by engine version 0", told.stderr)

    def test_missing_sources_and_bad_manifests_are_errors(self):
        source, manifest = self.converted()
        sorted(source.iterdir())[3].unlink()
        told = harness.run_tool("replay", manifest, source)
        self.assertEqual(told.returncode, 1)
        self.assertIn("15 of the manifest's 16 source instances are in the input", told.stderr)

        for text in ("", "[]", "{}", '{"manifest_version": 1}', '{"manifest_version": 2}'):
            manifest.write_text(text)
            told = harness.run_tool("replay", manifest, source)
            self.assertEqual(told.returncode, 1, text)
            self.assertRegex(told.stderr, "manifest")
