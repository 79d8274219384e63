"""A PACS that is away: one circuit breaker per destination, probed by C-ECHO. ISOVOX_LONG=1:
away for ten minutes."""

import os
import time

import harness
import scripted

AWAY = 600 if os.environ.get("ISOVOX_LONG") == "1" else 6
SLICES = 20


class APacsThatIsAway(harness.Case):
    def peer(self, aet):
        made = scripted.Scp(aet=aet)
        self.addCleanup(made.stop)
        return made

    def daemon_for(self, *peers):
        """Instances are repeated after five minutes at the soonest: whatever drains sooner was
        found by C-ECHO, or ordered."""
        return self.daemon(list(peers), settings={
            "deliver": {"first_retry": 300, "longest_retry": 900},
            "plan": {"quiet_released": 0}, ("recipe", "iso-1mm"): {"kernel": "linear"}})

    def send_series(self, daemon, seed):
        daemon.send(self.phantom("--dims", f"16,16,{SLICES}", "--spacing", "1,1,1",
                                 "--seed", str(seed)))

    def breaker(self, daemon, name="pacs"):
        return next(each["breaker"] for each in daemon.get("/api/v1/status")["destinations"]
                    if each["name"] == name)

    def wait_breaker(self, daemon, state, seconds=30):
        harness.wait_until(lambda: self.breaker(daemon)["state"] == state, seconds,
                           lambda: f"{state}: {self.breaker(daemon)}\n"
                                   f"{harness.tail(daemon.log)}")

    def wait_sent(self, daemon, count, name="pacs", seconds=40):
        harness.wait_until(
            lambda: sum(each["state"] == "sent" and each["destination"] == name
                        for each in daemon.list("deliveries")) == count, seconds,
            lambda: f"{daemon.list('deliveries')}\n{harness.tail(daemon.log)}")

    def test_costs_the_others_nothing_and_drains_within_30_seconds_of_its_return(self):
        away, here = self.peer("AWAY"), self.peer("HERE").start()
        daemon = self.daemon_for(away, here)
        for seed in range(3):
            self.send_series(daemon, seed)
        self.wait_sent(daemon, 3, "pacs2")
        self.wait_breaker(daemon, "away")
        time.sleep(AWAY)
        waiting = [each for each in daemon.list("deliveries") if each["destination"] == "pacs"]
        # Who waits is not tried: one or two found out, before the breaker opened.
        self.assertLessEqual(sum(each["attempts"] for each in waiting), 2)
        self.assertEqual(self.breaker(daemon, "pacs2")["state"], "closed")
        self.assertGreaterEqual(self.breaker(daemon)["failures"], 2)
        metrics = harness.http("GET", daemon.url + "/metrics")[1].decode()
        self.assertIn('isovox_destination_up{destination="pacs"} 0', metrics)
        told = daemon.tool("status", check=True).stdout
        self.assertRegex(told, r"(?m)^pacs .* (away|open) +20\d\d-\S+ \S+Z +cannot associate: ")
        self.assertRegex(told, r"(?m)^pacs2 .* closed +- +-$")
        self.assertRegex(told, r"(?m)^disk +\d+ MiB free, (ok|low|full)")

        back = time.monotonic()
        away.start()
        self.wait_sent(daemon, 3, seconds=30)

        self.assertLess(time.monotonic() - back, 30 * harness.SLOW)
        self.assertEqual(len(away.kept), 3 * SLICES)
        self.assertEqual(away.count("store"), 3 * SLICES)
        self.assertGreaterEqual(away.count("echo"), 1)
        self.wait_breaker(daemon, "closed")

    def test_one_that_does_not_know_c_echo_is_found_all_the_same(self):
        away = self.peer("AWAY")
        away.abstracts = (scripted.peer.CT,)
        daemon = self.daemon_for(away)
        self.send_series(daemon, 1)
        self.wait_breaker(daemon, "away")

        away.start()

        self.wait_sent(daemon, 1, seconds=30)
        self.assertEqual(away.count("echo"), 0)

    def test_an_operators_retry_does_not_wait(self):
        away = self.peer("AWAY")
        daemon = self.daemon_for(away)
        self.send_series(daemon, 1)
        self.wait_breaker(daemon, "away")
        harness.wait_until(lambda: self.breaker(daemon)["failures"] >= 4, 60, "long waits")
        away.start()
        delivery = daemon.list("deliveries")[0]
        asked = time.monotonic()

        self.assertEqual(daemon.tool("retry", f"d{delivery['id']}").returncode, 0)
        self.wait_sent(daemon, 1, seconds=6)

        self.assertLess(time.monotonic() - asked, 6 * harness.SLOW)

    def test_the_breaker_survives_a_restart(self):
        away = self.peer("AWAY")
        daemon = self.daemon_for(away)
        self.send_series(daemon, 1)
        self.wait_breaker(daemon, "away")
        daemon.kill()
        daemon.start()
        self.assertEqual(self.breaker(daemon)["state"], "away")

        away.start()

        self.wait_sent(daemon, 1, seconds=30)
        self.assertEqual(daemon.list("deliveries")[0]["attempts"], 2)
