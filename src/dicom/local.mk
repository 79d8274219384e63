# dicom: one line per source file.
noinst_LIBRARIES += libdicom.a
libdicom_a_CFLAGS = $(AM_CFLAGS) $(CHARLS_CFLAGS) $(OPENJPEG_CFLAGS) $(ZLIB_CFLAGS)
libdicom_a_SOURCES =
libdicom_a_SOURCES += include/isovox/dicom/dicom.h
libdicom_a_SOURCES += src/dicom/barrier.h
libdicom_a_SOURCES += src/dicom/dicom.cc
libdicom_a_SOURCES += include/isovox/dicom/scan.h
libdicom_a_SOURCES += src/dicom/scan.c
libdicom_a_SOURCES += src/dicom/scan_start.c
libdicom_a_SOURCES += src/dicom/walk.h
libdicom_a_SOURCES += src/dicom/encoding.h
libdicom_a_SOURCES += src/dicom/encoding.c
libdicom_a_SOURCES += src/dicom/value.c
libdicom_a_SOURCES += src/dicom/window.h
libdicom_a_SOURCES += src/dicom/window.c
libdicom_a_SOURCES += include/isovox/dicom/inflate.h
libdicom_a_SOURCES += src/dicom/inflate.c
libdicom_a_SOURCES += src/dicom/fragments.h
libdicom_a_SOURCES += src/dicom/fragments.c
libdicom_a_SOURCES += include/isovox/dicom/frames.h
libdicom_a_SOURCES += src/dicom/frames.c
libdicom_a_SOURCES += include/isovox/dicom/decode.h
libdicom_a_SOURCES += src/dicom/decode.c
libdicom_a_SOURCES += src/dicom/codec.h
libdicom_a_SOURCES += src/dicom/samples.c
libdicom_a_SOURCES += src/dicom/rle.c
libdicom_a_SOURCES += src/dicom/jpeg.cc
libdicom_a_SOURCES += src/dicom/jpegls.c
libdicom_a_SOURCES += src/dicom/openjpeg_auto.h src/dicom/jpeg2000.c
libdicom_a_SOURCES += include/isovox/dicom/encode.h
libdicom_a_SOURCES += src/dicom/encoder.h
libdicom_a_SOURCES += src/dicom/encode.c
libdicom_a_SOURCES += src/dicom/encode_rle.c
libdicom_a_SOURCES += src/dicom/encode_jpeg.cc
libdicom_a_SOURCES += src/dicom/encode_jpegls.c
libdicom_a_SOURCES += src/dicom/encode_jpeg2000.c
libdicom_a_SOURCES += include/isovox/dicom/transcode.h
libdicom_a_SOURCES += src/dicom/transcode.c
libdicom_a_SOURCES += src/dicom/versions.c
libdicom_a_SOURCES += include/isovox/dicom/scp.h
libdicom_a_SOURCES += src/dicom/transport.h
libdicom_a_SOURCES += src/dicom/transport.cc
libdicom_a_SOURCES += src/dicom/command.h
libdicom_a_SOURCES += src/dicom/command.c
libdicom_a_SOURCES += include/isovox/dicom/commitment.h
libdicom_a_SOURCES += src/dicom/commitment.c
libdicom_a_SOURCES += include/isovox/dicom/query.h
libdicom_a_SOURCES += src/dicom/identifier.h
libdicom_a_SOURCES += src/dicom/identifier.c
libdicom_a_SOURCES += src/dicom/scan_bytes.c
libdicom_a_SOURCES += src/dicom/scan_bytes.h
libdicom_a_SOURCES += src/dicom/scu_query.cc
libdicom_a_SOURCES += src/dicom/wire.h
libdicom_a_SOURCES += src/dicom/wire.cc
libdicom_a_SOURCES += src/dicom/served.h
libdicom_a_SOURCES += src/dicom/scp.cc
libdicom_a_SOURCES += src/dicom/scp_commitment.cc
libdicom_a_SOURCES += include/isovox/dicom/performed.h
libdicom_a_SOURCES += src/dicom/performed.c
libdicom_a_SOURCES += src/dicom/scp_performed.cc
libdicom_a_SOURCES += include/isovox/dicom/scu.h
libdicom_a_SOURCES += src/dicom/outgoing.h
libdicom_a_SOURCES += src/dicom/outgoing.cc
libdicom_a_SOURCES += src/dicom/requested.h
libdicom_a_SOURCES += src/dicom/scu.cc
libdicom_a_SOURCES += src/dicom/scu_commitment.cc
libdicom_a_SOURCES += include/isovox/dicom/dataset.h
libdicom_a_SOURCES += src/dicom/dataset_parts.h
libdicom_a_SOURCES += src/dicom/dataset.cc
libdicom_a_SOURCES += src/dicom/dataset_write.cc
libdicom_a_SOURCES += src/dicom/frame.cc
libdicom_a_SOURCES += src/dicom/outline.h
libdicom_a_SOURCES += src/dicom/outline.c

check_PROGRAMS += tests/unit/dicom/test_scan
tests_unit_dicom_test_scan_SOURCES = tests/unit/dicom/test_scan.c \
	tests/unit/dicom/bytes.c tests/unit/dicom/bytes.h \
	tests/unit/dicom/scanned.c tests/unit/dicom/scanned.h
nodist_EXTRA_tests_unit_dicom_test_scan_SOURCES = dummy.cc
tests_unit_dicom_test_scan_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_scan_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_values
tests_unit_dicom_test_values_SOURCES = tests/unit/dicom/test_values.c \
	tests/unit/dicom/bytes.c tests/unit/dicom/bytes.h
nodist_EXTRA_tests_unit_dicom_test_values_SOURCES = dummy.cc
tests_unit_dicom_test_values_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_values_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_bombs
tests_unit_dicom_test_bombs_SOURCES = tests/unit/dicom/test_bombs.c \
	tests/unit/dicom/bytes.c tests/unit/dicom/bytes.h \
	tests/unit/dicom/scanned.c tests/unit/dicom/scanned.h
nodist_EXTRA_tests_unit_dicom_test_bombs_SOURCES = dummy.cc
tests_unit_dicom_test_bombs_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_bombs_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_dataset
tests_unit_dicom_test_dataset_SOURCES = tests/unit/dicom/test_dataset.c
nodist_EXTRA_tests_unit_dicom_test_dataset_SOURCES = dummy.cc
tests_unit_dicom_test_dataset_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_dataset_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_decode
tests_unit_dicom_test_decode_SOURCES = tests/unit/dicom/test_decode.c \
	tests/unit/dicom/encode.cc tests/unit/dicom/encode.h
tests_unit_dicom_test_decode_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_decode_CXXFLAGS = $(AM_CXXFLAGS) $(OPENJPEG_CFLAGS) $(CHARLS_CFLAGS)
tests_unit_dicom_test_decode_LDADD = libdicom.a libsys.a libbase.a \
	$(CHECK_LIBS) $(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_encode
tests_unit_dicom_test_encode_SOURCES = tests/unit/dicom/test_encode.c
nodist_EXTRA_tests_unit_dicom_test_encode_SOURCES = dummy.cc
tests_unit_dicom_test_encode_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_encode_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_command
tests_unit_dicom_test_command_SOURCES = tests/unit/dicom/test_command.c
nodist_EXTRA_tests_unit_dicom_test_command_SOURCES = dummy.cc
tests_unit_dicom_test_command_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/dicom
tests_unit_dicom_test_command_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_command_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_commitment
tests_unit_dicom_test_commitment_SOURCES = tests/unit/dicom/test_commitment.c
nodist_EXTRA_tests_unit_dicom_test_commitment_SOURCES = dummy.cc
tests_unit_dicom_test_commitment_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_commitment_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_network
tests_unit_dicom_test_network_SOURCES = tests/unit/dicom/network_rig.c \
	tests/unit/dicom/network_rig.h tests/unit/dicom/test_network.c
nodist_EXTRA_tests_unit_dicom_test_network_SOURCES = dummy.cc
tests_unit_dicom_test_network_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/dicom
tests_unit_dicom_test_network_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_network_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += src/dicom/README.md

check_PROGRAMS += tests/unit/dicom/test_query
tests_unit_dicom_test_query_SOURCES = tests/unit/dicom/test_query.c
nodist_EXTRA_tests_unit_dicom_test_query_SOURCES = dummy.cc
tests_unit_dicom_test_query_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/src/dicom
tests_unit_dicom_test_query_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_query_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/dicom/test_performed
tests_unit_dicom_test_performed_SOURCES = tests/unit/dicom/bytes.c tests/unit/dicom/bytes.h \
	tests/unit/dicom/test_performed.c
nodist_EXTRA_tests_unit_dicom_test_performed_SOURCES = dummy.cc
tests_unit_dicom_test_performed_CFLAGS = $(TEST_CFLAGS)
tests_unit_dicom_test_performed_LDADD = libdicom.a libsys.a libbase.a $(CHECK_LIBS) \
	$(DCMTK_LIBS) $(CRYPTO_LIBS)

# make tests/bench/transcode && tests/bench/transcode RESULT/*.dcm
EXTRA_PROGRAMS += tests/bench/transcode
tests_bench_transcode_SOURCES = tests/bench/transcode.c
nodist_EXTRA_tests_bench_transcode_SOURCES = dummy.cc
tests_bench_transcode_LDADD = libdicom.a libsys.a libbase.a $(DCMTK_LIBS) $(CRYPTO_LIBS)
