# dicom
