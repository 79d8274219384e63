#!/usr/bin/python3
"""How many instances per second are taken from stock senders, durably.

    ingest.py [--instances N] [--rounds N] [--rows N] [--flush-delay MS] [--json] [--folder DIR]

Sends N CT instances of 512 x 512 pixels (526 kB; --rows 197: 78 kB) with DCMTK's storescu and
dcmsend, as they are delivered (Nagle's algorithm on) and with TCP_NODELAY, over one association
and over four at the same time, to isovoxd, and beside it in the same run to storescp and dcmqrscp
(both bit-preserving, a process per association) and to Orthanc. The first line is the disk alone:
as many bytes written and synced. Rounds are interleaved, so that what else the machine does
hits all alike; medians are printed. Afterwards every acknowledged instance must be in isovoxd's
journal. At the end a sender with TCP_NODELAY measures how long each C-STORE takes.

--flush-delay adds MS milliseconds to every sync of every server below its folder, as a slow
disk would (tests/chaos/faults.c).

Where one of the others has refused instances its rate is null: dcmqrscp answers A900 or C000 now
and then when several associations store at once.

storescp and dcmqrscp sync nothing, Orthanc's index is not synced per instance: they promise less.
DIR should be on the disk that would hold the spool; a tmpfs says nothing.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
import rawscu  # noqa: E402
import test_faults  # noqa: E402

CT = "1.2.840.10008.5.1.4.1.1.2"


def make_instances(folder, count, rows):
    folder.mkdir()
    noise = numpy.random.default_rng(1)
    series, study = generate_uid(), generate_uid()
    for number in range(count):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CT, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        data.is_little_endian, data.is_implicit_VR = True, False
        data.SOPClassUID, data.SOPInstanceUID = CT, meta.MediaStorageSOPInstanceUID
        data.PatientName, data.PatientID = "Bench^Ingest", "BENCH"
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.Modality, data.InstanceNumber = "CT", number + 1
        data.ImagePositionPatient = [0, 0, number]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness = [0.7, 0.7], 1
        data.Rows = data.Columns = rows
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.SamplesPerPixel, data.PixelRepresentation = 1, 1
        data.PhotometricInterpretation = "MONOCHROME2"
        data.PixelData = noise.integers(-1000, 1000, (rows, rows)).astype("<i2").tobytes()
        pydicom.dcmwrite(folder / f"{number:06}.dcm", data, write_like_original=False)
    return sorted(folder.iterdir())


class StoreScp(harness.Server):
    aet = "STORESCP"

    def __init__(self, folder):
        self.folder, self.port = folder, harness.free_port()
        (folder / "files").mkdir(parents=True)
        super().__init__("storescp", ["storescp", "--fork", "+B", "-od", folder / "files",
                                      self.port], folder / "log")

    def start(self):
        super().start()
        harness.wait_until(lambda: self.log.exists() and self._listens(), 10, "storescp listens")
        return self

    def _listens(self):
        done = subprocess.run(["echoscu", harness.HOST, str(self.port)], capture_output=True)
        return done.returncode == 0


def send(sender, server, files, associations):
    """Instances per second until the last sender has ended; None when the server has refused
    some."""
    program, _, how = sender.partition("+")
    environment = {**os.environ, **({"TCP_NODELAY": "1"} if how else {})}
    shares = [files[number::associations] for number in range(associations)]
    start = time.monotonic()
    running = [subprocess.Popen([program, "-aec", server.aet, harness.HOST, str(server.port),
                                 *map(str, share)], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, env=environment)
               for share in shares]
    said = [each.communicate(timeout=900)[0] for each in running]
    seconds = time.monotonic() - start
    good = all(each.returncode == 0 for each in running)
    if not good and server.name == "isovoxd":
        raise SystemExit(f"{sender} to isovoxd: {b''.join(said)[-500:]!r}")
    return round(len(files) / seconds, 1) if good else None


def one_by_one(server, files, out):
    association = rawscu.Association(server.port, called=server.aet)
    for path in files:
        uid, (data, _) = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID), \
            rawscu.payload(path)
        begun = time.monotonic()
        association.store(uid, data)
        out.append(time.monotonic() - begun)
    association.release()


def latencies(server, files, associations):
    """Seconds of each C-STORE, from a sender with TCP_NODELAY, sorted."""
    with multiprocessing.Manager() as manager:
        out = manager.list()
        senders = [multiprocessing.Process(target=one_by_one,
                                           args=(server, files[n::associations], out))
                   for n in range(associations)]
        for each in senders:
            each.start()
        for each in senders:
            each.join()
        return sorted(out)


def forget(server):
    """Every run begins with an empty store."""
    server.stop()
    for name in ("state", "storage", "files"):
        shutil.rmtree(server.folder / name, ignore_errors=True)
        if name != "storage":
            (server.folder / name).mkdir()
    server.start()


def check_journal(server, sent):
    done = harness.run([harness.program("tests/tools/isovox-journal"), server.state], check=True)
    uids = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("instance ")}
    if len(uids) != sent:
        raise SystemExit(f"{sent} instances were acknowledged, {len(uids)} are in the journal")


class Disk:
    """What one writer could reach at most: an instance written to a preallocated file and
    synced, again and again."""

    name = "disk"

    def rate(self, folder, size, count):
        with open(folder / "disk", "wb") as file:
            content = numpy.random.default_rng(2).bytes(size)
            os.posix_fallocate(file.fileno(), 0, count * size)
            os.fsync(file.fileno())
            start = time.monotonic()
            for number in range(count):
                os.pwrite(file.fileno(), content, number * size)
                os.fdatasync(file.fileno())
            return count / (time.monotonic() - start)


def measure(options, folder):
    files = make_instances(folder / "instances", options.instances, options.rows)
    servers = [harness.Daemon(folder / "isovoxd", roles="receive"), StoreScp(folder / "storescp"),
               harness.Dcmqrscp(folder / "dcmqrscp"), harness.Pacs(folder / "orthanc")]
    rates, times = {}, {}

    def share(server):
        """The others' delayed acknowledgements make minutes of a thousand."""
        return files if server.name == "isovoxd" else files[:options.few]

    for server in servers if options.flush_delay else ():
        page = test_faults.with_faults(server, server.folder)
        page.delay(round(options.flush_delay * 1000))
    try:
        for server in servers:
            server.start()
        size = files[0].stat().st_size
        for _ in range(options.rounds):
            rates.setdefault(("-", 1, "disk"), []).append(round(Disk().rate(folder, size, 100), 1))
            for sender in options.senders.split(","):
                for associations in (1, 4):
                    for server in servers:
                        part = share(server)
                        forget(server)
                        rate = send(sender, server, part, associations)
                        rates.setdefault((sender, associations, server.name), []).append(rate)
                        if server.name == "isovoxd":
                            check_journal(server, len(part))
        for associations in (1, 4):
            for server in servers:
                forget(server)
                times[associations, server.name] = latencies(server, share(server),
                                                             associations)
    finally:
        for server in servers:
            server.stop()
    return rates, times, files[0].stat().st_size


def median(rates):
    taken = [each for each in rates if each is not None]
    return round(statistics.median(taken), 1) if taken else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--few", type=int, default=100, help="for the slow ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=512, help="and columns of an instance")
    parser.add_argument("--flush-delay", type=float, default=0, help="ms added to every sync")
    parser.add_argument("--senders", default="storescu,dcmsend,storescu+nodelay")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", default=None, help="on the disk to measure")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the servers as well
    with tempfile.TemporaryDirectory(prefix="isovox-ingest-", dir=options.folder) as folder:
        rates, times, size = measure(options, Path(folder))
    rows = [{"sender": sender, "associations": associations, "server": server,
             "instances_per_second": median(found), "all": found}
            for (sender, associations, server), found in rates.items()]
    waits = [{"associations": associations, "server": server,
              "p50_ms": round(found[len(found) // 2] * 1000, 2),
              "p99_ms": round(found[len(found) * 99 // 100] * 1000, 2)}
             for (associations, server), found in times.items()]
    if options.json:
        json.dump({"bytes": size, "rows": rows, "waits": waits}, sys.stdout, indent=1)
        print()
        return
    print(f"instances of {size} bytes; instances/s, median of {options.rounds}")
    for row in rows:
        print(f"{row['sender']:16} x{row['associations']}  {row['server']:9}"
              f" {row['instances_per_second'] or 'refused':>8}   {row['all']}")
    for row in waits:
        print(f"C-STORE takes    x{row['associations']}  {row['server']:9}"
              f" p50 {row['p50_ms']:.2f} ms, p99 {row['p99_ms']:.2f} ms")


if __name__ == "__main__":
    main()
