"""A C-STORE that no toolkit would send: any bytes as the data set, any UIDs in the command.
The upper layer protocol is PS3.8 9.3, the messages PS3.7 9.3.1 and E.1."""

import socket
import struct

APPLICATION = b"1.2.840.10008.3.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"


class Rejected(Exception):
    """A-ASSOCIATE-RJ: result, source, reason (PS3.8 table 9-21)."""


class Gone(Exception):
    """The peer aborted or closed instead of answering."""


def _item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def _read(sock, count):
    got = b""
    while len(got) < count:
        part = sock.recv(count - len(got))
        if not part:
            raise Gone("closed")
        got += part
    return got


def _pdu(sock):
    kind, _, length = struct.unpack(">BBI", _read(sock, 6))
    return kind, _read(sock, length)


def _element(group, element, value):
    return struct.pack("<HHI", group, element, len(value)) + value


def _uid(text):
    raw = text.encode()
    return raw + b"\0" * (len(raw) % 2)


def _command(sop_class, sop_uid):
    body = (_element(0, 0x0002, _uid(sop_class)) + _element(0, 0x0100, struct.pack("<H", 1))
            + _element(0, 0x0110, struct.pack("<H", 7)) + _element(0, 0x0700, b"\0\0")
            + _element(0, 0x0800, b"\1\0") + _element(0, 0x1000, _uid(sop_uid)))
    return _element(0, 0, struct.pack("<I", len(body))) + body


def _status(command):
    place, found = 0, {}
    while place + 8 <= len(command):
        group, element, length = struct.unpack_from("<HHI", command, place)
        found[group, element] = command[place + 8:place + 8 + length]
        place += 8 + length
    comment = found.get((0, 0x0902), b"").rstrip(b" \0").decode("latin-1")
    return struct.unpack("<H", found[0, 0x0900])[0], comment


class Association:
    def __init__(self, port, called="ISOVOX", calling="RAWSCU", sop_class=CT, syntax=EXPLICIT):
        self.sock = socket.create_connection(("127.0.0.1", port), 10)
        self.sock.settimeout(30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = _item(0x20, b"\1\0\0\0" + _item(0x30, sop_class.encode())
                        + _item(0x40, syntax.encode()))
        user = _item(0x50, _item(0x51, struct.pack(">I", 16384)) + _item(0x52, b"2.25.1"))
        body = (struct.pack(">HH", 1, 0) + called.encode().ljust(16) + calling.encode().ljust(16)
                + bytes(32) + _item(0x10, APPLICATION) + context + user)
        self.sock.sendall(struct.pack(">BBI", 1, 0, len(body)) + body)
        kind, answer = _pdu(self.sock)
        if kind == 3:
            self.sock.close()
            raise Rejected(*answer[1:4])
        if kind != 2:
            raise Gone(f"PDU {kind} instead of an answer")
        self.sop_class = sop_class

    def _send(self, payload, is_command, ends=True):
        size = 16000
        for start in range(0, len(payload), size):
            part = payload[start:start + size]
            last = ends and start + size >= len(payload)
            pdv = struct.pack(">IBB", len(part) + 2, 1, is_command | last << 1) + part
            self.sock.sendall(struct.pack(">BBI", 4, 0, len(pdv)) + pdv)

    def begin(self, sop_uid, sop_class=None):
        """C-STORE-RQ; data(), the last time with its end, and answer() follow."""
        self._send(_command(sop_class or self.sop_class, sop_uid), 1)

    def data(self, part, is_last):
        self._send(part, 0, is_last)

    def store(self, sop_uid, dataset, sop_class=None):
        """The status of the answer, and its Error Comment."""
        self.begin(sop_uid, sop_class)
        self.data(dataset, True)
        return self.answer()

    def answer(self):
        got = b""
        while True:
            kind, body = _pdu(self.sock)
            if kind != 4:
                raise Gone(f"PDU {kind} instead of an answer")
            got += body[6:]
            if body[5] & 2:
                return _status(got)

    def release(self):
        self.sock.sendall(struct.pack(">BBI", 5, 0, 4) + bytes(4))
        kind, _ = _pdu(self.sock)
        self.sock.close()
        if kind != 6:
            raise Gone(f"PDU {kind} instead of a release")


def payload(path):
    """The data set of a Part 10 file, without its meta header, and its transfer syntax."""
    raw = open(path, "rb").read()
    length, = struct.unpack_from("<I", raw, 132 + 8)
    start = 132 + 12 + length
    meta = raw[132:start]
    place = meta.index(b"\2\0\x10\0UI")
    size, = struct.unpack_from("<H", meta, place + 6)
    return raw[start:], meta[place + 8:place + 8 + size].rstrip(b"\0 ").decode()


def store(port, sop_uid, dataset, **options):
    association = Association(port, **options)
    answer = association.store(sop_uid, dataset)
    association.release()
    return answer
