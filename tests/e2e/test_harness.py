"""The tests' own tools: what they say about the PACS and the senders is true."""

import json
import os
import unittest

import harness


def object_of(number):
    """A minimal Secondary Capture-like CT object, made by pydicom."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = f"2.25.7.{number}"
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID = meta.MediaStorageSOPClassUID
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = "2.25.5", "2.25.6"
    made.PatientID, made.PatientName, made.Modality = "1", "Test", "CT"
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.InstanceNumber = number
    made.is_little_endian, made.is_implicit_VR = True, False
    return made


class ThePacs(harness.Case):
    def stored(self, count):
        paths = []
        for number in range(1, count + 1):
            paths.append(self.folder / f"{number}.dcm")
            object_of(number).save_as(paths[-1], write_like_original=False)
        return paths

    def test_keeps_what_three_senders_sent_through_a_kill(self):
        pacs = self.pacs()
        one, two, three = self.stored(3)

        harness.dcmsend(one, pacs.port)
        harness.storescu([two], pacs.port)
        harness.gdcmscu([three], pacs.port)
        pacs.kill()
        pacs.start()

        series = pacs.wait_derived(series=1, instances=3)[0]
        self.assertEqual([each.SOPInstanceUID for each in pacs.datasets(series)],
                         ["2.25.7.1", "2.25.7.2", "2.25.7.3"])

    def test_wait_fails_when_the_series_does_not_come(self):
        pacs = self.pacs()
        harness.dcmsend(self.stored(1), pacs.port)

        with self.assertRaisesRegex(AssertionError, r"1 derived series of 2 instances .*\[1\]"):
            pacs.wait_derived(series=1, instances=2, seconds=1)

    def test_a_sender_refused_is_a_failure(self):
        with self.assertRaisesRegex(AssertionError, "dcmsend .*exit status"):
            harness.dcmsend(self.stored(1), harness.free_port())

    def test_stop_leaves_no_process(self):
        pacs = self.pacs()
        pid = pacs.process.pid

        pacs.stop()

        self.assertRaises(ProcessLookupError, os.kill, pid, 0)


class TheConfigurationWriter(unittest.TestCase):
    def test_writes_titled_sections_lists_and_quotes(self):
        text = harness.conf_text({"a": 1, ("route", "ct"): {"modality": ["CT", "MR"]},
                                  "http": {"on": True, "address": 'x"y'}})

        self.assertEqual(text, 'a = 1\nroute "ct" {\n    modality = {"CT", "MR"}\n}\n'
                               'http {\n    on = true\n    address = "x\\"y"\n}\n')

    def test_lays_changes_over_sections(self):
        self.assertEqual(json.dumps(harness.merged({"a": {"b": 1, "c": 2}, "d": 3},
                                                   {"a": {"b": 4}, "d": None})),
                         '{"a": {"b": 4, "c": 2}}')
