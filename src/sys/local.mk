noinst_LIBRARIES += libsys.a
libsys_a_SOURCES = include/isovox/sys/clock.h include/isovox/sys/counters.h \
	include/isovox/sys/disk.h src/sys/counters.c \
	include/isovox/sys/file.h \
	include/isovox/sys/hash.h include/isovox/sys/log.h include/isovox/sys/stop.h \
	include/isovox/sys/wake.h src/sys/clock.c src/sys/disk.c src/sys/file.c src/sys/hash.c \
	src/sys/log.c src/sys/stop.c src/sys/tree.c src/sys/wake.c
libsys_a_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
EXTRA_DIST += src/sys/README.md

check_PROGRAMS += tests/unit/sys/test_sys
tests_unit_sys_test_sys_SOURCES = tests/unit/sys/test_sys.c
tests_unit_sys_test_sys_CFLAGS = $(TEST_CFLAGS)
tests_unit_sys_test_sys_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync,--wrap=rename
tests_unit_sys_test_sys_LDADD = libsys.a libbase.a $(CRYPTO_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/sys/test_disk
tests_unit_sys_test_disk_SOURCES = tests/unit/sys/test_disk.c
tests_unit_sys_test_disk_CFLAGS = $(TEST_CFLAGS)
tests_unit_sys_test_disk_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=statvfs
tests_unit_sys_test_disk_LDADD = libsys.a libbase.a $(CRYPTO_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/unit/sys/test_counters
tests_unit_sys_test_counters_SOURCES = tests/unit/sys/test_counters.c
tests_unit_sys_test_counters_CFLAGS = $(TEST_CFLAGS)
tests_unit_sys_test_counters_LDADD = libsys.a libbase.a $(CRYPTO_LIBS) $(CHECK_LIBS)
