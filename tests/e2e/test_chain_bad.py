"""Bad input: refused clearly, with a reason code, and nothing else is disturbed."""

import shutil
import tempfile
import unittest
from pathlib import Path

import harness
import pydicom
import rawscu

SETTINGS = {"plan": {"quiet": 1, "quiet_released": 0}}
GOOD = ("--dims", "40,40,12", "--spacing", "1,1,3")


ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
ROLES = {"receive", "plan", "convert.0", "deliver", "http"}


class BadInput(harness.Case):
    """One PACS and one daemon for all: whatever came before, they go on."""

    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp(prefix="isovox-e2e-"))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.pacs_ = harness.Pacs(folder / "pacs")
        cls.addClassCleanup(cls.pacs_.stop)
        cls.pacs_.start()
        every = {("route", "ct"): {"modality": ["*"]}}
        cls.daemon_ = harness.Daemon(folder / "daemon", cls.pacs_, {**SETTINGS, **every})
        cls.addClassCleanup(cls.daemon_.stop)
        cls.daemon_.start()
        harness.wait_until(lambda: ROLES <= set(cls.daemon_.pids()), 20, "all roles run")
        cls.roles = cls.daemon_.pids()

    def setUp(self):
        super().setUp()
        self.before = len(self.pacs_.instances())
        self.read = len(self.daemon_.log.read_text())

    def log(self):
        """What the daemon said in this test."""
        return self.daemon_.log.read_text()[self.read:]

    def check_nothing_sent(self):
        self.assertEqual(len(self.pacs_.instances()), self.before)

    def check_unharmed(self):
        """The same processes as before still do their work."""
        before = len(self.pacs_.derived())
        self.daemon_.send(self.phantom(*GOOD, "--seed", self.id()))
        self.pacs_.wait_derived(series=before + 1, instances=36, alive=[self.daemon_])
        self.assertEqual(self.daemon_.pids(), self.roles)

    def settled(self, uid):
        """The series as the API has it, once it was decided."""
        def decided():
            return [each for each in self.daemon_.list("series")
                    if each["series_uid"] == uid and each["state"] in ("refused", "done")]
        return harness.wait_until(decided, 20, lambda: f"{uid} is decided\n"
                                  + harness.tail(self.daemon_.log))[0]

    def check_refused(self, files, code):
        self.daemon_.send(files)
        uid = str(pydicom.dcmread(files[0], stop_before_pixels=True).SeriesInstanceUID)
        series = self.settled(uid)
        self.assertEqual((series["state"], series["code"]), ("refused", code), series)
        self.check_nothing_sent()

    def check_aside(self, code, text):
        """Kept, not converted, and reported: in the log and in the totals."""
        harness.wait_until(lambda: "event=instance.aside" in self.log(), 20,
                           lambda: "it is set aside\n" + self.log())
        line = next(each for each in self.log().splitlines() if "event=instance.aside" in each)
        self.assertIn(f"code={code}", line)
        self.assertRegex(line, text)
        self.check_nothing_sent()

    def test_a_series_without_positions(self):
        self.check_refused(self.phantom(*GOOD, "--no-position", "--seed", "p"), "NO_GEOMETRY")
        self.check_unharmed()

    def test_a_series_without_rescale(self):
        self.check_refused(self.phantom(*GOOD, "--no-rescale", "--seed", "r"), "NO_RESCALE")

    def test_frames_that_nothing_places(self):
        """Enhanced CT by its class alone: no functional groups."""
        files = self.phantom(*GOOD, "--seed", "enhanced")
        for path in files:
            made = pydicom.dcmread(path)
            made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
            made.save_as(path)
        self.check_refused(files, "NO_GEOMETRY")

    def test_one_slice(self):
        self.check_refused(self.phantom("--dims", "40,40,1", "--seed", "one"), "NOT_A_VOLUME")

    def test_a_truncated_file(self):
        path = self.phantom(*GOOD, "--seed", "cut")[0]
        uid = pydicom.dcmread(path).SOPInstanceUID
        raw, syntax = rawscu.payload(path)
        status, _ = rawscu.store(self.daemon_.port, uid, raw[:300], syntax=syntax)
        if status == 0:
            self.check_aside("DAMAGED", "text=")
        else:
            self.assertEqual(status & 0xF000, 0xC000)
        self.check_unharmed()

    def test_files_truncated_in_their_pixels(self):
        files = self.phantom(*GOOD, "--seed", "cut pixels")
        for path in files:
            raw, syntax = rawscu.payload(path)
            status, _ = rawscu.store(self.daemon_.port, pydicom.dcmread(path).SOPInstanceUID,
                                     raw[:-1000], syntax=syntax)
            self.assertIn(status, (0, 0xC000))
        series = self.settled(str(pydicom.dcmread(files[0]).SeriesInstanceUID))
        self.assertEqual((series["state"], series["code"]), ("refused", "DAMAGED"), series)
        self.check_unharmed()

    def test_a_pdf_sent_as_ct(self):
        pdf = b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n" * 400 + b"%%EOF\n"
        status, comment = rawscu.store(self.daemon_.port, "2.25.12", pdf)
        if status == 0:
            self.check_aside("DAMAGED", "text=")
        else:
            self.assertIn(status & 0xF000, (0xA000, 0xC000), comment)
        self.check_unharmed()

    def test_a_pdf_object_in_a_ct_context(self):
        """A valid Encapsulated PDF whose command says that it is a CT image."""
        made = pydicom.Dataset()
        made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.104.1", "2.25.13"
        made.StudyInstanceUID, made.SeriesInstanceUID = "2.25.14", "2.25.15"
        made.Modality, made.MIMETypeOfEncapsulatedDocument = "DOC", "application/pdf"
        made.EncapsulatedDocument = b"%PDF-1.4\n%%EOF\n\0"
        status, comment = rawscu.store(self.daemon_.port, "2.25.13", encoded(made))
        if status == 0:
            self.check_aside("DAMAGED", "of another SOP class than was announced")
        else:
            self.assertEqual(status & 0xFF00, 0xA900, comment)
        self.check_unharmed()

    def test_a_claim_of_four_gigabytes(self):
        """46341 x 46341 x 2 bytes in an object of some kilobytes."""
        files = self.phantom(*GOOD, "--seed", "huge")
        for path in files:
            dataset = pydicom.dcmread(path)
            dataset.Rows = dataset.Columns = 46341
            status, comment = rawscu.store(self.daemon_.port, dataset.SOPInstanceUID,
                                           encoded(dataset))
            self.assertEqual(status, 0, comment)
        series = self.settled(str(pydicom.dcmread(files[0]).SeriesInstanceUID))
        self.assertEqual((series["state"], series["code"]), ("refused", "TOO_LARGE"), series)
        self.check_nothing_sent()
        self.check_unharmed()

    def test_a_wrong_called_ae_title(self):
        done = harness.dcmsend(self.phantom(*GOOD), self.daemon_.port, aec="OTHER", check=False)
        self.assertNotEqual(done.returncode, 0)
        with self.assertRaises(rawscu.Rejected) as refusal:
            rawscu.Association(self.daemon_.port, called="OTHER")
        # PS3.8 table 9-21: rejected-permanent, by the service user, called AE title.
        self.assertEqual(refusal.exception.args, (1, 1, 7))
        self.check_unharmed()


def encoded(dataset):
    """The data set alone, Explicit VR Little Endian."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    clean = pydicom.Dataset(dataset)
    clean.is_little_endian, clean.is_implicit_VR = True, False
    write_dataset(buffer, clean)
    return buffer.getvalue()


class AJobThatCannotBeDone(harness.Case):
    def test_is_dead_and_says_why(self):
        """Planes of 2048 x 2048 floats do not fit into 64 MiB."""
        pacs = self.pacs()
        daemon = self.daemon(pacs, settings={
            **SETTINGS, "convert": {"max_memory": 64, "workers": 1},
            ("recipe", "iso-1mm"): {"spacing": 0.25}})
        daemon.send(self.phantom("--dims", "512,512,8", "--spacing", "1,1,1", "--seed", "large"))
        job = harness.wait_until(
            lambda: [each for each in daemon.list("jobs") if each["state"] == "dead"], 60,
            lambda: f"the job is dead\n{harness.tail(daemon.log)}")[0]
        self.assertEqual((job["code"], job["attempts"]), ("TOO_LARGE", 1), job)
        self.assertIn("67108864 are allowed", job["text"])
        self.assertEqual(daemon.list("series")[0]["state"], "failed")

        daemon.send(self.phantom("--dims", "32,32,8", "--spacing", "1,1,1", "--seed", "small"))
        pacs.wait_derived(series=1, instances=32, alive=[daemon])

    def test_is_dead_when_its_workers_die_over_it(self):
        """Whatever kills a worker is tried as often as convert.attempts says."""
        pacs = self.pacs()
        daemon = self.daemon(pacs, settings={
            **SETTINGS, "convert": {"attempts": 2, "workers": 1},
            ("recipe", "iso-1mm"): {"spacing": 0.5}})
        daemon.send(self.phantom("--dims", "384,384,48", "--spacing", "1,1,1"))
        for attempt in (1, 2):
            harness.wait_until(
                lambda: [each for each in daemon.list("jobs") if each["state"] == "running"
                         and each["attempts"] == attempt], 60,
                lambda: f"attempt {attempt}\n{harness.tail(daemon.log)}")
            daemon.kill_role("convert")
        job = harness.wait_until(
            lambda: [each for each in daemon.list("jobs") if each["state"] == "dead"], 30,
            lambda: f"the job is dead\n{harness.tail(daemon.log)}")[0]
        self.assertEqual((job["code"], job["attempts"]), ("WORKER_LOST", 2))
        self.assertEqual(pacs.instances(), [])


class AWrongConfiguration(harness.Case):
    def check(self, text):
        path = self.folder / "isovoxd.conf"
        path.write_text(text)
        return path, harness.run([harness.program("isovoxd"), "-t", "-c", path])

    def test_a_typo_is_named_with_its_line(self):
        path, done = self.check('state_dir = "/tmp/x"\nrecipe "a" {\n    spcing = 1.0\n}\n')
        self.assertEqual(done.returncode, 78)
        self.assertIn(f"{path}:3: ", done.stderr)
        self.assertIn("spcing", done.stderr)

    def test_a_value_out_of_range_is_named_with_its_range(self):
        path, done = self.check("receive {\n    port = 70000\n}\n")
        self.assertEqual(done.returncode, 78)
        self.assertIn(f"{path}:2: ", done.stderr)
        self.assertIn("65535", done.stderr)

    def test_the_daemon_does_not_start_with_it(self):
        path, _ = self.check("receive {\n    port = 70000\n}\n")
        done = harness.run([harness.program("isovoxd"), "-c", path], seconds=20)
        self.assertEqual(done.returncode, 78)

    def test_a_calling_ae_title_that_is_not_allowed(self):
        daemon = self.daemon(settings={"receive": {("allow", "CT1"): {"address": ["127.0.0.1"]}}})
        with self.assertRaises(rawscu.Rejected) as refusal:
            rawscu.Association(daemon.port, calling="CT2")
        self.assertEqual(refusal.exception.args, (1, 1, 3))
        rawscu.Association(daemon.port, calling="CT1").release()

    def test_a_typo_at_reload_keeps_the_old_settings(self):
        daemon = self.daemon()
        good = daemon.config.read_text()
        daemon.config.write_text(good + "\nnonsense = 1\n")
        daemon.signal(1)
        harness.wait_until(lambda: "nonsense" in daemon.log.read_text(), 20,
                           lambda: "the log names it\n" + harness.tail(daemon.log))
        daemon.must_run()
        daemon.send(self.phantom(*GOOD))
        harness.wait_until(lambda: daemon.list("series"), 20, "still receiving")


if __name__ == "__main__":
    unittest.main()
