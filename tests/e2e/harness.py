"""What the end-to-end tests share: our programs, a real PACS, real senders.

    class AnArrivingSeries(harness.Case):
        def test_reaches_the_pacs(self):
            pacs = self.pacs()
            daemon = self.daemon(pacs)
            files = self.phantom("--size", "32,32,10")
            daemon.send(files)
            derived = pacs.wait_derived(series=1)

Programs are taken from the build folder $ISOVOX_BUILD (default: .build/gcc), public test
data from $ISOVOX_SHARED (default: ../shared/data beside the checkout; a test that needs it
is skipped without it; nothing else is ever skipped). Servers listen on free ports of the loopback interface, and every
process that a test starts is ended by its process id when the test ends.

ISOVOX_KEEP=1 keeps the folders of the tests; ISOVOX_SLOW=N stretches every time limit.
"""

import atexit
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import pydicom

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ISOVOX_BUILD", TOP / ".build" / "gcc")).resolve()
SHARED = Path(os.environ.get("ISOVOX_SHARED", TOP.parent / "shared" / "data"))
SLOW = float(os.environ.get("ISOVOX_SLOW", "1"))
LANE = int(os.environ.get("ISOVOX_LANE", "0"))
HOST = "127.0.0.1"

_given = set()
_started = []


@atexit.register
def stop_all():
    """Ends what still runs, the last one first. For what ends without its tests' clean-up
    (Ctrl-C, SIGTERM), and for the demonstration."""
    while _started:
        _started.pop().stop(10)


def free_port():
    """A port nobody listens on, outside the range of outgoing connections, and out of
    reach of the tests that run beside these (run.py -j)."""
    first = 20000 + LANE % 8 * 1500
    while True:
        port = random.randrange(first, first + 1500)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        _given.add(port)
        return port


def wait_until(question, seconds, what):
    """Asks until the answer is true, and returns it; AssertionError after `seconds`.
    `what` is a text, or a function that makes one when it is needed."""
    end = time.monotonic() + seconds * SLOW
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            text = what() if callable(what) else what
            raise AssertionError(f"after {seconds * SLOW:.0f} s still not: {text}")
        time.sleep(0.05)


def listens(port):
    try:
        with socket.create_connection((HOST, port), 1):
            return True
    except OSError:
        return False


def http(method, url, body=None, timeout=20):
    """Status and body of one exchange; no proxy, no exception for an error status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = body if body is None or isinstance(body, bytes) else body.encode()
    request = urllib.request.Request(url, data=data, method=method)
    try:
        with opener.open(request, timeout=timeout * SLOW) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def tail(path, lines=40):
    try:
        text = Path(path).read_text(errors="replace").splitlines()
    except OSError as error:
        return str(error)
    return "\n".join(text[-lines:])


class Server:
    """A process with a log file, started again as often as wanted."""

    def __init__(self, name, command, log, environment=None):
        self.name, self.command, self.log = name, command, Path(log)
        self.environment = environment
        self.process, self.cleared = None, True

    def start(self):
        assert self.process is None or self.process.poll() is not None, "already running"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, env=self.environment)
        self.cleared = False
        _started.append(self)
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def stop(self, seconds=30):
        """SIGTERM, and SIGKILL to the whole group when that is not enough. Returns the exit
        status (negative: the signal)."""
        if self.process is None:
            return None
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            pass
        self._kill_group()
        return self.process.wait()

    def kill(self):
        """SIGKILL to the process and everything it started: a power cut for this program."""
        if self.process is not None:
            self._kill_group()
            self.process.wait()

    def _kill_group(self):
        if self.cleared:  # the number may be somebody else's by now
            return
        self.cleared = True
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def must_run(self):
        if not self.running():
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n"
                                 + tail(self.log))


class Pacs(Server):
    """Orthanc. stop(), kill() and start() keep its storage."""

    def __init__(self, folder, aet="ORTHANC", modalities=None, **settings):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.aet, self.port, self.http_port = aet, free_port(), free_port()
        self.url = f"http://{HOST}:{self.http_port}"
        self.settings = {
            "Name": aet, "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"), "HttpPort": self.http_port,
            "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "Plugins": [],
            "DicomAet": aet, "DicomPort": self.port, "DicomCheckCalledAet": False,
            "DicomAlwaysAllowEcho": True, "DicomAlwaysAllowStore": True,
            "DicomModalities": modalities or {}, "UnknownSopClassAccepted": True,
            "OverwriteInstances": False, "StorageCompression": False, "StableAge": 1,
            "HttpThreadsCount": 8, "SaveJobs": False, **settings}
        executable = shutil.which("Orthanc", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if executable is None:
            raise AssertionError("Orthanc is not installed (apt-get install orthanc)")
        super().__init__("orthanc", [executable, self.folder / "orthanc.json"],
                         self.folder / "orthanc.log")

    def start(self):
        (self.folder / "orthanc.json").write_text(json.dumps(self.settings, indent=1))
        super().start()
        wait_until(self._ready, 60, lambda: f"Orthanc answers\n{tail(self.log)}")
        return self

    def _ready(self):
        self.must_run()
        try:
            return listens(self.port) and http("GET", self.url + "/system")[0] == 200
        except OSError:
            return False

    def get(self, path):
        status, body = http("GET", self.url + path)
        if status != 200:
            raise AssertionError(f"orthanc: GET {path}: {status} {body[:200]!r}")
        return json.loads(body)

    def series(self):
        """Every series: Orthanc's own record, with MainDicomTags and Instances."""
        return self.get("/series?expand")

    def instances(self, series=None):
        """Orthanc's ids of the instances, of one series or of all."""
        return self.get("/instances") if series is None else series["Instances"]

    def file(self, instance):
        """The bytes of one instance as the PACS stores it."""
        status, body = http("GET", f"{self.url}/instances/{instance}/file")
        if status != 200:
            raise AssertionError(f"orthanc: no file of {instance}: {status}")
        return body

    def dataset(self, instance):
        return pydicom.dcmread(io.BytesIO(self.file(instance)))

    def datasets(self, series):
        """The instances of a series, by Instance Number."""
        found = [self.dataset(instance) for instance in series["Instances"]]
        return sorted(found, key=lambda each: int(each.InstanceNumber))

    def derived(self):
        """The series whose images are DERIVED."""
        return [each for each in self.series() if self._is_derived(each)]

    def _is_derived(self, series):
        tags = self.get(f"/instances/{series['Instances'][0]}/simplified-tags")
        return tags.get("ImageType", "").startswith("DERIVED")

    def wait_derived(self, series=1, instances=None, seconds=120, alive=()):
        """Waits for exactly this many derived series, each with as many instances as it
        announces (or `instances`), and returns them. `alive`: servers that must run."""
        def arrived():
            for server in alive:
                server.must_run()
            found = self.derived()
            wanted = [instances or int(each["MainDicomTags"].get("ImagesInAcquisition", 0))
                      for each in found]
            counts = [len(each["Instances"]) for each in found]
            if len(found) > series:
                raise AssertionError(f"{len(found)} derived series, expected {series}")
            if len(found) < series or (instances and counts != wanted):
                return None
            return found if instances or self._quiet(found) else None
        return wait_until(arrived, seconds, lambda: self._wanted(series, instances, alive))

    def _quiet(self, found):
        """Nothing new for two seconds: for those who do not know the count beforehand."""
        counts = sorted((each["ID"], len(each["Instances"])) for each in found)
        if getattr(self, "_last", None) != counts:
            self._last, self._since = counts, time.monotonic()
        return time.monotonic() - self._since > 2

    def _wanted(self, series, instances, alive):
        counts = [len(each["Instances"]) for each in self.derived()]
        logs = "\n".join(f"--- {each.name}\n{tail(each.log)}" for each in alive)
        return (f"{series} derived series of {instances or 'some'} instances at the PACS, "
                f"which has {counts}\n{logs}")


class Dcmqrscp(Server):
    """DCMTK's archive: one storage area, instances as they were sent, and who it may move to:
    AE titles and their ports. stop() and start() keep its storage."""

    def __init__(self, folder, aet="QRSCP", hosts=None):
        self.folder, self.aet, self.port = Path(folder), aet, free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        table = "\n".join(f"host{number} = ({name}, {HOST}, {port})"
                          for number, (name, port) in enumerate((hosts or {"NOBODY": 1}).items()))
        config = self.folder / "dcmqrscp.cfg"
        # 500 studies of 1 GiB are the most that it takes; then the oldest goes.
        config.write_text(
            f"NetworkTCPPort = {self.port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
            f"HostTable BEGIN\n{table}\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\n{aet} {self.folder / 'storage'} RW (500, 1024mb) ANY\nAETable END\n")
        super().__init__("dcmqrscp", [shutil.which("dcmqrscp"), "+B", "-c", config],
                         self.folder / "dcmqrscp.log")

    def start(self):
        (self.folder / "storage").mkdir(exist_ok=True)
        super().start()
        wait_until(self._ready, 20, lambda: f"dcmqrscp listens\n{tail(self.log)}")
        return self

    def _ready(self):
        self.must_run()
        return listens(self.port)


def conf_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(conf_value(each) for each in value) + "}"
    return str(value) if isinstance(value, (int, float)) else json.dumps(str(value))


def conf_text(settings, indent=""):
    """isovoxd.conf of nested dictionaries. A key ("recipe", "iso-1mm") is a titled section."""
    lines = []
    for key, value in settings.items():
        if isinstance(value, dict):
            name, title = key if isinstance(key, tuple) else (key, None)
            head = name if title is None else f"{name} {json.dumps(title)}"
            lines += [f"{indent}{head} {{", conf_text(value, indent + "    ") + indent + "}"]
        else:
            lines.append(f"{indent}{key} = {conf_value(value)}")
    return "\n".join(lines) + "\n"


def merged(base, changes):
    """`base` with `changes` laid over it, section by section; None removes."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def program(name):
    path = BUILD / name
    if not path.exists():
        raise AssertionError(f"{path} is not built")
    return path


class Daemon(Server):
    """isovoxd with a configuration of its own. stop(), kill() and start() keep its state.

    pacs      None, one Pacs or a list: destinations "pacs", "pacs2", ...
    settings  laid over the defaults below, e.g. {"plan": {"quiet": 5},
              ("recipe", "iso-1mm"): {"kernel": "linear"}}
    roles     e.g. "receive,plan": only these"""

    def __init__(self, folder, pacs=None, settings=None, roles=None):
        self.folder = Path(folder)
        self.state = self.folder / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        self.port, self.http_port, self.roles = free_port(), free_port(), roles
        self.url = f"http://{HOST}:{self.http_port}"
        self.aet = "ISOVOX"
        self.config = self.folder / "isovoxd.conf"
        self.settings = merged(self._defaults(pacs), settings or {})
        command = [program("isovoxd"), "-c", self.config]
        super().__init__("isovoxd", command + (["-r", roles] if roles else []),
                         self.folder / "isovoxd.log")

    def _defaults(self, pacs):
        peers = pacs if isinstance(pacs, (list, tuple)) else [pacs] if pacs else []
        settings = {
            "state_dir": self.state, "shutdown_grace": 10,
            "receive": {"ae_title": self.aet, "address": HOST, "port": self.port},
            "plan": {"quiet": 3, "quiet_released": 1},
            "deliver": {"first_retry": 1, "longest_retry": 4},
            "http": {"address": HOST, "port": self.http_port},
            ("recipe", "iso-1mm"): {"spacing": 1.0, "kernel": "bspline3"},
        }
        names = ["pacs" if n == 0 else f"pacs{n + 1}" for n in range(len(peers))]
        for name, peer in zip(names, peers):
            settings["destination", name] = {"ae_title": peer.aet, "address": HOST,
                                             "port": peer.port}
        if peers:
            settings["route", "ct"] = {"modality": ["CT"], "recipes": ["iso-1mm"],
                                       "destinations": names}
        return settings

    def start(self):
        self.config.write_text(conf_text(self.settings))
        super().start()
        wait_until(self._ready, 60, lambda: f"isovoxd is ready\n{tail(self.log)}")
        return self

    def restart(self):
        self.stop()
        return self.start()

    def has(self, role):
        return self.roles is None or role in self.roles.split(",")

    def _ready(self):
        self.must_run()
        try:
            if self.has("receive"):
                with socket.create_connection((HOST, self.port), 1):
                    pass
            return not self.has("http") or http("GET", self.url + "/readyz")[0] == 200
        except OSError:
            return False

    def get(self, path):
        status, body = http("GET", self.url + path)
        if status != 200:
            raise AssertionError(f"isovoxd: GET {path}: {status} {body[:200]!r}")
        return json.loads(body)

    def list(self, name):
        """Everything under /api/v1/NAME, through its pages."""
        items, after = [], ""
        while True:
            page = self.get(f"/api/v1/{name}?limit=200{after}")
            new = page if isinstance(page, list) else page.get(name, page.get("items"))
            items += new
            if len(new) < 200:
                return items
            after = f"&after={new[-1]['id']}"

    def pids(self, role=None):
        """Process ids by role (a role may have several), as /api/v1/status tells them."""
        roles = self.get("/api/v1/status")["roles"]
        if isinstance(roles, dict):
            roles = [{"role": name, **(each if isinstance(each, dict) else {"pid": each})}
                     for name, each in roles.items()]
        found = {}
        for each in roles:
            name = str(each.get("role", each.get("name")))
            if each.get("pid"):
                found.setdefault(name, []).append(int(each["pid"]))
        if role is None:
            return found
        return [pid for name, pids in found.items()
                if name.rstrip("0123456789-.") == role for pid in pids]

    def kill_role(self, role, number=signal.SIGKILL):
        """Sends a signal to every process of a role; the supervisor's own is "supervisor".
        Returns the ids that were hit."""
        pids = [self.process.pid] if role == "supervisor" else self.pids(role)
        hit = []
        for pid in pids:
            try:
                os.kill(pid, number)
                hit.append(pid)
            except ProcessLookupError:
                pass
        return hit

    def send(self, files, **options):
        return dcmsend(files, self.port, aec=self.aet, **options)

    def tool(self, *arguments, **options):
        return run_tool(*arguments, "--url", self.url, **options)


def run(command, seconds=120, check=False, **options):
    """Runs a program to its end; its output is text. check: AssertionError unless 0."""
    command = [str(part) for part in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace",
                          timeout=seconds * SLOW, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)[:300]}: exit status {done.returncode}\n"
                             f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def run_tool(*arguments, seconds=300, check=False, **options):
    """isovox ARGUMENTS: returncode, stdout, stderr."""
    return run([program("isovox"), *arguments], seconds, check, **options)


def _client(name, arguments, check, seconds):
    if shutil.which(name) is None:
        raise AssertionError(f"{name} is not installed: see scripts/packages.sh")
    return run([name, *arguments], seconds, check)


def _paths(files):
    return [files] if isinstance(files, (str, Path)) else list(files)


def dcmsend(files, port, aec="ISOVOX", aet="DCMSEND", options=(), check=True, seconds=300):
    """DCMTK's sender: files and folders, in this order, over one association."""
    return _client("dcmsend", [*options, "-v", "-aet", aet, "-aec", aec, "+sd", "+r", HOST,
                               port, *_paths(files)], check, seconds)


def storescu(files, port, aec="ISOVOX", aet="STORESCU", options=(), check=True, seconds=300):
    """DCMTK's other sender."""
    return _client("storescu", [*options, "-v", "-aet", aet, "-aec", aec, "+sd", "+r", HOST,
                                port, *_paths(files)], check, seconds)


def gdcmscu(files, port, aec="ISOVOX", aet="GDCMSCU", check=True, seconds=300):
    """GDCM's sender, an implementation that shares no code with DCMTK. Version 3.0.21 of
    Debian 12 aborts when it closes a connection on which all went well: the text tells
    that apart from a failure, and a caller looks at what arrived."""
    done = _client("gdcmscu", ["--store", HOST, port, "--aetitle", aet, "--call", aec,
                               *_paths(files)], False, seconds)
    if done.returncode == -signal.SIGABRT and "ProtocolStream as nullptr" in done.stderr:
        done.returncode = 0
    if check and done.returncode != 0:
        raise AssertionError(f"gdcmscu: exit status {done.returncode}\n{done.stderr[-2000:]}")
    return done


def shared_data(name):
    """A file or folder of the public test data; skips the test when it is not here."""
    path = SHARED / name
    if not path.exists():
        raise unittest.SkipTest(f"public test data {name} is not here (ISOVOX_SHARED)")
    return path


def phantom(folder, *arguments):
    """Makes a DICOM series of a phantom in `folder`; returns its files in order."""
    folder = Path(folder)
    run([program("tests/phantom/isovox-phantom"), *arguments, "-o", folder], check=True)
    return dicom_files(folder)


def dicom_files(folder):
    """The DICOM files under a folder, by path."""
    found = []
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                if file.read(132)[128:] == b"DICM":
                    found.append(path)
    return found


class Case(unittest.TestCase):
    """A test with a folder of its own; what it starts ends with it."""

    maxDiff = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="isovox-e2e-"))
        if os.environ.get("ISOVOX_KEEP"):
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self._names = {}

    def new_folder(self, name):
        """A folder of this test, not made yet: name, name2, ..."""
        self._names[name] = self._names.get(name, 0) + 1
        count = self._names[name]
        return self.folder / (name if count == 1 else f"{name}{count}")

    def pacs(self, start=True, **options):
        made = Pacs(self.new_folder("pacs"), **options)
        self.addCleanup(made.stop)
        return made.start() if start else made

    def daemon(self, pacs=None, start=True, **options):
        made = Daemon(self.new_folder("daemon"), pacs, **options)
        self.addCleanup(made.stop)
        return made.start() if start else made

    def phantom(self, *arguments):
        return phantom(self.new_folder("phantom"), *arguments)
