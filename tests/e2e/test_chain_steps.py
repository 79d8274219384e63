"""A modality that tells of its procedure steps (MPPS), or asks for storage commitment: what it
names is what a series has to have."""

import datetime
import struct
import unittest

import chain
import harness
import peer
import pydicom
import scripted

SHAPE = ("--shape", "sines", "--dims", "40,40,16", "--spacing", "1,1,3")  # 48 results
STEP, CREATE, SET = peer.PERFORMED, 0x0140, 0x0120
# Only what is named can decide within the time of a test.
PATIENT = {"plan": {"quiet": 600, "quiet_released": 600, "quiet_full": 1}}


def performed(status, files=None, last=None):
    """A data set of N-CREATE or N-SET: the images of one series, the first `last` of them."""
    made = pydicom.Dataset()
    made.PerformedProcedureStepStatus = status
    if files is None:
        return made
    images = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
    series = pydicom.Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ReferencedImageSequence = scripted.references(
        [(each.SOPClassUID, each.SOPInstanceUID) for each in images[:last]])
    made.PerformedSeriesSequence = pydicom.Sequence([series])
    return made


class Modality(scripted.Client):
    def __init__(self, port, syntax=peer.EXPLICIT):
        super().__init__(port, [(STEP, [syntax])], calling="CT1")
        self.syntax = syntax

    def say(self, field, uid, dataset, raw=None):
        """The status of the answer to an N-CREATE or N-SET."""
        self.message_id += 1
        creates = field == CREATE
        data = scripted.encode(dataset, self.syntax) if raw is None else raw
        self.send(1, {0x0002 if creates else 0x0003: peer.uid(STEP),
                      0x0100: struct.pack("<H", field),
                      0x0110: struct.pack("<H", self.message_id), 0x0800: b"\1\0",
                      0x1000 if creates else 0x1001: peer.uid(uid)}, data)
        return self.status()


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Steps(harness.Case):
    def begin(self, settings=None):
        self.pacs_ = self.pacs()
        self.daemon_ = self.daemon(self.pacs_, settings=settings or PATIENT)
        self.files = self.phantom(*SHAPE)

    def wait_series(self, question, what):
        def found():
            rows = self.daemon_.list("series")
            return rows[-1] if rows and question(rows[-1]) else None
        return harness.wait_until(found, 30, lambda: f"{what}: {self.daemon_.list('series')}\n"
                                  + harness.tail(self.daemon_.log))

    def check_decided(self, by):
        series = self.wait_series(lambda each: each["decided_at"], "decided")
        self.assertIn(f"decided by: {by}", series["text"])
        found = self.pacs_.wait_derived(series=1, instances=48, alive=[self.daemon_])
        expected = chain.Expected(self.files, 1.0, "bspline3")
        chain.check_geometry(self, chain.fetch(self.pacs_, found[0]), expected)
        return series

    def test_a_completed_step_decides_when_its_last_image_is_here(self):
        self.begin()
        for syntax in (peer.EXPLICIT, peer.IMPLICIT):
            with self.subTest(syntax), Modality(self.daemon_.port, syntax) as modality:
                uid = "2.25.501" if syntax == peer.EXPLICIT else "2.25.502"
                self.assertEqual(modality.say(CREATE, uid, performed("IN PROGRESS")), 0x0000)
                self.assertEqual(modality.say(CREATE, uid, performed("IN PROGRESS")), 0x0111)
                status = modality.say(SET, uid, performed("COMPLETED", self.files))
                self.assertEqual(status, 0x0000)
                # PS3.4 F.7.2.2.2: it may no longer be updated.
                self.assertEqual(modality.say(SET, uid, performed("DISCONTINUED")), 0x0110)
                modality.release()
        self.daemon_.send(self.files[:10])
        waiting = self.wait_series(lambda each: each["waiting_for"].startswith("10 of 16"),
                                   "ten are here")
        self.assertIn("named by the procedure step (completed)", waiting["waiting_for"])
        self.daemon_.kill()  # what the modality said is durable
        self.daemon_.start()
        self.daemon_.send(self.files[10:])
        series = self.check_decided("manifest")
        self.assertLess(seconds(series["decided_at"]) - seconds(series["last_at"]),
                        2 * harness.SLOW)
        steps = [(each["text"], each["value"]) for each
                 in self.daemon_.get(f"/api/v1/series/{series['id']}")["evidence"]
                 if each["kind"] == "step"]
        self.assertEqual(steps, [("completed", 16)] * 2)

    def test_a_discontinued_step_hands_what_is_there_to_the_policy(self):
        self.begin()
        self.files = self.files[:10]
        with Modality(self.daemon_.port) as modality:
            modality.say(CREATE, "2.25.501", performed("IN PROGRESS"))
            self.daemon_.send(self.files)
            self.assertEqual(modality.say(SET, "2.25.501",
                                          performed("DISCONTINUED", self.files)), 0x0000)
            modality.release()
        series = self.wait_series(lambda each: each["decided_at"], "decided")
        self.assertIn("decided by: discontinued", series["text"])
        self.pacs_.wait_derived(series=1, instances=30, alive=[self.daemon_])

    def test_what_is_no_step_is_refused_and_harms_nothing(self):
        self.begin()
        with Modality(self.daemon_.port) as modality:
            say = modality.say
            self.assertEqual(say(SET, "2.25.9", performed("COMPLETED", self.files)), 0x0112)
            self.assertEqual(say(CREATE, "2.25.9", performed("COMPLETED")), 0x0106)
            self.assertEqual(say(CREATE, "2.25.9", pydicom.Dataset(),
                                 raw=b"\x08\0\x60\0CS\2\0CT"), 0x0120)
            self.assertEqual(say(CREATE, "", performed("IN PROGRESS")), 0x0117)
            bomb = b"\x40\0\x40\3SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 20000
            self.assertEqual(say(CREATE, "2.25.9", None, raw=bomb), 0x0213)
            lies = b"\x40\0\x40\3SQ\0\0\xf0\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\x7f"
            self.assertEqual(say(CREATE, "2.25.9", None, raw=lies), 0x0106)
            self.assertEqual(say(0x0150, "2.25.9", performed("IN PROGRESS")), 0x0211)
            self.assertEqual(say(CREATE, "2.25.9", performed("IN PROGRESS")), 0x0000)
            modality.release()

    def test_a_request_for_commitment_names_what_is_to_be_here(self):
        self.begin({**PATIENT, ("sender", "CT1"): {"address": harness.HOST,
                                                   "port": harness.free_port()}})
        pairs = [(str(each.SOPClassUID), str(each.SOPInstanceUID)) for each
                 in (pydicom.dcmread(path, stop_before_pixels=True) for path in self.files)]
        self.daemon_.send(self.files)
        with scripted.Asker(self.daemon_.port) as asker:
            self.assertEqual(asker.ask(scripted.commitment("2.25.77", pairs)), 0x0000)
            self.check_decided("manifest")
            asker.release()


if __name__ == "__main__":
    unittest.main()
