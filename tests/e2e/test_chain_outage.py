"""The PACS goes away in the middle of a delivery: nothing is lost or doubled, and what waits
is sent without anybody's help. ISOVOX_LONG=1: for two minutes."""

import os
import time
import unittest

import harness

OUTAGE = 120 if os.environ.get("ISOVOX_LONG") == "1" else 4
SLICES = 400


class ADeliveryInterrupted(harness.Case):
    def begin(self):
        """A series of 400 results on its way; returns when some of them have arrived."""
        pacs = self.pacs()
        daemon = self.daemon(pacs, settings={("recipe", "iso-1mm"): {"kernel": "linear"}})
        daemon.send(self.phantom("--dims", "128,128,100", "--spacing", "1,1,4"))
        some = harness.wait_until(lambda: len(pacs.instances()), 60,
                                  lambda: "a first result\n" + harness.tail(daemon.log))
        self.assertLess(some, SLICES, "all was delivered before the outage could begin")
        return pacs, daemon

    def check_delivered_once(self, pacs, daemon):
        found = pacs.wait_derived(series=1, instances=SLICES, seconds=120, alive=[daemon])
        self.assertEqual(len(pacs.instances()), SLICES)
        deliveries = harness.wait_until(
            lambda: [each for each in daemon.list("deliveries") if each["state"] == "sent"], 30,
            "the delivery is sent")
        self.assertEqual(len(deliveries), 1)
        numbers = [int(each.InstanceNumber) for each in pacs.datasets(found[0])]
        self.assertEqual(numbers, list(range(1, SLICES + 1)))
        return deliveries[0]

    def test_drains_by_itself_after_the_pacs_died(self):
        pacs, daemon = self.begin()
        pacs.kill()
        time.sleep(OUTAGE)
        self.assertEqual([each["state"] for each in daemon.list("deliveries")
                          if each["state"] in ("sent", "dead", "cancelled")], [])
        pacs.start()

        delivery = self.check_delivered_once(pacs, daemon)

        self.assertGreater(delivery["attempts"], 1)

    def test_drains_while_both_ends_are_restarted(self):
        pacs, daemon = self.begin()
        pacs.stop()
        daemon.stop()
        daemon.start()
        time.sleep(OUTAGE)
        pacs.start()

        self.check_delivered_once(pacs, daemon)


if __name__ == "__main__":
    unittest.main()
