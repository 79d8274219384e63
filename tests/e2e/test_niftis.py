"""Series of patients in every lossless syntax and any order against the NIfTIs that others made
of them: voxels and affine. In short every syntax has some slices of each series; with
ISOVOX_LONG=1 every series comes in each syntax as a whole."""

import os
import random

import harness
import test_codecs
import test_modality

LONG = os.environ.get("ISOVOX_LONG") == "1"
PLAIN = {"implicit": ["dcmconv", "+ti"], "explicit": ["dcmconv", "+te"]}
ENCODERS = {**PLAIN, **test_codecs.LOSSLESS}
SYNTAXES = [*ENCODERS, *test_codecs.HTJ2K]


def encode(path, folder, syntax):
    if syntax in ENCODERS:
        return test_codecs.encode([path], folder, ENCODERS[syntax])[0]
    return test_codecs.encode_htj2k([path], folder, *test_codecs.HTJ2K[syntax])[0]


class AnySyntax(test_modality.ModalityCase):
    def recode(self, patient, part, syntaxes):
        """Slice n in syntaxes[n], round and round, under names in no order."""
        folder = self.new_folder("recoded")
        files = harness.dicom_files(harness.shared_data(f"{patient}/{part}/image"))
        chance = random.Random(part)
        chance.shuffle(files)
        for number, path in enumerate(files):
            made = encode(path, folder, syntaxes[number % len(syntaxes)])
            made.rename(folder / f"{chance.randrange(10 ** 6):06}-{number}")
        return folder

    def check(self, syntaxes, patients):
        for patient in patients:
            for part, error in test_modality.PARTS.items():
                with self.subTest(patient=patient, part=part, syntaxes=syntaxes):
                    self.equals_nifti(self.recode(patient, part, syntaxes), patient, part,
                                      error)

    def test_all_syntaxes_mixed_in_one_series(self):
        self.check(SYNTAXES, ["sts_001", "sts_002"] if LONG else ["sts_002"])

    def test_one_syntax_in_all_of_a_series(self):
        for syntax in SYNTAXES if LONG else ["JPEG 2000 by GDCM"]:
            self.check([syntax], ["sts_001", "sts_002"] if LONG else ["sts_002"])


if __name__ == "__main__":
    import unittest

    unittest.main()
