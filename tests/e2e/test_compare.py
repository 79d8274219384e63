"""The tables of docs/ASSEMBLY.md and docs/SYNTAXES.md, made again: nothing of ours is wrong. In
short a part of them, with ISOVOX_LONG=1 all of it (minutes)."""

import os
import subprocess
import sys
import unittest

import harness

LONG = os.environ.get("ISOVOX_LONG") == "1"


class Tables(harness.Case):
    def table(self, name, folder, *arguments):
        harness.shared_data("ibsi2_orientation")
        script = harness.TOP / "tests" / "compare" / name
        done = subprocess.run([sys.executable, "-W", "ignore", script, folder, *arguments],
                              env={**os.environ, "ISOVOX_BUILD": str(harness.BUILD)},
                              capture_output=True, text=True, timeout=3600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [line for line in done.stdout.splitlines()[2:] if line.startswith("|")]

    def test_other_decoders_read_the_same_values(self):
        some = [] if LONG else ["ct_one_slice_15_syntaxes"]
        rows = self.table("syntaxes.py", harness.SHARED, *some)
        self.assertGreaterEqual(len(rows), 15)
        self.assertGreaterEqual(sum("identical" in row for row in rows), 15)

    def test_series_are_right_or_refused(self):
        if LONG:
            self.assertGreater(len(self.table("systems.py", harness.SHARED)), 20)
        for name in ("ibsi2_orientation", "seg_ct_3slice", "stub_slice_increment"):
            rows = self.table("systems.py", harness.SHARED / name, "Isovox")
            self.assertEqual(len(rows), 1)
            self.assertRegex(rows[0], r"\| (right|refused: GAP)[^|]*\|$")


if __name__ == "__main__":
    unittest.main()
