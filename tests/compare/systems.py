#!/usr/bin/python3
"""Which converter is right on which series: the table of docs/ASSEMBLY.md.

    systems.py [FOLDER [SYSTEM...]]   prints the table; exit status 1 when Isovox is wrong

FOLDER (default: ../shared/data beside the project, or $ISOVOX_SHARED) is searched for series.
Each goes alone into a folder of its own and through every system that is installed. Truth is
what pydicom reads in the files (truth.py): each slice's four corners, and its values.

right      every slice of what was made has its corners at most 0.05 mm from where a file has
           them, all slices are there, and the voxels are the files' values; or it was
           resampled, and interpolated at the files' pixel centres it correlates with their
           values by more than 0.998
refused    nothing was made; the reason in the system's own words (or none)
wrong      something was made, and it is not that: the largest distance of a corner in mm,
           slices that are missing, values that differ

The build under test is $ISOVOX_BUILD (default: build).
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy
import scipy.ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import truth  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ISOVOX_BUILD", TOP / "build"))
NEAR_MM = 0.05
LPS = numpy.diag([-1.0, -1.0, 1.0, 1.0])


def run(*command):
    return subprocess.run([str(each) for each in command], capture_output=True, text=True,
                          timeout=300, errors="replace")


class Volume:
    """Voxels [i, j, k] and the patient position (LPS) of each: an affine, or (for what is no
    regular grid) the position of the first voxel of each slice."""

    def __init__(self, values, affine, firsts=None, resampled=False):
        self.values, self.affine, self.firsts = values, affine, firsts
        self.resampled = resampled  # it says so itself

    def slice_axis(self, normal):
        along = [abs(normal @ self.affine[:3, a]) / numpy.linalg.norm(self.affine[:3, a])
                 for a in range(3)]
        return int(numpy.argmax(along))

    def slices(self, normal):
        """(corners, values) of each slice across the normal."""
        axis = self.slice_axis(normal)
        first, second = [a for a in range(3) if a != axis]
        shape = self.values.shape
        for k in range(shape[axis]):
            index = numpy.zeros((4, 4))
            index[:, 3], index[:, axis] = 1, k
            index[1::2, first] = shape[first] - 1
            index[2:, second] = shape[second] - 1
            corners = (self.affine @ index.T).T[:, :3]
            if self.firsts is not None:
                corners += self.firsts[k] - corners[0]
            yield corners, numpy.take(self.values, k, axis)


def read_nifti(path):
    image = nibabel.load(path)
    if image.dataobj.dtype.fields:  # colours
        return []
    values = image.get_fdata()
    values = values.reshape(*(list(values.shape[:3]) + [1] * 3)[:3], -1)
    resampled = "_Tilt" in path.name or "_Eq" in path.name or "resampled" in path.parts
    return [Volume(values[..., n], LPS @ image.affine, resampled=resampled)
            for n in range(values.shape[3])]


# Each system: (volumes, what it said). Nothing made is a refusal.

def isovox(folder, out):
    done = run(BUILD / "isovox", "inspect", "--json", folder)
    report = json.loads(done.stdout) if done.stdout else {"volumes": [], "refused": []}
    said = ", ".join(sorted({r["code"] for r in report["refused"]}))
    volumes = []
    for told in report["volumes"]:
        volumes.append(Volume(None, told_affine(told), told_firsts(told)))
    done = run(BUILD / "isovox", "convert", "--json", "--spacing", "native", "--format", "nifti",
               folder, "-o", out)
    made = json.loads(done.stdout)["volumes"] if done.stdout else []
    if len(made) == len(volumes):
        for volume, each in zip(volumes, made):
            volume.values = nibabel.load(Path(each["output"]["path"])
                                         / "volume.nii.gz").get_fdata()
    for volume, told in zip(volumes, report["volumes"]):
        if volume.values is None:  # no regular grid holds it: judged by its positions
            volume.values = numpy.full(told["dims"], numpy.nan)
    if len(made) != len(volumes):  # and by what was interpolated between them
        run(BUILD / "isovox", "convert", "--spacing", "1", "--format", "nifti", folder, "-o",
            out / "resampled")
        volumes += [v for path in sorted((out / "resampled").rglob("*.nii.gz"))
                    for v in read_nifti(path)]
    return volumes, said


def told_affine(told):
    step = told["spacing_mm"]
    affine = numpy.eye(4)
    affine[:3, 0] = numpy.array(told["row_lps"]) * step[0]
    affine[:3, 1] = numpy.array(told["column_lps"]) * step[1]
    affine[:3, 2] = numpy.array(told["normal_lps"])
    affine[:3, 3] = told["origin_lps"]
    return affine


def told_firsts(told):
    """What docs/ASSEMBLY.md, Notation, says of the figures that inspect prints."""
    t = numpy.array(told["positions_mm"])
    shift = numpy.array(told["shifts_mm"] or [[0, 0]] * len(t))
    return (numpy.array(told["origin_lps"])
            + shift[:, :1] * told["row_lps"] + shift[:, 1:] * told["column_lps"]
            + (t - t[0])[:, None] * told["normal_lps"])


def dcm2niix(folder, out):
    done = run("dcm2niix", "-z", "n", "-b", "n", "-f", "%s_%d", "-o", out, folder)
    said = [line for line in done.stdout.splitlines() + done.stderr.splitlines()
            if "rror" in line or "arning" in line]
    return [v for path in sorted(out.glob("*.nii")) for v in read_nifti(path)], " ".join(said[:1])


def plastimatch(folder, out):
    done = run("plastimatch", "convert", "--input", folder, "--output-img", out / "out.nii")
    made = read_nifti(out / "out.nii") if (out / "out.nii").exists() else []
    return made, (done.stderr.strip().splitlines() or [""])[-1]


def vtk_dicom(folder, out):
    files = sorted(folder.iterdir())
    done = run("dicomtonifti", "--batch", "-o", out, *files)
    if not list(out.rglob("*.nii")):  # its names need a Series Description
        done = run("dicomtonifti", "-o", out / "out.nii", *files)
    return [v for path in sorted(out.rglob("*.nii")) for v in read_nifti(path)], (
        done.stderr.strip().splitlines() or [""])[-1]


SYSTEMS = {"Isovox": isovox, "dcm2niix": dcm2niix, "plastimatch": plastimatch,
           "vtk-dicom": vtk_dicom}
COMMANDS = {"dcm2niix": "dcm2niix", "plastimatch": "plastimatch", "vtk-dicom": "dicomtonifti"}


def distance(corners, others):
    """The four corners of one slice against another's, whatever order they come in."""
    each = numpy.linalg.norm(corners[:, None] - others[None], axis=2)
    return max(each.min(axis=0).max(), each.min(axis=1).max())


def aligned(values, corners, wanted):
    """The slice turned so that its first axis runs along the file's columns index."""
    origin = numpy.argmin(numpy.linalg.norm(corners - wanted.position, axis=1))
    across = corners[origin ^ 1] - corners[origin]
    swap = abs(across @ wanted.row) < abs(across @ wanted.column)
    if origin & 1:
        values = values[::-1]
    if origin & 2:
        values = values[:, ::-1]
    return values if swap else values.T


def differ(values, wanted):
    """Do the values differ from the file's? Padding and what lies under -1024 HU is not
    compared; CT to half a unit, others to one part in 10 000 of the largest."""
    if numpy.isnan(values).all() or values.shape != wanted.shape:
        return values.shape != wanted.shape
    seen = ~numpy.isnan(wanted) & (wanted >= -1024)
    if not seen.any():
        return False
    room = max(0.5, 1e-4 * numpy.abs(wanted[seen]).max()) if wanted[seen].min() < 0 \
        else 1e-4 * max(1e-30, numpy.abs(wanted[seen]).max())
    return bool(numpy.abs(values[seen] - wanted[seen]).max() > room)


def judge_volume(volume, group, used):
    """Largest distance, slices, of them in place, of them with other values. As many slices as
    files: the first is the first, and so on. Otherwise each is compared with what is nearest."""
    normal = group[0].normal
    made = list(volume.slices(normal))
    made.sort(key=lambda each: each[0].mean(axis=0) @ normal)
    worst, wrong, near = 0.0, 0, 0
    for number, (corners, values) in enumerate(made):
        off = [distance(corners, each.corners()) for each in group]
        if len(made) == len(group):
            which = [number]
        else:
            which = [n for n in range(len(group)) if off[n] <= min(off) + 0.005]
        worst = max(worst, off[which[0]])
        used.update(which[:1])
        if off[which[0]] <= NEAR_MM:
            near += 1
            wrong += all(differ(aligned(values, corners, group[n]), group[n].values())
                         for n in which)
    return worst, len(made), near, wrong


def nearest_group(volume, found):
    """The group that the volume was made of: by direction and place."""
    def off(group):
        middle = volume.affine @ [*[(n - 1) / 2 for n in volume.values.shape], 1]
        where = numpy.mean([each.corners().mean(axis=0) for each in group], axis=0)
        axis = volume.affine[:3, volume.slice_axis(group[0].normal)]
        turned = 1 - abs(axis @ group[0].normal) / numpy.linalg.norm(axis)
        return (turned > 0.2, -len(group), numpy.linalg.norm(middle[:3] - where))
    return min(range(len(found)), key=lambda n: off(found[n]))


# Above this a resampled volume is right, if the same volume displaced by one pixel, or by one
# slice, is below it: otherwise the pictures are too flat to tell.
SAME = 0.998


def has_picture(slice_):
    """Neighbours are alike in a picture, and not in what is left of scrubbed pixels."""
    values = slice_.values()
    left, right = values[:, :-1], values[:, 1:]
    seen = ~numpy.isnan(left) & ~numpy.isnan(right)
    return numpy.corrcoef(left[seen], right[seen])[0, 1] > 0.5


def is_right(volume, group):
    """Is it right although none of its slices is one of the files'? None: it cannot be told."""
    if not has_picture(group[len(group) // 2]):
        return None
    first, last = group[0], group[-1]
    step = (last.t - first.t) / (len(group) - 1)
    aside = correlation(volume, group, first.spacing[0] * first.column)
    along = correlation(volume, group, step * first.normal)
    if not (aside < SAME and along < SAME):
        return None
    return bool(correlation(volume, group) > SAME)


def correlation(volume, group, moved=0):
    """Of a resampled volume, at the file's pixel centres, with the file's values; of what lies
    inside the volume and is not all air. NaN where there is nothing to compare."""
    inverse = numpy.linalg.inv(volume.affine)
    seen, wanted, total, whole = [], [], 0, 0
    for each in group:
        values = each.values()[::3, ::3]
        j, i = numpy.indices(values.shape) * 3
        places = (each.position + i[..., None] * each.spacing[1] * each.row
                  + j[..., None] * each.spacing[0] * each.column)
        index = (places + moved) @ inverse[:3, :3].T + inverse[:3, 3]
        inside = numpy.all((index >= 0) & (index <= numpy.array(volume.values.shape) - 1), axis=2)
        pictured = ~numpy.isnan(values) & (values > -900)
        total += pictured.sum()
        whole += pictured.size
        inside &= pictured
        seen.append(scipy.ndimage.map_coordinates(volume.values, index[inside].T, order=1))
        wanted.append(values[inside])
    seen, wanted = numpy.concatenate(seen), numpy.concatenate(wanted)
    if total < 0.02 * whole or seen.std() == 0 or wanted.std() == 0:  # scrubbed pixels
        return numpy.nan
    if len(seen) < 0.95 * total:  # a part of the files is not in the volume
        return 0.0
    return numpy.corrcoef(seen, wanted)[0, 1]


def judge(volumes, said, found, mosaic):
    if not volumes:
        return "refused" + (f": {said}" if said else "")
    if mosaic:
        return "not judged: mosaics"
    if not found:
        flat = max(min(each.values.shape) for each in volumes) < 3
        return "a flat image" if flat else "wrong: there is no volume in the files"
    used = collections.defaultdict(set)
    total = collections.Counter()
    words = []
    for volume in volumes:
        which = nearest_group(volume, found)
        worst, made, near, wrong = judge_volume(volume, found[which], used[which])
        text = []
        if near == 0:
            verdict = is_right(volume, found[which])
            if verdict or (verdict is None and volume.resampled):
                words.append("right, resampled" if verdict else "resampled, too flat to tell")
                continue
        if worst > NEAR_MM and made > len(found[which]):
            text.append(f"{made - near} slices that no file has")
        elif worst > NEAR_MM:
            text.append(f"{worst:.2f} mm off")
        total[which] += made
        if wrong:
            text.append(f"values differ in {wrong} slices")
        words.append(", ".join(text) if text else f"right, {worst:.4f} mm")
    words += [f"{count} slices of {len(found[which])}" for which, count in total.items()
              if count != len(found[which])]
    words = list(dict.fromkeys(words))
    bad = any("right" not in each and "too flat" not in each for each in words)
    return ("wrong: " if bad else "") + "; ".join(words)


def alone(paths, folder):
    folder.mkdir()
    for number, path in enumerate(paths):
        shutil.copyfile(path, folder / f"{number:04}.dcm")
    return folder


def kind_of(members):
    classes = {**truth.CLASSES, **truth.FRAMES}
    kinds = {classes.get(data.get("SOPClassUID")) for _, data in members} - {None}
    return " and ".join(sorted(kinds))


def mosaic(members):
    return any("MOSAIC" in data.get("ImageType", []) for _, data in members)


def rows(root):
    for (folder, _), members in truth.series(root).items():
        paths = [path for path, _ in members]
        slices = truth.slices_of(members)
        found = [g for g in truth.groups(slices) if truth.positions(g) >= 3]
        if max(len(members), len(slices)) < 3 or not kind_of(members):
            continue
        yield folder.relative_to(root), members, paths, found


def main():
    default = os.environ.get("ISOVOX_SHARED", TOP.parent / "shared" / "data")
    root = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    if root.name != "data" and (root / "data").is_dir():
        root = root / "data"
    systems = {name: run_it for name, run_it in SYSTEMS.items()
               if (name not in COMMANDS or shutil.which(COMMANDS[name]))
               and name in (sys.argv[2:] or SYSTEMS)}
    print("| series | images | " + " | ".join(systems) + " |")
    print("|---|---|" + "---|" * len(systems))
    wrong = 0
    for place, members, paths, found in rows(root):
        cells = []
        for name, system in systems.items():
            with tempfile.TemporaryDirectory() as folder:
                source = alone(paths, Path(folder) / "in")
                out = Path(folder) / "out"
                out.mkdir()
                try:
                    answer = judge(*system(source, out), found, mosaic(members))
                except subprocess.TimeoutExpired:
                    answer = "wrong: no end after 300 s"
            wrong += name == "Isovox" and answer.startswith("wrong")
            answer = re.sub(r"\(0x[0-9a-f]+\)", "", answer.replace("|", "/").replace(folder, ""))
            cells.append(answer[:110])
        print(f"| {place} ({kind_of(members)}) | {len(paths)} | " + " | ".join(cells) + " |", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
