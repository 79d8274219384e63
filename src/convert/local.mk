# convert: one source per line.
noinst_LIBRARIES += libconvert.a
libconvert_a_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS)
libconvert_a_SOURCES =
libconvert_a_SOURCES += include/isovox/convert/convert.h
libconvert_a_SOURCES += src/convert/lease.c
libconvert_a_SOURCES += src/convert/publish.c
libconvert_a_SOURCES += src/convert/role.c
libconvert_a_SOURCES += src/convert/sandbox.c
libconvert_a_SOURCES += src/convert/sandbox.h
libconvert_a_SOURCES += src/convert/work.c
libconvert_a_SOURCES += src/convert/worker.h
EXTRA_DIST += src/convert/README.md
libconvert_a_SOURCES += include/isovox/convert/conversion.h
libconvert_a_SOURCES += include/isovox/convert/threads.h
libconvert_a_SOURCES += src/convert/feed.c
libconvert_a_SOURCES += src/convert/conversion.c
libconvert_a_SOURCES += src/convert/crew.c
libconvert_a_SOURCES += src/convert/dicom.c src/convert/enhanced.c
libconvert_a_SOURCES += src/convert/digests.c
libconvert_a_SOURCES += include/isovox/convert/manifest.h
libconvert_a_SOURCES += src/convert/manifest.c
libconvert_a_SOURCES += src/convert/manifest.h
libconvert_a_SOURCES += src/convert/manifest_check.c
libconvert_a_SOURCES += src/convert/manifest_sampling.c
libconvert_a_SOURCES += src/convert/manifest_source.c
libconvert_a_SOURCES += src/convert/native.c
libconvert_a_SOURCES += src/convert/nifti.c
libconvert_a_SOURCES += src/convert/parts.h
libconvert_a_SOURCES += src/convert/part.c
libconvert_a_SOURCES += src/convert/passes.c
libconvert_a_SOURCES += src/convert/pipe.c
libconvert_a_SOURCES += src/convert/prepare.c
libconvert_a_SOURCES += src/convert/range.c
libconvert_a_SOURCES += src/convert/raw.c
libconvert_a_SOURCES += src/convert/reference.c
libconvert_a_SOURCES += src/convert/run.h
libconvert_a_SOURCES += src/convert/seal.c
libconvert_a_SOURCES += src/convert/storing.c

CONVERSION_TEST_LIBS = libconvert.a librecipes.a $(DERIVE_TEST_LIBS) $(CJSON_LIBS) $(ZLIB_LIBS) -lpthread
check_PROGRAMS += tests/unit/convert/test_conversion
tests_unit_convert_test_conversion_SOURCES = tests/unit/convert/test_conversion.c \
	tests/unit/derive/series.c tests/unit/derive/series.h
nodist_EXTRA_tests_unit_convert_test_conversion_SOURCES = dummy.cc
tests_unit_convert_test_conversion_CPPFLAGS = $(AM_CPPFLAGS) $(CJSON_CFLAGS) \
	-I$(top_srcdir)/src/convert
tests_unit_convert_test_conversion_CFLAGS = $(TEST_CFLAGS)
tests_unit_convert_test_conversion_LDADD = $(CONVERSION_TEST_LIBS)
check_PROGRAMS += tests/unit/convert_role/test_role
tests_unit_convert_role_test_role_SOURCES = tests/unit/convert_role/test_role.c \
	tests/unit/plan/part10.c tests/unit/plan/part10.h
nodist_EXTRA_tests_unit_convert_role_test_role_SOURCES = dummy.cc
tests_unit_convert_role_test_role_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/src/convert \
	-I$(srcdir)/tests/unit/plan
tests_unit_convert_role_test_role_CFLAGS = $(TEST_CFLAGS)
tests_unit_convert_role_test_role_LDADD = libconvert.a librecipes.a libderive.a libassemble.a libdicom.a \
	libcore.a liboutbox.a libcatalogue.a libspool.a libconfig.a libsys.a libbase.a \
	$(CJSON_LIBS) $(SQLITE_LIBS) $(CONFUSE_LIBS) $(DCMTK_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) \
	$(CHECK_LIBS)

check_PROGRAMS += tests/unit/convert_role/test_sandbox
tests_unit_convert_role_test_sandbox_SOURCES = tests/unit/convert_role/test_sandbox.c
nodist_EXTRA_tests_unit_convert_role_test_sandbox_SOURCES = dummy.cc
tests_unit_convert_role_test_sandbox_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/src/convert
tests_unit_convert_role_test_sandbox_CFLAGS = $(TEST_CFLAGS)
tests_unit_convert_role_test_sandbox_LDADD = $(tests_unit_convert_role_test_role_LDADD)

check_PROGRAMS += tests/unit/convert/test_threads
tests_unit_convert_test_threads_SOURCES = tests/unit/convert/test_threads.c
nodist_EXTRA_tests_unit_convert_test_threads_SOURCES = dummy.cc
tests_unit_convert_test_threads_CPPFLAGS = $(tests_unit_convert_test_conversion_CPPFLAGS)
tests_unit_convert_test_threads_CFLAGS = $(TEST_CFLAGS)
tests_unit_convert_test_threads_LDADD = $(CONVERSION_TEST_LIBS)
check_PROGRAMS += tests/unit/convert/test_feed
tests_unit_convert_test_feed_SOURCES = tests/unit/convert/test_feed.c \
	tests/unit/derive/series.c tests/unit/derive/series.h
nodist_EXTRA_tests_unit_convert_test_feed_SOURCES = dummy.cc
tests_unit_convert_test_feed_CPPFLAGS = $(tests_unit_convert_test_conversion_CPPFLAGS)
tests_unit_convert_test_feed_CFLAGS = $(TEST_CFLAGS)
tests_unit_convert_test_feed_LDADD = $(CONVERSION_TEST_LIBS)
