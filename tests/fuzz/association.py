#!/usr/bin/python3
"""Throws damaged DICOM sessions at `isovoxd -r receive`.

    association.py [--seed N] [--sessions N]

Each session is an association request, an echo, a store in fragments, and a release; PDVs are
grouped into PDUs at random, and some of the PDUs are damaged: bytes changed, removed, added,
lengths replaced. Exit status 1 when a process crashed, a sanitizer complained, or the
receiver takes no good instance afterwards. A build with --enable-sanitize=address,undefined
sees most ($ISOVOX_BUILD).
"""

import argparse
import random
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
import peer  # noqa: E402

LENGTHS = (0, 1, 2, 5, 6, 16, 65536, 0x7fffffff, 0x80000000, 0xffffffff)


def session(chance):
    contexts = [(peer.CT, [peer.EXPLICIT, peer.IMPLICIT]), (peer.MR, [peer.IMPLICIT]),
                (peer.VERIFICATION, [peer.IMPLICIT])]
    store = peer.command(1, 2, peer.CT, "2.25.1")
    data = chance.randbytes(2 * chance.choice((10, 200, 5000)))
    cut = chance.randrange(0, len(data), 2)
    pdvs = [peer.pdv(5, 3, peer.command(0x30, 1, peer.VERIFICATION, data=False)),
            peer.pdv(1, 1, store[:40]), peer.pdv(1, 3, store[40:]),
            peer.pdv(1, 0, data[:cut]), peer.pdv(1, 2, data[cut:])]
    yield peer.associate_request(contexts)
    while pdvs:
        count = chance.randint(1, 4)
        yield peer.pdu(peer.DATA, b"".join(pdvs[:count]))
        pdvs = pdvs[count:]
    yield peer.pdu(peer.RELEASE, bytes(4))


def damaged(chance, data):
    data = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        near = min(len(data), 64) if chance.random() < 0.5 else len(data)
        at = chance.randrange(near) if near else 0
        kind = chance.choice("change change remove add length".split())
        if kind == "change" and data:
            data[at] = chance.choice((0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, chance.randrange(256)))
        elif kind == "remove":
            del data[at:at + chance.randint(1, 8)]
        elif kind == "add":
            data[at:at] = chance.randbytes(chance.randint(1, 8))
        elif kind == "length":
            data[at:at + 4] = struct.pack(">L", chance.choice(LENGTHS))
    return bytes(data)


def attack(chance, port):
    with socket.create_connection((peer.HOST, port)) as one:
        one.settimeout(0.02)
        try:
            for part in session(chance):
                one.sendall(damaged(chance, part) if chance.random() < 0.6 else part)
                try:
                    one.recv(4096)
                except TimeoutError:
                    pass
        except OSError:
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sessions", type=int, default=1000)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="isovox-fuzz-") as folder:
        limits = {"receive": {"acse_timeout": 1, "dimse_timeout": 1}}
        daemon = harness.Daemon(folder, roles="receive", settings=limits).start()
        try:
            for _ in range(options.sessions):
                attack(chance, daemon.port)
            with peer.Association(daemon.port) as good:
                alive = good.store(peer.CT, "2.25.9", bytes(200)) == 0
        finally:
            daemon.stop()
        log = daemon.log.read_text(errors="replace")
    bad = [line for line in log.splitlines()
           if "crashed" in line or "Sanitizer" in line or "runtime error" in line]
    print(f"seed {options.seed}: {options.sessions} sessions, {log.count('end=released')} "
          f"released, {log.count('end=broken')} broken, {len(bad)} crashes, "
          f"{'alive' if alive else 'DEAD'}")
    print("\n".join(bad[:20]), end="\n" if bad else "")
    return 0 if alive and not bad else 1


if __name__ == "__main__":
    sys.exit(main())
