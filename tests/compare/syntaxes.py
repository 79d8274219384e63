#!/usr/bin/python3
"""What each file of the public codec traps gives: the table of docs/SYNTAXES.md.

    syntaxes.py [FOLDER [SET...]]   prints the table; exit status 1 when a value is wrong

Every object goes through `isovox inspect` as it is. Then its pixels are judged: the object is
made a CT of three slices (class, geometry and rescale of our own; the codestream and what the
header says of it untouched), converted at its own spacing, and each voxel compared with what
other decoders read in the same object: GDCM, DCMTK, OpenJPEG, pydicom for what is native.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import pydicom
from pydicom.encaps import generate_pixel_data_frame
from pydicom.uid import UID

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import truth  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ISOVOX_BUILD", TOP / "build"))
SETS = ("ct_one_slice_15_syntaxes", "pydicom_test_files", "pydicom_data", "weasis", "fo_dicom")
DCMTK = {"5": "dcmdrle", "80": "dcmdjpls", "81": "dcmdjpls"}
LOSSY = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 55, 81, 91, 203)}
# IDCT and wavelets are specified to a tolerance, not to the bit (10918-1, 10918-2; 15444-4).
LOSSY_ROOM = 2


def run(*command, **options):
    return subprocess.run([str(each) for each in command], capture_output=True, timeout=60,
                          **options)


def as_it_is(path):
    done = run(BUILD / "isovox", "inspect", "--json", path)
    if not done.stdout:
        return f"exit {done.returncode}"
    report = json.loads(done.stdout)
    codes = [each["code"] for each in report["refused"]]
    codes += [f"volume {'x'.join(map(str, v['dims']))}" for v in report["volumes"]]
    return ", ".join(sorted(set(codes))) or "skipped: not DICOM"


def by_gdcm(path, data, folder):
    made = folder / "gdcm.dcm"
    run("gdcmconv", "--raw", path, made, check=True)
    return truth.stored_of(pydicom.dcmread(made))


def by_dcmtk(path, data, folder):
    made = folder / "dcmtk.dcm"
    last = data.file_meta.TransferSyntaxUID.rsplit(".", 1)[1]
    run(DCMTK.get(last, "dcmdjpeg"), path, made, check=True)
    return truth.stored_of(pydicom.dcmread(made))


def by_openjpeg(path, data, folder):
    stream, made = folder / "frame.j2k", folder / "frame.rawl"
    stream.write_bytes(next(generate_pixel_data_frame(data.PixelData, 1)))
    run("opj_decompress", "-i", stream, "-o", made, check=True)
    size = made.stat().st_size // (data.Rows * data.Columns)
    words = numpy.fromfile(made, {1: "<u1", 2: "<u2", 4: "<u4"}[size]).astype(numpy.int64)
    bits = int(data.BitsStored)
    words &= (1 << bits) - 1
    if data.PixelRepresentation == 1:
        words = (words ^ 1 << (bits - 1)) - (1 << (bits - 1))
    return words.reshape(data.Rows, data.Columns)


def by_pydicom(path, data, folder):
    return truth.stored_of(data)


def decoders(data):
    syntax = str(data.file_meta.TransferSyntaxUID)
    if syntax in truth.NATIVE:
        return {"pydicom": by_pydicom, "GDCM": by_gdcm}
    if re.fullmatch(r"1\.2\.840\.10008\.1\.2\.4\.(9[01]|20[123])", syntax):
        return {"OpenJPEG": by_openjpeg, "GDCM": by_gdcm}
    return {"DCMTK": by_dcmtk, "GDCM": by_gdcm}


def stack(data, folder):
    """The object's pixels as a CT of three slices."""
    folder.mkdir()
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.Modality = "2.25.1", "2.25.2", "CT"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.ImageOrientationPatient, data.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
    data.RescaleSlope, data.RescaleIntercept = 1, 0
    data.SliceThickness, data.PatientName = 2, ""
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence",
                    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if keyword in data:
            delattr(data, keyword)
    for n in range(3):
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"2.25.1{n}"
        data.ImagePositionPatient, data.InstanceNumber = [0, 0, 2 * n], n + 1
        write(data, folder / f"{n}.dcm")


def write(data, path):
    """pydicom 2 refuses to write syntaxes that it does not know: a stand-in of equal length."""
    syntax = str(data.file_meta.TransferSyntaxUID)
    if not re.fullmatch(r".*\.4\.20[123]", syntax):
        data.save_as(path, write_like_original=False)
        return
    stand_in = "1.2.840.10008.1.2.4.100"
    data.file_meta.TransferSyntaxUID = UID(stand_in)
    data.is_little_endian, data.is_implicit_VR = True, False
    data.save_as(path, write_like_original=False)
    data.file_meta.TransferSyntaxUID = UID(syntax)
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), syntax.encode(), 1))


def ours(folder, out):
    """(stored values of the middle slice, None), or (None, the reason)."""
    done = run(BUILD / "isovox", "convert", "--json", "--spacing", "native", "--format", "raw",
               folder, "-o", out)
    report = json.loads(done.stdout) if done.stdout else {"volumes": [], "refused": []}
    for each in report["refused"]:
        return None, f"refused: {each['code']}: {each['text']}"
    if not report["volumes"] or not list(out.rglob("volume.raw")):
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return None, "refused: " + re.sub(r"2\.25\.\d+: ", "", said[-1] if said else "?")
    volume = report["volumes"][0]
    raw = next(out.rglob("volume.raw"))
    voxels = numpy.prod(volume["dims"])
    kind = {2: "<i2", 4: "<f4"}[raw.stat().st_size // int(voxels)]
    return numpy.fromfile(raw, kind).reshape(volume["dims"][::-1])[1], None


def judge(path, folder):
    data = pydicom.dcmread(path)
    syntax = str(data.file_meta.TransferSyntaxUID)
    if int(data.get("NumberOfFrames") or 1) != 1:
        return "-", False
    wanted = {}
    for name, decode in decoders(data).items():
        try:
            wanted[name] = decode(path, data, folder)
        except Exception as why:  # that decoder cannot; said in the table
            wanted[name] = None
    stack(data, folder / "stack")
    made, reason = ours(folder / "stack", folder / "out")
    if made is None:
        return reason, False
    words, wrong = [], False
    for name, values in wanted.items():
        if values is None or values.shape != made.shape:
            words.append(f"{name}: cannot")
            continue
        # HU floor of a CT
        off = numpy.abs(made - numpy.maximum(values, -1024)).max()
        words.append(f"{name}: " + ("identical" if off == 0 else f"differs by {off:g}"))
        wrong = wrong or off > (LOSSY_ROOM if syntax in LOSSY else 0)
    return "; ".join(words), wrong and not any(w.endswith("identical") for w in words)


def short(path):
    return re.sub(r"(CTImage\.dcm_).*TransferSyntax_", r"\1..._", str(path))


def main():
    default = os.environ.get("ISOVOX_SHARED", TOP.parent / "shared" / "data")
    root = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    print("| file | transfer syntax | as it is | its pixels, as a CT |\n|---|---|---|---|")
    failed, passed = 0, []
    for path in sorted(p for name in sys.argv[2:] or SETS for p in (root / name).glob("*") if p.is_file()):
        try:
            data = pydicom.dcmread(path, stop_before_pixels=True)
            syntax = str(data.file_meta.get("TransferSyntaxUID", "none"))
            pixels = "Rows" in data and data.get("SamplesPerPixel") == 1
        except Exception:
            syntax, pixels = "no Part 10 file", False
        if path.suffix in (".md", ".txt", ".json", ".gz", ".dump"):
            continue
        verdict, wrong = "-", False
        if pixels:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    verdict, wrong = judge(path, Path(folder))
                except Exception as why:
                    verdict = f"not judged: {type(why).__name__} in pydicom"
        failed += wrong
        found = as_it_is(path)
        if verdict == "-" and found in ("UNSUPPORTED_MODALITY", "skipped: not DICOM"):
            passed.append(path.name)
            continue
        mark = "**wrong** " if wrong else ""
        print(f"| {short(path.relative_to(root))} | {syntax.replace('1.2.840.10008.', '')} | "
              f"{found} | {mark}{verdict} |", flush=True)
    print(f"\nNot in the table: {len(passed)} files that are passed over by their class (colour, "
          "reports, plans, waveforms) or are no DICOM objects.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
