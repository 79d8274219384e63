"""The Storage SCP before real senders and hostile ones."""

import os
import random
import signal
import socket
import struct
import threading
import time

import harness
import peer
from peer import CT, MR, EXPLICIT, IMPLICIT, Association


def data_set(sop_uid, padding=0):
    """A small data set in explicit little endian; nobody here reads it."""
    def text(group, number, vr, value):
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HH2sH", group, number, vr, len(value)) + value
    body = text(8, 0x16, b"UI", CT.encode()) + text(8, 0x18, b"UI", sop_uid.encode())
    if padding:
        body += struct.pack("<HH2sHL", 0x7fe0, 0x10, b"OW", 0, padding) + bytes(padding)
    return body


def nested(depth):
    """A sequence in a sequence in a sequence, of undefined lengths."""
    start = struct.pack("<HH2sHL", 0x0040, 0xa730, b"SQ", 0, 0xffffffff)
    item = struct.pack("<HHL", 0xfffe, 0xe000, 0xffffffff)
    return (start + item) * depth + struct.pack("<HHL", 0xfffe, 0xe00d, 0) * depth


class ReceiverCase(harness.Case):
    settings = {}

    def setUp(self):
        super().setUp()
        self.receiver = self.daemon(roles="receive", settings=self.settings)
        self.port = self.receiver.port

    def journal(self):
        """All bytes of the journal."""
        return b"".join(path.read_bytes() for path in self.receiver.state.glob("spool/*.seg"))

    def log(self):
        return self.receiver.log.read_text(errors="strict")

    def wait_log(self, text):
        harness.wait_until(lambda: text in self.log(), 20,
                           lambda: f"log has {text}\n{harness.tail(self.receiver.log)}")


class TheReceiver(ReceiverCase):
    def test_takes_what_real_senders_send(self):
        files = self.phantom("--dims", "32,32,12", "--spacing", "1,1,2")
        for number, send in enumerate((harness.dcmsend, harness.storescu, harness.gdcmscu)):
            with self.subTest(send.__name__):
                send(files, self.port, aet=f"SENDER{number}")
                self.wait_log(f'ae="SENDER{number}"')
                line = [each for each in self.log().splitlines()
                        if f'ae="SENDER{number}"' in each][-1]
                self.assertIn(f"instances={len(files)} failed=0", line)

    def test_answers_a_stock_echo(self):
        done = harness.run(["echoscu", "-aec", "ISOVOX", peer.HOST, self.port])

        self.assertEqual(done.returncode, 0, done.stderr)

    def test_does_not_stall_senders_that_use_nagles_algorithm(self):
        """With them stalled, instances come at 20 per second: 7 s for 150."""
        files = self.phantom("--dims", "200,195,150", "--spacing", "1,1,1")

        def seconds():
            start = time.monotonic()
            harness.storescu(files, self.port)
            return time.monotonic() - start

        self.assertLess(min(seconds() for _ in range(3)), 4 * harness.SLOW)

    def test_does_not_mind_leading_and_trailing_spaces_of_titles(self):
        with Association(self.port, called=" ISOVOX ", calling="  CT1 ") as association:
            self.assertEqual(association.kind, peer.ACCEPT)
            self.assertTrue(association.release())
        self.wait_log('ae="CT1"')

    def test_keeps_every_byte(self):
        data = data_set("2.25.1") + os.urandom(300000)
        with Association(self.port) as association:
            self.assertEqual(association.store(CT, "2.25.1", data), 0x0000)
            journal = self.journal()

        self.assertEqual(journal.count(data), 1)

    def test_judges_each_context_by_itself(self):
        contexts = [(CT, [IMPLICIT, EXPLICIT]), (peer.SECONDARY_CAPTURE, [EXPLICIT]),
                    (MR, [peer.MPEG2]), (MR, [peer.EXPLICIT_BIG]),
                    (peer.VERIFICATION, [IMPLICIT])]
        with Association(self.port, contexts) as association:
            results = association.results()

        self.assertEqual(results[1], (0, EXPLICIT))
        self.assertEqual(results[3][0], 3)  # abstract syntax not supported
        self.assertEqual(results[5][0], 4)  # transfer syntaxes not supported
        self.assertEqual(results[7], (0, peer.EXPLICIT_BIG))
        self.assertEqual(results[9], (0, IMPLICIT))

    def test_accepts_an_association_of_which_it_can_serve_nothing(self):
        with Association(self.port, [(peer.SECONDARY_CAPTURE, [EXPLICIT])]) as association:
            self.assertEqual(association.kind, peer.ACCEPT)
            self.assertTrue(association.release())

    def test_rejects_with_the_reason(self):
        cases = [({"called": "OTHER"}, (1, 1, 7)), ({"called": "isovox"}, (1, 1, 7)),
                 ({"application_context": "1.2.3"}, (1, 1, 2))]
        for names, expected in cases:
            with self.subTest(**names), Association(self.port, **names) as association:
                self.assertEqual(association.kind, peer.REJECT)
                self.assertEqual(tuple(association.answer[1:4]), expected)

    def test_refuses_an_instance_and_goes_on(self):
        long = "1." + "2" * 63
        cases = [
            ("2.25.x", CT, 1, 0xC000, "Affected SOP Instance UID is no UID"),
            ("../../etc/passwd", CT, 1, 0xC000, "Affected SOP Instance UID is no UID"),
            (long, CT, 1, 0xC000, "Affected SOP Instance UID is no UID"),
            ("", CT, 1, 0xC000, "Affected SOP Instance UID is no UID"),
            ("2.25.1", "CT", 1, 0xC000, "Affected SOP Class UID is no UID"),
            ("2.25.1", MR, 1, 0x0122, "SOP class is not that of the presentation context"),
            ("2.25.1", CT, 3, 0x0122, "SOP class is not that of the presentation context"),
            ("2.25.1", peer.VERIFICATION, 3, 0x0122, "not a storage SOP class"),
        ]
        with Association(self.port) as association:
            for sop_uid, sop_class, context, status, comment in cases:
                with self.subTest(sop_uid=sop_uid, sop_class=sop_class, context=context):
                    data = data_set("2.25.1", 40000)
                    self.assertEqual(association.store(sop_class, sop_uid, data, context),
                                     status)
                    self.assertEqual(association.comment, comment)
            self.assertEqual(association.store(CT, "2.25.1", data_set("2.25.1")), 0)

    def test_stores_nothing_through_a_context_of_another_service(self):
        with Association(self.port, [(peer.PERFORMED, [EXPLICIT])]) as association:
            self.assertEqual(association.results()[1][0], 0)
            status = association.store(peer.PERFORMED, "2.25.1", data_set("2.25.1"))

            self.assertEqual((status, association.comment), (0x0122, "not a storage SOP class"))

    def test_answers_a_store_without_data(self):
        with Association(self.port) as association:
            association.send_command(field=1, sop_uid="2.25.1", data=False)
            self.assertEqual(association.status(), 0xC000)
            association.send_command(field=1, sop_uid="2.25.1")
            association.send_data(b"")
            self.assertEqual(association.status(), 0xC000)
            self.assertEqual(association.comment, "empty data set")
            self.assertEqual(association.echo(), 0)

    def test_answers_operations_that_it_does_not_know(self):
        for field in (0x0020, 0x0021, 0x0010, 0x0130, 0x0140, 0x0100, 0x1234):
            for data in (True, False):
                with self.subTest(field=hex(field), data=data), \
                        Association(self.port) as association:
                    association.send_command(field=field, data=data)
                    if data:
                        association.send_data(data_set("2.25.1"))
                    self.assertEqual(association.status(), 0x0211)
                    self.assertEqual(association.echo(), 0)

    def test_refuses_data_in_another_context(self):
        contexts = [(CT, [EXPLICIT]), (CT, [IMPLICIT])]
        with Association(self.port, contexts) as association:
            association.send_command(field=1, sop_uid="2.25.1")
            association.send_data(data_set("2.25.1"), context=3)

            self.assertEqual(association.status(), 0xA900)

    def test_takes_a_message_that_is_cut_in_odd_places(self):
        """Command and data in one PDU, a command set in three fragments, tiny fragments."""
        data = data_set("2.25.1", 3000)
        request = peer.command(1, 1, CT, "2.25.1")
        with Association(self.port) as association:
            association.message_id = 1
            body = peer.pdv(1, 1, request[:14]) + peer.pdv(1, 1, request[14:30])
            body += peer.pdv(1, 3, request[30:]) + peer.pdv(1, 0, data[:100])
            association.send(peer.pdu(peer.DATA, body))
            for at in range(100, 300, 2):
                association.send(peer.pdu(peer.DATA, peer.pdv(1, 0, data[at:at + 2])))
            association.send(peer.pdu(peer.DATA, peer.pdv(1, 2, data[300:])))

            self.assertEqual(association.status(), 0)
            self.assertEqual(self.journal().count(data), 1)


class HostilePeers(ReceiverCase):
    def still_serves(self, within=1.0):
        start = time.monotonic()
        with Association(self.port) as association:
            self.assertEqual(association.store(CT, "2.25.77", data_set("2.25.77", 1000)), 0)
            self.assertTrue(association.release())
        self.assertLess(time.monotonic() - start, within * harness.SLOW)

    def test_silent_ones_hold_nobody_up(self):
        held = [socket.create_connection((peer.HOST, self.port)) for _ in range(40)]
        self.addCleanup(lambda: [each.close() for each in held])

        self.still_serves(1.0)

    def test_half_requests_hold_nobody_up(self):
        request = peer.associate_request([(CT, [EXPLICIT])])
        held = [socket.create_connection((peer.HOST, self.port)) for _ in range(40)]
        self.addCleanup(lambda: [each.close() for each in held])
        for number, each in enumerate(held):
            each.sendall(request[:1 + number * 3])

        self.still_serves(1.0)

    def test_idle_and_half_stored_associations_hold_nobody_up(self):
        held = [Association(self.port) for _ in range(20)]
        self.addCleanup(lambda: [each.close() for each in held])
        for each in held[:10]:
            each.send_command(field=1, sop_uid="2.25.5")
            each.send_data(data_set("2.25.5", 5000), last=False)

        self.still_serves(1.0)

    def test_a_transfer_that_breaks_off_leaves_nothing(self):
        marker = os.urandom(64)
        for length in (100, 20000, 500000):
            association = Association(self.port)
            association.send_command(field=1, sop_uid="2.25.5")
            association.send_data(marker + os.urandom(length), last=False)
            association.close()
        self.wait_log("instances=0")
        harness.wait_until(lambda: self.log().count("end=broken") == 3, 10, self.log)

        self.still_serves()
        listed = harness.run([harness.program("tests/tools/isovox-journal"),
                              self.receiver.state], check=True).stdout.splitlines()
        self.assertEqual([each.split()[0] for each in listed], ["instance", "released"])

    def test_nested_sequences_are_only_bytes(self):
        data = nested(20000)
        with Association(self.port) as association:
            self.assertEqual(association.store(CT, "2.25.5", data), 0)
        self.assertEqual(self.journal().count(data), 1)
        self.still_serves()

    def test_lying_lengths_end_the_association_and_nothing_else(self):
        liars = [
            struct.pack(">BBL", peer.DATA, 0, 0xffffffff) + b"x" * 100,
            peer.pdu(peer.DATA, struct.pack(">LBB", 0xfffffff0, 1, 3) + b"x" * 100),
            peer.pdu(peer.DATA, struct.pack(">LBB", 1, 1, 3)),
            peer.pdu(peer.DATA, b""),
            peer.pdu(peer.DATA, b"\0\0"),
            peer.pdu(peer.DATA, peer.pdv(99, 3, peer.command(1, 1, CT, "2.25.1"))),
            peer.pdu(peer.DATA, peer.pdv(1, 3, peer.element(0x0100, b"\1\0")[:-1])),
            peer.pdu(peer.DATA, peer.pdv(1, 3, b"\0\0\0\1\xff\xff\xff\xff\1\0")),
            peer.pdu(peer.DATA, peer.pdv(1, 0, b"data without a command ")),
            peer.pdu(peer.DATA, peer.pdv(1, 3, peer.command(0x8001, 1, CT, "2.25.1"))),
            peer.pdu(peer.ACCEPT, bytes(100)),
            peer.pdu(0x44, b"what is this"),
            peer.associate_request([(CT, [EXPLICIT])]),
        ]
        for number, lie in enumerate(liars):
            with self.subTest(number), Association(self.port, timeout=8) as association:
                association.send(lie)
                self.assertTrue(association.is_over())
        self.assertNotIn("crashed", self.log())
        self.still_serves()

    def test_bad_requests_are_not_answered_with_a_crash(self):
        good = peer.associate_request([(CT, [EXPLICIT])])
        bad = [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\x05hello", bytes(200),
               peer.pdu(peer.REQUEST, b""), peer.pdu(peer.REQUEST, bytes(68)),
               struct.pack(">BBL", peer.REQUEST, 0, 0x7fffffff) + b"x" * 100,
               peer.associate_request([]), peer.associate_request([(CT, [])]),
               peer.associate_request([("1" * 500, ["2" * 500])]),
               peer.associate_request([(CT, [EXPLICIT] * 200)] * 128)]
        bad += [good[:at] + bytes([good[at] ^ 0xff]) + good[at + 1:]
                for at in range(0, len(good), 3)]

        def attack(request):
            with socket.create_connection((peer.HOST, self.port), 15) as one:
                one.settimeout(0.2)
                try:
                    one.sendall(request)
                    while one.recv(4096):
                        pass
                except OSError:
                    pass

        for request in bad:
            attack(request)
        self.still_serves()
        self.assertNotIn("crashed", self.log())

    def test_a_command_set_without_end_is_cut_short(self):
        with Association(self.port) as association:
            with self.assertRaises((peer.Lost, OSError)):
                for _ in range(2000):
                    association.send(peer.pdu(peer.DATA, peer.pdv(1, 1, bytes(16000))))
                association.receive()
                raise peer.Lost()
        self.still_serves()

    def test_a_killed_sender_is_a_broken_association(self):
        files = self.phantom("--dims", "64,64,30", "--spacing", "1,1,2")
        sender = harness.Server("storescu", ["storescu", "-aec", "ISOVOX", "--repeat", "500",
                                             peer.HOST, self.port, *files],
                                self.folder / "storescu.log").start()
        time.sleep(0.5)
        sender.kill()

        self.wait_log("end=broken")
        self.still_serves()

    def test_a_flood_is_hung_up_on(self):
        held = []
        self.addCleanup(lambda: [each.close() for each in held])
        for _ in range(300):
            held.append(socket.create_connection((peer.HOST, self.port)))
        self.wait_log("association.hung_up")
        closed = 0
        for each in held[-50:]:
            each.settimeout(2)
            try:
                closed += each.recv(1) == b""
            except ConnectionResetError:
                closed += 1
            except OSError:
                pass
        self.assertGreater(closed, 30)
        for each in held:
            each.close()
        held.clear()

        time.sleep(0.5)
        self.still_serves()


def children_of(pid):
    try:
        text = open(f"/proc/{pid}/task/{pid}/children", encoding="ascii").read()
    except OSError:
        return []
    return [int(each) for each in text.split()]


class NothingIsLost(ReceiverCase):
    """What was acknowledged is in the journal, whatever happens around it."""

    settings = {"shutdown_grace": 1}

    def journal_uids(self):
        done = harness.run([harness.program("tests/tools/isovox-journal"),
                            self.receiver.state], check=True)
        return [line.split()[1] for line in done.stdout.splitlines()
                if line.startswith("instance ")]

    def test_with_sixteen_associations_at_once(self):
        files = self.phantom("--dims", "64,64,40", "--spacing", "1,1,1")
        senders = [threading.Thread(target=harness.storescu, args=(files, self.port))
                   for _ in range(16)]
        for each in senders:
            each.start()
        for each in senders:
            each.join()

        uids = self.journal_uids()
        self.assertEqual(len(set(uids)), len(files))
        self.assertEqual(len(uids), 16 * len(files))

    def test_when_processes_are_killed(self):
        acknowledged, stop = [], threading.Event()

        def keep_sending(name):
            number = 0
            while not stop.is_set():
                try:
                    with Association(self.port, timeout=5) as association:
                        while not stop.is_set():
                            number += 1
                            uid = f"2.25.{name}{number:06}"
                            if association.store(CT, uid, data_set(uid, 100000)) == 0:
                                acknowledged.append(uid)
                except (OSError, peer.Lost):
                    time.sleep(0.02)

        senders = [threading.Thread(target=keep_sending, args=(name,)) for name in range(1, 5)]
        for each in senders:
            each.start()
        chance, end = random.Random(7), time.monotonic() + 40 * harness.SLOW
        kills = 0
        while kills < 24 and time.monotonic() < end:
            time.sleep(chance.uniform(0.05, 0.3))
            roles = children_of(self.receiver.process.pid)
            victims = [child for role in roles for child in children_of(role)]
            victims = roles if kills % 8 == 7 else victims
            if victims:
                os.kill(chance.choice(victims), signal.SIGKILL)
                kills += 1
        stop.set()
        for each in senders:
            each.join()

        self.assertEqual(kills, 24)
        self.assertGreater(len(acknowledged), 50)
        self.assertEqual(set(acknowledged) - set(self.journal_uids()), set())
