"""isovox replay: the same sources and manifest give the same bytes, and a difference is told."""

import copy
import io
import json

import pydicom

import harness
import multiframe
import rawscu
import test_manifest

SHA = "0" * 64


def leaves(value, path=()):
    """Every place of a value that is no object; of lists the last entry stands for all."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, path + (key,))
    elif isinstance(value, list) and value:
        yield from leaves(value[-1], path + (len(value) - 1,))
    else:
        yield path


def required(schema, root, path=()):
    """Every member that the schema wants, but for those in lists."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].split("/")[-1]]
    for key in schema.get("required", ()):
        yield path + (key,)
        yield from required(schema.get("properties", {}).get(key, {}), root, path + (key,))


def changed(manifest, path, change):
    made = copy.deepcopy(manifest)
    place = made
    for step in path[:-1]:
        place = place[step]
    change(place, path[-1])
    return made


def remove(place, key):
    del place[key]


def tamper(place, key):
    value = place[key]
    if isinstance(value, bool):
        place[key] = not value
    elif isinstance(value, (int, float)):
        place[key] = value + 1
    elif isinstance(value, list):
        place[key] = ["something"]
    elif len(value) == 64:
        place[key] = value[:-1] + ("1" if value[-1] == "0" else "0")
    else:
        place[key] = value + "1"


class ReplayCase(harness.Case):
    def converted(self, *options, dims="40,40,16", tilt="12", shape=()):
        source = self.phantom("--shape", "head", "--tilt", tilt, "--dims", dims, *shape)[0].parent
        out = self.new_folder("out")
        harness.run_tool("convert", *options, source, "-o", out, check=True)
        manifests = list(out.rglob("*manifest.json"))
        self.assertEqual(len(manifests), 1)
        return source, manifests[0]


class Replay(ReplayCase):
    def test_repeats_every_format(self):
        for options in (["--format", "dicom"], ["--format", "enhanced"],
                        ["--format", "nifti", "--kernel", "linear"],
                        ["--format", "raw", "--spacing", "0.7"],
                        ["--orientation", "patient"], ["--align", "corner", "--spacing", "min"]):
            with self.subTest(options=options):
                source, manifest = self.converted(*options)
                told = harness.run_tool("replay", manifest, source)
                self.assertEqual(told.returncode, 0, told.stderr)
                sha = json.loads(manifest.read_text())["output"]["voxel_sha256"]
                self.assertEqual(told.stdout, f"same: {sha}\n")

    def test_repeats_the_acquired_grid_and_obliques(self):
        for options, shape in ((["--spacing", "native"], []),
                               (["--spacing", "native", "--format", "nifti"], []),
                               (["--orientation", "patient", "--kernel", "lanczos3"],
                                ["--oblique", "1,0.2,0,0,1,0.1"])):
            with self.subTest(options=options):
                source, manifest = self.converted(*options, tilt="0", dims="20,20,9", shape=shape)
                told = harness.run_tool("replay", "--threads", "1", manifest, source)
                self.assertEqual(told.returncode, 0, told.stderr)

    def test_repeats_the_grid_of_another_series_without_it(self):
        source = self.phantom("--dims", "20,20,9", "--study", "s", "--seed", "a")[0].parent
        other = self.phantom("--dims", "16,16,9", "--spacing", "1.1,1.1,1.7", "--study", "s",
                             "--seed", "a", "--series", "2")[0].parent
        out = self.new_folder("out")
        harness.run_tool("convert", "--align", "reference", "--reference", other, source, "-o",
                         out, check=True)
        manifest = next(out.rglob("manifest.json"))
        test_manifest.SCHEMA.validate(json.loads(manifest.read_text()))
        told = harness.run_tool("replay", manifest, source)
        self.assertEqual(told.returncode, 0, told.stderr)

    def test_repeats_what_was_made_of_a_multi_frame_object(self):
        files = self.phantom("--dims", "20,20,9", "--tilt", "8")
        multi = self.new_folder("multi")
        multi.mkdir(exist_ok=True)
        multiframe.pack([pydicom.dcmread(each) for each in files], multi / "object.dcm", seed=1)
        out = self.new_folder("out")
        harness.run_tool("convert", multi, "-o", out, check=True)
        manifest = next(out.rglob("manifest.json"))
        said = json.loads(manifest.read_text())
        test_manifest.SCHEMA.validate(said)
        self.assertEqual(len(said["source"]["instances"]), 9)
        told = harness.run_tool("replay", manifest, multi)
        self.assertEqual(told.returncode, 0, told.stderr)

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
        self.assertIn("1 of 16 source instances have another content; their Pixel Data is not the"
                      " same", told.stderr)

    def test_a_changed_header_is_told_from_changed_values(self):
        source, manifest = self.converted()
        file = sorted(source.iterdir())[5]
        data = file.read_bytes()
        self.assertIn(b"PHANTOM^ISOVOX", data)
        file.write_bytes(data.replace(b"PHANTOM^ISOVOX", b"PHANTOM^OTHERS"))

        told = harness.run_tool("replay", manifest, source)

        self.assertEqual(told.returncode, 1)
        self.assertIn("the UIDs differ", told.stderr)
        self.assertIn("1 of 16 source instances have another content; their Pixel Data is the same",
                      told.stderr)

    def test_another_meta_header_is_no_difference(self):
        source, manifest = self.converted()
        for file in source.iterdir():
            data = pydicom.dcmread(file)
            data.file_meta.ImplementationVersionName = "SOMEBODY ELSE"
            data.file_meta.SourceApplicationEntityTitle = "OTHERS"
            start = len(file.read_bytes()) - len(rawscu.payload(file)[0])
            data.preamble = b"II*\0".ljust(128, b"\0")
            rest = file.read_bytes()[start:]
            meta = io.BytesIO()
            pydicom.filewriter.write_file_meta_info(meta, data.file_meta)
            file.write_bytes(data.preamble + b"DICM" + meta.getvalue() + rest)

        told = harness.run_tool("replay", manifest, source)

        self.assertEqual(told.returncode, 0, told.stderr)

    def test_another_engine_version_is_told(self):
        source, manifest = self.converted()
        wrong = json.loads(manifest.read_text())
        wrong["engine_version"] = 0
        wrong["output"]["voxel_sha256"] = SHA
        manifest.write_text(json.dumps(wrong))

        told = harness.run_tool("replay", manifest, source)

        self.assertEqual(told.returncode, 1)
        self.assertIn("made by engine version 0", told.stderr)

    def test_missing_sources_and_bad_manifests_are_errors(self):
        source, manifest = self.converted()
        sorted(source.iterdir())[3].unlink()
        told = harness.run_tool("replay", manifest, source)
        self.assertEqual(told.returncode, 1)
        self.assertIn("15 of the manifest's 16 source instances are in the input", told.stderr)

        for text in ("", "[]", "{}", '{"manifest_version": 2}', '{"manifest_version": 3}'):
            manifest.write_text(text)
            told = harness.run_tool("replay", manifest, source)
            self.assertEqual(told.returncode, 1, text)
            self.assertRegex(told.stderr, "manifest")


class Daemon(harness.Case):
    """What a daemon received over the network and what lies in files is one source."""

    def test_makes_the_same_objects_of_the_same_instances(self):
        daemon = self.daemon(settings={
            ("destination", "nowhere"): {"ae_title": "NOWHERE", "address": harness.HOST,
                                         "port": harness.free_port()},
            ("route", "ct"): {"modality": ["CT"], "recipes": ["iso-1mm"],
                              "destinations": ["nowhere"]}})
        files = self.phantom("--shape", "head", "--dims", "20,20,9", "--tilt", "7")
        for each in files:
            data, syntax = rawscu.payload(each)
            status, _ = rawscu.store(daemon.port, pydicom.dcmread(each).SOPInstanceUID, data,
                                     called=daemon.aet, syntax=syntax)
            self.assertEqual(status, 0)

        def finished():
            jobs = daemon.list("jobs")
            return jobs and jobs[0]["state"] == "done" and jobs[0]
        job = harness.wait_until(finished, 60, "the job is done")

        manifest = self.folder / "daemon.json"
        manifest.write_text(json.dumps(daemon.get(f"/api/v1/jobs/{job['id']}/manifest")))
        out = self.new_folder("out")
        told = harness.run_tool("replay", manifest, files[0].parent, "-o", out)
        self.assertEqual(told.returncode, 0, told.stderr)
        # Every byte, not only what the manifest has digests of.
        made = harness.dicom_files(out)
        kept = sorted(each for each in (daemon.state / "outbox").rglob("*.dcm"))
        self.assertEqual([each.read_bytes() for each in made],
                         [each.read_bytes() for each in kept])
        self.assertGreater(len(made), 15)
        first = self.new_folder("plain")
        harness.run_tool("convert", files[0].parent, "-o", first, check=True)
        self.assertEqual([pydicom.dcmread(each).SOPInstanceUID for each in kept],
                         [pydicom.dcmread(each).SOPInstanceUID
                          for each in harness.dicom_files(first)])


class EditedManifest(ReplayCase):
    """Nothing of a manifest can be changed or left out unseen, but for what it ran on."""

    def setUp(self):
        super().setUp()
        self.source, self.path = self.converted(dims="6,6,5", tilt="5")
        self.manifest = json.loads(self.path.read_text())

    def replay(self, manifest):
        self.path.write_text(json.dumps(manifest))
        return harness.run_tool("replay", "--threads", "1", self.path, self.source)

    def test_a_member_that_is_missing_is_named(self):
        schema = test_manifest.SCHEMA.schema
        paths = [path for path in required(schema, schema)
                 if path[:2] != ("software", "libraries") and path[0] != "manifest_version"]
        self.assertGreater(len(paths), 60)
        for path in paths:
            with self.subTest(path=path):
                told = self.replay(changed(self.manifest, path, remove))
                self.assertEqual(told.returncode, 1, told.stdout)
                self.assertIn("recipe" if path[0] == "recipe" else ".".join(path[:2]),
                              told.stderr)

    def test_a_member_that_was_changed_is_told(self):
        paths = [path for path in leaves(self.manifest)
                 if path[0] not in ("software", "engine_version")]
        self.assertGreater(len(paths), 80)
        for path in paths:
            with self.subTest(path=path):
                told = self.replay(changed(self.manifest, path, tamper))
                self.assertEqual(told.returncode, 1, told.stdout)
                self.assertRegex(told.stderr, r"manifest|differ|recipe")

    def test_another_compiler_and_library_is_no_difference(self):
        for path in leaves(self.manifest["software"], ("software",)):
            told = self.replay(changed(self.manifest, path, tamper))
            self.assertEqual(told.returncode, 0, told.stderr)

    def test_what_it_does_not_know_is_told(self):
        told = self.replay({**self.manifest, "more": 1})
        self.assertEqual(told.returncode, 1)
        self.assertIn("more: manifest 1, now has none", told.stderr)
