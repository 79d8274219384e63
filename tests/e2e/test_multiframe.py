"""Multi-frame input: the same slices, classic or as frames of one object, are the same volume,
bit for bit. Objects are made by tests/e2e/multiframe.py with pydicom."""

import json
import os
import random
import subprocess
from pathlib import Path

import pydicom

import harness
import multiframe
from test_derived import errors_of_each
from test_modality import make_mr, make_pet

RANDOM_CASES = 300 if os.environ.get("ISOVOX_LONG") else 9


def options_of(state):
    """A phantom of any geometry; also whether slices get rescales of their own."""
    slices = state.randint(5, 9)
    options = ["--dims", f"{state.randint(9, 16)},{state.randint(9, 16)},{slices}",
               "--spacing", f"{state.uniform(0.5, 1.5):.3f},{state.uniform(0.5, 1.5):.3f},2.5"]
    if state.random() < 0.5:
        options += ["--tilt", f"{state.uniform(-25, 25):.2f}"]
    if state.random() < 0.4:
        t = [0.0]
        for _ in range(slices - 1):
            t.append(t[-1] + state.choice([2.5, 2.5, 3.25]))
        options += ["--irregular", ",".join(f"{v:g}" for v in t)]
    if state.random() < 0.4:
        options += ["--oblique", "0.9,0.3,0.1,-0.25,0.9,0.35"]
    if state.random() < 0.3:
        options += ["--flip-normal"]
    if state.random() < 0.4:
        options += ["--bits", "12", "--unsigned", "--padding", "0"]
    return options


def of_kind(files, kind, own_rescale):
    """The phantom's slices as CT, MR or PET, read again."""
    read = sorted((pydicom.dcmread(each) for each in files),
                  key=lambda data: float(data.SliceLocation) if "SliceLocation" in data
                  else int(data.InstanceNumber))
    for k, data in enumerate(read):
        if kind == "mr":
            make_mr(data, k)
        elif kind == "pet":
            make_pet(data, k)
        elif own_rescale:
            data.RescaleIntercept = str(-1024 + k)
        data.save_as(data.filename)
    return read


def convert(*arguments):
    done = harness.run_tool("convert", "--json", *arguments)
    if done.returncode != 0:
        raise AssertionError(f"exit status {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)["volumes"]


GEOMETRY = ("dims", "spacing_mm", "positions_mm", "origin_lps", "row_lps", "column_lps",
            "normal_lps", "tilt_deg", "uniform", "warnings", "modality")


class ClassicIsMultiFrame(harness.Case):
    def check_same(self, classic, multi, *options):
        """Geometry, warnings and result voxels of both, as integers and as floats."""
        for form in ("dicom", "raw"):
            one = convert(classic, "--format", form, *options, "-o", self.new_folder("one"))
            two = convert(multi, "--format", form, *options, "-o", self.new_folder("two"))
            self.assertEqual(len(one), len(two))
            for a, b in zip(one, two):
                self.assertEqual({k: a[k] for k in GEOMETRY}, {k: b[k] for k in GEOMETRY})
                self.assertEqual(a["output"]["voxel_sha256"], b["output"]["voxel_sha256"])
                self.assertEqual(b["instances"], len(harness.dicom_files(multi)))

    def test_random_series(self):
        seed = int(os.environ.get("ISOVOX_SEED", "20260301"))
        for n in range(RANDOM_CASES):
            state = random.Random(seed + n)
            kind, legacy = ("ct", "mr", "pet")[n % 3], state.random() < 0.5
            options = options_of(state)
            with self.subTest(seed=seed + n, kind=kind, legacy=legacy, options=options):
                files = self.phantom(*options)
                data = of_kind(files, kind, state.random() < 0.5)
                multi = self.new_folder("multi")
                made = multiframe.pack(data, multi / "object.dcm", legacy=legacy, seed=n,
                                       implicit=state.random() < 0.3,
                                       shared=state.random() < 0.7)
                if kind == "pet" and not legacy:
                    add_units(made, multi / "object.dcm")
                self.check_same(files[0].parent, multi)

    def test_patients(self):
        for name in ("sts_001/CT", "sts_001/MR_T1", "sts_001/PET"):
            folder = harness.shared_data(name) / "image"
            data = [pydicom.dcmread(each) for each in harness.dicom_files(folder)]
            data = [d for d in data if "ImagePositionPatient" in d]
            multi = self.new_folder("multi")
            with self.subTest(series=name):
                multiframe.pack(data, multi / "object.dcm", seed=3)
                self.check_same(folder, multi, "--spacing", "3")

    def test_a_public_pair(self):
        folder = harness.shared_data("seg_23x38x3")
        one = convert(folder / "image", "--format", "raw", "-o", self.new_folder("one"))
        two = convert(folder / "multiframe", "--format", "raw", "-o", self.new_folder("two"))
        self.assertEqual(one[0]["output"]["voxel_sha256"], two[0]["output"]["voxel_sha256"])
        self.assertEqual(one[0]["positions_mm"], two[0]["positions_mm"])

    def test_encapsulated_and_deflated(self):
        files = self.phantom("--dims", "32,24,9", "--bits", "12", "--unsigned", "--shape",
                             "noise", "--intercept", "-1000")
        data = of_kind(files, "ct", True)
        plain = self.new_folder("plain") / "object.dcm"
        multiframe.pack(data, plain, seed=5)
        for program in (["dcmcjpls"], ["dcmcrle"], ["dcmcjpeg", "+e1"], ["dcmconv", "+td"],
                        ["dcmconv", "+tb"], ["dcmcjpls", "+fs", "1"]):
            with self.subTest(program=program):
                multi = self.new_folder("packed")
                multi.mkdir(parents=True, exist_ok=True)
                subprocess.run([*program, str(plain), str(multi / "object.dcm")], check=True,
                               timeout=60)
                self.check_same(files[0].parent, multi)

    def test_threads_that_decode_change_nothing(self):
        """Not the voxels, and not what is said of the first frame that is damaged."""
        files = self.phantom("--dims", "32,24,11", "--bits", "12", "--unsigned", "--shape",
                             "noise", "--intercept", "-1000")
        multi = self.new_folder("packed") / "object.dcm"
        multiframe.pack(of_kind(files, "ct", True), multi, seed=6)
        subprocess.run(["dcmcjpls", str(multi), str(multi)], check=True, timeout=60)
        spoilt = self.new_folder("spoilt") / "object.dcm"
        spoilt.parent.mkdir()
        data = pydicom.dcmread(multi)
        frames = list(pydicom.encaps.generate_pixel_data_frame(data.PixelData, 11))
        for n in (3, 4, 8):
            frames[n] = frames[n][:len(frames[n]) // 2 // 2 * 2]
        data.PixelData = pydicom.encaps.encapsulate(frames)
        data.save_as(spoilt)

        found, told = set(), set()
        for threads in ("1", "2", "3", "7", "64"):
            volume, = convert(multi, "--threads", threads, "-o", self.new_folder("out"))
            found.add(volume["output"]["voxel_sha256"])
            done = harness.run_tool("convert", "--threads", threads, spoilt, "-o",
                                    self.new_folder("none"))
            self.assertEqual(done.returncode, 1, done.stderr)
            told.add(done.stderr)
        self.assertEqual((len(found), len(told)), (1, 1), (found, told))

    def test_enhanced_results_are_read_back(self):
        """A valid enhanced object (the validators say so in test_enhanced): our own, without
        the marks by which it would be passed over."""
        for kind in ("ct", "mr"):
            with self.subTest(kind=kind):
                files = self.phantom("--dims", "18,16,7", "--spacing", "0.9,1.1,2.3")
                of_kind(files, kind, False)
                made, = convert(files[0].parent, "--format", "enhanced", "--spacing", "native",
                                "-o", self.new_folder("made"))
                found, = harness.dicom_files(Path(made["output"]["path"]))
                data = pydicom.dcmread(found)
                del data.ContributingEquipmentSequence
                for element in [e for e in data if e.tag.group == 0x0099]:
                    del data[element.tag]
                multi = self.new_folder("multi")
                multi.mkdir()
                data.save_as(multi / "object.dcm")
                one, = convert(files[0].parent, "--format", "raw", "-o", self.new_folder("a"))
                two, = convert(multi, "--format", "raw", "-o", self.new_folder("b"))
                self.assertEqual({k: one[k] for k in GEOMETRY}, {k: two[k] for k in GEOMETRY})
                self.assertEqual(one["output"]["voxel_sha256"], two["output"]["voxel_sha256"])

    def test_concatenations(self):
        files = self.phantom("--dims", "16,12,9")
        data = of_kind(files, "ct", True)
        made = multiframe.pack(data, self.new_folder("whole") / "object.dcm", seed=2)
        multi = self.new_folder("parts")
        parts = multiframe.cut(made, multi, 3)
        self.check_same(files[0].parent, multi)
        for missing in range(3):
            done = harness.run_tool("inspect", "--json",
                                    *(p for n, p in enumerate(parts) if n != missing))
            self.assertEqual(done.returncode, 3, done.stdout)
            refused = json.loads(done.stdout)["refused"]
            self.assertEqual([(r["code"], r["instances"]) for r in refused], [("GAP", 6)])
            self.assertIn(f"part {missing + 1} of 3", refused[0]["text"])


def add_units(made, path):
    """Enhanced PET says its units in a Real World Value Mapping, in no other place."""
    mapping = multiframe.item(
        LUTLabel="BQML", RealWorldValueFirstValueMapped=0, RealWorldValueLastValueMapped=100,
        RealWorldValueIntercept=0.0, RealWorldValueSlope=1.0,
        MeasurementUnitsCodeSequence=multiframe.sequence(
            CodeValue="Bq/ml", CodingSchemeDesignator="UCUM", CodeMeaning="Bq/ml"))
    groups = made.get("SharedFunctionalGroupsSequence") or made.PerFrameFunctionalGroupsSequence
    for group in groups:
        group.RealWorldValueMappingSequence = pydicom.Sequence([mapping])
    multiframe.write(made, path, made.is_implicit_VR)


class Derived(harness.Case):
    def make(self, kind, legacy=True):
        files = self.phantom("--dims", "20,18,8", "--spacing", "0.9,1.1,2.3")
        data = of_kind(files, kind, False)
        multi = self.new_folder("multi") / "object.dcm"
        made = multiframe.pack(data, multi, legacy=legacy, seed=1)
        if kind == "pet" and not legacy:
            add_units(made, multi)
        return files, data, multi, made

    def results(self, volume):
        return sorted((pydicom.dcmread(each) for each in
                       harness.dicom_files(Path(volume["output"]["path"]))),
                      key=lambda data: int(data.InstanceNumber))

    def test_legacy_objects_are_valid(self):
        for kind in ("ct", "mr", "pet"):
            with self.subTest(kind=kind):
                files, _, multi, _ = self.make(kind)
                self.assertEqual(errors_of_each([multi]) - errors_of_each(files), set())

    def test_results_are_classic_and_valid(self):
        for kind in ("ct", "mr", "pet"):
            for legacy in (True, False):
                with self.subTest(kind=kind, legacy=legacy):
                    files, _, multi, _ = self.make(kind, legacy)
                    one, = convert(files[0].parent, "-o", self.new_folder("one"))
                    two, = convert(multi, "-o", self.new_folder("two"))
                    classic, derived = self.results(one), self.results(two)
                    self.assertEqual([d.SOPClassUID for d in derived],
                                     [d.SOPClassUID for d in classic])
                    found = harness.dicom_files(Path(two["output"]["path"]))
                    self.assertEqual(errors_of_each(found[:4]) - errors_of_each(files), set())
                    for a, b in zip(classic, derived):
                        self.assertEqual(a.ImagePositionPatient, b.ImagePositionPatient)
                        self.assertEqual(a.PixelData, b.PixelData)
                        self.assertEqual(a.get("Units"), b.get("Units"))

    def test_sources_are_named_with_their_frames(self):
        _, data, multi, made = self.make("ct")
        volume, = convert(multi, "-o", self.new_folder("out"))
        places = [float(group.PlanePositionSequence[0].ImagePositionPatient[2])
                  for group in made.PerFrameFunctionalGroupsSequence]
        for result in self.results(volume):
            here = float(result.ImagePositionPatient[2])
            named = [int(each.ReferencedFrameNumber) for each in result.SourceImageSequence]
            nearest = min(range(len(places)), key=lambda n: abs(places[n] - here)) + 1
            self.assertIn(nearest, named)
            self.assertEqual({each.ReferencedSOPInstanceUID
                              for each in result.SourceImageSequence}, {made.SOPInstanceUID})
        self.assertEqual(len(data), len(places))

    def test_what_an_enhanced_pet_says_of_corrections_and_times(self):
        """Flags, UCUM units and date-times of the enhanced class in the words of the classic."""
        _, _, multi, made = self.make("pet", legacy=False)
        made.SeriesDate, made.SeriesTime = "20200102", "100500.5"
        for word in ("Decay", "Attenuation", "Randoms", "GantryMotion"):
            setattr(made, word + "Corrected", "YES")
        made.DetectorNormalizationCorrection, made.ScatterCorrected = "YES", "NO"
        made.DecayCorrectionDateTime = "20200102090000"
        dose = made.RadiopharmaceuticalInformationSequence[0]
        dose.RadiopharmaceuticalStartDateTime = "20200102090000"
        dose.RadionuclideTotalDose = "370" # MBq
        multiframe.write(made, multi)
        volume, = convert(multi, "-o", self.new_folder("out"))
        for result in self.results(volume):
            self.assertEqual(list(result.CorrectedImage),
                             ["DECY", "ATTN", "MOTN", "RAN", "NORM"])
            self.assertEqual(result.DecayCorrection, "ADMIN")
            self.assertEqual(result.Units, "BQML")
            told = result.RadiopharmaceuticalInformationSequence[0]
            self.assertEqual(float(told.RadionuclideTotalDose), 370e6) # Bq
            self.assertEqual(float(result.FrameReferenceTime), 89500) # 10:06:30 - 10:05:00.5
        groups = made.SharedFunctionalGroupsSequence[0]
        del groups.RealWorldValueMappingSequence
        multiframe.write(made, multi)
        done = harness.run_tool("convert", multi, "-o", self.new_folder("none"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("in which units", done.stderr)

    def test_a_replay_finds_its_frames(self):
        *_, multi, _ = self.make("mr")
        volume, = convert(multi, "-o", self.new_folder("out"))
        manifest = Path(volume["output"]["path"]) / "manifest.json"
        done = harness.run_tool("replay", manifest, multi)
        self.assertEqual(done.returncode, 0, done.stderr)


class ThroughTheDaemon(harness.Case):
    def test_one_instance_with_two_volumes_gives_two_results(self):
        """Magnitude and phase in one object: two jobs of one instance, each the right one."""
        files = self.phantom("--dims", "16,14,8", "--spacing", "1,1,2")
        data = of_kind(files, "mr", False)
        phase = of_kind(files, "mr", False)
        for each in phase:
            each.ImageType = ["ORIGINAL", "PRIMARY", "P", "ND"]
            each.PixelData = bytes(each.PixelData[::-1])
        both = self.new_folder("multi") / "object.dcm"
        made = multiframe.pack(data + phase, both, seed=4)
        types = {"M": "MAGNITUDE", "P": "PHASE"}
        order = list(data + phase)
        random.Random(4).shuffle(order)
        for each, group in zip(order, made.PerFrameFunctionalGroupsSequence):
            group.MRImageFrameTypeSequence = multiframe.frame_type(data[0], multiframe.MR)
            item = group.MRImageFrameTypeSequence[0]
            item.FrameType = ["ORIGINAL", "PRIMARY", each.ImageType[2], "NONE"]
            item.ComplexImageComponent = types[each.ImageType[2]]
        del made.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence
        multiframe.write(made, both)
        pacs = self.pacs()
        daemon = self.daemon(pacs, settings={("route", "ct"): {"modality": ["MR"]}})

        daemon.send([both])

        found = {b"".join(d.PixelData for d in sorted(pacs.datasets(series),
                                                      key=lambda d: int(d.InstanceNumber)))
                 for series in pacs.wait_derived(2, seconds=60, alive=[daemon])}
        volumes = convert(both, "-o", self.new_folder("out"))
        self.assertEqual(len(volumes), 2)
        for volume in volumes:
            made = sorted((pydicom.dcmread(each) for each in
                           harness.dicom_files(Path(volume["output"]["path"]))),
                          key=lambda d: int(d.InstanceNumber))
            self.assertIn(b"".join(d.PixelData for d in made), found)

    def states(self, daemon):
        return [row["state"] for row in daemon.list("series")]

    def test_a_concatenation_is_waited_for(self):
        files = self.phantom("--dims", "16,14,9")
        made = multiframe.pack(of_kind(files, "ct", False),
                               self.new_folder("multi") / "object.dcm")
        folder = self.new_folder("parts")
        parts = multiframe.cut(made, folder, 3)
        pacs = self.pacs()
        daemon = self.daemon(pacs)
        daemon.send([parts[2], parts[0]])
        harness.wait_until(lambda: self.states(daemon) == ["waiting"], 30,
                           lambda: f"waiting: {self.states(daemon)}")
        daemon.send([parts[1]])
        series, = pacs.wait_derived(1, seconds=60, alive=[daemon])
        self.assertEqual(len(pacs.datasets(series)), int(made.NumberOfFrames) * 5 // 2 + 1)
