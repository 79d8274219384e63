"""Classic series as one multi-frame object: enhanced, or legacy converted (PS3.3 A.36, A.38,
A.56, A.70 to A.72), written with pydicom. Nothing of the project's own code is used."""

import copy
import random

import pydicom
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

CT, MR, PET = (f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("2", "4", "128"))
LEGACY = {CT: CT + ".2", MR: MR + ".4", PET: PET + ".1"}
ENHANCED = {CT: CT + ".1", MR: MR + ".1", PET: "1.2.840.10008.5.1.4.1.1.130"}
FRAME_TYPE = {CT: "CTImageFrameTypeSequence", MR: "MRImageFrameTypeSequence",
              PET: "PETFrameTypeSequence"}

# What a legacy converted object says once, of patient, study, series, equipment and pixels.
ONCE = """SpecificCharacterSet InstanceCreationDate InstanceCreationTime StudyDate SeriesDate
StudyTime SeriesTime AccessionNumber Modality Manufacturer ReferringPhysicianName StationName
StudyDescription BodyPartExamined SeriesDescription ManufacturerModelName PatientName PatientID PatientBirthDate
PatientSex DeviceSerialNumber SoftwareVersions PatientPosition StudyInstanceUID
SeriesInstanceUID StudyID SeriesNumber FrameOfReferenceUID PositionReferenceIndicator
SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit
PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit Laterality
LossyImageCompression RadiopharmaceuticalInformationSequence PatientOrientationCodeSequence
PatientGantryRelationshipCodeSequence""".split()

# What has a functional group of its own.
GROUPED = """ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness
RescaleSlope RescaleIntercept RescaleType ImageType SOPClassUID SOPInstanceUID InstanceNumber
PixelData SliceLocation WindowCenter WindowWidth ContentDate ContentTime""".split()


def item(**attributes):
    made = pydicom.Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def sequence(**attributes):
    return Sequence([item(**attributes)])


def carried(data, keywords):
    return {word: copy.deepcopy(data[word].value) for word in keywords if word in data}


def unassigned(datasets):
    """Of attributes that have no group: what all agree on, and what each says."""
    shared, own = pydicom.Dataset(), [pydicom.Dataset() for _ in datasets]
    tags = {e.tag for data in datasets for e in data if e.keyword not in ONCE + GROUPED}
    for tag in sorted(tags):
        values = [data.get(tag) for data in datasets]
        if all(value == values[0] for value in values):
            shared.add(copy.deepcopy(values[0]))
            continue
        for value, one in zip(values, own):
            if value is not None:
                one.add(copy.deepcopy(value))
    return shared, own


def frame_group(data, number, legacy, kind):
    """One item of the Per-frame Functional Groups."""
    group = item(
        FrameContentSequence=sequence(DimensionIndexValues=[1, number], StackID="1",
                                      InStackPositionNumber=number,
                                      FrameAcquisitionNumber=1),
        PlanePositionSequence=sequence(ImagePositionPatient=data.ImagePositionPatient))
    if "RescaleSlope" in data:
        group.PixelValueTransformationSequence = sequence(
            RescaleSlope=data.RescaleSlope, RescaleIntercept=data.RescaleIntercept,
            RescaleType=data.get("RescaleType", "US"))
    if not legacy and kind == PET:
        group.FrameContentSequence[0].FrameReferenceDateTime = "20200102100630"
    if legacy:
        group.ConversionSourceAttributesSequence = sequence(
            ReferencedSOPClassUID=data.SOPClassUID,
            ReferencedSOPInstanceUID=data.SOPInstanceUID)
    return group


def frame_type(data, kind):
    parts = list(data.ImageType)[:3] + ["AXIAL"] * (3 - len(data.ImageType))
    made = item(FrameType=[*parts[:3], "NONE"], PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME", VolumeBasedCalculationTechnique="NONE")
    if kind == MR:
        made.ComplexImageComponent = "MAGNITUDE"
        made.AcquisitionContrast = "UNKNOWN"
    return Sequence([made])


def shared_group(data, kind):
    return item(
        PixelMeasuresSequence=sequence(PixelSpacing=data.PixelSpacing,
                                       SliceThickness=data.SliceThickness),
        PlaneOrientationSequence=sequence(
            ImageOrientationPatient=data.ImageOrientationPatient),
        FrameVOILUTSequence=sequence(WindowCenter="40", WindowWidth="400"),
        **{FRAME_TYPE[kind]: frame_type(data, kind)})


def dimensions(made):
    uid = generate_uid(entropy_srcs=[made.SOPInstanceUID, "dimensions"])
    made.DimensionOrganizationSequence = sequence(DimensionOrganizationUID=uid)
    made.DimensionIndexSequence = Sequence([
        item(DimensionOrganizationUID=uid, DimensionIndexPointer=0x00209056,
             FunctionalGroupPointer=0x00209111),
        item(DimensionOrganizationUID=uid, DimensionIndexPointer=0x00209057,
             FunctionalGroupPointer=0x00209111)])


def common(datasets, kind, legacy, seed):
    """Everything but frames and pixels."""
    first = datasets[0]
    made = item(**carried(first, ONCE))
    made.SOPClassUID = (LEGACY if legacy else ENHANCED)[kind]
    made.SOPInstanceUID = generate_uid(entropy_srcs=[first.SOPInstanceUID, str(seed)])
    made.ImageType = [*list(first.ImageType)[:2], "AXIAL" if kind != MR else "VOLUME", "NONE"]
    made.InstanceNumber, made.ContentDate, made.ContentTime = "1", "20200102", "100700"
    made.ManufacturerModelName = first.get("ManufacturerModelName") or "model"
    made.DeviceSerialNumber = first.get("DeviceSerialNumber") or "1"
    made.SoftwareVersions = first.get("SoftwareVersions") or "1"
    made.AcquisitionDateTime, made.AcquisitionNumber = "20200102100600", "1"
    made.PixelPresentation, made.VolumetricProperties = "MONOCHROME", "VOLUME"
    made.VolumeBasedCalculationTechnique = "NONE"
    made.AcquisitionContextSequence = Sequence([])
    made.BurnedInAnnotation, made.LossyImageCompression = "NO", "00"
    made.ContentQualification = "RESEARCH"
    made.PresentationLUTShape = "IDENTITY"
    if kind == MR:
        made.ComplexImageComponent, made.AcquisitionContrast = "MAGNITUDE", "UNKNOWN"
    dimensions(made)
    return made


def pack(datasets, path, *, legacy=True, seed=0, implicit=False, shared=True):
    """Writes one object with the slices as frames, in an order that `seed` shuffles; returns
    it. shared False: every frame repeats what it could share."""
    datasets = list(datasets)
    random.Random(seed).shuffle(datasets)
    kind = datasets[0].SOPClassUID
    made = common(datasets, kind, legacy, seed)
    groups = [frame_group(data, n + 1, legacy, kind) for n, data in enumerate(datasets)]
    of_all, of_each = unassigned(datasets)
    together = shared_group(datasets[0], kind)
    if legacy:
        together.UnassignedSharedConvertedAttributesSequence = Sequence([of_all])
        for group, own in zip(groups, of_each):
            group.UnassignedPerFrameConvertedAttributesSequence = Sequence([own])
    if not shared:
        for group in groups:
            for element in together:
                if element.keyword not in group:
                    group.add(copy.deepcopy(element))
        together = None
    if together is not None:
        made.SharedFunctionalGroupsSequence = Sequence([together])
    made.PerFrameFunctionalGroupsSequence = Sequence(groups)
    made.NumberOfFrames = str(len(datasets))
    made.PixelData = b"".join(data.PixelData for data in datasets)
    made["PixelData"].VR = "OW"
    return write(made, path, implicit)


def write(made, path, implicit=False):
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = (ImplicitVRLittleEndian if implicit
                                        else ExplicitVRLittleEndian)
    made.is_little_endian, made.is_implicit_VR = True, implicit
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, write_like_original=False)
    return made


def cut(made, folder, parts):
    """A concatenation: the object in so many pieces, PS3.3 C.7.6.16.1.3."""
    frames = int(made.NumberOfFrames)
    each = len(made.PixelData) // frames
    uid = generate_uid(entropy_srcs=[made.SOPInstanceUID, "concatenation"])
    paths = []
    for part in range(parts):
        first, last = frames * part // parts, frames * (part + 1) // parts
        piece = copy.deepcopy(made)
        piece.SOPInstanceUID = generate_uid(entropy_srcs=[made.SOPInstanceUID, str(part)])
        piece.ConcatenationUID, piece.InConcatenationNumber = uid, part + 1
        piece.InConcatenationTotalNumber = parts
        piece.ConcatenationFrameOffsetNumber = first
        piece.SOPInstanceUIDOfConcatenationSource = made.SOPInstanceUID
        piece.PerFrameFunctionalGroupsSequence = Sequence(
            made.PerFrameFunctionalGroupsSequence[first:last])
        piece.NumberOfFrames = str(last - first)
        piece.PixelData = made.PixelData[first * each:last * each]
        paths.append(folder / f"part{part + 1}.dcm")
        write(piece, paths[-1])
    return paths
