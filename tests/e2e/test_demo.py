"""What ./quickstart shows, as a newcomer would see it."""

import os
import signal
import subprocess
from pathlib import Path

import harness

DEMO = harness.TOP / "scripts" / "demo.py"


def running_in(folder):
    """Command lines of processes that name this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in line and int(entry.parent.name) != os.getpid():
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def hear_ctrl_c():
    """What a shell starts in the background ignores SIGINT, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class TheDemonstration(harness.Case):
    def setUp(self):
        super().setUp()
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.environment = dict(os.environ, TMPDIR=str(self.temporary),
                                ISOVOX_BUILD=str(harness.BUILD))
        self.environment.pop("ISOVOX_KEEP", None)

    def demo(self, *arguments):
        return harness.run(["/usr/bin/python3", DEMO, "--once", *arguments], seconds=300,
                           env=self.environment)

    def check_nothing_is_left(self):
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertEqual(running_in(self.temporary), [])

    def test_brings_a_real_ct_to_the_pacs_and_cleans_up(self):
        done = self.demo()

        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("before  256 x 256 x 108 voxels of 0.957 x 0.957 x 1.500 mm", done.stdout)
        self.assertIn("after   245 x 245 x 162 voxels of 1.000 x 1.000 x 1.000 mm", done.stdout)
        self.assertRegex(done.stdout, r"last derived instance in the PACS: [0-9.]+ s")
        self.assertRegex(done.stdout, r"status page +http://127\.0\.0\.1:[0-9]+/")
        self.check_nothing_is_left()

    def test_takes_the_users_own_folder(self):
        own = self.folder / "my own files"
        harness.phantom(own / "a", "--dims", "40,36,20", "--spacing", "0.8,0.9,2.0")
        (own / "notes.txt").write_text("not DICOM")

        done = self.demo(own)

        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("before  40 x 36 x 20 voxels of 0.800 x 0.900 x 2.000 mm", done.stdout)
        self.assertIn("after   32 x 33 x 40 voxels of 1.000 x 1.000 x 1.000 mm", done.stdout)
        self.check_nothing_is_left()

    def test_says_what_is_wrong_with_a_folder_without_images(self):
        done = self.demo(self.temporary)

        self.assertEqual(done.returncode, 1)
        self.assertIn("no DICOM files", done.stdout + done.stderr)
        self.check_nothing_is_left()

    def test_runs_until_ctrl_c(self):
        own = self.folder / "ct"
        harness.phantom(own, "--dims", "20,20,12")
        log = self.folder / "demo.log"
        with open(log, "wb") as output:
            demo = subprocess.Popen(["/usr/bin/python3", DEMO, own], env=self.environment,
                                    stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                    preexec_fn=hear_ctrl_c)
        self.addCleanup(demo.wait)
        self.addCleanup(demo.kill)
        harness.wait_until(lambda: "Ctrl-C ends it" in log.read_text() or demo.poll(), 120,
                           lambda: harness.tail(log))
        self.assertTrue(running_in(self.temporary), harness.tail(log))

        demo.send_signal(signal.SIGINT)

        self.assertEqual(demo.wait(60 * harness.SLOW), 0, harness.tail(log))
        self.check_nothing_is_left()
