noinst_LIBRARIES += liboutbox.a
liboutbox_a_SOURCES = include/isovox/outbox/outbox.h src/outbox/outbox.c
EXTRA_DIST += src/outbox/README.md

check_PROGRAMS += tests/unit/outbox/test_outbox
tests_unit_outbox_test_outbox_SOURCES = tests/unit/outbox/test_outbox.c
tests_unit_outbox_test_outbox_CFLAGS = $(TEST_CFLAGS)
tests_unit_outbox_test_outbox_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync,--wrap=rename
tests_unit_outbox_test_outbox_LDADD = liboutbox.a libsys.a libbase.a $(CRYPTO_LIBS) $(CHECK_LIBS)
