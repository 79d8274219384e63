"""DICOM files from a dictionary, in a fraction of the time that a general writer takes: for
tests that need thousands. Explicit VR Little Endian, no sequences."""

import struct

from pydicom.datadict import dictionary_VR, tag_for_keyword

LONG = {"OB", "OW", "UT", "UN"}
FORMAT = {"US": "<H", "SS": "<h", "UL": "<I", "FD": "<d", "FL": "<f"}
_known = {}


def _known_of(keyword):
    if keyword not in _known:
        tag = tag_for_keyword(keyword)
        vr = dictionary_VR(tag)
        _known[keyword] = (tag, "US" if vr == "US or SS" else "OW" if "OW" in vr else vr)
    return _known[keyword]


def text_of(value):
    if isinstance(value, (list, tuple)):
        return "\\".join(text_of(each) for each in value)
    if isinstance(value, float):
        return decimal(value)
    return str(value)


def decimal(value):
    """A decimal string: 16 characters at most (PS3.5 6.2), as many digits as they hold."""
    for digits in range(16, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise ValueError(value)


def _bytes_of(vr, value):
    if isinstance(value, bytes):
        return value
    if vr in FORMAT:
        return b"".join(struct.pack(FORMAT[vr], each)
                        for each in (value if isinstance(value, list) else [value]))
    return text_of(value).encode("latin-1")


def element(tag, vr, body):
    body += (b"\0" if vr in LONG or vr == "UI" else b" ") * (len(body) % 2)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in LONG:
        return head + struct.pack("<HI", 0, len(body)) + body
    return head + struct.pack("<H", len(body)) + body


def encode(attributes):
    """The data set. Keys are keywords, or (tag, representation) of private attributes. SS
    instead of US where the value is a negative number."""
    rows = []
    for keyword, value in attributes.items():
        tag, vr = keyword if isinstance(keyword, tuple) else _known_of(keyword)
        if vr == "US" and isinstance(value, int) and value < 0:
            vr = "SS"
        rows.append((tag, vr, _bytes_of(vr, value)))
    return b"".join(element(*row) for row in sorted(rows))


def write(path, attributes, syntax="1.2.840.10008.1.2.1"):
    meta = (element(0x00020001, "OB", b"\0\1")
            + element(0x00020002, "UI", attributes["SOPClassUID"].encode())
            + element(0x00020003, "UI", attributes["SOPInstanceUID"].encode())
            + element(0x00020010, "UI", syntax.encode())
            + element(0x00020012, "UI", b"2.25.1"))
    path.write_bytes(bytes(128) + b"DICM" + element(0x00020000, "UL",
                                                    struct.pack("<I", len(meta)))
                     + meta + encode(attributes))
