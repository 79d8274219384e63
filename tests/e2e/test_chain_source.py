"""A source that knows how many instances a series has, and sends what is missing."""

import datetime
import os
import signal
import socket
import struct
import threading
import time
import unittest
from pathlib import Path

import chain
import harness
import peer
import pydicom
import scripted

SHAPE = ("--shape", "sines", "--dims", "40,40,16", "--spacing", "1,1,3")  # 48 results
# Without a source the first slices would be taken for the whole.
PLAN = {"quiet": 8, "quiet_released": 1, "quiet_full": 0}


class Archive(scripted.Scp):
    """An archive that has 16 instances of each series, as it says; and what a test adds."""

    def found(self, asked):
        asked.NumberOfSeriesRelatedInstances = 16
        return scripted.encode(asked, peer.EXPLICIT)

    def matches(self, asked):
        return [self.found(asked)]

    def _handle(self, wire, message):
        if message.field != 0x0020:
            super()._handle(wire, message)
            return
        asked = message.dataset()
        self.note("find", str(asked.SeriesInstanceUID))
        common = {0x0002: peer.uid(message.uid(0x0002)), 0x0100: struct.pack("<H", 0x8020),
                  0x0120: struct.pack("<H", message.number(0x0110))}
        for each in self.matches(asked):
            wire.send(message.context, {**common, 0x0800: b"\1\0", 0x0900: b"\0\xff"}, each)
        wire.send(message.context, {**common, 0x0800: b"\1\1", 0x0900: b"\0\0"})


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Source(harness.Case):
    def daemon_with(self, port, aet, pacs=None, plan=None):
        made = self.daemon(pacs, start=False, settings={
            "plan": plan or PLAN,
            ("source", "archive"): {"ae_title": aet, "address": harness.HOST, "port": port,
                                    "senders": ["*"], "connect_timeout": 2}})
        return made

    def evidence(self, daemon, kind):
        series = daemon.list("series")
        whole = daemon.get(f"/api/v1/series/{series[0]['id']}") if series else {"evidence": []}
        return [each for each in whole["evidence"] if each["kind"] == kind]

    def wait_state(self, daemon, state, seconds=40):
        def found():
            rows = daemon.list("series")
            return rows and rows[0]["state"] == state and rows[0]
        return harness.wait_until(found, seconds, lambda: f"{daemon.list('series')}\n"
                                  + harness.tail(daemon.log))

    def check_fetched(self, daemon, pacs, files):
        found = pacs.wait_derived(series=1, instances=48, alive=[daemon])
        derived = chain.fetch(pacs, found[0])
        expected = chain.Expected(files, 1.0, "bspline3")
        chain.check_geometry(self, derived, expected)
        chain.check_values(self, derived, expected)
        self.assertIn("10 of 16 instances were here, 6 more were sent",
                      self.evidence(daemon, "source")[0]["text"])
        self.assertEqual(daemon.list("series")[0]["generation"], 1)

    def test_orthanc_sends_what_is_missing(self):
        pacs = self.pacs(start=False)
        daemon = self.daemon_with(pacs.port, pacs.aet, pacs)
        pacs.settings["DicomModalities"] = {"isovox": ["ISOVOX", harness.HOST, daemon.port]}
        pacs.start()
        daemon.start()
        files = self.phantom(*SHAPE)
        harness.dcmsend(files, pacs.port, aec=pacs.aet)
        daemon.send(files[:10])
        self.check_fetched(daemon, pacs, files)

    def test_dcmqrscp_sends_what_is_missing(self):
        pacs = self.pacs()
        daemon = self.daemon_with(0, "QRSCP", pacs)
        archive = harness.Dcmqrscp(self.new_folder("qrscp"), hosts={"ISOVOX": daemon.port})
        self.addCleanup(archive.stop)
        archive.start()
        daemon.settings["source", "archive"]["port"] = archive.port
        daemon.start()
        files = self.phantom(*SHAPE)
        harness.dcmsend(files, archive.port, aec=archive.aet)
        daemon.send(files[:10])
        self.check_fetched(daemon, pacs, files)

    def test_a_source_that_has_as_much_decides_before_the_quiet_time(self):
        pacs = self.pacs(DicomAlwaysAllowFind=True)
        daemon = self.daemon_with(pacs.port, pacs.aet, plan={**PLAN, "quiet": 600})
        daemon.start()
        files = self.phantom(*SHAPE)
        harness.dcmsend(files, pacs.port, aec=pacs.aet)
        daemon.send(files)
        series = self.wait_state(daemon, "done")  # no route
        self.assertLess(seconds(series["decided_at"]) - seconds(series["last_at"]),
                        5 * harness.SLOW)
        self.assertEqual([each["text"] for each in self.evidence(daemon, "source")],
                         ["16 of 16 instances are here"])

    def test_instances_of_another_series_are_not_counted(self):
        files = self.phantom(*SHAPE)
        uids = [str(pydicom.dcmread(each).SOPInstanceUID) for each in files]

        class Study(Archive):
            """It counts a presentation state too, and lists the study, whatever the series."""

            def matches(self, asked):
                if asked.QueryRetrieveLevel == "SERIES":
                    asked.NumberOfSeriesRelatedInstances = len(uids) + 1
                    return [scripted.encode(asked, peer.EXPLICIT)]
                answers, ours = [], asked.SeriesInstanceUID
                for series, sop_class, uid in (
                        [(ours, peer.CT, each) for each in uids]
                        + [(ours, "1.2.840.10008.5.1.4.1.1.11.1", "2.25.7")]
                        + [("2.25.8", peer.CT, f"2.25.8{n}") for n in range(3)]):
                    asked.SeriesInstanceUID = series
                    asked.SOPClassUID, asked.SOPInstanceUID = sop_class, uid
                    answers.append(scripted.encode(asked, peer.EXPLICIT))
                return answers
        with Study() as archive:
            daemon = self.daemon_with(archive.port, archive.aet, plan={**PLAN, "quiet": 600})
            daemon.start()
            daemon.send(files)

            self.wait_state(daemon, "done")
            self.assertEqual([each["text"] for each in self.evidence(daemon, "source")],
                             [f"{len(uids)} of {len(uids)} instances are here"])

    def test_what_cannot_be_moved_is_waited_for(self):
        # It knows no ISOVOX to move to.
        pacs = self.pacs(DicomAlwaysAllowFind=True, DicomAlwaysAllowMove=True)
        daemon = self.daemon_with(pacs.port, pacs.aet, plan={**PLAN, "quiet": 3})
        daemon.start()
        files = self.phantom(*SHAPE)
        harness.dcmsend(files, pacs.port, aec=pacs.aet)
        daemon.send(files[:10])
        series = self.wait_state(daemon, "waiting")
        self.assertEqual((series["code"], series["text"]),
                         ("INCOMPLETE", "10 of 16 at source archive"))
        self.assertRegex(self.evidence(daemon, "source")[0]["text"],
                         r"^10 of 16 instances are here; C-MOVE was answered with [A-F0-9]{4}")
        daemon.kill()
        daemon.start()
        self.assertEqual(daemon.list("series")[0]["state"], "waiting")
        daemon.send(files[10:])
        self.wait_state(daemon, "done")

    def test_a_source_that_is_silent_holds_up_its_own_series_only(self):
        with socket.socket() as silent:
            silent.bind((harness.HOST, 0))
            silent.listen(8)
            daemon = self.daemon(settings={
                "plan": {**PLAN, "quiet": 6},
                ("source", "archive"): {"ae_title": "MUTE", "address": harness.HOST,
                                        "port": silent.getsockname()[1], "senders": ["SLOW"],
                                        "connect_timeout": 30}})
            harness.dcmsend(self.phantom(*SHAPE, "--seed", "one"), daemon.port, aec=daemon.aet,
                            aet="SLOW")
            harness.dcmsend(self.phantom(*SHAPE, "--seed", "two"), daemon.port, aec=daemon.aet,
                            aet="FAST")
            def decided():
                rows = {each["calling_ae"]: each for each in daemon.list("series")}
                return len(rows) == 2 and all(each["decided_at"] for each in rows.values()) and rows
            rows = harness.wait_until(decided, 30, lambda: harness.tail(daemon.log))
        after = {name: seconds(each["decided_at"]) - seconds(each["last_at"])
                 for name, each in rows.items()}
        self.assertLess(after["FAST"], 4 * harness.SLOW)
        self.assertGreaterEqual(after["SLOW"], 6)
        self.assertLess(after["SLOW"], 9 * harness.SLOW)

    def test_an_answer_about_one_series_that_makes_no_sense_costs_no_other(self):
        bad = self.phantom(*SHAPE, "--seed", "one")
        good = self.phantom(*SHAPE, "--seed", "two")
        bad_uid = str(pydicom.dcmread(bad[0]).SeriesInstanceUID)

        class Muddled(Archive):
            both_are_due = threading.Event()

            def associated(self, wire, calling):
                self.both_are_due.wait(60)

            def found(self, asked):
                if asked.SeriesInstanceUID == bad_uid:
                    return b"\x20\x00\x0e\x00UI\xff\xff"  # longer than it is
                return super().found(asked)
        with Muddled() as archive:
            daemon = self.daemon_with(archive.port, archive.aet, plan={**PLAN, "quiet": 600})
            daemon.settings["source", "archive"]["connect_timeout"] = 60
            daemon.start()
            daemon.send(bad)
            harness.wait_until(lambda: archive.count("association") == 1, 20,
                               lambda: harness.tail(daemon.log))
            daemon.send(good)
            time.sleep(3 * harness.SLOW)
            archive.both_are_due.set()

            rows = harness.wait_until(
                lambda: (lambda rows: len(rows) == 2
                         and all(each["state"] == "done" for each in rows) and rows)(
                             daemon.list("series")),
                20, lambda: f"{archive.events}\n{harness.tail(daemon.log)}")

            said = {each["series_uid"]: [one["text"] for one in daemon.get(
                f"/api/v1/series/{each['id']}")["evidence"] if one["kind"] == "source"]
                    for each in rows}
            self.assertNotIn("16 of 16", said.pop(bad_uid)[0])
            self.assertEqual(list(said.values()), [["16 of 16 instances are here"]])

    def test_a_process_that_died_of_a_source_is_not_replaced_at_once(self):
        over = threading.Event()
        self.addCleanup(over.set)

        class Mute(Archive):
            def associated(self, wire, calling):
                over.wait(60)
        with Mute() as archive:
            daemon = self.daemon_with(archive.port, archive.aet, plan={**PLAN, "quiet": 600})
            daemon.start()
            daemon.send(self.phantom(*SHAPE))
            harness.wait_until(lambda: archive.count("association") == 1, 20,
                               lambda: harness.tail(daemon.log))
            role, = daemon.pids("query")
            child, = Path(f"/proc/{role}/task/{role}/children").read_text().split()

            os.kill(int(child), signal.SIGKILL)

            time.sleep(3)
            self.assertEqual(archive.count("association"), 1)
            harness.wait_until(lambda: archive.count("association") == 2, 10 * harness.SLOW,
                               lambda: harness.tail(daemon.log))


if __name__ == "__main__":
    unittest.main()
