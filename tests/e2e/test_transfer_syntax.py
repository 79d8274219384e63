"""Results leave in the syntax that their destination wants, if the peer takes it. Decoders
that are not ours give back the words that the uncompressed peer got."""

import numpy
import pydicom

import harness
from test_deliver import StoreScp

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"

# Of isovoxd: the UID, and programs that turn $1 into uncompressed $2.
WANTED = {
    "jpeg-ls": ("1.2.840.10008.1.2.4.80", [["dcmdjpls"], ["gdcmconv", "--raw"]]),
    "jpeg-lossless": ("1.2.840.10008.1.2.4.70", [["dcmdjpeg"], ["gdcmconv", "--raw"]]),
    "jpeg-2000": ("1.2.840.10008.1.2.4.90", [["gdcmconv", "--raw"]]),
    "rle": ("1.2.840.10008.1.2.5", [["dcmdrle"], ["gdcmconv", "--raw"]]),
    "deflated": ("1.2.840.10008.1.2.1.99", [["dcmconv", "+te"]]),
}
SLICES = 6


def words(data):
    """Pixel Data as they are stored, whoever decoded them."""
    return numpy.frombuffer(data.PixelData, "<u2")[:data.Rows * data.Columns]


def header(data):
    """All elements but pixels, as text; private ones too where the VR is known."""
    return {str(each.tag): str(each.value) for each in data
            if each.tag != (0x7FE0, 0x0010) and each.VR != "UN" and not each.tag.is_private}


class TransferSyntax(harness.Case):
    def peer(self, name, *options):
        peer = StoreScp(self.new_folder(name), *options).start()
        self.addCleanup(peer.stop)
        return peer

    def deliver(self, peers, wanted, source):
        """One daemon, all peers; waits until each has everything."""
        settings = {("destination", "pacs" if n == 0 else f"pacs{n + 1}"):
                    {"transfer_syntax": each} for n, each in enumerate(wanted)}
        settings["route", "ct"] = {"modality": ["CT", "MR"]}
        daemon = self.daemon(peers, settings=settings)
        daemon.send(source)
        harness.wait_until(
            lambda: [each["state"] for each in daemon.list("deliveries")]
            == ["sent"] * len(peers), 90, lambda: str(daemon.list("deliveries")))
        return daemon

    def received(self, peer):
        return {each.SOPInstanceUID: each for each in map(pydicom.dcmread, peer.files())}

    def check_decoded(self, peer, plain, commands):
        for command in commands:
            out = self.new_folder("decoded")
            out.mkdir()
            for path in peer.files():
                harness.run([*command, path, out / path.name], check=True)
            for path in out.iterdir():
                data = pydicom.dcmread(path)
                numpy.testing.assert_array_equal(words(data), words(plain[data.SOPInstanceUID]),
                                                 str(command))

    def test_every_lossless_syntax_carries_the_same_object(self):
        source = self.phantom("--shape", "sines", "--dims", f"37,51,{SLICES}", "--spacing",
                              "1,1,1", "--signed", "--intercept", "0")
        peers = [self.peer("plain", "+xa")] + [self.peer(each, "+xa") for each in WANTED]
        self.deliver(peers, ["uncompressed", *WANTED], source)

        plain = self.received(peers[0])
        self.assertEqual(len(plain), SLICES)
        self.assertTrue(any((words(each).view("<i2") < 0).any() for each in plain.values()))
        for peer, (name, (syntax, commands)) in zip(peers[1:], WANTED.items()):
            with self.subTest(name):
                files = self.received(peer)
                self.assertEqual(set(files), set(plain))
                for uid, one in files.items():
                    self.assertEqual(one.file_meta.TransferSyntaxUID, syntax)
                    self.assertEqual(header(one), header(plain[uid]))
                self.check_decoded(peer, plain, commands)
                if name == "rle":
                    for uid, one in files.items():
                        numpy.testing.assert_array_equal(one.pixel_array,
                                                         plain[uid].pixel_array)

    def test_what_a_peer_does_not_take_it_gets_uncompressed(self):
        source = self.phantom("--dims", f"24,20,{SLICES}", "--spacing", "1,1,1")
        peers = [self.peer("explicit", "+xe"), self.peer("implicit", "+xi"),
                 self.peer("other", "+xr")]
        self.deliver(peers, ["jpeg-2000", "jpeg-ls", "jpeg-lossless"], source)

        explicit, implicit, other = map(self.received, peers)
        self.assertEqual(set(explicit), set(implicit))
        self.assertEqual(set(explicit), set(other))
        for uid, one in explicit.items():
            self.assertEqual(one.file_meta.TransferSyntaxUID, EXPLICIT)
            self.assertEqual(implicit[uid].file_meta.TransferSyntaxUID, IMPLICIT)
            self.assertIn(other[uid].file_meta.TransferSyntaxUID, (EXPLICIT, IMPLICIT))
            self.assertEqual(one.PixelData, implicit[uid].PixelData)
            self.assertEqual(one.PixelData, other[uid].PixelData)

    def test_orthanc_keeps_what_it_is_sent(self):
        source = self.phantom("--shape", "sines", "--dims", f"40,36,{SLICES}", "--spacing",
                              "1,1,1")
        plain, packed = self.pacs(), self.pacs()
        self.deliver([plain, packed], ["uncompressed", "jpeg-ls"], source)

        folder, stored = self.new_folder("stored"), []
        folder.mkdir()
        for pacs in (plain, packed):
            stored.append({})
            for uid in pacs.instances():
                path = folder / f"{uid}.dcm"
                path.write_bytes(pacs.file(uid))
                data = pydicom.dcmread(path)
                if data.ImageType[0] != "DERIVED":
                    continue
                if pacs is packed:
                    self.assertEqual(data.file_meta.TransferSyntaxUID, WANTED["jpeg-ls"][0])
                    harness.run(["gdcmconv", "--raw", path, folder / "raw.dcm"], check=True)
                    data = pydicom.dcmread(folder / "raw.dcm")
                stored[-1][data.SOPInstanceUID] = words(data)
        self.assertEqual(len(stored[0]), SLICES)
        self.assertEqual(set(stored[0]), set(stored[1]))
        for uid, pixels in stored[0].items():
            numpy.testing.assert_array_equal(pixels, stored[1][uid])


if __name__ == "__main__":
    import unittest
    unittest.main()
