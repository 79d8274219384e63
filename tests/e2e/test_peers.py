"""PACS that misbehave: each delivers in the end, nothing twice that was accepted, or ends dead
with what the peer said."""

import threading
import time

import pydicom

import harness
import peer
import scripted

SLICES = 24


class Delivered(harness.Case):
    def start(self, made, settings=None, **destination):
        self.addCleanup(made.stop)
        made.start()
        daemon = self.daemon(made, settings={
            ("destination", "pacs"): destination,
            ("recipe", "iso-1mm"): {"kernel": "linear"},
            "plan": {"quiet_released": 0}, **(settings or {})})
        return made, daemon

    def send_series(self, daemon, seed=1, slices=SLICES, **options):
        daemon.send(self.phantom("--dims", f"16,16,{slices}", "--spacing", "1,1,1",
                                 "--seed", str(seed)), **options)

    def wait_state(self, daemon, state, seconds=60, peer=None):
        harness.wait_until(
            lambda: [each["state"] for each in daemon.list("deliveries")] == [state], seconds,
            lambda: f"{state}: {daemon.list('deliveries')}\n{harness.tail(daemon.log)}")
        return daemon.list("deliveries")[0]

    def check_all_there(self, made, daemon, state="sent"):
        """What was accepted, was sent and accepted once, and is the whole result."""
        delivery = self.wait_state(daemon, state)
        self.assertEqual(delivery["accepted"], SLICES)
        accepted = [uid for uid, status, _ in made.details("store") if status == 0]
        self.assertEqual(len(accepted), SLICES)
        self.assertEqual(len(set(accepted)), SLICES)
        ready = next((daemon.state / "outbox" / "ready").iterdir())
        files = [pydicom.dcmread(each) for each in ready.glob("*.dcm")]
        self.assertEqual(sorted(each.SOPInstanceUID for each in files), sorted(made.kept))
        return delivery

    def test_one_that_refuses_every_third_instance_gets_all(self):
        class Moody(scripted.Scp):
            stores = 0

            def store(self, message):
                self.stores += 1
                return 0xC123 if self.stores % 3 == 0 else 0x0000
        made, daemon = self.start(Moody())
        self.send_series(daemon)

        self.check_all_there(made, daemon)

        self.assertGreater(made.count("store"), SLICES)

    def test_one_that_refuses_an_instance_for_good_ends_dead_and_tells_why(self):
        class Strict(scripted.Scp):
            def store(self, message):
                with self.lock:
                    refused = getattr(self, "refused", message.sop_uid)
                    self.refused = refused
                return 0xA900 if message.sop_uid == refused else 0x0000
        made, daemon = self.start(Strict())
        self.send_series(daemon)

        dead = self.wait_state(daemon, "dead")
        self.assertEqual(dead["last_status"], "A900")
        self.assertEqual(dead["last_comment"], "as the test wants")
        self.assertEqual(dead["accepted"], SLICES - 1)
        self.assertEqual([each["state"] for each in daemon.list("series")], ["failed"])
        self.assertEqual(made.count("store"), SLICES - 1 + 3)

        made.refused = None
        self.assertEqual(daemon.tool("retry", f"d{dead['id']}").returncode, 0)
        self.check_all_there(made, daemon)

    def test_one_that_is_out_of_resources_is_left_alone_for_a_while(self):
        class Full(scripted.Scp):
            until = None

            def store(self, message):
                if self.stored >= 10 and self.until is None:
                    self.until = time.monotonic() + 4
                return 0xA700 if self.until and time.monotonic() < self.until else 0x0000
        made, daemon = self.start(Full())
        self.send_series(daemon)

        self.check_all_there(made, daemon)

        refused = sum(status == 0xA700 for _, status, _ in made.details("store"))
        self.assertTrue(1 <= refused <= 5, refused)  # not one per instance, nor a storm
        self.assertGreaterEqual(made.count("echo"), 1)

    def test_one_that_aborts_every_seventh_instance_gets_all(self):
        class Nervous(scripted.Scp):
            stores = 0

            def store(self, message):
                self.stores += 1
                if self.stores % 7 == 0:
                    raise scripted.Abort()
                return 0x0000
        made, daemon = self.start(Nervous())
        self.send_series(daemon)

        self.check_all_there(made, daemon)

    def test_one_that_dies_of_one_instance_gets_the_others(self):
        class Allergic(scripted.Scp):
            def store(self, message):
                with self.lock:
                    self.poison = getattr(self, "poison", message.sop_uid)
                if message.sop_uid == self.poison:
                    raise scripted.Abort()
                return 0x0000
        made, daemon = self.start(Allergic())
        self.send_series(daemon)

        harness.wait_until(lambda: len(made.kept) == SLICES - 1, 30,
                           lambda: f"{len(made.kept)}\n{harness.tail(daemon.log)}")
        self.assertNotIn(made.poison, made.kept)
        self.assertIn(daemon.list("deliveries")[0]["state"], ("failed", "sending"))
        made.poison = None
        self.check_all_there(made, daemon)

    def test_one_that_dies_of_a_later_instance_is_not_stormed(self):
        class Allergic(scripted.Scp):
            poison, deaths = None, 0

            def store(self, message):
                if self.stored == 5 and self.poison is None:
                    self.poison = message.sop_uid
                if message.sop_uid == self.poison:
                    self.deaths += 1
                    raise scripted.Abort()
                return 0x0000
        made, daemon = self.start(Allergic())
        self.send_series(daemon)

        harness.wait_until(lambda: len(made.kept) == SLICES - 1, 30,
                           lambda: f"{len(made.kept)}\n{harness.tail(daemon.log)}")
        self.assertLessEqual(made.deaths, 6)  # twice an attempt, and those wait for seconds
        made.poison = ""
        self.check_all_there(made, daemon)

    def test_one_that_takes_one_instance_per_association_gets_all(self):
        class Hasty(scripted.Scp):
            def stored_one(self, wire, message, status):
                raise scripted.Close()
        made, daemon = self.start(Hasty())
        self.send_series(daemon)

        self.check_all_there(made, daemon)

        # One each; and those that only ask by C-ECHO.
        self.assertGreaterEqual(made.count("association"), SLICES)

    def test_one_that_stores_and_dies_before_it_answers_gets_it_again_and_no_other(self):
        class Mute(scripted.Scp):
            stores = 0

            def store(self, message):
                self.stores += 1
                if self.stores == 5:
                    self.lost = message.sop_uid
                    raise scripted.Close()
                return 0x0000
        made, daemon = self.start(Mute())
        self.send_series(daemon)

        self.check_all_there(made, daemon)

        self.assertEqual(made.stores, SLICES + 1)
        self.assertIn(made.lost, made.kept)

    def test_one_that_takes_implicit_little_endian_only_gets_the_same_values(self):
        class Old(scripted.Scp):
            syntaxes = (peer.IMPLICIT,)
        made, daemon = self.start(Old())
        self.send_series(daemon)

        self.check_all_there(made, daemon)

        ready = next((daemon.state / "outbox" / "ready").iterdir())
        for path in ready.glob("*.dcm"):
            file = pydicom.dcmread(path)
            got = scripted.decode(made.kept[file.SOPInstanceUID], peer.IMPLICIT)
            self.assertEqual(got.PixelData, file.PixelData)
            self.assertEqual(got.ImagePositionPatient, file.ImagePositionPatient)

    def test_one_that_accepts_and_then_fails_commitment_gets_them_again(self):
        class Sieve(scripted.Scp):
            def asked(self, wire, message):
                dataset = message.dataset()
                pairs = scripted.pairs_of(dataset.ReferencedSOPSequence)
                lost = pairs[::4] if self.count("asked") <= 2 else []
                for _, uid in lost:
                    del self.kept[uid]
                wire.report(scripted.report(str(dataset.TransactionUID), pairs,
                                            {uid: 0x0110 for _, uid in lost}))
        made, daemon = self.start(Sieve(), commitment=True)
        self.send_series(daemon)

        delivery = self.wait_state(daemon, "committed")

        self.assertEqual(delivery["accepted"], SLICES)
        self.assertEqual(len(made.kept), SLICES)
        # 24, 6 of them lost, 2 of those again.
        self.assertEqual([len(pairs) for _, pairs, _ in made.details("asked")], [24, 6, 2])
        self.assertEqual(made.count("store"), SLICES + 6 + 2)

    # ---- who comes first

    def test_what_is_urgent_overtakes_and_the_rest_follows(self):
        class Slow(scripted.Scp):
            def store(self, message):
                time.sleep(0.1)
                return 0x0000
        made = Slow()
        made, daemon = self.start(made, associations=1, settings={
            ("route", "er"): {"modality": ["CT"], "calling_ae": ["ER*"], "priority": "stat",
                              "recipes": ["iso-1mm"], "destinations": ["pacs"]}})
        self.send_series(daemon, slices=100)
        harness.wait_until(lambda: made.count("store") >= 5, 30, "the routine one is under way")

        self.send_series(daemon, seed=2, slices=10, aet="ER1")

        harness.wait_until(lambda: made.count("store") == 110, 60,
                           lambda: f"{made.count('store')}\n{harness.tail(daemon.log)}")
        harness.wait_until(
            lambda: [each["state"] for each in daemon.list("deliveries")] == ["sent"] * 2, 20,
            "both are sent")
        order = [priority for _, _, priority in made.details("store")]
        self.assertEqual(order.count(1), 10)
        first = order.index(1)
        self.assertEqual(order[first:first + 10], [1] * 10)
        self.assertGreater(len(order) - first - 10, 20, "it was not overtaken")
        self.assertEqual(len(made.kept), 110)
        by_id = {each["id"]: each for each in daemon.list("deliveries")}
        self.assertEqual([by_id[n]["priority"] for n in sorted(by_id)], ["routine", "stat"])
        self.assertEqual([by_id[n]["attempts"] for n in sorted(by_id)], [1, 1])

    def test_associations_are_several_and_no_more_than_allowed(self):
        class Counting(scripted.Scp):
            now, most = 0, 0

            def store(self, message):
                with self.lock:
                    self.now += 1
                    self.most = max(self.most, self.now)
                time.sleep(0.25)
                with self.lock:
                    self.now -= 1
                return 0x0000
        made, daemon = self.start(Counting(), associations=3)
        for seed in range(6):
            self.send_series(daemon, seed=seed + 1, slices=10)

        harness.wait_until(
            lambda: [each["state"] for each in daemon.list("deliveries")] == ["sent"] * 6, 60,
            lambda: f"{daemon.list('deliveries')}\n{harness.tail(daemon.log)}")
        self.assertEqual(made.most, 3)

    def test_associations_are_as_many_again_after_one_was_refused_something(self):
        class Once(scripted.Scp):
            now, most, refused = 0, 0, None

            def store(self, message):
                with self.lock:
                    self.now += 1
                    # The others go on meanwhile.
                    if self.refused and time.monotonic() > self.refused + 0.5:
                        self.most = max(self.most, self.now)
                    refuse = self.refused is None and self.now == 3
                    if refuse:
                        self.refused = time.monotonic()
                time.sleep(0.2)
                with self.lock:
                    self.now -= 1
                return 0xA700 if refuse else 0x0000
        made, daemon = self.start(Once(), associations=3)
        for seed in range(4):
            self.send_series(daemon, seed=seed + 1, slices=45)

        harness.wait_until(lambda: made.most == 3, 30,
                           lambda: f"{made.count('store')}\n{harness.tail(daemon.log)}")
