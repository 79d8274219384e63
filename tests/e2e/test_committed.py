"""Deliveries to peers with storage commitment: committed when the peer has said so of every
instance, on whichever association, and not before."""

import json
import threading
import time

import harness
import peer
import scripted

SLICES = 20


class Archive(scripted.Scp):
    """A PACS that commits. how: "same" association, a "new" one to `back`, or not at all."""

    def __init__(self, how="same", back=None, **options):
        super().__init__(aet="ARCHIVE", **options)
        self.how, self.back, self.refuse, self.seconds = how, back, {}, 0

    def reasons(self, pairs):
        """{instance: reason} of what is refused, once each."""
        with self.lock:
            wanted = {uid: self.refuse.pop(uid) for _, uid in pairs if uid in self.refuse}
        missing = {uid: 0x0112 for _, uid in pairs if uid not in self.kept}
        return {**missing, **wanted}

    def asked(self, wire, message):
        dataset = message.dataset()
        pairs = scripted.pairs_of(dataset.ReferencedSOPSequence)
        uid = str(dataset.TransactionUID)
        answer = scripted.report(uid, pairs, self.reasons(pairs))
        time.sleep(self.seconds)
        if self.how == "same":
            self.note("told", wire.report(answer))
        if self.how == "new":
            threading.Thread(target=self.tell, args=(answer,), daemon=True).start()

    def tell(self, answer):
        with scripted.Client(self.back, [(scripted.COMMITMENT, [peer.EXPLICIT])],
                             calling="ARCHIVE", roles=[(scripted.COMMITMENT, 0, 1)]) as wire:
            self.note("roles", wire.accepted_roles)
            self.note("told", wire.report(answer))
            wire.release()


class Committed(harness.Case):
    def archive(self, *arguments, **options):
        made = Archive(*arguments, **options)
        self.addCleanup(made.stop)
        return made

    def daemon_for(self, archive, start=True, general=None, **destination):
        settings = {("destination", "pacs"): {"commitment": True, **destination},
                    ("recipe", "iso-1mm"): {"kernel": "linear"},
                    "plan": {"quiet_released": 0}, **(general or {})}
        return self.daemon(archive, start=start, settings=settings)

    def send_series(self, daemon, slices=SLICES, seed="1"):
        daemon.send(self.phantom("--dims", f"16,16,{slices}", "--spacing", "1,1,1",
                                 "--seed", seed))

    def wait_state(self, daemon, state, seconds=40, archive=None):
        def found():
            return [each for each in daemon.list("deliveries") if each["state"] == state]
        return harness.wait_until(
            found, seconds, lambda: f"{state}: {daemon.list('deliveries')}\n"
            f"{harness.tail(daemon.log)}\n{archive and archive.events}")[0]

    def check_committed(self, daemon, archive, asked=1):
        delivery = self.wait_state(daemon, "committed", archive=archive)
        self.assertTrue(delivery["committed"])
        self.assertEqual(delivery["accepted"], SLICES)
        self.assertEqual(len(archive.kept), SLICES)
        self.assertEqual(archive.count("asked"), asked)
        harness.wait_until(lambda: [each["state"] for each in daemon.list("series")] == ["done"],
                           20, "the series is done")
        return delivery

    def test_by_a_report_on_the_same_association(self):
        archive = self.archive("same").start()
        daemon = self.daemon_for(archive)
        self.send_series(daemon)

        self.check_committed(daemon, archive)

        harness.wait_until(lambda: archive.details("told") == [0], 10, "the report's answer")
        self.assertEqual(archive.count("association"), 1)
        (uid, pairs, _), = archive.details("asked")
        self.assertEqual(sorted(each for _, each in pairs), sorted(archive.kept))
        self.assertRegex(uid, r"^2\.25\.[1-9][0-9]{30,38}$")

    def test_by_a_report_on_an_association_of_the_peers(self):
        archive = self.archive("new")
        daemon = self.daemon_for(archive)
        archive.back = daemon.port
        archive.start()
        self.send_series(daemon)

        self.check_committed(daemon, archive)

        harness.wait_until(lambda: archive.details("told") == [0], 10, "the report's answer")
        self.assertEqual(archive.details("roles")[0], [(scripted.COMMITMENT, 0, 1)])

    def test_orthanc_commits(self):
        daemon = self.daemon_for(None, start=False)
        pacs = self.pacs(modalities={"isovox": {"AET": "ISOVOX", "Host": harness.HOST,
                                                "Port": daemon.port}})
        daemon.settings["destination", "pacs"].update(
            ae_title=pacs.aet, address=harness.HOST, port=pacs.port)
        daemon.settings["route", "ct"] = {"modality": ["CT"], "recipes": ["iso-1mm"],
                                          "destinations": ["pacs"]}
        daemon.start()
        self.send_series(daemon)

        self.wait_state(daemon, "committed")
        self.assertEqual(len(pacs.instances()), SLICES)

    def test_what_is_refused_is_sent_and_asked_for_again(self):
        class Losing(Archive):
            def reasons(self, pairs):
                lost = sorted(self.kept)[:3] if self.count("asked") == 1 else []
                for uid in lost:
                    del self.kept[uid]
                return {uid: 0x0112 for uid in lost}
        archive = Losing("same").start()
        self.addCleanup(archive.stop)
        daemon = self.daemon_for(archive)
        self.send_series(daemon)

        self.check_committed(daemon, archive, asked=2)

        stores = [uid for uid, _, _ in archive.details("store")]
        self.assertEqual(len(stores), SLICES + 3)
        first, second = archive.details("asked")
        self.assertNotEqual(first[0], second[0])
        self.assertEqual(sorted(uid for _, uid in second[1]), sorted(stores[SLICES:]))

    def test_a_peer_that_never_reports_is_asked_again_and_not_believed(self):
        archive = self.archive("not at all").start()
        daemon = self.daemon_for(archive, commitment_timeout=2)
        self.send_series(daemon)

        sent = self.wait_state(daemon, "sent")
        self.assertEqual(sent["commitment"], "awaited")
        self.assertFalse(sent["committed"])
        harness.wait_until(lambda: archive.count("asked") >= 2, 20, "asked again")
        self.assertEqual([each["state"] for each in daemon.list("series")], ["planned"])
        self.assertEqual(archive.count("store"), SLICES)
        archive.how = "same"

        self.wait_state(daemon, "committed")
        self.assertEqual(archive.count("store"), SLICES)

    def test_results_stay_until_they_are_committed(self):
        archive = self.archive("not at all").start()
        daemon = self.daemon_for(archive, commitment_timeout=3,
                                 general={"plan": {"keep": 0, "quiet_released": 0}})
        self.send_series(daemon)
        self.wait_state(daemon, "sent")
        ready = daemon.state / "outbox" / "ready"
        daemon.restart()  # looks at once what may go
        harness.wait_until(lambda: archive.count("asked") >= 2, 20, "asked again")
        self.assertEqual(len(list(ready.iterdir())), 1)
        archive.how = "same"
        self.wait_state(daemon, "committed")

        daemon.restart()

        harness.wait_until(lambda: not list(ready.iterdir()), 20, "the result has gone")

    def test_a_peer_without_the_service_ends_at_sent(self):
        archive = self.archive("same")
        archive.commits = False
        archive.start()
        daemon = self.daemon_for(archive)
        self.send_series(daemon)

        sent = self.wait_state(daemon, "sent")
        harness.wait_until(lambda: [each["state"] for each in daemon.list("series")] == ["done"],
                           20, "the series is done")
        self.assertEqual(self.wait_state(daemon, "sent")["commitment"], "not offered")
        self.assertIsNotNone(self.wait_state(daemon, "sent")["finished_at"])
        self.assertEqual(sent["accepted"], SLICES)

    def test_a_late_report_after_a_restart_of_everything_counts(self):
        archive = self.archive("not at all").start()
        daemon = self.daemon_for(archive)
        self.send_series(daemon)
        self.wait_state(daemon, "sent")
        daemon.kill()
        daemon.start()
        (uid, pairs, _), = archive.details("asked")
        archive.back = daemon.port

        archive.tell(scripted.report(uid, pairs, {}))
        archive.tell(scripted.report(uid, pairs, {}))  # repeated: changes nothing

        self.check_committed(daemon, archive)
        harness.wait_until(lambda: archive.details("told") == [0, 0], 10, "the answers")

    def test_a_report_on_nothing_that_was_asked_is_refused(self):
        archive = self.archive("not at all").start()
        daemon = self.daemon_for(archive)
        self.send_series(daemon)
        self.wait_state(daemon, "sent")
        (uid, pairs, _), = archive.details("asked")
        archive.back = daemon.port

        archive.tell(scripted.report("2.25.404", pairs, {}))
        archive.tell(scripted.report(uid, [(peer.CT, "2.25.405")], {}))

        harness.wait_until(lambda: archive.details("told") == [0x0115, 0], 10, "the answers")
        self.assertEqual(len(self.wait_state(daemon, "sent")["last_comment"]), 0)

    def test_reports_that_come_between_other_instances_are_taken(self):
        class Slow(Archive):
            def stored_one(self, wire, message, status):
                held, self.held = getattr(self, "held", []), []
                for answer in held:
                    wire.message_id += 1
                    wire.report(answer, wait=False)

            def asked(self, wire, message):
                dataset = message.dataset()
                pairs = scripted.pairs_of(dataset.ReferencedSOPSequence)
                self.held = getattr(self, "held", []) + [
                    scripted.report(str(dataset.TransactionUID), pairs, {})]
        archive = Slow("not at all").start()
        self.addCleanup(archive.stop)
        daemon = self.daemon_for(archive, associations=1)
        self.send_series(daemon)
        self.wait_state(daemon, "sent")
        self.send_series(daemon, seed="2")

        self.wait_state(daemon, "committed", archive=archive)
        self.assertEqual(archive.count("association"), 1)
        harness.wait_until(lambda: archive.details("told") == [0], 10, "the report's answer")

    def test_a_class_that_is_refused_before_the_attempt_has_ended_ends_dead(self):
        class Quick(Archive):
            """Its report has been answered before the request is: the sender is still at it."""
            def asked_status(self, message):
                dataset = message.dataset()
                pairs = scripted.pairs_of(dataset.ReferencedSOPSequence)
                self.tell(scripted.report(str(dataset.TransactionUID), pairs,
                                          {uid: 0x0122 for _, uid in pairs}))
                return 0x0000
        archive = Quick("before")
        self.addCleanup(archive.stop)
        daemon = self.daemon_for(archive, general={"deliver": {"first_retry": 1}})
        archive.back = daemon.port
        archive.start()
        self.send_series(daemon)

        dead = self.wait_state(daemon, "dead", archive=archive)

        self.assertEqual(archive.details("told"), [0, 0, 0])
        self.assertEqual(archive.count("store"), 3 * SLICES)
        self.assertEqual(dead["last_status"], "0122")
        log = daemon.log.read_text()
        self.assertEqual(log.count("state=sending committed=0 refused=20 reason=0122"), 3, log)

    def test_reports_that_wait_are_bounded_in_bytes(self):
        class Flooding(Archive):
            def stored_one(self, wire, message, status):
                if self.stored == 3:
                    flood = scripted.report("2.25.404", [(peer.CT, "2.25.405")], {})
                    flood.add_new(0x00091010, "OB", bytes(1 << 20))
                    for _ in range(8):
                        wire.report(flood, wait=False)
        archive = Flooding("same").start()
        self.addCleanup(archive.stop)
        daemon = self.daemon_for(archive)
        self.send_series(daemon)

        self.check_committed(daemon, archive)

        # Five fit into 6 MiB and are answered one by one; three are told to come back.
        harness.wait_until(lambda: len(archive.details("told")) == 9, 10, "the answers")
        self.assertEqual(archive.details("told"), [0x0213] * 3 + [0x0115] * 5 + [0])
        self.assertEqual(archive.count("association"), 1)
