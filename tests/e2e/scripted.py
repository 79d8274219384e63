"""DICOM peers that do as a test tells them, at the level of bytes (PS3.8 9.3, PS3.7 annex E),
with pydicom for data sets.

    class Moody(scripted.Scp):
        def store(self, message):
            return 0xA700 if self.stored % 3 == 2 else 0x0000

    with Moody() as pacs: ...

An Scp answers C-ECHO, C-STORE, N-ACTION and N-EVENT-REPORT, an association per thread; an
Asker requests storage commitment over an association of its own."""

import io
import socket
import struct
import threading
import time

import pydicom
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.filebase import DicomBytesIO

import harness
import peer

COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
STORE, ECHO, EVENT_REPORT, ACTION, RESPONSE = 0x0001, 0x0030, 0x0100, 0x0130, 0x8000


class Abort(Exception):
    """Raised by a hook: the association is aborted."""


class Close(Exception):
    """Raised by a hook: the connection is closed without a word."""


def encode(dataset, syntax):
    to = DicomBytesIO()
    to.is_implicit_VR, to.is_little_endian = syntax == peer.IMPLICIT, True
    write_dataset(to, dataset)
    return to.getvalue()


def decode(data, syntax):
    return read_dataset(io.BytesIO(data), syntax == peer.IMPLICIT, True)


def references(pairs, reasons=None):
    """A sequence of (SOP class, SOP instance), with Failure Reasons by instance."""
    made = []
    for sop_class, sop_uid in pairs:
        one = pydicom.Dataset()
        one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = sop_class, sop_uid
        if reasons is not None:
            one.FailureReason = reasons[sop_uid]
        made.append(one)
    return pydicom.Sequence(made)


def commitment(transaction, pairs):
    """The data set of an N-ACTION-RQ, PS3.4 table J.3-1."""
    dataset = pydicom.Dataset()
    dataset.TransactionUID = transaction
    dataset.ReferencedSOPSequence = references(pairs)
    return dataset


def raw_commitment(transaction, pairs):
    """The same in Explicit VR Little Endian, for lists that are too long for pydicom."""
    def element(tag, value):
        return struct.pack("<HH2sH", 0x0008, tag, b"UI", len(value)) + value
    def one(sop_class, sop_uid):
        body = element(0x1150, peer.uid(sop_class)) + element(0x1155, peer.uid(sop_uid))
        return struct.pack("<HHL", 0xfffe, 0xe000, len(body)) + body
    items = b"".join(one(*each) for each in pairs)
    return (element(0x1195, peer.uid(transaction))
            + struct.pack("<HH2sHL", 0x0008, 0x1199, b"SQ", 0, len(items)) + items)


def report(transaction, pairs, reasons):
    """The data set of an N-EVENT-REPORT-RQ, PS3.4 table J.3-2. reasons: of those that failed."""
    dataset = pydicom.Dataset()
    dataset.TransactionUID = transaction
    failed = [each for each in pairs if each[1] in reasons]
    kept = [each for each in pairs if each[1] not in reasons]
    if kept:
        dataset.ReferencedSOPSequence = references(kept)
    if failed:
        dataset.FailedSOPSequence = references(failed, reasons)
    return dataset


def pairs_of(sequence):
    return [(str(each.ReferencedSOPClassUID), str(each.ReferencedSOPInstanceUID))
            for each in sequence]


def uids_of(dataset, name):
    return sorted(uid for _, uid in pairs_of(getattr(dataset, name, [])))


class Message:
    """A command set and its data set."""

    def __init__(self, context, fields, data, syntax):
        self.context, self.fields, self.data, self.syntax = context, fields, data, syntax
        self.field = self.number(0x0100)

    def number(self, element, default=0):
        value = self.fields.get(element)
        return struct.unpack("<H", value[:2])[0] if value else default

    def uid(self, element):
        return self.fields.get(element, b"").rstrip(b"\0 ").decode()

    @property
    def sop_uid(self):
        return self.uid(0x1000) or self.uid(0x1001)

    def dataset(self):
        return decode(self.data, self.syntax)


def fields_of(body):
    fields, at = {}, 0
    while at < len(body):
        _, number, length = struct.unpack_from("<HHL", body, at)
        fields[number] = body[at + 8:at + 8 + length]
        at += 8 + length
    return fields


def command_set(elements):
    body = b"".join(peer.element(number, value) for number, value in sorted(elements.items()))
    return peer.element(0, struct.pack("<L", len(body))) + body


class Wire:
    """Messages over a connection, for both of its ends. contexts: {id: (abstract, syntax)}."""

    def __init__(self, sock, contexts):
        self.sock, self.contexts, self.message_id, self.waiting = sock, contexts, 0, []
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, length):
        data = b""
        while len(data) < length:
            try:
                more = self.sock.recv(length - len(data))
            except (ConnectionResetError, OSError):
                more = b""
            if not more:
                raise peer.Lost()
            data += more
        return data

    def pdu(self):
        kind, _, length = struct.unpack(">BBL", self.read(6))
        return kind, self.read(length)

    def message(self):
        """The next message, or None when the peer wants to release."""
        parts, fields = {1: b"", 0: b""}, None
        while True:
            kind, body = self.pdu()
            if kind == peer.RELEASE:
                return None
            if kind != peer.DATA:
                raise peer.Lost()
            at = 0
            while at < len(body):
                length, context, control = struct.unpack_from(">LBB", body, at)
                parts[control & 1] += body[at + 6:at + 4 + length]
                at += 4 + length
                if control == 3:
                    fields = fields_of(parts[1])
                done = control == 2 or (control == 3 and fields.get(0x0800) == b"\1\1")
                if done:
                    return Message(context, fields, parts[0], self.contexts[context][1])

    def context_of(self, abstract):
        return next(number for number, (name, _) in self.contexts.items() if name == abstract)

    def send(self, context, elements, data=None):
        self.sock.sendall(peer.pdu(peer.DATA, peer.pdv(context, 3, command_set(elements))))
        for at in range(0, len(data or b""), 8000):
            last = at + 8000 >= len(data)
            self.sock.sendall(peer.pdu(peer.DATA, peer.pdv(context, 2 if last else 0,
                                                           data[at:at + 8000])))

    def answer(self, message, status, comment=""):
        elements = {0x0002: peer.uid(message.uid(0x0002) or message.uid(0x0003)),
                    0x0100: struct.pack("<H", message.field | RESPONSE),
                    0x0120: struct.pack("<H", message.number(0x0110)), 0x0800: b"\1\1",
                    0x0900: struct.pack("<H", status), 0x1000: peer.uid(message.sop_uid)}
        for element in (0x1002, 0x1008):
            if element in message.fields:
                elements[element] = message.fields[element]
        if comment:
            elements[0x0902] = comment.encode() + b" " * (len(comment) % 2)
        self.send(message.context, elements)

    def report(self, dataset, wait=True):
        """Sends an N-EVENT-REPORT-RQ; the status of its answer."""
        context, self.message_id = self.context_of(COMMITMENT), self.message_id + 1
        kind = 2 if "FailedSOPSequence" in dataset else 1
        self.send(context, {0x0002: peer.uid(COMMITMENT), 0x0100: struct.pack("<H", EVENT_REPORT),
                            0x0110: struct.pack("<H", self.message_id), 0x0800: b"\1\0",
                            0x1000: peer.uid(COMMITMENT_INSTANCE),
                            0x1002: struct.pack("<H", kind)},
                  encode(dataset, self.contexts[context][1]))
        return self.status() if wait else None

    def ask(self, dataset, raw=None, **changes):
        """Sends an N-ACTION-RQ; the status of its answer."""
        context, self.message_id = self.context_of(COMMITMENT), self.message_id + 1
        elements = {0x0003: peer.uid(COMMITMENT), 0x0100: struct.pack("<H", ACTION),
                    0x0110: struct.pack("<H", self.message_id), 0x0800: b"\1\0",
                    0x1001: peer.uid(COMMITMENT_INSTANCE), 0x1008: b"\1\0"}
        elements.update({int(key[1:], 16): value for key, value in changes.items()})
        data = encode(dataset, self.contexts[context][1]) if raw is None else raw
        self.send(context, elements, data)
        return self.status()

    def status(self):
        """Of the answer to our last message; other messages wait for next()."""
        while True:
            message = self.message()
            if message is None:
                raise peer.Lost()
            if message.field & RESPONSE and message.number(0x0120) == self.message_id:
                return message.number(0x0900)
            self.waiting.append(message)

    def next(self):
        return self.waiting.pop(0) if self.waiting else self.message()

    def release(self):
        self.sock.sendall(peer.pdu(peer.RELEASE, b"\0\0\0\0"))
        self.sock.settimeout(10)
        try:
            while self.pdu()[0] != peer.RELEASED:
                pass
        except peer.Lost:
            pass
        self.sock.close()


class Client(Wire):
    """An association that we request. contexts: [(abstract, [syntaxes])]."""

    def __init__(self, port, contexts, timeout=30, roles=(), **names):
        sock = socket.create_connection((peer.HOST, port), timeout)
        sock.settimeout(timeout)
        super().__init__(sock, {})
        sock.sendall(peer.associate_request(contexts, roles=roles, **names))
        self.kind, answer = self.pdu()
        self.accepted_roles, at = [], 68
        while self.kind == peer.ACCEPT and at < len(answer):
            kind, _, length = struct.unpack_from(">BBH", answer, at)
            body = answer[at + 4:at + 4 + length]
            if kind == 0x21 and body[2] == 0:
                syntax = body[8:].rstrip(b"\0").decode()
                self.contexts[body[0]] = contexts[body[0] // 2][0], syntax
            if kind == 0x50:
                self.accepted_roles = roles_of(body)
            at += 4 + length

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


def roles_of(user):
    found, at = [], 0
    while at < len(user):
        kind, _, length = struct.unpack_from(">BBH", user, at)
        if kind == 0x54:
            size = struct.unpack_from(">H", user, at + 4)[0]
            name = user[at + 6:at + 6 + size].rstrip(b"\0").decode()
            found.append((name, user[at + 6 + size], user[at + 7 + size]))
        at += 4 + length
    return found


class Asker(Client):
    """A modality that asks for storage commitment."""

    def __init__(self, port, calling="CT1", syntax=peer.EXPLICIT, store=(), **options):
        contexts = [(COMMITMENT, [syntax])] + [(each, [peer.EXPLICIT]) for each in store]
        super().__init__(port, contexts, calling=calling, **options)

    def hear(self, status=0x0000):
        """Waits for a report on this association, answers it, returns its data set."""
        message = self.next()
        assert message is not None and message.field == EVENT_REPORT, message
        self.answer(message, status)
        return message.dataset()


class Scp:
    """A server whose hooks a test overrides. Everything that happened is in .events, as
    (what, detail); associations are accepted one after another and served side by side."""

    abstracts = None            # accepted; None: everything
    syntaxes = (peer.EXPLICIT, peer.IMPLICIT)
    commits = True              # accepts storage commitment

    def __init__(self, aet="SCRIPTED", port=None):
        self.aet, self.port = aet, port or harness.free_port()
        self.events, self.kept, self.stored = [], {}, 0
        self.lock, self.listener, self.open = threading.Lock(), None, set()

    # -- what a test overrides; self.lock is not held

    def associated(self, wire, calling):
        pass

    def store(self, message):
        return 0x0000

    def stored_one(self, wire, message, status):
        """After the answer to a C-STORE."""

    def asked(self, wire, message):
        """After the answer to an N-ACTION."""

    def asked_status(self, message):
        return 0x0000

    def reported(self, message):
        return 0x0000

    # -- the rest

    def start(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((peer.HOST, self.port))
        self.listener.listen(64)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self):
        """As if the machine went away: every connection is lost."""
        listener, self.listener = self.listener, None
        if listener is None:
            return
        try:
            listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        listener.close()
        with self.lock:
            open_ones = list(self.open)
        for sock in open_ones:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def note(self, what, detail=None):
        with self.lock:
            self.events.append((what, detail, time.monotonic()))

    def count(self, what):
        with self.lock:
            return sum(1 for each in self.events if each[0] == what)

    def details(self, what):
        with self.lock:
            return [each[1] for each in self.events if each[0] == what]

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with self.lock:
            self.open.add(sock)
        try:
            self._associate(sock)
        except (peer.Lost, Close, OSError, ValueError):
            pass
        except Abort:
            try:
                sock.sendall(peer.pdu(peer.ABORT, b"\0\0\0\0"))
            except OSError:
                pass
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def _context(self, body):
        """(abstract, proposed syntaxes) of a proposed context."""
        abstract, syntaxes, at = "", [], 4
        while at < len(body):
            kind, _, length = struct.unpack_from(">BBH", body, at)
            text = body[at + 4:at + 4 + length].rstrip(b"\0").decode()
            if kind == 0x30:
                abstract = text
            else:
                syntaxes.append(text)
            at += 4 + length
        return abstract, syntaxes

    def _choose(self, abstract, syntaxes):
        if abstract == COMMITMENT and not self.commits:
            return None
        allowed = self.syntaxes if abstract not in (peer.VERIFICATION, COMMITMENT) \
            else (peer.EXPLICIT, peer.IMPLICIT)
        if self.abstracts is not None and abstract not in self.abstracts:
            return None
        return next((each for each in allowed if each in syntaxes), None)

    def _associate(self, sock):
        wire = Wire(sock, {})
        kind, body = wire.pdu()
        if kind != peer.REQUEST:
            raise peer.Lost()
        calling = body[20:36].decode().strip()
        answer, roles, at = body[:68] + peer.item(0x10, peer.APPLICATION_CONTEXT.encode()), [], 68
        while at < len(body):
            kind, _, length = struct.unpack_from(">BBH", body, at)
            inner = body[at + 4:at + 4 + length]
            if kind == 0x20:
                abstract, proposed = self._context(inner)
                syntax = self._choose(abstract, proposed)
                result = 0 if syntax else 3
                answer += peer.item(0x21, bytes([inner[0], 0, result, 0])
                                    + peer.item(0x40, (syntax or peer.IMPLICIT).encode()))
                if syntax:
                    wire.contexts[inner[0]] = abstract, syntax
            if kind == 0x50:
                roles = roles_of(inner)
            at += 4 + length
        self.note("association", {"calling": calling, "roles": roles,
                                  "contexts": dict(wire.contexts)})
        self.associated(wire, calling)
        user = peer.item(0x51, struct.pack(">L", 65536)) + peer.item(0x52, b"2.25.1")
        for name, scu, scp in roles:
            user += peer.item(0x54, struct.pack(">H", len(name)) + name.encode()
                              + bytes([scu, scp]))
        sock.sendall(peer.pdu(peer.ACCEPT, answer + peer.item(0x50, user)))
        self._messages(wire)

    def _messages(self, wire):
        while True:
            message = wire.next()
            if message is None:
                self.note("release")
                wire.sock.sendall(peer.pdu(peer.RELEASED, b"\0\0\0\0"))
                return
            self._handle(wire, message)

    def _handle(self, wire, message):
        if message.field == ECHO:
            self.note("echo")
            wire.answer(message, 0)
        elif message.field == STORE:
            status = self.store(message)
            self.note("store", (message.sop_uid, status, message.number(0x0700)))
            if status == 0 or status & 0xf000 == 0xb000:
                with self.lock:
                    self.kept[message.sop_uid] = message.data
                    self.stored += 1
            wire.answer(message, status, "as the test wants" if status else "")
            self.stored_one(wire, message, status)
        elif message.field == ACTION:
            dataset = message.dataset()
            status = self.asked_status(message)
            self.note("asked", (str(dataset.TransactionUID),
                                pairs_of(dataset.ReferencedSOPSequence), status))
            wire.answer(message, status)
            self.asked(wire, message)
        elif message.field == EVENT_REPORT:
            dataset = message.dataset()
            status = self.reported(message)
            self.note("report", (str(dataset.TransactionUID), dataset, message.number(0x1002)))
            wire.answer(message, status)
        elif message.field == EVENT_REPORT | RESPONSE:
            self.note("told", message.number(0x0900))
        else:
            wire.answer(message, 0x0211)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
