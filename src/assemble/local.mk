# assemble
noinst_LIBRARIES += libassemble.a
libassemble_a_SOURCES = include/isovox/assemble/assembly.h \
	include/isovox/assemble/instance.h \
	src/assemble/assembly.c src/assemble/collect.c src/assemble/decide.c \
	src/assemble/ahead.c src/assemble/ahead.h src/assemble/lut.c src/assemble/group.c src/assemble/group.h src/assemble/groups.c \
	src/assemble/instance.c src/assemble/record.c src/assemble/record.h \
	src/assemble/pixels.c src/assemble/pixels.h src/assemble/reader.c \
	src/assemble/rules_group.c src/assemble/rules_line.c \
	src/assemble/rules_orientation.c src/assemble/rules_parts.c \
	src/assemble/rules_same.c \
	src/assemble/rules_spacing.c src/assemble/rules_split.c \
	src/assemble/rules_values.c src/assemble/work.h
# gcc -O2 leaves the loops over pixels scalar.
libassemble_a_CFLAGS = $(AM_CFLAGS) $(VECTORIZE)
EXTRA_DIST += src/assemble/README.md

assemble_test_helpers = tests/unit/assemble/series.c tests/unit/assemble/series.h
ASSEMBLE_TEST_LIBS = libassemble.a libdicom.a libcore.a libsys.a libbase.a \
	$(CHECK_LIBS) $(DCMTK_LIBS) $(CRYPTO_LIBS) -lm

check_PROGRAMS += tests/unit/assemble/test_groups
tests_unit_assemble_test_groups_SOURCES = tests/unit/assemble/test_groups.c \
	$(assemble_test_helpers)
nodist_EXTRA_tests_unit_assemble_test_groups_SOURCES = dummy.cc
tests_unit_assemble_test_groups_CFLAGS = $(TEST_CFLAGS)
tests_unit_assemble_test_groups_LDADD = $(ASSEMBLE_TEST_LIBS)

check_PROGRAMS += tests/unit/assemble/test_repeats
tests_unit_assemble_test_repeats_SOURCES = tests/unit/assemble/test_repeats.c \
	$(assemble_test_helpers)
nodist_EXTRA_tests_unit_assemble_test_repeats_SOURCES = dummy.cc
tests_unit_assemble_test_repeats_CFLAGS = $(TEST_CFLAGS)
tests_unit_assemble_test_repeats_LDADD = $(ASSEMBLE_TEST_LIBS)

check_PROGRAMS += tests/unit/assemble/test_positions
tests_unit_assemble_test_positions_SOURCES = tests/unit/assemble/test_positions.c \
	$(assemble_test_helpers)
nodist_EXTRA_tests_unit_assemble_test_positions_SOURCES = dummy.cc
tests_unit_assemble_test_positions_CFLAGS = $(TEST_CFLAGS)
tests_unit_assemble_test_positions_LDADD = $(ASSEMBLE_TEST_LIBS)

check_PROGRAMS += tests/unit/assemble/test_reader
tests_unit_assemble_test_reader_SOURCES = tests/unit/assemble/test_reader.c \
	$(assemble_test_helpers)
nodist_EXTRA_tests_unit_assemble_test_reader_SOURCES = dummy.cc
tests_unit_assemble_test_reader_CFLAGS = $(TEST_CFLAGS)
tests_unit_assemble_test_reader_LDADD = $(ASSEMBLE_TEST_LIBS)
check_PROGRAMS += tests/unit/assemble/test_values
tests_unit_assemble_test_values_SOURCES = tests/unit/assemble/test_values.c \
	$(assemble_test_helpers)
nodist_EXTRA_tests_unit_assemble_test_values_SOURCES = dummy.cc
tests_unit_assemble_test_values_CFLAGS = $(TEST_CFLAGS)
tests_unit_assemble_test_values_LDADD = $(ASSEMBLE_TEST_LIBS)

check_PROGRAMS += tests/unit/assemble/test_properties
tests_unit_assemble_test_properties_SOURCES = tests/unit/assemble/test_properties.c \
	$(assemble_test_helpers)
nodist_EXTRA_tests_unit_assemble_test_properties_SOURCES = dummy.cc
tests_unit_assemble_test_properties_CFLAGS = $(TEST_CFLAGS)
tests_unit_assemble_test_properties_LDADD = $(ASSEMBLE_TEST_LIBS)

check_PROGRAMS += tests/unit/assemble/test_instance
tests_unit_assemble_test_instance_SOURCES = tests/unit/assemble/test_instance.c \
	tests/unit/dicom/bytes.c tests/unit/dicom/bytes.h $(assemble_test_helpers)
nodist_EXTRA_tests_unit_assemble_test_instance_SOURCES = dummy.cc
tests_unit_assemble_test_instance_CFLAGS = $(TEST_CFLAGS)
tests_unit_assemble_test_instance_LDADD = $(ASSEMBLE_TEST_LIBS)

check_PROGRAMS += tests/unit/assemble/test_frames
tests_unit_assemble_test_frames_SOURCES = tests/unit/assemble/test_frames.c \
	tests/unit/assemble/frames.c tests/unit/assemble/frames.h \
	tests/unit/dicom/bytes.c tests/unit/dicom/bytes.h $(assemble_test_helpers)
nodist_EXTRA_tests_unit_assemble_test_frames_SOURCES = dummy.cc
tests_unit_assemble_test_frames_CFLAGS = $(TEST_CFLAGS)
tests_unit_assemble_test_frames_LDADD = $(ASSEMBLE_TEST_LIBS)
