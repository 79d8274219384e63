"""A reader of the journal, written from docs/adr/0003-journal.md and the layout that
src/spool/format.h states; it shares no code with the program.

    for record in spool.records(state_dir): record.kind, .sop_uid, .payload
"""

import hashlib
import struct
import time
from dataclasses import dataclass
from pathlib import Path

PAGE, HEADER, END, FIRST = 4096, 512, 32, 8192
INSTANCE = 1


@dataclass
class Record:
    kind: int
    sop_uid: str
    payload: bytes


def _text(raw):
    return raw.split(b"\0", 1)[0].decode("latin-1")


def _key(page):
    """The segment's secret, or None when this is no first page."""
    whole = (page[:8] == b"IVXSEG\r\n" and struct.unpack_from("<Q", page, 8)[0] == 1
             and hashlib.sha256(page[:56]).digest() == page[56:88])
    return page[24:40] if whole else None


def _record(raw, slot, key):
    """The whole record in this slot, or None."""
    header = raw[slot:slot + HEADER]
    if header[:8] != b"IVXREC\r\n" or hashlib.sha256(key + header[:-32]).digest() != header[-32:]:
        return None
    kind, at, length = *struct.unpack_from("<H", header, 10), *struct.unpack_from("<QQ", header, 16)
    payload = raw[slot + HEADER:slot + HEADER + length]
    end = raw[slot + HEADER + length:slot + HEADER + length + END]
    digest = hashlib.sha256(payload).digest()
    mark = hashlib.sha256(key + struct.pack("<QQ", slot, length) + digest).digest()
    if at != slot or digest != header[40:72] or end != b"IVXEND\r\n" + mark[:END - 8]:
        return None
    return Record(kind, _text(header[72 + 65:72 + 130]), payload)


def _segment(path):
    raw = path.read_bytes()
    key = _key(raw[:PAGE]) or _key(raw[PAGE:2 * PAGE])
    slot = FIRST
    while key and slot < len(raw):
        record = _record(raw, slot, key)
        if record:
            yield record
            used = HEADER + len(record.payload) + END
            slot += -(-used // PAGE) * PAGE
        else:
            slot += PAGE


def records(state_dir):
    for path in sorted((Path(state_dir) / "spool").glob("*.seg")):
        yield from _segment(path)


def data_set(part10):
    """Without the preamble and the meta header (PS3.10 7.1: its length is its first element)."""
    length, = struct.unpack_from("<I", part10, 132 + 8)
    return part10[132 + 12 + length:]


def digests(state_dir):
    """SOP Instance UID -> the SHA-256 of every data set that is kept for it."""
    found = {}
    for record in records(state_dir):
        if record.kind == INSTANCE:
            digest = hashlib.sha256(data_set(record.payload)).digest()
            found.setdefault(record.sop_uid, set()).add(digest)
    return found


def _fixed(text, room):
    return text.encode().ljust(room, b"\0")


def write_segment(path, number, instances, sop_class, syntax):
    """A segment as the program writes it, made within the same boot or not. instances:
    (SOP Instance UID, association, Part 10 bytes)."""
    key = hashlib.sha256(struct.pack("<Q", number)).digest()[:16]
    page = b"IVXSEG\r\n" + struct.pack("<QQ", 1, number) + key + bytes(16)
    page = (page + hashlib.sha256(page).digest()).ljust(PAGE, b"\0")
    with open(path, "wb") as file:
        file.write(page + page)
        slot = FIRST
        for sop_uid, association, payload in instances:
            digest = hashlib.sha256(payload).digest()
            header = (b"IVXREC\r\n" + struct.pack("<HHIQQQ", 1, INSTANCE, 0, slot, len(payload),
                                                  time.time_ns() // 1000) + digest
                      + _fixed(sop_class, 65) + _fixed(sop_uid, 65) + _fixed(syntax, 65)
                      + _fixed("FILLER", 17) + _fixed("ISOVOX", 17) + _fixed("127.0.0.1", 64)
                      + _fixed(association, 48)).ljust(HEADER - 32, b"\0")
            header += hashlib.sha256(key + header).digest()
            mark = hashlib.sha256(key + struct.pack("<QQ", slot, len(payload)) + digest).digest()
            whole = header + payload + b"IVXEND\r\n" + mark[:END - 8]
            whole += bytes(-len(whole) % PAGE)
            file.write(whole)
            slot += len(whole)
