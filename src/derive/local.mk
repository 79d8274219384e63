# derive
noinst_LIBRARIES += libderive.a
libderive_a_SOURCES = include/isovox/derive/blur.h \
	include/isovox/derive/derive.h \
	src/derive/anatomy.c src/derive/blur.c \
	src/derive/derive.c src/derive/enhanced.c \
	src/derive/enhanced_pet.c src/derive/flat.c \
	src/derive/flat_pet.c src/derive/groups.c src/derive/header.c src/derive/header.h \
	src/derive/internal.h src/derive/lineage.c \
	src/derive/private.c src/derive/seal.c \
	src/derive/series.c src/derive/template.c \
	src/derive/value.c
libderive_a_SOURCES += src/derive/charset.c
libderive_a_SOURCES += src/derive/lossy.c
EXTRA_DIST += src/derive/README.md

DERIVE_TEST_LIBS = libderive.a libassemble.a libcore.a libdicom.a libsys.a libbase.a \
	$(CHECK_LIBS) $(DCMTK_LIBS) $(CRYPTO_LIBS) -lm
check_PROGRAMS += tests/unit/derive/test_value tests/unit/derive/test_derive
tests_unit_derive_test_value_SOURCES = tests/unit/derive/test_value.c
nodist_EXTRA_tests_unit_derive_test_value_SOURCES = dummy.cc
tests_unit_derive_test_value_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/derive
tests_unit_derive_test_value_CFLAGS = $(TEST_CFLAGS)
tests_unit_derive_test_value_LDADD = $(DERIVE_TEST_LIBS)
derive_test_helpers = tests/unit/derive/made.c tests/unit/derive/made.h \
	tests/unit/derive/series.c tests/unit/derive/series.h
tests_unit_derive_test_derive_SOURCES = tests/unit/derive/test_derive.c $(derive_test_helpers)
nodist_EXTRA_tests_unit_derive_test_derive_SOURCES = dummy.cc
tests_unit_derive_test_derive_CFLAGS = $(TEST_CFLAGS)
tests_unit_derive_test_derive_LDADD = $(DERIVE_TEST_LIBS)

check_PROGRAMS += tests/unit/derive/test_enhanced
tests_unit_derive_test_enhanced_SOURCES = tests/unit/derive/test_enhanced.c \
	tests/unit/derive/series.c tests/unit/derive/series.h
nodist_EXTRA_tests_unit_derive_test_enhanced_SOURCES = dummy.cc
tests_unit_derive_test_enhanced_CFLAGS = $(TEST_CFLAGS)
tests_unit_derive_test_enhanced_LDADD = $(DERIVE_TEST_LIBS)

check_PROGRAMS += tests/unit/derive/test_seal
tests_unit_derive_test_seal_SOURCES = tests/unit/derive/test_seal.c $(derive_test_helpers)
nodist_EXTRA_tests_unit_derive_test_seal_SOURCES = dummy.cc
tests_unit_derive_test_seal_CFLAGS = $(TEST_CFLAGS)
tests_unit_derive_test_seal_LDADD = $(DERIVE_TEST_LIBS)

check_PROGRAMS += tests/unit/derive/test_template
tests_unit_derive_test_template_SOURCES = tests/unit/derive/test_template.c $(derive_test_helpers)
nodist_EXTRA_tests_unit_derive_test_template_SOURCES = dummy.cc
tests_unit_derive_test_template_CFLAGS = $(TEST_CFLAGS)
tests_unit_derive_test_template_LDADD = $(DERIVE_TEST_LIBS)
