"""The order of the system calls, as strace sees it: an instance is answered after one sync
of what was written and of nothing else; a result gets its name after its contents are synced,
and is recorded after its name is."""

import re
import shutil
import signal
import unittest
from pathlib import Path

import chaos
import harness

CALLS = "write,pwrite64,writev,sendto,sendmsg,fsync,fdatasync,rename,linkat,unlink,mkdir,openat"
# 1234 1700000000.123456 fsync(5</state/spool/0001.seg>) = 0
LINE = re.compile(r"^(\d+) +[\d.]+ (\w+)\((.*)\) += +(-?\d+)")
UNFINISHED = re.compile(r"^(\d+) +[\d.]+ (\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +[\d.]+ <\.\.\. (\w+) resumed>(.*)\) += +(-?\d+)")


def calls(trace):
    """(pid, name, arguments) of the calls that succeeded, in the order of their end."""
    begun = {}
    for line in Path(trace).read_text(errors="replace").splitlines():
        if match := UNFINISHED.match(line):
            begun[match[1], match[2]] = match[3]
        elif match := RESUMED.match(line):
            if int(match[4]) >= 0:
                yield match[1], match[2], begun.pop((match[1], match[2]), "") + match[3]
        elif (match := LINE.match(line)) and int(match[4]) >= 0:
            yield match[1], match[2], match[3]


class TheOrderOfCalls(chaos.Case):
    SETTINGS = {"plan": {"quiet": 3, "quiet_released": 0}, "convert": {"workers": 1}}

    @classmethod
    def setUpClass(cls):
        if shutil.which("strace") is None:
            raise AssertionError("strace is not installed: see scripts/packages.sh")

    def trace_one_series(self):
        pacs = self.pacs()
        daemon = self.daemon(pacs, start=False, settings=self.SETTINGS)
        trace = daemon.folder / "trace"
        daemon.command = ["strace", "-f", "-ttt", "-y", "-yy", "-s", "400", "-e", f"trace={CALLS}",
                          "-o", trace, *daemon.command]
        daemon.start()
        files = self.phantom(*chaos.SHAPE)
        sender = chaos.Sender(daemon, [files], self.ledger)
        sender.start()
        sender.finish()
        self.drained(daemon, 1)
        # strace itself does not pass a signal on; it ends with the last of its children.
        chaos.strike(chaos.children(daemon.process.pid)[0][0], signal.SIGTERM)
        daemon.process.wait(60)
        return list(calls(trace)), str(daemon.state)

    def test_is_the_one_that_keeps_the_promises(self):
        made, state = self.trace_one_series()
        self.check_receive(made, state)
        self.check_outbox(made, state)

    def check_receive(self, made, state):
        """Between two answers of an association: writes to its segment, one sync of it, the
        answer, and no other sync of anything."""
        segment = re.compile(rf"^\d+<{re.escape(state)}/spool/\w+\.(seg|new)>")  # its first name
        pids = {pid for pid, _, text in made if segment.match(text) and '"IVXREC' in text}
        answers = 0
        for pid in pids:
            wrote, synced, other = 0, 0, 0
            for each, name, text in made:
                if each != pid:
                    continue
                if name in ("write", "pwrite64") and segment.match(text):
                    wrote, synced = wrote + 1, 0
                elif name in ("fsync", "fdatasync"):
                    synced += bool(segment.match(text))
                    other += not segment.match(text)
                elif "<TCP:" in text and r'"\4\0' in text and wrote:  # P-DATA-TF
                    self.assertEqual(synced, 1, "one sync after the last write, then the answer")
                    answers, wrote, synced = answers + 1, 0, 0
            self.assertEqual(other, 1, "the folder's, when the segment is made")
        self.assertEqual(answers, chaos.SOURCES)

    def check_outbox(self, made, state):
        """Every file of a result is synced before the rename that shows it, and the folder
        that shows it after that."""
        ready = f"{state}/outbox/ready"
        renames = [n for n, (_, name, text) in enumerate(made)
                   if name == "rename" and f'"{ready}/' in text]
        self.assertEqual(len(renames), 1)
        pid = made[renames[0]][0]
        before = made[:renames[0]]
        files = {text.split("<", 1)[1].split(">")[0] for each, name, text in before
                 if each == pid and name in ("write", "pwrite64") and "outbox/" in text}
        for path in files:
            events = [name for each, name, text in before
                      if each == pid and f"<{path}>" in text and name != "openat"]
            self.assertIn(events[-1], ("fsync", "fdatasync"), path)
        self.assertGreater(len(files), chaos.RESULTS)
        after = [(name, text) for each, name, text in made[renames[0] + 1:] if each == pid]
        synced = [n for n, (name, text) in enumerate(after)
                  if name == "fsync" and f"<{ready}>" in text]
        recorded = [n for n, (name, text) in enumerate(after) if "catalogue.db" in text]
        self.assertTrue(synced and recorded and synced[0] < recorded[0])


if __name__ == "__main__":
    unittest.main()
