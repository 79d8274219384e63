"""isovoxd as a service: start, stop, restarts, signals, configuration, privileges."""

import os
import re
import signal
import socket
import stat
import time
from datetime import datetime
from pathlib import Path

import harness

ROLES = ["receive", "plan", "convert", "deliver", "query", "http"]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def isovoxd(*arguments, seconds=20, **options):
    return harness.run([harness.program("isovoxd"), *arguments], seconds, **options)


def events(daemon, name):
    """(time, line) of each line of the log with this event."""
    found = []
    for line in daemon.log.read_text(errors="replace").splitlines():
        match = re.match(r"time=(\S+)Z .* event=(\S+)", line)
        if match and match.group(2) == name:
            found.append((datetime.fromisoformat(match.group(1)), line))
    return found


class Roles(harness.Case):
    def role(self, daemon, name):
        return next(each for each in daemon.get("/api/v1/status")["roles"]
                    if each["name"] == name)

    def test_each_runs_as_a_process_of_its_own(self):
        daemon = self.daemon(settings={"convert": {"workers": 2}})
        pids = daemon.pids()

        self.assertEqual(sorted(pids), sorted(["receive", "plan", "deliver", "query", "http",
                                               "convert.0", "convert.1"]))
        self.assertEqual(len({pid for each in pids.values() for pid in each}), 7)
        for each in pids.values():
            status = Path(f"/proc/{each[0]}/status").read_text()
            self.assertIn(f"PPid:\t{daemon.process.pid}\n", status)

    def test_only_those_asked_for_run(self):
        daemon = self.daemon(roles="plan,http")

        self.assertEqual(sorted(daemon.pids()), ["http", "plan"])
        with self.assertRaises(OSError):
            socket.create_connection((harness.HOST, daemon.port), 1).close()

    def test_one_that_is_killed_is_back_at_once_and_the_reason_is_shown(self):
        daemon = self.daemon(settings={"convert": {"workers": 1}})
        for name in ["receive", "plan", "convert.0", "deliver", "query", "http"]:
            with self.subTest(name):
                before = self.role(daemon, name)
                os.kill(before["pid"], signal.SIGKILL)

                def back():
                    try:
                        now = self.role(daemon, name)
                    except (OSError, AssertionError):
                        return None
                    return now if now["restarts"] == 1 and now["state"] == "running" else None
                after = harness.wait_until(back, 10, f"{name} is restarted")

                self.assertNotEqual(after["pid"], before["pid"])
                self.assertEqual(after["note"], "killed by signal 9")
                self.assertTrue(alive(after["pid"]))
        daemon.must_run()

    def test_one_that_keeps_dying_waits_twice_as_long_each_time(self):
        daemon = self.daemon(roles="plan,http")
        for restarts in range(4):
            def back():
                now = self.role(daemon, "plan")
                return now if now["restarts"] == restarts and now["state"] == "running" else None
            os.kill(harness.wait_until(back, 20, "plan runs again")["pid"], signal.SIGKILL)
        harness.wait_until(lambda: self.role(daemon, "plan")["restarts"] == 4
                           and self.role(daemon, "plan")["state"] == "running", 20, "plan is back")

        died = [when for when, line in events(daemon, "role.died") if "name=plan" in line]
        started = [when for when, line in events(daemon, "role.started") if "name=plan" in line]
        waits = [(start - end).total_seconds() for end, start in zip(died, started[1:])]
        self.assertEqual(len(waits), 4)
        self.assertLess(waits[0], 0.15)
        for wait, least in zip(waits[1:], [0.2, 0.4, 0.8]):
            self.assertGreaterEqual(wait, least - 0.005)
            self.assertLess(wait, least * 2 * harness.SLOW)


class Ends(harness.Case):
    def test_sigterm_ends_every_process_with_status_0(self):
        daemon = self.daemon()
        pids = [pid for each in daemon.pids().values() for pid in each]

        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(20 * harness.SLOW), 0)

        self.assertEqual([pid for pid in pids if alive(pid)], [])
        self.assertEqual(events(daemon, "daemon.killing"), [])

    def test_what_outlasts_the_grace_is_killed(self):
        daemon = self.daemon(settings={"shutdown_grace": 1})
        plan = daemon.pids("plan")[0]
        os.kill(plan, signal.SIGSTOP)

        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(20 * harness.SLOW), 0)

        self.assertFalse(alive(plan))
        self.assertEqual(len(events(daemon, "daemon.killing")), 1)

    def test_a_killed_supervisor_leaves_nothing_behind_and_is_replaced(self):
        daemon = self.daemon()
        pids = [pid for each in daemon.pids().values() for pid in each]
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.process.wait()

        daemon.start()  # waits for what the killed one left

        harness.wait_until(lambda: not any(alive(pid) for pid in pids), 15, "the old ones end")

        def replaced():
            try:
                new = [pid for each in daemon.pids().values() for pid in each]
            except OSError:
                return False
            return len(new) == len(pids) and all(alive(pid) for pid in new)
        harness.wait_until(replaced, 15, "as many new ones run")


class Starts(harness.Case):
    def test_a_second_one_is_refused_and_the_first_does_not_notice(self):
        daemon = self.daemon()

        second = isovoxd("-c", daemon.config)

        self.assertEqual(second.returncode, 1)
        self.assertIn(f": receive is run by isovoxd, process {daemon.process.pid}", second.stderr)
        daemon.must_run()
        self.assertEqual(daemon.get("/api/v1/status")["roles"][0]["restarts"], 0)

    def test_two_may_share_a_state_dir_when_they_share_no_role(self):
        first = self.daemon(roles="http")
        second = harness.Server("isovoxd", [harness.program("isovoxd"), "-c", first.config,
                                            "-r", "plan,receive"], self.folder / "second.log")
        self.addCleanup(second.stop)
        second.start()

        harness.wait_until(lambda: sorted(first.pids()) == ["http", "plan", "receive"], 10,
                           "the page shows the roles of both")
        third = isovoxd("-c", first.config, "-r", "plan")

        self.assertEqual(third.returncode, 1)
        self.assertIn(": plan is run by isovoxd", third.stderr)
        second.must_run()

    def test_workers_that_are_no_more_are_not_shown_as_running(self):
        daemon = self.daemon(settings={"convert": {"workers": 3}})
        daemon.kill()
        daemon.settings["convert"]["workers"] = 1
        daemon.start()

        rows = {each["name"]: each for each in daemon.get("/api/v1/status")["roles"]}

        self.assertEqual(rows["convert.0"]["state"], "running")
        self.assertEqual([rows["convert.1"]["state"], rows["convert.2"]["state"]],
                         ["stopped", "stopped"])
        self.assertEqual(rows["convert.2"]["pid"], 0)

    def test_a_port_in_use_is_said_at_once(self):
        for role, key in [("receive", "port"), ("http", "http_port")]:
            with self.subTest(role):
                daemon = self.daemon(start=False)
                with socket.create_server((harness.HOST, getattr(daemon, key))):
                    daemon.config.write_text(harness.conf_text(daemon.settings))
                    done = isovoxd("-c", daemon.config)

                self.assertEqual(done.returncode, 1)
                self.assertIn(f"listen for {role}: {harness.HOST} port "
                              f"{getattr(daemon, key)}: Address already in use", done.stderr)
                self.assertNotIn("role.started", done.stderr)

    def test_a_state_dir_that_cannot_be_is_said_at_once(self):
        (self.folder / "file").write_text("")
        config = self.folder / "c.conf"
        config.write_text(f'state_dir = "{self.folder}/file/state"\n'
                          f"receive {{ port = {harness.free_port()} }}\n"
                          f"http {{ port = {harness.free_port()} }}\n")

        done = isovoxd("-c", config)

        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.folder}/file", done.stderr)
        self.assertNotIn("role.started", done.stderr)

    def test_wrong_usage_is_status_2(self):
        for arguments in [["-x"], ["-c"], ["stray"], ["-r", "recieve"], ["-r", ""]]:
            with self.subTest(arguments):
                self.assertEqual(isovoxd(*arguments).returncode, 2)

    def test_help_and_version(self):
        self.assertIn("-r", isovoxd("--help", check=True).stdout)
        self.assertRegex(isovoxd("--version", check=True).stdout, r"^isovoxd \d+\.\d+\.\d+\n$")


class TheConfiguration(harness.Case):
    def test_t_prints_every_setting_as_a_file_that_says_the_same(self):
        first, second = self.folder / "1.conf", self.folder / "2.conf"
        first.write_text('receive { port = 4000 }\nrecipe "a" { spacing = 0.7 }\n')

        once = isovoxd("-t", "-c", first, check=True).stdout
        second.write_text(once)
        twice = isovoxd("-t", "-c", second, check=True).stdout

        self.assertIn("port = 4000", once)
        self.assertIn("quiet = 15", once)
        self.assertEqual(once.splitlines()[1:], twice.splitlines()[1:])

    def test_a_wrong_setting_is_status_78_with_file_line_and_reason(self):
        config = self.folder / "c.conf"
        config.write_text("plan {\n  quiet = 15\n}\nreceive {\n  prot = 11112\n}\n")
        for arguments in [["-t", "-c", config], ["-c", config]]:
            done = isovoxd(*arguments)
            self.assertEqual(done.returncode, 78)
            self.assertEqual(done.stderr, f"isovoxd: {config}:5: no such option 'prot'\n")
            self.assertEqual(done.stdout, "")

    def test_sighup_takes_a_good_file_and_keeps_the_old_settings_before_a_bad_one(self):
        daemon = self.daemon(roles="http")

        def names():
            return [each["name"] for each in daemon.get("/api/v1/status")["destinations"]]
        self.assertEqual(names(), [])
        target = {"ae_title": "A", "address": harness.HOST}
        daemon.settings["destination", "new"] = target
        daemon.config.write_text(harness.conf_text(daemon.settings))
        daemon.signal(signal.SIGHUP)
        harness.wait_until(lambda: names() == ["new"], 10, "the new destination is known")

        daemon.config.write_text("nonsense = 1\n")
        daemon.signal(signal.SIGHUP)
        harness.wait_until(lambda: events(daemon, "config.refused"), 10, "the refusal is logged")

        self.assertIn(f"{daemon.config}:1: no such option 'nonsense'",
                      events(daemon, "config.refused")[0][1])
        self.assertEqual(names(), ["new"])
        daemon.must_run()


class TheServiceManager(harness.Case):
    def test_is_told_ready_alive_and_stopping(self):
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(10 * harness.SLOW)
            daemon = self.daemon(start=False)
            daemon.environment = {**os.environ, "NOTIFY_SOCKET": str(path),
                                  "WATCHDOG_USEC": "400000"}
            daemon.start()

            told, beats = [], []
            while len(beats) < 4:
                told.append(manager.recv(512).decode())
                if "WATCHDOG=1" in told[-1]:
                    beats.append(time.monotonic())
            daemon.signal(signal.SIGTERM)
            daemon.process.wait(20 * harness.SLOW)
            manager.setblocking(False)
            try:
                while True:
                    told.append(manager.recv(512).decode())
            except BlockingIOError:
                pass

        self.assertEqual(sum("READY=1" in each for each in told), 1)
        self.assertTrue(any("STATUS=" in each for each in told))
        self.assertIn("STOPPING=1", told[-1])
        # half the watchdog's time is what sd_watchdog_enabled(3) advises
        self.assertLess((beats[-1] - beats[0]) / 3, 0.4 * harness.SLOW)


class Privacy(harness.Case):
    def test_state_belongs_to_its_owner_alone_and_no_core_is_dumped(self):
        daemon = self.daemon()
        daemon.send(self.phantom("--dims", "16,16,4"))

        for path in [daemon.state, *daemon.state.rglob("*")]:
            if path != daemon.state:  # made by this test
                mode = stat.S_IMODE(path.lstat().st_mode)
                self.assertEqual(mode & 0o077, 0, f"{path} has mode {mode:o}")
        for pids in daemon.pids().values():
            limits = Path(f"/proc/{pids[0]}/limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_the_log_has_digests_instead_of_uids_and_the_same_after_a_restart(self):
        import pydicom
        daemon = self.daemon()
        files = self.phantom("--dims", "16,16,4")
        header = pydicom.dcmread(files[0], stop_before_pixels=True)
        daemon.send(files)
        harness.wait_until(lambda: events(daemon, "series.decided"), 30, "the series is decided")
        key = (daemon.state / "log.key").read_text()
        daemon.restart()

        text = daemon.log.read_text()
        for secret in [header.SeriesInstanceUID, header.SOPInstanceUID, header.StudyInstanceUID,
                       str(header.PatientName), key]:
            self.assertNotIn(secret, text)
        self.assertEqual((daemon.state / "log.key").read_text(), key)
