#!/usr/bin/python3
"""Seeds for a fuzz target: seeds.py TARGET FOLDER SHARED

instance: small public images; frames: those with functional groups. Codecs: the codestreams of public images, and tiny images
through every encoder that is installed, each behind the seven bytes of figures that
fuzz_codec.c reads. inflate: deflated data sets. message: data sets of DIMSE messages. Nothing is kept in the project."""

import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import generate_pixel_data_frame
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

JPEG = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 55, 57, 70)}
SYNTAXES = {
    "rle": {"1.2.840.10008.1.2.5"}, "jpeg": JPEG,
    "jpegls": {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"},
    "jpeg2000": {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"},
    "htj2k": {f"1.2.840.10008.1.2.4.20{n}" for n in (1, 2, 3)},
}
ENCODERS = {
    "rle": [["dcmcrle"], ["gdcmconv", "--rle"]],
    "jpeg": [["dcmcjpeg", "+el"], ["dcmcjpeg", "+e1"], ["dcmcjpeg", "+ee"], ["dcmcjpeg", "+ep"],
             ["dcmcjpeg", "+eb"], ["dcmcjpeg", "+es"], ["gdcmconv", "--jpeg"]],
    "jpegls": [["dcmcjpls", "+el"], ["dcmcjpls", "+en"], ["gdcmconv", "--jpegls"],
               ["dcmcjpls", "+el", "+t1", "9", "+rs", "32"]],
    "jpeg2000": [["gdcmconv", "--j2k"],
                 ["gdcmconv", "--j2k", "--lossy", "-q", "60"]],
    "htj2k": [],
}


def tiny(path, rows, columns, bits, signed):
    data = FileDataset(str(path), {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = f"2.25.{rows}{bits}"
    data.StudyInstanceUID, data.SeriesInstanceUID = "2.25.1", "2.25.2"
    data.Modality, data.PatientName, data.PatientID = "CT", "Seed^Of", "0"
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.RescaleSlope, data.RescaleIntercept = [1, 1], 1, -1024
    data.Rows, data.Columns, data.SamplesPerPixel = rows, columns, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.BitsAllocated = 8 if bits == 8 else 16
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, int(signed)
    j, i = numpy.indices((rows, columns))
    values = ((i * 37 + j * 11 + (i * j) % 13) * 9) % (1 << (bits - 1))
    data.PixelData = values.astype("<u1" if bits == 8 else "<u2").tobytes()
    data.is_little_endian, data.is_implicit_VR = True, False
    data.save_as(path, write_like_original=False)
    return path


def tiny_images(folder):
    for number, form in enumerate([(8, 9, 12, False), (16, 16, 16, True), (5, 6, 8, False),
                                   (33, 20, 16, False), (1, 2, 10, True)]):
        yield tiny(folder / f"tiny{number}.dcm", *form)


def figures(data, target):
    which = list(SYNTAXES).index(target) << 3
    return struct.pack("<BBBHH", {8: 0, 16: 1, 32: 2}[data.BitsAllocated] | which
                       | data.PixelRepresentation << 2, data.BitsStored, data.HighBit,
                       data.Rows, data.Columns)


def add_codestream(path, target, out, name):
    try:
        data = pydicom.dcmread(path)
        if data.file_meta.TransferSyntaxUID not in SYNTAXES[target] or data.BitsAllocated % 8:
            return
        stream = next(generate_pixel_data_frame(data.PixelData, 1))
        seed = figures(data, target) + stream
    except Exception:  # a broken file of a public set
        return
    if len(seed) < 60000:
        (out / name).write_bytes(seed)


def codec_seeds(target, out, shared):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for path in tiny_images(folder):
            for number, command in enumerate(ENCODERS[target]):
                made = folder / f"{path.stem}-{number}.dcm"
                if shutil.which(command[0]):
                    subprocess.run([*command, path, made], capture_output=True, timeout=60)
                if made.exists():
                    add_codestream(made, target, out, f"seed-{made.stem}")
            if target == "htj2k" and shutil.which("ojph_compress"):
                htj2k_seed(path, folder, out)
    for number, path in enumerate(sorted(shared.rglob("*"))):
        if path.is_file():
            add_codestream(path, target, out, f"public-{number}")


def htj2k_seed(path, folder, out):
    data = pydicom.dcmread(path)
    words, stream = folder / "frame.yuv", folder / "frame.j2c"
    stream.unlink(missing_ok=True)
    words.write_bytes(data.PixelData)
    subprocess.run(["ojph_compress", "-i", words, "-o", stream, "-reversible", "true", "-dims",
                    "{%d,%d}" % (data.Columns, data.Rows), "-num_comps", "1", "-signed",
                    "false", "-bit_depth", str(data.BitsStored), "-downsamp", "{1,1}"],
                   capture_output=True, timeout=60)
    if stream.exists():
        (out / f"seed-{path.stem}").write_bytes(figures(data, "htj2k") + stream.read_bytes())


def inflate_seeds(out):
    with tempfile.TemporaryDirectory() as folder:
        for path in tiny_images(Path(folder)):
            for level in (0, 1, 9):
                packer = zlib.compressobj(level, zlib.DEFLATED, -15)
                packed = packer.compress(path.read_bytes() * 3) + packer.flush()
                (out / f"seed-{path.stem}-{level}").write_bytes(b"\x01" + packed)


def instance_seeds(out, shared):
    for number, path in enumerate(sorted(shared.rglob("*"))):
        if path.is_file() and path.stat().st_size < 40000:
            if path.read_bytes()[128:132] == b"DICM":
                shutil.copy(path, out / f"public-{number}")
    with tempfile.TemporaryDirectory() as folder:
        for path in tiny_images(Path(folder)):
            shutil.copy(path, out / path.name)
            for number, command in enumerate([["dcmcrle"], ["dcmcjpls"], ["dcmcjpeg"],
                                              ["dcmconv", "+td"], ["dcmconv", "+tb"],
                                              ["dcmconv", "+ti"], ["gdcmconv", "--j2k"]]):
                if shutil.which(command[0]):
                    subprocess.run([*command, path, out / f"{path.stem}-{number}.dcm"],
                                   capture_output=True, timeout=60)


def frame_seeds(out, shared):
    for number, path in enumerate(sorted(shared.rglob("*"))):
        if path.is_file() and path.stat().st_size < 3000000:
            whole = path.read_bytes()
            at = whole.find(b"\x00\x52\x30\x92")  # Per-frame Functional Groups
            pixels = whole.find(b"\xe0\x7f\x10\x00", at)
            if whole[128:132] == b"DICM" and 0 < at < pixels < 60000:
                (out / f"public-{number}").write_bytes(whole[:65536])


def assembly_seeds(out):
    programs = {
        "stack": [0, 15], "split": [1, 180, 2, 1, 9, 180, 2, 2, 249, 0, 9], "hole": [2, 5, 97, 2, 10, 5],
        "tilt": [0, 99, 1, 1, 11], "other": [0, 232, 7, 233, 7, 234, 7, 235, 1],
        "resend": [0, 7, 255, 3, 0, 5], "thick": [0, 105, 9, 7, 96, 2, 10, 4],
        "values": [0, 208, 0, 201, 63, 240, 0, 0, 0, 0, 0, 0, 8, 211, 12, 3],
    }
    for name, program in programs.items():
        (out / f"seed-{name}").write_bytes(bytes(program))


def message_seeds(out):
    """A procedure step, a request for commitment, an answer to C-FIND, in two syntaxes each."""
    def references(count):
        made = []
        for n in range(count):
            one = pydicom.Dataset()
            one.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
            one.ReferencedSOPInstanceUID = f"2.25.{n + 1}"
            made.append(one)
        return pydicom.Sequence(made)

    step, asked, answer = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    step.PerformedProcedureStepStatus = "COMPLETED"
    series = [pydicom.Dataset(), pydicom.Dataset()]
    for n, each in enumerate(series):
        each.ReferencedImageSequence, each.SeriesInstanceUID = references(3 * n), f"2.25.9{n}"
    step.PerformedSeriesSequence = pydicom.Sequence(series)
    asked.TransactionUID, asked.ReferencedSOPSequence = "2.25.7", references(3)
    answer.SOPInstanceUID, answer.SeriesInstanceUID = "2.25.1", "2.25.9"
    answer.NumberOfSeriesRelatedInstances = "60"
    for kind, (name, data) in enumerate((("step", step), ("asked", asked), ("answer", answer))):
        for explicit in (0, 1):
            to = DicomBytesIO()
            to.is_implicit_VR, to.is_little_endian = not explicit, True
            write_dataset(to, data)
            (out / f"{name}-{explicit}").write_bytes(bytes([kind << 1 | explicit])
                                                     + to.getvalue())


def main():
    target, out, shared = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if target in SYNTAXES:
        codec_seeds(target, out, shared)
    elif target == "inflate":
        inflate_seeds(out)
    elif target == "message":
        message_seeds(out)
    elif target == "dicomdir":
        for number, path in enumerate(sorted(shared.rglob("DICOMDIR*"))):
            shutil.copy(path, out / f"public-{number}")
    elif target == "frames":
        frame_seeds(out, shared)
    elif target == "assembly":
        assembly_seeds(out)
    else:
        instance_seeds(out, shared)


if __name__ == "__main__":
    main()
