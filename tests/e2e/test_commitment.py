"""Storage commitment that senders ask of us (PS3.4 annex J): what is answered, when, over which
association, and what survives."""

import contextlib
import json
import sqlite3
import struct
import time

import pydicom

import harness
import peer
import scripted

CT, MR = peer.CT, peer.MR


def transaction():
    return pydicom.uid.generate_uid(prefix="2.25.")


class Commitment(harness.Case):
    def sender(self, **options):
        made = scripted.Scp(aet="CT1", **options)
        self.addCleanup(made.stop)
        return made

    def started(self, sender, **settings):
        """A daemon that reports to this sender, and the references of a series that it has."""
        daemon = self.daemon(settings={
            ("sender", "CT1"): {"address": harness.HOST, "port": sender.port}, **settings})
        files = self.phantom("--dims", "16,16,12", "--spacing", "1,1,2")
        daemon.send(files, aet="CT1")
        heads = [pydicom.dcmread(each, stop_before_pixels=True) for each in files]
        return daemon, [(str(each.SOPClassUID), str(each.SOPInstanceUID)) for each in heads]

    def commitments(self, daemon):
        return daemon.list("commitments")

    def wait_state(self, daemon, state, count=1, seconds=30):
        found = harness.wait_until(
            lambda: [each for each in self.commitments(daemon) if each["state"] == state][:count]
            or None, seconds,
            lambda: f"{state}: {self.commitments(daemon)}\n{harness.tail(daemon.log)}")
        return found[0]

    def check_report(self, dataset, uid, kept, failed):
        """failed: {instance: reason}"""
        self.assertEqual(str(dataset.TransactionUID), uid)
        self.assertEqual(scripted.uids_of(dataset, "ReferencedSOPSequence"),
                         sorted(each for _, each in kept))
        reasons = {str(each.ReferencedSOPInstanceUID): int(each.FailureReason)
                   for each in dataset.get("FailedSOPSequence", [])}
        self.assertEqual(reasons, failed)

    # ---- what is answered

    def test_is_reported_on_the_same_association(self):
        daemon, refs = self.started(self.sender())
        for syntax in (peer.EXPLICIT, peer.IMPLICIT):
            with self.subTest(syntax), scripted.Asker(daemon.port, syntax=syntax) as asker:
                uid = transaction()
                self.assertEqual(asker.ask(scripted.commitment(uid, refs)), 0)

                self.check_report(asker.hear(), uid, refs, {})
                asker.release()

        states = [each["state"] for each in self.commitments(daemon)]
        self.assertEqual(states, ["reported"] * 2)

    def test_names_what_is_not_kept_and_why(self):
        daemon, refs = self.started(self.sender())
        stranger, report_class = (CT, "2.25.404"), ("1.2.840.10008.5.1.4.1.1.88.11", "2.25.405")
        wrong = (MR, refs[0][1])
        with scripted.Asker(daemon.port) as asker:
            uid = transaction()
            asker.ask(scripted.commitment(uid, refs[1:] + [wrong, stranger, report_class]))

            self.check_report(asker.hear(), uid, refs[1:],
                              {wrong[1]: 0x0119, stranger[1]: 0x0112, report_class[1]: 0x0122})

    def test_counts_what_was_sent_a_moment_ago(self):
        daemon, _ = self.started(self.sender())
        files = self.phantom("--dims", "16,16,30", "--spacing", "1,1,2", "--seed", "7")
        with scripted.Asker(daemon.port, store=[CT]) as asker:
            refs = []
            for path in files:
                dataset = pydicom.dcmread(path)
                refs.append((str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)))
                asker.message_id += 1
                asker.send(3, {0x0002: peer.uid(CT), 0x0100: b"\1\0", 0x0700: b"\0\0",
                               0x0110: struct.pack("<H", asker.message_id), 0x0800: b"\1\0",
                               0x1000: peer.uid(refs[-1][1])},
                           scripted.encode(dataset, peer.EXPLICIT))
                self.assertEqual(asker.status(), 0)
            uid = transaction()
            self.assertEqual(asker.ask(scripted.commitment(uid, refs)), 0)
            self.check_report(asker.hear(), uid, refs, {})

    def test_does_not_promise_what_the_disk_has_lost(self):
        daemon, refs = self.started(self.sender())
        harness.wait_until(lambda: [each["instances"] for each in daemon.list("series")] == [12],
                           20, "the series is indexed")
        segment = sorted((daemon.state / "spool").glob("*.seg"))[0]
        data = segment.read_bytes()
        at = data.index(b"DICM") + 600  # in the first instance
        with open(segment, "r+b") as file:
            file.seek(at)
            file.write(bytes([data[at] ^ 0xff]))

        with scripted.Asker(daemon.port) as asker:
            uid = transaction()
            asker.ask(scripted.commitment(uid, refs))
            heard = asker.hear()

        self.assertEqual([int(each.FailureReason) for each in heard.FailedSOPSequence], [0x0110])
        self.assertEqual(len(heard.ReferencedSOPSequence), 11)

    # ---- over which association

    def test_is_reported_on_an_association_of_ours_when_the_sender_has_left(self):
        sender = self.sender().start()
        daemon, refs = self.started(sender)
        with scripted.Asker(daemon.port) as asker:
            uid = transaction()
            self.assertEqual(asker.ask(scripted.commitment(uid, refs)), 0)
            asker.release()

        harness.wait_until(lambda: sender.count("report"), 20,
                           lambda: "the report\n" + harness.tail(daemon.log))
        (told, dataset, kind), = sender.details("report")
        self.assertEqual(kind, 1)
        self.check_report(dataset, uid, refs, {})
        association = sender.details("association")[0]
        self.assertEqual(association["calling"], "ISOVOX")
        self.assertEqual(association["roles"], [(scripted.COMMITMENT, 0, 1)])
        self.wait_state(daemon, "reported")

    def test_is_reported_when_the_sender_is_back_and_after_a_restart(self):
        sender = self.sender()
        daemon, refs = self.started(sender)
        with scripted.Asker(daemon.port) as asker:
            uid = transaction()
            self.assertEqual(asker.ask(scripted.commitment(uid, refs)), 0)
            asker.sock.close()  # not even released
        harness.wait_until(lambda: self.commitments(daemon)[0]["attempts"] >= 1, 30,
                           lambda: f"an attempt {self.commitments(daemon)}")
        daemon.kill()
        daemon.start()
        sender.start()

        harness.wait_until(lambda: sender.count("report"), 40,
                           lambda: "the report\n" + harness.tail(daemon.log))
        self.check_report(sender.details("report")[0][1], uid, refs, {})
        self.wait_state(daemon, "reported")

    def test_a_request_survives_the_death_of_everybody_right_after_its_answer(self):
        sender = self.sender().start()
        daemon, refs = self.started(sender)
        with scripted.Asker(daemon.port) as asker:
            uid = transaction()
            self.assertEqual(asker.ask(scripted.commitment(uid, refs)), 0)
            daemon.kill()
        daemon.start()

        harness.wait_until(lambda: sender.count("report"), 60,
                           lambda: "the report\n" + harness.tail(daemon.log))
        self.check_report(sender.details("report")[0][1], uid, refs, {})

    def test_a_report_that_is_refused_is_repeated(self):
        class Forgetful(scripted.Scp):
            def reported(self, message):
                return 0x0110 if self.count("report") < 2 else 0x0000
        sender = Forgetful(aet="CT1").start()
        self.addCleanup(sender.stop)
        daemon, refs = self.started(sender)
        with scripted.Asker(daemon.port) as asker:
            asker.ask(scripted.commitment(transaction(), refs))
            asker.release()

        self.wait_state(daemon, "reported", seconds=40)
        self.assertEqual(sender.count("report"), 3)

    def test_a_report_that_was_given_up_is_repeated_by_hand(self):
        sender = self.sender()
        daemon, refs = self.started(sender, deliver={"budget": 1, "first_retry": 1})
        with scripted.Asker(daemon.port) as asker:
            uid = transaction()
            asker.ask(scripted.commitment(uid, refs))
            asker.release()
        self.wait_state(daemon, "judged")
        daemon.stop()
        with contextlib.closing(sqlite3.connect(daemon.state / "catalogue.db")) as catalogue:
            catalogue.execute("UPDATE commitment SET next_us = 0,"
                              " judged_us = judged_us - 3600000000")
            catalogue.commit()
        daemon.start()
        dead = self.wait_state(daemon, "dead")
        self.assertIn("refused", dead["text"])
        self.assertEqual(daemon.get("/api/v1/status")["commitments"]["dead"], 1)
        self.assertRegex(daemon.tool("commitments", check=True).stdout,
                         r"(?m)^c1 +dead +CT1 +12 +0 ")

        sender.start()
        again = daemon.tool("retry", "c1", check=True)

        self.assertEqual(again.stdout, "c1 requested\n")
        self.wait_state(daemon, "reported")
        self.check_report(sender.details("report")[0][1], uid, refs, {})
        self.assertEqual(daemon.tool("retry", "c1").returncode, 1)

    def test_orthanc_is_told(self):
        daemon = self.daemon(start=False)
        pacs = self.pacs(start=False, aet="CT1", modalities={
            "isovox": {"AET": "ISOVOX", "Host": harness.HOST, "Port": daemon.port}})
        daemon.settings["sender", "CT1"] = {"address": harness.HOST, "port": pacs.port}
        daemon.start()
        pacs.start()
        files = self.phantom("--dims", "16,16,12", "--spacing", "1,1,2")
        harness.storescu(files, pacs.port, aec="CT1")
        daemon.send(files[:11], aet="CT1")

        status, body = harness.http("POST", f"{pacs.url}/modalities/isovox/storage-commitment",
                                    '{"Resources": ["%s"]}' % pacs.get("/studies")[0])
        self.assertEqual(status, 200, body)
        path = json.loads(body)["Path"]
        done = harness.wait_until(
            lambda: (lambda answer: answer if answer["Status"] != "Pending" else None)(
                pacs.get(path)), 30, lambda: f"{pacs.get(path)}\n{harness.tail(daemon.log)}")

        self.assertEqual(done["Status"], "Failure")
        self.assertEqual([each["FailureReason"] for each in done["Failures"]], [0x0112])
        self.assertEqual(len(done["Success"]), 11)

    # ---- who may ask, and how much

    def test_strangers_are_not_offered_it(self):
        daemon, _ = self.started(self.sender())
        with scripted.Asker(daemon.port, calling="OTHER") as asker:
            self.assertEqual(asker.contexts, {})

    def test_a_transaction_uid_is_used_once(self):
        daemon, refs = self.started(self.sender())
        uid = transaction()
        with scripted.Asker(daemon.port) as asker:
            self.assertEqual(asker.ask(scripted.commitment(uid, refs)), 0)
            self.assertEqual(asker.ask(scripted.commitment(uid, refs)), 0x0131)
            self.check_report(asker.hear(), uid, refs, {})
            self.assertEqual(asker.ask(scripted.commitment(uid, refs[:1])), 0x0131)
            self.assertEqual(asker.ask(scripted.commitment(transaction(), refs)), 0)

    def test_nonsense_is_refused_and_the_association_goes_on(self):
        daemon, refs = self.started(self.sender())
        good = scripted.commitment(transaction(), refs)
        nothing, nameless = scripted.commitment(transaction(), []), scripted.commitment("", refs)
        bad_uid = scripted.encode(scripted.commitment(transaction(), refs[:1]), peer.EXPLICIT)
        bad_uid = bad_uid.replace(refs[0][1].encode()[:4], b"../x")
        deep = bytes(2) * 0
        for _ in range(300):  # a sequence in a sequence in ...
            deep = (struct.pack("<HH2sHL", 0x0008, 0x1199, b"SQ", 0, len(deep) + 8)
                    + struct.pack("<HHL", 0xfffe, 0xe000, len(deep)) + deep)
        with scripted.Asker(daemon.port) as asker:
            for wanted, ask in (
                    (0x0115, lambda: asker.ask(nothing)),
                    (0x0115, lambda: asker.ask(nameless)),
                    (0x0115, lambda: asker.ask(good, raw=b"\0\1")),
                    (0x0115, lambda: asker.ask(good, raw=bad_uid)),
                    (0x0115, lambda: asker.ask(good, raw=deep)),
                    (0x0123, lambda: asker.ask(good, x1008=b"\7\0")),
                    (0x0112, lambda: asker.ask(good, x1001=peer.uid("1.2.3"))),
                    (0x0118, lambda: asker.ask(good, x0003=peer.uid(CT)))):
                self.assertEqual(ask(), wanted)
            self.assertEqual(self.commitments(daemon), [])
            self.assertEqual(asker.ask(good), 0)
            asker.hear()

    def test_long_lists_are_bounded(self):
        daemon, refs = self.started(self.sender())
        many = [(CT, f"2.25.{100000 + n}") for n in range(20000)]
        with scripted.Asker(daemon.port) as asker:
            self.assertEqual(
                asker.ask(None, raw=scripted.raw_commitment("2.25.1", many + refs)), 0x0213)
            self.assertEqual(
                asker.ask(None, raw=scripted.raw_commitment("2.25.1", many[12:] + refs)), 0)
            message = asker.next()
            asker.answer(message, 0)
        failed = struct.pack("<HH2sHH", 0x0008, 0x1197, b"US", 2, 0x0112)
        self.assertEqual(message.data.count(failed), 19988)
        self.assertEqual(message.data.count(struct.pack("<HH", 0x0008, 0x1155)), 20000)

    # ---- what it means

    def remaining(self, keep_committed):
        """A series that was promised and is not needed any more: what a second request gets
        after whatever may be removed has been."""
        daemon, refs = self.started(self.sender(), plan={
            "quiet": 1, "quiet_released": 0, "keep": 0, "keep_committed": keep_committed})
        with scripted.Asker(daemon.port) as asker:
            asker.ask(scripted.commitment(transaction(), refs))
            asker.hear()
        harness.wait_until(lambda: [each["state"] for each in daemon.list("series")] == ["done"],
                           20, "the series is done with")
        daemon.restart()
        harness.wait_until(
            lambda: keep_committed or not list((daemon.state / "spool").glob("*.seg")), 20,
            lambda: f"removal\n{harness.tail(daemon.log)}")
        with scripted.Asker(daemon.port) as asker:
            asker.ask(scripted.commitment(transaction(), refs))
            heard = asker.hear()
        return (len(heard.get("ReferencedSOPSequence", [])),
                [int(each.FailureReason) for each in heard.get("FailedSOPSequence", [])])

    def test_what_was_promised_stays_and_what_has_gone_is_not_promised(self):
        self.assertEqual(self.remaining(keep_committed=1), (12, []))
        self.assertEqual(self.remaining(keep_committed=0), (0, [0x0112] * 12))
