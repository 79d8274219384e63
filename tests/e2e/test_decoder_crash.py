"""An image over which a decoder dies: the process that decoded is lost and nothing else is.
OpenJPEG 2.5.0 ends itself by an assertion (ht_dec.c, mel_init) where the adaptive run-length
codes of a high-throughput code block begin with two bytes 0xFF; later ones return an error."""

import signal
import subprocess

import pydicom

import harness
import rawscu
import test_codecs
from test_convert import ConvertCase

SYNTAX = ("1.2.840.10008.1.2.4.201", "LRCP")
OF_2_5_0 = "signal 6"


def openjpeg_dies():
    """False: this OpenJPEG refuses such codestreams, and the reason is the decoder's."""
    done = harness.run(["pkg-config", "--modversion", "libopenjp2"], check=True)
    return done.stdout.strip() == "2.5.0"


def spoil(path):
    """The MEL bytes of the last code block: ISO/IEC 15444-15 7.1.1; the last two bytes of its
    segment, before the end of the codestream, say how far from the end they begin."""
    whole = bytearray(path.read_bytes())
    end = whole.rindex(b"\xff\xd9")
    start = end - ((whole[end - 1] << 4) + (whole[end - 2] & 15))
    whole[start:start + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(whole))


def spoiled_series(files, folder):
    spoil(test_codecs.encode_htj2k(files, folder, *SYNTAX)[3])
    return folder


class TheTool(ConvertCase):
    def setUp(self):
        super().setUp()
        files = self.phantom(*test_codecs.PHANTOM)
        self.plain = files[0].parent
        self.bad = spoiled_series(files, self.new_folder("bad"))
        self.uid = str(pydicom.dcmread(files[0]).SeriesInstanceUID)

    def check_told(self, done, status=1):
        self.assertEqual(done.returncode, status, done.stderr)
        wanted = OF_2_5_0 if openjpeg_dies() else "decode"
        self.assertIn(wanted, done.stderr)
        return done

    def test_says_how_it_ended_and_leaves_nothing(self):
        out = self.new_folder("out")
        for options in ([], ["--format", "nifti"], ["--spacing", "native"], ["--json"]):
            with self.subTest(options=options):
                done = self.check_told(harness.run_tool("convert", *options, self.bad, "-o", out))
                self.assertIn(self.uid, done.stderr)
                self.assertEqual(list(out.rglob("*")), [])

    def test_converts_the_other_series(self):
        other = self.phantom(*test_codecs.PHANTOM, "--seed", "other")
        out = self.new_folder("out")
        report, _ = self.convert(self.bad, other[0].parent, output=out, status=1)
        self.assertEqual([each["series_uid"] for each in report["volumes"]],
                         [str(pydicom.dcmread(other[0]).SeriesInstanceUID)])
        self.assertEqual(len(list(out.iterdir())), 1)

    def test_inspect_shows_what_the_headers_say_and_fails(self):
        plain = self.check_told(harness.run_tool("inspect", "--values", self.bad))
        self.assertIn("CT 40x36x8", plain.stdout)
        self.assertNotIn("values", plain.stdout)
        self.check_told(harness.run_tool("inspect", "--values", "--json", self.bad))
        self.assertEqual(harness.run_tool("inspect", self.bad).returncode, 0)

    def test_replay_fails_and_leaves_nothing(self):
        out = self.new_folder("out")
        harness.run_tool("convert", self.plain, "-o", out, check=True)
        manifest = next(out.rglob("manifest.json"))
        again = self.new_folder("again")
        done = self.check_told(harness.run_tool("replay", manifest, self.bad, "-o", again))
        self.assertNotIn("same", done.stdout)
        self.assertEqual(list(again.rglob("*")), [])

    def test_ends_with_all_of_its_processes(self):
        """However it ends: what decodes for it does not stay."""
        files = self.phantom("--dims", "128,128,60", "--spacing", "0.5,0.5,1")
        for number, status in ((signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGKILL, -9)):
            with self.subTest(number), subprocess.Popen(
                    [harness.program("isovox"), "convert", "--threads", "1", "--spacing", "0.1",
                     files[0].parent, "-o", self.new_folder("out")],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
                child, = harness.wait_until(lambda: children(running.pid), 30, "a child")
                running.send_signal(number)
                self.assertEqual(running.wait(30), status)
                harness.wait_until(lambda: is_gone(child), 30, f"{child} is gone")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(each) for each in file.read().split()]


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


class TheDaemon(harness.Case):
    def test_gives_one_series_up_and_goes_on(self):
        pacs = self.pacs()
        daemon = self.daemon(pacs, settings={
            "plan": {"quiet": 1, "quiet_released": 0},
            "convert": {"attempts": 2, "workers": 1}})
        files = self.phantom(*test_codecs.PHANTOM, "--seed", "bad")
        uid = str(pydicom.dcmread(files[0]).SeriesInstanceUID)
        good = [self.phantom(*test_codecs.PHANTOM, "--seed", name) for name in ("one", "two")]

        daemon.send(good[0])
        self.send_bad(spoiled_series(files, self.new_folder("spoiled")), daemon.port)
        daemon.send(good[1])

        job = harness.wait_until(
            lambda: [each for each in daemon.list("jobs") if each["state"] == "dead"], 60,
            lambda: f"the job is dead\n{harness.tail(daemon.log)}")[0]
        self.assertEqual((job["code"], job["attempts"]), self.ending(), job)
        pacs.wait_derived(series=2, alive=[daemon])
        series = {each["series_uid"]: each for each in daemon.list("series")}
        self.assertEqual(len(series), 3)
        self.assertEqual(series[uid]["state"], "failed")
        daemon.must_run()
        self.check_kept(daemon, files)

    def ending(self):
        return ("WORKER_LOST", 2) if openjpeg_dies() else ("DAMAGED", 1)

    def send_bad(self, folder, port):
        """No DICOM toolkit of Debian 12 sends this syntax."""
        association = rawscu.Association(port, syntax=SYNTAX[0])
        for path in sorted(folder.iterdir()):
            dataset, syntax = rawscu.payload(path)
            self.assertEqual(syntax, SYNTAX[0])
            uid = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
            self.assertEqual(association.store(uid, dataset)[0], 0)
        association.release()

    def check_kept(self, daemon, files):
        """For analysis, and for a version that can read it."""
        wanted = {str(pydicom.dcmread(each).SOPInstanceUID) for each in files}
        journal = harness.run([harness.program("tests/tools/isovox-journal"), daemon.state],
                              check=True).stdout
        kept = {line.split()[1] for line in journal.splitlines() if line.startswith("instance ")}
        self.assertLessEqual(wanted, kept)
