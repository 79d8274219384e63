"""Files that are not quite what PS3.10 and PS3.5 say, as discs and archives have them: each
gives the volume of the clean ones, or a named reason; the parser of the derived objects'
headers has to agree, so everything is converted."""

import json
import random
import struct

import harness
import part10

EXPLICIT, IMPLICIT, BIG = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2"))
PRIVATE = part10.element(0x00090010, "LO", b"ACME")
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def start(whole):
    """Of the data set."""
    return 144 + int.from_bytes(whole[140:144], "little")


def mark(tag, length=0):
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length)


def item(body):
    return mark(ITEM, 0xFFFFFFFF) + body + mark(ITEM_END)


def sequence(tag, body, vr="SQ"):
    """Of undefined length."""
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0,
                       0xFFFFFFFF) + body + mark(SEQUENCE_END)


def insert(tag, raw):
    """Bytes before the first element that does not come before `tag`."""
    def change(whole):
        at = start(whole)
        while at < len(whole):
            group, number, vr = struct.unpack_from("<HH2s", whole, at)
            if group << 16 | number >= tag:
                break
            long = vr.decode() in part10.LONG | {"SQ"}
            at += (12 + struct.unpack_from("<I", whole, at + 8)[0] if long
                   else 8 + struct.unpack_from("<H", whole, at + 6)[0])
        return whole[:at] + raw + whole[at:]
    return change


def behind(raw):
    return lambda whole: whole + raw


def named(syntax):
    """The meta header names another syntax, or none, than the data set has."""
    def change(whole):
        meta, body = whole[144:start(whole)], whole[start(whole):]
        at = meta.index(b"\2\0\x10\0UI")
        length, = struct.unpack_from("<H", meta, at + 6)
        rest = meta[at + 8 + length:]
        meta = meta[:at] + (part10.element(0x00020010, "UI", syntax.encode()) if syntax else b"")
        meta += rest
        return whole[:140] + struct.pack("<I", len(meta)) + meta + body
    return change


def pixels(whole, extra=0, length=None, vr=b"OW"):
    """Pixel Data, the last element, with so many bytes more, or with what it claims."""
    at = whole.rindex(b"\xe0\x7f\x10\0OW")
    known, = struct.unpack_from("<I", whole, at + 8)
    return (whole[:at + 4] + vr + whole[at + 6:at + 8]
            + struct.pack("<I", known + extra if length is None else length)
            + whole[at + 12:] + bytes(extra))


JUNK = bytes(random.Random(1).randrange(256) for _ in range(124))
SAME = {
    "a preamble of somebody's": lambda whole: b"II*\0" + JUNK + whole[128:],
    "a mark without preamble": lambda whole: whole[128:],
    "zeros behind": behind(bytes(512)),
    "one byte behind": behind(b"\0"),
    "garbage behind": behind(b"GARBAGE" * 77),
    "trailing padding": behind(part10.element(0xFFFCFFFC, "OB", bytes(100))),
    "elements behind": behind(part10.element(0x7FF10010, "LO", b"X")),
    "a text of odd length": insert(0x00081031, b"\x08\0\x30\x10LO\3\0abc"),
    "an endless sequence": insert(0x00081116, sequence(
        0x00081115, item(part10.element(0x0020000E, "UI", b"1.2")))),
    "one in another": insert(0x00081116, sequence(0x00081115, item(sequence(
        0x00081199, item(part10.element(0x00081150, "UI", b"1.2")))))),
    "one without items": insert(0x00081116, sequence(0x00081115, b"")),
    "an unknown endless sequence": insert(0x00091002, PRIVATE + sequence(
        0x00091001, item(mark(0x00080100, 4) + b"ABCD"), "UN")),
    "a wrong group length": insert(0x00080001, part10.element(0x00080000, "UL", b"\1\2\3\4")),
    "a wrong length of the meta header": lambda w: w[:140] + b"\7\0\0\0" + w[144:],
    "no length of the meta header": lambda whole: whole[:132] + whole[144:],
    "no transfer syntax": named(""),
    "one byte of padding": lambda whole: pixels(whole, extra=1),
    "an element twice": insert(0x00080061, part10.element(0x00080060, "CS", b"CT")),
    "an element out of order": insert(0x00280003, part10.element(0x00080090, "PN", b"X^")),
    "a large private value": insert(0x00091002, PRIVATE + part10.element(0x00091001, "UN",
                                                                         b"x" * 70000)),
}
DAMAGED = {
    "explicit called implicit": (named(IMPLICIT), "longer than what holds it"),
    "little called big endian": (named(BIG), "longer than what holds it"),
    "native called JPEG": (named("1.2.840.10008.1.2.4.70"), "not encapsulated"),
    "two bytes too many": (lambda whole: pixels(whole, extra=2), "514 bytes"),
    "pixels without end": (lambda whole: pixels(whole, length=0xFFFFFFFF), "encapsulated"),
    "no value representation": (insert(0x00091002, PRIVATE + struct.pack(
        "<HH2sH", 9, 0x1001, b"??", 4) + b"ABCD"), "no value representation"),
}


class OddFiles(harness.Case):
    def setUp(self):
        super().setUp()
        self.files = self.phantom("--dims", "16,16,9")

    def convert(self, change, status=0):
        folder = self.new_folder("odd")
        folder.mkdir()
        for path in self.files:
            (folder / path.name).write_bytes(change(path.read_bytes()))
        done = harness.run_tool("convert", "--json", folder, "-o", self.new_folder("out"))
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def voxels(self, change):
        volume, = self.convert(change)["volumes"]
        return volume["output"]["voxel_sha256"]

    def test_give_the_volume_of_the_clean_ones(self):
        wanted = self.voxels(bytes)
        for name, change in SAME.items():
            with self.subTest(name):
                self.assertNotEqual(change(self.files[0].read_bytes()),
                                    self.files[0].read_bytes())
                self.assertEqual(self.voxels(change), wanted)

    def test_or_are_damaged_and_say_how(self):
        for name, (change, reason) in DAMAGED.items():
            with self.subTest(name):
                refused = self.convert(change, status=3)["refused"]
                self.assertEqual({each["code"] for each in refused}, {"DAMAGED"})
                self.assertEqual(sum(each["instances"] for each in refused), len(self.files))
                self.assertIn(reason, refused[0]["text"])
