#!/usr/bin/python3
"""How many instances per second are taken from stock senders, durably.

    ingest.py [--instances N] [--rounds N] [--json] [--folder DIR]

Sends N CT instances of 512 x 512 pixels (526 kB) with DCMTK's storescu and dcmsend, as they
are delivered (Nagle's algorithm on), over one association and over four at the same time, to
isovoxd, and beside it in the same run to storescp (bit-preserving, a process per association)
and to Orthanc. The first line is the disk alone: 526 kB written and synced. Rounds are interleaved, so that what else the machine does hits all alike;
medians are printed. Afterwards every acknowledged instance must be in isovoxd's journal.

storescp syncs nothing and Orthanc's index is not synced per instance: they promise less.
DIR should be on the disk that would hold the spool; a tmpfs says nothing.
"""

import argparse
import json
import os
import shutil
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
sys.dont_write_bytecode = True
import harness  # noqa: E402

CT = "1.2.840.10008.5.1.4.1.1.2"


def make_instances(folder, count):
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
        data.Rows = data.Columns = 512
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.SamplesPerPixel, data.PixelRepresentation = 1, 1
        data.PhotometricInterpretation = "MONOCHROME2"
        data.PixelData = noise.integers(-1000, 1000, (512, 512)).astype("<i2").tobytes()
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
    """Seconds until the last sender has ended."""
    shares = [files[number::associations] for number in range(associations)]
    start = time.monotonic()
    running = [subprocess.Popen([sender, "-aec", server.aet, harness.HOST, str(server.port),
                                 *map(str, share)], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT) for share in shares]
    failed = [each for each in running if each.wait(900) != 0]
    seconds = time.monotonic() - start
    if failed:
        raise SystemExit(f"{sender} to {server.name}: {failed[0].stdout.read()[-500:]!r}")
    for each in running:
        each.stdout.close()
    return seconds


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
    files = make_instances(folder / "instances", options.instances)
    servers = [harness.Daemon(folder / "isovoxd", roles="receive"), StoreScp(folder / "storescp"),
               harness.Pacs(folder / "orthanc")]
    rates = {}
    try:
        for server in servers:
            server.start()
        size = files[0].stat().st_size
        for _ in range(options.rounds):
            rates.setdefault(("-", 1, "disk"), []).append(Disk().rate(folder, size, 100))
            for sender in ("storescu", "dcmsend"):
                for associations in (1, 4):
                    for server in servers:
                        # Orthanc and storescp with delayed acknowledgements take minutes.
                        part = files if server.name == "isovoxd" else files[:options.few]
                        forget(server)
                        seconds = send(sender, server, part, associations)
                        key = sender, associations, server.name
                        rates.setdefault(key, []).append(len(part) / seconds)
                        if server.name == "isovoxd":
                            check_journal(server, len(part))
    finally:
        for server in servers:
            server.stop()
    return rates, files[0].stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--few", type=int, default=100, help="for the slow ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", default=None, help="on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isovox-ingest-", dir=options.folder) as folder:
        rates, size = measure(options, Path(folder))
    rows = [{"sender": sender, "associations": associations, "server": server,
             "instances_per_second": round(statistics.median(found), 1),
             "all": [round(each, 1) for each in found]}
            for (sender, associations, server), found in rates.items()]
    if options.json:
        json.dump({"bytes": size, "rows": rows}, sys.stdout, indent=1)
        print()
        return
    print(f"instances of {size} bytes; instances/s, median of {options.rounds}")
    for row in rows:
        print(f"{row['sender']:9} x{row['associations']}  {row['server']:9}"
              f" {row['instances_per_second']:8.1f}   {row['all']}")


if __name__ == "__main__":
    main()
