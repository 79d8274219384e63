"""Delivery to real PACS that are slow, away, particular, or killed."""

import os
import signal
import threading
import time
from pathlib import Path

import pydicom

import harness

SLICES = 120


class StoreScp(harness.Server):
    """DCMTK's storescp, with options; what it got is under folder/files."""

    def __init__(self, folder, *options, aet="STORESCP"):
        self.folder, self.port, self.aet = folder, harness.free_port(), aet
        (folder / "files").mkdir(parents=True)
        super().__init__("storescp", ["storescp", "--fork", "-od", folder / "files",
                                      "-aet", aet, *options, self.port], folder / "log")

    def start(self):
        super().start()
        harness.wait_until(self._listens, 20, "storescp listens")
        return self

    def _listens(self):
        return harness.run(["echoscu", "-aec", self.aet, harness.HOST,
                            self.port]).returncode == 0

    def files(self):
        return sorted((self.folder / "files").iterdir())


class Delivery(harness.Case):
    def series(self, slices=SLICES):
        return self.phantom("--dims", f"32,32,{slices}", "--spacing", "1,1,1")

    def state_of(self, daemon, destination="pacs"):
        found = [each for each in daemon.list("deliveries")
                 if each["destination"] == destination]
        return found[0] if found else {"state": None}

    def wait_state(self, daemon, state, destination="pacs", seconds=60):
        harness.wait_until(
            lambda: self.state_of(daemon, destination)["state"] == state, seconds,
            lambda: f"{state}: {self.state_of(daemon, destination)}\n"
                    f"{harness.tail(daemon.log)}")
        return self.state_of(daemon, destination)

    def only_derived(self, pacs, daemon):
        found = pacs.wait_derived(series=1, instances=SLICES, alive=[daemon])
        uids = [pacs.get(f"/instances/{each}")["MainDicomTags"]["SOPInstanceUID"]
                for each in found[0]["Instances"]]
        self.assertEqual(len(set(uids)), SLICES)
        return found[0]

    def test_converts_for_a_peer_that_takes_implicit_only(self):
        peers = []
        for name, option in (("explicit", "+xe"), ("implicit", "+xi")):
            peers.append(StoreScp(self.new_folder(name), option).start())
            self.addCleanup(peers[-1].stop)
        daemon = self.daemon(peers)
        daemon.send(self.series(30))
        self.wait_state(daemon, "sent", "pacs")
        self.wait_state(daemon, "sent", "pacs2")

        explicit, implicit = (
            {each.SOPInstanceUID: each for each in map(pydicom.dcmread, peer.files())}
            for peer in peers)

        self.assertEqual(len(explicit), 30)
        self.assertEqual(set(explicit), set(implicit))
        for uid, one in explicit.items():
            self.assertEqual(one.file_meta.TransferSyntaxUID, pydicom.uid.ExplicitVRLittleEndian)
            other = implicit[uid]
            self.assertEqual(other.file_meta.TransferSyntaxUID,
                             pydicom.uid.ImplicitVRLittleEndian)
            self.assertEqual(one.PixelData, other.PixelData)
            self.assertEqual([element.tag for element in one],
                             [element.tag for element in other])
            for element in one:
                if not element.tag.is_private:
                    self.assertEqual(element.value, other[element.tag].value, element)

    def test_drains_by_itself_when_the_pacs_is_back(self):
        pacs = self.pacs(start=False)
        daemon = self.daemon(pacs)
        daemon.send(self.series())
        failed = self.wait_state(daemon, "failed")
        self.assertGreaterEqual(failed["attempts"], 1)

        pacs.start()

        self.only_derived(pacs, daemon)
        self.wait_state(daemon, "sent")

    def test_one_destination_that_is_away_does_not_hold_the_other(self):
        away, here = self.pacs(start=False), self.pacs()
        daemon = self.daemon([away, here])
        daemon.send(self.series())

        self.only_derived(here, daemon)
        self.wait_state(daemon, "sent", "pacs2")
        self.assertIn(self.state_of(daemon, "pacs")["state"], ("failed", "queued", "sending"))

        away.start()
        self.only_derived(away, daemon)
        self.wait_state(daemon, "sent", "pacs")

    def test_a_pacs_that_is_killed_in_mid_delivery_gets_the_rest(self):
        pacs = self.pacs()
        daemon = self.daemon(pacs)
        daemon.send(self.series())
        harness.wait_until(lambda: len(pacs.instances()) > 5, 60, "a few have arrived")

        pacs.kill()
        pacs.start()

        self.only_derived(pacs, daemon)
        self.wait_state(daemon, "sent")

    def test_a_killed_sender_or_role_loses_and_doubles_nothing(self):
        pacs = self.pacs()
        daemon = self.daemon(pacs)
        killed = []

        def kill_senders():
            while len(killed) < 6:
                for pid in daemon.pids("deliver"):
                    children = Path(f"/proc/{pid}/task/{pid}/children")
                    try:
                        senders = [int(each) for each in children.read_text().split()]
                    except OSError:
                        continue
                    for victim in senders + ([pid] if len(killed) % 3 == 2 else []):
                        os.kill(victim, signal.SIGKILL)
                        killed.append(victim)
                time.sleep(0.15)

        daemon.send(self.series())
        harness.wait_until(lambda: len(pacs.instances()) > 2, 60, "something has arrived")
        killer = threading.Thread(target=kill_senders, daemon=True)
        killer.start()
        killer.join(20 * harness.SLOW)

        self.only_derived(pacs, daemon)
        self.wait_state(daemon, "sent")
        self.assertTrue(killed)

    def test_a_wrong_title_is_told_and_survives_a_correction(self):
        pacs = self.pacs(DicomCheckCalledAet=True)
        daemon = self.daemon(pacs, settings={("destination", "pacs"): {"ae_title": "WRONG"}})
        daemon.send(self.series())
        failed = self.wait_state(daemon, "failed")
        self.assertIn("called AE title not recognized", str(failed))

        text = daemon.config.read_text()
        daemon.config.write_text(text.replace('"WRONG"', f'"{pacs.aet}"'))
        daemon.signal(signal.SIGHUP)

        self.only_derived(pacs, daemon)
