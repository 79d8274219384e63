# dicom: one line per source file.
noinst_LIBRARIES += libdicom.a
libdicom_a_SOURCES =
libdicom_a_SOURCES += include/isovox/dicom/dicom.h
libdicom_a_SOURCES += src/dicom/barrier.h
libdicom_a_SOURCES += src/dicom/dicom.cc
