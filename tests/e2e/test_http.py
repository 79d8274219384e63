"""The HTTP interface as clients meet it, hostile ones too, and `isovox` that speaks it."""

import json
import os
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import harness


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        self.fields = {name.lower(): value.strip()
                       for name, _, value in (line.partition(":") for line in lines[1:])}


def exchange(daemon, text, seconds=15):
    """Sends these bytes and reads until the daemon closes."""
    with socket.create_connection((harness.HOST, daemon.http_port), seconds) as peer:
        peer.settimeout(seconds * harness.SLOW)
        try:
            peer.sendall(text if isinstance(text, bytes) else text.encode())
        except (BrokenPipeError, ConnectionResetError):
            pass
        raw = b""
        try:
            while piece := peer.recv(65536):
                raw += piece
        except ConnectionResetError:
            pass
    return Answer(raw)


def request(daemon, method, path, fields=(), body=b""):
    given = {"Host": f"localhost:{daemon.http_port}", "Connection": "close", **dict(fields)}
    if body or method == "POST":
        given.setdefault("Content-Length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value is not None)
    return exchange(daemon, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)


class Interface(harness.Case):
    def test_every_answer_has_the_fields_that_keep_browsers_out(self):
        daemon = self.daemon(roles="http")
        for path, status in [("/", 200), ("/healthz", 200), ("/metrics", 200),
                             ("/api/v1/status", 200), ("/nowhere", 404)]:
            with self.subTest(path):
                got = request(daemon, "GET", path)
                self.assertEqual(got.status, status)
                self.assertEqual(got.fields["x-content-type-options"], "nosniff")
                self.assertEqual(got.fields["cache-control"], "no-store")
                self.assertIn("default-src 'none'", got.fields["content-security-policy"])
                self.assertIn("frame-ancestors 'none'", got.fields["content-security-policy"])
                self.assertNotIn("access-control-allow-origin", got.fields)

    def test_head_is_get_without_a_body(self):
        daemon = self.daemon(roles="http")

        got = request(daemon, "HEAD", "/healthz")

        self.assertEqual((got.status, got.body), (200, b""))
        self.assertEqual(got.fields["content-length"], str(len(b'{"status":"alive"}\n')))

    def test_strangers_get_403_and_problems_are_json(self):
        daemon = self.daemon(roles="http")
        cases = [
            ("GET", "/", {"Host": "evil.example.org"}, 403),
            ("POST", "/api/v1/jobs/1/retry", {"Origin": "http://evil.example.org",
                                              "Content-Type": "application/json"}, 403),
            ("POST", "/api/v1/jobs/1/retry", {"Sec-Fetch-Site": "cross-site",
                                              "Content-Type": "application/json"}, 403),
            ("POST", "/api/v1/jobs/1/retry", {"Content-Type": "text/plain"}, 415),
            ("POST", "/api/v1/jobs/1/retry", {"Content-Type": "application/json"}, 404),
            ("GET", "/api/v1/jobs/1/retry", {}, 405),
            ("PUT", "/api/v1/status", {}, 405),
            ("DELETE", "/api/v1/jobs/1", {}, 405),
            ("GET", "/api/v1/jobs/1%2f..", {}, 404),
        ]
        for method, path, fields, status in cases:
            with self.subTest(f"{method} {path} {fields}"):
                got = request(daemon, method, path, fields)
                self.assertEqual(got.status, status)
                self.assertEqual(got.fields["content-type"], "application/problem+json")
                self.assertEqual(json.loads(got.body)["status"], status)

    def test_what_is_too_large_or_broken_is_refused_and_harms_nothing(self):
        daemon = self.daemon(roles="http")
        host = "Host: localhost\r\n"
        pid = daemon.pids("http")
        large = request(daemon, "POST", "/api/v1/jobs/1/retry",
                        {"Content-Type": "application/json"}, b"x" * 70000)
        self.assertEqual(large.status, 413)
        texts = [f"GET / HTTP/1.1\r\n{host}X: {'y' * 100000}\r\n\r\n",
                 f"GET /{'a' * 100000} HTTP/1.1\r\n{host}\r\n",
                 "GET / HTTP/1.1\r\n\r\n",
                 "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
                 "\r\n\r\n\0\0\0\r\n\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
                 f"POST /api/v1/jobs/1/retry HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n",
                 f"POST /api/v1/jobs/1/retry HTTP/1.1\r\n{host}"
                 "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                 + ("fff\r\n" + "z" * 0xfff + "\r\n") * 41
                 + "0\r\n\r\n"]
        with ThreadPoolExecutor() as pool:  # what never ends is closed after ten seconds
            answers = list(pool.map(lambda text: exchange(daemon, text, seconds=25), texts))
        for text, got in zip(texts, answers):
            self.assertNotEqual(got.status, 200, text[:60])
            self.assertIn(got.status // 100, [0, 4] if got.status != 505 else [5], text[:60])

        self.assertEqual(request(daemon, "GET", "/healthz").status, 200)
        self.assertEqual(daemon.pids("http"), pid)

    def test_silent_connections_do_not_keep_others_waiting(self):
        daemon = self.daemon(roles="http")
        silent = [socket.create_connection((harness.HOST, daemon.http_port)) for _ in range(20)]
        for peer in silent[:10]:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        try:
            start = time.monotonic()
            self.assertEqual(request(daemon, "GET", "/healthz").status, 200)
            self.assertLess(time.monotonic() - start, 1 * harness.SLOW)
            # and they are closed after ten seconds
            silent[0].settimeout(20 * harness.SLOW)
            while silent[0].recv(4096):
                pass
        finally:
            for peer in silent:
                peer.close()

    def test_events_tell_what_has_changed(self):
        daemon = self.daemon(roles="plan,http")
        with socket.create_connection((harness.HOST, daemon.http_port)) as peer:
            peer.settimeout(10 * harness.SLOW)
            peer.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            text = b""

            def received(pattern):
                nonlocal text
                while not re.search(pattern, text):
                    piece = peer.recv(65536)
                    self.assertTrue(piece, "the stream has ended")
                    text += piece
            received(rb"text/event-stream")
            received(rb'event: status\r?\ndata: \{.*"restarts":0.*\}\n\n')
            os.kill(daemon.pids("plan")[0], signal.SIGKILL)
            received(rb'data: \{.*"name":"plan"[^}]*"restarts":1[^}]*killed by signal 9')

            daemon.signal(signal.SIGTERM)  # an open stream does not delay the end
            self.assertEqual(daemon.process.wait(5 * harness.SLOW), 0)


class AWholeStory(harness.Case):
    """One series, a PACS that comes late, and everything that is told about it."""

    def test_is_told_by_page_metrics_and_tool(self):
        pacs = self.pacs(start=False)
        daemon = self.daemon(pacs, settings={"deliver": {"first_retry": 6,
                                                         "longest_retry": 600}})
        files = self.phantom("--dims", "24,24,10", "--spacing", "1,1,2")
        daemon.send(files)

        def failed():
            rows = daemon.list("deliveries")
            return rows and rows[0]["state"] == "failed" and rows[0]
        delivery = harness.wait_until(failed, 60, "the delivery has failed")
        self.assertEqual((delivery["accepted"], delivery["attempts"]), (0, 1))
        self.assertIsNone(delivery["last_status"])
        self.assertIsNotNone(delivery["next_at"])

        listed = daemon.tool("deliveries", check=True).stdout
        self.assertRegex(listed, rf"(?m)^d{delivery['id']} +failed +j\d+ +pacs +0/\d+ +1 ")
        given_up = daemon.tool("cancel", f"d{delivery['id']}", check=True)
        self.assertEqual(given_up.stdout, f"d{delivery['id']} cancelled\n")
        self.assertEqual(daemon.list("deliveries")[0]["state"], "cancelled")

        pacs.start()
        again = daemon.tool("retry", f"delivery/{delivery['id']}", check=True)
        self.assertEqual(again.stdout, f"d{delivery['id']} queued\n")
        derived = pacs.wait_derived(alive=[daemon])[0]
        harness.wait_until(lambda: daemon.list("series")[0]["state"] == "done", 20,
                           "the series is done")

        self.check_everything(daemon, pacs, derived, files)

    def check_everything(self, daemon, pacs, derived, files):
        series = daemon.get(f"/api/v1/series/{daemon.list('series')[0]['id']}")
        job, delivery = series["jobs"][0], series["deliveries"][0]
        self.assertEqual(series["instances"], len(files))
        self.assertTrue(series["evidence"])
        self.assertEqual((job["state"], job["outputs"]), ("done", len(derived["Instances"])))
        self.assertEqual(job["derived_series_uid"],
                         derived["MainDicomTags"]["SeriesInstanceUID"])
        self.assertEqual((delivery["state"], delivery["last_status"]), ("sent", "0000"))
        self.assertEqual(delivery["accepted"], len(derived["Instances"]))
        self.assertEqual(daemon.get(f"/api/v1/jobs/{job['id']}/manifest"),
                         json.loads(request(daemon, "GET", f"/api/v1/jobs/{job['id']}/manifest")
                                    .body))

        metrics = harness.http("GET", daemon.url + "/metrics")[1].decode()
        self.assertIn(f"\nisovox_instances_indexed_total {len(files)}\n", metrics)
        self.assertIn('\nisovox_deliveries{state="sent"} 1\n', metrics)
        self.assertIn('\nisovox_job_stage_seconds_count{stage="total"} 1\n', metrics)
        self.assertIn("\nisovox_delivery_seconds_count 1\n", metrics)
        for line in metrics.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) \w+ .+|\w+(\{[^}]*\})? [-+.\w]+)$")

        whole = json.loads(daemon.tool("series", "--json", check=True).stdout)
        self.assertEqual(whole["series"][0]["series_uid"], series["series_uid"])
        one = daemon.tool("series", f"s{series['id']}", check=True).stdout
        self.assertIn(series["series_uid"], one)
        status = daemon.tool("status", check=True).stdout
        self.assertRegex(status, r"(?m)^receive +running ")
        self.no_names(daemon, files)

    def no_names(self, daemon, files):
        import pydicom
        header = pydicom.dcmread(files[0], stop_before_pixels=True)
        secrets = [str(header.PatientName), header.PatientID, header.SeriesDescription]
        for path in ["/", "/metrics", "/api/v1/status", "/api/v1/series", "/api/v1/series/1",
                     "/api/v1/jobs", "/api/v1/jobs/1", "/api/v1/deliveries",
                     "/api/v1/deliveries/1"]:
            body = harness.http("GET", daemon.url + path)[1].decode()
            for secret in secrets:
                if len(secret) > 3:
                    self.assertNotIn(secret, body, path)


class TheTool(harness.Case):
    def test_says_so_when_nobody_answers(self):
        port = harness.free_port()

        done = harness.run_tool("status", "--url", f"http://{harness.HOST}:{port}")

        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, rf"^isovox status: no isovoxd answers at "
                                      rf"http://{harness.HOST}:{port}: .*\n$")

    def test_says_so_when_somebody_else_answers(self):
        pacs = self.pacs()

        done = harness.run_tool("jobs", "--url", pacs.url)

        self.assertEqual(done.returncode, 1)
        self.assertIn("is it isovoxd?", done.stderr)

    def test_passes_on_what_the_daemon_says(self):
        daemon = self.daemon(roles="http")

        done = daemon.tool("retry", "j7", "d8")

        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"(?m)^isovox retry j7: .+$")
        self.assertRegex(done.stderr, r"(?m)^isovox retry d8: .+$")

    def test_wrong_usage_is_status_2(self):
        for arguments in [[], ["frobnicate"], ["retry"], ["cancel", "x1"], ["complete", "j1"],
                          ["status", "extra"], ["jobs", "--limit", "0"], ["jobs", "--limit"],
                          ["series", "--frobnicate"], ["jobs", "d3"], ["retry", "s3"],
                          ["retry", ""], ["cancel", "c1"], ["retry", "0"], ["retry", "-1"], ["retry", "1x"]]:
            with self.subTest(arguments):
                done = harness.run_tool(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stdout, "")
                self.assertIn("isovox", done.stderr)

    def test_help_names_every_command(self):
        text = harness.run_tool("--help", check=True).stdout
        for command in ["convert", "inspect", "status", "series", "jobs", "deliveries",
                        "commitments", "retry", "cancel", "complete"]:
            self.assertRegex(text, rf"(?m)^  {command} ")
            one = harness.run_tool(command, "--help", check=True).stdout
            self.assertIn(f"usage: isovox {command}", one)
