"""Texts in the character set of their source: carried as they are, cut between characters.
The texts and the sets are those of pydicom's own test files, and so is the decoder."""

import warnings

import pydicom
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.data import get_charset_files

import harness

FILES = ["chrArab", "chrFren", "chrFrenMulti", "chrGerm", "chrGreek", "chrH31", "chrH32",
         "chrHbrw", "chrI2", "chrJapMulti", "chrKoreanMulti", "chrRuss", "chrX1", "chrX2"]
# Sets of which pydicom has no file.
MORE = {"GBK": ("GBK", "\u738b\u5c0f\u4e1c"), "UTF-8": ("ISO_IR 192", "A\u00c4\u5c71\U00020000"),
        "Thai": ("ISO_IR 166", "\u0e14\u0e32\u0e27")}
OURS = " ISO 1.0 mm cubic"


def cases():
    found = {each.rsplit("/", 1)[-1][:-4]: each for each in get_charset_files("*.dcm")}
    for name in FILES:
        data = pydicom.dcmread(found[name])
        text = str(data.PatientName).replace("^", " ").replace("=", " ").strip()
        yield name, data.SpecificCharacterSet, text
    for name, (charset, text) in MORE.items():
        yield name, charset, text


def raw(path, tag):
    """The bytes of a value, as they are in the file."""
    data = pydicom.dcmread(path)
    return data.get_item(tag).value


def text_of(path, tag):
    """Decoded strictly: a cut character, or a set that is still active, raises or shows."""
    sets = convert_encodings(pydicom.dcmread(path).SpecificCharacterSet)
    return decode_bytes(raw(path, tag).rstrip(b" \0"), sets, set())


class Charsets(harness.Case):
    def setUp(self):
        super().setUp()
        pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
        warnings.simplefilter("ignore")  # pydicom counts bytes of a Long String
        self.addCleanup(setattr, pydicom.config.settings, "reading_validation_mode",
                        pydicom.config.WARN)

    def source(self, charset, name, description):
        files = self.phantom("--dims", "8,8,4", "--spacing", "1,1,1")
        for path in files:
            data = pydicom.dcmread(path)
            data.SpecificCharacterSet = charset
            data.PatientName, data.SeriesDescription = name, description
            data.InstitutionName = name[:20]
            data.save_as(path, write_like_original=False)
        return files

    def check(self, charset, text):
        description = (text + " ") * (70 // (len(text) + 1) + 1)
        description = description[:64].strip()
        files = self.source(charset, text, description)
        out = self.new_folder("out")
        harness.run_tool("convert", files[0].parent, "-o", out, check=True)
        made = harness.dicom_files(out)[0]

        for tag in (0x00080005, 0x00100010, 0x00080080):
            self.assertEqual(raw(made, tag), raw(files[0], tag), hex(tag))
        after = text_of(made, 0x0008103E)
        self.assertTrue(after.endswith(OURS), after)
        theirs = after[:-len(OURS)]
        self.assertTrue(description.startswith(theirs), (theirs, description))
        # As many characters as there is room for, but for blanks at the end.
        self.assertLessEqual(len(after), 64)
        self.assertEqual(theirs, description[:64 - len(OURS)].rstrip())

    def test_carried_and_cut_between_characters(self):
        for name, charset, text in cases():
            with self.subTest(name):
                self.check(charset, text)

    def test_there_is_a_case_for_each_kind(self):
        kinds = {str(charset) for _, charset, _ in cases()}
        for wanted in ("ISO 2022 IR 87", "ISO 2022 IR 149", "ISO_IR 192", "GB18030", "ISO_IR 126"):
            self.assertTrue(any(wanted in each for each in kinds), wanted)


if __name__ == "__main__":
    import unittest
    unittest.main()
