"""A DICOM peer at the level of bytes, to misbehave with: PS3.8 annex 9.3, PS3.7 annex E.

    with peer.Association(port) as association:
        status = association.store(CT, "2.25.1", data_set)
"""

import socket
import struct

HOST = "127.0.0.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
VERIFICATION = "1.2.840.10008.1.1"
PERFORMED = "1.2.840.10008.3.1.2.3.3"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
MPEG2 = "1.2.840.10008.1.2.4.100"  # what no still image comes in
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
REQUEST, ACCEPT, REJECT, DATA, RELEASE, RELEASED, ABORT = 1, 2, 3, 4, 5, 6, 7


class Lost(Exception):
    """The other end closed the connection."""


def pdu(kind, body):
    return struct.pack(">BBL", kind, 0, len(body)) + body


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_request(contexts, calling="PEER", called="ISOVOX", max_pdu=16384,
                      application_context=APPLICATION_CONTEXT, roles=()):
    """contexts: (abstract syntax, [transfer syntaxes]); their ids are 1, 3, 5, ...
    roles: (abstract syntax, SCU role, SCP role), PS3.7 D.3.3.4."""
    body = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16).encode(),
                       calling.ljust(16).encode())
    body += item(0x10, application_context.encode())
    for number, (abstract, transfers) in enumerate(contexts):
        inner = bytes([2 * number + 1, 0, 0, 0]) + item(0x30, abstract.encode())
        body += item(0x20, inner + b"".join(item(0x40, each.encode()) for each in transfers))
    user = item(0x51, struct.pack(">L", max_pdu)) + item(0x52, b"2.25.1")
    for abstract, scu, scp in roles:
        user += item(0x54, struct.pack(">H", len(abstract)) + abstract.encode()
                     + bytes([scu, scp]))
    return pdu(REQUEST, body + item(0x50, user))


def element(number, value):
    return struct.pack("<HHL", 0, number, len(value)) + value


def uid(text):
    value = text if isinstance(text, bytes) else text.encode()
    return value + b"\0" * (len(value) % 2)


def command(field, message_id=1, sop_class=CT, sop_uid=None, data=True, extra=b""):
    body = element(0x0002, uid(sop_class)) + element(0x0100, struct.pack("<H", field))
    body += element(0x0110, struct.pack("<H", message_id))
    body += element(0x0700, b"\0\0") if field == 1 else b""
    body += element(0x0800, b"\1\0" if data else b"\1\1")
    body += element(0x1000, uid(sop_uid)) if sop_uid is not None else b""
    body += extra
    return element(0x0000, struct.pack("<L", len(body))) + body


def pdv(context, control, body):
    """control: 1 command, 0 data, plus 2 when it is the last fragment."""
    return struct.pack(">LBB", len(body) + 2, context, control) + body


class Association:
    def __init__(self, port, contexts=((CT, [EXPLICIT]), (VERIFICATION, [IMPLICIT])),
                 timeout=20, **names):
        self.socket = socket.create_connection((HOST, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send(associate_request(contexts, **names))
        self.kind, self.answer = self.receive()
        self.message_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self, length):
        data = b""
        while len(data) < length:
            try:
                more = self.socket.recv(length - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Lost()
            data += more
        return data

    def receive(self):
        kind, _, length = struct.unpack(">BBL", self.read(6))
        return kind, self.read(length)

    def is_over(self):
        """Has the other end aborted or closed? Waits for it."""
        try:
            return self.receive()[0] == ABORT
        except Lost:
            return True

    def results(self):
        """Of the presentation contexts: {id: (result, transfer syntax)}."""
        found, at = {}, 68
        while at < len(self.answer):
            kind, _, length = struct.unpack_from(">BBH", self.answer, at)
            body = self.answer[at + 4:at + 4 + length]
            if kind == 0x21:
                found[body[0]] = body[2], body[8:].rstrip(b"\0").decode()
            at += 4 + length
        return found

    def send_command(self, context=1, **fields):
        self.message_id += 1
        self.send(pdu(DATA, pdv(context, 3, command(message_id=self.message_id, **fields))))

    def send_data(self, data, context=1, piece=16000, last=True):
        for at in range(0, max(len(data), 1), piece):
            part = data[at:at + piece]
            end = last and at + piece >= len(data)
            self.send(pdu(DATA, pdv(context, 2 if end else 0, part)))

    def response(self):
        """{element number: value} of a response's command set."""
        kind, body = self.receive()
        if kind == ABORT:
            raise Lost()
        assert kind == DATA, kind
        fields, at = {}, 6
        while at < len(body):
            _, number, length = struct.unpack_from("<HHL", body, at)
            fields[number] = body[at + 8:at + 8 + length]
            at += 8 + length
        assert fields[0x0120] == struct.pack("<H", self.message_id)
        return fields

    def status(self):
        fields = self.response()
        self.comment = fields.get(0x0902, b"").decode().strip()
        return struct.unpack("<H", fields[0x0900])[0]

    def store(self, sop_class, sop_uid, data, context=1):
        self.send_command(context, field=1, sop_class=sop_class, sop_uid=sop_uid)
        self.send_data(data, context)
        return self.status()

    def echo(self, context=3):
        self.send_command(context, field=0x30, sop_class=VERIFICATION, data=False)
        return self.status()

    def release(self):
        self.send(pdu(RELEASE, b"\0\0\0\0"))
        return self.receive()[0] == RELEASED
