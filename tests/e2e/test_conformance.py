"""docs/CONFORMANCE.md against the program: what it says is accepted, offered and configured."""

import pathlib
import re

import pydicom
from pydicom._uid_dict import UID_dictionary

import harness
import peer
import scripted

TOP = pathlib.Path(__file__).resolve().parents[2]
CONTEXTS = 128  # in one association


def rows(heading):
    """The cells of the table that follows this line of headings."""
    lines = (TOP / "docs/CONFORMANCE.md").read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(heading)) + 2
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table


def known(kind):
    return [uid for uid, entry in UID_dictionary.items() if entry[1] == kind]


class Conformance(harness.Case):
    def accepted(self, daemon, contexts, calling="CT1"):
        """Those that are accepted of (abstract, syntax), each proposed by itself."""
        found = []
        for at in range(0, len(contexts), CONTEXTS):
            part = [(abstract, [syntax]) for abstract, syntax in contexts[at:at + CONTEXTS]]
            with scripted.Client(daemon.port, part, calling=calling) as client:
                found += client.contexts.values()
        return found

    def started(self):
        return self.daemon(settings={("sender", "CT1"): {"address": harness.HOST, "port": 4242}},
                           roles="receive,http")

    def test_accepts_the_classes_that_it_states_and_no_others(self):
        daemon = self.started()
        stored = [uid for _, uid, received, _ in rows("| SOP class | UID") if received == "yes"]
        services = [uid for _, uid, _, scp in rows("| service |")
                    if scp.startswith("yes") and uid[0].isdigit()]
        everything = known("SOP Class") + ["1.2.3.4"]
        self.assertGreater(len(everything), 150)

        found = self.accepted(daemon, [(uid, peer.EXPLICIT) for uid in everything])
        stranger = self.accepted(daemon, [(scripted.COMMITMENT, peer.EXPLICIT)], calling="OTHER")

        self.assertEqual(sorted(uid for uid, _ in found), sorted(stored + services))
        self.assertEqual(stranger, [])

    def test_accepts_the_transfer_syntaxes_that_it_states_the_first_first(self):
        daemon = self.started()
        stated = [uid for _, uid, received, _ in rows("| transfer syntax |") if received == "yes"]
        every = known("Transfer Syntax") + ["1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202",
                                            "1.2.840.10008.1.2.4.203"]
        every = list(dict.fromkeys(every))

        found = self.accepted(daemon, [(peer.CT, uid) for uid in every])
        others = self.accepted(daemon, [(scripted.COMMITMENT, uid) for uid in every])

        self.assertEqual(sorted(uid for _, uid in found), sorted(stated))
        self.assertEqual(sorted(uid for _, uid in others), sorted([peer.EXPLICIT, peer.IMPLICIT]))
        for first, later in zip(stated, stated[1:]):
            with scripted.Client(daemon.port, [(peer.CT, [later, first])]) as client:
                self.assertEqual(client.contexts[1][1], first)

    def test_sends_the_syntaxes_that_it_states(self):
        text = (TOP / "src/dicom/transcode.c").read_text(encoding="utf-8")
        names = dict(re.findall(r'\{ "([a-z0-9-]+)", "([0-9.]+)" \}', text))
        names["deflated"] = str(pydicom.uid.DeflatedExplicitVRLittleEndian)
        stated = {sent.strip("`"): uid for _, uid, _, sent in rows("| transfer syntax |")
                  if sent.startswith("`")}
        self.assertEqual(stated, names)
        self.assertGreater(len(names), 3)

    def test_lists_the_statuses_of_c_store(self):
        text = (TOP / "include/isovox/base/err.h").read_text(encoding="utf-8")
        codes = set(re.findall(r'X\(IVX_\w+, +"[^"]+", +0x([0-9A-F]{4}),', text))
        stated = {each for row in rows("| status |") for each in row[0].split(", ")}
        self.assertEqual(stated, codes | {"0000", "0211"})

    def test_states_the_limits_as_they_are(self):
        folder = self.new_folder("conf")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "isovoxd.conf"
        path.write_text("")
        printed = harness.run([harness.program("isovoxd"), "-t", "-c", path], check=True).stdout
        section, settings = "", {}
        for line in printed.splitlines():
            if opened := re.match(r"(\w+) \{", line):
                section = opened[1]
            elif given := re.match(r"\s+(\w+) = (\S+)", line):
                settings[f"{section}.{given[1]}"] = given[2]
        stated = rows("| setting |")
        self.assertGreater(len(stated), 8)
        for name, default, _ in stated:
            self.assertEqual(settings.get(name.strip("`")), default, name)
