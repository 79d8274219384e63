"""What Prometheus is told of senders and destinations: counted where it happens, by names of the
configuration only."""

import re

import harness

ALLOW = {("allow", name): {"address": [harness.HOST]} for name in ("CT1", "MR*")}
SAMPLE = re.compile(r'(isovox_\w+)(?:\{((?:[a-z_]+="[^"\\\n]*",?)*)\})? (\S+)')


def samples(text):
    """{name: {labels: value}}, as a parser of the text format 0.0.4 would have them: HELP and TYPE
    once, before all samples of their metric, which stand together."""
    found, typed, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split()[2]
            assert current not in typed, f"{current} begins twice"
            assert len(line.split()) > 3, line
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == current and kind in ("counter", "gauge", "histogram"), line
            typed[name] = kind
            assert (kind == "counter") == name.endswith("_total"), line
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            family = re.sub(r"_(bucket|sum|count)$", "", name) if name not in typed else name
            assert family == current and family in typed, line
            assert labels not in found.setdefault(name, {}), line
            found[name][labels or ""] = float(value)
    return found


class Metrics(harness.Case):
    def wait(self, daemon, name, labels, value, seconds=30):
        def asked():
            self.now = samples(harness.http("GET", daemon.url + "/metrics")[1].decode())
            return self.now.get(name, {}).get(labels) == value
        harness.wait_until(asked, seconds,
                           lambda: f"{name} {labels} {value}: {self.now.get(name)}")

    def test_of_senders_have_configured_names(self):
        daemon = self.daemon(settings={"receive": {**ALLOW, "max_instance": 1}})
        files = self.phantom("--dims", "16,16,12", "--spacing", "1,1,2")
        # Over the limit: read to the end; over twice the limit: cut off.
        large = self.phantom("--dims", "800,800,2", "--spacing", "1,1,2", "--seed", "2")
        huge = self.phantom("--dims", "1024,1024,1", "--spacing", "1,1,2", "--seed", "3")

        daemon.send(files, aet="CT1")
        daemon.send(files[:3], aet="MR7")
        daemon.send(files[:2], aet="MR8")
        harness.storescu(large[:1], daemon.port, aet="CT1", check=False)
        daemon.send(huge, aet="CT1", check=False)
        harness.storescu(files[:1], daemon.port, aet="UNKNOWN", check=False)
        harness.storescu(files[:1], daemon.port, aet="CT1", aec="OTHER", check=False)

        rejected = "isovox_receive_associations_rejected_total"
        self.wait(daemon, rejected, 'ae="CT1",reason="called-ae"', 1)
        self.assertEqual(self.now[rejected]['ae="other",reason="calling-ae"'], 1)
        self.assertEqual(sum(self.now[rejected].values()), 2)
        self.assertEqual(self.now["isovox_receive_associations_accepted_total"],
                         {'ae="other"': 0, 'ae="CT1"': 3, 'ae="MR*"': 2})
        self.assertEqual(self.now["isovox_receive_associations_broken_total"],
                         {'ae="other"': 0, 'ae="CT1"': 1, 'ae="MR*"': 0})
        self.assertEqual(self.now["isovox_receive_instances_total"],
                         {'ae="other"': 0, 'ae="CT1"': 12, 'ae="MR*"': 5})
        received = self.now["isovox_receive_bytes_total"]['ae="CT1"']
        sent = sum(each.stat().st_size for each in files)
        self.assertLess(abs(received - sent) / sent, 0.25)  # another meta header, up to 400 bytes
        refused = self.now["isovox_receive_refused_instances_total"]
        self.assertEqual(refused['ae="CT1",reason="malformed"'], 1, harness.tail(daemon.log))
        self.assertEqual(sum(refused.values()), 1)

        daemon.restart()
        self.wait(daemon, "isovox_receive_instances_total", 'ae="CT1"', 0)

    def test_of_destinations_tell_of_trouble_and_of_its_end(self):
        pacs = self.pacs(start=False)
        daemon = self.daemon(pacs)
        name = 'destination="pacs"'
        self.wait(daemon, "isovox_destination_breaker", name + ',state="closed"', 1)
        self.assertEqual(self.now["isovox_destination_oldest_open_seconds"][name], 0)

        daemon.send(self.phantom("--dims", "16,16,12", "--spacing", "1,1,2"))
        self.wait(daemon, "isovox_destination_up", name, 0)
        self.wait(daemon, "isovox_deliver_failed_associations_total", name, 1)
        self.assertEqual(self.now["isovox_destination_breaker"][name + ',state="closed"'], 0)
        self.assertEqual(sum(self.now["isovox_destination_breaker"].values()), 1)
        self.assertEqual(self.now["isovox_destination_open_deliveries"][name], 1)
        self.assertGreater(self.now["isovox_destination_oldest_open_seconds"][name], 0)
        self.assertEqual(self.now["isovox_deliver_instances_total"][name], 0)

        pacs.start()
        derived = pacs.wait_derived(alive=[daemon])[0]
        self.wait(daemon, "isovox_deliver_instances_total", name, len(derived["Instances"]))
        self.wait(daemon, "isovox_destination_open_deliveries", name, 0)
        self.wait(daemon, "isovox_destination_breaker", name + ',state="closed"', 1)
        self.assertEqual(self.now["isovox_destination_oldest_open_seconds"][name], 0)
