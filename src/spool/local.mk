noinst_LIBRARIES += libspool.a
libspool_a_SOURCES = include/isovox/spool/spool.h src/spool/format.h src/spool/segment.h \
	src/spool/format.c src/spool/reclaim.c src/spool/scan.c src/spool/segment.c src/spool/spool.c \
	src/spool/take.c src/spool/writer.c
EXTRA_DIST += src/spool/README.md

SPOOL_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/spool -I$(top_srcdir)/tests/unit/spool
SPOOL_TEST_LIBS = libspool.a libsys.a libbase.a $(CRYPTO_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/spool/test_spool
tests_unit_spool_test_spool_SOURCES = tests/unit/spool/rig.h tests/unit/spool/rig.c \
	tests/unit/spool/test_spool.c
tests_unit_spool_test_spool_CPPFLAGS = $(SPOOL_TEST_CPPFLAGS)
tests_unit_spool_test_spool_CFLAGS = $(TEST_CFLAGS)
tests_unit_spool_test_spool_LDADD = $(SPOOL_TEST_LIBS)

SPOOL_TEST_FAULTS = tests/unit/spool/faults.h tests/unit/spool/faults.c tests/unit/spool/rig.h \
	tests/unit/spool/rig.c
SPOOL_TEST_WRAP = -Wl,--wrap=pwrite,--wrap=pread,--wrap=fdatasync,--wrap=fsync \
	-Wl,--wrap=fallocate,--wrap=linkat,--wrap=fstatvfs
check_PROGRAMS += tests/unit/spool/test_crash tests/unit/spool/test_faults \
	tests/unit/spool/test_powercut
tests_unit_spool_test_powercut_SOURCES = $(SPOOL_TEST_FAULTS) tests/unit/spool/test_powercut.c
tests_unit_spool_test_powercut_CPPFLAGS = $(SPOOL_TEST_CPPFLAGS)
tests_unit_spool_test_powercut_CFLAGS = $(TEST_CFLAGS)
tests_unit_spool_test_powercut_LDFLAGS = $(AM_LDFLAGS) $(SPOOL_TEST_WRAP)
tests_unit_spool_test_powercut_LDADD = $(SPOOL_TEST_LIBS)
tests_unit_spool_test_crash_SOURCES = $(SPOOL_TEST_FAULTS) tests/unit/spool/test_crash.c
tests_unit_spool_test_crash_CPPFLAGS = $(SPOOL_TEST_CPPFLAGS)
tests_unit_spool_test_crash_CFLAGS = $(TEST_CFLAGS)
tests_unit_spool_test_crash_LDFLAGS = $(AM_LDFLAGS) $(SPOOL_TEST_WRAP)
tests_unit_spool_test_crash_LDADD = $(SPOOL_TEST_LIBS)
tests_unit_spool_test_faults_SOURCES = $(SPOOL_TEST_FAULTS) tests/unit/spool/test_faults.c
tests_unit_spool_test_faults_CPPFLAGS = $(SPOOL_TEST_CPPFLAGS)
tests_unit_spool_test_faults_CFLAGS = $(TEST_CFLAGS)
tests_unit_spool_test_faults_LDFLAGS = $(AM_LDFLAGS) $(SPOOL_TEST_WRAP)
tests_unit_spool_test_faults_LDADD = $(SPOOL_TEST_LIBS)

# make tests/bench/journal && tests/bench/journal DIR
EXTRA_PROGRAMS += tests/bench/journal
tests_bench_journal_SOURCES = tests/bench/journal.c
tests_bench_journal_LDADD = libspool.a libsys.a libbase.a $(CRYPTO_LIBS)
